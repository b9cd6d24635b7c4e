package portal

import (
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func vouchItem(v *page.Visit, x intake.Vouch) Item {
	return Item{Icon: "users", Title: v.P.T("portal.vouch.title"), Ref: x.Reference, Second: x.Who, Href: "/portal/vouches/" + x.UID, When: x.AskedAt}
}

// vouch asks whether somebody speaks for the organisation. Opening it answers nothing (rule I8).
func (d Deps) vouch(v *page.Visit) error {
	x, err := d.Intake.VouchOfUs(v.Ctx(), v.By, v.R.PathValue("vouch"))
	if err != nil {
		return err
	}
	view := VouchView{PortalView: d.frame(v, "reports", v.P.T("portal.vouch.title")), Reference: x.Reference}
	as := ""
	if slices.Contains(intake.Behalves, x.As) {
		as = v.P.T("public.behalf." + x.As)
	}
	view.Facts = []page.Answer{
		{Question: v.P.T("portal.vouch.who"), Value: x.Who},
		{Question: v.P.T("portal.vouch.as"), Value: as},
		{Question: v.P.T("portal.vouch.for"), Value: x.For},
		{Question: v.P.T("portal.vouch.when"), Value: v.P.DateTime(x.ToldAt)},
	}
	switch x.Said {
	case intake.SaidYes:
		view.State = page.ChipView{Text: v.P.T("portal.vouch.said_yes", "when", v.P.DateTime(x.SaidAt)), Kind: "ok", Icon: "check"}
	case intake.SaidNo:
		view.State = page.ChipView{Text: v.P.T("portal.vouch.said_no", "when", v.P.DateTime(x.SaidAt)), Kind: "warn"}
	default:
		view.Action = "/portal/vouches/" + x.UID
	}
	return v.Show(Vouch(view))
}

func (d Deps) answerVouch(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	if _, err := d.Intake.VouchOfUs(v.Ctx(), v.By, v.R.PathValue("vouch")); err != nil {
		return err
	}
	at := "/portal/vouches/" + v.R.PathValue("vouch")
	if said := f.get("said"); said == "yes" || said == "no" {
		if err := d.Intake.AnswerVouch(v.Ctx(), v.By, v.R.PathValue("vouch"), said == "yes"); err != nil {
			return err
		}
		return v.See(at + "?done=answered")
	}
	return v.See(at)
}
