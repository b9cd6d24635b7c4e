package desk

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/draft"
	"github.com/tocsin-csirt/tocsin/internal/core/presence"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
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
	rating "github.com/tocsin-csirt/tocsin/internal/format/severity"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pubsub"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Desk is the workbench and the duties it speaks to.
type Desk struct {
	DB             *db.DB
	Clock          clock.Clock
	Audit          *audit.Log
	Intake         *intake.Service
	Correspondence *correspondence.Service
	Incidents      *incident.Service
	Coordination   *coordination.Service
	Constituency   *constituency.Service
	Registration   *registration.Service
	Deadlines      *deadline.Service
	Drafts         *draft.Service
	Playbook       *playbook.Library
	Taxonomy       *taxonomy.Taxonomy
	Rating         *rating.Scheme
	Newest         *pubsub.Newest
	Zone           *time.Location
	Site           page.Site
	Accounts       *account.Service
	Alarms         *alarm.Service
	Retain         *retain.Service
	Watch          *alarm.Watch
	Duty           *duty.Service
	Suspicion      *suspicion.Service
	Takedown       *takedown.Service
	Presence       *presence.Service
	// TeamKeys gives the team's public certificates, newest first.
	TeamKeys func(ctx context.Context) ([]pgp.Key, error)
	// Health looks at this process and its set-up.
	Health func(ctx context.Context) []HealthLine
	// Welcome gives the address at which the owner of a link chooses a password.
	Welcome func(a account.Account, link id.Secret) string
	// Sheet makes the printed form of a case that was taken out: it is a surface of its own.
	Sheet func(p *text.Printer, c incident.Case, by access.Actor) templ.Component
	// Names gives the names of accounts, for handlers and writers.
	Names func(ctx context.Context, accounts ...int64) (map[int64]string, error)
	// Staff lists the accounts that can be handlers.
	Staff func(ctx context.Context, by access.Actor) ([]Colleague, error)
	// Still gives who a stream speaks to as they are now; an error ends it.
	Still func(r *http.Request) (access.Actor, error)

	shown sync.Map // account -> counted
}

// Colleague is somebody of the team.
type Colleague struct {
	Account int64
	Name    string
}

// Routes is the map of the workbench.
func (d *Desk) Routes() []page.Route {
	read, triage, work, send := page.Needs(access.ReadCases), page.Needs(access.Triage), page.Needs(access.WorkCases), page.Needs(access.SendOutside)
	return slices.Concat([]page.Route{
		{Pattern: "GET /desk", Need: page.SignedIn, Serve: d.home},
		{Pattern: "GET /desk/{$}", Need: page.SignedIn, Serve: d.home},
		{Pattern: "GET /desk/live", Need: read, Serve: d.live},
		{Pattern: "POST /desk/drafts/{kind}/{name}/{field}", Need: read, Serve: d.saveDraft},

		{Pattern: "GET /desk/triage", Need: read, Serve: d.triage},
		{Pattern: "GET /desk/triage/news", Need: read, Serve: d.news},
		{Pattern: "GET /desk/reports/{report}/seen", Need: read, Serve: d.reportSeen},
		{Pattern: "GET /desk/incidents/{incident}/seen", Need: read, Serve: d.incidentSeen},
		{Pattern: "POST /desk/triage/bulk", Need: triage, Serve: d.bulk},
		{Pattern: "GET /desk/reports/{report}", Need: read, Serve: d.report},
		{Pattern: "POST /desk/reports/{report}/accept", Need: triage, Serve: d.accept},
		{Pattern: "POST /desk/reports/{report}/take-over", Need: triage, Serve: d.takeOver},
		{Pattern: "POST /desk/reports/{report}/settle", Need: triage, Serve: d.settle},
		{Pattern: "POST /desk/triage/restore", Need: triage, Serve: d.restoreMany},
		{Pattern: "POST /desk/reports/{report}/attach", Need: triage, Serve: d.attach},
		{Pattern: "POST /desk/reports/{report}/reply", Need: send, Serve: d.reply},
		{Pattern: "POST /desk/reports/{report}/reject", Need: triage, Serve: d.reject},
		{Pattern: "GET /desk/reports/{report}/pass-on", Need: triage, Serve: d.passOnPage},
		{Pattern: "POST /desk/reports/{report}/pass-on", Need: triage, Serve: d.passOn},
		{Pattern: "POST /desk/reports/{report}/restore", Need: triage, Serve: d.restore},
		{Pattern: "POST /desk/reports/{report}/assign", Need: triage, Serve: d.assign},
		{Pattern: "POST /desk/reports/{report}/receipt", Need: send, Serve: d.receipt},
		{Pattern: "POST /desk/reports/{report}/crime", Need: triage, Serve: d.crime},
		{Pattern: "GET /desk/phone", Need: triage, Serve: d.phone},
		{Pattern: "POST /desk/phone", Need: triage, Serve: d.logCall},
		{Pattern: "GET /desk/reports/{report}/call", Need: triage, Serve: d.call},
		{Pattern: "POST /desk/reports/{report}/call", Need: triage, Serve: d.finishCall},
		{Pattern: "POST /desk/reports/{report}/call-back", Need: triage, Serve: d.logCallBack},

		{Pattern: "GET /desk/messages/{thread}/{message}/original", Need: read, Serve: d.original},
		{Pattern: "GET /desk/messages/{thread}/{message}/files/{file}", Need: read, Serve: d.file},
		{Pattern: "GET /desk/threads/{thread}", Need: read, Serve: d.thread},
		{Pattern: "POST /desk/messages/{message}/release", Need: triage, Serve: d.release},
		{Pattern: "POST /desk/messages/{message}/translate", Need: work, Serve: d.translate},
		{Pattern: "POST /desk/messages/{message}/take-back", Need: work, Serve: d.takeBack},

		{Pattern: "GET /desk/my", Need: read, Serve: d.my},
		{Pattern: "GET /desk/incidents", Need: read, Serve: d.incidents},
		{Pattern: "GET /desk/incidents/new", Need: work, Serve: d.newIncident},
		{Pattern: "POST /desk/incidents", Need: work, Serve: d.openIncident},
		{Pattern: "GET /desk/incidents/{incident}", Need: read, Serve: d.timeline},
		{Pattern: "GET /desk/incidents/{incident}/entries", Need: read, Serve: d.entries},
		{Pattern: "POST /desk/incidents/{incident}/write", Need: work, Serve: d.write},
		{Pattern: "POST /desk/incidents/{incident}/edit", Need: work, Serve: d.edit},
		{Pattern: "POST /desk/incidents/{incident}/undo", Need: work, Serve: d.undo},
		{Pattern: "POST /desk/incidents/{incident}/tasks", Need: work, Serve: d.addTask},
		{Pattern: "POST /desk/incidents/{incident}/tasks/{task}", Need: work, Serve: d.setTask},
		{Pattern: "GET /desk/incidents/{incident}/close", Need: page.Needs(access.Close), Serve: d.closing},
		{Pattern: "POST /desk/incidents/{incident}/close", Need: page.Needs(access.Close), Serve: d.close},
		{Pattern: "POST /desk/incidents/{incident}/reopen", Need: page.Needs(access.Close), Serve: d.reopen},

		{Pattern: "GET /desk/incidents/{incident}/parties", Need: read, Serve: d.parties},
		{Pattern: "GET /desk/incidents/{incident}/files", Need: read, Serve: d.files},
		{Pattern: "GET /desk/incidents/{incident}/measures", Need: read, Serve: d.measures},
		{Pattern: "GET /desk/incidents/{incident}/authorities", Need: read, Serve: d.authorities},
		{Pattern: "GET /desk/incidents/{incident}/report", Need: read, Serve: d.reportTab},
		{Pattern: "POST /desk/incidents/{incident}/report", Need: page.Needs(access.Export), Serve: d.takeReport},
		{Pattern: "GET /desk/incidents/{incident}/parties/add", Need: work, Serve: d.chooseParties},
		{Pattern: "POST /desk/incidents/{incident}/parties/add", Need: work, Serve: d.addParties},
		{Pattern: "GET /desk/incidents/{incident}/ask", Need: send, Serve: d.ask},
		{Pattern: "POST /desk/incidents/{incident}/ask", Need: send, Serve: d.sendAsk},
		{Pattern: "GET /desk/incidents/{incident}/chase", Need: send, Serve: d.ask},
		{Pattern: "POST /desk/incidents/{incident}/chase", Need: send, Serve: d.sendAsk},
		{Pattern: "GET /desk/parties/{party}", Need: read, Serve: d.party},
		{Pattern: "POST /desk/parties/{party}/write", Need: send, Serve: d.writeParty},
		{Pattern: "POST /desk/parties/{party}/withdraw", Need: work, Serve: d.withdrawParty},
		{Pattern: "POST /desk/parties/{party}/rest", Need: work, Serve: d.restParty},
		{Pattern: "POST /desk/measures/{measure}/move", Need: work, Serve: d.moveMeasure},
		{Pattern: "POST /desk/requests/{request}/answer", Need: work, Serve: d.answerRequest},

		{Pattern: "GET /desk/deadlines", Need: read, Serve: d.deadlines},
		{Pattern: "GET /desk/outbox", Need: read, Serve: d.outbox},
		{Pattern: "POST /desk/outbox/{message}/stop", Need: send, Serve: d.stop},
		{Pattern: "POST /desk/outbox/{message}/send", Need: send, Serve: d.sendNow},
		{Pattern: "GET /desk/search", Need: read, Serve: d.search},
		{Pattern: "GET /desk/constituency", Need: page.Needs(access.ReadRegistry), Serve: d.constituency},
		{Pattern: "GET /desk/constituency/{organisation}", Need: page.Needs(access.ReadRegistry), Serve: d.organisation},
		{Pattern: "POST /desk/contacts/{contact}/numbers", Need: page.Needs(access.WriteRegistry), Serve: d.addNumber},
		{Pattern: "POST /desk/numbers/{number}/verify", Need: page.Needs(access.WriteRegistry), Serve: d.verifyNumber},
		{Pattern: "POST /desk/numbers/{number}/retire", Need: page.Needs(access.WriteRegistry), Serve: d.retireNumber},
		{Pattern: "POST /desk/keys/{key}/approve", Need: page.Needs(access.ApproveKey), Serve: d.approveKey},
		{Pattern: "POST /desk/keys/{key}/reject", Need: page.Needs(access.ApproveKey), Serve: d.rejectKey},
	}, d.laneRoutes(), d.guardRoutes(), d.codeRoutes(), d.manyRoutes(), d.sendingRoutes(), d.dutyRoutes(), d.keepRoutes(), d.lawRoutes(), d.suspiciousRoutes(), d.registrationRoutes(), d.registryRoutes(), d.liaisonRoutes(), d.handOverRoutes(), d.meetingRoutes(), d.situationRoutes(), d.proofRoutes(), d.questionRoutes(), d.takedownRoutes(), d.matrixRoutes(), d.ladderRoutes(), d.healthRoutes(), d.differenceRoutes(), d.sharingRoutes(), d.adminRoutes())
}

func (d *Desk) home(v *page.Visit) error {
	if v.By.Can(access.ReadCases) {
		return v.See("/desk/triage")
	}
	if administers(v.By) {
		return v.See("/desk/admin")
	}
	return v.See("/desk/account") // a role that waits opens no room yet
}

// copyFile streams bytes that came from outside: never shown inline, whatever they are (rule F3).
func copyFile(v *page.Visit, name string, r io.ReadCloser, sha256 string) error {
	defer r.Close()
	h := v.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", page.Attachment(name))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-SHA256", sha256)
	_, err := io.Copy(v.W, r)
	if err != nil && v.Ctx().Err() != nil {
		return nil // the reader went away
	}
	return err
}
