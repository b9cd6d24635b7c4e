package play

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// worked is an incident of the story once it is open.
type worked struct {
	country.Incident
	uid string
}

// writeIncident puts an incident into the script.
func (p *player) writeIncident(in country.Incident) {
	w := &worked{Incident: in}
	p.incidents[in.Key] = w
	name := "incident " + in.Key
	for i, key := range in.Reports {
		if i == 0 {
			continue
		}
		at := min(in.Opened, p.reports[key].Received-2*time.Minute)
		p.then(at, name, func(ctx context.Context) error {
			_, err := p.Incidents.Attach(ctx, p.by(in.Handler), w.uid, []string{p.reports[key].uid})
			return err
		})
	}
	// Opened comes first of its moment, and after the first report.
	opened := in.Opened
	if len(in.Reports) > 0 {
		opened = min(opened, p.reports[in.Reports[0]].Received-2*time.Second)
	}
	p.script = append([]scene{{p.now.Add(-opened), name, func(ctx context.Context) error { return p.open(ctx, w) }}}, p.script...)
	p.then(opened-2*time.Minute, name, func(ctx context.Context) error { return p.classify(ctx, w) })
	for _, e := range in.Entries {
		p.then(min(e.Learnt, opened-time.Second), name, func(ctx context.Context) error {
			_, err := p.Incidents.AddEntry(ctx, p.by(e.By), w.uid, incident.Entry{Kind: incident.EntryKind(e.Kind), HappenedAt: p.ago(e.Happened), Text: e.Text})
			return err
		})
	}
	for i, t := range in.Tasks {
		added := max(opened-time.Duration(3+i)*time.Minute, t.Done+time.Second)
		var made incident.Task
		p.then(min(added, opened-time.Second), name, func(ctx context.Context) (err error) {
			task := incident.Task{Title: t.Title, Assignee: p.people[t.Assignee].Account}
			if t.Due != 0 {
				task.DueAt = p.ago(t.Due)
			}
			made, err = p.Incidents.AddTask(ctx, p.by(in.Handler), w.uid, task)
			return err
		})
		if t.Done != 0 {
			p.then(min(t.Done, opened-2*time.Second), name, func(ctx context.Context) error {
				who := t.Assignee
				if who == "" {
					who = in.Handler
				}
				_, err := p.Incidents.SetTask(ctx, p.by(who), w.uid, made.UID, true, nil)
				return err
			})
		}
	}
	for _, party := range in.Parties {
		p.writeParty(w, party)
	}
	if in.Closing != nil {
		p.then(in.Closed, name, func(ctx context.Context) error { return p.close(ctx, w) })
	}
}

func (p *player) open(ctx context.Context, w *worked) error {
	new := incident.NewIncident{
		Title: w.Title, Summary: w.Summary, Type: w.Type, Severity: w.Severity, Reasons: w.Reasons, TLP: w.TLP, PAP: w.PAP, Handler: p.people[w.Handler].Account,
	}
	if len(w.Reports) > 0 {
		new.Reports = []string{p.reports[w.Reports[0]].uid}
	}
	in, err := p.Incidents.Open(ctx, p.by(w.Handler), new)
	w.uid = in.UID
	return err
}

// classify moves the incident on; one that is closed today was coordinated before.
func (p *player) classify(ctx context.Context, w *worked) error {
	to := incident.State(w.State)
	if to == incident.Closed {
		to = incident.Coordinating
	}
	if to == incident.Open {
		return nil
	}
	_, err := p.Incidents.Edit(ctx, p.by(w.Handler), w.uid, incident.Change{State: &to})
	return err
}

func (p *player) close(ctx context.Context, w *worked) error {
	c := w.Closing
	_, err := p.Incidents.Close(ctx, p.by(w.Handler), w.uid, 0, incident.Closing{
		Outcome: c.Outcome, RootCause: c.RootCause, Impact: c.Impact, Affected: c.Affected, CrossBorder: c.CrossBorder, Report: c.Report, Note: c.Note, TellReporter: c.TellReporter,
	})
	if err != nil {
		return err
	}
	return p.settle(ctx, w, 0)
}
