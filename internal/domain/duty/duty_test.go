package duty_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

func lisbon(t *testing.T) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Who is on duty when, around the change of the clocks, midnight, absences and times taken over.
func TestWhoIsOnDuty(t *testing.T) {
	t.Parallel()
	z := lisbon(t)
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, z)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	o := duty.Roster{Zone: z, Rotations: []duty.Rotation{{Every: duty.Daily, FirstDay: "2026-10-20", Minute: 8 * 60, People: []int64{1, 2, 3}}}}
	for when, want := range map[string]int64{
		"2026-10-20 07:59": 0, "2026-10-20 08:00": 1, "2026-10-21 07:59": 1, "2026-10-21 08:00": 2, "2026-10-22 00:00": 2,
		"2026-10-25 07:59": 2, "2026-10-25 08:00": 3, "2026-10-26 07:59": 3, // the night of 25 October has an hour more
		"2027-03-28 07:59": 3, "2027-03-28 08:00": 1, // and that of 28 March an hour less
	} {
		if got, _ := o.At(at(when)); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	night := o.Shifts(at("2026-10-24 08:00"), at("2026-10-26 08:00"))
	if len(night) != 2 || night[0].Till.Sub(night[0].From) != 25*time.Hour || night[1].Till.Sub(night[1].From) != 24*time.Hour {
		t.Errorf("around the end of summer time: %+v", night)
	}
	weekly := duty.Roster{Zone: z, Rotations: []duty.Rotation{{Every: duty.Weekly, FirstDay: "2026-10-19", Minute: 8 * 60, People: []int64{1, 2}}}}
	now, next := weekly.Now(at("2026-10-25 23:30"))
	if now.Account != 1 || !now.Till.Equal(at("2026-10-26 08:00")) || now.Till.Sub(now.From) != 169*time.Hour || next.Account != 2 {
		t.Errorf("a week: %+v, then %+v", now, next)
	}
	weekly.Changes = []duty.Change{
		{Account: 3, From: at("2026-10-21 12:00"), Till: at("2026-10-21 18:00")},
		{Account: 1, Away: true, From: at("2026-10-23 00:00"), Till: at("2026-10-24 00:00")},
		{Account: 3, Away: true, From: at("2026-10-21 17:00"), Till: at("2026-10-21 18:00")},
	}
	var got []int64
	for _, s := range weekly.Shifts(at("2026-10-20 08:00"), at("2026-10-25 08:00")) {
		got = append(got, s.Account)
	}
	if !slices.Equal(got, []int64{1, 3, 1, 2, 1}) {
		t.Errorf("with changes: %v", got)
	}
	if order := weekly.Order(at("2026-10-21 13:00")); !slices.Equal(order, []int64{3, 1, 2}) {
		t.Errorf("asked in the order %v", order)
	}
	// A later rotation takes over on its day, and the earlier one stays what it was.
	weekly.Rotations = append(weekly.Rotations, duty.Rotation{ID: 2, Every: duty.Daily, FirstDay: "2026-10-28", Minute: 0, People: []int64{9}})
	before, _ := weekly.At(at("2026-10-27 23:59"))
	after, _ := weekly.At(at("2026-10-28 00:00"))
	if before != 2 || after != 9 {
		t.Errorf("the new rotation: %d, then %d", before, after)
	}
	if now, next := (duty.Roster{Zone: z}).Now(at("2026-10-27 12:00")); now.Account != 0 || next.Account != 0 {
		t.Error("somebody is on duty without a roster")
	}
}

// room is the duty room on a real house: Lea leads, Ana, Bea and Cid work.
type room struct {
	*coretest.House
	*testing.T
	s             *duty.Service
	lea, ana, bea access.Actor
	accounts      []int64
	mailed        []int64
	host          *host
}

// host takes what leaves, and answers as the test says.
type host struct {
	status int
	err    error
	seen   []request
}

type request struct {
	to     string
	header http.Header
	body   string
}

func (h *host) Check(address string) error {
	if strings.HasPrefix(address, "https://") {
		return nil
	}
	return errors.New("not https")
}

func (h *host) Post(_ context.Context, to string, header http.Header, body []byte) (int, []byte, error) {
	h.seen = append(h.seen, request{to, header, string(body)})
	return h.status, []byte("secret words of the host"), h.err
}

func rooms(t *testing.T, story func(r *room)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		r := &room{House: h, T: t, host: &host{status: 204}}
		jobs := job.ByHand(h.Registry)
		r.s = &duty.Service{
			DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: jobs, Egress: &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring}, Zone: time.UTC, Sender: r.host,
			SMS:   duty.Gateway{URL: "https://sms.example/send", Headers: map[string]string{"Authorization": "Bearer x"}, Body: `{"to":"{to}","message":"{text}"}`},
			Staff: func(context.Context, db.Handle) ([]int64, error) { return r.accounts, nil },
			Leads: func(context.Context, db.Handle) ([]int64, error) { return r.accounts[:1], nil },
			Mail: func(_ context.Context, _ *db.Tx, account int64, _ duty.Page) (bool, error) {
				r.mailed = append(r.mailed, account)
				return true, nil
			},
			Words: func(_ context.Context, _ int64, p duty.Page) (string, error) {
				return "Needed \"now\": " + p.Number, nil
			},
			Events: func(_ context.Context, _ access.Actor, from, to, _ time.Time) (duty.Events, error) {
				return duty.Events{New: []duty.Event{{Number: "INC-2026-000001", At: from}}, Calls: []duty.Event{{Number: "R-2026-7K2PQX", At: to}}}, nil
			},
		}
		r.s.Work(h.Registry)
		for range 4 {
			o := access.Object{Ref: ref.Ref{Kind: ref.Account}, Realm: access.Registry, TLP: tlp.Green}
			r.must(h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return access.Protect(ctx, tx, &o, h.Clock.Now()) }))
			r.accounts = append(r.accounts, o.Ref.ID)
		}
		r.lea, r.ana, r.bea = h.Person(r.accounts[0], "Lea", access.Lead), h.Person(r.accounts[1], "Ana", access.Duty), h.Person(r.accounts[2], "Bea", access.Analyst)
		story(r)
	})
}

func (r *room) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *room) refused(what string, err error, k errs.Kind) {
	r.Helper()
	if !errs.Is(err, k) {
		r.Errorf("%s: %v, want %s", what, err, k)
	}
}

func (r *room) daily() {
	r.Helper()
	_, err := r.s.SetRotation(r.Context(), r.lea, duty.NewRotation{Every: duty.Daily, FirstDay: "2026-11-21", Minute: 8 * 60, People: []int64{r.ana.Account, r.bea.Account}})
	r.must(err)
}

func (r *room) run() {
	r.Helper()
	_, err := r.s.Jobs.Run(r.Context())
	r.must(err)
}

func TestThePlanAndItsRefusals(t *testing.T) {
	rooms(t, func(r *room) {
		ctx := r.Context()
		r.daily()
		in := duty.NewRotation{Every: "hourly", FirstDay: "tomorrow", Minute: 1500, People: []int64{99999}}
		_, err := r.s.SetRotation(ctx, r.lea, in)
		if r.refused("a rotation that cannot be", err, errs.Invalid); len(errs.Fields(err)) != 4 {
			r.Errorf("problems %+v", errs.Fields(err))
		}
		_, err = r.s.SetRotation(ctx, r.ana, in)
		r.refused("the duty officer plans", err, errs.Forbidden)
		from, till := r.Clock.Now().Add(time.Hour), r.Clock.Now().Add(3*time.Hour)
		c, err := r.s.TakeOver(ctx, r.bea, r.bea.Account, from, till)
		r.must(err)
		o, err := r.s.Roster(ctx, r.DB, r.ana)
		r.must(err)
		if who, named := o.At(from); who != r.bea.Account || named != r.ana.Account {
			r.Errorf("on duty %d for %d", who, named)
		}
		_, err = r.s.TakeOver(ctx, r.bea, r.ana.Account, from, till)
		r.refused("for somebody else", err, errs.Forbidden)
		_, err = r.s.NoteAway(ctx, r.lea, r.ana.Account, till, from)
		r.refused("the end before the beginning", err, errs.Invalid)
		r.refused("another takes it back", r.s.TakeBack(ctx, r.ana, c.UID), errs.Forbidden)
		r.must(r.s.TakeBack(ctx, r.bea, c.UID))
		r.refused("twice", r.s.TakeBack(ctx, r.bea, c.UID), errs.NotFound)
		_, err = r.s.Roster(ctx, r.DB, access.Stranger(access.ByPage, "en"))
		r.refused("a stranger reads", err, errs.Unauthenticated)
	})
}

// Both sign, each for themselves; the first signature freezes what was written.
func TestAHandoverIsSignedByBoth(t *testing.T) {
	rooms(t, func(r *room) {
		ctx := r.Context()
		_, err := r.s.Write(ctx, r.ana)
		r.refused("without a roster", err, errs.Conflict)
		r.daily()
		r.Clock.Set(time.Date(2026, 11, 22, 7, 30, 0, 0, time.UTC))
		h, err := r.s.Write(ctx, r.ana)
		r.must(err)
		if h.Outgoing != r.ana.Account || h.Incoming != r.bea.Account || len(h.Events.New) != 1 || !h.To.Equal(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)) {
			r.Errorf("written %+v", h)
		}
		h, err = r.s.Correct(ctx, r.bea, h.UID, "The hospital calls again at nine.", h.Version)
		r.must(err)
		again, err := r.s.Write(ctx, r.ana) // the events anew, the words stay
		r.must(err)
		if again.UID != h.UID || again.Words != h.Words {
			r.Errorf("written again %+v", again)
		}
		_, err = r.s.Sign(ctx, r.lea, h.UID, 0)
		r.refused("the lead signs", err, errs.Forbidden)
		_, err = r.s.Sign(ctx, r.ana, h.UID, h.Version)
		r.refused("what changed since it was read", err, errs.Conflict)
		h, err = r.s.Sign(ctx, r.ana, h.UID, again.Version)
		r.must(err)
		_, err = r.s.Correct(ctx, r.bea, h.UID, "No.", 0)
		r.refused("a word after the signature", err, errs.Conflict)
		_, err = r.s.Write(ctx, r.ana)
		r.refused("written after the signature", err, errs.Conflict)
		_, err = r.s.Sign(ctx, r.ana, h.UID, 0)
		r.refused("twice", err, errs.Conflict)
		r.Clock.Advance(time.Hour)
		h, err = r.s.Sign(ctx, r.bea, h.UID, 0)
		r.must(err)
		read, err := r.s.HandoverByUID(ctx, r.DB, r.ana, h.UID)
		r.must(err)
		if read.OutSignedAt.IsZero() || read.InSignedAt.IsZero() || read.Words != "The hospital calls again at nine." || len(read.Sum) != 32 {
			r.Errorf("read back %+v", read)
		}
	})
}

// Nobody answers: the next is asked, then the lead; whoever takes it stops it. What fails is shown and escalates at once.
func TestAPageGoesOnUntilSomebodyAnswers(t *testing.T) {
	rooms(t, func(r *room) {
		ctx := r.Context()
		r.daily()
		page := func(key string) duty.Page {
			r.must(r.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := r.s.PageTx(ctx, tx, duty.NewPage{Key: key, Reason: duty.Critical, Number: "R-2026-7K2PQX"})
				return err
			}))
			all, err := r.s.Pages(ctx, r.DB, r.lea, 1)
			r.must(err)
			return all[0]
		}
		p := page("one")
		page("one") // one cause, one page
		r.run()
		for range 2 {
			r.Clock.Advance(5*time.Minute + time.Second)
			r.must(r.s.Advance(ctx))
			r.run()
		}
		if !slices.Equal(r.mailed, []int64{r.ana.Account, r.bea.Account, r.lea.Account}) {
			r.Errorf("asked %v", r.mailed)
		}
		_, err := r.s.Acknowledge(ctx, r.Person(77, "Aud", access.Auditor), p.UID)
		r.refused("the auditor takes it", err, errs.Forbidden)
		_, err = r.s.Acknowledge(ctx, r.bea, p.UID)
		r.must(err)
		_, err = r.s.Acknowledge(ctx, r.ana, p.UID)
		r.refused("twice", err, errs.Conflict)
		r.Clock.Advance(time.Hour)
		r.must(r.s.Advance(ctx))
		if r.run(); len(r.mailed) != 3 {
			r.Error("it goes on after it was taken")
		}
		p = page("two")
		r.mailed = nil
		for range 12 {
			r.must(r.s.Advance(ctx))
			r.run()
			r.Clock.Advance(6 * time.Minute)
		}
		if p, _, err = r.s.PageByUID(ctx, r.DB, r.ana, p.UID); err != nil || p.State != duty.Unanswered || len(r.mailed) != 9 {
			r.Errorf("nobody answers: %+v after %d, %v", p, len(r.mailed), err)
		}
	})
}

// A webhook is signed, a gateway gets what it asks for, and neither gets more than a number and words of ours; what fails is tried again and shown
// without what the host said.
func TestWhatAPageSends(t *testing.T) {
	rooms(t, func(r *room) {
		ctx := r.Context()
		for what, address := range map[duty.WayKind]string{duty.ByWebhook: "http://10.0.0.1/", duty.BySMS: "call me", "pigeon": "x"} {
			_, err := r.s.AddWay(ctx, r.ana, what, address)
			r.refused(string(what), err, errs.Invalid)
		}
		w, err := r.s.AddWay(ctx, r.ana, duty.ByWebhook, "https://pager.example/hook/secret")
		r.must(err)
		_, err = r.s.AddWay(ctx, r.ana, duty.BySMS, "+351 910 000 000")
		r.must(err)
		p, err := r.s.Test(ctx, r.ana)
		r.must(err)
		r.run()
		if len(r.host.seen) != 2 {
			r.Fatalf("sent %+v", r.host.seen)
		}
		hook, sms := r.host.seen[0], r.host.seen[1]
		if hook.to != "https://pager.example/hook/secret" {
			hook, sms = sms, hook
		}
		m := hmac.New(sha256.New, []byte(w.Secret))
		m.Write([]byte(hook.header.Get("Webhook-Id") + "." + hook.header.Get("Webhook-Timestamp") + "." + hook.body))
		if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); hook.header.Get("Webhook-Signature") != want {
			r.Errorf("signed %q, want %q", hook.header.Get("Webhook-Signature"), want)
		}
		if sms.to != "https://sms.example/send" || sms.body != `{"to":"+351 910 000 000","message":"Needed \"now\": "}` || sms.header.Get("Authorization") != "Bearer x" {
			r.Errorf("the gateway got %+v", sms)
		}
		_, _, err = r.s.PageByUID(ctx, r.DB, r.bea, p.UID)
		r.refused("another sees my test", err, errs.NotFound)
		r.host.status = 500
		p, err = r.s.Test(ctx, r.ana)
		r.must(err)
		for range 5 {
			r.run()
		}
		_, tries, err := r.s.PageByUID(ctx, r.DB, r.ana, p.UID)
		r.must(err)
		failed := 0
		for _, x := range tries {
			if x.State == duty.Failed {
				failed++
				if x.Answer != "it answered 500" || x.Tries != 4 {
					r.Errorf("shown %+v", x)
				}
			}
		}
		if failed != 2 {
			r.Errorf("%d failed: %+v", failed, tries)
		}
		ways, err := r.s.Ways(ctx, r.DB, r.ana)
		r.must(err)
		if len(ways) != 2 || ways[0].Secret != "" {
			r.Errorf("ways %+v", ways)
		}
		r.refused("another removes it", r.s.RemoveWay(ctx, r.bea, w.UID), errs.NotFound)
		r.must(r.s.RemoveWay(ctx, r.ana, w.UID))
		r.refused("rules by the duty officer", r.s.SetRules(ctx, r.ana, duty.Usual()), errs.Forbidden)
		r.refused("rules that cannot be", r.s.SetRules(ctx, r.lea, duty.Rules{}), errs.Invalid)
	})
}

// A page that is made asks whom to call, and nothing else: who looks through all clocks and cases does so at his own pace. A cause that paged is known.
func TestAPageLooksForNoOthers(t *testing.T) {
	rooms(t, func(r *room) {
		looks := 0
		r.s.Look = func(context.Context) error { looks++; return nil }
		r.daily()
		for _, key := range []string{"critical:1", "critical:2"} {
			r.must(r.DB.Write(r.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := r.s.PageTx(ctx, tx, duty.NewPage{Key: key, Reason: duty.Critical})
				return err
			}))
		}
		r.run()
		if looks != 0 || len(r.mailed) == 0 {
			t.Errorf("%d looks, %d were written to", looks, len(r.mailed))
		}
		for key, want := range map[string]bool{"critical:1": true, "critical:3": false} {
			if known, err := r.s.Paged(r.Context(), r.DB, key); err != nil || known != want {
				t.Errorf("%s: %v %v", key, known, err)
			}
		}
	})
}
