package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

// envVictim makes the test binary the program that is killed: app.Serve in a process of its own, with its own key process.
const envVictim = "TOCSIN_TEST_VICTIM"

func victim(log *slog.Logger) error {
	c := conf.Config{Data: os.Getenv("TOCSIN_DATA"), HTTP: os.Getenv("TOCSIN_HTTP"), SMTP: os.Getenv("TOCSIN_SMTP"), LMTP: os.Getenv("TOCSIN_LMTP"), Zone: "UTC", Database: conf.EndpointOf(os.Getenv("TOCSIN_DATABASE"))}
	if calls := os.Getenv(envCalls); calls != "" {
		if err := fenced(strings.Split(calls, ",")); err != nil {
			return err
		}
	}
	c.IMAP, c.IMAPPassword, c.IMAPRoots = conf.EndpointOf(os.Getenv("TOCSIN_IMAP")), os.Getenv("TOCSIN_IMAP_PASSWORD_FILE"), os.Getenv("TOCSIN_IMAP_CA")
	h, err := Open(context.Background(), c, log)
	if err != nil {
		return err
	}
	defer h.Close()
	h.Trusted = Loopback
	h.Correspondence.Hold = 0 // the moment of second thoughts is no matter where a process is killed
	return h.Serve(context.Background(), All, func(*House) { fmt.Println("up") })
}

// TestNothingAcknowledgedIsLost kills the process with SIGKILL at a random moment while mails by SMTP, by LMTP and into a mailbox of a real Dovecot,
// forms, question pages with a stage and a file in parts, and API posts pour in over several connections, starts it again, and so on; in the end each that was acknowledged is there exactly once,
// and no other is there twice. Forms and posts that had no answer are sent again with their code or key. TOCSIN_LONG=1 kills a hundred times.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	rounds := 15
	if os.Getenv("TOCSIN_LONG") == "1" {
		rounds = 100
	}
	h := newHouse(t, pgtest.Engine(t))
	analyst := h.account(access.Analyst, "ana@cert.valmora.example", "")
	_, token, err := h.Accounts.CreateToken(t.Context(), sample(), account.NewToken{Name: "pour", Role: access.Analyst, Owner: analyst.UID})
	h.must(err)
	tmp := shortFolder(t)

	dovecot := mailtest.NewDovecot(t)
	h.Config.LMTP = freePort(t)
	h.mailbox(dovecot)
	p := &pourer{http: "http://" + h.Config.HTTP, smtp: h.Config.SMTP, lmtp: h.Config.LMTP, mailbox: dovecot, token: token.Reveal(), state: map[string]bool{}}
	for range rounds {
		child := h.startVictim(tmp)
		stop := make(chan struct{})
		var pours sync.WaitGroup
		for _, pour := range []func(string) bool{p.mail, p.mail, p.hand, p.hand, p.drop, p.form, p.questions, p.questions, p.post, p.post} {
			pours.Go(func() { p.pour(pour, stop) })
		}
		after := time.NewTimer(time.Duration(50+rand.IntN(400)) * time.Millisecond)
		<-after.C // the moment of death is the point of the test, not a wait for something
		h.must(child.Process.Signal(syscall.SIGKILL))
		_ = child.Wait() // killed
		close(stop)
		pours.Wait()
	}
	child := h.startVictim(tmp)
	p.again()
	counts := map[string]int{}
	var missing []string
	all := func() bool {
		counts, missing = h.summaries(), nil
		for name, acknowledged := range p.state {
			if acknowledged && counts[name] == 0 {
				missing = append(missing, name)
			}
		}
		return len(missing) == 0
	}
	left := -1
	for moved := time.Now(); !all() && time.Since(moved) < patience; { // a hundred kills leave work for longer than that
		if len(missing) != left {
			left, moved = len(missing), time.Now()
		}
		<-time.After(100 * time.Millisecond)
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		t.Errorf("%d acknowledged and not there, such as %s; jobs: %v", len(missing), missing[0], h.jobStates())
	}
	acknowledged := 0
	for name, ok := range p.state {
		if ok {
			acknowledged++
		}
		if counts[name] > 1 {
			t.Errorf("%s is there %d times", name, counts[name])
		}
	}
	h.wholeForms(p)
	h.eventually("a mailbox that is tidy", func() bool { n, _ := dovecot.Count("", ""); return n == 0 })
	h.must(child.Process.Signal(syscall.SIGTERM))
	_ = child.Wait()
	t.Logf("%d rounds: %d sent, %d acknowledged, %d there; by road %v", rounds, len(p.state), acknowledged, len(counts), p.roads)
	for _, road := range []string{"smtp", "lmtp", "imap", "form with a stage"} {
		if p.roads[road] == 0 {
			t.Errorf("nothing was acknowledged by %s", road)
		}
	}
	if acknowledged < rounds {
		t.Errorf("only %d were acknowledged in %d rounds: the pour is dry", acknowledged, rounds)
	}
}

// startVictim starts the program in a process of its own and waits until it answers.
func (h *house) startVictim(tmp string) *exec.Cmd {
	h.t.Helper()
	self, err := os.Executable()
	h.must(err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envVictim+"=1", "TMPDIR="+tmp, "TOCSIN_DATA="+h.Config.Data, "TOCSIN_HTTP="+h.Config.HTTP, "TOCSIN_SMTP="+h.Config.SMTP, "TOCSIN_LMTP="+h.Config.LMTP,
		"TOCSIN_IMAP="+h.Config.IMAP.Reveal(), "TOCSIN_IMAP_PASSWORD_FILE="+h.Config.IMAPPassword, "TOCSIN_IMAP_CA="+h.Config.IMAPRoots, "TOCSIN_DATABASE="+h.Config.Database.Reveal())
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	h.must(err)
	h.must(cmd.Start())
	h.t.Cleanup(func() { _ = cmd.Process.Kill() }) // ended before, as a rule
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "up\n" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		h.t.Fatalf("the program does not start again: %v\n%s", err, said.String())
	}
	return cmd
}

// jobStates counts the jobs by kind, state and tries.
func (h *house) jobStates() map[string]int64 {
	out := map[string]int64{}
	list, err := db.All(h.t.Context(), h.DB, func(r *db.Rows) (one struct {
		name string
		n    int64
	}, err error,
	) {
		var kind, state string
		var tries int64
		err = r.Scan(&kind, &state, &tries, &one.n)
		one.name = fmt.Sprint(kind, " ", state, " ", tries)
		return one, err
	}, `SELECT kind, CAST(state AS TEXT), attempt, COUNT(*) FROM river_job WHERE finalized_at IS NULL OR attempt > 1 GROUP BY kind, CAST(state AS TEXT), attempt ORDER BY 4 DESC LIMIT 40`)
	h.must(err)
	for _, one := range list {
		out[one.name] = one.n
	}
	return out
}

// summaries counts the reports by their summary.
func (h *house) summaries() map[string]int {
	h.t.Helper()
	out := map[string]int{}
	f := intake.QueueFilter{Limit: 100}
	for {
		list, err := h.Intake.List(h.t.Context(), sample(), f)
		h.must(err)
		for _, r := range list.Items {
			out[r.Body.Summary]++
		}
		if f.After = list.Next; f.After == "" {
			return out
		}
	}
}

// pourer sends what is told apart by its name, and remembers what was acknowledged.
type pourer struct {
	http, smtp, lmtp, token string
	mailbox                 *mailtest.Dovecot
	n                       atomic.Int64

	mu    sync.Mutex
	roads map[string]int  // acknowledged mails
	state map[string]bool // by name: acknowledged
	retry []func() bool   // forms and posts that had no answer
	forms []*staged       // forms of question pages, with files in parts
}

func (p *pourer) pour(one func(name string) bool, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		name := fmt.Sprintf("pour-%06d", p.n.Add(1))
		p.note(name, false)
		if !one(name) {
			select { // it is dead, or about to be
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// by notes a mail that was acknowledged by a road.
func (p *pourer) by(road, name string) {
	p.note(name, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.roads == nil {
		p.roads = map[string]int{}
	}
	p.roads[road]++
}

func (p *pourer) note(name string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state[name] = ok
}

// mail is acknowledged by 250 after the end of data.
func (p *pourer) mail(name string) bool {
	ok := deliver(p.smtp, "a@away.example", teamAddress, head("a@away.example", teamAddress, name)+"\r\nText of "+name+"\r\n") == nil
	if ok {
		p.by("smtp", name)
	}
	return ok
}

// hand is acknowledged by two answers "250" of LMTP, one for each recipient.
func (p *pourer) hand(name string) bool {
	raw := head("a@away.example", teamAddress, name) + "\r\nText of " + name + "\r\n"
	if !spoken(p.lmtp, []spokenLine{{"", 220}, {"LHLO mx.example", 250}, {"MAIL FROM:<a@away.example>", 250}, {"RCPT TO:<" + teamAddress + ">", 250}, {"RCPT TO:<postmaster@cert.valmora.example>", 250}, {"DATA", 354}, {raw + ".", 250}, {"", 250}}) {
		return false
	}
	p.by("lmtp", name)
	return true
}

// drop is acknowledged when it lies in the mailbox.
func (p *pourer) drop(name string) bool {
	ok := p.mailbox.Deliver("Return-Path: <a@away.example>\r\nDelivered-To: "+teamAddress+"\r\n"+head("a@away.example", teamAddress, name)+"\r\nText of "+name+"\r\n") == nil
	if ok {
		p.by("imap", name)
	}
	<-time.After(10 * time.Millisecond) // a file is written faster than any mail server delivers
	return ok
}

// form is acknowledged by the redirect to the receipt.
func (p *pourer) form(name string) bool {
	fields := url.Values{"code": {id.New()}, "summary": {name}, "description": {"Text"}, "ongoing": {"no"}, "tlp": {"GREEN"}}
	return p.twice(name, func() bool {
		return p.send("/report/short", "application/x-www-form-urlencoded", fields.Encode(), http.StatusSeeOther)
	})
}

// post is acknowledged by 201.
func (p *pourer) post(name string) bool {
	key := id.New()
	return p.twice(name, func() bool {
		return p.send("/api/v1/reports", "application/json", `{"summary":"`+name+`","description":"Text"}`, http.StatusCreated, "Authorization", "Bearer "+p.token, "Idempotency-Key", key)
	})
}

// twice sends; what had no answer is kept to be sent again.
func (p *pourer) twice(name string, send func() bool) bool {
	try := func() bool {
		ok := send()
		if ok {
			p.note(name, true)
		}
		return ok
	}
	if try() {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retry = append(p.retry, try)
	return false
}

// again sends once more what had no answer.
func (p *pourer) again() {
	for _, try := range p.retry[max(0, len(p.retry)-20):] { // the newest: those that may have been taken
		try()
	}
	for _, f := range p.forms[max(0, len(p.forms)-20):] {
		if !p.state[f.name] {
			f.goOn()
		}
	}
}

func (p *pourer) send(path, kind, body string, want int, headers ...string) bool {
	r, err := http.NewRequest(http.MethodPost, p.http+path, strings.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	c := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	res, err := c.Do(r)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == want
}

// spokenLine is a line of a session and the answer that it must have.
type spokenLine struct {
	line string
	code int
}

// spoken says lines to a server, and tells whether each had its answer.
func spoken(address string, lines []spokenLine) bool {
	c, err := textproto.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer c.Close()
	for _, x := range lines {
		if x.line != "" && c.PrintfLine("%s", x.line) != nil {
			return false
		}
		if _, _, err := c.ReadResponse(x.code); err != nil {
			return false
		}
	}
	return true
}
