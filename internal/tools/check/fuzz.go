package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// fuzz gives every fuzz target a minute.
func (r *run) fuzz(ctx context.Context) error {
	targets, err := fuzzTargets("internal")
	if err != nil {
		return err
	}
	var failed []error
	for _, t := range targets {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if len(r.packages) > 0 && !slices.Contains(r.packages, "./"+t.dir) {
			continue
		}
		fmt.Println("   fuzzing", t.dir, t.name)
		out, err := exec.CommandContext(ctx, "go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime=1m", "./"+t.dir).CombinedOutput()
		if err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w\n%s", t.dir, t.name, err, tail(out, 30)))
		}
	}
	return errors.Join(failed...)
}

type fuzzed struct{ dir, name string }

func fuzzTargets(root string) (targets []fuzzed, err error) {
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, m := range fuzzTarget.FindAllSubmatch(text, -1) {
			targets = append(targets, fuzzed{filepath.ToSlash(filepath.Dir(file)), string(m[1])})
		}
		return nil
	})
	return targets, err
}
