package mailroom

import (
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Two houses that answer each other: the receipt of the first is filed by the second and not answered, so the loop ends there (M9). The same
// when the mark of automatic mail is lost on the way and the second answers: its answer comes to a tag of the first, which answers no more.
func TestALoopWithASecondHouseStops(t *testing.T) {
	engines(t, func(a *house) {
		b := open(a.T, coretest.Open(a.T, a.DB.Engine().String()), "csirt-b.example")
		for _, h := range []*house{a, b} {
			h.zone.Texts["cert.example"] = []string{"v=spf1 ip4:127.0.0.1 -all"}
			h.zone.Texts["csirt-b.example"] = []string{"v=spf1 ip4:127.0.0.1 -all"}
			h.room.Correspondence.Work(h.Registry)
			h.Work(h.T)
		}
		a.mail("report@csirt-b.example", "report@cert.example", a.letterOf("report@csirt-b.example", "Hello", "A report from a colleague."))
		a.sort()
		a.until("the receipt of the first", func() bool { return len(a.left()) == 1 })
		receipt := mail.Parse([]byte(a.left()[0]))
		if receipt.Header().Get("Auto-Submitted") == "" {
			t.Error("the receipt does not say that it is automatic")
		}
		from, ok := receipt.Sender()
		if !ok {
			t.Fatal("the receipt has no sender")
		}
		b.mail("report@cert.example", "report@csirt-b.example", string(receipt.Raw))
		b.sort()
		if r := b.one(); r.Receipt != intake.NoReceipt || len(b.left()) != 0 {
			t.Errorf("the second answers a receipt: %s, %d left", r.Receipt, len(b.left()))
		}
		// The mark was lost on the way.
		bare := strings.Replace(string(receipt.Raw), "Auto-Submitted:", "X-Lost:", 1)
		bare = strings.Replace(bare, "Precedence:", "X-Lost:", 1)
		bare = strings.Replace(bare, "X-Auto-Response-Suppress:", "X-Lost:", 1)
		b.mail("report@cert.example", "report@csirt-b.example", bare)
		b.sort()
		b.until("an answer of the second at most", func() bool { return len(b.reports()) == 2 })
		for _, back := range b.left() {
			to := from.Addr
			if r := receipt.Header().Get("Reply-To"); r != "" {
				to = strings.TrimSuffix(r[strings.LastIndexByte(r, '<')+1:], ">")
			}
			a.mail("report@csirt-b.example", to, back)
		}
		a.sort()
		if n := len(a.left()); n != 1 {
			t.Errorf("the first answered %d times", n)
		}
	})
}
