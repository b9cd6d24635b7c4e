package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/lifecycle"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/kit/pubsub"
)

// Role is what part of the work a process does.
type Role string

// The roles.
const (
	All    Role = "all"
	Public Role = "public" // public pages: no root key, no private key, cannot read cases
	Desk   Role = "desk"   // desk, portal and API
	Mail   Role = "mail"   // takes mail in
	Worker Role = "worker" // jobs: filing, sending, clocks
	Keys   Role = "keys"   // the private keys
)

// stopWithin is how long an orderly stop may take.
const stopWithin = 20 * time.Second

// Serve runs a role until ctx ends. Started is called with the team's name once everything answers; it may be nil. The key process does not
// know the name.
func Serve(ctx context.Context, c conf.Config, role Role, log *slog.Logger, started func(team string)) error {
	if started == nil {
		started = func(string) {}
	}
	if role != All && role != Keys && !c.Database.Set() {
		return errs.New(errs.Invalid, "roles apart need PostgreSQL: give TOCSIN_DATABASE, or serve everything in one process")
	}
	switch role {
	case Keys:
		return KeysMain(ctx, c, log)
	case Public:
		return publicProcess(ctx, c, log, started)
	}
	h, err := Open(ctx, c, log)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.Serve(ctx, role, func(h *House) { started(h.Profile.Name) })
}

// Serve runs a role on an open house.
func (h *House) Serve(ctx context.Context, role Role, started func(*House)) error {
	if _, err := ReadProfile(ctx, h.DB); err != nil {
		return err
	}
	does := func(r Role) bool { return role == All || role == r }
	var parts []lifecycle.Part
	add := func(name string, run func(ctx context.Context, ready func()) error) {
		parts = append(parts, lifecycle.Part{Name: name, Run: run})
	}
	var agent keyd.Agent
	if does(Mail) || does(Worker) {
		socket := KeySocket(h.Config)
		if role == All {
			var err error
			if socket, err = childSocket(h.Config); err != nil {
				return err
			}
			add("key process", func(ctx context.Context, ready func()) error {
				return keysChild(ctx, h.Config, socket, h.Log, ready)
			})
		}
		client := keyd.Dial(socket)
		defer client.Close()
		agent = client
	}
	add("sequencer", func(ctx context.Context, ready func()) error {
		ready()
		return h.Sequencer.Run(ctx)
	})
	add("followers", func(ctx context.Context, ready func()) error {
		if n, err := h.newest(ctx); err == nil {
			h.Newest.Set(n)
		}
		ready()
		return pubsub.Listen(ctx, h.DB, h.Newest, h.newest)
	})
	add("settle", func(ctx context.Context, ready func()) error {
		ready()
		select {
		case <-time.After(settled):
			debug.FreeOSMemory() // what starting left
		case <-ctx.Done():
		}
		<-ctx.Done()
		return nil
	})
	if does(Worker) {
		add("assets", func(ctx context.Context, ready func()) error {
			ready()
			return h.Constituency.HoldAssets(ctx)
		})
		add("letters", func(ctx context.Context, ready func()) error {
			var err error
			if h.Correspondence.Postman, err = h.postman(ctx, agent); err != nil {
				return err
			}
			if err = h.registerDuties(ctx, agent); err != nil {
				return err
			}
			ready()
			<-ctx.Done()
			return nil
		})
		add("workers", h.work)
		add("drops", h.openDrops)
	}
	add("published keys", func(ctx context.Context, ready func()) error {
		defer followKeys(ctx, h.DB, func() error {
			err := h.published(ctx)
			if err == nil && does(Worker) {
				err = errors.Join(h.signSecurityTxt(ctx, agent), h.signDocumentList(ctx, agent))
			}
			return err
		})()
		ready()
		<-ctx.Done()
		return nil
	})
	if does(Mail) {
		add("mail", h.receiveMail)
	}
	if does(Desk) || role == All {
		parts = append(parts, h.web(role)...)
	}
	if started != nil {
		add("started", func(ctx context.Context, ready func()) error {
			started(h)
			ready()
			<-ctx.Done()
			return nil
		})
	}
	return lifecycle.Run(ctx, stopWithin, parts...)
}

func (h *House) newest(ctx context.Context) (n int64, err error) {
	return n, h.DB.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM audit_number`).Scan(&n)
}

// work runs the jobs of this process.
func (h *House) work(ctx context.Context, ready func()) error {
	q, err := job.New(h.DB, h.Registry, map[job.Lane]int{job.Mail: 2, job.Send: 4, job.House: 2, job.Clocks: 1, job.Public: 1}, h.Log)
	if err != nil {
		return err
	}
	if err := q.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	ready()
	<-ctx.Done()
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	return q.Stop(end)
}

// settled is how long after its start a house has done what it does once.
const settled = 8 * time.Second
