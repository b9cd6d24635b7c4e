package coordination

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Sharing is the one way in which words of one party reach another: by an explicit act of a person of ours on one item. Each reader gets a letter of its own on
// its own thread, so that its copy lies in its compartment, under its key, and leaves by the road its label allows; nothing else leads from one compartment
// into another. What the source lets go is asked when the act is done, with its word locked.

// Share is one item that was shared.
type Share struct {
	ID       int64
	UID      string
	Subject  ref.Ref
	Item     Item
	Source   int64 // party; 0 for our own
	Named    bool
	At       time.Time
	By       int64
	ByName   string
	Text     string // as it was shared
	Note     string
	FileName string
	Label    tlp.Level // of the item
	Faithful bool
	Readers  []Shared
	Beyond   bool // its source has narrowed its word since: it would not be shared now
	thread   int64
}

// Shared is one reader of it.
type Shared struct {
	Party       Party
	TLP         tlp.Level
	State       correspondence.State
	SentAt      time.Time
	SeenAt      time.Time
	Road        egress.Road
	WithdrawnAt time.Time
	message     int64
}

// Out tells whether the reader has it, or will.
func (x Shared) Out() bool { return x.WithdrawnAt.IsZero() }

type shareBody struct {
	ByName   string    `json:"by"`
	Text     string    `json:"text,omitempty"`
	Note     string    `json:"note,omitempty"`
	FileName string    `json:"file_name,omitempty"`
	Label    tlp.Level `json:"label"`
	Faithful bool      `json:"faithful,omitempty"`
}

// Share shares one item of an incident with parties of it: what PreviewShare shows, held like every letter. All or none is put into the outbox. The actor
// needs access.WorkCases and access.SendOutside. Refused: what PreviewShare refuses, and Conflict for words that say whose it is, a reader without a road,
// words of others or a file that we cannot look into, the last two unless in.Looked.
func (s *Service) Share(ctx context.Context, by access.Actor, subject string, in ShareInput) (Share, error) {
	if err := by.Need(access.SendOutside); err != nil {
		return Share{}, err
	}
	x, err := s.Shareable(ctx, by, subject, in.Item)
	if err != nil {
		return Share{}, err
	}
	files, err := s.copyFile(ctx, by, subject, x, in)
	if err != nil {
		return Share{}, err
	}
	var uid string
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject)
		if err != nil {
			return err
		}
		if err := s.holdWord(ctx, tx, x); err != nil {
			return err
		}
		all, threads, err := s.partiesAndThreads(ctx, tx, by, o.Ref)
		if err != nil {
			return err
		}
		if x, err = s.shareable(ctx, tx, by, o, all, threads, in.Item); err != nil {
			return err
		}
		act, err := s.sharing(ctx, tx, by, o, x, in)
		if err != nil {
			return err
		}
		if err := stopShare(act); err != nil {
			return err
		}
		if err := s.notTwice(ctx, tx, o.Ref, act); err != nil {
			return err
		}
		uid, err = s.shareTx(ctx, tx, by, o.Ref, act, files)
		return err
	})
	if err != nil {
		return Share{}, err
	}
	all, err := s.Shares(ctx, by, subject)
	for _, y := range all {
		if y.UID == uid {
			return y, err
		}
	}
	return Share{UID: uid}, err
}

// holdWord locks what the word of the source hangs on, so that none is said while the item is shared.
func (s *Service) holdWord(ctx context.Context, tx *db.Tx, x Shareable) error {
	if x.Ours() {
		return nil
	}
	ids := []int64{x.stored.Thread}
	if x.Source.Organisation != 0 {
		ids = append(ids, x.Source.Organisation)
	}
	slices.Sort(ids)
	for _, n := range ids {
		if _, err := access.Locked(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// copyFile stores the file for each reader, under the key of its own thread. What is refused afterwards is swept.
func (s *Service) copyFile(ctx context.Context, by access.Actor, subject string, x Shareable, in ShareInput) (map[string]correspondence.File, error) {
	if x.Kind != ItemFile || x.Refused != "" {
		return nil, nil
	}
	in, _, err := in.clean(x)
	if err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	all, err := s.PartiesOf(ctx, s.DB, by, o.Ref)
	if err != nil {
		return nil, err
	}
	out := map[string]correspondence.File{}
	for _, p := range all {
		if !slices.Contains(in.Readers, p.UID) || p.Ref.ID == x.Source.Ref.ID {
			continue
		}
		if out[p.UID], err = s.Correspondence.CopyFile(ctx, p.Thread, x.File, in.FileName); err != nil {
			return nil, fmt.Errorf("copy file: %w", err)
		}
	}
	return out, nil
}

// notTwice refuses to share with somebody who has it.
func (s *Service) notTwice(ctx context.Context, tx *db.Tx, subject ref.Ref, act sharing) error {
	x := act.item
	has, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT d.party FROM coordination_share c JOIN coordination_shared d ON d.share = c.id
		WHERE c.subject = $1 AND c.kind = $2 AND c.item = $3 AND c.file = $4 AND d.withdrawn_at IS NULL`, subject.ID, string(x.Kind), x.ID, x.Item.File)
	if err != nil {
		return err
	}
	twice := errs.Error{Kind: errs.Conflict, Key: "error.share.already", Text: "nothing was shared: one of the readers has it already"}
	for _, p := range act.parcels {
		if slices.Contains(has, p.Party.Ref.ID) {
			twice.Fields = append(twice.Fields, errs.Field{Name: "readers", Key: "error.share.already", Args: map[string]any{"party": p.Party.UID, "name": p.Party.Name}})
		}
	}
	if len(twice.Fields) == 0 {
		return nil
	}
	return &twice
}

func (s *Service) shareTx(ctx context.Context, tx *db.Tx, by access.Actor, subject ref.Ref, act sharing, files map[string]correspondence.File) (string, error) {
	list := make([]correspondence.Addressed, len(act.parcels))
	for i, p := range act.parcels {
		if act.item.Kind == ItemFile {
			f, ok := files[p.Party.UID]
			if !ok {
				return "", access.ErrChanged
			}
			p.out.Files = []correspondence.File{f}
		}
		list[i] = correspondence.Addressed{Thread: p.Party.Thread, Outgoing: p.out}
	}
	sent, err := s.Correspondence.SendManyTx(ctx, tx, by, list)
	if err != nil {
		return "", err
	}
	key, err := s.Ring.Get(ctx, tx, subject.ID)
	if err != nil {
		return "", err
	}
	x, now := act.item, s.Clock.Now()
	share := id.New()
	body, err := sealShare(key, share, shareBody{by.Name, act.text, act.in.Note, act.in.FileName, x.TLP, act.faithful})
	if err != nil {
		return "", err
	}
	var n int64
	err = tx.QueryRow(ctx, `INSERT INTO coordination_share (uid, subject, subject_kind, kind, source, thread, item, file, named, at, account, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
		share, subject.ID, int64(subject.Kind), string(x.Kind), x.Source.Ref.ID, x.stored.Thread, x.ID, x.Item.File, act.in.Named, now, by.Account, body).Scan(&n)
	if err != nil {
		return "", err
	}
	for i, p := range act.parcels {
		if _, err := tx.Exec(ctx, `INSERT INTO coordination_shared (share, party, message, tlp) VALUES ($1, $2, $3, $4)`, n, p.Party.Ref.ID, sent[i].ID, int64(p.TLP)); err != nil {
			return "", err
		}
		if err := s.wrote(ctx, tx, by, p.Party); err != nil {
			return "", err
		}
		// For the team alone: no compartment.
		err := s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: VerbShare, On: p.Party.Ref, About: subject, Data: map[string]string{"share": share, "message": sent[i].UID},
			Changes: []audit.Change{
				{Field: "party", To: p.Party.Name},
				{Field: "source", To: x.Source.Name},
				{Field: "item", To: string(x.Kind)},
				{Field: "sha256", To: x.File.SHA256},
				{Field: "tlp", To: p.TLP.String()},
				{Field: "named", To: act.in.Named},
				{Field: "looked", To: act.in.Looked && (len(p.Hits) > 0 || p.Unknown)},
			},
		})
		if err != nil {
			return "", err
		}
	}
	return share, nil
}

// The verbs under which the record has what was shared and taken back.
const (
	VerbShare   = "coordination.share"
	VerbUnshare = "coordination.unshare"
)

// WithdrawShare takes back what was shared, from one reader (uid of a party) or from all: what is held is stopped; what left is shown no more, and the reader
// is told by a letter in the words of the catalogue to delete it. The reason stays with us. It gives how many readers could not be told, for want of a road:
// they are called. The actor needs access.WorkCases and access.SendOutside. Refused: Invalid without a reason, NotFound, Conflict when it was taken back.
func (s *Service) WithdrawShare(ctx context.Context, by access.Actor, share, reader, reason string) (untold int, err error) {
	if err := needPrepare(by); err != nil {
		return 0, err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return 0, required("reason")
	}
	if err := checkReason(reason); err != nil {
		return 0, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		untold = 0
		on, err := s.SubjectOfShare(ctx, tx, by, share)
		if err != nil {
			return err
		}
		o, err := access.Locked(ctx, tx, on.ID)
		if err != nil {
			return err
		}
		var n int64
		if err := tx.QueryRow(ctx, `SELECT id FROM coordination_share WHERE uid = $1`, share).Scan(&n); err != nil {
			return err
		}
		all, threads, err := s.partiesAndThreads(ctx, tx, by, o.Ref)
		if err != nil {
			return err
		}
		rows, err := db.All(ctx, tx, func(r *db.Rows) (x Shared, err error) {
			return x, r.Scan(&x.Party.Ref.ID, &x.message, &x.TLP)
		}, `SELECT party, message, tlp FROM coordination_shared WHERE share = $1 AND withdrawn_at IS NULL ORDER BY party`, n)
		if err != nil {
			return err
		}
		done := 0
		for _, x := range rows {
			i := slices.IndexFunc(all, func(p Party) bool { return p.Ref.ID == x.Party.Ref.ID && (reader == "" || p.UID == reader) })
			if i < 0 {
				continue
			}
			told, err := s.unshare(ctx, tx, by, n, share, all[i], threads[all[i].Thread], x, reason)
			if errs.Is(err, errs.Conflict) && reader == "" { // stopped before
				continue
			}
			if err != nil {
				return err
			}
			if done++; !told {
				untold++
			}
		}
		if done == 0 && (reader == "" || slices.ContainsFunc(all, func(p Party) bool { return p.UID == reader })) {
			return &errs.Error{Kind: errs.Conflict, Key: "error.share.withdrawn", Text: "this was taken back already"}
		}
		if done == 0 {
			return errs.ErrNotFound
		}
		return access.Touch(ctx, tx, o.Ref.ID, s.Clock.Now())
	})
	return untold, err
}

// unshare takes it back from one reader; false when the reader has it and could not be told.
func (s *Service) unshare(ctx context.Context, tx *db.Tx, by access.Actor, share int64, uid string, p Party, t correspondence.Thread, x Shared, reason string) (told bool, err error) {
	m, err := s.Correspondence.WithdrawTx(ctx, tx, by, x.message)
	if err != nil {
		return false, err
	}
	now := s.Clock.Now()
	var recall int64
	told = true
	if m.State == correspondence.Sent || m.State == correspondence.Sending {
		road, err := s.Correspondence.RoadOf(ctx, tx, &t, tlp.Max(x.TLP, t.TLP))
		if err != nil {
			return false, err
		}
		if told = road.Road != egress.Refused; told {
			w := s.printer(t.Correspondent.Lang)
			letter, err := s.Correspondence.SendTx(ctx, tx, by, p.Thread, correspondence.Outgoing{
				Kind: correspondence.Recall, TLP: tlp.Max(x.TLP, t.TLP), Subject: w.T("mail.recall.subject"), Text: w.T("mail.recall.text", "when", m.At), Under: p.Subject,
			})
			if err != nil {
				return false, err
			}
			recall = letter.ID
		}
	}
	_, err = tx.Exec(ctx, `UPDATE coordination_shared SET withdrawn_at = $1, withdrawn_by = $2, recall = $3 WHERE share = $4 AND party = $5`, now, by.Account, recall, share, p.Ref.ID)
	if err != nil {
		return false, err
	}
	return told, s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: VerbUnshare, On: p.Ref, About: p.Subject, Note: reason, Data: map[string]string{"share": uid},
		Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "state", From: m.State}, {Field: "told", To: told}},
	})
}
