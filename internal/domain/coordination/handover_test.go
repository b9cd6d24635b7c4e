package coordination_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A case goes to a peer: a letter and a document that say the same and nothing else, looked at for names of others, with a clock that runs until the peer
// says that it takes it.
func TestACaseIsHandedToAPeer(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.s.Country = "PT"
		peer := h.organisation(ctx, "CERT-EX Belgium", "fr", "cert@be.example")
		water := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example")
		h.must(h.country.SetLiaison(ctx, h.ana, peer.UID, constituency.Liaison{Kind: constituency.CSIRT, Country: "BE", Basis: "CSIRTs network"}))
		in := h.incident(ctx, tlp.Green)
		parties, err := h.s.Add(ctx, h.ana, in.UID, []string{peer.UID, water.UID}, "", "")
		h.must(err)
		to := parties[0].UID
		give := coordination.HandOverInput{
			Title: "Stolen mailboxes of a bank", Summary: "Forty mailboxes send from your addresses.", Type: "fraud:phishing", Severity: "high", Asked: "Tell the owners.", DueAt: h.Clock.Now().Add(48 * time.Hour),
			Observables: []handover.Observable{{Type: "ip", Value: "198.51.100.7"}, {Type: "url", Value: "http://bank.example/login"}},
		}
		bad := give
		bad.Title, bad.DueAt, bad.TLP, bad.Observables = "a\u202eb", time.Time{}, 99, []handover.Observable{{Type: "colour", Value: "red"}}
		if _, err := h.s.PreviewHandOver(ctx, h.ana, to, bad); len(errs.Fields(err)) != 4 {
			h.Errorf("not all problems at once: %v", err)
		}
		seen, err := h.s.PreviewHandOver(ctx, h.ana, to, give)
		h.must(err)
		d, err := handover.Read(seen.Document)
		h.must(err)
		if d.Title != give.Title || d.From.Team != "CERT.EX" || d.From.Country != "PT" || d.TLP != "TLP:GREEN" || len(d.Observables) != 2 || !strings.HasPrefix(d.Reference, "P-") || !d.AnswerBy.Equal(give.DueAt.Truncate(time.Second)) {
			h.Errorf("the document: %+v", d)
		}
		for _, want := range []string{"nous vous remettons un incident", give.Summary, "198[.]51[.]100[.]7", "hxxp://bank[.]example", "Tell the owners.", "CSIRTs network", "handover.json"} {
			if !strings.Contains(seen.Letter, want) {
				h.Errorf("the letter does not say %q:\n%s", want, seen.Letter)
			}
		}
		// In the document alone another party is named: a person looks first.
		named := give
		named.Observables = []handover.Observable{{Type: "email", Value: "soc@aguasdovale.example"}}
		_, err = h.s.HandOver(ctx, h.ana, to, named)
		h.refused(err, errs.Conflict, "a document names another party")
		named.Observables = slices.Repeat([]handover.Observable{{Type: "url", Value: "http://bank.example/" + strings.Repeat("x", 400)}}, 700)
		_, err = h.s.HandOver(ctx, h.ana, to, named)
		if f := errs.Fields(err); len(f) != 1 || f[0].Key != "error.handover_large" {
			h.Errorf("a document that no team takes: %v", err)
		}
		_, err = h.s.HandOver(ctx, h.Person(2, "Aud", access.Auditor), to, give)
		h.refused(err, errs.Forbidden, "an auditor hands over")
		_, err = h.s.HandOver(ctx, h.person(peer), to, give)
		h.refused(err, errs.Forbidden, "the peer hands over to itself")
		_, err = h.s.Handovers(ctx, h.DB, h.person(peer), to)
		h.refused(err, errs.NotFound, "the peer lists what we noted")

		x, err := h.s.HandOver(ctx, h.ana, to, give)
		h.must(err)
		list, err := h.s.Handovers(ctx, h.DB, h.ana, to)
		if err != nil || len(list) != 1 || list[0].State != coordination.HandedOver || list[0].Title != give.Title || list[0].Sum == "" {
			h.Fatalf("%+v %v", list, err)
		}
		th, err := h.letters.Messages(ctx, h.DB, h.ana, parties[0].Thread)
		if err != nil || len(th) != 1 || len(th[0].Body.Files) != 1 || th[0].Body.Files[0].Name != handover.File || th[0].Body.Files[0].SHA256 != list[0].Sum {
			h.Fatalf("the file beside the letter: %+v %v", th, err)
		}
		clocks, err := h.clocks.Under(ctx, h.DB, in.Ref.ID)
		if err != nil || len(clocks[in.Ref.ID]) != 1 || !clocks[in.Ref.ID][0].Open() {
			h.Fatalf("no clock runs: %+v %v", clocks, err)
		}
		_, err = h.s.SettleHandOver(ctx, h.ana, to, x.UID, coordination.HandoverTaken, "", "")
		h.refused(err, errs.Invalid, "taken without a reference")
		_, err = h.s.SettleHandOver(ctx, h.ana, parties[1].UID, x.UID, coordination.HandoverTaken, "BE-1", "")
		h.refused(err, errs.NotFound, "that of another party")
		_, err = h.s.SettleHandOver(ctx, h.ana, to, x.UID, coordination.HandoverTaken, "BE-2026-77", "")
		h.must(err)
		_, err = h.s.SettleHandOver(ctx, h.ana, to, x.UID, coordination.HandoverRefuse, "", "not ours")
		h.refused(err, errs.Conflict, "settled twice")
		if list, err = h.s.Handovers(ctx, h.DB, h.ana, to); err != nil || list[0].State != coordination.HandoverTaken || list[0].Reference != "BE-2026-77" {
			h.Errorf("%+v %v", list, err)
		}
		if clocks, err = h.clocks.Under(ctx, h.DB, in.Ref.ID); err != nil || clocks[in.Ref.ID][0].Open() {
			h.Errorf("the clock still runs: %+v %v", clocks, err)
		}
	})
}
