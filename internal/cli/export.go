package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/casefile"
)

type exportCommands struct {
	Incident exportIncident `cmd:"" help:"A whole incident as JSON, or as a report to print (docs/handbook/export.md)."`
}

type exportIncident struct {
	conf.Config
	Ref          string `arg:"" help:"Number of the incident, such as INC-2026-000123."`
	As           string `required:"" placeholder:"EMAIL" help:"Who takes it out: somebody who may export cases. The root key alone reads no case."`
	PasswordFile string `type:"existingfile" placeholder:"FILE" help:"File with that person's password; without it, it is read from standard input."`
	Code         string `help:"Code of that person's second factor."`
	Format       string `default:"json" enum:"json,html" help:"json or html."`
	Lang         string `enum:",en,pt,fr,nl,de" default:"" help:"Language of the report; the team's otherwise."`
	Out          string `placeholder:"FILE" help:"File to write; it must not exist. Standard output otherwise."`
}

// Run takes an incident out.
func (c *exportIncident) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	by, leave, err := c.person(e, h)
	if err != nil {
		return err
	}
	defer leave()
	var w io.Writer = e.Out
	if c.Out != "" {
		f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, os.ErrExist) {
			return errs.Newf(errs.Conflict, "%s is there already: an export overwrites nothing", c.Out)
		}
		if err != nil {
			return errs.Wrap(errs.Unavailable, filepath.Base(c.Out)+" cannot be written", err)
		}
		defer f.Close()
		w = f
	}
	if err := c.write(e, h, by, w); err != nil {
		if c.Out != "" {
			_ = os.Remove(c.Out)
		}
		return err
	}
	if c.Out != "" {
		fmt.Fprintf(e.Err, "%s is written; who has the file has the case.\n", c.Out)
	}
	return nil
}

func (c *exportIncident) write(e *env, h *app.House, by access.Actor, w io.Writer) error {
	got, err := h.Incidents.Export(e.ctx, by, c.Ref, c.Format)
	if errs.Is(err, errs.NotFound) {
		err = errs.New(errs.NotFound, "there is no such incident")
	}
	if err != nil {
		return err
	}
	f := casefile.Of(got, h.Profile.Name, by.Name, h.Clock.Now())
	if c.Format == "json" {
		return f.WriteJSON(w)
	}
	lang := c.Lang
	if lang == "" {
		lang = h.Profile.Lang
	}
	return casefile.Sheet(h.Text.For(text.Lang(lang)).In(c.Location()), f).Render(e.ctx, w)
}

// person signs somebody in for this one act: naming a person is not being one (rule I11). Leave ends the sign-in.
func (c *exportIncident) person(e *env, h *app.House) (access.Actor, func(), error) {
	password, err := c.password(e)
	if err != nil {
		return access.Actor{}, nil, err
	}
	from := account.From{Door: account.Desk, Address: netip.IPv6Loopback(), Device: "tocsin export"}
	got, err := h.Accounts.SignIn(e.ctx, from, account.Credentials{Email: c.As, Password: password})
	if err == nil && got.Step == account.NeedCode {
		if c.Code == "" {
			return access.Actor{}, nil, errs.New(errs.Unauthenticated, "this account has a second factor: give its code with --code")
		}
		got, err = h.Accounts.GiveCode(e.ctx, from, got.Secret.Reveal(), c.Code)
	}
	if err != nil {
		return access.Actor{}, nil, err
	}
	by, session, err := h.Accounts.BySession(e.ctx, account.Desk, got.Secret.Reveal())
	if err != nil {
		return by, nil, err
	}
	by.Origin = access.ByCLI
	return by, func() {
		if err := h.Accounts.SignOut(context.WithoutCancel(e.ctx), by, session.UID); err != nil {
			e.log.Warn("the sign-in of this export could not be ended; it ends by itself", "error", err)
		}
	}, nil
}

func (c *exportIncident) password(e *env) (string, error) {
	if c.PasswordFile != "" {
		list, err := files([]string{c.PasswordFile})
		if err != nil {
			return "", err
		}
		return strings.TrimRight(list[0], "\r\n"), nil
	}
	if f, ok := e.In.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			return "", usage{errs.New(errs.Invalid, "a password typed here would be shown: give it with --password-file, or on standard input from a password store")}
		}
	}
	line, err := bufio.NewReader(io.LimitReader(e.In, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
