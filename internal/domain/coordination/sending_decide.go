package coordination

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Submit sends a sending, or asks a second person for it where SecondRule or the brake of rule O5 does. What it comes to is frozen: who, to which address, by which
// road, with which words and evidence. It is held for a moment, in which TakeBack undoes it whole. Looked says that a person looked at letters that name
// other parties. The actor needs access.WorkCases and access.SendOutside, and where a second person is asked a fresh proof. Refused: Invalid for a letter that is not
// written or over-due, Conflict for an empty or changed sending, for readers that nothing reaches, for letters that name others.
func (s *Service) Submit(ctx context.Context, by access.Actor, sending string, version int64, looked bool) (Sending, error) {
	if err := needPrepare(by); err != nil {
		return Sending{}, err
	}
	x, o, err := s.SendingOf(ctx, by, sending)
	if err != nil {
		return x, err
	}
	if version == 0 {
		version = x.Version
	}
	if x.State != SendingDraft {
		return Sending{}, errSendingState
	}
	g := x.Give
	g.Parties = []string{"-"}
	if err := g.check(s); err != nil {
		return Sending{}, err
	}
	lines, err := s.linesOf(ctx, s.DB, by, x, o)
	if err != nil {
		return Sending{}, err
	}
	d := dryRun(lines)
	if d.Readers == 0 {
		return Sending{}, required("parties")
	}
	if err := refusedRoads(d); err != nil {
		return Sending{}, err
	}
	if !looked {
		first, all, err := s.named(ctx, by, x, o, lines)
		if err != nil {
			return Sending{}, err
		}
		if all > 0 {
			return Sending{}, &errs.Error{Kind: errs.Conflict, Key: "error.other_party_named", Text: "nothing was sent: letters name other parties, look at them first", Fields: first}
		}
	}
	return s.changeSending(ctx, by, sending, version, []SendingState{SendingDraft}, func(ctx context.Context, tx *db.Tx, x *Sending, o access.Object) error {
		if err := s.GoesOn(ctx, tx, o.Ref); err != nil {
			return err
		}
		now := s.Clock.Now()
		x.edit(by)
		x.Account, x.AskedAt, x.DecidedAt, x.DecidedBy, x.Why, x.Alone = by.Account, now, time.Time{}, 0, "", false
		x.Readers, x.TLP, x.Give.Looked = d.Readers, d.Strictest, looked
		set, err := s.setOf(ctx, tx, x.Give)
		if err != nil {
			return err
		}
		if set != nil { // from now on it changes no more
			if err := s.freezeSet(ctx, tx, *set); err != nil {
				return err
			}
		}
		if err := s.freeze(ctx, tx, x, lines); err != nil {
			return err
		}
		why, err := s.asksSecond(ctx, tx, by, d)
		if err != nil {
			return err
		}
		if why == "" {
			return s.letGo(ctx, tx, by, x, "coordination.sending_send", "")
		}
		if err := by.NeedFresh(now); err != nil {
			return err
		}
		x.State = SendingWaiting
		return s.sendingEntry(ctx, tx, by, *x, "coordination.sending_ask", "", audit.Change{Field: "parties", To: x.Readers}, audit.Change{Field: "tlp", To: x.TLP.String()})
	})
}

// freeze keeps what is asked for with each line, and the hash of it all.
func (s *Service) freeze(ctx context.Context, tx *db.Tx, x *Sending, lines []SendingLine) error {
	k, err := s.sendingKey(*x)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(lines, 500) {
		ids := make([]int64, len(some))
		for i, l := range some {
			ids[i] = l.Organisation.Ref.ID
		}
		evidence, err := s.evidenceOf(ctx, tx, k, *x, ids...)
		if err != nil {
			return err
		}
		files, err := s.filesOf(ctx, tx, k, *x, ids...)
		if err != nil {
			return err
		}
		for _, l := range some {
			if l.State != lineIn {
				continue
			}
			b := l.chosen.chosenBody
			at := l.thread.Correspondent
			b.Frozen = &frozen{Contact: at.Contact, Name: at.Name, Email: at.Email, Lang: l.Lang, Road: l.Road.Road}
			if own := evidence[l.Organisation.Ref.ID]; len(own) > 0 {
				b.Frozen.Lines = sum(EvidenceCSV(own))
			}
			if own := files[l.Organisation.Ref.ID]; len(own) > 0 {
				b.Frozen.Files = sumFiles(own)
			}
			body, err := json.Marshal(b)
			if err != nil {
				return err
			}
			err = tx.Later(ctx, `UPDATE coordination_sending_party SET body = $1 WHERE sending = $2 AND organisation = $3`,
				k.Seal(chosenPlace(x.UID, l.Organisation.Ref.ID, "body"), body), x.ID, l.Organisation.Ref.ID)
			if err != nil {
				return err
			}
		}
	}
	x.Hash, err = s.hashOf(ctx, tx, k, *x)
	return err
}

// hashOf covers what would leave: the words in every language that is read, and for each reader the address, the road and the evidence as they were frozen.
func (s *Service) hashOf(ctx context.Context, h db.Handle, k keyring.Key, x Sending) (string, error) {
	list, err := s.chosenOf(ctx, h, k, x)
	if err != nil {
		return "", err
	}
	langs := map[string]bool{}
	var parts [][]byte
	add := func(v any) error {
		b, err := json.Marshal(v)
		parts = append(parts, b)
		return err
	}
	if err := add(x.Give); err != nil {
		return "", err
	}
	for _, c := range list {
		if c.state == lineOut || c.Frozen == nil {
			continue
		}
		langs[c.Frozen.Lang] = true
		if err := add([]any{c.organisation, c.Role, c.Frozen}); err != nil {
			return "", err
		}
	}
	for _, lang := range Groups(map[string]int{"de": 0, "en": 0, "fr": 0, "nl": 0, "pt": 0}) {
		if !langs[lang] {
			continue
		}
		advice, err := s.advice(ctx, h, x.Give.Recommendations, lang)
		if err != nil {
			return "", err
		}
		if err := add([]any{lang, advice}); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum(parts...)), nil
}

// letGo holds a sending for a moment, then the job writes its letters.
func (s *Service) letGo(ctx context.Context, tx *db.Tx, by access.Actor, x *Sending, verb, note string) error {
	now := s.Clock.Now()
	x.State, x.LeavesAt = SendingGoing, now.Add(s.Correspondence.Hold)
	// The queue has the machine's clock; the version is that under which this is kept.
	if err := s.startSending(ctx, tx, x.ID, x.Version+1, time.Now().Add(s.Correspondence.Hold)); err != nil {
		return err
	}
	return s.sendingEntry(ctx, tx, by, *x, verb, note, audit.Change{Field: "parties", To: x.Readers}, audit.Change{Field: "tlp", To: x.TLP.String()})
}

// Approve lets a sending leave that waits for a second person. It needs access.Approve, a fresh proof, and somebody who had no hand in it; hash is that of what the
// person saw (rule T5). Refused: Forbidden, NotFound, Conflict for one that changed or was decided.
func (s *Service) Approve(ctx context.Context, by access.Actor, sending, hash string) (Sending, error) {
	if err := by.Need(access.Approve); err != nil {
		return Sending{}, err
	}
	return s.release(ctx, by, sending, hash, func(ctx context.Context, tx *db.Tx, x *Sending, _ access.Object) error {
		if x.Edited(by.Account) {
			return &errs.Error{Kind: errs.Forbidden, Key: "error.second_person", Text: "another lead must confirm this"}
		}
		return s.letGo(ctx, tx, by, x, "coordination.sending_approve", "")
	})
}

// SendAlone lets a sending leave on the word of the duty officer when nobody answered within correspondence.AloneAfter: with a reason and a fresh proof, alarmed, and
// looked at afterwards. It needs access.BreakGlass and access.SendOutside.
func (s *Service) SendAlone(ctx context.Context, by access.Actor, sending, hash, why string) (Sending, error) {
	for _, r := range []access.Right{access.BreakGlass, access.SendOutside} {
		if err := by.Need(r); err != nil {
			return Sending{}, err
		}
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", why)
	if err := p.Err(); err != nil {
		return Sending{}, err
	}
	return s.release(ctx, by, sending, hash, func(ctx context.Context, tx *db.Tx, x *Sending, o access.Object) error {
		if s.Clock.Now().Sub(x.AskedAt) < correspondence.AloneAfter {
			return &errs.Error{Kind: errs.Conflict, Key: "error.mass.early", Text: "the second person still has time to answer"}
		}
		x.Alone = true
		if err := s.letGo(ctx, tx, by, x, "coordination.sending_alone", strings.TrimSpace(why)); err != nil {
			return err
		}
		return s.Correspondence.Alarms.RaiseTx(ctx, tx, by, alarm.Alarm{Kind: alarm.Alone, On: x.Subject, Named: o.Number, Many: x.Readers, Why: strings.TrimSpace(why)})
	})
}

func (s *Service) release(ctx context.Context, by access.Actor, sending, hash string, do func(ctx context.Context, tx *db.Tx, x *Sending, o access.Object) error) (Sending, error) {
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return Sending{}, err
	}
	return s.changeSending(ctx, by, sending, 0, []SendingState{SendingWaiting}, func(ctx context.Context, tx *db.Tx, x *Sending, o access.Object) error {
		k, err := s.sendingKey(*x)
		if err != nil {
			return err
		}
		now, err := s.hashOf(ctx, tx, k, *x)
		if err != nil {
			return err
		}
		if hash == "" || hash != x.Hash || now != x.Hash {
			return errSendingChanged
		}
		if err := s.GoesOn(ctx, tx, o.Ref); err != nil {
			return err
		}
		x.DecidedAt, x.DecidedBy = s.Clock.Now(), by.Account
		return do(ctx, tx, x, o)
	})
}

// TakeBack makes a draft again of a sending that waits for a second person, or that is held: nothing of it was written. What was approved is so no longer. The actor needs
// access.WorkCases and access.SendOutside. Refused: NotFound, Conflict once its letters are being written.
func (s *Service) TakeBack(ctx context.Context, by access.Actor, sending string, version int64) (Sending, error) {
	if err := needPrepare(by); err != nil {
		return Sending{}, err
	}
	return s.changeSending(ctx, by, sending, version, []SendingState{SendingWaiting, SendingGoing}, func(ctx context.Context, tx *db.Tx, x *Sending, _ access.Object) error {
		if x.State == SendingGoing && !x.Held(s.Clock.Now()) {
			return &errs.Error{Kind: errs.Conflict, Key: "error.sending.late", Text: "its letters are being written already"}
		}
		x.draftAgain("")
		return s.sendingEntry(ctx, tx, by, *x, "coordination.sending_back", "")
	})
}

func (x *Sending) draftAgain(why string) {
	x.State, x.Hash, x.Why = SendingDraft, "", why
	x.AskedAt, x.DecidedAt, x.LeavesAt, x.DecidedBy = time.Time{}, time.Time{}, time.Time{}, 0
}

// Recall ends a sending with a reason: what was not written yet is never written. Letters that are written already leave. Who prepares may, and the second person that
// is asked. Refused: Invalid without a reason, NotFound, Conflict for one that is over.
func (s *Service) Recall(ctx context.Context, by access.Actor, sending string, version int64, why string) (Sending, error) {
	if err := needPrepare(by); err != nil {
		if e := by.Need(access.Approve); e != nil {
			return Sending{}, err
		}
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", why)
	if err := p.Err(); err != nil {
		return Sending{}, err
	}
	return s.changeSending(ctx, by, sending, version, []SendingState{SendingDraft, SendingWaiting, SendingGoing}, func(ctx context.Context, tx *db.Tx, x *Sending, _ access.Object) error {
		x.State, x.EndedAt, x.Why = SendingWithdrawn, s.Clock.Now(), strings.TrimSpace(why)
		return s.sendingEntry(ctx, tx, by, *x, "coordination.sending_recall", x.Why)
	})
}

// protects tells whether a road keeps a letter at least as well as the one that was asked for.
func protects(now, was egress.Road) bool {
	return now == was || now == egress.Encrypted || now == egress.Notice || now == egress.Locked && was == egress.Signed || now == egress.Direct && was != egress.Encrypted
}
