package api

import "github.com/tocsin-csirt/tocsin/internal/core/access"

// Operation is one line of the map of the surface.
type Operation struct {
	Method, Path string
	Open         bool           // without a token too
	Rights       []access.Right // one of them is needed; what is seen then is the verb's decision
	What         string         // for OpenAPI
}

func (o Operation) line() string { return o.Method + " " + o.Path }

// Admits tells whether an actor may come at all.
func (o Operation) Admits(by access.Actor) bool {
	if o.Open {
		return true
	}
	for _, r := range o.Rights {
		if by.Can(r) {
			return true
		}
	}
	return false
}

// Operations is the map of the surface, below /api/v1.
func Operations() []Operation {
	var (
		cases    = []access.Right{access.ReadCases}
		shared   = []access.Right{access.ReadCases, access.OwnCases, access.ReadGranted} // the team all, others theirs
		write    = []access.Right{access.FileReport, access.Triage}                      // from the reporter, or taken down by us
		triage   = []access.Right{access.Triage}
		rules    = []access.Right{access.ChangeRules}
		own      = []access.Right{access.OwnCases}
		work     = []access.Right{access.WorkCases}
		closing  = []access.Right{access.Close}
		outside  = []access.Right{access.SendOutside}
		answer   = []access.Right{access.WorkCases, access.OwnCases}
		verify   = []access.Right{access.Verify}
		registry = []access.Right{access.ReadRegistry, access.OwnRegistry}
		register = []access.Right{access.WriteRegistry}
		seal     = []access.Right{access.Seal}
		approve  = []access.Right{access.Approve}
		hold     = []access.Right{access.Hold}
		plan     = []access.Right{access.PlanDuty}
		duties   = []access.Right{access.Triage, access.PlanDuty}
		record   = []access.Right{access.ReadAudit}
		anybody  = []access.Right{access.ReadCases, access.OwnCases, access.ReadGranted, access.FileReport}
	)
	return []Operation{
		{Method: "POST", Path: "/reports", Open: true, What: "Send a report"},
		{Method: "GET", Path: "/reports", Rights: shared, What: "List reports, newest first"},
		{Method: "GET", Path: "/reports/{ref}", Rights: shared, What: "Read a report"},
		{Method: "POST", Path: "/reports/{ref}/triage", Rights: triage, What: "Accept, take over what another team hands over, attach, reject, reply, pass on or restore a report, or bring it back from probable spam"},
		{Method: "POST", Path: "/reports/{ref}/hold", Rights: hold, What: "Set a legal hold: nothing of the report ends with its period"},
		{Method: "GET", Path: "/reports/{ref}/submissions", Rights: shared, What: "List what its reporter sent"},
		{Method: "POST", Path: "/reports/{ref}/submissions", Rights: write, What: "Add a further submission"},
		{Method: "GET", Path: "/reports/{ref}/stages", Rights: shared, What: "List the legal stages that were handed in"},
		{Method: "POST", Path: "/reports/{ref}/stages", Rights: write, What: "File a legal stage, or the correction of one"},
		{Method: "POST", Path: "/reports/{ref}/missing", Rights: triage, What: "Ask for what is missing in a legal stage, by a letter with a link or a code to read out"},
		{Method: "GET", Path: "/reports/{ref}/offered", Rights: cases, What: "List answers that came by a link of plain mail and wait for a person"},
		{Method: "POST", Path: "/reports/{ref}/offered", Rights: triage, What: "File such answers, or set them aside"},
		{Method: "GET", Path: "/reports/{ref}/obligations", Rights: shared, What: "Read what laws ask, of whom and by when"},
		{Method: "GET", Path: "/reports/{ref}/messages", Rights: shared, What: "List the messages of its thread"},
		{Method: "POST", Path: "/reports/{ref}/messages", Rights: append(write, access.SendOutside), What: "Write to the reporter, or as the reporter"},
		{Method: "POST", Path: "/reports/{ref}/files", Rights: write, What: "Add files"},
		{Method: "GET", Path: "/reports/{ref}/messages/{message}/files/{file}", Rights: shared, What: "Fetch a file"},
		{Method: "GET", Path: "/reports/{ref}/original", Rights: shared, What: "Fetch the bytes as they arrived"},
		{Method: "GET", Path: "/reports/{ref}/receipts", Rights: shared, What: "List the signed receipts"},
		{Method: "POST", Path: "/reports/{ref}/receipts", Rights: []access.Right{access.Triage, access.OwnCases}, What: "Ask for a signed receipt in another language"},
		{Method: "GET", Path: "/reports/{ref}/receipts/{number}", Rights: shared, What: "Fetch a signed receipt (PDF)"},
		{Method: "GET", Path: "/reports/{ref}/parts", Rights: cases, What: "Read what was made of them: tree, oddities, verdicts, texts, attachments"},

		{Method: "GET", Path: "/triage/reasons", Rights: cases, What: "List why reports are rejected"},
		{Method: "GET", Path: "/triage/rules", Rights: cases, What: "List the rules for routine mail, in their order"},
		{Method: "POST", Path: "/triage/rules", Rights: rules, What: "Make a rule for routine mail"},
		{Method: "POST", Path: "/triage/rules/trial", Rights: rules, What: "Say what a rule would have done with the mail of the last days"},
		{Method: "PATCH", Path: "/triage/rules/{rule}", Rights: rules, What: "Write a rule for routine mail anew"},
		{Method: "POST", Path: "/triage/rules/{rule}/turn", Rights: rules, What: "Turn a rule on or off, move it, or remove it"},

		{Method: "GET", Path: "/rule-sets", Rights: anybody, What: "List the rule sets: laws as data"},
		{Method: "GET", Path: "/rule-sets/{code}", Rights: anybody, What: "Read a rule set with its stages and questions"},
		{Method: "GET", Path: "/obligations/{id}", Rights: own, What: "Read what a law asks of your organisation in a report that somebody may have made for it"},
		{Method: "GET", Path: "/obligations", Rights: own, What: "List what laws ask of your organisation in reports that others made"},
		{Method: "POST", Path: "/obligations/{id}/stages", Rights: own, What: "File a stage of your own organisation, or the correction of one that it filed"},
		{Method: "POST", Path: "/obligations/{id}/moments", Rights: triage, What: "Note or correct a moment that clocks hang on"},
		{Method: "POST", Path: "/obligations/{id}/requests", Rights: triage, What: "Note that a stage was asked for"},
		{Method: "POST", Path: "/obligations/{id}/waivers", Rights: triage, What: "Waive something owed, or take that back"},
		{Method: "POST", Path: "/obligations/{id}/states", Rights: triage, What: "Say which other states are affected: each is to be told, with a clock of its own"},
		{Method: "POST", Path: "/obligations/{id}/recipients", Rights: triage, What: "Note that a recipient by law was given it"},

		{Method: "POST", Path: "/incidents", Rights: work, What: "Open an incident"},
		{Method: "GET", Path: "/incidents", Rights: cases, What: "List incidents, newest change first"},
		{Method: "GET", Path: "/incidents/{ref}", Rights: cases, What: "Read an incident"},
		{Method: "PATCH", Path: "/incidents/{ref}", Rights: work, What: "Change properties of an incident"},
		{Method: "POST", Path: "/incidents/{ref}/close", Rights: closing, What: "Close an incident"},
		{Method: "POST", Path: "/incidents/{ref}/reopen", Rights: closing, What: "Open a closed incident again"},
		{Method: "POST", Path: "/incidents/{ref}/severity", Rights: work, What: "Rate the severity, with reasons"},
		{Method: "POST", Path: "/incidents/{ref}/seal", Rights: seal, What: "Seal an incident with all that belongs to it"},
		{Method: "POST", Path: "/incidents/{ref}/hold", Rights: hold, What: "Set a legal hold: nothing of the incident ends"},
		{Method: "GET", Path: "/incidents/{ref}/tasks", Rights: cases, What: "List tasks"},
		{Method: "POST", Path: "/incidents/{ref}/tasks", Rights: work, What: "Add a task"},
		{Method: "PATCH", Path: "/incidents/{ref}/tasks/{task}", Rights: work, What: "Mark a task done or open"},
		{Method: "GET", Path: "/incidents/{ref}/timeline", Rights: cases, What: "List written timeline entries"},
		{Method: "POST", Path: "/incidents/{ref}/timeline", Rights: work, What: "Write into the timeline"},
		{Method: "GET", Path: "/incidents/{ref}/parties", Rights: cases, What: "Read the matrix of parties and what became of each"},
		{Method: "GET", Path: "/incidents/{ref}/sectors", Rights: cases, What: "Read the matrix summed by sector, without names"},
		{Method: "POST", Path: "/incidents/{ref}/chase", Rights: outside, What: "Write to parties that still owe something, in other words"},
		{Method: "POST", Path: "/incidents/{ref}/parties", Rights: work, What: "Add organisations as parties"},

		{Method: "POST", Path: "/incidents/{ref}/sendings", Rights: outside, What: "Begin a sending: one question to many parties"},
		{Method: "GET", Path: "/incidents/{ref}/sendings", Rights: cases, What: "List the sendings of an incident, newest first"},
		{Method: "GET", Path: "/sendings/{id}", Rights: cases, What: "Read a sending with its dry run, or how far it came"},
		{Method: "GET", Path: "/sendings/{id}/leads", Rights: outside, What: "List whom the case itself leads to, and why, before they are chosen"},
		{Method: "GET", Path: "/sendings/{id}/parties", Rights: cases, What: "List who was chosen, why, and who is written to"},
		{Method: "POST", Path: "/sendings/{id}/parties", Rights: outside, What: "Choose parties by the case itself, a list of what was seen, communities, sectors or names"},
		{Method: "POST", Path: "/sendings/{id}/exclude", Rights: outside, What: "Take parties out of a sending, or put them back"},
		{Method: "GET", Path: "/sendings/{id}/aside", Rights: cases, What: "List lines that reach nobody, and why"},
		{Method: "POST", Path: "/sendings/{id}/letter", Rights: outside, What: "Say what the parties are told, asked and recommended"},
		{Method: "GET", Path: "/sendings/{id}/letters/{organisation}", Rights: cases, What: "Read exactly what one party will receive"},
		{Method: "POST", Path: "/sendings/{id}/submit", Rights: outside, What: "Send it, or ask a second person for it"},
		{Method: "POST", Path: "/sendings/{id}/back", Rights: outside, What: "Make a draft of it again while nothing is written"},
		{Method: "POST", Path: "/sendings/{id}/recall", Rights: []access.Right{access.SendOutside, access.Approve}, What: "End it: what is not written yet is never written"},

		{Method: "GET", Path: "/incidents/{ref}/shares", Rights: cases, What: "List what was shared between parties, with whom and what became of it"},
		{Method: "POST", Path: "/incidents/{ref}/shares", Rights: outside, What: "Share one item of one party, or our own, with others"},
		{Method: "POST", Path: "/incidents/{ref}/shares/preview", Rights: outside, What: "Read exactly what each reader would get"},
		{Method: "POST", Path: "/shares/{id}/withdraw", Rights: outside, What: "Take back what was shared"},
		{Method: "GET", Path: "/shared", Rights: own, What: "List what was shared with your organisation, newest first"},
		{Method: "GET", Path: "/reach", Rights: own, What: "Read how far all that your organisation tells us may go"},
		{Method: "POST", Path: "/reach", Rights: answer, What: "Say how far what you tell us may go, or take down what a party said"},
		{Method: "GET", Path: "/incidents/{ref}/targets", Rights: cases, What: "List what is to be taken down in an incident, newest first"},
		{Method: "POST", Path: "/incidents/{ref}/targets", Rights: work, What: "Add a target: a URL, a domain or an address"},
		{Method: "POST", Path: "/incidents/{ref}/targets/letters", Rights: outside, What: "Prepare the letters to all who were confirmed, as a sending"},
		{Method: "GET", Path: "/targets", Rights: cases, What: "List the targets of all incidents, newest first"},
		{Method: "GET", Path: "/targets/{id}", Rights: cases, What: "Read a target with its states and who can end it"},
		{Method: "POST", Path: "/targets/{id}/propose", Rights: work, What: "Look for who can end it: register, directory, and registries where PAP allows"},
		{Method: "POST", Path: "/targets/{id}/providers", Rights: work, What: "Add a provider of the directory by hand"},
		{Method: "POST", Path: "/targets/{id}/look", Rights: work, What: "Look at it now, through the exit and where PAP allows"},
		{Method: "POST", Path: "/targets/{id}/state", Rights: work, What: "Say by hand how it stands, with a reason"},
		{Method: "POST", Path: "/targets/{id}/amend", Rights: work, What: "Correct what is known of it"},
		{Method: "POST", Path: "/targets/{id}/end", Rights: work, What: "Ask for it no longer, with a reason"},
		{Method: "POST", Path: "/proposals/{id}/decide", Rights: work, What: "Confirm or dismiss who can end it"},
		{Method: "POST", Path: "/proposals/{id}/told", Rights: work, What: "Note that a provider was told by another way than a letter"},
		{Method: "GET", Path: "/providers", Rights: []access.Right{access.ReadRegistry}, What: "List who can end something, and how each wants to be told"},
		{Method: "POST", Path: "/providers", Rights: register, What: "Enter a provider"},
		{Method: "POST", Path: "/providers/{id}", Rights: register, What: "Change a provider"},
		{Method: "POST", Path: "/providers/{id}/retire", Rights: register, What: "Take a provider out of the directory"},
		{Method: "GET", Path: "/providers/times", Rights: cases, What: "Read the time to down by provider"},
		{Method: "GET", Path: "/parties/{id}/hand-overs", Rights: []access.Right{access.ReadCases}, What: "List what was handed to the team that a party is"},
		{Method: "POST", Path: "/parties/{id}/hand-overs", Rights: []access.Right{access.SendOutside}, What: "Hand the case of a party, or a part of it, to that team: a letter and a document"},
		{Method: "POST", Path: "/parties/{id}/hand-overs/{handed}/settle", Rights: work, What: "Say whether the team takes it, with its reference"},
		{Method: "POST", Path: "/parties/{id}/alone", Rights: work, What: "Say that a party takes part in calls of its own alone, or may meet others again"},
		{Method: "GET", Path: "/incidents/{ref}/coordination-calls", Rights: cases, What: "List the coordination calls of an incident, the newest start first"},
		{Method: "POST", Path: "/incidents/{ref}/coordination-calls", Rights: work, What: "Plan a coordination call; nobody hears of it yet"},
		{Method: "GET", Path: "/coordination-calls/{id}", Rights: cases, What: "Read a call: who was asked, who comes, minutes, what was agreed"},
		{Method: "POST", Path: "/coordination-calls/{id}/invitations", Rights: outside, What: "Ask parties to a call, and confirm who learns of whom"},
		{Method: "POST", Path: "/coordination-calls/{id}/move", Rights: outside, What: "Move a call: everybody who is asked gets a letter"},
		{Method: "POST", Path: "/coordination-calls/{id}/call-off", Rights: outside, What: "Call a call off, or take parties out of it"},
		{Method: "POST", Path: "/coordination-calls/{id}/coming", Rights: work, What: "Take down whether a party comes"},
		{Method: "POST", Path: "/coordination-calls/{id}/minutes", Rights: work, What: "Note who came and what was said, until the minutes are finished"},
		{Method: "POST", Path: "/coordination-calls/{id}/additions", Rights: work, What: "Add to minutes that are finished"},
		{Method: "POST", Path: "/coordination-calls/{id}/actions", Rights: work, What: "Make a task of ours, or a measure of a party, of what was agreed"},
		{Method: "GET", Path: "/incidents/{ref}/situations", Rights: cases, What: "List the shared situations of an incident, newest first"},
		{Method: "POST", Path: "/incidents/{ref}/situations", Rights: approve, What: "Open a situation that is shared with other authorities"},
		{Method: "GET", Path: "/situations/{id}", Rights: cases, What: "Read a shared situation: who leads, who tells whom, decisions"},
		{Method: "POST", Path: "/situations/{id}/members", Rights: approve, What: "Bring more authorities in"},
		{Method: "POST", Path: "/situations/{id}/lead", Rights: approve, What: "Say who leads from now on"},
		{Method: "POST", Path: "/situations/{id}/tellings", Rights: work, What: "Write who tells whom, or that it was done"},
		{Method: "POST", Path: "/situations/{id}/decisions", Rights: approve, What: "Take the next decision: ours, or a joint one that asks each member"},
		{Method: "POST", Path: "/situations/{id}/agreements", Rights: work, What: "Take down what an authority said of a joint decision"},
		{Method: "POST", Path: "/situations/{id}/tell", Rights: outside, What: "Write to the members how it stands"},
		{Method: "POST", Path: "/situations/{id}/end", Rights: approve, What: "End a shared situation, with a reason"},
		{Method: "POST", Path: "/parties/{id}/requests", Rights: outside, What: "Ask a party"},
		{Method: "POST", Path: "/parties/{id}/measures", Rights: outside, What: "Give measures to a party"},
		{Method: "POST", Path: "/parties/{id}/messages", Rights: outside, What: "Write to a party"},
		{Method: "GET", Path: "/requests", Rights: shared, What: "List requests by due time"},
		{Method: "GET", Path: "/requests/{id}", Rights: shared, What: "Read a request with its answers"},
		{Method: "POST", Path: "/requests/{id}/answer", Rights: answer, What: "Answer a request"},

		{Method: "POST", Path: "/requests/{id}/replies", Rights: answer, What: "Answer the typed questions of a request, or take down what a party said"},
		{Method: "GET", Path: "/ladders", Rights: cases, What: "List the ladders by which silent parties are chased"},
		{Method: "GET", Path: "/incidents/{ref}/ladder", Rights: cases, What: "List where the parties of an incident stand on their ladders"},
		{Method: "POST", Path: "/incidents/{ref}/ladder", Rights: outside, What: "Begin, pause, resume, move on or stop the ladders of parties"},
		{Method: "GET", Path: "/difference", Rights: cases, What: "Read how long it took until what was asked was delivered, seen, answered and done, and how much was remedied over time"},
		{Method: "GET", Path: "/incidents/{ref}/difference", Rights: cases, What: "Read the same of one incident"},
		{Method: "GET", Path: "/question-sets", Rights: cases, What: "List the sets of typed questions in their newest versions"},
		{Method: "POST", Path: "/question-sets", Rights: work, What: "Make a set of typed questions, or its next version"},
		{Method: "GET", Path: "/question-sets/{questions}", Rights: cases, What: "Read a set of typed questions, in its newest version or another"},
		{Method: "POST", Path: "/question-sets/{questions}/retire", Rights: work, What: "Take a set out of what can be asked, or back into it"},

		{Method: "GET", Path: "/measures", Rights: shared, What: "List measures by due time"},
		{Method: "GET", Path: "/measures/{id}", Rights: shared, What: "Read a measure"},
		{Method: "POST", Path: "/measures/{id}/acknowledge", Rights: answer, What: "Say that a measure was read"},
		{Method: "POST", Path: "/measures/{id}/plan", Rights: answer, What: "Say when a measure will be done; for us: it is not done yet"},
		{Method: "POST", Path: "/measures/{id}/done", Rights: answer, What: "Say that a measure is done, with evidence"},
		{Method: "POST", Path: "/measures/{id}/decline", Rights: answer, What: "Decline a measure with a reason"},
		{Method: "POST", Path: "/measures/{id}/verify", Rights: verify, What: "Confirm that a measure is done"},

		{Method: "GET", Path: "/suspicious", Rights: cases, What: "List campaigns of suspicious messages that the public handed on"},
		{Method: "GET", Path: "/suspicious/{ref}", Rights: cases, What: "Read a campaign with its features and hours"},

		{Method: "GET", Path: "/organisations", Rights: registry, What: "List organisations by name"},
		{Method: "GET", Path: "/organisations/{id}", Rights: registry, What: "Read an organisation"},
		{Method: "GET", Path: "/organisations/{id}/doubts", Rights: []access.Right{access.ReadRegistry}, What: "List what an organisation said is not its own"},
		{Method: "GET", Path: "/codes", Rights: outside, What: "List the letters that left as locked files and whose codes are still to be told"},
		{Method: "POST", Path: "/doubts/{id}/settle", Rights: register, What: "Say what came of such a doubt"},
		{Method: "GET", Path: "/organisations/{id}/entitlements", Rights: registry, What: "Read what an organisation is entitled to, by service"},
		{Method: "GET", Path: "/liaisons", Rights: []access.Right{access.ReadRegistry}, What: "List authorities, other teams and suppliers, with the ground on which we exchange with each"},
		{Method: "POST", Path: "/organisations/{id}/liaison", Rights: register, What: "Say what an organisation is to us: an authority, a team, a supplier"},
		{Method: "POST", Path: "/look-ups", Rights: []access.Right{access.ReadRegistry}, What: "Look up whom to tell about an address or a domain: our register, its country's teams, its registry"},
		{Method: "GET", Path: "/contacts", Rights: registry, What: "List the contacts of an organisation"},
		{Method: "GET", Path: "/assets", Rights: registry, What: "List the assets of an organisation"},
		{Method: "POST", Path: "/organisations/{id}/assets", Rights: register, What: "Enter what an organisation answers for, for a time"},
		{Method: "POST", Path: "/assets/{id}/prove", Rights: register, What: "Note how we know that an asset is theirs"},
		{Method: "POST", Path: "/assets/{id}/end", Rights: register, What: "Note that an asset is no longer theirs, from a moment on"},
		{Method: "GET", Path: "/proofs", Rights: registry, What: "List how an organisation proves what is its own, newest first"},
		{Method: "POST", Path: "/organisations/{id}/proofs", Rights: []access.Right{access.WriteRegistry, access.OwnRegistry}, What: "Begin to prove that something is an organisation's: by a record, a file, a code by mail or the object of a registry"},
		{Method: "GET", Path: "/proofs/{id}", Rights: registry, What: "Read a proof and what was found"},
		{Method: "POST", Path: "/proofs/{id}/look", Rights: []access.Right{access.WriteRegistry, access.OwnRegistry}, What: "Look for its record or file at once"},
		{Method: "POST", Path: "/proofs/{id}/code", Rights: []access.Right{access.OwnRegistry}, What: "Give the code that was mailed"},
		{Method: "POST", Path: "/proofs/{id}/withdraw", Rights: []access.Right{access.WriteRegistry, access.OwnRegistry}, What: "End an attempt to prove something"},
		{Method: "POST", Path: "/proofs/{id}/judge", Rights: register, What: "Say whether the object of a registry proves it, and why"},
		{Method: "GET", Path: "/register/todo", Rights: []access.Right{access.ReadRegistry}, What: "List what is to be done in the register"},
		{Method: "POST", Path: "/register/confirm", Rights: []access.Right{access.OwnRegistry}, What: "Confirm that all we know of your organisation is still right"},
		{Method: "GET", Path: "/registrations", Rights: []access.Right{access.ReadRegistry}, What: "List registrations of entities"},
		{Method: "GET", Path: "/registrations/{id}", Rights: []access.Right{access.ReadRegistry}, What: "Read a registration beside what the register knows"},
		{Method: "POST", Path: "/registrations/{id}/checks", Rights: register, What: "Say which checks of a registration were made"},
		{Method: "POST", Path: "/registrations/{id}/ask", Rights: register, What: "Ask something back about a registration"},
		{Method: "POST", Path: "/registrations/{id}/approve", Rights: register, What: "Take an entity into the register, or ask a second person for it"},
		{Method: "POST", Path: "/registrations/{id}/confirm", Rights: register, What: "Confirm an approval as the second person"},
		{Method: "POST", Path: "/registrations/{id}/refuse", Rights: register, What: "Refuse a registration, with the reason"},
		{Method: "POST", Path: "/registrations/export", Rights: []access.Right{access.Export}, What: "Make the export for the single point of contact: numbers, and the entities of NIS2 Art. 27"},
		{Method: "GET", Path: "/owners", Rights: registry, What: "Who answers for an address, a domain, a URL or an AS number, and why, now or at a moment"},

		{Method: "GET", Path: "/duty/shifts", Rights: cases, What: "List who is on duty when"},
		{Method: "GET", Path: "/duty/changes", Rights: cases, What: "List who takes over and who is away"},
		{Method: "POST", Path: "/duty/changes", Rights: duties, What: "Note that somebody takes over, or is away"},
		{Method: "POST", Path: "/duty/changes/{id}/take-back", Rights: triage, What: "Take such a note back"},
		{Method: "GET", Path: "/duty/pages", Rights: cases, What: "List pages, newest first"},
		{Method: "POST", Path: "/duty/pages", Rights: triage, What: "Page oneself, as a test"},
		{Method: "GET", Path: "/duty/pages/{id}", Rights: cases, What: "Read a page with its tries"},
		{Method: "POST", Path: "/duty/pages/{id}/acknowledge", Rights: triage, What: "Take a page: nobody else is paged for it"},
		{Method: "GET", Path: "/duty/channels", Rights: cases, What: "List the roads into the house, and which is silent"},
		{Method: "POST", Path: "/duty/channels/{name}/watch", Rights: plan, What: "Say how one is watched"},
		{Method: "POST", Path: "/calls", Rights: triage, What: "Take down a call"},
		{Method: "POST", Path: "/reports/{ref}/call-backs", Rights: triage, What: "Record that we called a number of the register back"},

		{Method: "GET", Path: "/deadlines", Rights: shared, What: "List open deadlines by due time"},
		{Method: "GET", Path: "/search", Rights: cases, What: "Find incidents by the words of their text"},
		{Method: "GET", Path: "/audit", Rights: record, What: "Read the record, newest first"},
	}
}
