package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// entry is one line of the timeline before it is sorted by the time at which it happened.
type entry struct {
	at   time.Time
	kind string // mail, note, change, attack
	fold act
	page.Entry
}

// shown is how many entries a timeline shows before it offers the earlier ones.
const shown = 40

// fillDays gathers what was written, what came and went with parties and reporters, and what was changed, under the days on which it happened.
func (d *Desk) fillDays(v *page.Visit, view *TimelineView, in incident.Incident, rows []coordination.Row, reports []intake.Report) error {
	show := v.R.URL.Query().Get("show")
	var all []entry
	if show != "mail" && show != "change" {
		written, err := d.Incidents.Entries(v.Ctx(), d.DB, v.By, in.UID)
		if err != nil {
			return err
		}
		for _, e := range written {
			x := writtenEntry(v.P, e)
			if x.Message != nil && in.State != incident.Closed && v.By.Can(access.SendOutside) {
				x.Message.Share = shareAt(in.Number, coordination.Item{Kind: coordination.ItemEntry, ID: e.UID})
			}
			all = append(all, x)
		}
	}
	if show == "" || show == "mail" {
		mail, err := d.mailOf(v, in, rows, reports)
		if err != nil {
			return err
		}
		all = append(all, mail...)
	}
	if show == "" || show == "change" {
		names, at := map[int64]string{}, map[int64]string{}
		for _, r := range rows {
			names[r.Party.Thread] = r.Party.Name
			names[r.Party.Ref.ID], at[r.Party.Ref.ID] = r.Party.Name, "/desk/parties/"+r.Party.UID
			for _, m := range r.Measures {
				names[m.Ref.ID] = d.measureTitle(v.P, m) + " · " + r.Party.Name
			}
		}
		record, err := d.Audit.Newest(v.Ctx(), d.DB, in.Ref.ID, 2000, recorded...)
		if err != nil {
			return err
		}
		for _, r := range record {
			if e, ok := d.recordEntry(v, in, r, names); ok {
				if r.Verb == "coordination.add" && at[r.On.ID] != "" {
					who := page.Strong(actorName(v.P, r))
					e.fold = act{"add " + actorName(v.P, r), page.ChipView{Text: names[r.On.ID], Href: at[r.On.ID]}, func(p *text.Printer, n int) page.Entry {
						return page.Entry{Kind: "change", Line: page.Rich(p, "desk.line.party", "who", who, "party", page.Strong(p.N("desk.parties.count", n)))}
					}}
				}
				all = append(all, e)
			}
		}
	}
	if show != "" {
		all = slices.DeleteFunc(all, func(e entry) bool { return e.kind != show })
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	all = fold(v.P, all)
	if n := len(all) - shown; n > 0 && v.R.URL.Query().Get("all") == "" {
		view.Earlier = page.ChipView{Text: v.P.T("desk.timeline.earlier", "count", n), Kind: "outline", Icon: "history", Href: view.Href + "?" + url.Values{"show": {show}, "all": {"1"}}.Encode()}
		all = all[n:]
	}
	for _, e := range all {
		title := v.P.Day(e.at)
		if n := len(view.Days); n == 0 || view.Days[n-1].Title != title {
			view.Days = append(view.Days, page.TimelineDay{Title: title})
		}
		last := &view.Days[len(view.Days)-1]
		last.Entries = append(last.Entries, e.Entry)
	}
	return nil
}

// mailOf gives what was exchanged with each party, and with each reporter.
func (d *Desk) mailOf(v *page.Visit, in incident.Incident, rows []coordination.Row, reports []intake.Report) ([]entry, error) {
	names, at := map[int64]string{}, map[int64]string{}
	var ids []int64
	for _, r := range rows {
		if r.Party.Thread != 0 {
			names[r.Party.Thread], at[r.Party.Thread] = r.Party.Name, "/desk/parties/"+r.Party.UID
			ids = append(ids, r.Party.Thread)
		}
	}
	for _, r := range reports {
		if r.Thread != 0 && names[r.Thread] == "" { // a reporter that is a party is written to on its report's thread
			names[r.Thread] = reporterName(v.P, r)
			ids = append(ids, r.Thread)
		}
	}
	uids, err := d.threadUIDs(v, ids...)
	if err != nil {
		return nil, err
	}
	messages, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]entry, len(messages))
	for i, m := range messages {
		out[i] = messageEntry(v, m, names[m.Thread], uids[m.Thread], v.R.URL.Path)
		out[i].Message.Share = d.shareOf(v, in, m, uids[m.Thread])
		if m.Direction == correspondence.Out && m.WithdrawnAt.IsZero() && at[m.Thread] != "" {
			state := messageState(v.P, m)
			out[i].fold = act{"out " + m.AuthorName + string(m.Kind) + state.Text, page.ChipView{Text: names[m.Thread], Href: at[m.Thread]}, func(p *text.Printer, n int) page.Entry {
				to := page.Strong(p.N("desk.parties.count", n))
				x := page.Entry{Kind: "mail_out", Line: page.Rich(p, "desk.line.out", "who", page.Strong(m.AuthorName), "to", to), Chips: []page.ChipView{state}}
				if m.AuthorName == "" {
					x.Line = page.Rich(p, "desk.line.auto", "to", to)
				}
				return x
			}}
		}
	}
	return out, nil
}

func reporterName(p *text.Printer, r intake.Report) string {
	switch {
	case r.Body.Name != "":
		return r.Body.Name
	case r.Body.Email != "":
		return r.Body.Email
	}
	return p.T("desk.report.unnamed")
}

func writtenEntry(p *text.Printer, e incident.Entry) entry {
	x := entry{at: e.HappenedAt, Entry: page.Entry{ID: "e-" + e.UID, At: e.HappenedAt}}
	switch {
	case e.Withdrawn:
		x.kind, x.Kind = "note", "note"
		x.Line = page.Rich(p, "desk.line.withdrawn", "who", page.Strong(e.AuthorName))
	case e.Kind == incident.AttackEvent:
		x.kind, x.Kind = "attack", "attack"
		x.Line = page.Text(e.Text)
		x.Chips = []page.ChipView{{Text: p.T("desk.entry.attack_chip"), Kind: "outline"}}
	default:
		x.kind, x.Kind = "note", "note"
		x.Line = page.Rich(p, "desk.line.note", "who", page.Strong(e.AuthorName))
		x.Message = &page.MessageView{Title: p.T("desk.note.title"), Body: e.Text, Internal: true}
	}
	return x
}

func messageEntry(v *page.Visit, m correspondence.Message, party, thread, back string) entry {
	p := v.P
	x := entry{at: m.At, kind: "mail", Entry: page.Entry{ID: "m-" + m.UID, At: m.At}}
	view := &page.MessageView{Title: m.Body.Subject, Sub: party, TLP: m.TLP.Name(), Body: correspondence.WithoutCodes(m.Body.Text), Files: fileViews(thread, m)}
	if view.Title == "" {
		view.Title = channelName(p, m.Channel)
	}
	if m.Direction == correspondence.In {
		view.Marks = append(view.Marks, cameChips(p, m.Seal, m.Proof)...)
		x.Kind = "mail_in"
		if m.Channel != correspondence.ByMail {
			x.Kind = "report"
		}
		x.Line = page.Rich(p, "desk.line.in", "who", page.Strong(party), "channel", channelName(p, m.Channel))
		switch {
		case m.Channel == correspondence.ByLink && m.Proof == correspondence.Claimed: // whoever held the letter: no account and no key says more
			if m.Body.From != "" {
				view.Title = orDefault(m.Body.Subject, p.T("desk.channel.link", "to", m.Body.From))
				x.Line = page.Rich(p, "desk.line.by_link", "who", page.Strong(party), "to", page.Strong(m.Body.From))
			}
			view.Marks = append(view.Marks, page.ChipView{Text: p.T("desk.proof.link"), Kind: "warn", Icon: "link"})
		default:
			view.Marks = append(view.Marks, proofChip(p, m.Proof))
		}
		if s := m.Body.Signature; s != nil {
			view.Signature = signedWords(p, s)
		}
		if a := m.Body.Again; a != nil {
			view.Marks = append(view.Marks, againChip(p, a))
			if a.Signature != nil {
				view.Signature = signedWords(p, a.Signature)
			}
		}
		if m.State == correspondence.Unverified { // nobody knows that it is theirs: it does not stand under their name
			from := orDefault(m.Body.From, p.T("desk.message.somebody"))
			view.Sub = from
			if m.Channel != correspondence.ByLink {
				x.Line = page.Rich(p, "desk.line.unverified", "from", page.Strong(from), "who", page.Strong(party))
			}
			view.Why = p.T("desk.message.unverified.why", "who", party)
			if v.By.Can(access.WorkCases) {
				view.Act = page.ButtonView{Text: p.T("desk.message.unverified.do"), Icon: "check", FormAction: "/desk/messages/" + m.UID + "/release"}
				view.Fields = []page.Hid{{Name: "back", Value: v.R.URL.Path}}
			}
		}
		view.Mails = withinViews(v, m)
		if m.Body.Answers != "" {
			view.Answers = "#m-" + m.Body.Answers
		}
		view.Meanings, view.Translate = meanings(v, m, back)
		if m.HasOriginal {
			view.Original = "/desk/messages/" + thread + "/" + m.UID + "/original"
		}
	} else {
		x.Kind = "mail_out"
		x.Line = page.Rich(p, "desk.line.out", "who", page.Strong(m.AuthorName), "to", page.Strong(party))
		if m.AuthorName == "" {
			x.Line = page.Rich(p, "desk.line.auto", "to", page.Strong(party))
		}
		x.Chips = append(x.Chips, messageState(p, m))
		if m.Road == egress.Locked && m.State == correspondence.Sent && m.WithdrawnAt.IsZero() && !m.Erased && v.By.Can(access.SendOutside) {
			x.Chips = append(x.Chips, page.ChipView{Text: p.T("desk.codes.open"), Kind: "info", Icon: "phone", Href: "/desk/codes/" + m.UID})
		}
		if !m.WithdrawnAt.IsZero() {
			x.Chips = append(x.Chips, page.ChipView{Text: p.T("desk.sharing.state.withdrawn", "when", p.Brief(m.WithdrawnAt, v.Now)), Kind: "warn", Icon: "undo-2"})
		}
		switch {
		case !m.SeenAt.IsZero():
			view.Seen = p.T("desk.message.seen", "at", p.Brief(m.SeenAt, v.Now))
		case m.State == correspondence.Sent:
			view.Seen = p.T("desk.message.seen_unknown")
		}
	}
	x.Message = view
	return x
}

// messageState says where a message out stands.
func messageState(p *text.Printer, m correspondence.Message) page.ChipView {
	switch m.State {
	case correspondence.Held:
		return page.ChipView{Text: p.T("desk.message.held"), Kind: "info", Icon: "clock"}
	case correspondence.Waiting:
		return page.ChipView{Text: p.T("desk.message.waiting"), Kind: "warn"}
	case correspondence.Sending:
		return page.ChipView{Text: p.T("desk.message.sending"), Kind: "info"}
	case correspondence.Failed:
		if m.Reason == correspondence.ReasonBounced {
			return page.ChipView{Text: p.T("desk.message.bounced"), Kind: "crit"}
		}
		return page.ChipView{Text: p.T("desk.message.failed"), Kind: "crit"}
	case correspondence.Stopped:
		return page.ChipView{Text: p.T("desk.message.stopped"), Kind: "warn"}
	}
	if m.Road == egress.Locked {
		return page.ChipView{Text: p.T("desk.message.locked"), Kind: "ok", Icon: "lock"}
	}
	if c, ok := sealChip(p, m.Seal); ok {
		return c
	}
	return page.ChipView{Text: p.T("desk.message.sent"), Kind: "ok"}
}

// recorded are the verbs of which recordEntry makes a line.
var recorded = []string{
	"incident.open", "incident.attach", "incident.detach", "incident.edit", "incident.undo", "incident.close", "incident.seal", "incident.reseal", "incident.unseal", "retain.hold", "retain.release",
	"incident.break_glass", "incident.reopen", "incident.task", "incident.task_set", "coordination.add", "coordination.move", "coordination.withdraw", "coordination.escalate",
	coordination.VerbCallPlan, coordination.VerbCallInvite, coordination.VerbCallMove, coordination.VerbCallOff, coordination.VerbCallHeld, coordination.VerbCallAction,
	coordination.VerbSituationOpen, coordination.VerbSituationLead, coordination.VerbSituationTell, coordination.VerbSituationEnd, coordination.VerbDecide,
}

// recordEntry turns an audit entry into one sentence; entries that stand in the timeline as themselves are left out.
// names are those of the incident's parties and measures, by object.
func (d *Desk) recordEntry(v *page.Visit, in incident.Incident, r audit.Row, names map[int64]string) (entry, bool) {
	p := v.P
	x := entry{at: r.At, kind: "change", Entry: page.Entry{ID: "a-" + strconv.FormatInt(r.ID, 10), At: r.At, Kind: "change"}}
	who := page.Strong(actorName(p, r))
	switch r.Verb {
	case "incident.open":
		x.Line = page.Rich(p, "desk.line.opened", "who", who)
	case "incident.attach":
		x.Line = page.Rich(p, "desk.line.attached", "who", who, "report", page.Strong(changeTo(r, "report")))
	case "incident.detach":
		x.Line = page.Rich(p, "desk.line.detached", "who", who)
	case "incident.edit", "incident.undo":
		x.Line = page.Rich(p, "desk.line.changed", "who", who, "what", d.changesInWords(v.Ctx(), p, r))
		if r.Verb == "incident.edit" && v.Now.Sub(r.At) < incident.UndoFor && in.State != incident.Closed && v.By.Can(access.WorkCases) {
			x.Undo = "/desk/incidents/" + in.Number + "/undo"
			x.Fields = []page.Hid{{Name: "entry", Value: strconv.FormatInt(r.ID, 10)}}
		}
	case "incident.close":
		x.Line = page.Rich(p, "desk.line.closed", "who", who)
	case "incident.seal", "incident.reseal":
		x.Line = page.Rich(p, "desk.line.sealed", "who", who)
	case "incident.unseal":
		x.Line = page.Rich(p, "desk.line.unsealed", "who", who)
	case "retain.hold":
		x.Line = page.Rich(p, "desk.line.hold", "who", who)
	case "retain.release":
		x.Line = page.Rich(p, "desk.line.hold_ended", "who", who)
	case "incident.break_glass":
		x.Line = page.Rich(p, "desk.line.glass", "who", who)
	case "incident.reopen":
		x.Line = page.Rich(p, "desk.line.reopened", "who", who)
	case "incident.task", "incident.task_set":
		x.Line = page.Rich(p, "desk.line.task", "who", who)
	case "coordination.add":
		x.Line = page.Rich(p, "desk.line.party", "who", who, "party", page.Strong(orDefault(names[r.On.ID], "–")))
	case "coordination.move":
		x.Kind = "measure"
		x.Line = page.Rich(p, "desk.line.measure", "who", who, "measure", page.Strong(orDefault(names[r.On.ID], "–")), "state", named(p, "common.measure.", changeTo(r, "state")))
	case coordination.VerbShare:
		x.Line = page.Rich(p, "desk.line.shared", "who", who, "party", page.Strong(orDefault(names[r.On.ID], "–")), "tlp", changeTo(r, "tlp"))
	case coordination.VerbUnshare:
		x.Line = page.Rich(p, "desk.line.unshared", "who", who, "party", page.Strong(orDefault(names[r.On.ID], "–")))
	case correspondence.VerbReach:
		reach, _ := correspondence.ParseReach(changeTo(r, "reach"))
		x.Line = page.Rich(p, "desk.line.reach", "who", who, "party", page.Strong(orDefault(names[r.On.ID], "–")), "reach", reachName(p, reach))
	case "coordination.withdraw":
		x.Line = page.Rich(p, "desk.line.party_withdrawn", "who", who)
	case "takedown.add":
		x.Line = page.Rich(p, "desk.line.target", "who", who, "target", page.Strong(changeTo(r, "target")))
	case "takedown.told":
		x.Line = page.Rich(p, "desk.line.target_told", "who", who, "party", page.Strong(changeTo(r, "party")), "target", page.Strong(changeTo(r, "target")))
	case "takedown.state":
		x.Kind = "measure"
		x.Line = page.Rich(p, "desk.line.target_state", "target", page.Strong(changeTo(r, "target")), "state", targetLine(p, changeTo(r, "state")))
	case "takedown.end":
		x.Line = page.Rich(p, "desk.line.target_end", "who", who, "target", page.Strong(changeTo(r, "target")))
	case coordination.VerbCallPlan, coordination.VerbCallInvite, coordination.VerbCallMove, coordination.VerbCallOff, coordination.VerbCallHeld, coordination.VerbCallAction:
		x.Line = callLine(p, r, who)
	case coordination.VerbSituationOpen, coordination.VerbSituationLead, coordination.VerbSituationTell, coordination.VerbSituationEnd, coordination.VerbDecide:
		x.Line = situationLine(p, r, who)
	case "coordination.escalate":
		x.Line = page.Rich(p, "desk.line.escalated")
		x.Kind = "found"
	default:
		return x, false
	}
	return x, true
}

// recordedIn is the uid that an entry carries of what it is about.
func recordedIn(r audit.Row, what string) string {
	var data map[string]string
	if json.Unmarshal(r.Data, &data) != nil {
		return ""
	}
	return data[what]
}

func callLine(p *text.Printer, r audit.Row, who templ.Component) templ.Component {
	call := page.Strong(changeTo(r, "call"))
	if uid := recordedIn(r, "call"); uid != "" {
		call = page.To(changeTo(r, "call"), "/desk/meetings/"+uid)
	}
	switch r.Verb {
	case coordination.VerbCallPlan:
		return page.Rich(p, "desk.line.call_plan", "who", who, "call", call)
	case coordination.VerbCallInvite:
		return page.Rich(p, "desk.line.call_invite", "who", who, "call", call)
	case coordination.VerbCallMove:
		return page.Rich(p, "desk.line.call_move", "who", who, "call", call)
	case coordination.VerbCallOff:
		return page.Rich(p, "desk.line.call_off", "who", who, "call", call)
	case coordination.VerbCallHeld:
		return page.Rich(p, "desk.line.call_held", "who", who, "call", call)
	}
	return page.Rich(p, "desk.line.call_action", "who", who, "call", call, "action", page.Strong(changeTo(r, "action")))
}

func situationLine(p *text.Printer, r audit.Row, who templ.Component) templ.Component {
	situation := page.To(p.T("desk.situation.title"), "/desk/situations/"+recordedIn(r, "situation"))
	switch r.Verb {
	case coordination.VerbSituationOpen:
		return page.Rich(p, "desk.line.situation_open", "who", who, "situation", situation)
	case coordination.VerbSituationLead:
		return page.Rich(p, "desk.line.situation_lead", "who", who, "situation", situation)
	case coordination.VerbSituationTell:
		return page.Rich(p, "desk.line.situation_tell", "who", who, "situation", situation)
	case coordination.VerbSituationEnd:
		return page.Rich(p, "desk.line.situation_end", "who", who, "situation", situation)
	}
	return page.Rich(p, "desk.line.decide", "who", who, "situation", situation, "number", changeTo(r, "number"))
}

func actorName(p *text.Printer, r audit.Row) string {
	if r.ActorName != "" && r.Actor != 0 {
		return r.ActorName
	}
	return "Tocsin"
}

func changeTo(r audit.Row, field string) string {
	for _, c := range r.Changes {
		if c.Field == field && c.To != nil {
			return fmt.Sprint(c.To)
		}
	}
	return ""
}

// valueInWords is the value of a property as a reader knows it: names for codes.
func (d *Desk) valueInWords(ctx context.Context, p *text.Printer, field string, x any) string {
	if x == nil {
		return "–"
	}
	s := fmt.Sprint(x)
	switch field {
	case "state":
		return stateChip(p, incident.State(s)).Text
	case "type":
		return typeOr(d, p, s)
	case "severity":
		if s != "" {
			return p.T("common.severity." + s)
		}
	case "handler":
		var n int64
		if b, err := json.Marshal(x); err == nil && json.Unmarshal(b, &n) == nil {
			return d.name(ctx, n)
		}
	}
	return s
}

// changesInWords says each changed field with its old and new value, names for codes.
func (d *Desk) changesInWords(ctx context.Context, p *text.Printer, r audit.Row) string {
	var out []string
	for _, c := range r.Changes {
		label, ok := fieldNames[c.Field]
		if !ok {
			continue
		}
		if c.Field == "title" || c.Field == "summary" || c.Field == "reasons" {
			out = append(out, label(p))
			continue
		}
		out = append(out, p.T("desk.line.change", "field", label(p), "from", d.valueInWords(ctx, p, c.Field, c.From), "to", d.valueInWords(ctx, p, c.Field, c.To)))
	}
	return strings.Join(out, ", ")
}

var fieldNames = map[string]func(p *text.Printer) string{
	"title":    func(p *text.Printer) string { return p.T("desk.field.title") },
	"summary":  func(p *text.Printer) string { return p.T("desk.field.summary") },
	"type":     func(p *text.Printer) string { return p.T("desk.fact.type") },
	"state":    func(p *text.Printer) string { return p.T("desk.fact.state") },
	"severity": func(p *text.Printer) string { return p.T("desk.fact.severity") },
	"reasons":  func(p *text.Printer) string { return p.T("desk.fact.reasons") },
	"handler":  func(p *text.Printer) string { return p.T("desk.fact.handler") },
	"tlp":      func(*text.Printer) string { return "TLP" },
	"pap":      func(*text.Printer) string { return "PAP" },
}
