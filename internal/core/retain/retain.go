// Package retain says how long the house keeps what, in one table that the daily work of every duty obeys (rule L2), and holds what must not end.
//
//	retain.go  the table: classes, their tables, periods and ends
//	hold.go    Hold, Release, Held: the legal hold
//
// Content ends when its data key is destroyed (core/keyring): what is sealed under it, in tables, blobs and the details of the record, opens
// for nobody again. The row stays as a tombstone, and the tree of the record still verifies. Rows that only count or let something in are removed.
// Table: retain_hold. It destroys nothing itself: each duty ends what is its own.
package retain

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

const day = 24 * time.Hour

// The periods. Sources: the team's data protection rules for reports (one year for what was rejected), rule I9 for links, rule L2 for forms and sign-ins.
const (
	FormsFor    = 7 * day   // marks of forms that were taken, since they were sent
	TraitsFor   = 60 * day  // what reports are found to be alike by, at most: it goes by whole months
	PartsFor    = day       // files of which parts are missing, since the last one came
	UnsentFor   = 7 * day   // forms that were begun and not sent, with their files, since they were saved last
	FilesFor    = day       // files of a letter that never left its writer
	LinksFor    = 90 * day  // status links, since their report was concluded or set aside
	RejectedFor = 365 * day // rejected reports, since they were rejected
	SettledFor  = 5 * 365 * day
	AsideFor    = 365 * day // mail and forms that nobody could file, since they came
	CountersFor = 25 * time.Hour
	SessionsFor = 30 * day // sign-ins, since they were seen last
	TriesFor    = day      // failed tries, since the first
	DevicesFor  = 365 * day
	AnswersFor  = day      // answers to requests that may be sent again
	FetchedFor  = 90 * day // what was taken from a mailbox, since it was seen there last
	DraftsFor   = 90 * day // text that was not sent, since it was saved last
	PublicFor   = 30 * day // suspicious messages as they came, and who handed them on
)

// Class is a kind of data with one purpose and one end.
type Class string

// The classes.
const (
	Forms     Class = "forms"
	Unsent    Class = "unsent"
	FormFiles Class = "form_files"
	Links     Class = "links"
	Traits    Class = "traits"
	Aside     Class = "aside"
	Rejected  Class = "rejected"
	Refused   Class = "refused" // registrations
	Settled   Class = "settled"
	Mail      Class = "mail"
	Files     Class = "files"
	Cases     Class = "cases"
	Counters  Class = "counters"
	Sessions  Class = "sessions"
	Tries     Class = "tries"
	Welcome   Class = "welcome"
	Devices   Class = "devices"
	Answers   Class = "answers"
	Fetched   Class = "fetched"
	Drafts    Class = "drafts"
	Jobs      Class = "jobs"
	Accounts  Class = "accounts"
	Registry  Class = "registry"
	Record    Class = "record"
	House     Class = "house"
	Public    Class = "public"
	Campaigns Class = "campaigns"
)

// Purpose says what data is for.
type Purpose string

// The purposes.
const (
	Handling  Purpose = "handling"  // answering reports and handling incidents
	Repeating Purpose = "repeating" // taking a thing once that is sent twice
	Guarding  Purpose = "guarding"  // keeping strangers out
	Working   Purpose = "working"   // the work of one person
	Proving   Purpose = "proving"   // who did what, and when
	Running   Purpose = "running"   // running the program
)

// Basis is the legal ground.
type Basis string

// The grounds, by article of Regulation (EU) 2016/679.
const (
	Task     Basis = "task"     // 6(1)(e) with the law that gives the team its task (Directive (EU) 2022/2555, article 11)
	Security Basis = "security" // 6(1)(f), recital 49: security of networks and of this system
	Duty     Basis = "duty"     // 6(1)(c): security of processing and accountability, articles 5(2) and 32
)

// Reader says who reads the data.
type Reader string

// The readers.
const (
	Nobody   Reader = "nobody" // the program alone: keyed hashes, or sealed to somebody outside
	Team     Reader = "team"   // who reads cases
	Owner    Reader = "owner"  // the person whose it is
	Managers Reader = "managers"
	Auditors Reader = "auditors"
)

// End is what happens when the period is over.
type End string

// The ends.
const (
	Removed   End = "removed"   // the row goes
	Destroyed End = "destroyed" // the data key goes, and files with it; a tombstone stays
	With      End = "with"      // it ends with the case it belongs to
	Stays     End = "stays"     // until a person ends it
)

// Rule is a line of the table.
type Rule struct {
	Class   Class
	Tables  []string // where the data lies; a table may hold several classes
	Purpose Purpose
	Basis   Basis
	Reader  Reader
	Period  time.Duration // 0 for With and Stays
	End     End
}

// Table gives all rules. A test holds it against the schema: no table is without a class.
func Table() []Rule {
	return []Rule{
		{Forms, []string{"intake_taken"}, Repeating, Security, Nobody, FormsFor, Removed},
		{Unsent, []string{"intake_draft"}, Working, Task, Nobody, UnsentFor, Removed},
		{FormFiles, []string{"intake_kept", "intake_upload", "intake_upload_part"}, Repeating, Task, Nobody, UnsentFor, Removed},
		{Links, []string{"intake_code", "intake_shown", "intake_sheet_shown", "coordination_link", "coordination_shown"}, Handling, Task, Nobody, LinksFor, Removed},
		{Traits, []string{"intake_trait", "suspicion_trait"}, Handling, Task, Nobody, TraitsFor, Removed},
		{Aside, []string{"correspondence_arrival", "intake_drop"}, Handling, Task, Team, AsideFor, Destroyed},
		{Rejected, []string{"intake_report", "intake_submission", "intake_sheet", "intake_fact", "intake_offered", "correspondence_thread", "correspondence_message", "correspondence_code", "correspondence_file", "search_recent", "search_page"}, Handling, Task, Team, RejectedFor, Destroyed},
		{Refused, []string{"registration_registration", "registration_word", "registration_file", "registration_shown"}, Handling, Task, Team, RejectedFor, Destroyed},
		{Settled, []string{"intake_report", "intake_submission", "intake_sheet", "intake_fact", "intake_offered", "correspondence_thread", "correspondence_message", "correspondence_code", "correspondence_file", "search_recent", "search_page"}, Handling, Task, Team, SettledFor, Destroyed},
		{Mail, []string{"correspondence_arrival"}, Handling, Task, Team, 0, With},
		{Files, []string{"correspondence_file"}, Handling, Task, Team, FilesFor, Removed},
		{Cases, []string{
			"object", "object_counter", "access_grant", "presence_seen", "egress_pass", "deadline_clock", "search_token", "search_document", "search_block", "search_backlog", "intake_link", "intake_run", "intake_run_item", "intake_call", "intake_callback", "intake_obligation", "intake_submitted", "intake_forward", "intake_handed", "intake_vouch", "intake_missing", "intake_address",
			"correspondence_mass", "coordination_party", "coordination_request", "coordination_measure", "coordination_reply", "coordination_handover", "coordination_call", "coordination_called", "coordination_call_action", "coordination_situation", "coordination_member", "coordination_decision", "coordination_agreement", "coordination_taken", "coordination_sending", "coordination_sending_party", "coordination_ladder_of", "coordination_climb", "coordination_step", "coordination_share", "coordination_shared", "correspondence_reach", "takedown_target", "takedown_state", "takedown_proposal", "incident_incident", "incident_entry", "incident_task",
		}, Handling, Task, Team, 0, Stays},
		{Counters, []string{"correspondence_automatic", "suspicion_thanks"}, Guarding, Security, Nobody, CountersFor, Removed},
		{Sessions, []string{"account_session"}, Guarding, Security, Owner, SessionsFor, Removed},
		{Tries, []string{"account_try", "account_challenge"}, Guarding, Security, Nobody, TriesFor, Removed},
		{Welcome, []string{"account_link"}, Guarding, Security, Nobody, 0, With},
		{Devices, []string{"account_device"}, Guarding, Security, Nobody, DevicesFor, Removed},
		{Answers, []string{"once_answer"}, Repeating, Security, Nobody, AnswersFor, Removed},
		{Public, []string{"suspicion_message", "correspondence_arrival"}, Handling, Task, Team, PublicFor, Removed},
		{Campaigns, []string{"suspicion_campaign", "suspicion_feature", "suspicion_hour"}, Handling, Task, Team, 0, Stays},
		{Fetched, []string{"correspondence_fetched"}, Repeating, Task, Nobody, FetchedFor, Removed},
		{Drafts, []string{"draft_text"}, Working, Task, Owner, DraftsFor, Removed},
		{Jobs, []string{"river_job"}, Running, Security, Nobody, job.KeepFailed, Removed},
		{Accounts, []string{"account_person", "account_role", "account_recovery", "account_token", "account_invitation", "account_rule", "account_news", "account_passkey", "account_identity", "account_provider"}, Proving, Duty, Managers, 0, Stays},
		{Registry, []string{
			"constituency_organisation", "constituency_word", "constituency_membership", "constituency_contact", "constituency_number", "constituency_key", "constituency_asset", "constituency_proof", "constituency_version", "constituency_entitlement", "constituency_doubt", "constituency_asked", "constituency_liaison", "registration_entity", "registration_change", "takedown_provider",
		}, Handling, Task, Team, 0, Stays},
		{Record, []string{
			"audit_entry", "audit_detail", "audit_waiting", "audit_number", "audit_node", "audit_checkpoint", "alarm_alarm", "duty_rotation", "duty_change", "duty_handover", "duty_way", "duty_page", "duty_try", "duty_bundle", "keyring_destroyed", "retain_hold",
		}, Proving, Duty, Auditors, 0, Stays},
		{House, []string{"setting_value", "correspondence_mailbox", "keyring_key", "intake_reference", "intake_rule", "coordination_question_set", "coordination_ladder", "schema_version"}, Running, Security, Nobody, 0, Stays},
	}
}
