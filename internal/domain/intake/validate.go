package intake

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Limits of a report, in characters where they are about text.
const (
	MaxSummary     = 500
	MaxDescription = 200_000
	MaxShort       = 320 // name, address, telephone, organisation
	MaxFields      = 100
	MaxField       = 20_000
	MaxObservables = 1000
	MaxFiles       = 50
	MaxFileBytes   = 25 << 20 // all files of one form together
)

// slack is how far a reporter's clock may be ahead of ours.
const slack = 5 * time.Minute

var channels = map[correspondence.Channel]bool{
	correspondence.ByMail: true, correspondence.ByForm: true, correspondence.ByPortal: true, correspondence.ByPhone: true, correspondence.ByAPI: true,
}

// Validate tells all problems of a report at once. The public pages call it before they seal a drop; Receive calls it again. What came as
// mail is never refused here: it was accepted, and is kept as it is.
func Validate(in ReceiveInput, now time.Time) error {
	var p errs.Problems
	b := in.Body
	if !channels[in.Channel] {
		p.Add("channel", "error.choice")
	}
	if in.TLP != "" {
		if _, err := tlp.Parse(in.TLP); err != nil {
			p.Add("tlp", "error.choice")
		}
	}
	if strings.TrimSpace(b.Summary) == "" && strings.TrimSpace(b.Description) == "" && in.Arrival == 0 {
		p.Add("summary", "error.summary_or_description")
	}
	long := func(name, s string, limit int) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			p.Add(name, "error.characters")
		} else if utf8.RuneCountInString(s) > limit {
			p.Add(name, "error.too_long", "most", limit)
		}
	}
	long("summary", b.Summary, MaxSummary)
	long("description", b.Description, MaxDescription)
	long("name", b.Name, MaxShort)
	long("email", b.Email, MaxShort)
	long("phone", b.Phone, MaxShort)
	long("organisation", b.OrgText, MaxShort)
	long("ongoing", b.Ongoing, MaxShort)
	long("kind", b.Kind, MaxShort)
	long("type", b.Type, MaxShort)
	long("lang", in.Lang, 35)
	if b.Email != "" && in.Arrival == 0 && !address(b.Email) {
		p.Add("email", "error.email")
	}
	if len(b.Fields) > MaxFields {
		p.Add("fields", "error.too_many", "most", MaxFields)
	}
	for k, v := range b.Fields {
		if len(k) > 100 {
			p.Add("fields", "error.too_long", "most", 100)
			break
		}
		long(k, v, MaxField)
	}
	if len(b.Observables) > MaxObservables {
		p.Add("observables", "error.too_many", "most", MaxObservables)
	}
	for _, o := range b.Observables {
		if o.Value == "" || len(o.Value) > 4096 || len(o.Type) > 60 || !utf8.ValidString(o.Value+o.Type) {
			p.Add("observables", "error.observable")
			break
		}
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"occurred_at", in.OccurredAt}, {"detected_at", in.DetectedAt}, {"aware_at", in.AwareAt}, {"called_at", in.CalledAt}} {
		if !t.at.IsZero() && t.at.After(now.Add(slack)) {
			p.Add(t.name, "error.past")
		} else if !t.at.IsZero() && t.at.Year() < 1990 {
			p.Add(t.name, "error.date")
		}
	}
	if len(in.Offline) > 64 {
		p.Add("offline", "error.too_long", "most", 64)
	}
	if len(in.Files) > MaxFiles && in.Arrival == 0 {
		p.Add("files", "error.too_many", "most", MaxFiles)
	}
	if b.Behalf != "" && !slices.Contains(Behalves, b.Behalf) {
		p.Add("behalf", "error.choice")
	}
	validAffected(&p, b.Affected)
	validFilings(&p, in.Filings, in.Answers)
	if in.Reference != "" {
		if r, ok := id.ParseReference(in.Reference); !ok || r != in.Reference || !strings.HasPrefix(r, "R-") {
			p.Add("reference", "error.choice")
		}
	}
	if len(in.CodeHash) != 0 && (len(in.CodeHash) != 32 || len(in.CodeKey) != 32) {
		p.Add("code", "error.choice")
	}
	return p.Err()
}

// ParseTime reads a time as people and programs give it. A time without a zone is refused: nobody could say later when it was.
func ParseTime(name, s string, p *errs.Problems) time.Time {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err == nil {
		return t.UTC()
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if _, err := time.Parse(layout, s); err == nil {
			p.Add(name, "error.zone")
			return time.Time{}
		}
	}
	p.Add(name, "error.date")
	return time.Time{}
}

// address tells whether s looks like one mail address. Whether anybody reads it is not known before a mail was answered.
func address(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || !strings.Contains(domain, ".") || strings.ContainsAny(s, " \t\r\n<>()[],;:\\\"") || strings.Count(s, "@") != 1 {
		return false
	}
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}
