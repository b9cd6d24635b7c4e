package cli

import (
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/sample/fill"
)

type sampleCommand struct {
	conf.Config
	Incidents     int    `default:"1000" help:"How many incidents."`
	Reports       *int   `help:"How many reports; as many as incidents when left out."`
	Organisations int    `default:"500" help:"How many organisations."`
	Observables   int    `hidden:"" help:"None are kept yet."`
	Seed          uint64 `default:"1" help:"The same seed gives the same content."`
	JSON          bool   `help:"Answer in JSON."`
}

// Run fills an empty database. What was written when it is stopped stays, with its indexes.
func (c *sampleCommand) Run(e *env) error {
	size := fill.Size{Incidents: c.Incidents, Reports: c.Incidents, Organisations: c.Organisations, Seed: c.Seed}
	if c.Reports != nil {
		size.Reports = *c.Reports
	}
	if c.Observables != 0 {
		return usage{errs.New(errs.Invalid, "Tocsin keeps no observables of their own yet: leave --observables out")}
	}
	if size.Incidents < 0 || size.Reports < 0 || size.Organisations < 1 {
		return usage{errs.New(errs.Invalid, "incidents and reports are counted from 0, organisations from 1")}
	}
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	began := time.Now()
	if err := h.Fill(e.ctx, size, e.Err); err != nil {
		if e.ctx.Err() != nil {
			return errs.New(errs.Unavailable, "stopped: the database is filled in part; begin again with a new one")
		}
		return err
	}
	took := time.Since(began)
	return e.answer(c.JSON, map[string]any{
		"incidents": size.Incidents, "reports": size.Reports, "organisations": size.Organisations, "seed": size.Seed, "seconds": took.Seconds(),
	}, fmt.Sprintf("%d incidents, %d reports and %d organisations in %v.\n", size.Incidents, size.Reports, size.Organisations, took.Round(time.Second)))
}
