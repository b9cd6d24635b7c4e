package portal

import (
	"net/http"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Deps is what the pages lean on.
type Deps struct {
	DB             *db.DB
	Constituency   *constituency.Service
	Registration   *registration.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Coordination   *coordination.Service
	Deadlines      *deadline.Service
	Accounts       *account.Service
	Once           *once.Keeper // nil lets a form that is sent twice act twice
	// Around gives what stands around every page of this deployment: site, links of head and foot, theme. Title and Now are filled here.
	Around func(v *page.Visit) page.PublicView
}

// Routes gives every page of the portal.
func Routes(d Deps) []page.Route {
	own, registry, keeper := page.Needs(access.OwnCases), page.Needs(access.OwnRegistry), page.Needs(access.OwnPeople)
	get := func(path string, need page.Need, serve func(*page.Visit) error) page.Route {
		return page.Route{Pattern: "GET " + path, Need: need, Serve: serve}
	}
	post := func(path string, need page.Need, serve func(*page.Visit) error) page.Route {
		return page.Route{Pattern: "POST " + path, Need: need, MaxBody: page.MaxForm, Serve: d.once(serve)}
	}
	return []page.Route{
		get("/portal", page.SignedIn, home),
		get("/portal/{$}", own, d.overview),
		get("/portal/reports", own, d.reports),
		get("/portal/reports/new", own, d.newReport),
		post("/portal/reports/new", own, d.sendReport),
		get("/portal/reports/{report}", own, d.report),
		post("/portal/reports/{report}", own, d.addToReport),
		get("/portal/reports/{report}/receipts/{number}", own, d.sheet),
		post("/portal/reports/{report}/receipts", own, d.askSheet),
		get("/portal/reports/{report}/deadlines.ics", own, d.calendar),
		get("/portal/stages", own, d.cases),
		get("/portal/stages/{obligation}", own, d.oneCase),
		get("/portal/stages/{obligation}/file", own, d.stageForm),
		post("/portal/stages/{obligation}/file", own, d.fileStage),
		get("/portal/vouches/{vouch}", own, d.vouch),
		post("/portal/vouches/{vouch}", own, d.answerVouch),
		get("/portal/passed", own, d.passed),
		get("/portal/passed/{forward}", own, d.passedOne),
		post("/portal/passed/{forward}", own, d.confirmPassed),
		get("/portal/requests", own, d.requests),
		get("/portal/requests/{request}", own, d.request),
		post("/portal/requests/{request}", own, d.answer),
		post("/portal/requests/{request}/questions", own, d.answerQuestions),
		get("/portal/measures", own, d.measures),
		get("/portal/measures/{measure}", own, d.measure),
		post("/portal/measures/{measure}", own, d.move),
		get("/portal/messages", own, d.messages),
		get("/portal/messages/{party}", own, d.thread),
		post("/portal/messages/{party}", own, d.writeMessage),
		get("/portal/files/{thread}/{message}/{file}", own, d.file),
		get("/portal/documents", own, d.documents),
		get("/portal/documents/{matter}/{document}", own, d.document),
		get("/portal/documents/{matter}/{document}/text", own, d.documentText),
		get("/portal/reach", own, d.standing),
		post("/portal/reach", keeper, d.sayStanding),
		get("/portal/reach/{thread}", own, d.reach),
		post("/portal/reach/{thread}", own, d.sayReach),
		get("/portal/assets", registry, d.assets),
		get("/portal/assets/new", registry, d.newAsset),
		post("/portal/assets/new", registry, d.claim),
		get("/portal/assets/{asset}", registry, d.asset),
		post("/portal/assets/{asset}/prove", registry, d.proveAsset),
		get("/portal/proofs/{proof}", registry, d.proof),
		post("/portal/proofs/{proof}/look", registry, d.lookNow),
		post("/portal/proofs/{proof}/code", registry, d.giveCode),
		post("/portal/proofs/{proof}/withdraw", registry, d.withdrawProof),
		get("/portal/organisation", registry, d.organisation),
		post("/portal/organisation/confirm", registry, d.confirm),
		get("/portal/organisation/change", registry, d.change),
		post("/portal/organisation/change", registry, d.propose),
		get("/portal/organisation/key", registry, d.offer),
		post("/portal/organisation/key", registry, d.offerKey),
		get("/portal/registration", registry, d.registration),
		get("/portal/registration/form", registry, d.registrationForm),
		post("/portal/registration/form", registry, d.sendRegistration),
		post("/portal/registration/answer", registry, d.answerRegistration),
		get("/portal/people", keeper, d.people),
		get("/portal/people/invite", keeper, d.inviteForm),
		post("/portal/people/invite", keeper, d.invite),
		post("/portal/people/rule", keeper, d.require),
		get("/portal/people/keys", keeper, d.keys),
		post("/portal/people/keys", keeper, d.makeKey),
		get("/portal/people/keys/new", keeper, d.newKey),
		post("/portal/people/keys/{apikey}/end", keeper, d.endKey),
		get("/portal/people/activity", keeper, d.activity),
		get("/portal/people/activity/csv", keeper, d.activityCSV),
		get("/portal/people/{member}", keeper, d.person),
		post("/portal/people/{member}/again", keeper, d.inviteAgain),
		post("/portal/people/{member}/withdraw", keeper, d.withdraw),
		post("/portal/people/{member}/role", keeper, d.setRole),
		post("/portal/people/{member}/password", keeper, d.resetPassword),
		post("/portal/people/{member}/factor", keeper, d.resetFactor),
		post("/portal/people/{member}/sessions", keeper, d.endSessions),
		get("/portal/people/{member}/remove", keeper, d.leaving),
		post("/portal/people/{member}/remove", keeper, d.remove),
	}
}

func home(v *page.Visit) error {
	http.Redirect(v.W, v.R, "/portal/", http.StatusSeeOther)
	return nil
}
