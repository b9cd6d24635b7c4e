// Package play plays the country of package country into an empty house, through the verbs that people use: what is found in it afterwards
// could have been made by hand.
//
//	play.go       House, Play: the script in the order of time
//	script.go     scenes and the clock that stands still while one of them happens
//	cast.go       accounts, passwords, tokens
//	registry.go   organisations with contacts, assets and keys
//	zone.go       the name records of the country, for sender authentication
//	mail.go       mails as they come from outside: plain, signed, encrypted, forwarded
//	report.go     reports by all channels and what was done with them
//	incident.go   incidents: timeline, tasks, states, end
//	duty.go       who is on duty, hand-overs, a page
//	suspicious.go what the public hands on, by campaign
//	party.go      parties: what each was told, asked, answered, did
//	takedown.go   what is to end on the network
//	together.go   calls, shared situations, shares, codes told by telephone
//	registration.go  entities that register themselves
//	campaign.go   one question to many, and what they answer
//
// The services of the house share one clock, which Play moves from Began before now up to now, so that creation, letters, deadlines and the
// audit record have the times of the story. Jobs are worked between the scenes (House.Work): mail is filed, letters leave and are captured.
// Play writes nothing but the database, the outbox and, for who wants to play a constituent, secret keys in House.Keys.
package play

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/draft"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// Began is how long before now the country's record begins. The team's key must be made that long ago (keyd.Generate), or it cannot have
// signed what went out since.
const Began = 100 * 24 * time.Hour

// House is what Play needs of a house. All services share Clock; none of them has workers of its own while the play goes on.
type House struct {
	DB             *db.DB
	Clock          *clock.Fake
	Accounts       *account.Service
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Coordination   *coordination.Service
	Incidents      *incident.Service
	Deadlines      *deadline.Service
	Drafts         *draft.Service
	Duty           *duty.Service
	Suspicion      *suspicion.Service
	Takedown       *takedown.Service
	Registration   *registration.Service
	TeamKey        pgp.Key                                            // to which reporters encrypt
	Work           func(ctx context.Context) (waiting int, err error) // works the jobs that are there: files mail, lets letters leave (job.ByHand)
	Tick           func(ctx context.Context) error                    // looks for deadlines that are due
	Keys           string                                             // folder for the secret keys that a person may play with; "" writes none
}

// Cast is who plays, and what to sign in with.
type Cast struct {
	People []Person
	Tokens map[string]string // by name: analyst, lead, reporter, constituent, constituent_other, admin, machine
	Intake string            // where reports are mailed
	Keys   []string          // files with secret keys, named by their address
}

// Person is somebody who signs in.
type Person struct {
	Role, Name, Email, Password string
}

// player is a play under way.
type player struct {
	House
	country country.Country
	now     time.Time
	script  []scene

	cast      Cast
	people    map[string]access.Actor // of the team and others, by key
	uids      map[string]string       // of their accounts
	voices    map[string]access.Actor // who speaks for an organisation in the portal
	orgs      map[string]constituency.Organisation
	contacts  map[string]constituency.Contact // by address
	secrets   map[string]*keyd.Secret         // by address
	reports   map[string]*told
	incidents map[string]*worked
	parts     map[string]*part // by incident/organisation
}

// Play plays the country into an empty house so that it is now there. It takes a few seconds.
func Play(ctx context.Context, h House, now time.Time) (Cast, error) {
	p := &player{
		House: h, country: country.New(), now: now.UTC().Truncate(time.Second), people: map[string]access.Actor{}, uids: map[string]string{},
		voices: map[string]access.Actor{}, orgs: map[string]constituency.Organisation{}, contacts: map[string]constituency.Contact{},
		secrets: map[string]*keyd.Secret{}, reports: map[string]*told{}, incidents: map[string]*worked{}, parts: map[string]*part{},
	}
	p.cast = Cast{Intake: p.country.Team.Intake, Tokens: map[string]string{}}
	p.Clock.Set(p.now.Add(-Began))
	keys := p.makeKeys()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"constituency", p.register},
		{"accounts", p.enter},
		{"roster", p.plan},
		{"keys", func(ctx context.Context) error { return p.approveKeys(ctx, keys) }},
	} {
		if err := step.do(ctx); err != nil {
			return Cast{}, fmt.Errorf("play %s: %w", step.name, err)
		}
	}
	for _, r := range p.country.Reports {
		p.writeReport(r)
	}
	for _, in := range p.country.Incidents {
		p.writeIncident(in)
	}
	p.writeCampaign(p.country.Campaign)
	p.writeDuty()
	p.writeSuspicious()
	p.writeTakeDown()
	p.writeRegistrations()
	p.writeTogether()
	if err := p.perform(ctx); err != nil {
		return Cast{}, err
	}
	p.Clock.Set(p.now)
	if err := p.mint(ctx); err != nil {
		return Cast{}, fmt.Errorf("play tokens: %w", err)
	}
	return p.cast, p.exportKeys()
}
