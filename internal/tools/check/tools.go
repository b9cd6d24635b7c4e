package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// tool is a program from outside that some tests need.
type tool struct {
	name  string
	deb   string // package on Debian and Ubuntu; their release pins the version
	found func() bool
}

// inPath tells whether all of these programs are there. Servers lie in /usr/sbin, which is not in everybody's path.
func inPath(names ...string) func() bool {
	return func() bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			_, err := exec.LookPath(name)
			_, server := os.Stat("/usr/sbin/" + name)
			return err != nil && server != nil
		})
	}
}

var outside = []tool{
	{"PostgreSQL", "postgresql", func() bool { return pgtest.Available() == nil }},
	{"Chromium", "chromium-headless-shell", func() bool { _, err := browsertest.Find(); return err == nil }},
	{"GnuPG", "gnupg gpgsm", inPath("gpg", "gpgsm")},
	{"Sequoia", "sq", inPath("sq")},
	{"OpenSSL", "openssl", inPath("openssl")},
	{"Poppler", "poppler-utils", inPath("pdfsig", "pdftotext", "pdfinfo")},
	{"swaks", "swaks libnet-ssleay-perl", inPath("swaks")},
	{"Postfix", "postfix", inPath("postfix", "smtp-source")},
	{"Dovecot", "dovecot-imapd", inPath("dovecot")},
	{"systemd-analyze", "systemd", inPath("systemd-analyze")},
	{"C compiler for the race detector", "gcc libc6-dev", inPath("gcc")},
}

// tools installs what is missing, when it may, and says what stays missing.
func (r *run) tools() {
	if missing := lacking(); len(missing) > 0 {
		r.do("install tools", func(ctx context.Context) error {
			if err := install(ctx, missing); err != nil {
				fmt.Println("not installed:", err)
			}
			return nil
		})
	}
	for _, t := range lacking() {
		r.leave(t.name, "not installed here (apt-get install "+t.deb+")")
	}
}

func lacking() (missing []tool) {
	for _, t := range outside {
		if !t.found() {
			missing = append(missing, t)
		}
	}
	return missing
}

// install asks apt, as root or by sudo without a password; elsewhere it does nothing and says so.
func install(ctx context.Context, missing []tool) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("this is not Debian or Ubuntu")
	}
	var as []string
	if os.Geteuid() != 0 {
		if exec.CommandContext(ctx, "sudo", "-n", "true").Run() != nil {
			return fmt.Errorf("neither root nor sudo without a password")
		}
		as = []string{"sudo", "-n"}
	}
	apt := func(words ...string) error {
		line := append(append(as, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"), words...)
		out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", words[0], err, tail(out, 10))
		}
		return nil
	}
	if err := apt("update"); err != nil {
		fmt.Println(err) // old lists may do
	}
	var first error
	for _, t := range missing {
		if _, err := os.Stat("/usr/sbin/sendmail"); err == nil && t.deb == "postfix" {
			fmt.Println("not installing postfix: it would take the place of this machine's mail server")
			continue
		}
		// One by one: what exists is installed even when another has no package here.
		fmt.Println("installing", t.deb)
		if err := apt(append([]string{"install", "--no-install-recommends"}, strings.Fields(t.deb)...)...); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func tail(out []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
