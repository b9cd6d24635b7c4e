package app

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// keysEvery is how often a process looks whether the published keys are others.
const keysEvery = 2 * time.Second

// followKeys calls changed at once and whenever the team's certificates were published anew, or its address for suspicious messages is another, by whichever
// process. When changed fails it is called again. The function that it gives ends this and waits.
func followKeys(ctx context.Context, d *db.DB, changed func() error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	version := func() (at time.Time) {
		err := d.QueryRow(ctx, `SELECT changed_at FROM setting_value WHERE name IN ($1, $2) ORDER BY changed_at DESC LIMIT 1`, settingKeys, suspicion.SettingAddress).Scan(&at)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return time.Time{}
		}
		return at
	}
	seen := version()
	failed := changed() != nil
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(keysEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if now := version(); failed || !now.IsZero() && !now.Equal(seen) {
				seen = now
				failed = changed() != nil
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// refreshed is a handler that is built anew while it serves.
type refreshed struct{ now atomic.Pointer[http.Handler] }

func (x *refreshed) build(make func() (http.Handler, error)) error {
	h, err := make()
	if err == nil {
		x.now.Store(&h)
	}
	return err
}

func (x *refreshed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*x.now.Load()).ServeHTTP(w, r)
}

// published takes the newest key for the letters that this process writes and sends, and the address of the public lane.
func (h *House) published(ctx context.Context) error {
	now, err := ReadProfile(ctx, h.DB)
	if err != nil {
		return err
	}
	h.Correspondence.HandedOnAt(now.Public)
	keys, err := TeamKeys(ctx, h.DB)
	if err != nil || len(keys) == 0 {
		return err
	}
	h.Correspondence.Published(keys[0].Fingerprint())
	if h.Correspondence.Postman != nil {
		h.Correspondence.Postman.Archive(keys[0])
	}
	chain, err := TeamCertificates(ctx, h.DB)
	if err == nil && len(chain) > 0 {
		h.Correspondence.Certified(chain[0].Ends())
	}
	return err
}
