package law

import (
	"regexp"
	"slices"
	"strings"
)

var country = regexp.MustCompile(`^[A-Z]{2}$`)

// check notes what makes no sense in a set whose values were read.
func (l *Library) check(n node, s Set, file string) {
	if s.Code != file {
		n.get("code").bad("the code is %s and the file is %s.yaml", s.Code, file)
	}
	if s.Version < 1 {
		n.get("version").bad("a version is a number from 1")
	}
	if s.Country != "" && !country.MatchString(s.Country) {
		n.get("country").bad("a country has two capitals; EU is the Union")
	}
	if len(s.Sources) == 0 {
		n.get("sources").bad("a set names its sources")
	}
	if !s.Confirmed && len(s.Doubts) == 0 {
		n.get("confirmed").bad("a set that is not confirmed says in doubts what is not")
	}
	if s.Checked.Before(s.InForce) && s.Confirmed {
		n.get("checked").bad("confirmed, yet checked before it was in force")
	}
	if len(s.Stages) == 0 {
		n.get("stages").bad("a set has a stage")
	}
	classes := map[string]bool{}
	for _, c := range s.Classes {
		classes[c.Code] = true
	}
	codes := map[string]bool{}
	for _, x := range s.Stages {
		codes[x.Code] = true
	}
	seen := map[string]bool{}
	for i, item := range n.get("stages").items() {
		x := s.Stages[i]
		if seen[x.Code] {
			item.bad("stage %s is there twice", x.Code)
		}
		seen[x.Code] = true
		l.checkStage(item, s, x, codes, classes)
	}
	for i, item := range n.get("duties").items() {
		x := s.Duties[i]
		if seen[x.Code] {
			item.bad("%s is there twice", x.Code)
		}
		seen[x.Code] = true
	}
	for i, item := range n.get("recipients").items() {
		x := s.Recipients[i]
		if seen[x.Code] {
			item.bad("%s is there twice", x.Code)
		}
		seen[x.Code] = true
		known(item.get("classes"), classes, x.Classes...)
		if f, ok := l.fields[x.IfYes]; x.IfYes != "" && (!ok || f.Kind != YesNo) {
			item.get("if_yes").bad("%s is no question of yes or no", x.IfYes)
		}
		if !x.Own.InHours() {
			item.get("own").bad("the team's own time is in hours or minutes")
		}
	}
	if x := n.get("shortcut"); x.there() {
		known(x.get("only"), codes, s.Shortcut.Only...)
		if s.Shortcut.From == s.Shortcut.To || s.Shortcut.Within.Zero() || !s.Shortcut.Within.InHours() {
			x.bad("a shortcut lies between two moments and has hours")
		}
	}
	if s.Nature == Voluntary {
		for i, item := range n.get("stages").items() {
			if x := s.Stages[i]; x.Need == Always || x.Need == OnRequest {
				item.bad("who reports voluntarily owes nothing: a stage is when_needed")
			}
		}
	}
	if start := circle(s); start != "" {
		n.get("stages").bad("the clock of %s waits for itself", start)
	}
}

func (l *Library) checkStage(n node, s Set, x Stage, codes, classes map[string]bool) {
	starts := x.Starts != Start{}
	switch x.Need {
	case Ongoing:
		if starts || !x.Within.Zero() {
			n.bad("a stage in place of another has no clock of its own")
		}
		if !slices.ContainsFunc(s.Stages, func(o Stage) bool { return slices.Contains(o.MetBy, x.Code) }) {
			n.bad("no stage is met by %s", x.Code)
		}
	case OnRequest:
		if x.Starts.Moment != Requested {
			n.bad("a stage on request starts with it")
		}
	case Always:
		if !starts || x.Within.Zero() && len(x.WithinClass) == 0 {
			n.bad("a stage that is always owed says what starts its clock and how long it runs")
		}
	case WhenNeeded:
		if starts == x.Within.Zero() {
			n.bad("a clock has a start and a period, or neither")
		}
	}
	if !x.Every.Zero() && (x.Need != OnRequest || !x.Within.Zero()) {
		n.bad("only what is asked for is repeated, and then without a period of its own")
	}
	known(n.get("starts"), codes, x.Starts.Stage)
	known(n.get("met_by"), codes, x.MetBy...)
	known(n.get("after"), codes, x.After...)
	if slices.Contains(x.MetBy, x.Code) || slices.Contains(x.After, x.Code) {
		n.bad("stage %s names itself", x.Code)
	}
	for class := range x.WithinClass {
		known(n.get("within_class"), classes, class)
	}
	if (len(x.Asks) == 0) != (s.Nature == Pointer) {
		n.bad("a stage asks something, and where we only point to it nothing")
	}
	for i, item := range n.get("asks").items() {
		if _, ok := l.fields[x.Asks[i]]; !ok && x.Asks[i] != "" {
			item.bad("there is no field %s", x.Asks[i])
		}
	}
	for i, item := range n.get("again").items() {
		if !slices.Contains(x.Asks, x.Again[i]) {
			item.bad("%s is asked again and not asked", x.Again[i])
		}
	}
}

func known(n node, all map[string]bool, names ...string) {
	for _, name := range names {
		if name != "" && !all[name] {
			n.bad("there is no %s in this set", name)
		}
	}
}

// circle gives a stage whose clock starts, by way of others, with its own submission.
func circle(s Set) string {
	for _, x := range s.Stages {
		trail := []string{x.Code}
		for at := x.Starts.Stage; at != ""; {
			if slices.Contains(trail, at) {
				return strings.Join(append(trail, at), " < ")
			}
			trail = append(trail, at)
			next, _ := s.Stage(at)
			at = next.Starts.Stage
		}
	}
	return ""
}
