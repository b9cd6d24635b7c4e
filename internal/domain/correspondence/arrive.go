package correspondence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/blob"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Limits of an arrival.
const (
	MaxBatch  = 256      // mails in one transaction
	inlineRaw = 64 << 10 // larger ones lie in a blob
	MaxMail   = 50 << 20
)

// The states of an arrival.
const (
	ArrivalNew    = "new"
	ArrivalSorted = "sorted"
	ArrivalAside  = "aside"
)

// Arrival is a mail as it came, with its envelope.
type Arrival struct {
	ID         int64
	UID        string
	From       string   // envelope sender, "" for the null return path
	To         []string // envelope recipients
	PeerIP     string
	Helo       string
	TLS        bool
	ReceivedAt time.Time
	Size       int64
	SHA256     []byte
	Raw        []byte        // only from OpenArrival and in Arrive
	Spool      io.ReadSeeker // only in Arrive, instead of Raw: a large mail, Size bytes long, that is nowhere in memory
	State      string        // ArrivalNew, ArrivalSorted, ArrivalAside (panicked or tried too often: a person decides)
	Under      int64         // object id of the report or thread under which it was filed
	Reason     string        // why it was set aside, as a catalogue key
	Fetched    *Place        // only in ArriveFrom: where it lay
	fetched    []byte        // keyed hash of mailbox and bytes, by which ArriveFrom knows it again
	Road       string        // only in Arrive: RoadSMTP, RoadLMTP or RoadIMAP
	Public     bool          // it is for the public lane; Arrive sets it of mail by its recipients
}

// The roads by which mail comes; stored.
const (
	RoadSMTP = "smtp"
	RoadLMTP = "lmtp"
	RoadIMAP = "imap"
)

// Came gives the first arrival by a road in each hour from since on, and its last. What is no road has none.
func (s *Service) Came(ctx context.Context, h db.Handle, road string, since time.Time) (hours []time.Time, last time.Time, err error) {
	if road != RoadSMTP && road != RoadLMTP && road != RoadIMAP {
		return nil, last, nil
	}
	return db.Steps(ctx, h, "correspondence_arrival", "received_at", "road <> '' AND road = '"+road+"'", since, time.Hour)
}

// envelope is the sealed part of an arrival beside its bytes.
type envelope struct {
	From   string   `json:"from,omitempty"`
	To     []string `json:"to,omitempty"`
	PeerIP string   `json:"ip,omitempty"`
	Helo   string   `json:"helo,omitempty"`
	TLS    bool     `json:"tls,omitempty"`
	SHA256 []byte   `json:"sha256"`
}

// SortJob asks the mailroom to file arrivals. The mailroom registers its worker in lane job.Mail.
type SortJob struct {
	Arrivals []int64 `json:"arrivals"`
}

// Kind names the job.
func (SortJob) Kind() string { return "mailroom.sort" }

// Arrive writes mails to disk in one transaction with one job for all of them, and returns after the commit: only then may the sender hear
// "accepted". Bytes up to 64 KiB go into the database, larger ones to a synced blob before it. It gives the mails their ID, UID and State.
func (s *Service) Arrive(ctx context.Context, mails []Arrival) error {
	return s.ArriveWith(ctx, mails, nil)
}

// ArriveWith is Arrive with more in the same transaction.
func (s *Service) ArriveWith(ctx context.Context, mails []Arrival, also func(ctx context.Context, tx *db.Tx) error) error {
	if len(mails) == 0 {
		return nil
	}
	if len(mails) > MaxBatch {
		return errs.Newf(errs.Invalid, "at most %d mails in one transaction", MaxBatch)
	}
	now := s.Clock.Now()
	var large []int
	for i := range mails {
		m := &mails[i]
		if m.bytes() > MaxMail {
			return errs.New(errs.Limit, "the mail is larger than 50 MiB")
		}
		if err := m.measure(); err != nil {
			return fmt.Errorf("store arrived mail: %w", err)
		}
		if m.State = ArrivalNew; m.ReceivedAt.IsZero() {
			m.ReceivedAt = now
		}
		m.Public = m.Public || s.toLane(m.To)
		if m.Spool != nil || len(m.Raw) > inlineRaw {
			large = append(large, i)
		}
	}
	blobs, err := s.storeLarge(ctx, mails, large, now)
	if err != nil {
		return fmt.Errorf("store arrived mail: %w", err)
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		return s.arriveTx(ctx, tx, mails, blobs, now)
	})
	if err != nil {
		return fmt.Errorf("store arrived mail: %w", err)
	}
	return nil
}

// bytes is how large a mail is, or says it is.
func (a *Arrival) bytes() int64 {
	if a.Spool != nil {
		return a.Size
	}
	return int64(len(a.Raw))
}

// measure notes size and hash.
func (a *Arrival) measure() error {
	if a.Spool == nil {
		sum := sha256.Sum256(a.Raw)
		a.SHA256, a.Size = sum[:], int64(len(a.Raw))
		return nil
	}
	if _, err := a.Spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, a.Spool)
	if err == nil && n != a.Size {
		err = errs.New(errs.Internal, "the spooled mail has another length")
	}
	a.SHA256 = h.Sum(nil)
	return err
}

// content reads the mail from its start.
func (a *Arrival) content() io.ReadSeeker {
	if a.Spool != nil {
		return a.Spool
	}
	return bytes.NewReader(a.Raw)
}

// kept is a large mail whose bytes are in a blob already.
type kept struct {
	object access.Object
	key    keyring.Key
	blob   string
}

// storeLarge makes object and data key of the large mails first, because a blob is bound to its owner. What a crash leaves behind is an
// object without an arrival: its sender was never told "accepted".
func (s *Service) storeLarge(ctx context.Context, mails []Arrival, large []int, now time.Time) (map[int]kept, error) {
	if len(large) == 0 {
		return nil, nil
	}
	var objects []access.Object
	var keys []keyring.Key
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		objects, keys, err = s.owners(ctx, tx, len(large), now)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make(map[int]kept, len(large))
	for n, i := range large {
		b, err := s.Blobs.Put(ctx, blob.Key{Owner: keys[n].Owner(), Bytes: keys[n].Bytes()}, mails[i].content())
		if err != nil {
			return nil, err
		}
		out[i] = kept{objects[n], keys[n], b.Name}
	}
	return out, nil
}

// owners makes n objects of kind arrival with a data key each.
func (s *Service) owners(ctx context.Context, tx *db.Tx, n int, now time.Time) ([]access.Object, []keyring.Key, error) {
	objects := make([]access.Object, n)
	for i := range objects {
		objects[i] = access.Object{Ref: ref.Ref{Kind: ref.Arrival}, UID: id.New(), Realm: access.Team, TLP: tlp.Unlabelled}
	}
	if err := access.ProtectMany(ctx, tx, objects, now); err != nil {
		return nil, nil, err
	}
	ids := make([]int64, n)
	for i := range objects {
		ids[i] = objects[i].Ref.ID
	}
	keys, err := s.Ring.CreateMany(ctx, tx, ids, now)
	return objects, keys, err
}

func (s *Service) arriveTx(ctx context.Context, tx *db.Tx, mails []Arrival, large map[int]kept, now time.Time) error {
	objects, keys, err := s.owners(ctx, tx, len(mails)-len(large), now)
	if err != nil {
		return err
	}
	q := new(db.Query).Add(`INSERT INTO correspondence_arrival (object, state, received_at, size, envelope, raw, blob, road, public) VALUES `)
	var ids, public []int64
	next := 0
	for i := range mails {
		m := &mails[i]
		k, isLarge := large[i]
		var raw []byte
		if !isLarge {
			k = kept{object: objects[next], key: keys[next]}
			next++
			raw = k.key.Seal(arrivalPlace("raw", k.object.Ref.ID), m.Raw)
		}
		m.ID, m.UID = k.object.Ref.ID, k.object.UID
		if m.Public {
			public = append(public, m.ID)
		} else {
			ids = append(ids, m.ID)
		}
		e, err := json.Marshal(envelope{m.From, m.To, m.PeerIP, m.Helo, m.TLS, m.SHA256})
		if err != nil {
			return err
		}
		if i > 0 {
			q.Add(`, `)
		}
		q.Add(`(?, ?, ?, ?, ?, ?, ?, ?, ?)`, m.ID, m.State, m.ReceivedAt, m.Size, k.key.Seal(arrivalPlace("envelope", m.ID), e), raw, k.blob, m.Road, m.Public)
	}
	if _, err := q.Exec(ctx, tx); err != nil {
		return err
	}
	if err := s.fetchedTx(ctx, tx, mails, now); err != nil {
		return err
	}
	return s.askSort(ctx, tx, ids, public, false)
}

// askSort asks the mailroom to file arrivals: those of the public lane through workers of their own, so that a wave there keeps no report waiting.
func (s *Service) askSort(ctx context.Context, tx *db.Tx, ids, public []int64, unique bool) error {
	if len(ids) > 0 {
		if err := s.Jobs.Insert(ctx, tx, SortJob{Arrivals: ids}, job.Options{Lane: job.Mail, Unique: unique}); err != nil {
			return err
		}
	}
	if len(public) > 0 {
		return s.Jobs.Insert(ctx, tx, SortJob{Arrivals: public}, job.Options{Lane: job.Public, Unique: unique})
	}
	return nil
}

func arrivalPlace(column string, object int64) string {
	return fmt.Sprintf("correspondence_arrival.%s:%d", column, object)
}

// OpenArrival gives an arrival with its raw bytes, for the mailroom. The caller has the right to read it.
func (s *Service) OpenArrival(ctx context.Context, h db.Handle, arrival int64) (Arrival, error) {
	all, err := s.OpenArrivals(ctx, h, []int64{arrival})
	if err == nil && len(all) == 0 {
		err = errs.ErrNotFound
	}
	if err != nil {
		return Arrival{}, fmt.Errorf("open arrival: %w", err)
	}
	return all[0].Arrival, all[0].Err
}

// Opened is an arrival as OpenArrivals found it; with an error it is not whole.
type Opened struct {
	Arrival
	Err error
}

// OpenArrivals is OpenArrival for several, in no order; those whose content was destroyed are missing.
func (s *Service) OpenArrivals(ctx context.Context, h db.Handle, arrivals []int64) ([]Opened, error) {
	type row struct {
		Arrival
		sealed, raw, wrapped []byte
		name                 string
	}
	q := new(db.Query).Add(`SELECT a.object, o.uid, a.state, a.received_at, a.size, a.envelope, a.raw, a.blob, a.filed_under, a.reason, a.public, k.wrapped
		FROM correspondence_arrival a JOIN object o ON o.id = a.object JOIN keyring_key k ON k.owner = a.object WHERE a.object IN `)
	rows, err := db.List(ctx, h, db.In(q, arrivals), func(r *db.Rows) (a row, err error) {
		return a, r.Scan(&a.ID, &a.UID, &a.State, &a.ReceivedAt, &a.Size, &a.sealed, &a.raw, &a.name, &a.Under, &a.Reason, &a.Public, &a.wrapped)
	})
	if err != nil {
		return nil, err
	}
	out := make([]Opened, len(rows))
	for i := range rows {
		a := &rows[i]
		err := s.unseal(ctx, &a.Arrival, a.sealed, a.raw, a.wrapped, a.name)
		out[i] = Opened{a.Arrival, err}
	}
	return out, nil
}

// unseal opens envelope and bytes of an arrival, the latter from the row or the blob of this name.
func (s *Service) unseal(ctx context.Context, a *Arrival, sealed, raw, wrapped []byte, name string) error {
	key, err := s.Ring.Unwrap(a.ID, wrapped)
	if err != nil {
		return err
	}
	plain, err := key.Open(arrivalPlace("envelope", a.ID), sealed)
	if err != nil {
		return err
	}
	var e envelope
	if err := json.Unmarshal(plain, &e); err != nil {
		return err
	}
	a.From, a.To, a.PeerIP, a.Helo, a.TLS, a.SHA256 = e.From, e.To, e.PeerIP, e.Helo, e.TLS, e.SHA256
	if name != "" {
		a.Raw, err = blob.Whole(ctx, s.Blobs, blob.Key{Owner: a.ID, Bytes: key.Bytes()}, name, min(a.Size, MaxMail))
	} else {
		a.Raw, err = key.Open(arrivalPlace("raw", a.ID), raw)
	}
	if err == nil {
		if sum := sha256.Sum256(a.Raw); !bytes.Equal(sum[:], a.SHA256) {
			err = fmt.Errorf("arrival %d is not what came", a.ID)
		}
	}
	return err
}

// Waits is an arrival that waits to be filed, with its bytes.
type Waits struct{ ID, Size int64 }

func scanWaits(r *db.Rows) (w Waits, err error) { return w, r.Scan(&w.ID, &w.Size) }

// Waiting gives those of some arrivals that are not filed yet, also those that were set aside, oldest first.
func (s *Service) Waiting(ctx context.Context, h db.Handle, arrivals []int64) ([]Waits, error) {
	q := new(db.Query).Add(`SELECT object, size FROM correspondence_arrival WHERE state <> 'sorted' AND object IN `)
	return db.List(ctx, h, db.In(q, arrivals).Add(` ORDER BY object`), scanWaits)
}

// WaitingWith gives the arrivals that wait longest in the lane of one of them, at most n.
func (s *Service) WaitingWith(ctx context.Context, h db.Handle, arrival int64, n int) ([]Waits, error) {
	return db.All(ctx, h, scanWaits, `SELECT w.object, w.size FROM correspondence_arrival a
		JOIN correspondence_arrival w ON w.public = a.public WHERE a.object = $1 AND w.state = 'new' ORDER BY w.received_at, w.object LIMIT $2`, arrival, n)
}

// SortedTx marks arrivals as filed, each under an object (a report or a thread) or under none, in the transaction that files them. One that was marked
// before is a Conflict: a job may run twice.
func (s *Service) SortedTx(ctx context.Context, tx *db.Tx, under map[int64]ref.Ref) error {
	now := s.Clock.Now()
	var rows [][]any
	for _, arrival := range slices.Sorted(maps.Keys(under)) {
		rows = append(rows, []any{arrival, ArrivalSorted, under[arrival].ID, now})
	}
	n, err := db.UpdateMany(ctx, tx, "correspondence_arrival", sortedColumns, rows, "correspondence_arrival.state <> 'sorted'")
	if err != nil {
		return fmt.Errorf("mark arrivals as filed: %w", err)
	}
	if n < int64(len(rows)) {
		return &errs.Error{Kind: errs.Conflict, Key: "error.arrival.sorted", Text: "this mail is filed already"}
	}
	return nil
}

var sortedColumns = []db.Column{{Name: "object", Type: "BIGINT"}, {Name: "state", Type: "TEXT"}, {Name: "filed_under", Type: "BIGINT"}, {Name: "sorted_at", Type: "BIGINT"}}

// Aside sets an arrival aside for a person after a panic or too many tries, so that it stops nothing else (rule D4). What is filed stays filed.
func (s *Service) Aside(ctx context.Context, by access.Actor, arrival int64, reason string) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE correspondence_arrival SET state = $1, reason = $2 WHERE object = $3 AND state = $4`, ArrivalAside, reason, arrival, ArrivalNew)
		if err != nil || n == 0 {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{
			At: s.Clock.Now(), By: by, Verb: "correspondence.aside", On: ref.Ref{Kind: ref.Arrival, ID: arrival},
			Changes: []audit.Change{{Field: "state", From: ArrivalNew, To: ArrivalAside}, {Field: "reason", To: reason}},
		})
		return err
	})
}

// Sweep asks the mailroom again for mail that is still new after two minutes: its job was lost or is stuck. It gives their number.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	n := 0
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var ids [2][]int64
		for i, public := range []bool{false, true} {
			var err error
			ids[i], err = db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
				`SELECT object FROM correspondence_arrival WHERE state = 'new' AND public = $3 AND received_at < $1 ORDER BY received_at, object LIMIT $2`,
				s.Clock.Now().Add(-2*time.Minute), MaxBatch, public)
			if err != nil {
				return err
			}
			n += len(ids[i])
		}
		return s.askSort(ctx, tx, ids[0], ids[1], true)
	})
	return n, err
}

// Asides lists the mails that were set aside, oldest first, without their bytes.
func (s *Service) Asides(ctx context.Context, by access.Actor, limit int) ([]Arrival, error) {
	if err := by.Need(access.Triage); err != nil {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT a.object, o.uid, a.state, a.received_at, a.size, a.reason FROM correspondence_arrival a JOIN `)
	access.Sees(by).From(q, ref.Arrival).Add(` ON o.id = a.object WHERE a.state = 'aside' ORDER BY a.received_at, a.object LIMIT ?`, min(max(limit, 1), 500))
	return db.List(ctx, s.DB, q, func(r *db.Rows) (Arrival, error) {
		var a Arrival
		return a, r.Scan(&a.ID, &a.UID, &a.State, &a.ReceivedAt, &a.Size, &a.Reason)
	})
}
