package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type importCommands struct {
	Constituency importConstituency `cmd:"" help:"Organisations, contacts and assets from CSV or JSON (docs/handbook/import.md)."`
}

type importConstituency struct {
	conf.Config
	From   string `arg:"" name:"file" help:"File, .csv or .json."`
	DryRun bool   `help:"Say what would change, and change nothing."`
	JSON   bool   `help:"Answer in JSON."`
}

type countJSON struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Kept    int `json:"kept"`
	Same    int `json:"same"`
}

type lineJSON struct {
	Row    int      `json:"row"`
	What   string   `json:"what"`
	Name   string   `json:"name"`
	Act    string   `json:"act"`
	Fields []string `json:"fields,omitempty"`
}

// Run imports the register.
func (c *importConstituency) Run(e *env) error {
	format := strings.ToLower(strings.TrimPrefix(filepath.Ext(c.From), "."))
	if format != "csv" && format != "json" {
		return usage{errs.Newf(errs.Invalid, "%s is neither .csv nor .json", filepath.Base(c.From))}
	}
	f, err := os.Open(c.From)
	if err != nil {
		return usage{errs.Newf(errs.Invalid, "%s cannot be read", c.From)}
	}
	defer f.Close()
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	d, err := h.Constituency.Import(e.ctx, operator(), format, f, c.DryRun)
	if err != nil {
		return err
	}
	count := func(n constituency.Count) countJSON { return countJSON{n.Added, n.Changed, n.Kept, n.Same} }
	lines := []lineJSON{}
	var b strings.Builder
	for _, l := range d.Lines {
		lines = append(lines, lineJSON{l.Row, l.What, l.Name, string(l.Act), l.Fields})
		fmt.Fprintf(&b, "row %d: %s %s %s", l.Row, l.Act, l.What, l.Name)
		if len(l.Fields) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(l.Fields, ", "))
		}
		b.WriteByte('\n')
	}
	if c.DryRun {
		b.WriteString("Nothing was written. It would be:\n")
	}
	for _, x := range []struct {
		name string
		n    constituency.Count
	}{{"organisations", d.Organisations}, {"contacts", d.Contacts}, {"assets", d.Assets}} {
		fmt.Fprintf(&b, "%-14s %d added, %d changed, %d kept, %d as they were\n", x.name, x.n.Added, x.n.Changed, x.n.Kept, x.n.Same)
	}
	return e.answer(c.JSON, map[string]any{
		"dry_run": c.DryRun, "organisations": count(d.Organisations), "contacts": count(d.Contacts), "assets": count(d.Assets), "lines": lines,
	}, b.String())
}
