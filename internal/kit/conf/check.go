package conf

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// mistakes gathers what is wrong, a line each.
type mistakes []string

func (m *mistakes) add(name, where, text string) {
	if where != "" {
		name += " (" + where + ")"
	}
	*m = append(*m, name+": "+text)
}

func (m mistakes) err() error {
	if len(m) == 0 {
		return nil
	}
	return errs.New(errs.Invalid, "the configuration has mistakes:\n  "+strings.Join(m, "\n  "))
}

// Check names every mistake at once: values that cannot be, values that do not fit together, passwords in flags, and names that nobody
// reads. The kind is Invalid. Values of addresses that may hold a password are not in the text.
func (c Config) Check(src *Sources) error {
	m := src.mistakes()
	say := func(name, text string) { m.add(name, src.Where(name), text) }

	if strings.TrimSpace(c.Data) == "" {
		say("TOCSIN_DATA", "is empty: name a folder")
	}
	if off(c.HTTP) {
		say("TOCSIN_HTTP", "is empty: the pages need a listener")
	}
	for _, l := range c.listeners() {
		if rest, ok := strings.CutPrefix(l.value, "off,"); ok {
			if text := urlProblem(rest); text != "" {
				say(l.name, text)
			}
		} else if !off(l.value) {
			if text := listenerProblem(l.value, l.name == "TOCSIN_LMTP", strings.HasSuffix(l.name, "_HTTP") && l.name != "TOCSIN_HTTP"); text != "" {
				say(l.name, text)
			}
		}
	}
	if text := c.twice(); text != "" {
		m.add("listeners", "", text)
	}
	if c.URL != "" {
		if text := urlProblem(c.URL); text != "" {
			say("TOCSIN_URL", text)
		}
	}
	if _, err := prefixes(c.TrustedProxies); err != nil {
		say("TOCSIN_TRUSTED_PROXIES", err.Error())
	}
	if _, err := prefixes(c.Inside); err != nil {
		say("TOCSIN_INSIDE", err.Error())
	}
	if _, err := prefixes(c.MailRelays); err != nil {
		say("TOCSIN_MAIL_RELAYS", err.Error())
	}
	if strings.ContainsAny(c.AuthservID, " \t;\"") {
		say("TOCSIN_AUTHSERV_ID", fmt.Sprintf("%q is no name such as mx.csirt.example", c.AuthservID))
	}
	if c.AuthservID != "" && c.MailRelays == "" && off(c.LMTP) && !c.IMAP.Set() {
		say("TOCSIN_AUTHSERV_ID", "counts only for mail that comes by LMTP, from a mailbox or from TOCSIN_MAIL_RELAYS: name these servers")
	}
	if _, err := users(c.KeyUsers); err != nil {
		say("TOCSIN_KEY_USERS", err.Error())
	}
	if c.Blobs.Set() {
		say("TOCSIN_BLOBS", "object stores are not built yet: leave it out, and files stay in the data folder")
	}
	c.checkMailbox(say)
	for _, e := range []struct {
		name    string
		value   Endpoint
		schemes []string
	}{
		{"TOCSIN_DATABASE", c.Database, []string{"postgres", "postgresql"}},
		{"TOCSIN_RELAY", c.Relay, []string{"smtp", "smtps"}},
		{"TOCSIN_EXIT", c.Exit, []string{"http", "https"}},
		{"TOCSIN_LOOK_EXIT", c.LookExit, []string{"http", "https", "socks5"}},
		{"TOCSIN_LOOK_RESOLVER", c.LookResolver, []string{"https"}},
	} {
		if !e.value.Set() {
			continue
		}
		u, err := url.Parse(e.value.text)
		switch {
		case err != nil || !slices.Contains(e.schemes, u.Scheme):
			say(e.name, "must begin with "+strings.Join(e.schemes, ":// or ")+"://")
		case u.Hostname() == "" && !u.Query().Has("host"):
			say(e.name, "names no host: write "+u.Scheme+"://HOST")
		}
		if e.value.secret() && src.Where(e.name) == fromFlag {
			say(e.name, "holds a password, which everybody on this machine can read in a flag: use the environment or a file")
		}
	}
	if c.LookResolver.Set() && !c.LookExit.Set() {
		say("TOCSIN_LOOK_RESOLVER", "is reached through TOCSIN_LOOK_EXIT: give that too, or leave this out")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		m.add("TOCSIN_TLS_CERT, TOCSIN_TLS_KEY", "", "give both or neither")
	}
	for _, f := range []named{{"TOCSIN_TLS_CERT", c.TLSCert}, {"TOCSIN_TLS_KEY", c.TLSKey}} {
		if f.value != "" {
			if text := fileProblem(f.value); text != "" {
				say(f.name, text)
			}
		}
	}
	if inside(c.RootKeyFile(), c.Data) {
		say("TOCSIN_ROOT_KEY", "lies in the data folder: who steals the data would have the key too")
	}
	if c.Zone != "" {
		if _, err := time.LoadLocation(c.Zone); err != nil {
			say("TOCSIN_ZONE", fmt.Sprintf("%q is no time zone, such as Europe/Brussels", c.Zone))
		}
	}
	return m.err()
}

func (c Config) checkMailbox(say func(name, text string)) {
	if !c.IMAP.Set() {
		if c.IMAPPassword != "" || c.IMAPRoots != "" {
			say("TOCSIN_IMAP", "is empty, and the mailbox has a password or a certificate: name it")
		}
		return
	}
	if _, err := c.Mailbox(); err != nil {
		say("TOCSIN_IMAP", err.Error())
	}
	if c.IMAPPassword == "" {
		say("TOCSIN_IMAP_PASSWORD_FILE", "names no file: the mailbox needs a password")
	} else if text := fileProblem(c.IMAPPassword); text != "" {
		say("TOCSIN_IMAP_PASSWORD_FILE", text)
	}
}

// twice finds two listeners on one address; port 0 is free each time.
func (c Config) twice() string {
	seen := map[string]string{}
	for _, l := range c.listeners() {
		addr, _, _ := strings.Cut(l.value, ",")
		if off(l.value) || strings.HasSuffix(addr, ":0") {
			continue
		}
		if other := seen[addr]; other != "" {
			return other + " and " + l.name + " share " + addr
		}
		seen[addr] = l.name
	}
	return ""
}

func listenerProblem(s string, unix, public bool) string {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if !unix || path == "" {
			return "cannot be a socket file here"
		}
		return ""
	}
	addr, address, two := strings.Cut(s, ",")
	if two && !public {
		return fmt.Sprintf("%q is not one address", s)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Sprintf("%q is no address and port, such as 127.0.0.1:8080", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Sprintf("%q is no port between 0 and 65535", port)
	}
	if strings.ContainsAny(host, " /@") {
		return fmt.Sprintf("%q is no host", host)
	}
	if two {
		return urlProblem(address)
	}
	return ""
}

func urlProblem(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return "is no address such as https://csirt.example"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "must be scheme and host only, without path, user or query"
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		return "must begin with https:// unless it is this machine"
	}
	return ""
}

func prefixes(list string) ([]netip.Prefix, error) {
	var found []netip.Prefix
	var wrong []string
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if a, err := netip.ParseAddr(word); err == nil {
			found = append(found, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		} else if p, err := netip.ParsePrefix(word); err == nil {
			found = append(found, p.Masked())
		} else {
			wrong = append(wrong, strconv.Quote(word))
		}
	}
	if len(wrong) > 0 {
		return found, fmt.Errorf("%s: no address or prefix, such as 10.0.0.0/8", strings.Join(wrong, ", "))
	}
	return found, nil
}

// users reads names and numbers of users.
func users(list string) ([]uint32, error) {
	var found []uint32
	var wrong []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		number := word
		if u, err := user.Lookup(word); err == nil {
			number = u.Uid
		}
		if n, err := strconv.ParseUint(number, 10, 32); err == nil {
			found = append(found, uint32(n))
		} else {
			wrong = append(wrong, strconv.Quote(word))
		}
	}
	if len(wrong) > 0 {
		return found, fmt.Errorf("%s: no user of this machine", strings.Join(wrong, ", "))
	}
	return found, nil
}

func fileProblem(path string) string {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Sprintf("%q cannot be read", path)
	case !st.Mode().IsRegular():
		return fmt.Sprintf("%q is no file", path)
	}
	return ""
}

// inside tells whether the file lies in the folder or below it, through links too.
func inside(file, folder string) bool {
	rel, err := filepath.Rel(real(folder), real(file))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// real follows links as far as the path exists.
func real(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if p, err := filepath.EvalSymlinks(abs); err == nil {
		return p
	}
	if up := filepath.Dir(abs); up != abs {
		return filepath.Join(real(up), filepath.Base(abs))
	}
	return abs
}
