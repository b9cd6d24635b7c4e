package imap

import (
	"encoding/base64"
	"net/url"
	"os"
	"strings"
	"unicode/utf16"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Parse reads imaps://user@host[:port]/MAILBOX and imap://… (STARTTLS); default ports are 993 and 143, the default mailbox is INBOX. A user with an
// @ is written with %40 or as it is. Then is move:FOLDER, flag or delete. No text of an error holds the user.
func Parse(address, then string) (Config, error) {
	bad := errs.New(errs.Invalid, "a mailbox is written imaps://user@host/INBOX or imap://user@host/INBOX, without a password")
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User == nil || u.User.Username() == "" || u.RawQuery != "" || u.Fragment != "" {
		return Config{}, bad
	}
	if _, has := u.User.Password(); has {
		return Config{}, errs.New(errs.Invalid, "a password does not belong into the address: put it into a file and name that")
	}
	c := Config{Host: u.Hostname(), Port: u.Port(), User: u.User.Username(), Mailbox: strings.TrimPrefix(u.Path, "/")}
	switch u.Scheme {
	case "imap":
		or(&c.Port, "143")
	case "imaps":
		c.TLS = true
		or(&c.Port, "993")
	default:
		return Config{}, bad
	}
	or(&c.Mailbox, "INBOX")
	if strings.ContainsFunc(c.Mailbox+c.User, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Config{}, bad
	}
	verb, folder, _ := strings.Cut(then, ":")
	switch {
	case verb == "move" && folder != "" && folder != c.Mailbox && !strings.ContainsFunc(folder, func(r rune) bool { return r < ' ' || r == 0x7f }):
		c.Then, c.Folder = Move, folder
	case then == "flag":
		c.Then = Flag
	case then == "delete":
		c.Then = Delete
	default:
		return Config{}, errs.New(errs.Invalid, "what becomes of fetched mail is move:FOLDER (another than the mailbox), flag or delete")
	}
	return c, nil
}

// PasswordFile gives the first line of a file, read anew each time.
func PasswordFile(path string) func() (id.Secret, error) {
	return func() (id.Secret, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return id.Secret{}, err
		}
		line, _, _ := strings.Cut(string(b), "\n")
		if line = strings.TrimRight(line, "\r"); line == "" {
			return id.Secret{}, errs.New(errs.Invalid, "the password file is empty")
		}
		return id.SecretOf(line), nil
	}
}

// encode writes the name of a folder in the UTF-7 of IMAP (RFC 3501, section 5.1.3).
func encode(name string) string {
	var b strings.Builder
	var wide []uint16
	flush := func() {
		if len(wide) == 0 {
			return
		}
		raw := make([]byte, 0, 2*len(wide))
		for _, w := range wide {
			raw = append(raw, byte(w>>8), byte(w))
		}
		b.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(raw), "/", ",") + "-")
		wide = nil
	}
	for _, r := range name {
		if r < ' ' || r > '~' {
			wide = utf16.AppendRune(wide, r)
			continue
		}
		flush()
		if b.WriteRune(r); r == '&' {
			b.WriteByte('-')
		}
	}
	flush()
	return b.String()
}
