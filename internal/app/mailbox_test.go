package app

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

// mailbox lets the house fetch from a server.
func (h *house) mailbox(d *mailtest.Dovecot) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "password")
	h.must(os.WriteFile(file, []byte(d.Password+"\n"), 0o600))
	h.Config.IMAP = conf.EndpointOf("imap://report%40cert.valmora.example@" + d.Addr + "/INBOX")
	h.Config.IMAPPassword, h.Config.IMAPRoots = file, d.CertFile
}

// TestAMailboxIsARoadIn fetches from a real Dovecot: who sent a mail is judged by what our own server wrote on top of it, its tag files an answer, the time
// of the mailbox counts, a bounce is nobody's report to answer; and how it stands shows on the page, to doctor and in the numbers.
func TestAMailboxIsARoadIn(t *testing.T) {
	h := newHouse(t, "sqlite")
	d := mailtest.NewDovecot(t)
	h.mailbox(d)
	h.Config.AuthservID = "mx.cert.valmora.example"
	const lena, rui = "lena@water.example", "rui@hospital.example"
	h.organisation("Water works", "en", "Lena Roth", lena, nil)
	ours := "Return-Path: <" + lena + ">\r\nDelivered-To: " + teamAddress + "\r\nAuthentication-Results: mx.cert.valmora.example; dmarc=pass header.from=water.example\r\n"
	h.must(d.Deliver(ours + head(lena, teamAddress, "Pumps stopped") + "\r\nThey stopped.\r\n"))
	h.must(d.Deliver("Return-Path: <" + rui + ">\r\nAuthentication-Results: mx.elsewhere.example; dmarc=pass header.from=hospital.example\r\n" + head(rui, "all@list.example", "Said by another") + "\r\nText\r\n"))
	h.serve()
	find := func(summary string) (found intake.Report) {
		h.eventually(summary, func() bool {
			list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 50})
			h.must(err)
			for _, r := range list.Items {
				if r.Body.Summary == summary {
					found = r
				}
			}
			return found.UID != ""
		})
		return found
	}
	first, second := find("Pumps stopped"), find("Said by another")
	if first.Proof != correspondence.Aligned || second.Proof.Proved() {
		t.Errorf("proved by %v and %v", first.Proof, second.Proof)
	}
	receipt := h.letter(lena)
	if n := len(h.sent(rui)); n != 0 {
		t.Errorf("%d letters to who is not proved", n)
	}
	to := h.one(`<(report\+[a-z0-9]+@cert\.valmora\.example)>`, receipt)
	h.must(d.Deliver(strings.Replace(ours, teamAddress, to, 1) + head(lena, to, "Re: your report") + "\r\nThe pumps run again.\r\n"))
	h.eventually("the answer on its thread", func() bool {
		list, err := h.Correspondence.Messages(t.Context(), h.DB, sample(), first.Thread)
		h.must(err)
		for _, m := range list {
			if strings.Contains(m.Body.Text, "The pumps run again") {
				return m.State == correspondence.Filed
			}
		}
		return false
	})
	h.eventually("a tidy mailbox", func() bool { n, _ := d.Count("", ""); moved, _ := d.Count("Tocsin", ""); return n == 0 && moved == 3 })
	if n := h.summaries(); len(n) != 2 {
		t.Errorf("reports: %v", n)
	}
	root := h.person(access.Admin, "root@cert.valmora.example", "")
	if page := plain(root.page("/desk/admin/mail")); !strings.Contains(page, h.Text.For("en").T("desk.admin.mailbox.well")) || strings.Contains(page, d.Password) {
		t.Errorf("the page of mail: %s", page)
	}
	well := func() (ok bool, note string) {
		for _, c := range h.Doctor(t.Context()) {
			if c.Name == "mailbox" {
				ok, note = c.OK, c.Note
			}
		}
		return ok, note
	}
	if ok, note := well(); !ok {
		t.Errorf("doctor: %s", note)
	}
	d.Stop()
	h.eventually("trouble that shows", func() bool { ok, note := well(); return !ok && strings.Contains(note, "does not answer") })
	if page := plain(root.page("/desk/admin/mail")); !strings.Contains(page, h.Text.For("en").T("desk.admin.mailbox.trouble.unreachable")) {
		t.Errorf("the page of mail: %s", page)
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Get("http://" + h.Config.Metrics + "/metrics")
	h.must(err)
	defer res.Body.Close()
	numbers, err := io.ReadAll(res.Body)
	h.must(err)
	for _, line := range []string{"tocsin_mailbox_trouble 1", "tocsin_mailbox_waiting 0", "tocsin_mailbox_too_large 0"} {
		if !strings.Contains(string(numbers), "\n"+line+"\n") {
			t.Errorf("the numbers lack %q", line)
		}
	}
	if strings.Contains(h.log.String(), "report@") || strings.Contains(h.log.String(), d.Password) {
		t.Error("the log names the mailbox")
	}
}
