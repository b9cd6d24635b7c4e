package intake

import (
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// crimeHere stands where a rule set is named: no law is known under which the report comes, and the words of the team's country count.
const crimeHere = "here"

// suspects tells whether a report says of itself that a crime is suspected, or one of us said so who took it down.
func suspects(in ReceiveInput) bool {
	return in.Crime || in.Answers["malicious"] == "yes" || in.Body.Fields["suspected_malicious"] == "yes"
}

// SuspectCrime marks a report, by whatever channel it came: a crime is suspected, or after all none is. The next letter of a person to the reporter then says
// how to go to the police (Police), and so does the status page. The actor needs access.Triage. What is marked so already stays as it is.
func (s *Service) SuspectCrime(ctx context.Context, by access.Actor, report string, suspected bool) (Report, error) {
	if err := by.Need(access.Triage); err != nil {
		return Report{}, err
	}
	var out Report
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		out = r.Report
		if r.Crime == suspected {
			return nil
		}
		if err := s.setCrime(ctx, tx, &r, suspected); err != nil {
			return err
		}
		err = s.change(ctx, tx, by, &r, audit.Entry{Verb: "intake.crime", Changes: []audit.Change{{Field: "crime", From: !suspected, To: suspected}}})
		out = r.Report
		return err
	})
	return out, err
}

func (s *Service) setCrime(ctx context.Context, tx *db.Tx, r *row, suspected bool) error {
	r.Crime = suspected
	_, err := tx.Exec(ctx, `UPDATE intake_report SET crime = $2 WHERE id = $1`, r.Ref.ID, suspected)
	return err
}

// crimeTold marks a report whose stage says that a crime is suspected.
func (s *Service) crimeTold(ctx context.Context, tx *db.Tx, r *row, told law.Answers) error {
	if r.Crime || told["malicious"] != "yes" {
		return nil
	}
	return s.setCrime(ctx, tx, r, true)
}

// Police says in a language how to go to the police about a report: as the law has it under which it came, or that of the team's country. Empty when no crime
// is suspected.
func (s *Service) Police(ctx context.Context, h db.Handle, r Report, lang string) (string, error) {
	if !r.Crime || s.Laws == nil {
		return "", nil
	}
	all, err := s.within(ctx, h, `b.report = $1`, r.Ref.ID)
	if err != nil {
		return "", err
	}
	set := crimeHere
	if len(all) > 0 {
		set = all[0].Set.Code
	}
	words := s.Laws.Police(set, s.Country, lang)
	if words != "" && s.Correspondence.Text != nil {
		words = s.Correspondence.Text.For(text.Lang(lang)).T("mail.crime") + " " + words
	}
	return words, nil
}

// PoliceTx gives what a letter to the reporter on a thread says besides, in the reporter's language: how to go to the police, when a crime is suspected and no
// letter on the thread said it. A letter that was stopped or failed said nothing.
func (s *Service) PoliceTx(ctx context.Context, tx *db.Tx, t correspondence.Thread) (string, error) {
	reports, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT id FROM intake_report WHERE thread = $1 AND crime = TRUE`, t.Ref.ID)
	if err != nil || len(reports) == 0 {
		return "", err
	}
	r, err := s.byID(ctx, tx, reports[0])
	if err != nil {
		return "", err
	}
	return s.policeOwed(ctx, tx, r.Report, t.Correspondent.Lang)
}

// PoliceOwed is what the next letter to the reporter says besides; see PoliceTx.
func (s *Service) PoliceOwed(ctx context.Context, h db.Handle, r Report) (string, error) {
	if !r.Crime {
		return "", nil
	}
	threads, err := s.Correspondence.Threads(ctx, h, r.Thread)
	if err != nil {
		return "", err
	}
	return s.policeOwed(ctx, h, r, threads[r.Thread].Correspondent.Lang)
}

func (s *Service) policeOwed(ctx context.Context, h db.Handle, r Report, lang string) (string, error) {
	words, err := s.Police(ctx, h, r, lang)
	if err != nil || words == "" {
		return "", err
	}
	all, err := s.Correspondence.Messages(ctx, h, access.System("intake"), r.Thread)
	if err != nil {
		return "", err
	}
	for _, m := range all {
		gone := m.State == correspondence.Stopped || m.State == correspondence.Failed
		if m.Direction == correspondence.Out && !gone && strings.Contains(m.Body.Text, words) {
			return "", nil
		}
	}
	return words, nil
}
