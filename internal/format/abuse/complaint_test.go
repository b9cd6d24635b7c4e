package abuse

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// What Hotmail sends about a mail of a network names the address in its subject alone.
func TestAComplaintWithoutFields(t *testing.T) {
	t.Parallel()
	const rest = "Date: Mon, 02 Nov 2026 10:00:00 +0000\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nFrom: spam@shop.example\nSubject: x\n\nx\n--b--\n"
	for subject, want := range map[string]string{
		"complaint about message from 198.51.100.7":          "198.51.100.7",
		" complaint about message from 2001:db8::7":          "2001:db8::7",
		"complaint about message from the mayor":             "",
		"Re: complaint about message from 198.51.100.7":      "",
		"complaint about message from 198.51.100.7 and more": "",
	} {
		f := In(mail.Parse([]byte("From: staff@hotmail.com\nSubject: " + subject + "\n" + rest)))
		got := ""
		for _, r := range f.Reports {
			got += r.Sources[0].Addr.String()
			if r.Class != "abusive-content:spam" || len(r.Original) == 0 || r.At.IsZero() || len(r.Problems) > 0 {
				t.Errorf("%q: %+v", subject, r)
			}
		}
		if got != want {
			t.Errorf("%q: %q", subject, got)
		}
	}
}
