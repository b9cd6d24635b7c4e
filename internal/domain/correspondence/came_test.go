package correspondence

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// When something came by a road is told for each hour, by one look into the index for each, however many mails there are.
func TestWhenSomethingCameByARoad(t *testing.T) {
	engines(t, func(o *office) {
		now := o.Clock.Now().Truncate(time.Hour)
		var mails []Arrival
		for _, ago := range []time.Duration{300 * time.Hour, 50*time.Hour + 10*time.Minute, 50*time.Hour + 40*time.Minute, 48 * time.Hour, 90 * time.Minute} {
			mails = append(mails, Arrival{From: "a@x.example", To: []string{"r@y.example"}, Raw: []byte("Subject: x\r\n\r\n"), ReceivedAt: now.Add(-ago), Road: RoadLMTP})
		}
		mails = append(mails, Arrival{Raw: []byte("x"), ReceivedAt: now, Road: RoadSMTP}, Arrival{Raw: []byte("x"), ReceivedAt: now})
		o.must(o.Arrive(o.ctx, mails))
		hours, last, err := o.Came(o.ctx, o.DB, RoadLMTP, now.Add(-100*time.Hour))
		o.must(err)
		if len(hours) != 3 || !hours[0].Equal(mails[2].ReceivedAt) || !hours[1].Equal(mails[3].ReceivedAt) || !last.Equal(mails[4].ReceivedAt) {
			o.Errorf("by LMTP %v, at last %v", hours, last)
		}
		if hours, last, err = o.Came(o.ctx, o.DB, RoadIMAP, now.Add(-100*time.Hour)); err != nil || len(hours) != 0 || !last.IsZero() {
			o.Errorf("by IMAP %v, at last %v, %v", hours, last, err)
		}
		if hours, _, err = o.Came(o.ctx, o.DB, "' OR ''='", now.Add(-100*time.Hour)); err != nil || len(hours) != 0 {
			o.Errorf("by no road %v, %v", hours, err)
		}
		if o.DB.Engine() == db.SQLite { // PostgreSQL scans what is small
			plan, err := db.All(o.ctx, o.DB, func(r *db.Rows) (s string, err error) {
				var x, y, z int64
				return s, r.Scan(&x, &y, &z, &s)
			}, "EXPLAIN QUERY PLAN SELECT MIN(received_at) FROM correspondence_arrival WHERE road <> '' AND road = 'smtp' AND received_at >= 5")
			o.must(err)
			if !strings.Contains(strings.Join(plan, "\n"), "correspondence_arrival_road") {
				o.Errorf("looked for among all mails: %q", plan)
			}
		}
	})
}
