package client

import "time"

// Reporter is who reports.
type Reporter struct {
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
	Phone        string `json:"phone,omitempty"`
	Organisation string `json:"organisation,omitempty"`
}

// Observable is a typed value.
type Observable struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Affected is an organisation that the reporter names.
type Affected struct {
	Organisation string `json:"organisation"`
}

// Attachment is a file that goes with a call. Content is sent as Base64.
type Attachment struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type,omitempty"`
	Content     []byte `json:"base64"`
}

// NewReport is a report. Summary or Description is required.
type NewReport struct {
	Summary            string            `json:"summary,omitempty"`
	Description        string            `json:"description,omitempty"`
	Reporter           Reporter          `json:"reporter,omitzero"`
	TLP                string            `json:"tlp,omitempty"`
	OccurredAt         time.Time         `json:"occurred_at,omitzero"`
	DetectedAt         time.Time         `json:"detected_at,omitzero"`
	AwareAt            time.Time         `json:"aware_at,omitzero"`
	DeterminedAt       time.Time         `json:"determined_at,omitzero"`
	ImpactStartedAt    time.Time         `json:"impact_started_at,omitzero"`
	ImpactEndedAt      time.Time         `json:"impact_ended_at,omitzero"`
	Kind               string            `json:"kind,omitempty"` // mandatory, voluntary, near_miss, threat, question
	Affected           []Affected        `json:"affected,omitempty"`
	RootCause          string            `json:"root_cause,omitempty"`
	Ongoing            string            `json:"ongoing,omitempty"` // yes, no, unknown
	CrossBorder        string            `json:"cross_border,omitempty"`
	SuspectedMalicious string            `json:"suspected_malicious,omitempty"`
	Type               string            `json:"type,omitempty"` // RSIT
	Law                string            `json:"law,omitempty"`
	Stage              string            `json:"stage,omitempty"`
	Impact             map[string]string `json:"impact,omitempty"`
	Observables        []Observable      `json:"observables,omitempty"`
	Attachments        []Attachment      `json:"attachments,omitempty"`
}

// Clock is a deadline that a report started.
type Clock struct {
	Kind  string    `json:"kind"`
	Owes  string    `json:"owes"` // us, reporter
	DueAt time.Time `json:"due_at"`
}

// Received is what the reporter is told. StatusURL is shown once: keep it.
type Received struct {
	ID        string  `json:"id"`
	Reference string  `json:"reference"`
	StatusURL string  `json:"status_url"`
	Clocks    []Clock `json:"clocks"`
}

// Report is a report as the token's owner may see it.
type Report struct {
	ID          string            `json:"id"`
	Reference   string            `json:"reference"`
	State       string            `json:"state"`
	PassedOnTo  string            `json:"passed_on_to"`
	Channel     string            `json:"channel"`
	TLP         string            `json:"tlp"`
	ReceivedAt  time.Time         `json:"received_at"`
	OccurredAt  time.Time         `json:"occurred_at"`
	DetectedAt  time.Time         `json:"detected_at"`
	AwareAt     time.Time         `json:"aware_at"`
	ConcludedAt time.Time         `json:"concluded_at"`
	Withheld    bool              `json:"withheld"`
	Destroyed   bool              `json:"destroyed"`
	Summary     string            `json:"summary"`
	Description string            `json:"description"`
	Reporter    Reporter          `json:"reporter"`
	Ongoing     string            `json:"ongoing"`
	Kind        string            `json:"kind"`
	Type        string            `json:"type"`
	Fields      map[string]string `json:"fields"`
	Observables []Observable      `json:"observables"`
	Triage      *ReportTriage     `json:"triage"`
}

// ReportTriage is what the team knows of a report; nil for all others.
type ReportTriage struct {
	Reason       string           `json:"reason"`
	Note         string           `json:"note"`
	Proof        string           `json:"proof"`
	Protection   string           `json:"protection"`
	Receipt      string           `json:"receipt"`
	AnswerCame   bool             `json:"answer_came"`
	Unreadable   bool             `json:"unreadable"`
	Crime        bool             `json:"crime"` // a crime is suspected
	Lang         string           `json:"lang"`
	Organisation *OrganisationRef `json:"organisation"`
	Incidents    []string         `json:"incidents"`
	Mine         bool             `json:"mine"`
	CreatedAt    time.Time        `json:"created_at"`
	UpdatedAt    time.Time        `json:"updated_at"`
	Version      int64            `json:"version"`
	Handed       *HandedCase      `json:"handed"`
}

// HandedCase is a case that another team hands to us, in the words of its sender.
type HandedCase struct {
	ID          string       `json:"id"`
	Title       string       `json:"title"`
	Team        string       `json:"team"`
	Country     string       `json:"country"`
	Reference   string       `json:"reference"`
	TLP         string       `json:"tlp"`
	Summary     string       `json:"summary"`
	Type        string       `json:"type"`
	Severity    string       `json:"severity"`
	StartedAt   time.Time    `json:"started_at"`
	Observables []Observable `json:"observables"`
	Asked       string       `json:"asked"`
	AnswerBy    time.Time    `json:"answer_by"`
	Refused     string       `json:"refused"`
}

// OrganisationRef names an organisation.
type OrganisationRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Triage is one act of triage: accept, attach, reject, reply, pass_on, restore, not_spam, crime or no_crime.
type Triage struct {
	Action   string   `json:"action"`
	Title    string   `json:"title,omitempty"`
	Type     string   `json:"type,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Reasons  []string `json:"reasons,omitempty"`
	TLP      string   `json:"tlp,omitempty"`
	Incident string   `json:"incident,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Tell     bool     `json:"tell,omitempty"`  // reject: with the letter of the reason
	Teach    string   `json:"teach,omitempty"` // not_spam: sender, domain or ""
	To       string   `json:"to,omitempty"`
	Note     string   `json:"note,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Text     string   `json:"text,omitempty"`

	Letter *PassLetter `json:"letter,omitempty"` // pass_on: with a letter
}

// PassLetter is the letter with which a report is passed on: to an organisation of the register, by id, or to an address.
type PassLetter struct {
	Organisation string `json:"organisation,omitempty"`
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
	Lang         string `json:"lang,omitempty"`
	Note         string `json:"note,omitempty"`
	Reporter     bool   `json:"reporter,omitempty"`
	Basis        string `json:"basis,omitempty"` // consent or law: why it goes beyond AMBER
}

// Receipt is a signed receipt of a submission, 0 for the report itself.
type Receipt struct {
	Number int    `json:"number"`
	Lang   string `json:"lang"`
}

// Triaged is what became of it.
type Triaged struct {
	Report   Report    `json:"report"`
	Incident *Incident `json:"incident"`
	Message  *Message  `json:"message"`
}

// Message is one item of a thread.
type Message struct {
	ID          string       `json:"id"`
	Direction   string       `json:"direction"` // in, out
	Channel     string       `json:"channel"`
	Kind        string       `json:"kind"`
	At          time.Time    `json:"at"`
	TLP         string       `json:"tlp"`
	Withheld    bool         `json:"withheld"`
	Erased      bool         `json:"erased"`
	WithdrawnAt time.Time    `json:"withdrawn_at"`
	Subject     string       `json:"subject"`
	Text        string       `json:"text"`
	Files       []File       `json:"files"`
	Team        *MessageTeam `json:"team"`
}

// MessageTeam is what the team knows of a message; nil for all others.
type MessageTeam struct {
	State      string    `json:"state"`
	Reason     string    `json:"reason"`
	Author     string    `json:"author"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	Proof      string    `json:"proof"`
	Protection string    `json:"protection"`
	Road       string    `json:"road"`
	Signers    []string  `json:"signers"`
	SendAfter  time.Time `json:"send_after"`
	SentAt     time.Time `json:"sent_at"`
	SeenAt     time.Time `json:"seen_at"`
	Automatic  bool      `json:"automatic"`
	Released   bool      `json:"released"`
	Unreadable string    `json:"unreadable"`
}

// File is an attachment as it is kept. Name and ContentType are the sender's words.
type File struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
}

// Incident is a case.
type Incident struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"`
	State     string    `json:"state"`
	Title     string    `json:"title"`
	Summary   string    `json:"summary"`
	Type      string    `json:"type"`
	Severity  string    `json:"severity"`
	Reasons   []string  `json:"reasons"`
	National  bool      `json:"national"`
	TLP       string    `json:"tlp"`
	PAP       string    `json:"pap"`
	Mine      bool      `json:"mine"`
	Handled   bool      `json:"handled"`
	Sealed    bool      `json:"sealed"`
	Exercise  bool      `json:"exercise"`
	OpenedAt  time.Time `json:"opened_at"`
	StartedAt time.Time `json:"started_at"`
	ClosedAt  time.Time `json:"closed_at"`
	Closing   *Closing  `json:"closing"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version"`
}

// ETag gives the ETag under which a token of the team reads this version.
func (i Incident) ETag() string { return etag(i.Version) }

// NewIncident opens an incident, accepting the named reports.
type NewIncident struct {
	Title    string   `json:"title,omitempty"`
	Summary  string   `json:"summary,omitempty"`
	Type     string   `json:"type,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Reasons  []string `json:"reasons,omitempty"`
	TLP      string   `json:"tlp,omitempty"`
	PAP      string   `json:"pap,omitempty"`
	Mine     bool     `json:"mine,omitempty"`
	Exercise bool     `json:"exercise,omitempty"`
	Reports  []string `json:"reports,omitempty"`
}

// IncidentChange is a set of edits; nil fields stay.
type IncidentChange struct {
	Title    *string   `json:"title,omitempty"`
	Summary  *string   `json:"summary,omitempty"`
	Type     *string   `json:"type,omitempty"`
	State    *string   `json:"state,omitempty"`
	Severity *string   `json:"severity,omitempty"`
	Reasons  *[]string `json:"reasons,omitempty"`
	TLP      *string   `json:"tlp,omitempty"`
	PAP      *string   `json:"pap,omitempty"`
	Mine     *bool     `json:"mine,omitempty"`
}

// Closing is what closing asks for.
type Closing struct {
	Outcome      string `json:"outcome"`
	RootCause    string `json:"root_cause"`
	Impact       string `json:"impact"`
	Affected     int    `json:"affected,omitempty"`
	CrossBorder  string `json:"cross_border"`
	Report       string `json:"report"`
	TellReporter bool   `json:"tell_reporter,omitempty"`
	Note         string `json:"note,omitempty"`
}

// Task is a piece of work inside an incident.
type Task struct {
	ID     string    `json:"id,omitempty"`
	Title  string    `json:"title"`
	DueAt  time.Time `json:"due_at,omitzero"`
	DoneAt time.Time `json:"done_at,omitzero"`
	Mine   bool      `json:"mine,omitempty"`
}

// Entry is something written into the timeline.
type Entry struct {
	ID         string    `json:"id,omitempty"`
	Kind       string    `json:"kind"` // note, attack_event, event
	HappenedAt time.Time `json:"happened_at,omitzero"`
	LearntAt   time.Time `json:"learnt_at,omitzero"`
	Author     string    `json:"author,omitempty"`
	Text       string    `json:"text"`
	Withdrawn  bool      `json:"withdrawn,omitempty"`
}

// Organisation is a member of the constituency.
type Organisation struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Sector      string   `json:"sector"`
	Class       string   `json:"class"`
	Lang        string   `json:"lang"`
	Size        int      `json:"size"`
	Communities []string `json:"communities"`
	Criticality *int     `json:"criticality"`
	External    string   `json:"external"`
	Version     int64    `json:"version"`
}

// Contact is a person or desk at an organisation.
type Contact struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	Email      string    `json:"email"`
	Phone      string    `json:"phone"`
	Lang       string    `json:"lang"`
	OnCall     bool      `json:"on_call"`
	VerifiedAt time.Time `json:"verified_at"`
}

// Asset is what an organisation answers for.
type Asset struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // prefix, asn, domain, host, url
	Value     string    `json:"value"`
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until"`
	ProvedAt  time.Time `json:"proved_at"`
	ProvedHow string    `json:"proved_how"`
	EndedWhy  string    `json:"ended_why"`

	ProvedUntil time.Time `json:"proved_until"`
}

// NewAsset is an asset to be entered; the kind is told from the value when it is "".
type NewAsset struct {
	Kind  string    `json:"kind,omitempty"`
	Value string    `json:"value"`
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// Owner is who answers for something, and why: prefix, asn, url, host, domain, parent domain.
type Owner struct {
	Organisation string `json:"organisation"`
	Name         string `json:"name"`
	Why          string `json:"why"`
	Asset        Asset  `json:"asset"`
}

// Deadline is an open clock.
type Deadline struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Owes      string    `json:"owes"`
	About     string    `json:"about"`
	AboutID   string    `json:"about_id"`
	StartedAt time.Time `json:"started_at"`
	DueAt     time.Time `json:"due_at"`
	Late      bool      `json:"late"`
	Law       string    `json:"law"`
	Incident  string    `json:"incident"`
}

// Recorded is an entry of the record.
type Recorded struct {
	Number  int64     `json:"number"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Origin  string    `json:"origin"`
	Verb    string    `json:"verb"`
	Kind    string    `json:"kind"`
	Erased  bool      `json:"erased"`
	Changes []Changed `json:"changes"`
	Note    string    `json:"note"`
}

// Changed is one field that changed.
type Changed struct {
	Field string `json:"field"`
	From  any    `json:"from"`
	To    any    `json:"to"`
}

// Hold is a legal hold.
type Hold struct {
	Ref    string    `json:"ref"` // reference or number of what is held
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}
