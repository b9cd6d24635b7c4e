package app

import (
	"net/url"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// WelcomeURL is the page on which a person chooses a password, at the door that the person will use.
func (h *House) WelcomeURL(a account.Account, link id.Secret) string {
	base := h.publicURL()
	if a.Organisation != 0 {
		base = h.portalURL()
	} else if u := h.Config.Desk().URL; u != nil {
		base = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	}
	return base + "/welcome/" + url.PathEscape(link.Reveal())
}
