package api

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) duties() {
	on(a, "GET /duty/shifts", a.shifts)
	on(a, "GET /duty/changes", a.dutyChanges)
	on(a, "POST /duty/changes", a.changeDuty)
	on(a, "POST /duty/changes/{id}/take-back", a.takeBackDuty)
	on(a, "GET /duty/pages", a.dutyPages)
	on(a, "POST /duty/pages", a.testPage)
	on(a, "GET /duty/pages/{id}", a.dutyPage)
	on(a, "POST /duty/pages/{id}/acknowledge", a.acknowledgePage)
	on(a, "GET /duty/channels", a.channels)
	on(a, "POST /duty/channels/{name}/watch", a.watchChannel)
	on(a, "POST /calls", a.noteCall)
	on(a, "POST /reports/{ref}/call-backs", a.callBack)
}

// Person is one of the team.
type Person struct {
	Account int64  `json:"-"`
	ID      string `json:"id"`
	Name    string `json:"name"`
}

// people gives the team by account, and finds one by id.
type people []Person

func (a *API) team(ctx context.Context, by access.Actor) (people, error) { return a.Staff(ctx, by) }

// of gives who an account is; nil for nobody, and who left has no name.
func (p people) of(account int64) *Person {
	if account == 0 {
		return nil
	}
	for i := range p {
		if p[i].Account == account {
			return &p[i]
		}
	}
	return &Person{}
}

func (p people) account(by access.Actor, id string) (int64, error) {
	if id == "" {
		return by.Account, nil
	}
	for _, x := range p {
		if x.ID == id {
			return x.Account, nil
		}
	}
	var bad errs.Problems
	bad.Add("person", "error.duty.person")
	return 0, bad.Err()
}

// Shift is a time with one person on duty.
type Shift struct {
	From   time.Time `json:"from"`
	Till   time.Time `json:"till"`
	Person *Person   `json:"person" doc:"Null when nobody is on duty"`
	Taken  bool      `json:"taken" doc:"Taken over from whom the rotation names"`
	Named  *Person   `json:"named" doc:"Whom the rotation names"`
}

// ShiftsInput narrows GET /duty/shifts.
type ShiftsInput struct {
	From string `query:"from" format:"date-time" doc:"Now when left out"`
	Till string `query:"till" format:"date-time" doc:"A week later when left out, 92 days at most"`
	IfNoneMatch
}

const mostShifts = 92 * 24 * time.Hour

func (a *API) shifts(ctx context.Context, by access.Actor, in *ShiftsInput) (reply[List[Shift]], error) {
	var bad errs.Problems
	moment := func(field, said string, otherwise time.Time) time.Time {
		if said == "" {
			return otherwise
		}
		t, err := time.Parse(time.RFC3339, said)
		if err != nil {
			bad.Add(field, "error.date")
		}
		return t
	}
	from := moment("from", in.From, a.Clock.Now())
	till := moment("till", in.Till, from.Add(7*24*time.Hour))
	if bad.Err() == nil && (!till.After(from) || till.Sub(from) > mostShifts) {
		bad.Add("till", "error.duty.order")
	}
	if err := bad.Err(); err != nil {
		return reply[List[Shift]]{}, err
	}
	roster, err := a.Duty.Roster(ctx, a.Intake.DB, by)
	if err != nil {
		return reply[List[Shift]]{}, err
	}
	team, err := a.team(ctx, by)
	return reply[List[Shift]]{body: list(mapped(roster.Shifts(from, till), func(s duty.Shift) Shift {
		return Shift{From: s.From.UTC(), Till: s.Till.UTC(), Person: team.of(s.Account), Taken: s.Taken, Named: team.of(s.Named)}
	}), "")}, err
}

// DutyChange is a time that somebody takes over, or is away.
type DutyChange struct {
	ID     string    `json:"id"`
	Away   bool      `json:"away"`
	Person *Person   `json:"person"`
	From   time.Time `json:"from"`
	Till   time.Time `json:"till"`
}

func changeView(team people, c duty.Change) DutyChange {
	return DutyChange{ID: c.UID, Away: c.Away, Person: team.of(c.Account), From: c.From, Till: c.Till}
}

func (a *API) dutyChanges(ctx context.Context, by access.Actor, _ *AnyInput) (reply[List[DutyChange]], error) {
	roster, err := a.Duty.Roster(ctx, a.Intake.DB, by)
	if err != nil {
		return reply[List[DutyChange]]{}, err
	}
	team, err := a.team(ctx, by)
	return reply[List[DutyChange]]{body: list(mapped(roster.Changes, func(c duty.Change) DutyChange { return changeView(team, c) }), "")}, err
}

// NewDutyChange is what POST /duty/changes takes.
type NewDutyChange struct {
	Person string    `json:"person,omitempty" doc:"Id of one of the team; the owner of the token when left out"`
	Away   bool      `json:"away,omitempty" doc:"Away, instead of taking over"`
	From   time.Time `json:"from"`
	Till   time.Time `json:"till"`
}

func (a *API) changeDuty(ctx context.Context, by access.Actor, in *With[NewDutyChange]) (reply[DutyChange], error) {
	x := in.Body.Value
	team, err := a.team(ctx, by)
	if err != nil {
		return reply[DutyChange]{}, err
	}
	who, err := team.account(by, x.Person)
	if err != nil {
		return reply[DutyChange]{}, err
	}
	change := a.Duty.TakeOver
	if x.Away {
		change = a.Duty.NoteAway
	}
	c, err := change(ctx, by, who, x.From, x.Till)
	return reply[DutyChange]{body: changeView(team, c)}, err
}

// TakeBackInput names a change.
type TakeBackInput struct {
	ID
	With[Nothing]
}

func (a *API) takeBackDuty(ctx context.Context, by access.Actor, in *TakeBackInput) (reply[List[DutyChange]], error) {
	if err := a.Duty.TakeBack(ctx, by, in.ID.ID); err != nil {
		return reply[List[DutyChange]]{}, err
	}
	return a.dutyChanges(ctx, by, nil)
}

// DutyPage is a call for somebody. It names a number and nothing else of a case.
type DutyPage struct {
	ID         string    `json:"id"`
	Reason     string    `json:"reason" enum:"clock,critical,silent,test"`
	Number     string    `json:"number,omitempty"`
	State      string    `json:"state" enum:"open,answered,unanswered"`
	MadeAt     time.Time `json:"made_at"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	AnsweredBy *Person   `json:"answered_by,omitempty"`
	Tries      []PageTry `json:"tries,omitempty" doc:"When one page is read"`
}

// PageTry is one message of a page to one person by one way.
type PageTry struct {
	Person *Person   `json:"person"`
	Way    string    `json:"way" enum:"mail,webhook,sms"`
	State  string    `json:"state" enum:"waiting,sent,failed"`
	MadeAt time.Time `json:"made_at"`
	DoneAt time.Time `json:"done_at,omitzero"`
}

func pageView(team people, p duty.Page) DutyPage {
	return DutyPage{
		ID: p.UID, Reason: string(p.Reason), Number: p.Number, State: string(p.State), MadeAt: p.MadeAt, AnsweredAt: p.AnsweredAt, AnsweredBy: team.of(p.AnsweredBy),
	}
}

func (a *API) dutyPages(ctx context.Context, by access.Actor, _ *AnyInput) (reply[List[DutyPage]], error) {
	all, err := a.Duty.Pages(ctx, a.Intake.DB, by, 100)
	if err != nil {
		return reply[List[DutyPage]]{}, err
	}
	team, err := a.team(ctx, by)
	return reply[List[DutyPage]]{body: list(mapped(all, func(p duty.Page) DutyPage { return pageView(team, p) }), "")}, err
}

func (a *API) dutyPage(ctx context.Context, by access.Actor, in *OneIDInput) (reply[DutyPage], error) {
	p, tries, err := a.Duty.PageByUID(ctx, a.Intake.DB, by, in.ID.ID)
	if err != nil {
		return reply[DutyPage]{}, err
	}
	team, err := a.team(ctx, by)
	v := pageView(team, p)
	v.Tries = mapped(tries, func(t duty.Try) PageTry {
		return PageTry{Person: team.of(t.Account), Way: t.Kind, State: t.State, MadeAt: t.MadeAt, DoneAt: t.DoneAt}
	})
	return reply[DutyPage]{body: v}, err
}

// Nothing is a body without fields.
type Nothing struct{}

func (a *API) testPage(ctx context.Context, by access.Actor, _ *With[Nothing]) (reply[DutyPage], error) {
	p, err := a.Duty.Test(ctx, by)
	return reply[DutyPage]{body: pageView(nil, p)}, err
}

// AcknowledgePageInput names a page.
type AcknowledgePageInput struct {
	ID
	With[Nothing]
}

func (a *API) acknowledgePage(ctx context.Context, by access.Actor, in *AcknowledgePageInput) (reply[DutyPage], error) {
	p, err := a.Duty.Acknowledge(ctx, by, in.ID.ID)
	if err != nil {
		return reply[DutyPage]{}, err
	}
	team, err := a.team(ctx, by)
	return reply[DutyPage]{body: pageView(team, p)}, err
}

// ChannelState is a road into the house, and whether it is silent.
type ChannelState struct {
	Name       string    `json:"name"`
	Watch      string    `json:"watch" enum:"learnt,hand,off"`
	Hours      int       `json:"hours,omitempty" doc:"The longest pause that is right, when set by hand"`
	Last       time.Time `json:"last,omitzero" doc:"When something came last"`
	UsualHours int       `json:"usual_hours,omitempty" doc:"The longest pause of the weeks before"`
	Due        time.Time `json:"due,omitzero" doc:"When it is silent if nothing comes"`
	Silent     bool      `json:"silent"`
}

func (a *API) channels(ctx context.Context, by access.Actor, _ *AnyInput) (reply[List[ChannelState]], error) {
	all, err := a.Duty.ChannelsNow(ctx, a.Intake.DB, by)
	now := a.Clock.Now()
	return reply[List[ChannelState]]{body: list(mapped(all, func(c duty.Channel) ChannelState {
		return ChannelState{
			Name: c.Name, Watch: string(c.Watch.How), Hours: c.Watch.Hours, Last: c.Last, UsualHours: int(c.Pause.Hours()), Due: c.Due, Silent: c.Silent(now),
		}
	}), "")}, err
}

// NewWatch says how a channel is watched.
type NewWatch struct {
	How   string `json:"how" enum:"learnt,hand,off"`
	Hours int    `json:"hours,omitempty"`
}

// WatchInput is the input of POST /duty/channels/{name}/watch.
type WatchInput struct {
	Name string `path:"name"`
	With[NewWatch]
}

func (a *API) watchChannel(ctx context.Context, by access.Actor, in *WatchInput) (reply[List[ChannelState]], error) {
	if !slices.Contains(a.Duty.Channels, in.Name) {
		return reply[List[ChannelState]]{}, errs.ErrNotFound
	}
	w := duty.Watch{How: duty.Watched(in.Body.Value.How), Hours: in.Body.Value.Hours}
	if err := a.Duty.SetWatch(ctx, by, in.Name, w); err != nil {
		return reply[List[ChannelState]]{}, err
	}
	return a.channels(ctx, by, nil)
}

// NewCall is a call that one of the team took.
type NewCall struct {
	Summary     string    `json:"summary"`
	Description string    `json:"description,omitempty"`
	Caller      Reporter  `json:"caller,omitzero"`
	CalledAt    time.Time `json:"called_at,omitzero" doc:"Now when left out: the call counts from then"`
	Note        string    `json:"note,omitempty" doc:"A name for the note: the same one is taken once"`
}

func (a *API) noteCall(ctx context.Context, by access.Actor, in *With[NewCall]) (reply[Received], error) {
	b := in.Body.Value
	got, err := a.Intake.Receive(ctx, by, intake.ReceiveInput{
		Channel: correspondence.ByPhone, Lang: by.Lang, CalledAt: b.CalledAt, Offline: b.Note, Original: in.Body.raw,
		Body: intake.Body{Summary: b.Summary, Description: b.Description, Name: b.Caller.Name, Email: b.Caller.Email, Phone: b.Caller.Phone, OrgText: b.Caller.Organisation},
	})
	if err != nil {
		return reply[Received]{}, err
	}
	out := Received{ID: got.Report.UID, Reference: got.Reference, StatusURL: a.URL + "/r/" + got.Code.Reveal(), Clocks: clocks(got.Clocks)}
	return reply[Received]{body: out, location: "/reports/" + got.Report.UID}, nil
}

// NewCallBack says that we called a number of a contact about a call.
type NewCallBack struct {
	Number  string    `json:"number" doc:"Id of a number in the register"`
	Outcome string    `json:"outcome" enum:"theirs,not_theirs,not_reached"`
	At      time.Time `json:"at,omitzero"`
	Note    string    `json:"note,omitempty"`
}

// CallBackInput is the input of POST /reports/{ref}/call-backs.
type CallBackInput struct {
	Ref
	With[NewCallBack]
}

// CalledBack is what a call back proved.
type CalledBack struct {
	Reference string `json:"reference"`
	Proof     string `json:"proof"`
}

func (a *API) callBack(ctx context.Context, by access.Actor, in *CallBackInput) (reply[CalledBack], error) {
	b := in.Body.Value
	r, err := a.Intake.CalledBack(ctx, by, in.Ref.Ref, intake.CallBackInput{Number: b.Number, Outcome: intake.Outcome(b.Outcome), At: b.At, Note: b.Note})
	if err != nil {
		return reply[CalledBack]{}, err
	}
	return reply[CalledBack]{body: CalledBack{r.Reference, proofs[r.Proof]}}, nil
}
