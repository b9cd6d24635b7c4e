package cli

import (
	"compress/gzip"
	"fmt"
	"io"
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
	From   []string `arg:"" name:"file" help:"File, .csv or .json; with --ripe split files of the RIPE database, also .gz."`
	RIPE   string   `name:"ripe" placeholder:"COUNTRY" help:"The files are of the RIPE database: take the organisations of this country, such as PT."`
	DryRun bool     `help:"Say what would change, and change nothing."`
	JSON   bool     `help:"Answer in JSON."`
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

// read imports what the files hold.
func (c *importConstituency) read(e *env, into *constituency.Service) (constituency.Difference, error) {
	var files []io.Reader
	for _, name := range c.From {
		f, err := os.Open(name)
		if err != nil {
			return constituency.Difference{}, usage{errs.Newf(errs.Invalid, "%s cannot be read", name)}
		}
		defer f.Close()
		files = append(files, f)
		if c.RIPE != "" && strings.HasSuffix(name, ".gz") {
			z, err := gzip.NewReader(f)
			if err != nil {
				return constituency.Difference{}, usage{errs.Newf(errs.Invalid, "%s is not compressed with gzip", name)}
			}
			files[len(files)-1] = z
		}
	}
	if c.RIPE != "" {
		return into.ImportRIPE(e.ctx, operator(), strings.ToUpper(c.RIPE), files, c.DryRun)
	}
	return into.Import(e.ctx, operator(), c.format(), files[0], c.DryRun)
}

func (c *importConstituency) format() string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(c.From[0]), "."))
}

// Run imports the register.
func (c *importConstituency) Run(e *env) error {
	if c.RIPE == "" {
		if f := c.format(); f != "csv" && f != "json" {
			return usage{errs.Newf(errs.Invalid, "%s is neither .csv nor .json", filepath.Base(c.From[0]))}
		}
		if len(c.From) > 1 {
			return usage{errs.New(errs.Invalid, "give one file; several are for --ripe")}
		}
	}
	for _, name := range c.From {
		if _, err := os.Stat(name); err != nil {
			return usage{errs.Newf(errs.Invalid, "%s cannot be read", name)}
		}
	}
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	d, err := c.read(e, h.Constituency)
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
