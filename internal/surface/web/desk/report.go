package desk

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// reportFacts are the facts of a report: who, how sure, for whom, since when, by when.
func (d *Desk) reportFacts(v *page.Visit, r intake.Report, of besideReport) ([]page.Property, error) {
	p := v.P
	var facts []page.Property
	add := func(label string, value templ.Component) {
		facts = append(facts, page.Property{Label: label, Value: value})
	}
	if d.Suspicion != nil {
		waves, err := d.Suspicion.OfReports(v.Ctx(), v.By, r.Ref.ID)
		if err != nil {
			return nil, err
		}
		if c, ok := waves[r.Ref.ID]; ok {
			add(p.T("desk.suspicious.campaign"), page.Chip(waveChip(p, c)))
		}
	}
	who := strings.Trim(r.Body.Name+" · "+r.Body.Email, " ·")
	if who == "" {
		who = p.T("desk.report.unnamed")
	}
	if !r.Destroyed { // else nobody knows any more, which is not the same as nobody
		add(p.T("desk.fact.reporter"), page.Text(who))
	}
	add(p.T("desk.fact.proof"), page.Chip(proofChip(p, r.Proof)))
	if !r.AddressProvedAt.IsZero() {
		add(p.T("desk.fact.address"), page.Text(p.T("desk.fact.address.proved", "when", p.DateTime(r.AddressProvedAt))))
	}
	if r.Channel == correspondence.ByPhone {
		said, err := d.calledBack(v, r)
		if err != nil {
			return nil, err
		}
		for _, s := range said {
			add(p.T("desk.fact.called_back"), page.Text(s))
		}
		if noted := r.CreatedAt; noted.Sub(r.ReceivedAt) >= time.Minute {
			add(p.T("desk.fact.noted"), page.At(p, noted, v.Now))
		}
	}
	var came []templ.Component
	for _, c := range cameChips(p, r.Seal, r.Proof) {
		came = append(came, page.Chip(c))
	}
	if len(came) > 0 {
		add(p.T("desk.fact.seal"), several(came))
	}
	if r.Organisation != 0 {
		if o := of.organisation; o.UID != "" {
			add(p.T("desk.fact.organisation"), page.To(o.Name, "/desk/constituency/"+o.UID))
			var names []string
			for _, c := range o.Communities {
				names = append(names, communityName(p, c))
			}
			if len(names) > 0 {
				add(p.T("desk.fact.communities"), page.Text(strings.Join(names, ", ")))
			}
			add(p.T("desk.fact.entitled"), entitledCell(p, of.entitled))
		}
	} else if r.Body.OrgText != "" {
		add(p.T("desk.fact.organisation"), page.Text(r.Body.OrgText))
	}
	if r.Behalf != intake.ForItself {
		chip := page.ChipView{Text: p.T("desk.behalf.unconfirmed"), Kind: "warn"}
		if r.Behalf == intake.Confirmed {
			chip = page.ChipView{Text: p.T("desk.behalf.confirmed"), Kind: "ok"}
		}
		who := templ.Component(page.Chip(chip))
		if slices.Contains(intake.Behalves, r.Body.Behalf) {
			who = several([]templ.Component{page.Text(p.T("desk.behalf." + r.Body.Behalf)), page.Chip(chip)})
		}
		add(p.T("desk.fact.behalf"), who)
	}
	if n := len(r.Body.Affected); n > 0 {
		add(p.T("desk.fact.affected"), page.To(p.N("desk.affected.named", n), stagesAt(r.UID)))
	}
	if r.Body.Phone != "" {
		add(p.T("desk.fact.phone"), page.Mono(r.Body.Phone))
	}
	add(p.T("desk.fact.received"), page.At(p, r.ReceivedAt, v.Now))
	if !r.AwareAt.IsZero() {
		add(p.T("desk.fact.aware"), page.At(p, r.AwareAt, v.Now))
	}
	switch r.Body.Ongoing {
	case "yes", "contained", "no", "unknown":
		add(p.T("desk.fact.ongoing"), page.Text(p.T("desk.ongoing."+r.Body.Ongoing)))
	}
	if fact, ok, err := d.crimeFact(v, r); err != nil {
		return nil, err
	} else if ok {
		facts = append(facts, fact)
	}
	judged, err := d.judgedFacts(v, r)
	if err != nil {
		return nil, err
	}
	facts = append(facts, judged...)
	clocks, err := d.Deadlines.Under(v.Ctx(), d.DB, r.Ref.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range clocks[r.Ref.ID] {
		if c.Open() {
			add(d.clockName(p, c), page.Clock(p, clockView(c, v.Now)))
		}
	}
	add(p.T("desk.fact.stages"), page.To(p.T("desk.fact.stages.open"), stagesAt(r.UID)))
	add(p.T("desk.fact.marking"), page.TLP(r.TLP.Name()))
	if r.Reason != "" {
		name, err := d.reasonName(v, r.Reason)
		if err != nil {
			return nil, err
		}
		add(p.T("desk.fact.rejected"), page.Text(name))
	}
	if to := page.PassedTo(p, r.Decision.To); to != "" {
		add(p.T("desk.fact.passed_on"), page.Text(to))
	}
	letters, _, err := d.handed(v, r)
	if err != nil {
		return nil, err
	}
	if len(letters) > 0 {
		add(p.T("desk.forward.title"), page.Lines(letters))
	}
	if r.Decision.Note != "" {
		add(p.T("desk.fact.note"), page.Text(r.Decision.Note))
	}
	if len(r.Incidents) > 0 {
		ids := make([]int64, len(r.Incidents))
		for i, x := range r.Incidents {
			ids[i] = x.ID
		}
		found, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, ids...)
		if err != nil {
			return nil, err
		}
		for _, in := range found {
			add(p.T("desk.fact.incident"), page.To(in.Number+" · "+clip(in.Title, 60), "/desk/incidents/"+in.Number))
		}
	}
	seen, err := d.seenFact(v, r.Object, "/desk/reports/"+r.UID+"/seen", of.writers)
	if err != nil {
		return nil, err
	}
	add(p.T("desk.fact.seen"), seen)
	if r.Destroyed {
		return facts, nil
	}
	hold, ok, err := d.holdFact(v, r.Ref.ID, "/desk/reports/"+r.UID)
	if ok {
		facts = append(facts, hold)
	}
	return facts, err
}

// signatureFacts tell of the signature of a message that came, and of what a later check of it found.
func signatureFacts(p *text.Printer, m correspondence.Message) []page.Property {
	var out []page.Property
	if s := m.Body.Signature; s != nil {
		out = append(out, page.Property{Label: p.T("desk.fact.signature"), Value: page.Text(signedWords(p, s))})
	}
	if a := m.Body.Again; a != nil {
		value := []templ.Component{page.Chip(againChip(p, a))}
		if a.Signature != nil {
			value = append(value, second(signedWords(p, a.Signature)))
		}
		out = append(out, page.Property{Label: p.T("desk.fact.signature"), Value: several(value)})
	}
	return out
}

// clockName says what a clock asks: in the words of its rule set where it has one.
func (d *Desk) clockName(p *text.Printer, c deadline.Clock) string {
	return ClockName(p, d.Intake, c)
}

// clockLaw says under what a clock runs: an article of the law as it is cited, or that it was agreed.
func clockLaw(p *text.Printer, law string) string {
	if law == "agreement" {
		return p.T("desk.clock.agreement")
	}
	return law
}

func fileViews(thread string, m correspondence.Message) []page.FileView {
	var out []page.FileView
	for _, f := range m.Body.Files {
		out = append(out, page.FileView{
			Name: f.Name, Size: f.Size, SHA256: f.SHA256, Href: "/desk/messages/" + thread + "/" + m.UID + "/files/" + f.UID, Danger: true,
		})
	}
	return out
}

// warnings say what could not be read, decrypted or proved, in words.
func warnings(p *text.Printer, m correspondence.Message) []string {
	var out []string
	if m.Direction == correspondence.Out && m.State == correspondence.Failed && m.Reason != "" {
		out = append(out, p.T("desk.letter_failed", "when", p.DateTime(m.At), "why", p.T(m.Reason)))
	}
	if m.Body.Unreadable != "" {
		out = append(out, p.T(m.Body.Unreadable))
		if len(m.Body.KeyIDs) > 0 {
			out = append(out, p.T("desk.unreadable_keys", "keys", strings.Join(m.Body.KeyIDs, ", ")))
		}
	}
	if m.Body.Outer != "" {
		out = append(out, p.T("desk.odd.outer_subject", "subject", m.Body.Outer))
	}
	if m.Body.Wish != "" {
		out = append(out, p.T("desk.wish", "label", "TLP:"+m.Body.Wish))
	}
	for _, k := range m.Body.Oddities {
		out = append(out, p.T(k))
	}
	if !m.Proof.Proved() {
		for _, k := range m.Body.Reasons {
			out = append(out, p.T(k))
		}
	}
	return out
}

// roadChip says before sending how a text will travel.
func roadChip(p *text.Printer, road egress.Decision) page.ChipView {
	switch road.Road {
	case egress.Encrypted:
		return page.ChipView{Text: p.T("desk.road.encrypted"), Kind: "ok", Icon: "lock"}
	case egress.Signed:
		return page.ChipView{Text: p.T("desk.road.signed"), Kind: "warn", Icon: "shield-check"}
	case egress.Locked:
		return page.ChipView{Text: p.T("desk.road.locked"), Kind: "ok", Icon: "phone"}
	case egress.Notice:
		return page.ChipView{Text: p.T("desk.road.notice"), Kind: "info", Icon: "mail"}
	case egress.Direct:
		return page.ChipView{Text: p.T("desk.road.direct"), Kind: "info", Icon: "inbox"}
	default:
		return page.ChipView{Text: p.T("desk.road.refused"), Kind: "crit", Icon: "triangle-alert"}
	}
}

func version(v *page.Visit) int64 {
	n, _ := strconv.ParseInt(v.R.PostFormValue("version"), 10, 64)
	return n
}

func (d *Desk) accept(v *page.Visit) error {
	in, err := d.Incidents.Open(v.Ctx(), v.By, incident.NewIncident{Reports: []string{v.R.PathValue("report")}, Handler: v.By.Account})
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number, "accepted", "undo", "/desk/reports/"+v.R.PathValue("report")+"/restore", "u_incident", in.Number)
}

// settle takes an answer that was read off the queue.
func (d *Desk) settle(v *page.Visit) error {
	if _, err := d.Intake.Settle(v.Ctx(), v.By, v.R.PathValue("report")); err != nil {
		return err
	}
	return back(v, "/desk/triage", "settled")
}

func (d *Desk) attach(v *page.Visit) error {
	to := strings.ToUpper(strings.TrimSpace(v.R.PostFormValue("ref")))
	if to == "" {
		to = v.R.PostFormValue("incident")
	}
	if to == "" {
		return errChooseIncident
	}
	report := v.R.PathValue("report")
	in, err := d.Incidents.Attach(v.Ctx(), v.By, to, []string{report})
	if err != nil {
		return err
	}
	return back(v, "/desk/triage", "attached", "undo", "/desk/reports/"+report+"/restore", "u_incident", in.Number)
}

// replyDraft is the field under which an unsent answer to a reporter is kept.
const replyDraft = "reply"

func (d *Desk) reply(v *page.Visit) error {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	_, err = d.Intake.Reply(v.Ctx(), v.By, r.UID, correspondence.Outgoing{
		Kind: correspondence.Letter, TLP: r.TLP, Subject: v.P.T("desk.reply.subject"), Text: v.R.PostFormValue("text"),
	})
	if err != nil {
		return err
	}
	if err := d.DB.Write(v.Ctx(), func(ctx context.Context, tx *db.Tx) error { return d.Drafts.DropTx(ctx, tx, v.By, r.Ref, replyDraft) }); err != nil {
		return err
	}
	return back(v, "/desk/triage", "held")
}

func (d *Desk) reject(v *page.Visit) error {
	report := v.R.PathValue("report")
	_, err := d.Intake.RejectWith(v.Ctx(), v.By, report, intake.Rejection{
		Reason: v.R.PostFormValue("reason"), Note: v.R.PostFormValue("note"), Tell: v.R.PostFormValue("tell") != "", Version: version(v),
	})
	if err != nil {
		return err
	}
	return back(v, "/desk/triage", "rejected", "undo", "/desk/reports/"+report+"/restore")
}

// restore takes an act of triage back; with an incident it undoes the link to it.
func (d *Desk) restore(v *page.Visit) error {
	report, done := v.R.PathValue("report"), "restored"
	var err error
	if in := v.R.PostFormValue("incident"); in != "" {
		_, err = d.Incidents.Detach(v.Ctx(), v.By, in, report)
		done = "detached"
	} else {
		_, err = d.Intake.Restore(v.Ctx(), v.By, report)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/triage", done, "report", report)
}

// restoreMany takes an act on several reports back, all or none.
func (d *Desk) restoreMany(v *page.Visit) error {
	reports := strings.Split(v.R.PostFormValue("reports"), ",")
	if in := v.R.PostFormValue("incident"); in != "" {
		if _, err := d.Incidents.Detach(v.Ctx(), v.By, in, reports...); err != nil {
			return err
		}
		return back(v, "/desk/triage", "detached")
	}
	if err := d.Intake.RestoreMany(v.Ctx(), v.By, reports); err != nil {
		return err
	}
	return back(v, "/desk/triage", "restored")
}

func (d *Desk) assign(v *page.Visit) error {
	if _, err := d.Intake.Assign(v.Ctx(), v.By, v.R.PathValue("report"), v.By.Account); err != nil {
		return err
	}
	return back(v, "/desk/triage", "saved", "report", v.R.PathValue("report"))
}

func (d *Desk) receipt(v *page.Visit) error {
	if err := d.Intake.SendReceipt(v.Ctx(), v.By, v.R.PathValue("report")); err != nil {
		return err
	}
	return back(v, "/desk/triage", "receipt", "report", v.R.PathValue("report"))
}

const maxBulk = 200

// bulk does one act to all that were selected: all or none.
func (d *Desk) bulk(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	chosen := v.R.PostForm["id"]
	if len(chosen) == 0 {
		return errSelectReports
	}
	if len(chosen) > maxBulk {
		return errSelectFewer
	}
	switch v.R.PostForm.Get("action") {
	case "accept":
		in, err := d.Incidents.Open(v.Ctx(), v.By, incident.NewIncident{Reports: chosen, Handler: v.By.Account})
		if err != nil {
			return err
		}
		return back(v, "/desk/incidents/"+in.Number, "accepted", "undo", "/desk/triage/restore", "u_reports", strings.Join(chosen, ","), "u_incident", in.Number)
	case "assign":
		if err := d.Intake.AssignMany(v.Ctx(), v.By, chosen, v.By.Account); err != nil {
			return err
		}
		return back(v, "/desk/triage", "saved")
	case "reject":
		if err := d.Intake.RejectMany(v.Ctx(), v.By, chosen, orDefault(v.R.PostForm.Get("reason"), "other"), v.P.T("desk.bulk.note")); err != nil {
			return err
		}
		return back(v, "/desk/triage", "rejected", "undo", "/desk/triage/restore", "u_reports", strings.Join(chosen, ","))
	}
	return errChooseAct
}

func (d *Desk) release(v *page.Visit) error {
	if err := d.Correspondence.Release(v.Ctx(), v.By, v.R.PathValue("message")); err != nil {
		return err
	}
	to := v.R.PostFormValue("back")
	if !ofTheDesk(to) {
		to = "/desk/triage"
	}
	return back(v, to, "filed")
}

func (d *Desk) original(v *page.Visit) error {
	if err := d.seenThread(v); err != nil {
		return err
	}
	r, media, sum, err := d.Correspondence.Original(v.Ctx(), v.By, v.R.PathValue("thread"), v.R.PathValue("message"))
	if err != nil {
		return err
	}
	name := v.R.PathValue("message") + ".json"
	if media == "message/rfc822" {
		name = v.R.PathValue("message") + ".eml"
	}
	return copyFile(v, name, r, hexOf(sum))
}

func (d *Desk) file(v *page.Visit) error {
	if err := d.seenThread(v); err != nil {
		return err
	}
	f, r, err := d.Correspondence.OpenFile(v.Ctx(), v.By, v.R.PathValue("thread"), v.R.PathValue("message"), v.R.PathValue("file"))
	if err != nil {
		return err
	}
	return copyFile(v, f.Name, r, f.SHA256)
}

// saveDraft keeps unsent text; the answer is the moment at which it was kept.
func (d *Desk) saveDraft(v *page.Visit) error {
	kind, ok := ref.ParseKind(v.R.PathValue("kind"))
	if !ok {
		return errs.ErrNotFound
	}
	o, err := access.Find(v.Ctx(), d.DB, v.By, kind, v.R.PathValue("name"))
	if err != nil {
		return err
	}
	text := v.R.PostFormValue("text")
	at, err := d.Drafts.Save(v.Ctx(), v.By, o.Ref, v.R.PathValue("field"), text)
	if err != nil {
		return err
	}
	if text != "" {
		if err := d.Presence.Wrote(v.Ctx(), v.By, o.Ref); err != nil {
			v.Without(err)
		}
	}
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = v.W.Write([]byte(v.P.T("desk.draft.saved", "at", v.P.Clock(at))))
	return err
}
