package desk

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// renewWithin is how long before its end a key asks to be renewed, as doctor does.
const renewWithin = 60 * 24 * time.Hour

// keys shows the team's certificates with every part. They are public; who signed in at the desk may read them. Private keys are the key
// process's alone, so renewing is a command and no button.
func (d *Desk) keys(v *page.Visit) error {
	all, err := d.TeamKeys(v.Ctx())
	if err != nil {
		return err
	}
	p := v.P
	view := d.adminView(v, p.T("desk.admin.keys"), p.T("desk.admin.keys.lead"))
	if len(all) == 0 {
		view.Body = append(view.Body, page.Empty(page.EmptyView{Icon: "key", Title: p.T("desk.admin.keys.none"), Note: p.T("desk.admin.keys.none.note")}))
		return v.Show(Admin(view))
	}
	view.Body = append(view.Body, keyAdvice(p, all[0], v.Now))
	for i, k := range all {
		view.Body = append(view.Body, publicKey(p, publicKeyView(p, k, i > 0, v.Now)))
	}
	return v.Show(Admin(view))
}

// keyAdvice says when the key ends and what to do.
func keyAdvice(p *text.Printer, k pgp.Key, now time.Time) templ.Component {
	until := k.EncryptUntil()
	var rest page.ChipView
	switch {
	case until.IsZero():
		return words("warn", "info", p.T("desk.admin.keys.endless"))
	case !until.After(now):
		rest = page.ChipView{Kind: "crit", Icon: "triangle-alert", Text: p.T("desk.admin.keys.ended", "when", p.Date(until))}
	case until.Sub(now) < renewWithin:
		rest = page.ChipView{Kind: "warn", Icon: "clock", Text: p.T("desk.admin.keys.ends", "when", p.Date(until))}
	default:
		return words("ok", "circle-check", p.T("desk.admin.keys.fine", "when", p.Date(until), "renew", p.Date(until.Add(-renewWithin))))
	}
	return templ.Join(words(rest.Kind, rest.Icon, rest.Text), paragraphWith(page.Rich(p, "desk.admin.keys.renew", "command", page.Mono("tocsin key renew"))))
}

func publicKeyView(p *text.Printer, k pgp.Key, old bool, now time.Time) PublicKeyView {
	v := PublicKeyView{
		Fingerprint: id.Grouped(k.Fingerprint()), Names: strings.Join(k.UserIDs(), ", "), Made: p.T("desk.admin.keys.made", "when", p.Date(k.Created()), "kind", k.Algorithm()),
		Download: "/desk/admin/keys/" + k.Fingerprint(), State: page.ChipView{Text: p.T("desk.admin.keys.current"), Kind: "ok", Icon: "check"},
		Parts: page.TableView{Caption: p.T("desk.admin.keys.parts") + " " + lastOf(k.Fingerprint()), Columns: []page.Column{
			{Text: p.T("desk.admin.keys.part")}, {Text: p.T("desk.admin.keys.use")}, {Text: p.T("desk.admin.keys.since")}, {Text: p.T("desk.admin.ends")}, {Text: p.T("desk.col.state")},
		}},
	}
	if old {
		v.State, v.Note = page.ChipView{Text: p.T("desk.admin.keys.old"), Icon: "archive"}, p.T("desk.admin.keys.old.note")
	}
	for _, s := range k.Subkeys() {
		use := p.T("desk.admin.keys.encrypts")
		switch {
		case s.Sign && s.Encrypt:
			use = p.T("desk.admin.keys.both")
		case s.Sign:
			use = p.T("desk.admin.keys.signs")
		}
		ends := p.T("desk.admin.keys.never")
		if !s.Expires.IsZero() {
			ends = p.Date(s.Expires)
		}
		state := page.ChipView{Text: p.T("desk.admin.keys.in_use"), Kind: "ok", Icon: "check"}
		switch {
		case s.Revoked:
			state = page.ChipView{Text: p.T("desk.admin.keys.revoked"), Kind: "crit", Icon: "ban"}
		case !s.Expires.IsZero() && !s.Expires.After(now) && s.Encrypt:
			state = page.ChipView{Text: p.T("desk.admin.keys.decrypts"), Icon: "archive"}
		case !s.Expires.IsZero() && !s.Expires.After(now):
			state = page.ChipView{Text: p.T("desk.admin.state.expired")}
		case old && s.Encrypt:
			state = page.ChipView{Text: p.T("desk.admin.keys.decrypts"), Icon: "archive"}
		case !s.Expires.IsZero() && s.Expires.Sub(now) < renewWithin:
			state = page.ChipView{Text: p.T("desk.admin.state.ends_soon"), Kind: "warn", Icon: "clock"}
		}
		v.Parts.Rows = append(v.Parts.Rows, []templ.Component{
			several([]templ.Component{page.Mono(id.Grouped(s.Fingerprint)), second(s.Algorithm)}), page.Text(use), page.Text(p.Date(s.Created)), page.Text(ends), page.Chip(state),
		})
	}
	return v
}

// lastOf is how one certificate is told from another in words that are heard.
func lastOf(fingerprint string) string { return fingerprint[max(0, len(fingerprint)-8):] }

// downloadKey gives one certificate as text, as it is published.
func (d *Desk) downloadKey(v *page.Visit) error {
	all, err := d.TeamKeys(v.Ctx())
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Fingerprint() == v.R.PathValue("fingerprint") {
			v.W.Header().Set("Content-Type", "application/pgp-keys")
			v.W.Header().Set("Content-Disposition", page.Attachment(k.Fingerprint()+".asc"))
			_, err := v.W.Write(k.Armored())
			return err
		}
	}
	return errs.ErrNotFound
}
