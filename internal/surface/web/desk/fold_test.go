package desk

import (
	"fmt"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// What one act wrote to many is one line that names them all; the next act, what is few, and what somebody else did stay what they are.
func TestAnActOverManyIsOneLine(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var all []entry
	add := func(after time.Duration, key, name string) {
		e := entry{at: start.Add(after), Entry: page.Entry{At: start.Add(after), ID: fmt.Sprint(len(all)), Kind: "mail_out"}}
		if key != "" {
			e.fold = act{key, page.ChipView{Text: name}, func(_ *text.Printer, n int) page.Entry { return page.Entry{Kind: fmt.Sprint(n)} }}
		}
		all = append(all, e)
	}
	for i := range 6 {
		add(time.Duration(i)*9*time.Minute, "ask", fmt.Sprint("party ", i)) // slow, and one act
		add(time.Duration(i)*9*time.Minute, "", "")
	}
	for i := range 4 {
		add(2*time.Hour, "ask", fmt.Sprint("few ", i))
	}
	for i := range 5 {
		add(3*time.Hour, "remind", fmt.Sprint("late ", i))
	}
	got := fold(printer(t, text.EN), all)
	var kinds []string
	for _, e := range got {
		kinds = append(kinds, e.Kind)
	}
	want := "[mail_out mail_out mail_out mail_out mail_out 6 mail_out mail_out mail_out mail_out mail_out 5]"
	if fmt.Sprint(kinds) != want {
		t.Fatalf("%v\nwant %v", kinds, want)
	}
	six := got[5]
	if six.ID != "10" || !six.Entry.At.Equal(start.Add(45*time.Minute)) || len(six.Parties) != 6 || six.Parties[0].Text != "party 0" || six.Parties[5].Text != "party 5" {
		t.Errorf("the line for six is %+v", six)
	}
}

// Clocks that run alike are one card that says how many: another rule, side, time or outcome has its own, and what was stopped has none.
func TestAlikeClocksAreOneCard(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var all []deadline.Clock
	add := func(n int, change func(*deadline.Clock)) {
		for range n {
			c := deadline.Clock{ID: int64(len(all) + 1), Kind: "request", OwedBy: "them", DueAt: due}
			change(&c)
			all = append(all, c)
		}
	}
	add(100, func(*deadline.Clock) {})
	add(2, func(c *deadline.Clock) { c.Kind = "measure" })
	add(1, func(c *deadline.Clock) { c.DueAt = due.Add(time.Second) })
	add(3, func(c *deadline.Clock) { c.MetAt = due.Add(-time.Hour) })
	add(4, func(c *deadline.Clock) { c.StoppedAt = due })
	kept, alike := foldClocks(all)
	got := ""
	for _, c := range kept {
		got += fmt.Sprint(c.Kind, " ", alike[c.ID], "; ")
	}
	if want := "request 100; measure 2; request 1; request 3; "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
