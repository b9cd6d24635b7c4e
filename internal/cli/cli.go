// Package cli is the command line: one struct names every command, its flags and its help; each command is a file.
//
// Exit status 0 done, 1 failed, 2 wrong usage. With --json the answer is one JSON value on standard output. Progress goes to standard error.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

type commands struct {
	Demo   demoCommand    `cmd:"" help:"An invented country on this machine: everything on loopback, nothing to configure."`
	Serve  serveCommand   `cmd:"" help:"Run the program, or one role of it."`
	Init   initCommand    `cmd:"" help:"Set up a data folder: who we are, the team's OpenPGP key, the first administrator."`
	User   userCommands   `cmd:"" help:"Accounts: add, list, disable, reset."`
	Token  tokenCommands  `cmd:"" help:"API tokens."`
	Key    keyCommands    `cmd:"" help:"The team's OpenPGP key: show, renew, replace; its S/MIME key."`
	Import importCommands `cmd:"" help:"Bring in what is kept elsewhere."`

	Export  exportCommands `cmd:"" help:"Take out a whole case."`
	Audit   auditCommands  `cmd:"" help:"The record of who did what: verify it, print what others keep of it."`
	Sample  sampleCommand  `cmd:"" help:"Fill an empty database with invented cases, for load tests."`
	Backup  backupCommand  `cmd:"" help:"Write everything into one file that only the recovery key opens; while serving too."`
	Restore restoreCommand `cmd:"" help:"Make a data folder from a backup."`
	Doctor  doctorCommand  `cmd:"" help:"Look at configuration, database, keys, mail and disk, and say what to do."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// env is what every command gets.
type env struct {
	ctx context.Context
	Streams
	src *conf.Sources
	log *slog.Logger
}

// Main runs one command and gives the exit status.
func Main(args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app.Tune()
	var c commands
	src := conf.NewSources()
	status := 0
	parser, err := kong.New(&c, kong.Name("tocsin"), kong.Description("The one program of a national CSIRT."), kong.Resolvers(src),
		kong.Writers(s.Out, s.Err), kong.Exit(func(n int) { status = n; panic(exited{}) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(s.Err, "tocsin:", err)
		return 2
	}
	run, err := parse(parser, args)
	if run == nil && err == nil {
		return status
	}
	if err != nil {
		fmt.Fprintf(s.Err, "tocsin: %v\n", err)
		return 2
	}
	e := &env{ctx: ctx, Streams: s, src: src, log: slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	if err := run.Run(e); err != nil {
		if errors.Is(err, errSaid) {
			return 1
		}
		fmt.Fprintf(s.Err, "tocsin: %v\n", explain(err))
		var u usage
		if errors.As(err, &u) {
			return 2
		}
		return 1
	}
	return 0
}

type exited struct{}

// parse lets help end the run without ending the process, so that tests can call Main.
func parse(p *kong.Kong, args []string) (run *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exited); !ok {
				panic(r)
			}
			run, err = nil, nil
		}
	}()
	return p.Parse(args)
}

// usage is a mistake in how a command was called.
type usage struct{ error }

// Unwrap gives the mistake itself.
func (u usage) Unwrap() error { return u.error }

// errSaid ends a command with status 1 whose answer has said why.
var errSaid = errors.New("the answer says why")

// explain says a refusal as a person reads it: the sentence, and every field problem on a line of its own.
func explain(err error) string {
	f := errs.Fields(err)
	if len(f) == 0 {
		return err.Error()
	}
	texts, lerr := text.Load()
	if lerr != nil {
		return err.Error()
	}
	out := "some answers need attention"
	for _, x := range f {
		out += "\n  " + strings.ReplaceAll(x.Name, "_", "-") + ": " + page.SayField(texts.For(text.EN), x)
	}
	return out
}

// check names every mistake of a configuration at once.
func (e *env) check(c conf.Config) error {
	if err := c.Check(e.src); err != nil {
		return usage{err}
	}
	return nil
}

// house opens the house of a configuration, checked. It makes none: only init does.
func (e *env) house(c conf.Config) (*app.House, error) {
	if err := e.check(c); err != nil {
		return nil, err
	}
	if !app.Made(c) {
		return nil, errs.Newf(errs.Unavailable, "%s is not set up: run tocsin init", c.Data)
	}
	h, err := app.Open(e.ctx, c, e.log)
	if err != nil {
		return nil, err
	}
	if _, err := app.ReadProfile(e.ctx, h.DB); err != nil {
		h.Close()
		return nil, err
	}
	var wrote atomic.Bool
	wake := h.Audit.Wake
	h.Audit.Wake = func() {
		wrote.Store(true)
		wake()
	}
	h.Lastly(func() { // nobody else may be there to number what a command recorded
		if !wrote.Load() {
			return
		}
		ctx, stop := context.WithTimeout(context.WithoutCancel(e.ctx), 10*time.Second)
		defer stop()
		if err := h.Settle(ctx); err != nil {
			e.log.Warn("what was recorded waits for its number", "error", err)
		}
	})
	return h, nil
}

// operator is who acts at the command line: a person with the root key, who is no reader of cases (rule I11).
func operator() access.Actor {
	by := access.System("setup")
	by.Origin = access.ByCLI
	return by
}

// answer writes v as JSON, or the text.
func (e *env) answer(asJSON bool, v any, text string) error {
	if asJSON {
		enc := json.NewEncoder(e.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	_, err := fmt.Fprint(e.Out, text)
	return err
}

type versionCommand struct {
	JSON bool `help:"Answer in JSON."`
}

// Run prints the version.
func (v *versionCommand) Run(e *env) error {
	return e.answer(v.JSON, map[string]string{"version": app.Version}, "tocsin "+app.Version+"\n")
}
