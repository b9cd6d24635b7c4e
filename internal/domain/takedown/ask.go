package takedown

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/tocsin-csirt/tocsin/internal/format/rdap"
)

const (
	rdapAccept = "application/rdap+json, application/json;q=0.8"
	mostHops   = 2
	mostAsked  = 3 // addresses of one target
)

// found is what registries said about a target.
type found struct {
	domain   rdap.Answer
	networks []rdap.Answer
	silent   int // questions that nobody answered
}

// askRegistries asks who registered a target's domain and who runs the networks of its addresses. No link of an answer is followed; who says that another registry
// answers is believed when that one is in the list of registries.
func (s *Service) askRegistries(ctx context.Context, t Target, addresses []netip.Addr) found {
	var f found
	if _, is := t.Thing.Addr(); !is {
		if a, ok := s.askOne(ctx, s.Bootstrap.Domain(t.Thing.Host)); ok && a.Kind == "domain" {
			f.domain = a
		} else {
			f.silent++
		}
	}
	for _, a := range addresses[:min(len(addresses), mostAsked)] {
		if x, ok := s.askOne(ctx, s.Bootstrap.Address(a)); ok && x.Kind == "ip network" {
			f.networks = append(f.networks, x)
		} else {
			f.silent++
		}
	}
	return f
}

func (s *Service) askOne(ctx context.Context, address string) (rdap.Answer, bool) {
	for range mostHops + 1 {
		if address == "" {
			return rdap.Answer{}, false
		}
		status, to, body, err := s.Registries.Ask(ctx, address, rdapAccept, rdap.MostAnswer)
		switch {
		case err != nil:
			return rdap.Answer{}, false
		case status == http.StatusOK:
			a, err := rdap.Parse(body)
			return a, err == nil
		case status < 300 || status > 399 || !s.Bootstrap.Knows(to):
			return rdap.Answer{}, false
		}
		address = to
	}
	return rdap.Answer{}, false
}
