package abuse

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// written4 is the version of the format that is written: xarf.org, specification 4.2.0.
const written4 = "4.2.0"

// NewXARF4 is what WriteXARF4 says about one thing that stands somewhere and is to be ended.
type NewXARF4 struct {
	ID       string // a UUID: the same report written again has the same
	At       time.Time
	Reporter Party // Org, Email, Domain
	Category string
	Type     string
	Source   string // address or name from which it comes
	Port     int    // 0 unknown
	URL      string // asked for by all types of the category content
	Words    string // what was seen, at most 1,000 characters are written
	Fraud    string // fraud_type, asked for by content/fraud
	Control  string // c2_server of infrastructure/botnet
}

type contact4 struct {
	Org     string `json:"org"`
	Contact string `json:"contact"`
	Domain  string `json:"domain"`
}

type file4 struct {
	Version     string   `json:"xarf_version"`
	ID          string   `json:"report_id"`
	At          string   `json:"timestamp"`
	Reporter    contact4 `json:"reporter"`
	Sender      contact4 `json:"sender"`
	Source      string   `json:"source_identifier"`
	Port        int      `json:"source_port,omitempty"`
	Category    string   `json:"category"`
	Type        string   `json:"type"`
	Evidence    string   `json:"evidence_source"`
	URL         string   `json:"url,omitempty"`
	Fraud       string   `json:"fraud_type,omitempty"`
	Control     string   `json:"c2_server,omitempty"`
	Compromise  string   `json:"compromise_evidence,omitempty"`
	Description string   `json:"description,omitempty"`
}

// WriteXARF4 writes one report as XARF v4 (specification 4.2.0, JSON). It is an error for a type that the format does not have or a field that the type asks for.
func WriteXARF4(n NewXARF4) ([]byte, error) {
	known := false
	for _, t := range strings.Fields(types4[n.Category]) {
		known = known || t == n.Type
	}
	switch {
	case !known:
		return nil, errors.New("xarf: the format has no such type")
	case len(n.ID) != 36 || n.At.IsZero() || n.Source == "" || n.Reporter.Org == "" || n.Reporter.Email == "" || n.Reporter.Domain == "":
		return nil, errors.New("xarf: a field that every report asks for is missing")
	case n.Category == "content" && n.URL == "", n.Type == "fraud" && n.Fraud == "", n.Type == "botnet" && n.Words == "":
		return nil, errors.New("xarf: a field that the type asks for is missing")
	}
	who := contact4{n.Reporter.Org, n.Reporter.Email, n.Reporter.Domain}
	words := n.Words
	if r := []rune(words); len(r) > 1000 {
		words = string(r[:1000])
	}
	f := file4{
		Version: written4, ID: n.ID, At: n.At.UTC().Format(time.RFC3339), Reporter: who, Sender: who, Source: n.Source, Port: n.Port, Category: n.Category, Type: n.Type,
		Evidence: "researcher_analysis", URL: n.URL, Fraud: n.Fraud, Control: n.Control, Description: words,
	}
	if n.Type == "botnet" {
		f.Compromise = words
	}
	return json.MarshalIndent(f, "", "  ")
}
