package keyd

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

const (
	maxConns = 64
	idleFor  = 5 * time.Minute
	replyFor = 10 * time.Second
)

// Server answers on a Unix socket. Only processes of the users given may speak to it; their identity comes from the kernel.
type Server struct {
	agent *InProcess
	uids  []uint32
}

// NewServer serves the ring to processes of the given users; none given means our own user.
func NewServer(r *Ring, o Options, uids ...uint32) *Server {
	if len(uids) == 0 {
		uids = []uint32{uint32(os.Getuid())}
	}
	return &Server{agent: NewInProcess(r, o), uids: uids}
}

// Count tells how often a call ended so.
func (s *Server) Count(call string, o Outcome) int { return s.agent.Count(call, o) }

// Listen makes the socket, 0600 in a folder that only its owner may enter. A folder that others may enter is refused (Conflict). A socket that
// a dead process left is replaced; one that answers is not (Conflict).
func Listen(path string) (*net.UnixListener, error) { return listen(path, 0o700, 0o600) }

// ListenForGroup is Listen with a folder and a socket that the folder's group may use too: who calls is still told by the kernel.
func ListenForGroup(path string) (*net.UnixListener, error) { return listen(path, 0o750, 0o660) }

func listen(path string, folder, socket os.FileMode) (*net.UnixListener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, folder); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !ours(info) {
		return nil, errs.Newf(errs.Conflict, "the folder %s of the key socket belongs to another user", dir)
	}
	if info.Mode().Perm()&^folder != 0 {
		return nil, errs.Newf(errs.Conflict, "the folder of the key socket can be entered by others; make it %#o", folder)
	}
	if c, err := connect(context.Background(), path); err == nil {
		c.Close()
		return nil, errs.New(errs.Conflict, "another key process listens there")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socket); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Sweep removes the sockets in a folder of ours on which nobody answers any more.
func Sweep(dir string) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !ours(info) {
		return
	}
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		if e.Type()&os.ModeSocket == 0 {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if c, err := connect(context.Background(), path); err == nil {
			_ = c.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path)
		}
	}
}

func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

// Serve answers until ctx ends, then closes the listener and every connection and waits for them.
func (s *Server) Serve(ctx context.Context, l *net.UnixListener) error {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	unhook := context.AfterFunc(ctx, func() { l.Close() })
	defer unhook()
	slots := make(chan struct{}, maxConns)
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			l.Close()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if uid, err := peer(c); err != nil || !s.allowed(uid) {
			s.agent.note("connect", Refused, 0)
			c.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			s.agent.note("connect", Limited, 0)
			c.Close()
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			s.talk(ctx, c)
		}()
	}
}

func (s *Server) allowed(uid uint32) bool {
	for _, u := range s.uids {
		if u == uid {
			return true
		}
	}
	return false
}

func (s *Server) talk(ctx context.Context, c *net.UnixConn) {
	defer c.Close()
	unhook := context.AfterFunc(ctx, func() { c.Close() })
	defer unhook()
	for {
		c.SetDeadline(time.Now().Add(idleFor)) //nolint:errcheck // a closed connection shows at the next read
		body, err := readFrame(c, maxFrame)
		if errors.Is(err, errWire) {
			s.agent.note("message", Refused, 0)
		}
		if err != nil {
			return
		}
		answer, ok := s.answer(ctx, body)
		c.SetDeadline(time.Now().Add(replyFor)) //nolint:errcheck // as above
		err = writeFrame(c, answer)
		clear(answer)
		if err != nil || !ok {
			return
		}
	}
}

// answer gives false when the connection is to end.
func (s *Server) answer(ctx context.Context, body []byte) ([]byte, bool) {
	if len(body) == 1+sha256.Size && body[0] == callDocument {
		sig, err := s.agent.SignDocument(ctx, [sha256.Size]byte(body[1:]))
		if err != nil {
			return refusal(err), true
		}
		return append([]byte{answerSignature}, sig...), true
	}
	call, err := decodeCall(body)
	if err != nil {
		s.agent.note("message", Refused, 0)
		return []byte{answerRefused}, false
	}
	var out []byte
	switch q := call.(type) {
	case *pgp.SignRequest:
		if out, err = s.agent.Sign(ctx, *q); err == nil {
			out = append([]byte{answerSignature}, out...)
		}
	case *pgp.UnwrapRequest:
		var key pgp.SessionKey
		if key, err = s.agent.Unwrap(ctx, *q); err == nil {
			out = encodeSession(key)
			clear(key.Key)
		}
	case *smime.SignRequest:
		var by smime.SignedBy
		if by, err = s.agent.SignSMIME(ctx, *q); err == nil {
			out, err = encodeSigned(by)
		}
	case *smime.UnwrapRequest:
		var key smime.ContentKey
		if key, err = s.agent.UnwrapSMIME(ctx, *q); err == nil {
			out = encodeSession(pgp.SessionKey{Key: key.Key, Fingerprint: key.Fingerprint})
			clear(key.Key)
		}
	}
	if err != nil {
		return refusal(err), true
	}
	return out, true
}

func refusal(err error) []byte {
	switch {
	case errors.Is(err, pgp.ErrNotUnwrapped):
		return []byte{answerNo}
	case errs.Is(err, errs.Limit):
		return []byte{answerLimit}
	case errs.Is(err, errs.Invalid):
		return []byte{answerRefused}
	}
	return []byte{answerNoKey}
}
