package egress_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type gate struct {
	*egress.Gate
	t *testing.T
	h *coretest.House
}

func newGate(t *testing.T, h *coretest.House) gate {
	return gate{&egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring}, t, h}
}

// write runs do in a transaction and gives its error.
func (g gate) write(do func(ctx context.Context, tx *db.Tx) error) error {
	return g.h.DB.Write(context.Background(), do)
}

func (g gate) object(label tlp.Level) access.Object {
	g.t.Helper()
	o := access.Object{Ref: ref.Ref{Kind: ref.Thread}, Realm: access.Team, TLP: label, Compartment: 7}
	if err := g.write(func(ctx context.Context, tx *db.Tx) error { return access.Protect(ctx, tx, &o, g.h.Clock.Now()) }); err != nil {
		g.t.Fatal(err)
	}
	return o
}

func (g gate) pass(a egress.Ask, rendition []byte) (egress.Pass, error) {
	var p egress.Pass
	err := g.write(func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = g.PassTx(ctx, tx, a, rendition)
		return err
	})
	return p, err
}

func (g gate) use(pass int64, a egress.Ask, rendition []byte) (egress.Pass, error) {
	var p egress.Pass
	err := g.write(func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = g.Use(ctx, tx, pass, a, rendition)
		return err
	})
	return p, err
}

func rendition(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

func wantKind(t *testing.T, err error, kind errs.Kind, key string) {
	t.Helper()
	var e *errs.Error
	if !errs.Is(err, kind) {
		t.Errorf("%v, want a refusal of kind %s", err, kind)
	} else if errors.As(err, &e) && key != "" && e.Key != key {
		t.Errorf("refused for %q, want %q", e.Key, key)
	}
}

// A pass opens once, for its rendition, its reader and its channel; a transport that is handed anything else refuses (rule O1).
func TestAPassIsForOneRenditionOneReaderOnce(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		g := newGate(t, h)
		a := ours(tlp.Green)
		a.Object = g.object(tlp.Green)
		text := rendition("the letter")
		p, err := g.pass(a, text)
		if err != nil {
			t.Fatal(err)
		}
		if p.Road() != egress.Signed || p.Allows(egress.Mail, a.Reader, text) == nil {
			t.Error("a pass that was not checked again lets something out")
		}
		other := a
		other.Reader = "eve@x.example"
		for name, try := range map[string]func() (egress.Pass, error){
			"another rendition": func() (egress.Pass, error) { return g.use(p.ID(), a, rendition("another")) },
			"another reader":    func() (egress.Pass, error) { return g.use(p.ID(), other, text) },
			"another channel": func() (egress.Pass, error) {
				b := a
				b.Channel = egress.Portal
				return g.use(p.ID(), b, text)
			},
			"another object": func() (egress.Pass, error) {
				b := a
				b.Object = g.object(tlp.Green)
				return g.use(p.ID(), b, text)
			},
		} {
			if _, err := try(); !errs.Is(err, errs.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		used, err := g.use(p.ID(), a, text)
		if err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"the right one":     used.Allows(egress.Mail, "SOC@hospital.example", text),
			"another reader":    used.Allows(egress.Mail, "eve@x.example", text),
			"another channel":   used.Allows(egress.Link, a.Reader, text),
			"another rendition": used.Allows(egress.Mail, a.Reader, rendition("another")),
			"the zero pass":     egress.Pass{}.Allows(egress.Mail, a.Reader, nil),
		} {
			if (err == nil) != (name == "the right one") {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = g.use(p.ID(), a, text)
		wantKind(t, err, errs.Conflict, "error.egress.used")
		if err := g.write(func(ctx context.Context, tx *db.Tx) error { return g.Unused(ctx, tx, p.ID()) }); err != nil {
			t.Fatal(err)
		}
		if _, err := g.use(p.ID(), a, text); err != nil {
			t.Errorf("nothing had left, and the pass is refused: %v", err)
		}
	})
}

// What changed between writing and sending counts (rules O1, O9, P10).
func TestAPassIsCheckedAgainWhenSending(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		g := newGate(t, h)
		text := rendition("the letter")
		change := func(set string) func(egress.Ask) egress.Ask {
			return func(a egress.Ask) egress.Ask {
				if _, err := h.DB.Exec(context.Background(), `UPDATE object SET `+set+` WHERE id = $1`, a.Object.Ref.ID); err != nil {
					t.Fatal(err)
				}
				return a // as the caller had read it before
			}
		}
		for _, c := range []struct {
			name   string
			had    egress.Ask
			change func(egress.Ask) egress.Ask
			why    string
			road   egress.Road
		}{
			{"sealed meanwhile", ours(tlp.Green), change("sealed = TRUE"), egress.Sealed, 0},
			{"marked as exercise meanwhile", ours(tlp.Green), change("exercise = TRUE"), egress.Exercise, 0},
			{"label raised meanwhile", ours(tlp.Green), change("tlp = 5"), egress.Lower, 0},
			{"moved to another compartment", ours(tlp.Green), change("compartment = 8"), egress.Foreign, 0},
			{"the key expired", ours(tlp.Green, key), func(a egress.Ask) egress.Ask { a.HasKey = false; return a }, "error.egress.changed", 0},
			{"the key expired on an encrypted thread", ours(tlp.Amber, key, onceSealed), func(a egress.Ask) egress.Ask { a.HasKey = false; return a }, egress.KeyExpected, 0},
			{"what it is about was sealed", ours(tlp.Green), func(a egress.Ask) egress.Ask { a.Object.Sealed = true; return a }, egress.Sealed, 0},
			{"a key arrived", ours(tlp.Green), func(a egress.Ask) egress.Ask { a.HasKey = true; return a }, "", egress.Encrypted},
			{"nothing changed", ours(tlp.Amber), func(a egress.Ask) egress.Ask { return a }, "", egress.Notice},
		} {
			a := c.had
			a.Object = g.object(a.TLP)
			p, err := g.pass(a, text)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			used, err := g.use(p.ID(), c.change(a), text)
			if c.why == "" {
				if err != nil || used.Road() != c.road {
					t.Errorf("%s: %s, %v", c.name, used.Road(), err)
				}
				continue
			}
			var e *errs.Error
			if !errors.As(err, &e) || e.Kind != errs.Conflict || e.Key != c.why {
				t.Errorf("%s: %v, want %s", c.name, err, c.why)
			}
		}
	})
}

// Under a table that locks: a pass for a locked file takes a key that arrived, waits when the number is gone, and a notice stays a notice when a number came.
func TestALockedRoadOnlyGetsBetter(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		g := newGate(t, h)
		if err := g.write(func(ctx context.Context, tx *db.Tx) error { return g.SetPolicyTx(ctx, tx, 1, h.Clock.Now(), locking()) }); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name     string
			had, has egress.Ask
			road     egress.Road
			why      string
		}{
			{"nothing changed", ours(tlp.Red, phone), ours(tlp.Red, phone), egress.Locked, ""},
			{"a key arrived", ours(tlp.Amber, phone), ours(tlp.Amber, phone, key), egress.Encrypted, ""},
			{"the number is gone", ours(tlp.Amber, phone), ours(tlp.Amber), 0, egress.NoPhone},
			{"a number came", ours(tlp.Amber), ours(tlp.Amber, phone), egress.Notice, ""},
			{"the key is gone", ours(tlp.Amber, phone, key), ours(tlp.Amber, phone), 0, "error.egress.changed"},
		} {
			c.had.Object = g.object(c.had.TLP)
			c.has.Object = c.had.Object
			p, err := g.pass(c.had, rendition("x"))
			if err != nil {
				t.Fatal(err)
			}
			used, err := g.use(p.ID(), c.has, rendition("x"))
			if c.why != "" {
				wantKind(t, err, errs.Conflict, c.why)
			} else if err != nil || used.Road() != c.road {
				t.Errorf("%s: %s, %v", c.name, used.Road(), err)
			}
		}
	})
}

// What may not leave gets no pass, and the table of what may leave without a key is a setting (rule O1).
func TestNoPassAndThePolicy(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		g := newGate(t, h)
		a := ours(tlp.Red)
		a.Object = g.object(tlp.Red)
		_, err := g.pass(a, rendition("x"))
		wantKind(t, err, errs.Forbidden, egress.KeyMissing)
		if _, err := g.pass(a, []byte("no hash")); err == nil {
			t.Error("a pass for something that is no SHA-256")
		}
		set := func(p map[tlp.Level]egress.Road) error {
			return g.write(func(ctx context.Context, tx *db.Tx) error { return g.SetPolicyTx(ctx, tx, 1, h.Clock.Now(), p) })
		}
		for _, bad := range []map[tlp.Level]egress.Road{
			{},
			{tlp.Clear: egress.Signed},
			{tlp.Clear: egress.Notice, tlp.Green: egress.Signed, tlp.Amber: egress.Notice, tlp.AmberStrict: egress.Notice, tlp.Red: egress.Refused},
			{tlp.Clear: egress.Signed, tlp.Green: egress.Signed, tlp.Amber: egress.Signed, tlp.AmberStrict: egress.Signed, tlp.Red: egress.Signed},
			{tlp.Clear: egress.Encrypted, tlp.Green: egress.Signed, tlp.Amber: egress.Signed, tlp.AmberStrict: egress.Notice, tlp.Red: egress.Refused},
		} {
			if err := set(bad); !errs.Is(err, errs.Invalid) {
				t.Errorf("%v: %v", bad, err)
			}
		}
		good := egress.NoKey()
		good[tlp.Amber] = egress.Refused
		good[tlp.AmberStrict] = egress.Refused
		if err := set(good); err != nil {
			t.Fatal(err)
		}
		b := ours(tlp.Amber)
		b.Object = g.object(tlp.Amber)
		_, err = g.pass(b, rendition("x"))
		wantKind(t, err, errs.Forbidden, egress.KeyMissing)
	})
}
