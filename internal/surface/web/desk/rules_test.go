package desk_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

// suspending is a rule set in which clocks may be suspended, a lead corrects and the team waives.
var suspending = strings.ReplaceAll(`code: xt
version: 1
nature: mandatory
country: PT
law: Law
short: X
in_force: 2026-01-01
confirmed: true
sources: [s]
checked: 2026-11-22
counting: plain
correct: lead
waive: team
suspends: true
stopped_by: [withdrawn]
name: {en: The set, pt: b, fr: c, nl: d, de: e}
about: WORDS
authority: WORDS
stages:
  - {code: first, article: Art. 2, need: always, starts: awareness, within: PT24H, name: WORDS, hint: WORDS, asks: [summary]}
  - {code: third, article: Art. 4, need: always, starts: submission first, within: P30BD, name: WORDS, hint: WORDS, asks: [summary]}
recipients:
  - {code: ministry, article: Art. 6, own: PT4H, name: {en: Ministry, pt: b, fr: c, nl: d, de: e}}
`, "WORDS", "{en: a, pt: b, fr: c, nl: d, de: e}")

// The page of a rule set says of each clock what starts it, how long it runs in which calendar, what ends and suspends it, who may act against it, and who
// owes whom.
func TestARuleSetSaysAllOfItsClocks(t *testing.T) {
	h, root := readyOffice(t)
	root.sees(root.do("GET", "/desk/admin/rules/pt-dl-125-2025"), http.StatusOK,
		"24 hours from: Found to be significant", "Hours run on at night, on weekends and on holidays", "30 working days from: submission of “End of significant impact”",
		"Working days of the calendar of PT, without its holidays", "Every 7 days from: our request", "No further round after: Incident handled", "Met too by: Update of the notification",
		"Stopped by: Found not to be significant, Report withdrawn", "Not owed under the shortcut", "Nothing: this rule set knows no suspension", "Nothing: the clock is ours",
		"Moment corrected by: Who works on reports, with a reason", "Waived by: A lead, with a reason", "Owed by: The reporter", "Owed to: Our team", "Owed by: Our team", "Owed to: The reporter",
		"Met by a letter that a person sent; a receipt is none")
	root.sees(root.do("GET", "/desk/admin/rules/eu-gdpr-33"), http.StatusOK, "We only point to it: no clock runs here", "Owed to: The data protection authority")
	laws, problems := law.Read(fstest.MapFS{
		"set/xt.yaml":    {Data: []byte(suspending)},
		"set/field.yaml": {Data: []byte("summary: {part: 2, kind: lines, label: {en: a, pt: b, fr: c, nl: d, de: e}}\n")},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h.cases.Intake.Laws = laws
	root.sees(root.do("GET", "/desk/admin/rules/xt"), http.StatusOK, "“Clocks suspended” until “Clocks resumed”, as the team notes them", "It ends as much later as it stood",
		"A day that ends while it stands is not counted", "Moment corrected by: A lead, with a reason", "Waived by: Who works on reports, with a reason", "Owed to: Ministry")
}
