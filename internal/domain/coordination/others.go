package coordination

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// marks are what one party could be recognised by in a text (rule A9).
type marks struct {
	names    map[string]string // folded → as it is written: names, mail addresses, references, AS numbers
	domains  map[string]bool
	prefixes []netip.Prefix
	lines    map[string]string // folded lines that it wrote to us
}

const (
	shortName = 3  // a name of fewer letters says nothing
	shortLine = 24 // nor does a shorter line
)

// plain is a text in the form in which it is compared: folded, without the disguises that people write addresses in, and single-spaced.
func plain(s string) string {
	s = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "[at]", "@", "(at)", "@", "[:]", ":", "[@]", "@").Replace(strings.ToLower(s))
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
		case r == 'ß':
			b.WriteString("ss")
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func newMarks() *marks {
	return &marks{names: map[string]string{}, domains: map[string]bool{}, lines: map[string]string{}}
}

func (m *marks) name(s string) {
	if f := plain(s); len([]rune(f)) >= shortName {
		m.names[f] = strings.TrimSpace(s)
	}
}

func (m *marks) address(s string) {
	if f := plain(s); strings.Contains(f, "@") {
		m.names[f] = s
	}
}

func (m *marks) known(k constituency.Known) {
	m.name(k.Organisation.Name)
	for _, c := range k.Contacts {
		m.name(c.Name)
		m.address(c.Email)
	}
	for _, a := range k.Assets {
		switch a.Kind {
		case "domain":
			m.domains[plain(a.Value)] = true
		case "prefix":
			if p, err := netip.ParsePrefix(a.Value); err == nil {
				m.prefixes = append(m.prefixes, p)
			}
		default:
			m.name(a.Value)
		}
	}
}

func (m *marks) thread(t correspondence.Thread) {
	m.name(t.Reference)
	m.name(t.Correspondent.Name)
	m.address(t.Correspondent.Email)
}

func (m *marks) said(text string) {
	for line := range strings.Lines(text) {
		if f := plain(strings.TrimLeft(line, "> \t")); len([]rune(f)) >= shortLine {
			m.lines[f] = strings.TrimSpace(line)
		}
	}
}

// letter is a text prepared for comparison.
type letter struct {
	plain     string
	addresses []netip.Prefix
	hosts     []string
}

var (
	hostLike    = regexp.MustCompile(`[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+`)
	addressLike = regexp.MustCompile(`[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:/[0-9]{1,3})?`)
)

func prepare(text string) letter {
	l := letter{plain: plain(text)}
	l.hosts = hostLike.FindAllString(l.plain, -1)
	for _, s := range addressLike.FindAllString(l.plain, -1) {
		if p, err := netip.ParsePrefix(s); err == nil {
			l.addresses = append(l.addresses, p)
		} else if a, err := netip.ParseAddr(s); err == nil {
			a = a.Unmap()
			l.addresses = append(l.addresses, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return l
}

// within tells whether a folded name is a part of one of ours: "Águas" at "Águas do Vale" names nobody else there.
func (m *marks) within(f string) bool {
	for n := range m.names {
		if contains(n, f) {
			return true
		}
	}
	return false
}

func (m *marks) owns(host string) bool {
	for d := range m.domains {
		if mail.Under(host, d) {
			return true
		}
	}
	return false
}

// contains finds whole words only: "ana" is not in "banana".
func contains(text, words string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], words)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(words)
		if edge(text[:start], true) && edge(text[end:], false) {
			return true
		}
		from = start + 1
	}
}

func edge(s string, before bool) bool {
	c, _ := utf8.DecodeRuneInString(s)
	if before {
		c, _ = utf8.DecodeLastRuneInString(s)
	}
	return s == "" || !unicode.IsLetter(c) && !unicode.IsDigit(c)
}

// mark is one thing by which one party could be recognised.
type mark struct {
	party int64
	plain string
	shown string
	line  bool
}

// watch knows all parties of one subject by their marks. Names and lines are found by their first word, so that the work for a letter grows
// with the letter and not with the parties.
type watch struct {
	of       map[int64]*marks // by compartment
	first    map[string][]mark
	domains  map[string][]int64
	prefixes []network
}

type network struct {
	party  int64
	prefix netip.Prefix
}

func wordsOf(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func newWatch(of map[int64]*marks) *watch {
	w := &watch{of: of, first: map[string][]mark{}, domains: map[string][]int64{}}
	add := func(k mark) {
		if words := wordsOf(k.plain); len(words) > 0 {
			w.first[words[0]] = append(w.first[words[0]], k)
		}
	}
	for party, m := range of {
		for f, shown := range m.names {
			add(mark{party, f, shown, false})
		}
		for f, shown := range m.lines {
			add(mark{party, f, shown, true})
		}
		for d := range m.domains {
			w.domains[d] = append(w.domains[d], party)
		}
		for _, p := range m.prefixes {
			w.prefixes = append(w.prefixes, network{party, p})
		}
	}
	return w
}

// hits gives, for a letter to one party, the words of all others that stand in it and are not its own, sorted and each once.
func (w *watch) hits(to int64, texts ...string) []string {
	var out []string
	for _, h := range w.find(to, texts...) {
		out = append(out, h.shown)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// hit is a mark of another party that stands in a text.
type hit struct {
	party int64 // compartment
	shown string
	line  bool // words that it wrote to us
	name  bool // a name, a mail address, a reference: it says whose it is
}

// find gives, for a letter to one party, the marks of all others that stand in it and are not its own.
func (w *watch) find(to int64, texts ...string) []hit {
	own := w.of[to]
	if own == nil {
		own = newMarks()
	}
	l := prepare(strings.Join(texts, "\n"))
	var out []hit
	seen := map[string]bool{}
	for _, word := range wordsOf(l.plain) {
		if seen[word] {
			continue
		}
		seen[word] = true
		for _, k := range w.first[word] {
			if k.party == to || !contains(l.plain, k.plain) {
				continue
			}
			if _, mine := own.lines[k.plain]; k.line && mine {
				continue
			}
			if !k.line && own.within(k.plain) {
				continue
			}
			out = append(out, hit{k.party, k.shown, k.line, !k.line})
		}
	}
	for _, h := range l.hosts {
		if own.owns(h) {
			continue
		}
		for d, more := h, true; more; _, d, more = strings.Cut(d, ".") {
			for _, party := range w.domains[d] {
				if party != to && !own.owns(d) {
					out = append(out, hit{party: party, shown: d})
				}
			}
		}
	}
	for _, a := range l.addresses {
		if slices.ContainsFunc(own.prefixes, func(o netip.Prefix) bool { return o.Overlaps(a) }) {
			continue
		}
		for _, n := range w.prefixes {
			if n.party != to && n.prefix.Overlaps(a) {
				out = append(out, hit{party: n.party, shown: a.String()})
			}
		}
	}
	return out
}

// watchFor gathers the marks of the parties of a subject that the writer may see: of the others a hit would tell.
func (s *Service) watchFor(ctx context.Context, h db.Handle, by access.Actor, parties []Party, threads map[int64]correspondence.Thread) (*watch, error) {
	of, byThread := map[int64]*marks{}, map[int64]*marks{}
	var orgs, ids []int64
	for _, p := range parties {
		m := newMarks()
		m.name(p.Name)
		m.thread(threads[p.Thread])
		of[p.Compartment], byThread[p.Thread] = m, m
		if p.Thread > 0 { // who is chosen has none yet
			ids = append(ids, p.Thread)
		}
		if p.Organisation != 0 {
			orgs = append(orgs, p.Organisation)
		}
	}
	known, err := s.Constituency.Known(ctx, h, orgs...)
	if err != nil {
		return nil, err
	}
	for _, p := range parties {
		if k, ok := known[p.Organisation]; ok {
			of[p.Compartment].known(k)
		}
	}
	told, err := s.Correspondence.Told(ctx, h, by, ids...)
	if err != nil {
		return nil, err
	}
	for _, m := range told {
		byThread[m.Thread].said(m.Body.Text)
	}
	return newWatch(of), nil
}
