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
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each scenario")
	only := flag.String("run", "", "only scenarios whose name matches the regular expression")
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil || *rounds < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var rows []row
	for _, s := range scenarios() {
		if pattern.MatchString(s.name) && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "measuring", s.name)
			rows = append(rows, measure(ctx, s, *rounds))
		}
	}
	stop()
	if len(rows) == 0 {
		fmt.Fprintln(os.Stderr, "there is no such scenario")
		os.Exit(2)
	}
	fmt.Printf("%d rounds, %d processors, %s %s/%s\n\n", *rounds, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if !table(os.Stdout, rows) {
		os.Exit(1)
	}
}
