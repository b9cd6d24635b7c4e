package auth

import (
	"context"
	"strings"

	"github.com/emersion/go-msgauth/authres"
	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/publicsuffix"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Policy is what a domain asks for mail in its name.
type Policy struct {
	Found      bool
	Domain     string // where the record stands
	Enforced   bool   // quarantine or reject
	StrictDKIM bool
	StrictSPF  bool
}

// policy finds the DMARC record of the domain, or of its organisational domain.
func (c *Checker) policy(ctx context.Context, from string, r *Result) Policy {
	for i, d := range []string{from, organisation(from)} {
		if i == 1 && d == from || d == "" {
			continue
		}
		txt, err := c.Resolver.TXT(ctx, "_dmarc."+d)
		if err != nil {
			if !errs.Is(err, errs.NotFound) {
				r.because(Temporary)
				return Policy{}
			}
			continue
		}
		var found []*dmarc.Record
		for _, t := range txt {
			if !strings.HasPrefix(strings.TrimSpace(t), "v=DMARC1") {
				continue
			}
			if rec, err := dmarc.Parse(t); err == nil {
				found = append(found, rec)
			}
		}
		if len(found) != 1 {
			continue // none, or several, which counts as none (RFC 7489 section 6.6.3)
		}
		p := found[0].Policy
		if i == 1 && found[0].SubdomainPolicy != "" {
			p = found[0].SubdomainPolicy
		}
		return Policy{
			Found: true, Domain: d, Enforced: p == dmarc.PolicyReject || p == dmarc.PolicyQuarantine,
			StrictDKIM: found[0].DKIMAlignment == dmarc.AlignmentStrict, StrictSPF: found[0].SPFAlignment == dmarc.AlignmentStrict,
		}
	}
	r.because(NoPolicy)
	return Policy{}
}

func organisation(domain string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(strings.ToLower(domain), "."))
	if err != nil {
		return ""
	}
	return org
}

// aligned tells whether a proven domain speaks for the domain of From.
func aligned(from, domain string, strict bool) bool {
	from, domain = strings.TrimSuffix(strings.ToLower(from), "."), strings.TrimSuffix(strings.ToLower(domain), ".")
	if domain == "" || from == "" {
		return false
	}
	if from == domain {
		return true
	}
	org := organisation(from)
	return !strict && org != "" && org == organisation(domain)
}

// relay reads the topmost Authentication-Results, if it is that of our own relay and came by it (M5). All other instances are claims.
func (c *Checker) relay(m *mail.Message, e Envelope, from string, r *Result) (spoke bool, domainOf string, judged bool) {
	all := m.Header().All("Authentication-Results")
	if len(all) == 0 {
		return false, "", false
	}
	id, results, err := authres.Parse(all[0].Raw)
	ours := err == nil && c.ServID != "" && c.relayed(e) && strings.EqualFold(strings.TrimSpace(id), c.ServID)
	if !ours || len(all) > 1 {
		r.because(ForeignResults)
	}
	if !ours {
		return false, "", false
	}
	domain := func(addr string) string { return strings.ToLower(addr[strings.LastIndexByte(addr, '@')+1:]) }
	for _, x := range results {
		switch x := x.(type) {
		case *authres.DMARCResult:
			if x.Value == authres.ResultPass && domain(x.From) == from {
				return true, from, true
			}
		case *authres.DKIMResult:
			if d := x.Domain; x.Value == authres.ResultPass && aligned(from, d, r.Policy.StrictDKIM) {
				return true, strings.ToLower(d), true
			}
		case *authres.SPFResult:
			if d := domain(x.From); x.Value == authres.ResultPass && aligned(from, d, r.Policy.StrictSPF) {
				return true, d, true
			}
		}
	}
	return false, "", true
}
