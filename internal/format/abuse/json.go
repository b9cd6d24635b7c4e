package abuse

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// How many broken values are passed over in a file, and in a large one.
const (
	mostBroken = 50
	fewBroken  = 4
)

func mayJSON(p *mail.Part) bool {
	name := strings.ToLower(p.Filename)
	switch {
	case p.Type == "application/json", p.Type == "text/json", strings.HasSuffix(p.Type, "+json"), strings.HasSuffix(name, ".json"):
	case p.Is("text/plain") || p.Type == "application/octet-stream":
		start := bytes.TrimLeft(p.Bytes[:min(len(p.Bytes), 200)], " \t\r\n\xef\xbb\xbf")
		if len(start) == 0 || start[0] != '{' && start[0] != '[' {
			return false
		}
	default:
		return false
	}
	return true
}

// json reads one report, a list of them, or one a line.
func (f *Found) json(raw []byte) {
	if len(raw) > maxJSON {
		f.Cut = true
		return
	}
	if !bytes.Contains(raw, []byte("xarf_version")) && !bytes.Contains(raw, []byte("ReporterInfo")) && !bytes.Contains(raw, []byte("ReportType")) && !bytes.Contains(raw, []byte("source_identifier")) {
		return
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	d := decoder(raw)
	most := mostBroken
	if len(raw) > 1<<20 {
		most = fewBroken // each is read to its end, which may be that of the file
	}
	for len(f.Reports) <= MaxReports {
		var v any
		switch err := d.Decode(&v); {
		case err == nil:
			f.value(v)
			continue
		case errors.Is(err, io.EOF):
			return
		}
		// One that is broken hides no other: the next begins a line.
		if f.Broken++; f.Broken > most {
			f.Cut = true
			return
		}
		if raw = nextValue(bytes.TrimLeft(raw[d.InputOffset():], " \t\r\n")); raw == nil {
			return
		}
		d = decoder(raw)
	}
}

func decoder(b []byte) *json.Decoder {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d
}

// nextValue gives b from the next line on that begins as a value does, nil for none.
func nextValue(b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 || i+1 == len(b) {
			return nil
		}
		if b = b[i+1:]; b[0] == '{' || b[0] == '[' {
			return b
		}
	}
}

func (f *Found) value(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if len(f.Reports) > MaxReports {
				return
			}
			if o, ok := x.(map[string]any); ok {
				f.object(o)
			}
		}
	case map[string]any:
		for _, name := range []string{"reports", "Reports"} {
			if list, ok := v[name].([]any); ok {
				f.value(list)
				return
			}
		}
		f.object(v)
	}
}

func (f *Found) object(o map[string]any) {
	if _, ok := o["xarf_version"]; ok || o["source_identifier"] != nil {
		f.Reports = append(f.Reports, xarf4(o))
		return
	}
	_, info := o["ReporterInfo"]
	_, report := o["Report"]
	if info || report {
		f.Reports = append(f.Reports, xarf3(o))
	}
}

func (r *Report) known(types map[string]string, category, kind string) {
	if category == "" || kind == "" {
		r.problem(NoType)
		return
	}
	list, ok := types[category]
	if !ok || !slices.Contains(strings.Fields(list), kind) {
		r.problem(UnknownType)
	}
}
