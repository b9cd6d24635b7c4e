package alarm

import (
	"context"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// VerbRead is the verb under which the record has who read what is sealed or TLP:RED.
const VerbRead = "access.read"

// Bulk is how many cases outside the own work somebody may open within an hour before the lead and the auditor are told.
const Bulk = 50

// Watch notes who reads what (rule T4). What is sealed or TLP:RED goes into the record before it is shown, once an hour for each reader. Everything
// else is only counted, in this process: several processes count apart, and a restart counts anew.
type Watch struct {
	Alarms *Service

	mu   sync.Mutex
	seen map[int64]*reader
}

type reader struct {
	cases    map[int64]time.Time // opened outside the own work, and when last
	recorded map[int64]time.Time
	alarmed  time.Time
}

// most is how many readers are remembered: a house has fewer people.
const most = 10_000

// Read notes that somebody of the team opens an object. Its error means that the reading could not be recorded: then nothing is shown. A nil
// Watch notes nothing.
func (w *Watch) Read(ctx context.Context, by access.Actor, o access.Object) error {
	if w == nil || by.Account == 0 || by.System != "" || !by.Can(access.ReadCases) {
		return nil
	}
	record, alarm := w.note(by, o)
	if !record && alarm == 0 {
		return nil
	}
	s := w.Alarms
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if record {
			err := s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: VerbRead, On: o.Ref, Changes: []audit.Change{{Field: "tlp", To: o.TLP.String()}, {Field: "sealed", To: o.Sealed}}})
			if err != nil {
				return err
			}
		}
		if alarm == 0 {
			return nil
		}
		return s.RaiseTx(ctx, tx, by, Alarm{Kind: BulkReading, Many: alarm})
	})
	if err != nil {
		w.forget(by, o.Ref.ID)
	}
	return err
}

// note counts, and tells whether this reading is to be recorded and how many cases are an alarm now (0: none).
func (w *Watch) note(by access.Actor, o access.Object) (record bool, alarm int) {
	now := w.Alarms.Clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil || len(w.seen) > most {
		w.seen = map[int64]*reader{}
	}
	r := w.seen[by.Account]
	if r == nil {
		r = &reader{cases: map[int64]time.Time{}, recorded: map[int64]time.Time{}}
		w.seen[by.Account] = r
	}
	if o.Sealed || o.TLP == tlp.Red {
		for id, at := range r.recorded {
			if now.Sub(at) >= time.Hour {
				delete(r.recorded, id)
			}
		}
		if _, ok := r.recorded[o.Ref.ID]; !ok {
			r.recorded[o.Ref.ID], record = now, true
		}
	}
	if own := o.Handler == by.Account; own || o.Ref.Kind != ref.Incident && o.Ref.Kind != ref.Report {
		return record, 0
	}
	r.cases[o.Ref.ID] = now
	if len(r.cases) <= Bulk || now.Sub(r.alarmed) < time.Hour {
		return record, 0
	}
	for id, at := range r.cases {
		if now.Sub(at) >= time.Hour {
			delete(r.cases, id)
		}
	}
	if len(r.cases) <= Bulk {
		return record, 0
	}
	r.alarmed = now
	return record, len(r.cases)
}

func (w *Watch) forget(by access.Actor, object int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.seen[by.Account]; r != nil {
		delete(r.recorded, object)
		r.alarmed = time.Time{}
	}
}
