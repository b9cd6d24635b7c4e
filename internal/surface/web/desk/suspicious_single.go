package desk

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const singlesAt = "/desk/suspicious-single"

func singleTitle(p *text.Printer, one suspicion.Single) string {
	if one.Title == "" {
		return p.T("desk.suspicious.untitled")
	}
	return clip(one.Title, 100)
}

// singles lists the messages that belong to no campaign.
func (d *Desk) singles(v *page.Visit) error {
	p := v.P
	list, err := d.Suspicion.Singles(v.Ctx(), v.By, v.R.URL.Query().Get("after"), 50)
	if err != nil {
		return err
	}
	t := page.TableView{Caption: p.T("desk.suspicious.single"), Columns: []page.Column{
		{Text: p.T("desk.suspicious.single.message")}, {Text: p.T("desk.suspicious.kind.sender")}, {Text: p.T("desk.suspicious.kind.link")}, {Text: p.T("desk.suspicious.single.files"), Number: true}, {Text: p.T("desk.suspicious.sample.at")},
	}}
	for _, one := range list.Items {
		host := ""
		if len(one.Links) > 0 {
			host = suspicion.Defang(mail.Visible(one.Links[0]))
			if len(one.Links) > 1 {
				host = p.T("desk.suspicious.single.more", "link", host, "more", len(one.Links)-1)
			}
		}
		t.Rows = append(t.Rows, []templ.Component{
			link(singlesAt+"/"+one.UID, singleTitle(p, one), ""), page.Text(suspicion.Defang(mail.Visible(one.Domain))), page.Text(clip(host, 120)), page.Text(p.Number(int64(one.Files))), page.At(p, one.At, v.Now),
		})
	}
	body := []templ.Component{page.Empty(page.EmptyView{Icon: "mail", Title: p.T("desk.suspicious.single.none"), Note: p.T("desk.suspicious.single.none.note")})}
	if len(t.Rows) > 0 {
		body = []templ.Component{page.Table(t)}
	}
	if pages := next(v, list.Next, len(list.Items)); pages != nil {
		body = append(body, page.Pages(p, *pages))
	}
	return v.Show(Admin(d.suspiciousView(v, p.T("desk.suspicious.single"), p.T("desk.suspicious.single.lead"), body...)))
}

// single shows one of them, inert.
func (d *Desk) single(v *page.Visit) error {
	one, r, err := d.Suspicion.Single(v.Ctx(), v.By, v.R.PathValue("single"))
	if err == nil {
		err = d.Watch.Read(v.Ctx(), v.By, one.Object)
	}
	if err != nil {
		return err
	}
	p := v.P
	var body []templ.Component
	if v.By.Can(access.Triage) {
		body = append(body, paragraph(p.T("desk.suspicious.single.begin.why")), acts([]templ.Component{post(singlesAt+"/"+one.UID+"/begin", nil, page.ButtonView{Text: p.T("desk.suspicious.single.begin"), Kind: "primary"})}))
	}
	if len(one.Links) > 0 {
		t := page.TableView{Caption: p.T("desk.suspicious.features"), Columns: []page.Column{{Text: p.T("desk.suspicious.kind.link")}}}
		for _, l := range one.Links {
			t.Rows = append(t.Rows, []templ.Component{page.Mono(suspicion.Defang(mail.Visible(l)))})
		}
		body = append(body, section("features", p.T("desk.suspicious.features"), page.Table(t)))
	}
	view := d.suspiciousView(v, singleTitle(p, one), p.DateTime(one.At), append(body, section("sample", p.T("desk.suspicious.single.reads"), sample(p, sampleView(p, r, one.At))))...)
	view.Up = page.NavItem{Text: p.T("desk.suspicious.single"), Href: singlesAt}
	return v.Show(Admin(view))
}

// handedAt is where the files of one message of the lane are.
const handedAt = "/desk/suspicious-message"

// seenHanded notes who reads the message of which a file is asked for, as for any other original.
func (d *Desk) seenHanded(v *page.Visit) error {
	o, err := access.Find(v.Ctx(), d.DB, v.By, ref.Arrival, v.R.PathValue("single"))
	if err != nil {
		return err
	}
	return d.seen(v, o)
}

// handedFile gives a file of a message as it came.
func (d *Desk) handedFile(v *page.Visit) error {
	f, r, err := d.Suspicion.OpenFile(v.Ctx(), v.By, v.R.PathValue("single"), v.R.PathValue("handed"))
	if err == nil {
		err = d.seenHanded(v)
	}
	if err != nil {
		return err
	}
	return copyFile(v, f.Name, r, f.SHA256)
}

// handedPicture shows a picture of a message, drawn anew; with small=1 no larger than a preview.
func (d *Desk) handedPicture(v *page.Visit) error {
	raw, err := d.Suspicion.Picture(v.Ctx(), v.By, v.R.PathValue("single"), v.R.PathValue("handed"), v.R.URL.Query().Get("small") == "1")
	if err == nil {
		err = d.seenHanded(v)
	}
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	_, _ = v.W.Write(raw)
	return nil
}

// beginCampaign makes a campaign of a message, and goes there.
func (d *Desk) beginCampaign(v *page.Visit) error {
	campaign, err := d.Suspicion.Begin(v.Ctx(), v.By, v.R.PathValue("single"))
	if err != nil {
		return err
	}
	return back(v, "/desk/suspicious/"+campaign, "judged")
}

// laneAddress says where the public hands on, and lets who may change it.
func (d *Desk) laneAddress(v *page.Visit, by map[string]string) ([]templ.Component, error) {
	p, address := v.P, d.Correspondence.Suspicious()
	said := p.T("desk.suspicious.address.none")
	if address != "" {
		said = p.T("desk.suspicious.address", "address", address)
	}
	parts := []templ.Component{paragraph(said)}
	if !v.By.Can(access.ChangeRules) {
		return parts, nil
	}
	last, err := d.lastChange(v, suspicion.VerbAddress)
	if err != nil {
		return nil, err
	}
	if v.R.PostForm.Has("address") {
		address = v.R.PostFormValue("address")
	}
	return append(parts, aboutSetting(p, settingNote{p.T("desk.suspicious.address.effect"), p.T("desk.suspicious.address.usual"), last}),
		adminForm("/desk/suspicious/address", nil, []templ.Component{
			page.Field(p, page.FieldView{ID: "address", Name: "address", InputMode: "email", Label: p.T("desk.suspicious.address.field"), Hint: p.T("desk.suspicious.address.hint"), Value: address, Error: by["address"]}),
		}, page.ButtonView{Text: p.T("desk.suspicious.address.do")})), nil
}

func (d *Desk) setLaneAddress(v *page.Visit) error {
	err := d.Suspicion.SetAddress(v.Ctx(), v.By, strings.TrimSpace(v.R.PostFormValue("address")))
	if errs.Is(err, errs.Invalid) {
		return d.showSuspicious(v, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/suspicious", "saved")
}
