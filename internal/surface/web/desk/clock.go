package desk

import (
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// ClockName says what a clock asks: in the words of its rule set where it has one.
func ClockName(p *text.Printer, laws *intake.Service, c deadline.Clock) string {
	if name, ok := laws.StageName(c.RuleSet, c.Kind, string(p.Lang())); ok {
		return name
	}
	switch c.Kind {
	case "first_answer":
		return p.T("desk.clock.first_answer")
	case "request":
		return p.T("desk.clock.request")
	case "measure":
		return p.T("desk.clock.measure")
	case coordination.LateWord:
		return p.T("desk.clock.late_word")
	case coordination.LadderClock:
		return p.T("desk.clock.ladder")
	case coordination.ValidClock:
		return p.T("desk.clock.measure_valid")
	case coordination.CheckClock:
		return p.T("desk.clock.measure_check")
	case coordination.CodeClock:
		return p.T("desk.clock.code_told")
	case coordination.ConfirmClock:
		return p.T("desk.clock.ladder_confirm")
	}
	return p.T("desk.clock.other")
}

// Owes says who owes what a clock asks.
func Owes(p *text.Printer, c deadline.Clock) string {
	if c.OwedBy == deadline.Us {
		return p.T("desk.owes.us")
	}
	return p.T("desk.owes.them")
}

// StateName is the state of an incident in words.
func StateName(p *text.Printer, s incident.State) string { return stateChip(p, s).Text }

// SeverityName is a severity in words; "" for none.
func SeverityName(p *text.Printer, s string) string {
	if s == "" {
		return ""
	}
	return p.T("common.severity." + s)
}

// RoleName is the role of a contact in words.
func RoleName(p *text.Printer, role string) string { return named(p, "desk.contact.role.", role) }
