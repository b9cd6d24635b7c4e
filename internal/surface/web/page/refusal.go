package page

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Refusal is what a refused form leaves for the page that says so: each problem, the words that were typed, and the page they came from.
type Refusal struct {
	Problems []string
	Kept     []string
	Back     string // "" when there is none
	Foreign  bool   // it did not come from a page of ours
}

// freeText names the fields in which people write sentences. Nothing else of a form is shown again here: the others may hold secrets.
var freeText = []string{"title", "summary", "description", "request", "text", "note", "reason", "evidence", "report", "why", "value", "consent"}

func (s *Surface) refusal(v *Visit, kind errs.Kind, e *errs.Error) Refusal {
	var r Refusal
	if v.R.Method != http.MethodPost {
		return r
	}
	if e == ErrForeign {
		return Refusal{Foreign: true}
	}
	if e != nil && e.Kind == errs.Invalid && (len(e.Fields) == 0 || e.Fields[0].Key != e.Key) { // else the sentence says them already
		for _, f := range e.Fields {
			r.Problems = append(r.Problems, SayField(v.P, f))
		}
	}
	for _, name := range freeText {
		for _, x := range v.R.PostForm[name] {
			if x = strings.TrimSpace(x); strings.ContainsAny(x, " \n") {
				r.Kept = append(r.Kept, x)
			}
		}
	}
	if kind != errs.NotFound { // what does not exist leads nowhere, and what one may not see looks the same (rule A5)
		r.Back = s.before(v)
		if to := v.R.PostForm.Get("back"); r.Back == "" && strings.HasPrefix(to, "/"+s.Name+"/") && path.Clean(to) == to { // the form stands on pages of several kinds
			r.Back = to
		}
	}
	return r
}

// before gives the page that a form stands on, or the nearest one above: browsers do not tell it (rule W3), the map of the surface does.
func (s *Surface) before(v *Visit) string {
	_, pattern, _ := strings.Cut(v.R.Pattern, " ")
	at := v.R.URL.Path
	for strings.Count(pattern, "/") > 1 {
		if slices.ContainsFunc(s.Routes, func(r Route) bool { return r.Pattern == "GET "+pattern }) {
			return at
		}
		pattern, at = pattern[:strings.LastIndexByte(pattern, '/')], at[:strings.LastIndexByte(at, '/')]
	}
	return ""
}
