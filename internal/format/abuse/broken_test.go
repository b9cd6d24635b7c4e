package abuse

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// One line of JSON that is broken hides no other, and is counted; a file of nothing but broken ones ends soon.
func TestABrokenLineHidesNoOther(t *testing.T) {
	const good = `{"xarf_version":"4.0.0","report_id":"1","timestamp":"2025-01-01T00:00:00Z","category":"messaging","type":"spam","source_identifier":"192.0.2.1"}`
	in := func(body string) Found {
		return In(mail.Parse([]byte("From: a@b.example\r\nContent-Type: application/json\r\n\r\n" + body)))
	}
	for name, c := range map[string]struct {
		body            string
		reports, broken int
		cut             bool
	}{
		"whole":            {good + "\n" + good + "\n", 2, 0, false},
		"one in the midst": {good + "\n" + good[:40] + "\n" + good + "\n", 2, 1, false},
		"the first":        {"{\"xarf_version\": tru}\n" + good, 1, 1, false},
		"the last, cut":    {good + "\n" + good[:60], 1, 1, false},
		"none is whole":    {good[:60], 0, 1, false},
		"many":             {strings.Repeat(good[:40]+"\n", 200) + good, 0, mostBroken + 1, true},
	} {
		if f := in(c.body); len(f.Reports) != c.reports || f.Broken != c.broken || f.Cut != c.cut {
			t.Errorf("%s: %d reports, %d broken, cut %v", name, len(f.Reports), f.Broken, f.Cut)
		}
	}
	began := time.Now()
	if f := in("\"xarf_version\"" + strings.Repeat("[\n", 1<<20) + "x"); !f.Cut && f.Broken == 0 {
		t.Error("a deep one is not told")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a deep one takes %s", took)
	}
}
