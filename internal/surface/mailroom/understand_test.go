package mailroom

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// A report of a mail server is one file. Of a mail with many that might be one the first few are unpacked, not all.
func TestFewFilesAreTakenForAReport(t *testing.T) {
	t.Parallel()
	const report = "<feedback><policy_published><domain>a.example</domain></policy_published><record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record></feedback>"
	for before, want := range map[int]bool{0: true, maxRoutine - 1: true, maxRoutine: false, 500: false} {
		files := append(make([]string, before), report)
		var b strings.Builder
		b.WriteString("From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n")
		for i, f := range files {
			fmt.Fprintf(&b, "--x\r\nContent-Type: text/xml; name=%d.xml\r\nContent-Disposition: attachment; filename=%d.xml\r\n\r\n%s\r\n", i, i, f)
		}
		b.WriteString("--x--\r\n")
		l := &letter{inner: mail.Parse([]byte(b.String()))}
		l.understand()
		if got := l.routine != nil && l.routine.Domain == "a.example"; got != want {
			t.Errorf("behind %d others: %v, want %v", before, got, want)
		}
	}
}
