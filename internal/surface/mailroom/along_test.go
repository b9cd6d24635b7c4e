package mailroom

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// waits tells that a job comes again later, because another one has its mails in hand.
func waits(err error) bool { return strings.Contains(err.Error(), "Snooze") }

// Many mails came one by one while nobody filed: whoever begins takes the others along, several at once file none twice, and each job finds its own filed.
func TestAJobTakesAlongWhatWaits(t *testing.T) {
	engines(t, func(h *house) {
		const from = "rui@hospital.example"
		arrive := func(n int, what string) (ids []int64) {
			for i := range n {
				a := []correspondence.Arrival{{From: from, To: []string{"report@cert.example"}, Raw: []byte(crlf(h.letterOf(from, fmt.Sprint(what, " ", i), "Text of "+what+fmt.Sprint(i))))}}
				must(t, h.room.Correspondence.Arrive(h.ctx, a))
				ids = append(ids, a[0].ID)
			}
			return ids
		}
		count := func() int {
			p, err := h.room.Intake.Queue(h.ctx, h.ana, intake.QueueFilter{Limit: 200})
			must(t, err)
			return len(p.Items)
		}
		ids := arrive(33, "first")
		must(t, h.room.Sort(h.ctx, correspondence.SortJob{Arrivals: ids[32:]}))
		if n := count(); n != 33 {
			t.Errorf("%d of 33 are filed", n)
		}
		ids = append(ids, arrive(40, "second")...)
		var all sync.WaitGroup
		for _, id := range ids {
			all.Go(func() {
				if err := h.room.Sort(h.ctx, correspondence.SortJob{Arrivals: []int64{id}}); err != nil && !waits(err) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := count(); n != 73 {
			t.Errorf("%d of 73 are filed", n)
		}
		if left, err := h.room.Correspondence.Waiting(h.ctx, h.DB, ids); err != nil || len(left) != 0 {
			t.Errorf("%d wait still, %v", len(left), err)
		}
		if n := len(h.room.hands.until); n != 0 {
			t.Errorf("%d are in hand still", n)
		}
	})
}
