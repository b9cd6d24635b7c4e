package coordination

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// HandOverInput is what another team is handed: what is not in it does not leave.
type HandOverInput struct {
	Title       string
	Summary     string
	Type        string // RSIT
	Severity    string
	StartedAt   time.Time
	Observables []handover.Observable
	Asked       string
	DueAt       time.Time // by when it says that it takes it
	TLP         tlp.Level // 0 takes that of the subject
	Looked      bool      // a person looked at what it names of other parties
}

// The outcomes of a hand-over. Until it has one, it is handed and its request runs and chases.
const (
	HandedOver     = "handed"
	HandoverTaken  = handover.Acknowledged
	HandoverRefuse = handover.Declined
)

// Handover is an incident that was handed to a team.
type Handover struct {
	UID       string
	Request   string // uid, where HandOver gave it
	MadeAt    time.Time
	MadeBy    int64
	State     string // HandedOver, HandoverTaken, HandoverRefuse
	SettledAt time.Time
	SettledBy int64
	Title     string
	Reference string // the other team's own
	Note      string // why it was declined
	Sum       string // SHA-256 of the document
	request   int64
}

type handoverBody struct {
	Title     string `json:"title"`
	Sum       string `json:"sum"`
	Reference string `json:"reference,omitempty"`
	Note      string `json:"note,omitempty"`
}

// HandoverPreview is exactly what the other team would get.
type HandoverPreview struct {
	Preview
	Document []byte // the file beside the letter
}

func (in HandOverInput) check(s *Service) error {
	var p errs.Problems
	for _, x := range []struct {
		name, value string
		most        int
		need, line  bool
	}{
		{"title", in.Title, 200, true, true}, {"summary", in.Summary, handover.MostText, true, false}, {"asked", in.Asked, handover.MostText, false, false}, {"type", in.Type, 60, false, true}, {"severity", in.Severity, 20, false, true},
	} {
		switch {
		case x.need && strings.TrimSpace(x.value) == "":
			p.Add(x.name, "error.required")
		case utf8.RuneCountInString(x.value) > x.most:
			p.Add(x.name, "error.too_long", "most", x.most)
		case !utf8.ValidString(x.value) || x.line && strings.TrimSpace(x.value) != handover.Line(x.value) || handover.Text(x.value) != strings.TrimSpace(strings.ReplaceAll(x.value, "\r\n", "\n")):
			p.Add(x.name, "error.characters")
		}
	}
	if len(in.Observables) > handover.MostObservables {
		p.Add("observables", "error.too_many", "most", handover.MostObservables)
	}
	for _, o := range in.Observables {
		if !slices.Contains(handover.Types, o.Type) || o.Value == "" || handover.Line(o.Value) != o.Value {
			p.Add("observables", "error.observables")
			break
		}
	}
	if !in.DueAt.After(s.Clock.Now()) {
		p.Add("due_at", "error.future")
	}
	if in.TLP != 0 && !in.TLP.Valid() {
		p.Add("tlp", "error.choose")
	}
	return p.Err()
}

// handing is a hand-over before it leaves.
type handing struct {
	parcel   parcel
	give     Give
	document []byte
	uid      string
}

// handing writes the letter and the document to one party, and looks at both for what they name of others (rule A9).
func (s *Service) handing(ctx context.Context, h db.Handle, by access.Actor, party Party, subject access.Object, in HandOverInput, draw func() id.Secret) (handing, error) {
	threads, err := s.Correspondence.Threads(ctx, h, party.Thread)
	if err != nil {
		return handing{}, err
	}
	t := threads[party.Thread]
	p := s.printer(t.Correspondent.Lang)
	x := handing{uid: id.New(), give: Give{Parties: []string{party.UID}, TLP: tlp.Strictest(in.TLP, subject.TLP, t.TLP), DueAt: in.DueAt, Looked: in.Looked}}
	if in.TLP != 0 {
		x.give.TLP = tlp.Max(in.TLP, t.TLP)
	}
	d := handover.Document{
		ID: x.uid, From: handover.From{Team: s.Correspondence.Team.Name, Country: s.Country, Email: s.Correspondence.Team.Address, Phone: s.Correspondence.Team.Phone}, Reference: t.Reference, AnswerTo: s.Correspondence.Team.ReplyTo(t.Tag), MadeAt: s.Clock.Now().UTC().Truncate(time.Second),
		TLP: x.give.TLP.String(), Title: strings.TrimSpace(in.Title), Summary: handover.Text(in.Summary), Type: in.Type, Severity: in.Severity, StartedAt: in.StartedAt.UTC(), Observables: in.Observables, Asked: handover.Text(in.Asked), AnswerBy: in.DueAt.UTC().Truncate(time.Second),
	}
	if x.document, err = d.Write(); err != nil {
		return x, err
	}
	if len(x.document) > handover.MostBytes {
		var p errs.Problems
		p.Add("observables", "error.handover_large", "most", handover.MostBytes>>10)
		return x, p.Err()
	}
	var b strings.Builder
	b.WriteString(p.T("mail.handover.intro", "name", party.Name) + "\n\n" + heading(d.Title) + "\n\n" + d.Summary)
	if len(d.Observables) > 0 {
		b.WriteString("\n\n" + heading(p.T("mail.handover.observables")) + "\n")
		for i, o := range d.Observables {
			if i == mostShown {
				b.WriteString("\n" + p.T("mail.handover.more", "file", handover.File))
				break
			}
			b.WriteString("\n- " + o.Type + " " + harmless(o.Value))
		}
	}
	b.WriteString("\n\n" + p.T("mail.handover.file", "file", handover.File))
	x.give.Text = b.String()
	x.give.Request = p.T("mail.handover.ask")
	if d.Asked != "" {
		x.give.Request = d.Asked + "\n\n" + x.give.Request
	}
	parcels, err := s.parcels(ctx, h, by, subject, x.give, draw)
	if err != nil {
		return x, err
	}
	x.parcel = parcels[0]
	hits, err := s.Hits(ctx, h, by, party, string(x.document))
	for _, w := range hits {
		if !slices.Contains(x.parcel.Hits, w) {
			x.parcel.Hits = append(x.parcel.Hits, w)
		}
	}
	return x, err
}

// mostShown is how many observables the letter shows; the document has all.
const mostShown = 100

// PreviewHandOver shows the letter and the document as they would leave. The actor needs access.WorkCases. Refused: Invalid with all problems, NotFound.
func (s *Service) PreviewHandOver(ctx context.Context, by access.Actor, party string, in HandOverInput) (HandoverPreview, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return HandoverPreview{}, err
	}
	if err := in.check(s); err != nil {
		return HandoverPreview{}, err
	}
	p, subject, err := s.handable(ctx, s.DB, by, party)
	if err != nil {
		return HandoverPreview{}, err
	}
	x, err := s.handing(ctx, s.DB, by, p, subject, in, previewCode)
	return HandoverPreview{Preview: x.parcel.Preview, Document: x.document}, err
}

// handable gives a party and the case that it is part of, under the actor's scope.
func (s *Service) handable(ctx context.Context, h db.Handle, by access.Actor, party string) (Party, access.Object, error) {
	p, err := s.PartyOf(ctx, h, by, party)
	if err != nil {
		return p, access.Object{}, err
	}
	if p.Subject.Kind != ref.Incident || !p.WithdrawnAt.IsZero() {
		return p, access.Object{}, errs.ErrNotFound
	}
	o, err := access.Load(ctx, h, by, p.Subject)
	return p, o, err
}

// HandOver hands the case of a party, or what is chosen of it, to the team that the party is: a letter with the document beside it, held like every letter,
// and a request to say that it takes it, with a clock that reminds. The actor needs access.WorkCases and access.SendOutside. Refused: what PreviewHandOver
// refuses, and Conflict for a team without a road or a text that names another party, unless in.Looked.
func (s *Service) HandOver(ctx context.Context, by access.Actor, party string, in HandOverInput) (Handover, error) {
	var out Handover
	if err := needPrepare(by); err != nil {
		return out, err
	}
	if err := in.check(s); err != nil {
		return out, err
	}
	p, subject, err := s.handable(ctx, s.DB, by, party)
	if err != nil {
		return out, err
	}
	x, err := s.handing(ctx, s.DB, by, p, subject, in, id.NewCode)
	if err != nil {
		return out, err
	}
	if err := stop([]parcel{x.parcel}, in.Looked); err != nil {
		return out, err
	}
	files, err := s.Correspondence.StoreFiles(ctx, p.Thread, []correspondence.FileIn{{Name: handover.File, Type: "application/json", Content: bytes.NewReader(x.document)}})
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject.UID); err != nil {
			return err
		}
		p, subject, err := s.handable(ctx, tx, by, party) // as they are now
		if err != nil {
			return err
		}
		again, err := s.handing(ctx, tx, by, p, subject, in, id.NewCode)
		if err != nil {
			return err
		}
		if again.give.TLP != x.give.TLP { // the document names its label
			return access.ErrChanged
		}
		if err := stop([]parcel{again.parcel}, in.Looked); err != nil {
			return err
		}
		again.parcel.out.Files = files
		sent, err := s.put(ctx, tx, by, again.give, []parcel{again.parcel}, s.Correspondence.SendManyTx)
		if err != nil {
			return err
		}
		var request int64
		if err := tx.QueryRow(ctx, `SELECT id FROM coordination_request WHERE message = $1`, sent[0].ID).Scan(&request); err != nil {
			return err
		}
		r, err := s.heldRequest(ctx, tx, request)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		out = Handover{UID: x.uid, Request: r.UID, MadeAt: now, MadeBy: by.Account, State: HandedOver, Title: strings.TrimSpace(in.Title), Sum: files[0].SHA256}
		body, err := s.sealHandover(ctx, tx, p.Ref.ID, out)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO coordination_handover (uid, party, request, made_at, made_by, body) VALUES ($1, $2, $3, $4, $5, $6)`, out.UID, p.Ref.ID, r.Ref.ID, now, by.Account, body); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: "coordination.hand_over", On: p.Ref, About: p.Subject,
			Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "title", To: out.Title}, {Field: "sum", To: out.Sum}, {Field: "observables", To: len(in.Observables)}},
		})
	})
	return out, err
}

func handoverPlace(uid string) string { return "coordination_handover.body:" + uid }

func (s *Service) sealHandover(ctx context.Context, tx *db.Tx, party int64, x Handover) ([]byte, error) {
	k, err := s.Ring.Get(ctx, tx, party)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(handoverBody{x.Title, x.Sum, x.Reference, x.Note})
	return k.Seal(handoverPlace(x.UID), raw), err
}

// Handovers lists what was handed to a party, newest first, at most 50. The actor is one of us. Refused: NotFound.
func (s *Service) Handovers(ctx context.Context, h db.Handle, by access.Actor, party string) ([]Handover, error) {
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	p, err := s.PartyOf(ctx, h, by, party)
	if err != nil {
		return nil, err
	}
	return s.handovers(ctx, h, `h.party = $1 ORDER BY h.id DESC LIMIT 50`, p.Ref.ID)
}

func (s *Service) handovers(ctx context.Context, h db.Handle, where string, args ...any) ([]Handover, error) {
	return db.All(ctx, h, func(r *db.Rows) (Handover, error) {
		var x Handover
		var outcome string
		var party int64
		var sealed, wrapped []byte
		if err := r.Scan(&x.UID, &party, &x.request, &x.MadeAt, &x.MadeBy, &outcome, &x.SettledAt, &x.SettledBy, &sealed, &wrapped); err != nil {
			return x, err
		}
		if x.State = outcome; outcome == "" {
			x.State = HandedOver
		}
		if wrapped == nil {
			return x, nil
		}
		k, err := s.Ring.Unwrap(party, wrapped)
		if err != nil {
			return x, err
		}
		raw, err := k.Open(handoverPlace(x.UID), sealed)
		if err != nil {
			return x, err
		}
		var b handoverBody
		if err := json.Unmarshal(raw, &b); err != nil {
			return x, fmt.Errorf("read hand-over: %w", err)
		}
		x.Title, x.Sum, x.Reference, x.Note = b.Title, b.Sum, b.Reference, b.Note
		return x, nil
	}, `SELECT h.uid, h.party, h.request, h.made_at, h.made_by, h.outcome, h.settled_at, h.settled_by, h.body, k.wrapped
		FROM coordination_handover h LEFT JOIN keyring_key k ON k.owner = h.party WHERE `+where, args...)
}

// SettleHandOver notes what the other team said: that it takes it, with its own reference, or that it declines, and why. Its request is answered with that,
// so that nothing chases it any more. The actor needs access.WorkCases. Refused: Invalid with all problems, NotFound, Conflict for what was settled.
func (s *Service) SettleHandOver(ctx context.Context, by access.Actor, party, uid, outcome, reference, note string) (Handover, error) {
	var out Handover
	if err := by.Need(access.WorkCases); err != nil {
		return out, err
	}
	reference, note = strings.TrimSpace(reference), strings.TrimSpace(note)
	var p errs.Problems
	switch {
	case outcome != HandoverTaken && outcome != HandoverRefuse:
		p.Add("outcome", "error.choose")
	case outcome == HandoverTaken && reference == "":
		p.Add("reference", "error.required")
	case outcome == HandoverRefuse && note == "":
		p.Add("note", "error.say_why")
	}
	if utf8.RuneCountInString(reference) > 200 {
		p.Add("reference", "error.too_long", "most", 200)
	} else if handover.Line(reference) != reference {
		p.Add("reference", "error.characters")
	}
	if utf8.RuneCountInString(note) > 2000 {
		p.Add("note", "error.too_long", "most", 2000)
	} else if handover.Text(note) != strings.ReplaceAll(note, "\r\n", "\n") {
		p.Add("note", "error.characters")
	}
	if err := p.Err(); err != nil {
		return out, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, err := s.partyForChange(ctx, tx, by, party)
		if err != nil {
			return err
		}
		all, err := s.handovers(ctx, tx, `h.party = $1 AND h.uid = $2`, x.Ref.ID, uid)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return errs.ErrNotFound
		}
		out = all[0]
		if out.State != HandedOver {
			return &errs.Error{Kind: errs.Conflict, Key: "error.handover_settled", Text: "what became of this hand-over is noted already"}
		}
		out.State, out.Reference, out.Note = outcome, reference, note
		if err := s.settleTx(ctx, tx, by, x, &out); err != nil {
			return err
		}
		r, err := s.heldRequest(ctx, tx, out.request)
		if err != nil || !r.Owed() {
			return err
		}
		return s.answered(ctx, tx, by, out.request, out.SettledAt)
	})
	return out, err
}

// settleTx notes what became of a hand-over.
func (s *Service) settleTx(ctx context.Context, tx *db.Tx, by access.Actor, p Party, x *Handover) error {
	now := s.Clock.Now()
	x.SettledAt, x.SettledBy = now, by.Account
	body, err := s.sealHandover(ctx, tx, p.Ref.ID, *x)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE coordination_handover SET outcome = $2, settled_at = $3, settled_by = $4, body = $5 WHERE uid = $1`, x.UID, x.State, now, by.Account, body); err != nil {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "coordination.settle_hand_over", On: p.Ref, About: p.Subject, Note: x.Note,
		Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "outcome", To: x.State}, {Field: "reference", To: x.Reference}},
	})
}

// acknowledgedTx reads the answer to a hand-over that lies beside a letter of the party, which proved who it is: when it answers one that was handed to this very
// party and waits, that is settled, and its request is the one that is answered. All else is a file of the letter, for people.
func (s *Service) acknowledgedTx(ctx context.Context, tx *db.Tx, by access.Actor, p Party, document []byte) (request int64, err error) {
	a, err := handover.TakeAck(document)
	if err != nil {
		return 0, nil //nolint:nilerr // it is no answer: the letter stays what it is
	}
	if _, err := access.Locked(ctx, tx, p.Ref.ID); err != nil { // a person may settle it at the same time
		return 0, err
	}
	all, err := s.handovers(ctx, tx, `h.party = $1 AND h.uid = $2`, p.Ref.ID, a.ID)
	if err != nil || len(all) == 0 || all[0].State != HandedOver {
		return 0, err
	}
	x := all[0]
	x.State, x.Reference, x.Note = a.Outcome, a.Reference, a.Note
	if err := s.settleTx(ctx, tx, by, p, &x); err != nil {
		return 0, err
	}
	if r, err := s.heldRequest(ctx, tx, x.request); err != nil || r.State == Withdrawn {
		return 0, err
	}
	return x.request, nil
}
