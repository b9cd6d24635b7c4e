package app

import (
	"context"
	"net/url"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
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

// postLink has the letter written that carries the link of an account.
func (h *House) postLink(ctx context.Context, tx *db.Tx, a account.Account, letter account.Letter) error {
	which := correspondence.AutoInvitation
	if letter == account.PasswordLetter {
		which = correspondence.AutoPassword
	}
	return h.Correspondence.OpeningTx(ctx, tx, correspondence.Colleague{Account: a.ID, Name: a.Name, Email: a.Email, Lang: a.Lang}, which, a.Organisation)
}

// opening gives the link for a letter that leaves now.
func (h *House) opening(ctx context.Context, of int64) (string, error) {
	a, secret, err := h.Accounts.Opening(ctx, h.DB, of)
	if err != nil {
		return "", err
	}
	return h.WelcomeURL(a, secret), nil
}
