package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
)

type doctorCommand struct {
	conf.Config
	JSON bool `help:"Answer in JSON."`
}

// Run prints what is in force and what needs mending; with anything to mend the status is 1.
func (c *doctorCommand) Run(e *env) error {
	var checks []app.Check
	err := c.Check(e.src)
	checks = append(checks, checked("configuration", err))
	switch {
	case err != nil:
	case !app.Made(c.Config):
		checks = append(checks, app.Check{Name: "set up", Note: c.Data + " is not set up: run tocsin init"})
	default:
		h, err := app.Open(e.ctx, c.Config, e.log)
		checks = append(checks, checked("opens", err))
		if err == nil {
			defer h.Close()
			checks = append(append(checks, h.Ready(e.ctx)...), h.Doctor(e.ctx)...)
		}
	}
	wrong := false
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	settings := e.src.InForce()
	for _, s := range settings {
		value := s.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, value, s.Where)
	}
	fmt.Fprintln(w, "\t\t")
	for _, x := range checks {
		mark := "ok"
		if !x.OK {
			mark, wrong = "MEND", true
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", mark, x.Name, x.Note)
	}
	_ = w.Flush()
	if err := e.answer(c.JSON, map[string]any{"ok": !wrong, "settings": settings, "checks": checks}, b.String()); err != nil {
		return err
	}
	if wrong {
		return errSaid
	}
	return nil
}

func checked(name string, err error) app.Check {
	if err != nil {
		return app.Check{Name: name, Note: err.Error()}
	}
	return app.Check{Name: name, OK: true}
}
