package egress_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// ours is a letter at this label to the party in compartment 7, about a thread of that party with the same label.
func ours(label tlp.Level, change ...func(*egress.Ask)) egress.Ask {
	a := egress.Ask{
		Object:      access.Object{Ref: ref.Ref{Kind: ref.Thread, ID: 3}, TLP: label, Compartment: 7},
		TLP:         label,
		Compartment: 7,
		Reader:      "soc@hospital.example",
		Channel:     egress.Mail,
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func key(a *egress.Ask)        { a.HasKey = true }
func onceSealed(a *egress.Ask) { a.OnceSealed = true }
func phone(a *egress.Ask)      { a.HasPhone = true }
func automatic(a *egress.Ask)  { a.Automatic = true }
func sealed(a *egress.Ask)     { a.Object.Sealed = true }
func exercise(a *egress.Ask)   { a.Object.Exercise = true }
func lowered(a *egress.Ask)    { a.Lowered = true }
func by(c egress.Channel) func(*egress.Ask) {
	return func(a *egress.Ask) { a.Channel = c }
}
func aboutTLP(l tlp.Level) func(*egress.Ask) { return func(a *egress.Ask) { a.Object.TLP = l } }

// The road table (rules O1, O9, P10): label × key × once encrypted × automatic.
func TestRoads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ask  egress.Ask
		road egress.Road
		why  string
	}{
		{"clear without key", ours(tlp.Clear), egress.Signed, ""},
		{"green without key", ours(tlp.Green), egress.Signed, ""},
		{"amber without key", ours(tlp.Amber), egress.Notice, egress.KeyMissing},
		{"amber+strict without key", ours(tlp.AmberStrict), egress.Notice, egress.KeyMissing},
		{"red without key", ours(tlp.Red), egress.Refused, egress.KeyMissing},
		{"clear with key", ours(tlp.Clear, key), egress.Encrypted, ""},
		{"red with key", ours(tlp.Red, key), egress.Encrypted, ""},
		{"once encrypted, key gone", ours(tlp.Green, onceSealed), egress.Notice, egress.KeyExpected},
		{"once encrypted, key gone, red", ours(tlp.Red, onceSealed), egress.Refused, egress.KeyExpected},
		{"once encrypted, key there", ours(tlp.Green, onceSealed, key), egress.Encrypted, ""},
		{"automatic, red, no key", ours(tlp.Red, automatic), egress.Signed, ""},
		{"automatic, once encrypted, no key", ours(tlp.Amber, automatic, onceSealed), egress.Notice, egress.KeyExpected},
		{"automatic with key", ours(tlp.Amber, automatic, key), egress.Encrypted, ""},
		{"below the label of the case", ours(tlp.Green, key, aboutTLP(tlp.Amber)), egress.Refused, egress.Lower},
		{"below, approved by two", ours(tlp.Green, key, aboutTLP(tlp.Amber), lowered), egress.Encrypted, ""},
		{"below, automatic", ours(tlp.Green, aboutTLP(tlp.Amber), automatic), egress.Signed, ""},
		{"unlabelled case counts as amber+strict", ours(tlp.Amber, key, aboutTLP(0)), egress.Refused, egress.Lower},
		{"unlabelled case, as strict", ours(tlp.AmberStrict, key, aboutTLP(0)), egress.Encrypted, ""},
		{"no label", ours(0, key), egress.Refused, egress.NoLabel},
		{"unknown label", ours(9, key), egress.Refused, egress.NoLabel},
		{"sealed", ours(tlp.Green, key, sealed), egress.Refused, egress.Sealed},
		{"sealed, automatic", ours(tlp.Green, automatic, sealed), egress.Refused, egress.Sealed},
		{"sealed, portal", ours(tlp.Green, by(egress.Portal), sealed), egress.Refused, egress.Sealed},
		{"exercise", ours(tlp.Clear, key, exercise), egress.Refused, egress.Exercise},
		{"exercise, automatic", ours(tlp.Clear, automatic, exercise), egress.Refused, egress.Exercise},
		{"exercise, export", ours(tlp.Clear, by(egress.Export), exercise), egress.Refused, egress.Exercise},
		{"exercise, portal", ours(tlp.Amber, by(egress.Portal), exercise), egress.Direct, ""},
		{"portal needs no key", ours(tlp.Red, by(egress.Portal), onceSealed), egress.Direct, ""},
		{"link", ours(tlp.Amber, by(egress.Link)), egress.Direct, ""},
		{"link, red", ours(tlp.Red, by(egress.Link)), egress.Refused, egress.NoChannel},
		{"unknown channel", ours(tlp.Clear, key, by(99)), egress.Refused, egress.NoChannel},
		{"another party", ours(tlp.Clear, key, func(a *egress.Ask) { a.Compartment = 8 }), egress.Refused, egress.Foreign},
		{"of the team alone", ours(tlp.Clear, key, func(a *egress.Ask) { a.Compartment, a.Object.Compartment = 0, 0 }), egress.Refused, egress.Foreign},
		{"a page to one of us", ours(tlp.Green, by(egress.Pager), automatic, func(a *egress.Ask) { a.Compartment, a.Object.Compartment = 0, 0 }), egress.Direct, ""},
		{"a page with words of a person", ours(tlp.Green, by(egress.Pager)), egress.Refused, egress.NoChannel},
		{"a page, sealed", ours(tlp.Green, by(egress.Pager), automatic, sealed), egress.Refused, egress.Sealed},
		{"a page, exercise", ours(tlp.Green, by(egress.Pager), automatic, exercise), egress.Refused, egress.Exercise},
		{"export inside the house", ours(tlp.Red, by(egress.Export), func(a *egress.Ask) { a.Compartment = 0 }), egress.Direct, ""},
		{"nobody", ours(tlp.Clear, key, func(a *egress.Ask) { a.Reader = "" }), egress.Refused, egress.NoReader},
	} {
		if d := egress.Decide(egress.NoKey(), c.ask); d.Road != c.road || d.Reason != c.why {
			t.Errorf("%s: %s %q, want %s %q", c.name, d.Road, d.Reason, c.road, c.why)
		}
	}
}

// locking is a table that locks what it can.
func locking() map[tlp.Level]egress.Road {
	return map[tlp.Level]egress.Road{tlp.Clear: egress.Signed, tlp.Green: egress.Signed, tlp.Amber: egress.Locked, tlp.AmberStrict: egress.Locked, tlp.Red: egress.Locked}
}

// A team may choose a locked file for any label. Without a number to tell its code to, a notice goes (rules O1, P10).
func TestTheLockedRoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ask  egress.Ask
		road egress.Road
		why  string
	}{
		{"amber", ours(tlp.Amber, phone), egress.Locked, ""},
		{"red", ours(tlp.Red, phone), egress.Locked, ""},
		{"no number", ours(tlp.Red), egress.Notice, egress.NoPhone},
		{"a key", ours(tlp.Red, phone, key), egress.Encrypted, ""},
		{"once encrypted, key gone", ours(tlp.Amber, phone, onceSealed), egress.Locked, ""},
		{"once encrypted, key gone, no number", ours(tlp.Amber, onceSealed), egress.Notice, egress.NoPhone},
		{"once encrypted, clear by the table", ours(tlp.Green, phone, onceSealed), egress.Notice, egress.KeyExpected},
		{"automatic", ours(tlp.Amber, phone, automatic), egress.Signed, ""},
		{"automatic, once encrypted", ours(tlp.Amber, phone, automatic, onceSealed), egress.Notice, egress.KeyExpected},
		{"sealed", ours(tlp.Amber, phone, sealed), egress.Refused, egress.Sealed},
		{"exercise", ours(tlp.Amber, phone, exercise), egress.Refused, egress.Exercise},
		{"another party", ours(tlp.Amber, phone, func(a *egress.Ask) { a.Compartment = 8 }), egress.Refused, egress.Foreign},
		{"portal", ours(tlp.Red, phone, by(egress.Portal)), egress.Direct, ""},
	} {
		if d := egress.Decide(locking(), c.ask); d.Road != c.road || d.Reason != c.why {
			t.Errorf("%s: %s %q, want %s %q", c.name, d.Road, d.Reason, c.road, c.why)
		}
	}
	for name, p := range map[string]map[tlp.Level]egress.Road{
		"a stricter label in a notice only": {tlp.Clear: egress.Signed, tlp.Green: egress.Locked, tlp.Amber: egress.Locked, tlp.AmberStrict: egress.Notice, tlp.Red: egress.Refused},
		"all locked":                        {tlp.Clear: egress.Locked, tlp.Green: egress.Locked, tlp.Amber: egress.Locked, tlp.AmberStrict: egress.Locked, tlp.Red: egress.Locked},
	} {
		if err := egress.CheckPolicy(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	better := locking()
	better[tlp.Green] = egress.Notice
	if egress.CheckPolicy(better) == nil {
		t.Error("a stricter label has the better road")
	}
}

// anyPolicy draws a table that may be in force.
func anyPolicy(t *rapid.T) map[tlp.Level]egress.Road {
	rising := []egress.Road{egress.Signed, egress.Locked, egress.Notice, egress.Refused}
	at, p := 0, map[tlp.Level]egress.Road{}
	for _, l := range tlp.Levels() {
		if at = rapid.IntRange(at, 3).Draw(t, "road"); l == tlp.Red {
			at = max(at, 1)
		}
		p[l] = rising[at]
	}
	return p
}

// anyAsk draws an ask out of everything that could be asked, labels and channels that do not exist included.
func anyAsk(t *rapid.T) egress.Ask {
	label := rapid.Uint8Range(0, 7)
	flag := rapid.Bool()
	return egress.Ask{
		Object: access.Object{
			Ref: ref.Ref{Kind: ref.Thread, ID: 3}, TLP: tlp.Level(label.Draw(t, "case")), Compartment: rapid.Int64Range(0, 2).Draw(t, "compartment"),
			Sealed: flag.Draw(t, "sealed"), Exercise: flag.Draw(t, "exercise"),
		},
		TLP: tlp.Level(label.Draw(t, "label")), Lowered: flag.Draw(t, "lowered"), Compartment: rapid.Int64Range(0, 2).Draw(t, "reader's compartment"),
		Reader: rapid.SampledFrom([]string{"", "a@x.example"}).Draw(t, "reader"), Channel: egress.Channel(rapid.Uint8Range(0, 6).Draw(t, "channel")),
		HasKey: flag.Draw(t, "key"), HasPhone: flag.Draw(t, "phone"), OnceSealed: flag.Draw(t, "once"), Automatic: flag.Draw(t, "automatic"),
	}
}

// Whatever is asked: nothing leaves past a check (rules O1, O9, P10, A6).
func TestNothingLeavesWithoutTheChecks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, policy := anyAsk(t), anyPolicy(t)
		if err := egress.CheckPolicy(policy); err != nil {
			t.Fatal(err)
		}
		d := egress.Decide(policy, a)
		if (d.Road == egress.Refused) != (d.Reason != "" && d.Road != egress.Notice) {
			t.Fatalf("%s with reason %q", d.Road, d.Reason)
		}
		if d.Road == egress.Refused {
			return
		}
		inClear := d.Road == egress.Signed
		switch {
		case a.Object.Sealed:
			t.Fatal("a sealed case left")
		case a.Object.Exercise && (a.Channel == egress.Mail || a.Channel == egress.Export):
			t.Fatal("an exercise left")
		case !a.TLP.Valid() || a.Reader == "":
			t.Fatal("without label or reader")
		case a.Compartment != a.Object.Compartment && a.Channel != egress.Export:
			t.Fatal("to another party")
		case a.TLP < a.Object.TLP && !a.Lowered && !a.Automatic:
			t.Fatal("below its label")
		case inClear && a.OnceSealed:
			t.Fatal("in clear although the thread was encrypted")
		case inClear && a.HasKey:
			t.Fatal("in clear although there is a key")
		case inClear && !a.Automatic && (policy[a.TLP] != egress.Signed || a.TLP == tlp.Red):
			t.Fatal("in clear past the table")
		case d.Road == egress.Locked && (a.HasKey || !a.HasPhone || a.Automatic || a.Channel != egress.Mail || policy[a.TLP] != egress.Locked):
			t.Fatal("locked with a key, without a number, or past the table")
		case d.Road == egress.Encrypted && !a.HasKey:
			t.Fatal("encrypted without a key")
		}
	})
}
