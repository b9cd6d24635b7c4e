package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// world is what there is to see.
type world struct {
	ours, theirs, sealed map[string]string // by wildcard: of our walkers' organisation, of another, of a sealed case
}

// registration is one of an entity by its own word, with a proof of authority: the uids of both, and the code of the first.
func (h *house) registration(name string) (uid, enclosure, code string) {
	h.t.Helper()
	ctx := h.t.Context()
	said, err := registration.Read(h.Registration.Annexes, registration.Boxes{
		"sector": "energy", "kind": "charging_points", "staff": "60", "name": name, "identifier": name, "address": name, "country": name, "security_name": name, "security_email": "desk@entity.example",
		"security_phone": "+999 234 559 117", "signer": name, "signer_role": name, "basis": "legal", "statement": name, "admin_name": name, "admin_email": "first@entity.example", "trade": name,
		"representative": name, "outside": name, "also": name, "networks": "entity.example",
	}, 0)
	h.must(err)
	raw, err := json.Marshal(said)
	h.must(err)
	secret := id.NewCode()
	hash, public := codebox.Halves(secret, intake.RegistrationPurpose)
	in := intake.Registered{
		At: time.Now(), Reference: id.Reference(intake.RegistrationPrefix, 2026), CodeHash: hash, CodeKey: public, Lang: "en", Said: raw,
		Files: []correspondence.FileIn{{Name: name + ".pdf", Type: "application/pdf", Content: strings.NewReader(name)}},
	}
	h.must(h.Registration.FromBox(ctx, in, func(context.Context, *db.Tx) error { return nil }))
	r, err := h.Registration.Get(ctx, h.DB, sample(), in.Reference)
	h.must(err)
	files, err := h.Registration.Files(ctx, h.DB, r)
	h.must(err)
	return r.UID, files[0].UID, secret.Reveal()
}

// build makes two organisations in one incident, and a third in a sealed one.
func (h *house) build() (world, map[string]constituency.Organisation) {
	h.t.Helper()
	ctx := h.t.Context()
	orgs := map[string]constituency.Organisation{}
	provider := ""
	fill := func(title string, names ...string) map[string]map[string]string {
		out := map[string]map[string]string{}
		var uids []string
		for _, n := range names {
			o, c := h.organisation(n, "en", "Contact of "+n, n+"@"+n+".example", nil)
			orgs[n] = o
			cert := newCertificate(h, n+"@"+n+".example")
			h.must(h.Constituency.OfferKey(ctx, sample(), c.UID, cert.Binary(), cert.Fingerprint(), cert.Expires(), "portal"))
			keys, err := h.Constituency.AllKeys(ctx, h.DB, c.ID)
			h.must(err)
			number, err := h.Constituency.AddNumber(ctx, sample(), c.UID, constituency.NewNumber{Number: "+999 234 559 111"})
			h.must(err)
			asset, err := h.Constituency.AddAsset(ctx, sample(), o.UID, constituency.NewAsset{Value: "asset-of-" + o.UID + ".example"})
			h.must(err)
			proof, err := h.Constituency.Claim(ctx, sample(), o.UID, constituency.Claim{Value: "proof-of-" + o.UID + ".example", Way: constituency.ByRegistry, Evidence: "domain: proof-of-" + o.UID + ".example"})
			h.must(err)
			registration, enclosure, _ := h.registration("Entity " + n)
			out[n] = map[string]string{"registration": registration, "enclosure": enclosure, "organisation": o.UID, "key": keys[0].UID, "contact": c.UID, "number": number.UID, "asset": asset.UID, "proof": proof.UID}
			uids = append(uids, o.UID)
		}
		in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: title, TLP: tlp.Green})
		h.must(err)
		task, err := h.Incidents.AddTask(ctx, sample(), in.UID, incident.Task{Title: "Look"})
		h.must(err)
		_, err = h.Coordination.Add(ctx, sample(), in.UID, uids, coordination.Affected, "")
		h.must(err)
		rows, err := h.Coordination.Matrix(ctx, sample(), in.UID)
		h.must(err)
		var parties []string
		for _, r := range rows {
			parties = append(parties, r.Party.UID)
		}
		_, err = h.Coordination.Send(ctx, sample(), in.UID, coordination.Give{
			Parties: parties, Recommendations: []string{h.Playbook.Recommendations(playbook.Filter{Lang: "en"})[0].Code}, Request: "Since when?", Questions: "exposure", TLP: tlp.Green, DueAt: time.Now().Add(48 * time.Hour), Looked: true,
		})
		h.must(err)
		rows, err = h.Coordination.Matrix(ctx, sample(), in.UID)
		h.must(err)
		_, err = h.Coordination.Climb(ctx, sample(), in.UID, coordination.ClimbInput{Act: coordination.ClimbBegin, Parties: parties, Ladder: coordination.StandardLadder})
		h.must(err)
		_, err = h.DB.Exec(ctx, `UPDATE coordination_climb SET state = 'asks', rung = 3 WHERE subject = $1`, in.Ref.ID) // a step waits for a person
		h.must(err)
		sending, err := h.Coordination.NewSending(ctx, sample(), in.UID)
		h.must(err)
		_, err = h.Coordination.Choose(ctx, sample(), sending.UID, coordination.Choose{Parties: true, List: "nobody.has.it.example"})
		h.must(err)
		_, err = h.Coordination.SetLetter(ctx, sample(), sending.UID, 0, coordination.Give{Text: "Look at it.", TLP: tlp.Green})
		h.must(err)
		target, err := h.Takedown.Add(ctx, sample(), in.UID, takedown.NewTarget{What: "http://walked.example/", Kind: takedown.Phishing, Words: "A page that asks for passwords."})
		h.must(err)
		if provider == "" {
			p, err := h.Takedown.SaveProvider(ctx, sample(), "", 0, takedown.NewProvider{Name: "Walked host", Email: "abuse@walked.example", Role: coordination.Host, Form: takedown.ByLetter})
			h.must(err)
			provider = p.UID
		}
		h.must(h.Takedown.Name(ctx, sample(), target.UID, provider))
		proposals, err := h.Takedown.Proposals(ctx, sample(), in.UID)
		h.must(err)
		mass := id.New()
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO correspondence_mass (uid, subject, subject_kind, asked_by, asked_at, readers, tlp, hash, state) VALUES ($1, $2, $3, 1, $4, 60, 2, $5, 'waiting')`,
				mass, in.Ref.ID, int64(in.Ref.Kind), time.Now(), []byte{})
			if err != nil {
				return err
			}
			return h.Alarms.RaiseTx(ctx, tx, access.Actor{Account: 999, Name: "Somebody"}, alarm.Alarm{Kind: alarm.BrokenGlass, On: in.Ref, Named: in.Number})
		}))
		entry, err := h.Incidents.AddEntry(ctx, sample(), in.UID, incident.Entry{Kind: "note", Text: "What we know of it."})
		h.must(err)
		shared, err := h.Coordination.Share(ctx, sample(), in.UID, coordination.ShareInput{Item: coordination.Item{Kind: coordination.ItemEntry, ID: entry.UID}, Readers: parties, Text: "Look for a file."})
		h.must(err)
		call, err := h.Coordination.PlanCall(ctx, sample(), in.UID, coordination.NewCall{Title: "How it stands", How: "by telephone", StartsAt: time.Now().Add(48 * time.Hour), Minutes: 30})
		h.must(err)
		situation := h.sharedSituation(in, rows)
		alarms, err := h.Alarms.List(ctx, sample())
		h.must(err)
		for _, r := range rows {
			for _, n := range names {
				if orgs[n].Ref.ID != r.Party.Organisation {
					continue
				}
				o := out[n]
				o["incident"], o["name"], o["kind"], o["field"], o["task"] = in.Number, in.UID, "incident", "note", task.UID
				o["sending"], o["share"] = sending.UID, shared.UID
				var matter, document string
				h.must(h.DB.QueryRow(ctx, `SELECT o.uid, m.uid FROM correspondence_message m JOIN object o ON o.id = m.thread WHERE m.kind = 'share' AND m.thread = $1`, r.Party.Thread).Scan(&matter, &document))
				o["matter"], o["document"] = matter, document
				o["sending"], o["target"], o["proposal"], o["provider"] = sending.UID, target.UID, proposals[target.ID][0].UID, provider
				o["mass"], o["alarm"] = mass, alarms[0].UID
				h.must(h.Coordination.DoubtOf(ctx, sample(), r.Party.UID))
				doubts, err := h.Constituency.Doubts(ctx, h.DB, sample(), orgs[n].UID)
				h.must(err)
				o["doubt"], o["questions"] = doubts[0].UID, "exposure"
				handed, err := h.Coordination.HandOver(ctx, sample(), r.Party.UID, coordination.HandOverInput{Title: "A case", Summary: "It happened.", DueAt: time.Now().Add(48 * time.Hour), Looked: true})
				h.must(err)
				o["handed"] = handed.UID
				o["ladder"] = coordination.StandardLadder
				o["locked"] = h.lockedLetter(r.Party.Thread)
				o["meeting"], o["coordination-call"], o["situation"] = call.UID, call.UID, situation.UID
				o["party"], o["request"], o["measure"] = r.Party.UID, r.Requests[0].UID, r.Measures[0].UID
				h.reportOf(orgs[n], o)
			}
		}
		return out
	}
	// What is held shows nothing yet to who will read it: the letters leave here as the worker would let them.
	sent := func() {
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, q := range []string{
				`UPDATE correspondence_message SET state = 'sent', sent_at = at WHERE state = 'held'`, `UPDATE coordination_request SET shown_at = 1`, `UPDATE coordination_measure SET shown_at = 1`,
			} {
				if _, err := tx.Exec(ctx, q); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	defer sent()
	open := fill("Open case", "ours", "theirs")
	var mark int64
	h.must(h.DB.QueryRow(ctx, `SELECT MAX(id) FROM object`).Scan(&mark))
	sealed := fill("Sealed case", "hidden")["hidden"]
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE object SET sealed = TRUE WHERE id > $1 AND realm = $2`, mark, int64(access.Team))
		return err
	}))
	return world{ours: open["ours"], theirs: open["theirs"], sealed: sealed}, orgs
}

// sharedSituation opens one with the first party of an incident, which is an authority for it.
func (h *house) sharedSituation(in incident.Incident, rows []coordination.Row) coordination.Situation {
	h.t.Helper()
	ctx := h.t.Context()
	org, err := h.Constituency.ByID(ctx, h.DB, rows[0].Party.Organisation)
	h.must(err)
	h.must(h.Constituency.SetLiaison(ctx, sample(), org[rows[0].Party.Organisation].UID, constituency.Liaison{Kind: constituency.Regulator}))
	x, err := h.Coordination.OpenSituation(ctx, sample(), in.UID, coordination.NewSituation{Ground: coordination.Need, Reasons: "It grows.", Members: []string{rows[0].Party.UID}})
	h.must(err)
	return x
}

// reportOf lets somebody of an organisation report with a file in the portal.
func (h *house) reportOf(o constituency.Organisation, names map[string]string) {
	h.t.Helper()
	ctx := h.t.Context()
	by := access.Actor{Name: "R", Roles: []access.Role{access.Constituent}, Organisation: o.Ref.ID, Compartments: []int64{o.Ref.ID}, Origin: access.ByPage, Strength: access.Password, ProvedAt: time.Now(), Lang: "en"}
	by.Account = h.account(access.Constituent, "reporter@"+o.Name+".example", o.UID).ID
	got, err := h.Intake.Receive(ctx, by, intake.ReceiveInput{
		Channel: correspondence.ByPortal, Lang: "en", TLP: tlp.Green.String(), Body: intake.Body{
			Summary: "Report of " + o.Name, Description: "It happened.", Fields: map[string]string{"law": "be-nis2", "stage": "early_warning"},
		}, Original: []byte(`{"a":1}`),
		Files: []correspondence.FileIn{{Name: "log.txt", Type: "text/plain", Content: strings.NewReader("a line")}},
	})
	h.must(err)
	names["report"] = got.Report.UID
	owed, err := h.Intake.Obligations(ctx, h.DB, sample(), got.Report.Ref.ID)
	h.must(err)
	ring, err := LoadTeamSecrets(h.Config)
	h.must(err)
	if n, err := h.Intake.MakeSheets(ctx, intake.Sheets{Sign: keyd.NewInProcess(ring, keyd.Options{Clock: h.Clock}).SignDocument, Text: h.Text, Zone: time.UTC, Team: "CERT.VM", URL: h.publicURL()}); err != nil || n != 1 {
		h.t.Fatalf("%d receipts, %v", n, err)
	}
	names["number"] = "1"
	_, err = h.DB.Exec(ctx, `UPDATE intake_report SET behalf = 1 WHERE id = $1`, got.Report.Ref.ID)
	h.must(err)
	vouch, err := h.Intake.AskVouch(ctx, sample(), got.Report.UID, o.UID)
	h.must(err)
	names["vouch"] = vouch.UID
	names["obligation"] = owed[got.Report.Ref.ID][0].UID
	passed, err := h.Intake.Forward(ctx, sample(), names["obligation"], intake.ForwardInput{Recipient: "sector_authority", Organisation: o.UID})
	h.must(err)
	names["forward"] = passed.UID
	run, err := h.Intake.StartRun(ctx, sample(), intake.RunInput{Action: intake.RunReject, Reports: []string{names["report"]}, Reason: "spam"})
	h.must(err)
	names["run"] = run.UID
	rule, err := h.Intake.SaveRule(ctx, sample(), intake.Rule{Name: "Walked", When: intake.Conditions{Senders: []string{"walked.example"}}, Do: intake.Acts{Place: intake.PlaceKeep}})
	h.must(err)
	names["rule"], names["reason"] = rule.UID, intake.SpamReason
	threads, err := h.Correspondence.Threads(ctx, h.DB, got.Report.Thread)
	h.must(err)
	names["thread"] = threads[got.Report.Thread].UID
	list, err := h.Correspondence.Messages(ctx, h.DB, sample(), got.Report.Thread)
	h.must(err)
	for _, m := range list {
		if len(m.Body.Files) > 0 {
			names["message"], names["file"] = m.UID, m.Body.Files[0].UID
		}
	}
	if names["file"] == "" {
		h.t.Fatal("the report has no file")
	}
}

// lockedLetter makes the newest letter of a thread one that leaves as a locked file, and gives it a code.
func (h *house) lockedLetter(thread int64) (uid string) {
	h.t.Helper()
	ctx := h.t.Context()
	var n int64
	h.must(h.DB.QueryRow(ctx, `SELECT id, uid FROM correspondence_message WHERE thread = $1 AND direction = 2 AND kind <> 'share' AND state IN ('held', 'sent') ORDER BY id DESC LIMIT 1`, thread).Scan(&n, &uid))
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		key, err := h.Ring.Get(ctx, tx, thread)
		if err != nil {
			return err
		}
		body := key.Seal(fmt.Sprintf("correspondence_code.body:%d", n), []byte(`{"code":"1234512345123451234512345"}`))
		if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET road = 5 WHERE id = $1`, n); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO correspondence_code (message, thread, made_at, body) VALUES ($1, $2, $3, $4)`, n, thread, h.Clock.Now(), body)
		return err
	}))
	return uid
}

// shift puts two people on duty, writes what one leaves to the other, and pages.
func (h *house) shift() (handover, page string) {
	ctx := h.t.Context()
	one, two := h.account(access.Duty, "one@shift.example", ""), h.account(access.Duty, "two@shift.example", "")
	_, err := h.Duty.SetRotation(ctx, sample(), duty.NewRotation{Every: duty.Daily, FirstDay: h.Clock.Now().AddDate(0, 0, -3).Format(time.DateOnly), People: []int64{one.ID, two.ID}})
	h.must(err)
	o, err := h.Duty.Write(ctx, sample())
	h.must(err)
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := h.Duty.PageTx(ctx, tx, duty.NewPage{Key: "walk", Reason: duty.Critical, Number: "R-2026-7K2PQX"})
		return err
	}))
	all, err := h.Duty.Pages(ctx, h.DB, sample(), 1)
	h.must(err)
	return o.UID, all[0].UID
}
