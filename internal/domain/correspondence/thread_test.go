package correspondence

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A mail to the tagged address finds its thread; no other spelling does, and two tags find none (rule M6).
func TestTheTagAloneFindsTheThread(t *testing.T) {
	engines(t, func(o *office) {
		a, b := o.open(tlp.Amber, lone("a@x.example")), o.open(tlp.Amber, lone("b@x.example"))
		address := o.Team.ReplyTo(a.Tag)
		for name, c := range map[string]struct {
			to    []string
			found bool
		}{
			"the tag":                 {[]string{address}, true},
			"among others":            {[]string{"x@y.example", "report@cert.example", address}, true},
			"twice the same":          {[]string{address, address}, true},
			"domain in capitals":      {[]string{"report+" + a.Tag + "@CERT.example"}, true},
			"two threads":             {[]string{address, o.Team.ReplyTo(b.Tag)}, false},
			"tag in capitals":         {[]string{"report+" + strings.ToUpper(a.Tag) + "@cert.example"}, false},
			"local part in capitals":  {[]string{"Report+" + a.Tag + "@cert.example"}, false},
			"quoted":                  {[]string{`"report+` + a.Tag + `"@cert.example`}, false},
			"another domain":          {[]string{"report+" + a.Tag + "@cert.example.org"}, false},
			"another mailbox":         {[]string{"info+" + a.Tag + "@cert.example"}, false},
			"one character short":     {[]string{"report+" + a.Tag[:25] + "@cert.example"}, false},
			"one too many":            {[]string{"report+" + a.Tag + "0@cert.example"}, false},
			"a tag of nobody":         {[]string{o.Team.ReplyTo(id.New())}, false},
			"a detail behind the tag": {[]string{"report+" + a.Tag + "+x@cert.example"}, false},
			"brackets":                {[]string{"<" + address + ">"}, false},
			"the bare address":        {[]string{"report@cert.example"}, false},
			"nobody":                  {nil, false},
		} {
			got, err := o.Match(o.ctx, o.DB, c.to)
			switch {
			case c.found && (err != nil || got.Ref != a.Ref || got.Correspondent.Email != "a@x.example"):
				o.Errorf("%s: %v", name, err)
			case !c.found && !errs.Is(err, errs.NotFound):
				o.Errorf("%s: found, %v", name, err)
			}
		}
	})
}

// The tag, the name and the address of a correspondent stand nowhere in clear.
func TestAThreadIsSealed(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Amber, Correspondent{Name: "Maria Canary", Email: "canary@x.example", Phone: "+351 999"})
		o.receive(th, Incoming{Channel: ByMail, State: Filed, MessageID: "canary-id@x.example", Body: Body{Subject: "canary subject", Text: "canary text", From: "canary@x.example"}, Original: []byte(`{"canary":1}`)})
		for _, q := range []string{
			`SELECT body, tag, reference FROM correspondence_thread`,
			`SELECT body, original, message_id FROM correspondence_message`,
		} {
			err := db.Each(first(o.DB.Query(o.ctx, q)), nil, func(r *db.Rows) error {
				var x, y []byte
				var z string
				if err := r.Scan(&x, &y, &z); err != nil {
					return err
				}
				all := string(x) + string(y) + z
				if strings.Contains(strings.ToLower(all), "canary") || strings.Contains(all, th.Tag) {
					o.Errorf("%s gives content in clear", q)
				}
				return nil
			})
			o.must(err)
		}
		got, err := o.Threads(o.ctx, o.DB, th.Ref.ID)
		o.must(err)
		if got[th.Ref.ID].Correspondent.Name != "Maria Canary" || got[th.Ref.ID].Tag != th.Tag {
			o.Error("the thread does not open")
		}
		// Retention destroys the key: the thread stays, what it held is gone.
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
			return o.Ring.Destroy(ctx, tx, th.Ref.ID, o.Clock.Now(), "retention")
		}))
		got, err = o.Threads(o.ctx, o.DB, th.Ref.ID)
		o.must(err)
		ms, err := o.Messages(o.ctx, o.DB, o.analyst, th.Ref.ID)
		o.must(err)
		if x := got[th.Ref.ID]; x.Reference != th.Reference || x.Correspondent.Name != "" || len(ms) != 1 || !ms[0].Erased || ms[0].Body.Text != "" {
			o.Error("after the key was destroyed something is left, or too little")
		}
	})
}

func first(r *db.Rows, err error) *db.Rows {
	if err != nil {
		panic(err)
	}
	return r
}

// A reference is drawn at random, can be given, and is nobody else's.
func TestReferences(t *testing.T) {
	engines(t, func(o *office) {
		a := o.open(tlp.Amber, lone("a@x.example"))
		if _, ok := id.ParseReference(a.Reference); !ok || !strings.HasPrefix(a.Reference, "R-2026-") || !id.Valid(a.Tag) {
			o.Errorf("reference %q, tag %q", a.Reference, a.Tag)
		}
		given := id.Reference("R", 2026)
		report := o.object(ref.Report, 0, tlp.Amber)
		b := o.openAbout(NewThread{About: report.Ref, Reference: given, Prefix: "R"})
		if b.Reference != given || b.Compartment != report.Ref.ID || b.TLP != tlp.Unlabelled {
			o.Errorf("given %s, got %s in compartment %d at %s", given, b.Reference, b.Compartment, b.TLP)
		}
		err := o.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := o.OpenThreadTx(ctx, tx, o.analyst, NewThread{About: report.Ref, Reference: given})
			return err
		})
		o.refused(err, errs.Conflict)
		found, err := o.ByReference(o.ctx, o.DB, strings.ToLower(given))
		o.must(err)
		if found.Ref != b.Ref {
			o.Error("not found by its reference")
		}
		_, err = o.ByReference(o.ctx, o.DB, "R-2026-XXXXXX")
		o.refused(err, errs.NotFound)
		about, err := o.ThreadsAbout(o.ctx, o.DB, report.Ref.ID)
		o.must(err)
		if len(about) != 1 || about[0].Ref != b.Ref {
			o.Error("not found by what it is about")
		}
	})
}

// The reporter becomes a party: the thread goes on in the organisation's compartment, under the same reference and tag.
func TestAThreadGoesOn(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Amber, lone("a@x.example"))
		o.receive(th, Incoming{Channel: ByMail, State: Filed, Body: Body{Text: "hello"}})
		org, c := o.organisation("Hospital", "soc@hospital.example", nil)
		eva := o.h.Constituent(9, "Eva", org.Ref.ID)
		if ms, err := o.Messages(o.ctx, o.DB, eva, th.Ref.ID); err != nil || len(ms) != 0 {
			o.Errorf("seen before: %d, %v", len(ms), err)
		}
		party := o.object(ref.Party, org.Ref.ID, tlp.Amber)
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
			if err := o.MoveTx(ctx, tx, o.analyst, th.Ref.ID, party.Ref, org.Ref.ID); err != nil {
				return err
			}
			return o.AmendTx(ctx, tx, o.analyst, th.Ref.ID, Correspondent{Name: "Hospital", Email: "soc@hospital.example", Organisation: org.Ref.ID, Contact: c.ID, Lang: "pt"})
		}))
		got, err := o.Match(o.ctx, o.DB, []string{o.Team.ReplyTo(th.Tag)})
		o.must(err)
		if got.About != party.Ref || got.Compartment != org.Ref.ID || got.Reference != th.Reference || got.Correspondent.Lang != "pt" {
			o.Errorf("the thread is about %s in compartment %d, %s", got.About, got.Compartment, got.Correspondent.Lang)
		}
		if ms, err := o.Messages(o.ctx, o.DB, eva, th.Ref.ID); err != nil || len(ms) != 1 {
			o.Errorf("seen after: %d, %v", len(ms), err)
		}
		if ms, err := o.Messages(o.ctx, o.DB, o.h.Constituent(8, "Rui", 4711), th.Ref.ID); err != nil || len(ms) != 0 {
			o.Errorf("another organisation sees %d, %v", len(ms), err)
		}
	})
}

// Files are kept under the thread's key, opened through their message only, and a foreign one cannot be attached (rule A3).
func TestFilesBelongToTheirThread(t *testing.T) {
	engines(t, func(o *office) {
		a, b := o.party(tlp.Green, "Hospital", "soc@hospital.example", nil), o.party(tlp.Green, "Water", "soc@water.example", nil)
		store := func(owner int64, content string) File {
			files, err := o.StoreFiles(o.ctx, owner, []FileIn{{Name: "../../etc/passwd", Type: "text/plain", Content: bytes.NewReader([]byte(content))}})
			o.must(err)
			return files[0]
		}
		fa, fb, loose := store(a.Ref.ID, "of the hospital"), store(b.Ref.ID, "of the water works"), store(0, "came before its thread")
		ma := o.receive(a, Incoming{Channel: ByPortal, State: Filed, Proof: SignedIn, Body: Body{Text: "see file", Files: []File{fa, loose}}})
		mb := o.receive(b, Incoming{Channel: ByPortal, State: Filed, Proof: SignedIn, Body: Body{Text: "see file", Files: []File{fb}}})
		hospital := o.h.Constituent(9, "Eva", a.Compartment)
		for f, want := range map[File]string{fa: "of the hospital", loose: "came before its thread"} {
			for _, by := range []access.Actor{o.analyst, hospital} {
				got, r, err := o.OpenFile(o.ctx, by, a.UID, ma.UID, f.UID)
				o.must(err)
				if s := read(o.T, r); s != want || got.Name != "../../etc/passwd" {
					o.Errorf("%q", s)
				}
			}
		}
		for name, try := range map[string][3]string{
			"another thread":             {b.UID, mb.UID, fb.UID},
			"the file of another thread": {a.UID, ma.UID, fb.UID},
			"message of another thread":  {a.UID, mb.UID, fb.UID},
			"no such file":               {a.UID, ma.UID, id.New()},
		} {
			_, _, err := o.OpenFile(o.ctx, hospital, try[0], try[1], try[2])
			if !errs.Is(err, errs.NotFound) {
				o.Errorf("%s: %v", name, err)
			}
		}
		for name, f := range map[string]File{"filed elsewhere": fb, "loose of another thread": store(b.Ref.ID, "x"), "taken already": {UID: loose.UID, Blob: loose.Blob}, "no file": {UID: id.New()}} {
			out := letter
			out.Files = []File{f}
			if _, err := o.put1(b, out); (err == nil) != (f.UID == fb.UID || name == "loose of another thread") {
				o.Errorf("%s, to its own thread: %v", name, err)
			}
			if _, err := o.put1(a, out); (err == nil) != (name == "taken already") {
				o.Errorf("%s, to another thread: %v", name, err)
			}
		}
	})
}

// What a rolled back transaction left is swept after a day; what is part of a message stays, also when both held the same bytes.
func TestLooseFilesAreSwept(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Amber, lone("a@x.example"))
		in := func(s string) []FileIn { return []FileIn{{Name: "a.txt", Content: bytes.NewReader([]byte(s))}} }
		kept, err := o.StoreFiles(o.ctx, th.Ref.ID, in("same"))
		o.must(err)
		_, err = o.StoreFiles(o.ctx, th.Ref.ID, in("same"))
		o.must(err)
		gone, err := o.StoreFiles(o.ctx, th.Ref.ID, in("other"))
		o.must(err)
		m := o.receive(th, Incoming{Channel: ByForm, State: Filed, Body: Body{Files: kept}})
		o.h.Clock.Advance(25 * 60 * 60 * 1e9)
		o.must(o.sweep(o.ctx, SweepJob{}))
		_, r, err := o.OpenFile(o.ctx, o.analyst, th.UID, m.UID, kept[0].UID)
		o.must(err)
		if read(o.T, r) != "same" {
			o.Error("the kept file is another one")
		}
		if _, err := o.openFile(o.ctx, o.DB, gone[0]); !errs.Is(err, errs.NotFound) {
			o.Errorf("the loose file is still there: %v", err)
		}
	})
}
