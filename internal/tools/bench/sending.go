package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

const dryRun = time.Second // of a sending, whatever its size

// asksMany puts one question to many parties: each with four lines of evidence and a key of its own. What is timed: choosing by the list, the dry run, and from
// the second person's yes until the last letter was signed, encrypted and handed over. Memory is the most that the heap of the process held meanwhile beyond what it held before.
func (w *world) asksMany(readers int, target time.Duration) func(ctx context.Context) (string, bool, error) {
	return func(ctx context.Context) (string, bool, error) {
		if err := w.open(ctx); err != nil {
			return "", false, err
		}
		if w.tiny {
			readers = 3
		}
		list, err := w.readers(ctx, readers)
		if err != nil {
			return "", false, err
		}
		end, err := w.serving(ctx)
		if err != nil {
			return "", false, err
		}
		defer end()
		return w.askThem(ctx, list, readers, target)
	}
}

func (w *world) askThem(ctx context.Context, list string, readers int, target time.Duration) (string, bool, error) {
	h := w.house
	var by [2]access.Actor
	for i, role := range []access.Role{access.Analyst, access.Lead} {
		a, _, err := h.Accounts.Create(ctx, access.System("sample"), account.NewAccount{Email: id.New() + "@bench.example", Name: "Bench", Roles: []access.Role{role}})
		if err != nil {
			return "", false, err
		}
		by[i] = access.Actor{Account: a.ID, Name: a.Name, Roles: []access.Role{role}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now().Add(time.Hour), Lang: "en"}
	}
	in, err := h.Incidents.Open(ctx, by[0], incident.NewIncident{Title: "A botnet of the bench", TLP: tlp.Green})
	if err != nil {
		return "", false, err
	}
	hold := h.Correspondence.Hold
	h.Correspondence.Hold = 0
	defer func() { h.Correspondence.Hold = hold }()
	x, err := h.Coordination.NewSending(ctx, by[0], in.UID)
	if err != nil {
		return "", false, err
	}
	began := time.Now()
	if _, err = h.Coordination.Choose(ctx, by[0], x.UID, coordination.Choose{List: list}); err != nil {
		return "", false, err
	}
	chose := time.Since(began)
	if _, err = h.Coordination.SetLetter(ctx, by[0], x.UID, 0, coordination.Give{Text: "Look at {name}: {lines} lines.", Request: "Is it clean?", DueAt: time.Now().Add(48 * time.Hour), TLP: tlp.Green}); err != nil {
		return "", false, err
	}
	began = time.Now()
	if _, _, _, err = h.Coordination.Lines(ctx, by[0], x.UID); err != nil {
		return "", false, err
	}
	dry := time.Since(began)
	began = time.Now()
	if x, err = h.Coordination.Submit(ctx, by[0], x.UID, 0, true); err != nil {
		return "", false, err
	}
	asked := time.Since(began)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, m.HeapAlloc
	began = time.Now()
	if x.State == coordination.SendingWaiting {
		if x, err = h.Coordination.Approve(ctx, by[1], x.UID, x.Hash); err != nil {
			return "", false, err
		}
	}
	sent := 0
	var written time.Duration
	for sent < readers && time.Since(began) < 3*target {
		time.Sleep(200 * time.Millisecond)
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
		y, states, err := h.Coordination.Progress(ctx, by[0], x.UID)
		if err != nil {
			return "", false, err
		}
		if sent = states[correspondence.Sent]; written == 0 && y.State == coordination.SendingSent {
			written = time.Since(began)
		}
		if y.Left > 0 {
			return "", false, fmt.Errorf("%d were left: %v", y.Left, y.Reasons)
		}
	}
	took := time.Since(began)
	ok := sent == readers && took <= target && dry <= dryRun
	return fmt.Sprintf("%d letters sent in %s (written after %s); chosen in %s, dry run %s, asked for in %s; heap + %d MB", sent, took.Round(100*time.Millisecond), written.Round(100*time.Millisecond), chose.Round(time.Millisecond),
		dry.Round(time.Millisecond), asked.Round(time.Millisecond), (most-before)>>20), ok, nil
}

// readers enters organisations with a contact, an approved OpenPGP key and a network each, and gives four lines of evidence for each.
func (w *world) readers(ctx context.Context, n int) (string, error) {
	h, run := w.house, time.Now().UnixNano()
	var list strings.Builder
	for from := 0; from < n; from += 100 {
		var lines strings.Builder
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			lines.Reset()
			for i := from; i < min(from+100, n); i++ {
				name := fmt.Sprintf("q%dx%d", run, i)
				o, err := h.Constituency.CreateTx(ctx, tx, w.by, constituency.NewOrganisation{Name: "Reader " + name, Lang: []string{"en", "pt", "fr", "nl", "de"}[i%5]})
				if err != nil {
					return err
				}
				c, err := h.Constituency.AddContactTx(ctx, tx, w.by, o.UID, constituency.NewContact{Name: "Desk " + name, Role: "security", Email: "soc@" + name + ".example"})
				if err != nil {
					return err
				}
				if _, err := h.Constituency.AddAssetTx(ctx, tx, w.by, o.UID, constituency.NewAsset{Value: name + ".example"}); err != nil {
					return err
				}
				secret, err := keyd.Generate("Desk", []string{"soc@" + name + ".example"}, time.Now().Add(-time.Hour))
				if err != nil {
					return err
				}
				k := secret.Public()
				if err := h.Constituency.OfferKeyTx(ctx, tx, w.by, c.ID, k.Binary(), k.Fingerprint(), k.Expires(), "portal"); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `UPDATE constituency_key SET state = $1, approved_at = $2 WHERE contact = $3`, int64(constituency.Approved), time.Now(), c.ID); err != nil {
					return err
				}
				for j := range 4 {
					fmt.Fprintf(&lines, "host%d.%s.example,2026-01-01T00:0%d:00Z,talks to the controller\n", j, name, j)
				}
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		list.WriteString(lines.String())
	}
	return list.String(), nil
}

// serving lets the house do its jobs.
func (w *world) serving(ctx context.Context) (end func(), err error) {
	h := w.house
	pages, err := freePort()
	if err != nil {
		return nil, err
	}
	h.Config.SMTP, h.Config.HTTP = "", pages
	h.Registry = job.NewRegistry() // another row may have served from this house
	serving, stop := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- h.Serve(serving, app.All, func(*app.House) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		stop()
		return nil, fmt.Errorf("the house ended: %w", err)
	}
	return func() {
		stop()
		<-ended
	}, nil
}
