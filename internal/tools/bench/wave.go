package main

import (
	"bytes"
	"context"
	"fmt"
	"net/smtp"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// waveDecided is how long the machine may take for its part of one decision over a wave.
const waveDecided = time.Minute

var waveLangs = []string{"en", "pt", "fr", "nl", "de"}

// sameWave sends one phishing mail from many proved senders, of whom we know the language, and answers the group that it makes by one decision. What is timed:
// from the decision, by a second person's yes, until the last answer is out. Each sender has one answer, in its language, with its own name and reference.
func (w *world) sameWave(ctx context.Context) (string, bool, error) {
	address, end, err := w.serve(ctx)
	if err != nil {
		return "", false, err
	}
	defer end()
	h, n := w.house, 500
	if w.tiny {
		n = 30 // the brake of a second person holds
	}
	hold := h.Correspondence.Hold
	h.Correspondence.Hold = 0
	defer func() { h.Correspondence.Hold = hold }()
	senders, err := w.senders(ctx, n)
	if err != nil {
		return "", false, err
	}
	began := time.Now()
	if err := w.sendSame(address, senders); err != nil {
		return "", false, err
	}
	var group []intake.Line
	for deadline := time.Now().Add(2 * time.Minute); len(group) < n; time.Sleep(200 * time.Millisecond) {
		if group, err = w.groupOf(ctx, senders[0]); err != nil {
			return "", false, err
		}
		if time.Now().After(deadline) {
			return "", false, fmt.Errorf("%d of %d mails are in one group after two minutes", len(group), n)
		}
	}
	came := time.Since(began)
	began = time.Now()
	if err := w.decideWave(ctx, group); err != nil {
		return "", false, err
	}
	if err := w.answers(ctx, group); err != nil {
		return "", false, err
	}
	took := time.Since(began)
	return fmt.Sprintf("%s for %d right answers in five languages, one group, one decision; the mails came and were filed in %s", short(took), n, short(came)), took <= waveDecided, nil
}

// senders enters contacts, a fifth in each language, and gives their addresses.
func (w *world) senders(ctx context.Context, n int) (out []string, err error) {
	series := time.Now().UnixNano()
	for i, lang := range waveLangs {
		o, err := w.house.Constituency.Create(ctx, w.by, constituency.NewOrganisation{Name: fmt.Sprintf("Wave %d %s", series, lang), Lang: lang})
		if err != nil {
			return nil, err
		}
		for from := 0; from < n/5; from += 50 {
			err := w.house.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				for k := from; k < min(from+50, n/5); k++ {
					name := fmt.Sprintf("p%d", k*5+i)
					if _, err := w.house.Constituency.AddContactTx(ctx, tx, w.by, o.UID, constituency.NewContact{Name: "Person " + name, Role: "security", Lang: lang, Email: fmt.Sprintf("%s@%s-%d.example", name, name, series)}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	for k := range n {
		out = append(out, fmt.Sprintf("p%d@p%d-%d.example", k, k, series))
	}
	return out, nil
}

// sendSame sends the same mail from each.
func (w *world) sendSame(address string, senders []string) error {
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	series := time.Now().UnixNano()
	text := "Your parcel waits at the depot. Pay the fee of 1.99 within a day or it goes back: https://parcel-fee.example/pay?run=" + fmt.Sprint(series) + "\r\n\r\nThe parcel service\r\n"
	for n, from := range senders {
		for _, step := range []func() error{func() error { return c.Mail(from) }, func() error { return c.Rcpt(w.house.Profile.Address) }} {
			if err := step(); err != nil {
				return err
			}
		}
		d, err := c.Data()
		if err != nil {
			return err
		}
		var mail bytes.Buffer
		fmt.Fprintf(&mail, "From: <%s>\r\nTo: <%s>\r\nSubject: Parcel %d\r\nDate: %s\r\nMessage-ID: <%d.%d@wave.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s",
			from, w.house.Profile.Address, series, time.Now().Format(time.RFC1123Z), series, n, text)
		_, domain, _ := strings.Cut(from, "@")
		if err := dkim.Sign(d, &mail, &dkim.SignOptions{Domain: domain, Selector: "bench", Signer: signs, HeaderKeys: []string{"From", "To", "Subject", "Date", "Message-ID"}}); err != nil {
			return err
		}
		if err := d.Close(); err != nil {
			return err
		}
	}
	return c.Quit()
}

// groupOf gives the lines of the group in which the report of a sender stands; none while it has not come.
func (w *world) groupOf(ctx context.Context, sender string) (out []intake.Line, err error) {
	first, err := w.house.Intake.Queue(ctx, w.by, intake.QueueFilter{Text: sender, Limit: 1})
	if err != nil || len(first.Items) == 0 {
		return nil, err
	}
	f := intake.QueueFilter{Like: first.Items[0].UID, Limit: 200}
	for {
		p, err := w.house.Intake.Queue(ctx, w.by, f)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if f.After = p.Next; f.After == "" {
			return out, nil
		}
	}
}

// decideWave answers a group with a letter of the playbook; a second person lets it leave.
func (w *world) decideWave(ctx context.Context, group []intake.Line) error {
	h := w.house
	var by [2]access.Actor
	for i, role := range []access.Role{access.Analyst, access.Lead} {
		a, _, err := h.Accounts.Create(ctx, access.System("sample"), account.NewAccount{Email: id.New() + "@bench.example", Name: "Bench", Roles: []access.Role{role}})
		if err != nil {
			return err
		}
		by[i] = access.Actor{Account: a.ID, Name: a.Name, Roles: []access.Role{role}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now().Add(time.Hour), Lang: "en"}
	}
	in := intake.RunInput{Action: intake.RunAnswer, Letters: map[string]intake.Words{}}
	for _, lang := range waveLangs {
		t, err := h.Playbook.Template(playbook.KnownWave, lang)
		if err != nil {
			return err
		}
		in.Letters[lang] = intake.Words{Subject: t.Subject, Text: strings.ReplaceAll(t.Text, "{phone}", "+999 1") + "\n\n{reference}"}
	}
	for _, l := range group {
		in.Reports = append(in.Reports, l.UID)
	}
	run, err := h.Intake.StartRun(ctx, by[0], in)
	if err != nil {
		return err
	}
	for run.State == intake.Running {
		time.Sleep(50 * time.Millisecond)
		if run, err = h.Intake.GetRun(ctx, by[0], run.UID); err != nil {
			return err
		}
	}
	if run.Done != len(group) {
		return fmt.Errorf("%d of %d are answered: %v", run.Done, len(group), run.Why)
	}
	masses, err := h.Correspondence.Masses(ctx, by[1])
	if err != nil {
		return err
	}
	for _, m := range masses {
		if m.Readers != len(group) {
			continue
		}
		m, _, err := h.Correspondence.Mass(ctx, by[1], m.UID)
		if err != nil {
			return err
		}
		if _, err := h.Correspondence.ReleaseMass(ctx, by[1], m.UID, m.Hash); err != nil {
			return err
		}
	}
	return nil
}

// answers waits until each has its letter, and looks at each.
func (w *world) answers(ctx context.Context, group []intake.Line) error {
	h, to := w.house, map[string]bool{}
	for deadline := time.Now().Add(3 * waveDecided); ; time.Sleep(200 * time.Millisecond) {
		out := 0
		for _, l := range group[max(0, len(group)-1):] { // the last alone, until it is out
			all, err := h.Correspondence.Messages(ctx, h.DB, w.by, l.Thread)
			if err != nil {
				return err
			}
			for _, m := range all {
				if m.Kind == correspondence.Letter && m.State == correspondence.Sent {
					out++
				}
			}
		}
		var waits int
		if err := h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE kind = 'letter' AND state IN ('held', 'waiting', 'sending') AND mass <> 0`).Scan(&waits); err != nil {
			return err
		}
		if out > 0 && waits == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d answers are not out", waits)
		}
	}
	for _, l := range group {
		all, err := h.Correspondence.Messages(ctx, h.DB, w.by, l.Thread)
		if err != nil {
			return err
		}
		threads, err := h.Correspondence.Threads(ctx, h.DB, l.Thread)
		if err != nil {
			return err
		}
		who, letters := threads[l.Thread].Correspondent, 0
		t, err := h.Playbook.Template(playbook.KnownWave, who.Lang)
		if err != nil {
			return err
		}
		begins, _, _ := strings.Cut(t.Text, "\n")
		for _, m := range all {
			if m.Direction != correspondence.Out || m.Kind != correspondence.Letter {
				continue
			}
			letters++
			right := m.State == correspondence.Sent && m.Body.To == l.Body.Email && m.Body.Subject == t.Subject && strings.HasPrefix(m.Body.Text, strings.ReplaceAll(begins, "{name}", who.Name)) && strings.HasSuffix(m.Body.Text, l.Reference)
			if !right || to[m.Body.To] {
				return fmt.Errorf("the answer to %s in %s is not right, or its second: %s, %q", l.Reference, who.Lang, m.State, m.Body.Subject)
			}
			to[m.Body.To] = true
		}
		if letters != 1 {
			return fmt.Errorf("%s has %d answers", l.Reference, letters)
		}
	}
	langs := map[string]int{}
	for _, l := range group {
		threads, err := h.Correspondence.Threads(ctx, h.DB, l.Thread)
		if err != nil {
			return err
		}
		langs[threads[l.Thread].Correspondent.Lang]++
	}
	if len(langs) != len(waveLangs) {
		return fmt.Errorf("the answers are in %v", langs)
	}
	return nil
}
