package takedown

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// answerWithin is how long a provider has to answer, unless a person says otherwise.
const answerWithin = 24 * time.Hour

// Prepare makes a sending of all who were confirmed for targets of an incident and were not told yet, each with the evidence in its form: a draft to look at, change
// and send as any other. Targets are uids, none for all that are not ended. Who wants to be told on a page of its own is left to a person. The actor needs
// access.WorkCases and access.SendOutside. Refused: NotFound, Conflict for a closed incident or when there is nobody to write to.
func (s *Service) Prepare(ctx context.Context, by access.Actor, incident string, targets []string) (coordination.Sending, error) {
	var x coordination.Sending
	for _, r := range []access.Right{access.WorkCases, access.SendOutside} {
		if err := by.Need(r); err != nil {
			return x, err
		}
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, incident)
		if err != nil {
			return err
		}
		all, err := s.targetsOf(ctx, tx, by, o.Ref)
		if err != nil {
			return err
		}
		for _, uid := range targets {
			if !slices.ContainsFunc(all, func(t Target) bool { return t.UID == uid }) {
				return errs.ErrNotFound
			}
		}
		all = slices.DeleteFunc(all, func(t Target) bool {
			return !t.EndedAt.IsZero() || t.State == Down || len(targets) > 0 && !slices.Contains(targets, t.UID)
		})
		ready, ids, err := s.ready(ctx, tx, by, o, all)
		if err != nil {
			return err
		}
		if len(ready) == 0 {
			return &errs.Error{Kind: errs.Conflict, Key: "error.takedown.nobody", Text: "nobody who was confirmed waits to be written to"}
		}
		if x, err = s.Coordination.PrepareTx(ctx, tx, by, o, ready, s.letters(ready)); err != nil {
			return err
		}
		q := db.In(new(db.Query).Add(`UPDATE takedown_proposal SET sending = ? WHERE id IN `, x.ID), ids)
		if _, err := q.Exec(ctx, tx); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "takedown.prepare", On: o.Ref, Changes: []audit.Change{{Field: "parties", To: len(ready)}}, Data: map[string]string{"sending": x.UID}})
	})
	return x, err
}

// ready gathers who is written to about which targets, and the proposals that this is.
func (s *Service) ready(ctx context.Context, tx *db.Tx, by access.Actor, o access.Object, targets []Target) ([]coordination.Ready, []int64, error) {
	proposals, err := s.proposalsOf(ctx, tx, by, o)
	if err != nil {
		return nil, nil, err
	}
	var out []coordination.Ready
	var ids []int64
	for _, t := range targets {
		for _, p := range proposals[t.ID] {
			if p.State != Confirmed || !p.ToldAt.IsZero() || p.Form == ByPage || p.Sending != 0 {
				continue
			}
			i := slices.IndexFunc(out, func(r coordination.Ready) bool { return r.Organisation == p.Organisation })
			if i < 0 {
				i = len(out)
				out = append(out, coordination.Ready{Organisation: p.Organisation, Role: p.Role, Why: coordination.Why{By: "takedown", Value: string(p.Role)}})
			}
			out[i].Lines = append(out[i].Lines, s.line(t, p.Lang))
			if p.Form == ByXARF && len(out[i].Files) < coordination.MostOwnFiles {
				f, err := s.xarf(t, p)
				if err != nil {
					return nil, nil, err
				}
				out[i].Files = append(out[i].Files, f)
			}
			ids = append(ids, p.ID)
		}
	}
	return out, ids, nil
}

// line is a target as a line of evidence: what it is, when it was seen, what it does.
func (s *Service) line(t Target, lang string) coordination.Line {
	p := s.Texts.For(text.Lang(lang))
	note := p.T("mail.takedown.kind." + string(t.Kind))
	if t.Words != "" {
		note += ": " + strings.Join(strings.Fields(t.Words), " ")
	}
	if at := t.At(); len(at) > 0 && t.Thing.Form != "address" {
		note += " [" + words(at[:min(len(at), 4)]) + "]"
	}
	return coordination.Line{What: t.Thing.Text, At: t.SeenAt, Note: note}
}

// letters are the words of the team to each part, in every language.
func (s *Service) letters(ready []coordination.Ready) coordination.Give {
	g := coordination.Give{DueAt: s.Clock.Now().Add(answerWithin).Truncate(time.Hour), ByRole: map[coordination.Role]map[string]coordination.Words{}}
	for _, r := range ready {
		if g.ByRole[r.Role] != nil {
			continue
		}
		of := map[string]coordination.Words{}
		for _, l := range text.Langs() {
			of[string(l)] = s.wordsTo(r.Role, string(l))
		}
		g.ByRole[r.Role] = of
		if g.Request == "" {
			en := of[string(text.EN)]
			g.Text, g.Request = en.Text, en.Request
		}
	}
	return g
}

func (s *Service) wordsTo(role coordination.Role, lang string) coordination.Words {
	p := s.Texts.For(text.Lang(lang))
	return coordination.Words{
		Text:    p.T("mail.takedown.text."+string(role), "team", s.Coordination.Correspondence.Team.Name),
		Request: p.T("mail.takedown.request." + string(role)),
	}
}

// types are what XARF calls what a target does.
var types = map[Kind][2]string{
	Phishing: {"content", "phishing"}, Malware: {"content", "malware"}, CommandServer: {"infrastructure", "botnet"}, ScamShop: {"content", "fraud"}, Impersonation: {"content", "fraud"}, Other: {"content", "fraud"},
}

// xarf writes a target as a file that the provider's program reads.
func (s *Service) xarf(t Target, p Proposal) (coordination.OwnFile, error) {
	team := s.Coordination.Correspondence.Team
	_, domain, _ := strings.Cut(team.Address, "@")
	n := abuse.NewXARF4{
		ID: uuidOf(t.UID + p.UID), At: t.SeenAt, Reporter: abuse.Party{Org: team.Name, Email: team.Address, Domain: domain}, Category: types[t.Kind][0], Type: types[t.Kind][1],
		Source: t.Thing.Host, Port: int(t.Thing.Port), URL: t.url(), Words: t.Words,
	}
	if at := t.At(); len(at) > 0 {
		n.Source = at[0].String()
	}
	switch n.Type {
	case "fraud":
		n.Fraud = map[Kind]string{ScamShop: "shopping"}[t.Kind]
		if n.Fraud == "" {
			n.Fraud = "other"
		}
	case "botnet":
		n.Control, n.URL = t.Thing.Text, ""
	}
	b, err := abuse.WriteXARF4(n)
	return coordination.OwnFile{Name: "xarf-" + n.ID[:8] + ".json", Type: "application/json", Content: b}, err
}

// url gives a target as a URL, as formats ask for one.
func (t Target) url() string {
	switch {
	case t.Thing.Form == "url":
		return t.Thing.Text
	case strings.Contains(t.Thing.Host, ":") && t.Thing.Port == 0:
		return "http://[" + t.Thing.Host + "]/"
	}
	return "http://" + t.Thing.Text + "/"
}

// uuidOf makes a UUID (version 8, RFC 9562) of a name: the same again for the same.
func uuidOf(name string) string {
	h := sha256.Sum256([]byte("takedown/xarf/v1:" + name))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// Page is what a form on a provider's page is filled in with.
type Page struct {
	Proposal Proposal
	Target   Target
	Words    string
	Line     coordination.Line
}

// PageOf gives what a person fills a provider's form in with, in the provider's language, or English. The actor needs access.WorkCases.
func (s *Service) PageOf(ctx context.Context, by access.Actor, proposal string) (Page, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Page{}, err
	}
	target, err := targetOf(ctx, s.DB, proposal)
	if err != nil {
		return Page{}, err
	}
	t, err := s.target(ctx, s.DB, by, target)
	if err != nil {
		return Page{}, err
	}
	p, err := s.proposal(ctx, s.DB, by, t, proposal)
	if err != nil {
		return Page{}, err
	}
	line, w := s.line(t, p.Lang), s.wordsTo(p.Role, p.Lang)
	body := w.Text + "\n\n" + t.Thing.Shown() + "\n" + line.At.UTC().Format(time.DateTime) + " UTC\n" + mail.NoLinks(mail.VisibleText(line.Note)) + "\n\n" + w.Request
	return Page{p, t, body, line}, nil
}

// Told says that a person told a provider by another way, such as the form on its page: it becomes a party, and its time runs. The actor needs access.WorkCases. Refused:
// Invalid for a time that is to come, NotFound, Conflict for one that was told or is not confirmed.
func (s *Service) Told(ctx context.Context, by access.Actor, proposal string, at time.Time) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	now := s.Clock.Now()
	if at.IsZero() {
		at = now
	}
	if at.After(now.Add(time.Minute)) {
		var p errs.Problems
		p.Add("at", "error.past")
		return p.Err()
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		t, p, err := s.proposalForChange(ctx, tx, by, proposal)
		if err != nil {
			return err
		}
		switch {
		case !t.EndedAt.IsZero():
			return errEnded
		case !p.ToldAt.IsZero():
			return errTold
		case p.State != Confirmed || p.Organisation == 0:
			return &errs.Error{Kind: errs.Conflict, Key: "error.takedown.unconfirmed", Text: "confirm it first"}
		}
		if _, err := s.Coordination.AddTx(ctx, tx, by, t.Incident, coordination.NewParty{Organisation: p.Organisation, Role: p.Role}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE takedown_proposal SET told_at = $1 WHERE id = $2`, at, p.ID); err != nil {
			return err
		}
		t.told(at)
		t.LookAt = s.nextLook(t, now)
		if err := s.save(ctx, tx, &t, true); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "takedown.told", t, "", audit.Change{Field: "party", To: p.Name})
	})
}

// told notes that somebody was told: looks begin anew.
func (t *Target) told(at time.Time) {
	if t.ToldAt.IsZero() || at.Before(t.ToldAt) {
		t.ToldAt = at
	}
	t.looks, t.misses = 0, 0
}

// MessageSentTx notes that the letter to a provider left: its time runs, and its targets are looked at. It is told of every letter of the house.
func (s *Service) MessageSentTx(ctx context.Context, tx *db.Tx, m correspondence.Message, at time.Time) error {
	// Targets before proposals, as everybody locks them.
	targets, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT t.id FROM takedown_target t WHERE t.id IN (SELECT p.target
		FROM takedown_proposal p JOIN coordination_sending_party l ON l.sending = p.sending AND l.organisation = p.organisation WHERE p.told_at IS NULL AND p.sending <> 0 AND l.message = $1)
		ORDER BY t.id`+tx.ForUpdate("t"), m.UID)
	if err != nil || len(targets) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE takedown_proposal SET told_at = $1 WHERE told_at IS NULL AND sending <> 0 AND EXISTS (SELECT 1 FROM coordination_sending_party l
		WHERE l.sending = takedown_proposal.sending AND l.organisation = takedown_proposal.organisation AND l.message = $2)`, at, m.UID)
	if err != nil {
		return err
	}
	look := s.Clock.Now().Add(schedule[0])
	for some := range slices.Chunk(targets, 500) {
		q := new(db.Query).Add(`UPDATE takedown_target SET told_at = COALESCE(told_at, ?), look_at = ?, looks = 0, misses = 0, version = version + 1 WHERE ended_at IS NULL AND id IN `, at, look)
		if _, err := db.In(q, some).Exec(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}
