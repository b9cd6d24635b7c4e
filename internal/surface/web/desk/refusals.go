package desk

import (
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// What a page of the desk refuses before a verb is asked: each says what to do, in the reader's language.
var (
	errFormNotRead        = page.ErrFormNotRead
	errChooseOrganisation = &errs.Error{Kind: errs.Invalid, Key: "error.choose_organisation", Text: "choose at least one organisation"}
	errTime               = &errs.Error{Kind: errs.Invalid, Key: "error.time_example", Text: "enter day and time, for example 2026-11-21 09:30"}
	errChooseHandler      = &errs.Error{Kind: errs.Invalid, Key: "error.choose_handler", Text: "choose a handler from the list"}
	errChooseIncident     = &errs.Error{Kind: errs.Invalid, Key: "error.choose_incident", Text: "choose an incident, or type its number"}
	errSelectReports      = &errs.Error{Kind: errs.Invalid, Key: "error.select_reports", Text: "select at least one report first"}
	errSelectFewer        = &errs.Error{Kind: errs.Limit, Key: "error.select_fewer", Text: "select at most 200 reports at once"}
	errChooseAct          = &errs.Error{Kind: errs.Invalid, Key: "error.choose_act", Text: "choose what to do with the selected reports"}
)
