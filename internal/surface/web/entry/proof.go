package entry

import (
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// ProofOf gives what a surface behind a door needs for acts that ask for a fresh proof in their middle: page.Surface.Prove and AskProof.
func ProofOf(d Deps, door account.Door) (prove func(*page.Visit, page.Proof) error, ask func(*page.Visit, []page.Hid, error) error) {
	prove = func(v *page.Visit, proof page.Proof) error {
		got, err := proofOf(d, door, v, proof)
		if err != nil {
			return err
		}
		set(v.W, Cookie(door), got.Secret, 0)
		lang := v.By.Lang
		v.By, _, err = d.Accounts.BySession(v.Ctx(), door, got.Secret.Reveal())
		v.By.Lang = lang
		return err
	}
	ask = func(v *page.Visit, keep []page.Hid, wrong error) error {
		me, err := d.Accounts.Me(v.Ctx(), d.DB, v.By)
		if err != nil {
			return err
		}
		view := ProveView{
			PublicView: d.frame(v, v.P.T("portal.prove.title"), wrong != nil), Action: v.R.URL.RequestURI(), Keep: keep, Goes: true, Email: me.Email, Factor: me.TwoFactor,
			Password: page.ProofPassword, Code: page.ProofCode,
		}
		view.Passkey, view.Passkeys = d.passkeyProof(v, door, me, view.Action, page.ProofPasskey, keep), true
		view.Elsewhere = d.proofElsewhere(v, door, goesOn)
		status := errs.Unauthenticated.HTTP()
		if wrong != nil {
			view.Said, _ = said(v, wrong)
			if status = errs.Of(wrong).HTTP(); status == errs.Unauthenticated.HTTP() {
				view.Said = v.P.T("portal.prove.refused")
			}
		}
		return v.ShowStatus(status, ProvePage(view))
	}
	return prove, ask
}

// proofOf takes a passkey's answer, or password and code.
func proofOf(d Deps, door account.Door, v *page.Visit, proof page.Proof) (account.SignedIn, error) {
	if proof.Passkey != "" {
		return d.Accounts.ProveByPasskey(v.Ctx(), from(v.R, door), cookie(v.R, Cookie(door)), proof.Passkey)
	}
	return d.Accounts.Prove(v.Ctx(), from(v.R, door), cookie(v.R, Cookie(door)), proof.Password, proof.Code)
}
