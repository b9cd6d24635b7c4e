package fill

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

func (f *filler) fillReports(ctx context.Context) error {
	return f.batches(ctx, "reports", f.size.Reports, f.reportsTx)
}

// answerWithin is what a report that waits is promised; it counts from when the house is filled, so that not all are late.
const answerWithin = 4 * time.Hour

var proofs = map[string]correspondence.Proof{
	"unknown": correspondence.Unknown, "claimed": correspondence.Claimed, "aligned": correspondence.Aligned, "signed_by_key": correspondence.SignedByKey,
}

func (f *filler) reportsTx(ctx context.Context, tx *db.Tx, indexes []int) error {
	stories := make([]country.Report, len(indexes))
	objects := make([]access.Object, 0, 2*len(indexes)) // reports, then their threads
	for i, index := range indexes {
		r := country.ReportAt(index, f.size.Reports, len(f.orgs), f.size.Seed)
		stories[i] = r
		o := access.Object{
			Ref: ref.Ref{Kind: ref.Report}, Number: f.reference("R", f.ago(r.Received)), Realm: access.Team, TLP: max(r.TLP, 0), Compartment: -1, CreatedAt: f.ago(r.Received),
		}
		if o.TLP == 0 {
			o.TLP = tlp.Unlabelled
		}
		if r.Organisation != "" {
			o.Compartment = f.org(r.Organisation).id
		}
		objects = append(objects, o)
	}
	if err := access.FillTx(ctx, tx, objects); err != nil {
		return err
	}
	threads := make([]access.Object, len(objects))
	for i, o := range objects {
		threads[i] = access.Object{Ref: ref.Ref{Kind: ref.Thread}, Realm: access.Team, TLP: o.TLP, Compartment: o.Compartment, CreatedAt: o.CreatedAt}
	}
	if err := access.FillTx(ctx, tx, threads); err != nil {
		return err
	}
	owners := make([]int64, 0, 2*len(objects))
	for i := range objects {
		owners = append(owners, objects[i].Ref.ID, threads[i].Ref.ID)
	}
	keys, err := f.Ring.FillTx(ctx, tx, owners, objects[0].CreatedAt)
	if err != nil {
		return err
	}
	filled, talks := make([]intake.Filled, len(objects)), make([]correspondence.Filled, len(objects))
	var clocks []deadline.Clock
	for i, r := range stories {
		filled[i] = f.report(r, indexes[i], objects[i])
		filled[i].Key, filled[i].Thread = keys[2*i], threads[i].Ref.ID
		talks[i] = f.talk(filled[i].Report, threads[i])
		talks[i].Key = keys[2*i+1]
		if due := filled[i].DueAt; !due.IsZero() {
			clocks = append(clocks, deadline.Clock{
				About: objects[i].Ref, Compartment: objects[i].Compartment, Kind: intake.FirstAnswer, OwedBy: deadline.Us, StartedAt: objects[i].CreatedAt, DueAt: due,
				RemindedAt: objects[i].CreatedAt,
			})
		}
	}
	if err := f.Correspondence.FillTx(ctx, tx, talks); err != nil {
		return err
	}
	if err := f.Intake.FillTx(ctx, tx, filled); err != nil {
		return err
	}
	for _, r := range filled {
		f.texts = append(f.texts, intake.TextOf(r.Report))
		err := f.Audit.Write(ctx, tx, audit.Entry{
			At: r.ReceivedAt, By: access.System("intake"), Verb: "intake.receive", On: r.Ref, Compartment: r.Compartment,
			Changes: []audit.Change{{Field: "channel", To: string(r.Channel)}, {Field: "proof", To: int(r.Proof)}, {Field: "state", To: string(intake.New)}},
		})
		if err != nil {
			return err
		}
	}
	return f.Intake.Deadlines.FillTx(ctx, tx, clocks)
}

func (f *filler) report(r country.Report, index int, o access.Object) intake.Filled {
	out := intake.Filled{Report: intake.Report{
		Object: o, Reference: o.Number, Channel: correspondence.Channel(r.Channel), State: intake.State(r.State), Reason: r.Reason, Lang: r.Lang, ReceivedAt: o.CreatedAt,
		Proof: proofs[r.Proof], Seal: correspondence.Seal(r.Seal), Receipt: intake.ReceiptSent, Body: intake.Body{
			Summary: r.Summary, Description: r.Description, Name: r.Name, Email: r.Email, OrgText: r.OrgText, Ongoing: r.Ongoing, Kind: r.Kind, Type: r.Type,
		},
	}}
	for _, x := range r.Observables {
		out.Body.Observables = append(out.Body.Observables, intake.Observable{Type: x.Type, Value: x.Value})
	}
	if out.State != intake.Rejected {
		out.Reason = ""
	}
	if r.Organisation != "" {
		org := f.org(r.Organisation)
		out.Organisation, out.Contact = org.id, org.contact.ID
	}
	switch {
	case out.State == intake.Linked && len(f.incidents) > 0:
		// The incident of the same days.
		at := index * len(f.incidents) / max(f.size.Reports, 1)
		out.Incidents = []ref.Ref{{Kind: ref.Incident, ID: f.incidents[at]}}
		out.LinkedBy = f.handlers["marta"].Account
	case out.State == intake.New && out.Organisation != 0:
		out.DueAt = f.now.Add(answerWithin - time.Duration(index%300)*time.Minute)
		if out.DueAt.Before(out.ReceivedAt) {
			out.DueAt = out.ReceivedAt.Add(answerWithin)
		}
	}
	return out
}

// talk is the thread of a report with its first message.
func (f *filler) talk(r intake.Report, o access.Object) correspondence.Filled {
	return correspondence.Filled{
		Thread: correspondence.Thread{Object: o, About: r.Ref, Reference: r.Reference, Correspondent: correspondence.Correspondent{
			Name: r.Body.Name, Email: r.Body.Email, Lang: r.Lang, Organisation: r.Organisation, Contact: r.Contact,
		}},
		Messages: []correspondence.Message{{
			Direction: correspondence.In, Channel: r.Channel, Kind: correspondence.Told, State: correspondence.Filed, At: r.ReceivedAt, TLP: r.TLP, Proof: r.Proof, Seal: r.Seal,
			Body: correspondence.Body{Subject: r.Body.Summary, Text: r.Body.Description, From: r.Body.Email},
		}},
	}
}
