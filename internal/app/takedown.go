package app

import (
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// openTakedown builds the duty of take-downs: what it may look at through, and whether it may ask registries, is the operator's.
func (h *House) openTakedown() {
	h.Takedown = &takedown.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Alarms: h.Alarms, Texts: h.Text, Constituency: h.Constituency, Coordination: h.Coordination,
	}
	exit, resolver := h.Config.Look()
	if eyes := fetch.NewLooker(fetch.LookConfig{Exit: exit, Resolver: resolver}); eyes != nil {
		h.Takedown.Eyes = eyes
	}
	if h.Config.RDAP == "on" {
		h.Takedown.Registries = &rdap.Client{Fetch: fetch.New(fetch.Config{Exit: h.Config.ExitURL(), Inside: h.Config.InsideNetworks()}), Now: h.Clock.Now}
	}
}
