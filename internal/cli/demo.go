package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
	"github.com/tocsin-csirt/tocsin/internal/sample/play"
)

type demoCommand struct {
	Data  string `default:"./tocsin-demo" help:"Folder of the demonstration."`
	Fresh bool   `help:"Begin anew: what is in the folder is deleted."`
	HTTP  string `name:"http" default:"127.0.0.1:8080" help:"Listener of the pages; the next free port when it is taken."`
	SMTP  string `name:"smtp" default:"127.0.0.1:2525" help:"Listener for mail; the next free port when it is taken."`
}

// mark is a file by which a folder is known to be a demonstration: only such a folder is ever deleted.
const (
	mark    = ".tocsin-demo"
	answers = "demo.json"
)

// Run starts the demonstration.
func (d *demoCommand) Run(e *env) error {
	for _, l := range []string{d.HTTP, d.SMTP} {
		if !conf.Loopback(l) {
			return usage{errs.Newf(errs.Invalid, "the demonstration listens on this machine alone: %s can be reached from others", l)}
		}
	}
	data, err := filepath.Abs(d.Data)
	if err != nil {
		return err
	}
	if d.Fresh {
		if err := clear(data); err != nil {
			return err
		}
	}
	c := conf.Config{Data: data, HTTP: free(e, d.HTTP), SMTP: free(e, d.SMTP), RootKey: filepath.Join(data, "..", filepath.Base(data)+".rootkey"), Zone: country.New().Team.Zone}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, mark), nil, 0o600); err != nil {
		return err
	}
	h, err := app.Open(e.ctx, c, e.log)
	if err != nil {
		return err
	}
	defer h.Close()
	h.Trusted, h.DNS = app.Loopback, play.Zone()
	began := time.Now()
	demo, err := app.Demo(e.ctx, h)
	if err != nil {
		return err
	}
	demo.HTTP, demo.SMTP = "http://"+c.HTTP, c.SMTP
	b, err := json.MarshalIndent(demo, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, answers), append(b, '\n'), 0o600); err != nil {
		return err
	}
	return h.Serve(e.ctx, app.All, func(*app.House) {
		fmt.Fprintf(e.Out, "\n  %s is running (ready in %.1f s). Stop with Ctrl-C.\n\n  pages   %s\n  desk    %s/login\n  mail    %s  to %s\n  outbox  %s\n\n",
			h.Profile.Name, time.Since(began).Seconds(), demo.HTTP, demo.HTTP, c.SMTP, demo.IntakeAddress, app.OutboxFolder(c))
		for _, p := range demo.People {
			fmt.Fprintf(e.Out, "  %-18s %-38s %s\n", p.Role, p.Email, p.Password)
		}
		fmt.Fprintf(e.Out, "\n  All of this is in %s\n", filepath.Join(data, answers))
	})
}

func clear(data string) error {
	entries, err := os.ReadDir(data)
	if os.IsNotExist(err) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, mark)); err != nil {
		return errs.Newf(errs.Conflict, "%s is no demonstration: nothing was deleted; choose another folder with --data", data)
	}
	for _, f := range []string{data, data + ".rootkey", data + ".rootkey.team"} {
		if err := os.RemoveAll(f); err != nil {
			return err
		}
	}
	return nil
}

// free gives the address, or the next one whose port nobody listens on.
func free(e *env, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return addr
	}
	for i := range 50 {
		try := net.JoinHostPort(host, strconv.Itoa(n+i))
		l, err := net.Listen("tcp", try)
		if err != nil {
			continue
		}
		_ = l.Close()
		if i > 0 {
			fmt.Fprintf(e.Err, "%s is taken: using %s\n", addr, try)
		}
		return try
	}
	return addr
}
