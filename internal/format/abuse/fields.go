package abuse

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// fields reads an object and tells what is of another kind than it should be.
type fields struct {
	r    *Report
	o    map[string]any
	seen map[string]bool
}

func (x *fields) text(name string) string {
	x.seen[name] = true
	switch v := x.o[name].(type) {
	case nil:
		if _, ok := x.o[name]; ok {
			x.r.problem(BadField)
		}
		return ""
	case string:
		return clean(v)
	case json.Number:
		x.r.problem(BadField)
		return clean(v.String())
	default:
		x.r.problem(BadField)
		return ""
	}
}

// email is text with an address in it.
func (x *fields) email(name string) string {
	s := x.text(name)
	if _, ok := x.o[name]; ok {
		if at := strings.LastIndexByte(s, '@'); at < 1 || at == len(s)-1 || strings.ContainsAny(s, " <>") {
			x.r.problem(BadField)
		}
	}
	return s
}

func (x *fields) number(name string) (n int64) {
	x.seen[name] = true
	v, there := x.o[name]
	if !there {
		return 0
	}
	num, ok := v.(json.Number)
	if !ok {
		x.r.problem(BadField)
		s, _ := v.(string)
		num = json.Number(strings.TrimSpace(s))
	}
	n, err := strconv.ParseInt(num.String(), 10, 64)
	if err != nil || n < 0 {
		x.r.problem(BadField)
		return 0
	}
	return n
}

func (x *fields) port(name string) int {
	if _, there := x.o[name]; !there {
		return 0
	}
	n := x.number(name)
	if n < 1 || n > 65535 {
		x.r.problem(BadField)
		return 0
	}
	return int(n)
}

func (x *fields) flag(name string) {
	x.seen[name] = true
	if v, there := x.o[name]; there {
		b, ok := v.(bool)
		if !ok {
			x.r.problem(BadField)
		}
		x.r.detail(name, strconv.FormatBool(b))
	}
}

// rest gives what was not asked for as details, in the order of names, lists and objects as short JSON.
func (x *fields) rest() {
	var names []string
	for name := range x.o {
		if !x.seen[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		switch v := x.o[name].(type) {
		case string:
			x.r.detail(name, v)
		case json.Number:
			x.r.detail(name, v.String())
		case bool:
			x.r.detail(name, strconv.FormatBool(v))
		case nil:
		default:
			if b, err := json.Marshal(v); err == nil {
				x.r.detail(name, string(b[:min(len(b), 4*maxValue)]))
			}
		}
	}
}

func (r *Report) fields(o map[string]any, parent map[string]any, name string) *fields {
	x := &fields{r: r, o: o, seen: map[string]bool{}}
	if parent != nil {
		v, there := parent[name]
		inner, ok := v.(map[string]any)
		if there && !ok {
			r.problem(BadField)
		}
		x.o = inner
	}
	if x.o == nil {
		x.o = map[string]any{}
	}
	return x
}

func (x *fields) textIf(name string) string {
	if name == "" || x.o[name] == nil {
		return ""
	}
	return x.text(name)
}
