package cli

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// running counts the jobs that somebody works, or seems to.
func (i *installation) running() (n int64) {
	i.t.Helper()
	i.inside(func(h *app.House) {
		i.must(h.DB.QueryRow(i.t.Context(), `SELECT COUNT(*) FROM river_job WHERE state = 'running' AND kind = 'mailroom.sort'`).Scan(&n))
	})
	return n
}

// A worker that is killed in the middle of a job leaves it to one that lives, within seconds; while it only stands still, the job stays its own.
func TestAKilledWorkersJobsAreTakenOver(t *testing.T) {
	if engines := pgtest.Engines(t); engines[len(engines)-1] != "postgres" && engines[0] != "postgres" {
		return // one of PostgreSQL's: the run without it says so
	}
	i := install(t, "postgres")
	mail := i.serve("mail", "TOCSIN_MAIL_RELAYS=127.0.0.1")
	first := i.serve("worker")
	sent := 0
	send := func() {
		if code, text := i.mail("a@away.example", fmt.Sprintf("mail %d", sent)); code != 250 {
			t.Fatalf("mail: %d %s", code, text)
		}
		sent++
	}
	caught := false
	for began := time.Now(); !caught && time.Since(began) < patience; {
		for range 5 {
			send()
		}
		first.signal(syscall.SIGSTOP, false)
		if caught = i.running() > 0; !caught {
			first.signal(syscall.SIGCONT, false)
		}
	}
	if !caught {
		t.Fatal("the worker was never found at work")
	}
	second := i.serve("worker")
	send()
	i.eventually("the living worker's own report", func() bool { return i.reports() > 0 })
	<-time.After(8 * time.Second) // longer than the living take to notice one who is gone
	if i.running() == 0 {
		t.Error("the job of a worker that lives was taken from it")
	}
	began := time.Now()
	first.signal(syscall.SIGKILL, false)
	first.status()
	filed := func() (n int) {
		i.inside(func(h *app.House) {
			i.must(h.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM intake_report`).Scan(&n))
		})
		return n
	}
	i.eventually("every report", func() bool { return filed() == sent })
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("taking over took %v", took)
	}
	t.Logf("%d mails; taken over %v after the kill", sent, time.Since(began).Round(time.Millisecond))
	second.stop()
	mail.stop()
}
