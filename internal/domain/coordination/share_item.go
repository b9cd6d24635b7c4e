package coordination

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// ItemKind is what is shared.
type ItemKind string

// The kinds of items.
const (
	ItemMessage ItemKind = "message" // what somebody told us: a message, an answer, a report
	ItemEntry   ItemKind = "entry"   // an entry that one of us wrote into the timeline
	ItemFile    ItemKind = "file"    // a file that came with a message
)

// Item names one thing of a subject that can be shared.
type Item struct {
	Kind   ItemKind
	Thread string // uid; of a message and a file; "" looks through all of the subject
	ID     string // uid of the message or the entry
	File   string // uid
}

// Shareable is an item as the one who shares it sees it.
type Shareable struct {
	Item
	Source  Party // whose it is; the zero Party for our own
	Text    string
	File    correspondence.File
	TLP     tlp.Level
	At      time.Time
	Word    correspondence.Word // how far its source lets it go
	Refused string              // why it may go to nobody, a key of the catalogue; "" when it may
	MayName bool                // its source may be named

	stored correspondence.Message
}

// Ours tells whether the item is our own.
func (x Shareable) Ours() bool { return x.Source.Ref.ID == 0 }

// Why something may not be shared, as keys of the catalogue.
const (
	whyTeamOnly = "error.share.team"   // its source keeps it with us
	whyStrict   = "error.share.strict" // TLP:AMBER+STRICT, and its source said nothing of it
	whyRed      = "error.share.red"    // TLP:RED, and its source said nothing of this very item
)

// mayShare is the rule: what the label and the word of its source let us do with an item that is not our own. A label that lets nobody else read is opened by
// its source alone; TLP:RED by a word on this very message, for general words were not meant for it.
func mayShare(label tlp.Level, w correspondence.Word) (named bool, why string) {
	switch {
	case w.Reach == correspondence.TeamOnly:
		return false, whyTeamOnly
	case label == tlp.Red && (w.Width != correspondence.OfMessage || w.Reach == correspondence.Unsaid):
		return false, whyRed
	case label >= tlp.AmberStrict && w.Reach == correspondence.Unsaid:
		return false, whyStrict
	}
	return w.Reach >= correspondence.WithName, ""
}

// Shareable reads an item of an incident for the one who is to share it. The actor needs access.WorkCases. What is no item of the incident, came without proof
// of who wrote it, or can be read by nobody is NotFound.
func (s *Service) Shareable(ctx context.Context, by access.Actor, subject string, item Item) (Shareable, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Shareable{}, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return Shareable{}, err
	}
	all, threads, err := s.partiesAndThreads(ctx, s.DB, by, o.Ref)
	if err != nil {
		return Shareable{}, err
	}
	return s.shareable(ctx, s.DB, by, o, all, threads, item)
}

// partiesAndThreads gives the parties of a subject and their threads.
func (s *Service) partiesAndThreads(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) ([]Party, map[int64]correspondence.Thread, error) {
	all, err := s.PartiesOf(ctx, h, by, subject)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]int64, len(all))
	for i, p := range all {
		ids[i] = p.Thread
	}
	threads, err := s.Correspondence.Threads(ctx, h, ids...)
	return all, threads, err
}

func (s *Service) shareable(ctx context.Context, h db.Handle, by access.Actor, subject access.Object, all []Party, threads map[int64]correspondence.Thread, item Item) (Shareable, error) {
	x := Shareable{Item: item}
	if item.Kind == ItemEntry {
		if s.Entry == nil {
			return x, errs.ErrNotFound
		}
		var err error
		x.Text, x.At, err = s.Entry(ctx, h, by, subject.UID, item.ID)
		x.Text, x.TLP, x.MayName = withoutCodes(x.Text), cmp.Or(subject.TLP, tlp.Unlabelled), true
		return x, err
	}
	if item.Kind != ItemMessage && item.Kind != ItemFile {
		return x, errs.ErrNotFound
	}
	m, t, err := s.toldIn(ctx, h, by, subject, threads, item)
	if err != nil {
		return x, err
	}
	x.Thread = t.UID
	i := slices.IndexFunc(all, func(p Party) bool { return p.Thread == t.Ref.ID })
	if i < 0 { // a report of somebody who is a party already
		i = slices.IndexFunc(all, func(p Party) bool { return p.Compartment == t.Compartment })
	}
	if i < 0 {
		return x, errs.ErrNotFound
	}
	x.Source, x.stored = all[i], m
	x.Text, x.TLP, x.At = withoutCodes(mail.FormText(x.stored.Body.Text)), cmp.Or(x.stored.TLP, tlp.Unlabelled), x.stored.At
	if item.Kind == ItemFile {
		x.Text = ""
		i := slices.IndexFunc(x.stored.Body.Files, func(f correspondence.File) bool { return f.UID == item.File })
		if i < 0 {
			return x, errs.ErrNotFound
		}
		x.File = x.stored.Body.Files[i]
	}
	words, err := s.Correspondence.WordsOf(ctx, h, t)
	if err != nil {
		return x, err
	}
	x.Word = words[t.Ref.ID].Of(item.ID)
	x.MayName, x.Refused = mayShare(x.TLP, x.Word)
	return x, nil
}

// toldIn finds what somebody told us in a subject: on the thread of a party, or of a report that belongs to it.
func (s *Service) toldIn(ctx context.Context, h db.Handle, by access.Actor, subject access.Object, threads map[int64]correspondence.Thread, item Item) (correspondence.Message, correspondence.Thread, error) {
	look := func(threads map[int64]correspondence.Thread) (m correspondence.Message, t correspondence.Thread, err error) {
		var ids []int64
		for _, t := range threads {
			if item.Thread == "" || t.UID == item.Thread {
				ids = append(ids, t.Ref.ID)
			}
		}
		messages, err := s.Correspondence.Told(ctx, h, by, ids...)
		if err != nil {
			return m, t, err
		}
		i := slices.IndexFunc(messages, func(m correspondence.Message) bool {
			return m.UID == item.ID && m.State == correspondence.Filed && !m.Erased
		})
		if i < 0 {
			return m, t, errs.ErrNotFound
		}
		return messages[i], threads[messages[i].Thread], nil
	}
	m, t, err := look(threads)
	if !errs.Is(err, errs.NotFound) || s.Reported == nil {
		return m, t, err
	}
	ids, err := s.Reported(ctx, h, by, subject.Ref)
	if err != nil {
		return m, t, err
	}
	more, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return m, t, err
	}
	return look(more)
}

// Redacted stands in a text for what was struck out of it. The letter says it in the language of its reader.
const Redacted = "[redacted]"

// secretLike are the codes of links and the tags of reply addresses, as a mail that answers ours quotes them.
var secretLike = regexp.MustCompile(`(?i)\b[0-9a-hjkmnp-tv-z]{26}\b`)

// withoutCodes strikes out what opens something: who holds a code speaks for another.
func withoutCodes(text string) string { return secretLike.ReplaceAllString(text, Redacted) }

const (
	mostStrikes  = 200
	longestWords = 1000 // characters of what is struck out at once
)

// Strike strikes words out of a text wherever they stand as whole words, whatever their case; the longest first.
func Strike(text string, words []string) string {
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	for _, w := range words {
		w = strings.TrimSpace(w)
		if w == "" || !utf8.ValidString(w) || utf8.RuneCountInString(w) > longestWords {
			continue
		}
		like := regexp.MustCompile(`(?i)` + strings.Join(strings.Fields(regexp.QuoteMeta(w)), `\s+`))
		var b strings.Builder
		last := 0
		for _, at := range like.FindAllStringIndex(text, -1) {
			if edge(text[:at[0]], true) && edge(text[at[1]:], false) {
				b.WriteString(text[last:at[0]] + Redacted)
				last = at[1]
			}
		}
		b.WriteString(text[last:])
		text = b.String()
	}
	return text
}

// Faithful tells whether a text is another with nothing done to it but parts struck out: its pieces stand there in their order.
func Faithful(original, text string) bool {
	flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	rest := flat(original)
	for piece := range strings.SplitSeq(text, Redacted) {
		piece = flat(piece)
		i := strings.Index(rest, piece)
		if i < 0 {
			return false
		}
		rest = rest[i+len(piece):]
	}
	return true
}
