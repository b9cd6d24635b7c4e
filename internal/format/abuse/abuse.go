// Package abuse reads machine-readable reports of abuse that stand in a mail, each format into one type: ARF (RFC 5965, with the authentication
// failures of RFC 6591), X-ARF 0.1 and 0.2, X-ARF v1 to v3 and XARF v4, and tables as CSV.
//
// Reading is kind: whatever can be understood is given, what breaks the format is told as a [Problem] beside it. Nothing here is checked against the
// world: a Report is what its sender claims. It is pure and reaches nothing.
//
//	In        all reports and tables of a mail
//	arf.go    message/feedback-report
//	json.go   which XARF a JSON is: xarf4.go, xarf3.go (versions 1 to 3)
//	xarf0.go  the older form in lines
//	class.go  which RSIT type a report proposes
//	table.go  CSV
package abuse

import (
	"net/netip"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Format names what a report was written in.
type Format string

// The formats.
const (
	ARF    Format = "arf"
	XARF0  Format = "xarf0" // fields in lines, version 0.1 or 0.2
	XARF3  Format = "xarf3" // JSON with ReporterInfo and Report: versions 1 to 3
	XARF4  Format = "xarf4"
	Tables Format = "table" // nothing but CSV
)

// Limits of what is read from one mail.
const (
	MaxReports  = 200
	MaxEvidence = 50
	maxValue    = 2000 // characters of one value
	maxJSON     = 8 << 20
)

// Problem is what breaks the format. Upstairs it is a key of the message catalogue.
type Problem string

// The problems.
const (
	NoSource     Problem = "no_source"      // it does not say where the abuse comes from
	BadSource    Problem = "bad_source"     // a source that is no address, name or URL
	NoTime       Problem = "no_time"        // no time, or none that can be read
	NoType       Problem = "no_type"        // no category or type
	UnknownType  Problem = "unknown_type"   // a category or type that the format does not have
	NoReporter   Problem = "no_reporter"    // nobody reports, or without an address
	BadField     Problem = "bad_field"      // a field of another kind than the format says
	BadVersion   Problem = "bad_version"    // a version that is not known
	BadHash      Problem = "bad_hash"       // the hash of a piece of evidence is not that of its bytes
	BadEvidence  Problem = "bad_evidence"   // evidence that cannot be decoded
	TooMuch      Problem = "too_much"       // more than is read
	RepeatedName Problem = "repeated_field" // a field that may stand once stands twice
)

// Source is where the abuse comes from. Addr, Domain and URL are set as far as the words give them.
type Source struct {
	Text   string // as the report says
	Addr   netip.Addr
	Domain string // lower case
	URL    string
	Port   int // 0 unknown
}

// IsZero tells whether nothing is known.
func (s Source) IsZero() bool { return s == Source{} }

// Party is who reports, or on whose behalf.
type Party struct {
	Org, Name, Email, Domain string
}

// Detail is one more thing that a report says, by the name of its field.
type Detail struct{ Name, Value string }

// Evidence is a piece that lies in a report.
type Evidence struct {
	Type, Name, Description string
	Content                 []byte
}

// Report is one report of one event.
type Report struct {
	Format   Format
	Version  string
	ID       string
	Category string // as the format calls it: "connection", "Activity", "abuse"
	Type     string
	Class    string // the RSIT code that it proposes; "" for none
	Sources  []Source
	Targets  []Source
	At       time.Time // when it happened, or began
	Until    time.Time
	Count    int // incidents that it stands for; 0 unsaid
	Reporter Party
	Sender   Party // who hands it in for the reporter
	Details  []Detail
	Evidence []Evidence
	Original []byte // the mail that it is about, or its head
	Problems []Problem
}

// Found is what a mail holds.
type Found struct {
	Reports []Report
	Tables  []Table
	Cut     bool // there was more than is read
	Broken  int  // values of JSON that could not be read beside those that could

	unpacked int64 // bytes that came out of archives
	archives int   // that were opened
}

func (r *Report) problem(p Problem) {
	for _, x := range r.Problems {
		if x == p {
			return
		}
	}
	r.Problems = append(r.Problems, p)
}

func (r *Report) detail(name, value string) {
	value = clean(value)
	if value == "" {
		return
	}
	if len(r.Details) >= 100 {
		r.problem(TooMuch)
		return
	}
	r.Details = append(r.Details, Detail{clean(name), value})
}

// clean gives a value as one short line that is safe to show.
func clean(s string) string {
	s = mail.Visible(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), " "))
	if r := []rune(s); len(r) > maxValue {
		return string(r[:maxValue])
	}
	return s
}

// In gives what stands in a mail: its reports in order, and its tables. It is empty for a mail of a person.
func In(m *mail.Message) Found {
	var f Found
	arf(m, &f)
	if len(f.Reports) == 0 {
		xarfLines(m, &f)
	}
	for _, p := range parts(m) {
		switch {
		case len(p.Parts) > 0 || p.Limited:
		case mayJSON(p):
			f.json(p.Bytes)
		default:
			f.table(p)
		}
	}
	if len(f.Reports) > MaxReports {
		f.Reports, f.Cut = f.Reports[:MaxReports], true
	}
	for i := range f.Reports {
		f.Reports[i].finish()
	}
	return f
}

// parts are the leaves of the mail itself, not those of mails within it.
func parts(m *mail.Message) []*mail.Part {
	var all []*mail.Part
	var walk func(p *mail.Part)
	walk = func(p *mail.Part) {
		if strings.HasPrefix(p.Type, "message/") && p.Type != "message/feedback-report" {
			return
		}
		if len(p.Parts) == 0 {
			all = append(all, p)
		}
		for _, c := range p.Parts {
			walk(c)
		}
	}
	walk(m.Root)
	return all
}

// finish says what is missing, and proposes a class.
func (r *Report) finish() {
	if len(r.Sources) == 0 && !strings.HasPrefix(r.Type, "PotentiallyCompromised") { // those name an account
		r.problem(NoSource)
	}
	for _, s := range r.Sources {
		if !s.Addr.IsValid() && s.Domain == "" && s.URL == "" {
			r.problem(BadSource)
		}
	}
	if r.At.IsZero() {
		r.problem(NoTime)
	}
	r.Class = class(r)
}
