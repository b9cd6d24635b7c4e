package app

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// Words of a test that betray whose they are, in whatever they turn up: "kanari07x123" belongs to member 7, "teamword5" to us.
var (
	kanari   = regexp.MustCompile(`(?i)kanari(\d\d)x\d*`)
	teamWord = regexp.MustCompile(`(?i)teamword\d`)
	// outward are the names that we draw at random and give outside: ids, references, codes.
	outward = regexp.MustCompile(`\b(?:[0-9a-hjkmnp-tv-z]{26}|[A-Z]{1,3}-\d{4}-[0-9A-Z]{6})\b`)
)

// stepper is one organisation among the parties, with everything through which it reaches us.
type stepper struct {
	n       int
	name    string
	email   string
	org     constituency.Organisation
	portal  *browser
	link    *browser // holds a status link
	token   string
	quiet   bool // nobody does anything about it after the beginning, nor does it
	parties []coordination.Party
	paths   []string // of the portal, as its own pages lead there
	code    string   // of a report by the form
}

// steps is a house in which many parties act at random.
type steps struct {
	*house
	now       *clock.Fake
	rand      *rand.Rand
	members   []*stepper
	cases     []incident.Incident
	owner     map[string]*stepper // of names that were drawn at random
	common    map[string]bool     // those that everybody may hold
	said      int
	recent    []string
	did       map[string]int
	advice    []string
	strangers int
	fetched   map[string]bool         // letters by the names of their files
	mailbox   map[int][]*mail.Message // of each member
	shared    []sharedWord
	crossed   map[string]map[int]bool // words that we shared, and who may read them on pages until they are taken back
	lettered  map[string]map[int]bool // the same in letters, which are out for good
}

// sharedWord is one word of a text that we shared.
type sharedWord struct {
	uid, word string
	incident  string
	readers   map[string]int // party to member
}

// TestNothingOfOnePartyReachesAnother is the property on which the house stands (rules A6, A7, A9, A10): many parties of several incidents, and we, act at
// random through every surface, thousands of times; whatever an outsider gets back, by page, API, error, file, link and mail, holds no word and no
// name of another party, nor a word of ours, but for the words that we shared with that very reader, until we take them back; and to those about whom nobody did anything every page is what it was, to the byte. Ten thousand steps on two
// engines; with TOCSIN_LONG=1 a million, in houses of other sizes. A failure tells the seed and what was done last.
func TestNothingOfOnePartyReachesAnother(t *testing.T) {
	houses, counts := map[string]int{pgtest.SQLite: 1, pgtest.Postgres: 1}, map[string]int{pgtest.SQLite: 8000, pgtest.Postgres: 2000}
	long := os.Getenv("TOCSIN_LONG") == "1"
	if long {
		houses = map[string]int{pgtest.SQLite: 115, pgtest.Postgres: 40}
	}
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("TOCSIN_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	for _, engine := range pgtest.Engines(t) {
		var seeds []uint64
		for i := range houses[engine] {
			seeds = append(seeds, seed+uint64(i))
		}
		for some := range slices.Chunk(seeds, runtime.GOMAXPROCS(0)) {
			// As many at once as there are processors. A parallel test is held, with all of its house, until the one that began it ends: so each few have their own.
			t.Run(engine, func(t *testing.T) {
				for _, seed := range some {
					members, quiet := 12, 3
					if sizes := rand.New(rand.NewPCG(seed, 2)); long {
						members, quiet = 6+sizes.IntN(15), 1+sizes.IntN(4)
					}
					t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
						if long {
							t.Parallel()
						}
						stepsIn(t, engine, seed, counts[engine], members, quiet)
					})
				}
			})
		}
	}
}

// stepsIn is one house with so many members, of whom so many are quiet.
func stepsIn(t *testing.T, engine string, seed uint64, count, members, quiet int) {
	now := clock.NewFake(time.Now().UTC().Truncate(time.Hour))
	s := &steps{house: newHouseAt(t, engine, now), now: now, rand: rand.New(rand.NewPCG(seed, 1)), owner: map[string]*stepper{}, common: map[string]bool{}, fetched: map[string]bool{}, mailbox: map[int][]*mail.Message{}, did: map[string]int{}, crossed: map[string]map[int]bool{}, lettered: map[string]map[int]bool{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("TOCSIN_TEST_SEED=%d, %d members; done: %v; last:\n%s", seed, members, s.did, strings.Join(s.recent, "\n"))
		}
	})
	s.begin(members, quiet)
	before := s.quietly()
	if raced {
		count = 500
	}
	for i := range count {
		s.step()
		if t.Failed() {
			t.Fatalf("after step %d", i)
		}
	}
	s.rest()
	s.fetch()
	for n, pages := range s.quietly() {
		if diff := cmp.Diff(before[n], pages); diff != "" {
			t.Errorf("what others did shows to member %d:\n%s", n, diff)
		}
	}
	for _, what := range []string{"page", "form", "another's page", "api", "another's api", "api write", "mail", "link", "we ask", "we write", "we note", "we move", "we share", "we take back what was shared", "we meet"} {
		if s.did[what] == 0 && !raced {
			t.Errorf("it never came to %q: %v", what, s.did)
		}
	}
	for _, m := range s.members {
		if len(s.mailbox[m.n]) < len(s.cases) {
			t.Errorf("member %d got %d letters", m.n, len(s.mailbox[m.n]))
		}
	}
}

// begin makes the members, the first few of them quiet, and the cases that they share.
func (s *steps) begin(members, quiet int) {
	ctx := s.t.Context()
	s.Correspondence.Hold = 0
	zone := auth.Zone{Texts: map[string][]string{}}
	for n := range members {
		domain := fmt.Sprintf("kanari%02dx.example", n)
		zone.Texts[domain], zone.Texts["_dmarc."+domain] = []string{"v=spf1 ip4:127.0.0.0/8 -all"}, []string{"v=DMARC1; p=none"}
		m := &stepper{n: n, email: "soc@" + domain, quiet: n < quiet}
		m.name = s.word(m)
		m.org, _ = s.organisation(m.name, []string{"en", "pt", "fr", "nl", "de"}[n%5], s.word(m), m.email, nil)
		_, err := s.Constituency.AddAsset(ctx, sample(), m.org.UID, constituency.NewAsset{Value: domain})
		s.must(err)
		_, err = s.Constituency.AddAsset(ctx, sample(), m.org.UID, constituency.NewAsset{Value: fmt.Sprintf("198.51.100.%d/32", n+1)})
		s.must(err)
		s.members = append(s.members, m)
	}
	s.DNS = zone
	s.serve()
	for _, r := range s.Playbook.Recommendations(playbook.Filter{Lang: "en"}) {
		s.advice = append(s.advice, r.Code)
	}
	for range 3 {
		in, err := s.Incidents.Open(ctx, sample(), incident.NewIncident{Title: s.ours(), TLP: tlp.Green})
		s.must(err)
		s.cases = append(s.cases, in)
	}
	for _, m := range s.members {
		role := access.Constituent
		if m.n%2 == 0 {
			role = access.ConstituentAdmin
		}
		who := s.account(role, "person@"+strings.TrimPrefix(m.email, "soc@"), m.org.UID)
		m.portal, m.link = s.browser(), s.browser()
		m.portal.signIn(who.Email)
		m.token = s.script(who, role, m.org.UID)
		for _, in := range s.cases {
			p, err := s.Coordination.Add(ctx, sample(), in.UID, []string{m.org.UID}, coordination.Affected, s.ours()+" about "+s.word(m))
			s.must(err)
			m.parties = append(m.parties, p...)
			s.ask(m, len(m.parties)-1)
		}
		s.must(s.receive(m))
		m.code = s.form(m)
		m.link.get("/r/" + m.code)
	}
	s.rest()
	for _, m := range s.members {
		m.paths = []string{"/portal/", "/portal/requests", "/portal/measures", "/portal/reports", "/portal/messages", "/portal/organisation", "/portal/stages"}
	}
	// What two of them hold in common before anything happened is everybody's: names of files of the program, of templates, of laws.
	seen := map[string]int{}
	for _, m := range s.members[:2] {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(outward.FindAllString(strings.Join(slices.Collect(maps.Values(m.portal.everything(m.paths...))), "\n"), -1)))) {
			seen[name]++
		}
	}
	for name, n := range seen {
		s.common[name] = n > 1
	}
}

// rest waits until no letter and no mail is on its way, and every receipt is drawn.
func (s *steps) rest() {
	s.t.Helper()
	s.eventually("a house at rest", func() bool {
		var n int
		s.must(s.DB.QueryRow(s.t.Context(), `SELECT (SELECT COUNT(*) FROM correspondence_message WHERE state IN ('held', 'sending')) +
			(SELECT COUNT(*) FROM correspondence_arrival WHERE state = 'new') + (SELECT COUNT(*) FROM intake_drop) + (SELECT COUNT(*) FROM intake_sheet WHERE made_at IS NULL)`).Scan(&n))
		return n == 0
	})
}

// quietly is everything that the quiet members can reach.
func (s *steps) quietly() map[int]map[string]string {
	s.rest()
	out := map[int]map[string]string{}
	for _, m := range s.members {
		if !m.quiet {
			continue
		}
		out[m.n] = m.portal.everything("/portal/", "/portal/requests", "/portal/measures", "/portal/reports", "/portal/messages", "/portal/organisation", "/portal/stages")
		if len(out[m.n]) < 10 {
			s.t.Fatalf("member %d reaches %d pages", m.n, len(out[m.n]))
		}
		for at, page := range out[m.n] {
			s.read(m, "GET "+at, page)
		}
		for _, op := range api.Operations() {
			if op.Method == http.MethodGet && !strings.Contains(op.Path, "{") {
				a := m.portal.ask(m.token, op.Path)
				out[m.n]["api "+op.Path] = fmt.Sprint(a.Status, a.Body)
			}
		}
	}
	return out
}

func (s *steps) word(m *stepper) string {
	s.said++
	return fmt.Sprintf("kanari%02dx%d", m.n, s.said)
}

func (s *steps) ours() string {
	s.said++
	return fmt.Sprintf("teamword%d", s.said)
}

func (s *steps) note(what string, m *stepper, more ...any) {
	s.did[what]++
	s.recent = append(s.recent, fmt.Sprint(what, " of ", m.n, " ", fmt.Sprint(more...)))
	s.recent = s.recent[max(0, len(s.recent)-12):]
}

// read holds that what an outsider got is no other's: typed is what it asked with, which an answer may repeat.
func (s *steps) read(m *stepper, what, got string, typed ...string) {
	s.t.Helper()
	for _, x := range typed {
		if x != "" {
			got = strings.ReplaceAll(strings.ReplaceAll(got, x, ""), url.QueryEscape(x), "")
		}
	}
	at := func(i int) string { return got[max(0, i-200):min(len(got), i+200)] }
	for _, x := range kanari.FindAllStringSubmatchIndex(got, -1) {
		word := strings.ToLower(got[x[0]:x[1]])
		if s.crossed[word][m.n] || what == "a letter" && s.lettered[word][m.n] {
			continue // we shared it with them
		}
		if n, _ := strconv.Atoi(got[x[2]:x[3]]); n != m.n {
			s.t.Fatalf("%s: member %d reads a word of member %d:\n%s", what, m.n, n, at(x[0]))
		}
	}
	if x := teamWord.FindStringIndex(got); x != nil {
		s.t.Fatalf("%s: member %d reads a word of ours:\n%s", what, m.n, at(x[0]))
	}
	for _, x := range outward.FindAllStringIndex(got, -1) {
		name := got[x[0]:x[1]]
		if s.common[name] {
			continue
		}
		if s.owner[name] == nil {
			s.owner[name] = m
		}
		if o := s.owner[name]; o != m {
			s.t.Fatalf("%s: member %d holds %s, which member %d holds too:\n%s", what, m.n, name, o.n, at(x[0]))
		}
	}
}

func received(a answer) string {
	var b strings.Builder
	for name, values := range a.Header {
		if name != "Content-Security-Policy" {
			fmt.Fprintln(&b, name, values)
		}
	}
	return fmt.Sprint(a.Status, "\n", b.String(), a.Body)
}

func (s *steps) pick(n int) int { return s.rand.IntN(n) }

func (s *steps) one(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[s.pick(len(list))]
}

// another draws somebody else.
func (s *steps) another(m *stepper) *stepper {
	for {
		if o := s.members[s.pick(len(s.members))]; o != m {
			return o
		}
	}
}

// fetch puts the letters that left since it was last called into the mailboxes of their readers, and holds that each is for its reader alone.
func (s *steps) fetch() {
	s.t.Helper()
	folder := OutboxFolder(s.Config)
	files, err := os.ReadDir(folder)
	s.must(err)
	for _, f := range files {
		if s.fetched[f.Name()] || !strings.HasSuffix(f.Name(), ".eml") {
			continue
		}
		s.fetched[f.Name()] = true
		raw, err := os.ReadFile(filepath.Join(folder, f.Name()))
		s.must(err)
		m := mail.Parse(raw)
		to, _ := m.Header().Addresses("To")
		if len(to) != 1 {
			s.t.Fatalf("a letter to %v", to)
		}
		i := slices.IndexFunc(s.members, func(x *stepper) bool { return strings.HasSuffix(to[0].Addr, strings.TrimPrefix(x.email, "soc")) })
		if i < 0 {
			continue // to one of us
		}
		s.mailbox[i] = append(s.mailbox[i], m)
		s.read(s.members[i], "a letter", legible(m))
	}
}

// legible is a letter with its codings taken off.
func legible(m *mail.Message) string {
	var b strings.Builder
	decoder := new(mime.WordDecoder)
	for _, f := range m.Header() {
		plain, err := decoder.DecodeHeader(f.Raw)
		if err != nil {
			plain = f.Raw
		}
		fmt.Fprintln(&b, f.Name, plain)
	}
	fmt.Fprintln(&b, m.Body().Text)
	for _, p := range m.Attachments() {
		fmt.Fprintf(&b, "%s %s %s\n", p.Filename, p.Type, p.Bytes)
	}
	return b.String()
}
