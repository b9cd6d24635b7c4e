package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
)

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestCountry(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if d := os.Getenv("KEEP"); d != "" {
		dir = d
	}
	c := conf.Config{Data: filepath.Join(dir, "data")}
	h, err := Open(ctx, c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if f := os.Getenv("PROF"); f != "" {
		o, _ := os.Create(f)
		_ = pprof.StartCPUProfile(o)
		defer pprof.StopCPUProfile()
	}
	began, cpu := time.Now(), processorTime()
	cast, err := h.PlayCountry(ctx)
	t.Logf("played in %v, %v of processor time", time.Since(began), processorTime()-cpu)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(cast.People), cast.Keys, access.Triage)
}
