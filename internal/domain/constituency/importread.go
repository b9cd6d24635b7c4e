package constituency

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Limits of one import.
const (
	maxImport    = 64 << 20 // bytes
	maxRows      = 200_000
	maxObjects   = 5 * maxRows  // of JSON: an empty one costs two bytes of the file and a hundred of memory
	maxCells     = 40 * maxRows // of CSV, and values of JSON
	maxProblems  = 500
	maxPerColumn = 200 // assets or communities in one cell
)

// entry is an organisation as the file gives it.
type entry struct {
	row int // line of the CSV file, place in the JSON list
	NewOrganisation
	contacts []entryContact
	assets   []entryAsset
}

type entryContact struct {
	row int
	NewContact
	folded string
}

type entryAsset struct {
	row         int
	kind, value string
}

// columns of the CSV form, in the order of the handbook.
var columns = []string{
	"key", "name", "sector", "class", "criticality", "size", "lang", "parent", "communities",
	"contact_name", "contact_role", "contact_email", "contact_phone", "contact_lang", "contact_on_call", "assets",
}

// problem notes what is wrong in a row. What was typed is not repeated.
func problem(p *errs.Problems, row int, field, key string, args ...any) {
	if len(*p) < maxProblems {
		p.Add(fmt.Sprintf("%d.%s", row, field), key, append([]any{"row", row}, args...)...)
	}
}

// moveAll carries problems of one input over to its row.
func moveAll(p *errs.Problems, row int, prefix string, err error) error {
	fields := errs.Fields(err)
	if err != nil && fields == nil {
		return err
	}
	for _, f := range fields {
		if len(*p) < maxProblems {
			if f.Args == nil {
				f.Args = map[string]any{}
			}
			f.Args["row"] = row
			f.Name = fmt.Sprintf("%d.%s%s", row, prefix, f.Name)
			*p = append(*p, f)
		}
	}
	return nil
}

func invalid(key string) error {
	return &errs.Error{Kind: errs.Invalid, Key: key, Text: sentences[key]}
}

var sentences = map[string]string{
	"error.import_size":   "the file is larger than 64 MiB",
	"error.import_rows":   "the file has more than 200,000 rows, or more values than so many rows have",
	"error.import_header": "the first line must name the columns, and among them name",
	"error.import_json":   "the file is not JSON of the documented form",
	"error.import_csv":    "the file cannot be read as CSV",
	"error.import_text":   "the file is not UTF-8 text",
	"error.import_format": "the format must be csv or json",
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxImport+1))
	switch {
	case err != nil:
		return nil, errs.Wrap(errs.Unavailable, "the file cannot be read", err)
	case len(b) > maxImport:
		return nil, invalid("error.import_size")
	case !utf8.Valid(b):
		return nil, invalid("error.import_text")
	}
	return bytes.TrimPrefix(b, []byte("\ufeff")), nil
}

// parse reads a file into entries. Problems of rows are collected; what cannot be read at all is the error.
func parse(format string, r io.Reader, p *errs.Problems) ([]entry, error) {
	b, err := readAll(r)
	if err != nil {
		return nil, err
	}
	if bytes.Count(b, []byte(",")) > maxCells || bytes.Count(b, []byte(";")) > maxCells || bytes.Count(b, []byte("{")) > maxObjects {
		return nil, invalid("error.import_rows")
	}
	switch format {
	case "csv":
		return parseCSV(b, p)
	case "json":
		return parseJSON(b, p)
	}
	return nil, invalid("error.import_format")
}

func parseCSV(b []byte, p *errs.Problems) ([]entry, error) {
	head, _, _ := bytes.Cut(b, []byte("\n"))
	c := csv.NewReader(bufio.NewReader(bytes.NewReader(b)))
	c.FieldsPerRecord = -1
	if bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
		c.Comma = ';' // as spreadsheets write it where the comma is for decimals
	}
	names, err := c.Read()
	if err != nil {
		return nil, invalid("error.import_header")
	}
	at := map[string]int{}
	for i, n := range names {
		n = strings.ToLower(strings.TrimSpace(n))
		if _, twice := at[n]; twice || !slices.Contains(columns, n) {
			problem(p, 1, fmt.Sprintf("column%d", i+1), "error.column")
			continue
		}
		at[n] = i
	}
	if _, ok := at["name"]; !ok {
		return nil, invalid("error.import_header")
	}
	var list []entry
	place := map[string]int{}
	for {
		rec, err := c.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, invalid("error.import_csv") // the reader lost the columns: what follows would be noise
		}
		row, _ := c.FieldPos(0)
		if row > maxRows {
			return nil, invalid("error.import_rows")
		}
		if len(rec) != len(names) {
			problem(p, row, "columns", "error.columns")
			continue
		}
		cell := func(name string) string {
			if i, ok := at[name]; ok {
				return strings.TrimSpace(rec[i])
			}
			return ""
		}
		e := entry{row: row, NewOrganisation: NewOrganisation{
			Name: cell("name"), External: cell("key"), Sector: cell("sector"), Class: cell("class"), Lang: cell("lang"), Parent: cell("parent"),
			Criticality: number(p, row, "criticality", cell("criticality")), Size: number(p, row, "size", cell("size")),
			Communities: split(p, row, "communities", cell("communities")),
		}}
		on := cell("contact_on_call")
		k := NewContact{Name: cell("contact_name"), Role: cell("contact_role"), Email: cell("contact_email"), Phone: cell("contact_phone"), Lang: cell("contact_lang")}
		if k != (NewContact{}) {
			switch strings.ToLower(on) {
			case "yes", "true", "1":
				k.OnCall = true
			case "", "no", "false", "0":
			default:
				problem(p, row, "contact_on_call", "error.choice")
			}
			e.contacts = []entryContact{{row: row, NewContact: k}}
		}
		for _, a := range split(p, row, "assets", cell("assets")) {
			e.assets = append(e.assets, entryAsset{row: row, value: a})
		}
		// Further rows of an organisation add contacts and assets; what they say of the organisation is that of its first row, or empty.
		name := identity(e.NewOrganisation)
		if i, ok := place[name]; ok {
			first := &list[i]
			if !repeats(first.NewOrganisation, e.NewOrganisation) {
				problem(p, row, "name", "error.differs", "first", first.row)
			}
			first.contacts = append(first.contacts, e.contacts...)
			first.assets = append(first.assets, e.assets...)
			continue
		}
		place[name] = len(list)
		list = append(list, e)
	}
}

// identity is how a file names an organisation: by its key, else by its name.
func identity(o NewOrganisation) string {
	if o.External != "" {
		return "key " + o.External
	}
	return "name " + fold(o.Name)
}

// repeats tells whether a further row says nothing else about the organisation than its first row.
func repeats(first, again NewOrganisation) bool {
	same := func(a, b string) bool { return b == "" || a == b }
	return same(fold(first.Name), fold(again.Name)) && same(first.Sector, again.Sector) && same(first.Class, again.Class) && same(first.Lang, again.Lang) &&
		same(first.Parent, again.Parent) && (again.Criticality == 0 || again.Criticality == first.Criticality) && (again.Size == 0 || again.Size == first.Size) &&
		(len(again.Communities) == 0 || slices.Equal(first.Communities, again.Communities))
}

func number(p *errs.Problems, row int, field, s string) int {
	if s == "" {
		return 0
	}
	n := 0
	for _, r := range s {
		if r < '0' || r > '9' || n > 1_000_000_000 {
			problem(p, row, field, "error.number")
			return 0
		}
		n = n*10 + int(r-'0')
	}
	return n
}

// split reads a cell of several values: parted by spaces, semicolons, commas or bars.
func split(p *errs.Problems, row int, field, s string) []string {
	list := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ;,|\t\r\n", r) })
	if len(list) > maxPerColumn {
		problem(p, row, field, "error.too_many", "most", maxPerColumn)
		return nil
	}
	return list
}

type fileJSON struct {
	Organisations []struct {
		Key         string   `json:"key"`
		Name        string   `json:"name"`
		Sector      string   `json:"sector"`
		Class       string   `json:"class"`
		Criticality int      `json:"criticality"`
		Size        int      `json:"size"`
		Lang        string   `json:"lang"`
		Parent      string   `json:"parent"`
		Communities []string `json:"communities"`
		Contacts    []struct {
			Name   string `json:"name"`
			Role   string `json:"role"`
			Email  string `json:"email"`
			Phone  string `json:"phone"`
			Lang   string `json:"lang"`
			OnCall bool   `json:"on_call"`
		} `json:"contacts"`
		Assets []string `json:"assets"`
	} `json:"organisations"`
}

// parseJSON is strict: repeated, unknown and wrongly cased names are refused (rule W5).
func parseJSON(b []byte, p *errs.Problems) ([]entry, error) {
	var f fileJSON
	if err := json.Unmarshal(b, &f, json.RejectUnknownMembers(true)); err != nil {
		return nil, invalid("error.import_json")
	}
	if len(f.Organisations) > maxRows {
		return nil, invalid("error.import_rows")
	}
	list := make([]entry, 0, len(f.Organisations))
	place := map[string]int{}
	for i, o := range f.Organisations {
		e := entry{row: i + 1, NewOrganisation: NewOrganisation{
			Name: strings.TrimSpace(o.Name), External: strings.TrimSpace(o.Key), Sector: o.Sector, Class: o.Class, Criticality: o.Criticality, Size: o.Size, Lang: o.Lang,
			Parent: strings.TrimSpace(o.Parent), Communities: o.Communities,
		}}
		for _, k := range o.Contacts {
			e.contacts = append(e.contacts, entryContact{row: e.row, NewContact: NewContact{Name: k.Name, Role: k.Role, Email: k.Email, Phone: k.Phone, Lang: k.Lang, OnCall: k.OnCall}})
		}
		for _, a := range o.Assets {
			e.assets = append(e.assets, entryAsset{row: e.row, value: a})
		}
		name := identity(e.NewOrganisation)
		if first, ok := place[name]; ok {
			problem(p, e.row, "name", "error.twice", "first", first)
		}
		place[name] = e.row
		list = append(list, e)
	}
	return list, nil
}
