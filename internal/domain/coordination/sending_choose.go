package coordination

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Choose says who is added to a sending, from several sources at once. Who is there already keeps its place, and gets the further reason and evidence.
type Choose struct {
	Version       int64    // 0 takes the stored one
	List          string   // what was seen, one a line, or CSV (see readList)
	UTC           bool     // times without a zone are UTC
	Communities   []string // codes
	Sectors       []string // codes
	Organisations []string // uids, keys of a register outside, or whole names
	Parties       bool     // who is a party of the incident already
	Named         bool     // who answers for what the incident names
	Alike         bool     // who told of the same elsewhere, and who answers for what was named there
	Role          Role     // Affected when empty
}

// Why is one reason for which an organisation was chosen.
type Why struct {
	By      string `json:"by"`          // "list", "community", "sector", "organisation", "party", "named", "alike", "alike_named"
	Value   string `json:"v,omitempty"` // the code; of what is named the asset by which it answers; of "alike" by what, after "desk.fold."
	Count   int    `json:"n,omitempty"` // lines of the list, things that are named
	From    string `json:"f,omitempty"` // where it is named or told: a reference, a number, WhereEntry, WhereMeasure
	Claimed bool   `json:"c,omitempty"` // nobody has proved who says so
	Stays   bool   `json:"s,omitempty"` // who says so lets nothing of it go into a letter
}

// The states of a chosen line.
const (
	lineIn      = 0
	lineOut     = 1
	lineWritten = 2
	lineLeft    = 3
)

// mostReaders is how many organisations one sending takes.
const mostReaders = constituency.MostChosen

// mostWhy is how many reasons of one organisation are kept.
const mostWhy = 8

// chosen is one organisation of a sending.
type chosen struct {
	organisation int64
	state        int
	place        int64
	lines        int
	party        int64
	message      string
	reason       string
	chosenBody

	body []byte
}

type chosenBody struct {
	Why    []Why   `json:"why,omitempty"`
	Role   Role    `json:"role,omitempty"`
	Frozen *frozen `json:"frozen,omitempty"`
	Files  bool    `json:"files,omitempty"` // it has files of its own
}

// frozen is what was asked for: to whom the letter goes, by which road, with which evidence.
type frozen struct {
	Contact int64       `json:"contact,omitempty"`
	Name    string      `json:"name,omitempty"`
	Email   string      `json:"email,omitempty"`
	Lang    string      `json:"lang"`
	Road    egress.Road `json:"road"`
	Lines   []byte      `json:"lines,omitempty"` // hash
	Files   []byte      `json:"files,omitempty"` // hash
}

func chosenPlace(uid string, organisation int64, part string) string {
	return fmt.Sprintf("coordination_sending_party.%s:%s:%d", part, uid, organisation)
}

func nobodyPlace(uid string) string { return "coordination_sending.nobody:" + uid }

const chosenColumns = `organisation, state, place, lines, party, message, reason, body`

func scanChosen(k keyring.Key, uid string) func(r *db.Rows) (chosen, error) {
	return func(r *db.Rows) (c chosen, err error) {
		if err = r.Scan(&c.organisation, &c.state, &c.place, &c.lines, &c.party, &c.message, &c.reason, &c.body); err != nil {
			return c, err
		}
		plain, err := k.Open(chosenPlace(uid, c.organisation, "body"), c.body)
		if err != nil {
			return c, err
		}
		return c, json.Unmarshal(plain, &c.chosenBody)
	}
}

// chosenOf reads who was chosen, in the order of their organisations, without the evidence.
func (s *Service) chosenOf(ctx context.Context, h db.Handle, k keyring.Key, x Sending) ([]chosen, error) {
	list, err := db.All(ctx, h, scanChosen(k, x.UID), `SELECT `+chosenColumns+` FROM coordination_sending_party WHERE sending = $1 ORDER BY organisation`, x.ID)
	if err != nil {
		return nil, fmt.Errorf("read who was chosen: %w", err)
	}
	return list, nil
}

// evidenceOf reads the evidence of some of them, by organisation.
func (s *Service) evidenceOf(ctx context.Context, h db.Handle, k keyring.Key, x Sending, organisations ...int64) (map[int64][]Line, error) {
	out := map[int64][]Line{}
	for some := range slices.Chunk(organisations, 500) {
		q := new(db.Query).Add(`SELECT organisation, evidence FROM coordination_sending_party WHERE evidence IS NOT NULL AND sending = ? AND organisation IN `, x.ID)
		_, err := db.List(ctx, h, db.In(q, some), func(r *db.Rows) (org int64, err error) {
			var sealed []byte
			if err := r.Scan(&org, &sealed); err != nil {
				return org, err
			}
			plain, err := k.Open(chosenPlace(x.UID, org, "evidence"), sealed)
			if err != nil {
				return org, err
			}
			var lines []Line
			err = json.Unmarshal(plain, &lines)
			out[org] = lines
			return org, err
		})
		if err != nil {
			return nil, fmt.Errorf("read evidence: %w", err)
		}
	}
	return out, nil
}

// Choose adds organisations to a sending that is prepared. What is added is told apart from what reaches nobody: no line is lost. The actor needs
// access.WorkCases and access.SendOutside. Refused: Invalid with all fields (too many lines, a name that nobody has), NotFound, Conflict for one that is no draft.
func (s *Service) Choose(ctx context.Context, by access.Actor, sending string, in Choose) (Sending, error) {
	if err := needPrepare(by); err != nil {
		return Sending{}, err
	}
	x, o, err := s.sending(ctx, s.DB, by, sending, "")
	if err != nil {
		return Sending{}, err
	}
	f, err := s.find(ctx, by, x, o, in)
	if err != nil {
		return Sending{}, err
	}
	return s.changeSending(ctx, by, sending, in.Version, []SendingState{SendingDraft}, func(ctx context.Context, tx *db.Tx, x *Sending, o access.Object) error {
		if err := s.GoesOn(ctx, tx, o.Ref); err != nil {
			return err
		}
		added, err := s.addChosen(ctx, tx, x, f, cmp.Or(in.Role, Affected))
		if err != nil {
			return err
		}
		x.edit(by)
		return s.sendingEntry(ctx, tx, by, *x, "coordination.sending_choose", "", audit.Change{Field: "parties", To: added}, audit.Change{Field: "aside", To: len(f.aside)})
	})
}

// addChosen writes what was found beside what is there, and says how many organisations came to it.
func (s *Service) addChosen(ctx context.Context, tx *db.Tx, x *Sending, f finding, role Role) (added int, err error) {
	k, err := s.sendingKey(*x)
	if err != nil {
		return 0, err
	}
	was, err := s.chosenOf(ctx, tx, k, *x)
	if err != nil {
		return 0, err
	}
	all := 0
	here := map[int64]chosen{}
	for _, c := range was {
		all += c.lines
		if _, again := f.why[c.organisation]; again {
			here[c.organisation] = c
		}
	}
	orgs := make([]int64, 0, len(f.why))
	for org := range f.why {
		orgs = append(orgs, org)
	}
	slices.Sort(orgs)
	had, err := s.evidenceOf(ctx, tx, k, *x, orgs...)
	if err != nil {
		return 0, err
	}
	own, err := s.filesOf(ctx, tx, k, *x, orgs...)
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(orgs, 500) {
		q := new(db.Query).Add(`DELETE FROM coordination_sending_party WHERE sending = ? AND organisation IN `, x.ID)
		if _, err := db.In(q, some).Exec(ctx, tx); err != nil {
			return 0, err
		}
	}
	rows := make([][]any, 0, len(orgs))
	for _, org := range orgs {
		c, again := here[org]
		if !again {
			added++
			c = chosen{organisation: org, place: mathrand.Int64N(1 << 52), chosenBody: chosenBody{Role: cmp.Or(f.roles[org], role)}}
		}
		g := finding{why: map[int64][]Why{org: slices.Clone(c.Why)}}
		for _, w := range f.why[org] {
			if again && w.By != "list" { // the case leads to the same again
				g.why[org] = slices.DeleteFunc(g.why[org], func(had Why) bool { had.Count = w.Count; return had == w })
			}
			g.because(org, w)
		}
		c.Why, c.state, c.Frozen = g.why[org], lineIn, nil
		lines, twice := merged(had[org], f.lines[org])
		x.Repeated += twice
		all += len(lines) - c.lines
		if more := f.files[org]; len(more) > 0 {
			own[org] = more
		}
		row, err := c.row(k, *x, lines, own[org])
		if err != nil {
			return 0, err
		}
		rows = append(rows, row)
	}
	aside, err := s.addAside(ctx, tx, k, x, f.aside)
	if err != nil {
		return 0, err
	}
	var p errs.Problems
	if all+aside > MostLines {
		p.Add("list", "error.sending.list", "most", MostLines)
	}
	if len(was)+added > mostReaders {
		p.Add("list", "error.too_many", "most", mostReaders)
	}
	if err := p.Err(); err != nil {
		return 0, err
	}
	return added, db.InsertMany(ctx, tx, "coordination_sending_party", []string{"sending", "organisation", "state", "place", "lines", "party", "message", "reason", "body", "evidence", "files"}, rows)
}

// row seals a chosen line for the table.
func (c *chosen) row(k keyring.Key, x Sending, lines []Line, own []OwnFile) ([]any, error) {
	c.Files = len(own) > 0
	body, err := json.Marshal(c.chosenBody)
	if err != nil {
		return nil, err
	}
	var evidence []byte
	if len(lines) > 0 {
		b, err := json.Marshal(lines)
		if err != nil {
			return nil, err
		}
		evidence = k.Seal(chosenPlace(x.UID, c.organisation, "evidence"), b)
	}
	files, err := sealFiles(k, x, c.organisation, own)
	c.lines = len(lines)
	return []any{x.ID, c.organisation, c.state, c.place, c.lines, c.party, c.message, c.reason, k.Seal(chosenPlace(x.UID, c.organisation, "body"), body), evidence, files}, err
}

// merged is the evidence of a party with what came to it; a line that stood there stays once.
func merged(had, more []Line) (out []Line, twice int) {
	there := make(map[Line]bool, len(had)+len(more))
	for _, list := range [][]Line{had, more} {
		for _, l := range list {
			if there[l] {
				twice++
				continue
			}
			there[l] = true
			out = append(out, l)
		}
	}
	return out, twice
}

// addAside keeps what reaches nobody and gives how many lines that are.
func (s *Service) addAside(ctx context.Context, tx *db.Tx, k keyring.Key, x *Sending, more []Aside) (int, error) {
	had, err := s.asideOf(ctx, tx, k, *x)
	if err != nil || len(more) == 0 {
		return len(had), err
	}
	there := map[Aside]bool{}
	for _, a := range had {
		there[a] = true
	}
	for _, a := range more {
		if !there[a] {
			there[a] = true
			had = append(had, a)
		} else {
			x.Repeated++
		}
	}
	x.Unread = len(had)
	b, err := json.Marshal(had)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `UPDATE coordination_sending SET nobody = $1 WHERE id = $2`, k.Seal(nobodyPlace(x.UID), b), x.ID)
	return len(had), err
}

func (s *Service) asideOf(ctx context.Context, h db.Handle, k keyring.Key, x Sending) (out []Aside, err error) {
	var sealed []byte
	if err := h.QueryRow(ctx, `SELECT nobody FROM coordination_sending WHERE id = $1`, x.ID).Scan(&sealed); err != nil || sealed == nil {
		return nil, err
	}
	plain, err := k.Open(nobodyPlace(x.UID), sealed)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(plain, &out)
}

// AsideOf gives the lines of a sending's lists that reach nobody, and why. The actor needs access.ReadCases.
func (s *Service) AsideOf(ctx context.Context, by access.Actor, sending string) ([]Aside, error) {
	x, _, err := s.SendingOf(ctx, by, sending)
	if err != nil {
		return nil, err
	}
	k, err := s.sendingKey(x)
	if err != nil {
		return nil, err
	}
	return s.asideOf(ctx, s.DB, k, x)
}
