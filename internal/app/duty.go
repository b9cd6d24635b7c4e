package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/strictjson"
)

// The duty package stands on no other: here is what it is told of the others, and by which ways a page leaves.

// openDuty builds the duty roster and its pages.
func (h *House) openDuty() error {
	gateway, err := readGateway(h.Config.SMSGateway)
	if err != nil {
		return err
	}
	h.Duty = &duty.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Egress: h.Egress, Zone: h.Config.Location(), SMS: gateway,
		Sender: fetch.New(fetch.Config{Exit: h.Config.ExitURL(), Inside: h.Config.InsideNetworks()}),
		Staff:  func(ctx context.Context, _ db.Handle) ([]int64, error) { return h.Accounts.StaffIDs(ctx, h.DB) },
		Mail:   h.mailPage, Words: h.pageWords, Events: h.shiftEvents, Look: h.lookForPages,
	}
	h.Duty.Folders, h.Duty.Gather = h.Config.Bundles(), h.gatherBundle
	h.Duty.Leads = func(ctx context.Context, x db.Handle) (out []int64, err error) {
		list, err := h.Accounts.Reached(ctx, x, []access.Role{access.Lead})
		for _, a := range list {
			out = append(out, a.ID)
		}
		return out, err
	}
	h.Duty.Channels, h.Duty.Came, h.Duty.Holiday = h.channels(), h.came, h.Calendar.Holiday
	return nil
}

// readGateway reads the file that describes the gateway of text messages; "" is none.
func readGateway(file string) (duty.Gateway, error) {
	var g duty.Gateway
	if file == "" {
		return g, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return g, fmt.Errorf("read TOCSIN_SMS_GATEWAY: %w", err)
	}
	if err := strictjson.Decode(raw, &g); err != nil {
		return g, errs.Wrap(errs.Invalid, "TOCSIN_SMS_GATEWAY is not a gateway's description", err)
	}
	if err := g.Check(); err != nil {
		return g, errs.New(errs.Invalid, "TOCSIN_SMS_GATEWAY: "+err.Error())
	}
	return g, nil
}

// mailPage writes a page by mail: the number alone, and none of what is sealed.
func (h *House) mailPage(ctx context.Context, tx *db.Tx, account int64, p duty.Page) (bool, error) {
	who, err := h.Accounts.Reached(ctx, tx, nil, account)
	if err != nil || len(who) == 0 {
		return false, err
	}
	n := correspondence.NoticeFor{Letter: correspondence.AutoPage}
	if p.Object != 0 {
		whose, err := access.WhoseTx(ctx, tx, p.Object)
		if err != nil {
			return false, err
		}
		if !whose.Sealed {
			n.Number, _ = correspondence.NumberOf(p.Number)
		}
	}
	told, err := h.Correspondence.NoticeTx(ctx, tx, colleagues(who, 0), n)
	return told > 0, err
}

// pageWords gives a page for a webhook or a text message, in the reader's language.
func (h *House) pageWords(ctx context.Context, account int64, p duty.Page) (string, error) {
	who, err := h.Accounts.Reached(ctx, h.DB, nil, account)
	if err != nil {
		return "", err
	}
	lang := text.Lang(h.Profile.Lang)
	if len(who) > 0 && who[0].Lang != "" {
		lang = text.Lang(who[0].Lang)
	}
	t := h.Text.For(lang)
	args := []any{"team", h.Profile.Name, "number", p.Number, "link", h.deskURL() + "/desk/duty/pages/" + p.UID}
	var s string
	switch p.Reason {
	case duty.ClockEnds:
		s = t.T("mail.duty.clock", args...)
	case duty.Critical:
		s = t.T("mail.duty.critical", args...)
	case duty.Silent:
		s = t.T("mail.duty.silent", args...)
	default:
		s = t.T("mail.duty.test", args...)
	}
	return strings.Join(strings.Fields(s), " "), nil
}

// shiftEvents tells what happened in a shift as far as the actor may see it: numbers and moments.
func (h *House) shiftEvents(ctx context.Context, by access.Actor, from, to, till time.Time) (duty.Events, error) {
	var out duty.Events
	const most = duty.MostEvents
	opened, closed, err := h.Incidents.Within(ctx, h.DB, by, from, to, most)
	if err != nil {
		return out, err
	}
	for _, in := range opened {
		out.New = append(out.New, duty.Event{Number: in.Number, Object: in.Ref.ID, At: in.OpenedAt})
	}
	for _, in := range closed {
		out.Closed = append(out.Closed, duty.Event{Number: in.Number, Object: in.Ref.ID, At: in.ClosedAt})
	}
	waiting, err := h.Intake.Queue(ctx, by, intake.QueueFilter{Limit: most})
	if err != nil {
		return out, err
	}
	for _, l := range waiting.Items {
		out.Waiting = append(out.Waiting, duty.Event{Number: l.Reference, Object: l.Ref.ID, At: l.ReceivedAt})
	}
	clocks, next, err := h.Deadlines.List(ctx, by, deadline.Filter{OwedBy: deadline.Us, Limit: most})
	if err != nil {
		return out, err
	}
	clocks, numbers, err := h.numbersOf(ctx, by, clocks)
	if err != nil {
		return out, err
	}
	for i, c := range clocks {
		if c.Limit().Before(till) {
			out.Clocks = append(out.Clocks, duty.Event{Number: numbers[i], Object: under(c).ID, Kind: c.Kind, At: c.Limit()})
		}
	}
	calls, err := h.Intake.CallsBetween(ctx, h.DB, from, to, most)
	if err != nil {
		return out, err
	}
	reports, err := h.Intake.ByID(ctx, h.DB, by, calls...)
	if err != nil {
		return out, err
	}
	for _, id := range calls {
		if r, ok := reports[id]; ok {
			out.Calls = append(out.Calls, duty.Event{Number: r.Reference, Object: id, At: r.ReceivedAt})
		}
	}
	paged, err := h.Duty.PagedBetween(ctx, h.DB, from, to)
	for _, p := range paged {
		out.Paged = append(out.Paged, duty.Event{Number: p.Number, Object: p.Object, Kind: string(p.Reason), At: p.MadeAt})
	}
	out.More = waiting.Next != "" || next != "" || len(opened) == most || len(closed) == most || len(calls) == most || len(paged) == most
	return out, err
}

// numbersOf gives clocks with the numbers of what they stand under, those alone that the actor may see.
func (h *House) numbersOf(ctx context.Context, by access.Actor, clocks []deadline.Clock) (seen []deadline.Clock, numbers []string, err error) {
	var ids []int64
	for _, c := range clocks {
		ids = append(ids, under(c).ID)
	}
	cases, err := h.Incidents.ByID(ctx, h.DB, by, ids...)
	if err != nil {
		return nil, nil, err
	}
	reports, err := h.Intake.ByID(ctx, h.DB, by, ids...)
	for _, c := range clocks {
		on := under(c).ID
		if in, ok := cases[on]; ok {
			seen, numbers = append(seen, c), append(numbers, in.Number)
		} else if r, ok := reports[on]; ok {
			seen, numbers = append(seen, c), append(numbers, r.Reference)
		}
	}
	return seen, numbers, err
}

// recent is how old something may be that pages of itself: what lies there since long pages nobody when the rules are switched on.
const recent = time.Hour

// longestGrace is how long after it is due a deadline may still be kept.
const longestGrace = 14 * 24 * time.Hour

// lookForPages pages for clocks of ours that end soon, for reports that cannot wait, for critical incidents, and for channels that are silent.
func (h *House) lookForPages(ctx context.Context) error {
	rules, err := h.Duty.Rules(ctx, h.DB)
	if err != nil {
		return err
	}
	by, now := access.System("clocks"), h.Clock.Now()
	page := func(key string, reason duty.Reason, object int64) error {
		if known, err := h.Duty.Paged(ctx, h.DB, key); known || err != nil {
			return err
		}
		return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			in := duty.NewPage{Key: key, Reason: reason, Object: object}
			if object != 0 {
				whose, err := access.WhoseTx(ctx, tx, object)
				if err != nil {
					return err
				}
				if !whose.Sealed { // a sealed case is not named outside
					in.Number = whose.Number
				}
			}
			_, err := h.Duty.PageTx(ctx, tx, in)
			return err
		})
	}
	if rules.Clocks {
		clocks, err := h.Deadlines.Ending(ctx, deadline.Us, now.Add(-longestGrace), now.Add(rules.Lead)) // of sealed cases too
		if err != nil {
			return err
		}
		for _, c := range clocks {
			if end := c.Limit(); end.Before(now.Add(rules.Lead)) && end.After(now.Add(-recent)) {
				if err := page(fmt.Sprintf("clock:%d:%d", c.ID, end.Unix()), duty.ClockEnds, under(c).ID); err != nil {
					return err
				}
			}
		}
	}
	if rules.Critical {
		urgent, err := h.urgent(ctx, by, now)
		if err != nil {
			return err
		}
		for _, on := range urgent {
			if err := page(fmt.Sprintf("critical:%d", on), duty.Critical, on); err != nil {
				return err
			}
		}
	}
	if rules.Silent {
		return h.pageSilent(ctx, by, now)
	}
	return nil
}

// urgent gives the reports of the last hour from the most critical organisations, and the critical incidents that were opened or changed in it.
func (h *House) urgent(ctx context.Context, by access.Actor, now time.Time) ([]int64, error) {
	var out []int64
	list, err := h.Intake.List(ctx, by, intake.QueueFilter{Limit: 100})
	if err != nil {
		return nil, err
	}
	var organisations []int64
	for _, r := range list.Items {
		if r.Organisation != 0 && r.CreatedAt.After(now.Add(-recent)) {
			organisations = append(organisations, r.Organisation)
		}
	}
	orgs, err := h.Constituency.ByID(ctx, h.DB, organisations...)
	if err != nil {
		return nil, err
	}
	for _, r := range list.Items {
		if r.State == intake.New && r.CreatedAt.After(now.Add(-recent)) && orgs[r.Organisation].Criticality >= 3 {
			out = append(out, r.Ref.ID)
		}
	}
	cases, err := h.Incidents.List(ctx, by, incident.Filter{Severity: "critical", ChangedSince: now.Add(-recent), Limit: 100})
	for _, in := range cases.Items {
		out = append(out, in.Ref.ID)
	}
	return out, err
}

// under gives on whose strip a clock stands.
func under(c deadline.Clock) ref.Ref {
	if c.Under.IsZero() {
		return c.About
	}
	return c.Under
}
