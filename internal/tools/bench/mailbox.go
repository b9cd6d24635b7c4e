package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// mailbox is a server of IMAP with some mails in it, as far as they are fetched from it. Each is written when it is asked for: what is measured is not it.
type mailbox struct {
	listener net.Listener
	dir      string // of the password
	write    func(out io.Writer, n int) error
	sizes    []int64

	mu    sync.Mutex
	moved map[string]bool
}

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func newMailbox(mails int, write func(out io.Writer, n int) error) (*mailbox, error) {
	m := &mailbox{write: write, moved: map[string]bool{}}
	for n := range mails {
		var size counter
		if err := write(&size, n); err != nil {
			return nil, err
		}
		m.sizes = append(m.sizes, int64(size))
	}
	var err error
	if m.dir, err = os.MkdirTemp("", "bench-imap"); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(m.dir, "password"), []byte("bench\n"), 0o600); err != nil {
		return nil, err
	}
	if m.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := m.listener.Accept()
			if err != nil {
				return
			}
			go m.serve(c)
		}
	}()
	return m, nil
}

func (m *mailbox) close() {
	_ = m.listener.Close()
	_ = os.RemoveAll(m.dir)
}

// settings have a server fetch from here.
func (m *mailbox) settings() []string {
	return []string{"TOCSIN_IMAP=imap://bench@" + m.listener.Addr().String() + "/INBOX", "TOCSIN_IMAP_PASSWORD_FILE=" + filepath.Join(m.dir, "password")}
}

// empty tells whether all was fetched and moved.
func (m *mailbox) empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.moved) == len(m.sizes)
}

func (m *mailbox) serve(c net.Conn) {
	defer c.Close()
	out := bufio.NewWriter(c)
	say := func(format string, a ...any) { fmt.Fprintf(out, format+"\r\n", a...) }
	say("* OK ready")
	in := bufio.NewScanner(c)
	for out.Flush() == nil && in.Scan() {
		tag, command, _ := strings.Cut(in.Text(), " ")
		switch words := strings.Fields(command); {
		case len(words) == 0:
			return
		case words[0] == "CAPABILITY":
			say("* CAPABILITY IMAP4rev1 MOVE IDLE")
		case words[0] == "SELECT":
			say("* %d EXISTS\r\n* OK [UIDVALIDITY 1] valid", len(m.sizes))
		case words[0] == "IDLE":
			say("+ idling")
			_ = out.Flush()
			if !in.Scan() {
				return
			}
		case len(words) > 1 && words[1] == "SEARCH":
			say("* SEARCH %s", strings.Join(m.left(), " "))
		case len(words) > 3 && words[1] == "FETCH":
			if m.fetch(out, words[2], strings.Contains(command, "BODY")) != nil {
				return
			}
		case len(words) > 2 && words[1] == "MOVE":
			m.mu.Lock()
			for _, uid := range strings.Split(words[2], ",") {
				m.moved[uid] = true
			}
			m.mu.Unlock()
		}
		say("%s OK done", tag)
	}
}

func (m *mailbox) left() (uids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n := range m.sizes {
		if uid := fmt.Sprint(n + 1); !m.moved[uid] {
			uids = append(uids, uid)
		}
	}
	return uids
}

func (m *mailbox) fetch(out io.Writer, uids string, body bool) error {
	for _, uid := range strings.Split(uids, ",") {
		n := 0
		if _, err := fmt.Sscan(uid, &n); err != nil || n < 1 || n > len(m.sizes) {
			return errors.New("no such mail")
		}
		if !body {
			fmt.Fprintf(out, "* %d FETCH (UID %d RFC822.SIZE %d)\r\n", n, n, m.sizes[n-1])
			continue
		}
		fmt.Fprintf(out, "* %d FETCH (UID %d BODY[] {%d}\r\n", n, n, m.sizes[n-1])
		if err := m.write(out, n-1); err != nil {
			return err
		}
		if _, err := io.WriteString(out, ")\r\n"); err != nil {
			return err
		}
	}
	return nil
}
