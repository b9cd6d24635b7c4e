// Package country is Valmora, an invented country for the demonstration and for tests: its national CSIRT, fifty organisations, thirty
// reports and a dozen incidents that tell one believable week, as plain data.
//
//	country.go       the types, and New
//	team.go          the team, its people, its peers, what each community is entitled to
//	organisation.go  fifty organisations with contacts and assets
//	report_….go      thirty reports: waiting for triage, linked, concluded
//	incident_….go    thirteen incidents with parties, requests, measures, timeline
//	campaign.go      one question to five hundred organisations, and what each says
//	takedown.go      what is to end on the network, and how it stood
//	together.go      calls, shared situations, shares, codes told by telephone
//	registration.go  entities that register themselves
//	scale.go         as many organisations, reports and incidents as a load test wants, without storing them
//
// Nothing in it exists. Names end in .example (RFC 2606), addresses are of the documentation ranges (RFC 5737, RFC 3849), AS numbers of RFC
// 5398, telephone numbers begin with the unassigned +999. 203.0.113.64/26 belongs to nobody of the country: there sit the attackers.
//
// A time is an Ago, how long before now it was, so that the country is always today's; what is still to come is negative. Objects name each
// other by Key. This package does not write a database: who plays it calls the verbs of the duties, oldest first.
package country

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// Ago is how long before now something happened; negative lies ahead. Zero is not known.
type Ago = time.Duration

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// Country is the whole of it.
type Country struct {
	Name          string
	Code          string // ISO 3166 user-assigned
	Team          Team
	People        []Person
	Peers         []Peer
	Communities   []string
	Services      []string
	Entitlements  []Entitlement
	Organisations []Organisation
	Reports       []Report   // oldest first
	Incidents     []Incident // oldest first
	Suspicious    []Suspicious
	Campaign      Campaign
	Providers     []TargetProvider
	Targets       []Target
	TakeDowns     []TakeDown
	Registrations []Registration
	Calls         []Call
	Situations    []Situation
	Shares        []Share
	Locked        Ago // since when letters to who has no key leave as locked files
	Telephones    []Telephone
	CodesTold     []CodeTold
}

// Team is the national CSIRT as it presents itself.
type Team struct {
	Name       string            // short
	FullNames  map[string]string // by language
	Authority  map[string]string // the line above every page, by language
	Host       string            // domain of the team
	Intake     string            // where reports are mailed
	Suspicious string            // where the public hands on suspicious messages
	Phone      string            // day and night
	Address    string
	Zone       string
	Lang       string
}

// Person is somebody who signs in.
type Person struct {
	Key          string
	Name         string
	Email        string
	Role         string // duty, analyst, lead, admin, auditor, liaison, constituent, constituent_admin, peer, reporter
	Lang         string
	Phone        string
	Organisation string // key of the organisation or peer, "" for the team
}

// Peer is another national team.
type Peer struct {
	Key, Name, Country, Contact, Email, Phone, Lang string
}

// Entitlement is one row of the table: what a community may ask of the team, and how fast.
type Entitlement struct {
	Community   string
	Service     string
	Level       string        // full, advice, pointer, none
	FirstAnswer time.Duration // 0 is best effort
	Priority    int           // 1 first
}

// Organisation is one member of the constituency.
type Organisation struct {
	Key         string
	Name        string
	Sector      string
	Class       string // essential, important, ""
	Criticality int    // 0 to 3
	Size        int    // people served
	Lang        string
	Parent      string // key
	Communities []string
	Contacts    []Contact
	Assets      []Asset
	Liaison     string // what it is to the team: crisis_centre, police, regulator, …; "" for nothing
}

// Contact is a person or desk of an organisation.
type Contact struct {
	Name   string
	Role   string // security, duty, technical, management
	Email  string
	Phone  string
	Lang   string
	OnCall bool
	Key    bool // has an OpenPGP key, which who plays the country makes
}

// Asset is what an organisation answers for.
type Asset struct{ Kind, Value string } // prefix, asn, domain

// Report is what somebody told the team.
type Report struct {
	Key          string
	Received     Ago
	Channel      string // mail, form, phone, portal, api
	Lang         string
	TLP          tlp.Level // 0: without a label
	Organisation string    // key of who reports, as it will be found; "" unknown
	Name         string
	Email        string
	Phone        string
	OrgText      string // the organisation in the reporter's words
	Proof        string // unknown, claimed, forged, aligned, signed_by_key, signed_in, by_hand
	Seal         string // none, signed, encrypted, signed_encrypted
	Kind         string // mandatory, voluntary, near_miss, threat, question
	Stage        string // early_warning, notification; "" outside the legal stages
	Type         string // RSIT code that the reporter chose, "" for none
	Ongoing      string // yes, contained, no, unknown
	Occurred     Ago
	Detected     Ago
	Aware        Ago
	Summary      string
	Description  string
	Observables  []Observable
	Files        []File
	Mail         *Mail // how a mail looks beyond summary and description
	State        string
	Reason       string // why rejected, or to whom passed on
	Handler      string // key of a person
	Incident     string // key, when linked
	Messages     []Message
}

// Mail says what is special about a mail.
type Mail struct {
	MessageID string
	Headers   [][2]string // besides From, To, Subject, Date
	Forwarded string      // a whole message, attached as message/rfc822
	Sealed    string      // an armoured OpenPGP message that we cannot open; it is the body
	NoReceipt bool        // a list or a machine
}

// Observable is a typed value.
type Observable struct{ Type, Value string }

// File is an attachment, small and harmless.
type File struct{ Name, Type, Text string }

// Message is one item of a thread after its beginning.
type Message struct {
	At      Ago
	Out     bool
	By      string // person of the team, for what goes out or was taken down
	Channel string // mail, portal, phone, link
	Text    string
	Seen    Ago // when an outgoing one was read in the portal or by link
}

// Incident is a case.
type Incident struct {
	Key      string
	Title    string
	Summary  string
	Type     string // RSIT
	Severity string // low, medium, high, critical
	Reasons  []string
	Answers  map[string]string // to the severity questions, as far as they were asked
	National bool
	TLP      tlp.Level
	PAP      tlp.PAP
	State    string
	Handler  string
	Started  Ago // when it began, as far as known
	Opened   Ago
	Closed   Ago
	Reports  []string // keys: it was opened from the first, later ones were attached when they came
	Entries  []Entry
	Tasks    []Task
	Parties  []Party
	Closing  *Closing
}

// Entry is a line that a person wrote into the timeline.
type Entry struct {
	Kind     string // note, attack_event, event
	Happened Ago
	Learnt   Ago
	By       string
	Text     string
}

// Task is a piece of work.
type Task struct {
	Title    string
	Due      Ago // negative is ahead; 0 for none
	Done     Ago // 0 is open
	Assignee string
}

// Party is one organisation's part.
type Party struct {
	Organisation string // key; or
	Peer         string // key; or a lone correspondent:
	Name, Email  string
	Lang         string
	Role         string // affected, source, provider, vendor, authority, peer, reporter
	Why          string
	Added        Ago
	Requests     []Request
	Measures     []Measure
	Messages     []Message
}

// Request is something that a party was asked.
type Request struct {
	State  string // draft, asked, answered, accepted, withdrawn
	Asked  Ago
	Due    Ago // negative is ahead
	Text   string
	At     Ago    // of the answer
	Answer string // in the party's words
}

// Measure is a recommendation given to a party.
type Measure struct {
	Recommendation string // code in the playbook
	State          string
	Given          Ago
	Due            Ago
	Steps          []Step // oldest first; the last one leads to State
}

// Step is one move of a measure.
type Step struct {
	At         Ago
	To         string
	By         string // person of the team; "" is the party
	Note       string // evidence or reason
	PlannedFor Ago    // of planned; negative is ahead
}

// Closing is what was said at the end.
type Closing struct {
	Outcome      string // resolved, not_resolved, handed_over, no_incident
	RootCause    string // malicious_action, human_error, system_failure, natural, third_party, unknown
	Impact       string // none, minor, significant, severe, unknown
	Affected     int
	CrossBorder  string // no, yes, unknown
	Report       string
	Note         string
	TellReporter bool
}

// New gives the country. Each call gives a copy of its own.
func New() Country {
	c := Country{
		Name: "Valmora", Code: "XV",
		Team: team(), People: people(), Peers: peers(),
		Communities: communities(), Services: services(), Entitlements: entitlements(),
		Organisations: organisations(), Suspicious: suspicious(), Campaign: Blackgull(500), Providers: providers(), Targets: targets(), TakeDowns: takeDowns(), Registrations: registrations(),
		Calls: calls(), Situations: situations(), Shares: shares(), Locked: 40 * day, Telephones: telephones(), CodesTold: codesTold(),
	}
	c.Reports = byAge(func(r Report) Ago { return r.Received }, waiting(), waitingMore(), linked(), concluded())
	c.Incidents = byAge(func(i Incident) Ago { return i.Opened }, []Incident{ransomware()}, coordinated(), analysed(), closed())
	return c
}

// Organisation finds one by key.
func (c Country) Organisation(key string) (Organisation, bool) {
	for _, o := range c.Organisations {
		if o.Key == key {
			return o, true
		}
	}
	return Organisation{}, false
}
