package registration_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
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
