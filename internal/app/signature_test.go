package app

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/pgptest"
)

// signedMail is a mail over an unproved host with a signature made at a time. Changed bytes are changed after signing.
func signedMail(t *testing.T, k pgptest.Key, from, subject string, dated, signed time.Time, changed bool) string {
	t.Helper()
	body := string(k.Sign(t, []byte("Content-Type: text/plain; charset=utf-8\r\n\r\nPay 10 to the plumber.\r\n"), signed))
	if changed {
		body = strings.Replace(body, "Pay 10", "Pay 99", 1)
	}
	return crlf("From: "+from+"\nTo: "+teamAddress+"\nSubject: "+subject+"\nDate: "+dated.Format(time.RFC1123Z)+"\nMessage-ID: <"+unique()+"@mail.example>\nMIME-Version: 1.0\n") + body
}

// offer puts a key before the people who may approve it; approve lets them.
func (h *house) offer(contact string, k pgptest.Key, approve bool) {
	h.t.Helper()
	ctx := h.t.Context()
	c, err := h.Constituency.ContactByEmail(ctx, h.DB, contact)
	h.must(err)
	// The registry is not told of the end: it would refuse to approve what has ended, and a key may end a minute after.
	h.must(h.Constituency.OfferKey(ctx, sample(), c.UID, k.Public.Binary(), k.Public.Fingerprint(), time.Time{}, "hand"))
	if !approve {
		return
	}
	all, err := h.Constituency.AllKeys(ctx, h.DB, c.ID)
	h.must(err)
	for _, x := range all {
		if x.Fingerprint == k.Public.Fingerprint() {
			_, err = h.Constituency.ApproveKey(ctx, sample(), x.UID, "fingerprint read on the telephone")
			h.must(err)
		}
	}
}

var factsOf = regexp.MustCompile(`(?s)<dl class="props">.*?</dl>`)

// TestAValidSignatureIsOneOfThatContact is the matrix of rule P3, each case a mail over SMTP and the page that an analyst sees: a signature is
// shown as valid when it verifies over the bytes, by a key approved for that contact, alive and not revoked when it signed, made to sign, within
// a day of the mail's date, and the contact's address is the sender's. All else is signed by an unknown key.
func TestAValidSignatureIsOneOfThatContact(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	const hour = time.Hour
	now := time.Now().UTC().Truncate(time.Second)
	made, signed := now.Add(-48*hour), now.Add(-6*hour)
	before, after := signed.Add(-2*hour), signed.Add(2*hour)
	ends := []struct {
		name string
		plan pgptest.Plan
		good bool
	}{
		{"alive", pgptest.Plan{}, true},
		{"revoked before", pgptest.Plan{Revoked: before}, false},
		{"replaced after", pgptest.Plan{Revoked: after}, true},
		{"stolen, told after", pgptest.Plan{Revoked: after, Compromised: true}, false},
		{"expired before", pgptest.Plan{Ends: before}, false},
		{"expired after", pgptest.Plan{Ends: after}, true},
	}
	org, _ := h.organisation("Hospital", "en", "Carla Reis", "carla@hospital.example", nil)
	type mail struct {
		subject, why, raw string
		proof             correspondence.Proof
	}
	var mails []mail
	for i, end := range ends {
		rui := fmt.Sprintf("rui%d@hospital.example", i)
		_, err := h.Constituency.AddContact(t.Context(), sample(), org.UID, constituency.NewContact{Name: "Rui Tavares", Email: rui, Lang: "en"})
		h.must(err)
		for _, trust := range []string{"approved for the sender", "approved for another contact", "only offered", "unknown"} {
			for _, signs := range []bool{true, false} {
				plan := end.plan
				plan.Address, plan.Made, plan.NotToSign = rui, made, !signs
				k := pgptest.New(t, plan)
				switch trust {
				case "approved for the sender":
					h.offer(rui, k, true)
				case "approved for another contact":
					h.offer("carla@hospital.example", k, true)
				case "only offered":
					h.offer(rui, k, false)
				}
				for _, verifies := range []bool{true, false} {
					for _, away := range []time.Duration{23 * hour, 25 * hour, -25 * hour} {
						for _, from := range []string{rui, "somebody@hospital.example"} {
							own := trust == "approved for the sender" && from == rui
							m := mail{subject: fmt.Sprintf("case %d", len(mails)), proof: correspondence.Claimed}
							m.why = fmt.Sprintf("%s: key %s, %s, to sign %v, verifies %v, dated %v off, from %s", m.subject, trust, end.name, signs, verifies, away, from)
							m.raw = signedMail(t, k, from, m.subject, signed.Add(-away), signed, !verifies)
							switch {
							case own && !verifies:
								m.proof = correspondence.Forged
							case own && end.good && signs && away == 23*hour:
								m.proof = correspondence.SignedByKey
							}
							mails = append(mails, m)
						}
					}
				}
			}
		}
	}
	h.serve()
	ana := h.person(access.Analyst, "ana@cert.example", "")
	for _, m := range mails {
		h.mail("x@nowhere.example", teamAddress, m.raw)
	}
	got := map[string]intake.Report{}
	h.eventually("the mails", func() bool {
		for after := ""; ; {
			list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 200, After: after})
			h.must(err)
			for _, l := range list.Items {
				got[l.Body.Summary] = l
			}
			if after = list.Next; after == "" {
				return len(got) >= len(mails)
			}
		}
	})
	proved := 0
	for _, m := range mails {
		r := got[m.subject]
		if r.Proof != m.proof {
			t.Errorf("%s: proof %d, want %d", m.why, r.Proof, m.proof)
			continue
		}
		facts := factsOf.FindString(ana.page("/desk/triage?report=" + r.UID))
		valid := strings.Contains(facts, "Signed, known key") || strings.Contains(facts, "#shield-check") || strings.Contains(facts, "It covers text and files")
		unknown := strings.Contains(facts, "Signed by an unknown key")
		if m.proof == correspondence.SignedByKey {
			proved++
			if !valid || unknown || !strings.Contains(facts, "Rui Tavares, rui") {
				t.Errorf("%s: shown as %s", m.why, plain(facts))
			}
		} else if valid || !unknown {
			t.Errorf("%s: shown as %s", m.why, plain(facts))
		}
	}
	if proved != 3 {
		t.Errorf("%d of %d cases are valid, want one for each of three keys", proved, len(mails))
	}
}

// TestBothVerdictsAreShown lets an analyst approve a key whose mail came before: the job checks it again, and the page shows both verdicts.
func TestBothVerdictsAreShown(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	h.organisation("Hospital", "en", "Rui Tavares", "rui@hospital.example", nil)
	now := time.Now().UTC().Truncate(time.Second)
	k := pgptest.New(t, pgptest.Plan{Address: "rui@hospital.example", Made: now.Add(-48 * time.Hour)})
	h.offer("rui@hospital.example", k, false)
	h.serve()
	ana := h.person(access.Analyst, "ana@cert.example", "")
	h.mail("x@nowhere.example", teamAddress, signedMail(t, k, "rui@hospital.example", "early", now, now, false))
	var at string
	h.eventually("the mail", func() bool {
		list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 2})
		h.must(err)
		if len(list.Items) == 1 {
			at = "/desk/triage?report=" + list.Items[0].UID
		}
		return at != ""
	})
	if facts := plain(factsOf.FindString(ana.page(at))); !strings.Contains(facts, "Sender not proved") || !strings.Contains(facts, "Signed by an unknown key") || strings.Contains(facts, "Checked again") {
		t.Errorf("before: %s", facts)
	}
	c, err := h.Constituency.ContactByEmail(t.Context(), h.DB, "rui@hospital.example")
	h.must(err)
	all, err := h.Constituency.AllKeys(t.Context(), h.DB, c.ID)
	h.must(err)
	orgs, err := h.Constituency.ByID(t.Context(), h.DB, c.Organisation)
	h.must(err)
	ana.post("/desk/keys/"+all[0].UID+"/approve", "how", "fingerprint read on the telephone", "organisation", orgs[c.Organisation].UID)
	h.eventually("the second verdict", func() bool { return strings.Contains(ana.page(at), "Checked again on") })
	facts := plain(factsOf.FindString(ana.page(at)))
	if !strings.Contains(facts, "Sender not proved") || !strings.Contains(facts, ": Signed, known key") || !strings.Contains(facts, "Rui Tavares, rui@hospital.example") {
		t.Errorf("after: %s", facts)
	}
	incident, _, _ := strings.Cut(ana.post("/desk/reports/"+strings.TrimPrefix(at, "/desk/triage?report=")+"/accept"), "?")
	if marks := plain(regexp.MustCompile(`(?s)<article class="message">.*?</header>`).FindString(ana.page(incident))); !strings.Contains(marks, "Sender not proved") || !strings.Contains(marks, ": Signed, known key") {
		t.Errorf("on the timeline: %s", marks)
	}
}
