package desk

import (
	"context"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// frame is what stands around a page of the workbench.
func (d *Desk) frame(v *page.Visit, here, title string) page.DeskView {
	f := page.DeskView{
		Frame:   page.Frame{P: v.P, Site: d.Site, Title: title, Now: v.Now, Path: v.R.URL.RequestURI(), Theme: theme(v)},
		Me:      page.Person{Name: v.By.Name},
		MeAt:    "/desk/account",
		SignOut: "/logout",
		Toast:   toast(v),
	}
	if administers(v.By) {
		f.Settings = Settings(v.P, here)
	}
	if !v.By.Can(access.ReadCases) { // to administer is not to read cases: no room, search or stream that would be refused
		return f
	}
	f.Nav, f.SearchAt, f.Stream, f.BellAt = Menu(v.P, here, d.counts(v)), "/desk/search", "/desk/live", "/desk/alarms"
	f.Duty, f.DutyAt = d.onDuty(v), "/desk/duty"
	if v.By.Can(access.Triage) {
		f.Phone = page.NavItem{Text: v.P.T("desk.triage.phone"), Href: "/desk/phone"}
	}
	// The bell rings on every page of whom an alarm concerns, and is there for nobody else. Where the number cannot be had it is left out.
	open, err := d.Alarms.Open(v.Ctx(), v.By)
	if err != nil {
		v.Without(err)
	} else if open > 0 || v.By.Can(access.ReadAudit) {
		f.Bell = page.NavItem{Text: v.P.N("desk.bell", open), Href: "/desk/alarms", Count: open}
	}
	return f
}

// Fail shows a refusal in the frame of the workbench, with what was typed.
func (d *Desk) Fail(v *page.Visit, kind errs.Kind, said, reference string) error {
	f := d.frame(v, "", "")
	f.Stream = "" // the page has nothing that changes
	x := page.NewError(page.PublicView{Frame: f.Frame}, kind, said, reference)
	x.Refused, x.Home, f.Title = v.Refused, "/desk", x.Title
	return v.ShowStatus(kind.HTTP(), page.DeskError(f, x))
}

// ofTheDesk tells whether an address that came with a request is a plain path of the desk: nothing else is linked or gone to (rule W3).
func ofTheDesk(at string) bool { return strings.HasPrefix(at, "/desk/") && path.Clean(at) == at }

func theme(v *page.Visit) string {
	if c, err := v.R.Cookie("theme"); err == nil {
		return c.Value
	}
	return ""
}

// countsLast is how long numbers beside the rooms may be shown while nothing is written here: another process may have written.
const countsLast = 2 * time.Second

// counted are the numbers that one person was shown last.
type counted struct {
	numbers Counts
	commits uint64
	at      time.Time
}

// counts are capped, and computed inside the reader's scope (rule A10). A number that cannot be had is left out.
func (d *Desk) counts(v *page.Visit) Counts {
	commits, now := d.DB.Commits(), v.Now
	if c, ok := d.shown.Load(v.By.Account); ok {
		if c := c.(counted); c.commits == commits && now.Sub(c.at) < countsLast {
			return c.numbers
		}
	}
	var n Counts
	open, mine, err := d.Incidents.Counts(v.Ctx(), v.By)
	if err != nil {
		v.Without(err)
		return n
	}
	n.Incidents, n.My = int(open), int(mine)
	waiting, err := d.Intake.Counts(v.Ctx(), v.By)
	if err != nil {
		v.Without(err)
		return n
	}
	for _, x := range waiting {
		n.Triage += x
	}
	n.Late = waiting["clock"] > 0
	d.shown.Store(v.By.Account, counted{n, commits, now})
	return n
}

// toast reads the one line that a POST left for the page after it: a key of the catalogue and, for what can be undone, where.
func toast(v *page.Visit) *page.ToastView {
	q := v.R.URL.Query()
	key := q.Get("done")
	if key == "" {
		return nil
	}
	words, ok := toasts[key]
	if !ok {
		return nil
	}
	t := &page.ToastView{Text: words(v.P)}
	if undo := q.Get("undo"); ofTheDesk(undo) {
		t.Undo = undo
		for _, name := range []string{"incident", "entry", "reports"} {
			if x := q.Get("u_" + name); x != "" {
				t.Fields = append(t.Fields, page.Hid{Name: name, Value: x})
			}
		}
	}
	return t
}

// toasts are the lines that may be shown: a stranger's link cannot write another.
var toasts = map[string]func(p *text.Printer) string{
	"accepted":      func(p *text.Printer) string { return p.T("desk.done.accepted") },
	"taken_over":    func(p *text.Printer) string { return p.T("desk.done.taken_over") },
	"attached":      func(p *text.Printer) string { return p.T("desk.done.attached") },
	"rejected":      func(p *text.Printer) string { return p.T("desk.done.rejected") },
	"passed_on":     func(p *text.Printer) string { return p.T("desk.done.passed_on") },
	"passed_letter": func(p *text.Printer) string { return p.T("desk.done.passed_letter") },
	"restored":      func(p *text.Printer) string { return p.T("desk.done.restored") },
	"held":          func(p *text.Printer) string { return p.T("desk.done.held") },
	"stopped":       func(p *text.Printer) string { return p.T("desk.done.stopped") },
	"sent":          func(p *text.Printer) string { return p.T("desk.done.sent") },
	"saved":         func(p *text.Printer) string { return p.T("desk.done.saved") },
	"undone":        func(p *text.Printer) string { return p.T("desk.done.undone") },
	"looked_for":    func(p *text.Printer) string { return p.T("desk.done.looked_for") },
	"closed":        func(p *text.Printer) string { return p.T("desk.done.closed") },
	"translated":    func(p *text.Printer) string { return p.T("desk.done.translated") },
	"untranslated":  func(p *text.Printer) string { return p.T("desk.done.untranslated") },
	"settled":       func(p *text.Printer) string { return p.T("desk.done.settled") },
	"detached":      func(p *text.Printer) string { return p.T("desk.done.detached") },
	"receipt":       func(p *text.Printer) string { return p.T("desk.done.receipt") },
	"filed":         func(p *text.Printer) string { return p.T("desk.done.filed") },
	"reopened":      func(p *text.Printer) string { return p.T("desk.done.reopened") },
	"granted":       func(p *text.Printer) string { return p.T("desk.done.granted") },
	"revoked":       func(p *text.Printer) string { return p.T("desk.done.revoked") },
	"enabled":       func(p *text.Printer) string { return p.T("desk.done.enabled") },
	"disabled":      func(p *text.Printer) string { return p.T("desk.done.disabled") },
	"factors_reset": func(p *text.Printer) string { return p.T("desk.done.factors_reset") },
	"confirmed":     func(p *text.Printer) string { return p.T("desk.done.confirmed") },
	"refused":       func(p *text.Printer) string { return p.T("desk.done.refused") },
	"ended":         func(p *text.Printer) string { return p.T("desk.done.ended") },
	"mail_stopped":  func(p *text.Printer) string { return p.T("desk.done.mail_stopped") },
	"mail_goes":     func(p *text.Printer) string { return p.T("desk.done.mail_goes") },
	"sealed":        func(p *text.Printer) string { return p.T("desk.done.sealed") },
	"unsealed":      func(p *text.Printer) string { return p.T("desk.done.unsealed") },
	"hold_set":      func(p *text.Printer) string { return p.T("desk.done.hold_set") },
	"hold_ended":    func(p *text.Printer) string { return p.T("desk.done.hold_ended") },
	"glass":         func(p *text.Printer) string { return p.T("desk.done.glass") },
	"reviewed":      func(p *text.Printer) string { return p.T("desk.done.reviewed") },
	"sending_held":  func(p *text.Printer) string { return p.T("desk.done.sending_held") },
	"sending_back":  func(p *text.Printer) string { return p.T("desk.done.sending_back") },
	"second":        func(p *text.Printer) string { return p.T("desk.done.second") },
	"judged":        func(p *text.Printer) string { return p.T("desk.done.judged") },
	"duty_saved":    func(p *text.Printer) string { return p.T("desk.done.duty_saved") },
	"duty_signed":   func(p *text.Printer) string { return p.T("desk.done.duty_signed") },
	"page_taken":    func(p *text.Printer) string { return p.T("desk.done.page_taken") },
	"call_finished": func(p *text.Printer) string { return p.T("desk.done.call_finished") },
	"code_told":     func(p *text.Printer) string { return p.T("desk.done.code_told") },
	"called_back":   func(p *text.Printer) string { return p.T("desk.done.called_back") },
	"not_spam":      func(p *text.Printer) string { return p.T("desk.done.not_spam") },
	"taken_back":    func(p *text.Printer) string { return p.T("desk.done.taken_back") },
	"untold":        func(p *text.Printer) string { return p.T("desk.done.taken_back_untold") },
	"registered":    func(p *text.Printer) string { return p.T("desk.done.registered") },
	"unregistered":  func(p *text.Printer) string { return p.T("desk.done.registration_refused") },
	"logged":        func(p *text.Printer) string { return p.T("desk.done.logged") },
}

// back sends the visitor on with a toast.
func back(v *page.Visit, to, done string, more ...string) error {
	q := url.Values{"done": {done}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return v.See(to + "?" + q.Encode())
}

func severity(in incident.Incident, words bool) page.SeverityView {
	return page.SeverityView{Level: in.Severity, National: in.National, Words: words}
}

// stateChip names the state of an incident.
func stateChip(p *text.Printer, s incident.State) page.ChipView {
	switch s {
	case incident.Open:
		return page.ChipView{Text: p.T("desk.state.open"), Kind: "info", Icon: "circle-dot"}
	case incident.Analysing:
		return page.ChipView{Text: p.T("desk.state.analysing"), Kind: "info", Icon: "circle-dot"}
	case incident.Coordinating:
		return page.ChipView{Text: p.T("desk.state.coordinating"), Kind: "info", Icon: "circle-dot"}
	case incident.Monitoring:
		return page.ChipView{Text: p.T("desk.state.monitoring"), Kind: "ok", Icon: "circle-dot"}
	default:
		return page.ChipView{Text: p.T("desk.state.closed"), Icon: "circle-check"}
	}
}

// proofChip says how sure we are who wrote.
func proofChip(p *text.Printer, x correspondence.Proof) page.ChipView {
	switch x {
	case correspondence.SignedByKey:
		return page.ChipView{Text: p.T("desk.proof.signed"), Kind: "ok", Icon: "shield-check"}
	case correspondence.SignedIn:
		return page.ChipView{Text: p.T("desk.proof.signed_in"), Kind: "ok", Icon: "check"}
	case correspondence.Aligned:
		return page.ChipView{Text: p.T("desk.proof.aligned"), Kind: "ok", Icon: "check"}
	case correspondence.CalledBack:
		return page.ChipView{Text: p.T("desk.proof.called_back"), Kind: "ok", Icon: "phone"}
	case correspondence.ByHand:
		return page.ChipView{Text: p.T("desk.proof.by_hand"), Icon: "phone"}
	case correspondence.Forged:
		return page.ChipView{Text: p.T("desk.proof.forged"), Kind: "crit", Icon: "triangle-alert"}
	default:
		return page.ChipView{Text: p.T("desk.proof.unproved"), Kind: "warn", Icon: "triangle-alert"}
	}
}

// cameChips say how a message was protected on its way to us. A signature that proves nothing is not shown as one: everybody can sign (rule P3).
func cameChips(p *text.Printer, s correspondence.Seal, x correspondence.Proof) []page.ChipView {
	var out []page.ChipView
	bare := x != correspondence.SignedByKey && (s == correspondence.Signed || s == correspondence.SignedEncrypted)
	if bare && s == correspondence.SignedEncrypted {
		s = correspondence.Encrypted
	}
	if c, ok := sealChip(p, s); ok && (!bare || s == correspondence.Encrypted) {
		out = append(out, c)
	}
	if bare {
		out = append(out, page.ChipView{Text: p.T("desk.seal.unknown_key"), Kind: "warn", Icon: "triangle-alert"})
	}
	return out
}

// againChip is the verdict of a later check, beside the earlier one.
func againChip(p *text.Printer, a *correspondence.Again) page.ChipView {
	c := proofChip(p, a.Proof)
	c.Text = p.T("desk.signature.again", "when", p.DateTime(a.At), "verdict", c.Text)
	return c
}

// signedWords say whose signature it is as we know him, and what it covers (rule P2).
func signedWords(p *text.Printer, s *correspondence.Signature) string {
	args := []any{"name", s.Name, "email", s.Email, "key", id.Grouped(lastOf(s.Key)), "when", p.DateTime(s.At)}
	if s.Subject {
		return p.T("desk.signature.covers_subject", args...)
	}
	return p.T("desk.signature.covers", args...)
}

// sealChip says how a message was protected.
func sealChip(p *text.Printer, s correspondence.Seal) (page.ChipView, bool) {
	switch s {
	case correspondence.SignedEncrypted:
		return page.ChipView{Text: p.T("desk.seal.both"), Kind: "ok", Icon: "lock"}, true
	case correspondence.Encrypted:
		return page.ChipView{Text: p.T("desk.seal.encrypted"), Kind: "ok", Icon: "lock"}, true
	case correspondence.Signed:
		return page.ChipView{Text: p.T("desk.seal.signed"), Kind: "ok", Icon: "shield-check"}, true
	}
	return page.ChipView{}, false
}

func clockView(c deadline.Clock, now time.Time) page.ClockView {
	return page.ClockView{Start: c.StartedAt, Due: c.DueAt, Now: now}
}

// problems turns the field problems of a refusal into those of a page; ids maps a field's name to its control.
func problems(p *text.Printer, err error, ids map[string]string) (all []page.Problem, by map[string]string) {
	by = map[string]string{}
	for _, f := range errs.Fields(err) {
		id := f.Name
		if x, ok := ids[f.Name]; ok {
			id = x
		}
		said := page.ProblemOf(p, id, f)
		by[f.Name] = said.Text
		all = append(all, said)
	}
	return all, by
}

func clip(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

func reportTitle(p *text.Printer, r intake.Report) string {
	for _, s := range []string{r.Body.Summary, strings.TrimSpace(firstLine(r.Body.Description))} {
		if strings.Trim(s, ". …") != "" { // "..." is what mail programs put in place of an encrypted subject
			return clip(s, 160)
		}
	}
	if r.Destroyed {
		return p.T("desk.report.destroyed")
	}
	if r.Unreadable {
		return p.T("desk.report.not_read")
	}
	return p.T("desk.report.no_title")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func (d *Desk) name(ctx context.Context, account int64) string {
	if account == 0 {
		return ""
	}
	m, err := d.Names(ctx, account)
	if err != nil {
		return ""
	}
	return m[account]
}
