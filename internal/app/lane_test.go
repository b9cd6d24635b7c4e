package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// offered files mail as the mailroom does, in the lane of probable spam or not.
func (h *house) offered(n int, spam bool, from string) (uids []string) {
	h.t.Helper()
	for i := range n {
		got, err := h.Intake.Receive(h.t.Context(), access.System("intake"), intake.ReceiveInput{
			Channel: correspondence.ByMail, Proof: correspondence.Aligned, Lang: "en", TLP: "GREEN", Placed: intake.Placed{Spam: spam},
			Body: intake.Body{Summary: fmt.Sprintf("Offer %d", i), Name: "Ed", Email: fmt.Sprintf("a%d@%s", i, from), Description: "Look at this.", Mail: &intake.Mail{Signs: []intake.Sign{intake.SignOf("unknown"), intake.SignOf("bulk")}, Odd: []string{"close"}}},
		})
		h.must(err)
		uids = append(uids, got.Report.UID)
	}
	return uids
}

// What is probably spam is looked through once a day: who is told of it, what is shown, one is brought back, the rest is rejected in one act.
func TestTheLaneIsLookedThrough(t *testing.T) {
	onEach(t, func(h *house) {
		h.serve()
		dora := h.person(access.Duty, "dora@team.example", "")
		aud := h.person(access.Auditor, "aud@team.example", "")
		uids := h.offered(3, true, "offers.example")
		if page := dora.page("/desk/triage"); !strings.Contains(page, "Probably spam: 3 new") || strings.Contains(page, "Offer 1") {
			h.t.Error("the queue does not tell of the lane, or shows it")
		}
		lane := dora.page("/desk/triage/spam")
		for _, want := range []string{"offers.example", "a2@offers.example", "it was close", "it was sent to many at once", "Reject all 3 as spam", "Since somebody looked"} {
			if !strings.Contains(lane, want) {
				h.t.Errorf("the lane lacks %q", want)
			}
		}
		if page := aud.page("/desk/triage/spam"); strings.Contains(page, "Reject all") {
			h.t.Error("an auditor is offered to reject")
		}
		if a := aud.send("/desk/reports/"+uids[0]+"/not-spam", values("teach", "")); a.Status != http.StatusForbidden {
			h.t.Errorf("an auditor brings one back: %d", a.Status)
		}
		to := dora.post("/desk/reports/"+uids[0]+"/not-spam", "teach", "domain")
		if page := dora.page(to); !strings.Contains(page, "Offer 0") {
			h.t.Error("brought back, it is not in the queue")
		}
		rules, err := h.Intake.Rules(h.t.Context(), sample())
		if err != nil || len(rules) != 1 || rules[0].When.Senders[0] != "offers.example" || !rules[0].When.Proved {
			h.t.Errorf("it taught %+v, %v", rules, err)
		}
		dora.post("/desk/triage/spam/looked", "until", fmt.Sprint(h.Clock.Now().UnixMicro()))
		run := dora.post("/desk/triage/spam/reject", "until", fmt.Sprint(h.Clock.Now().UnixMicro()))
		h.eventually("the run", func() bool { return strings.Contains(dora.page(run), "2 of 2") })
		if page := dora.page("/desk/triage/spam"); !strings.Contains(page, "Nothing lies here") {
			h.t.Error("the lane is not empty")
		}
		if to := dora.post("/desk/triage/spam/reject"); to != "/desk/triage/spam" {
			h.t.Errorf("nothing to reject leads to %s", to)
		}
	})
}

// The duty officer is told once a day how much lies there, from seven in the morning on, and not of what somebody looked through.
func TestTheDutyOfficerIsToldOfTheLane(t *testing.T) {
	onEachAged(t, func(h *aged) {
		ctx := h.t.Context()
		dan := h.colleague(access.Duty, "Dan", "en")
		h.offered(3, true, "offers.example")
		at := func(day, hour int) {
			h.t.Helper()
			here := h.now.Now().In(h.Config.Location())
			h.now.Advance(time.Date(here.Year(), here.Month(), here.Day()+day, hour, 0, 0, 0, here.Location()).Sub(h.now.Now()))
			h.must(h.tellSpam(ctx))
			h.must(h.tellSpam(ctx))
		}
		at(1, 5)
		h.told("at five in the morning", map[string]int{})
		at(0, 8)
		if last := h.told("at eight", map[string]int{"dan": 1}); !strings.Contains(last["dan"], "3 mails came that are probably spam") || strings.Contains(last["dan"], "offers.example") {
			h.t.Errorf("told %q", last["dan"])
		}
		h.offered(1, true, "other.example")
		h.must(h.Intake.LookedThrough(ctx, dan, time.Time{}))
		at(1, 8)
		h.told("of what was looked through", map[string]int{"dan": 1})
		h.now.Advance(time.Minute)
		h.offered(1, true, "third.example")
		at(1, 9)
		h.told("of what is new", map[string]int{"dan": 2})
	})
}

// A rule is tried on what came before it is saved, by who may; what it does is shown on the mail. A reason of the team is offered with its letter.
func TestRulesAndReasonsAreTheTeams(t *testing.T) {
	onEach(t, func(h *house) {
		h.serve()
		lia, ana, adm := h.person(access.Lead, "lia@team.example", ""), h.person(access.Analyst, "ana@team.example", ""), h.person(access.Admin, "adm@team.example", "")
		uids := h.offered(2, false, "news.example")
		rule := []string{"name", "Daily news", "senders", "news.example\r\n", "place", "reject", "reason", "spam", "on", "1", "days", "7", "score", ""}
		tried := lia.send("/desk/admin/routine/new", values(append(rule, "act", "try")...))
		for _, want := range []string{"What the rule would have done", "Offer 1", "Mails looked at", "Daily news"} {
			if tried.Status != http.StatusOK || !strings.Contains(tried.Body, want) {
				h.t.Errorf("tried (%d), it lacks %q", tried.Status, want)
			}
		}
		if rules, err := h.Intake.Rules(h.t.Context(), sample()); err != nil || len(rules) != 0 {
			h.t.Errorf("tried, it is there: %v %v", rules, err)
		}
		wrong := lia.send("/desk/admin/routine/new", values("name", "Nothing", "act", "save"))
		if wrong.Status != http.StatusUnprocessableEntity || !strings.Contains(wrong.Body, "Give at least one condition.") {
			h.t.Errorf("a rule for nothing: %d", wrong.Status)
		}
		if to := lia.post("/desk/admin/routine/new", append(rule, "act", "save")...); !strings.HasPrefix(to, "/desk/admin/routine?") {
			h.t.Errorf("saved, it leads to %s", to)
		}
		rules, err := h.Intake.Rules(h.t.Context(), sample())
		h.must(err)
		at := "/desk/admin/routine/" + rules[0].UID
		if page := lia.page("/desk/admin/routine"); !strings.Contains(page, "Daily news") || !strings.Contains(page, "news.example") {
			h.t.Error("the rule is not listed")
		}
		for who, b := range map[string]*browser{"an analyst": ana, "an administrator": adm} {
			if a := b.get(at); (a.Status == http.StatusForbidden) != (b == adm) {
				h.t.Errorf("%s reads the rule: %d", who, a.Status)
			}
			if a := b.send(at+"/turn", values("action", "drop")); a.Status != http.StatusForbidden {
				h.t.Errorf("%s removes it: %d", who, a.Status)
			}
		}
		lia.page(at)
		lia.post(at+"/turn", "action", "off")
		lia.post("/desk/admin/routine/score", "score", "9")
		if page := lia.page("/desk/admin/routine"); !strings.Contains(page, "Out of use") || !strings.Contains(page, `value="9"`) {
			h.t.Error("turned off and with another mark, it is not shown so")
		}
		lia.post(at+"/turn", "action", "drop")
		lia.post("/desk/admin/reasons/new", "code", "press", "name-en", "From the press", "subject-en", "Press", "text-en", "Dear {name}, see {reference}.")
		if page := ana.page("/desk/reports/" + uids[0]); !strings.Contains(page, "From the press") || !strings.Contains(page, "Tell the reporter why") {
			h.t.Error("the reason is not offered")
		}
		ana.post("/desk/reports/"+uids[0]+"/reject", "reason", "press", "tell", "1")
		r, err := h.Intake.Get(h.t.Context(), h.DB, sample(), uids[0])
		h.must(err)
		letters, err := h.Correspondence.Letters(h.t.Context(), h.DB, sample(), 5, r.Thread)
		if err != nil || r.Reason != "press" || letters[0].Body.Text != "Dear Ed, see "+r.Reference+"." {
			h.t.Errorf("rejected for %s with %+v, %v", r.Reason, letters, err)
		}
		if page := ana.page("/desk/reports/" + uids[0]); !strings.Contains(page, "From the press") {
			h.t.Error("the reason is not named")
		}
		page := adm.page("/desk/admin/reasons/press")
		if !strings.Contains(page, "Remove this reason") {
			h.t.Error("an administrator may not remove it")
		}
		if to := adm.post("/desk/admin/reasons/press", "drop", "1"); !strings.HasPrefix(to, "/desk/admin/reasons") {
			h.t.Errorf("removed, it leads to %s", to)
		}
		twice := adm.send("/desk/admin/reasons/new", values("code", "spam", "name-en", "x"))
		if twice.Status != http.StatusUnprocessableEntity || !strings.Contains(twice.Body, "each code once") {
			h.t.Errorf("a code twice: %d", twice.Status)
		}
	})
}

// Colleagues see who opened a report and who is at it now, in its page and on its line of the queue; who looks without a person in front of it is nobody, and
// who may not see a report learns of nobody.
func TestColleaguesSeeWhoIsAtIt(t *testing.T) {
	onEach(t, func(h *house) {
		h.serve()
		ana, rui, root := h.person(access.Analyst, "ana@team.example", ""), h.person(access.Duty, "rui@team.example", ""), h.person(access.Admin, "root@team.example", "")
		uid := h.offered(1, false, "news.example")[0]
		at := "/desk/reports/" + uid
		if page := rui.page(at); !strings.Contains(page, "nobody else yet") || !strings.Contains(page, at+"/seen") {
			h.t.Error("before anybody else, somebody is named")
		}
		ana.page("/desk/triage") // shown unasked, it was not opened
		r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, ana.base+at, nil)
		h.must(err)
		r.Header.Set("Tocsin-Unattended", "1")
		ana.do(r)
		if page := rui.page(at + "/seen"); !strings.Contains(page, "nobody else yet") {
			h.t.Error("an open window is taken for a person")
		}
		ana.page("/desk/triage?report=" + uid)
		for _, where := range []string{at, at + "/seen"} {
			if page := rui.page(where); !strings.Contains(page, "Person analyst") || !strings.Contains(page, "looks at it now") {
				h.t.Errorf("%s does not name who is there", where)
			}
		}
		if page := rui.page("/desk/triage"); !strings.Contains(page, "Person analyst looks at it now") {
			h.t.Error("the queue does not show who is there")
		}
		// Who writes is shown, never what; the words are its writer's, and gone when they were sent.
		if a := ana.send("/desk/drafts/report/"+uid+"/reply", values("text", "canarydraft")); a.Status != http.StatusOK {
			h.t.Fatalf("the draft: %d", a.Status)
		}
		for where, want := range map[string]string{at: "Person analyst is writing", at + "/seen": "is writing", "/desk/triage": "Person analyst is writing"} {
			if page := rui.page(where); !strings.Contains(page, want) || strings.Contains(page, "canarydraft") {
				h.t.Errorf("%s does not say who writes, or says what", where)
			}
		}
		if !strings.Contains(ana.page(at), "canarydraft") {
			h.t.Error("its writer does not find the words again")
		}
		ana.post(at+"/reply", "text", "Sent at last.")
		if strings.Contains(ana.page(at), "canarydraft") || strings.Contains(rui.page(at), "is writing") {
			h.t.Error("it was sent, and is there still")
		}
		ana.post(at + "/restore")
		in, _, _ := strings.Cut(ana.post(at+"/accept"), "?")
		ana.page(in)
		if page := rui.page(in + "/seen"); !strings.Contains(page, "Person analyst") {
			h.t.Error("the incident does not name who is there")
		}
		if a := root.get(at + "/seen"); a.Status != http.StatusForbidden {
			h.t.Errorf("an administrator is told: %d", a.Status)
		}
		if a := rui.get("/desk/reports/none/seen"); a.Status != http.StatusNotFound {
			h.t.Errorf("of a report that is none: %d", a.Status)
		}
	})
}
