package portal

import (
	"slices"
	"strconv"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func measureItem(v *page.Visit, m coordination.Measure) Item {
	item := Item{Icon: "list-checks", Title: m.Title, Href: "/portal/measures/" + m.UID, Second: v.P.T("portal.measure.given", "when", m.GivenAt), When: m.GivenAt}
	item.Chips = []page.ChipView{{Text: v.P.T("common.measure." + string(m.State)), Kind: measureKind(string(m.State))}}
	if m.State.Owed() {
		due := m.DueAt
		if m.PlannedFor.After(due) {
			due = m.PlannedFor
		}
		item.Clock = clockView(v.Now, m.GivenAt, due)
	}
	return item
}

func (d Deps) measures(v *page.Visit) error {
	all := v.R.URL.Query().Get("all") != ""
	list, err := d.Coordination.Measures(v.Ctx(), v.By, coordination.RequestFilter{Open: !all, After: v.R.URL.Query().Get("after")})
	if err != nil {
		return err
	}
	view := ListView{PortalView: d.frame(v, "measures", v.P.T("portal.nav.measures")), Lead: v.P.T("portal.measures.lead"), Next: nextPage(v, list.Next)}
	view.Tabs = openOrAll(v, all)
	for _, m := range list.Items {
		view.Items = append(view.Items, measureItem(v, m))
	}
	view.Empty = page.EmptyView{Icon: "circle-check", Title: v.P.T("portal.measures.none"), Note: v.P.T("portal.measures.none.note")}
	return v.Show(List(view))
}

func (d Deps) measure(v *page.Visit) error {
	m, err := d.Coordination.MeasureOf(v.Ctx(), v.By, v.R.PathValue("measure"))
	if err != nil {
		return err
	}
	if err := d.saw(v, m.Party); err != nil {
		return err
	}
	view, err := d.measureView(v, m)
	if err != nil {
		return err
	}
	return v.Show(Measure(view))
}

// partyMoves are the moves that a party makes itself; the rest is ours.
func partyMoves(m coordination.Measure) []string {
	var out []string
	for _, to := range []coordination.MeasureState{coordination.Acknowledged, coordination.Planned, coordination.Done, coordination.Declined} {
		if slices.Contains(m.PartyWays(), to) {
			out = append(out, string(to))
		}
	}
	return out
}

func (d Deps) measureView(v *page.Visit, m coordination.Measure) (MeasureView, error) {
	view := MeasureView{PortalView: d.frame(v, "measures", m.Title), State: string(m.State), TLP: m.TLP.Name(), Text: m.Text, Given: m.GivenAt, Due: m.DueAt, Can: partyMoves(m)}
	view.Clock = measureItem(v, m).Clock
	if m.State == coordination.Planned {
		view.Planned = m.PlannedFor
	}
	if m.Lapsed() {
		view.Reason = v.P.T("portal.measure.lapsed", "on", m.ValidUntil)
	} else if !m.ValidUntil.IsZero() {
		view.Reason = v.P.T("portal.measure.valid", "until", m.ValidUntil)
	}
	if m.Reason != "" && m.State == coordination.Planned {
		view.Reason = v.P.T("portal.measure.back", "reason", m.Reason)
	} else if m.Reason != "" && m.State == coordination.Recalled {
		view.Reason = v.P.T("portal.measure.recalled", "reason", m.Reason)
	}
	for _, x := range slices.Backward(m.Moves) {
		who := x.By
		switch {
		case x.Link:
			who = v.P.T("portal.request.by_link")
		case x.Ours || who == "":
			who = d.team(v)
		}
		state := v.P.T("common.measure." + string(x.To))
		view.Moves = append(view.Moves, MoveView{At: x.At, Line: v.P.T("portal.measure.moved", "who", who, "state", state), Note: x.Note})
	}
	if len(view.Can) > 0 {
		view.Action = "/portal/measures/" + m.UID
		view.Hidden = []page.Hid{{Name: "version", Value: strconv.FormatInt(m.Version, 10)}}
	}
	party, err := d.partyByID(v, m.Party)
	if err == nil {
		view.Thread = "/portal/messages/" + party.UID
	}
	return view, err
}

func (d Deps) move(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	uid := v.R.PathValue("measure")
	in, note, err := f.moveInput()
	if err == nil {
		_, err = d.Coordination.Move(v.Ctx(), v.By, uid, in)
	}
	if err == nil {
		return v.See("/portal/measures/" + uid + "?done=moved")
	}
	if !typedWrong(err) {
		return err
	}
	m, again := d.Coordination.MeasureOf(v.Ctx(), v.By, uid)
	if again != nil {
		return again
	}
	view, again := d.measureView(v, m)
	if again != nil {
		return again
	}
	view.Chosen, view.Evidence, view.Why = f.get("to"), f.get("evidence"), f.get("reason")
	view.Day, view.Month, view.Year = f.get("planned-day"), f.get("planned-month"), f.get("planned-year")
	first := "to"
	if len(view.Can) > 0 {
		first = "to-" + view.Can[0]
	}
	view.Problems, view.Wrong = problems(v, err, map[string]string{"note": note, "planned_for": "planned-day", "to": first}), true
	return v.ShowStatus(errs.Invalid.HTTP(), Measure(view))
}

// moveInput reads a move and the field in which its note was written.
func (f *form) moveInput() (coordination.MoveInput, string, error) {
	in := coordination.MoveInput{To: coordination.MeasureState(f.get("to"))}
	in.Version, _ = strconv.ParseInt(f.get("version"), 10, 64) // 0 takes the stored one
	note := "to"
	var p errs.Problems
	switch in.To {
	case coordination.Acknowledged:
	case coordination.Planned:
		if at := f.moment("planned", false, &p); !at.IsZero() {
			in.PlannedFor = at.AddDate(0, 0, 1).Add(-1) // the whole day is theirs
		}
	case coordination.Done:
		note, in.Note, in.Files = "evidence", f.get("evidence"), f.files
	case coordination.Declined:
		note, in.Note = "reason", f.get("reason")
	default:
		p.Add("to", "portal.error.choose_move")
	}
	return in, note, p.Err()
}
