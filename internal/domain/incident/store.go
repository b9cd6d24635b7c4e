package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// body is the sealed content of an incident.
type body struct {
	Title   string   `json:"title"`
	Summary string   `json:"summary,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
	Closing Closing  `json:"closing,omitzero"`
}

var severities = []string{"", "low", "medium", "high", "critical"}

func severityNumber(name string) (int64, bool) {
	for i, n := range severities {
		if n == name {
			return int64(i), true
		}
	}
	return 0, false
}

const columns = access.Columns + `, i.state, i.type, i.severity, i.national, i.opened_at, i.started_at, i.closed_at, i.body, k.wrapped`

func place(id int64) string { return fmt.Sprintf("incident_incident.body:%d", id) }

func (s *Service) scan(r *db.Rows) (Incident, error) {
	var (
		in              Incident
		severity        int64
		sealed, wrapped []byte
	)
	dst := append(in.Dst(), &in.State, &in.Type, &severity, &in.National, &in.OpenedAt, &in.StartedAt, &in.ClosedAt, &sealed, &wrapped)
	if err := r.Scan(dst...); err != nil {
		return in, err
	}
	if severity > 0 && int(severity) < len(severities) {
		in.Severity = severities[severity]
	}
	if wrapped == nil { // the content was destroyed; the tombstone stays
		return in, nil
	}
	k, err := s.Ring.Unwrap(in.Ref.ID, wrapped)
	if err != nil {
		return in, err
	}
	plain, err := k.Open(place(in.Ref.ID), sealed)
	if err != nil {
		return in, err
	}
	var b body
	if err := json.Unmarshal(plain, &b); err != nil {
		return in, err
	}
	in.Title, in.Summary, in.Reasons, in.Closing = b.Title, b.Summary, b.Reasons, b.Closing
	return in, nil
}

func (s *Service) seal(k keyring.Key, in Incident) ([]byte, error) {
	plain, err := json.Marshal(body{in.Title, in.Summary, in.Reasons, in.Closing})
	return k.Seal(place(in.Ref.ID), plain), err
}

// load reads an incident under the reader's scope.
func (s *Service) load(ctx context.Context, h db.Handle, by access.Actor, name string) (Incident, error) {
	o, err := find(ctx, h, by, name)
	if err != nil {
		return Incident{}, err
	}
	return s.byID(ctx, h, o.Ref.ID)
}

// forChange reads and locks an incident, and refuses an actor without the right or one who read an older version.
func (s *Service) forChange(ctx context.Context, tx *db.Tx, by access.Actor, right access.Right, name string, version int64) (Incident, keyring.Key, error) {
	o, err := find(ctx, tx, by, name)
	if err != nil {
		return Incident{}, keyring.Key{}, err
	}
	if err := by.Need(right); err != nil {
		return Incident{}, keyring.Key{}, err
	}
	if _, err := access.Locked(ctx, tx, o.Ref.ID); err != nil {
		return Incident{}, keyring.Key{}, err
	}
	in, err := s.byID(ctx, tx, o.Ref.ID)
	if err != nil {
		return in, keyring.Key{}, err
	}
	if version != 0 && in.Version != version {
		return in, keyring.Key{}, access.ErrChanged
	}
	k, err := s.Ring.Get(ctx, tx, in.Ref.ID)
	return in, k, err
}

func (s *Service) byID(ctx context.Context, h db.Handle, id int64) (Incident, error) {
	return db.One(ctx, h, s.scan, `SELECT `+columns+` FROM object o JOIN incident_incident i ON i.id = o.id
		LEFT JOIN keyring_key k ON k.owner = o.id WHERE o.id = $1`, id)
}

// save writes an incident and its object row.
func (s *Service) save(ctx context.Context, tx *db.Tx, k keyring.Key, in *Incident, now time.Time) error {
	severity, _ := severityNumber(in.Severity)
	sealed, err := s.seal(k, *in)
	if err != nil {
		return err
	}
	if err := access.Update(ctx, tx, &in.Object, now); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE incident_incident SET state = $1, type = $2, severity = $3, national = $4, started_at = $5, closed_at = $6, body = $7 WHERE id = $8`,
		string(in.State), in.Type, severity, in.National, in.StartedAt, in.ClosedAt, sealed, in.Ref.ID)
	if err != nil {
		return err
	}
	return s.index(ctx, tx, *in)
}

func (s *Service) index(ctx context.Context, tx *db.Tx, in Incident) error {
	return s.Search.PutTx(ctx, tx, in.Ref, s.Lang, in.Number, in.Title, in.Summary)
}

// SeverityOf gives the severity of an incident, "" for one that was not rated, past any scope: for rules of the program.
func (s *Service) SeverityOf(ctx context.Context, h db.Handle, incident ref.Ref) (string, error) {
	var n int64
	if err := h.QueryRow(ctx, `SELECT severity FROM incident_incident WHERE id = $1`, incident.ID).Scan(&n); err != nil {
		return "", err
	}
	if n > 0 && int(n) < len(severities) {
		return severities[n], nil
	}
	return "", nil
}
