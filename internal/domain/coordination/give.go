package coordination

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

const maxWords = 20000 // characters of a free text or a question

// parcel is what one party is to receive, ready to be sent.
type parcel struct {
	Preview
	out     correspondence.Outgoing
	request string
	advice  []Advice
	set     *QuestionSet
	thread  correspondence.Thread
	code    id.Secret // of the link in the letter; none where there is no link
	again   int64     // the letter that a chase is about, to which its link leads
}

// trimmed is g without the white space around its texts.
func (g Give) trimmed() Give {
	g.Request, g.Text, g.Questions = strings.TrimSpace(g.Request), strings.TrimSpace(g.Text), strings.TrimSpace(g.Questions)
	g.Words = trimmedWords(g.Words)
	for role, words := range g.ByRole {
		g.ByRole[role] = trimmedWords(words)
	}
	return g
}

func trimmedWords(in map[string]Words) map[string]Words {
	out := map[string]Words{}
	for lang, w := range in {
		if w = (Words{strings.TrimSpace(w.Text), strings.TrimSpace(w.Request)}); w != (Words{}) {
			out[lang] = w
		}
	}
	return out
}

// asks tells whether there is a request.
func (g Give) asks() bool { return g.Request != "" || g.Questions != "" }

// advises tells whether there are measures.
func (g Give) advises() bool { return len(g.Recommendations)+len(g.Own) > 0 }

// unknown takes out of hits the names that its readers know.
func (g Give) unknown(hits []string) []string {
	return slices.DeleteFunc(hits, func(h string) bool {
		return slices.ContainsFunc(g.known, func(name string) bool { return plain(name) == plain(h) })
	})
}

// Written tells whether there is a letter: words, a request, or recommendations.
func (g Give) Written() bool {
	return g.Text != "" || g.asks() || g.advises() || len(g.Words) > 0
}

// check finds all problems of a Give at once.
func (g Give) check(s *Service) error {
	var p errs.Problems
	if len(g.Parties) == 0 {
		p.Add("parties", "error.required")
	}
	asks := g.asks() || g.advises()
	switch {
	case g.Chase && asks:
		p.Add("request", "error.chase")
	case g.Chase && g.Text == "":
		p.Add("text", "error.required")
	case !asks && g.Text == "":
		p.Add("request", "error.required")
	}
	if utf8.RuneCountInString(g.Request) > maxWords {
		p.Add("request", "error.too_long", "most", maxWords)
	}
	if utf8.RuneCountInString(g.Text) > maxWords {
		p.Add("text", "error.too_long", "most", maxWords)
	}
	g.checkWords(&p, "", g.Words)
	for _, role := range slices.Sorted(maps.Keys(g.ByRole)) {
		if !role.valid() {
			p.Add("role", "error.choose")
			continue
		}
		g.checkWords(&p, "-"+string(role), g.ByRole[role])
	}
	switch {
	case asks && g.DueAt.IsZero():
		p.Add("due_at", "error.required")
	case !g.DueAt.IsZero() && !g.DueAt.After(s.Clock.Now()):
		p.Add("due_at", "error.future")
	}
	if g.TLP != 0 && !g.TLP.Valid() {
		p.Add("tlp", "error.choose")
	}
	g.checkValidity(&p)
	for _, a := range g.Own {
		words(&p, "title", a.Title, maxCallTitle, true)
		words(&p, "words", a.Text, maxWords, false)
	}
	return p.Err()
}

func (g Give) checkWords(p *errs.Problems, of string, words map[string]Words) {
	for _, lang := range slices.Sorted(maps.Keys(words)) {
		w := words[lang]
		if !slices.Contains(text.Langs(), text.Lang(lang)) {
			p.Add("words", "error.choose")
			continue
		}
		if utf8.RuneCountInString(w.Text) > maxWords {
			p.Add("text"+of+"-"+lang, "error.too_long", "most", maxWords)
		}
		switch {
		case utf8.RuneCountInString(w.Request) > maxWords:
			p.Add("request"+of+"-"+lang, "error.too_long", "most", maxWords)
		case w.Request != "" && g.Request == "": // who reads no language of these would be asked nothing
			p.Add("request", "error.required")
		}
	}
}

// Preview shows exactly what each party will receive and by which road, in the order asked for. It changes nothing. The actor needs
// access.WorkCases. Refused: Invalid, NotFound for a subject, a party of it or a recommendation that is not there.
func (s *Service) Preview(ctx context.Context, by access.Actor, subject string, g Give) ([]Preview, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return nil, err
	}
	g = g.trimmed()
	if err := g.check(s); err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	parcels, err := s.parcels(ctx, s.DB, by, o, g, previewCode)
	if err != nil {
		return nil, err
	}
	out := make([]Preview, len(parcels))
	for i, p := range parcels {
		out[i] = p.Preview
	}
	return out, nil
}

// parcels writes the letters and looks at each: by which road, and whether it names another party. Draw makes the code of a link.
func (s *Service) parcels(ctx context.Context, h db.Handle, by access.Actor, subject access.Object, g Give, draw func() id.Secret) ([]parcel, error) {
	all, err := s.PartiesOf(ctx, h, by, subject.Ref)
	if err != nil {
		return nil, err
	}
	ids, byUID := make([]int64, len(all)), map[string]Party{}
	for i, p := range all {
		ids[i], byUID[p.UID] = p.Thread, p
	}
	threads, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return nil, err
	}
	watch, err := s.watchFor(ctx, h, by, all, threads)
	if err != nil {
		return nil, err
	}
	w, err := s.writing(ctx, h, subject, g, draw)
	if err != nil {
		return nil, err
	}
	var orgs []int64
	for _, uid := range g.Parties {
		orgs = append(orgs, byUID[uid].Organisation)
	}
	if w.liaison, err = s.Constituency.Liaisons(ctx, h, orgs...); err != nil {
		return nil, err
	}
	var out []parcel
	done := map[string]bool{}
	for _, uid := range g.Parties {
		if done[uid] {
			continue
		}
		done[uid] = true
		party, ok := byUID[uid]
		if !ok || !party.WithdrawnAt.IsZero() {
			return nil, errs.ErrNotFound
		}
		if g.Chase && len(w.owed[party.Ref.ID].what) == 0 { // it gave its word meanwhile
			continue
		}
		one, err := w.parcel(ctx, g, party, threads[party.Thread], watch)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	if len(out) == 0 && g.Chase {
		var p errs.Problems
		p.Add("parties", "error.chase_nobody")
		return nil, p.Err()
	}
	return out, nil
}

// writing is the writing of the letters of one act.
type writing struct {
	s       *Service
	h       db.Handle
	subject access.Object
	advice  map[string][]Advice // by language
	set     *QuestionSet
	owed    map[int64]owes                 // by party, for a chase
	liaison map[int64]constituency.Liaison // by organisation
	draw    func() id.Secret
}

// writing begins the letters of a Give. Draw makes the code of a link.
func (s *Service) writing(ctx context.Context, h db.Handle, subject access.Object, g Give, draw func() id.Secret) (*writing, error) {
	w := &writing{s: s, h: h, subject: subject, advice: map[string][]Advice{}, draw: draw}
	var err error
	if w.set, err = s.setOf(ctx, h, g); err != nil {
		return nil, err
	}
	w.owed, err = s.owed(ctx, h, subject.Ref, g)
	return w, err
}

// parcel writes the letter to one party and looks at it.
func (w *writing) parcel(ctx context.Context, g Give, party Party, t correspondence.Thread, watch *watch) (parcel, error) {
	s := w.s
	p := s.printer(t.Correspondent.Lang)
	lang := string(p.Lang())
	if _, ok := w.advice[lang]; !ok {
		list, err := s.advice(ctx, w.h, g.Recommendations, lang)
		if err != nil {
			return parcel{}, err
		}
		w.advice[lang] = list
	}
	g = g.in(lang)
	owes := w.owed[party.Ref.ID]
	var code id.Secret
	if t.Correspondent.Email != "" && (g.asks() || g.advises() || owes.linked) {
		code = w.draw()
	}
	advice := slices.Concat(w.advice[lang], g.Own)
	x := asking{party: party, reader: t.Correspondent, advice: advice, set: w.set, owes: owes, code: code, liaison: w.liaison[party.Organisation]}
	letter := s.ask(p, g, x)
	if g.Chase {
		letter.TLP = tlp.Max(letter.TLP, owes.label)
	}
	if g.TLP == 0 { // the thread may hold what its correspondent labelled more strictly
		letter.TLP = tlp.Strictest(w.subject.TLP, t.TLP, owes.label, g.least)
	}
	seen, err := s.Correspondence.Preview(ctx, w.h, t, letter)
	if err != nil {
		return parcel{}, err
	}
	weaker := owes.entire && seen.Road.Road != egress.Encrypted
	if code.Reveal() != "" && (!carries(seen.Road.Road) || weaker) { // it is read with us alone
		x.code = id.Secret{}
		letter.Text = s.ask(p, g, x).Text
	}
	// The letter is compared, not what the road leaves of it: a notice is fetched in the portal.
	hits := g.unknown(watch.hits(party.Compartment, letter.Subject, letter.Text))
	return parcel{
		Preview: Preview{Party: party, Reader: t.Correspondent, Lang: lang, Subject: seen.Subject, Text: seen.Text, Letter: letter.Text, Road: seen.Road, TLP: letter.TLP, Hits: hits, Liaison: x.liaison},
		out:     letter, request: fillIn(g.Request, cmp.Or(party.Name, t.Correspondent.Name), len(g.lines)), advice: advice,
		set: w.set, thread: t, code: x.code, again: owes.message,
	}, nil
}

// carries tells whether the whole letter goes by mail on this road.
func carries(r egress.Road) bool {
	return r == egress.Encrypted || r == egress.Signed || r == egress.Locked
}

// setOf gives the typed questions of a Give, nil for none. What cannot be asked is a problem of the field.
func (s *Service) setOf(ctx context.Context, h db.Handle, g Give) (*QuestionSet, error) {
	if g.Questions == "" {
		return nil, nil
	}
	set, err := s.questionSet(ctx, h, g.Questions, g.QuestionVersion)
	if errs.Is(err, errs.NotFound) || err == nil && !set.RetiredAt.IsZero() && !g.frozen {
		var p errs.Problems
		p.Add("questions", "error.choose")
		return nil, p.Err()
	}
	return &set, err
}

func (s *Service) advice(ctx context.Context, h db.Handle, codes []string, lang string) ([]Advice, error) {
	var out []Advice
	for _, code := range codes {
		if slices.ContainsFunc(out, func(a Advice) bool { return a.Code == code }) {
			continue
		}
		a, err := s.Library.Advice(ctx, h, code, lang)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// stop refuses what a person has to look at first: a reader without a road, or a letter that names another party (rule A9). Refusals name the
// words to who may see them, as arguments of the fields; the error's own text holds none.
func stop(parcels []parcel, looked bool) error {
	roads := errs.Error{Kind: errs.Conflict, Key: "error.no_road", Text: "nothing was sent: there is no way to reach some of the parties with this label"}
	named := errs.Error{Kind: errs.Conflict, Key: "error.other_party_named", Text: "nothing was sent: a letter names another party, look at it first"}
	for _, p := range parcels {
		if p.Road.Road == egress.Refused {
			roads.Fields = append(roads.Fields, errs.Field{Name: "parties", Key: "error.no_road", Args: map[string]any{"party": p.Party.UID, "name": p.Party.Name, "why": p.Road.Reason}})
		}
		if len(p.Hits) > 0 && !looked {
			named.Fields = append(named.Fields, errs.Field{
				Name: "text", Key: "error.other_party_named", Args: map[string]any{"party": p.Party.UID, "words": strings.Join(p.Hits, ", ")},
			})
		}
	}
	switch {
	case len(roads.Fields) > 0:
		return &roads
	case len(named.Fields) > 0:
		return &named
	}
	return nil
}

// Send gives measures and asks requests: one thread a party, in its language, held in the outbox. All or none is put there, with the requests,
// the measures and their clocks; a party reads of them when its letter has left. The actor needs access.WorkCases and access.SendOutside.
// Refused: what Preview refuses, and Conflict for a party without a road or a letter that names another party, unless g.Looked.
func (s *Service) Send(ctx context.Context, by access.Actor, subject string, g Give) ([]correspondence.Message, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return nil, err
	}
	if err := by.Need(access.SendOutside); err != nil {
		return nil, err
	}
	g = g.trimmed()
	if err := g.check(s); err != nil {
		return nil, err
	}
	var out []correspondence.Message
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject)
		if err != nil {
			return err
		}
		parcels, err := s.parcels(ctx, tx, by, o, g, id.NewCode)
		if err != nil {
			return err
		}
		if err := stop(parcels, g.Looked); err != nil {
			return err
		}
		out, err = s.put(ctx, tx, by, g, parcels, s.Correspondence.SendManyTx)
		return err
	})
	return out, err
}

// Hits gives what of the other parties of its subject a text to one party names (rule A9), for a composer that sends by other verbs.
func (s *Service) Hits(ctx context.Context, h db.Handle, by access.Actor, party Party, texts ...string) ([]string, error) {
	all, err := s.PartiesOf(ctx, h, by, party.Subject)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(all))
	for i, p := range all {
		ids[i] = p.Thread
	}
	threads, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return nil, err
	}
	watch, err := s.watchFor(ctx, h, by, all, threads)
	if err != nil {
		return nil, err
	}
	return watch.hits(party.Compartment, texts...), nil
}

// fileWords parts the words of a file name as people write them together.
var fileWords = strings.NewReplacer("_", " ", "-", " ", ".", " ", "+", " ")

// Write sends a free message to one party; Looked says that a person looked at what it names of others. The actor needs access.WorkCases and
// access.SendOutside. Refused: NotFound, Conflict for a message that names another party, and what correspondence refuses.
func (s *Service) Write(ctx context.Context, by access.Actor, party string, out correspondence.Outgoing, looked bool) (correspondence.Message, error) {
	var m correspondence.Message
	if err := by.Need(access.WorkCases); err != nil {
		return m, err
	}
	if err := by.Need(access.SendOutside); err != nil {
		return m, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.partyForChange(ctx, tx, by, party)
		if err != nil {
			return err
		}
		texts := []string{out.Subject, out.Text}
		for _, f := range out.Files {
			text, err := s.Correspondence.FileText(ctx, tx, p.Thread, f)
			if err != nil {
				return err
			}
			texts = append(texts, f.Name, fileWords.Replace(f.Name), text)
		}
		hits, err := s.Hits(ctx, tx, by, p, texts...)
		if err != nil {
			return err
		}
		if err := stop([]parcel{{Preview: Preview{Party: p, Road: egress.Decision{Road: egress.Signed}, Hits: hits}}}, looked); err != nil {
			return err
		}
		out.Under = p.Subject
		if m, err = s.Correspondence.SendTx(ctx, tx, by, p.Thread, out); err != nil {
			return err
		}
		return s.wrote(ctx, tx, by, p)
	})
	return m, err
}
