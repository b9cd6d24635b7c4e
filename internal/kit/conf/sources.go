package conf

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

const (
	prefix      = "TOCSIN_"
	fromFlag    = "flag"
	fromEnv     = "environment"
	fromDefault = "default"
)

// forTests are variables of the test suite, which a program under test may see.
var forTests = []string{"TOCSIN_KEYS_", "TOCSIN_TEST_", "TOCSIN_REQUIRE_ALL", "TOCSIN_SHARED", "TOCSIN_LONG"}

// Sources knows where each value comes from. It is a kong.Resolver: give it to kong.Resolvers. It serves one parse.
type Sources struct {
	app    *kong.Application
	flags  []*kong.Flag // of the chosen command, in order
	origin map[string]string
	file   map[string]line
	path   string
	found  mistakes
}

type line struct {
	value string
	where string
}

// NewSources makes one.
func NewSources() *Sources { return &Sources{origin: map[string]string{}} }

// Validate is called by kong; there is nothing to say before the values are known.
func (s *Sources) Validate(*kong.Application) error { return nil }

// Resolve is called by kong for each flag that the command line does not give. The environment was read by kong already; the file comes
// after it.
func (s *Sources) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	s.open(ctx)
	name := variable(flag)
	if name == "" {
		return nil, nil
	}
	if v, set := os.LookupEnv(name); set {
		s.origin[name] = fromEnv
		if v == "" && flag.HasDefault { // an empty variable is one that was not set
			s.origin[name] = fromDefault
			return flag.Default, nil
		}
		return nil, nil
	}
	if l, ok := s.file[name]; ok {
		s.origin[name] = l.where
		return l.value, nil
	}
	s.origin[name] = fromDefault
	return nil, nil
}

// open reads, at the first flag, what the command line gives and the file that it or the environment names.
func (s *Sources) open(ctx *kong.Context) {
	if s.file != nil {
		return
	}
	s.app, s.file = ctx.Model, map[string]line{}
	for _, p := range ctx.Path {
		s.flags = append(s.flags, p.Flags...)
	}
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved {
			s.origin[variable(p.Flag)] = fromFlag
		}
	}
	for _, f := range s.flags {
		if variable(f) == prefix+"CONFIG" {
			s.path = fmt.Sprint(ctx.FlagValue(f))
		}
	}
	if s.path == "" {
		return
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		s.found.add("--config", "", fmt.Sprintf("%q cannot be read", s.path))
		return
	}
	s.read(string(text))
}

// read takes lines NAME=value; blank lines and those that begin with # are for people. A value may stand in double quotes.
func (s *Sources) read(text string) {
	number := 0
	for raw := range strings.Lines(text) {
		number++
		where := fmt.Sprintf("%s:%d", s.path, number)
		raw = strings.TrimSpace(raw)
		if raw == "" || raw[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(raw, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		switch {
		case !ok:
			s.found.add(where, "", "is no line of the form NAME=value")
		case !slices.Contains(s.names(), name):
			s.found.add(where, "", fmt.Sprintf("nobody reads %q", name))
		case name == prefix+"CONFIG":
			s.found.add(where, "", "a file cannot name another")
		case s.file[name].where != "":
			s.found.add(where, "", name+" was given before")
		default:
			s.file[name] = line{value, where}
		}
	}
}

// names are all variables that any command reads.
func (s *Sources) names() (names []string) {
	if s.app == nil {
		return nil
	}
	_ = kong.Visit(s.app.Node, func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok {
			names = append(names, f.Envs...)
		}
		return next(nil)
	})
	return names
}

// mistakes gives what is wrong with the sources themselves: also variables that look like ours and that nobody reads.
func (s *Sources) mistakes() mistakes {
	m := slices.Clone(s.found)
	names := s.names()
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		test := slices.ContainsFunc(forTests, func(t string) bool { return strings.HasPrefix(name, t) })
		if strings.HasPrefix(name, prefix) && !test && !slices.Contains(names, name) {
			m.add(name, fromEnv, "nobody reads this")
		}
	}
	return m
}

// Where says where the value of a variable comes from: flag, environment, file and line, or default.
func (s *Sources) Where(name string) string {
	if w := s.origin[name]; w != "" {
		return w
	}
	return fromDefault
}

// Setting is one value in force, fit to print.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Where string `json:"where"`
}

// InForce gives every setting of the chosen command in the order of the struct. Passwords are hidden.
func (s *Sources) InForce() (all []Setting) {
	for _, f := range s.flags {
		if name := variable(f); name != "" {
			all = append(all, Setting{name, fmt.Sprint(f.Target.Interface()), s.Where(name)})
		}
	}
	return all
}

func variable(f *kong.Flag) string {
	for _, name := range f.Envs {
		if strings.HasPrefix(name, prefix) {
			return name
		}
	}
	return ""
}
