package play

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// Demo passwords are random and shown in a file, so their hashes may be cheap: nobody has to be kept from guessing them.
const (
	hashMemory = 1 << 10
	hashPasses = 1
)

// enter makes the accounts of everybody who signs in, and of those who speak for their organisation in the story.
func (p *player) enter(ctx context.Context) error {
	accounts := *p.Accounts
	accounts.Hash = account.NewHasher(hashMemory, hashPasses)
	for _, x := range p.country.People {
		in := account.NewAccount{Email: x.Email, Name: x.Name, Lang: x.Lang, Roles: []access.Role{access.Role(x.Role)}, Password: password()}
		if x.Organisation != "" && ofOrganisation(x.Role) {
			in.Organisation = p.orgs[x.Organisation].UID
		}
		a, _, err := accounts.Create(ctx, sample(), in)
		if err != nil {
			return fmt.Errorf("%s: %w", x.Key, err)
		}
		by := actor(a)
		p.people[x.Key], p.uids[x.Key] = by, a.UID
		p.cast.People = append(p.cast.People, Person{Role: x.Role, Name: x.Name, Email: x.Email, Password: in.Password})
		if by.Organisation != 0 && p.voices[x.Organisation].Account == 0 {
			p.voices[x.Organisation] = by
		}
	}
	for _, o := range p.speakers() {
		if p.voices[o.Key].Account != 0 {
			continue
		}
		c := o.Contacts[0]
		a, _, err := accounts.Create(ctx, sample(), account.NewAccount{
			Email: c.Email, Name: c.Name, Lang: langOf(c, o), Organisation: p.orgs[o.Key].UID, Roles: []access.Role{access.Constituent}, Password: password(),
		})
		if err != nil {
			return fmt.Errorf("%s: %w", o.Key, err)
		}
		p.voices[o.Key] = actor(a)
	}
	return nil
}

func ofOrganisation(role string) bool { return role == "constituent" || role == "constituent_admin" }

func langOf(c country.Contact, o country.Organisation) string {
	if c.Lang != "" {
		return c.Lang
	}
	return o.Lang
}

// actor is an account as it is after signing in with two factors.
func actor(a account.Account) access.Actor {
	by := access.Actor{Account: a.ID, Name: a.Name, Origin: access.ByPage, Strength: access.TwoFactor, Lang: a.Lang, Organisation: a.Organisation}
	for _, r := range a.Roles {
		by.Roles = append(by.Roles, r.Role)
	}
	if a.Organisation != 0 {
		by.Compartments = []int64{a.Organisation}
	}
	return by
}

// speakers are the organisations that use the portal in the story: those that reported signed in, and the important ones that take part.
// The others answer by mail and by telephone.
func (p *player) speakers() []country.Organisation {
	want := map[string]bool{}
	for _, r := range p.country.Reports {
		if r.Proof == "signed_in" && r.Channel != "api" {
			want[r.Organisation] = true
		}
	}
	for _, in := range p.country.Incidents {
		for _, party := range in.Parties {
			if o, ok := p.country.Organisation(party.Organisation); ok && o.Criticality >= 2 && len(party.Measures) > 0 {
				want[o.Key] = true
			}
		}
	}
	var out []country.Organisation
	for _, o := range p.country.Organisations {
		if want[o.Key] && len(o.Contacts) > 0 && o.Contacts[0].Email != "" {
			out = append(out, o)
		}
	}
	return out
}

// The tokens of the demonstration; the machine is that of an organisation that reports by the API.
var tokens = []struct{ name, person string }{
	{"analyst", "ana"}, {"lead", "helena"}, {"reporter", "paulo"}, {"constituent", "rui"}, {"constituent_other", "sofia"}, {"admin", "tiago"},
}

const (
	machineName = "Scan reports"
	machineOf   = "harbour-observatory"
	tokenLife   = 365 * 24 * time.Hour
)

// mint makes the tokens, last, so that their life begins now.
func (p *player) mint(ctx context.Context) error {
	for _, t := range tokens {
		role := access.Role("")
		for _, x := range p.country.People {
			if x.Key == t.person {
				role = access.Role(x.Role)
			}
		}
		_, secret, err := p.Accounts.CreateToken(ctx, sample(), account.NewToken{Name: "demo " + t.name, Role: role, Owner: p.uids[t.person], Life: tokenLife})
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		p.cast.Tokens[t.name] = secret.Reveal()
	}
	return nil
}

// machine makes the token with which scan reports come, and who comes with it.
func (p *player) machine(ctx context.Context) (access.Actor, error) {
	in := account.NewToken{Name: machineName, Role: access.Machine, Life: tokenLife}
	if o, ok := p.orgs[machineOf]; ok {
		in.Organisation = o.UID
	}
	t, secret, err := p.Accounts.CreateToken(ctx, sample(), in)
	if err != nil {
		return access.Actor{}, err
	}
	p.cast.Tokens["machine"] = secret.Reveal()
	return access.Actor{
		Account: t.Account, Name: machineName, Roles: []access.Role{access.Machine}, Origin: access.ByAPI, Strength: access.Password, Organisation: p.orgs[machineOf].Ref.ID,
		Compartments: []int64{p.orgs[machineOf].Ref.ID}, Lang: "en",
	}, nil
}

const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// password draws one that a person can type: sixteen characters of 31, in fours.
func password() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	var b strings.Builder
	for i, x := range raw {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[int(x)%len(alphabet)])
	}
	return b.String()
}
