package abuse

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/pack"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Limits of tables.
const (
	MaxTables    = 20
	MaxColumns   = 200
	maxRows      = 1_000_000
	maxAddresses = 1000
	maxTable     = 64 << 20 // bytes out of all archives of a mail
	maxArchives  = 20       // of a mail: each is opened in a process
)

// Table is a list of events as CSV: what its columns are called, how many rows it has, the addresses that it names and the time that it spans.
type Table struct {
	Name      string // of the file, with the archive before it: "list.zip/list.csv"
	Columns   []string
	Rows      int
	Sources   []netip.Addr // distinct, at most 1,000
	From, To  time.Time
	Cut       bool // there was more than is read
	SourceCol string
}

// sourceColumns and timeColumns are how such lists call the address that answers for an event, and its time.
var (
	sourceColumns = []string{"ip", "src_ip", "source_ip", "sourceip", "source.ip", "srcip", "ip_address", "ipaddress", "address", "host_ip", "source", "client_ip"}
	timeColumns   = []string{"timestamp", "time", "date", "datetime", "first_seen", "event_time", "time.source", "detected"}
)

// table reads a CSV part, also inside an archive.
func (f *Found) table(p *mail.Part) {
	name := strings.ToLower(p.Filename)
	archive := strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".gz") || p.Type == "application/zip" || p.Type == "application/x-zip-compressed" || p.Type == "application/gzip" || p.Type == "application/x-gzip"
	if archive {
		if f.archives++; f.archives > maxArchives || f.unpacked >= maxTable {
			f.Cut = true
			return
		}
		files, cut := pack.Open(p.Bytes, pack.Limits{Files: MaxTables, Bytes: maxTable - f.unpacked})
		f.Cut = f.Cut || cut
		for _, x := range files {
			f.unpacked += int64(len(x.Content))
			inner := strings.ToLower(x.Name)
			if strings.HasSuffix(inner, ".csv") || strings.HasSuffix(inner, ".tsv") || x.Name == "" && strings.HasSuffix(name, ".csv.gz") {
				f.addTable(p.Filename+"/"+clean(x.Name), x.Content)
			}
		}
		return
	}
	if p.Type == "text/csv" || p.Type == "text/comma-separated-values" || p.Type == "text/tab-separated-values" || strings.HasSuffix(name, ".csv") || strings.HasSuffix(name, ".tsv") {
		f.addTable(p.Filename, p.Bytes)
	}
}

func (f *Found) addTable(name string, raw []byte) {
	if len(f.Tables) >= MaxTables {
		f.Cut = true
		return
	}
	if t, err := ReadTable(raw); err == nil {
		t.Name = strings.TrimSuffix(clean(name), "/")
		f.Tables = append(f.Tables, t)
	}
}

var errNoTable = errors.New("no table")

// ReadTable reads CSV whose first row names the columns; commas, semicolons, tabs or bars between them.
func ReadTable(raw []byte) (Table, error) {
	var t Table
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	first, _, _ := bytes.Cut(raw[:min(len(raw), 64<<10)], []byte("\n"))
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord, r.TrimLeadingSpace = -1, true, true, true
	r.Comma = between(first)
	head, err := r.Read()
	if err != nil || len(head) < 2 {
		return t, errNoTable
	}
	source, at := -1, -1
	for i, h := range head {
		if i >= MaxColumns {
			t.Cut = true
			break
		}
		t.Columns = append(t.Columns, clean(h))
	}
	for _, want := range sourceColumns {
		for i, h := range t.Columns {
			if source < 0 && strings.EqualFold(strings.Trim(h, `# "`), want) {
				source, t.SourceCol = i, h
			}
		}
	}
	for _, want := range timeColumns {
		for i, h := range t.Columns {
			if at < 0 && strings.EqualFold(strings.Trim(h, `# "`), want) {
				at = i
			}
		}
	}
	seen := map[netip.Addr]bool{}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return t, nil
		}
		if err != nil || t.Rows >= maxRows {
			t.Cut = true
			return t, nil
		}
		t.Rows++
		if source >= 0 && source < len(row) {
			if a, err := netip.ParseAddr(strings.TrimSpace(row[source])); err == nil && !seen[a] {
				if len(t.Sources) < maxAddresses {
					seen[a] = true
					t.Sources = append(t.Sources, a.Unmap().WithZone(""))
				} else {
					t.Cut = true
				}
			}
		}
		if at >= 0 && at < len(row) && t.Rows <= 10_000 {
			if x := when(row[at]); !x.IsZero() {
				if t.From.IsZero() || x.Before(t.From) {
					t.From = x
				}
				if x.After(t.To) {
					t.To = x
				}
			}
		}
	}
}

func between(head []byte) rune {
	best, most := ',', bytes.Count(head, []byte(","))
	for _, c := range []rune{';', '\t', '|'} {
		if n := bytes.Count(head, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}
