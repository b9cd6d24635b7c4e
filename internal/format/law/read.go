package law

import (
	"cmp"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var codeForm = regexp.MustCompile(`^[a-z0-9]+([_-][a-z0-9]+)*$`)

// Read reads and checks the folders set and threshold. With a problem the library is not complete; the problems are in the order of files and lines.
func Read(files fs.FS) (*Library, Problems) {
	l := &Library{sets: map[string]Set{}, earlier: map[string][]Set{}, fields: map[string]Field{}, order: map[string]int{}}
	var problems Problems
	open := func(name string) (node, bool) {
		s := &source{name, &problems}
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			s.add(1, "the file cannot be read")
			return node{}, false
		}
		return s.parse(raw)
	}
	const fields = "set/field.yaml"
	if n, ok := open(fields); ok {
		l.readFields(n)
	}
	sets, _ := fs.Glob(files, "set/*.yaml")
	kept, _ := fs.Glob(files, "set/earlier/*.yaml")
	used := map[string]bool{}
	for _, name := range sets {
		if name == fields {
			continue
		}
		if n, ok := open(name); ok {
			s := l.readSet(n, strings.TrimSuffix(path.Base(name), ".yaml"))
			l.sets[s.Code] = s
			for _, stage := range s.Stages {
				for _, f := range stage.Asks {
					used[f] = true
				}
			}
		}
	}
	for _, name := range kept { // its questions may be gone from field.yaml's newer sets, and then are asked by it alone
		if n, ok := open(name); ok {
			l.keep(n, name, used)
		}
	}
	for code := range l.fields {
		if !used[code] {
			problems = append(problems, Problem{fields, l.order[code], code + " is asked by no stage"})
		}
	}
	tests, _ := fs.Glob(files, "threshold/*.yaml")
	for _, name := range tests {
		if n, ok := open(name); ok {
			l.thresholds = append(l.thresholds, readThreshold(n, strings.TrimSuffix(path.Base(name), ".yaml")))
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return l, problems
}

// keep reads an earlier version of a set, CODE.VERSION.yaml.
func (l *Library) keep(n node, name string, used map[string]bool) {
	file, version, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".yaml"), ".")
	s := l.readSet(n, file)
	if strconv.Itoa(s.Version) != version {
		n.get("version").bad("the version is %d and the file is %s", s.Version, path.Base(name))
	}
	if newest, ok := l.sets[s.Code]; !ok || newest.Version <= s.Version {
		n.get("version").bad("an earlier version has a newer one beside it")
	}
	for _, stage := range s.Stages {
		for _, f := range stage.Asks {
			used[f] = true
		}
	}
	l.earlier[s.Code] = append(l.earlier[s.Code], s)
}

func (l *Library) readFields(n node) {
	n.pairs(func(name, v node) {
		v.only("part", "kind", "moment", "label", "hint", "options")
		f := Field{
			Code: name.code(), Part: int(v.must("part").number()), Kind: choose(v.must("kind"), Line, Lines, Instant, Number, YesNo, Choice),
			Moment: choose(v.get("moment"), Moments...), Label: v.must("label").text(), Hint: v.get("hint").text(),
		}
		if f.Part < 1 || f.Part > 5 {
			v.bad("a part is a number from 1 to 5")
		}
		if (f.Kind == Choice) != v.get("options").there() {
			v.bad("options belong to a choice, and a choice has some")
		}
		if f.Moment != "" && f.Kind != Instant {
			v.bad("only a field of kind moment tells one")
		}
		if f.Moment == Suspended || f.Moment == Resumed {
			v.bad("who owes something does not suspend its own clock: the team notes that")
		}
		v.get("options").pairs(func(name, text node) {
			f.Options = append(f.Options, Option{name.code(), text.text()})
		})
		l.fields[f.Code] = f
		l.order[f.Code] = name.line()
	})
}

func (l *Library) readSet(n node, file string) Set {
	n.only("code", "version", "nature", "country", "law", "law_in", "short", "in_force", "confirmed", "doubts", "sources", "checked", "counting", "name", "about", "crime",
		"authority", "classes", "stages", "duties", "recipients", "shortcut", "stopped_by", "suspends", "correct", "waive")
	s := Set{
		Code: n.must("code").code(), Version: int(n.must("version").number()), Nature: choose(n.must("nature"), Mandatory, Voluntary, Pointer),
		Country: n.must("country").str(), Law: n.must("law").str(), Short: n.must("short").str(), InForce: n.must("in_force").day(),
		Confirmed: n.must("confirmed").flag(false), Doubts: n.get("doubts").texts(), Sources: n.must("sources").strs(), Checked: n.must("checked").day(),
		Counting: choose(n.must("counting"), Plain, EU1182), Name: n.must("name").text(), About: n.must("about").text(),
		Authority: n.must("authority").text(), Suspends: n.get("suspends").flag(false),
		Correct: choose(n.must("correct"), ByTeam, ByLead), Waive: choose(n.must("waive"), ByTeam, ByLead), File: n.s.file,
	}
	if x := n.get("law_in"); x.there() {
		s.LawName = x.text()
	}
	if x := n.get("crime"); x.there() {
		s.Crime = x.text()
	}
	for _, m := range n.get("stopped_by").items() {
		s.StoppedBy = append(s.StoppedBy, choose(m, Handled, NotSignificant, Withdrawn))
	}
	n.get("classes").pairs(func(name, text node) { s.Classes = append(s.Classes, Class{name.code(), text.text()}) })
	for _, x := range n.must("stages").items() {
		s.Stages = append(s.Stages, readStage(x))
	}
	for _, x := range n.get("duties").items() {
		x.only("code", "article", "within", "firm", "name")
		s.Duties = append(s.Duties, Duty{
			Code: x.must("code").code(), Article: x.must("article").str(), Within: x.must("within").period(),
			Firm: x.must("firm").flag(false), Name: x.must("name").text(),
		})
	}
	for _, x := range n.get("recipients").items() {
		x.only("code", "article", "classes", "if_yes", "own", "name", "each_state", "says", "source", "confirmed")
		says := Text(nil)
		if x.get("says").there() {
			says = x.get("says").text()
		}
		s.Recipients = append(s.Recipients, Recipient{
			Each: x.get("each_state").flag(false), Says: says, Source: x.get("source").str(), Sure: x.get("confirmed").flag(s.Confirmed),
			Code: x.must("code").code(), Article: x.must("article").str(), Classes: x.get("classes").strs(), IfYes: x.get("if_yes").str(), Own: x.must("own").period(), Name: x.must("name").text(),
		})
	}
	if x := n.get("shortcut"); x.there() {
		x.only("from", "to", "within", "only", "text")
		s.Shortcut = &Shortcut{
			From: choose(x.must("from"), Moments...), To: choose(x.must("to"), Moments...), Within: x.must("within").period(),
			Only: x.must("only").strs(), Text: x.must("text").text(),
		}
	}
	l.check(n, s, file)
	return s
}

func readStage(n node) Stage {
	n.only("code", "article", "need", "starts", "within", "within_class", "every", "met_by", "after", "confirmed", "name", "hint", "asks", "again")
	s := Stage{
		Code: n.must("code").code(), Article: n.must("article").str(), Need: choose(n.must("need"), Always, WhenNeeded, OnRequest, Ongoing),
		Starts: readStart(n.get("starts")), Within: n.get("within").period(), Every: n.get("every").period(), MetBy: n.get("met_by").strs(),
		After: n.get("after").strs(), Confirmed: n.get("confirmed").flag(true), Name: n.must("name").text(), Hint: n.must("hint").text(),
		Asks: n.get("asks").strs(), Again: n.get("again").strs(), Line: n.line(),
	}
	n.get("within_class").pairs(func(name, v node) {
		if s.WithinClass == nil {
			s.WithinClass = map[string]Period{}
		}
		s.WithinClass[name.code()] = v.period()
	})
	return s
}

// readStart reads a moment, "request", or "submission STAGE".
func readStart(n node) Start {
	if !n.there() {
		return Start{}
	}
	v := n.str()
	if stage, ok := strings.CutPrefix(v, "submission "); ok {
		return Start{Stage: strings.TrimSpace(stage)}
	}
	m := Moment(v)
	if m != Requested && !slices.Contains(Moments, m) {
		n.bad("a clock starts with a moment, request, or submission and the code of a stage; %q is neither", v)
	}
	return Start{Moment: m}
}
