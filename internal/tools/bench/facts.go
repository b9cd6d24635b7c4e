package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
)

const (
	mostBinary = 80e6
	mostMemory = 120 << 20
)

// binary is the size of the program as it is given out.
func binary(ctx context.Context) (string, bool, error) {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return "", false, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "tocsin")
	build := exec.CommandContext(ctx, "./build", file)
	if out, err := build.CombinedOutput(); err != nil {
		return "", false, fmt.Errorf("build: %w: %s", err, out)
	}
	st, err := os.Stat(file)
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("%.1f MB", float64(st.Size())/1e6), st.Size() < mostBinary, nil
}

// memory is what server and key process hold after ten idle seconds with the filled house.
func (w *world) memory(ctx context.Context) (string, bool, error) {
	server, end, err := w.apart(ctx)
	if err != nil {
		return "", false, err
	}
	defer end()
	settled := 10 * time.Second
	if w.tiny {
		settled = 0
	}
	select {
	case <-time.After(settled):
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	all := held(server)
	return fmt.Sprintf("%.1f MB", float64(all)/1e6), all < mostMemory, nil
}

// apart runs the program as a process of its own on the filled house, with more settings; end stops it and waits.
func (w *world) apart(ctx context.Context, settings ...string) (pid int, end func(), err error) {
	if err := w.open(ctx); err != nil {
		return 0, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, nil, err
	}
	c := w.house.Config
	server := exec.CommandContext(ctx, self, "serve")
	server.Env = append(append(os.Environ(), "TOCSIN_DATA="+c.Data, "TOCSIN_ROOT_KEY="+c.RootKeyFile(), "TOCSIN_DATABASE="+c.Database.Reveal()), settings...)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := server.Start(); err != nil {
		return 0, nil, err
	}
	end = func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != serving {
		end()
		return 0, nil, fmt.Errorf("the server did not start: %w", err)
	}
	return server.Process.Pid, end, nil
}

// held is the memory of a process and those that it started.
func held(server int) int {
	all, shared := 0, 0
	for _, pid := range append([]int{server}, descendantsOf(server)...) {
		own, file := resident(pid)
		all, shared = all+own, max(shared, file)
	}
	return all + shared
}

// resident is the memory of a process in bytes: its own, and that of files (the program, the database), which the processes of one program share
// (proc_pid_status(5): RssAnon, RssShmem and RssFile in KiB).
func resident(pid int) (own, file int) {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		switch name {
		case "RssAnon", "RssShmem":
			own += n << 10
		case "RssFile":
			file = n << 10
		}
	}
	return own, file
}

// descendantsOf are the processes that a process has started, and those that these started (proc_pid_stat(5): field 4 is the parent).
func descendantsOf(ancestor int) (out []int) {
	parent := map[int]int{}
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range all {
		stat, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if len(fields) > 1 {
			parent[pid], _ = strconv.Atoi(fields[1])
		}
	}
	for pid := range parent {
		for p, ok := parent[pid]; ok; p, ok = parent[p] {
			if p == ancestor {
				out = append(out, pid)
				break
			}
		}
	}
	return out
}

// serving is what this program says when it plays the server.
const serving = "serving\n"

// serve plays the server that memory measures, or its key process.
func serve(ctx context.Context, role app.Role) error {
	c, err := fromEnvironment()
	if err != nil {
		return err
	}
	return app.Serve(ctx, c, role, quiet(), func(string) { fmt.Print(serving) })
}
