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
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

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
