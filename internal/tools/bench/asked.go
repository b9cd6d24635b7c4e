package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

const matrixPage = 100 * time.Millisecond // p95, of 500 parties by 5

// askedMany measures the matrix of an incident in which 500 parties were given five measures and asked the shipped questions, of which nine in ten were answered.
func (w *world) askedMany(ctx context.Context) (func(context.Context) (result, error), func(), error) {
	if err := w.open(ctx); err != nil {
		return nil, nil, err
	}
	most := 500
	if w.tiny {
		most = 3
	}
	number, err := w.campaign(ctx, most)
	if err != nil {
		return nil, nil, err
	}
	desk := func(w *world, r *http.Request, _ int) { r.AddCookie(w.analyst) }
	return w.reading(reading{"", func(*world) string { return "/desk/incidents/" + number + "/parties" }, desk, true}, 1)(ctx)
}

// campaign opens the incident, asks and answers, and gives its number.
func (w *world) campaign(ctx context.Context, most int) (string, error) {
	h, run := w.house, time.Now().UnixNano()
	in, err := h.Incidents.Open(ctx, w.by, incident.NewIncident{Title: "Everybody's gateway", TLP: tlp.Green})
	if err != nil {
		return "", err
	}
	var parties []string
	for n := range most {
		o, err := h.Constituency.Create(ctx, w.by, constituency.NewOrganisation{Name: fmt.Sprintf("Asked %d %d", run, n), Lang: []string{"en", "pt", "fr", "nl", "de"}[n%5]})
		if err != nil {
			return "", err
		}
		if _, err := h.Constituency.AddContact(ctx, w.by, o.UID, constituency.NewContact{Name: "Desk", Role: "security", Email: fmt.Sprintf("soc@asked%dx%d.example", run, n)}); err != nil {
			return "", err
		}
		added, err := h.Coordination.Add(ctx, w.by, in.UID, []string{o.UID}, coordination.Affected, "")
		if err != nil {
			return "", err
		}
		parties = append(parties, added[0].UID)
	}
	var advice []string
	for _, r := range h.Playbook.Recommendations(playbook.Filter{Lang: "en"})[:5] {
		advice = append(advice, r.Code)
	}
	give := coordination.Give{Parties: parties, Recommendations: advice, Request: "Do you run it?", Questions: "exposure", DueAt: h.Clock.Now().Add(48 * time.Hour), TLP: tlp.Green, Looked: true}
	if _, err := h.Coordination.Send(ctx, w.by, in.UID, give); err != nil {
		return "", err
	}
	rows, err := h.Coordination.Matrix(ctx, w.by, in.UID)
	if err != nil {
		return "", err
	}
	for n, row := range rows {
		for i, m := range row.Measures {
			if (n+i)%10 != 0 {
				if _, err := h.Coordination.Move(ctx, w.by, m.UID, coordination.MoveInput{To: coordination.Done, Note: "said by telephone"}); err != nil {
					return "", err
				}
			}
		}
		for _, r := range row.Requests {
			if n%10 == 0 {
				continue
			}
			said := coordination.Answers{"runs": {Value: "yes"}, "version": {Value: "9." + strconv.Itoa(n%7)}, "count": {Value: strconv.Itoa(n)}, "patched": {Value: "2026-01-02"}, "compromised": {NotLooked: true}}
			if _, err := h.Coordination.AnswerQuestions(ctx, w.by, r.UID, coordination.ReplyInput{Answers: said}); err != nil {
				return "", err
			}
		}
	}
	return in.Number, nil
}
