package coordination

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// InviteInput asks parties to a call.
type InviteInput struct {
	Parties []string // uids
	// Together are the uids of all parties that will be in the call. Where they are more than one, each learns that the others take part: who invites
	// confirms exactly these.
	Together []string
	Looked   bool // a person looked at what the letters name of others
}

// Learns is two parties that learn of one another in a call.
type Learns struct{ One, Other Party }

// InvitePreview is what inviting does: a letter to each, and who learns of whom.
type InvitePreview struct {
	Letters  []Preview
	Together []string // uids, as Invite wants them confirmed
	Learns   []Learns
}

// calling is one act on a call: the letters it writes.
type calling struct {
	call   Call
	kind   callLetter
	to     []Party           // who gets a letter
	all    []Party           // who is in the call afterwards
	names  map[string]string // calendar names by uid of party, where it has one
	counts map[string]int    // letters so far
	reason string
}

// inviting works out what inviting parties does.
func (s *Service) inviting(ctx context.Context, h db.Handle, by access.Actor, c Call, uids []string) (calling, []Learns, error) {
	x := c.calling(callInvite)
	if len(uids) == 0 {
		return x, nil, required("parties")
	}
	live := c.Live()
	parties, err := s.PartiesOf(ctx, h, by, c.Subject)
	if err != nil {
		return x, nil, err
	}
	for _, i := range live {
		x.all = append(x.all, i.Party)
	}
	already := errs.Error{Kind: errs.Conflict, Key: "error.call.invited", Text: "some of the parties are asked to this call already"}
	for _, uid := range slices.Compact(slices.Sorted(slices.Values(uids))) {
		i := slices.IndexFunc(parties, func(p Party) bool { return p.UID == uid && p.WithdrawnAt.IsZero() })
		if i < 0 {
			return x, nil, errs.ErrNotFound
		}
		if slices.ContainsFunc(live, func(y Invited) bool { return y.Party.UID == uid }) {
			already.Fields = append(already.Fields, errs.Field{Name: "parties", Key: already.Key, Args: map[string]any{"name": parties[i].Name}})
			continue
		}
		x.to = append(x.to, parties[i])
	}
	if len(already.Fields) > 0 {
		return x, nil, &already
	}
	var learns []Learns
	for i, p := range x.to {
		for _, q := range slices.Concat(x.all, x.to[i+1:]) {
			learns = append(learns, Learns{p, q})
		}
	}
	x.all = append(x.all, x.to...)
	if len(live) == 1 { // it was alone until now, and is told that it is not any more
		x.to = append([]Party{live[0].Party}, x.to...)
	}
	return x, learns, s.mayMeet(ctx, h, x.all)
}

// calling begins an act on a call.
func (c Call) calling(kind callLetter) calling {
	x := calling{call: c, kind: kind, names: map[string]string{}, counts: map[string]int{}}
	for _, i := range c.Invited {
		x.names[i.Party.UID], x.counts[i.Party.UID] = i.calendar, i.letters
	}
	return x
}

// mayMeet refuses that parties learn of one another where one of them takes part alone, or where its own word or its label keeps it unnamed. It says
// which two, to our people.
func (s *Service) mayMeet(ctx context.Context, h db.Handle, all []Party) error {
	if len(all) < 2 {
		return nil
	}
	ids := make([]int64, len(all))
	for i, p := range all {
		ids[i] = p.Thread
	}
	threads, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return err
	}
	words, err := s.Correspondence.WordsOf(ctx, h, slices.Collect(maps.Values(threads))...)
	if err != nil {
		return err
	}
	alone := errs.Error{Kind: errs.Conflict, Key: "error.call.alone", Text: "nothing was sent: these parties must not learn of one another"}
	for i, p := range all {
		other := all[0]
		if i == 0 {
			other = all[1]
		}
		args := map[string]any{"name": p.Name, "other": other.Name}
		if key := p.staysUnnamed(threads[p.Thread].TLP, words[p.Thread].Of("")); key != "" {
			alone.Fields = append(alone.Fields, errs.Field{Name: "parties", Key: key, Args: args})
		}
	}
	if len(alone.Fields) > 0 {
		return &alone
	}
	return nil
}

// staysUnnamed tells why a party may not meet others, as a key of the catalogue; "" when it may. Who said nothing may be asked: its letter says that others take
// part, and it answers. A label that lets nobody else read needs its word.
func (p Party) staysUnnamed(label tlp.Level, w correspondence.Word) string {
	switch {
	case p.Alone:
		return "error.call.alone"
	case w.Reach == correspondence.TeamOnly || w.Reach == correspondence.Anonymous:
		return "error.call.word"
	case tlp.Max(label, p.TLP) >= tlp.AmberStrict && w.Reach < correspondence.WithName:
		return "error.call.label"
	}
	return ""
}

// holdWords locks what the words of parties hang on, so that none is said while they are brought together.
func (s *Service) holdWords(ctx context.Context, tx *db.Tx, all []Party) error {
	var ids []int64
	for _, p := range all {
		ids = append(ids, p.Ref.ID, p.Thread)
		if p.Organisation != 0 {
			ids = append(ids, p.Organisation)
		}
	}
	slices.Sort(ids)
	for _, n := range slices.Compact(ids) {
		if _, err := access.Locked(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// PreviewInvite shows the letters that inviting writes, and who learns of whom. It changes nothing. The actor needs access.WorkCases. Refused: NotFound,
// Conflict for a call that is over, a party that is asked already, and two that must not learn of one another, which it names.
func (s *Service) PreviewInvite(ctx context.Context, by access.Actor, call string, parties []string) (InvitePreview, error) {
	var out InvitePreview
	if err := by.Need(access.WorkCases); err != nil {
		return out, err
	}
	c, o, err := s.callOf(ctx, s.DB, by, call)
	if err != nil {
		return out, err
	}
	if err := s.openCall(c); err != nil {
		return out, err
	}
	x, learns, err := s.inviting(ctx, s.DB, by, c, parties)
	if err != nil {
		return out, err
	}
	parcels, _, err := s.callParcels(ctx, s.DB, by, o, x, previewCode)
	if err != nil {
		return out, err
	}
	for _, p := range parcels {
		out.Letters = append(out.Letters, p.Preview)
	}
	out.Learns, out.Together = learns, x.together()
	return out, nil
}

// together gives the uids of who is in the call, sorted.
func (x calling) together() []string {
	out := make([]string, len(x.all))
	for i, p := range x.all {
		out[i] = p.UID
	}
	slices.Sort(out)
	return out
}

// Invite asks parties to a call: each gets a letter on its own thread with a calendar file, held like every letter, and a request to say whether it comes, which
// reminds. Who was asked alone before is told that others take part now. The actor needs access.WorkCases and access.SendOutside. Refused: what PreviewInvite
// refuses, Conflict when what is confirmed is not who would be together, a party without a road, or a letter that names another party, unless in.Looked.
func (s *Service) Invite(ctx context.Context, by access.Actor, call string, in InviteInput) (Call, error) {
	if err := needPrepare(by); err != nil {
		return Call{}, err
	}
	return s.callAct(ctx, by, call, in.Looked, VerbCallInvite, func(ctx context.Context, h db.Handle, c *Call) (calling, error) {
		if err := s.openCall(*c); err != nil {
			return calling{}, err
		}
		x, learns, err := s.inviting(ctx, h, by, *c, in.Parties)
		if err != nil {
			return x, err
		}
		confirmed := slices.Compact(slices.Sorted(slices.Values(in.Together)))
		if len(learns) > 0 && !slices.Equal(confirmed, x.together()) {
			return x, &errs.Error{
				Kind: errs.Conflict, Key: "error.call.confirm", Text: "nothing was sent: confirm who learns of whom", Fields: []errs.Field{{Name: "together", Key: "error.call.confirm"}},
			}
		}
		return x, nil
	})
}

// MoveCall moves a call to another time or another way to take part. Everybody who is asked gets a letter with a new calendar entry, and is asked again. The
// reason stays with us. The actor needs access.WorkCases and access.SendOutside. Refused: Invalid with all problems, NotFound, Conflict as Invite, and where
// nothing is moved.
func (s *Service) MoveCall(ctx context.Context, by access.Actor, call string, in NewCall, reason string, looked bool) (Call, error) {
	if err := needPrepare(by); err != nil {
		return Call{}, err
	}
	in = in.clean()
	reason = strings.TrimSpace(mail.FormText(reason))
	return s.callAct(ctx, by, call, looked, VerbCallMove, func(ctx context.Context, h db.Handle, c *Call) (calling, error) {
		now := s.Clock.Now()
		in.Title = c.Title
		if err := in.check(now); err != nil {
			return calling{}, err
		}
		if reason == "" {
			return calling{}, required("reason")
		}
		if c.State != CallPlanned {
			return calling{}, errCallOver()
		}
		if in.StartsAt.Equal(c.StartsAt) && in.Minutes == c.Minutes && in.How == c.How { // pressed twice: everybody would be asked once more
			return calling{}, &errs.Error{
				Kind: errs.Conflict, Key: "error.call.unmoved", Text: "this call takes place then and there already", Fields: []errs.Field{{Name: "starts_at", Key: "error.call.unmoved"}},
			}
		}
		c.Changes = append(c.Changes, CallChange{At: now, By: by.Name, Starts: c.StartsAt, Minutes: c.Minutes, How: c.How, Why: reason})
		c.StartsAt, c.Minutes, c.How = in.StartsAt, in.Minutes, in.How
		x := c.calling(callMoved)
		for _, i := range c.Live() {
			x.to, x.all = append(x.to, i.Party), append(x.all, i.Party)
		}
		x.reason = reason
		return x, s.mayMeet(ctx, h, x.all) // one may have said since that it stays unnamed
	})
}

// CallOff calls a call off, or takes some parties (uids) out of it. They get a letter that says that it does not take place for them; the reason stays with
// us. Who has no road is to be called: the call page says so. The actor needs access.WorkCases and access.SendOutside. Refused: Invalid without a reason,
// NotFound, Conflict for a call that is over.
func (s *Service) CallOff(ctx context.Context, by access.Actor, call string, parties []string, reason string) (Call, error) {
	if err := needPrepare(by); err != nil {
		return Call{}, err
	}
	if reason = strings.TrimSpace(mail.FormText(reason)); reason == "" {
		return Call{}, required("reason")
	}
	return s.callAct(ctx, by, call, true, VerbCallOff, func(_ context.Context, _ db.Handle, c *Call) (calling, error) {
		if c.State != CallPlanned {
			return calling{}, errCallOver()
		}
		x := c.calling(callOff)
		x.reason = reason
		live := c.Live()
		for _, uid := range parties {
			if !slices.ContainsFunc(live, func(i Invited) bool { return i.Party.UID == uid }) {
				return x, errs.ErrNotFound
			}
		}
		for _, i := range live {
			if len(parties) == 0 || slices.Contains(parties, i.Party.UID) {
				x.to = append(x.to, i.Party)
			} else {
				x.all = append(x.all, i.Party)
			}
		}
		change := CallChange{At: s.Clock.Now(), By: by.Name, Why: reason}
		if len(parties) == 0 {
			c.State, c.OffAt = CallOff, change.At
		} else {
			var names []string
			for _, p := range x.to {
				names = append(names, p.Name)
			}
			change.How = strings.Join(names, ", ")
		}
		c.Changes = append(c.Changes, change)
		return x, nil
	})
}

// callAct does one act that writes letters about a call. Decide is asked twice: before the transaction, for the calendar files, and in it, with all locked.
func (s *Service) callAct(ctx context.Context, by access.Actor, call string, looked bool, verb string, decide func(context.Context, db.Handle, *Call) (calling, error)) (Call, error) {
	c, _, err := s.callOf(ctx, s.DB, by, call)
	if err != nil {
		return c, err
	}
	version := c.Version
	x, err := decide(ctx, s.DB, &c)
	if err != nil {
		return c, err
	}
	files, names, err := s.calendars(ctx, s.DB, c, x)
	if err != nil {
		return c, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, o, err := s.callFor(ctx, tx, by, call, version)
		if err != nil {
			return err
		}
		if err := s.holdWords(ctx, tx, append(slices.Clone(x.all), x.to...)); err != nil {
			return err
		}
		again, err := decide(ctx, tx, &c)
		if err != nil {
			return err
		}
		again.call = c
		parcels, g, err := s.callParcels(ctx, tx, by, o, again, id.NewCode)
		if err != nil {
			return err
		}
		if again.kind == callOff { // who cannot be written to is called: the act holds all the same
			parcels = slices.DeleteFunc(parcels, func(p parcel) bool { return stop([]parcel{p}, true) != nil })
		}
		if err := stop(parcels, looked); err != nil {
			return err
		}
		for i := range parcels {
			f, ok := files[parcels[i].Party.UID]
			if !ok {
				return access.ErrChanged
			}
			parcels[i].out.Files = []correspondence.File{f}
		}
		if err := s.recallAsked(ctx, tx, by, c, again); err != nil {
			return err
		}
		sent, err := s.put(ctx, tx, by, g, parcels, s.Correspondence.SendManyTx)
		if err != nil {
			return err
		}
		if err := s.noteCalled(ctx, tx, c, again, names, parcels, sent); err != nil {
			return err
		}
		if err := s.saveCall(ctx, tx, &c); err != nil {
			return err
		}
		return s.called(ctx, tx, by, c, verb, again.reason, again.recorded()...)
	})
	if err != nil {
		return Call{}, err
	}
	return s.CallOf(ctx, by, call)
}

// recorded says for the record who was written to, and who is together.
func (x calling) recorded() []audit.Change {
	names := func(list []Party) []string {
		out := make([]string, len(list))
		for i, p := range list {
			out[i] = p.Name
		}
		return out
	}
	out := []audit.Change{{Field: "parties", To: names(x.to)}}
	if x.kind != callOff && len(x.all) > 1 {
		out = append(out, audit.Change{Field: "together", To: names(x.all)})
	}
	if x.kind == callMoved {
		out = append(out, audit.Change{Field: "starts_at", To: x.call.StartsAt})
	}
	return out
}

// recallAsked takes back what earlier letters about the call asked of who gets a new one.
func (s *Service) recallAsked(ctx context.Context, tx *db.Tx, by access.Actor, c Call, x calling) error {
	for _, i := range c.Invited {
		if i.request == 0 || !slices.ContainsFunc(x.to, func(p Party) bool { return p.Ref.ID == i.Party.Ref.ID }) {
			continue
		}
		if err := s.takeBack(ctx, tx, by, i.request, string(x.kind)); err != nil {
			return err
		}
	}
	return nil
}

// takeBack withdraws a request that a newer letter takes the place of, answered or not: an old link must not take an answer that nobody reads.
func (s *Service) takeBack(ctx context.Context, tx *db.Tx, by access.Actor, request int64, why string) error {
	r, err := s.heldRequest(ctx, tx, request)
	if err != nil || r.State == Withdrawn {
		return err
	}
	r.State = Withdrawn
	if err := s.saveRequest(ctx, tx, &r, s.Clock.Now()); err != nil {
		return err
	}
	return s.recalled(ctx, tx, by, r.Ref, r.Subject, r.Compartment, requestClock, why, false)
}

// noteCalled keeps who was written to.
func (s *Service) noteCalled(ctx context.Context, tx *db.Tx, c Call, x calling, names map[string]string, parcels []parcel, sent []correspondence.Message) error {
	now := s.Clock.Now()
	for i, p := range parcels {
		var request int64
		if x.kind != callOff {
			if err := tx.QueryRow(ctx, `SELECT id FROM coordination_request WHERE message = $1`, sent[i].ID).Scan(&request); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO coordination_called (call, party, calendar, letters, invited_at, request, message) VALUES ($1, $2, $3, 1, $4, $5, $6)
			ON CONFLICT (call, party) DO UPDATE SET letters = coordination_called.letters + 1, request = excluded.request, message = excluded.message, gone_at = NULL`,
			c.ID, p.Party.Ref.ID, names[p.Party.UID], now, request, sent[i].ID)
		if err != nil {
			return err
		}
	}
	if x.kind != callOff {
		return nil
	}
	for _, p := range x.to {
		if _, err := tx.Exec(ctx, `UPDATE coordination_called SET gone_at = $1 WHERE call = $2 AND party = $3`, now, c.ID, p.Ref.ID); err != nil {
			return err
		}
	}
	return nil
}

// calendars stores a calendar file for each reader, under the key of its own thread. What is refused afterwards is swept.
func (s *Service) calendars(ctx context.Context, h db.Handle, c Call, x calling) (map[string]correspondence.File, map[string]string, error) {
	ids := make([]int64, len(x.to))
	for i, p := range x.to {
		ids[i] = p.Thread
	}
	threads, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return nil, nil, err
	}
	names, out := maps.Clone(x.names), map[string]correspondence.File{}
	var list []correspondence.FileOf
	for _, p := range x.to {
		if names[p.UID] == "" {
			names[p.UID] = id.New()
		}
		raw := s.calendar(threads[p.Thread].Correspondent.Lang, c, x.kind, names[p.UID], x.counts[p.UID])
		list = append(list, correspondence.FileOf{Thread: p.Thread, Name: "call.ics", Type: "text/calendar", Content: bytes.NewReader(raw)})
	}
	files, err := s.Correspondence.StoreFilesOf(ctx, list)
	for i, f := range files {
		out[x.to[i].UID] = f
	}
	return out, names, err
}

// callStopped notes that the first letter about a call was stopped in the outbox: its reader never heard of the call.
func (s *Service) callStopped(ctx context.Context, tx *db.Tx, message int64, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE coordination_called SET gone_at = $1 WHERE message = $2 AND letters = 1 AND gone_at IS NULL`, at, message)
	return err
}
