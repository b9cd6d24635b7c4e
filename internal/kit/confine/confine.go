// Package confine runs the parsers of complex foreign files apart: each piece of work in a process of its own that has no network, opens no file, starts
// nothing, and ends at hard limits. What it gives back is bytes from a stranger still: who asked checks them again.
package confine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Limits of one piece of work.
const (
	MaxMemory = 512 << 20 // bytes that it writes to, beyond what the program has when it begins
	MaxCPU    = 10        // seconds
	maxWall   = 30 * time.Second
)

// What Run refuses with.
var (
	ErrRefused = errs.New(errs.Invalid, "the file is not of the kind that was asked for")
	ErrBroken  = errs.New(errs.Invalid, "the file could not be read within its limits")
)

// Work reads foreign bytes and writes what was asked for. Its error means that the bytes are no such file; its words are not told.
type Work func(in []byte, out io.Writer) error

// Job is a piece of work that was registered.
type Job struct {
	name string
	work Work
}

const child = "tocsin-confined"

// How a child ends.
const (
	didRefuse   = 3
	didNotClose = 4
)

// Register names a piece of work. It belongs in the declaration of a package's variable: in the process that was started for this work it does the work there
// and then and never returns, before the rest of the program begins.
func Register(name string, w Work) Job {
	if len(os.Args) == 2 && os.Args[0] == child && os.Args[1] == name {
		os.Exit(do(w))
	}
	return Job{name, w}
}

func do(w Work) int {
	if err := narrow(); err != nil {
		return didNotClose
	}
	in, err := io.ReadAll(raw(0))
	if err != nil {
		return didNotClose
	}
	if w(in, raw(1)) != nil {
		return didRefuse
	}
	return 0
}

// atOnce bounds the children: each may take MaxMemory.
var atOnce = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// Run does the work on in, apart, and gives at most most bytes. It waits for its turn.
//
// Errors: ErrRefused when the work says so; ErrBroken when it died, took too long, or gave more than most bytes; any other means that it could not be
// started or held, and that trying again later makes sense.
func (j Job) Run(ctx context.Context, in []byte, most int64) ([]byte, error) {
	select {
	case atOnce <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-atOnce }()
	if Racing {
		return j.here(in, most)
	}
	limited, stop := context.WithTimeout(ctx, maxWall)
	defer stop()
	out := &bounded{most: most, full: stop}
	c := exec.CommandContext(limited, program())
	c.Args = []string{child, j.name}
	c.Env = []string{"GOMAXPROCS=2", "GOTRACEBACK=none", "GOMEMLIMIT=" + strconv.Itoa(MaxMemory*3/4)}
	c.Dir = "/"
	c.Stdin, c.Stdout = bytes.NewReader(in), out
	c.WaitDelay = time.Second
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case out.over:
		return nil, ErrBroken
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !errors.As(err, &exit):
		return nil, fmt.Errorf("start %s apart: %w", j.name, err)
	case exit.ExitCode() == didRefuse:
		return nil, ErrRefused
	case exit.ExitCode() == didNotClose:
		return nil, fmt.Errorf("this machine does not let %s be run apart", j.name)
	}
	return nil, ErrBroken
}

// here does the work in this process: the race detector's own threads and memory do not live within the limits. No program that is given out has one.
func (j Job) here(in []byte, most int64) (out []byte, err error) {
	b := &bounded{most: most, full: func() {}}
	defer func() {
		if recover() != nil || b.over {
			out, err = nil, ErrBroken
		}
	}()
	if j.work(in, b) != nil {
		return nil, ErrRefused
	}
	return b.Bytes(), nil
}

// bounded takes what a child says until it says too much.
type bounded struct {
	bytes.Buffer
	most int64
	over bool
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(b.Len()+len(p)) > b.most {
		b.over = true
		b.full()
		return 0, errors.New("too much")
	}
	return b.Buffer.Write(p)
}

// ReadFrom is not bytes.Buffer's, which knows no bound.
func (b *bounded) ReadFrom(r io.Reader) (n int64, err error) {
	part := make([]byte, 64<<10)
	for {
		got, err := r.Read(part)
		if got > 0 {
			n += int64(got)
			if _, err := b.Write(part[:got]); err != nil {
				return n, err
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// trial tries what a taken-over parser would try, and says what it could do.
var trial = Register("trial", func(_ []byte, out io.Writer) error {
	_, err := io.WriteString(out, strings.Join(escapes(), "\n"))
	return err
})

// Check starts a child that tries to get out. It gives what the child could do though it should not, in a few words each; nothing means that all is held.
func Check(ctx context.Context) ([]string, error) {
	if Racing {
		return nil, nil
	}
	out, err := trial.Run(ctx, nil, 4096)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return strings.Split(string(out), "\n"), nil
}
