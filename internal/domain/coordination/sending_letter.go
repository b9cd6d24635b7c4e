package coordination

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/sheet"
)

// shownLines is how many lines of evidence stand in a letter; all are in the file beside it.
const shownLines = 10

// Widths of the table in a letter, in characters.
const (
	widestWhat = 40
	widestNote = 60
)

// fillIn puts a party's own values into words of the team.
func fillIn(words, name string, lines int) string {
	return strings.NewReplacer("{name}", strings.Join(strings.Fields(name), " "), "{lines}", strconv.Itoa(lines)).Replace(words)
}

var letterHole = regexp.MustCompile(`\{[a-z_]{1,40}\}`)

// holes finds what a text asks to be filled in and nobody can.
func (g Give) holes() error {
	var p errs.Problems
	look := func(field, words string) {
		for _, hole := range letterHole.FindAllString(words, -1) {
			if hole != "{name}" && hole != "{lines}" {
				p.Add(field, "error.sending.hole", "hole", hole, "name_hole", "{name}", "lines_hole", "{lines}")
				return
			}
		}
	}
	look("text", g.Text)
	look("request", g.Request)
	for _, l := range text.Langs() {
		look("text-"+string(l), g.Words[string(l)].Text)
		look("request-"+string(l), g.Words[string(l)].Request)
		for role, words := range g.ByRole {
			look("text-"+string(role)+"-"+string(l), words[string(l)].Text)
			look("request-"+string(role)+"-"+string(l), words[string(l)].Request)
		}
	}
	return p.Err()
}

// Harmless writes an address of evidence so that no program makes a link of it: hxxps://bad[.]example/.
func Harmless(s string) string { return harmless(mail.Visible(s)) }

// harmless writes an address of evidence so that no program makes a link of it.
func harmless(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(mail.NoLinks(s), "[.]", "."), ".", "[.]")
}

// evidenceText is the table in a letter: the first lines, each on one of its own, and where all are.
func evidenceText(p *text.Printer, lines []Line) string {
	var b strings.Builder
	b.WriteString(heading(p.T("mail.ask.evidence")) + "\n\n" + p.N("mail.ask.evidence.lines", len(lines)))
	if len(lines) > shownLines {
		b.WriteString(" " + p.T("mail.ask.evidence.more", "count", shownLines, "file", evidenceFile))
	} else {
		b.WriteString(" " + p.T("mail.ask.evidence.file", "file", evidenceFile))
	}
	b.WriteString("\n")
	shown := lines[:min(len(lines), shownLines)]
	width, timed := 0, false
	cells := make([]string, len(shown))
	for i, l := range shown {
		cells[i] = clip(harmless(l.What), widestWhat)
		width, timed = max(width, utf8.RuneCountInString(cells[i])), timed || !l.At.IsZero()
	}
	for i, l := range shown {
		row := cells[i] + strings.Repeat(" ", width-utf8.RuneCountInString(cells[i]))
		if timed {
			at := strings.Repeat(" ", len("2006-01-02 15:04:05"))
			if !l.At.IsZero() {
				at = l.At.UTC().Format(time.DateTime)
			}
			row += "  " + at
		}
		if l.Note != "" {
			row += "  " + clip(mail.NoLinks(l.Note), widestNote)
		}
		b.WriteString("\n    " + strings.TrimRight(row, " "))
	}
	return b.String()
}

// evidenceFile is the name of the file beside a letter: the same for everybody (rule A7).
const evidenceFile = "evidence.csv"

// EvidenceCSV writes all lines of a party as CSV: UTF-8, times in UTC. No cell begins as a formula does (rule O8).
func EvidenceCSV(lines []Line) []byte {
	var b strings.Builder
	b.WriteString("\"address\",\"time_utc\",\"note\"\r\n")
	for _, l := range lines {
		at := ""
		if !l.At.IsZero() {
			at = l.At.UTC().Format(time.RFC3339)
		}
		b.WriteString(cell(l.What) + "," + cell(at) + "," + cell(l.Note) + "\r\n")
	}
	return []byte(b.String())
}

func cell(s string) string { return `"` + strings.ReplaceAll(sheet.Cell(s), `"`, `""`) + `"` }

// SetLetter says what the parties of a sending are asked, told and recommended; {name} and {lines} stand for a party's name and the number of its lines. The actor needs
// access.WorkCases and access.SendOutside. Refused: Invalid with all fields, NotFound, also for a recommendation that is none, Conflict.
func (s *Service) SetLetter(ctx context.Context, by access.Actor, sending string, version int64, g Give) (Sending, error) {
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
	if _, err := s.advice(ctx, s.DB, g.Recommendations, string(text.EN)); err != nil {
		return Sending{}, err
	}
	set, err := s.setOf(ctx, s.DB, g)
	if err != nil {
		return Sending{}, err
	}
	if g.QuestionVersion = 0; set != nil {
		g.QuestionVersion = set.Version // what was looked at is what is asked
	}
	return s.changeSending(ctx, by, sending, version, []SendingState{SendingDraft}, func(ctx context.Context, tx *db.Tx, x *Sending, o access.Object) error {
		g.Parties = nil
		if g.ByRole == nil { // who writes nothing for roles leaves what stands there
			g.ByRole = x.Give.ByRole
		}
		x.Give, x.TLP = g, cmp.Or(g.TLP, o.TLP)
		x.edit(by)
		return s.sendingEntry(ctx, tx, by, *x, "coordination.sending_letter", "", audit.Change{Field: "tlp", To: x.TLP.String()}, audit.Change{Field: "measures", To: len(g.Recommendations)})
	})
}

// Letter shows exactly what one organisation of a sending, by uid, will receive, with its evidence. Of a party that has no thread yet the reference is drawn when
// it is sent. The actor needs access.ReadCases. Refused: NotFound, Conflict while nothing was written yet.
func (s *Service) Letter(ctx context.Context, by access.Actor, sending, organisation string) (Preview, []Line, error) {
	x, o, err := s.SendingOf(ctx, by, sending)
	if err != nil {
		return Preview{}, nil, err
	}
	org, err := s.Constituency.Get(ctx, s.DB, by, organisation)
	if err != nil {
		return Preview{}, nil, err
	}
	lines, err := s.linesOf(ctx, s.DB, by, x, o, org.Ref.ID)
	if err != nil {
		return Preview{}, nil, err
	}
	if len(lines) == 0 {
		return Preview{}, nil, errs.ErrNotFound
	}
	if !x.Give.Written() {
		return Preview{}, nil, &errs.Error{Kind: errs.Conflict, Key: "error.sending.letter", Text: "there is no letter yet"}
	}
	k, err := s.sendingKey(x)
	if err != nil {
		return Preview{}, nil, err
	}
	evidence, err := s.evidenceOf(ctx, s.DB, k, x, org.Ref.ID)
	if err != nil {
		return Preview{}, nil, err
	}
	l := lines[0]
	w, err := s.writing(ctx, s.DB, o, x.Give, previewCode)
	if err != nil {
		return Preview{}, nil, err
	}
	watch, err := s.watchSending(ctx, s.DB, by, x, o)
	if err != nil {
		return Preview{}, nil, err
	}
	g := x.Give
	g.lines, g.role = evidence[org.Ref.ID], l.Role
	if l.thread.Reference == "" {
		l.thread.Reference = fmt.Sprintf("P-%d-……", s.Clock.Now().Year())
	}
	one, err := w.parcel(ctx, g, l.party, l.thread, watch)
	if err != nil {
		return Preview{}, nil, err
	}
	files, err := s.filesOf(ctx, s.DB, k, x, org.Ref.ID)
	for _, f := range files[org.Ref.ID] {
		one.Hits = append(one.Hits, watch.hits(l.party.Compartment, fileWords.Replace(f.Name), string(f.Content))...)
	}
	one.Files = files[org.Ref.ID]
	return one.Preview, g.lines, err
}

// watchSending knows the parties of the incident and all who were chosen by their marks (rule A9).
func (s *Service) watchSending(ctx context.Context, h db.Handle, by access.Actor, x Sending, o access.Object) (*watch, error) {
	parties, err := s.PartiesOf(ctx, h, by, o.Ref)
	if err != nil {
		return nil, err
	}
	threads := map[int64]int64{}
	var ids []int64
	for _, p := range parties {
		threads[p.Compartment] = p.Thread
		ids = append(ids, p.Thread)
	}
	lines, err := s.linesOf(ctx, h, by, x, o)
	if err != nil {
		return nil, err
	}
	read, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if _, is := threads[l.party.Compartment]; !is && l.State != lineOut {
			p, id := l.party, -l.party.Compartment
			p.Thread = id
			parties, read[id] = append(parties, p), l.thread
		}
	}
	return s.watchFor(ctx, h, by, parties, read)
}

// named gives the letters of a sending that name other parties, the first few, and how many there are. The words that all read in one language are looked at
// once; then what is a party's own.
func (s *Service) named(ctx context.Context, by access.Actor, x Sending, o access.Object, lines []SendingLine) (first []errs.Field, all int, err error) {
	watch, err := s.watchSending(ctx, s.DB, by, x, o)
	if err != nil {
		return nil, 0, err
	}
	k, err := s.sendingKey(x)
	if err != nil {
		return nil, 0, err
	}
	w, err := s.writing(ctx, s.DB, o, x.Give, previewCode)
	if err != nil {
		return nil, 0, err
	}
	common := map[string]common{}
	for some := range slices.Chunk(lines, 500) {
		var ids, filed []int64
		for _, l := range some {
			if l.State == lineIn && l.Lines > 0 {
				ids = append(ids, l.Organisation.Ref.ID)
			}
			if l.State == lineIn && l.chosen.Files {
				filed = append(filed, l.Organisation.Ref.ID)
			}
		}
		evidence, err := s.evidenceOf(ctx, s.DB, k, x, ids...)
		if err != nil {
			return nil, 0, err
		}
		files, err := s.filesOf(ctx, s.DB, k, x, filed...)
		if err != nil {
			return nil, 0, err
		}
		for _, l := range some {
			if l.State != lineIn {
				continue
			}
			c, ok := common[l.Lang+string(l.Role)]
			if !ok {
				if c, err = s.commonTo(ctx, w, x.Give, l, watch); err != nil {
					return nil, 0, err
				}
				common[l.Lang+string(l.Role)] = c
			}
			hits := c.hits(watch, l.party.Compartment)
			if own := evidence[l.Organisation.Ref.ID]; len(own) > 0 {
				hits = append(hits, watch.hits(l.party.Compartment, string(EvidenceCSV(own)))...)
			}
			for _, f := range files[l.Organisation.Ref.ID] {
				hits = append(hits, watch.hits(l.party.Compartment, fileWords.Replace(f.Name), string(f.Content))...)
			}
			if len(hits) == 0 {
				continue
			}
			if all++; len(first) < 20 {
				slices.Sort(hits)
				first = append(first, errs.Field{Name: "looked", Key: "error.other_party_named", Args: map[string]any{"party": l.Organisation.UID, "words": strings.Join(slices.Compact(hits), ", ")}})
			}
		}
	}
	return first, all, nil
}

// common is the part of a letter that all read in one language, and whether it names anybody at all.
type common struct {
	text  string
	clean bool
}

func (s *Service) commonTo(ctx context.Context, w *writing, g Give, l SendingLine, watch *watch) (common, error) {
	advice, err := s.advice(ctx, w.h, g.Recommendations, l.Lang)
	if err != nil {
		return common{}, err
	}
	p := s.printer(l.Lang)
	nobody := l.party
	nobody.Name = "-"
	reader := l.thread.Correspondent
	reader.Name = "-"
	g.role = l.Role
	letter := s.ask(p, g.in(string(p.Lang())), asking{party: nobody, reader: reader, advice: advice, set: w.set})
	c := common{text: letter.Subject + "\n" + letter.Text}
	c.clean = len(watch.hits(0, c.text)) == 0
	return c, nil
}

func (c common) hits(w *watch, to int64) []string {
	if c.clean {
		return nil
	}
	return w.hits(to, c.text)
}
