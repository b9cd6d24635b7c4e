package registration_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// house is a team that registers entities.
type house struct {
	*coretest.House
	testing.TB
	s        *registration.Service
	box      *intake.Service
	country  *constituency.Service
	letters  *correspondence.Service
	people   *account.Service
	asked    []string // addresses that were invited
	fail     error    // of the next invitation
	ana, rui access.Actor
}

func engines(t *testing.T, story func(ctx context.Context, h *house)) {
	coretest.Engines(t, func(t *testing.T, c *coretest.House) {
		texts, err := text.Load()
		if err != nil {
			t.Fatal(err)
		}
		annexes, err := scope.Load()
		if err != nil {
			t.Fatal(err)
		}
		h := &house{House: c, TB: t, ana: c.Person(1, "Ana", access.Analyst), rui: c.Person(2, "Rui", access.Analyst)}
		clocks := &deadline.Service{DB: c.DB, Clock: c.Clock, Audit: c.Audit}
		h.country = &constituency.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit}
		h.letters = &correspondence.Service{
			DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Blobs: c.Blobs, Egress: &egress.Gate{DB: c.DB, Clock: c.Clock, Ring: c.Ring},
			Constituency: h.country, Text: texts, Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", URL: "https://cert.example"},
		}
		h.people = &account.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Hash: account.NewHasher(64, 1), Issuer: "CERT.EX"}
		h.people.Post = func(_ context.Context, tx *db.Tx, a account.Account, _ account.Letter) error {
			tx.AfterCommit(func() { h.asked = append(h.asked, a.Email) })
			return h.fail
		}
		h.s = &registration.Service{
			DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Annexes: annexes, Constituency: h.country, Correspondence: h.letters, Deadlines: clocks, Accounts: h.people,
		}
		laws, err := law.New()
		if err != nil {
			t.Fatal(err)
		}
		h.box = &intake.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Words: search.NewTexts(c.Ring), Laws: laws, Correspondence: h.letters, Constituency: h.country, Deadlines: clocks}
		h.box.Registered, h.s.Intake = h.s.FromBox, h.box
		h.box.Linked = func(ctx context.Context, hash, reply []byte, at time.Time, also func(context.Context, *db.Tx) error) error {
			_, err := h.s.FromCode(ctx, hash, reply, at, also)
			return err
		}
		story(t.Context(), h)
	})
}

// typed is a form as a water supplier with two hundred people fills it in; others by pairs of code and answer.
func typed(change ...string) registration.Boxes {
	b := registration.Boxes{
		"sector": "drinking_water", "kind": "drinking_water", "staff": "300", "turnover": "80,5", "balance": "61",
		"name": "Water of Vale", "identifier": "VM-500100200", "address": "1 Spring Street\n1000 Vale", "country": "Valmora",
		"security_name": "Ines", "security_email": "security@water.example", "security_phone": "+351 210 000 111",
		"networks": "198.51.100.0/24\nwater.example, AS64500", "states": "PT\nES",
		"signer": "M. Director", "signer_role": "Managing director", "basis": "legal", "statement": "Registered in the commercial register of Vale.",
		"admin_name": "Ines", "admin_email": "ines@water.example",
	}
	for i := 0; i+1 < len(change); i += 2 {
		b[change[i]] = change[i+1]
	}
	return b
}

func (h *house) said(b registration.Boxes) registration.Said {
	h.Helper()
	s, err := registration.Read(h.s.Annexes, b, 0)
	h.must(err)
	return s
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) refused(err error, kind errs.Kind, what string) {
	h.Helper()
	if !errs.Is(err, kind) {
		h.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// sent puts a form into the box as the page does, and lets the house open it.
func (h *house) sent(b registration.Boxes, files ...correspondence.FileIn) (registration.Registration, id.Secret) {
	h.Helper()
	ctx, code := h.Context(), id.NewCode()
	h.must(intake.KeepFiles(ctx, h.DB, h.Clock.Now(), code, files))
	reference := h.store(code, b)
	r, err := h.s.Get(ctx, h.DB, h.ana, reference)
	h.must(err)
	return r, code
}

func (h *house) store(code id.Secret, b registration.Boxes) string {
	h.Helper()
	key, err := h.box.DropKey(h.Context())
	h.must(err)
	reference, err := intake.StoreRegistration(h.Context(), h.DB, h.Clock, key, code, "en", h.said(b))
	h.must(err)
	_, err = h.box.OpenDrops(h.Context())
	h.must(err)
	return reference
}

func (h *house) tell(ctx context.Context, by access.Actor, in registration.NewChange) (registration.Change, error) {
	c, _, err := h.s.TellChange(ctx, by, in, intake.ReceiveInput{
		Channel: correspondence.ByPortal, Lang: "en", TLP: "AMBER", Organisation: by.Organisation, Proof: correspondence.SignedIn, Body: intake.Body{Summary: "A change", Kind: "registry"},
	})
	return c, err
}

func (h *house) ticked(r registration.Registration) registration.Registration {
	h.Helper()
	r, err := h.s.Tick(h.Context(), h.ana, r.UID, registration.Checks)
	h.must(err)
	return r
}

func (h *house) count(q string, args ...any) (n int) {
	h.Helper()
	h.must(h.DB.QueryRow(h.Context(), q, args...).Scan(&n))
	return n
}

// An entity registers itself without an account: it is asked back by its page, answers there, two people approve it, and the register knows it – its contacts
// unverified, its networks claimed, its administrator invited.
func TestAnEntityComesIntoTheRegister(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		r, code := h.sent(typed(), correspondence.FileIn{Name: "extract.pdf", Type: "application/pdf", Content: bytes.NewReader([]byte("%PDF extract"))})
		if r.State != registration.New || r.Class != scope.Essential || r.Said.Turnover != 80_500 || len(r.Reasons) == 0 || !strings.HasPrefix(r.Reference, "REG-") {
			t.Fatalf("filed as %+v", r)
		}
		if again := h.store(code, typed()); again != r.Reference {
			t.Errorf("sent twice it is %s and %s", r.Reference, again)
		}
		files, err := h.s.Files(ctx, h.DB, r)
		h.must(err)
		if _, raw, err := h.s.Content(ctx, h.DB, h.ana, r.UID, files[0].UID); err != nil || string(raw) != "%PDF extract" || files[0].Name != "extract.pdf" {
			t.Errorf("the proof is %q, %v", raw, err)
		}

		// Nobody is in the register by it, and who may not read it does not find it.
		if list, err := h.country.Find(ctx, h.ana, constituency.Filter{Text: "water"}); err != nil || len(list.Items) != 0 {
			t.Fatalf("in the register by its own word: %+v %v", list.Items, err)
		}
		for who, by := range map[string]access.Actor{"stranger": access.Stranger(access.ByPage, "en"), "constituent": h.Constituent(9, "Eve", 77), "administrator": h.Person(8, "Root", access.Admin)} {
			if _, err := h.s.Get(ctx, h.DB, by, r.UID); err == nil {
				t.Errorf("%s reads it", who)
			}
			if _, err := h.s.Refuse(ctx, by, r.UID, registration.Refusal{Reason: "x"}); err == nil {
				t.Errorf("%s refuses it", who)
			}
		}

		_, err = h.s.Ask(ctx, h.ana, r.UID, 0, "Who is your director since May?")
		h.must(err)
		look, err := registration.Look(ctx, h.DB, code)
		h.must(err)
		if look.State != registration.Asked || len(look.Words) != 1 || !look.Words[0].Ours || look.Reference != r.Reference {
			t.Fatalf("the page shows %+v", look)
		}
		if _, err := registration.Look(ctx, h.DB, id.NewCode()); !errs.Is(err, errs.NotFound) {
			t.Errorf("a guessed code: %v", err)
		}
		key, err := h.box.DropKey(ctx)
		h.must(err)
		once := id.New()
		for range 2 {
			h.must(intake.StoreReply(ctx, h.DB, h.Clock, key, code, once, registration.Answer("M. Director, see the extract.")))
		}
		_, err = h.box.OpenDrops(ctx)
		h.must(err)
		if r, err = h.s.Get(ctx, h.DB, h.ana, r.UID); err != nil || r.State != registration.New {
			t.Fatalf("answered it is %s, %v", r.State, err)
		}
		if words, err := h.s.Words(ctx, h.DB, r); err != nil || len(words) != 2 || words[1].Ours || words[1].Text != "M. Director, see the extract." {
			t.Errorf("said: %+v, %v", words, err)
		}

		in := registration.Approval{Class: scope.Essential, Kind: "drinking_water", Communities: []string{"essential_services"}}
		_, err = h.s.Approve(ctx, h.ana, r.UID, in)
		if f := errs.Fields(err); len(f) != 1 || f[0].Name != "checks" {
			t.Fatalf("approved without checks: %v", err)
		}
		h.ticked(r)
		if r, err = h.s.Approve(ctx, h.ana, r.UID, in); err != nil || r.State != registration.Second {
			t.Fatalf("%s, %v", r.State, err)
		}
		_, err = h.s.Approve(ctx, h.rui, r.UID, in)
		h.refused(err, errs.Conflict, "approved by the first way twice")
		_, err = h.s.Confirm(ctx, h.ana, r.UID, 0)
		h.refused(err, errs.Forbidden, "confirmed by the first person")
		if look, err := registration.Look(ctx, h.DB, code); err != nil || look.State != registration.New {
			t.Errorf("the page tells of our second person: %s %v", look.State, err)
		}

		// The house dies between the register and the invitation: nothing has happened.
		h.fail = errors.New("the disk is gone")
		if _, err := h.s.Confirm(ctx, h.rui, r.UID, 0); err == nil {
			t.Fatal("confirmed without an invitation")
		}
		if n := h.count(`SELECT COUNT(*) FROM constituency_organisation`) + h.count(`SELECT COUNT(*) FROM constituency_proof`) + len(h.asked); n != 0 {
			t.Fatalf("%d things of it are left", n)
		}
		h.fail = nil
		var wg sync.WaitGroup
		won := make(chan error, 2)
		for _, by := range []access.Actor{h.rui, h.Person(3, "Eva", access.Lead)} {
			wg.Go(func() { _, err := h.s.Confirm(ctx, by, r.UID, 0); won <- err })
		}
		wg.Wait()
		close(won)
		var ok int
		for err := range won {
			if err == nil {
				ok++
			} else {
				h.refused(err, errs.Conflict, "the slower of two")
			}
		}
		if ok != 1 || !slices.Equal(h.asked, []string{"ines@water.example"}) {
			t.Fatalf("%d approvals, invited %v", ok, h.asked)
		}

		list, err := h.country.Find(ctx, h.ana, constituency.Filter{Text: "water of vale"})
		h.must(err)
		if len(list.Items) != 1 {
			t.Fatalf("%d organisations", len(list.Items))
		}
		o := list.Items[0]
		if o.Class != "essential" || o.External != "VM-500100200" || o.Sector != "drinking_water" || o.Size != 300 || !slices.Equal(o.Communities, []string{"essential_services"}) {
			t.Errorf("entered as %+v", o)
		}
		contacts, err := h.country.Contacts(ctx, h.DB, o.Ref.ID)
		h.must(err)
		if len(contacts) != 1 || contacts[0].Email != "security@water.example" || !contacts[0].VerifiedAt.IsZero() {
			t.Errorf("contacts: %+v", contacts)
		}
		if m, err := h.country.Owners(ctx, h.DB, h.ana, "198.51.100.7", time.Time{}); err != nil || len(m) != 0 {
			t.Errorf("answers for a network by its own word: %+v, %v", m, err)
		}
		proofs, err := h.country.Proofs(ctx, h.DB, o.Ref.ID)
		h.must(err)
		states := map[string]constituency.ProofState{}
		for _, p := range proofs {
			states[p.Value] = p.State
		}
		if want := map[string]constituency.ProofState{"198.51.100.0/24": constituency.ProofWaiting, "water.example": constituency.ProofWaiting, "AS64500": constituency.ProofAsked}; !maps.Equal(states, want) {
			t.Errorf("claims: %v", states)
		}
		look, err = registration.Look(ctx, h.DB, code)
		h.must(err)
		if look.State != registration.Approved || look.Class != scope.Essential {
			t.Errorf("the page shows %+v", look)
		}
		e, err := h.s.Entity(ctx, h.DB, h.ana, o.UID)
		h.must(err)
		if !e.ReviewDue.Equal(h.Clock.Now().Add(registration.ReviewEvery)) || e.Size != scope.Large || e.Entry.Said.Address != "1 Spring Street\n1000 Vale" {
			t.Errorf("the entry is %+v", e)
		}
		_, err = h.s.Refuse(ctx, h.ana, r.UID, registration.Refusal{Reason: "too late"})
		h.refused(err, errs.Conflict, "refused after it was approved")
	})
}

// Somebody registers in the name of one whom the register knows: the register says so, keeps what it knows and what was proved, invites nobody into it, and a
// refusal names reason and pointer. After a year nothing of the refused one opens.
func TestInTheNameOfSomebodyKnown(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		known, err := h.country.Create(ctx, h.ana, constituency.NewOrganisation{Name: "WATER of Vale", External: "VM-500100200", Class: "important", Communities: []string{"businesses"}})
		h.must(err)
		at, err := h.country.AddAsset(ctx, h.ana, known.UID, constituency.NewAsset{Value: "water.example"})
		h.must(err)
		_, err = h.country.ProveAsset(ctx, h.ana, at.UID, "registry")
		h.must(err)
		ines, err := h.country.AddContact(ctx, h.ana, known.UID, constituency.NewContact{Name: "Ines Real", Email: "security@water.example", Phone: "+351 1"})
		h.must(err)
		_, err = h.country.VerifyContact(ctx, h.ana, ines.UID, "called")
		h.must(err)
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.people.InviteFirstTx(ctx, tx, h.ana, known.Ref.ID, account.Invitation{Email: "real@water.example", Name: "Real"})
			return err
		}))

		evil := typed("name", "Water of Vale", "security_phone", "+351 999 999", "admin_email", "evil@away.example", "trade", "<script>alert(1)</script>", "representative", "=cmd|' /C calc'!A0")
		r, code := h.sent(evil)
		m, err := h.s.Matches(ctx, h.ana, r)
		h.must(err)
		if len(m) != 1 || m[0].Organisation.UID != known.UID || !slices.Equal(m[0].By, []string{"email", "identifier", "name", "network"}) || !slices.Equal(m[0].Proved, []string{"water.example"}) || !m[0].People {
			t.Fatalf("the register says %+v", m)
		}
		other, _ := h.sent(typed())
		h.ticked(r)
		r, err = h.s.Approve(ctx, h.ana, r.UID, registration.Approval{Organisation: known.UID, Class: scope.Important, Kind: "drinking_water"})
		h.must(err)
		if !slices.Equal(h.asked, []string{"real@water.example"}) {
			t.Errorf("asked in: %v", h.asked)
		}
		o, err := h.country.Get(ctx, h.DB, h.ana, known.UID)
		h.must(err)
		if o.Name != "WATER of Vale" || !slices.Equal(o.Communities, []string{"businesses"}) || o.Size != 300 {
			t.Errorf("the register was rewritten: %+v", o)
		}
		if c, err := h.country.ContactByID(ctx, h.DB, ines.ID); err != nil || c.Phone != "+351 1" || c.Name != "Ines Real" || c.VerifiedAt.IsZero() {
			t.Errorf("a verified contact was rewritten: %+v %v", c, err)
		}
		for _, left := range []string{"name: Water of Vale", "security: security@water.example", "admin_email: evil@away.example"} {
			if !slices.Contains(r.Decision.Left, left) {
				t.Errorf("%q is not told as left out: %q", left, r.Decision.Left)
			}
		}

		for name, in := range map[string]registration.Refusal{"without a reason": {}, "with hidden letters": {Reason: "a\u202eb"}, "too long": {Reason: strings.Repeat("x", 5000)}} {
			_, err := h.s.Refuse(ctx, h.ana, other.UID, in)
			h.refused(err, errs.Invalid, name)
		}
		_, err = h.s.Refuse(ctx, h.ana, other.UID, registration.Refusal{Reason: "It is registered already.", Pointer: "Ask your colleagues.", Version: 99})
		h.refused(err, errs.Conflict, "at another version")
		other, err = h.s.Refuse(ctx, h.ana, other.UID, registration.Refusal{Reason: "It is registered already.", Pointer: "Ask your colleagues."})
		h.must(err)
		if look, err := registration.Look(ctx, h.DB, code); err != nil || look.State != registration.Approved || look.Reason != "" {
			t.Errorf("another's reason on this page: %+v %v", look, err)
		}
		h.Clock.Advance(retain.RejectedFor + time.Hour)
		if n, err := h.s.End(ctx); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		other, err = h.s.Get(ctx, h.DB, h.ana, other.UID)
		h.must(err)
		if !other.Destroyed || other.Said.Name != "" || other.Reference == "" {
			t.Errorf("after its period: %+v", other)
		}

		x, err := h.s.Export(ctx, h.ana)
		h.must(err)
		_, err = h.s.Export(ctx, h.Person(5, "Olga", access.Auditor))
		h.refused(err, errs.Forbidden, "exported without the right")
		if len(x.Numbers) != 1 || x.Numbers[0].Entities != 1 || x.Numbers[0].Class != scope.Important || len(x.Entities) != 0 {
			t.Errorf("exported %+v", x)
		}
	})
}

// A registered organisation looks through its entry every two years, tells changes within two weeks, and who is late is late and not refused. What Art. 27 names
// is exported, and what was typed begins no formula.
func TestEntriesAreReviewedAndChangesOwed(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		r, _ := h.sent(typed("sector", "digital_infrastructure", "kind", "dns", "representative", "=cmd|' /C calc'!A0", "staff", "4"))
		h.must(h.s.SetSecond(ctx, h.Person(7, "Lea", access.Lead), true, false))
		h.ticked(r)
		r, err := h.s.Approve(ctx, h.ana, r.UID, registration.Approval{Class: scope.Essential, Kind: "dns"})
		h.must(err)
		if r.State != registration.Approved {
			t.Fatal(r.State)
		}
		own, other := h.Constituent(20, "Ines", r.Organisation), h.Constituent(21, "Eve", 0)
		other.Organisation = 4711

		now := h.Clock.Now()
		for name, in := range map[string]registration.NewChange{"no day": {Kind: "other"}, "tomorrow": {Kind: "other", Since: now.Add(48 * time.Hour)}, "no kind": {Since: now}} {
			_, err := h.tell(ctx, own, in)
			h.refused(err, errs.Invalid, name)
		}
		_, err = h.tell(ctx, h.ana, registration.NewChange{Kind: "other", Since: now})
		h.refused(err, errs.Forbidden, "told by us")
		late, err := h.tell(ctx, own, registration.NewChange{Kind: "contact_gone", Since: now.Add(-30 * 24 * time.Hour)})
		h.must(err)
		if !late.Late(now) || late.ToldAt.IsZero() {
			t.Errorf("told after a month: %+v", late)
		}
		second, err := h.tell(ctx, own, registration.NewChange{Kind: "asset_new", Since: now.Add(-24 * time.Hour), Follows: true})
		h.must(err)
		first, err := h.tell(ctx, own, registration.NewChange{Kind: "other", Since: now.Add(-48 * time.Hour), Follows: true})
		h.must(err)
		due := func() time.Time {
			t.Helper()
			run, err := h.s.Deadlines.Running(ctx, h.DB, registration.ChangeClock, r.Organisation)
			h.must(err)
			return run[r.Organisation].DueAt
		}
		if !due().Equal(first.Due) {
			t.Errorf("the clock runs to %s, the first is due %s", due(), first.Due)
		}
		_, err = h.tell(ctx, other, registration.NewChange{Settles: first.UID})
		if err == nil {
			t.Error("told by another organisation")
		}
		_, err = h.tell(ctx, own, registration.NewChange{Settles: first.UID})
		h.must(err)
		if !due().Equal(second.Due) {
			t.Errorf("the clock runs to %s, the next is due %s", due(), second.Due)
		}
		h.Clock.Advance(20 * 24 * time.Hour)
		over, err := h.s.Overdue(ctx, h.DB, h.ana)
		h.must(err)
		if len(over) != 1 || over[0].What != registration.ChangeClock || over[0].Organisation.Ref.ID != r.Organisation {
			t.Errorf("overdue: %+v", over)
		}
		_, err = h.tell(ctx, own, registration.NewChange{Settles: second.UID})
		h.must(err)

		letters := func() int { return h.count(`SELECT COUNT(*) FROM correspondence_message`) }
		before := letters()
		h.Clock.Set(now.Add(registration.ReviewEvery - 10*24*time.Hour))
		tick := func() {
			t.Helper()
			_, err := h.s.Deadlines.Tick(ctx, h.s.Handlers())
			h.must(err)
		}
		tick()
		tick()
		if n := letters() - before; n != 1 {
			t.Errorf("%d letters before the review", n)
		}
		h.Clock.Advance(11 * 24 * time.Hour)
		if over, err = h.s.Overdue(ctx, h.DB, h.ana); err != nil || len(over) != 1 || over[0].What != registration.ReviewClock {
			t.Errorf("overdue: %+v %v", over, err)
		}
		own.ProvedAt, h.ana.ProvedAt = h.Clock.Now(), h.Clock.Now()
		review, err := h.s.Submit(ctx, own, h.said(typed("sector", "digital_infrastructure", "kind", "dns", "staff", "40", "representative", "=1+1")), nil)
		h.must(err)
		if !review.Review {
			t.Error("it is no review")
		}
		_, err = h.s.Submit(ctx, own, h.said(typed()), nil)
		h.refused(err, errs.Conflict, "two reviews at once")
		_, err = h.s.Ask(ctx, h.ana, review.UID, 0, "Forty people, where there were four?")
		h.must(err)
		if err := h.s.AnswerOwn(ctx, other, review.UID, "ours"); !errs.Is(err, errs.NotFound) {
			t.Errorf("answered by another: %v", err)
		}
		h.must(h.s.AnswerOwn(ctx, own, review.UID, "We grew."))
		h.ticked(review)
		_, err = h.s.Approve(ctx, h.ana, review.UID, registration.Approval{Class: scope.Essential, Kind: "dns"})
		h.refused(err, errs.Invalid, "a review made another organisation")
		o, err := h.country.ByID(ctx, h.DB, r.Organisation)
		h.must(err)
		_, err = h.s.Approve(ctx, h.ana, review.UID, registration.Approval{Organisation: o[r.Organisation].UID, Class: scope.Essential, Kind: "dns"})
		h.must(err)
		entity, newest, err := h.s.Own(ctx, h.DB, own)
		h.must(err)
		if !entity.ReviewDue.After(h.Clock.Now().Add(700*24*time.Hour)) || newest.State != registration.Approved {
			t.Errorf("reviewed: %+v %+v", entity, newest)
		}
		if over, err = h.s.Overdue(ctx, h.DB, h.ana); err != nil || len(over) != 0 {
			t.Errorf("still overdue: %+v %v", over, err)
		}
		x, err := h.s.Export(ctx, h.ana)
		h.must(err)
		var b bytes.Buffer
		h.must(x.WriteEntities(&b))
		if len(x.Entities) != 1 || x.Entities[0].Kind != "dns" || strings.Contains(b.String(), ",=1+1") || !strings.Contains(b.String(), "=1+1") {
			t.Errorf("exported %s", b.String())
		}
	})
}

// Each field refuses what it cannot hold, all at once, and a flood of hostile text is kept as text.
func TestEachFieldHoldsItsOwn(t *testing.T) {
	t.Parallel()
	annexes, err := scope.Load()
	if err != nil {
		t.Fatal(err)
	}
	hostile := "a\u202egnp.exe"
	for part := 1; part <= registration.Parts; part++ {
		for _, q := range registration.Ask(annexes, typed(), part) {
			for _, v := range []string{hostile, "\x00", strings.Repeat("x", 5000), "\xff"} {
				if _, err := registration.Read(annexes, typed(q.Code, v), 0); len(errs.Fields(err)) == 0 || errs.Fields(err)[0].Name != q.Code {
					t.Errorf("%s took %.20q: %v", q.Code, v, err)
				}
			}
			_, err := registration.Read(annexes, typed(q.Code, ""), part)
			if got := len(errs.Fields(err)) > 0; got != q.Required {
				t.Errorf("%s left empty: %v", q.Code, err)
			}
		}
	}
	for code, v := range map[string]string{
		"staff": "-1", "turnover": "NaN", "balance": "1e99", "security_email": "Ines <a@b.example>", "admin_email": "a@b.example, c@d.example", "states": "PT\nXX", "networks": "0.0.0.0/0",
		"kind": "food", "specials": "all", "security_phone": "call me",
	} {
		if _, err := registration.Read(annexes, typed(code, v), 0); len(errs.Fields(err)) == 0 {
			t.Errorf("%s took %q", code, v)
		}
	}
	said, err := registration.Read(annexes, typed("trade", "<b>\"'{{", "specials", "sole\ncritical"), 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := registration.Read(annexes, said.Boxes(), 0)
	if err != nil || again.Trade != said.Trade || again.Turnover != said.Turnover || !slices.Equal(again.Networks, said.Networks) || !slices.Equal(again.Specials, said.Specials) {
		t.Errorf("typed again it is %+v, %v", again, err)
	}
}
