// Package public is the site that everybody sees and the report form that needs no account. This file is its map:
//
//	home.templ      three doors, advisories, contact
//	form.templ      the report as question pages: what it is, its stage, five parts, checking; the next stage
//	report.templ    the short report on one page, and what is suspicious
//	receipt.templ   what was received, and what happens next
//	article.templ   who we are, contact, privacy, accessibility, and the description of the team that RFC 2350 asks for
//	status.templ    a report behind its code: state, our questions, answering; and the page that asks for the code
//	answer.templ    a letter of ours behind its link: what we ask, and what can be said to it without an account
//
// form_pages.go says in which order pages follow, form_start.go begins, form_questions.go asks, form_send.go checks and sends, stages.go shows what laws
// ask of a report that was sent. What is typed is kept sealed to the form's code after each page; there is no state of it in memory.
//
// Views are plain values. Everything works without a script.
package public

import (
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Nav gives the head's links; here is report, track or login.
func Nav(p *text.Printer, here string) []page.NavItem {
	return []page.NavItem{
		{Text: p.T("public.nav.report"), Href: "/report", Here: here == "report"},
		{Text: p.T("public.nav.track"), Href: "/r", Here: here == "track"},
		{Text: p.T("public.nav.about"), Href: "/about", Here: here == "about"},
		{Text: p.T("public.nav.sign_in"), Href: "/login", Here: here == "login"},
	}
}

// Footer gives the links at the foot of every public page.
func Footer(p *text.Printer) []page.NavItem {
	return []page.NavItem{
		{Text: "RFC 2350", Href: "/rfc2350"},
		{Text: p.T("public.foot.key"), Href: "/pgp-key.asc"},
		{Text: "security.txt", Href: "/.well-known/security.txt"},
		{Text: p.T("public.foot.contact"), Href: "/contact"},
		{Text: p.T("public.foot.privacy"), Href: "/privacy"},
		{Text: p.T("public.foot.accessibility"), Href: "/accessibility"},
	}
}
