package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Make a token for a machine and print it, once."`
}

type tokenCreate struct {
	conf.Config
	Name    string   `required:"" help:"What the token is for."`
	Role    string   `required:"" help:"Role of the machine. One that reads cases waits for a lead's word once there is a lead."`
	Org     string   `placeholder:"ID" help:"Organisation for which the machine speaks: its id, or its key in your register."`
	Expires string   `default:"90d" help:"Life in days (90d), at most 366d; or in hours (12h)."`
	Scope   []string `help:"Rights, fewer than those of the role; several with commas."`
	Network []string `placeholder:"PREFIX" help:"Network from which the token is taken; several with commas."`
	JSON    bool     `help:"Answer in JSON."`
}

// Run makes a token.
func (c *tokenCreate) Run(e *env) error {
	life, err := days(c.Expires)
	if err != nil {
		return err
	}
	in := account.NewToken{Name: c.Name, Role: access.Role(c.Role), Networks: c.Network, Life: life}
	for _, word := range c.Scope {
		r, ok := access.ParseRight(word)
		if !ok {
			return usage{errs.Newf(errs.Invalid, "--scope %q is no right; see docs/rights.md", word)}
		}
		in.Scopes = append(in.Scopes, r)
	}
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	if in.Organisation, err = organisation(e, h, c.Org); err != nil {
		return err
	}
	t, secret, err := h.Accounts.CreateToken(e.ctx, operator(), in)
	if err != nil {
		return err
	}
	out := map[string]any{"id": t.UID, "name": t.Name, "role": string(t.Role), "state": t.State.String(), "expires_at": t.ExpiresAt, "token": secret.Reveal()}
	note := ""
	if t.State == account.Pending {
		note = "It works once a lead has confirmed it.\n"
	}
	return e.answer(c.JSON, out, fmt.Sprintf("Token %s for role %s, until %s. It is shown this once:\n\n  %s\n\n%s", t.Name, t.Role, t.ExpiresAt.Format(time.DateOnly), secret.Reveal(), note))
}

// days reads a life such as 90d or 12h.
func days(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if d, err := strconv.Atoi(n); err == nil && d > 0 && d < 10_000 {
			return time.Duration(d) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	return 0, usage{errs.Newf(errs.Invalid, "--expires %q is no life such as 90d or 12h", s)}
}

// hours says a life as people do.
func hours(d time.Duration) string {
	if d >= 2*time.Hour {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}
