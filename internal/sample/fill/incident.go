package fill

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

func (f *filler) fillIncidents(ctx context.Context) error {
	err := f.batches(ctx, "incidents", f.size.Incidents, f.incidentsTx)
	if err != nil {
		return err
	}
	return f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for year, n := range f.numbers {
			_, err := tx.Exec(ctx, `INSERT INTO object_counter (name, year, value) VALUES ('INC', $1, $2) ON CONFLICT (name, year) DO UPDATE SET value = excluded.value`, int64(year), n)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// incidentsTx writes a batch: first the objects of incidents and parties, then those below parties, then keys, then what they hold.
func (f *filler) incidentsTx(ctx context.Context, tx *db.Tx, indexes []int) error {
	stories := make([]country.Incident, len(indexes))
	objects := make([]access.Object, len(indexes))
	for i, index := range indexes {
		in := country.IncidentAt(index, f.size.Incidents, len(f.orgs), f.size.Seed)
		stories[i] = in
		at := f.ago(in.Opened)
		year := at.Year()
		f.numbers[year]++
		objects[i] = access.Object{
			Ref: ref.Ref{Kind: ref.Incident}, Number: fmt.Sprintf("INC-%04d-%06d", year, f.numbers[year]), Realm: access.Team, TLP: in.TLP, PAP: in.PAP,
			Handler: f.handlers[in.Handler].Account, CreatedAt: at, UpdatedAt: f.updated(in),
		}
	}
	if err := access.FillTx(ctx, tx, objects); err != nil {
		return err
	}
	owners := make([]int64, len(objects))
	for i, o := range objects {
		owners[i], f.incidents[indexes[i]] = o.Ref.ID, o.Ref.ID
	}
	keys, err := f.Ring.FillTx(ctx, tx, owners, objects[0].CreatedAt)
	if err != nil {
		return err
	}
	filled := make([]incident.Filled, len(objects))
	for i, in := range stories {
		filled[i] = f.incident(in, objects[i])
		filled[i].Key = keys[i]
	}
	if err := f.Incidents.FillTx(ctx, tx, f.words, filled); err != nil {
		return err
	}
	for _, in := range filled {
		err := f.Audit.Write(ctx, tx, audit.Entry{At: in.OpenedAt, By: f.by(in.Handler), Verb: "incident.open", On: in.Ref, Changes: []audit.Change{
			{Field: "severity", To: in.Severity}, {Field: "type", To: in.Type}, {Field: "tlp", To: in.TLP.String()},
		}})
		if err != nil {
			return err
		}
	}
	return f.partiesTx(ctx, tx, stories, objects)
}

// updated is when something last happened to an incident: its end, or within the last days for an open one.
func (f *filler) updated(in country.Incident) time.Time {
	last := in.Closed
	if last == 0 {
		last = in.Opened
		for _, e := range in.Entries {
			last = min(last, e.Learnt)
		}
	}
	return f.ago(max(last, time.Minute))
}

func (f *filler) by(handler int64) access.Actor {
	for _, a := range f.handlers {
		if a.Account == handler {
			return a
		}
	}
	return access.System("sample")
}

func (f *filler) incident(in country.Incident, o access.Object) incident.Filled {
	out := incident.Filled{Incident: incident.Incident{
		Object: o, State: incident.State(in.State), Type: in.Type, Severity: in.Severity, OpenedAt: o.CreatedAt, ClosedAt: f.ago(in.Closed),
		StartedAt: f.ago(in.Started), Title: in.Title, Summary: in.Summary, Reasons: in.Reasons,
	}}
	if c := in.Closing; c != nil {
		out.Closing = incident.Closing{
			Outcome: c.Outcome, RootCause: c.RootCause, Impact: c.Impact, Affected: c.Affected, CrossBorder: c.CrossBorder, Report: c.Report, Note: c.Note,
		}
	}
	for _, e := range in.Entries {
		by := f.handlers[e.By]
		out.Entries = append(out.Entries, incident.Entry{
			Kind: incident.EntryKind(e.Kind), HappenedAt: f.ago(e.Happened), LearntAt: f.ago(e.Learnt), Author: by.Account, AuthorName: by.Name, Text: e.Text,
		})
	}
	for _, t := range in.Tasks {
		out.Tasks = append(out.Tasks, incident.Task{Title: t.Title, DueAt: f.ago(t.Due), DoneAt: f.ago(t.Done), Assignee: f.handlers[t.Assignee].Account})
	}
	return out
}

// place is where the objects of one party stand among those of a batch.
type place struct {
	incident, party, thread, below int
}

func (f *filler) partiesTx(ctx context.Context, tx *db.Tx, stories []country.Incident, incidents []access.Object) error {
	var objects []access.Object
	var places []place
	var parties []country.Party
	for i, in := range stories {
		for _, p := range in.Parties {
			o := access.Object{
				Ref: ref.Ref{Kind: ref.Party}, Realm: access.Team, Compartment: f.org(p.Organisation).id, TLP: in.TLP, CreatedAt: f.ago(p.Added), UpdatedAt: incidents[i].UpdatedAt,
			}
			places = append(places, place{i, len(objects), len(objects) + 1, len(objects) + 2})
			parties = append(parties, p)
			objects = append(objects, o)
			for _, kind := range kinds(p) {
				o.Ref.Kind = kind
				objects = append(objects, o)
			}
		}
	}
	if len(objects) == 0 {
		return nil
	}
	if err := access.FillTx(ctx, tx, objects); err != nil {
		return err
	}
	owners := make([]int64, 0, 2*len(places))
	for _, at := range places {
		owners = append(owners, objects[at.party].Ref.ID, objects[at.thread].Ref.ID)
	}
	keys, err := f.Ring.FillTx(ctx, tx, owners, objects[0].CreatedAt)
	if err != nil {
		return err
	}
	threads, filled := make([]correspondence.Filled, len(places)), make([]coordination.Filled, len(places))
	for i, at := range places {
		threads[i] = f.thread(parties[i], objects[at.party], objects[at.thread], objects[at.below:])
		threads[i].Key = keys[2*i+1]
	}
	if err := f.Correspondence.FillTx(ctx, tx, threads); err != nil {
		return err
	}
	for i, at := range places {
		p, err := f.party(ctx, parties[i], objects[at.party], incidents[at.incident].Ref, threads[i], objects[at.below:])
		if err != nil {
			return err
		}
		filled[i] = p
		filled[i].Key = keys[2*i]
	}
	return f.Coordination.FillTx(ctx, tx, f.words, filled)
}

// kinds are the objects below a party: its thread, then its requests, then its measures.
func kinds(p country.Party) []ref.Kind {
	out := []ref.Kind{ref.Thread}
	for range p.Requests {
		out = append(out, ref.Request)
	}
	for range p.Measures {
		out = append(out, ref.Measure)
	}
	return out
}

// org finds an organisation by its key, which ends in its index.
func (f *filler) org(key string) organisation {
	i, err := strconv.Atoi(key[strings.LastIndexByte(key, '-')+1:])
	if err != nil || i >= len(f.orgs) {
		return organisation{}
	}
	return f.orgs[i]
}

// thread is the letter that asked, and the answer where there is one.
func (f *filler) thread(p country.Party, party, o access.Object, below []access.Object) correspondence.Filled {
	org := f.org(p.Organisation)
	t := correspondence.Filled{Thread: correspondence.Thread{
		Object: o, About: party.Ref, Reference: f.reference("P", o.CreatedAt), Correspondent: correspondence.Correspondent{
			Name: org.contact.Name, Email: org.contact.Email, Phone: org.contact.Phone, Lang: org.lang, Organisation: org.id, Contact: org.contact.ID,
		},
	}}
	for i, r := range p.Requests {
		asked := f.ago(r.Asked)
		t.Messages = append(t.Messages, correspondence.Message{
			Direction: correspondence.Out, Channel: correspondence.ByMail, Kind: correspondence.Ask, State: correspondence.Sent, At: asked, SentAt: asked.Add(21 * time.Second),
			TLP: o.TLP, Seal: correspondence.Signed, Road: egress.Signed, Refers: below[i].Ref.ID, Body: correspondence.Body{Subject: p.Why, Text: r.Text, To: org.contact.Email},
		})
		if r.Answer != "" {
			t.Messages = append(t.Messages, correspondence.Message{
				Direction: correspondence.In, Channel: correspondence.ByPortal, Kind: correspondence.Told, State: correspondence.Filed, At: f.ago(r.At), TLP: o.TLP,
				Proof: correspondence.SignedIn, Seal: correspondence.Plain, Refers: below[i].Ref.ID, Body: correspondence.Body{Text: r.Answer},
			})
		}
	}
	return t
}

func (f *filler) party(ctx context.Context, p country.Party, o access.Object, subject ref.Ref, t correspondence.Filled, below []access.Object) (coordination.Filled, error) {
	org := f.org(p.Organisation)
	out := coordination.Filled{Lang: org.lang, Party: coordination.Party{
		Object: o, Subject: subject, Organisation: org.id, Name: org.name, Contact: org.contact.ID, Role: coordination.Role(p.Role), Thread: t.Ref.ID, AddedAt: o.CreatedAt, Why: p.Why,
	}}
	letter := int64(0)
	if len(t.Messages) > 0 {
		letter = t.Messages[0].ID
	}
	for i, r := range p.Requests {
		out.Requests = append(out.Requests, coordination.Request{
			Object: below[i], State: coordination.RequestState(r.State), AskedAt: f.ago(r.Asked), DueAt: f.ago(r.Due), AnsweredAt: f.ago(r.At), Message: letter, Text: r.Text,
		})
		if r.At != 0 {
			out.WordAt = f.ago(r.At)
		}
	}
	for i, m := range p.Measures {
		advice, err := f.advise(ctx, m.Recommendation, org.lang)
		if err != nil {
			return out, err
		}
		made := coordination.Measure{
			Object: below[len(p.Requests)+i], Recommendation: advice.Code, Revision: advice.Revision, State: coordination.MeasureState(m.State), GivenAt: f.ago(m.Given),
			DueAt: f.ago(m.Due), Message: letter, Title: advice.Title, Text: advice.Text,
		}
		from := coordination.Proposed
		for _, s := range m.Steps {
			move := coordination.Move{At: f.ago(s.At), By: org.contact.Name, From: from, To: coordination.MeasureState(s.To), Note: s.Note}
			if s.By != "" {
				move.By, move.Ours = f.handlers[s.By].Name, true
			}
			from = move.To
			made.Moves = append(made.Moves, move)
			switch move.To {
			case coordination.Done:
				made.DoneAt, made.Evidence = move.At, s.Note
			case coordination.Verified:
				made.VerifiedAt, made.Evidence = move.At, s.Note
			}
		}
		out.Measures = append(out.Measures, made)
	}
	return out, nil
}

// advise gives a recommendation of the library, read once a language.
func (f *filler) advise(ctx context.Context, code, lang string) (coordination.Advice, error) {
	at := [2]string{code, lang}
	if a, ok := f.advice[at]; ok {
		return a, nil
	}
	a, err := f.Coordination.Library.Advice(ctx, f.DB, code, lang)
	f.advice[at] = a
	return a, err
}
