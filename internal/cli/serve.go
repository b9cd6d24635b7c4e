package cli

import (
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
)

type serveCommand struct {
	conf.Config
	Role string `enum:"all,public,desk,mail,worker,keys" default:"all" env:"TOCSIN_ROLE" help:"What this process does: all, public, desk, mail, worker or keys."`
}

// Run serves until it is told to stop.
func (s *serveCommand) Run(e *env) error {
	if err := s.Check(e.src); err != nil {
		return usage{err}
	}
	return app.Serve(e.ctx, s.Config, app.Role(s.Role), e.log, func(team string) {
		on := strings.Join(app.Listens(s.Config, app.Role(s.Role)), ", ")
		if on != "" {
			on = " on " + on
		}
		fmt.Fprintf(e.Err, "tocsin %s serves %s as %s%s; stop with Ctrl-C\n", app.Version, team, s.Role, on)
	})
}
