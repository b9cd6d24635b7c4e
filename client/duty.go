package client

import (
	"context"
	"net/url"
	"time"
)

// Person is one of the team.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Shift is a time with one person on duty, nil when there is nobody.
type Shift struct {
	From   time.Time `json:"from"`
	Till   time.Time `json:"till"`
	Person *Person   `json:"person"`
	Taken  bool      `json:"taken"`
	Named  *Person   `json:"named"`
}

// DutyChange is a time that somebody takes over, or is away.
type DutyChange struct {
	ID     string    `json:"id"`
	Away   bool      `json:"away"`
	Person *Person   `json:"person"`
	From   time.Time `json:"from"`
	Till   time.Time `json:"till"`
}

// NewDutyChange is a change to be noted, for the owner of the token when Person is "".
type NewDutyChange struct {
	Person string    `json:"person,omitempty"`
	Away   bool      `json:"away,omitempty"`
	From   time.Time `json:"from"`
	Till   time.Time `json:"till"`
}

// DutyPage is a call for somebody.
type DutyPage struct {
	ID         string    `json:"id"`
	Reason     string    `json:"reason"` // clock, critical, silent, test
	Number     string    `json:"number"`
	State      string    `json:"state"` // open, answered, unanswered
	MadeAt     time.Time `json:"made_at"`
	AnsweredAt time.Time `json:"answered_at"`
	AnsweredBy *Person   `json:"answered_by"`
	Tries      []PageTry `json:"tries"` // of DutyPageOf
}

// PageTry is one message of a page to one person by one way.
type PageTry struct {
	Person *Person   `json:"person"`
	Way    string    `json:"way"`   // mail, webhook, sms
	State  string    `json:"state"` // waiting, sent, failed
	MadeAt time.Time `json:"made_at"`
	DoneAt time.Time `json:"done_at"`
}

// ChannelState is a road into the house, and whether it is silent.
type ChannelState struct {
	Name       string    `json:"name"`
	Watch      string    `json:"watch"` // learnt, hand, off
	Hours      int       `json:"hours"`
	Last       time.Time `json:"last"`
	UsualHours int       `json:"usual_hours"`
	Due        time.Time `json:"due"`
	Silent     bool      `json:"silent"`
}

// NewCall is a call that one of the team took. The same Note is taken once.
type NewCall struct {
	Summary     string    `json:"summary"`
	Description string    `json:"description,omitempty"`
	Caller      Reporter  `json:"caller,omitzero"`
	CalledAt    time.Time `json:"called_at,omitzero"`
	Note        string    `json:"note,omitempty"`
}

// NewCallBack says that we called a number of the register. Outcome is theirs, not_theirs or not_reached.
type NewCallBack struct {
	Number  string    `json:"number"`
	Outcome string    `json:"outcome"`
	At      time.Time `json:"at,omitzero"`
	Note    string    `json:"note,omitempty"`
}

// CalledBack is what a call back proved.
type CalledBack struct {
	Reference string `json:"reference"`
	Proof     string `json:"proof"`
}

// Shifts lists who is on duty; zero times are now and a week later.
func (c *Client) Shifts(ctx context.Context, from, till time.Time) (List[Shift], error) {
	q := url.Values{}
	for name, t := range map[string]time.Time{"from": from, "till": till} {
		if !t.IsZero() {
			q.Set(name, t.UTC().Format(time.RFC3339))
		}
	}
	return get[List[Shift]](ctx, c, "/duty/shifts?"+q.Encode())
}

// DutyChanges lists who takes over, and who is away.
func (c *Client) DutyChanges(ctx context.Context) (List[DutyChange], error) {
	return get[List[DutyChange]](ctx, c, "/duty/changes")
}

// ChangeDuty notes that somebody takes over, or is away.
func (c *Client) ChangeDuty(ctx context.Context, in NewDutyChange, opts ...Option) (DutyChange, error) {
	return post[DutyChange](ctx, c, "/duty/changes", in, opts...)
}

// TakeBackDuty takes such a note back.
func (c *Client) TakeBackDuty(ctx context.Context, change string, opts ...Option) (List[DutyChange], error) {
	return post[List[DutyChange]](ctx, c, "/duty/changes/"+seg(change)+"/take-back", struct{}{}, opts...)
}

// DutyPages lists the newest pages.
func (c *Client) DutyPages(ctx context.Context) (List[DutyPage], error) {
	return get[List[DutyPage]](ctx, c, "/duty/pages")
}

// DutyPageOf reads one page with its tries.
func (c *Client) DutyPageOf(ctx context.Context, page string) (DutyPage, error) {
	return get[DutyPage](ctx, c, "/duty/pages/"+seg(page))
}

// TestPage pages the owner of the token.
func (c *Client) TestPage(ctx context.Context, opts ...Option) (DutyPage, error) {
	return post[DutyPage](ctx, c, "/duty/pages", struct{}{}, opts...)
}

// AcknowledgePage takes a page: nobody else is paged for it.
func (c *Client) AcknowledgePage(ctx context.Context, page string, opts ...Option) (DutyPage, error) {
	return post[DutyPage](ctx, c, "/duty/pages/"+seg(page)+"/acknowledge", struct{}{}, opts...)
}

// Channels lists the roads into the house.
func (c *Client) Channels(ctx context.Context) (List[ChannelState], error) {
	return get[List[ChannelState]](ctx, c, "/duty/channels")
}

// WatchChannel says how one is watched: learnt, hand with a number of hours, or off.
func (c *Client) WatchChannel(ctx context.Context, name, how string, hours int, opts ...Option) (List[ChannelState], error) {
	in := struct {
		How   string `json:"how"`
		Hours int    `json:"hours,omitempty"`
	}{how, hours}
	return post[List[ChannelState]](ctx, c, "/duty/channels/"+seg(name)+"/watch", in, opts...)
}

// NoteCall takes down a call.
func (c *Client) NoteCall(ctx context.Context, in NewCall, opts ...Option) (Received, error) {
	return post[Received](ctx, c, "/calls", in, opts...)
}

// CallBack records that a number of the register was called about a call.
func (c *Client) CallBack(ctx context.Context, report string, in NewCallBack, opts ...Option) (CalledBack, error) {
	return post[CalledBack](ctx, c, "/reports/"+seg(report)+"/call-backs", in, opts...)
}
