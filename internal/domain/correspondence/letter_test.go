package correspondence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// text gives the words of a signed mail as its reader sees them.
func (o *office) text(raw string) string {
	o.Helper()
	for _, p := range mail.Parse([]byte(raw)).Parts {
		if p.Is("text/plain") {
			return strings.ReplaceAll(string(p.Bytes), "\r\n", "\n")
		}
	}
	return ""
}

// What the letter of a request looks like: label, what it is, what is asked and by when; the words in 72 columns; who we are (ui.md 12).
func TestALetterAsItsReaderGetsIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t, coretest.Open(t, pgtest.Engine(t)))
	th := o.party(tlp.Amber, "Hospital", "soc@hospital.example", nil)
	out := Outgoing{
		Kind: Ask, DueAt: o.Clock.Now().Add(48 * time.Hour), Subject: "Two measures for your mail gateway",
		Text: "Good morning,\n\nwe saw a login to your mail gateway from an address that two other teams have reported to us this week. We ask you to do this:\n\n" +
			"- Change the password of the account and end its sessions, also those of the telephone, and tell us when.\n- Look at the rules.\n\n" +
			"https://cert.example/guidance/what-to-do-when-an-account-was-used-by-somebody-else-than-its-owner\n",
	}
	p, err := o.Preview(o.ctx, o.DB, th, out)
	o.must(err)
	if p.Road.Road != egress.Notice {
		o.Errorf("by %s", p.Road.Road)
	}
	out.TLP, th.TLP = tlp.Green, tlp.Green
	p, err = o.Preview(o.ctx, o.DB, th, out)
	o.must(err)
	want := `TLP:GREEN
Request from CERT.EX about REFERENCE.
Answer by 23 November 2026, 12:26 (UTC).

Good morning,

we saw a login to your mail gateway from an address that two other teams
have reported to us this week. We ask you to do this:

- Change the password of the account and end its sessions, also those of
  the telephone, and tell us when.
- Look at the rules.

https://cert.example/guidance/what-to-do-when-an-account-was-used-by-somebody-else-than-its-owner

-- ` + `
CERT.EX
Telephone: +351 210 000 000
OpenPGP key:
  FINGERPRINT
You get this because you are our correspondent for REFERENCE.
TLP:GREEN
`
	got := strings.NewReplacer(th.Reference, "REFERENCE", grouped(o.Team.Fingerprint), "FINGERPRINT").Replace(p.Text)
	if got != want {
		o.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if p.Subject != "["+th.Reference+"] TLP:GREEN Two measures for your mail gateway" {
		o.Errorf("subject %q", p.Subject)
	}
}

// Previewed and sent are the same words.
func TestWhatWasPreviewedIsSent(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, Correspondent{Email: "a@x.example", Lang: "fr"})
		out := letter
		out.Text = "Écoute-moi : " + strings.Repeat("é ", 60) + "\n-- \nFrom here\n.\n"
		p, err := o.Preview(o.ctx, o.DB, th, out)
		o.must(err)
		m := o.sent(th, out)
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(m))
		raw := o.mail(m)
		parsed := mail.Parse([]byte(raw))
		if got := o.text(raw); got != p.Text || parsed.Subject() != p.Subject || len(parsed.Oddities) != 0 {
			o.Errorf("sent %q\n%s\npreviewed %q\n%s\noddities %v", parsed.Subject(), got, p.Subject, p.Text, parsed.Oddities)
		}
		reply, _ := parsed.Header().Addresses("Reply-To")
		to, _ := parsed.Header().Addresses("To")
		if len(reply) != 1 || reply[0].Addr != o.Team.ReplyTo(th.Tag) || len(to) != 1 || to[0].Name != "" || strings.Contains(raw, "Auto-Submitted") {
			o.Errorf("reply to %v, to %v", reply, to)
		}
		// And an answer to it finds the thread.
		found, err := o.Match(o.ctx, o.DB, []string{reply[0].Addr})
		o.must(err)
		if found.Ref != th.Ref {
			o.Error("the answer goes elsewhere")
		}
	})
}

// An encrypted mail tells its way nothing: neutral subject outside, the true one inside, encrypted to the reader and our archive alone.
func TestAnEncryptedMailTellsNothingOnItsWay(t *testing.T) {
	engines(t, func(o *office) {
		reader := o.newReader("soc@hospital.example")
		archive := secretOf(o.T, "archive@cert.example")
		o.Postman.Archive(archive.Public())
		key := reader.Public()
		th := o.party(tlp.Red, "Hospital", "soc@hospital.example", &key)
		files, err := o.StoreFiles(o.ctx, th.Ref.ID, []FileIn{{Name: "list of accounts.csv", Type: "text/csv; charset=utf-8", Content: strings.NewReader("a;b\n")}})
		o.must(err)
		out := letter
		out.Files = files
		m := o.sent(th, out)
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(m))
		raw := o.mail(m)
		parsed := mail.Parse([]byte(raw))
		if parsed.Subject() != "[...]" || !parsed.Root.Is("multipart/encrypted") {
			o.Errorf("outside: %q, %s", parsed.Subject(), parsed.Root.Type)
		}
		for _, secret := range []string{th.Reference, "TLP:RED", "gateway", "accounts.csv", "Hospital"} {
			if strings.Contains(raw, secret) {
				o.Errorf("%q is readable on the way", secret)
			}
		}
		for _, s := range []*keyd.Secret{reader, archive} {
			ring, err := keyd.NewRing(s)
			o.must(err)
			got, err := pgp.Open(o.ctx, pgp.Input{Entity: []byte(raw), Agent: keyd.NewInProcess(ring, keyd.Options{Clock: o.Clock}), Keys: []pgp.Key{o.key}, Now: o.Clock.Now()})
			o.must(err)
			if got.Good() == nil {
				o.Fatalf("%+v", got)
			}
			inner := mail.Parse(got.Plain)
			if inner.Subject() != "["+th.Reference+"] TLP:RED "+letter.Subject || !bytes.Contains(got.Plain, []byte(`filename="list of accounts.csv"`)) {
				o.Errorf("inside: %q", inner.Subject())
			}
		}
		stranger, err := keyd.NewRing(secretOf(o.T, "eve@x.example"))
		o.must(err)
		got, err := pgp.Open(o.ctx, pgp.Input{Entity: []byte(raw), Agent: keyd.NewInProcess(stranger, keyd.Options{Clock: o.Clock}), Keys: []pgp.Key{o.key}, Now: o.Clock.Now()})
		if err == nil && got.Good() != nil {
			o.Error("a stranger reads it")
		}
	})
}

// Two parties of one incident put side by side everything that they hold from us: nothing in common but ourselves and the words that we
// wrote to both (rule A7).
func TestTwoPartiesHoldNothingInCommon(t *testing.T) {
	engines(t, func(o *office) {
		incident := o.object(ref.Incident, 0, tlp.Green)
		hold := func(name, email string) (string, Thread) {
			th := o.party(tlp.Green, name, email, nil)
			files, err := o.StoreFiles(o.ctx, th.Ref.ID, []FileIn{{Name: "measures.txt", Type: "text/plain", Content: strings.NewReader("to do")}})
			o.must(err)
			out := letter
			out.Files, out.Under = files, incident.Ref
			m := o.sent(th, out)
			auto, err := o.put1(th, Outgoing{Kind: Reminder, Auto: &Auto{Letter: AutoReminder, Count: 2, DueAt: o.Clock.Now()}})
			o.must(err)
			o.h.Clock.Advance(time.Minute)
			o.must(o.run(m, auto))
			return o.mail(m) + o.mail(auto), th
		}
		a, ta := hold("Hospital", "soc@hospital.example")
		b, tb := hold("Water", "soc@water.example")
		if ta.Reference == tb.Reference || ta.Tag == tb.Tag {
			o.Error("reference or tag in common")
		}
		token := regexp.MustCompile(`[0-9A-Za-z_=+/-]{20,}`)
		held := map[string]bool{}
		for _, x := range token.FindAllString(a, -1) {
			held[x] = true
		}
		ours := "=43=45=52=54=2E=45=58 multipart/signed application/pgp-signature Content-Transfer-Encoding quoted-printable Content-Description Content-Disposition -----BEGIN -----END"
		for _, x := range token.FindAllString(b, -1) {
			if held[x] && !strings.Contains(ours, x) {
				o.Errorf("both hold %q", x)
			}
		}
		for _, secret := range []string{"Hospital", "hospital", ta.Reference, ta.Tag} {
			if strings.Contains(b, secret) {
				o.Errorf("the water works read %q", secret)
			}
		}
		if host, _ := os.Hostname(); host != "" && len(host) > 3 && strings.Contains(a, host) {
			o.Error("the name of the machine is in the mail")
		}
		ids := regexp.MustCompile(`(?m)^Message-ID: <([0-9a-z]{26})@cert\.example>`).FindAllStringSubmatch(a+b, -1)
		if len(ids) < 4 {
			o.Fatalf("%d Message-IDs", len(ids))
		}
		for _, m := range ids {
			if !id.Valid(m[1]) {
				o.Errorf("Message-ID %s", m[1])
			}
		}
	})
}

// GnuPG, which our correspondents use, reads what the postman sends: signature good, decrypted with the reader's key.
func TestGnuPGReadsWhatThePostmanSends(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("gpg"); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatal("NOT RUN: gpg is missing and TOCSIN_REQUIRE_ALL=1")
		}
		t.Skip("NOT RUN: gpg is missing")
	}
	h := coretest.Open(t, pgtest.Engine(t))
	h.Clock = clock.NewFake(time.Now()) // GnuPG has the machine's clock
	home, err := os.MkdirTemp("", "gpg")
	must(t, err)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	gpg := func(in []byte, args ...string) (string, string) {
		t.Helper()
		cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--yes", "--no-tty", "--trust-model", "always", "--pinentry-mode", "loopback", "--passphrase", "", "--status-fd", "2"}, args...)...)
		cmd.Stdin, cmd.Env = bytes.NewReader(in), append(os.Environ(), "LC_ALL=C")
		var out, log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &log
		if err := cmd.Run(); err != nil {
			t.Fatalf("gpg %v: %v\n%s", args, err, log.String())
		}
		return out.String(), log.String()
	}
	gpg(nil, "--quick-gen-key", "soc@hospital.example", "rsa2048", "sign,cert", "2y")
	public, _ := gpg(nil, "--with-colons", "--list-keys", "soc@hospital.example")
	fingerprint := regexp.MustCompile(`fpr:+([0-9A-F]{40}):`).FindStringSubmatch(public)[1]
	gpg(nil, "--quick-add-key", fingerprint, "rsa2048", "encr", "2y")
	exported, _ := gpg(nil, "--export", fingerprint)
	keys, _ := pgp.ParseKeys([]byte(exported))
	if len(keys) != 1 {
		t.Fatalf("%d keys", len(keys))
	}
	h.Clock.Advance(2 * time.Second)

	o := newOffice(t, h)
	team, err := keyd.Generate("CERT.EX", []string{"report@cert.example"}, time.Now().Add(-time.Hour))
	must(t, err)
	ring, err := keyd.NewRing(team)
	must(t, err)
	o.Postman.agent = keyd.NewInProcess(ring, keyd.Options{Clock: h.Clock})
	gpg(team.Public().Armored(), "--import")

	send := func(th Thread) string {
		m := o.sent(th, letter)
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(m))
		o.wantState(m, Sent, "")
		return o.mail(m)
	}
	// Signed: the first part, byte for byte, under the detached signature of the second.
	signed := mail.Parse([]byte(send(o.open(tlp.Green, lone("a@x.example")))))
	if len(signed.Root.Parts) != 2 {
		t.Fatalf("%d parts", len(signed.Root.Parts))
	}
	file := func(name string, b []byte) string {
		p := filepath.Join(home, name)
		must(t, os.WriteFile(p, b, 0o600))
		return p
	}
	// The clock of the story has moved on by minutes; GnuPG would wait for it.
	_, log := gpg(nil, "--ignore-time-conflict", "--verify", file("sig", signed.Root.Parts[1].Bytes), file("entity", signed.Root.Parts[0].RawEntity()))
	if !strings.Contains(log, "GOODSIG") || !strings.Contains(log, team.Public().Fingerprint()[24:]) && !strings.Contains(log, "VALIDSIG") {
		t.Errorf("signature:\n%s", log)
	}
	// Encrypted: decrypt, then verify what is inside.
	encrypted := mail.Parse([]byte(send(o.party(tlp.Red, "Hospital", "soc@hospital.example", &keys[0]))))
	plain, log := gpg(encrypted.Root.Parts[1].Bytes, "--ignore-time-conflict", "--decrypt")
	if !strings.Contains(log, "DECRYPTION_OKAY") || !strings.Contains(log, "GOODMDC") {
		t.Errorf("decryption:\n%s", log)
	}
	inner := mail.Parse([]byte(plain))
	if !inner.Root.Is("multipart/signed") {
		t.Fatalf("inside is %s", inner.Root.Type)
	}
	_, log = gpg(nil, "--ignore-time-conflict", "--verify", file("sig2", inner.Root.Parts[1].Bytes), file("entity2", inner.Root.Parts[0].RawEntity()))
	if !strings.Contains(log, "GOODSIG") {
		t.Errorf("inner signature:\n%s", log)
	}
	if !strings.Contains(o.text(plain), "We saw a login from an address") {
		t.Errorf("inside:\n%s", plain)
	}
}

// Lines are broken at 72 columns; quotes, code and long addresses stay as they are; no word is lost.
func TestWrap(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 40)
	for _, s := range []string{long, "- " + long, "  - " + long, "", "x", "> " + long, "    " + long, "https://" + strings.Repeat("x", 100), strings.Repeat("é ", 80)} {
		got := wrap(s)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(s), " ") {
			t.Errorf("%q became %q", s, got)
		}
		for l := range strings.SplitSeq(got, "\n") {
			if utf8.RuneCountInString(l) > columns && !strings.HasPrefix(s, ">") && !strings.HasPrefix(s, "    ") && strings.Contains(l, " ") {
				t.Errorf("a line of %d in %q", utf8.RuneCountInString(l), got)
			}
		}
	}
}

// The outbox shows what leaves, held first, in pages, to who reads cases.
func TestTheOutbox(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		var want []string
		done := o.sent(th, letter)
		o.must(o.SendNow(o.ctx, o.analyst, done.UID))
		o.must(o.run(done))
		waiting := o.receipt()
		waiting.HoldBack, waiting.Reason = true, "mail.reason.receipt_held"
		w, err := o.put1(th, waiting)
		o.must(err)
		for range 4 {
			o.h.Clock.Advance(time.Second)
			want = append([]string{o.sent(th, letter).UID}, want...)
		}
		want = append(want, w.UID, done.UID)
		var got []string
		f := OutboxFilter{Limit: 2}
		for {
			page, err := o.Outbox(o.ctx, o.analyst, f)
			o.must(err)
			for _, x := range page.Items {
				got = append(got, x.UID)
				if x.Name != "A stranger" || x.Thread.Reference != th.Reference || x.Body.Subject == "" {
					o.Errorf("%+v", x)
				}
			}
			if f.After = page.Next; f.After == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			o.Errorf("got %v, want %v", got, want)
		}
		page, err := o.Outbox(o.ctx, o.analyst, OutboxFilter{State: Waiting})
		o.must(err)
		if len(page.Items) != 1 || page.Items[0].UID != w.UID {
			o.Errorf("%d wait", len(page.Items))
		}
		_, err = o.Outbox(o.ctx, o.h.Constituent(9, "Eva", th.Compartment), OutboxFilter{})
		o.refused(err, errs.Forbidden)
		_, err = o.Outbox(o.ctx, o.analyst, OutboxFilter{After: "no cursor"})
		o.refused(err, errs.Invalid)
	})
}

// A wave of letters is one job, all or none (rule A3: one thread that is not there refuses all).
func TestManyLettersAreOneJob(t *testing.T) {
	engines(t, func(o *office) {
		var list []Addressed
		for range 20 {
			list = append(list, Addressed{Thread: o.open(tlp.Green, lone("a"+id.New()[:6]+"@x.example")).Ref.ID, Outgoing: letter})
		}
		var ms []Message
		write := func(l []Addressed) error {
			return o.tx(func(ctx context.Context, tx *db.Tx) (err error) {
				ms, err = o.SendManyTx(ctx, tx, o.analyst, l)
				return err
			})
		}
		o.refused(write(append([]Addressed{{Thread: 4711, Outgoing: letter}}, list...)), errs.NotFound)
		if o.jobs("correspondence.send") != 0 {
			o.Error("some were put in the outbox")
		}
		o.must(write(list))
		if o.jobs("correspondence.send") != 1 {
			o.Errorf("%d jobs", o.jobs("correspondence.send"))
		}
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(ms...))
		if len(o.mails()) != 20 {
			o.Errorf("%d mails", len(o.mails()))
		}
	})
}

// Rule A7: a wave leaves in a shuffled order, drawn anew for each, and the run keeps to it: who compares when letters came learns nothing of the list.
func TestAWaveLeavesInShuffledOrder(t *testing.T) {
	engines(t, func(o *office) {
		var list []Addressed
		for range 16 {
			list = append(list, Addressed{Thread: o.open(tlp.Green, lone("a"+id.New()[:6]+"@x.example")).Ref.ID, Outgoing: letter})
		}
		orders := map[string]bool{}
		for range 2 {
			var ms []Message
			o.must(o.tx(func(ctx context.Context, tx *db.Tx) (err error) {
				ms, err = o.SendManyTx(ctx, tx, o.analyst, list)
				return err
			}))
			var args string
			column := map[db.Engine]string{db.SQLite: "json(args)", db.Postgres: "CAST(args AS TEXT)"}[o.DB.Engine()]
			o.must(o.DB.QueryRow(o.ctx, `SELECT `+column+` FROM river_job WHERE kind = 'correspondence.send' ORDER BY id DESC LIMIT 1`).Scan(&args))
			var job SendJob
			o.must(json.Unmarshal([]byte(args), &job))
			if len(job.Messages) != len(ms) {
				o.Fatalf("the job has %d letters", len(job.Messages))
			}
			place := map[int64]int{}
			for i, m := range ms {
				place[m.ID] = i
			}
			var drawn []int
			for _, m := range job.Messages {
				drawn = append(drawn, place[m])
			}
			if slices.IsSorted(drawn) {
				o.Error("the wave leaves in the order of its list")
			}
			orders[fmt.Sprint(drawn)] = true
			o.h.Clock.Advance(time.Minute)
			letters, _, err := o.take(o.ctx, job.Messages)
			o.must(err)
			for i, l := range letters {
				if l.ID != job.Messages[i] {
					o.Fatalf("letter %d of the run is not letter %d of the job", i, i)
				}
			}
		}
		if len(orders) != 2 {
			o.Error("two waves have the same order")
		}
	})
}

func FuzzTagOf(f *testing.F) {
	s := &Service{Team: Team{Address: "report@cert.example"}}
	for _, seed := range []string{"report+0123456789abcdefghjkmnpqrs@cert.example", "report@cert.example", "@", "+@", "\"a+b\"@cert.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, r string) {
		tag, ok := s.tagOf(r)
		if ok && (!id.Valid(tag) || !strings.EqualFold(r, s.Team.ReplyTo(tag)) || !strings.HasPrefix(r, "report+"+tag+"@")) {
			t.Errorf("%q read as %q", r, tag)
		}
	})
}
