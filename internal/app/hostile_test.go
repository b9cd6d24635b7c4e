package app

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// ends are forms that end the walk of whoever sends them.
func ends(action string) bool {
	for _, s := range []string{"/logout", "/sessions/", "/account/password", "/disable", "/lost", "/people/", "/stop-mail", "/account/factor"} {
		if strings.Contains(action, s) {
			return !strings.HasPrefix(action, "/portal/people/invite") && !strings.HasPrefix(action, "/portal/people/keys")
		}
	}
	return false
}

// everybody signs one of each role in. What stands in own is what the portal's people see.
func (h *house) everybody(org string) map[access.Role]*browser {
	h.t.Helper()
	out := map[access.Role]*browser{}
	for _, role := range access.AllRoles {
		if role == access.Machine {
			continue
		}
		of := ""
		if role == access.Constituent || role == access.ConstituentAdmin {
			of = org
		}
		out[role] = h.person(role, string(role)+"@everybody.example", of)
	}
	return out
}

// doorsOf are the pages from which a crawl begins.
var doorsOf = []string{"/", "/report", "/suspicious", "/suspicious/received", "/vulnerability", "/r", "/login", "/desk", "/desk/admin", "/desk/phone", "/desk/duty", "/desk/duty/ways", "/desk/duty/plan", "/desk/duty/channels", "/desk/codes", "/desk/duty/down", "/desk/questions", "/desk/questions/new", "/desk/admin/ladders/new", "/desk/difference", "/desk/suspicious", "/desk/suspicious-single", "/desk/incidents/new", "/desk/search?q=case", "/desk/break-glass", "/desk/admin/rules/eu-nis2", "/desk/triage/spam", "/desk/admin/reasons/new", "/desk/admin/routine/new", "/desk/significance/eu-2024-2690", "/desk/alarms", "/desk/account/codes", "/portal/", "/portal/account", "/portal/reports/new", "/portal/report", "/portal/report/what", "/portal/report/stage", "/portal/report/part/1", "/portal/report/part/2", "/portal/report/check", "/portal/report/saved", "/portal/report/significance/eu-2024-2690", "/report/significance", "/report/significance/eu-2024-2690", "/portal/report/significance", "/portal/organisation/change", "/portal/organisation/key", "/portal/stages", "/portal/people/invite", "/portal/people/keys/new", "/portal/people/activity", "/portal/assets", "/portal/assets/new", "/desk/constituency/todo", "/register", "/register/part/1", "/desk/registrations", "/desk/registrations/owed", "/portal/registration", "/portal/registration/form", "/desk/targets", "/desk/targets/times", "/desk/providers", "/desk/providers/new", "/desk/constituency/liaisons", "/desk/admin/sign-in/new"}

// hostileValues are what no browser sends of itself.
var hostileValues = []string{
	"\xff\xfe", "a\x00b", "\u202e\u2066\ufeff\ufffe", "'\"<>)(;--", "99999999999999999999", "-1", "0", strings.Repeat("9", 400), strings.Repeat("é", 25000), "%00%ff%zz", "../../../etc/passwd", "\r\nSet-Cookie: a=b\r\n\r\n<html>",
}

// TestHostileFieldsAreRefused sends every form of every role with values that no browser sends, in each field alone and in all of them, twice
// and by other content types, and every page with such parameters and paths (rules W4, W8, D4): nobody hears of an error of ours. A form takes a
// third of the values, the next one the next third: all of them for each form take minutes.
func TestHostileFieldsAreRefused(t *testing.T) {
	onEach(t, func(h *house) {
		w, orgs := h.build()
		handler, lines := h.routes()
		h.open(handler)
		people := h.everybody(orgs["ours"].UID)
		sent := 0
		check := func(role access.Role, what string, a answer) {
			t := h.t
			sent++
			if a.Status >= 500 && !full(a) {
				t.Errorf("%s: %.300q: %d\n%s", role, what, a.Status, lastFailure(h.log))
			}
			for name, values := range a.Header {
				for _, v := range values {
					if strings.ContainsAny(v, "\r\n\x00") {
						t.Errorf("%s: %q: header %s is %q", role, what, name, v)
					}
				}
			}
		}
		done := map[string]bool{}
		for _, role := range access.AllRoles {
			b := people[role]
			if b == nil {
				continue
			}
			pages := b.crawl(1, append(slices.Clone(doorsOf), "/desk/incidents/"+w.ours["incident"], "/desk/incidents/"+w.ours["incident"]+"/chase", "/desk/incidents/"+w.ours["incident"]+"/ladder", "/desk/parties/"+w.ours["party"]+"/step", "/desk/incidents/"+w.ours["incident"]+"/calls", "/desk/meetings/"+w.ours["meeting"], "/desk/situations/"+w.ours["situation"], "/desk/reports/"+w.ours["report"], "/desk/reports/"+w.ours["report"]+"/stages", "/desk/parties/"+w.ours["party"], "/desk/sendings/"+w.ours["sending"], "/desk/registrations/"+w.ours["registration"], "/desk/targets/"+w.ours["target"], "/desk/proposals/"+w.ours["proposal"], "/portal/stages/"+w.ours["obligation"]+"/file")...)
			var addresses []string
			for at := range pages {
				addresses = append(addresses, at)
			}
			slices.Sort(addresses)
			for _, at := range addresses {
				forms, _ := formsOf(at, pages[at])
				for _, s := range forms {
					if done[s.key()] || ends(s.Action) {
						continue
					}
					done[s.key()] = true
					for n, bad := range hostileValues {
						if (n+len(done))%3 != 0 {
							continue
						}
						check(role, s.Action+" all "+bad, b.submit(s, s.filled(nil, func(control) (string, bool) { return bad, true }), "a\x00\u202e\xff.txt"))
					}
					for n, c := range s.Controls {
						for _, bad := range []string{hostileValues[0], hostileValues[1+(n+len(done))%5]} { // in turn: each alone, in the time there is
							v := s.filled(nil, func(x control) (string, bool) { return bad, x.Name == c.Name })
							check(role, s.Action+" "+c.Name+" "+bad, b.submit(s, v, ""))
						}
					}
					v := s.filled(nil, nil)
					for name := range v {
						v[name] = append(v[name], v[name]...)
					}
					check(role, s.Action+" twice", b.submit(s, v, ""))
					for n, ct := range []string{"application/json", "multipart/form-data", "multipart/form-data; boundary=x", ""} {
						for k, body := range []string{"", "a=%zz&&;=", "--x\r\n"} {
							if (n+k+len(done))%3 != 0 {
								continue
							}
							r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, b.base+s.Action, strings.NewReader(body))
							h.must(err)
							r.Header.Set("Content-Type", ct)
							check(role, s.Action+" as "+ct+" "+body[:min(9, len(body))], b.do(r))
						}
					}
					if len(done)%8 == 1 {
						check(role, s.Action+" in very many parts", b.parts(s.Action, 1500))
					}
				}
			}
			// Every route's own wildcards and parameters, by those who come through the door.
			for n, l := range lines {
				if right, ok := l.Need.Right(); !map[access.Role]bool{access.Duty: true, access.Admin: true, access.Constituent: true}[role] || ok && !(access.Actor{Account: 1, Roles: []access.Role{role}}).Can(right) || l.Need.IsOpen() && role != access.Duty {
					continue
				}
				method, _, _ := strings.Cut(l.Pattern, " ")
				if ends(l.Pattern) || l.Pattern == "GET /desk/live" {
					continue
				}
				for k, bad := range []string{"%ff", "%00", "%2e%2e", "..%2f..", "a%0d%0ab", "%e2%80%ae", "9223372036854775808", "-1", strings.Repeat("a", 3000), id.New() + "%20"} {
					if k > 1 && (n+k)%3 != 0 {
						continue
					}
					path := wildcard.ReplaceAllString(strings.TrimSuffix(strings.TrimPrefix(l.Pattern, method+" "), "{$}"), strings.ReplaceAll(bad, "$", "$$"))
					r, err := http.NewRequestWithContext(h.t.Context(), method, b.base+path+"?after="+bad+"&q="+bad+"&lang="+bad+"&next="+bad+"&kind="+bad+"&queue="+bad+"&organisation="+bad, nil)
					h.must(err)
					r.Header.Set("Sec-Fetch-Site", "same-origin")
					r.Header.Set("Accept-Language", strings.Repeat("x-", 500)+"\xff")
					r.Header.Set("User-Agent", "\xff<script>")
					r.Header.Set("HX-Request", "true")
					r.Header.Set("Last-Event-ID", "\xff")
					check(role, l.Pattern+" "+bad, b.do(r))
				}
			}
		}
		h.t.Logf("%d requests, %d forms", sent, len(done))
		if len(done) < 40 {
			h.t.Errorf("only %d forms were found: this test does not look where it should", len(done))
		}
	})
}

// parts posts a form of very many parts.
func (b *browser) parts(action string, n int) answer {
	b.h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := range n {
		b.h.must(w.WriteField(fmt.Sprint("f", i%7), "x"))
	}
	b.h.must(w.Close())
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.base+action, &body)
	b.h.must(err)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return b.do(r)
}

// full tells that the box of the public forms takes no more: nobody empties it in this test.
func full(a answer) bool {
	return a.Status == http.StatusServiceUnavailable && strings.Contains(a.Body, "phone-bar")
}

// lastFailure is what the process log says of the newest failed request.
func lastFailure(j *journal) string {
	all := j.String()
	if i := strings.LastIndex(all, "request failed"); i >= 0 {
		line, _, _ := strings.Cut(all[i:], "\n")
		return line[:min(len(line), 500)]
	}
	return ""
}
