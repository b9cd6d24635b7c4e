package public

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Section is a heading with what stands under it. Level is 2, or 3 and 4 for the parts of the RFC 2350 description.
type Section struct {
	Level int
	Title string
	Text  string
	Facts []Fact
	Links []page.NavItem
}

// Fact is a line of a list of facts; Href makes it a link, Mono an identifier.
type Fact struct {
	Name, Value, Href string
	Mono              bool
}

// ArticleView is a page of plain sections.
type ArticleView struct {
	page.PublicView
	Heading, Lead string
	Sections      []Section
}

// article shows a page whose sections are named in the catalogue: public.NAME.part and public.NAME.text.part.
func (x *Public) article(v *page.Visit, here, title, lead string, sections []Section) error {
	return v.Show(Article(ArticleView{PublicView: x.frame(v, here, title), Heading: title, Lead: lead, Sections: sections}))
}

func (x *Public) about(v *page.Visit) error {
	p := v.P
	return x.article(v, "about", p.T("public.about.title"), p.T("public.about.lead", "team", x.Site.Name), []Section{
		{Level: 2, Title: p.T("public.about.do"), Text: p.T("public.about.text.do")},
		{Level: 2, Title: p.T("public.about.trust"), Text: p.T("public.about.text.trust")},
		{
			Level: 2, Title: p.T("public.about.who"), Text: p.T("public.about.text.who", "authority", x.authority()),
			Links: []page.NavItem{{Text: "RFC 2350", Href: "/rfc2350"}, {Text: p.T("public.contact"), Href: "/contact"}, {Text: p.T("public.foot.privacy"), Href: "/privacy"}},
		},
	})
}

func (x *Public) contact(v *page.Visit) error {
	p := v.P
	facts := []Fact{{Name: p.T("public.contact.phone"), Value: x.Site.Phone, Href: "tel:" + strings.ReplaceAll(x.Site.Phone, " ", "")}}
	if x.Site.Phone == "" {
		facts = nil
	}
	facts = append(facts,
		Fact{Name: p.T("public.contact.mail"), Value: x.Site.Mail, Href: "mailto:" + x.Site.Mail},
		Fact{Name: p.T("public.contact.form"), Value: x.URL + "/report", Href: "/report"})
	if x.Site.Fingerprint != "" {
		facts = append(facts, Fact{Name: p.T("public.contact.fingerprint"), Value: x.Site.Fingerprint, Mono: true})
	} else {
		facts = append(facts, Fact{Name: p.T("public.contact.fingerprint"), Value: p.T("public.contact.fingerprint.none")})
	}
	links := []page.NavItem{{Text: p.T("public.contact.get_key"), Href: "/pgp-key.asc"}}
	chain, err := x.certificates(v)
	if err != nil {
		return err
	}
	if len(chain) > 0 {
		facts = append(facts,
			Fact{Name: p.T("public.contact.certificate"), Value: id.Grouped(chain[0].Fingerprint()), Mono: true},
			Fact{Name: p.T("public.contact.certificate.issuer"), Value: p.T("public.contact.certificate.until", "issuer", mail.Visible(chain[0].Issuer()), "when", p.Date(chain[0].Ends()))})
		links = append(links, page.NavItem{Text: p.T("public.contact.get_certificate"), Href: "/smime-certificate.pem"})
	}
	facts = append(facts, Fact{Name: p.T("public.contact.authority"), Value: x.authority()}, Fact{Name: p.T("public.contact.zone"), Value: p.Clock(v.Now) + " (" + p.ZoneName() + ")"})
	return x.article(v, "contact", p.T("public.contact"), p.T("public.contact.lead"), []Section{
		{Facts: facts, Links: links},
		{
			Level: 2, Title: p.T("public.contact.ours"), Text: p.T("public.contact.text.ours"),
			Links: []page.NavItem{{Text: p.T("public.door.vulnerability"), Href: "/vulnerability"}, {Text: "security.txt", Href: "/.well-known/security.txt"}},
		},
	})
}

func (x *Public) privacy(v *page.Visit) error {
	p := v.P
	return x.article(v, "privacy", p.T("public.privacy.title"), p.T("public.privacy.lead"), []Section{
		{Level: 2, Title: p.T("public.privacy.report"), Text: p.T("public.privacy.text.report")},
		{Level: 2, Title: p.T("public.privacy.suspicious"), Text: p.T("public.privacy.text.suspicious")},
		{Level: 2, Title: p.T("public.privacy.account"), Text: p.T("public.privacy.text.account")},
		{Level: 2, Title: p.T("public.privacy.cookies"), Text: p.T("public.privacy.text.cookies")},
		{Level: 2, Title: p.T("public.privacy.readers"), Text: p.T("public.privacy.text.readers")},
		{Level: 2, Title: p.T("public.privacy.safe"), Text: p.T("public.privacy.text.safe")},
		{Level: 2, Title: p.T("public.privacy.rights"), Text: p.T("public.privacy.text.rights", "mail", x.Site.Mail)},
	})
}

func (x *Public) accessibility(v *page.Visit) error {
	p := v.P
	return x.article(v, "accessibility", p.T("public.accessibility.title"), p.T("public.accessibility.lead"), []Section{
		{Level: 2, Title: p.T("public.accessibility.done"), Text: p.T("public.accessibility.text.done")},
		{Level: 2, Title: p.T("public.accessibility.limits"), Text: p.T("public.accessibility.text.limits")},
		{Level: 2, Title: p.T("public.accessibility.barrier"), Text: p.T("public.accessibility.text.barrier", "phone", orDash(x.Site.Phone), "mail", x.Site.Mail)},
	})
}

// authority is the line above every page, or the team's name where a team has none.
func (x *Public) authority() string {
	if x.Site.Authority != "" {
		return x.Site.Authority
	}
	return x.Site.Name
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// rfcParts are the sections of appendix D of RFC 2350, and 1.4 of its example, in their order. What has only a heading has parts under it.
func rfcParts() []string {
	return strings.Fields("1 1_1 1_2 1_3 1_4 2 2_1 2_2 2_3 2_4 2_5 2_6 2_7 2_8 2_9 2_10 2_11 3 3_1 3_2 3_3 3_4 4 4_1 4_2 4_3 5 5_1 5_1_1 5_1_2 5_1_3 5_2 6 7")
}

func (x *Public) rfc2350(v *page.Visit) []Section {
	p := v.P
	key := x.Site.Fingerprint
	if key == "" {
		key = orDash(key)
	}
	holes := []any{
		"now", p.DateTime(v.Now), "url", x.URL, "team", x.Site.Name, "authority", x.authority(), "zone", v.Now.In(p.Zone()).Format("MST (UTC-07:00)") + ", " + p.Zone().String(),
		"phone", orDash(x.Site.Phone), "mail", x.Site.Mail, "key", key,
	}
	var out []Section
	for _, part := range rfcParts() {
		s := Section{Level: 2 + strings.Count(part, "_"), Title: strings.ReplaceAll(part, "_", ".") + " " + p.T("public.rfc."+"t"+part)}
		if body := "public.rfc." + "b" + part; p.Has(body) {
			s.Text = p.T(body, holes...)
		}
		out = append(out, s)
	}
	return out
}

func (x *Public) rfc(v *page.Visit) error {
	p := v.P
	sections := append([]Section{{Links: []page.NavItem{{Text: p.T("public.rfc.plain"), Href: "/rfc2350.txt"}}}}, x.rfc2350(v)...)
	return x.article(v, "rfc2350", p.T("public.rfc.title"), p.T("public.rfc.lead", "team", x.Site.Name), sections)
}

const columns = 72

// rfcText is the description as plain text of 72 columns.
func (x *Public) rfcText(v *page.Visit) error {
	var b strings.Builder
	b.WriteString(v.P.T("public.rfc.title") + "\n" + x.Site.Name + "\n")
	for _, s := range x.rfc2350(v) {
		b.WriteString("\n" + strings.Repeat("  ", s.Level-2) + s.Title + "\n")
		if s.Text != "" {
			b.WriteString("\n")
			fold(&b, s.Text, strings.Repeat("  ", s.Level-2)+"   ")
		}
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Language", string(v.P.Lang()))
	_, err := io.WriteString(v.W, b.String())
	return err
}

// fold writes words in lines of at most 72 columns; an address that is longer keeps a line of its own.
func fold(b *strings.Builder, s, indent string) {
	at := 0
	for _, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case at == 0:
			b.WriteString(indent + word)
			at = len(indent) + n
		case at+1+n > columns:
			b.WriteString("\n" + indent + word)
			at = len(indent) + n
		default:
			b.WriteString(" " + word)
			at += 1 + n
		}
	}
	b.WriteString("\n")
}

// reportKind is what a door of the front page leads to; "" is an incident.
func reportKind(s string) string {
	if s == suspicious || s == vulnerability {
		return s
	}
	return ""
}

const (
	suspicious    = "suspicious"
	vulnerability = "vulnerability"
)

func reportTitle(p *text.Printer, kind string) string {
	switch kind {
	case suspicious:
		return p.T("public.suspicious.title")
	case vulnerability:
		return p.T("public.vulnerability.title")
	}
	return p.T("public.report.title")
}
