package takedown

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Limits of the directory.
const (
	mostProviders = 2000
	mostMatches   = 500
	mostWants     = 2000
)

// NewProvider is what is known of a provider when it is entered or changed.
type NewProvider struct {
	Organisation string // uid; "" enters one with Name and Email
	Name         string
	Email        string
	Lang         string
	Role         coordination.Role
	Form         Form
	Page         string
	Wants        string
	Matches      string // one a line
	Proposal     string // uid of the proposal that it answers, "" for none
}

func (in *NewProvider) check() ([]string, error) {
	var p errs.Problems
	in.Name, in.Email, in.Page, in.Wants = strings.TrimSpace(in.Name), strings.TrimSpace(in.Email), strings.TrimSpace(in.Page), strings.TrimSpace(in.Wants)
	if in.Organisation == "" && in.Name == "" {
		p.Add("name", "error.required")
	}
	if !slices.Contains(Parts(), in.Role) {
		p.Add("role", "error.choose")
	}
	if !slices.Contains(Forms(), in.Form) {
		p.Add("form", "error.choose")
	}
	if in.Organisation == "" && in.Email == "" && in.Form != ByPage {
		p.Add("email", "error.required")
	}
	u, err := url.Parse(in.Page)
	switch {
	case in.Page == "" && in.Form == ByPage:
		p.Add("page", "error.required")
	case in.Page != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(in.Page) > 500 || in.Page != mail.Visible(in.Page)):
		p.Add("page", "error.takedown.page")
	}
	if utf8.RuneCountInString(in.Wants) > mostWants {
		p.Add("wants", "error.too_long", "most", mostWants)
	}
	matches, ok := readMatches(in.Matches)
	if !ok {
		p.Add("matches", "error.takedown.matches")
	}
	if len(matches) > mostMatches {
		p.Add("matches", "error.too_many", "most", mostMatches)
	}
	return matches, p.Err()
}

// readMatches reads what a provider is proposed for: networks, suffixes of names and numbers of registrars.
func readMatches(text string) (out []string, ok bool) {
	for _, w := range strings.Fields(strings.ToLower(text)) {
		number, registrar := strings.CutPrefix(w, "iana:")
		prefix, err := netip.ParsePrefix(w)
		switch {
		case err == nil:
			w = prefix.Masked().String()
		case registrar && number != "" && len(number) < 10 && strings.Trim(number, "0123456789") == "":
		case strings.HasPrefix(w, ".") && len(w) > 1 && len(w) < 100 && !strings.ContainsAny(w, "/:@"):
		default:
			return nil, false
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out, true
}

const providerColumns = `p.id, p.uid, p.organisation, p.kind, p.form, p.page, p.wants, p.matches, p.version, p.retired_at`

func scanProvider(r *db.Rows) (Provider, error) {
	var p Provider
	var matches string
	err := r.Scan(&p.ID, &p.UID, &p.Organisation, (*string)(&p.Role), (*string)(&p.Form), &p.Page, &p.Wants, &matches, &p.Version, &p.RetiredAt)
	p.Matches = strings.Fields(matches)
	return p, err
}

// Providers gives the directory, by name, retired ones apart. The actor needs access.ReadRegistry.
func (s *Service) Providers(ctx context.Context, by access.Actor) ([]Provider, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, err
	}
	return s.providers(ctx, s.DB, by)
}

func (s *Service) providers(ctx context.Context, h db.Handle, by access.Actor) ([]Provider, error) {
	list, err := db.All(ctx, h, scanProvider, `SELECT `+providerColumns+` FROM takedown_provider p WHERE p.retired_at IS NULL ORDER BY p.id LIMIT $1`, mostProviders)
	if err != nil {
		return nil, err
	}
	return s.named(ctx, h, by, list)
}

// named fills in who they are; an organisation that the actor may not see is left out.
func (s *Service) named(ctx context.Context, h db.Handle, by access.Actor, list []Provider) ([]Provider, error) {
	ids := make([]int64, 0, len(list))
	for _, p := range list {
		if !slices.Contains(ids, p.Organisation) {
			ids = append(ids, p.Organisation)
		}
	}
	orgs, err := s.Constituency.Visible(ctx, h, by, ids...)
	if err != nil {
		return nil, err
	}
	contacts, err := s.Constituency.WriteToMany(ctx, h, ids...)
	if err != nil {
		return nil, err
	}
	out := list[:0]
	for _, p := range list {
		o, ok := orgs[p.Organisation]
		if !ok {
			continue
		}
		c := contacts[p.Organisation]
		p.OrgUID, p.Name, p.Email, p.Lang = o.UID, o.Name, c.Email, cmp.Or(c.Lang, o.Lang)
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Provider) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Provider gives one by uid. The actor needs access.ReadRegistry.
func (s *Service) Provider(ctx context.Context, by access.Actor, uid string) (Provider, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return Provider{}, err
	}
	return s.provider(ctx, s.DB, by, uid)
}

func (s *Service) provider(ctx context.Context, h db.Handle, by access.Actor, uid string) (Provider, error) {
	if !utf8.ValidString(uid) || strings.ContainsRune(uid, 0) {
		return Provider{}, errs.ErrNotFound
	}
	p, err := db.One(ctx, h, scanProvider, `SELECT `+providerColumns+` FROM takedown_provider p WHERE p.uid = $1`, uid)
	if err != nil {
		return p, err
	}
	list, err := s.named(ctx, h, by, []Provider{p})
	if err == nil && len(list) == 0 {
		err = errs.ErrNotFound
	}
	if err != nil {
		return Provider{}, err
	}
	return list[0], nil
}

// SaveProvider enters a provider, or changes the one of a uid that was read at a version. Without an organisation one is entered in the register, with a contact of
// that address, unless a contact has it already. The actor needs access.WriteRegistry. Refused: Invalid with all fields, NotFound, Conflict for a part that is there.
func (s *Service) SaveProvider(ctx context.Context, by access.Actor, uid string, version int64, in NewProvider) (Provider, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Provider{}, err
	}
	if in.Proposal != "" {
		if err := by.Need(access.WorkCases); err != nil {
			return Provider{}, err
		}
	}
	matches, err := in.check()
	if err != nil {
		return Provider{}, err
	}
	var p Provider
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var t Target
		var answers Proposal
		if in.Proposal != "" { // the case first: cases are locked before organisations
			var err error
			if t, answers, err = s.proposalForChange(ctx, tx, by, in.Proposal); err != nil {
				return err
			}
			if answers.Role != in.Role {
				var w errs.Problems
				w.Add("role", "error.takedown.role")
				return w.Err()
			}
		}
		org, err := s.whoseTx(ctx, tx, by, uid, in)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		p = Provider{UID: uid, Organisation: org.Ref.ID, OrgUID: org.UID, Name: org.Name, Role: in.Role, Form: in.Form, Page: in.Page, Wants: in.Wants, Matches: matches, Version: 1}
		if uid == "" {
			p.UID = id.New()
			err = tx.QueryRow(ctx, `INSERT INTO takedown_provider (uid, organisation, kind, form, page, wants, matches, version, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)
				ON CONFLICT (organisation, kind) DO UPDATE SET form = excluded.form, page = excluded.page, wants = excluded.wants, matches = excluded.matches, version = takedown_provider.version + 1,
				changed_at = excluded.changed_at, retired_at = NULL WHERE takedown_provider.retired_at IS NOT NULL RETURNING id, uid, version`,
				p.UID, p.Organisation, string(p.Role), string(p.Form), p.Page, p.Wants, strings.Join(matches, "\n"), now).Scan(&p.ID, &p.UID, &p.Version)
			if errs.Is(err, errs.NotFound) {
				var w errs.Problems
				w.Add("role", "error.takedown.part")
				return w.Err()
			}
		} else {
			err = s.changeProvider(ctx, tx, &p, version, now)
		}
		if err != nil {
			return err
		}
		if in.Proposal != "" {
			answers.Organisation, answers.Provider, answers.Name = p.Organisation, p.ID, p.Name
			if err := s.decideTx(ctx, tx, by, t, answers, Confirmed); err != nil {
				return err
			}
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "takedown.provider", On: org.Ref, Changes: []audit.Change{{Field: "role", To: string(p.Role)}, {Field: "form", To: string(p.Form)}}})
	})
	return p, err
}

func (s *Service) changeProvider(ctx context.Context, tx *db.Tx, p *Provider, version int64, now time.Time) error {
	err := tx.QueryRow(ctx, `UPDATE takedown_provider SET kind = $1, form = $2, page = $3, wants = $4, matches = $5, version = version + 1, changed_at = $6 WHERE uid = $7 AND version = $8
		RETURNING id, version`, string(p.Role), string(p.Form), p.Page, p.Wants, strings.Join(p.Matches, "\n"), now, p.UID, version).Scan(&p.ID, &p.Version)
	switch {
	case errs.Is(err, errs.NotFound):
		return errChanged
	case errs.Is(err, errs.Conflict):
		var w errs.Problems
		w.Add("role", "error.takedown.part")
		return w.Err()
	}
	return err
}

// whoseTx gives the organisation of a provider, locked, and enters it when there is none yet.
func (s *Service) whoseTx(ctx context.Context, tx *db.Tx, by access.Actor, uid string, in NewProvider) (constituency.Organisation, error) {
	organisation := in.Organisation
	if uid != "" {
		was, err := s.provider(ctx, tx, by, uid)
		if err != nil {
			return constituency.Organisation{}, err
		}
		organisation = was.OrgUID
	}
	if organisation == "" && in.Email != "" {
		c, err := s.Constituency.ContactByEmail(ctx, tx, in.Email)
		if err == nil {
			orgs, err := s.Constituency.ByID(ctx, tx, c.Organisation)
			if err != nil {
				return constituency.Organisation{}, err
			}
			organisation = orgs[c.Organisation].UID
		} else if !errs.Is(err, errs.NotFound) {
			return constituency.Organisation{}, err
		}
	}
	if organisation != "" {
		if _, err := access.LoadForChange(ctx, tx, by, ref.Organisation, organisation); err != nil {
			return constituency.Organisation{}, err
		}
		return s.Constituency.Get(ctx, tx, by, organisation)
	}
	o, err := s.Constituency.CreateTx(ctx, tx, by, constituency.NewOrganisation{Name: in.Name, Lang: in.Lang})
	if err != nil || in.Email == "" {
		return o, err
	}
	_, err = s.Constituency.AddContactTx(ctx, tx, by, o.UID, constituency.NewContact{Name: in.Name, Email: in.Email, Lang: in.Lang})
	return o, err
}

// RetireProvider takes a provider out of the directory: it is proposed no more; its organisation and what was written to it stay. The actor needs access.WriteRegistry.
func (s *Service) RetireProvider(ctx context.Context, by access.Actor, uid string, version int64) error {
	if err := by.Need(access.WriteRegistry); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.provider(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE takedown_provider SET retired_at = $1, version = version + 1, changed_at = $1 WHERE id = $2 AND version = $3 AND retired_at IS NULL`, s.Clock.Now(), p.ID, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return errChanged
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "takedown.retire", On: ref.Ref{Kind: ref.Organisation, ID: p.Organisation}, Changes: []audit.Change{{Field: "role", To: string(p.Role)}}})
	})
}
