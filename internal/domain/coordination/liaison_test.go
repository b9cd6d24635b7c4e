package coordination_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The police and a vendor become parties: each gets the letter of its kind and the ground on which we write; a member of the constituency the usual one.
// What the register says is for the team to say and to read.
func TestAnAuthorityGetsItsOwnLetter(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		words, err := playbook.New()
		h.must(err)
		h.s.Opening = func(kind constituency.LiaisonKind, lang, name string) (string, string, bool) {
			l, err := words.Template(playbook.To(string(kind)), lang)
			h.must(err)
			subject, text, err := l.Fill(map[string]string{"name": name})
			return subject, text, err == nil
		}
		police := h.organisation(ctx, "Polícia Judiciária", "pt", "desk@policia.example")
		vendor := h.organisation(ctx, "Vertex Systems", "de", "psirt@vertex.example")
		water := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example")
		const law = "Article 12 of the Cybercrime Act"
		set := func(o constituency.Organisation, l constituency.Liaison) error {
			return h.country.SetLiaison(ctx, h.ana, o.UID, l)
		}
		h.must(set(police, constituency.Liaison{Kind: constituency.Police, Country: "pt", Basis: law}))
		h.must(set(police, constituency.Liaison{Kind: constituency.Police, Country: "PT", Basis: law})) // nothing changes
		h.must(set(vendor, constituency.Liaison{Kind: constituency.Vendor}))
		err = set(water, constituency.Liaison{Country: "Portugal", Basis: "a\u202eb"})
		if len(errs.Fields(err)) != 3 {
			h.Errorf("not all problems at once: %v", err)
		}
		h.refused(set(constituency.Organisation{}, constituency.Liaison{Kind: constituency.Police}), errs.NotFound, "of nobody")
		h.refused(h.country.SetLiaison(ctx, h.person(police), police.UID, constituency.Liaison{}), errs.Forbidden, "the police says what it is to us")
		list, err := h.country.ListLiaisons(ctx, h.DB, h.ana, constituency.Police, "pt")
		if err != nil || len(list) != 1 || list[0].Basis != law || list[0].Name != police.Name {
			h.Fatalf("listed %+v, %v", list, err)
		}
		if _, err := h.country.ListLiaisons(ctx, h.DB, h.person(water), "", ""); err == nil {
			h.Error("a constituent lists with whom we exchange")
		}
		in := h.incident(ctx, tlp.Green)
		parties, err := h.s.Add(ctx, h.ana, in.UID, []string{police.UID, vendor.UID, water.UID}, "", "")
		h.must(err)
		if parties[0].Role != coordination.Authority || parties[1].Role != coordination.Vendor || parties[2].Role != coordination.Affected {
			h.Fatalf("roles %v %v %v", parties[0].Role, parties[1].Role, parties[2].Role)
		}
		seen, err := h.s.Preview(ctx, h.ana, in.UID, coordination.Give{Parties: uids(parties...), Request: "What do you know?", DueAt: h.due()})
		h.must(err)
		for i, want := range [][]string{
			{"Factos que podem constituir crime", "Esta carta não é uma queixa", law}, {"Ein Vorfall mit einem Ihrer Produkte", "Produktsicherheitsteam"}, {"Um incidente de segurança diz respeito a Águas do Vale"},
		} {
			for _, w := range want {
				if !strings.Contains(seen[i].Subject+seen[i].Text, w) {
					h.Errorf("letter %d does not say %q:\n%s\n%s", i, w, seen[i].Subject, seen[i].Text)
				}
			}
		}
		if seen[0].Liaison.Basis != law || seen[1].Liaison.Basis != "" || seen[2].Liaison.Kind != "" || strings.Contains(seen[1].Text+seen[2].Text, law) {
			h.Error("the ground of one stands with another")
		}
		own, err := h.s.Preview(ctx, h.ana, in.UID, coordination.Give{Parties: uids(parties[0]), Text: "Our own words."})
		if err != nil || strings.Contains(own[0].Text, "queixa") || !strings.Contains(own[0].Text, law) || !strings.Contains(own[0].Text, "Our own words.") {
			h.Errorf("in our own words: %v\n%s", err, own[0].Text)
		}
		// A ground that names another party is looked at before it leaves (rule A9).
		h.must(set(vendor, constituency.Liaison{Kind: constituency.Vendor, Basis: "The agreement that Águas do Vale signed"}))
		if seen, err = h.s.Preview(ctx, h.ana, in.UID, coordination.Give{Parties: uids(parties[1]), Text: "x"}); err != nil || len(seen[0].Hits) == 0 {
			h.Errorf("a ground names another party and nobody looks: %v", err)
		}
		h.must(set(vendor, constituency.Liaison{}))
		rows, err := h.Audit.About(ctx, h.DB, police.Ref.ID, 0, 10)
		h.must(err)
		n := 0
		for _, r := range rows {
			if r.Verb == "constituency.set_liaison" {
				n++
			}
		}
		if n != 1 {
			h.Errorf("recorded %d times", n)
		}
	})
}
