package abuse

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// feedback are the types of RFC 5965, 6430, 6591 and what is registered since.
var feedback = map[string]bool{"abuse": true, "fraud": true, "virus": true, "other": true, "not-spam": true, "opt-out": true, "opt-out-list": true, "miscategorized": true, "auth-failure": true}

// once are the fields that may stand once (RFC 5965 sections 3.1 and 3.2).
var once = map[string]bool{
	"feedback-type": true, "user-agent": true, "version": true, "arrival-date": true, "received-date": true, "source-ip": true, "source-port": true,
	"original-envelope-id": true, "original-mail-from": true, "incidents": true, "reporting-mta": true,
}

// arf reads a feedback report: in a multipart/report, or, as some write it, in any other multipart or as plain text.
func arf(m *mail.Message, f *Found) {
	for _, p := range parts(m) {
		if p.Type != "message/feedback-report" && !(p.Is("text/plain") && p.Parent != nil && p.Parent.Type == "multipart/report" && bareFeedback(p)) {
			continue
		}
		for _, h := range mail.Fields(p.Bytes) {
			if !h.Has("Feedback-Type") && !h.Has("Source-IP") && !h.Has("Reported-Domain") && !h.Has("Reported-URI") {
				continue
			}
			r := arfReport(h)
			r.Original = original(p)
			r.Reporter = reporterOf(m)
			f.Reports = append(f.Reports, r)
		}
	}
	if len(f.Reports) == 0 {
		hotmail(m, f)
	}
}

// complaint is the subject of what Hotmail and Outlook.com send to who runs a network when a reader of theirs marked a mail: no fields, the mail alone.
var complaint = regexp.MustCompile(`(?i)^\s*complaint about message from ([0-9a-f.:]{3,45})\s*$`)

// hotmail reads such a complaint.
func hotmail(m *mail.Message, f *Found) {
	found := complaint.FindStringSubmatch(m.Subject())
	if found == nil {
		return
	}
	source := sourceOf(found[1])
	if !source.Addr.IsValid() {
		return
	}
	for _, p := range m.Root.Parts {
		if p.Type != "message/rfc822" {
			continue
		}
		r := Report{Format: ARF, Type: "abuse", Original: p.Bytes, Reporter: reporterOf(m)}
		r.source(source)
		r.At, _ = m.Date()
		f.Reports = append(f.Reports, r)
		return
	}
}

func bareFeedback(p *mail.Part) bool {
	return len(p.Bytes) > 14 && strings.EqualFold(string(p.Bytes[:14]), "Feedback-Type:")
}

func reporterOf(m *mail.Message) Party {
	for _, a := range m.From() {
		_, domain, _ := strings.Cut(a.Addr, "@")
		return Party{Name: clean(a.Name), Email: clean(a.Addr), Domain: strings.ToLower(clean(domain))}
	}
	return Party{}
}

// original gives the mail that stands beside the fields, or its head.
func original(p *mail.Part) []byte {
	if p.Parent == nil {
		return nil
	}
	for _, q := range p.Parent.Parts {
		switch q.Type {
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
			return q.Bytes
		}
	}
	return nil
}

func arfReport(h mail.Header) Report {
	r := Report{Format: ARF}
	seen := map[string]bool{}
	port := 0
	for _, field := range h {
		name, value := strings.ToLower(field.Name), clean(field.Value)
		if once[name] && seen[name] {
			r.problem(RepeatedName)
			continue
		}
		seen[name] = true
		switch name {
		case "feedback-type":
			r.Type = strings.ToLower(value)
			if !feedback[r.Type] {
				r.problem(UnknownType)
			}
		case "version":
			r.Version = value
			if value != "1" && value != "0.1" && value != "1.0" {
				r.problem(BadVersion)
			}
		case "source-ip":
			s := sourceOf(value)
			if !s.Addr.IsValid() {
				r.problem(BadSource)
			}
			r.source(s)
		case "source-port":
			port, _ = strconv.Atoi(value)
		case "arrival-date", "received-date":
			if t := when(value); !t.IsZero() && r.At.IsZero() {
				r.At = t
			}
			if r.At.IsZero() {
				r.problem(NoTime)
			}
		case "reported-uri":
			s := sourceOf(value)
			if s.URL == "" {
				s.URL = value
			}
			r.source(s)
		case "incidents":
			if n, err := strconv.Atoi(value); err == nil && n > 0 && n < 1<<31 {
				r.Count = n
			} else {
				r.problem(BadField)
			}
		case "reported-domain":
			// Many feedback loops write their own domain here; it is the source only where nothing else is.
			r.detail(field.Name, value)
		default:
			r.detail(field.Name, value)
		}
	}
	if port > 0 && port < 65536 && len(r.Sources) > 0 {
		r.Sources[0].Port = port
	}
	if len(r.Sources) == 0 && h.Has("Reported-Domain") {
		r.source(sourceOf(h.Get("Reported-Domain")))
	}
	if r.Type == "" {
		r.problem(NoType)
	}
	return r
}
