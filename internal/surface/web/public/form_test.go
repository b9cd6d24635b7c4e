package public

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// goes posts a page of the form and says where it led.
func (v *visitor) goes(path string, to string, values ...string) answer {
	v.Helper()
	a := v.post(path, nil, values...)
	if a.status != http.StatusSeeOther || a.to != to {
		v.Fatalf("%s: status %d to %q, want %q\n%s", path, a.status, a.to, to, clipped(a.body))
	}
	return a
}

func clipped(s string) string {
	if i := strings.Index(s, `role="alert"`); i >= 0 {
		return s[i:min(len(s), i+600)]
	}
	return ""
}

// earlyWarning fills in a form up to its last page, and gives its code.
func (v *visitor) earlyWarning() id.Secret {
	v.Helper()
	v.get("/report/what")
	v.goes("/report/what", "/report/stage", "what", "duty")
	v.goes("/report/stage", "/report/part/1", "stage-be-nis2", "early_warning", "class-be-nis2", "essential")
	v.goes("/report/part/1", "/report/part/2", "behalf", "self", "q-entity", "Águas do Vale", "q-contact_name", "Rui Tavares", "q-contact_email", "rui@outside.example", "q-contact_phone", "+999 912")
	v.goes("/report/part/2", "/report/part/4", "q-aware_at-day", "30", "q-aware_at-month", "6", "q-aware_at-year", "2026", "q-aware_at-time", "08:10", "q-summary", "Billing is encrypted.", "ongoing", "yes")
	v.goes("/report/part/4", "/report/part/5", "q-malicious", "yes", "q-cross_border", "unknown")
	v.goes("/report/part/5", "/report/check", "personal", "yes", "tlp", "AMBER+STRICT")
	m := codeField.FindStringSubmatch(v.get("/report/check").body)
	if m == nil {
		v.Fatal("no code on the last page")
	}
	return id.SecretOf(m[1])
}

// A night operator sends an early warning: only what the law asks for within a day, recipients named before, frozen, with its clocks.
func TestAnEarlyWarningByTheForm(t *testing.T) {
	engines(t, func(h *house) {
		h.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		v := h.visitor()
		code := v.earlyWarning()
		check := v.get("/report/check")
		for _, s := range []string{"Águas do Vale", "TLP:AMBER+STRICT", "Not known yet", "National Crisis Centre", "GDPR Art. 33(1)", "Early warning"} {
			if !check.says(s) {
				t.Errorf("the last page does not say %q", s)
			}
		}
		if part := v.get("/report/part/4"); part.says("Cause") && strings.Contains(part.body, `name="q-cause"`) {
			t.Error("it asks for more than the law does within a day")
		}
		v.goes("/report/check", "/r/received?mail=1")
		v.goes("/report/check", "/r/received", "code", code.Reveal()) // the button pressed twice
		all := h.opened()
		if len(all) != 1 {
			t.Fatalf("%d reports", len(all))
		}
		r := all[0]
		if r.Body.OrgText != "Águas do Vale" || r.Body.Email != "rui@outside.example" || r.Body.Ongoing != "yes" || r.AwareAt.UTC().Format("15:04") != "07:10" {
			t.Errorf("the report is %+v", r.Body)
		}
		handed, err := h.reports.Submissions(t.Context(), h.DB, h.ana, r.UID)
		h.must(err)
		if len(handed) != 1 || handed[0].Stage != "early_warning" || handed[0].Answers["malicious"] != "yes" || handed[0].Answers["cross_border"] != law.Unknown {
			t.Fatalf("handed in: %+v", handed)
		}
		look, err := intake.Look(t.Context(), h.DB, h.Clock, code)
		h.must(err)
		if len(look.Stages) == 0 || look.Stages[0].State != law.Met || look.Stages[1].Due.IsZero() || look.Known()["entity"] != "Águas do Vale" {
			t.Errorf("the link shows %+v", look.Stages)
		}
		if h.count("intake_draft") != 0 {
			t.Error("the draft outlived what was sent")
		}
	})
}
