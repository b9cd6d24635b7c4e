package confine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/confine"
)

// What hostile files make of their parsers.
var (
	upper  = confine.Register("test upper", func(in []byte, out io.Writer) error { _, err := out.Write(bytes.ToUpper(in)); return err })
	refuse = confine.Register("test refuse", func([]byte, io.Writer) error { return errors.New("no") })
	panics = confine.Register("test panic", func(in []byte, _ io.Writer) error { panic(string(in)) })
	flood  = confine.Register("test flood", func(_ []byte, out io.Writer) error {
		for {
			if _, err := out.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	})
	spin = confine.Register("test spin", func([]byte, io.Writer) error {
		for n := 0; ; n++ {
			_ = n
		}
	})
	eat = confine.Register("test eat", func([]byte, io.Writer) error {
		var all [][]byte
		for range 4096 {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			all = append(all, b)
		}
		if len(all) > 0 {
			return nil
		}
		return errors.New("none")
	})
	environ = confine.Register("test environ", func(_ []byte, out io.Writer) error {
		_, err := io.WriteString(out, strings.Join(os.Environ(), "\n"))
		return err
	})
)

func TestWorkIsDoneApart(t *testing.T) {
	out, err := upper.Run(t.Context(), []byte(strings.Repeat("ab", 1<<20)), 4<<20)
	if err != nil || len(out) != 2<<20 || strings.Trim(string(out), "AB") != "" {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	if out, err := upper.Run(t.Context(), nil, 10); err != nil || len(out) != 0 {
		t.Fatalf("nothing gave %q, %v", out, err)
	}
	if confine.Racing {
		return
	}
	t.Setenv("TOCSIN_DATABASE", "postgres://secret")
	if out, err := environ.Run(t.Context(), nil, 4096); err != nil || strings.Contains(string(out), "secret") || strings.Contains(string(out), "TOCSIN") {
		t.Fatalf("the child knows %q, %v", out, err)
	}
}

func TestAChildGetsNowhere(t *testing.T) {
	if confine.Racing {
		return // the same test runs without the race detector, where there are children
	}
	open, err := confine.Check(t.Context())
	if err != nil || len(open) > 0 {
		t.Fatalf("a child could %q, %v", open, err)
	}
}

func TestAHostileFileCostsNobodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		job  confine.Job
		want error
	}{
		"it is none":          {refuse, confine.ErrRefused},
		"the parser breaks":   {panics, confine.ErrBroken},
		"the answer is flood": {flood, confine.ErrBroken},
		"it eats memory":      {eat, confine.ErrBroken},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "it eats memory" && confine.Racing {
				t.Log("the race detector's shadow memory has no limit here")
				return
			}
			out, err := c.job.Run(t.Context(), []byte("words of a case"), 8<<20)
			if !errors.Is(err, c.want) || len(out) > 0 {
				t.Fatalf("%d bytes, %v; want %v", len(out), err, c.want)
			}
			if strings.Contains(err.Error(), "words") {
				t.Error("an error tells what was in the file")
			}
		})
	}
	if out, err := upper.Run(t.Context(), []byte("still here"), 100); string(out) != "STILL HERE" || err != nil {
		t.Fatalf("%q, %v", out, err)
	}
}

func TestWhoGivesUpEndsTheChild(t *testing.T) {
	if confine.Racing {
		return
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := spin.Run(ctx, nil, 100)
		ended <- err
	}()
	time.Sleep(50 * time.Millisecond)
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
