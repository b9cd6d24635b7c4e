package coordination_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// library is a small library as data.
type library map[string]coordination.Advice

func (l library) Advice(_ context.Context, _ db.Handle, code, lang string) (coordination.Advice, error) {
	a, ok := l[code+"."+lang]
	if !ok {
		a, ok = l[code+".en"]
	}
	if !ok {
		return a, errs.ErrNotFound
	}
	return a, nil
}

// house is a team with a country around it.
type house struct {
	*coretest.House
	testing.TB
	s       *coordination.Service
	country *constituency.Service
	letters *correspondence.Service
	clocks  *deadline.Service
	words   *search.Index
	ana     access.Actor
}

func open(t testing.TB, h *coretest.House) *house {
	t.Helper()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	country := &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	clocks := &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
	letters := &correspondence.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Egress: &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring},
		Constituency: country, Text: texts, Hold: 20 * time.Second,
		Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", Phone: "+351 210 000 000", URL: "https://cert.example"},
	}
	letters.Brake.Readers, letters.Brake.Labelled = 10_000, 10_000 // the brake has its own stories in package correspondence
	words := search.New(h.Ring)
	return &house{
		House: h, TB: t, country: country, letters: letters, clocks: clocks, words: words, ana: h.Person(1, "Ana Silva", access.Analyst),
		s: &coordination.Service{
			DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Search: words, Constituency: country, Correspondence: letters, Deadlines: clocks, Texts: texts,
			Library: library{
				"isolate.en": {Code: "isolate", Revision: 3, Title: "Take the machine off the network", Text: "Pull the cable.\nLeave it running."},
				"isolate.pt": {Code: "isolate", Revision: 3, Title: "Desligue a máquina da rede", Text: "Retire o cabo.\nDeixe-a ligada."},
				"reset.en":   {Code: "reset", Revision: 1, Title: "Change all passwords", Text: "From a clean machine."},
			},
		},
	}
}

func engines(t *testing.T, story func(ctx context.Context, h *house)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) { story(context.Background(), open(t, h)) })
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) refused(err error, k errs.Kind, what string) {
	h.Helper()
	if !errs.Is(err, k) {
		h.Errorf("%s: %v, want %s", what, err, k)
	}
}

// organisation enters an organisation with one security contact.
func (h *house) organisation(ctx context.Context, name, lang, email string, assets ...string) constituency.Organisation {
	h.Helper()
	o, err := h.country.Create(ctx, h.ana, constituency.NewOrganisation{Name: name, Lang: lang})
	h.must(err)
	if email != "" {
		_, err = h.country.AddContact(ctx, h.ana, o.UID, constituency.NewContact{Name: "Contact of " + name, Role: "security", Email: email})
		h.must(err)
	}
	for _, a := range assets {
		_, err = h.country.AddAsset(ctx, h.ana, o.UID, constituency.NewAsset{Value: a})
		h.must(err)
	}
	return o
}

func (h *house) incident(ctx context.Context, label tlp.Level) access.Object {
	h.Helper()
	o := access.Object{Ref: ref.Ref{Kind: ref.Incident}, Realm: access.Team, TLP: label}
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o.Ref.ID, o.UID = 0, ""
		if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
			return err
		}
		_, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now())
		return err
	}))
	return o
}

func (h *house) add(ctx context.Context, subject access.Object, orgs ...constituency.Organisation) []coordination.Party {
	h.Helper()
	var uids []string
	for _, o := range orgs {
		uids = append(uids, o.UID)
	}
	parties, err := h.s.Add(ctx, h.ana, subject.UID, uids, coordination.Affected, "seen in the logs")
	h.must(err)
	return parties
}

func uids(parties ...coordination.Party) []string {
	var out []string
	for _, p := range parties {
		out = append(out, p.UID)
	}
	return out
}

// leave lets held letters leave the house, as the sender's job does.
func (h *house) leave(ctx context.Context, messages ...correspondence.Message) {
	h.Helper()
	h.Clock.Advance(21 * time.Second)
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, m := range messages {
			if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET state = 'sent', sent_at = $1 WHERE id = $2 AND state = 'held'`, h.Clock.Now(), m.ID); err != nil {
				return err
			}
			if err := h.s.MessageSentTx(ctx, tx, m, h.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (h *house) person(o constituency.Organisation) access.Actor {
	return h.Constituent(1000+o.Ref.ID, "Somebody at "+o.Name, o.Ref.ID)
}

func (h *house) due() time.Time { return h.Clock.Now().Add(72 * time.Hour) }

// ask sends a question and two recommendations to parties and lets the letters leave.
func (h *house) ask(ctx context.Context, subject access.Object, parties ...coordination.Party) []correspondence.Message {
	h.Helper()
	sent, err := h.s.Send(ctx, h.ana, subject.UID, coordination.Give{
		Parties: uids(parties...), Recommendations: []string{"isolate", "reset"}, Request: "Since when do you see this?", DueAt: h.due(),
	})
	h.must(err)
	h.leave(ctx, sent...)
	return sent
}

func (h *house) requests(ctx context.Context, by access.Actor) []coordination.Request {
	h.Helper()
	page, err := h.s.Requests(ctx, by, coordination.RequestFilter{})
	h.must(err)
	return page.Items
}

func (h *house) measures(ctx context.Context, by access.Actor) []coordination.Measure {
	h.Helper()
	page, err := h.s.Measures(ctx, by, coordination.RequestFilter{})
	h.must(err)
	return page.Items
}

func (h *house) open(ctx context.Context, subject access.Object) int {
	h.Helper()
	var n int
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = h.s.OpenTx(ctx, tx, subject.Ref)
		return err
	}))
	return n
}

func TestAnOrganisationIsOnePartyOfASubject(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		aguas := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example")
		in := h.incident(ctx, tlp.Amber)
		first := h.add(ctx, in, aguas)
		again := h.add(ctx, in, aguas)
		if first[0].UID != again[0].UID || first[0].Compartment != aguas.Ref.ID || first[0].Name != "Águas do Vale" {
			h.Fatalf("%+v and %+v", first[0], again[0])
		}
		other := h.add(ctx, h.incident(ctx, tlp.Amber), aguas)
		if other[0].UID == first[0].UID || other[0].Thread == first[0].Thread {
			h.Fatal("two incidents share a party")
		}
		threads, err := h.letters.Threads(ctx, h.DB, first[0].Thread)
		h.must(err)
		th := threads[first[0].Thread]
		if !strings.HasPrefix(th.Reference, "P-") || th.Correspondent.Email != "soc@aguasdovale.example" || th.Correspondent.Lang != "pt" || th.About != first[0].Ref {
			h.Fatalf("thread %+v", th)
		}

		// It can be withdrawn, with a reason, and comes back as the same party.
		h.refused(h.s.Withdraw(ctx, h.ana, first[0].UID, " "), errs.Invalid, "withdraw without reason")
		h.refused(h.s.Withdraw(ctx, h.ana, first[0].UID, strings.Repeat("x", 2001)), errs.Invalid, "withdraw for a reason without end")
		h.must(h.s.Withdraw(ctx, h.ana, first[0].UID, "not theirs"))
		h.refused(h.s.Withdraw(ctx, h.ana, first[0].UID, "again"), errs.Conflict, "withdraw twice")
		if back := h.add(ctx, in, aguas); back[0].UID != first[0].UID || !back[0].WithdrawnAt.IsZero() {
			h.Fatalf("came back as %+v", back[0])
		}

		// Wrong role, unknown things, nothing at all.
		_, err = h.s.Add(ctx, h.Person(2, "Rui", access.Auditor), in.UID, []string{aguas.UID}, coordination.Affected, "")
		h.refused(err, errs.Forbidden, "an auditor adds")
		_, err = h.s.Add(ctx, h.person(aguas), in.UID, []string{aguas.UID}, coordination.Affected, "")
		h.refused(err, errs.Forbidden, "a constituent adds")
		_, err = h.s.Add(ctx, h.ana, aguas.UID, []string{aguas.UID}, coordination.Affected, "")
		h.refused(err, errs.NotFound, "add to what is no incident")
		_, err = h.s.Add(ctx, h.ana, in.UID, []string{in.UID}, coordination.Affected, "")
		h.refused(err, errs.NotFound, "add what is no organisation (A3)")
		_, err = h.s.Add(ctx, h.ana, in.UID, nil, "friend", "")
		if len(errs.Fields(err)) != 2 {
			h.Errorf("not all problems at once: %v", err)
		}
	})
}

func TestAReportersThreadGoesOn(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		in, second := h.incident(ctx, tlp.Amber), h.incident(ctx, tlp.Amber)
		report := access.Object{Ref: ref.Ref{Kind: ref.Report}, Realm: access.Team, TLP: tlp.Amber}
		var th correspondence.Thread
		var p, same, later coordination.Party
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			report.Ref.ID, report.UID = 0, ""
			err := access.Protect(ctx, tx, &report, h.Clock.Now())
			if err != nil {
				return err
			}
			th, err = h.letters.OpenThreadTx(ctx, tx, h.ana, correspondence.NewThread{
				About: report.Ref, Compartment: report.Ref.ID, TLP: tlp.Amber, Prefix: "R", Correspondent: correspondence.Correspondent{Name: "Inês", Email: "ines@mail.example", Lang: "pt"},
			})
			if err != nil {
				return err
			}
			ask := coordination.NewParty{Thread: th.Ref.ID, Compartment: report.Ref.ID, Role: coordination.Reporter, Why: "report"}
			if p, err = h.s.AddTx(ctx, tx, h.ana, in, ask); err != nil {
				return err
			}
			if same, err = h.s.AddTx(ctx, tx, h.ana, in, ask); err != nil {
				return err
			}
			later, err = h.s.AddTx(ctx, tx, h.ana, second, ask)
			return err
		}))
		if p.Thread != th.Ref.ID || p.Compartment != report.Ref.ID || p.Name != "Inês" || same.UID != p.UID {
			h.Fatalf("party %+v, again %+v", p, same)
		}
		if later.Thread == th.Ref.ID || later.Compartment != report.Ref.ID {
			h.Fatalf("the second incident took the thread of the first: %+v", later)
		}
		got, err := h.s.PartyOfThread(ctx, h.DB, th.Ref.ID)
		h.must(err)
		if got.UID != p.UID || got.Why != "report" {
			h.Fatalf("party of thread %+v", got)
		}
		link := access.Actor{Origin: access.ByLink, Strength: access.Link, Compartments: []int64{report.Ref.ID}}
		mine, err := h.s.PartyOf(ctx, h.DB, link, p.UID)
		h.must(err)
		if mine.Why != "" || mine.Role != "" || !mine.Subject.IsZero() {
			h.Fatalf("the reporter reads %+v", mine)
		}
		err = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.s.AddTx(ctx, tx, h.ana, in, coordination.NewParty{Role: coordination.Reporter})
			return err
		})
		h.refused(err, errs.Invalid, "a party of nobody")
	})
}

func TestWhatIsPreviewedIsSentAndThenKnown(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		aguas := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example")
		klinik := h.organisation(ctx, "Klinikum Nord", "de", "cert@klinikum.example")
		in := h.incident(ctx, tlp.Green)
		parties := h.add(ctx, in, aguas, klinik)
		g := coordination.Give{Parties: uids(parties...), Recommendations: []string{"isolate"}, Request: "  Since when?\n", DueAt: h.due()}
		seen, err := h.s.Preview(ctx, h.ana, in.UID, g)
		h.must(err)
		for i, want := range []string{"Desligue a máquina da rede", "Take the machine off the network"} {
			if !strings.Contains(seen[i].Text, want) || !strings.Contains(seen[i].Text, "Since when?") || !strings.Contains(seen[i].Text, "TLP:GREEN") || seen[i].Road.Road != egress.Signed {
				h.Fatalf("preview %d by %s:\n%s", i, seen[i].Road.Road, seen[i].Text)
			}
		}
		if !strings.Contains(seen[0].Text, "24 de novembro de 2026") || !strings.Contains(seen[1].Text, "24. November 2026") {
			h.Fatalf("no full date:\n%s\n%s", seen[0].Text, seen[1].Text)
		}
		if strings.Contains(seen[0].Text, "Klinikum") || len(seen[0].Hits) > 0 {
			h.Fatalf("a letter names the other: %v", seen[0].Hits)
		}
		if len(h.requests(ctx, h.ana)) != 0 {
			h.Fatal("a preview changed something")
		}

		sent, err := h.s.Send(ctx, h.ana, in.UID, g)
		h.must(err)
		for i := range sent {
			if codeless(sent[i].Body.Text) != seen[i].Letter || sent[i].State != correspondence.Held {
				h.Fatalf("sent %q, previewed %q", sent[i].Body.Text, seen[i].Letter)
			}
		}
		rui := h.person(aguas)
		if len(h.requests(ctx, rui))+len(h.measures(ctx, rui)) != 0 {
			h.Fatal("the party reads what has not left yet")
		}
		if n := h.open(ctx, in); n != 4 {
			h.Fatalf("%d open, want 4", n)
		}
		h.leave(ctx, sent...)
		requests, measures := h.requests(ctx, rui), h.measures(ctx, rui)
		if len(requests) != 1 || requests[0].Text != "Since when?" || !requests[0].Subject.IsZero() || len(measures) != 1 || measures[0].Title != "Desligue a máquina da rede" || measures[0].Revision != 3 {
			h.Fatalf("the party reads %+v and %+v", requests, measures)
		}

		// The clocks stand on the strip of the incident, reminded at three quarters of the time.
		strip, err := h.clocks.Under(ctx, h.DB, in.Ref.ID)
		h.must(err)
		if got := strip[in.Ref.ID]; len(got) != 4 || !got[0].RemindAt.Equal(coretest.Now.Add(54*time.Hour)) || got[0].OwedBy != "them" {
			h.Fatalf("clocks %+v", got)
		}
		rows, err := h.s.Matrix(ctx, h.ana, in.UID)
		h.must(err)
		if len(rows) != 2 || rows[0].ToldAt.IsZero() || rows[0].SilentSince != rows[0].ToldAt || rows[0].SeenKnown || len(rows[0].Measures) != 1 {
			h.Fatalf("matrix %+v", rows)
		}
		_, err = h.s.Matrix(ctx, rui, in.UID)
		h.refused(err, errs.NotFound, "a constituent asks for the matrix")
	})
}

func TestSendingIsRefusedWhole(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		aguas := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example")
		nobody := h.organisation(ctx, "Klinikum Nord", "de", "cert@klinikum.example")
		in, red := h.incident(ctx, tlp.Green), h.incident(ctx, tlp.Red)
		parties := h.add(ctx, in, aguas, nobody)
		secret := h.add(ctx, red, aguas)
		g := coordination.Give{Parties: uids(parties...), Request: "?", DueAt: h.due()}
		change := func(f func(*coordination.Give)) coordination.Give {
			c := g
			f(&c)
			return c
		}
		for what, try := range map[string]struct {
			by      access.Actor
			subject string
			give    coordination.Give
			kind    errs.Kind
		}{
			"auditor":              {h.Person(2, "Rui", access.Auditor), in.UID, g, errs.Forbidden},
			"constituent":          {h.person(aguas), in.UID, g, errs.Forbidden},
			"stranger":             {access.Stranger(access.ByPage, "en"), in.UID, g, errs.Unauthenticated},
			"no subject":           {h.ana, "nothing", g, errs.NotFound},
			"party of another":     {h.ana, in.UID, change(func(g *coordination.Give) { g.Parties = append(g.Parties, secret[0].UID) }), errs.NotFound},
			"no recommendation":    {h.ana, in.UID, change(func(g *coordination.Give) { g.Recommendations = []string{"nothing"} }), errs.NotFound},
			"no deadline":          {h.ana, in.UID, change(func(g *coordination.Give) { g.DueAt = time.Time{} }), errs.Invalid},
			"deadline in the past": {h.ana, in.UID, change(func(g *coordination.Give) { g.DueAt = h.Clock.Now() }), errs.Invalid},
			"nothing to say":       {h.ana, in.UID, change(func(g *coordination.Give) { g.Request = " " }), errs.Invalid},
			"RED without a key":    {h.ana, red.UID, change(func(g *coordination.Give) { g.Parties = uids(secret...) }), errs.Conflict},
			"lowered label":        {h.ana, in.UID, change(func(g *coordination.Give) { g.TLP = tlp.Clear }), errs.Conflict},
		} {
			_, err := h.s.Send(ctx, try.by, try.subject, try.give)
			h.refused(err, try.kind, what)
		}
		if n := len(h.requests(ctx, h.ana)); n != 0 {
			h.Fatalf("%d requests are left of refused sends", n)
		}
	})
}

// Rule A9.
func TestNoLetterNamesAnotherParty(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		aguas := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example", "aguasdovale.example", "203.0.113.0/24", "AS64500")
		klinik := h.organisation(ctx, "Klinikum Nord", "de", "cert@klinikum.example", "klinikum.example", "198.51.100.0/25")
		in := h.incident(ctx, tlp.Green)
		parties := h.add(ctx, in, aguas, klinik)
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.s.AnswerTx(ctx, tx, h.ana, parties[0], correspondence.Incoming{
				Channel: correspondence.ByMail, State: correspondence.Filed, At: h.Clock.Now(), TLP: tlp.Green, Proof: correspondence.SignedByKey,
				Body: correspondence.Body{Text: "Good morning,\nour pump controllers answer to strangers since Tuesday night.\n"},
			})
			return err
		}))
		threads, err := h.letters.Threads(ctx, h.DB, parties[0].Thread)
		h.must(err)
		for planted, hit := range map[string]bool{
			"as at Aguas  do vale": true, "ask soc@aguasdovale.example": true, "hist-02.aguasdovale[.]example is the source": true, "from 203.0.113.77": true,
			"AS64500": true, threads[parties[0].Thread].Reference: true, "> our pump controllers answer to strangers since Tuesday night.": true,
			"talk to contact of águas do vale": true, "nothing of them": false, "your own 198.51.100.7 and www.klinikum.example at Klinikum Nord": false,
			"good morning, 203.0.114.1": false, "banaguas do valete": false,
		} {
			g := coordination.Give{Parties: uids(parties[1]), Text: "Please read: " + planted, Request: "?", DueAt: h.due()}
			seen, err := h.s.Preview(ctx, h.ana, in.UID, g)
			h.must(err)
			if (len(seen[0].Hits) > 0) != hit {
				h.Errorf("%q hits %v", planted, seen[0].Hits)
			}
			_, err = h.s.Send(ctx, h.ana, in.UID, g)
			if hit {
				h.refused(err, errs.Conflict, planted)
				if f := errs.Fields(err); len(f) != 1 || f[0].Args["words"] == "" || strings.Contains(err.Error(), "guas") {
					h.Errorf("refusal %v with %+v", err, f)
				}
				g.Looked = true
				_, err = h.s.Send(ctx, h.ana, in.UID, g)
			}
			h.must(err)
		}
		_, err = h.s.Write(ctx, h.ana, parties[1].UID, correspondence.Outgoing{Subject: "As at Águas do Vale", Text: "x"}, false)
		h.refused(err, errs.Conflict, "a free message names the other")
		_, err = h.s.Write(ctx, h.ana, parties[1].UID, correspondence.Outgoing{Subject: "As at Águas do Vale", Text: "x"}, true)
		h.must(err)
		for planted, hit := range map[string]bool{
			"aguas_do_vale.txt\x00nothing": true, "Águas do Vale.pdf\x00nothing": true, "log.txt\x00source hist-02.aguasdovale.example\nat 10:02": true, "log.csv\x00a;203.0.113.77;b": true,
			"log.txt\x00nothing of them": false, "photo.png\x00\x00\x01\x02203.0.113.77": false, "bytes.txt\x00\xff\xfe 203.0.113.77": true,
		} {
			name, content, _ := strings.Cut(planted, "\x00")
			files, err := h.letters.StoreFiles(ctx, parties[1].Thread, []correspondence.FileIn{{Name: name, Type: "text/plain", Content: strings.NewReader(content)}})
			h.must(err)
			_, err = h.s.Write(ctx, h.ana, parties[1].UID, correspondence.Outgoing{Subject: "a", Text: "x", Files: files}, false)
			if hit {
				h.refused(err, errs.Conflict, planted)
				_, err = h.s.Write(ctx, h.ana, parties[1].UID, correspondence.Outgoing{Subject: "a", Text: "x", Files: files}, true)
			}
			h.must(err)
			_, err = h.s.Write(ctx, h.ana, parties[0].UID, correspondence.Outgoing{Subject: "a", Text: "x", Files: files}, false)
			h.refused(err, errs.NotFound, "a file of another party's thread")
		}
		_, err = h.s.Write(ctx, h.person(klinik), parties[1].UID, correspondence.Outgoing{Subject: "a", Text: "x"}, false)
		h.refused(err, errs.Forbidden, "a party writes as the team")
	})
}

func TestFiveHundredPartiesAreOneGesture(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		if testing.Short() {
			h.Skip("five hundred parties take seconds: run without -short")
		}
		in := h.incident(ctx, tlp.Green)
		var orgs []constituency.Organisation
		for i := range 500 {
			orgs = append(orgs, h.organisation(ctx, fmt.Sprintf("Municipality %03d", i), "en", fmt.Sprintf("it@m%03d.example", i), fmt.Sprintf("m%03d.example", i)))
		}
		parties := h.add(ctx, in, orgs...)
		start := time.Now()
		h.ask(ctx, in, parties...)
		h.Logf("sent in %s", time.Since(start))
		start = time.Now()
		rows, err := h.s.Matrix(ctx, h.ana, in.UID)
		h.must(err)
		h.Logf("matrix in %s", time.Since(start))
		if len(rows) != 500 || len(rows[499].Measures) != 2 || rows[499].SilentSince.IsZero() {
			h.Fatalf("%d rows, the last %+v", len(rows), rows[len(rows)-1])
		}
	})
}
