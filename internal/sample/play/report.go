package play

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// told is a report of the story once it is in the house.
type told struct {
	country.Report
	uid    string
	thread int64
}

// writeReport puts a report into the script: how it came, and what was done with it. What is linked is linked by its incident.
func (p *player) writeReport(r country.Report) {
	t := &told{Report: r}
	p.reports[r.Key] = t
	name := "report " + r.Key
	p.then(r.Received, name, func(ctx context.Context) error { return p.receive(ctx, t) })
	if t.Channel == "mail" {
		// It is found by what it says, once the mailroom has filed it.
		p.then(r.Received-time.Second, name, func(ctx context.Context) error { return p.found(ctx, t) })
	}
	if r.State == "rejected" || r.State == "passed_on" {
		last := r.Received - 35*time.Minute
		for _, m := range r.Messages {
			last = min(last, m.At-time.Minute)
		}
		p.then(last, name, func(ctx context.Context) error { return p.setAside(ctx, t) })
	}
	if r.Handler != "" && r.State == "new" {
		p.then(r.Received-5*time.Minute, name, func(ctx context.Context) error {
			_, err := p.Intake.Assign(ctx, p.by(r.Handler), t.uid, p.people[r.Handler].Account)
			return err
		})
	}
	if r.State == "linked" && len(r.Messages) == 0 {
		// Whoever reports hears from a person soon, also where the story has no words for it.
		p.then(r.Received-42*time.Minute, name, func(ctx context.Context) error { return p.answer(ctx, t, r.Handler, firstWords[r.Lang]) })
	}
	for _, m := range r.Messages {
		p.then(m.At, name, func(ctx context.Context) error { return p.continueReport(ctx, t, m) })
		if m.Seen != 0 {
			p.then(m.Seen, name, func(ctx context.Context) error {
				return p.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					return p.Correspondence.SeenTx(ctx, tx, t.thread, p.Clock.Now())
				})
			})
		}
	}
}

var firstWords = map[string]string{
	"en": "Thank you. We have read your report and are looking into it; you will hear from us today.",
	"pt": "Obrigado. Lemos a sua comunicação e estamos a analisá-la; voltamos a falar consigo ainda hoje.",
	"fr": "Merci. Nous avons lu votre signalement et l’examinons ; vous aurez de nos nouvelles aujourd’hui.",
	"nl": "Dank u. We hebben uw melding gelezen en bekijken haar; u hoort vandaag nog van ons.",
	"de": "Danke. Wir haben Ihre Meldung gelesen und prüfen sie; Sie hören heute noch von uns.",
}

func (p *player) receive(ctx context.Context, t *told) error {
	r := t.Report
	if r.Channel == "mail" {
		m := post{
			from: r.Email, name: r.Name, to: p.country.Team.Intake, subject: r.Summary, text: r.Description, seal: r.Seal, files: r.Files,
			proven: r.Proof == "aligned" || r.Proof == "signed_by_key" || r.Proof == "signed_in",
		}
		if r.Mail != nil {
			m.extra, m.id = *r.Mail, r.Mail.MessageID
		}
		return p.arrive(ctx, m)
	}
	in := intake.ReceiveInput{
		Channel: correspondence.Channel(r.Channel), Lang: r.Lang, Body: body(r), OccurredAt: p.ago(r.Occurred), DetectedAt: p.ago(r.Detected), AwareAt: p.ago(r.Aware),
	}
	if r.TLP != 0 {
		in.TLP = r.TLP.String()
	}
	for _, f := range r.Files {
		in.Files = append(in.Files, correspondence.FileIn{Name: f.Name, Type: f.Type, Content: bytes.NewReader([]byte(f.Text))})
	}
	by := access.Stranger(access.ByPage, r.Lang)
	in.Proof = correspondence.Claimed
	switch {
	case r.Channel == "phone":
		by, in.Organisation = p.by("marta"), p.orgs[r.Organisation].Ref.ID
		for _, c := range p.contacts {
			if c.Name == r.Name && c.Organisation == in.Organisation {
				in.Contact = c.ID
			}
		}
	case r.Channel == "api":
		var err error
		if by, err = p.machine(ctx); err != nil {
			return err
		}
	case r.Proof == "signed_in":
		by = p.voice(r.Organisation)
	}
	got, err := p.Intake.Receive(ctx, by, in)
	t.uid, t.thread = got.Report.UID, got.Report.Thread
	return err
}

func body(r country.Report) intake.Body {
	b := intake.Body{
		Summary: r.Summary, Description: r.Description, Name: r.Name, Email: r.Email, Phone: r.Phone, OrgText: r.OrgText, Ongoing: r.Ongoing, Kind: r.Kind, Type: r.Type,
	}
	for _, o := range r.Observables {
		b.Observables = append(b.Observables, intake.Observable{Type: o.Type, Value: o.Value})
	}
	if r.Stage != "" {
		b.Fields = map[string]string{"law": "NIS2", "stage": r.Stage}
	}
	return b
}

// found looks for the report that the mailroom made of a mail: the newest by mail.
func (p *player) found(ctx context.Context, t *told) error {
	page, err := p.Intake.List(ctx, sample(), intake.QueueFilter{Limit: 10})
	if err != nil {
		return err
	}
	for _, r := range page.Items {
		if r.Channel == correspondence.ByMail && (r.Body.Email == t.Email || t.Email == "") && !p.known(r.UID) {
			t.uid, t.thread = r.UID, r.Thread
			return nil
		}
	}
	return fmt.Errorf("the mail %s became no report", t.Key)
}

func (p *player) known(uid string) bool {
	for _, t := range p.reports {
		if t.uid == uid {
			return true
		}
	}
	return false
}

// voice is who speaks for an organisation in the portal.
func (p *player) voice(organisation string) access.Actor {
	a := p.voices[organisation]
	a.ProvedAt = p.Clock.Now()
	return a
}

func (p *player) setAside(ctx context.Context, t *told) error {
	by := p.by(t.Handler)
	if t.State == "rejected" {
		_, err := p.Intake.Reject(ctx, by, t.uid, t.Reason, "", 0)
		return err
	}
	to := t.Reason
	if o, ok := p.orgs[t.Reason]; ok {
		to = o.Name
	}
	_, err := p.Intake.PassOn(ctx, by, t.uid, to, "", 0)
	return err
}

// continueReport plays a message of the thread of a report.
func (p *player) continueReport(ctx context.Context, t *told, m country.Message) error {
	switch {
	case m.Out:
		return p.answer(ctx, t, m.By, m.Text)
	case m.Channel == "portal":
		_, err := p.Intake.Add(ctx, p.voice(t.Organisation), t.uid, intake.Addition{Channel: correspondence.ByPortal, Text: m.Text})
		return err
	}
	return p.replyByMail(ctx, t.thread, post{from: t.Email, name: t.Name, text: m.Text, seal: t.Seal})
}

// answer writes to the reporter.
func (p *player) answer(ctx context.Context, t *told, by, text string) error {
	_, err := p.Intake.Reply(ctx, p.by(by), t.uid, correspondence.Outgoing{Subject: short("Re: " + t.Summary), Text: text})
	return err
}

func short(s string) string {
	runes := []rune(s)
	return string(runes[:min(len(runes), 150)])
}

// replyByMail answers the last letter of a thread, to the address whose tag files it.
func (p *player) replyByMail(ctx context.Context, thread int64, m post) error {
	threads, err := p.Correspondence.Threads(ctx, p.DB, thread)
	if err != nil {
		return err
	}
	t := threads[thread]
	if m.from == "" {
		m.from, m.name = t.Correspondent.Email, t.Correspondent.Name
	}
	if m.from == "" {
		return fmt.Errorf("thread %s has no address to answer from", t.Reference)
	}
	m.to, m.proven = p.Correspondence.Team.ReplyTo(t.Tag), true
	m.subject = "Re: [" + t.Reference + "]"
	return p.arrive(ctx, m)
}
