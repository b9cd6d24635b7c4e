package pgtest

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// memoryFolder is where Linux keeps files in memory.
const memoryFolder = "/dev/shm"

const (
	roomInMemory = 4 << 30 // what a run of all tests may fill
	leftInMemory = 4 << 30 // for the tests themselves
	noExec       = 0x8     // statfs(2): ST_NOEXEC
)

// Memory gives the folder for files that need not outlive the machine: in memory where there is plenty of it, else "". What waits for a
// disk there is tests, not people: nothing that a test can see, short of a power cut, depends on it.
func Memory() string {
	var st syscall.Statfs_t
	if syscall.Statfs(memoryFolder, &st) != nil || st.Flags&noExec != 0 || uint64(st.Bavail)*uint64(st.Bsize) < roomInMemory {
		return ""
	}
	if available() < roomInMemory+leftInMemory {
		return ""
	}
	return memoryFolder
}

// available is the memory in bytes that programs can still have, as the kernel estimates it (proc(5)).
func available() uint64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			kib, _ := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}
