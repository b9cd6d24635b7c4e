package confine

import (
	"io"
	"os"
	"strings"
	"syscall"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// program is what runs now, also when its file was replaced meanwhile.
func program() string { return "/proc/self/exe" }

// narrow takes from this process all that computing needs not, for good: limits first, then a list of the system calls that are left.
func narrow() error {
	for fd := 3; fd < 256; fd++ { // what a careless ancestor left open; the runtime's own have no type
		var s unix.Stat_t
		if unix.Fstat(fd, &s) == nil && s.Mode&unix.S_IFMT != 0 {
			_ = unix.Close(fd)
		}
	}
	limits := map[int]uint64{unix.RLIMIT_CPU: MaxCPU, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_DATA: written() + MaxMemory}
	for what, most := range limits {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	self := uint64(os.Getpid())
	return seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls: []seccomp.SyscallGroup{{Action: seccomp.ActionAllow, Names: allowed, NamesWithCondtions: []seccomp.NameWithConditions{
			{Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}}}, // threads of its own, no processes
			{Name: "tgkill", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: self}}},
		}}, {Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}}}, // glibc then takes clone, whose flags can be seen
	}})
}

// allowed is what Go's runtime needs to compute (runtime/sys_linux_*.s), and reading and writing what is open.
var allowed = []string{
	"read", "write", "close", "exit", "exit_group",
	"mmap", "munmap", "mprotect", "madvise", "mincore", "brk",
	"futex", "sched_yield", "sched_getaffinity", "nanosleep", "clock_nanosleep", "clock_gettime", "gettid", "getpid",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "set_robust_list", "rseq",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2", "timer_create", "timer_settime", "timer_delete", "setitimer", "getrandom",
}

// written is how much memory this process may write to now, in bytes (proc(5), VmData).
func written() uint64 {
	fd, err := unix.Open("/proc/self/status", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	status := make([]byte, 8192)
	n, _ := unix.Read(fd, status)
	for line := range strings.Lines(string(status[:max(0, n)])) {
		if kilobytes, ok := strings.CutPrefix(line, "VmData:"); ok {
			var n uint64
			for _, c := range kilobytes {
				if c >= '0' && c <= '9' {
					n = 10*n + uint64(c-'0')
				}
			}
			return n << 10
		}
	}
	return 0
}

// raw is a file descriptor without Go's poller, which would ask for more system calls.
type raw int

func (fd raw) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		switch {
		case err == unix.EINTR: //nolint:errorlint // it is the number itself
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (fd raw) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var some int
		if some, err = unix.Write(int(fd), p[n:]); some > 0 {
			n += some
		}
		if err == unix.EINTR { //nolint:errorlint // it is the number itself
			err = nil
		}
	}
	return n, err
}

// escapes tries the ways out, and names those that are open.
func escapes() (open []string) {
	try := func(name string, err error) {
		if err == nil {
			open = append(open, name)
		}
	}
	_, err := unix.Open("/etc/passwd", unix.O_RDONLY, 0)
	try("read a file", err)
	_, err = unix.Open("/tmp/tocsin-confined", unix.O_WRONLY|unix.O_CREAT, 0o600)
	try("write a file", err)
	try("remove a file", unix.Unlink("/tmp/tocsin-confined"))
	for _, family := range []int{unix.AF_INET, unix.AF_INET6, unix.AF_UNIX, unix.AF_NETLINK} {
		_, err = unix.Socket(family, unix.SOCK_DGRAM, 0)
		try("open a socket", err)
	}
	_, err = syscall.ForkExec("/proc/self/exe", []string{child}, nil)
	try("start a process", err)
	try("signal its parent", unix.Kill(unix.Getppid(), 0))
	try("raise a limit", unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}))
	try("change its folder", unix.Chdir("/"))
	return open
}
