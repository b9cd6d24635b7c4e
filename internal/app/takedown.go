package app

import (
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
	"github.com/tocsin-csirt/tocsin/internal/kit/whois"
)

// registries gives the way to registries, nil where the operator does not allow it. Their answers lead to further addresses, so the networks inside that are reached for
// webhooks are not reached for them.
func (h *House) registries() constituency.Registries {
	if h.Config.RDAP != "on" && h.Config.RDAP != "whois" {
		return nil
	}
	out := fetch.New(fetch.Config{Exit: h.Config.ExitURL()})
	asks := &rdap.Client{Fetch: out, Now: h.Clock.Now}
	if h.Config.RDAP == "whois" {
		return &whois.Client{First: asks, Lines: out}
	}
	return asks
}

// openTakedown builds the duty of take-downs: what it may look at through is the operator's.
func (h *House) openTakedown() {
	h.Takedown = &takedown.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Alarms: h.Alarms, Texts: h.Text, Constituency: h.Constituency, Coordination: h.Coordination,
		Registries: h.Constituency.Registries,
	}
	exit, resolver := h.Config.Look()
	if eyes := fetch.NewLooker(fetch.LookConfig{Exit: exit, Resolver: resolver}); eyes != nil {
		h.Takedown.Eyes = eyes
	}
}
