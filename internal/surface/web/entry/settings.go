package entry

import (
	"strconv"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func (a mine) settings(v *page.Visit) error {
	s, err := a.Accounts.OwnSettings(v.Ctx(), a.DB, v.By)
	if err != nil {
		return err
	}
	return v.Show(SettingsPage(a.settingsView(v, s, nil)))
}

func (a mine) settingsView(v *page.Visit, s account.Settings, problems []page.Problem) SettingsView {
	p := v.P
	view := SettingsView{Action: base(a.door) + "/settings", Problems: problems}
	view.PublicView, view.Tabs = a.view(v, "settings", len(problems) > 0)
	for _, l := range text.Langs() {
		view.Langs = append(view.Langs, page.SelectOption{Value: string(l), Text: text.Name(l), Chosen: string(l) == s.Lang})
	}
	view.Zones = []page.SelectOption{{Value: "", Text: p.T("portal.settings.zone.house")}}
	for _, z := range account.Zones {
		view.Zones = append(view.Zones, page.SelectOption{Value: z, Text: z, Chosen: z == s.Zone})
	}
	if v.By.Organisation != 0 {
		for _, k := range account.AllNews {
			n := NewsView{Name: string(k), Label: p.T("portal.settings.news." + string(k)), Hint: p.T("portal.settings.news_hint." + string(k))}
			for often, words := range []string{p.T("portal.settings.never"), p.T("portal.settings.daily"), p.T("portal.settings.at_once")} {
				n.Options = append(n.Options, page.SelectOption{Value: strconv.Itoa(often), Text: words, Chosen: s.News[k] == account.Often(often)})
			}
			view.News = append(view.News, n)
		}
	}
	if v.R.URL.Query().Get("done") == "saved" {
		view.Done = p.T("portal.settings.saved")
	}
	return view
}

func (a mine) saveSettings(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	in := account.Settings{Lang: v.R.PostForm.Get("lang"), Zone: v.R.PostForm.Get("zone"), News: map[account.News]account.Often{}}
	if v.By.Organisation != 0 {
		for _, k := range account.AllNews {
			often, err := strconv.ParseInt(v.R.PostForm.Get(string(k)), 10, 64)
			if err != nil {
				often = -1 // refused by the verb, beside its field
			}
			in.News[k] = account.Often(often)
		}
	}
	err := a.Accounts.SaveSettings(v.Ctx(), v.By, in)
	if err == nil {
		page.ForgetLang(v.W) // what was chosen here counts from now on
		return v.See(base(a.door) + "/settings?done=saved")
	}
	if len(errs.Fields(err)) == 0 {
		return err
	}
	var problems []page.Problem
	for _, f := range errs.Fields(err) {
		problems = append(problems, page.ProblemOf(v.P, f.Name, f))
	}
	return v.ShowStatus(errs.Invalid.HTTP(), SettingsPage(a.settingsView(v, in, problems)))
}
