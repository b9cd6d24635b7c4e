package app

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// Check is one line of /readyz and of doctor.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Note string `json:"note,omitempty"` // what to do, without secrets
}

// Ready looks whether this process can do its work: database, migrations, record, queue, disk.
func (h *House) Ready(ctx context.Context) []Check {
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	var out []Check
	add := func(name string, ok bool, note string) {
		if ok {
			note = ""
		}
		out = append(out, Check{name, ok, note})
	}
	var one int64
	err := h.DB.QueryRow(ctx, `SELECT 1`).Scan(&one)
	add("database", err == nil, "the database does not answer")
	if err != nil {
		return out
	}
	pending, err := schema.Pending(ctx, h.DB)
	add("migrations", err == nil && !pending, "the database is older than this program: restart to migrate")
	var oldest time.Time
	err = h.DB.QueryRow(ctx, `SELECT MIN(e.at) FROM (SELECT entry FROM audit_waiting ORDER BY entry LIMIT 1) w JOIN audit_entry e ON e.id = w.entry`).Scan(&oldest)
	add("record", err == nil && (oldest.IsZero() || h.Clock.Now().Sub(oldest) < 10*time.Second), "audit entries wait for their number longer than 10 seconds")
	late, err := lateJobs(ctx, h.DB, h.Clock.Now())
	add("queue", err == nil && late == 0, "jobs wait longer than a minute: is a worker running?")
	if h.DB.Engine() == db.Postgres {
		var there float64
		err = h.DB.QueryRow(ctx, `SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8`).Scan(&there)
		off := h.Clock.Now().Sub(time.UnixMicro(int64(there * 1e6))).Abs()
		add("clock", err == nil && off < 2*time.Second, "the clock of this machine differs by more than 2 seconds from that of the database: let both follow one time server")
	}
	note := "less than a tenth and 10 GiB of the disk is free: reports and mail from outside are refused until there is more"
	if !h.DB.Room(db.API) {
		note = "less than a twentieth and 5 GiB of the disk is free: only the desk and letters that go out still write; make room now"
	}
	add("disk", h.DB.Room(db.Public), note)
	return out
}

// lateJobs counts jobs that should have begun a minute ago.
func lateJobs(ctx context.Context, d *db.DB, now time.Time) (n int64, err error) {
	query := `SELECT COUNT(*) FROM (SELECT 1 FROM river_job WHERE state = 'available' AND scheduled_at < $1 LIMIT 100) j`
	var limit any = now.Add(-time.Minute).UTC().Format("2006-01-02 15:04:05.000")
	if d.Engine() == db.Postgres {
		query = `SELECT COUNT(*) FROM (SELECT 1 FROM river_job WHERE state = 'available' AND scheduled_at < to_timestamp($1) LIMIT 100) j`
		limit = float64(now.Add(-time.Minute).Unix())
	}
	return n, d.QueryRow(ctx, query, limit).Scan(&n)
}

// diskFree gives the room on the disk of a folder in bytes.
func diskFree(dir string) (free, total uint64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Blocks == 0 {
		return 0, 0, false
	}
	return st.Bavail * uint64(st.Bsize), st.Blocks * uint64(st.Bsize), true
}

func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// ready answers which parts are fit; it names no version, path or number that a stranger could use.
func (h *House) ready(w http.ResponseWriter, r *http.Request) {
	answerReady(w, h.lately.get(func() []Check { return h.Ready(context.WithoutCancel(r.Context())) }))
}

// lately keeps an answer for a moment: however many ask for it, it costs the house one look a second.
type lately struct {
	mu     sync.Mutex
	at     time.Time
	checks []Check
}

func (l *lately) get(look func() []Check) []Check {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) >= time.Second {
		l.checks = look()
		l.at = time.Now()
	}
	return l.checks
}

func answerReady(w http.ResponseWriter, checks []Check) {
	status := http.StatusOK
	for _, c := range checks {
		if !c.OK {
			status = http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": status == http.StatusOK, "checks": checks})
}
