package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type userCommands struct {
	Add     userAdd     `cmd:"" help:"Enter a person and print the link with which it chooses a password."`
	List    userList    `cmd:"" help:"List the accounts."`
	Disable userDisable `cmd:"" help:"End everything that a leaver has."`
	Reset   userReset   `cmd:"" help:"Make the password void and print a link for a new one."`
}

// userJSON is an account as --json tells it.
type userJSON struct {
	ID           string     `json:"id"`
	Email        string     `json:"email"`
	Name         string     `json:"name"`
	Organisation string     `json:"organisation,omitempty"`
	Roles        []roleJSON `json:"roles"`
	Machine      bool       `json:"machine"`
	Active       bool       `json:"active"`
	TwoFactor    bool       `json:"two_factor"`
	Welcome      string     `json:"welcome_url,omitempty"`
}

type roleJSON struct {
	Role  string `json:"role"`
	State string `json:"state"`
}

func userOf(a account.Account) userJSON {
	u := userJSON{ID: a.UID, Email: a.Email, Name: a.Name, Machine: a.Machine, Active: a.Active, TwoFactor: a.TwoFactor, Roles: []roleJSON{}}
	for _, g := range a.Roles {
		u.Roles = append(u.Roles, roleJSON{string(g.Role), g.State.String()})
	}
	return u
}

func (u userJSON) roles() string {
	var out []string
	for _, r := range u.Roles {
		word := r.Role
		if r.State != account.Active.String() {
			word += " (" + r.State + ")"
		}
		out = append(out, word)
	}
	return strings.Join(out, ", ")
}

// organisation finds the uid of the organisation that a person named by uid or by the key of its register.
func organisation(e *env, h *app.House, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	o, err := h.Constituency.Named(e.ctx, h.DB, operator(), name)
	if errs.Is(err, errs.NotFound) {
		return "", errs.New(errs.NotFound, "no organisation has this id or key")
	}
	return o.UID, err
}

func one(e *env, h *app.House, email string) (account.Account, error) {
	a, err := h.Accounts.ByEmail(e.ctx, h.DB, operator(), email)
	if errs.Is(err, errs.NotFound) {
		err = errs.New(errs.NotFound, "nobody signs in with this address")
	}
	return a, err
}

type userAdd struct {
	conf.Config
	Email string   `required:"" help:"Address with which the person signs in."`
	Name  string   `required:"" help:"Name."`
	Role  []string `required:"" help:"Role; several with commas. One that reads cases waits for a lead's word once there is a lead."`
	Org   string   `placeholder:"ID" help:"Organisation for which the person speaks: its id, or its key in your register."`
	Lang  string   `default:"en" enum:"en,pt,fr,nl,de" help:"Language."`
	JSON  bool     `help:"Answer in JSON."`
}

// Run enters a person.
func (c *userAdd) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	in := account.NewAccount{Email: c.Email, Name: c.Name, Lang: c.Lang}
	for _, r := range c.Role {
		in.Roles = append(in.Roles, access.Role(r))
	}
	// The first lead gets the other roles at once too: from its own role on, they would wait for a lead.
	slices.SortStableFunc(in.Roles, func(a, b access.Role) int { return cmp.Compare(last(a), last(b)) })
	if in.Organisation, err = organisation(e, h, c.Org); err != nil {
		return err
	}
	a, link, err := h.Accounts.Create(e.ctx, operator(), in)
	if err != nil {
		return err
	}
	u := userOf(a)
	u.Welcome = h.WelcomeURL(a, link)
	return e.answer(c.JSON, u, fmt.Sprintf("%s may sign in once a password is chosen. Roles: %s.\nThis link works once, for %s; give it to nobody else:\n\n  %s\n",
		a.Email, u.roles(), hours(account.Invited), u.Welcome))
}

func last(r access.Role) int {
	if r == access.Lead {
		return 1
	}
	return 0
}

type userList struct {
	conf.Config
	JSON bool `help:"Answer in JSON."`
}

// Run lists the accounts.
func (c *userList) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	list := []userJSON{}
	for after := ""; ; {
		part, next, err := h.Accounts.List(e.ctx, operator(), account.Filter{Limit: 500, After: after})
		if err != nil {
			return err
		}
		names := map[int64]string{}
		for _, a := range part {
			if a.Organisation != 0 {
				names[a.Organisation] = ""
			}
		}
		ids := make([]int64, 0, len(names))
		for id := range names {
			ids = append(ids, id)
		}
		known, err := h.Constituency.ByID(e.ctx, h.DB, ids...)
		if err != nil {
			return err
		}
		for _, a := range part {
			u := userOf(a)
			u.Organisation = known[a.Organisation].Name
			list = append(list, u)
		}
		if after = next; after == "" {
			break
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tNAME\tROLES\tORGANISATION\t")
	for _, u := range list {
		note := ""
		switch {
		case !u.Active:
			note = "disabled"
		case u.Machine:
			note = "machine"
		case !u.TwoFactor:
			note = "no second factor"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Email, u.Name, u.roles(), u.Organisation, note)
	}
	_ = w.Flush()
	return e.answer(c.JSON, map[string]any{"users": list}, b.String())
}

type userDisable struct {
	conf.Config
	Email string `arg:"" help:"Address of the account."`
	JSON  bool   `help:"Answer in JSON."`
}

// Run ends an account.
func (c *userDisable) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	a, err := one(e, h, c.Email)
	if err != nil {
		return err
	}
	if a, err = h.Accounts.Disable(e.ctx, operator(), a.UID); err != nil {
		return err
	}
	return e.answer(c.JSON, userOf(a), a.Email+" is disabled: sign-ins, tokens, links, factors and roles are ended.\n")
}

type userReset struct {
	conf.Config
	Email  string `arg:"" help:"Address of the account."`
	Factor bool   `help:"Take the second factor too; roles that read cases wait for a lead again."`
	JSON   bool   `help:"Answer in JSON."`
}

// Run gives a person a new start.
func (c *userReset) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	a, err := one(e, h, c.Email)
	if err != nil {
		return err
	}
	if c.Factor {
		if _, err := h.Accounts.ResetFactors(e.ctx, operator(), a.UID); err != nil {
			return err
		}
	}
	link, err := h.Accounts.ResetPassword(e.ctx, operator(), a.UID)
	if err != nil {
		return err
	}
	if a, err = one(e, h, c.Email); err != nil {
		return err
	}
	u := userOf(a)
	u.Welcome = h.WelcomeURL(a, link)
	return e.answer(c.JSON, u, fmt.Sprintf("The password of %s is void. Roles: %s.\nThis link works once, for %s:\n\n  %s\n", a.Email, u.roles(), hours(account.ResetFor), u.Welcome))
}
