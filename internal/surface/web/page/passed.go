package page

import (
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
)

// PassTo are the codes of who may take a report instead of us.
var PassTo = []string{"police", "data_protection", "sector_authority", "crisis_centre", "peer_csirt", "provider"}

// PassedTo names who took a report: by its code, or as the team wrote it.
func PassedTo(p *text.Printer, to string) string {
	if slices.Contains(PassTo, to) {
		return p.T("common.pass_to." + to)
	}
	return to
}
