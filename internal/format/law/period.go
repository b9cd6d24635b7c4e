package law

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Period is how long a clock runs, in one unit: elapsed time, or whole days counted by a calendar.
type Period struct {
	Elapsed     time.Duration
	Days        int
	Months      int
	WorkingDays int
}

// Zero tells whether there is none.
func (p Period) Zero() bool { return p == Period{} }

// InHours tells whether it is elapsed time, which no calendar changes.
func (p Period) InHours() bool { return p.Elapsed > 0 }

// String gives the form that ParsePeriod reads.
func (p Period) String() string {
	switch {
	case p.Elapsed > 0 && p.Elapsed%time.Hour == 0:
		return fmt.Sprintf("PT%dH", p.Elapsed/time.Hour)
	case p.Elapsed > 0:
		return fmt.Sprintf("PT%dM", p.Elapsed/time.Minute)
	case p.Days > 0:
		return fmt.Sprintf("P%dD", p.Days)
	case p.Months > 0:
		return fmt.Sprintf("P%dM", p.Months)
	case p.WorkingDays > 0:
		return fmt.Sprintf("P%dBD", p.WorkingDays)
	}
	return ""
}

var periodForm = regexp.MustCompile(`^P(?:(T)([1-9][0-9]{0,3})(H|M)|([1-9][0-9]{0,3})(D|W|M|BD))$`)

// ParsePeriod reads one unit of ISO 8601 (PT24H, PT20M, P7D, P2W, P1M), or working days as P30BD, which ISO 8601 does not know.
func ParsePeriod(s string) (Period, bool) {
	m := periodForm.FindStringSubmatch(s)
	if m == nil {
		return Period{}, false
	}
	if m[1] == "T" {
		n, _ := strconv.Atoi(m[2])
		unit := time.Minute
		if m[3] == "H" {
			unit = time.Hour
		}
		return Period{Elapsed: time.Duration(n) * unit}, true
	}
	n, _ := strconv.Atoi(m[4])
	switch m[5] {
	case "D":
		return Period{Days: n}, true
	case "W":
		return Period{Days: 7 * n}, true
	case "M":
		return Period{Months: n}, true
	}
	return Period{WorkingDays: n}, true
}
