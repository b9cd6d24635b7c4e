// Package desk is the analysts' workbench. This file is its map:
//
//	menu.go           the rooms of the side navigation
//	triage.templ      everything that came in, and one of it beside the list
//	incident.templ    the frame of an incident (head, deadlines, tabs) and its timeline
//	parties.templ     the matrix of parties, and the measures
//	admin*.go         people, tokens, keys, the rules of mail, entitlements, the record
//
// Views are plain values: who fills them asks the domain first, and decides there what a person may see.
package desk
