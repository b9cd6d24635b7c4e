package app

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/rdap"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// openTakedown builds the duty of take-downs: what it may look at through, and which registries it may ask, is the operator's.
func (h *House) openTakedown() error {
	h.Takedown = &takedown.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Alarms: h.Alarms, Texts: h.Text, Constituency: h.Constituency, Coordination: h.Coordination,
	}
	exit, resolver := h.Config.Look()
	if eyes := fetch.NewLooker(fetch.LookConfig{Exit: exit, Resolver: resolver}); eyes != nil {
		h.Takedown.Eyes = eyes
	}
	if h.Config.RDAP == "" {
		return nil
	}
	var b rdap.Bootstrap
	for _, name := range []string{"dns.json", "ipv4.json", "ipv6.json"} {
		text, err := os.ReadFile(filepath.Join(h.Config.RDAP, name))
		if err != nil {
			return fmt.Errorf("registries of RDAP services: %w", err)
		}
		if err := b.Read(text); err != nil {
			return fmt.Errorf("registries of RDAP services: %s: %w", name, err)
		}
	}
	h.Takedown.Bootstrap, h.Takedown.Registries = &b, fetch.New(fetch.Config{Exit: h.Config.ExitURL(), Inside: h.Config.InsideNetworks()})
	return nil
}
