package imap

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

// memory is a Store that outlives its poller, as a database does.
type memory struct {
	mu      sync.Mutex
	kept    []string
	known   map[[2]uint32]bool
	sums    map[[32]byte]bool
	states  []State
	changed chan struct{}
	fail    error
}

func newMemory() *memory {
	return &memory{known: map[[2]uint32]bool{}, sums: map[[32]byte]bool{}, changed: make(chan struct{}, 1)}
}

func (m *memory) Taken(_ context.Context, validity uint32, uids []uint32) (map[uint32]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[uint32]bool{}
	for _, u := range uids {
		out[u] = m.known[[2]uint32{validity, u}]
	}
	return out, nil
}

func (m *memory) Keep(_ context.Context, validity uint32, mails []Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, mail := range mails {
		m.known[[2]uint32{validity, mail.UID}] = true
		raw, err := mail.Body.Bytes()
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(raw); !m.sums[sum] {
			m.sums[sum] = true
			m.kept = append(m.kept, string(raw))
		}
	}
	return nil
}

func (m *memory) Report(_ context.Context, s State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states = append(m.states, s)
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return nil
}

// until waits for reports until look is content.
func (m *memory) until(t *testing.T, what string, look func() bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		m.mu.Lock()
		ok := look()
		m.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-m.changed:
		case <-late:
			t.Fatalf("never came: %s; %+v, %d kept", what, m.states, len(m.kept))
		}
	}
}

func (m *memory) last() State {
	if len(m.states) == 0 {
		return State{Problem: "none yet"}
	}
	return m.states[len(m.states)-1]
}

func configOf(t testing.TB, d *mailtest.Dovecot, then string) Config {
	t.Helper()
	c, err := Parse("imap://report@cert.example@"+d.Addr+"/INBOX", then)
	if err != nil {
		t.Fatal(err)
	}
	c.Roots, c.Password = d.Roots, func() (id.Secret, error) { return id.SecretOf(d.Password), nil }
	c.Least, c.Most, c.Timeout = 10*time.Millisecond, 50*time.Millisecond, 10*time.Second
	return c
}

// run starts a poller; the function ends it and waits.
func run(c Config, s Store) (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = New(c, s).Run(ctx) }()
	return func() { stop(); <-done }
}

func text(n int) string {
	return fmt.Sprintf("From: <a@bank.example>\r\nSubject: number %d\r\n\r\n.\r\nText %d\r\n", n, n)
}

// TestAMailboxIsFetchedAndLeftTidy is the whole road on a real Dovecot, for each way to leave the mailbox: what waits is taken, what comes is
// told by IDLE, what was kept is put away as said and nothing else is touched.
func TestAMailboxIsFetchedAndLeftTidy(t *testing.T) {
	for _, c := range []struct {
		then               string
		inbox, seen, moved int
		secure             bool
	}{
		{then: "move:Taken", moved: 5},
		{then: "move:Arquivo & João", moved: -1, secure: true},
		{then: "flag", inbox: 5, seen: 5},
		{then: "delete"},
	} {
		t.Run(c.then, func(t *testing.T) {
			t.Parallel()
			d := mailtest.NewDovecot(t)
			m := newMemory()
			for n := range 3 {
				must(t, d.Deliver(text(n)))
			}
			large := text(3) + strings.Repeat("0123456789abcdef\r\n", 60_000)
			must(t, d.Deliver(large))
			cfg := configOf(t, d, c.then)
			if c.secure {
				cfg.TLS = true
				cfg.Host, cfg.Port, _ = net.SplitHostPort(d.TLSAddr)
			}
			end := run(cfg, m)
			m.until(t, "four mails and IDLE", func() bool { return len(m.kept) == 4 && m.last().Idle && m.last().Problem == "" })
			must(t, d.Deliver(text(4)))
			m.until(t, "the fifth, told by IDLE", func() bool { return len(m.kept) == 5 })
			end()
			m.states = nil
			end = run(cfg, m) // again, on what lies there
			m.until(t, "a second look", func() bool { s := m.last(); return s.Taken == 0 && s.Problem == "" })
			end()
			for n := range 5 {
				if n != 3 && m.kept[n] != text(n) && !strings.Contains(strings.Join(m.kept, ""), text(n)) {
					t.Errorf("mail %d is not as it was", n)
				}
			}
			if !strings.Contains(strings.Join(m.kept, ""), large) || len(m.kept) != 5 {
				t.Errorf("%d kept", len(m.kept))
			}
			if all, seen := d.Count("", "S"); all != c.inbox || seen != c.seen {
				t.Errorf("the inbox holds %d, %d of them seen", all, seen)
			}
			if all, _ := d.Count("Taken", ""); c.moved >= 0 && all != c.moved {
				t.Errorf("%d were moved", all)
			}
		})
	}
}

// TestNoStepLosesAndNoStepTakesTwice stops a poller between any two steps, as a killed process does, at each of the mails; the next one goes on
// from what the Store and the mailbox say.
func TestNoStepLosesAndNoStepTakesTwice(t *testing.T) {
	killed := errors.New("killed")
	for _, then := range []string{"move:Taken", "flag", "delete"} {
		t.Run(then, func(t *testing.T) {
			t.Parallel()
			d := mailtest.NewDovecot(t)
			m := newMemory()
			delivered := 0
			for _, step := range []string{"before fetch", "before keep", "before tidy", "after tidy"} {
				for _, at := range []int{1, 3} {
					for range 4 {
						must(t, d.Deliver(text(delivered)))
						delivered++
					}
					p := New(configOf(t, d, then), m)
					seen := 0
					p.step = func(name string) error {
						if name == step {
							if seen++; seen == at || name != "before fetch" {
								return killed
							}
						}
						return nil
					}
					if _, err := p.connected(t.Context()); !errors.Is(err, killed) {
						t.Fatalf("%s: %v", step, err)
					}
				}
			}
			d.Renumber() // and the mailbox is made anew under what was taken
			end := run(configOf(t, d, then), m)
			m.until(t, "all of them", func() bool { return len(m.kept) == delivered && m.last().Problem == "" && m.last().Taken == 0 })
			end()
			if len(m.sums) != delivered {
				t.Errorf("%d of %d", len(m.sums), delivered)
			}
			all, seen := d.Count("", "S")
			if then != "flag" && all != 0 || seen != all {
				t.Errorf("the inbox holds %d, %d seen", all, seen)
			}
		})
	}
}

// TestALostMailboxIsFoundAgain stops the server under IDLE, refuses the sign-in, and fills the disk.
func TestALostMailboxIsFoundAgain(t *testing.T) {
	d := mailtest.NewDovecot(t)
	m := newMemory()
	cfg := configOf(t, d, "move:Taken")
	end := run(cfg, m)
	defer func() { end() }()
	m.until(t, "the first look", func() bool { return m.last().Idle })
	d.Stop()
	m.until(t, "the loss", func() bool { return m.last().Problem == "unreachable" })
	must(t, d.Deliver(text(1)))
	d.Start()
	m.until(t, "the mail of meanwhile", func() bool { return len(m.kept) == 1 && m.last().Problem == "" })
	m.mu.Lock()
	m.fail = errors.New("no room")
	m.mu.Unlock()
	must(t, d.Deliver(text(2)))
	m.until(t, "that nothing can be stored", func() bool { return m.last().Problem == "storing" })
	if all, _ := d.Count("", ""); all != 1 {
		t.Errorf("what was not kept left the mailbox: %d there", all)
	}
	m.mu.Lock()
	m.fail = nil
	m.mu.Unlock()
	m.until(t, "the second", func() bool { return len(m.kept) == 2 })
	end()
	for word, change := range map[string]func(c *Config){
		"login":       func(c *Config) { c.Password = func() (id.Secret, error) { return id.SecretOf("wrong"), nil } },
		"no_password": func(c *Config) { c.Password = PasswordFile("/nowhere") },
		"no_mailbox":  func(c *Config) { c.Mailbox = "Not there" },
		"no_tls":      func(c *Config) { c.Roots = nil },
	} {
		c := cfg
		change(&c)
		if _, err := New(c, m).connected(t.Context()); problemOf(err) != word {
			t.Errorf("%s: %v", word, err)
		}
	}
	end = func() {}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
