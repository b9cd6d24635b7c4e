package coordination_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const told = "At Águas do Vale we saw it on 2026-11-20 on host gw1.aguasdovale.example (198.51.100.7).\nThe attacker came from https://evil.example/kit and left the file /tmp/.x behind.\nWrite to soc@aguasdovale.example."

// shareHouse is an incident with three parties, one of which told us something.
type shareHouse struct {
	two
	town  coordination.Party
	tess  access.Actor
	story coordination.Item
	log   coordination.Item
}

func (h *house) shareable(ctx context.Context, label tlp.Level) shareHouse {
	h.Helper()
	h.letters.Follow = h.s
	v := shareHouse{two: two{
		aguas: h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example", "aguasdovale.example", "198.51.100.0/24"), klinik: h.organisation(ctx, "Klinikum Nord", "de", "cert@klinikum.example"),
	}}
	town := h.organisation(ctx, "Town of Sea", "en", "")
	v.in = h.incident(ctx, tlp.Green)
	all := h.add(ctx, v.in, v.aguas, v.klinik, town)
	v.parties, v.town = all[:2], all[2]
	v.rui, v.uwe, v.tess = h.person(v.aguas), h.person(v.klinik), h.person(town)
	h.told(ctx, &v, told, label, correspondence.Unsaid)
	return v
}

// told lets the first party tell us something with a file.
func (h *house) told(ctx context.Context, v *shareHouse, words string, label tlp.Level, reach correspondence.Reach) {
	h.Helper()
	p := v.parties[0]
	files, err := h.letters.StoreFiles(ctx, p.Thread, []correspondence.FileIn{{Name: "aguas_log.txt", Type: "text/plain", Content: strings.NewReader("GET /x from 203.0.113.9\n")}})
	h.must(err)
	var m correspondence.Message
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		m, err = h.s.AnswerTx(ctx, tx, v.rui, p, correspondence.Incoming{
			Channel: correspondence.ByPortal, State: correspondence.Filed, At: h.Clock.Now(), TLP: label, Proof: correspondence.SignedIn, Author: v.rui.Account, Reach: reach, Apart: true,
			Body: correspondence.Body{Text: words, Files: files},
		})
		return err
	}))
	threads, err := h.letters.Threads(ctx, h.DB, p.Thread)
	h.must(err)
	v.story = coordination.Item{Kind: coordination.ItemMessage, Thread: threads[p.Thread].UID, ID: m.UID}
	v.log = coordination.Item{Kind: coordination.ItemFile, Thread: threads[p.Thread].UID, ID: m.UID, File: files[0].UID}
}

// reads is all that somebody reads on the thread of a party.
func (h *house) reads(ctx context.Context, by access.Actor, p coordination.Party) string {
	h.Helper()
	all, err := h.letters.Messages(ctx, h.DB, by, p.Thread)
	h.must(err)
	var b strings.Builder
	for _, m := range all {
		b.WriteString(m.Body.Subject + "\n" + m.Body.Text + "\n")
		for _, f := range m.Body.Files {
			b.WriteString("file " + f.Name + "\n")
		}
	}
	return b.String()
}

// leaveShared lets the letters of a share leave.
func (h *house) leaveAll(ctx context.Context) {
	h.Helper()
	_, err := h.DB.Exec(ctx, `UPDATE correspondence_message SET state = 'sent', sent_at = $1 WHERE state = 'held'`, h.Clock.Now())
	h.must(err)
}

func TestWordsOfOneReachAnotherByAnActOfOurs(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.shareable(ctx, tlp.Amber)
		klinik := v.parties[1]
		in := coordination.ShareInput{Item: v.story, Readers: []string{klinik.UID, v.town.UID}, Text: told}

		// What says whose it is does not leave, however the preview is answered.
		seen, err := h.s.PreviewShare(ctx, h.ana, v.in.UID, in)
		h.must(err)
		if got := strings.Join(seen[0].Naming, " "); !strings.Contains(got, "Águas do Vale") || !strings.Contains(got, "soc@aguasdovale.example") || !slices.Contains(seen[0].Hits, "198.51.100.7/32") {
			h.Fatalf("naming %q, hits %q", got, seen[0].Hits)
		}
		in.Looked = true
		_, err = h.s.Share(ctx, h.ana, v.in.UID, in)
		h.refused(err, errs.Conflict, "a text that names its source")

		in.Looked, in.Strike = false, []string{"águas do vale", "soc@aguasdovale.example", "gw1.aguasdovale.example"}
		_, err = h.s.Share(ctx, h.ana, v.in.UID, in)
		h.refused(err, errs.Conflict, "an address of its source that nobody looked at")
		in.Strike, in.Note = append(in.Strike, "198.51.100.7"), "Look for the file."
		seen, err = h.s.PreviewShare(ctx, h.ana, v.in.UID, in)
		h.must(err)
		de := seen[0]
		if len(de.Naming)+len(de.Hits) != 0 || de.TLP != tlp.Amber || de.Lang != "de" || de.Road.Road != egress.Notice || seen[1].Road.Road != egress.Direct {
			h.Fatalf("%+v", de)
		}
		for _, want := range []string{"[geschwärzt]", "/tmp/.x", "Look for the file.", "hxxps://evil.example", "> At", "TLP:AMBER"} {
			if !strings.Contains(de.Letter, want) {
				h.Errorf("the letter lacks %q:\n%s", want, de.Letter)
			}
		}
		if strings.Contains(de.Text, "evil") || strings.Contains(de.Letter, "guas") {
			h.Errorf("the mail:\n%s\nthe page:\n%s", de.Text, de.Letter)
		}

		share, err := h.s.Share(ctx, h.ana, v.in.UID, in)
		h.must(err)
		if len(share.Readers) != 2 || !share.Faithful || share.Source != v.parties[0].Ref.ID || share.Item != v.story {
			h.Fatalf("%+v", share)
		}
		_, err = h.s.Share(ctx, h.ana, v.in.UID, in)
		h.refused(err, errs.Conflict, "sent a second time")
		if h.reads(ctx, v.uwe, klinik) != "" {
			h.Fatal("it is read before it left")
		}
		before := h.reads(ctx, v.rui, v.parties[0])
		h.leaveAll(ctx)
		if got := h.reads(ctx, v.uwe, klinik); !strings.Contains(got, "/tmp/.x") || strings.Contains(got, "guas") || strings.Contains(got, "198.51.100") {
			h.Fatalf("the reader reads:\n%s", got)
		}
		if got := h.reads(ctx, v.tess, v.town); !strings.Contains(got, "[redacted]") {
			h.Fatalf("the other reader reads:\n%s", got)
		}
		if got := h.reads(ctx, v.rui, v.parties[0]); got != before || !strings.Contains(got, "198.51.100.7") {
			h.Fatalf("its source reads:\n%s", got)
		}
		for _, by := range []access.Actor{v.rui, v.uwe} {
			_, err = h.s.Shares(ctx, by, v.in.UID)
			h.refused(err, errs.Forbidden, "a party lists what was shared")
			_, err = h.s.PreviewShare(ctx, by, v.in.UID, in)
			h.refused(err, errs.Forbidden, "a party previews")
		}

		// Taken back from one: it shows nothing more, and is told; the other keeps it.
		_, err = h.s.WithdrawShare(ctx, h.ana, share.UID, klinik.UID, strings.Repeat("x", 2001))
		h.refused(err, errs.Invalid, "taken back for a reason without end")
		_, err = h.s.WithdrawShare(ctx, h.ana, share.UID, klinik.UID, " ")
		h.refused(err, errs.Invalid, "no reason")
		_, err = h.s.WithdrawShare(ctx, v.uwe, share.UID, "", "x")
		h.refused(err, errs.Forbidden, "a party takes back")
		untold, err := h.s.WithdrawShare(ctx, h.ana, share.UID, klinik.UID, "the source asked for it")
		h.must(err)
		if got := h.reads(ctx, v.uwe, klinik); untold != 0 || strings.Contains(got, "/tmp/.x") {
			h.Fatalf("after it was taken back, %d untold:\n%s", untold, got)
		}
		h.leaveAll(ctx)
		if got := h.reads(ctx, v.uwe, klinik); !strings.Contains(got, "Zurückgenommen") || strings.Contains(got, "asked for it") {
			h.Fatalf("the recall:\n%s", got)
		}
		if got := h.reads(ctx, v.tess, v.town); !strings.Contains(got, "/tmp/.x") {
			h.Fatalf("the other reader lost it:\n%s", got)
		}
		_, err = h.s.WithdrawShare(ctx, h.ana, share.UID, klinik.UID, "again")
		h.refused(err, errs.Conflict, "taken back twice")
		all, err := h.s.Shares(ctx, h.ana, v.in.UID)
		h.must(err)
		out := 0
		for _, r := range all[0].Readers {
			if r.Out() {
				out++
			}
		}
		if len(all) != 1 || out != 1 || !strings.Contains(all[0].Text, "[redacted]") {
			h.Fatalf("%+v", all)
		}
		// It may be shared anew, in another text; stopped in the outbox it never reached anybody.
		in.Readers = []string{klinik.UID}
		_, err = h.s.Share(ctx, h.ana, v.in.UID, in)
		h.must(err)
		var uid string
		h.must(h.DB.QueryRow(ctx, `SELECT uid FROM correspondence_message WHERE state = 'held' AND kind = 'share'`).Scan(&uid))
		h.must(h.letters.Stop(ctx, h.ana, uid))
		all, err = h.s.Shares(ctx, h.ana, v.in.UID)
		h.must(err)
		if all[0].Readers[0].Out() || all[0].Readers[0].State != correspondence.Stopped {
			h.Fatalf("%+v", all[0].Readers)
		}
	})
}

func TestTheSourceSaysHowFarItsWordsGo(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.shareable(ctx, tlp.Amber)
		klinik := v.parties[1]
		try := func(named bool) error {
			_, err := h.s.PreviewShare(ctx, h.ana, v.in.UID, coordination.ShareInput{Item: v.story, Readers: []string{klinik.UID}, Text: "a file /tmp/.x", Named: named})
			return err
		}
		say := func(by access.Actor, in correspondence.Saying) {
			h.Helper()
			h.Clock.Advance(time.Minute)
			h.must(h.s.SayReach(ctx, by, in))
		}
		h.must(try(false))
		h.refused(try(true), errs.Invalid, "named without a word")
		thread := v.story.Thread
		say(v.rui, correspondence.Saying{Thread: thread, Reach: correspondence.WithName})
		h.must(try(true))
		say(v.rui, correspondence.Saying{Thread: thread, Message: v.story.ID, Reach: correspondence.TeamOnly})
		h.refused(try(false), errs.Forbidden, "this message stays with us")
		say(v.rui, correspondence.Saying{Thread: thread, Message: v.story.ID})
		h.must(try(true))
		// Who keeps the organisation speaks for all of it: narrower and later goes before what was said of one matter.
		head := v.rui
		head.Roles = []access.Role{access.ConstituentAdmin}
		say(head, correspondence.Saying{Reach: correspondence.TeamOnly})
		h.refused(try(false), errs.Forbidden, "all stays with us")
		say(h.ana, correspondence.Saying{Thread: thread, Reach: correspondence.Anonymous}) // on the telephone
		h.must(try(false))
		h.refused(try(true), errs.Invalid, "named again")
		h.must(h.s.SayReach(ctx, h.ana, correspondence.Saying{Organisation: v.aguas.UID, Reach: correspondence.AsLabelled}))
		h.refused(try(true), errs.Invalid, "what was said of the matter is nearer")

		// Nobody speaks for another, and a member not for the whole organisation.
		h.refused(h.s.SayReach(ctx, v.uwe, correspondence.Saying{Thread: thread, Reach: correspondence.AsLabelled}), errs.NotFound, "another party")
		h.refused(h.s.SayReach(ctx, v.rui, correspondence.Saying{Reach: correspondence.AsLabelled}), errs.Forbidden, "a member for all")
		h.refused(h.s.SayReach(ctx, head, correspondence.Saying{Organisation: v.klinik.UID, Reach: correspondence.AsLabelled}), errs.NotFound, "for another organisation")
		h.refused(h.s.SayReach(ctx, v.rui, correspondence.Saying{Thread: thread, Message: "0123456789abcdefghjkmnpqrs", Reach: 1}), errs.NotFound, "a message that is not there")
		h.refused(h.s.SayReach(ctx, v.rui, correspondence.Saying{Thread: thread, Reach: 9}), errs.Invalid, "no reach")

		// A label that lets nobody else read is opened by its source: TLP:RED on the very message.
		h.told(ctx, &v, "only you", tlp.Red, correspondence.Unsaid)
		h.refused(try(false), errs.Forbidden, "TLP:RED by a word on the matter")
		say(v.rui, correspondence.Saying{Thread: thread, Message: v.story.ID, Reach: correspondence.Anonymous})
		h.must(try(false))
		h.must(h.s.SayReach(ctx, h.ana, correspondence.Saying{Thread: thread}))
		h.must(h.s.SayReach(ctx, h.ana, correspondence.Saying{Organisation: v.aguas.UID}))
		h.told(ctx, &v, "for us", tlp.AmberStrict, correspondence.Unsaid)
		h.refused(try(false), errs.Forbidden, "TLP:AMBER+STRICT without a word")
		h.told(ctx, &v, "for all concerned", tlp.AmberStrict, correspondence.Anonymous)
		seen, err := h.s.PreviewShare(ctx, h.ana, v.in.UID, coordination.ShareInput{Item: v.story, Readers: []string{klinik.UID}, Text: "for all concerned"})
		h.must(err)
		if seen[0].TLP != tlp.AmberStrict {
			h.Fatalf("its label became %s", seen[0].TLP)
		}
		_, err = h.s.PreviewShare(ctx, h.ana, v.in.UID, coordination.ShareInput{Item: v.story, Readers: []string{klinik.UID}, Text: "for all concerned", TLP: tlp.Green})
		h.refused(err, errs.Invalid, "below its label")
		_, err = h.s.PreviewShare(ctx, h.ana, v.in.UID, coordination.ShareInput{Item: v.story, Readers: []string{v.parties[0].UID}, Text: "for all concerned"})
		h.refused(err, errs.Invalid, "with its source")
		_, err = h.s.PreviewShare(ctx, h.ana, v.in.UID, coordination.ShareInput{Item: v.story, Readers: []string{klinik.UID}, Text: " [redacted] "})
		h.refused(err, errs.Invalid, "nothing is left of it")

		// What was shared and would not be now is shown to us.
		_, err = h.s.Share(ctx, h.ana, v.in.UID, coordination.ShareInput{Item: v.story, Readers: []string{klinik.UID}, Text: "for all concerned"})
		h.must(err)
		say(v.rui, correspondence.Saying{Thread: thread, Message: v.story.ID, Reach: correspondence.TeamOnly})
		all, err := h.s.Shares(ctx, h.ana, v.in.UID)
		h.must(err)
		if !all[0].Beyond {
			h.Fatalf("%+v", all[0])
		}
	})
}

func TestAFileIsSharedAsACopyOfItsReader(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.shareable(ctx, tlp.Green)
		klinik := v.parties[1]
		in := coordination.ShareInput{Item: v.log, Readers: []string{klinik.UID}, FileName: "aguas_do_vale.txt"}
		_, err := h.s.Share(ctx, h.ana, v.in.UID, in)
		h.refused(err, errs.Conflict, "its name says whose it is")
		in.FileName = "requests.txt"
		_, err = h.s.Share(ctx, h.ana, v.in.UID, in)
		h.must(err)
		h.leaveAll(ctx)
		all, err := h.letters.Messages(ctx, h.DB, v.uwe, klinik.Thread)
		h.must(err)
		m := all[len(all)-1]
		if len(m.Body.Files) != 1 || m.Body.Files[0].Name != "requests.txt" || m.Body.Files[0].UID == v.log.File {
			h.Fatalf("%+v", m.Body)
		}
		threads, err := h.letters.Threads(ctx, h.DB, klinik.Thread)
		h.must(err)
		_, r, err := h.letters.OpenFile(ctx, v.uwe, threads[klinik.Thread].UID, m.UID, m.Body.Files[0].UID)
		h.must(err)
		raw, err := io.ReadAll(r)
		h.must(err)
		if string(raw) != "GET /x from 203.0.113.9\n" {
			h.Fatalf("%q", raw)
		}
		handed, err := h.letters.HandedOver(ctx, v.uwe, time.Time{}, 10)
		h.must(err)
		if len(handed) != 1 || handed[0].UID != m.UID {
			h.Fatalf("%+v", handed)
		}
		if other, err := h.letters.HandedOver(ctx, v.rui, time.Time{}, 10); err != nil || len(other) != 0 {
			h.Fatalf("%v %+v", err, other)
		}
		shares, err := h.s.Shares(ctx, h.ana, v.in.UID)
		h.must(err)
		_, err = h.s.WithdrawShare(ctx, h.ana, shares[0].UID, "", "wrong file")
		h.must(err)
		_, _, err = h.letters.OpenFile(ctx, v.uwe, threads[klinik.Thread].UID, m.UID, m.Body.Files[0].UID)
		h.refused(err, errs.NotFound, "the file after it was taken back")
	})
}

func TestOfTwoAtOnceOneShares(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.shareable(ctx, tlp.Green)
		in := coordination.ShareInput{Item: v.story, Readers: []string{v.parties[1].UID}, Text: "a file /tmp/.x"}
		var did, refused atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				switch _, err := h.s.Share(ctx, h.ana, v.in.UID, in); {
				case err == nil:
					did.Add(1)
				case errs.Is(err, errs.Conflict):
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		var letters int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE kind = 'share'`).Scan(&letters))
		if did.Load() != 1 || refused.Load() != 3 || letters != 1 {
			h.Fatalf("%d shared, %d refused, %d letters", did.Load(), refused.Load(), letters)
		}

		// What is sealed is shared by nobody who is not named in it, nor listed, nor taken back.
		all, err := h.s.Shares(ctx, h.ana, v.in.UID)
		h.must(err)
		h.leaveAll(ctx)
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			ids, err := h.s.ObjectsOf(ctx, tx, v.in.Ref)
			if err != nil {
				return err
			}
			return access.SealTx(ctx, tx, v.in.Ref, h.Clock.Now(), append(ids, v.in.Ref.ID)...)
		}))
		_, err = h.s.Share(ctx, h.ana, v.in.UID, in)
		h.refused(err, errs.NotFound, "share of a sealed case")
		_, err = h.s.Shares(ctx, h.ana, v.in.UID)
		h.refused(err, errs.NotFound, "what a sealed case shared")
		_, err = h.s.WithdrawShare(ctx, h.ana, all[0].UID, "", "x")
		h.refused(err, errs.NotFound, "taking it back")
		// Who is named takes it back; no letter leaves a sealed case, so the reader is called.
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return access.Grant(ctx, tx, h.ana, h.ana.Account, v.in.Ref, h.Clock.Now(), time.Time{})
		}))
		_, err = h.s.PreviewShare(ctx, h.ana, v.in.UID, in)
		h.must(err)
		in.Readers = []string{v.town.UID}
		_, err = h.s.Share(ctx, h.ana, v.in.UID, in)
		h.refused(err, errs.Conflict, "something leaves a sealed case")
		untold, err := h.s.WithdrawShare(ctx, h.ana, all[0].UID, "", "the seal")
		h.must(err)
		if untold != 1 {
			h.Fatalf("%d untold", untold)
		}
	})
}

func TestWhatIsStruckOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, strike, want string }{
		{"Ana met Anabel; ana left.", "ana", "[redacted] met Anabel; [redacted] left."},
		{"from 10.0.0.1 and 10.0.0.12", "10.0.0.1", "from [redacted] and 10.0.0.12"},
		{"Bank  of\nSea called", "bank of sea", "[redacted] called"},
		{"a (b) c", "(b)", "a [redacted] c"},
		{"nothing", "", "nothing"},
	} {
		if got := coordination.Strike(c.text, []string{c.strike}); got != c.want {
			t.Errorf("%q without %q: %q", c.text, c.strike, got)
		}
	}
	for text, want := range map[string]bool{"one [redacted] four": true, "one two three four": true, "[redacted]": true, "four one": false, "one five": false, "one [redacted] two [redacted] one": false} {
		if coordination.Faithful("one two\nthree four", text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
