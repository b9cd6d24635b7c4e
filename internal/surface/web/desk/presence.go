package desk

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/presence"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// noteSeen notes that a person opened a report or an incident. A page that asks by itself is nobody; what cannot be noted keeps no page away.
func (d *Desk) noteSeen(v *page.Visit, on ref.Ref) {
	if page.Unattended(v.R) {
		return
	}
	if err := d.Presence.Note(v.Ctx(), v.By, on); err != nil {
		v.Without(err)
	}
}

// mostSeen is how many of those who opened something are named.
const mostSeen = 8

// seenBy are those who opened an object, who is there now first.
func (d *Desk) seenBy(v *page.Visit, o access.Object) ([]presence.Seen, map[int64]string, error) {
	all, err := d.Presence.Of(v.Ctx(), d.DB, v.By, o.Ref.ID)
	if err != nil {
		return nil, nil, err
	}
	list := all[o.Ref.ID]
	list = list[:min(len(list), mostSeen)]
	ids := make([]int64, len(list))
	for i, x := range list {
		ids[i] = x.Account
	}
	names, err := d.Names(v.Ctx(), ids...)
	return list, names, err
}

// seenFact says who opened it and who is there now; it renews itself when somebody comes.
func (d *Desk) seenFact(v *page.Visit, o access.Object, at string, writers []writer) (templ.Component, error) {
	list, names, err := d.seenBy(v, o)
	if err != nil {
		return nil, err
	}
	people := make([]seenView, 0, len(list))
	writes := map[string]bool{}
	for _, w := range writers {
		writes[w.Name] = true
		when := v.P.T("desk.seen.writing")
		if !w.now {
			when = v.P.T("desk.seen.draft", "when", v.P.Brief(w.at, v.Now))
		}
		people = append(people, seenView{w.Person, when, w.now})
	}
	for _, x := range list {
		if names[x.Account] == "" || writes[names[x.Account]] {
			continue
		}
		when := v.P.Brief(x.Last, v.Now)
		if x.Here(v.Now) {
			when = v.P.T("desk.seen.now")
		}
		people = append(people, seenView{page.Person{Name: names[x.Account]}, when, x.Here(v.Now)})
	}
	return seenPeople(v.P, people, at), nil
}

// seenAlone is seenFact where the writers are not known yet.
func (d *Desk) seenAlone(v *page.Visit, o access.Object, at string) (templ.Component, error) {
	writers, err := d.writers(v, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	return d.seenFact(v, o, at, writers[o.Ref.ID])
}

// writer is a colleague with an unsent text: now, or left lying.
type writer struct {
	page.Person
	at  time.Time
	now bool
}

// writers gives who else has an unsent text on objects that the reader sees.
func (d *Desk) writers(v *page.Visit, ids ...int64) (map[int64][]writer, error) {
	all, err := d.Drafts.Writers(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return nil, err
	}
	var who []int64
	for _, list := range all {
		for _, w := range list {
			who = append(who, w.Account)
		}
	}
	names, err := d.Names(v.Ctx(), who...)
	out := map[int64][]writer{}
	for id, list := range all {
		for _, w := range list {
			if names[w.Account] != "" {
				out[id] = append(out[id], writer{page.Person{Name: names[w.Account]}, w.At, v.Now.Sub(w.At) < presence.Now})
			}
		}
	}
	return out, err
}

// writeNow names those who write to an object now; "" for nobody.
func writeNow(p *text.Printer, all []writer) string {
	var names []string
	for _, w := range all {
		if w.now {
			names = append(names, w.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return p.T("desk.seen.writes", "who", strings.Join(names, ", "))
}

func (d *Desk) reportSeen(v *page.Visit) error {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	if err := d.seen(v, r.Object); err != nil {
		return err
	}
	c, err := d.seenAlone(v, r.Object, "")
	if err != nil {
		return err
	}
	return v.Show(c)
}

func (d *Desk) incidentSeen(v *page.Visit) error {
	in, err := d.Incidents.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("incident"))
	if err != nil {
		return err
	}
	if err := d.seen(v, in.Object); err != nil {
		return err
	}
	c, err := d.seenAlone(v, in.Object, "")
	if err != nil {
		return err
	}
	return v.Show(c)
}

// around gives who else looks at reports of the queue now.
func (d *Desk) around(v *page.Visit, ids []int64) map[int64][]page.Person {
	all, err := d.Presence.Around(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		v.Without(err)
		return nil
	}
	var who []int64
	for _, list := range all {
		for _, x := range list {
			who = append(who, x.Account)
		}
	}
	names, err := d.Names(v.Ctx(), who...)
	if err != nil {
		v.Without(err)
	}
	out := map[int64][]page.Person{}
	for id, list := range all {
		for _, x := range list {
			if names[x.Account] != "" && len(out[id]) < 2 {
				out[id] = append(out[id], page.Person{Name: names[x.Account]})
			}
		}
	}
	return out
}
