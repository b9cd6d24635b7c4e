// Package page is the frame and the furniture of every page: shells, components, assets, headers, the error page.
//
//	secure.go            Secure: the content security policy with a nonce for each request, and the other headers
//	asset.go, sheet.go   Asset("desk.css") is the address of a built-in file; Assets serves them, compressed, for ever
//	hx.go                HX: an hx- attribute and its nonce, always together
//	shell_*.templ        Public, Portal and Desk: what is around a page
//	marks.templ          TLP, PAP, severity, chips, avatars, counters, icons
//	time.templ           times, clocks, the deadline strip
//	form.templ           buttons, fields, options, date and time, error summary, upload
//	panel.templ          callout, summary list, stage track, receipt, empty state, tabs, toast, dialog
//	desk_*.templ         queue rows, preview, timeline, composer, properties, tasks, measures, observables
//	table.templ          data table, matrix of parties, pagination
//	error.templ          the page for every refusal, by kind
//
// Each component takes a small struct of ready words and plain values: no domain type, no database, no decision on
// access. Times and texts come through the text.Printer of the struct. A page is a templ function around one shell:
//
//	templ Home(v HomeView) {
//		@page.Public(v.Frame) { … }
//	}
//
// Rules of the policy: no style or event attribute, no inline script; a width that depends on data is an SVG attribute.
package page
