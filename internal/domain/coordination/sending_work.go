package coordination

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// SendingJob writes the letters of a sending as it was let go in a version: of each there is one that waits or runs.
type SendingJob struct {
	Sending int64 `json:"sending"`
	Version int64 `json:"version,omitempty"`
}

// Kind names the job.
func (SendingJob) Kind() string { return "coordination.sending" }

// Work registers the jobs of this duty.
func (s *Service) Work(r *job.Registry) {
	job.Handle(r, job.House, func(ctx context.Context, j SendingJob) error { return s.WorkSending(ctx, j.Sending) })
}

// startSending has the letters of a sending written from a moment of the queue's clock on, unless that is under way.
func (s *Service) startSending(ctx context.Context, tx *db.Tx, sending, version int64, at time.Time) error {
	return s.Jobs.Insert(ctx, tx, SendingJob{sending, version}, job.Options{Lane: job.House, At: at, Unique: true})
}

// mostStarted is how many sendings one StartAgain takes.
const mostStarted = 200

// StartAgain starts what was let go and is written by nobody, because its job failed until it was given up; it gives how many it looked at. What was
// destroyed with its incident stays as it is.
func (s *Service) StartAgain(ctx context.Context) (int, error) {
	type started struct{ id, version int64 }
	list, err := db.All(ctx, s.DB, func(r *db.Rows) (x started, err error) { return x, r.Scan(&x.id, &x.version) },
		`SELECT x.id, x.version`+sendingTables+`WHERE x.state = $1 AND x.leaves_at <= $2 AND k.wrapped IS NOT NULL ORDER BY x.id LIMIT $3`, string(SendingGoing), s.Clock.Now(), mostStarted)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return len(list), s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, x := range list {
			if err := s.startSending(ctx, tx, x.id, x.version, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// sendingBatch is how many parties one transaction takes: few enough that mail is filed in between.
const sendingBatch = 20

// sendingTurn is how long a job goes on before it makes room: the queue ends what takes longer than ten minutes.
const sendingTurn = 4 * time.Minute

// Why a line was left, as catalogue keys.
const (
	leftAddress = "desk.sending.left.address" // it would go to another address than what was asked for
	leftRoad    = "desk.sending.left.road"    // by a road that protects it less
	leftNamed   = "desk.sending.left.named"   // its letter names another party now
	leftOther   = "desk.sending.left."        // and the kind of the refusal
)

// WorkSending does what is left of a sending, as the person who asked for it and with the rights it has now. It may run twice and does not mind.
func (s *Service) WorkSending(ctx context.Context, n int64) error {
	w, wait, err := s.beginSending(ctx, n)
	if err != nil || w == nil {
		return err
	}
	if wait > 0 {
		return job.Later(wait)
	}
	for began := time.Now(); ; {
		if time.Since(began) > sendingTurn {
			return job.Later(time.Second)
		}
		more, err := w.some(ctx, sendingBatch, false)
		if err != nil && ctx.Err() == nil && !errs.Is(err, errs.Unavailable) {
			more, err = w.some(ctx, 1, true)
		}
		if err != nil || !more {
			return err
		}
	}
}

// posting is the writing of the letters of one sending.
type posting struct {
	*Service
	id    int64
	by    access.Actor
	watch *watch
}

// beginSending looks whether a sending is due and still is what was asked for, and gathers what its letters are compared with.
func (s *Service) beginSending(ctx context.Context, n int64) (*posting, time.Duration, error) {
	x, err := db.One(ctx, s.DB, s.scanSending, `SELECT `+sendingColumns+sendingTables+`WHERE x.id = $1`, n)
	if err != nil || x.State != SendingGoing {
		return nil, 0, err
	}
	if now := s.Clock.Now(); x.Held(now) {
		return &posting{}, x.LeavesAt.Sub(now), nil
	}
	by, err := s.Who(ctx, s.DB, x.Account)
	if errs.Is(err, errs.Forbidden) { // the account is closed
		return nil, 0, s.fallBack(ctx, access.System("clocks"), n, "desk.sending.back.rights")
	}
	if err != nil {
		return nil, 0, err
	}
	o, err := access.Load(ctx, s.DB, by, x.Subject)
	var k keyring.Key
	if err == nil {
		k, err = s.sendingKey(x)
	}
	var hash string
	if err == nil {
		hash, err = s.hashOf(ctx, s.DB, k, x)
	}
	if err == nil && hash != x.Hash {
		return nil, 0, s.fallBack(ctx, by, n, "desk.sending.back.changed")
	}
	if errs.Is(err, errs.NotFound) || errs.Is(err, errs.Conflict) { // who asked may not see it any more, or a recommendation is gone
		return nil, 0, s.fallBack(ctx, by, n, "desk.sending.back.rights")
	}
	if err != nil {
		return nil, 0, err
	}
	watch, err := s.watchSending(ctx, s.DB, by, x, o)
	return &posting{s, n, by, watch}, 0, err
}

// fallBack makes a draft again of what cannot be sent as it was asked for.
func (s *Service) fallBack(ctx context.Context, by access.Actor, n int64, why string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, err := db.One(ctx, tx, s.scanSending, `SELECT `+sendingColumns+sendingTables+`WHERE x.id = $1`+tx.ForUpdate("x"), n)
		if err != nil || x.State != SendingGoing || x.wrapped == nil {
			return err
		}
		x.draftAgain(why)
		if err := s.saveSending(ctx, tx, &x); err != nil {
			return err
		}
		return s.sendingEntry(ctx, tx, by, x, "coordination.sending_back", "")
	})
}

// going loads the sending under its lock, the subject, and some of the lines that wait.
func (w *posting) going(ctx context.Context, tx *db.Tx, size int) (x Sending, o access.Object, k keyring.Key, list []chosen, err error) {
	x, err = db.One(ctx, tx, w.scanSending, `SELECT `+sendingColumns+sendingTables+`WHERE x.id = $1`+tx.ForUpdate("x"), w.id)
	if err != nil || x.State != SendingGoing {
		return x, o, k, nil, err
	}
	if err = w.by.Need(access.SendOutside); err != nil {
		return x, o, k, nil, err
	}
	if o, err = access.Load(ctx, tx, w.by, x.Subject); err != nil {
		return x, o, k, nil, err
	}
	if o, err = access.LoadForChange(ctx, tx, w.by, ref.Incident, o.UID); err != nil {
		return x, o, k, nil, err
	}
	if k, err = w.sendingKey(x); err != nil {
		return x, o, k, nil, err
	}
	list, err = db.All(ctx, tx, scanChosen(k, x.UID), `SELECT `+chosenColumns+` FROM coordination_sending_party WHERE sending = $1 AND state = $2 ORDER BY place LIMIT $3`, x.ID, lineIn, size)
	return x, o, k, list, err
}

// some makes parties of a few lines, stores their files, and writes their letters. Alone it takes one, and leaves it for the reason when it cannot be: it stops no other.
func (w *posting) some(ctx context.Context, size int, alone bool) (more bool, err error) {
	var parties []Party
	var list []chosen
	var evidence map[int64][]Line
	var own map[int64][]OwnFile
	err = w.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		parties, more = nil, false
		var x Sending
		var o access.Object
		var k keyring.Key
		var err error
		if x, o, k, list, err = w.going(ctx, tx, size); err != nil || x.State != SendingGoing {
			return err
		}
		if len(list) == 0 {
			return w.end(ctx, tx, x)
		}
		more = true
		ids := make([]int64, len(list))
		for i, c := range list {
			ids[i] = c.organisation
			p, err := w.AddTx(ctx, tx, w.by, o, NewParty{Organisation: c.organisation, Contact: contactOf(c), Role: c.Role, Why: w.reasons(c)})
			if err != nil {
				return fmt.Errorf("add party: %w", err)
			}
			parties = append(parties, p)
		}
		if evidence, err = w.evidenceOf(ctx, tx, k, x, ids...); err != nil {
			return err
		}
		own, err = w.filesOf(ctx, tx, k, x, ids...)
		return err
	})
	if err == nil && more {
		err = w.write(ctx, list, parties, evidence, own)
	}
	if err == nil || !alone || len(list) == 0 || ctx.Err() != nil || errs.Is(err, errs.Unavailable) || errs.Of(err) == errs.Internal {
		return more, err
	}
	return true, w.leave(ctx, list[0], leftOther+errs.Of(err).String())
}

func contactOf(c chosen) int64 {
	if c.Frozen == nil {
		return 0
	}
	return c.Frozen.Contact
}

// reasons are the words under which a party stands in the matrix.
func (w *posting) reasons(c chosen) string {
	p := w.printer(w.by.Lang)
	for _, r := range c.Why {
		if r.By == "list" {
			return p.N("desk.sending.why.list", r.Count, "asset", r.Value)
		}
	}
	return p.T("desk.sending.why.asked")
}

// write stores the evidence of parties beside their threads, and puts their letters into the outbox with what they ask.
func (w *posting) write(ctx context.Context, list []chosen, parties []Party, evidence map[int64][]Line, own map[int64][]OwnFile) error {
	var files []correspondence.FileOf
	for i, c := range list {
		if lines := evidence[c.organisation]; len(lines) > 0 {
			files = append(files, correspondence.FileOf{Thread: parties[i].Thread, Name: evidenceFile, Type: "text/csv; charset=utf-8", Content: bytes.NewReader(EvidenceCSV(lines))})
		}
		for _, f := range own[c.organisation] {
			files = append(files, correspondence.FileOf{Thread: parties[i].Thread, Name: f.Name, Type: f.Type, Content: bytes.NewReader(f.Content)})
		}
	}
	stored, err := w.Correspondence.StoreFilesOf(ctx, files)
	if err != nil {
		return err
	}
	file := map[int64][]correspondence.File{} // by thread
	for i, f := range stored {
		file[files[i].Thread] = append(file[files[i].Thread], f)
	}
	return w.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, o, _, now, err := w.going(ctx, tx, len(list))
		if err != nil || x.State != SendingGoing {
			return err
		}
		waiting := map[int64]bool{}
		for _, c := range now {
			waiting[c.organisation] = true
		}
		threads, err := w.Correspondence.Threads(ctx, tx, threadsOf(parties)...)
		if err != nil {
			return err
		}
		x.Give.frozen = true
		in, err := w.writing(ctx, tx, o, x.Give, id.NewCode)
		if err != nil {
			return err
		}
		var parcels []parcel
		var of []chosen
		for i, c := range list {
			if !waiting[c.organisation] { // another run was faster
				continue
			}
			t := threads[parties[i].Thread]
			g := x.Give
			g.lines, g.role = evidence[c.organisation], c.Role
			one, err := in.parcel(ctx, g, parties[i], t, w.watch)
			if err != nil {
				return err
			}
			one.out.Files = file[parties[i].Thread]
			if why := unlike(c, t, one, x.Give.Looked); why != "" {
				if err := settleLine(ctx, tx, x.ID, c.organisation, lineLeft, parties[i].Ref.ID, "", why); err != nil {
					return err
				}
				continue
			}
			parcels, of = append(parcels, one), append(of, c)
		}
		if len(parcels) == 0 {
			return nil
		}
		sent, err := w.put(ctx, tx, w.by, x.Give, parcels, w.Correspondence.SendApprovedTx)
		if err != nil {
			return err
		}
		for i, c := range of {
			if err := settleLine(ctx, tx, x.ID, c.organisation, lineWritten, parcels[i].Party.Ref.ID, sent[i].UID, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func threadsOf(parties []Party) []int64 {
	out := make([]int64, len(parties))
	for i, p := range parties {
		out[i] = p.Thread
	}
	return out
}

// unlike tells why a letter is not what was asked for, "" when it is.
func unlike(c chosen, t correspondence.Thread, one parcel, looked bool) string {
	switch f := c.Frozen; {
	case f == nil, f.Email != t.Correspondent.Email:
		return leftAddress
	case one.Road.Road == egress.Refused:
		return one.Road.Reason
	case !protects(one.Road.Road, f.Road):
		return leftRoad
	case len(one.Hits) > 0 && !looked:
		return leftNamed
	}
	return ""
}

func settleLine(ctx context.Context, tx *db.Tx, sending, organisation int64, state int, party int64, message, reason string) error {
	return tx.Later(ctx, `UPDATE coordination_sending_party SET state = $1, party = $2, message = $3, reason = $4 WHERE sending = $5 AND organisation = $6`,
		state, party, message, reason, sending, organisation)
}

// leave sets one line aside for a reason of its own.
func (w *posting) leave(ctx context.Context, c chosen, why string) error {
	return w.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE coordination_sending_party SET state = $1, reason = $2 WHERE sending = $3 AND organisation = $4 AND state = $5`, lineLeft, why, w.id, c.organisation, lineIn)
		return err
	})
}

func (w *posting) end(ctx context.Context, tx *db.Tx, x Sending) error {
	x.State, x.EndedAt = SendingSent, w.Clock.Now()
	if err := w.saveSending(ctx, tx, &x); err != nil {
		return err
	}
	list := []Sending{x}
	if err := w.count(ctx, tx, list); err != nil {
		return err
	}
	return w.sendingEntry(ctx, tx, w.by, x, "coordination.sending_sent", "", audit.Change{Field: "letters", To: list[0].Written}, audit.Change{Field: "left", To: list[0].Left})
}
