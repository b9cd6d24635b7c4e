package constituency_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
)

const day = 24 * time.Hour

// outside is what stands out there: records, files, and the letters that we wrote.
type outside struct {
	auth.Zone
	files   map[string]string
	down    bool
	letters []constituency.Letter
}

func (o *outside) TXT(ctx context.Context, name string) ([]string, error) {
	if o.down {
		return nil, errs.New(errs.Unavailable, "name server did not answer")
	}
	return o.Zone.TXT(ctx, name)
}

func (o *outside) Get(_ context.Context, address string, _ int) (int, []byte, error) {
	if o.down {
		return 0, nil, errors.New("the host did not answer in time")
	}
	if body, ok := o.files[address]; ok {
		return 200, []byte(body), nil
	}
	return 404, []byte("tocsin-challenge=nothing"), nil
}

// proving is a country whose members prove what is theirs.
func proving(t *testing.T, story func(ctx context.Context, c *country, o *outside)) {
	engines(t, func(ctx context.Context, c *country) {
		o := &outside{Zone: auth.Zone{Texts: map[string][]string{}}, files: map[string]string{}}
		c.s.Names, c.s.Files = o, o
		c.s.SendCode = func(_ context.Context, _ *db.Tx, l constituency.Letter) (string, error) {
			o.letters = append(o.letters, l)
			return "letter", nil
		}
		story(ctx, c, o)
	})
}

func (c *country) claim(ctx context.Context, by access.Actor, o constituency.Organisation, in constituency.Claim) constituency.Proof {
	c.Helper()
	p, err := c.s.Claim(ctx, by, o.UID, in)
	if err != nil {
		c.Fatalf("%+v: %v", in, err)
	}
	return p
}

func (c *country) owner(ctx context.Context, what string) string {
	c.Helper()
	list, err := c.s.Owners(ctx, c.DB, c.analyst, what, time.Time{})
	if err != nil {
		c.Fatal(err)
	}
	if len(list) == 0 {
		return ""
	}
	return list[0].Organisation.Name
}

func (c *country) look(ctx context.Context) {
	c.Helper()
	if err := errors.Join(c.s.Look(ctx), c.s.EndProofs(ctx)); err != nil {
		c.Fatal(err)
	}
}

func (c *country) state(ctx context.Context, p constituency.Proof) constituency.Proof {
	c.Helper()
	is, err := c.s.Proof(ctx, c.DB, c.analyst, p.UID)
	if err != nil {
		c.Fatal(err)
	}
	return is
}

// A water company says that a domain is its own. Nobody answers for it until the record stands; then it does, for a year, and on as long as the record is
// found before that is over. When it went, the asset stays and is not proved.
func TestARecordProvesForAYear(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, out *outside) {
		water := c.organisation(ctx, "Águas")
		eva := c.Constituent(10, "Eva", water.Ref.ID)
		p := c.claim(ctx, eva, water, constituency.Claim{Value: "Agua.example.", Way: constituency.ByDNS})
		if p.Place != "_tocsin-challenge.agua.example" || p.State != constituency.ProofWaiting || c.owner(ctx, "www.agua.example") != "" {
			t.Fatalf("claimed: %+v, %q answers", p, c.owner(ctx, "www.agua.example"))
		}
		if _, err := c.s.Claim(ctx, eva, water.UID, constituency.Claim{Value: "agua.example", Way: constituency.ByDNS}); !errs.Is(err, errs.Invalid) {
			t.Errorf("claimed twice: %v", err)
		}
		seen := func(want string) {
			t.Helper()
			c.Clock.Advance(13 * time.Hour)
			c.look(ctx)
			if is := c.state(ctx, p); is.Said != want || is.State != constituency.ProofWaiting || is.LookedAt.IsZero() {
				t.Errorf("looked: %s, %s; want %s", is.State, is.Said, want)
			}
		}
		seen(constituency.SaidAbsent)
		out.Texts[p.Place] = []string{"v=spf1 -all", "tocsin-challenge=" + strings.Repeat("0", 26), p.Token}
		seen(constituency.SaidOther)
		out.down = true
		seen(constituency.SaidSilent)
		out.down = false
		out.Texts[p.Place] = []string{"other", p.Line()}
		if err := c.s.LookNow(ctx, eva, p.UID); err != nil {
			t.Fatal(err)
		}
		c.look(ctx) // a minute has not gone by since the last look: nothing is asked yet
		c.Clock.Advance(13 * time.Hour)
		c.look(ctx)
		is := c.state(ctx, p)
		if is.State != constituency.ProofProved || is.Asset == 0 || c.owner(ctx, "www.agua.example") != "Águas" || is.Until.Sub(c.Clock.Now()) != constituency.ProofHolds {
			t.Fatalf("proved: %+v, %q answers", is, c.owner(ctx, "www.agua.example"))
		}
		c.Clock.Advance(340 * day)
		c.look(ctx)
		if is = c.state(ctx, p); is.Until.Sub(c.Clock.Now()) != constituency.ProofHolds {
			t.Errorf("found again: until %v", is.Until)
		}
		delete(out.Texts, p.Place)
		c.Clock.Advance(340 * day)
		c.look(ctx)
		if is = c.state(ctx, p); is.State != constituency.ProofProved || is.Said != constituency.SaidAbsent {
			t.Errorf("gone before its end: %s, %s", is.State, is.Said)
		}
		c.Clock.Advance(30 * day)
		c.look(ctx)
		list, err := c.s.Assets(ctx, c.DB, water.Ref.ID)
		if is = c.state(ctx, p); is.State != constituency.ProofLapsed || err != nil || len(list) != 1 || !list[0].ProvedAt.IsZero() || c.owner(ctx, "agua.example") != "Águas" {
			t.Errorf("lapsed: %s, %+v, %v", is.State, list, err)
		}
	})
}

// What nobody proves in time fails; a file proves a host and not a domain; a network is proved in its own zone of the name system.
func TestWhereEachKindIsProved(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, out *outside) {
		bank := c.organisation(ctx, "Bank")
		eva := c.Constituent(10, "Eva", bank.Ref.ID)
		for value, want := range map[string]string{
			"192.0.2.0/24": "_tocsin-challenge.2.0.192.in-addr.arpa", "192.0.2.7": "_tocsin-challenge.7.2.0.192.in-addr.arpa", "2001:db8:a::/48": "_tocsin-challenge.a.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		} {
			p := c.claim(ctx, eva, bank, constituency.Claim{Value: value, Way: constituency.ByDNS})
			if p.Place != want {
				t.Errorf("%s is proved at %s", value, p.Place)
			}
			out.Texts[p.Place] = []string{p.Line()}
		}
		for value, way := range map[string]constituency.Way{"192.0.0.0/22": constituency.ByDNS, "AS64500": constituency.ByDNS, "bank.example": constituency.ByFile, "198.51.100.0/24": constituency.ByMail} {
			if _, err := c.s.Claim(ctx, eva, bank.UID, constituency.Claim{Value: value, Way: way}); !errs.Is(err, errs.Invalid) {
				t.Errorf("%s by %s: %v", value, way, err)
			}
		}
		host := c.claim(ctx, eva, bank, constituency.Claim{Kind: "host", Value: "www.bank.example", Way: constituency.ByFile})
		shop := c.claim(ctx, eva, bank, constituency.Claim{Value: "https://mall.example/bank/", Way: constituency.ByFile})
		out.files[host.Place], out.files["https://mall.example/.well-known/tocsin-challenge"] = "hello\r\n"+host.Line()+"\r\n", shop.Line()[:30]
		c.Clock.Advance(time.Hour)
		c.look(ctx)
		if got := []string{c.owner(ctx, "192.0.2.7"), c.owner(ctx, "2001:db8:a::1"), c.owner(ctx, "www.bank.example"), c.owner(ctx, "bank.example"), c.owner(ctx, "https://mall.example/bank/x")}; !slices.Equal(got, []string{"Bank", "Bank", "Bank", "", ""}) {
			t.Errorf("who answers: %q", got)
		}
		c.Clock.Advance(20 * day)
		c.look(ctx)
		if is := c.state(ctx, shop); is.State != constituency.ProofFailed || is.Said != constituency.SaidOther || !is.LookAt.IsZero() {
			t.Errorf("not proved in time: %+v", is)
		}
	})
}

// A code goes to a role of the domain and to no other address; who types it reads the domain's mail. Ten wrong ones end it, and no colleague of another
// organisation types it.
func TestACodeByMail(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, out *outside) {
		town, other := c.organisation(ctx, "Town"), c.organisation(ctx, "Other")
		eva, tom := c.Constituent(10, "Eva", town.Ref.ID), c.Constituent(11, "Tom", other.Ref.ID)
		in := constituency.Claim{Value: "town.example", Way: constituency.ByMail, Role: "hostmaster"}
		for _, role := range []string{"", "eva", "postmaster@elsewhere.example,security", "security\r\nBcc: x@x.example"} {
			bad := in
			bad.Role = role
			if _, err := c.s.Claim(ctx, eva, town.UID, bad); !errs.Is(err, errs.Invalid) {
				t.Errorf("to %q: %v", role, err)
			}
		}
		p := c.claim(ctx, eva, town, in)
		if len(out.letters) != 1 || out.letters[0].To != "hostmaster@town.example" || p.Token != "" {
			t.Fatalf("%+v", out.letters)
		}
		code := out.letters[0].Code
		if _, err := c.s.GiveCode(ctx, tom, p.UID, code); !errs.Is(err, errs.NotFound) {
			t.Errorf("another organisation: %v", err)
		}
		if _, err := c.s.GiveCode(ctx, c.analyst, p.UID, code); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an analyst: %v", err)
		}
		if _, err := c.s.GiveCode(ctx, eva, p.UID, "00000-00000"); !errs.Is(err, errs.Invalid) {
			t.Errorf("wrong: %v", err)
		}
		is, err := c.s.GiveCode(ctx, eva, p.UID, " "+strings.ToLower(strings.Replace(code, "-", " ", 1)))
		if err != nil || is.State != constituency.ProofProved || is.DecidedBy != 10 || c.owner(ctx, "town.example") != "Town" {
			t.Errorf("typed: %+v, %v", is, err)
		}
		if _, err := c.s.GiveCode(ctx, eva, p.UID, code); !errs.Is(err, errs.Conflict) {
			t.Errorf("typed twice: %v", err)
		}
		in.Value = "guess.example"
		g := c.claim(ctx, eva, town, in)
		for range 10 {
			_, _ = c.s.GiveCode(ctx, eva, g.UID, "11111-11111")
		}
		if _, err := c.s.GiveCode(ctx, eva, g.UID, out.letters[1].Code); !errs.Is(err, errs.Conflict) || c.state(ctx, g).State != constituency.ProofFailed {
			t.Errorf("after ten wrong ones: %v", err)
		}
		many := 0
		for i := range 20 {
			if _, err := c.s.Claim(ctx, eva, town.UID, constituency.Claim{Value: "n" + string(rune('a'+i)) + ".example", Way: constituency.ByMail, Role: "abuse"}); errs.Is(err, errs.Limit) {
				many++
			}
		}
		if many != 12 || len(out.letters) != 10 {
			t.Errorf("%d of 20 refused, %d letters", many, len(out.letters))
		}
	})
}

// The object of a registry is judged by a person of ours, who gives the reason; what was refused is not proved, and only the organisation and the team read it.
func TestAPersonJudgesARegistry(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, _ *outside) {
		isp, other := c.organisation(ctx, "Provider"), c.organisation(ctx, "Other")
		eva, tom := c.Constituent(10, "Eva", isp.Ref.ID), c.Constituent(11, "Tom", other.Ref.ID)
		object := "inetnum: 192.0.0.0 - 192.0.3.255\norg-name: Provider\n"
		p := c.claim(ctx, eva, isp, constituency.Claim{Value: "192.0.0.0/22", Way: constituency.ByRegistry, Evidence: object})
		q := c.claim(ctx, eva, isp, constituency.Claim{Value: "AS64500", Way: constituency.ByRegistry, Evidence: "aut-num: AS64500"})
		waits, err := c.s.ProofsAsked(ctx, c.DB, c.analyst)
		if err != nil || len(waits) != 2 {
			t.Fatalf("waits: %+v, %v", waits, err)
		}
		if got, err := c.s.Evidence(ctx, c.DB, c.analyst, p.UID); err != nil || got != object {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := c.s.Evidence(ctx, c.DB, tom, p.UID); !errs.Is(err, errs.NotFound) {
			t.Errorf("another organisation reads it: %v", err)
		}
		if _, err := c.s.ProofsAsked(ctx, c.DB, eva); !errs.Is(err, errs.Forbidden) {
			t.Errorf("a constituent lists what waits: %v", err)
		}
		if _, err := c.s.JudgeProof(ctx, eva, p.UID, true, "it is ours"); !errs.Is(err, errs.Forbidden) {
			t.Errorf("it judges itself: %v", err)
		}
		if _, err := c.s.JudgeProof(ctx, c.analyst, p.UID, true, " "); !errs.Is(err, errs.Invalid) {
			t.Errorf("without a reason: %v", err)
		}
		if is, err := c.s.JudgeProof(ctx, c.analyst, p.UID, true, "maintainer asked by telephone"); err != nil || is.State != constituency.ProofProved || c.owner(ctx, "192.0.1.1") != "Provider" {
			t.Errorf("%+v, %v", is, err)
		}
		if is, err := c.s.JudgeProof(ctx, c.analyst, q.UID, false, "another organisation's"); err != nil || is.State != constituency.ProofRefused || c.owner(ctx, "AS64500") != "" {
			t.Errorf("%+v, %v", is, err)
		}
		if _, err := c.s.JudgeProof(ctx, c.analyst, q.UID, true, "after all"); !errs.Is(err, errs.Conflict) {
			t.Errorf("judged twice: %v", err)
		}
	})
}

// Who belongs elsewhere claims, looks and ends nothing here; what was ended is not made again by its record; one organisation fills no table.
func TestProofsOfOthers(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, out *outside) {
		a, b := c.organisation(ctx, "A"), c.organisation(ctx, "B")
		eva, tom := c.Constituent(10, "Eva", a.Ref.ID), c.Constituent(11, "Tom", b.Ref.ID)
		theirs := c.asset(ctx, b, "b.example")
		for what, err := range map[string]error{
			"for another":           second(c.s.Claim(ctx, eva, b.UID, constituency.Claim{Value: "x.example", Way: constituency.ByDNS})),
			"the asset of another":  second(c.s.Claim(ctx, eva, a.UID, constituency.Claim{Asset: theirs.UID, Way: constituency.ByDNS})),
			"for none":              second(c.s.Claim(ctx, eva, "x", constituency.Claim{Value: "x.example", Way: constituency.ByDNS})),
			"proof that is not one": c.s.LookNow(ctx, eva, "x"),
		} {
			if !errs.Is(err, errs.NotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := c.s.Claim(ctx, c.Person(4, "Aud", access.Auditor), a.UID, constituency.Claim{Value: "x.example", Way: constituency.ByDNS}); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an auditor: %v", err)
		}
		p := c.claim(ctx, tom, b, constituency.Claim{Asset: theirs.UID, Way: constituency.ByDNS})
		for what, err := range map[string]error{"ends": c.s.WithdrawProof(ctx, eva, p.UID), "looks": c.s.LookNow(ctx, eva, p.UID), "reads": second(c.s.Proof(ctx, c.DB, eva, p.UID))} {
			if !errs.Is(err, errs.NotFound) {
				t.Errorf("another organisation %s: %v", what, err)
			}
		}
		out.Texts[p.Place] = []string{p.Line()}
		var both sync.WaitGroup // two workers at once prove it once
		c.Clock.Advance(time.Hour)
		for range 2 {
			both.Go(func() {
				if err := c.s.Look(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		list, err := c.s.Assets(ctx, c.DB, b.Ref.ID)
		if err != nil || len(list) != 1 || list[0].UID != theirs.UID || list[0].ProvedAt.IsZero() {
			t.Fatalf("%+v, %v", list, err)
		}
		if err := c.s.EndAsset(ctx, c.analyst, theirs.UID, time.Time{}, "sold"); err != nil {
			t.Fatal(err)
		}
		c.Clock.Advance(340 * day)
		c.look(ctx)
		if is := c.state(ctx, p); is.State != constituency.ProofWithdrawn || c.owner(ctx, "b.example") != "" {
			t.Errorf("ended, and its record stands: %s, %q answers", is.State, c.owner(ctx, "b.example"))
		}
		if err := c.s.WithdrawProof(ctx, tom, p.UID); !errs.Is(err, errs.Conflict) {
			t.Errorf("ended twice: %v", err)
		}
		made := 0
		for i := range 70 {
			if _, err := c.s.Claim(ctx, eva, a.UID, constituency.Claim{Value: fmt.Sprintf("n%d.example", i), Way: constituency.ByDNS}); err == nil {
				made++
			} else if !errs.Is(err, errs.Limit) {
				t.Fatal(err)
			}
		}
		if made != 60 {
			t.Errorf("%d are under way", made)
		}
	})
}

func second[T any](_ T, err error) error { return err }
