package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// TestTheMainJob plays the story over HTTP: a report comes in, both organisations are asked, answer and act, the incident closes.
func TestTheMainJob(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		ana, one := h.as("analyst"), h.as("constituent")
		s := h.asked()
		if !strings.HasPrefix(s.report.StatusURL, "https://cert.example/r/") || s.report.Reference == "" {
			t.Errorf("told %+v", s.report)
		}
		if s.incident.Number == "" || s.incident.Title != "Files are encrypted" || s.incident.Severity != "high" || !s.incident.Mine {
			t.Errorf("incident %+v", s.incident)
		}
		mine, err := one.Report(ctx, s.report.ID)
		h.must(err)
		if mine.State != "handling" || mine.Triage != nil || mine.Summary != "Files are encrypted" {
			t.Errorf("its reporter reads %+v", mine)
		}

		// The first hospital answers and acts; the analyst checks.
		q, err := one.Answer(ctx, s.request, "Two servers.", []client.Attachment{{Name: "list.txt", ContentType: "text/plain", Content: []byte("srv1\nsrv2\n")}})
		h.must(err)
		if q.State != "answered" || len(q.Answers) != 1 || q.Answers[0].Text != "Two servers." || len(q.Answers[0].Files) != 1 || q.Incident != "" {
			t.Errorf("request %+v", q)
		}
		_, tag, err := one.Measure(ctx, s.measure)
		h.must(err)
		_, err = one.Move(ctx, s.measure, "acknowledge", client.Moving{}, client.IfMatch(tag))
		h.must(err)
		_, err = one.Move(ctx, s.measure, "plan", client.Moving{PlannedFor: h.Clock.Now().Add(time.Hour)}, client.IfMatch(tag))
		if !client.Is(err, 412) {
			t.Errorf("an old ETag: %v", err)
		}
		_, err = one.Move(ctx, s.measure, "plan", client.Moving{PlannedFor: h.Clock.Now().Add(time.Hour)})
		h.must(err)
		m, err := one.Move(ctx, s.measure, "done", client.Moving{Note: "Cable pulled at 10:12."})
		h.must(err)
		if m.State != "done" || m.Version != 0 || m.Incident != "" {
			t.Errorf("measure %+v", m)
		}
		if _, err := one.Move(ctx, s.measure, "verify", client.Moving{Note: "ours"}); !client.Is(err, 403) {
			t.Errorf("a party verifies: %v", err)
		}
		m, err = ana.Move(ctx, s.measure, "verify", client.Moving{Note: "Looked at the switch."})
		h.must(err)
		if m.State != "verified" || m.Incident != s.incident.Number {
			t.Errorf("measure %+v", m)
		}
		_, err = h.as("other").Move(ctx, s.measure2, "decline", client.Moving{Note: "We have no such machine."})
		h.must(err)
		matrix, err := ana.Parties(ctx, s.incident.ID)
		h.must(err)
		if len(matrix.Items) != 2 || matrix.Items[0].AnsweredAt.IsZero() || matrix.Items[0].VerifiedAt.IsZero() {
			t.Errorf("matrix %+v", matrix.Items)
		}

		// Work inside the incident.
		task, err := ana.AddTask(ctx, s.incident.Number, client.Task{Title: "Ask for a disk image", Mine: true})
		h.must(err)
		task, err = ana.SetTask(ctx, s.incident.Number, task.ID, true)
		h.must(err)
		if task.DoneAt.IsZero() {
			t.Error("the task is not done")
		}
		_, err = ana.AddEntry(ctx, s.incident.Number, client.Entry{Kind: "attack_event", Text: "First login by the intruder", HappenedAt: h.Clock.Now().Add(-time.Hour)})
		h.must(err)
		entries, err := ana.Timeline(ctx, s.incident.Number)
		h.must(err)
		if len(entries.Items) != 1 || entries.Items[0].Author == "" {
			t.Errorf("timeline %+v", entries)
		}
		title := "Encryption in two hospitals"
		read, err := ana.Incident(ctx, s.incident.Number)
		h.must(err)
		edited, err := ana.EditIncident(ctx, read, client.IncidentChange{Title: &title})
		h.must(err)
		if edited.Title != title {
			t.Errorf("edited %+v", edited)
		}
		if _, err := ana.EditIncident(ctx, read, client.IncidentChange{Title: &title}); !client.Is(err, 412) {
			t.Errorf("an old version: %v", err)
		}
		if _, err = ana.Rate(ctx, s.incident.Number, "critical", []string{"two hospitals"}); err != nil {
			t.Error(err)
		}
		found, err := ana.Search(ctx, "hospitals", client.Page{})
		h.must(err)
		if len(found.Items) != 1 {
			t.Errorf("found %+v", found)
		}
		due, err := ana.Deadlines(ctx, client.Page{})
		h.must(err)
		if len(due.Items) == 0 || due.Items[0].AboutID == "" {
			t.Errorf("deadlines %+v", due)
		}

		// Closing asks for all of it at once, then closes.
		_, err = ana.Close(ctx, s.incident.Number, client.Closing{})
		var p *client.Problem
		if !asProblem(err, &p) || p.Status != 422 || len(p.Errors) < 5 {
			t.Errorf("closing with nothing: %v", err)
		}
		closing := client.Closing{Outcome: "resolved", RootCause: "malicious_action", Impact: "significant", CrossBorder: "no", Report: "All is well.", Affected: 2}
		if _, err = ana.Close(ctx, s.incident.Number, closing); !client.Is(err, 409) {
			t.Errorf("closing with open requests: %v", err)
		}
		closing.Note = "The second hospital has nothing to answer."
		closed, err := ana.Close(ctx, s.incident.Number, closing)
		h.must(err)
		if closed.State != "closed" || closed.Closing == nil {
			t.Errorf("closed %+v", closed)
		}
		mine, err = one.Report(ctx, s.report.ID)
		h.must(err)
		if mine.State != "concluded" {
			t.Errorf("its reporter reads %s", mine.State)
		}
		reopened, err := ana.Reopen(ctx, s.incident.Number, "It came back")
		h.must(err)
		if reopened.State != "analysing" {
			t.Errorf("reopened %+v", reopened)
		}
		if h.log.Len() > 0 {
			t.Errorf("the log says %s", h.log)
		}
	})
}

// TestTriage does each act once, and takes it back.
func TestTriage(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		ana := h.as("analyst")
		r, err := h.as("").CreateReport(ctx, client.NewReport{Description: "A strange mail", Reporter: client.Reporter{Name: "Rui", Email: "rui@example.net"}, TLP: "TLP:GREEN"})
		h.must(err)
		for _, c := range []struct {
			in    client.Triage
			state string
		}{
			{client.Triage{Action: "reject", Reason: "spam", Note: "seen before"}, "rejected"},
			{client.Triage{Action: "restore"}, "new"},
			{client.Triage{Action: "pass_on", To: "The bank's own team"}, "passed_on"},
			{client.Triage{Action: "restore"}, "new"},
			{client.Triage{Action: "reply", Subject: "Thank you", Text: "Please send the headers.", TLP: "TLP:GREEN"}, "answered"},
		} {
			got, err := ana.Triage(ctx, r.Reference, c.in)
			h.must(err)
			if got.Report.State != c.state {
				t.Errorf("%s gives %s", c.in.Action, got.Report.State)
			}
		}
		i, err := ana.CreateIncident(ctx, client.NewIncident{Title: "Phishing wave", Severity: "low", TLP: "TLP:AMBER"})
		h.must(err)
		got, err := ana.Triage(ctx, r.ID, client.Triage{Action: "attach", Incident: i.Number})
		h.must(err)
		if got.Incident == nil || got.Incident.Number != i.Number || got.Report.Triage.Incidents[0] != i.Number {
			t.Errorf("attached %+v", got)
		}
		for name, in := range map[string]client.Triage{"no act": {}, "unknown act": {Action: "burn"}, "attach to nothing": {Action: "attach"}} {
			if _, err := ana.Triage(ctx, r.ID, in); !client.Is(err, 422) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestFilesAndOriginal holds rule F3 for the byte routes, and that an original is what was sent, byte for byte.
func TestFilesAndOriginal(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		one := h.as("constituent")
		body := `{ "summary" : "Bytes as they are",   "attachments":[{"name":"../../evil\".html","content_type":"text/html","base64":"PHNjcmlwdD4="}] }`
		made := h.raw("constituent", "POST", "/api/v1/reports", body)
		if made.status != 201 {
			t.Fatalf("%+v", made)
		}
		list, err := one.Reports(ctx, client.Page{})
		h.must(err)
		id := list.Items[0].ID
		a, err := one.Original(ctx, id)
		h.must(err)
		sum := sha256.Sum256([]byte(body))
		if string(a.Body) != body || a.Header.Get("X-Content-SHA256") != hex.EncodeToString(sum[:]) || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("original %s %v", a.Body, a.Header)
		}
		subs, err := one.Submissions(ctx, id)
		h.must(err)
		if len(subs.Items) != 1 || len(subs.Items[0].Files) != 1 {
			t.Fatalf("submissions %+v", subs)
		}
		f := subs.Items[0].Files[0]
		b, err := one.File(ctx, id, subs.Items[0].ID, f.ID)
		h.must(err)
		if string(b.Body) != "<script>" || f.Name != `../../evil".html` {
			t.Errorf("file %q %q", b.Body, f.Name)
		}
		for _, h := range []struct{ name, want string }{
			{"Content-Type", "application/octet-stream"},
			{"X-Content-Type-Options", "nosniff"},
			{"Content-Disposition", `attachment; filename="_.._evil_.html"`},
			{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"},
			{"Cache-Control", "no-store"},
		} {
			if got := b.Header.Get(h.name); got != h.want {
				t.Errorf("%s is %q", h.name, got)
			}
		}
		m, err := one.AddToReport(ctx, id, "One more thing", []client.Attachment{{Name: "b.bin", Content: bytes.Repeat([]byte{0}, 100)}})
		h.must(err)
		if m.Direction != "in" || len(m.Files) != 1 || m.Team != nil {
			t.Errorf("added %+v", m)
		}
		if _, err := one.AddToReport(ctx, id, "", nil); !client.Is(err, 422) {
			t.Errorf("nothing added: %v", err)
		}
		if a := h.raw("analyst", "GET", "/api/v1/reports/"+id+"/parts", ""); a.status != 200 || !strings.Contains(a.body, `"proof":"signed_in"`) {
			t.Errorf("parts %+v", a)
		}
	})
}
