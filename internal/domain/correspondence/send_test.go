package correspondence

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// What a person writes is held for twenty seconds and can be stopped in them; then it leaves once, however often the job runs.
func TestALetterIsHeldThenLeavesOnce(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		m, other := o.sent(th, letter), o.sent(th, letter)
		if m.State != Held || m.Road != egress.Signed || !m.SendAfter.Equal(o.Clock.Now().Add(20*time.Second)) || o.jobs("correspondence.send") != 2 {
			o.Errorf("%s by %s until %s", m.State, m.Road, m.SendAfter)
		}
		if err := o.run(m, other); err == nil {
			o.Error("a job that runs too early does not come back")
		}
		if len(o.mails()) != 0 {
			o.Fatal("it left while it was held")
		}
		o.h.Clock.Advance(19 * time.Second)
		o.must(o.Stop(o.ctx, o.analyst, other.UID))
		o.refused(o.Stop(o.ctx, o.analyst, other.UID), errs.Conflict, "error.outbox.too_late")
		o.h.Clock.Advance(2 * time.Second)
		o.must(o.run(m, other))
		first := o.mails()
		o.must(o.run(m, other))
		o.must(o.run(other, m))
		again := o.mails()
		if len(first) != 1 || !reflect.DeepEqual(first, again) {
			o.Errorf("%d mails left, then %d", len(first), len(again))
		}
		got := o.wantState(m, Sent, "")
		if got.MessageID == "" || !strings.Contains(o.mail(m), "Message-ID: <"+got.MessageID+">") || got.SentAt.IsZero() || got.Seal != Signed {
			o.Errorf("%+v", got)
		}
		o.wantState(other, Stopped, "")
		o.refused(o.Stop(o.ctx, o.analyst, m.UID), errs.Conflict, "error.outbox.too_late")
		o.refused(o.SendNow(o.ctx, o.analyst, m.UID), errs.Conflict, "error.outbox.too_late")
		o.refused(o.SendNow(o.ctx, o.analyst, other.UID), errs.Conflict, "error.outbox.too_late")
	})
}

// Only who may send outside and sees the thread sends; all problems of a letter are told at once.
func TestWhoSendsAndWhatIsRefused(t *testing.T) {
	engines(t, func(o *office) {
		th := o.party(tlp.Green, "Hospital", "soc@hospital.example", nil)
		for name, c := range map[string]struct {
			by   access.Actor
			kind errs.Kind
		}{
			"the party itself": {o.h.Constituent(9, "Eva", th.Compartment), errs.Forbidden},
			"auditor":          {o.h.Person(2, "Aud", access.Auditor), errs.Forbidden},
			"administrator":    {o.h.Person(3, "Adm", access.Admin), errs.Forbidden},
			"stranger":         {access.Stranger(access.ByPage, "en"), errs.Unauthenticated},
		} {
			if _, err := o.putBy(c.by, th, letter); !errs.Is(err, c.kind) {
				o.Errorf("%s: %v", name, err)
			}
			held := o.sent(th, letter)
			if err := o.SendNow(o.ctx, c.by, held.UID); !errs.Is(err, c.kind) {
				o.Errorf("%s sends now: %v", name, err)
			}
			if err := o.Stop(o.ctx, c.by, held.UID); err == nil {
				o.Errorf("%s stops", name)
			}
		}
		_, err := o.put1(Thread{Object: access.Object{Ref: ref.Ref{Kind: ref.Thread, ID: 4711}}}, letter)
		o.refused(err, errs.NotFound)
		_, err = o.put1(th, Outgoing{Subject: "x\r\nBcc: all@x.example", Text: "\xff", TLP: 77})
		fields := map[string]string{}
		for _, f := range errs.Fields(err) {
			fields[f.Name] = f.Key
		}
		if want := map[string]string{"subject": "error.characters", "text": "error.characters", "tlp": "error.tlp"}; !reflect.DeepEqual(fields, want) {
			o.Errorf("%v", fields)
		}
		_, err = o.put1(th, Outgoing{Subject: " ", Text: ""})
		if len(errs.Fields(err)) != 2 {
			o.Errorf("%v", err)
		}
		_, err = o.put1(th, Outgoing{Subject: strings.Repeat("é", 201), Text: strings.Repeat("x", maxText+1), Files: []File{{Size: MaxFiles + 1}}})
		if len(errs.Fields(err)) != 3 {
			o.Errorf("%v", err)
		}
		low := letter
		low.TLP = tlp.Clear
		_, err = o.put1(th, low)
		o.refused(err, errs.Forbidden, egress.Lower)
		if n := len(o.mails()); n != 0 {
			o.Errorf("%d mails left", n)
		}
	})
}

// The road of each label, with and without a key, as RoadOf says before and as it is taken (rules O1, P10).
func TestRoadsAreTakenAsTheyWereSaid(t *testing.T) {
	engines(t, func(o *office) {
		reader := o.newReader("soc@hospital.example")
		key := reader.Public()
		for i, c := range []struct {
			name  string
			label tlp.Level
			key   bool
			once  bool
			road  egress.Road
			seal  Seal
		}{
			{"green", tlp.Green, false, false, egress.Signed, Signed},
			{"amber", tlp.Amber, false, false, egress.Notice, Signed},
			{"red", tlp.Red, false, false, egress.Refused, ""},
			{"green, once encrypted", tlp.Green, false, true, egress.Notice, Signed},
			{"green with key", tlp.Green, true, false, egress.Encrypted, SignedEncrypted},
			{"red with key", tlp.Red, true, true, egress.Encrypted, SignedEncrypted},
		} {
			certificate := &key
			if !c.key {
				certificate = nil
			}
			email := []string{"soc", "soc1", "soc2", "soc3", "soc4", "soc5"}[i] + "@hospital.example"
			th := o.party(c.label, c.name, email, certificate)
			if c.once {
				o.receive(th, Incoming{Channel: ByMail, State: Filed, Seal: SignedEncrypted, Proof: SignedByKey, Body: Body{Text: "x"}})
				list, err := o.Threads(o.ctx, o.DB, th.Ref.ID)
				o.must(err)
				th = list[th.Ref.ID]
			}
			said, err := o.RoadOf(o.ctx, o.DB, &th, c.label)
			o.must(err)
			if said.Road != c.road {
				o.Errorf("%s: said %s, want %s", c.name, said.Road, c.road)
			}
			m, err := o.put1(th, letter)
			if c.road == egress.Refused {
				o.refused(err, errs.Forbidden, egress.KeyMissing)
				continue
			}
			o.must(err)
			o.h.Clock.Advance(time.Minute)
			o.must(o.run(m))
			got := o.wantState(m, Sent, "")
			raw := o.mail(m)
			if got.Road != c.road || got.Seal != c.seal || strings.Contains(raw, "a login from an address") != (c.road == egress.Signed) {
				o.Errorf("%s: went by %s as %s", c.name, got.Road, got.Seal)
			}
			if c.road == egress.Notice && (!strings.Contains(raw, "https://cert.example/portal") || strings.Contains(raw, "mail gateway")) {
				o.Errorf("%s: the notice is\n%s", c.name, raw)
			}
		}
	})
}

// The key expires between writing and sending: the letter waits for a person, who may send the notice without content (rule P10).
func TestAKeyThatExpiresStopsTheLetter(t *testing.T) {
	engines(t, func(o *office) {
		reader := o.newReader("soc@hospital.example")
		key := reader.Public()
		th := o.party(tlp.Amber, "Hospital", "soc@hospital.example", &key)
		m := o.sent(th, letter)
		if m.Road != egress.Encrypted {
			o.Fatalf("by %s", m.Road)
		}
		o.h.Clock.Advance(6 * 366 * 24 * time.Hour)
		ring, err := keyd.NewRing(o.teamKey("CERT.EX"))
		o.must(err)
		o.Postman.agent = keyd.NewInProcess(ring, keyd.Options{Clock: o.h.Clock})
		o.must(o.run(m))
		o.wantState(m, Waiting, egress.KeyExpected)
		if len(o.mails()) != 0 {
			o.Fatal("it left")
		}
		o.must(o.SendNow(o.ctx, o.analyst, m.UID))
		o.must(o.run(m))
		if got := o.wantState(m, Sent, ""); got.Road != egress.Notice {
			o.Errorf("by %s", got.Road)
		}
		if raw := o.mail(m); strings.Contains(raw, "login from") || strings.Contains(raw, "mail gateway") {
			o.Error("content in the notice")
		}
	})
}

// teamKey makes a key of ours that is good now.
func (o *office) teamKey(name string) *keyd.Secret {
	o.Helper()
	s, err := keyd.Generate(name, []string{"report@cert.example"}, o.Clock.Now().Add(-time.Hour))
	o.must(err)
	return s
}

// A key that is approved while the letter is held is used.
func TestAKeyThatArrivesIsUsed(t *testing.T) {
	engines(t, func(o *office) {
		th := o.party(tlp.Green, "Hospital", "soc@hospital.example", nil)
		m := o.sent(th, letter)
		key := o.newReader("soc@hospital.example").Public()
		c, err := o.Constituency.ContactByID(o.ctx, o.DB, th.Correspondent.Contact)
		o.must(err)
		o.must(o.Constituency.OfferKey(o.ctx, o.analyst, c.UID, key.Binary(), key.Fingerprint(), key.Expires(), "hand"))
		list, err := o.Constituency.AllKeys(o.ctx, o.DB, c.ID)
		o.must(err)
		_, err = o.Constituency.ApproveKey(o.ctx, o.analyst, list[0].UID, "on the telephone")
		o.must(err)
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(m))
		if got := o.wantState(m, Sent, ""); got.Road != egress.Encrypted || strings.Contains(o.mail(m), "mail gateway") {
			o.Errorf("by %s", got.Road)
		}
		// From now on the thread is an encrypted one (rule P10).
		after, err := o.Threads(o.ctx, o.DB, th.Ref.ID)
		o.must(err)
		if !after[th.Ref.ID].Encrypted {
			o.Error("the thread forgot that it was encrypted")
		}
	})
}

// An exercise never leaves, not by thread nor by what it is about, and not when the mark comes late (rule O9).
func TestAnExerciseNeverLeaves(t *testing.T) {
	engines(t, func(o *office) {
		report := o.object(ref.Report, 0, tlp.Green)
		marked := o.openAbout(NewThread{About: report.Ref, TLP: tlp.Green, Exercise: true, Prefix: "R", Correspondent: lone("a@x.example")})
		_, err := o.put1(marked, letter)
		o.refused(err, errs.Forbidden, egress.Exercise)
		auto, err := o.put1(marked, Outgoing{Auto: &Auto{Letter: AutoReceipt, At: o.Clock.Now()}})
		o.must(err)
		o.wantState(auto, Waiting, egress.Exercise)
		o.refused(o.SendNow(o.ctx, o.analyst, auto.UID), errs.Forbidden, egress.Exercise)

		late := o.open(tlp.Green, lone("b@x.example"))
		m := o.sent(late, letter)
		_, err = o.DB.Exec(o.ctx, `UPDATE object SET exercise = TRUE WHERE id = $1`, late.About.ID)
		o.must(err)
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(m))
		o.wantState(m, Waiting, egress.Exercise)
		if n := len(o.mails()); n != 0 {
			o.Errorf("%d mails left", n)
		}
	})
}

// Who has no mail address reads in the portal: nothing is mailed, and the message is there after its twenty seconds.
func TestWithoutAnAddressThePortalShowsIt(t *testing.T) {
	engines(t, func(o *office) {
		th := o.party(tlp.Red, "Hospital", "soc@hospital.example", nil)
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
			c := th.Correspondent
			c.Email = ""
			return o.AmendTx(ctx, tx, o.analyst, th.Ref.ID, c)
		}))
		m := o.sent(th, letter)
		if m.Channel != ByPortal || m.Road != egress.Direct {
			o.Errorf("%s by %s", m.Channel, m.Road)
		}
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(m))
		o.wantState(m, Sent, "")
		hospital := o.h.Constituent(9, "Eva", th.Compartment)
		got, err := o.Get(o.ctx, hospital, th.UID, m.UID)
		o.must(err)
		if got.Body.Text != letter.Text || len(o.mails()) != 0 {
			o.Errorf("%+v, %d mails", got, len(o.mails()))
		}
		o.h.Clock.Advance(time.Minute)
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error { return o.SeenTx(ctx, tx, th.Ref.ID, o.Clock.Now()) }))
		if seen := o.state(m).SeenAt; !seen.Equal(o.Clock.Now()) {
			o.Errorf("seen at %s", seen)
		}
	})
}

// One control stops all: what is held stays held, nothing goes twice, and it goes on afterwards (rule O5).
func TestAllMailCanBeStopped(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		m := o.sent(th, letter)
		o.h.Clock.Advance(time.Minute)
		o.refused(o.Pause(o.ctx, o.h.Person(2, "Aud", access.Auditor), true, ""), errs.Forbidden)
		o.must(o.Pause(o.ctx, o.h.Person(3, "Adm", access.Admin), true, "a wrong template"))
		if err := o.run(m); err == nil {
			o.Error("the job is done although nothing left")
		}
		o.wantState(m, Held, "")
		o.must(o.Pause(o.ctx, o.analyst, false, ""))
		o.must(o.run(m))
		o.must(o.run(m))
		o.wantState(m, Sent, "")
		if len(o.mails()) != 1 {
			o.Errorf("%d mails", len(o.mails()))
		}
	})
}

// Without a pass nothing is handed over: the one function that reaches a transport asks for it, and a pass for something else is refused
// (rule O1).
func TestNoMailWithoutAPass(t *testing.T) {
	t.Parallel()
	if in := reflect.TypeOf((*Postman).deliver).In(2); in != reflect.TypeFor[egress.Pass]() {
		t.Errorf("deliver takes %s", in)
	}
	r := &relay{}
	p := NewPostman(nil, r, pgp.Key{})
	if _, err := p.deliver(context.Background(), egress.Pass{}, parcel{to: "a@x.example", raw: []byte("x")}); !errs.Is(err, errs.Forbidden) {
		t.Errorf("with a pass for nothing: %v", err)
	}
	if len(r.got) != 0 {
		t.Error("it left")
	}
}
