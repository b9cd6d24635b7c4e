package app

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// colleague makes somebody of the team who reads a language, and gives the actor.
func (h *house) colleague(role access.Role, name, lang string) access.Actor {
	h.t.Helper()
	a, _, err := h.Accounts.Create(h.t.Context(), sample(), account.NewAccount{
		Email: strings.ToLower(name) + "@cert.valmora.example", Name: name, Lang: lang, Roles: []access.Role{role}, Password: password,
	})
	h.must(err)
	now := h.Clock.Now()
	return access.Actor{Account: a.ID, Name: name, Roles: []access.Role{role}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: now, AskedAt: now, Lang: lang}
}

// decoded is a letter with its subject and texts as a reader sees them, after the bytes as they travel.
func decoded(raw string) string {
	m := mail.Parse([]byte(raw))
	out := raw + "\n" + m.Subject()
	for _, p := range m.Parts {
		out += "\n" + string(p.Bytes)
	}
	return out
}

var replyTo = regexp.MustCompile(`(?is)\nReply-To:[^<]*<([^>]+)>`)

// TestAnAlarmReachesPeople breaks a seal in a whole house: lead, auditor and handler have one letter each, in their language, that says no more than
// that an alarm waits (rule O9); who broke it has none. An automatic answer to it makes nothing, and what a person answers is not lost.
func TestAnAlarmReachesPeople(t *testing.T) { onEach(t, anAlarmReachesPeople) }

func anAlarmReachesPeople(h *house) {
	t, ctx := h.t, h.t.Context()
	lea, ana, dan := h.colleague(access.Lead, "Leacanary", "pt"), h.colleague(access.Analyst, "Anacanary", "de"), h.colleague(access.Duty, "Dancanary", "fr")
	h.colleague(access.Auditor, "Iriscanary", "en")
	h.colleague(access.Admin, "Rootcanary", "en")
	h.serve()
	in, err := h.Incidents.Open(ctx, ana, incident.NewIncident{Title: "canarytitle", Summary: "canarysummary", Handler: ana.Account})
	h.must(err)
	_, err = h.Incidents.Seal(ctx, lea, in.UID, 0, []int64{ana.Account}, "canaryseal, of one of us")
	h.must(err)
	_, err = h.Incidents.BreakGlass(ctx, dan, in.Number, "canaryreason, it burns")
	h.must(err)

	words := map[string]string{"leacanary": "Urgente: há um alerta", "iriscanary": "Urgent: an alarm", "anacanary": "Dringend: am Arbeitsplatz"}
	for who, subject := range words {
		raw := h.letter(who + "@cert.valmora.example")
		all := decoded(raw)
		if !strings.Contains(all, subject) || !strings.Contains(all, h.publicURL()+"/desk/alarms") || !strings.Contains(raw, "Auto-Submitted: auto-generated") || !strings.Contains(raw, "multipart/signed") {
			t.Errorf("the letter to %s:\n%s", who, all)
		}
		for _, canary := range []string{"canarytitle", "canarysummary", "canaryseal", "canaryreason", in.Number, in.UID, "Dancanary"} {
			if strings.Contains(all, canary) {
				t.Errorf("the letter to %s says %q", who, canary)
			}
		}
	}

	// Answers: of a program, and of a person.
	to := replyTo.FindStringSubmatch(h.letter("leacanary@cert.valmora.example"))
	if to == nil {
		t.Fatal("no address to answer to")
	}
	from := "leacanary@cert.valmora.example"
	h.mail(from, to[1], "Auto-Submitted: auto-replied\r\n"+head(from, to[1], "Out of office")+"\r\nI am away.\r\n")
	h.mail(from, to[1], head(from, to[1], "On my way")+"\r\nCall me.\r\n")
	var list []intake.Report
	h.eventually("what the person wrote", func() bool {
		p, err := h.Intake.List(ctx, sample(), intake.QueueFilter{Limit: 10})
		h.must(err)
		list = p.Items
		var waiting int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_arrival WHERE state = 'new'`).Scan(&waiting))
		return len(list) > 0 && waiting == 0
	})
	if len(list) != 1 || list[0].Body.Summary != "On my way" {
		t.Errorf("in the queue: %+v", list)
	}
	if all := h.sent(""); len(all) != len(words) {
		t.Errorf("%d letters left, want %d", len(all), len(words))
	}
}

// notices gives how many letters were written to each colleague so far, and the text of the last.
func (h *aged) notices() (many map[string]int, last map[string]string) {
	h.t.Helper()
	many, last = map[string]int{}, map[string]string{}
	page, err := h.Correspondence.Outbox(h.t.Context(), sample(), correspondence.OutboxFilter{Limit: 500})
	h.must(err)
	slices.SortFunc(page.Items, func(a, b correspondence.Outgoings) int { return int(a.ID - b.ID) })
	for _, o := range page.Items {
		if o.Kind == correspondence.Notice {
			who, _, _ := strings.Cut(o.Body.To, "@")
			many[who]++
			last[who] = o.Body.Subject + "\n" + o.Body.Text
			if o.State != correspondence.Held {
				h.t.Errorf("a notice to %s is %s %s", who, o.State, o.Reason)
			}
		}
	}
	return many, last
}

func (h *aged) told(what string, want map[string]int) map[string]string {
	h.t.Helper()
	many, last := h.notices()
	if fmt.Sprint(many) != fmt.Sprint(want) {
		h.t.Errorf("%s: told %v, want %v", what, many, want)
	}
	return last
}

// TestALateDeadlineReachesPeople lets deadlines pass: the duty officer and the handler are told once each, leads when there is neither, and of a
// sealed case only who is named in it, without its number. A flood stays within the limits and leaves room for an alarm.
func TestALateDeadlineReachesPeople(t *testing.T) { onEachAged(t, aLateDeadlineReachesPeople) }

func aLateDeadlineReachesPeople(h *aged) {
	ctx := h.t.Context()
	h.colleague(access.Lead, "Lea", "en")
	ana := h.colleague(access.Analyst, "Ana", "nl")
	tick := func() {
		h.t.Helper()
		for range 2 { // a job may run twice
			_, err := h.Deadlines.Tick(ctx, h.clocks())
			h.must(err)
		}
	}
	clock := func(on ref.Ref) {
		h.t.Helper()
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.Deadlines.StartTx(ctx, tx, access.System("clocks"), deadline.Clock{About: on, Under: on, Kind: intake.FirstAnswer, OwedBy: "us", StartedAt: h.now.Now(), DueAt: h.now.Now().Add(time.Hour)})
			return err
		}))
	}
	one := h.filed("canaryone")
	clock(one.Report.Ref)
	h.now.Advance(59 * time.Minute)
	tick()
	h.told("before its time", map[string]int{})
	h.now.Advance(2 * time.Minute)
	tick()
	last := h.told("nobody on duty", map[string]int{"lea": 1})
	if text := last["lea"]; !strings.Contains(text, "Urgent: a deadline has passed") || !strings.Contains(text, one.Reference) || !strings.Contains(text, "/desk/deadlines") || strings.Contains(text, "canary") {
		h.t.Errorf("lea reads %q", text)
	}

	h.colleague(access.Duty, "Dan", "fr")
	in, err := h.Incidents.Open(ctx, ana, incident.NewIncident{Title: "canarycase", Handler: ana.Account})
	h.must(err)
	clock(in.Ref)
	h.now.Advance(2 * time.Hour)
	tick()
	last = h.told("an incident", map[string]int{"lea": 1, "ana": 1, "dan": 1})
	if !strings.Contains(last["dan"], "Urgent : une échéance") || !strings.Contains(last["ana"], in.Number) || strings.Contains(last["ana"], "canary") {
		h.t.Errorf("told %q", last)
	}

	lea2 := h.colleague(access.Lead, "Leo", "en")
	_, err = h.Incidents.Seal(ctx, lea2, in.UID, 0, nil, "sealed for the story")
	h.must(err)
	clock(in.Ref)
	h.now.Advance(25 * time.Hour)
	tick()
	last = h.told("a sealed incident", map[string]int{"lea": 1, "ana": 1, "dan": 1, "leo": 1})
	if strings.Contains(last["leo"], in.Number) {
		h.t.Errorf("a sealed case is named in clear mail: %q", last["leo"])
	}

	// A flood, then an alarm.
	h.now.Advance(25 * time.Hour)
	for i := range 12 {
		r := h.filed(fmt.Sprint("flood", i))
		_, err := h.Intake.Assign(ctx, ana, r.Reference, lea2.Account)
		h.must(err)
		clock(r.Report.Ref)
	}
	h.now.Advance(2 * time.Hour)
	tick()
	h.told("a flood", map[string]int{"lea": 1, "ana": 1, "dan": 3, "leo": 3})
	raise := func(by access.Actor, a alarm.Alarm) {
		h.t.Helper()
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return h.Alarms.RaiseTx(ctx, tx, by, a) }))
	}
	raise(ana, alarm.Alarm{Kind: alarm.BulkReading, Many: 51})
	h.told("an alarm after the flood", map[string]int{"lea": 2, "ana": 1, "dan": 3, "leo": 4})
	for range 5 {
		raise(ana, alarm.Alarm{Kind: alarm.BulkReading, Many: 51})
	}
	h.told("alarms without end", map[string]int{"lea": 4, "ana": 1, "dan": 3, "leo": 4})

	// Whose language or address changed is told there; who left is told nothing.
	h.now.Advance(25 * time.Hour)
	_, err = h.DB.Exec(ctx, `UPDATE account_person SET lang = 'nl' WHERE id = $1`, lea2.Account)
	h.must(err)
	_, err = h.DB.Exec(ctx, `UPDATE account_person SET active = FALSE WHERE name = 'Lea'`)
	h.must(err)
	raise(ana, alarm.Alarm{Kind: alarm.BulkReading, Many: 51})
	last = h.told("after a change", map[string]int{"lea": 4, "ana": 1, "dan": 3, "leo": 5})
	if !strings.Contains(last["leo"], "Dringend: er wacht een alarm") {
		h.t.Errorf("leo reads %q", last["leo"])
	}
	// The only one who could look is who caused it: then the duty officer learns that it waits.
	raise(lea2, alarm.Alarm{Kind: alarm.Alone, Many: 51})
	h.told("of the last lead", map[string]int{"lea": 4, "ana": 1, "dan": 4, "leo": 5})
}

// TestAKeyThatEndsIsAnAlarm looks at keys of contacts every hour (rule P9): 60 days before the end of one that no other replaces, an alarm and a letter
// to the lead, once.
func TestAKeyThatEndsIsAnAlarm(t *testing.T) { onEachAged(t, aKeyThatEndsIsAnAlarm) }

func aKeyThatEndsIsAnAlarm(h *aged) {
	ctx, born := h.t.Context(), h.now.Now()
	lea := h.colleague(access.Lead, "Lea", "en")
	const day = 24 * time.Hour
	hospital, rui := h.organisation("Hospital", "en", "Rui", "rui@hospital.example", nil)
	_, eva := h.organisation("Water", "en", "Eva", "eva@water.example", nil)
	_, tom := h.organisation("Port", "en", "Tom", "tom@port.example", nil)
	_, kim := h.organisation("Bank", "en", "Kim", "kim@bank.example", nil)
	n := 0
	key := func(c constituency.Contact, state constituency.KeyState, ends time.Time) {
		h.t.Helper()
		n++
		_, err := h.DB.Exec(ctx, `INSERT INTO constituency_key (uid, contact, fingerprint, digest, certificate, state, source, expires_at, offered_at) VALUES ($1, $2, $3, $4, $4, $5, 'test', $6, $7)`,
			fmt.Sprint("key", n), c.ID, fmt.Sprint("FINGER", n), []byte{byte(n)}, int64(state), ends, born)
		h.must(err)
	}
	key(rui, constituency.Approved, born.Add(100*day))
	key(eva, constituency.Approved, born.Add(100*day)) // replaced by a longer one
	key(eva, constituency.Approved, born.Add(900*day))
	key(tom, constituency.Offered, born.Add(100*day)) // nobody trusts it yet
	key(kim, constituency.Approved, born.Add(100*day))
	h.must(h.Constituency.RetireContact(ctx, sample(), kim.UID))

	alarms := func() []alarm.Alarm {
		h.t.Helper()
		h.must(h.keysEnding(ctx))
		list, err := h.Alarms.List(ctx, lea)
		h.must(err)
		return list
	}
	h.now.Set(born.Add(40*day - time.Hour))
	if list := alarms(); len(list) != 0 {
		h.t.Errorf("61 days before: %+v", list)
	}
	h.now.Set(born.Add(40*day + time.Hour))
	for range 2 {
		list := alarms()
		if len(list) != 1 || list[0].Kind != alarm.KeyEnds || list[0].Many != 60 || list[0].On != hospital.Ref || list[0].Named != "Hospital · Rui · FINGER1" {
			h.t.Fatalf("60 days before: %+v", list)
		}
	}
	last := h.told("a key ends", map[string]int{"lea": 1})
	if text := last["lea"]; !strings.Contains(text, "Not urgent") || strings.Contains(text, "FINGER") || strings.Contains(text, "Rui") || strings.Contains(text, "Hospital") {
		h.t.Errorf("lea reads %q", text)
	}
	h.must(h.Alarms.Review(ctx, lea, alarms()[0].UID, "asked Rui for a new one"))
	h.now.Set(born.Add(110 * day))
	if list := alarms(); len(list) != 1 {
		h.t.Errorf("told again of the same key: %+v", list)
	}
	h.now.Set(born.Add(845 * day))
	if list := alarms(); len(list) != 2 || list[0].Many != 55 {
		h.t.Errorf("the longer one ends too: %+v", list)
	}
}

// TestAnUnwellHouseReachesPeople lets the last backup grow old: administrators and leads are told once, and again when it grows old anew.
func TestAnUnwellHouseReachesPeople(t *testing.T) { onEachAged(t, anUnwellHouseReachesPeople) }

func anUnwellHouseReachesPeople(h *aged) {
	ctx := h.t.Context()
	h.colleague(access.Admin, "Root", "de")
	h.colleague(access.Lead, "Lea", "en")
	h.colleague(access.Analyst, "Ana", "en")
	backup := func() {
		h.t.Helper()
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return setting.Put(ctx, tx, 0, h.now.Now(), settingBackup, h.now.Now())
		}))
	}
	look := func() {
		h.t.Helper()
		for range 2 {
			h.must(h.tellHealth(ctx))
		}
	}
	backup()
	look()
	h.told("all is well", map[string]int{})
	h.now.Advance(31 * 24 * time.Hour)
	look()
	h.now.Advance(24 * time.Hour)
	look()
	last := h.told("an old backup", map[string]int{"root": 1, "lea": 1})
	if !strings.Contains(last["root"], "Dringend: das System braucht jemanden") || !strings.Contains(last["root"], "/desk/admin") || strings.Contains(last["lea"], "backup") {
		h.t.Errorf("told %q", last)
	}
	backup()
	look()
	h.now.Advance(31 * 24 * time.Hour)
	look()
	h.told("old again", map[string]int{"root": 2, "lea": 2})
}
