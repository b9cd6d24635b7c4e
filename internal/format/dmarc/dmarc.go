// Package dmarc reads what other mail servers tell about mail under a domain's name: DMARC aggregate reports (RFC 7489 appendix C, RFC 9990) and
// TLS reports (RFC 8460). Both are routine: sums by the day, not incidents. It is pure.
package dmarc

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html/charset"

	"github.com/tocsin-csirt/tocsin/internal/format/pack"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Limits of one report.
const (
	MaxBytes   = 32 << 20
	maxSources = 20
)

// maxRecords is how many records are summed.
var maxRecords = 200_000

// Summary is what such a report says in sum.
type Summary struct {
	Kind     string // "dmarc" or "tls"
	Org      string // who reports
	Email    string
	ID       string
	Domain   string // whose mail it is about
	Policy   string // what the domain asks for: "none", "quarantine", "reject"
	From, To time.Time
	Records  int
	More     int   // records beyond those that were summed
	Messages int64 // or sessions
	Failed   int64 // neither SPF nor DKIM held; of a TLS report the failed sessions
	Sources  []Source
}

// Source is an address that sent mail which failed, with how many.
type Source struct {
	Addr  netip.Addr
	Count int64
}

// ErrNone says that the bytes are no such report.
var ErrNone = errors.New("no DMARC or TLS report")

// Read reads a report as it comes: XML or JSON, as it is or in gzip or zip. ErrNone for anything else, also for one that is not well formed: then a
// person looks.
func Read(raw []byte) (Summary, error) {
	if files, cut := pack.Open(raw, pack.Limits{Files: 2, Bytes: MaxBytes}); len(files) > 0 {
		if len(files) != 1 || cut {
			return Summary{}, ErrNone
		}
		raw = files[0].Content
	}
	if len(raw) > MaxBytes {
		return Summary{}, ErrNone
	}
	start := bytes.TrimLeft(raw[:min(len(raw), 1000)], " \t\r\n\xef\xbb\xbf")
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return aggregate(raw)
	case bytes.HasPrefix(start, []byte("{")):
		return tls(raw)
	}
	return Summary{}, ErrNone
}

type feedback struct {
	Meta struct {
		Org   string `xml:"org_name"`
		Email string `xml:"email"`
		ID    string `xml:"report_id"`
		Range struct {
			Begin string `xml:"begin"`
			End   string `xml:"end"`
		} `xml:"date_range"`
	} `xml:"report_metadata"`
	Policy struct {
		Domain string `xml:"domain"`
		P      string `xml:"p"`
	} `xml:"policy_published"`
}

type record struct {
	Row struct {
		Source string `xml:"source_ip"`
		Count  string `xml:"count"`
		Policy struct {
			DKIM string `xml:"dkim"`
			SPF  string `xml:"spf"`
		} `xml:"policy_evaluated"`
	} `xml:"row"`
}

// aggregate reads record by record: the whole need not fit into memory twice.
func aggregate(raw []byte) (Summary, error) {
	s := Summary{Kind: "dmarc"}
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.CharsetReader = charset.NewReaderLabel
	d.Entity = map[string]string{}
	depth, root := 0, false
	var f feedback
	failed := map[netip.Addr]int64{}
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Summary{}, ErrNone
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 1:
				root = t.Name.Local == "feedback"
				if !root {
					return Summary{}, ErrNone
				}
			case depth == 2:
				var err error
				switch t.Name.Local {
				case "report_metadata":
					err = d.DecodeElement(&f.Meta, &t)
				case "policy_published":
					err = d.DecodeElement(&f.Policy, &t)
				case "record":
					var r record
					switch err = d.DecodeElement(&r, &t); {
					case err != nil:
					case s.Records < maxRecords:
						s.add(r, failed)
					default:
						s.More++
					}
				default:
					err = d.Skip()
				}
				if err != nil {
					return Summary{}, ErrNone
				}
				depth--
			}
		case xml.EndElement:
			depth--
		}
	}
	if !root || f.Policy.Domain == "" || s.Records == 0 {
		return Summary{}, ErrNone
	}
	s.Org, s.Email, s.ID = trim(f.Meta.Org), trim(f.Meta.Email), trim(f.Meta.ID)
	s.Domain, s.Policy = strings.ToLower(trim(f.Policy.Domain)), strings.ToLower(trim(f.Policy.P))
	s.From, s.To = unix(f.Meta.Range.Begin), unix(f.Meta.Range.End)
	s.top(failed)
	return s, nil
}

func (s *Summary) add(r record, failed map[netip.Addr]int64) {
	n, err := strconv.ParseInt(trim(r.Row.Count), 10, 64)
	if err != nil || n < 0 || n > mostCount {
		n = 0
	}
	s.Records++
	s.Messages += n
	if strings.EqualFold(trim(r.Row.Policy.DKIM), "pass") || strings.EqualFold(trim(r.Row.Policy.SPF), "pass") {
		return
	}
	s.Failed += n
	if a, err := netip.ParseAddr(trim(r.Row.Source)); err == nil {
		failed[a.Unmap().WithZone("")] += n
	}
}

// top keeps the addresses with most failures, most first.
func (s *Summary) top(failed map[netip.Addr]int64) {
	for len(s.Sources) < maxSources && len(failed) > 0 {
		var best netip.Addr
		for a, n := range failed {
			if !best.IsValid() || n > failed[best] || n == failed[best] && a.Less(best) {
				best = a
			}
		}
		s.Sources = append(s.Sources, Source{best, failed[best]})
		delete(failed, best)
	}
}

func trim(s string) string {
	s = mail.Visible(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), " "))
	if r := []rune(s); len(r) > 300 {
		return string(r[:300])
	}
	return s
}

// unix reads seconds since 1970, as some write them with a fraction.
func unix(s string) time.Time {
	n, err := strconv.ParseFloat(trim(s), 64)
	if err != nil || n < 0 || n > 7258118400 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}

// mostCount bounds one count of a report: sums of a whole file stay far below what an int64 holds.
const mostCount = 1 << 40

// tls reads the sums of a TLS report.
func tls(raw []byte) (Summary, error) {
	var r struct {
		Org     string `json:"organization-name"`
		Contact string `json:"contact-info"`
		ID      string `json:"report-id"`
		Range   struct {
			Start time.Time `json:"start-datetime"`
			End   time.Time `json:"end-datetime"`
		} `json:"date-range"`
		Policies []struct {
			Policy struct {
				Domain string `json:"policy-domain"`
			} `json:"policy"`
			Summary struct {
				Good   int64 `json:"total-successful-session-count"`
				Failed int64 `json:"total-failure-session-count"`
			} `json:"summary"`
		} `json:"policies"`
	}
	if json.Unmarshal(raw, &r) != nil || len(r.Policies) == 0 || r.Org == "" {
		return Summary{}, ErrNone
	}
	s := Summary{Kind: "tls", Org: trim(r.Org), Email: trim(r.Contact), ID: trim(r.ID), From: r.Range.Start.UTC(), To: r.Range.End.UTC(), Records: len(r.Policies)}
	for _, p := range r.Policies {
		if s.Domain == "" {
			s.Domain = strings.ToLower(trim(p.Policy.Domain))
		}
		good, failed := p.Summary.Good, p.Summary.Failed
		if good < 0 || failed < 0 || good > mostCount || failed > mostCount { // no report of this world: it waits for a person
			return Summary{}, ErrNone
		}
		s.Messages += good + failed
		s.Failed += failed
	}
	if s.Domain == "" {
		return Summary{}, ErrNone
	}
	return s, nil
}
