package coordination

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// OwnFile is a file that one reader of a sending receives and no other. It is sealed under the subject's key until its letter is written.
type OwnFile struct {
	Name, Type string
	Content    []byte
}

// Limits of the files of one reader.
const (
	MostOwnFiles = 50
	mostOwnBytes = 1 << 20
)

// Ready is one reader of a sending that a duty above prepares.
type Ready struct {
	Organisation int64
	Role         Role
	Why          Why
	Lines        []Line
	Files        []OwnFile
}

// PrepareTx begins a sending of a subject that the caller has locked and checked for change, with who is in it and what is written to them: a draft that a person
// looks at, changes and sends as any other. The actor needs access.WorkCases and access.SendOutside. Refused: Invalid with all fields, Conflict for a closed subject.
func (s *Service) PrepareTx(ctx context.Context, tx *db.Tx, by access.Actor, o access.Object, ready []Ready, g Give) (Sending, error) {
	if err := needPrepare(by); err != nil {
		return Sending{}, err
	}
	g.Parties = []string{"-"}
	g = g.trimmed()
	if err := g.check(s); err != nil {
		return Sending{}, err
	}
	if err := g.holes(); err != nil {
		return Sending{}, err
	}
	f := finding{why: map[int64][]Why{}, lines: map[int64][]Line{}, roles: map[int64]Role{}, files: map[int64][]OwnFile{}}
	for _, r := range ready {
		size := 0
		for _, x := range r.Files {
			size += len(x.Content)
		}
		if len(r.Files) > MostOwnFiles || size > mostOwnBytes {
			return Sending{}, errs.New(errs.Invalid, "a reader has too many files")
		}
		f.because(r.Organisation, r.Why)
		f.roles[r.Organisation] = r.Role
		f.lines[r.Organisation] = append(f.lines[r.Organisation], r.Lines...)
		f.files[r.Organisation] = append(f.files[r.Organisation], r.Files...)
	}
	x, err := s.beginSendingTx(ctx, tx, by, o)
	if err != nil {
		return x, err
	}
	if _, err := s.addChosen(ctx, tx, &x, f, Provider); err != nil {
		return x, err
	}
	g.Parties = nil
	if x.Give, x.TLP = g, o.TLP; g.TLP != 0 {
		x.TLP = g.TLP
	}
	if err := s.saveSending(ctx, tx, &x); err != nil {
		return x, err
	}
	return x, s.sendingEntry(ctx, tx, by, x, "coordination.sending_choose", "", audit.Change{Field: "parties", To: len(f.why)})
}

func sealFiles(k keyring.Key, x Sending, organisation int64, files []OwnFile) ([]byte, error) {
	if len(files) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(files)
	return k.Seal(chosenPlace(x.UID, organisation, "files"), b), err
}

// filesOf reads the files of some readers, by organisation.
func (s *Service) filesOf(ctx context.Context, h db.Handle, k keyring.Key, x Sending, organisations ...int64) (map[int64][]OwnFile, error) {
	out := map[int64][]OwnFile{}
	for some := range slices.Chunk(organisations, 500) {
		q := new(db.Query).Add(`SELECT organisation, files FROM coordination_sending_party WHERE files IS NOT NULL AND sending = ? AND organisation IN `, x.ID)
		_, err := db.List(ctx, h, db.In(q, some), func(r *db.Rows) (org int64, err error) {
			var sealed []byte
			if err := r.Scan(&org, &sealed); err != nil {
				return org, err
			}
			plain, err := k.Open(chosenPlace(x.UID, org, "files"), sealed)
			if err != nil {
				return org, err
			}
			var files []OwnFile
			err = json.Unmarshal(plain, &files)
			out[org] = files
			return org, err
		})
		if err != nil {
			return nil, fmt.Errorf("read files of a reader: %w", err)
		}
	}
	return out, nil
}

func sumFiles(files []OwnFile) []byte {
	parts := make([][]byte, 0, 3*len(files))
	for _, f := range files {
		parts = append(parts, []byte(f.Name), []byte(f.Type), f.Content)
	}
	return sum(parts...)
}

// SendingsIn gives the newest sendings of a subject as they stand, for a duty above that has checked the subject: at most 500.
func (s *Service) SendingsIn(ctx context.Context, h db.Handle, subject ref.Ref) ([]Sending, error) {
	return db.All(ctx, h, func(r *db.Rows) (x Sending, err error) { return x, r.Scan(&x.ID, &x.UID, (*string)(&x.State)) },
		`SELECT id, uid, state FROM coordination_sending WHERE subject = $1 ORDER BY id DESC LIMIT 500`, subject.ID)
}
