package coordination

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// outsideDue is how long a provider or an authority has to answer.
const outsideDue = 72 * time.Hour

// mostOutside is how many others one rung writes to.
const mostOutside = 5

// StepInput is what a person says to a rung that waits.
type StepInput struct {
	Rung          int      // as it was read, from 0
	Organisations []string // uids of whom to write to, of a rung that goes outside
	Text          string   // in place of the words of the rung
	Looked        bool     // it looked at what the letters name of other parties
}

// Candidate is an organisation that a rung may go to.
type Candidate struct {
	Organisation constituency.Organisation
	Why          string   // "named", "network", "party", "rung"
	Networks     []string // of the party's, those that lie within its own
}

// Proposal is what a rung that waits would do.
type Proposal struct {
	Party      Party
	Climb      Climb
	Rung       Rung
	Barred     bool        // by the label: the rung goes to nobody outside
	Candidates []Candidate // of a rung that goes outside
	Letters    []Preview   // to those who were chosen, or to the contact of the party
	Nobody     bool        // the party has no such contact
}

// ProposeStep shows what the rung would do that waits for a person. It changes nothing. The actor needs access.WorkCases. Refused: NotFound, Conflict when
// none waits.
func (s *Service) ProposeStep(ctx context.Context, by access.Actor, party string, in StepInput) (Proposal, error) {
	var out Proposal
	if err := by.Need(access.WorkCases); err != nil {
		return out, err
	}
	p, err := s.PartyOf(ctx, s.DB, by, party)
	if err != nil {
		return out, err
	}
	o, err := access.Load(ctx, s.DB, by, p.Subject)
	if err != nil {
		return out, err
	}
	c, err := s.climb(ctx, s.DB, p.Ref.ID)
	if errs.Is(err, errs.NotFound) || err == nil && c.State != ClimbAsks {
		return out, errNothingWaits()
	}
	if err != nil {
		return out, err
	}
	r, _ := c.Next()
	out = Proposal{Party: p, Climb: c, Rung: r}
	if !r.To.Outside() {
		letter, err := s.insideLetter(ctx, s.DB, by, p, r, in, previewCode)
		if errs.Is(err, errs.NotFound) {
			out.Nobody = true
			return out, nil
		}
		out.Letters = []Preview{letter.Preview}
		return out, err
	}
	if out.Barred = barred(o, p); out.Barred {
		return out, nil
	}
	if out.Candidates, err = s.candidates(ctx, s.DB, by, p, r); err != nil {
		return out, err
	}
	chosen := choose(out.Candidates, in.Organisations)
	if len(chosen) == 0 {
		return out, nil
	}
	letters, err := s.outsideLetters(ctx, s.DB, by, o, r, in, chosen, previewCode)
	for _, x := range letters {
		out.Letters = append(out.Letters, x.Preview)
	}
	return out, err
}

func errNothingWaits() error {
	return &errs.Error{Kind: errs.Conflict, Key: "error.ladder.nothing", Text: "no rung waits for a person here"}
}

// barred tells whether the label keeps what we know with us and the party: neither its provider nor an authority may learn of it.
func barred(o access.Object, p Party) bool { return tlp.Max(o.TLP, p.TLP) >= tlp.AmberStrict }

func choose(list []Candidate, uids []string) []Candidate {
	var out []Candidate
	for _, c := range list {
		if slices.Contains(uids, c.Organisation.UID) {
			out = append(out, c)
		}
	}
	return out
}

// candidates are the organisations that a rung outside may go to, never the party itself.
func (s *Service) candidates(ctx context.Context, h db.Handle, by access.Actor, p Party, r Rung) ([]Candidate, error) {
	var out []Candidate
	add := func(o constituency.Organisation, why, network string) {
		if o.Ref.ID == 0 || o.Ref.ID == p.Organisation || len(out) >= 50 {
			return
		}
		i := slices.IndexFunc(out, func(c Candidate) bool { return c.Organisation.Ref.ID == o.Ref.ID })
		if i < 0 {
			i, out = len(out), append(out, Candidate{Organisation: o, Why: why})
		}
		if network != "" && !slices.Contains(out[i].Networks, network) {
			out[i].Networks = append(out[i].Networks, network)
		}
	}
	role := Provider
	if r.To == ToAuthority {
		role = Authority
		if r.Organisation != "" {
			o, err := s.Constituency.Get(ctx, h, by, r.Organisation)
			if err != nil && !errs.Is(err, errs.NotFound) {
				return nil, err
			}
			add(o, "rung", "")
		}
	} else if p.Organisation != 0 {
		list, err := s.Constituency.ProvidersOf(ctx, h, by, p.Organisation)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			why := "named"
			if x.Network != "" {
				why = "network"
			}
			add(x.Organisation, why, x.Network)
		}
	}
	all, err := s.PartiesOf(ctx, h, by, p.Subject)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, x := range all {
		if x.Role == role && x.WithdrawnAt.IsZero() && x.Organisation != 0 {
			ids = append(ids, x.Organisation)
		}
	}
	orgs, err := s.Constituency.Visible(ctx, h, by, ids...)
	for _, n := range ids {
		add(orgs[n], "party", "")
	}
	return out, err
}

// insideLetter is the letter of a rung to the party's own contact, for a person who confirms it.
func (s *Service) insideLetter(ctx context.Context, h db.Handle, by access.Actor, p Party, r Rung, in StepInput, draw func() id.Secret) (parcel, error) {
	contact, err := s.rungContact(ctx, h, p, r.To)
	if err != nil {
		return parcel{}, err
	}
	threads, err := s.Correspondence.Threads(ctx, h, p.Thread)
	if err != nil {
		return parcel{}, err
	}
	orgs, err := s.Constituency.ByID(ctx, h, p.Organisation)
	if err != nil {
		return parcel{}, err
	}
	t := threads[p.Thread]
	t.Correspondent = correspondent(orgs[p.Organisation], contact)
	one, _, err := s.rungLetter(ctx, h, by, p, t, in.over(r), draw)
	return one, err
}

// over is the rung with the words of the person in place of its own.
func (in StepInput) over(r Rung) Rung {
	if in.Text != "" {
		r.Words = Wording{}
		for _, l := range text.Langs() {
			r.Words[string(l)] = in.Text
		}
	}
	return r
}

// outsideLetters writes to others about a party without naming it: what they learn is that something in their own network or remit needs them. Of who is no
// party yet the letter is what it would be.
func (s *Service) outsideLetters(ctx context.Context, h db.Handle, by access.Actor, o access.Object, r Rung, in StepInput, chosen []Candidate, draw func() id.Secret) ([]parcel, error) {
	all, err := s.PartiesOf(ctx, h, by, o.Ref)
	if err != nil {
		return nil, err
	}
	var ids, orgs []int64
	is := map[int64]Party{}
	for _, p := range all {
		ids, is[p.Compartment] = append(ids, p.Thread), p
	}
	threads, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return nil, err
	}
	for _, c := range chosen {
		orgs = append(orgs, c.Organisation.Ref.ID)
	}
	contacts, err := s.Constituency.WriteToMany(ctx, h, orgs...)
	if err != nil {
		return nil, err
	}
	to := make([]Party, len(chosen))
	of := make([]correspondence.Thread, len(chosen))
	for i, c := range chosen {
		p, there := is[c.Organisation.Ref.ID]
		if there {
			to[i], of[i] = p, threads[p.Thread]
			continue
		}
		to[i], of[i] = newcomer(o, c.Organisation, contacts[c.Organisation.Ref.ID])
		to[i].Thread = -int64(i + 1)
		of[i].Ref.ID = to[i].Thread
		all, threads[to[i].Thread] = append(all, to[i]), of[i]
	}
	watch, err := s.watchFor(ctx, h, by, all, threads)
	if err != nil {
		return nil, err
	}
	var out []parcel
	for i, c := range chosen {
		g := s.outsideGive(o, r, in, c)
		w, err := s.writing(ctx, h, o, g, draw)
		if err != nil {
			return nil, err
		}
		t := of[i]
		if t.Ref.ID < 0 {
			t.Ref.ID = 0
		}
		one, err := w.parcel(ctx, g, to[i], t, watch)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// outsideGive is what one of the others is asked, in each language.
func (s *Service) outsideGive(o access.Object, r Rung, in StepInput, c Candidate) Give {
	g := Give{TLP: o.TLP, DueAt: s.Clock.Now().Add(outsideDue), Looked: in.Looked, Words: map[string]Words{}, outside: true}
	for _, l := range text.Langs() {
		p := s.Texts.For(l)
		words := in.Text
		if words == "" {
			words = r.Words[string(l)]
		}
		if words == "" {
			words = p.T(rungWords[r.To], "name", "{name}")
		}
		if len(c.Networks) > 0 {
			words += "\n\n" + p.T("mail.ladder.networks", "networks", strings.Join(c.Networks, ", "))
		}
		g.Words[string(l)] = Words{Text: words, Request: p.T(rungAsks[r.To])}
	}
	g.Request = g.Words["en"].Request
	return g
}

var rungAsks = map[RungTo]string{ToProvider: "mail.ladder.provider.request", ToAuthority: "mail.ladder.authority.request"}

// ConfirmStep takes the rung that waits: it writes to the contact of the party, or to others, each in a compartment of its own. The actor needs
// access.WorkCases and access.SendOutside. Refused: NotFound, Invalid, Conflict when another rung waits than was read, when the label keeps the case from
// others, for a reader without a road, and for a letter that names another party, unless somebody looked at it.
func (s *Service) ConfirmStep(ctx context.Context, by access.Actor, party string, in StepInput) error {
	if err := needPrepare(by); err != nil {
		return err
	}
	in.Text = strings.TrimSpace(in.Text)
	if err := in.check(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.PartyOf(ctx, tx, by, party)
		if err != nil {
			return err
		}
		o, err := access.Load(ctx, tx, by, p.Subject)
		if err != nil {
			return err
		}
		if o, err = access.LoadForChange(ctx, tx, by, ref.Incident, o.UID); err != nil {
			return err
		}
		if p, err = s.partyForChange(ctx, tx, by, party); err != nil {
			return err
		}
		c, err := s.climb(ctx, tx, p.Ref.ID)
		if errs.Is(err, errs.NotFound) || err == nil && c.State != ClimbAsks {
			return errNothingWaits()
		}
		if err != nil {
			return err
		}
		if c.Rung != in.Rung {
			return access.ErrChanged
		}
		r, _ := c.Next()
		if r.To.Outside() {
			err = s.writeOutside(ctx, tx, by, o, p, c, r, in)
		} else {
			err = s.writeInside(ctx, tx, by, p, c, in.over(r))
		}
		if err != nil {
			return err
		}
		c.Rung++
		return s.onward(ctx, tx, by, p, &c)
	})
}

func (in StepInput) check() error {
	var p errs.Problems
	switch {
	case utf8.RuneCountInString(in.Text) > maxWords:
		p.Add("text", "error.too_long", "most", maxWords)
	case !utf8.ValidString(in.Text) || strings.ContainsRune(in.Text, 0):
		p.Add("text", "error.characters")
	}
	if len(in.Organisations) > mostOutside {
		p.Add("organisations", "error.too_many", "most", mostOutside)
	}
	return p.Err()
}

func (s *Service) writeInside(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c Climb, r Rung) error {
	what, err := s.writeRung(ctx, tx, by, p, c, r)
	if err == nil && what != StepSent {
		var x errs.Problems
		x.Add("rung", map[StepKind]string{StepNobody: "error.ladder.no_contact", StepNoRoad: "error.no_road"}[what])
		return x.Err()
	}
	return err
}

func (s *Service) writeOutside(ctx context.Context, tx *db.Tx, by access.Actor, o access.Object, p Party, c Climb, r Rung, in StepInput) error {
	if barred(o, p) {
		return &errs.Error{Kind: errs.Conflict, Key: "error.ladder.label", Text: "the label keeps this case from others"}
	}
	list, err := s.candidates(ctx, tx, by, p, r)
	if err != nil {
		return err
	}
	chosen := choose(list, in.Organisations)
	if len(chosen) == 0 || len(chosen) < len(in.Organisations) {
		var x errs.Problems
		x.Add("organisations", map[bool]string{true: "error.required", false: "error.choose"}[len(in.Organisations) == 0])
		return x.Err()
	}
	role := Provider
	if r.To == ToAuthority {
		role = Authority
	}
	as := make([]Party, len(chosen))
	for i, x := range chosen {
		if as[i], err = s.AddTx(ctx, tx, by, o, NewParty{Organisation: x.Organisation.Ref.ID, Role: role, Why: s.Texts.For(text.Lang(by.Lang)).T("desk.ladder.why_party")}); err != nil {
			return err
		}
	}
	parcels, err := s.outsideLetters(ctx, tx, by, o, r, in, chosen, id.NewCode)
	if err != nil {
		return err
	}
	if err := stop(parcels, in.Looked); err != nil {
		return err
	}
	for i, one := range parcels {
		sent, err := s.put(ctx, tx, by, s.outsideGive(o, r, in, chosen[i]), []parcel{one}, s.Correspondence.SendManyTx)
		if err != nil {
			return err
		}
		if err := s.step(ctx, tx, by, p, c, Step{What: StepConfirmed, Other: as[i].Ref.ID, Message: sent[0].ID}); err != nil {
			return err
		}
	}
	return nil
}
