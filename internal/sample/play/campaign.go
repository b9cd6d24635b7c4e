package play

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// answersAtOnce is how many answers of a campaign the play lets come at one moment.
const answersAtOnce = 40

// writeCampaign puts a question to many into the script: asked with each its own evidence, approved by a second person, answered by the links of the
// letters; who is silent is written to once more.
func (p *player) writeCampaign(c country.Campaign) {
	name := "campaign " + c.Incident
	codes := map[string]id.Secret{} // by organisation
	p.then(c.Asked, name, func(ctx context.Context) error { return p.ask(ctx, c) })
	p.then(c.Asked-time.Minute, name, func(ctx context.Context) error { return p.openLetters(ctx, c, codes) })
	p.then(c.Chased, name, func(ctx context.Context) error { return p.chase(ctx, c) })
	said := slices.DeleteFunc(slices.Clone(c.Customers), func(x country.Customer) bool { return x.Answered == 0 })
	slices.SortFunc(said, func(a, b country.Customer) int { return cmp.Compare(b.Answered, a.Answered) })
	for some := range slices.Chunk(said, answersAtOnce) {
		p.then(some[len(some)-1].Answered, name, func(ctx context.Context) error {
			for _, x := range some {
				if err := p.answerByLink(ctx, x, codes[x.Key]); err != nil {
					return fmt.Errorf("%s: %w", x.Key, err)
				}
			}
			return nil
		})
	}
}

// ask registers who is to be asked, and sends.
func (p *player) ask(ctx context.Context, c country.Campaign) error {
	var list strings.Builder
	for some := range slices.Chunk(c.Customers, registeredAtOnce) {
		err := p.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, o := range some {
				if err := p.registerTx(ctx, tx, o.Organisation); err != nil {
					return fmt.Errorf("organisation %s: %w", o.Key, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, o := range c.Customers {
		fmt.Fprintf(&list, "update.%s,%s,%s\n", o.Assets[0].Value, p.ago(o.Seen).Format(time.RFC3339), o.Line)
	}
	in := p.incidents[c.Incident]
	x, err := p.Coordination.NewSending(ctx, p.by(c.By), in.uid)
	if err != nil {
		return err
	}
	if _, err := p.Coordination.Choose(ctx, p.by(c.By), x.UID, coordination.Choose{List: list.String()}); err != nil {
		return err
	}
	give := coordination.Give{Text: c.Words["en"].Text, Request: c.Words["en"].Request, Words: map[string]coordination.Words{}, Questions: c.Questions, DueAt: p.ago(c.Due), TLP: tlp.Green}
	for lang, w := range c.Words {
		give.Words[lang] = coordination.Words{Text: w.Text, Request: w.Request}
	}
	if _, err := p.Coordination.SetLetter(ctx, p.by(c.By), x.UID, 0, give); err != nil {
		return err
	}
	if x, err = p.Coordination.Submit(ctx, p.by(c.By), x.UID, 0, true); err != nil {
		return err
	}
	_, err = p.Coordination.Approve(ctx, p.by(c.Approver), x.UID, x.Hash)
	return err
}

// openLetters reads the links in the letters that left, as their readers do.
func (p *player) openLetters(ctx context.Context, c country.Campaign, codes map[string]id.Secret) error {
	rows, err := p.Coordination.Matrix(ctx, p.by(c.By), p.incidents[c.Incident].uid)
	if err != nil {
		return err
	}
	thread := map[int64]int64{}
	for _, row := range rows {
		thread[row.Party.Organisation] = row.Party.Thread
	}
	for _, o := range c.Customers {
		letters, err := p.Correspondence.Messages(ctx, p.DB, p.by(c.By), thread[p.orgs[o.Key].Ref.ID])
		if err != nil || len(letters) == 0 {
			return errs.Newf(errs.Internal, "%s has no letter: %v", o.Key, err)
		}
		_, after, ok := strings.Cut(letters[0].Body.Text, "/a/")
		if !ok {
			return errs.Newf(errs.Internal, "the letter to %s has no link", o.Key)
		}
		code, _, _ := strings.Cut(after, "\n")
		codes[o.Key] = id.SecretOf(strings.TrimSpace(code))
	}
	return nil
}

func (p *player) answerByLink(ctx context.Context, x country.Customer, code id.Secret) error {
	in := coordination.LinkInput{Act: coordination.LinkAct(x.Act), Note: x.Note}
	switch {
	case !x.Concerned:
		in.Reply = &coordination.ReplyInput{NotConcerned: true}
	case x.Answers != nil:
		in.Reply = &coordination.ReplyInput{Answers: coordination.Answers{}}
		for q, said := range x.Answers {
			in.Reply.Answers[q] = coordination.Said{Value: said, NotLooked: said == ""}
		}
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return p.Coordination.FromLink(ctx, code.Hash(), raw, p.Clock.Now(), nil)
}

// chase writes to those who have not answered.
func (p *player) chase(ctx context.Context, c country.Campaign) error {
	in := p.incidents[c.Incident]
	rows, err := p.Coordination.Matrix(ctx, p.by(c.By), in.uid)
	if err != nil {
		return err
	}
	asked := map[int64]bool{}
	for _, o := range c.Customers {
		asked[p.orgs[o.Key].Ref.ID] = true
	}
	g := coordination.Give{Chase: true, Text: c.Words["en"].Chase, Words: map[string]coordination.Words{}, TLP: tlp.Green, Looked: true}
	for lang, w := range c.Words {
		g.Words[lang] = coordination.Words{Text: w.Chase}
	}
	for _, row := range rows {
		if asked[row.Party.Organisation] && row.AnsweredAt.IsZero() {
			g.Parties = append(g.Parties, row.Party.UID)
		}
	}
	if len(g.Parties) == 0 {
		return nil
	}
	if _, err := p.Coordination.Send(ctx, p.by(c.By), in.uid, g); err != nil {
		return err
	}
	// So many letters at once wait for a second person.
	masses, err := p.Correspondence.Masses(ctx, p.by(c.Approver))
	if err != nil {
		return err
	}
	for _, m := range masses {
		if m, _, err = p.Correspondence.Mass(ctx, p.by(c.Approver), m.UID); err != nil {
			return err
		}
		if _, err := p.Correspondence.ReleaseMass(ctx, p.by(c.Approver), m.UID, m.Hash); err != nil {
			return err
		}
	}
	return nil
}
