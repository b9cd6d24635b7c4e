package takedown

import (
	"cmp"
	"context"
	"net/netip"

	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// mostAsked is for how many addresses of one target registries are asked.
const mostAsked = 3

// found is what registries said about a target.
type found struct {
	domain   rdap.Answer
	networks []rdap.Answer
	silent   int // questions that nobody answered
}

// askRegistries asks who registered a target's domain and who runs the networks of its addresses.
func (s *Service) askRegistries(ctx context.Context, t Target, addresses []netip.Addr) found {
	var f found
	if _, is := t.Thing.Addr(); !is {
		if a, ok := s.askOne(ctx, t.Thing.Host); ok {
			f.domain = a
		} else {
			f.silent++
		}
	}
	for _, a := range addresses[:min(len(addresses), mostAsked)] {
		if x, ok := s.askOne(ctx, a.String()); ok {
			f.networks = append(f.networks, x)
		} else {
			f.silent++
		}
	}
	return f
}

func (s *Service) askOne(ctx context.Context, what string) (rdap.Answer, bool) {
	q, err := rdap.About(what)
	if err != nil {
		return rdap.Answer{}, false
	}
	a, err := s.Registries.Look(ctx, q)
	return a, err == nil
}

// complaints gives the first address for complaints that is a registrar's, or that of a network itself.
func complaints(a rdap.Answer, registrar bool) string {
	for _, e := range a.Abuse() {
		if e.Of("registrar") == registrar {
			return e.Mails[0]
		}
	}
	return ""
}

func nameOf(e rdap.Entity) string { return cmp.Or(e.Organisation, e.Name) }
