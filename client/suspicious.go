package client

import (
	"context"
	"time"
)

// SuspiciousCampaign is suspicious messages of the public that are alike. Features and Hours come only when one is read: the 400 most frequent features, and
// the hours of the last 30 days in which something came.
type SuspiciousCampaign struct {
	ID           string              `json:"id"`
	State        string              `json:"state"` // open, harmless, known
	Title        string              `json:"title"`
	FirstAt      time.Time           `json:"first_at"`
	LastAt       time.Time           `json:"last_at"`
	Messages     int                 `json:"messages"`
	Senders      int                 `json:"senders"`      // different people who handed it on
	Organisation string              `json:"organisation"` // whose domain or address it touches
	Report       string              `json:"report"`       // its line of the queue
	Features     []SuspiciousFeature `json:"features"`
	Hours        []SuspiciousHour    `json:"hours"`
	UpdatedAt    time.Time           `json:"updated_at"`
	Version      int64               `json:"version"`
}

// SuspiciousFeature is what a campaign is known by.
type SuspiciousFeature struct {
	Kind    string    `json:"kind"`  // link, sender, file, host
	Value   string    `json:"value"` // host and path, a host, a domain, or a SHA-256 in hexadecimal digits
	Name    string    `json:"name"`
	Seen    int       `json:"seen"`
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
}

// SuspiciousHour is how many messages came in an hour.
type SuspiciousHour struct {
	At       time.Time `json:"at"`
	Messages int       `json:"messages"`
}

// SuspiciousCampaigns lists campaigns of suspicious messages, those that had one last first.
func (c *Client) SuspiciousCampaigns(ctx context.Context, p Page) (List[SuspiciousCampaign], error) {
	return get[List[SuspiciousCampaign]](ctx, c, "/suspicious"+p.query())
}

// SuspiciousCampaign reads one campaign with its features and hours.
func (c *Client) SuspiciousCampaign(ctx context.Context, id string) (SuspiciousCampaign, error) {
	return get[SuspiciousCampaign](ctx, c, "/suspicious/"+seg(id))
}
