package constituency_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/teams"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// registries answers from a map and counts what it was asked.
type registries struct {
	by    map[string]rdap.Answer
	asked []string
}

func (r *registries) Look(_ context.Context, q rdap.Question) (rdap.Answer, error) {
	r.asked = append(r.asked, q.Value)
	if a, ok := r.by[q.Value]; ok {
		return a, nil
	}
	return rdap.Answer{}, rdap.ErrUnknown
}

// A foreign address: nobody of ours, the registry says who takes complaints and in which country, and that country's team is shown as what it is, a hint.
// Nobody outside is asked without a person, a stated PAP that allows it, and an entry in the record.
func TestWhomToTellAboutAForeignAddress(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := t.Context()
		list, err := teams.New()
		if err != nil {
			t.Fatal(err)
		}
		web := &registries{by: map[string]rdap.Answer{"198.51.100.7": {Kind: rdap.Address, Country: "BE", Entities: []rdap.Entity{{Roles: []string{"abuse"}, Mails: []string{"abuse@host.example"}}}}}}
		s := &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Teams: list, Registries: web}
		ana := h.Person(1, "Ana", access.Analyst)
		peer, err := s.Create(ctx, ana, constituency.NewOrganisation{Name: "CERT-EX Belgium", Lang: "fr"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetLiaison(ctx, ana, peer.UID, constituency.Liaison{Kind: constituency.CSIRT, Country: "BE", Basis: "CSIRTs network"}); err != nil {
			t.Fatal(err)
		}
		look := func(by access.Actor, in constituency.LookUp) (constituency.LookedUp, error) {
			return s.WhomToTell(ctx, by, in)
		}

		x, err := look(ana, constituency.LookUp{What: "hxxps://shop[.]example[.]be/login"})
		if err != nil || x.Country != "BE" || x.CountryBy != "domain" || len(x.Teams) == 0 || len(x.Known) != 1 || x.Registry != nil || !x.CanAsk || x.What != "shop.example.be" {
			t.Fatalf("a domain: %+v, %v", x, err)
		}
		if x, err = look(ana, constituency.LookUp{What: "198.51.100.7", PAP: tlp.PAPClear}); err != nil || x.Country != "" || len(web.asked) != 0 {
			t.Fatalf("nobody pressed, and %v was asked: %+v %v", web.asked, x, err)
		}
		incident := func(o access.Object) string {
			o.Ref, o.Realm = ref.Ref{Kind: ref.Incident}, access.Team
			if err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
					return err
				}
				if _, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now()); err != nil || !o.Sealed {
					return err
				}
				return access.Grant(ctx, tx, ana, ana.Account, o.Ref, h.Clock.Now(), time.Time{})
			}); err != nil {
				t.Fatal(err)
			}
			return o.UID
		}
		asks := func(incident string) constituency.LookUp {
			return constituency.LookUp{What: "198.51.100.7", Ask: true, PAP: tlp.PAPClear, Incident: incident}
		}
		for name, c := range map[string]struct {
			by   access.Actor
			in   constituency.LookUp
			want errs.Kind
		}{
			"no PAP":             {ana, constituency.LookUp{What: "198.51.100.7", Ask: true}, errs.Invalid},
			"nothing":            {ana, constituency.LookUp{}, errs.Invalid},
			"no address":         {ana, constituency.LookUp{What: "a b c"}, errs.Invalid},
			"PAP:RED":            {ana, constituency.LookUp{What: "198.51.100.7", Ask: true, PAP: tlp.PAPRed}, errs.Forbidden},
			"PAP:RED incident":   {ana, asks(incident(access.Object{TLP: tlp.Green, PAP: tlp.PAPRed})), errs.Forbidden},
			"TLP:RED incident":   {ana, asks(incident(access.Object{TLP: tlp.Red, PAP: tlp.PAPClear})), errs.Forbidden},
			"an exercise":        {ana, asks(incident(access.Object{TLP: tlp.Green, PAP: tlp.PAPClear, Exercise: true})), errs.Forbidden},
			"a sealed incident":  {ana, asks(incident(access.Object{TLP: tlp.Green, PAP: tlp.PAPClear, Sealed: true})), errs.Forbidden},
			"no such incident":   {ana, asks(peer.UID), errs.NotFound},
			"an address inside":  {ana, constituency.LookUp{What: "10.0.0.7", Ask: true, PAP: tlp.PAPClear}, errs.Unavailable},
			"an auditor asks":    {h.Person(2, "Aud", access.Auditor), constituency.LookUp{What: "198.51.100.7", Ask: true, PAP: tlp.PAPClear}, errs.Forbidden},
			"a constituent asks": {h.Constituent(3, "Rui", peer.Ref.ID), constituency.LookUp{What: "198.51.100.7"}, errs.Forbidden},
		} {
			if _, err := look(c.by, c.in); !errs.Is(err, c.want) {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		if len(web.asked) != 0 {
			t.Fatalf("asked: %v", web.asked)
		}
		x, err = look(ana, constituency.LookUp{What: "198.51.100.7", Ask: true, PAP: tlp.PAPAmber})
		if err != nil || x.Registry == nil || x.Registry.Abuse()[0].Mails[0] != "abuse@host.example" || x.Country != "BE" || x.CountryBy != "registry" || len(x.Known) != 1 {
			t.Fatalf("asked: %+v, %v", x, err)
		}
		if x, err = look(ana, constituency.LookUp{What: "AS64999", Ask: true, PAP: tlp.PAPGreen}); err != nil || x.RegistryErr != "unknown" || x.Registry != nil {
			t.Errorf("unknown: %+v, %v", x, err)
		}
		s.Registries = nil
		if x, err = look(ana, constituency.LookUp{What: "198.51.100.7"}); err != nil || x.CanAsk {
			t.Errorf("switched off: %+v, %v", x, err)
		}
		var n int
		if err := h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM audit_entry WHERE verb = 'constituency.ask_registry'`).Scan(&n); err != nil || n != 2 {
			t.Errorf("%d entries of the record, %v", n, err)
		}
	})
}
