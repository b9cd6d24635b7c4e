package takedown_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// eyes see what a test shows them, and note what was looked at.
type eyes struct {
	sight  fetch.Sight
	looked []string
}

func (e *eyes) see(what string) fetch.Sight {
	e.looked = append(e.looked, what)
	return e.sight
}
func (e *eyes) Page(_ context.Context, a string) fetch.Sight         { return e.see(a) }
func (e *eyes) Port(_ context.Context, a netip.AddrPort) fetch.Sight { return e.see(a.String()) }
func (e *eyes) Name(_ context.Context, n string) fetch.Sight         { return e.see(n) }
func (e *eyes) Names() bool                                          { return true }

// registries answer by address, and note what was asked. They stand where kit/fetch does: what it would not reach is not there.
type registries struct {
	answers map[string]string
	leads   map[string]string
	asked   []string
}

func (r *registries) Ask(_ context.Context, address, _ string, most int) (int, []byte, string, error) {
	if list, ok := lists[strings.TrimPrefix(address, rdap.Root)]; ok {
		return 200, []byte(list), "", nil
	}
	r.asked = append(r.asked, address)
	if to := r.leads[address]; to != "" {
		return 302, nil, to, nil
	}
	if a, ok := r.answers[address]; ok {
		return 200, []byte(a)[:min(len(a), most+1)], "", nil
	}
	return 0, nil, "", fetch.ErrAddress
}

var lists = map[string]string{
	"dns.json": `{"services":[[["example"],["https://rdap.example/"]],[["net"],["https://net.example/"]]]}`, "ipv4.json": `{"services":[[["192.0.0.0/8"],["https://ip.example/"]]]}`,
}

type house struct {
	*coretest.House
	testing.TB
	s       *takedown.Service
	parties *coordination.Service
	country *constituency.Service
	eyes    *eyes
	asked   *registries
	ana     access.Actor
	raised  int
}

func engines(t *testing.T, story func(ctx context.Context, h *house)) {
	coretest.Engines(t, func(t *testing.T, c *coretest.House) {
		texts, err := text.Load()
		if err != nil {
			t.Fatal(err)
		}
		country := &constituency.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit}
		letters := &correspondence.Service{
			DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Blobs: c.Blobs, Egress: &egress.Gate{DB: c.DB, Clock: c.Clock, Ring: c.Ring}, Constituency: country, Text: texts,
			Hold: 20 * time.Second, Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", URL: "https://cert.example"},
		}
		h := &house{House: c, TB: t, country: country, eyes: &eyes{}, asked: &registries{answers: map[string]string{}, leads: map[string]string{}}, ana: c.Person(1, "Ana Silva", access.Analyst)}
		h.parties = &coordination.Service{
			DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Search: search.New(c.Ring), Constituency: country, Correspondence: letters, Texts: texts,
			Deadlines: &deadline.Service{DB: c.DB, Clock: c.Clock, Audit: c.Audit},
			Who:       func(context.Context, db.Handle, int64) (access.Actor, error) { return h.ana, nil },
		}
		h.s = &takedown.Service{
			DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Texts: texts, Constituency: country, Coordination: h.parties, Eyes: h.eyes, Registries: &rdap.Client{Fetch: h.asked, Now: c.Clock.Now},
			Alarms: &alarm.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Tell: func(_ context.Context, _ *db.Tx, a alarm.Alarm) error {
				if a.Kind == alarm.TargetBack && a.Owner == 1 {
					h.raised++
				}
				return nil
			}},
		}
		letters.Follow = h.parties
		story(context.Background(), h)
	})
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) refused(kind errs.Kind, err error, what string) {
	h.Helper()
	if !errs.Is(err, kind) {
		h.Errorf("%s: %v", what, err)
	}
}

// incident makes a case, as package incident would.
func (h *house) incident(ctx context.Context, level tlp.Level, pap tlp.PAP, change func(o *access.Object)) access.Object {
	h.Helper()
	o := access.Object{Ref: ref.Ref{Kind: ref.Incident}, Realm: access.Team, TLP: level, PAP: pap, Handler: 1}
	if change != nil {
		change(&o)
	}
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
			return err
		}
		_, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now())
		return err
	}))
	return o
}

func (h *house) provider(ctx context.Context, name, email string, role coordination.Role, form takedown.Form, matches string) takedown.Provider {
	h.Helper()
	in := takedown.NewProvider{Name: name, Email: email, Lang: "en", Role: role, Form: form, Matches: matches}
	if form == takedown.ByPage {
		in.Page = "https://abuse.example/form"
	}
	p, err := h.s.SaveProvider(ctx, h.ana, "", 0, in)
	h.must(err)
	return p
}

func (h *house) target(ctx context.Context, o access.Object, what string) takedown.Target {
	h.Helper()
	t, err := h.s.Add(ctx, h.ana, o.UID, takedown.NewTarget{What: what, Kind: takedown.Phishing, Words: "A copy of the bank's page that asks for passwords.", Addresses: "192.0.2.7"})
	h.must(err)
	return t
}

func (h *house) proposals(ctx context.Context, o access.Object, t takedown.Target) []takedown.Proposal {
	h.Helper()
	all, err := h.s.Proposals(ctx, h.ana, o.UID)
	h.must(err)
	return all[t.ID]
}

const domainAnswer = `{"objectClassName":"domain","ldhName":"bad.example","links":[{"href":"http://169.254.169.254/"}],"entities":[{"roles":["registrar"],"publicIds":[{"type":"IANA Registrar ID","identifier":"292"}],
"vcardArray":["vcard",[["fn",{},"text","Names Inc"]]],"entities":[{"roles":["abuse"],"vcardArray":["vcard",[["email",{},"text","abuse@names.example"]]]}]}]}`

const networkAnswer = `{"objectClassName":"ip network","name":"HOSTNET","startAddress":"192.0.2.0","endAddress":"192.0.2.255","entities":[{"roles":["abuse"],"vcardArray":["vcard",[["email",{},"text","abuse@hostnet.example"]]]}]}`

// From a URL to the letters: who can end it is proposed with the reason, a person confirms, each gets its evidence in its form by the gesture that all use, and from then
// on its time runs.
func TestATargetIsTakenDown(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		o := h.incident(ctx, tlp.Green, tlp.PAPGreen, nil)
		host := h.provider(ctx, "Happy Hosting", "abuse@happy.example", coordination.Host, takedown.ByXARF, "192.0.2.0/25")
		h.provider(ctx, "Elsewhere", "abuse@elsewhere.example", coordination.Host, takedown.ByLetter, "198.51.100.0/24")
		list := h.provider(ctx, "Warn List", "", coordination.BlockList, takedown.ByPage, "")
		h.provider(ctx, "Registry of Example", "abuse@nic.example", coordination.Registry, takedown.ByLetter, ".example")
		bad := h.target(ctx, o, "hxxps://WWW.bad[.]example/login?a=<b>#x")
		if bad.Thing.Text != "https://www.bad.example/login?a=<b>" || bad.Thing.Shown() != "hxxps://www[.]bad[.]example/login?a=<b>" || bad.State != takedown.Unknown {
			h.Fatalf("%+v %s", bad.Thing, bad.Thing.Shown())
		}
		if again := h.target(ctx, o, "https://www.bad.example/login?a=<b>"); again.UID != bad.UID {
			h.Error("the same target twice")
		}
		h.asked.answers["https://rdap.example/domain/bad.example"] = domainAnswer
		h.asked.leads["https://ip.example/ip/192.0.2.7"] = "https://net.example/ip/192.0.2.7"
		h.asked.answers["https://net.example/ip/192.0.2.7"] = networkAnswer
		got, err := h.s.Propose(ctx, h.ana, bad.UID)
		h.must(err)
		if got.New != 5 || got.Silent != 0 {
			h.Fatalf("%+v, asked %q", got, h.asked.asked)
		}
		if again, err := h.s.Propose(ctx, h.ana, bad.UID); err != nil || again.New != 0 {
			h.Errorf("proposed again: %+v, %v", again, err)
		}
		var asked int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM audit_entry WHERE verb = 'takedown.ask'`).Scan(&asked))
		if asked != 2 {
			h.Errorf("registries were asked twice, and the record has %d", asked)
		}
		_, err = h.s.Prepare(ctx, h.Person(3, "Eva", access.Auditor), o.UID, nil)
		h.refused(errs.Forbidden, err, "letters prepared by who may not send")
		by := map[coordination.Role]takedown.Proposal{}
		for _, p := range h.proposals(ctx, o, bad) {
			by[p.Role] = p
		}
		registrar, network := by[coordination.Registrar], by[coordination.Network]
		if by[coordination.Host].Name != host.Name || registrar.Name != "Names Inc" || registrar.Email != "abuse@names.example" || registrar.Organisation != 0 || network.Name != "HOSTNET" ||
			by[coordination.BlockList].Form != takedown.ByPage || by[coordination.Registry].Why.What != ".example" {
			h.Fatalf("%+v", by)
		}
		h.refused(errs.Conflict, h.s.Decide(ctx, h.ana, registrar.UID, takedown.Confirmed), "confirmed without an address")
		_, err = h.s.SaveProvider(ctx, h.ana, "", 0, takedown.NewProvider{Name: registrar.Name, Email: registrar.Email, Role: coordination.Host, Form: takedown.ByLetter, Proposal: registrar.UID})
		h.refused(errs.Invalid, err, "entered in another part than was proposed")
		_, err = h.s.SaveProvider(ctx, h.ana, "", 0, takedown.NewProvider{Name: registrar.Name, Email: registrar.Email, Role: registrar.Role, Form: takedown.ByLetter, Proposal: registrar.UID})
		h.must(err)
		h.must(h.s.Decide(ctx, h.ana, by[coordination.Host].UID, takedown.Confirmed))
		h.must(h.s.Decide(ctx, h.ana, by[coordination.BlockList].UID, takedown.Dismissed))
		h.must(h.s.Name(ctx, h.ana, bad.UID, list.UID)) // named by hand it is confirmed after all
		h.must(h.s.Decide(ctx, h.ana, by[coordination.Registry].UID, takedown.Dismissed))

		x, err := h.s.Prepare(ctx, h.ana, o.UID, nil)
		h.must(err)
		_, err = h.s.Prepare(ctx, h.ana, o.UID, nil)
		h.refused(errs.Conflict, err, "prepared twice")
		preview, lines, err := h.parties.Letter(ctx, h.ana, x.UID, host.OrgUID)
		h.must(err)
		if !strings.Contains(preview.Letter, "hosted with you") || !strings.Contains(preview.Letter, "hxxps://www[.]bad[.]example") || strings.Contains(preview.Letter, "https://www.bad") || len(lines) != 1 || len(preview.Files) != 1 {
			h.Fatalf("%s\n%+v", preview.Letter, preview.Files)
		}
		var file map[string]any
		h.must(json.Unmarshal(preview.Files[0].Content, &file))
		if file["type"] != "phishing" || file["source_identifier"] != "192.0.2.7" || file["url"] != "https://www.bad.example/login?a=<b>" {
			h.Errorf("%v", file)
		}
		x, err = h.parties.Submit(ctx, h.ana, x.UID, 0, false)
		h.must(err)
		h.Clock.Advance(21 * time.Second)
		h.must(h.parties.WorkSending(ctx, x.ID))
		if x, _, err = h.parties.SendingOf(ctx, h.ana, x.UID); err != nil || x.Written != 2 {
			h.Fatalf("%+v, %v", x, err)
		}
		if bad, err = h.s.Target(ctx, h.ana, bad.UID); err != nil || !bad.ToldAt.IsZero() || !bad.LookAt.IsZero() {
			h.Errorf("told before a letter left: %+v, %v", bad, err)
		}
		h.leave(ctx, x)
		if bad, err = h.s.Target(ctx, h.ana, bad.UID); err != nil || bad.ToldAt.IsZero() || bad.LookAt.Sub(h.Clock.Now()) != 15*time.Minute {
			h.Errorf("after the letters left: %+v, %v", bad, err)
		}
		h.refused(errs.Conflict, h.s.Decide(ctx, h.ana, by[coordination.Host].UID, takedown.Dismissed), "dismissed after it was told")

		p, err := h.s.PageOf(ctx, h.ana, by[coordination.BlockList].UID)
		h.must(err)
		if p.Proposal.Page != "https://abuse.example/form" || !strings.Contains(p.Words, "hxxps://www[.]bad[.]example/login") || strings.Contains(p.Words, "https://www.bad") {
			h.Errorf("%+v", p)
		}
		h.must(h.s.Told(ctx, h.ana, by[coordination.BlockList].UID, time.Time{}))
		h.refused(errs.Conflict, h.s.Told(ctx, h.ana, by[coordination.BlockList].UID, time.Time{}), "told twice")
		h.refused(errs.Conflict, h.s.Name(ctx, h.ana, bad.UID, list.UID), "named after it was told")
		parties, err := h.parties.Matrix(ctx, h.ana, o.UID)
		h.must(err)
		roles := map[coordination.Role]bool{}
		for _, r := range parties {
			roles[r.Party.Role] = true
		}
		if len(parties) != 3 || !roles[coordination.Host] || !roles[coordination.Registrar] || !roles[coordination.BlockList] {
			h.Errorf("parties: %+v", roles)
		}

		h.Clock.Advance(2 * time.Hour)
		h.eyes.sight = fetch.Sight{Outcome: fetch.NoName}
		h.must(h.s.Look(ctx))
		times, err := h.s.Times(ctx, h.ana, time.Time{})
		h.must(err)
		i := slices.IndexFunc(times, func(x takedown.ProviderTime) bool { return x.Organisation == host.OrgUID })
		if i < 0 || times[i].Down != 1 || times[i].Median != 2*time.Hour || len(times) != 3 {
			h.Errorf("%+v", times)
		}
	})
}

// leave has the letters of a sending leave.
func (h *house) leave(ctx context.Context, x coordination.Sending) {
	h.Helper()
	uids, err := db.All(ctx, h.DB, func(r *db.Rows) (uid string, err error) { return uid, r.Scan(&uid) }, `SELECT message FROM coordination_sending_party WHERE sending = $1 AND message <> ''`, x.ID)
	h.must(err)
	for _, uid := range uids {
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return h.s.MessageSentTx(ctx, tx, correspondence.Message{UID: uid}, h.Clock.Now())
		}))
	}
}

// What was seen becomes a state: once silent is not down, a rotation among neighbours is not a move, what was down and answers is back and its handler hears of it.
func TestStatesFollowWhatWasSeen(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		o := h.incident(ctx, tlp.Amber, tlp.PAPClear, nil)
		list := h.provider(ctx, "Warn List", "", coordination.BlockList, takedown.ByPage, "")
		bad := h.target(ctx, o, "http://bad.example/")
		h.must(h.s.Name(ctx, h.ana, bad.UID, list.UID))
		h.must(h.s.Told(ctx, h.ana, h.proposals(ctx, o, bad)[0].UID, time.Time{}))
		up := func(hash string, at ...string) fetch.Sight {
			s := fetch.Sight{Outcome: fetch.Answers, Hash: hash, Title: "<script>alert(1)</script>"}
			for _, a := range at {
				s.Addresses = append(s.Addresses, netip.MustParseAddr(a))
			}
			return s
		}
		for i, step := range []struct {
			sight fetch.Sight
			want  takedown.State
			next  time.Duration
		}{
			{fetch.Sight{Outcome: fetch.Unclear}, takedown.Unknown, time.Hour},
			{fetch.Sight{Outcome: fetch.Guarded}, takedown.Unknown, 6 * time.Hour},
			{up("a", "192.0.2.9"), takedown.Up, 6 * time.Hour},
			{up("b", "192.0.2.77", "2001:db8::1"), takedown.Up, 6 * time.Hour},
			{fetch.Sight{Outcome: fetch.Silent}, takedown.Up, 15 * time.Minute},
			{up("b", "192.0.2.77"), takedown.Up, 24 * time.Hour},
			{up("b", "198.51.100.1"), takedown.Moved, 24 * time.Hour},
			{up("b", "198.51.100.1"), takedown.Moved, 24 * time.Hour},
			{fetch.Sight{Outcome: fetch.Away, Elsewhere: "http://127.0.0.1/"}, takedown.Moved, 24 * time.Hour},
			{fetch.Sight{Outcome: fetch.Silent}, takedown.Moved, 15 * time.Minute},
			{fetch.Sight{Outcome: fetch.Silent}, takedown.Down, 24 * time.Hour},
			{fetch.Sight{Outcome: fetch.Failing}, takedown.Down, 24 * time.Hour},
			{up("b", "203.0.113.4"), takedown.Back, 15 * time.Minute},
			{up("b", "203.0.113.4"), takedown.Back, time.Hour},
			{fetch.Sight{Outcome: fetch.Gone}, takedown.Down, 24 * time.Hour},
		} {
			bad, err := h.s.Target(ctx, h.ana, bad.UID)
			h.must(err)
			h.Clock.Advance(bad.LookAt.Sub(h.Clock.Now()))
			h.eyes.sight = step.sight
			h.must(h.s.Look(ctx))
			if bad, err = h.s.Target(ctx, h.ana, bad.UID); err != nil || bad.State != step.want || bad.LookAt.Sub(h.Clock.Now()) != step.next {
				h.Fatalf("step %d (%s): %s, next after %v, %v", i, step.sight.Outcome, bad.State, bad.LookAt.Sub(h.Clock.Now()), err)
			}
		}
		if h.raised != 1 {
			h.Errorf("%d alarms", h.raised)
		}
		bad, err := h.s.Target(ctx, h.ana, bad.UID)
		h.must(err)
		if !bad.Changed || bad.Title != "<script>alert(1)</script>" || bad.DownAt.IsZero() {
			h.Errorf("%+v", bad)
		}
		_, err = h.s.SetState(ctx, h.ana, bad.UID, bad.Version-1, takedown.Up, "The provider says that it is up again.")
		h.refused(errs.Conflict, err, "an old version")
		_, err = h.s.SetState(ctx, h.ana, bad.UID, 0, "gone", "no")
		h.refused(errs.Invalid, err, "no state")
		_, err = h.s.SetState(ctx, h.ana, bad.UID, bad.Version, takedown.Up, "A citizen opened it and saw it.")
		h.must(err)
		history, err := h.s.History(ctx, h.ana, bad)
		h.must(err)
		if len(history) != 7 || history[0].State != takedown.Back || history[0].By != 1 || history[3].State != takedown.Down || history[4].To != "http://127.0.0.1/" || h.raised != 2 {
			h.Errorf("%+v, %d alarms", history, h.raised)
		}
		looked := len(h.eyes.looked)
		_, err = h.s.End(ctx, h.ana, bad.UID, 0, "It was a false alarm after all.")
		h.must(err)
		h.Clock.Advance(48 * time.Hour)
		h.must(h.s.Look(ctx))
		_, err = h.s.LookNow(ctx, h.ana, bad.UID)
		h.refused(errs.Conflict, err, "looked at after its end")
		if len(h.eyes.looked) != looked {
			h.Error("an ended target is looked at")
		}
	})
}

// Nothing tells anybody outside what we look at but where PAP, TLP, seal and exercise allow it (rule O2), whatever was scheduled before; and no answer of a registry leads
// anywhere that is not a registry.
func TestNobodyIsAskedWhereItIsNotAllowed(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		for _, c := range []struct {
			name      string
			level     tlp.Level
			pap       tlp.PAP
			change    func(o *access.Object)
			look, ask bool
		}{
			{"PAP:CLEAR", tlp.Amber, tlp.PAPClear, nil, true, true},
			{"PAP:GREEN", tlp.Amber, tlp.PAPGreen, nil, true, true},
			{"PAP:AMBER", tlp.Green, tlp.PAPAmber, nil, false, true},
			{"PAP:RED", tlp.Green, tlp.PAPRed, nil, false, false},
			{"no label", tlp.Green, 0, nil, false, true},
			{"TLP:RED", tlp.Red, tlp.PAPClear, nil, false, false},
			{"exercise", tlp.Green, tlp.PAPClear, func(o *access.Object) { o.Exercise = true }, false, false},
		} {
			h.eyes.looked, h.asked.asked = nil, nil
			o := h.incident(ctx, c.level, c.pap, c.change)
			bad := h.target(ctx, o, "https://www.bad.example/")
			got, err := h.s.Propose(ctx, h.ana, bad.UID)
			h.must(err)
			if (got.Barred == "") != c.ask || (len(h.asked.asked) > 0) != c.ask {
				h.Errorf("%s: %+v, asked %q", c.name, got, h.asked.asked)
			}
			_, err = h.s.LookNow(ctx, h.ana, bad.UID)
			if errs.Is(err, errs.Conflict) == c.look {
				h.Errorf("%s: %v", c.name, err)
			}
			h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { // as if it had been scheduled while it was allowed
				_, err := tx.Exec(ctx, `UPDATE takedown_target SET look_at = $1 WHERE uid = $2`, h.Clock.Now(), bad.UID)
				return err
			}))
			h.must(h.s.Look(ctx))
			if (len(h.eyes.looked) > 0) != c.look {
				h.Errorf("%s: looked at %q", c.name, h.eyes.looked)
			}
		}
		o := h.incident(ctx, tlp.Green, tlp.PAPClear, nil)
		bad := h.target(ctx, o, "https://www.bad.example/")
		h.asked.asked = nil
		h.asked.leads["https://rdap.example/domain/bad.example"] = "https://169.254.169.254/domain/bad.example"
		h.asked.leads["https://ip.example/ip/192.0.2.7"] = "https://ip.example/ip/192.0.2.7"
		got, err := h.s.Propose(ctx, h.ana, bad.UID)
		h.must(err)
		if got.Silent != 2 || len(h.asked.asked) > 8 {
			h.Errorf("led away and around: %+v, %q", got, h.asked.asked)
		}
		h.asked.leads = map[string]string{}
		h.asked.answers["https://rdap.example/domain/bad.example"] = strings.Repeat(" ", rdap.MostAnswer) + domainAnswer
		h.asked.answers["https://ip.example/ip/192.0.2.7"] = domainAnswer
		if got, err := h.s.Propose(ctx, h.ana, bad.UID); err != nil || got.New != 0 || got.Silent != 2 {
			h.Errorf("a huge answer, and one of another kind: %+v, %v", got, err)
		}
		h.eyes.looked = nil
		broken := h.target(ctx, o, "https://broken.example/")
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE takedown_target SET look_at = $1 WHERE uid = $2`, h.Clock.Now(), bad.UID); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE takedown_target SET look_at = $1, body = $2 WHERE uid = $3`, h.Clock.Now().Add(-time.Hour), []byte("rotten"), broken.UID)
			return err
		}))
		if err := h.s.Look(ctx); err == nil || !slices.Contains(h.eyes.looked, "https://www.bad.example/") {
			h.Errorf("a target that cannot be read keeps the others: looked at %q, %v", h.eyes.looked, err)
		}
		h.s.Eyes = nil
		_, err = h.s.LookNow(ctx, h.ana, bad.UID)
		h.refused(errs.Conflict, err, "looked at without an exit")
	})
}

// Who may not see the case finds no target of it, who may not work on cases changes none, and what no program should read is no target.
func TestTargetsAreOfTheirCase(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		o := h.incident(ctx, tlp.Green, tlp.PAPGreen, func(o *access.Object) { o.Sealed = true })
		named := h.ana // whom the seal names
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return access.Grant(ctx, tx, h.ana, 1, o.Ref, h.Clock.Now(), time.Time{})
		}))
		bad := h.target(ctx, o, "bad.example")
		stranger, auditor := h.Person(2, "Rui", access.Analyst), h.Person(3, "Eva", access.Auditor)
		party := h.Constituent(4, "Party", 99)
		for _, by := range []access.Actor{stranger, auditor, party} {
			_, err := h.s.Target(ctx, by, bad.UID)
			if !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Forbidden) {
				h.Errorf("%s reads it: %v", by.Name, err)
			}
			list, err := h.s.Targets(ctx, by, takedown.Filter{})
			if err == nil && len(list) > 0 {
				h.Errorf("%s lists it", by.Name)
			}
			_, err = h.s.Add(ctx, by, o.UID, takedown.NewTarget{What: "x.example", Kind: takedown.Other, Words: "x"})
			if !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Forbidden) {
				h.Errorf("%s adds one: %v", by.Name, err)
			}
			if _, err := h.s.LookNow(ctx, by, bad.UID); !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Forbidden) {
				h.Errorf("%s looks: %v", by.Name, err)
			}
		}
		if list, err := h.s.Targets(ctx, named, takedown.Filter{Incident: o.UID, State: takedown.Unknown}); err != nil || len(list) != 1 {
			h.Errorf("%d targets, %v", len(list), err)
		}
		for _, no := range []string{
			"", "localhost", "http://localhost/", "127.0.0.1", "http://10.0.0.1/", "[::1]:80", "2130706433.", "http://0x7f000001/", "javascript:alert(1)", "file:///etc/passwd", "http://a b.example/", "http://bad.example/\u202e",
			"http://bad.example:0/", "192.0.2.1:0", "ftp://bad.example/", "http://[fe80::1%25eth0]/", strings.Repeat("a", 3000) + ".example", "bad..example", "http:bad.example", "\\\\bad.example\\x",
		} {
			_, err := h.s.Add(ctx, named, o.UID, takedown.NewTarget{What: no, Kind: takedown.Other, Words: "x"})
			h.refused(errs.Invalid, err, no)
		}
	})
}
