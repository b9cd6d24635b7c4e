package abuse

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// xarfLines reads X-ARF 0.1 and 0.2: the second part of a mail that says "X-XARF" or "X-ARF" holds fields in lines.
func xarfLines(m *mail.Message, f *Found) {
	h := m.Header()
	said := h.Has("X-XARF") || h.Has("X-ARF")
	for i, p := range parts(m) {
		if i == 0 && p.Parent != nil || !p.Is("text/plain") || len(p.Bytes) > 256<<10 {
			continue
		}
		text, _ := p.Text()
		fields := lines(text)
		if fields["reported-from"] == "" || fields["report-type"] == "" && fields["category"] == "" {
			continue
		}
		if !said && fields["schema-url"] == "" {
			continue
		}
		r := xarf0(fields)
		r.Original = original(p)
		for _, q := range parts(m)[i+1:] {
			if len(r.Evidence) < MaxEvidence {
				r.Evidence = append(r.Evidence, Evidence{Type: q.Type, Name: q.Filename, Content: q.Bytes})
			}
		}
		f.Reports = append(f.Reports, r)
	}
}

// lines reads "Name: value", by lower-case name; what is not that is passed over.
func lines(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" || strings.ContainsAny(name, " \t/") || len(name) > 40 || len(out) > 200 {
			continue
		}
		if _, twice := out[name]; !twice {
			out[name] = clean(strings.Trim(strings.TrimSpace(value), `"'`))
		}
	}
	return out
}

func xarf0(x map[string]string) Report {
	r := Report{Format: XARF0, Version: x["version"], ID: x["report-id"], Category: x["category"], Type: x["report-type"], At: when(x["date"])}
	r.Reporter = Party{Email: x["reported-from"]}
	if _, d, ok := strings.Cut(x["reported-from"], "@"); ok {
		r.Reporter.Domain = strings.ToLower(d)
	} else {
		r.problem(NoReporter)
	}
	s := sourceOf(x["source"])
	if n, err := strconv.Atoi(x["port"]); err == nil && n > 0 && n < 65536 && s.Port == 0 && !s.IsZero() {
		s.Port = n
	}
	r.source(s)
	if r.Type == "" || r.Category == "" {
		r.problem(NoType)
	}
	if n, err := strconv.Atoi(x["occurrences"]); err == nil && n > 0 {
		r.Count = n
	}
	var names []string
	for name := range x {
		switch name {
		case "version", "report-id", "category", "report-type", "date", "reported-from", "source", "port", "occurrences":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.detail(name, x[name])
	}
	return r
}
