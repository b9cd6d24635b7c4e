package portal

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// mine loads the visitor's organisation. Who speaks for none has none to see.
func (d Deps) mine(v *page.Visit) (constituency.Organisation, error) {
	if v.By.Organisation == 0 {
		return constituency.Organisation{}, errs.ErrNotFound
	}
	o, err := access.Load(v.Ctx(), d.DB, v.By, ref.Ref{Kind: ref.Organisation, ID: v.By.Organisation})
	if err != nil {
		return constituency.Organisation{}, err
	}
	return d.Constituency.Get(v.Ctx(), d.DB, v.By, o.UID)
}

func (d Deps) organisation(v *page.Visit) error {
	o, err := d.mine(v)
	if err != nil {
		return err
	}
	view := OrganisationView{PortalView: d.frame(v, "organisation", o.Name), Offer: "/portal/organisation/key"}
	view.Facts = []page.Answer{{Question: v.P.T("portal.org.name"), Value: o.Name}, {Question: v.P.T("portal.org.class"), Value: className(v, o.Class)}}
	if view.Services, err = d.services(v, o); err != nil {
		return err
	}
	confirmed, _, err := d.Constituency.Confirmed(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	view.Confirmed, view.Stale = v.P.T("portal.org.never_confirmed"), v.Now.Sub(o.CreatedAt) > constituency.ConfirmEvery
	if !confirmed.IsZero() {
		view.Confirmed, view.Stale = v.P.T("portal.org.confirmed", "when", v.P.Date(confirmed)), v.Now.Sub(confirmed) > constituency.ConfirmEvery
	}
	contacts, err := d.Constituency.Contacts(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	for _, c := range contacts {
		keys, err := d.Constituency.AllKeys(v.Ctx(), d.DB, c.ID)
		if err != nil {
			return err
		}
		view.Contacts = append(view.Contacts, contactView(v, c, keys))
	}
	assets, err := d.Constituency.Assets(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	for _, a := range assets {
		view.Assets = append(view.Assets, AssetView{Kind: assetKind(v, a.Kind), Value: a.Value, Checked: a.ProvedAt})
	}
	return v.Show(Organisation(view))
}

// services says what the organisation can ask of us: how much of each, how soon a person answers, and by what law.
func (d Deps) services(v *page.Visit, o constituency.Organisation) ([]page.Answer, error) {
	list, err := d.Constituency.EntitledTo(v.Ctx(), d.DB, o.Communities)
	var out []page.Answer
	for _, e := range list {
		words := []string{v.P.T("portal.level." + e.Level)}
		if e.FirstAnswer > 0 && !e.Refused() && (e.Service == "incident_response" || e.Service == "vulnerability") {
			words = append(words, v.P.T("portal.service.answer", "within", v.P.Duration(e.FirstAnswer)))
		}
		if e.Ground != "" {
			words = append(words, e.Ground)
		}
		said := strings.Join(words, " · ")
		if pointer := e.Pointer(string(v.P.Lang())); e.Refused() && pointer != "" {
			said += "\n" + pointer
		}
		name := strings.ReplaceAll(e.Service, "_", " ")
		if v.P.Has("portal.service." + e.Service) {
			name = v.P.T("portal.service." + e.Service)
		}
		out = append(out, page.Answer{Question: name, Value: said})
	}
	return out, err
}

// confirm notes that all of the entry is still right.
func (d Deps) confirm(v *page.Visit) error {
	if err := wasPressed(v); err != nil {
		return err
	}
	if err := d.Constituency.Confirm(v.Ctx(), v.By); err != nil {
		return err
	}
	return v.See("/portal/organisation?done=confirmed")
}

func className(v *page.Visit, class string) string {
	switch class {
	case "essential":
		return v.P.T("portal.org.class.essential")
	case "important":
		return v.P.T("portal.org.class.important")
	}
	return ""
}

func assetKind(v *page.Visit, kind string) string {
	switch kind {
	case "prefix":
		return v.P.T("portal.asset.prefix")
	case "asn":
		return v.P.T("portal.asset.asn")
	case "domain":
		return v.P.T("portal.asset.domain")
	case "host":
		return v.P.T("portal.asset.host")
	case "url":
		return v.P.T("portal.asset.url")
	}
	return kind
}

func roleName(v *page.Visit, role string) string {
	switch role {
	case "security":
		return v.P.T("portal.role.security")
	case "technical":
		return v.P.T("portal.role.technical")
	case "management":
		return v.P.T("portal.role.management")
	case "duty":
		return v.P.T("portal.role.duty")
	}
	return role
}

func contactView(v *page.Visit, c constituency.Contact, keys []constituency.Key) ContactView {
	out := ContactView{Name: c.Name, Role: roleName(v, c.Role), Email: c.Email, Phone: c.Phone, OnCall: c.OnCall, Checked: c.VerifiedAt}
	for _, k := range keys {
		kv := KeyView{Fingerprint: id.Grouped(k.Fingerprint)}
		if k.SMIME() {
			kv.Kind = v.P.T("portal.key.smime")
		}
		switch k.State {
		case constituency.Offered:
			kv.State, kv.Note = page.ChipView{Text: v.P.T("portal.key.offered"), Kind: "warn", Icon: "hourglass"}, v.P.T("portal.key.offered.note", "when", v.P.Date(k.OfferedAt))
		case constituency.Approved:
			kv.State, kv.Note = page.ChipView{Text: v.P.T("portal.key.approved"), Kind: "ok", Icon: "shield-check"}, v.P.T("portal.org.checked", "when", v.P.Date(k.ApprovedAt))
			if !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(v.Now) {
				kv.State, kv.Note = page.ChipView{Text: v.P.T("portal.key.expired"), Kind: "crit", Icon: "triangle-alert"}, v.P.Date(k.ExpiresAt)
			} else if !k.ExpiresAt.IsZero() {
				kv.Note = v.P.T("portal.key.until", "when", v.P.Date(k.ExpiresAt))
			}
		default:
			continue
		}
		out.Keys = append(out.Keys, kv)
	}
	return out
}

func (d Deps) offer(v *page.Visit) error {
	view, err := d.offerView(v)
	if err != nil {
		return err
	}
	return v.Show(Offer(view))
}

func (d Deps) offerView(v *page.Visit) (OfferView, error) {
	view := OfferView{PortalView: d.frame(v, "organisation", v.P.T("portal.org.offer"))}
	o, err := d.mine(v)
	if err != nil {
		return view, err
	}
	contacts, err := d.Constituency.Contacts(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return view, err
	}
	view.Contacts = []page.SelectOption{{Text: v.P.T("portal.key.choose")}}
	for _, c := range contacts {
		view.Contacts = append(view.Contacts, page.SelectOption{Value: c.UID, Text: c.Name + " · " + c.Email})
	}
	return view, nil
}

func (d Deps) offerKey(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	key, contact, err := d.keyInput(v, f)
	if err == nil {
		err = d.Constituency.OfferKey(v.Ctx(), v.By, contact.UID, key.raw, key.fingerprint, key.ends, "portal")
	}
	if err == nil {
		return v.See("/portal/organisation?done=offered")
	}
	if !typedWrong(err) {
		return err
	}
	view, again := d.offerView(v)
	if again != nil {
		return again
	}
	for i, c := range view.Contacts {
		view.Contacts[i].Chosen = c.Value != "" && c.Value == f.get("contact")
	}
	view.Armour = f.get("armour")
	view.Problems, view.Wrong = problems(v, err, map[string]string{"certificate": "armour", "fingerprint": "armour"}), true
	return v.ShowStatus(errs.Invalid.HTTP(), Offer(view))
}

// offered is a public key as it is handed in: of OpenPGP, or a certificate.
type offered struct {
	raw         []byte
	fingerprint string
	ends        time.Time
}

// keyInput reads one public key or certificate and the contact it is for. One that does not name the contact's address, or that is not fit, is told
// here; whether it is theirs is for a person to check.
func (d Deps) keyInput(v *page.Visit, f *form) (offered, constituency.Contact, error) {
	var p errs.Problems
	var key offered
	c, err := d.Constituency.ContactByUID(v.Ctx(), d.DB, v.By, f.get("contact"))
	if errs.Is(err, errs.NotFound) || err == nil && c.Organisation != v.By.Organisation {
		p.Add("contact", "portal.error.contact")
	} else if err != nil {
		return key, c, err
	}
	raw := []byte(strings.TrimSpace(f.get("armour")))
	if len(f.files) > 0 {
		if raw, err = io.ReadAll(io.LimitReader(f.files[0].Content, pgp.MaxKeyInput+1)); err != nil {
			return key, c, err
		}
	}
	field := "armour"
	if len(f.files) > 0 {
		field = "file"
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		p.Add("armour", "portal.error.key.none")
		return key, c, p.Err()
	}
	keys, flaws := pgp.ParseKeys(raw)
	certs := smime.ParseCertificates(raw)
	switch {
	case len(flaws) > 0 && flaws[0].Flaw == pgp.SecretKey || smime.Private(raw):
		p.Add(field, "portal.error.key.secret")
	case len(keys) > 1 || len(keys) == 1 && len(certs) > 0:
		p.Add(field, "portal.error.key.many")
	case len(keys) == 1:
		k := keys[0]
		if k.Fit(v.Now) != nil {
			p.Add(field, "portal.error.key.unfit")
		} else if len(p) == 0 && !k.Has(c.Email) {
			p.Add(field, "portal.error.key.address")
		}
		key = offered{k.Binary(), k.Fingerprint(), k.Expires()}
	case len(certs) > 0 && len(p) == 0:
		own, problem := certificateFor(certs, c.Email, v.Now)
		if problem != "" {
			p.Add(field, problem)
			break
		}
		key = offered{own.Raw(), own.Fingerprint(), own.Ends()}
	case len(certs) == 0:
		p.Add(field, "portal.error.key.none")
	}
	return key, c, p.Err()
}

// certificateFor gives the one certificate that names the address; programs export it with those of its issuers.
func certificateFor(all []smime.Certificate, address string, now time.Time) (own smime.Certificate, problem string) {
	all = slices.DeleteFunc(all, func(c smime.Certificate) bool { return !c.Has(address) })
	if len(all) == 0 {
		return own, "portal.error.key.address"
	}
	all = slices.DeleteFunc(all, func(c smime.Certificate) bool { return !c.Fit(now) })
	switch len(all) {
	case 0:
		return own, "portal.error.key.unfit"
	case 1:
		return all[0], ""
	}
	return own, "portal.error.key.many"
}
