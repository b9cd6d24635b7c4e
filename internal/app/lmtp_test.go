package app

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

// TestPostfixHandsOverByLMTP has a real Postfix in front of the house, by a socket and by TCP: what it takes while the house is away waits
// there and arrives once, a name that nobody has is refused alone, and every mail of a rush is taken in.
func TestPostfixHandsOverByLMTP(t *testing.T) {
	mailtest.Need(t, "swaks")
	for _, network := range []string{"unix", "inet"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, "sqlite")
			to := "inet:" + freePort(t)
			h.Config.LMTP = strings.TrimPrefix(to, "inet:")
			if network == "unix" {
				to = "unix:" + filepath.Join(postfixFolder(t), "lmtp")
				h.Config.LMTP = to
			}
			_, domain, _ := strings.Cut(teamAddress, "@")
			p := mailtest.NewPostfix(t, domain, to)
			const crowd = teamAddress + ",report+unknowntag@cert.valmora.example,nobody@cert.valmora.example"
			if said, err := mailtest.Swaks(t, p.Addr, "--from", "lena@water.example", "--to", crowd, "--header", "Subject: While you were away", "--body", ".\n..two dots\nend"); err != nil {
				t.Fatalf("swaks: %v\n%s", err, said)
			}
			h.eventually("a mail that waits in front of the house", func() bool { return p.Hands("deferred") >= 3 })
			h.serve()
			p.Flush()
			h.eventually("three answers", func() bool { return p.Hands("sent") == 2 && p.Hands("bounced") == 1 })
			if !strings.Contains(p.Log(), "550 5.1.1 no mailbox of that name here") {
				t.Errorf("why a name was refused is not in the log of Postfix:\n%s", p.Log())
			}
			const rush = 40
			if out, err := exec.Command(mailtest.Need(t, "smtp-source"), "-4", "-m", strconv.Itoa(rush), "-s", "8", "-f", "rush@away.example", "-t", teamAddress, "-S", "A rush", p.Addr).CombinedOutput(); err != nil {
				t.Fatalf("smtp-source: %v\n%s", err, out)
			}
			h.eventually("forty answers", func() bool { return p.Hands("sent") == 2+rush })
			h.eventually("every report, once", func() bool {
				n := h.summaries()
				return n["While you were away"] == 1 && n["A rush"] == rush
			})
			var report string
			list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 100})
			h.must(err)
			for _, r := range list.Items {
				if r.Body.Summary == "While you were away" {
					report = r.Body.Description
				}
				if r.Proof == correspondence.Forged {
					t.Error("Postfix itself counts as a forger")
				}
			}
			if !strings.HasPrefix(report, ".\n..two dots\nend") {
				t.Errorf("the dots are not as they were: %q", report)
			}
		})
	}
}

// postfixFolder is one whose sockets are open to Postfix, as the operator's handbook makes it.
func postfixFolder(t *testing.T) string {
	t.Helper()
	dir := mailtest.Folder(t, "lmtp")
	if g, err := user.LookupGroup("postfix"); err == nil && os.Geteuid() == 0 {
		gid, _ := strconv.Atoi(g.Gid)
		if err := os.Chown(dir, -1, gid); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o750|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	return dir
}
