package job_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Rule L1: a job that panics over somebody's words leaves none of them in the queue, nor in the process log.
func TestAPanicLeavesNoWords(t *testing.T) {
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			d := open(t, engine)
			var log bytes.Buffer
			r := job.NewRegistry()
			job.Handle(r, job.House, func(_ context.Context, x ring) error { panic("canary") })
			q, err := job.New(d, r, map[job.Lane]int{job.House: 1}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
			err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return q.Insert(ctx, tx, ring{1}, job.Options{}) })
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for end := time.Now().Add(time.Minute); !strings.Contains(text, "panic: string at"); {
				if time.Now().After(end) {
					t.Fatalf("the queue says %q", text)
				}
				if err := d.QueryRow(t.Context(), `SELECT COALESCE(CAST(errors AS TEXT), '') FROM river_job`).Scan(&text); err != nil {
					t.Fatal(err)
				}
			}
			end, stop := context.WithTimeout(context.Background(), 10*time.Second)
			defer stop()
			if err := q.Stop(end); err != nil {
				t.Error(err)
			}
			if strings.Contains(text, "canary") || strings.Contains(log.String(), "canary") {
				t.Errorf("the words of a panic are kept:\n%s\n%s", text, log.String())
			}
		})
	}
}
