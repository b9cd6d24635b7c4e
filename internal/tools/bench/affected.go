package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

// manyAffected files two stages for as many organisations as one submission may name, as the form of the desk does: the names are found, the stages
// filed, each with its clocks, and the page with all of them read. What others wait for the writer meanwhile is the longest of a small verb that
// another desk sends again and again.
func (w *world) manyAffected(ctx context.Context) (string, bool, error) {
	if err := w.open(ctx); err != nil {
		return "", false, err
	}
	h, most := w.house, intake.MaxAffected
	if w.tiny {
		most = 3
	}
	var names []string
	for n := range most {
		o, err := h.Constituency.Create(ctx, w.by, constituency.NewOrganisation{Name: fmt.Sprintf("Town of the bench %d %d", time.Now().UnixNano(), n), Communities: []string{"public_administration"}, Lang: "en"})
		if err != nil {
			return "", false, err
		}
		names = append(names, o.Name)
	}
	got, err := h.Intake.Receive(ctx, w.by, intake.ReceiveInput{Channel: correspondence.ByPhone, Lang: "en", TLP: "AMBER", Body: intake.Body{Summary: "A provider of the bench is down", Name: "Bench"}})
	if err != nil {
		return "", false, err
	}
	other, err := h.Intake.Receive(ctx, w.by, intake.ReceiveInput{Channel: correspondence.ByPhone, Lang: "en", TLP: "AMBER", Body: intake.Body{Summary: "Something else", Name: "Bench"}})
	if err != nil {
		return "", false, err
	}
	quiet, waited := make(chan struct{}), make(chan time.Duration)
	go func() {
		var longest time.Duration
		for {
			select {
			case <-quiet:
				waited <- longest
				return
			default:
			}
			began := time.Now()
			if _, err := h.Intake.Assign(ctx, w.by, other.Report.UID, w.by.Account); err == nil {
				longest = max(longest, time.Since(began))
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	file := func(stage string, answers law.Answers) (time.Duration, error) {
		began := time.Now()
		found, err := h.Constituency.NamedMany(ctx, w.by, names...)
		if err != nil {
			return 0, err
		}
		in := intake.SubmitInput{Set: "be-nis2", Stage: stage, Class: "essential", Channel: correspondence.ByPhone, Answers: answers}
		for _, name := range names {
			in.Affected = append(in.Affected, found[name].UID)
		}
		_, err = h.Intake.Submit(ctx, w.by, got.Report.UID, in)
		return time.Since(began), err
	}
	aware := h.Clock.Now().UTC().Format(time.RFC3339)
	first, err := file("early_warning", law.Answers{"aware_at": aware, "malicious": "unknown", "summary": "All of them are down"})
	var second time.Duration
	if err == nil {
		second, err = file("notification", law.Answers{"detected_at": aware, "status": "Some are back", "malicious": "no"})
	}
	close(quiet)
	longest := <-waited
	if err != nil {
		return "", false, err
	}
	began := time.Now()
	all, err := h.Intake.Obligations(ctx, h.DB, w.by, got.Report.Ref.ID)
	read := time.Since(began)
	if err != nil {
		return "", false, err
	}
	ok := len(all[got.Report.Ref.ID]) == most && first <= manyFiled && second <= manyFiled
	return fmt.Sprintf("early warning %s, notification %s, read %s, %d organisations; another verb waited at most %s", first.Round(time.Millisecond), second.Round(time.Millisecond),
		read.Round(time.Millisecond), most, longest.Round(time.Millisecond)), ok, nil
}
