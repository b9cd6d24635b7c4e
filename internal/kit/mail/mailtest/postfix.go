package mailtest

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// Postfix is a mail server of the team's own.
type Postfix struct {
	t    testing.TB
	conf string
	Addr string // where it takes mail by SMTP
	log  string
}

// NewPostfix starts one for a domain whose mail it hands on by LMTP to "inet:127.0.0.1:2424" or "unix:/path". Mail for every other domain is dropped.
// It must be root, since Postfix changes users.
func NewPostfix(t testing.TB, domain, lmtp string) *Postfix {
	t.Helper()
	postfix, master := Need(t, "postfix"), Need(t, "master")
	if os.Geteuid() != 0 {
		NotRun(t, "Postfix starts as root only")
	}
	dir := Folder(t, "postfix")
	p := &Postfix{t: t, conf: filepath.Join(dir, "conf"), Addr: FreePort(t), log: filepath.Join(dir, "log")}
	for _, d := range []string{p.conf, dir + "/queue", dir + "/lib"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	if err := os.Chown(dir+"/lib", uid, -1); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(p.Addr)
	sbin := filepath.Dir(master)
	write(t, p.conf+"/main.cf", lines(
		"compatibility_level = 3.6", "queue_directory = "+dir+"/queue", "data_directory = "+dir+"/lib", "daemon_directory = "+sbin, "command_directory = "+filepath.Dir(postfix),
		"mail_owner = postfix", "setgid_group = postdrop", "maillog_file = "+p.log, "maillog_file_prefixes = /", "syslog_name = postfix-"+filepath.Base(dir),
		"myhostname = mx."+domain, "mydestination =", "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "mynetworks = 127.0.0.0/8", "smtpd_relay_restrictions = permit_mynetworks, reject",
		"default_transport = discard:", "relay_transport = discard:", "transport_maps = inline:{ {"+domain+"=lmtp:"+lmtp+"} }", "recipient_delimiter = +",
		"minimal_backoff_time = 1s", "maximal_backoff_time = 1s", "queue_run_delay = 1s", "lmtp_destination_recipient_limit = 50", "lmtp_destination_concurrency_limit = 4",
		"smtpd_peername_lookup = no", "disable_dns_lookups = yes", "lmtp_host_lookup = native", "alias_maps =", "alias_database =", "local_recipient_maps =", "mailbox_size_limit = 0", "message_size_limit = 52428800",
	), 0o644)
	write(t, p.conf+"/master.cf", lines(
		"127.0.0.1:"+port+" inet n - n - - smtpd", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 1 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
		"trace unix - - n - 0 bounce", "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp", "lmtp unix - - n - - lmtp", "discard unix - - n - - discard", "error unix - - n - - error", "retry unix - - n - - error",
		"showq unix n - n - - showq", "flush unix n - n 1000? 0 flush", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd", "pickup unix n - n 1 1 pickup", "verify unix - - n - 1 verify", "tlsmgr unix - - n 1000? 1 tlsmgr",
	), 0o644)
	if out, err := exec.Command(postfix, "-c", p.conf, "check").CombinedOutput(); err != nil {
		t.Fatalf("postfix check: %v\n%s", err, out)
	}
	daemon(t, p.Addr, exec.Command(master, "-c", p.conf, "-d"), p.Log)
	return p
}

// Log is what it wrote so far.
func (p *Postfix) Log() string { return read(p.log) }

// Flush tries again at once what waits.
func (p *Postfix) Flush() {
	p.t.Helper()
	if out, err := exec.Command(Need(p.t, "postqueue"), "-c", p.conf, "-f").CombinedOutput(); err != nil {
		p.t.Fatalf("postqueue: %v\n%s", err, out)
	}
}

// Hands counts the deliveries by LMTP that ended as told: sent, deferred, bounced.
func (p *Postfix) Hands(status string) int {
	return len(regexp.MustCompile(`/lmtp\[\d+\]: .* status=`+status).FindAllString(p.Log(), -1))
}
