package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// goTool runs a development tool of tools/go.mod.
func goTool(ctx context.Context, words ...string) ([]byte, error) {
	return goSays(ctx, append([]string{"tool", "-modfile=tools/go.mod"}, words...)...)
}

// goSays gives what a go command writes to its standard output, and when it fails also its errors. Apart, because on a machine that builds for
// the first time it tells there what it downloads.
func goSays(ctx context.Context, words ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", words...)
	var errText bytes.Buffer
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		out = append(out, errText.Bytes()...)
	}
	return out, err
}

// lines are the lines of a list of files, whose names may have spaces in them.
func lines(out []byte) []string {
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(l string) bool { return l == "" })
}

// output turns what a tool printed into an error.
func output(out []byte, err error) error {
	if err != nil {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

// generated makes every generated file again and compares. It works beside local edits: files are compared with themselves, not with
// the last commit. A generated page whose template has gone is a difference too.
func generated(ctx context.Context) error {
	before, err := hashes(".")
	if err != nil {
		return err
	}
	if err := output(goTool(ctx, "templ", "generate")); err != nil {
		return fmt.Errorf("templ: %w", err)
	}
	if err := output(exec.CommandContext(ctx, "go", "generate", "./...").CombinedOutput()); err != nil {
		return fmt.Errorf("go generate: %w", err)
	}
	after, err := hashes(".")
	if err != nil {
		return err
	}
	var wrong []string
	for file := range after {
		if before[file] != after[file] {
			wrong = append(wrong, file+" was not up to date (it is now: commit it)")
		}
		if page, ok := strings.CutSuffix(file, "_templ.go"); ok {
			if _, err := os.Stat(page + ".templ"); err != nil {
				wrong = append(wrong, file+" has no template any more: remove it")
			}
		}
	}
	for file := range before {
		if _, ok := after[file]; !ok {
			wrong = append(wrong, file+" is not generated any more: remove it")
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return errors.New("\n" + strings.Join(wrong, "\n"))
	}
	return nil
}

// mark is the line by which Go programs know a generated file; text files of other kinds carry the words in a comment of theirs.
var mark = regexp.MustCompile(`(?m)^.{0,5}Code generated .* DO NOT EDIT\.`)

// hashes reads every file that says it is generated.
func hashes(root string) (map[string][32]byte, error) {
	found := map[string][32]byte{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); file != root && (strings.HasPrefix(n, ".") || n == "testdata" || n == "node_modules" || n == "tocsin-demo" || n == "tocsin-data") {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		is, err := isGenerated(file)
		if err != nil || !is {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		found[file] = sha256.Sum256(text)
		return nil
	})
	return found, err
}

// isGenerated looks at the head of a file.
func isGenerated(file string) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	head, err := bufio.NewReaderSize(f, 2048).Peek(2048)
	if len(head) == 0 && err != nil {
		return false, nil // empty
	}
	return mark.Match(head), nil
}

func (r *run) format(ctx context.Context) error {
	where := []string{"."}
	if len(r.packages) > 0 {
		out, err := goSays(ctx, append([]string{"list", "-f", "{{.Dir}}"}, r.packages...)...)
		if err != nil {
			return output(out, err)
		}
		where = nil
		for _, dir := range lines(out) {
			files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
			where = append(where, files...)
		}
	}
	out, err := goTool(ctx, append([]string{"gofumpt", "-l"}, where...)...)
	if err != nil {
		return output(out, err)
	}
	wrong := map[string]bool{}
	for _, file := range lines(out) {
		if is, _ := isGenerated(file); !is && !strings.HasPrefix(file, ".cache") {
			wrong[file] = true
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("go tool -modfile=tools/go.mod gofumpt -w %s", strings.Join(slices.Sorted(maps.Keys(wrong)), " "))
	}
	return nil
}

// modules looks whether every module that the program and its tools are built of still is what was fetched. That what was fetched is what go.sum says,
// the build asks itself.
func modules(ctx context.Context) error {
	for _, words := range [][]string{{"mod", "verify"}, {"mod", "verify", "-modfile=tools/go.mod"}} {
		cmd := exec.CommandContext(ctx, "go", words...)
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly") // nothing is added to go.sum on the way
		if err := output(cmd.CombinedOutput()); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) vet(ctx context.Context) error {
	return output(exec.CommandContext(ctx, "go", append([]string{"vet"}, r.patterns()...)...).CombinedOutput())
}

func (r *run) staticcheck(ctx context.Context) error {
	return output(goTool(ctx, "staticcheck", "./..."))
}

func (r *run) patterns() []string {
	if len(r.packages) > 0 {
		return r.packages
	}
	return []string{"./..."}
}
