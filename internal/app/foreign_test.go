package app

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// refers tells whether a control of a form names an object.
func refers(c control) bool {
	uid := func(s string) bool { return id.Valid(s) || inPath.MatchString(s) && len(s) > 6 }
	return c.Name != "once" && c.Name != "code" && (uid(c.Value) || slices.ContainsFunc(c.Options, uid) ||
		regexp.MustCompile(`^(ref|incident|organisation|party|report|contact|request|measure|thread|message|subject|task|handler|to)$`).MatchString(c.Name))
}

// TestForeignReferencesInForms holds rule A3 for the pages, generated from the forms themselves: in every form of the desk and the portal, every
// field and every part of the address that names an object is given the name of one that its sender may not see, of every kind. The answer is
// the one for a name that never was, to the byte, and nothing changes.
func TestForeignReferencesInForms(t *testing.T) {
	onEach(t, func(h *house) {
		w, orgs := h.build()
		handler, _ := h.routes()
		h.open(handler)
		tried, forms := 0, 0
		for _, role := range []access.Role{access.Lead, access.Constituent} {
			org, foreign := "", w.sealed
			from := append(slices.Clone(doorsOf), "/desk/incidents/"+w.ours["incident"], "/desk/incidents/"+w.ours["incident"]+"/ask", "/desk/reports/"+w.ours["report"], "/desk/parties/"+w.ours["party"], "/desk/threads/"+w.ours["thread"])
			if role == access.Constituent {
				org, foreign = orgs["ours"].UID, w.theirs
			}
			b := h.person(role, string(role)+"@foreign.example", org)
			done := map[string]bool{}
			for at, body := range b.crawl(1, from...) {
				list, _ := formsOf(at, body)
				for _, s := range list {
					if done[s.key()] || ends(s.Action) || !s.Post || !strings.HasPrefix(s.Action, "/desk/") && !strings.HasPrefix(s.Action, "/portal/") {
						continue
					}
					done[s.key()] = true
					forms++
					send := func(name, object string) answer {
						return b.submit(s, s.filled(nil, func(c control) (string, bool) {
							switch {
							case c.Name == name:
								return object, true
							case textLike.MatchString(c.Type) && c.Value == "":
								return "as typed", true
							}
							return "", false
						}), "")
					}
					for _, c := range s.Controls {
						if !refers(c) {
							continue
						}
						before := h.tables()
						absent := id.New()
						gone := send(c.Name, absent)
						if !maps.Equal(before, h.tables()) {
							h.t.Logf("%s: %s takes a name that never was: %d", s.Action, c.Name, gone.Status)
							continue
						}
						for kind, object := range foreign {
							if kind == "kind" || kind == "field" || ofTheHouse.MatchString("{"+kind+"}") && role == access.Lead || object == "" {
								continue
							}
							tried++
							a := send(c.Name, object)
							was, is := told(gone, absent), told(a, object)
							if was != is {
								h.t.Errorf("%s %s: %s of another as %s differs from one that never was\n%s", role, s.Action, kind, c.Name, cmp.Diff(was, is))
							}
						}
						if now := h.tables(); !maps.Equal(before, now) {
							h.t.Errorf("%s %s: a name of another's as %s changed something", role, s.Action, c.Name)
						}
					}
				}
			}
		}
		h.t.Logf("%d forms, %d foreign names", forms, tried)
		if forms < 20 || tried < 100 {
			h.t.Errorf("only %d forms and %d foreign names: this test does not look where it should", forms, tried)
		}
	})
}

// told is what an answer tells, beside the name that was asked for and what is drawn anew.
func told(a answer, name string) string {
	return drawnHidden.ReplaceAllString(strings.ReplaceAll(same(a, "/x/"), name, "ID"), "once")
}
