package mailtest

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// Dovecot is a mail server with one mailbox.
type Dovecot struct {
	t        testing.TB
	dir      string
	log      string
	uid      int
	n        atomic.Int64
	Addr     string // IMAP with STARTTLS
	TLSAddr  string // IMAP under TLS from the first byte
	CertFile string
	Roots    *x509.CertPool
	Password string // of anybody
	end      func()
	command  func() *exec.Cmd
}

// NewDovecot starts one. Everybody has the same mailbox.
func NewDovecot(t testing.TB) *Dovecot {
	t.Helper()
	program := Need(t, "dovecot")
	dir := Folder(t, "dovecot")
	d := &Dovecot{t: t, dir: dir, log: filepath.Join(dir, "log"), uid: os.Geteuid(), Addr: FreePort(t), TLSAddr: FreePort(t), Password: "open-sesame-7"}
	cert, key := Certificate(t, dir)
	d.CertFile = cert
	d.Roots = x509.NewCertPool()
	d.Roots.AppendCertsFromPEM([]byte(read(cert)))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	login, internal := me.Username, me.Username
	if d.uid == 0 {
		login, internal, d.uid = "dovenull", "dovecot", 65534
	}
	for _, sub := range []string{"mail/new", "mail/cur", "mail/tmp", "home", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"mail", "mail/new", "mail/cur", "mail/tmp", "home"} {
		if err := os.Chown(filepath.Join(dir, sub), d.uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := net.SplitHostPort(d.Addr)
	_, secure, _ := net.SplitHostPort(d.TLSAddr)
	conf := write(t, filepath.Join(dir, "dovecot.conf"), lines(
		"protocols = imap", "listen = 127.0.0.1", "base_dir = "+dir+"/run", "log_path = "+d.log, "ssl = yes", "ssl_cert = <"+cert, "ssl_key = <"+key, "disable_plaintext_auth = yes",
		"auth_failure_delay = 0", "mail_location = maildir:"+dir+"/mail", "first_valid_uid = 1", "maildir_very_dirty_syncs = no", "mailbox_idle_check_interval = 1s",
		"default_internal_user = "+internal, "default_login_user = "+login, "passdb {\n driver = static\n args = password="+d.Password+"\n}",
		fmt.Sprintf("userdb {\n driver = static\n args = uid=%d gid=%d home=%s/home\n}", d.uid, max(os.Getegid(), 1), dir),
		"service imap-login {\n chroot =\n inet_listener imap {\n port = "+port+"\n }\n inet_listener imaps {\n port = "+secure+"\n ssl = yes\n }\n}",
		"service anvil {\n chroot =\n}", "service imap-urlauth-login {\n chroot =\n}",
	), 0o644)
	d.command = func() *exec.Cmd { return exec.Command(program, "-F", "-c", conf) }
	d.Start()
	return d
}

// Start starts it again after Stop.
func (d *Dovecot) Start() {
	d.t.Helper()
	d.end = daemon(d.t, d.Addr, d.command(), func() string { return read(d.log) })
}

// Stop ends it and every connection.
func (d *Dovecot) Stop() { d.end() }

// Deliver puts a mail into the mailbox as a delivery agent does: it is there whole when Deliver returns nil.
func (d *Dovecot) Deliver(raw string) error {
	name := fmt.Sprintf("%d.%s.test", d.n.Add(1), strconv.Itoa(os.Getpid()))
	tmp := filepath.Join(d.dir, "mail/tmp", name)
	if err := os.WriteFile(tmp, []byte(raw), 0o644); err != nil {
		return err
	}
	if err := os.Chown(tmp, d.uid, -1); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(d.dir, "mail/new", name))
}

// Count gives the number of mails in a folder, "" for the inbox, and how many of them are marked by a letter of Maildir (S seen, T deleted).
func (d *Dovecot) Count(folder, flag string) (all, marked int) {
	dir := filepath.Join(d.dir, "mail")
	if folder != "" {
		dir = filepath.Join(dir, "."+folder)
	}
	for _, sub := range []string{"new", "cur"} {
		list, _ := filepath.Glob(filepath.Join(dir, sub, "*")) // a folder that is not there is empty
		all += len(list)
		for _, f := range list {
			if _, flags, ok := strings.Cut(filepath.Base(f), ":2,"); ok && strings.Contains(flags, flag) && flag != "" {
				marked++
			}
		}
	}
	return all, marked
}

// Renumber makes the mailbox anew in the eyes of its readers: another UIDVALIDITY for the same mails.
func (d *Dovecot) Renumber() {
	d.t.Helper()
	d.Stop()
	files, _ := filepath.Glob(filepath.Join(d.dir, "mail/dovecot*"))
	for _, f := range files {
		if err := os.RemoveAll(f); err != nil {
			d.t.Fatal(err)
		}
	}
	write(d.t, filepath.Join(d.dir, "mail/dovecot-uidlist"), "3 V4000000000 N100\n", 0o644)
	if err := os.Chown(filepath.Join(d.dir, "mail/dovecot-uidlist"), d.uid, -1); err != nil {
		d.t.Fatal(err)
	}
	d.Start()
}
