package desk

import (
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// roleFields are the words to each part that is in a sending, in each language that it reads.
func roleFields(p *text.Printer, g coordination.Give, lines []coordination.SendingLine, bad map[string]string) (out []templ.Component) {
	counts := map[coordination.Role]map[string]int{}
	for _, l := range lines {
		if l.Out || g.ByRole[l.Role] == nil {
			continue
		}
		if counts[l.Role] == nil {
			counts[l.Role] = map[string]int{}
		}
		counts[l.Role][l.Lang]++
	}
	for _, role := range coordination.Roles() {
		for _, lang := range coordination.Groups(counts[role]) {
			w, at := g.ByRole[role][lang], "-"+string(role)+"-"+lang
			say := func(key string) string {
				return p.T(key, "role", roleName(p, role), "lang", text.Name(text.Lang(lang)), "count", p.N("desk.many.readers", counts[role][lang]))
			}
			out = append(out, page.Field(p, page.FieldView{ID: "text" + at, Name: "text" + at, Rows: 3, Label: say("desk.sending.role.text"), Value: w.Text, Error: bad["text"+at]}),
				page.Field(p, page.FieldView{ID: "request" + at, Name: "request" + at, Rows: 5, Label: say("desk.sending.role.request"), Value: w.Request, Error: bad["request"+at]}))
		}
	}
	return out
}

// typedByRole is what stands in a form of the words by part, over what was there: a language that the form does not show stays.
func typedByRole(form url.Values, was map[coordination.Role]map[string]coordination.Words) map[coordination.Role]map[string]coordination.Words {
	if len(was) == 0 {
		return nil
	}
	out := map[coordination.Role]map[string]coordination.Words{}
	for role, words := range was {
		out[role] = map[string]coordination.Words{}
		for _, l := range text.Langs() {
			w, at := words[string(l)], "-"+string(role)+"-"+string(l)
			if slices.ContainsFunc([]string{"text" + at, "request" + at}, form.Has) {
				w = coordination.Words{Text: form.Get("text" + at), Request: form.Get("request" + at)}
			}
			out[role][string(l)] = w
		}
	}
	return out
}
