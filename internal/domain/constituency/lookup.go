package constituency

import (
	"context"
	"errors"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/teams"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// Registries answers whose an address, a number or a domain is (kit/rdap).
type Registries interface {
	Look(ctx context.Context, q rdap.Question) (rdap.Answer, error)
}

// LookUp is what somebody wants to know: whom to tell about an address, a domain, a URL or a number.
type LookUp struct {
	What     string
	Incident string  // uid or number of the case that it is for; "" for none
	PAP      tlp.PAP // by which who asks is bound; that of the incident binds too
	Ask      bool    // the registry of it, through the exit
}

// LookedUp is who may be told, from what is surest to what is least: our register, the team of its country in our register, the list of national teams, and
// what the registry says.
type LookedUp struct {
	What        string // as it was understood: an address, a number, a domain
	Owners      []Match
	Country     string // "" when nothing says one
	CountryBy   string // "domain" by its last label, "registry"
	Known       []Listed
	Teams       []teams.Team
	AsOf        string // of the list of teams
	CanAsk      bool   // there is a registry to ask, and a way to it
	Registry    *rdap.Answer
	RegistryErr string // why it said nothing: catalogue key under "desk.lookup.error."
}

// ErrPAP is the Forbidden of asking outside under a label that lets nobody outside learn that we look.
var ErrPAP = &errs.Error{Kind: errs.Forbidden, Key: "error.pap_asks", Text: "PAP:RED lets nobody outside learn that we look at this"}

// WhomToTell looks up whom to tell about something. Without Ask it reads our own register and list alone. Asking a registry needs a stated PAP that allows a third party to learn
// of it (AMBER or less strict, also of the incident, which lets itself be asked about: access.Object.Hushed), and is recorded. The actor is one of us and needs access.ReadRegistry, and access.Triage to ask.
// Refused: Invalid with all problems, Forbidden by PAP, NotFound for an incident that is not seen, Unavailable when nothing outside is asked from here.
func (s *Service) WhomToTell(ctx context.Context, by access.Actor, in LookUp) (LookedUp, error) {
	var out LookedUp
	if err := by.Need(access.ReadRegistry); err != nil {
		return out, err
	}
	if !by.Team() {
		return out, errs.ErrNotFound
	}
	q, ok := ask(in.What)
	var p errs.Problems
	if strings.TrimSpace(in.What) == "" {
		p.Add("what", "error.required")
	} else if !ok {
		p.Add("what", "error.lookup")
	}
	if in.Ask && !in.PAP.Valid() {
		p.Add("pap", "error.choose")
	}
	if err := p.Err(); err != nil {
		return out, err
	}
	var err error
	if out.Owners, err = s.Owners(ctx, s.DB, by, in.What, s.Clock.Now()); err != nil {
		return out, err
	}
	question, is := q.question()
	out.What, out.CanAsk = question.Value, is && s.Registries != nil
	if !is {
		out.What = in.What
	}
	if out.Country = teams.CountryOf(q.domain); out.Country != "" {
		out.CountryBy = "domain"
	}
	if in.Ask {
		if err := s.askRegistry(ctx, by, in, question, &out); err != nil {
			return out, err
		}
	}
	if out.Country == "" {
		return out, nil
	}
	if s.Teams != nil {
		out.Teams, out.AsOf = s.Teams.Of(out.Country), s.Teams.AsOf
	}
	out.Known, err = s.ListLiaisons(ctx, s.DB, by, CSIRT, out.Country)
	return out, err
}

// question is what a registry is asked.
func (q question) question() (rdap.Question, bool) {
	what := q.domain
	switch {
	case q.network.IsValid():
		what = q.network.Addr().String()
	case q.asn != "":
		what = q.asn
	}
	out, err := rdap.About(what)
	return out, err == nil
}

// askRegistry asks outside, after it has recorded that it does.
func (s *Service) askRegistry(ctx context.Context, by access.Actor, in LookUp, q rdap.Question, out *LookedUp) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	pap, on := in.PAP, ref.Ref{}
	if in.Incident != "" {
		o, err := access.Find(ctx, s.DB, by, ref.Incident, in.Incident)
		if err != nil {
			return err
		}
		if why := o.Hushed(); why != "" {
			return &errs.Error{Kind: errs.Forbidden, Key: "desk.takedown.barred." + why, Text: "the case lets nobody outside learn that we look at it"}
		}
		pap, on = max(pap, o.PAP), o.Ref
	}
	if pap > tlp.PAPAmber {
		return ErrPAP
	}
	if !out.CanAsk {
		return errs.New(errs.Unavailable, "no registry is asked from here: TOCSIN_RDAP is off, or nothing public was named")
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: s.Clock.Now(), By: by, Verb: "constituency.ask_registry", On: on, Changes: []audit.Change{{Field: "what", To: q.Value}, {Field: "pap", To: pap.String()}},
		})
	})
	if err != nil {
		return err
	}
	a, err := s.Registries.Look(ctx, q)
	if err != nil {
		out.RegistryErr = "silent"
		for key, x := range map[string]error{"nobody": rdap.ErrNobody, "unknown": rdap.ErrUnknown, "busy": rdap.ErrBusy, "unread": rdap.ErrUnread} {
			if errors.Is(err, x) {
				out.RegistryErr = key
			}
		}
		return nil
	}
	out.Registry = &a
	if c := registryCountry(a); c != "" && (out.Country == "" || a.Kind != rdap.Domain) {
		out.Country, out.CountryBy = c, "registry"
	}
	return nil
}

// registryCountry is that of a network or number, or of whom a registry says that it is registered to.
func registryCountry(a rdap.Answer) string {
	if a.Country != "" {
		return a.Country
	}
	for _, e := range a.With("registrant") {
		if e.Country != "" {
			return e.Country
		}
	}
	return ""
}
