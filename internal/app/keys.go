package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// The private keys of the team have a file and a root of their own, so that a web process that reads the root key cannot open them: give
// the second file to the user of the key process alone.
func keysFile(c conf.Config) string {
	if c.TeamKeys != "" {
		return c.TeamKeys
	}
	return filepath.Join(c.Data, "team.keys")
}
func keysRootFile(c conf.Config) string { return c.RootKeyFile() + ".team" }

// KeySocket is where the key process listens.
func KeySocket(c conf.Config) string {
	if c.KeySocket != "" {
		return c.KeySocket
	}
	return filepath.Join(c.Data, "keys", "sock")
}

// maxSocketPath is what a Unix socket address may hold.
const maxSocketPath = 100

// childSocket names a new socket for the key process that is our child, in a folder of this machine that belongs to the data folder. What
// killed processes left there is removed.
func childSocket(c conf.Config) (string, error) {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return "", err
	}
	mark := sha256.Sum256([]byte(data))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("tocsin-keys-%d-%x", os.Getuid(), mark[:4]))
	socket := filepath.Join(dir, id.New()[:8])
	if len(socket) > maxSocketPath {
		return "", errs.New(errs.Invalid, "the path of the temporary folder is too long for a socket: set TMPDIR")
	}
	keyd.Sweep(dir)
	return socket, nil
}

// SaveTeamSecrets writes the team's private keys, sealed, for the key process.
func SaveTeamSecrets(c conf.Config, ring *keyd.Ring) error {
	root, err := keyring.MakeRoot(keysRootFile(c))
	if err != nil {
		return err
	}
	return ring.Save(keysFile(c), root)
}

// LoadTeamSecrets opens the team's private keys: for the key process, and for init and key acts at the command line.
func LoadTeamSecrets(c conf.Config) (*keyd.Ring, error) {
	root, err := keyring.ReadRoot(keysRootFile(c))
	if err != nil {
		return nil, err
	}
	return keyd.Load(keysFile(c), root)
}

// ServeKeys is the key process: it serves the socket until ctx ends, to its own user and to those of others that the configuration names. It
// opens no database and no network. When its file changes, it takes the keys anew.
func ServeKeys(ctx context.Context, c conf.Config, socket string, log *slog.Logger, ready func(), others ...uint32) error {
	ring, err := LoadTeamSecrets(c)
	if err != nil {
		return err
	}
	if err := keyd.Harden(); err != nil {
		log.Warn("the key process could not narrow itself", "error", err)
	}
	listen := keyd.Listen
	if len(others) > 0 {
		listen = keyd.ListenForGroup
	}
	l, err := listen(socket)
	if err != nil {
		return err
	}
	ready()
	s := keyd.NewServer(ring, keyd.Options{Fresh: renewed(c, log), Record: func(u keyd.Use) {
		if u.Outcome != keyd.Done {
			log.Warn("key use", "call", u.Call, "outcome", u.Outcome)
		}
	}}, append(others, uint32(os.Getuid()))...)
	return s.Serve(ctx, l)
}

// renewed looks whether the file of the keys is another and gives what is in it then. So what was encrypted to a key the moment it was published
// is opened. A file that cannot be opened is said once, and the keys at hand go on.
func renewed(c conf.Config, log *slog.Logger) func() *keyd.Ring {
	var mu sync.Mutex
	seen, _ := os.Stat(keysFile(c))
	said := false
	return func() *keyd.Ring {
		mu.Lock()
		defer mu.Unlock()
		now, err := os.Stat(keysFile(c))
		if err != nil || seen != nil && os.SameFile(seen, now) && seen.ModTime().Equal(now.ModTime()) && seen.Size() == now.Size() {
			return nil
		}
		ring, err := LoadTeamSecrets(c)
		if err != nil {
			if !said {
				log.Error("the changed keys of the team cannot be opened; the old ones are used on", "error", err)
			}
			said = true
			return nil
		}
		seen, said = now, false
		log.Info("the keys of the team were read anew", "current", ring.Current().Public().Fingerprint())
		return ring
	}
}

// keysChild runs the key process as a child of this one, on a socket of its own. The child ends when this process does, however it ends:
// its standard input closes.
func keysChild(ctx context.Context, c conf.Config, socket string, log *slog.Logger, ready func()) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "serve", "--role", "keys") //nolint:gosec // ourselves
	// Ctrl-C goes to every process of the terminal's group; the child is needed until the last letter is signed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), "TOCSIN_DATA="+c.Data, "TOCSIN_ROOT_KEY="+c.RootKeyFile(), "TOCSIN_TEAM_KEYS="+keysFile(c), "TOCSIN_KEY_USERS=", "TOCSIN_KEYS_SOCKET="+socket, "TOCSIN_KEYS_CHILD=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start key process: %w", err)
	}
	ended := make(chan error, 1)
	said := make(chan bool, 1)
	go func() {
		line, err := bufio.NewReader(out).ReadString('\n')
		said <- err == nil && line == readyLine
		_, _ = io.Copy(io.Discard, out)
		ended <- cmd.Wait()
	}()
	defer func() {
		_ = in.Close()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}()
	select {
	case ok := <-said:
		if !ok {
			return errs.New(errs.Unavailable, "the key process did not start; its reason stands above")
		}
	case <-time.After(20 * time.Second):
		return errs.New(errs.Unavailable, "the key process did not start within 20 seconds")
	case <-ctx.Done():
		return nil
	}
	ready()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		ended <- err
		if err == nil {
			err = errors.New("it returned")
		}
		return fmt.Errorf("the key process ended: %w", err)
	}
}

// readyLine is what the child says once its socket listens.
const readyLine = "keys ready\n"

// KeysMain is the key process as a program: of its own, or a child that ends with its parent.
func KeysMain(ctx context.Context, c conf.Config, log *slog.Logger) error {
	socket := os.Getenv("TOCSIN_KEYS_SOCKET")
	if socket == "" {
		socket = KeySocket(c)
	}
	child := os.Getenv("TOCSIN_KEYS_CHILD") != ""
	if child { // whoever signals the group or the whole unit means the parent: it says when we end
		signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		ctx = context.WithoutCancel(ctx)
		defer os.Remove(filepath.Dir(socket)) //nolint:errcheck // stays when others use it
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if child {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	return ServeKeys(ctx, c, socket, log, func() { fmt.Print(readyLine) }, c.KeyUIDs()...)
}
