package suspicion

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Why a campaign became a line; stored.
const (
	grew      = "grew"      // beyond the set number of senders
	names     = "names"     // it touches an organisation of ours
	byAPerson = "by_person" // somebody put it there
)

const (
	linesADay = 40                  // made by themselves; whatever is beyond stands on the page of the lane
	newFor    = 30 * 24 * time.Hour // since its first message: what grows after that is no news
)

// LineJob asks for the line of a campaign.
type LineJob struct {
	Campaign int64 `json:"campaign"`
}

// Kind names the job.
func (LineJob) Kind() string { return "suspicion.line" }

// ripen asks for a line when a campaign has just become worth one. The row of the campaign is locked by the caller's update.
func (s *Service) ripen(ctx context.Context, tx *db.Tx, campaign int64) error {
	var state string
	var senders int
	var org, report int64
	var first, last, asked time.Time
	err := tx.QueryRow(ctx, `SELECT state, senders, names, first_at, last_at, asked, report FROM suspicion_campaign WHERE id = $1`, campaign).Scan(&state, &senders, &org, &first, &last, &asked, &report)
	if err != nil || State(state) != Open || report != 0 || !asked.IsZero() {
		return err
	}
	rules, err := s.RulesNow(ctx, tx)
	if err != nil {
		return err
	}
	why := ""
	switch {
	case org != 0:
		why = names
	case rules.Grows > 0 && senders >= rules.Grows && last.Sub(first) <= newFor:
		why = grew
	default:
		return nil
	}
	now := s.Clock.Now()
	var today int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM suspicion_campaign WHERE asked IS NOT NULL AND asked > $1 AND asked_why <> 'by_person'`, now.Add(-24*time.Hour)).Scan(&today); err != nil || today >= linesADay {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE suspicion_campaign SET asked = $2, asked_why = $3 WHERE id = $1`, campaign, now, why); err != nil {
		return err
	}
	return s.Jobs.Insert(ctx, tx, LineJob{Campaign: campaign}, job.Options{Lane: job.House})
}

func (s *Service) line(ctx context.Context, j LineJob) error { return s.Line(ctx, j.Campaign) }

// Line makes the report of a campaign that asked for one. It may run twice: there is one report.
func (s *Service) Line(ctx context.Context, campaign int64) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.lock(ctx, tx, campaign)
		if errs.Is(err, errs.NotFound) || err == nil && (c.Report != 0 || c.State != Open) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = s.report(ctx, tx, access.System("intake"), &c)
		return err
	})
}

// lock reads a campaign for a change, past any scope.
func (s *Service) lock(ctx context.Context, tx *db.Tx, id int64) (Campaign, error) {
	if _, err := access.Locked(ctx, tx, id); err != nil {
		return Campaign{}, err
	}
	all, err := db.All(ctx, tx, s.scan, `SELECT `+columns+` FROM object o `+joins+` WHERE o.id = $1`+tx.ForUpdate("c"), id)
	if err != nil || len(all) == 0 {
		return Campaign{}, orNotFound(err)
	}
	return all[0], nil
}

func orNotFound(err error) error {
	if err == nil {
		return errs.ErrNotFound
	}
	return err
}

// mostLinks is how many links the report of a campaign tells; its page has the rest.
const mostLinks = 10

// report makes the line, in the language of the team. It is filed as evidence of this moment; what the campaign is now stands on its page, and its count
// on the line.
func (s *Service) report(ctx context.Context, tx *db.Tx, by access.Actor, c *Campaign) (ref.Ref, error) {
	p := s.Text.For(text.Lang(s.Lang))
	if s.Correspondence.Team.Zone != nil {
		p = p.In(s.Correspondence.Team.Zone)
	}
	title := c.Title
	if title == "" {
		title = p.T("desk.suspicious.untitled")
	}
	var b strings.Builder
	b.WriteString(p.N("desk.suspicious.line.count", c.Messages) + "\n" + p.T("desk.suspicious.line.when", "first", c.FirstAt, "last", c.LastAt) + "\n")
	if c.Names != 0 {
		orgs, err := s.Constituency.Labels(ctx, tx, c.Names)
		if err != nil {
			return ref.Ref{}, err
		}
		b.WriteString(p.T("desk.suspicious.line.names", "name", orgs[c.Names].Name) + "\n")
	}
	all, err := s.featuresOf(ctx, tx, c.Ref.ID, mostLinks)
	if err != nil {
		return ref.Ref{}, err
	}
	for _, f := range all {
		if f.Kind != File {
			b.WriteString("\n" + p.T("desk.suspicious.kind."+f.Kind.Key()) + ": " + Defang(f.Value) + " (" + strconv.Itoa(f.Seen) + ")")
		}
	}
	got, err := s.Intake.ReceiveTx(ctx, tx, access.System("intake"), intake.ReceiveInput{
		Channel: correspondence.ByForm, Lang: s.Lang, TLP: tlp.Amber.Name(), Proof: correspondence.ByHand, NoReceipt: true,
		Body: intake.Body{Summary: cutText(p.T("desk.suspicious.line.title", "title", title), intake.MaxSummary), Description: b.String(), Kind: "threat"},
	}, nil)
	if err != nil {
		return ref.Ref{}, fmt.Errorf("make the line of a campaign: %w", err)
	}
	now := s.Clock.Now()
	c.Report = got.Report.Ref.ID
	if c.Asked.IsZero() {
		c.Asked = now
		if _, err := tx.Exec(ctx, `UPDATE suspicion_campaign SET asked = $2, asked_why = $3 WHERE id = $1`, c.Ref.ID, now, byAPerson); err != nil {
			return ref.Ref{}, err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE suspicion_campaign SET report = $2 WHERE id = $1`, c.Ref.ID, c.Report); err != nil {
		return ref.Ref{}, err
	}
	if err := access.Touch(ctx, tx, c.Ref.ID, now); err != nil {
		return ref.Ref{}, err
	}
	return got.Report.Ref, s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "suspicion.line", On: c.Ref, Changes: []audit.Change{{Field: "report", To: got.Reference}, {Field: "messages", To: c.Messages}},
	})
}

// Defang writes a link or a domain so that nothing makes it one to press.
func Defang(s string) string {
	host, path, ok := strings.Cut(s, "/")
	host = strings.ReplaceAll(host, ".", "[.]")
	if !ok || path == "" {
		return host
	}
	return host + "/" + path
}
