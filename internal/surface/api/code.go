package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
)

// WaitingCode is a letter that left as a locked file, whose reader waits for the code. The code is shown on the desk alone, to a person.
type WaitingCode struct {
	Message      string           `json:"message"`
	Reference    string           `json:"reference" doc:"Of the thread"`
	Organisation *OrganisationRef `json:"organisation,omitempty"`
	Contact      string           `json:"contact,omitempty"`
	TLP          string           `json:"tlp"`
	SentAt       time.Time        `json:"sent_at"`
}

func (a *API) codes(ctx context.Context, by access.Actor, _ *AnyInput) (reply[List[WaitingCode]], error) {
	all, err := a.Correspondence.Codes(ctx, by, false)
	if err != nil {
		return reply[List[WaitingCode]]{}, err
	}
	ids := make([]int64, len(all))
	for i, c := range all {
		ids[i] = c.Thread.Correspondent.Organisation
	}
	names, err := a.Constituency.ByID(ctx, a.Intake.DB, ids...)
	return reply[List[WaitingCode]]{body: list(mapped(all, func(c correspondence.CodeState) WaitingCode {
		t := c.Thread.Correspondent
		v := WaitingCode{Message: c.Message.UID, Reference: c.Thread.Reference, Contact: t.Name, TLP: c.Message.TLP.String(), SentAt: c.Message.SentAt}
		if o, ok := names[t.Organisation]; ok {
			v.Organisation = &OrganisationRef{o.UID, o.Name}
		}
		return v
	}), "")}, err
}
