package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The groups of the queue, in their order; stored.
const (
	notWaiting = 0
	clockRuns  = 1
	isNew      = 2
	answerCame = 3
)

var groups = [...]string{"", "clock", "new", "answer"}

// row is a report as it is stored, with what only the queue needs.
type row struct {
	Report
	queue                  int
	queueAt                time.Time
	receiptMessage         string
	sender, message, words []byte
	fold                   int64 // the report it is folded under
	foldWhy                Why
	sealed, decision       []byte
	codes                  []linkCode // that this transaction made
	wrapped                []byte
}

const reportColumns = access.Columns + `, r.reference, r.channel, r.lang, r.state, r.reason, r.received_at, r.occurred_at, r.detected_at, r.aware_at,
	r.concluded_at, r.organisation, r.contact, r.thread, r.proof, r.seal, r.receipt, r.receipt_message, r.answer_came, r.unreadable, r.queue,
	r.queue_at, r.sender, r.message, r.words, r.fold, r.fold_why, r.body, r.decision, r.behalf, r.address_proved_at, r.crime, k.wrapped`

// joins follow a scoped object table named o.
const joins = ` JOIN intake_report r ON r.id = o.id LEFT JOIN keyring_key k ON k.owner = o.id`

func scanRow(rows *db.Rows) (row, error) {
	var r row
	return r, rows.Scan(r.dst()...)
}

func (r *row) dst() []any {
	return append(r.Object.Dst(), &r.Reference, &r.Channel, &r.Lang, &r.State, &r.Reason, &r.ReceivedAt, &r.OccurredAt, &r.DetectedAt,
		&r.AwareAt, &r.ConcludedAt, &r.Organisation, &r.Contact, &r.Thread, &r.Proof, &r.Seal, &r.Receipt, &r.receiptMessage, &r.AnswerCame,
		&r.Unreadable, &r.queue, &r.queueAt, &r.sender, &r.message, &r.words, &r.fold, &r.foldWhy, &r.sealed, &r.decision, &r.Behalf, &r.AddressProvedAt, &r.Crime, &r.wrapped)
}

func place(column string, report int64) string {
	return fmt.Sprintf("intake_report.%s:%d", column, report)
}

// open decrypts the content of a row; a destroyed key leaves the tombstone.
func (s *Service) open(r *row) error {
	if r.wrapped == nil {
		r.Destroyed = true
		return nil
	}
	key, err := s.Ring.Unwrap(r.Ref.ID, r.wrapped)
	if err != nil {
		return err
	}
	raw, err := key.Open(place("body", r.Ref.ID), r.sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &r.Body); err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	if r.decision == nil {
		return nil
	}
	if raw, err = key.Open(place("decision", r.Ref.ID), r.decision); err != nil {
		return err
	}
	return json.Unmarshal(raw, &r.Decision)
}

func (s *Service) insert(ctx context.Context, tx *db.Tx, key keyring.Key, r *row) error {
	raw, err := json.Marshal(r.Body)
	if err != nil {
		return err
	}
	var settled time.Time
	if r.State == Rejected || r.State == Spam { // its period begins now
		settled = r.ReceivedAt
	}
	err = tx.Later(ctx, `INSERT INTO intake_report (id, reference, channel, lang, state, reason, received_at, occurred_at, detected_at, aware_at,
		organisation, contact, thread, proof, seal, receipt, receipt_message, answer_came, unreadable, queue, queue_at, sender, message, words, body, settled_at, behalf, crime)
		VALUES ($1, $2, $3, $4, $5, $24, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, FALSE, $17, $18, $19, $20, $21, $22, $23, $25, $26, $27)`,
		r.Ref.ID, r.Reference, string(r.Channel), r.Lang, string(r.State), r.ReceivedAt, r.OccurredAt, r.DetectedAt, r.AwareAt,
		r.Organisation, r.Contact, r.Thread, int64(r.Proof), string(r.Seal), string(r.Receipt), r.receiptMessage, r.Unreadable, int64(r.queue), r.queueAt,
		r.sender, r.message, r.words, key.Seal(place("body", r.Ref.ID), raw), r.Reason, settled, int64(r.Behalf), r.Crime)
	if err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	return nil
}

// update writes what triage changes. The period of a report that is settled begins anew with whatever happens to it.
func (s *Service) update(ctx context.Context, tx *db.Tx, r *row) error {
	var settled time.Time
	if r.State != New && r.State != Linked {
		settled = s.Clock.Now()
	}
	_, err := tx.Exec(ctx, `UPDATE intake_report SET state = $2, reason = $3, concluded_at = $4, receipt = $5, receipt_message = $6,
		answer_came = $7, queue = $8, queue_at = $9, decision = $10,
		settled_at = $11 WHERE id = $1`,
		r.Ref.ID, string(r.State), r.Reason, r.ConcludedAt, string(r.Receipt), r.receiptMessage, r.AnswerCame, int64(r.queue), r.queueAt, r.decision, settled)
	if err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	return nil
}

// withhold leaves out of a report, for readers outside the team, what came encrypted without its sender proving inside the encryption that it
// is his: anybody may send us a ciphertext that was taken from somebody else (rule P6).
func withhold(by access.Actor, r *Report) {
	if by.Team() {
		return
	}
	r.Decision.Note = "" // ours
	if r.withheld() {
		r.Body = Body{}
		r.Withheld = true
	}
}

func (r Report) withheld() bool {
	cipher := r.Seal == correspondence.Encrypted || r.Seal == correspondence.SignedEncrypted
	return cipher && (r.Seal != correspondence.SignedEncrypted || r.Proof != correspondence.SignedByKey)
}

// load reads one report by uid or reference under the reader's scope.
func (s *Service) load(ctx context.Context, h db.Handle, by access.Actor, name string) (row, error) {
	q := new(db.Query).Add(`SELECT ` + reportColumns + ` FROM `)
	access.Sees(by).From(q, ref.Report).Add(joins).Add(` WHERE o.id = (SELECT x.id FROM object x WHERE x.uid = ? UNION SELECT y.id FROM intake_report y WHERE y.reference = ? LIMIT 1)`, name, name)
	r, err := db.One(ctx, h, scanRow, q.Text(), q.Args()...)
	if err != nil {
		return r, err
	}
	if err := s.open(&r); err != nil {
		return r, err
	}
	withhold(by, &r.Report)
	return r, s.links(ctx, h, []*Report{&r.Report})
}

// loadForChange is load inside a verb, with the object's row locked until commit. Nothing more happens to a report whose content was destroyed.
func (s *Service) loadForChange(ctx context.Context, tx *db.Tx, by access.Actor, name string) (row, error) {
	r, err := s.load(ctx, tx, by, name)
	if err == nil && tx.ForUpdate() != "" {
		if _, err := access.Locked(ctx, tx, r.Ref.ID); err != nil {
			return r, err
		}
		r, err = s.load(ctx, tx, by, name) // what changed before the lock was ours
	}
	if err == nil && r.Destroyed {
		err = keyring.ErrDestroyed
	}
	return r, err
}

// inside reads reports by a condition, past any scope, for verbs that follow from something already checked.
func (s *Service) inside(ctx context.Context, h db.Handle, where string, args ...any) ([]row, error) {
	all, err := db.All(ctx, h, scanRow, `SELECT `+reportColumns+` FROM object o`+joins+` WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	reports := make([]*Report, len(all))
	for i := range all {
		if err := s.open(&all[i]); err != nil {
			return nil, err
		}
		reports[i] = &all[i].Report
	}
	return all, s.links(ctx, h, reports)
}

func (s *Service) byID(ctx context.Context, h db.Handle, report int64) (row, error) {
	all, err := s.inside(ctx, h, `o.id = $1`, report)
	if err != nil || len(all) == 0 {
		return row{}, orNotFound(err)
	}
	return all[0], nil
}

func orNotFound(err error) error {
	if err == nil {
		return errs.ErrNotFound
	}
	return err
}

// links fills the incidents of reports, in one statement.
func (s *Service) links(ctx context.Context, h db.Handle, reports []*Report) error {
	at := map[int64]*Report{}
	var ids []int64
	for _, r := range reports {
		if r.State == Linked {
			at[r.Ref.ID] = r
			ids = append(ids, r.Ref.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	q := db.In(new(db.Query).Add(`SELECT report, incident FROM intake_link WHERE report IN `), ids).Add(` ORDER BY report, linked_at, incident`)
	rows, err := q.Query(ctx, h)
	return db.Each(rows, err, func(rows *db.Rows) error {
		var report, incident int64
		if err := rows.Scan(&report, &incident); err != nil {
			return err
		}
		at[report].Incidents = append(at[report].Incidents, ref.Ref{Kind: ref.Incident, ID: incident})
		return nil
	})
}
