package app

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// metrics serves Prometheus on a listener of its own: counts and ages, never a name, an address or a reference.
func (h *House) metrics(l conf.Listener) func(ctx context.Context, ready func()) error {
	return func(ctx context.Context, ready func()) error {
		reg := prometheus.NewRegistry()
		gauge := func(name, help, query string) {
			reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tocsin", Name: name, Help: help}, func() float64 {
				var n int64
				if err := h.DB.QueryRow(ctx, query).Scan(&n); err != nil {
					return -1
				}
				return float64(n)
			}))
		}
		reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		gauge("audit_waiting", "Audit entries without a number.", `SELECT COUNT(*) FROM (SELECT 1 FROM audit_waiting LIMIT 10000) t`)
		gauge("audit_entries", "Numbered audit entries.", `SELECT COALESCE(MAX(seq), 0) FROM audit_number`)
		gauge("jobs_waiting", "Jobs that may run now.", `SELECT COUNT(*) FROM (SELECT 1 FROM river_job WHERE state = 'available' LIMIT 10000) t`)
		gauge("jobs_aside", "Jobs that were given up and wait for a person.", `SELECT COUNT(*) FROM (SELECT 1 FROM river_job WHERE state = 'discarded' LIMIT 10000) t`)
		gauge("mailbox_trouble", "Mailboxes that cannot be fetched from.", `SELECT COUNT(*) FROM correspondence_mailbox WHERE problem <> ''`)
		gauge("mailbox_waiting", "Mails that lay in mailboxes at the last look and could not be taken.", `SELECT COALESCE(SUM(waiting), 0) FROM correspondence_mailbox`)
		gauge("mailbox_too_large", "Mails that stay in mailboxes because of their size.", `SELECT COALESCE(SUM(too_large), 0) FROM correspondence_mailbox`)
		gauge("mailbox_looked_seconds", "Time of the oldest last look into a mailbox, in seconds since 1970.", `SELECT COALESCE(MIN(looked_at), 0) / 1000000 FROM correspondence_mailbox`)
		for _, l := range db.Lanes() {
			lane := func(name, help string, count func(db.Lane) int) {
				reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tocsin", Name: name, Help: help, ConstLabels: prometheus.Labels{"lane": l.String()}},
					func() float64 { return float64(count(l)) }))
			}
			lane("lane_busy", "Connections of its own that a lane uses.", h.DB.Busy)
			lane("lane_waiting", "Statements that wait for a connection or their turn to write.", h.DB.Waiting)
			lane("lane_room", "1 when the lane may write; 0 when the room on the disk is for others.", func(l db.Lane) int {
				if h.DB.Room(l) {
					return 1
				}
				return 0
			})
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
		return listenHTTP(ctx, l, mux, h.Config, h.Log, ready)
	}
}
