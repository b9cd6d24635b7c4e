package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

// TestSwaksDrivesTheRoads sends as swaks does: in clear and under STARTTLS, each command waited for and pipelined, with a file, with dots, by LMTP over TCP; what is
// refused or cut off leaves nothing, and what was accepted is there once with what the connection was.
func TestSwaksDrivesTheRoads(t *testing.T) {
	h := newHouse(t, "sqlite")
	dir := t.TempDir()
	h.Config.TLSCert, h.Config.TLSKey = mailtest.Certificate(t, dir)
	h.Config.LMTP = freePort(t)
	h.serve()
	file := filepath.Join(dir, "capture.bin")
	h.must(os.WriteFile(file, []byte(strings.Repeat("\x00\xff\r\n.\r\n", 40_000)), 0o600))
	base := []string{"--from", "lena@water.example", "--to", teamAddress, "--body", ".\n..\nlast"}
	for _, c := range []struct {
		name, addr, says string
		args             []string
		kept, tls        bool
	}{
		{"in clear", h.Config.SMTP, "250 2.0.0 Accepted", nil, true, false},
		{"STARTTLS", h.Config.SMTP, "=== TLS started", []string{"--tls"}, true, true},
		{"STARTTLS and pipelined", h.Config.SMTP, "=== TLS started", []string{"--tls", "--pipeline"}, true, true},
		{"pipelined", h.Config.SMTP, "250 2.0.0 Accepted", []string{"--pipeline"}, true, false},
		{"a file", h.Config.SMTP, "250 2.0.0 Accepted", []string{"--attach", "@" + file}, true, false},
		{"two of us", h.Config.SMTP, "250 2.0.0 Accepted", []string{"--to", teamAddress + ",postmaster@cert.valmora.example"}, true, false},
		{"LMTP", h.Config.LMTP, "LHLO", []string{"--protocol", "LMTP"}, true, false},
		{"nobody here", h.Config.SMTP, "550 5.1.1", []string{"--to", "nobody@cert.valmora.example"}, false, false},
		{"to elsewhere", h.Config.SMTP, "550 5.1.1", []string{"--to", "report@elsewhere.example"}, false, false},
		{"dropped before the end", h.Config.SMTP, "Dropping connection", []string{"--drop-after-send", "DATA"}, false, false},
		{"SMTP at LMTP", h.Config.LMTP, "500 5.5.1", []string{"--protocol", "ESMTP"}, false, false},
	} {
		said, err := mailtest.Swaks(t, c.addr, append(append([]string{"--header", "Subject: " + c.name}, base...), c.args...)...)
		if !strings.Contains(said, c.says) || (err == nil) != c.kept && c.says != "Dropping connection" {
			t.Errorf("%s: %v\n%s", c.name, err, said)
		}
		want := 0
		if c.kept {
			want = 1
			h.eventually(c.name, func() bool { return h.summaries()[c.name] == 1 })
		}
		if n := h.summaries()[c.name]; n != want {
			t.Errorf("%s: there %d times", c.name, n)
		}
	}
	under := 0
	ids, err := db.All(t.Context(), h.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT object FROM correspondence_arrival ORDER BY object`)
	h.must(err)
	for _, n := range ids {
		a, err := h.Correspondence.OpenArrival(t.Context(), h.DB, n)
		h.must(err)
		if a.TLS {
			under++
		}
		if !strings.Contains(string(a.Raw), "\r\n.\r\n..\r\nlast") && !strings.Contains(string(a.Raw), "Subject: a file") {
			t.Errorf("the dots are not as they were: %q", a.Raw[max(0, len(a.Raw)-60):])
		}
	}
	if under != 2 || len(ids) != 7 {
		t.Errorf("%d mails, %d under TLS", len(ids), under)
	}
}
