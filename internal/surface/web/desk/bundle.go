package desk

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/strictjson"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// bundleRoutes is the map of what helps when we are down.
func (d *Desk) bundleRoutes() []page.Route {
	return []page.Route{
		{Pattern: "GET /desk/duty/down", Need: page.Needs(access.ReadCases), Serve: d.down},
		{Pattern: "POST /desk/duty/down", Need: page.Needs(access.KeepBundle), Serve: d.keepBundle},
		{Pattern: "POST /desk/duty/down/write", Need: page.Needs(access.KeepBundle), Serve: d.writeBundle},
		{Pattern: "POST /desk/duty/down/notes", Need: page.Needs(access.Triage), Serve: d.importNotes},
	}
}

func (d *Desk) down(v *page.Visit) error { return d.showDown(v, nil, "") }

// showDown shows where bundles are written, what was written, and takes notes in that were made meanwhile.
func (d *Desk) showDown(v *page.Visit, wrong error, taken string) error {
	p := v.P
	list, by := problems(p, wrong, nil)
	var body []templ.Component
	if taken != "" {
		body = append(body, words("ok", "check", taken))
	}
	if v.By.Can(access.Triage) {
		body = append(body, section("notes-in", p.T("desk.bundle.notes"), paragraph(p.T("desk.bundle.notes.lead")), notesForm(p, page.FileFieldView{ID: "notes", Name: "notes", Label: p.T("desk.bundle.notes.file"), Error: by["notes"]}, page.ButtonView{Text: p.T("desk.bundle.notes.do")})))
	}
	written, err := d.Duty.Bundles(v.Ctx(), d.DB, v.By, 20)
	if err != nil {
		return err
	}
	if len(written) == 0 {
		body = append(body, section("written", p.T("desk.bundle.written"), paragraph(p.T("desk.bundle.written.none"))))
	} else {
		t := page.TableView{Caption: p.T("desk.bundle.written"), Columns: []page.Column{{Text: p.T("desk.duty.when")}, {Text: p.T("desk.bundle.place")}, {Text: p.T("desk.duty.state")}}}
		for _, w := range written {
			c := page.ChipView{Text: p.Bytes(w.Size), Kind: "ok", Icon: "check"}
			if w.Problem != "" {
				c = page.ChipView{Text: w.Problem, Kind: "crit", Icon: "triangle-alert"}
			}
			t.Rows = append(t.Rows, []templ.Component{page.At(p, w.At, v.Now), twoLines(w.Name, w.Place), page.Chip(c)})
		}
		body = append(body, section("written", p.T("desk.bundle.written"), page.Table(t)))
	}
	if v.By.Can(access.KeepBundle) {
		k, err := d.Duty.Keeping(v.Ctx(), d.DB, v.By)
		if err != nil {
			return err
		}
		places, last := strings.Join(k.Places, "\n"), strconv.Itoa(k.Last)
		if wrong != nil && v.R.PostFormValue("last") != "" {
			places, last = v.R.PostFormValue("places"), v.R.PostFormValue("last")
		}
		hint := p.T("desk.bundle.passphrase.hint")
		if k.Sealed != "" {
			hint = p.T("desk.bundle.passphrase.set")
		}
		body = append(body, section("keep", p.T("desk.bundle.keep"), adminForm("/desk/duty/down", nil, []templ.Component{
			page.Field(p, page.FieldView{ID: "places", Name: "places", Label: p.T("desk.bundle.places"), Hint: p.T("desk.bundle.places.hint", "folders", strings.Join(d.Duty.Folders, ", ")), Rows: 3, Value: places, Error: by["places"]}),
			page.Field(p, page.FieldView{ID: "last", Name: "last", Label: p.T("desk.bundle.last"), Width: "short", InputMode: "numeric", Value: last, Error: by["last"]}),
			page.Field(p, page.FieldView{ID: "passphrase", Name: "passphrase", Label: p.T("desk.bundle.passphrase"), Hint: hint, Type: "password", Autocomplete: "new-password", Error: by["passphrase"]}),
		}, page.ButtonView{Text: p.T("desk.bundle.keep.do"), Kind: "primary"}), post("/desk/duty/down/write", nil, page.ButtonView{Text: p.T("desk.bundle.write"), Icon: "download"})))
	}
	view := d.dutyView(v, p.T("desk.bundle.title"), p.T("desk.bundle.lead"), body...)
	if len(list) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), list...)
	}
	return v.Show(Admin(view))
}

func (d *Desk) keepBundle(v *page.Visit) error {
	last, _ := strconv.Atoi(strings.TrimSpace(v.R.PostFormValue("last")))
	err := d.Duty.Keep(v.Ctx(), v.By, strings.Split(v.R.PostFormValue("places"), "\n"), last, v.R.PostFormValue("passphrase"))
	if errs.Is(err, errs.Invalid) {
		return d.showDown(v, err, "")
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/duty/down", "duty_saved")
}

func (d *Desk) writeBundle(v *page.Visit) error {
	out, err := d.Duty.WriteBundle(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	if len(out) == 0 {
		var p errs.Problems
		p.Add("passphrase", "error.bundle.nothing")
		return d.showDown(v, p.Err(), "")
	}
	return back(v, "/desk/duty/down", "duty_saved")
}

// offlineNotes are call notes as the page of a bundle saves them.
type offlineNotes struct {
	Tocsin string `json:"tocsin"`
	Notes  []struct {
		ID           string `json:"id"`
		CalledAt     string `json:"called_at"`
		Name         string `json:"name"`
		Phone        string `json:"phone"`
		Organisation string `json:"organisation"`
		Summary      string `json:"summary"`
		Description  string `json:"description"`
	} `json:"notes"`
}

// The most that one file of notes holds.
const (
	mostNoteBytes = 4 << 20
	mostNotes     = 500
)

// importNotes takes in the calls that were noted while Tocsin was down, each with its true time and once. All are looked at before one is taken.
func (d *Desk) importNotes(v *page.Visit) error {
	bad := func(key string, args ...any) error {
		var p errs.Problems
		p.Add("notes", key, args...)
		return d.showDown(v, p.Err(), "")
	}
	file, _, err := v.R.FormFile("notes")
	if err != nil {
		return bad("error.bundle.notes")
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, mostNoteBytes+1))
	if err != nil || len(raw) > mostNoteBytes {
		return bad("error.bundle.notes")
	}
	var in offlineNotes
	if err := strictjson.Decode(raw, &in); err != nil || in.Tocsin != "call-notes/1" {
		return bad("error.bundle.notes")
	}
	if len(in.Notes) == 0 || len(in.Notes) > mostNotes {
		return bad("error.bundle.notes_many", "most", mostNotes)
	}
	var all []intake.ReceiveInput
	for i, n := range in.Notes {
		at, err := time.Parse(time.RFC3339, n.CalledAt)
		if err != nil || n.ID == "" {
			return bad("error.bundle.note", "n", i+1)
		}
		x := intake.ReceiveInput{
			Channel: correspondence.ByPhone, Lang: string(v.P.Lang()), TLP: tlp.Amber.String(), Proof: correspondence.ByHand, Seal: correspondence.Plain, CalledAt: at, Offline: n.ID,
			Body: intake.Body{Summary: n.Summary, Description: n.Description, Name: n.Name, Phone: n.Phone, OrgText: n.Organisation},
		}
		if intake.Validate(x, v.Now) != nil {
			return bad("error.bundle.note", "n", i+1)
		}
		if x.Original, err = json.Marshal(map[string]any{"channel": "phone", "offline": true, "entered_by": v.By.Name, "at": v.Now, "note": n}); err != nil {
			return err
		}
		all = append(all, x)
	}
	took, had := 0, 0
	for _, x := range all {
		_, err := d.Intake.Receive(v.Ctx(), v.By, x)
		switch {
		case errs.Is(err, errs.Conflict):
			had++
		case err != nil:
			return err
		default:
			took++
		}
	}
	return d.showDown(v, nil, v.P.T("desk.bundle.notes.taken", "took", took, "had", had))
}
