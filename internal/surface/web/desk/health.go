package desk

import (
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// healthRoutes mend what keeps letters from arriving: the address of a contact, and who else reaches an organisation.
func (d *Desk) healthRoutes() []page.Route {
	write := page.Needs(access.WriteRegistry)
	return []page.Route{
		{Pattern: "POST /desk/contacts/{contact}/mend", Need: write, Serve: d.mendContact},
		{Pattern: "POST /desk/constituency/{organisation}/provider", Need: write, Serve: d.setProvider},
	}
}

// healthChip names the health of a contact; good ones have none.
func healthChip(p *text.Printer, h constituency.Health) page.ChipView {
	if h == constituency.Broken {
		return page.ChipView{Text: p.T("desk.health.broken"), Kind: "crit", Icon: "mail-warning"}
	}
	return page.ChipView{Text: p.T("desk.health.doubtful"), Kind: "warn", Icon: "triangle-alert"}
}

func healthWhy(p *text.Printer, h constituency.ContactHealth) string {
	var out []string
	for _, r := range h.Reasons {
		out = append(out, p.T("desk.health.why."+r))
	}
	return strings.Join(out, " · ")
}

// mendContact takes a new address of a contact, or notes how somebody checked the one there is.
func (d *Desk) mendContact(v *page.Visit) error {
	c, err := d.Constituency.ContactByUID(v.Ctx(), d.DB, v.By, v.R.PathValue("contact"))
	if err != nil {
		return err
	}
	orgs, err := d.Constituency.ByID(v.Ctx(), d.DB, c.Organisation)
	if err != nil {
		return err
	}
	email, how := strings.TrimSpace(v.R.PostFormValue("email")), strings.TrimSpace(v.R.PostFormValue("how"))
	if email != c.Email && email != "" {
		_, err = d.Constituency.EditContact(v.Ctx(), v.By, c.UID, constituency.NewContact{Name: c.Name, Role: c.Role, Email: email, Phone: c.Phone, Lang: c.Lang, OnCall: c.OnCall})
		if err != nil {
			return err
		}
	}
	if how != "" || email == c.Email || email == "" {
		if _, err = d.Constituency.VerifyContact(v.Ctx(), v.By, c.UID, how); err != nil {
			return err
		}
	}
	return back(v, "/desk/constituency/"+orgs[c.Organisation].UID, "saved")
}

// setProvider names who provides an organisation's connection or hosting, by its name in the register.
func (d *Desk) setProvider(v *page.Visit) error {
	name, uid := strings.TrimSpace(v.R.PostFormValue("provider")), ""
	if name != "" {
		found, err := d.Constituency.NamedMany(v.Ctx(), v.By, name)
		if err != nil {
			return err
		}
		if uid = found[name].UID; uid == "" {
			return &errs.Error{Kind: errs.Invalid, Key: "error.provider.unknown", Text: "no organisation of the register has this name"}
		}
	}
	if err := d.Constituency.SetProvider(v.Ctx(), v.By, v.R.PathValue("organisation"), uid); err != nil {
		return err
	}
	return back(v, "/desk/constituency/"+v.R.PathValue("organisation"), "saved")
}
