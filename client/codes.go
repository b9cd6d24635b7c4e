package client

import (
	"context"
	"time"
)

// WaitingCode is a letter that left as a locked file, whose reader waits for the code. The code itself is shown on the desk alone.
type WaitingCode struct {
	Message      string           `json:"message"`
	Reference    string           `json:"reference"` // of the thread
	Organisation *OrganisationRef `json:"organisation"`
	Contact      string           `json:"contact"`
	TLP          string           `json:"tlp"`
	SentAt       time.Time        `json:"sent_at"`
}

// Codes lists the letters that left as locked files and whose codes are still to be told, oldest first.
func (c *Client) Codes(ctx context.Context) (List[WaitingCode], error) {
	return get[List[WaitingCode]](ctx, c, "/codes")
}
