package desk

import (
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// crimeFact says on a report whether a crime is suspected and whether its reporter was told how to go to the police, and lets a person change the mark.
func (d *Desk) crimeFact(v *page.Visit, r intake.Report) (page.Property, bool, error) {
	may := v.By.Can(access.Triage) && !r.Destroyed
	if !r.Crime && !may {
		return page.Property{}, false, nil
	}
	said := page.ChipView{Text: v.P.T("desk.crime.none")}
	to, button, action := "yes", v.P.T("desk.crime.mark"), ""
	if r.Crime {
		owed, err := d.Intake.PoliceOwed(v.Ctx(), d.DB, r)
		if err != nil {
			return page.Property{}, false, err
		}
		if said = (page.ChipView{Text: v.P.T("desk.crime.told"), Kind: "ok"}); owed != "" {
			said = page.ChipView{Text: v.P.T("desk.crime.owed"), Kind: "warn"}
		}
		to, button = "no", v.P.T("desk.crime.unmark")
	}
	if may {
		action = "/desk/reports/" + r.UID + "/crime"
	}
	return page.Property{Label: v.P.T("desk.fact.crime"), Value: crimeFact(v.P, said, action, to, button)}, true, nil
}

// crime marks a report: a crime is suspected, or after all none is.
func (d *Desk) crime(v *page.Visit) error {
	report := v.R.PathValue("report")
	if _, err := d.Intake.SuspectCrime(v.Ctx(), v.By, report, v.R.PostFormValue("suspected") == "yes"); err != nil {
		return err
	}
	return back(v, "/desk/triage", "saved", "report", report)
}
