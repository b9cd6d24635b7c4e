package app

import (
	"net/url"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// WelcomeURL is the page on which a person chooses a password, at the door that the person will use.
func (h *House) WelcomeURL(a account.Account, link id.Secret) string {
	var base string
	if a.Organisation != 0 {
		base = h.portalURL()
	} else {
		base = h.deskURL()
	}
	return base + "/welcome/" + url.PathEscape(link.Reveal())
}
