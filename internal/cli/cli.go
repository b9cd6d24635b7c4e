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
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

type commands struct {
	Demo    demoCommand    `cmd:"" help:"An invented country on this machine: everything on loopback, nothing to configure."`
	Serve   serveCommand   `cmd:"" help:"Run the program, or one role of it."`
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

// explain says a refusal as a person reads it: the sentence, and every field problem on a line of its own.
func explain(err error) string {
	f := errs.Fields(err)
	if len(f) == 0 {
		return err.Error()
	}
	out := "some answers need attention"
	for _, x := range f {
		out += fmt.Sprintf("\n  %s: %s %v", x.Name, x.Key, x.Args)
	}
	return out
}

// house opens the house of a configuration, checked.
func (e *env) house(c conf.Config) (*app.House, error) {
	if err := c.Check(e.src); err != nil {
		return nil, usage{err}
	}
	return app.Open(e.ctx, c, e.log)
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
