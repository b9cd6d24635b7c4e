// Package desk is the analysts' workbench. This file is its map:
//
//	menu.go           the rooms of the side navigation
//	triage.templ      everything that came in, and one of it beside the list
//	incident.templ    the frame of an incident (head, deadlines, tabs) and its timeline
//	incident_head.go  what stands above every view of an incident; history.go gathers its timeline, write.go takes what is written
//	guard.go          seals, alarms, and what waits for a second person
//	parties.templ     the matrix of parties, and the measures
//	stages.go         the legal stages of a report; admin_rules.go shows the rule sets behind them
//	suspicious.go     what the public handed on, by campaign
//	admin*.go         people, tokens, keys, the rules of mail, entitlements, the record
//
// Views are plain values: who fills them asks the domain first, and decides there what a person may see.
package desk
