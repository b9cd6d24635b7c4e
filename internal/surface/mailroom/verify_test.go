package mailroom

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// verify runs the jobs of approved keys.
func (h *house) verify() {
	h.Helper()
	all, err := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID)
	must(h.T, err)
	for _, k := range all {
		must(h.T, h.room.Verify(h.ctx, constituency.ApprovedJob{Key: k.UID}))
	}
}

// When a key is approved, mail that it signed before is checked again: the later verdict stands beside the earlier one and in the record, and
// what was done by the earlier one stays until a person acts (rule P3).
func TestASignatureIsCheckedAgainWhenItsKeyIsApproved(t *testing.T) {
	engines(t, func(h *house) {
		h.room.Constituency.Jobs = h.Jobs
		const rui = "rui@hospital.example"
		other := newPerson(h.T, h.House, "Rui Tavares", rui)
		sent := map[string]string{
			"whole":            h.signed(h.ruiKey, rui, "whole", "ten"),
			"closed":           h.sealed(&h.ruiKey, rui, "closed", "my own words"),
			"changed":          strings.Replace(h.signed(h.ruiKey, rui, "changed", "pay 10"), "pay 10", "pay 99", 1),
			"by another key":   h.signed(other, rui, "by another key", "ten"),
			"by another name":  h.signed(h.ruiKey, "m@other.example", "by another name", "ten"),
			"not signed":       h.letterOf(rui, "not signed", "ten"),
			"sealed by nobody": h.sealed(nil, rui, "sealed by nobody", "ten"),
		}
		for _, raw := range sent {
			h.mail("x@nowhere.example", "report@cert.example", raw)
		}
		h.sort()
		message := func(subject string) (intake.Report, correspondence.Message) {
			for _, l := range h.reports() {
				if l.Body.Summary == subject {
					return l.Report, h.messages(l.Thread, h.ana)[0]
				}
			}
			h.Fatalf("%s is lost", subject)
			return intake.Report{}, correspondence.Message{}
		}
		was := map[string]correspondence.Proof{}
		for subject := range sent {
			_, m := message(subject)
			if was[subject] = m.Proof; m.Proof.Proved() || m.Body.Signature != nil || m.Body.Again != nil {
				t.Errorf("%s, before: %+v", subject, m)
			}
		}
		h.Clock.Advance(40 * 24 * time.Hour) // it takes a while until somebody reads a fingerprint on the telephone
		h.ana = h.Person(1, "Ana", access.Analyst)
		h.approve()
		h.verify()
		h.verify() // jobs may run twice
		for subject := range sent {
			r, m := message(subject)
			if m.Proof != was[subject] || r.Proof != was[subject] || m.State != correspondence.Filed || r.Receipt != intake.ReceiptHeld {
				t.Errorf("%s: the earlier verdict is not what it was: %d, report %d, %s, %s", subject, m.Proof, r.Proof, m.State, r.Receipt)
			}
			again := m.Body.Again
			switch subject {
			case "whole", "closed":
				if again == nil || again.Proof != correspondence.SignedByKey || again.Signature == nil || again.Signature.Email != rui || again.Key != h.ruiKey.key.Fingerprint() || !again.At.Equal(h.Clock.Now()) {
					t.Errorf("%s: checked again as %+v", subject, again)
				}
			case "changed":
				if again == nil || again.Proof != correspondence.Forged || again.Signature != nil || len(again.Reasons) == 0 {
					t.Errorf("%s: checked again as %+v", subject, again)
				}
			default:
				if again != nil {
					t.Errorf("%s: checked again as %+v", subject, again)
				}
			}
			rows, err := h.Audit.About(h.ctx, h.DB, r.Ref.ID, 0, 100)
			must(t, err)
			noted := 0
			for _, row := range rows {
				if row.Verb == "correspondence.verify" {
					noted++
					if row.Compartment != 0 || row.On.ID != r.Thread || len(row.Changes) != 2 {
						t.Errorf("%s: the record says %+v", subject, row)
					}
				}
			}
			if want := map[bool]int{true: 1, false: 0}[again != nil]; noted != want {
				t.Errorf("%s: %d entries in the record, want %d", subject, noted, want)
			}
		}
	})
}
