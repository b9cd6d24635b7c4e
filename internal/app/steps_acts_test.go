package app

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// step lets somebody do something.
func (s *steps) step() {
	m := s.members[s.pick(len(s.members))]
	what := s.pick(100)
	if m.quiet {
		what %= 40 // it only looks
	}
	switch {
	case what < 18:
		s.look(m)
	case what < 26:
		s.pry(m)
	case what < 36:
		s.askAPI(m)
	case what < 40:
		s.follow(m)
	case what < 60:
		s.fill(m)
	case what < 68:
		s.tellAPI(m)
	case what < 73:
		s.writes(m)
	default:
		s.weAct(m, s.pick(len(m.parties)))
	}
}

// look opens a page of its own.
func (s *steps) look(m *stepper) {
	at := s.one(m.paths)
	s.note("page", m, at)
	a := m.portal.get(at)
	if a.Status >= 500 && a.Status != http.StatusServiceUnavailable { // a receipt is still being drawn
		s.t.Fatalf("GET %s: %d", at, a.Status)
	}
	s.read(m, "GET "+at, received(a))
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		return
	}
	_, links := formsOf(at, a.Body)
	for _, l := range links {
		l, _, _ = strings.Cut(l, "#")
		if strings.HasPrefix(l, "/portal") && !strings.Contains(l, "lang=") && !slices.Contains(m.paths, l) {
			m.paths = append(m.paths, l)
		}
	}
	if len(m.paths) > 120 { // what is newest, and where everything begins
		m.paths = append(m.paths[:20:20], m.paths[len(m.paths)-80:]...)
	}
}

// pry opens a page of another, by an address that it cannot know.
func (s *steps) pry(m *stepper) {
	o := s.another(m)
	at := s.one(o.paths)
	if !outward.MatchString(at) {
		return
	}
	s.note("another's page", m, at)
	a := m.portal.get(at)
	if a.Status == http.StatusOK {
		s.t.Fatalf("GET %s: member %d opens what is of member %d", at, m.n, o.n)
	}
	s.read(m, "GET "+at, received(a), outward.FindAllString(at, -1)...)
	forms, _ := formsOf(at, o.portal.get(at).Body)
	for _, f := range forms {
		if f.Post && outward.MatchString(f.Action) {
			a := m.portal.submit(f, s.filled(m, f), "")
			if a.Status < 400 && !strings.HasPrefix(a.to(), "/login") {
				s.t.Fatalf("POST %s: member %d acts on what is of member %d: %d to %s", f.Action, m.n, o.n, a.Status, a.to())
			}
			s.read(m, "POST "+f.Action, received(a), append(outward.FindAllString(f.Action, -1), outward.FindAllString(fmt.Sprint(f.Controls), -1)...)...)
		}
	}
}

// fill sends a form of a page of its own, with words of its own.
func (s *steps) fill(m *stepper) {
	at := s.one(m.paths)
	forms, _ := formsOf(at, m.portal.get(at).Body)
	forms = slices.DeleteFunc(forms, func(f sheet) bool { return !f.Post || ends(f.Action) || !strings.HasPrefix(f.Action, "/portal") })
	if len(forms) == 0 {
		return
	}
	f := forms[s.pick(len(forms))]
	s.note("form", m, f.Action)
	a := m.portal.submit(f, s.filled(m, f), s.word(m)+".txt")
	if a.Status >= 500 {
		s.t.Fatalf("POST %s: %d", f.Action, a.Status)
	}
	s.read(m, "POST "+f.Action, received(a))
	if to := a.to(); strings.HasPrefix(to, "/portal") {
		s.read(m, "after POST "+f.Action, received(m.portal.get(to)))
	}
}

func (s *steps) filled(m *stepper, f sheet) url.Values {
	var button *control
	if len(f.Buttons) > 0 {
		button = &f.Buttons[s.pick(len(f.Buttons))]
	}
	return f.filled(button, func(c control) (string, bool) {
		switch {
		case textLike.MatchString(c.Type) && !outward.MatchString(c.Value):
			return s.word(m), true
		case c.Type == "email":
			return "x@" + strings.TrimPrefix(m.email, "soc@"), true
		case c.Type == "radio":
			return c.Options[0], s.pick(2) == 0
		case c.Type == "select" && len(c.Options) > 1:
			return s.one(c.Options), true
		}
		return "", false
	})
}

// call asks the API by the token of a member.
func (s *steps) call(m *stepper, method, path, body string) answer {
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.base()+"/api/v1"+path, strings.NewReader(body))
	s.must(err)
	r.Header.Set("Authorization", "Bearer "+m.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", id.New())
	}
	return m.link.do(r)
}

func (s *steps) base() string { return "http://" + s.Config.HTTP }

// namesOf are ids that a member has seen by lists of the API.
func (s *steps) namesOf(m *stepper) map[string][]string {
	out := map[string][]string{}
	for _, noun := range []string{"reports", "requests", "measures", "organisations", "obligations"} {
		out[noun] = all(`"id":"([0-9a-z]{26})"`, s.call(m, http.MethodGet, "/"+noun, "").Body)
	}
	return out
}

// askAPI reads an operation, of its own things or of another's.
func (s *steps) askAPI(m *stepper) {
	var gets []api.Operation
	for _, op := range api.Operations() {
		if op.Method == http.MethodGet {
			gets = append(gets, op)
		}
	}
	op := gets[s.pick(len(gets))]
	who, what := m, "api"
	if s.pick(2) == 0 && strings.Contains(op.Path, "{") {
		who, what = s.another(m), "another's api"
	}
	path := op.Path
	if strings.Contains(path, "{") {
		noun := strings.Split(path, "/")[1]
		name := s.one(s.namesOf(who)[noun])
		if name == "" {
			name = id.New()
		}
		path = strings.NewReplacer("{ref}", name, "{id}", name, "{number}", "1", "{message}", id.New(), "{file}", id.New(), "{code}", "eu-nis2").Replace(path)
		if strings.Contains(path, "{") {
			return
		}
	}
	var typed []string
	switch {
	case path == "/search":
		path += "?q=" + s.another(m).name
		typed = append(typed, path[len("/search?q="):])
	case path == "/owners":
		path += "?of=" + strings.TrimPrefix(s.another(m).email, "soc@")
		typed = append(typed, path[len("/owners?of="):])
	case s.pick(3) == 0:
		path += "?limit=1"
	}
	s.note(what, m, path)
	a := s.call(m, http.MethodGet, path, "")
	if a.Status >= 500 && a.Status != http.StatusServiceUnavailable {
		s.t.Fatalf("GET %s: %d %s", path, a.Status, a.Body)
	}
	if who != m && a.Status == http.StatusOK && !strings.HasPrefix(op.Path, "/rule-sets") {
		s.t.Fatalf("GET %s: member %d reads what is of member %d", path, m.n, who.n)
	}
	s.read(m, "GET "+path, received(a), append(typed, outward.FindAllString(path, -1)...)...)
}

// tellAPI writes, to its own things or to another's.
func (s *steps) tellAPI(m *stepper) {
	who := m
	if s.pick(3) == 0 {
		who = s.another(m)
	}
	word := s.word(m)
	due := s.now.Now().Add(100 * time.Hour).Format(time.RFC3339)
	acts := []struct{ noun, act, body string }{
		{"requests", "answer", `{"text":"` + word + `"}`},
		{"measures", "acknowledge", `{}`},
		{"measures", "plan", `{"planned_for":"` + due + `","note":"` + word + `"}`},
		{"measures", "done", `{"note":"` + word + `"}`},
		{"measures", "decline", `{"note":"` + word + `"}`},
		{"reports", "submissions", `{"text":"` + word + `"}`},
		{"reports", "messages", `{"text":"` + word + `"}`},
		{"reports", "files", `{"attachments":[{"name":"` + word + `.txt","base64":"` + base64.StdEncoding.EncodeToString([]byte(word)) + `"}]}`},
		{"reports", "", `{"summary":"` + word + `","description":"` + word + ` happened."}`},
	}
	x := acts[s.pick(len(acts))]
	path := "/" + x.noun
	if x.act != "" {
		name := s.one(s.namesOf(who)[x.noun])
		if name == "" || who.quiet {
			return
		}
		path += "/" + name + "/" + x.act
	} else {
		who = m
	}
	s.note("api write", m, path)
	a := s.call(m, http.MethodPost, path, x.body)
	if a.Status >= 500 || who != m && a.Status < 400 {
		s.t.Fatalf("POST %s: member %d, of member %d: %d %s", path, m.n, who.n, a.Status, a.Body)
	}
	s.read(m, "POST "+path, received(a), outward.FindAllString(path, -1)...)
}

// follow looks at the status of what it reported by the form, and may add to it.
func (s *steps) follow(m *stepper) {
	s.note("link", m)
	a := m.link.get("/r/report")
	s.read(m, "GET /r/report", received(a))
	if m.quiet || s.pick(2) == 0 {
		return
	}
	b := m.link
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.base()+"/r/report", strings.NewReader(values("text", s.word(m)).Encode()))
	s.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", s.stranger())
	s.read(m, "POST /r/report", received(b.do(r)))
}

// stranger is a network that nobody has come from.
func (s *steps) stranger() string {
	s.strangers++
	return fmt.Sprintf("203.%d.%d.1", s.strangers/250%250, s.strangers%250)
}

// form sends a report by the page and gives its code.
func (s *steps) form(m *stepper) string {
	code := id.New()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.base()+"/report/short", strings.NewReader(values(
		"code", code, "summary", s.word(m), "description", s.word(m), "ongoing", "no", "name", s.word(m), "email", m.email, "tlp", "AMBER").Encode()))
	s.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", s.stranger())
	if a := m.link.do(r); a.Status != http.StatusSeeOther {
		s.t.Fatalf("a report by the form: %d %s", a.Status, plain(a.Body))
	}
	return code
}

// receive enters a report of a member by its own hand.
func (s *steps) receive(m *stepper) error {
	by := access.Actor{Name: "R", Roles: []access.Role{access.Constituent}, Organisation: m.org.Ref.ID, Compartments: []int64{m.org.Ref.ID}, Origin: access.ByPage, Strength: access.Password, ProvedAt: s.now.Now(), Lang: "en"}
	by.Account = s.account(access.Constituent, "reporter@"+strings.TrimPrefix(m.email, "soc@"), m.org.UID).ID
	_, err := s.Intake.Receive(s.t.Context(), by, intake.ReceiveInput{
		Channel: correspondence.ByPortal, Lang: "en", TLP: tlp.Green.String(), Original: []byte(`{}`), Body: intake.Body{Summary: s.word(m), Description: s.word(m)},
		Files: []correspondence.FileIn{{Name: s.word(m) + ".txt", Type: "text/plain", Content: strings.NewReader(s.word(m))}},
	})
	return err
}

// writes sends a mail: to the tag of its own thread, to us, or to the tag of another's thread, which somebody gave it. It quotes what it has.
func (s *steps) writes(m *stepper) {
	s.note("mail", m)
	to := teamAddress
	s.fetch()
	if mine := s.mailbox[m.n]; len(mine) > 0 && s.pick(3) > 0 {
		if list, _ := mine[s.pick(len(mine))].Header().Addresses("Reply-To"); len(list) > 0 {
			to = list[0].Addr
		}
	}
	o, answers := s.another(m), "<"+unique()+"@x.example>"
	if theirs := s.mailbox[o.n]; len(theirs) > 0 && !o.quiet {
		letter := theirs[s.pick(len(theirs))]
		if s.pick(2) == 0 {
			answers = "<" + strings.Trim(letter.MessageID(), "<>") + ">"
			s.hand(answers)
		}
		if list, _ := letter.Header().Addresses("Reply-To"); len(list) > 0 && s.pick(4) == 0 {
			to = list[0].Addr
			s.hand(to)
		}
	}
	s.house.mail(m.email, to, crlf("From: "+s.word(m)+" <"+m.email+">\nTo: "+to+"\nSubject: Re: "+s.word(m)+"\nDate: "+rfc5322Now()+"\nMessage-ID: <"+unique()+"@"+strings.TrimPrefix(m.email, "soc@")+">\nIn-Reply-To: "+answers+"\nReferences: "+answers+
		"\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n> "+s.word(m)+"\n"+s.word(m)+"\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=\""+s.word(m)+".txt\"\n\n"+s.word(m)+"\n--b--\n"))
}

// hand notes that a name came to somebody else by a way of their own: from then on both hold it.
func (s *steps) hand(text string) {
	for _, name := range outward.FindAllString(text, -1) {
		s.common[name] = true
	}
}
