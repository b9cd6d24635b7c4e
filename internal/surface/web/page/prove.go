package page

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The fields in which a proof comes along with a form. No other form uses them.
const (
	ProofPassword = "proof-password"
	ProofCode     = "proof-code"
	ProofPasskey  = "proof-passkey"
)

// Proof is what came along: password and code, or a passkey's answer.
type Proof struct{ Password, Code, Passkey string }

// proved runs the handler. When its act asks for a fresh proof (rule I5), the visitor is asked for one on a page that carries everything the form
// held, and the act goes on where it stopped.
func (s *Surface) proved(v *Visit, route Route) error {
	if s.Prove == nil || v.R.Method != http.MethodPost || v.By.Account == 0 || !plainForm(v.R) {
		return s.guarded(v, route)
	}
	if err := v.R.ParseForm(); err != nil {
		return Unread(err)
	}
	proof := Proof{v.R.PostForm.Get(ProofPassword), v.R.PostForm.Get(ProofCode), v.R.PostForm.Get(ProofPasskey)}
	came := v.R.PostForm.Has(ProofPassword) || v.R.PostForm.Has(ProofPasskey)
	for _, name := range []string{ProofPassword, ProofCode, ProofPasskey} {
		v.R.PostForm.Del(name)
		v.R.Form.Del(name)
	}
	if came {
		if err := s.Prove(v, proof); err != nil {
			return s.askProof(v, err)
		}
	}
	err := s.guarded(v, route)
	if errors.Is(err, access.ErrProof) {
		return s.askProof(v, nil)
	}
	return err
}

func (s *Surface) askProof(v *Visit, wrong error) error {
	switch errs.Of(wrong) {
	case errs.Unauthenticated, errs.Limit, errs.Unavailable:
	default:
		if wrong != nil {
			return wrong
		}
	}
	var keep []Hid
	for name, values := range v.R.PostForm {
		for _, value := range values {
			keep = append(keep, Hid{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(keep, func(a, b Hid) int { return strings.Compare(a.Name, b.Name) })
	return s.AskProof(v, keep, wrong)
}

func plainForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/x-www-form-urlencoded"
}
