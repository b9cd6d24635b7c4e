package correspondence

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rule F4: who takes bytes from outside out of the house is in the record, with when and which; a refused reader leaves no line there.
func TestWhoFetchesIsRecorded(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Amber, lone("a@x.example"))
		files, err := o.StoreFiles(o.ctx, th.Ref.ID, []FileIn{{Name: "dropper.exe", Content: bytes.NewReader([]byte("MZ"))}})
		o.must(err)
		m := o.receive(th, Incoming{Channel: ByForm, State: Filed, Body: Body{Files: files}, Original: []byte(`{"a":1}`)})
		fetched := func() (list []audit.Row) {
			all, err := o.Audit.About(o.ctx, o.DB, th.Ref.ID, 0, 100)
			o.must(err)
			for _, r := range all {
				if r.Verb == VerbFetch {
					list = append(list, r)
				}
			}
			return list
		}
		_, _, err = o.OpenFile(o.ctx, o.h.Person(3, "Root", access.Admin), th.UID, m.UID, files[0].UID)
		o.refused(err, errs.NotFound)
		if n := len(fetched()); n != 0 {
			t.Errorf("a refused reader left %d lines", n)
		}
		f, r, err := o.OpenFile(o.ctx, o.analyst, th.UID, m.UID, files[0].UID)
		o.must(err)
		if read(o.T, r) != "MZ" {
			t.Error("other bytes")
		}
		_, _, sum, err := o.Original(o.ctx, o.analyst, th.UID, m.UID)
		o.must(err)
		lines := fetched()
		if len(lines) != 2 {
			t.Fatalf("%d lines of custody", len(lines))
		}
		for i, want := range []string{f.SHA256, hex.EncodeToString(sum)} {
			l := lines[i]
			if l.Actor != o.analyst.Account || !l.At.Equal(o.Clock.Now()) || l.Compartment != 0 || l.Changes[2].To != want {
				t.Errorf("recorded %+v, want %s", l, want)
			}
		}
	})
}
