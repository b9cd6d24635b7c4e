package app

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// TestEverythingEndsOnItsDay lets ten years pass (rule L2): what is in the table is there until the day before its end and gone the day after it, and
// what is held, worked on or in an incident stays.
func TestEverythingEndsOnItsDay(t *testing.T) { onEachAged(t, endsOnItsDay) }

func endsOnItsDay(h *aged) {
	ctx, born := h.t.Context(), h.now.Now()
	lea := h.account(access.Lead, "lea@cert.valmora.example", "")
	lead := h.staff(lea.ID, access.Lead)

	rejected, held := h.mailed("canaryrejected", []byte("Subject: x\r\n\r\nraw")), h.filed("canaryheld")
	answered, passed, open := h.filed("canaryanswered"), h.filed("canarypassed"), h.filed("canaryopen")
	again := h.filed("canaryagain")
	for _, r := range []intake.Received{rejected, held, again} {
		h.set(r, intake.Rejected)
	}
	h.set(passed, intake.PassedOn)
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { // answered, and the letter left
		_, err := tx.Exec(ctx, `UPDATE intake_report SET state = 'answered', settled_at = $2, queue = 0 WHERE reference = $1`, answered.Reference, born)
		return err
	}))
	_, err := h.Retain.Set(ctx, lead, ref.Report, held.Reference, "the court of Valmora asked for it")
	h.must(err)
	// One was rejected, taken back and accepted: it is in an incident for good. Another in a way that no verb allows is not touched either.
	_, err = h.Intake.Restore(ctx, lead, again.Reference)
	h.must(err)
	in, err := h.Incidents.Open(ctx, lead, incident.NewIncident{Title: "Case", Reports: []string{again.Reference}})
	h.must(err)
	odd := h.filed("canaryodd")
	h.set(odd, intake.Rejected)
	_, err = h.DB.Exec(ctx, `INSERT INTO intake_link (report, incident, linked_at, linked_by) VALUES ($1, $2, $3, 1)`, odd.Report.Ref.ID, in.Ref.ID, born)
	h.must(err)

	handed := []correspondence.Arrival{{Raw: []byte("Subject: a\r\n\r\na"), Public: true}, {Raw: []byte("Subject: b\r\n\r\nb"), Public: true}}
	h.must(h.Correspondence.Arrive(ctx, handed))
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list := make([]suspicion.Message, len(handed))
		for i, a := range handed {
			list[i] = suspicion.Message{Arrival: a.ID, At: born, Sender: "x@away.example", Reading: suspicion.Reading{Subject: "canarysuspicious", Links: []string{"lure.example/a"}}}
			if err := h.Correspondence.SortedTx(ctx, tx, map[int64]ref.Ref{a.ID: {}}); err != nil {
				return err
			}
		}
		return h.Suspicion.TakeTx(ctx, tx, access.System("intake"), list)
	}))

	aside := []correspondence.Arrival{{From: "x@away.example", Raw: []byte("nobody could file it")}}
	h.must(h.Correspondence.Arrive(ctx, aside))
	h.must(h.Correspondence.Aside(ctx, sample(), aside[0].ID, "mail.aside.panic"))
	_, err = h.Correspondence.StoreFiles(ctx, 0, []correspondence.FileIn{{Name: "loose", Content: strings.NewReader("loose")}})
	h.must(err)
	code := id.NewCode()
	h.must(intake.KeepFiles(ctx, h.DB, born, code, []correspondence.FileIn{{Name: "kept", Content: strings.NewReader("kept")}}))
	_, err = h.Drafts.Save(ctx, lead, in.Ref, "note", "half a sentence")
	h.must(err)
	_, err = h.Drafts.Save(ctx, lead, held.Report.Ref, "note", "of what is held")
	h.must(err)
	keeper := once.Keeper{DB: h.DB, Clock: h.Clock, Ring: h.Ring}
	_, _, err = keeper.Do(ctx, once.Request{Actor: "account:1", Key: "k"}, func(ctx context.Context) once.Answer {
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return h.Audit.Write(ctx, tx, audit.Entry{At: born, By: sample(), Verb: "test"})
		}))
		return once.Answer{Status: 200, Body: []byte("answer")}
	})
	h.must(err)
	signedIn, err := h.Accounts.SignIn(ctx, account.From{Door: account.Desk}, account.Credentials{Email: "lea@cert.valmora.example", Password: password})
	h.must(err)
	if signedIn.Known.Reveal() == "" {
		h.t.Error("no browser is known: the class has nothing in it")
	}
	if _, err := h.Accounts.SignIn(ctx, account.From{Door: account.Desk}, account.Credentials{Email: "lea@cert.valmora.example", Password: "wrong"}); err == nil {
		h.t.Fatal("signed in by a wrong password")
	}
	uid, _, _ := h.registration("Canary Water")
	_, err = h.Registration.Refuse(ctx, lead, uid, registration.Refusal{Reason: "It is registered already."})
	h.must(err)
	for _, q := range []struct {
		text string
		args []any
	}{ // what a process of its own, or a stranger's bytes, would write
		{`INSERT INTO intake_taken (key, sum, taken_at) VALUES ($1, $1, $2)`, []any{[]byte("key"), born}},
		{`INSERT INTO intake_drop (uid, sealed, dropped_at, tries, aside_at) VALUES ('u', $1, $2, 3, $2)`, []any{[]byte("sealed"), born}},
		{`INSERT INTO correspondence_automatic (address, domain, at) VALUES ($1, $1, $2)`, []any{[]byte("mac"), born}},
		{`INSERT INTO suspicion_thanks (sender, at) VALUES ($1, $2)`, []any{[]byte("mac"), born}},
		{`INSERT INTO intake_draft (key, sealed, size, saved_at) VALUES ($1, $1, 1, $2)`, []any{[]byte("key"), born}},
		{`INSERT INTO correspondence_fetched (mailbox, validity, uid, sum, at) VALUES ('box', 1, 1, $1, $2)`, []any{[]byte("sum"), born}},
	} {
		_, err := h.DB.Exec(ctx, q.text, q.args...)
		h.must(err)
	}

	// A class, when it ends, and whether something of it is there.
	type item struct {
		what  string
		class retain.Class
		life  time.Duration // of the table; 0 stays
		there func() bool
	}
	readable := func(r intake.Received) func() bool {
		return func() bool {
			got, err := h.Intake.Get(ctx, h.DB, sample(), r.Reference)
			h.must(err)
			return !got.Destroyed
		}
	}
	rows := func(query string, args ...any) func() bool { return func() bool { return h.count(query, args...) > 0 } }
	items := []item{
		{"rejected report", retain.Rejected, retain.RejectedFor, readable(rejected)},
		{"its status links", retain.Rejected, 0, nil},
		{"refused registration", retain.Refused, retain.RejectedFor, rows(`SELECT COUNT(*) FROM registration_file f JOIN registration_registration r ON r.id = f.registration AND r.said IS NOT NULL JOIN registration_shown s ON s.hash = r.code`)},
		{"its mail", retain.Mail, retain.RejectedFor, rows(`SELECT COUNT(*) FROM correspondence_arrival WHERE filed_under = $1 AND state <> 'gone'`, rejected.Report.Ref.ID)},
		{"report passed on", retain.Settled, retain.SettledFor, readable(passed)},
		{"answered report", retain.Settled, retain.SettledFor, readable(answered)},
		{"its link, set aside with it", retain.Links, retain.LinksFor, rows(`SELECT COUNT(*) FROM intake_code c JOIN intake_shown s ON s.hash = c.hash WHERE c.report = $1`, passed.Report.Ref.ID)},
		{"held report", retain.Rejected, 0, readable(held)},
		{"link of the held report", retain.Links, 0, rows(`SELECT COUNT(*) FROM intake_code c JOIN intake_shown s ON s.hash = c.hash WHERE c.report = $1`, held.Report.Ref.ID)},
		{"report in an incident", retain.Cases, 0, readable(again)},
		{"rejected report with an incident", retain.Cases, 0, readable(odd)},
		{"open report", retain.Cases, 0, readable(open)},
		{"mail set aside", retain.Aside, retain.AsideFor, rows(`SELECT COUNT(*) FROM correspondence_arrival WHERE state = 'aside'`)},
		{"drop set aside", retain.Aside, retain.AsideFor, rows(`SELECT COUNT(*) FROM intake_drop`)},
		{"mark of a form", retain.Forms, retain.FormsFor, rows(`SELECT COUNT(*) FROM intake_taken`)},
		{"files of a form", retain.FormFiles, retain.UnsentFor, rows(`SELECT COUNT(*) FROM intake_kept`)},
		{"form that was not sent", retain.Unsent, retain.UnsentFor, rows(`SELECT COUNT(*) FROM intake_draft`)},
		{"mark of what was fetched", retain.Fetched, retain.FetchedFor, rows(`SELECT COUNT(*) FROM correspondence_fetched`)},
		{"trait of a report", retain.Traits, retain.TraitsFor, rows(`SELECT COUNT(*) FROM intake_trait WHERE token < $1`, (born.Unix()/(30*24*3600)+1)<<48)},
		{"suspicious messages", retain.Public, retain.PublicFor, rows(`SELECT COUNT(*) FROM suspicion_message`)},
		{"their mails", retain.Public, retain.PublicFor, rows(`SELECT COUNT(*) FROM correspondence_arrival WHERE public = TRUE`)},
		{"their campaign", retain.Campaigns, 0, rows(`SELECT COUNT(*) FROM suspicion_campaign c JOIN suspicion_feature f ON f.campaign = c.id JOIN suspicion_hour h ON h.campaign = c.id WHERE c.messages = 2`)},
		{"what they are alike by", retain.Traits, retain.TraitsFor, rows(`SELECT COUNT(*) FROM suspicion_trait WHERE token < $1`, (born.Unix()/(30*24*3600)+1)<<48)},
		{"thanks for them", retain.Counters, retain.CountersFor, rows(`SELECT COUNT(*) FROM suspicion_thanks`)},
		{"loose file", retain.Files, retain.FilesFor, rows(`SELECT COUNT(*) FROM correspondence_file WHERE message = 0`)},
		{"counter of mail", retain.Counters, retain.CountersFor, rows(`SELECT COUNT(*) FROM correspondence_automatic`)},
		{"session", retain.Sessions, retain.SessionsFor, rows(`SELECT COUNT(*) FROM account_session`)},
		{"failed tries", retain.Tries, retain.TriesFor, rows(`SELECT COUNT(*) FROM account_try`)},
		{"known browser", retain.Devices, retain.DevicesFor, rows(`SELECT COUNT(*) FROM account_device`)},
		{"answer to repeat", retain.Answers, retain.AnswersFor, rows(`SELECT COUNT(*) FROM once_answer`)},
		{"draft", retain.Drafts, retain.DraftsFor, rows(`SELECT COUNT(*) FROM draft_text WHERE object = $1`, in.Ref.ID)},
		{"draft of the held report", retain.Drafts, 0, rows(`SELECT COUNT(*) FROM draft_text WHERE object = $1`, held.Report.Ref.ID)},
	}
	items = slices.DeleteFunc(items, func(i item) bool { return i.there == nil })
	told := map[retain.Class]bool{}
	stops := []time.Duration{0}
	for _, i := range items {
		told[i.class] = told[i.class] || i.life > 0
		if i.life > 0 {
			margin := min(24*time.Hour, i.life/2)
			stops = append(stops, i.life-margin, i.life+margin)
		}
	}
	for _, r := range retain.Table() {
		if r.Period > 0 && !told[r.Class] && r.Class != retain.Jobs { // the queue ends its own
			h.t.Errorf("class %s ends after %s and nothing of it is in this story", r.Class, r.Period)
		}
	}
	for year := range 10 {
		stops = append(stops, time.Duration(year+1)*365*24*time.Hour)
	}
	slices.Sort(stops)
	for _, at := range slices.Compact(stops) {
		h.now.Set(born.Add(at))
		h.daily()
		for _, i := range items {
			if want := i.life == 0 || at <= i.life; i.there() != want && !(i.class == retain.Traits && want) { // traits go with their month: the period is the longest
				h.t.Errorf("after %s: %s (%s) there %t, want %t", at, i.what, i.class, !want, want)
			}
		}
	}

	// What happens to a settled report lets its period begin anew.
	late := h.filed("canarylate")
	h.set(late, intake.Rejected)
	h.now.Advance(retain.RejectedFor - 24*time.Hour)
	_, err = h.Intake.Add(ctx, h.staff(1, access.Analyst), late.Reference, intake.Addition{Channel: correspondence.ByPhone, Text: "they called again"})
	h.must(err)
	h.now.Advance(48 * time.Hour)
	h.daily()
	if !readable(late)() {
		h.t.Error("something came, nobody looked, and it is gone")
	}
	_, err = h.Intake.Settle(ctx, h.staff(1, access.Analyst), late.Reference)
	h.must(err)
	h.now.Advance(retain.RejectedFor - time.Hour)
	h.daily()
	if !readable(late)() {
		h.t.Error("gone before a year had passed since somebody looked")
	}
	h.now.Advance(2 * time.Hour)
	h.daily()
	if readable(late)() {
		h.t.Error("still there a year after somebody looked")
	}

	// The hold goes, and with it what is long over its period.
	lead = h.staff(lea.ID, access.Lead)
	h.must(h.Retain.Release(ctx, lead, ref.Report, held.Reference, "the court has closed the case"))
	h.daily()
	if readable(held)() {
		h.t.Error("released after ten years, and still there")
	}
	h.verified()
}

// TestDestroyedIsGone looks for a destroyed report in every place (rule L2): its keys are in no file and no table, what was sealed neither, its files
// are removed, its words found by nobody, and whoever holds a name of it learns that it is gone and can do nothing with it.
func TestDestroyedIsGone(t *testing.T) { onEachAged(t, destroyedIsGone) }

func destroyedIsGone(h *aged) {
	ctx := h.t.Context()
	const word = "canarygone"
	raw := []byte("From: x@away.example\r\nSubject: " + word + "\r\n\r\n" + strings.Repeat(word+" large enough for a file of its own\r\n", 3000))
	mailed, form, other := h.mailed(word, raw), h.filed(word), h.filed("canarystays")
	h.set(mailed, intake.Rejected)
	h.set(form, intake.Rejected)
	ana := h.staff(1, access.Analyst)
	_, err := h.Drafts.Save(ctx, ana, mailed.Report.Ref, "reply", word)
	h.must(err)
	h.must(h.Intake.Index(ctx))

	find := func() int {
		list, err := h.Intake.List(ctx, ana, intake.QueueFilter{Text: word, Limit: 10})
		h.must(err)
		return len(list.Items)
	}
	blobs := func() (n int) {
		h.must(filepath.WalkDir(filepath.Join(h.Config.Data, "blobs"), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				n++
			}
			return err
		}))
		return n
	}
	if find() != 2 || blobs() != 4 {
		h.t.Fatalf("before: %d found, %d blobs", find(), blobs())
	}
	// What must vanish: wrapped keys and sealed bytes of everything that belongs to the two.
	type secret struct {
		what  string
		bytes []byte
	}
	var secrets []secret
	gather := func(what, query string, args ...any) {
		h.t.Helper()
		list, err := db.All(ctx, h.DB, func(r *db.Rows) (b []byte, err error) { return b, r.Scan(&b) }, query, args...)
		h.must(err)
		if len(list) == 0 {
			h.t.Fatalf("no %s", what)
		}
		for _, b := range list {
			secrets = append(secrets, secret{what, b})
		}
	}
	for _, r := range []intake.Received{mailed, form} {
		report, thread := r.Report.Ref.ID, r.Report.Thread
		gather("key of the report", `SELECT wrapped FROM keyring_key WHERE owner = $1`, report)
		gather("key of the thread", `SELECT wrapped FROM keyring_key WHERE owner = $1`, thread)
		gather("key of the files", `SELECT wrapped FROM keyring_key WHERE owner IN (SELECT owner FROM correspondence_file WHERE thread = $1)`, thread)
		gather("report", `SELECT body FROM intake_report WHERE id = $1`, report)
		gather("note of who rejected it", `SELECT decision FROM intake_report WHERE id = $1`, report)
		gather("thread", `SELECT body FROM correspondence_thread WHERE object = $1`, thread)
		gather("message", `SELECT body FROM correspondence_message WHERE thread = $1`, thread)
		gather("details in the record", `SELECT sealed FROM audit_detail WHERE owner IN ($1, $2)`, report, thread)
		gather("words", `SELECT words FROM intake_report WHERE id = $1`, report)
	}
	gather("key of the mail", `SELECT wrapped FROM keyring_key WHERE owner IN (SELECT object FROM correspondence_arrival WHERE filed_under = $1)`, mailed.Report.Ref.ID)
	gather("envelope", `SELECT envelope FROM correspondence_arrival WHERE filed_under = $1`, mailed.Report.Ref.ID)
	gather("original of the form", `SELECT original FROM correspondence_message WHERE thread = $1`, form.Report.Thread)
	gather("draft", `SELECT sealed FROM draft_text WHERE object = $1`, mailed.Report.Ref.ID)
	gather("what the link showed", `SELECT s.sealed FROM intake_shown s JOIN intake_code c ON c.hash = s.hash WHERE c.report = $1`, form.Report.Ref.ID)

	arrival := h.count(`SELECT object FROM correspondence_arrival WHERE filed_under = $1`, mailed.Report.Ref.ID)
	h.now.Advance(retain.RejectedFor + time.Hour)
	h.Correspondence.Work(h.Registry) // removes blobs
	h.daily()
	work, stop := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- h.work(work, func() {}) }()
	h.eventually("the files are removed", func() bool { return blobs() == 1 })
	stop()
	h.must(<-worked)
	if n := find(); n != 0 {
		h.t.Errorf("%d reports are found by a word of theirs", n)
	}
	if n := h.count(`SELECT COUNT(*) FROM search_recent WHERE object IN ($1, $2)`, mailed.Report.Ref.ID, form.Report.Ref.ID); n != 0 {
		h.t.Errorf("%d rows of words", n)
	}

	// In the dump, and in the bytes of the database.
	dump := map[string]string{}
	for _, table := range h.tables() {
		dump[table] = strings.Join(h.dump(ctx, table), "\n")
	}
	for _, s := range secrets {
		for table, text := range dump {
			if strings.Contains(text, string(s.bytes)) {
				h.t.Errorf("%s: still in %s", s.what, table)
			}
		}
	}
	if h.DB.Engine() == db.SQLite {
		_, err := h.DB.Writer().ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
		h.must(err)
		for _, name := range []string{"tocsin.db", "tocsin.db-wal"} {
			file, err := os.ReadFile(filepath.Join(h.Config.Data, name))
			h.must(err)
			for _, s := range secrets {
				if strings.HasPrefix(s.what, "key") && bytes.Contains(file, s.bytes) {
					h.t.Errorf("%s: its bytes are in %s", s.what, name)
				}
			}
		}
	}

	// Whoever holds a name of it.
	for _, r := range []intake.Received{mailed, form} {
		got, err := h.Intake.Get(ctx, h.DB, sample(), r.Reference)
		h.must(err)
		if !got.Destroyed || got.State != intake.Rejected || got.Reason != "spam" || got.Body.Summary != "" || got.Decision.Note != "" {
			h.t.Errorf("the tombstone: %+v", got)
		}
		threads, err := h.Correspondence.Threads(ctx, h.DB, r.Report.Thread)
		h.must(err)
		if c := threads[r.Report.Thread].Correspondent; c.Email != "" || c.Name != "" {
			h.t.Error("the correspondent is known")
		}
		messages, err := h.Correspondence.Messages(ctx, h.DB, sample(), r.Report.Thread)
		h.must(err)
		for _, m := range messages {
			if !m.Erased || m.Body.Text != "" {
				h.t.Errorf("a message is left: %+v", m)
			}
		}
		lead := h.staff(2, access.Lead)
		for what, err := range map[string]error{
			"restore": second(h.Intake.Restore(ctx, lead, r.Reference)),
			"assign":  second(h.Intake.Assign(ctx, lead, r.Reference, 1)),
			"reply":   second(h.Intake.Reply(ctx, lead, r.Reference, correspondence.Outgoing{Subject: "s", Text: "t"})),
			"add":     second(h.Intake.Add(ctx, lead, r.Reference, intake.Addition{Channel: correspondence.ByPhone, Text: "t"})),
			"hold":    second(h.Retain.Set(ctx, lead, ref.Report, r.Reference, "too late for this one")),
			"accept":  second(h.Incidents.Open(ctx, lead, incident.NewIncident{Title: "t", Reports: []string{r.Reference}})),
		} {
			if !errs.Is(err, errs.NotFound) {
				h.t.Errorf("%s of a destroyed report: %v", what, err)
			}
		}
	}
	if _, err := h.Correspondence.OpenArrival(ctx, h.DB, arrival); !errs.Is(err, errs.NotFound) {
		h.t.Errorf("the mail as it came: %v", err)
	}
	if _, err := intake.Look(ctx, h.DB, h.Clock, form.Code); !errs.Is(err, errs.NotFound) {
		h.t.Errorf("the status link: %v", err)
	}
	if got, err := h.Intake.Get(ctx, h.DB, sample(), other.Reference); err != nil || got.Body.Summary != "canarystays" {
		h.t.Errorf("what is not over: %v %q", err, got.Body.Summary)
	}
	entries, err := h.Audit.About(ctx, h.DB, mailed.Report.Ref.ID, 0, 100)
	h.must(err)
	last := entries[len(entries)-1]
	if last.Verb != "intake.destroy" || last.Erased || !strings.Contains(string(last.Data), `"mails":1`) {
		h.t.Errorf("the record says %s: %s", last.Verb, last.Data)
	}
	for _, e := range entries[:len(entries)-1] {
		if !e.Erased {
			h.t.Errorf("details of %s are left", e.Verb)
		}
	}
	if _, err := h.Ring.Get(ctx, h.DB, mailed.Report.Ref.ID); err != keyring.ErrDestroyed { //nolint:errorlint // the ring gives this very value
		h.t.Errorf("the key: %v", err)
	}
	h.verified()
}
