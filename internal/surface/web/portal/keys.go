package portal

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const keysPath = peoplePath + "/keys"

func (d Deps) keys(v *page.Visit) error {
	p := v.P
	view := KeysView{PortalView: d.frame(v, "people", p.T("portal.people.title")), Tabs: peopleTabs(v, "keys")}
	list, err := d.Accounts.OwnKeys(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	people, err := d.Accounts.OwnPeople(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	name := whom(v, people)
	left := func(of int64) bool {
		return slices.ContainsFunc(people, func(x account.Own) bool { return x.ID == of && !x.Active })
	}
	for _, t := range list {
		k := APIKeyView{
			Name: t.Name, Made: p.T("portal.keys.made", "who", name(t.CreatedBy), "when", p.Date(t.CreatedAt)), Used: p.T("portal.keys.unused"), Chips: []page.ChipView{keyChip(p, t, v.Now)},
		}
		if !t.UsedAt.IsZero() {
			k.Used = p.T("portal.keys.used", "when", p.Brief(t.UsedAt, v.Now))
		}
		for _, r := range t.Scopes {
			k.May = append(k.May, p.T("portal.keys.may."+r.String()))
		}
		for _, n := range t.Networks {
			k.From = append(k.From, n.String())
		}
		if t.State == account.Ended || !t.ExpiresAt.After(v.Now) {
			view.Over = append(view.Over, k)
			continue
		}
		if left(t.CreatedBy) {
			k.Chips = append(k.Chips, page.ChipView{Text: p.T("portal.keys.maker_left"), Kind: "warn", Icon: "triangle-alert"})
		}
		k.End = keysPath + "/" + t.UID + "/end"
		view.Keys = append(view.Keys, k)
	}
	return v.Show(Keys(view))
}

func keyChip(p *text.Printer, t account.Token, now time.Time) page.ChipView {
	switch {
	case t.State == account.Ended:
		return page.ChipView{Text: p.T("portal.keys.ended"), Icon: "ban"}
	case !t.ExpiresAt.After(now):
		return page.ChipView{Text: p.T("portal.keys.expired", "when", p.Date(t.ExpiresAt)), Icon: "clock"}
	case t.ExpiresAt.Sub(now) < 14*24*time.Hour:
		return page.ChipView{Text: p.T("portal.keys.until", "when", p.Date(t.ExpiresAt)), Kind: "warn", Icon: "clock"}
	}
	return page.ChipView{Text: p.T("portal.keys.until", "when", p.Date(t.ExpiresAt)), Kind: "ok", Icon: "check"}
}

func (d Deps) newKey(v *page.Visit) error {
	return v.Show(NewKey(d.newKeyView(v, NewKeyView{Days: "90"}, nil)))
}

func (d Deps) newKeyView(v *page.Visit, view NewKeyView, wrong error) NewKeyView {
	view.PortalView = d.frame(v, "people", v.P.T("portal.keys.new"))
	for _, r := range account.KeyRights() {
		view.Rights = append(view.Rights, page.OptionView{
			ID: "may-" + r.String(), Name: "may", Value: r.String(), Label: v.P.T("portal.keys.may." + r.String()), Hint: v.P.T("portal.keys.may_hint." + r.String()), Many: true,
			Checked: slices.Contains(view.May, r.String()),
		})
	}
	for _, n := range []int{30, 90, 180, 365} {
		s := strconv.Itoa(n)
		view.Lives = append(view.Lives, page.SelectOption{Value: s, Text: v.P.N("portal.keys.days", n), Chosen: s == view.Days})
	}
	if wrong != nil {
		view.Problems, view.Wrong = problems(v, wrong, map[string]string{"expires": "days"}), true
		if said, ok := plain(v, wrong); ok && len(view.Problems) == 0 {
			view.Problems = []page.Problem{{Field: "name", Text: said}}
		}
	}
	return view
}

// makeKey mints a key and shows its secret, once. It answers the POST itself: after a redirect nobody knows the secret.
func (d Deps) makeKey(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	view := NewKeyView{Name: f.get("name"), Networks: f.get("networks"), Days: f.get("days"), May: v.R.PostForm["may"]}
	days, err := strconv.Atoi(view.Days)
	if err != nil {
		days = 400 // refused by the verb, beside its field
	}
	in := account.NewKey{Name: view.Name, Networks: strings.Fields(view.Networks), Life: time.Duration(min(max(days, 0), 400)) * 24 * time.Hour}
	for _, name := range view.May {
		r, ok := access.ParseRight(name)
		if ok && !slices.Contains(in.Scopes, r) {
			in.Scopes = append(in.Scopes, r)
		}
	}
	t, secret, err := d.Accounts.CreateKey(v.Ctx(), v.By, in)
	if err == nil {
		return v.Show(Minted(MintedView{PortalView: d.frame(v, "people", t.Name), Secret: secret.Reveal(), Until: t.ExpiresAt}))
	}
	if _, ok := plain(v, err); !ok && !typedWrong(err) {
		return err
	}
	return v.ShowStatus(errs.Of(err).HTTP(), NewKey(d.newKeyView(v, view, err)))
}

func (d Deps) endKey(v *page.Visit) error {
	if err := d.Accounts.EndKey(v.Ctx(), v.By, v.R.PathValue("apikey")); err != nil {
		return err
	}
	return v.See(keysPath + "?done=key_ended")
}
