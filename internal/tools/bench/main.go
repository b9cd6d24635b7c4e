// Command bench is ./bench: it measures what scenarios.go lists and prints a Markdown table for docs/performance.md.
//
// A scenario is prepared once and measured five times. The table has the median, how far the five lie apart, the slowest of a hundred
// (p95 and p99 of all rounds together) and the processor time of each item, so that a figure can be judged on another machine. A row whose
// median misses its target is marked, and the exit status is then 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/sample/fill"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app.Tune()
	// The house starts its key process as "serve --role keys" of the program that it is in, which is this one.
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		role := app.All
		if len(os.Args) > 3 {
			role = app.Role(os.Args[3])
		}
		if err := serve(ctx, role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(ctx))
}

func run(ctx context.Context) int {
	rounds := flag.Int("rounds", 5, "rounds of each scenario")
	only := flag.String("run", "", "only scenarios whose name matches the regular expression")
	incidents := flag.Int("incidents", 100_000, "incidents in the database")
	reports := flag.Int("reports", -1, "reports in the database; as many as incidents when left out")
	organisations := flag.Int("organisations", 5000, "organisations in the database")
	engines := flag.String("engines", "sqlite,postgres", "engines to measure on")
	data := flag.String("data", "", "folder that keeps the databases for the next run; none when left out")
	mails := flag.Int("mails", 1500, "mails of a round")
	wave := flag.Int("wave", 0, "suspicious messages of the public lane's day; 100,000 when left out")
	seed := flag.Uint64("seed", 1, "seed of the sample")
	profile := flag.String("profile", "", "file for a profile of processor time, of what is measured")
	list := flag.Bool("list", false, "print the names of the scenarios")
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil || *rounds < 1 || flag.NArg() > 0 {
		flag.Usage()
		return 2
	}
	if *reports < 0 {
		*reports = *incidents
	}
	o := options{
		size: fill.Size{Incidents: *incidents, Reports: *reports, Organisations: *organisations, Seed: *seed}, engines: strings.Split(*engines, ","), data: *data, mails: *mails, wave: *wave,
	}
	all, end := scenarios(o)
	defer end()
	if *profile != "" {
		file, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(file)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer pprof.StopCPUProfile()
	}
	var rows []row
	for _, s := range all {
		switch {
		case !pattern.MatchString(s.name) || ctx.Err() != nil:
		case *list:
			fmt.Println(s.name)
		default:
			fmt.Fprintln(os.Stderr, "measuring", s.name)
			rows = append(rows, measure(ctx, s, *rounds))
		}
	}
	if *list {
		return 0
	}
	if len(rows) == 0 {
		fmt.Fprintln(os.Stderr, "there is no such scenario")
		return 2
	}
	fmt.Printf("%d rounds, %d processors, %s %s/%s; %d incidents, %d reports, %d organisations\n\n", *rounds, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		*incidents, *reports, *organisations)
	if !table(os.Stdout, rows) {
		return 1
	}
	return 0
}

// fromEnvironment is the configuration of a server that this program plays.
func fromEnvironment() (conf.Config, error) {
	address, err := freePort()
	if err != nil {
		return conf.Config{}, err
	}
	mail := os.Getenv("TOCSIN_SMTP")
	if mail == "" {
		mail, err = freePort()
	}
	return conf.Config{
		Data: os.Getenv("TOCSIN_DATA"), RootKey: os.Getenv("TOCSIN_ROOT_KEY"), Database: conf.EndpointOf(os.Getenv("TOCSIN_DATABASE")), HTTP: address, SMTP: mail, Zone: "UTC",
		LMTP: os.Getenv("TOCSIN_LMTP"), IMAP: conf.EndpointOf(os.Getenv("TOCSIN_IMAP")), IMAPPassword: os.Getenv("TOCSIN_IMAP_PASSWORD_FILE"),
	}, err
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}
