// Package portal is where constituents see what we ask of them, answer, and follow what they told us. This file is its map:
//
//	routes.go         every address, who may come to it, and what the handlers need
//	frame.go          menu, head and toast around each page
//	overview          what needs us now; newest messages; reports
//	report, new       reports of the own organisation; a new one
//	request           what we asked, by due time; the answer
//	measure           recommendations given to the organisation, and what became of them
//	message           the correspondence, and the files of a message
//	document          what was handed to the organisation: receipts, files, what was shared with it
//	reach             how far what it told us may go
//	organisation      the organisation itself: contacts, keys, assets
//	people, person    who acts for the organisation: invite, role, what is lost, leave; asked by its own administrator
//	keys              what its programs use the API with
//	activity          who of its people did what
//	form.go           what was typed: texts, moments, files, and its problems
//
// X.templ is the page and its plain view, X.go fills the view. A handler reads its input, calls one verb and shows the result; what a
// person may see is decided by the verbs. GET changes nothing but when something was last seen. All pages work without a script.
package portal
