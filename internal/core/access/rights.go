package access

// Role is what an account is for. The names are those of the commands and of demo.json.
type Role string

// The roles.
const (
	Duty             Role = "duty"
	Analyst          Role = "analyst"
	Lead             Role = "lead"
	Admin            Role = "admin"
	Auditor          Role = "auditor"
	Liaison          Role = "liaison"
	Constituent      Role = "constituent"
	ConstituentAdmin Role = "constituent_admin"
	Peer             Role = "peer"
	Reporter         Role = "reporter"
	Machine          Role = "machine"
)

// AllRoles lists the roles in the order of the table.
var AllRoles = []Role{Duty, Analyst, Lead, Admin, Auditor, Liaison, Constituent, ConstituentAdmin, Peer, Reporter, Machine}

// Right is one thing that a role may allow.
type Right uint8

// The rights.
const (
	ReadCases      Right = iota // reports, incidents, threads of the team's realm
	ReadRed                     // of those, TLP:RED too
	Triage                      // accept, attach, reject, pass on, log a call
	WorkCases                   // change incidents: severity, state, timeline, tasks, parties, measures
	SendOutside                 // mail and messages to parties and reporters
	Verify                      // verify a measure
	Approve                     // the second person: mass sends, relaxed markings, pending roles
	Declare                     // declare a national incident
	Close                       // close and reopen incidents
	Seal                        // seal and unseal
	BreakGlass                  // open a sealed case with a reason, alarmed
	Publish                     // publish
	Export                      // export whole cases
	ChangeRules                 // rule sets, libraries, templates, settings
	ReadRegistry                // organisations, contacts, assets
	WriteRegistry               // change them
	ApproveKey                  // accept an OpenPGP key for a contact
	ManageAccounts              // accounts, tokens, the team's keys; no right to read cases comes with it
	ReadAudit                   // the audit record
	ReadGranted                 // what was explicitly given
	FileReport                  // send a report
	OwnCases                    // the compartment's own reports, requests, measures: read and answer
	OwnRegistry                 // the own organisation's contacts and assets: read
	OwnPeople                   // invite and remove people of the own organisation
	StopMail                    // stop outgoing mail
	Hold                        // legal hold: stop the end of a report or an incident, and let it go on
	PlanDuty                    // the duty roster of others: rotation, who takes over, who is away; how pages leave
	KeepBundle                  // the bundle for when we are down: its passphrase, its places
	rightCount
)

var rightNames = [rightCount]string{
	"read_cases", "read_red", "triage", "work_cases", "send_outside", "verify", "approve", "declare", "close", "seal", "break_glass",
	"publish", "export", "change_rules", "read_registry", "write_registry", "approve_key", "manage_accounts", "read_audit",
	"read_granted", "file_report", "own_cases", "own_registry", "own_people", "stop_mail", "hold", "plan_duty", "keep_bundle",
}

func (r Right) String() string { return rightNames[r] }

// ParseRight reads the name of a right.
func ParseRight(s string) (Right, bool) {
	for i, n := range rightNames {
		if n == s {
			return Right(i), true
		}
	}
	return 0, false
}

// AllRights lists the rights in the order of the table.
func AllRights() []Right {
	out := make([]Right, rightCount)
	for i := range out {
		out[i] = Right(i)
	}
	return out
}

type set uint64

func rightsOf(rs ...Right) set {
	var s set
	for _, r := range rs {
		s |= 1 << r
	}
	return s
}

func (s set) has(r Right) bool { return s&(1<<r) != 0 }

var (
	analyst = rightsOf(ReadCases, ReadRed, Triage, WorkCases, SendOutside, Verify, Close, Export, ReadRegistry, WriteRegistry, ApproveKey, StopMail)
	party   = rightsOf(FileReport, OwnCases, OwnRegistry)
)

// rights is the table role × right. docs/rights.md is printed from it.
var rights = map[Role]set{
	Analyst:          analyst,
	Duty:             analyst | rightsOf(Declare, BreakGlass),
	Lead:             analyst | rightsOf(Approve, Declare, Seal, BreakGlass, Publish, ChangeRules, ReadAudit, Hold, PlanDuty, KeepBundle),
	Admin:            rightsOf(ManageAccounts, ChangeRules, ReadAudit, StopMail),
	Auditor:          rightsOf(ReadCases, ReadRed, ReadRegistry, ReadAudit),
	Liaison:          rightsOf(ReadGranted),
	Constituent:      party,
	ConstituentAdmin: party | rightsOf(OwnPeople),
	Peer:             rightsOf(ReadGranted),
	Reporter:         rightsOf(FileReport),
	Machine:          rightsOf(FileReport),
}

// systemRights is the closed list of what each system actor may do.
var systemRights = map[string]set{
	"intake": rightsOf(ReadCases, ReadRed, FileReport, Triage, ReadRegistry),
	"clocks": rightsOf(ReadCases, ReadRed, WorkCases, SendOutside, ReadRegistry),
	"sender": rightsOf(ReadCases, ReadRed, SendOutside, ReadRegistry),
	"setup":  rightsOf(ManageAccounts, ChangeRules, ReadRegistry, WriteRegistry, ApproveKey),
	"sample": ^set(0),
	"backup": rightsOf(Export),
	"retain": rightsOf(ReadCases, ReadRed),
}
