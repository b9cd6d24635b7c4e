package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scenario is one thing that is measured.
type scenario struct {
	name string
	// What must hold; zero is no target. A rate is items a second at least, a latency the slowest of a hundred at most.
	rate     float64
	p95, p99 time.Duration
	// prepare makes what the rounds need and gives the round and the end. It is not measured.
	prepare func(context.Context) (round func(context.Context) (result, error), end func(), err error)
	// figure is for what is no rate: one value, and whether it meets its target. It is measured once.
	figure func(context.Context) (value string, good bool, err error)
}

// result is what a round did. Latencies are optional.
type result struct {
	items     int
	latencies []time.Duration
}

// row is a scenario measured.
type row struct {
	scenario
	rates     []float64 // items a second, a round each, ascending
	latencies []time.Duration
	cpu       time.Duration // an item
	value     string        // of a figure
	good      bool
	err       error
}

func measure(ctx context.Context, s scenario, rounds int) row {
	r := row{scenario: s}
	if s.figure != nil {
		r.value, r.good, r.err = s.figure(ctx)
		return r
	}
	round, end, err := s.prepare(ctx)
	if err != nil {
		r.err = err
		return r
	}
	defer end()
	items := 0
	var cpu time.Duration
	for range rounds {
		cpuBefore, before := processor(), time.Now()
		got, err := round(ctx)
		took := time.Since(before)
		cpu += processor() - cpuBefore
		if err == nil && got.items == 0 {
			err = fmt.Errorf("the round did nothing")
		}
		if err != nil {
			r.err = err
			return r
		}
		items += got.items
		r.rates = append(r.rates, float64(got.items)/took.Seconds())
		r.latencies = append(r.latencies, got.latencies...)
	}
	slices.Sort(r.rates)
	slices.Sort(r.latencies)
	r.cpu = cpu / time.Duration(items)
	return r
}

// median of an odd number is the middle one, of an even number the lower of the two.
func (r row) median() float64 { return r.rates[(len(r.rates)-1)/2] }

// spread is how far the rounds lie apart, as a share of the median.
func (r row) spread() float64 { return (r.rates[len(r.rates)-1] - r.rates[0]) / r.median() }

// percentile gives the smallest latency that is not below p of all (nearest rank).
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(p*float64(len(sorted)) + 0.999999)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// missed names the targets that the row does not meet.
func (r row) missed() (all []string) {
	if r.err != nil {
		return []string{"failed: " + r.err.Error()}
	}
	if r.figure != nil && !r.good {
		return []string{"too much"}
	}
	if r.rate > 0 && r.median() < r.rate {
		all = append(all, fmt.Sprintf("below %.0f/s", r.rate))
	}
	for _, t := range []struct {
		p      float64
		target time.Duration
	}{{0.95, r.p95}, {0.99, r.p99}} {
		switch {
		case t.target == 0:
		case len(r.latencies) == 0:
			all = append(all, fmt.Sprintf("p%.0f not measured", t.p*100))
		case percentile(r.latencies, t.p) > t.target:
			all = append(all, fmt.Sprintf("p%.0f above %s", t.p*100, t.target))
		}
	}
	return all
}

// table prints the rows and tells whether all meet their targets.
func table(w io.Writer, rows []row) (good bool) {
	good = true
	fmt.Fprintln(w, "| scenario | items/s | spread | p50 | p95 | p99 | CPU an item | |")
	fmt.Fprintln(w, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
	for _, r := range rows {
		verdict := "ok"
		if missed := r.missed(); len(missed) > 0 {
			good, verdict = false, "**"+strings.Join(missed, ", ")+"**"
		}
		if r.err != nil {
			fmt.Fprintf(w, "| %s | | | | | | | %s |\n", r.name, verdict)
			continue
		}
		if r.figure != nil {
			fmt.Fprintf(w, "| %s | %s | | | | | | %s |\n", r.name, r.value, verdict)
			continue
		}
		fmt.Fprintf(w, "| %s | %.1f | %.0f %% | %s | %s | %s | %s | %s |\n", r.name, r.median(), 100*r.spread(),
			short(percentile(r.latencies, 0.5)), short(percentile(r.latencies, 0.95)), short(percentile(r.latencies, 0.99)), short(r.cpu), verdict)
	}
	return good
}

func short(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	default:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
}

// processor is the time that this process and those that descend from it have used, such as a database server. One that has gone counts nothing.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	sum := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	for _, pid := range descendantsOf(os.Getpid()) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		// proc_pid_stat(5): after the name in brackets, fields 14 and 15 are user and system time in ticks of 10 ms.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			sum += time.Duration(user+system) * 10 * time.Millisecond
		}
	}
	return sum
}
