// Package app builds the house from its configuration: every duty once, in the order in which they stand on each other, then the surfaces
// above them; it starts the parts of a role in order and stops them in reverse.
//
//	team.go      who we are: the profile and the published keys
//	keys.go      the key process
//	house.go     the duties
//	serve.go     the roles and their parts
//	web.go       the listeners and what each serves
package app

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/calendar"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/draft"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/presence"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/format/severity"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/format/teams"
	"github.com/tocsin-csirt/tocsin/internal/kit/blob"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
	"github.com/tocsin-csirt/tocsin/internal/kit/pubsub"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// House is every duty of one process.
type House struct {
	Config  conf.Config
	Profile Profile
	Log     *slog.Logger
	Clock   clock.Clock

	DB        *db.DB
	Ring      *keyring.Ring
	Blobs     blob.Store
	Registry  *job.Registry
	Jobs      *job.Queue
	Audit     *audit.Log
	Sequencer *audit.Sequencer
	Verifier  note.Verifier
	Newest    *pubsub.Newest
	Text      *text.Catalogue
	Taxonomy  *taxonomy.Taxonomy
	Rating    *severity.Scheme
	Calendar  *calendar.Calendar

	Egress    *egress.Gate
	Alarms    *alarm.Service
	Watch     *alarm.Watch
	Accounts  *account.Service
	Deadlines *deadline.Service
	Drafts    *draft.Service
	Retain    *retain.Service
	Search    *search.Index

	Constituency   *constituency.Service
	Playbook       *playbook.Library
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Presence       *presence.Service
	Coordination   *coordination.Service
	Registration   *registration.Service
	Takedown       *takedown.Service
	Incidents      *incident.Service
	Duty           *duty.Service
	Suspicion      *suspicion.Service

	// DNS answers for sender authentication; nil asks the system's resolver.
	DNS auth.Resolver
	// Trusted are networks whose mail is not limited by number: our own relay, and this machine in a demonstration.
	Trusted []netip.Prefix

	outbox   send.Transport // of the newest postman
	diskFree func(dir string) (free, total uint64, ok bool)

	drops    chan struct{}
	lately   lately
	listened atomic.Int64 // when channels were looked at last
	close    []func()
}

// Open builds the house on its database, migrated. It starts nothing.
func Open(ctx context.Context, c conf.Config, log *slog.Logger) (*House, error) {
	h := &House{Config: c, Log: log, Clock: clock.System(), Registry: job.NewRegistry(), drops: make(chan struct{}, 1), diskFree: diskFree}
	if err := h.open(ctx); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close releases what Open took.
func (h *House) Close() {
	for i := len(h.close) - 1; i >= 0; i-- {
		h.close[i]()
	}
	h.close = nil
}

// Lastly has something done before what Open took is released.
func (h *House) Lastly(do func()) { h.close = append(h.close, do) }

func (h *House) open(ctx context.Context) error {
	c := h.Config
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	root, err := keyring.MakeRoot(c.RootKeyFile())
	if err != nil {
		return err
	}
	if h.Ring, err = keyring.New(root); err != nil {
		return err
	}
	h.DB, err = db.Open(ctx, db.Config{URL: c.Database.Reveal(), Path: databaseFile(c), Free: func() (free, total uint64, ok bool) { return h.diskFree(c.Data) }})
	if err != nil {
		return err
	}
	h.close = append(h.close, h.DB.Close)
	if err := schema.Migrate(ctx, h.DB); err != nil {
		return err
	}
	blobs, err := blob.NewFolder(filepath.Join(c.Data, "blobs"), h.Ring.Derive("blob names/v1"))
	if err != nil {
		return err
	}
	h.close = append(h.close, func() { _ = blobs.Close() })
	h.Blobs = blobs
	if h.Text, err = text.Load(); err != nil {
		return err
	}
	if h.Playbook, err = playbook.New(); err != nil {
		return err
	}
	if h.Profile, err = profile(ctx, h.DB); err != nil {
		return err
	}
	return h.duties()
}

// profile reads the profile; before init there is none, and the house still opens for init itself.
func profile(ctx context.Context, d *db.DB) (Profile, error) {
	p, err := ReadProfile(ctx, d)
	if err != nil && p.Address == "" {
		return Profile{Name: "Tocsin", Lang: "en"}, nil //nolint:nilerr // not set up yet
	}
	return p, err
}

func (h *House) duties() error {
	signer, verifier, err := audit.SignerOf(h.Ring.Derive(CheckpointPurpose))
	if err != nil {
		return err
	}
	if h.Verifier, err = note.NewVerifier(verifier); err != nil {
		return err
	}
	if h.Jobs, err = job.New(h.DB, h.Registry, nil, h.Log); err != nil {
		return err
	}
	h.Newest = pubsub.NewNewest(0)
	h.Sequencer = &audit.Sequencer{DB: h.DB, Clock: h.Clock, Signer: signer, Log: h.Log, Notify: h.notify}
	h.Audit = &audit.Log{Ring: h.Ring, Wake: h.Sequencer.Wake}
	h.Alarms = &alarm.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	h.Watch = &alarm.Watch{Alarms: h.Alarms}
	h.Egress = &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring}
	h.Search = search.New(h.Ring)
	h.Drafts = &draft.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring}
	h.Retain = &retain.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	h.Deadlines = &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
	h.Constituency = &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs}
	h.Accounts = &account.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Hash: account.NewHasher(64<<10, 3), Issuer: h.Profile.Name, Sites: map[account.Door]string{account.Desk: h.deskURL(), account.Portal: h.portalURL()}, Elsewhere: openid.New(fetch.New(fetch.Config{Exit: h.Config.ExitURL(), Inside: h.Config.InsideNetworks()}), h.Clock.Now)}
	h.Correspondence = &correspondence.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Egress: h.Egress, Constituency: h.Constituency,
		Text: h.Text, Alarms: h.Alarms, Hold: 20 * time.Second, Team: correspondence.Team{
			Name: h.Profile.Name, Address: h.Profile.Address, Suspicious: h.Profile.Public, Phone: h.Profile.Phone, URL: h.publicURL(), Desk: h.deskURL(), Portal: h.portalURL(), Zone: h.Config.Location(),
		},
	}
	h.Constituency.Names, h.Constituency.Files = h.names(), fetch.New(fetch.Config{Exit: h.Config.ExitURL(), Inside: h.Config.InsideNetworks()})
	if h.Constituency.Teams, err = teams.New(); err != nil {
		return err
	}
	h.Constituency.Registries = h.registries()
	h.Constituency.SendCode = func(ctx context.Context, tx *db.Tx, l constituency.Letter) (string, error) {
		return h.Correspondence.CodeTx(ctx, tx, l.Organisation, l.To, l.Lang, l.Code)
	}
	h.Constituency.SendAsk = func(ctx context.Context, tx *db.Tx, l constituency.AskLetter) (bool, error) {
		return h.Correspondence.ConfirmTx(ctx, tx, l.Organisation, correspondence.Correspondent{Name: l.To.Name, Email: l.To.Email, Lang: l.Lang}, l.DueAt, l.Again)
	}
	if h.Calendar, err = calendarOf(h.Profile, h.Config); err != nil {
		return err
	}
	laws, err := law.New()
	if err != nil {
		return err
	}
	h.Presence = &presence.Service{DB: h.DB, Clock: h.Clock}
	h.Intake = &intake.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Words: search.NewTexts(h.Ring), Constituency: h.Constituency, Correspondence: h.Correspondence, Deadlines: h.Deadlines,
		Answer: h.answerParty, Who: h.Accounts.Acting, AttachTo: h.attachTo, DetachFrom: h.detachFrom, Calendar: h.Calendar, Laws: laws, Country: h.Profile.Country, Portal: h.portalURL(),
	}
	h.Correspondence.Adds = h.Intake.PoliceTx
	h.Suspicion = &suspicion.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Text: h.Text, Lang: h.Profile.Lang, Constituency: h.Constituency,
		Correspondence: h.Correspondence, Intake: h.Intake,
	}
	h.Intake.Suspicion = h.Suspicion.FromForm
	h.Coordination = &coordination.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Constituency: h.Constituency, Correspondence: h.Correspondence, Deadlines: h.Deadlines,
		Search: h.Search, Library: advice{h.Playbook}, Texts: h.Text, Who: h.Accounts.Acting, Opening: advice{h.Playbook}.opening, Country: h.Profile.Country, Working: h.Calendar.AddBusiness, ForHandler: h.partyTask,
	}
	h.Constituency.Silence = h.Coordination.SilentSince
	h.openTakedown()
	h.Correspondence.Follow = followers{h.Coordination, h.Intake, h.Takedown, h.tellNews}
	h.Coordination.Late = h.tellLate
	h.Accounts.Post, h.Correspondence.Opening = h.postLink, h.opening
	h.Alarms.Tell = h.tellAlarm
	types, err := taxonomy.New()
	if err != nil {
		return err
	}
	h.Taxonomy = types
	h.Intake.TypeKnown = types.Known
	if h.Rating, err = severity.New(); err != nil {
		return err
	}
	h.Incidents = &incident.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Constituency: h.Constituency, Correspondence: h.Correspondence,
		Intake: h.Intake, Coordination: h.Coordination, Takedown: h.Takedown, Deadlines: h.Deadlines, Search: h.Search,
		TypeKnown: types.Known, Zone: h.Config.Location(), Lang: h.Profile.Lang, Alarms: h.Alarms,
		Staff: func(ctx context.Context) ([]int64, error) { return h.Accounts.StaffIDs(ctx, h.DB) },
	}
	h.Coordination.Rests, h.Coordination.Severity = h.Incidents.Rests, h.Incidents.SeverityOf
	h.Coordination.Task, h.Coordination.NewTask = h.taskFor, h.newTask
	h.Coordination.Entry, h.Coordination.Reported = h.Incidents.EntryText, h.reportedIn
	h.Coordination.Tells = h.Incidents.Tells
	annexes, err := scope.Load()
	if err != nil {
		return err
	}
	h.Registration = &registration.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Annexes: annexes, Constituency: h.Constituency, Correspondence: h.Correspondence, Intake: h.Intake, Deadlines: h.Deadlines,
		Accounts: h.Accounts,
	}
	h.Intake.Registered, h.Intake.Linked = h.Registration.FromBox, h.byCode
	return h.openDuty()
}

// byCode takes what came with a code: about a registration, or a letter of ours.
func (h *House) byCode(ctx context.Context, hash, reply []byte, at time.Time, also func(ctx context.Context, tx *db.Tx) error) error {
	ours, err := h.Registration.FromCode(ctx, hash, reply, at, also)
	if ours || err != nil {
		return err
	}
	return h.Coordination.FromLink(ctx, hash, reply, at, also)
}

// taskFor leaves a task with the incident of a party that asks for help, or says that what we wrote about is not its own.
func (h *House) taskFor(ctx context.Context, tx *db.Tx, p coordination.Party, act coordination.LinkAct) error {
	words := h.Text.For(text.Lang(h.Profile.Lang))
	title := words.T("desk.task.not_ours", "party", p.Name)
	if act == coordination.ActHelp {
		title = words.T("desk.task.help", "party", p.Name)
	}
	_, err := h.Incidents.TaskTx(ctx, tx, access.System("clocks"), p.Subject.ID, incident.Task{Title: title})
	return err
}

// partyTask leaves a task with the incident of a party for what the program cannot decide.
func (h *House) partyTask(ctx context.Context, tx *db.Tx, p coordination.Party, what coordination.PartyTask) error {
	words := h.Text.For(text.Lang(h.Profile.Lang))
	title := map[coordination.PartyTask]string{
		coordination.TaskConfirm: "desk.task.ladder_confirm", coordination.TaskTop: "desk.task.ladder_top",
		coordination.TaskExpired: "desk.task.measure_expired", coordination.TaskCheck: "desk.task.measure_check",
	}[what]
	_, err := h.Incidents.TaskTx(ctx, tx, access.System("clocks"), p.Subject.ID, incident.Task{Title: words.T(title, "party", p.Name)})
	return err
}

// newTask adds a task that somebody set for the handler of an incident.
func (h *House) newTask(ctx context.Context, tx *db.Tx, by access.Actor, subject ref.Ref, title string, due time.Time) (string, error) {
	t, err := h.Incidents.TaskTx(ctx, tx, by, subject.ID, incident.Task{Title: title, DueAt: due})
	return t.UID, err
}

// reportedIn gives the threads of the reports of an incident, as far as the actor may see them.
func (h *House) reportedIn(ctx context.Context, at db.Handle, by access.Actor, subject ref.Ref) ([]int64, error) {
	reports, err := h.Intake.ReportsIn(ctx, at, by, subject.ID)
	out := make([]int64, len(reports))
	for i, r := range reports {
		out[i] = r.Thread
	}
	return out, err
}

// attachTo attaches reports to an incident, for rules and runs of triage.
func (h *House) attachTo(ctx context.Context, by access.Actor, incident string, reports []string) error {
	_, err := h.Incidents.Attach(ctx, by, incident, reports)
	return err
}

func (h *House) detachFrom(ctx context.Context, by access.Actor, incident string, reports []string) error {
	_, err := h.Incidents.Detach(ctx, by, incident, reports...)
	return err
}

// answerParty files what comes on a thread that went on as a party's: coordination takes it before intake does.
func (h *House) answerParty(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, in correspondence.Incoming) (correspondence.Message, bool, error) {
	p, err := h.Coordination.PartyOfThread(ctx, tx, thread)
	if errs.Is(err, errs.NotFound) {
		return correspondence.Message{}, false, nil
	}
	if err != nil {
		return correspondence.Message{}, false, err
	}
	m, err := h.Coordination.AnswerTx(ctx, tx, by, p, in)
	return m, true, err
}

// followers hear what became of letters: coordination of all, intake of those that a person stopped, people of organisations of those that left for theirs.
type followers struct {
	*coordination.Service
	intake *intake.Service
	ending *takedown.Service
	news   func(ctx context.Context, tx *db.Tx, m correspondence.Message) error
}

func (f followers) MessageSentTx(ctx context.Context, tx *db.Tx, m correspondence.Message, at time.Time) error {
	if err := f.Service.MessageSentTx(ctx, tx, m, at); err != nil {
		return err
	}
	if err := f.ending.MessageSentTx(ctx, tx, m, at); err != nil {
		return err
	}
	return f.news(ctx, tx, m)
}

func (f followers) MessageStoppedTx(ctx context.Context, tx *db.Tx, by access.Actor, m correspondence.Message) error {
	if err := f.Service.MessageStoppedTx(ctx, tx, by, m); err != nil {
		return err
	}
	return f.intake.MessageStoppedTx(ctx, tx, by, m)
}

// advice is the library of the playbook as coordination asks for it.
type advice struct{ *playbook.Library }

func (a advice) Advice(_ context.Context, _ db.Handle, code, lang string) (coordination.Advice, error) {
	r, err := a.Recommendation(code, lang)
	return coordination.Advice{Code: r.Code, Revision: r.Version, Title: r.Title, Text: r.Text}, err
}

// opening begins a letter to an authority, a team or a supplier with the words of the playbook.
func (a advice) opening(kind constituency.LiaisonKind, lang, name string) (subject, words string, ok bool) {
	t, err := a.Template(playbook.To(string(kind)), lang)
	if err != nil {
		return "", "", false
	}
	subject, words, err = t.Fill(map[string]string{"name": strings.Join(strings.Fields(name), " ")})
	return subject, words, err == nil
}

func (h *House) publicURL() string { return h.Config.PublicURL() }

// notify tells this process and the others that the record has grown.
func (h *House) notify(seq int64) {
	h.Newest.Set(seq)
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	if err := pubsub.Tell(ctx, h.DB, seq); err != nil {
		h.Log.Warn("other processes were not told of new entries", "error", err)
	}
}

// deskURL is where the team signs in.
func (h *House) deskURL() string {
	if u := h.Config.Desk().URL; u != nil {
		return u.Scheme + "://" + u.Host
	}
	return h.publicURL()
}

// portalURL is where constituents sign in.
func (h *House) portalURL() string {
	if u := h.Config.Portal().URL; u != nil {
		return u.Scheme + "://" + u.Host
	}
	return h.publicURL()
}

// calendarOf is the calendar of the team's country, or one without holidays.
func calendarOf(p Profile, c conf.Config) (*calendar.Calendar, error) {
	hours, err := calendar.For(strings.ToLower(p.Country), c.Location())
	if err != nil {
		hours, err = calendar.For("", c.Location())
	}
	return &hours, err
}
