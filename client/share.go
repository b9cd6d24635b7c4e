package client

import (
	"context"
	"net/url"
	"time"
)

// SharedItem names what is shared: of kind message, entry or file.
type SharedItem struct {
	Kind    string `json:"kind"`
	Message string `json:"message,omitempty"`
	Entry   string `json:"entry,omitempty"`
	File    string `json:"file,omitempty"`
}

// NewShare is one item of an incident as it is to be shared, and with which parties.
type NewShare struct {
	SharedItem
	Parties  []string `json:"parties"`
	Text     string   `json:"text,omitempty"`
	Strike   []string `json:"strike,omitempty"`
	FileName string   `json:"file_name,omitempty"`
	Note     string   `json:"note,omitempty"`
	TLP      string   `json:"tlp,omitempty"`
	Named    bool     `json:"named,omitempty"`
	Looked   bool     `json:"looked,omitempty"`
}

// SharePreview is exactly what one reader would get.
type SharePreview struct {
	Party      string   `json:"party_id"`
	Name       string   `json:"name"`
	Lang       string   `json:"lang"`
	TLP        string   `json:"tlp"`
	Road       string   `json:"road"`
	RoadReason string   `json:"road_reason,omitempty"`
	Subject    string   `json:"subject"`
	Mail       string   `json:"mail"`
	Page       string   `json:"page"`
	Naming     []string `json:"naming"`
	Others     []string `json:"others"`
	Unread     bool     `json:"unread_file,omitempty"`
}

// Share is one item that was shared.
type Share struct {
	ID       string        `json:"id"`
	Item     SharedItem    `json:"item"`
	Source   string        `json:"source_party_id,omitempty"`
	Named    bool          `json:"named"`
	At       time.Time     `json:"at"`
	By       string        `json:"by"`
	TLP      string        `json:"tlp"`
	Text     string        `json:"text,omitempty"`
	FileName string        `json:"file_name,omitempty"`
	Beyond   bool          `json:"beyond,omitempty"`
	Readers  []ShareReader `json:"readers"`
}

// ShareReader is with whom something was shared, and where the copy stands.
type ShareReader struct {
	Party       string    `json:"party_id"`
	Name        string    `json:"name"`
	TLP         string    `json:"tlp"`
	State       string    `json:"state"`
	SentAt      time.Time `json:"sent_at,omitzero"`
	SeenAt      time.Time `json:"seen_at,omitzero"`
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero"`
}

// SharedWithUs is something that was shared with the caller's organisation.
type SharedWithUs struct {
	ID          string    `json:"id"`
	Reference   string    `json:"reference"`
	At          time.Time `json:"at"`
	TLP         string    `json:"tlp"`
	Subject     string    `json:"subject,omitempty"`
	Text        string    `json:"text,omitempty"`
	Files       []File    `json:"files"`
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero"`
}

// Reach is how far what an organisation tells the team may go: team, anonymous, named or label; "" when nothing was said.
type Reach struct {
	Reach  string    `json:"reach,omitempty"`
	SaidAt time.Time `json:"said_at,omitzero"`
	Phone  bool      `json:"by_telephone,omitempty"`
}

// NewReach says how far it may go: of a report, a request, a party, a message of one of them, or of all that an organisation tells.
type NewReach struct {
	Reach        string `json:"reach,omitempty"`
	Report       string `json:"report,omitempty"`
	Request      string `json:"request,omitempty"`
	Party        string `json:"party,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	Message      string `json:"message,omitempty"`
}

// Share shares one item of an incident with parties of it.
func (c *Client) Share(ctx context.Context, incident string, in NewShare, opts ...Option) (Share, error) {
	return post[Share](ctx, c, "/incidents/"+seg(incident)+"/shares", in, opts...)
}

// PreviewShare reads exactly what each reader would get.
func (c *Client) PreviewShare(ctx context.Context, incident string, in NewShare, opts ...Option) (List[SharePreview], error) {
	return post[List[SharePreview]](ctx, c, "/incidents/"+seg(incident)+"/shares/preview", in, opts...)
}

// Shares lists what was shared of an incident.
func (c *Client) Shares(ctx context.Context, incident string) (List[Share], error) {
	return get[List[Share]](ctx, c, "/incidents/"+seg(incident)+"/shares")
}

// WithdrawShare takes back what was shared, from one party or, with "", from all. It gives how many readers could not be told by letter.
func (c *Client) WithdrawShare(ctx context.Context, share, party, reason string, opts ...Option) (untold int, err error) {
	got, err := post[struct {
		Untold int `json:"untold"`
	}](ctx, c, "/shares/"+seg(share)+"/withdraw", map[string]string{"party": party, "reason": reason}, opts...)
	return got.Untold, err
}

// Shared lists what was shared with the caller's organisation, newest first; after is the next of the page before.
func (c *Client) Shared(ctx context.Context, after string) (List[SharedWithUs], error) {
	return get[List[SharedWithUs]](ctx, c, "/shared?after="+url.QueryEscape(after))
}

// Reach reads how far all that the caller's organisation tells the team may go.
func (c *Client) Reach(ctx context.Context) (Reach, error) { return get[Reach](ctx, c, "/reach") }

// SayReach says how far something may go.
func (c *Client) SayReach(ctx context.Context, in NewReach, opts ...Option) (Reach, error) {
	return post[Reach](ctx, c, "/reach", in, opts...)
}
