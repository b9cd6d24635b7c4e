package desk

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// live sends signals, never content: names of what changed, for regions that then fetch themselves. The id of an event is its number in
// this stream: the number of the record would tell how much is done out of the reader's sight (decision 0017). Who comes back with one hears
// "resync". An object the reader may not see makes no signal. The stream ends within five seconds when the session ends (rule A11).
func (d *Desk) live(v *page.Visit) error {
	rc := http.NewResponseController(v.W)
	_ = rc.SetReadDeadline(time.Time{})
	_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Second))
	v.W.Header().Set("Content-Type", "text/event-stream")
	v.W.Header().Set("X-Accel-Buffering", "no")
	seq, changed := d.Newest.Get()
	first, sent := "retry: 3000\n\n", 0
	signal := func(name string) string {
		sent++
		return "event: " + name + "\nid: " + strconv.Itoa(sent) + "\ndata: 1\n\n"
	}
	if last := v.R.Header.Get("Last-Event-ID"); last != "" {
		first += signal("resync")
	}
	if _, err := fmt.Fprint(v.W, first); err != nil {
		return nil
	}
	_ = rc.Flush()
	since := d.Clock.Now()
	alive := time.NewTicker(4 * time.Second)
	defer alive.Stop()
	for {
		var out strings.Builder
		select {
		case <-v.Ctx().Done():
			return nil
		case <-alive.C:
			if !d.stays(v) {
				return nil
			}
			out.WriteString(": still here\n\n")
			var somebody bool
			if somebody, since = d.cameTo(v, since); somebody {
				out.WriteString(signal("presence"))
			}
		case <-changed:
			if !d.stays(v) {
				return nil
			}
			var newest int64
			newest, changed = d.Newest.Get()
			names := map[string]bool{}
			for seq < newest {
				rows, err := d.Audit.Since(v.Ctx(), d.DB, seq, 500)
				if err != nil {
					return nil //nolint:nilerr // the reader comes back and hears resync
				}
				if len(rows) == 0 {
					break
				}
				maps.Copy(names, d.signals(v, rows))
				seq = rows[len(rows)-1].Seq // more may have been numbered meanwhile: nothing is told twice
			}
			for _, name := range slices.Sorted(maps.Keys(names)) {
				out.WriteString(signal(name))
			}
		}
		if out.Len() == 0 {
			continue
		}
		_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := v.W.Write([]byte(out.String())); err != nil {
			return nil //nolint:nilerr // the reader went away
		}
		_ = rc.Flush()
	}
}

// cameTo tells whether somebody else came to something that the reader may see.
func (d *Desk) cameTo(v *page.Visit, since time.Time) (bool, time.Time) {
	list, till, err := d.Presence.Came(v.Ctx(), v.By, since)
	if err != nil {
		return false, since
	}
	for _, on := range list {
		if _, err := access.Load(v.Ctx(), d.DB, v.By, on); err == nil {
			return true, till
		}
	}
	return false, till
}

// stays asks for the reader's rights anew: what was taken since, here or at another process, counts before the next signal.
func (d *Desk) stays(v *page.Visit) bool {
	by, err := d.Still(v.R)
	if err != nil || by.Need(access.ReadCases) != nil {
		return false
	}
	v.By = by
	return true
}

// signals names what changed among the objects that the reader may see.
func (d *Desk) signals(v *page.Visit, rows []audit.Row) map[string]bool {
	out := map[string]bool{}
	for _, r := range rows {
		on := r.On
		if r.About != 0 {
			on = ref.Ref{Kind: ref.Incident, ID: r.About}
		}
		name := ""
		switch {
		case strings.HasPrefix(r.Verb, "alarm."): // only whom it concerns hears of it
			if open, err := d.Alarms.Open(v.Ctx(), v.By); err == nil && (open > 0 || v.By.Can(access.ReadAudit)) {
				out["alarm"] = true
			}
			continue
		case strings.HasPrefix(r.Verb, "intake."):
			name, on = "triage", r.On
		case strings.HasPrefix(r.Verb, "incident."), strings.HasPrefix(r.Verb, "coordination."), strings.HasPrefix(r.Verb, "correspondence."):
			name = "incident"
		default:
			continue
		}
		if out[name] {
			continue
		}
		if _, err := access.Load(v.Ctx(), d.DB, v.By, on); err == nil {
			out[name] = true
		}
	}
	return out
}
