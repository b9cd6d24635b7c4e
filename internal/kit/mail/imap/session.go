package imap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// session is one connection with the mailbox open. Only one goroutine uses it.
type session struct {
	cfg   *Config
	conn  net.Conn
	time  *timed
	r     *reader
	out   *bufio.Writer
	tag   int
	stop  func() bool
	caps  map[string]bool
	exist uint32 // mails in the mailbox, as told last
	news  bool   // it told so since the last look

	validity uint32
	keyword  bool // the server keeps flags of our own
}

// do sends a command and reads its answers; each untagged one goes to see, which may be nil.
func (s *session) do(command string, see func(a answer) error) (answer, error) {
	tag := s.send(command)
	return s.until(tag, see)
}

func (s *session) send(command string) (tag string) {
	s.tag++
	tag = "t" + strconv.Itoa(s.tag)
	_, _ = s.out.WriteString(tag + " " + command + "\r\n")
	return tag
}

// refusal is a NO or BAD of the server. Its text is the server's and goes nowhere.
type refusal struct{ word, code string }

func (r refusal) Error() string { return "imap: the server answers " + r.word }

func (s *session) until(tag string, see func(a answer) error) (answer, error) {
	if err := s.out.Flush(); err != nil {
		return answer{}, err
	}
	for range maxAnswers {
		a, err := s.r.next()
		switch {
		case err != nil:
			return a, err
		case a.tag == tag && a.word == "OK":
			return a, nil
		case a.tag == tag:
			code, _, _ := strings.Cut(a.code, " ")
			return a, refusal{a.word, strings.ToUpper(code)}
		case a.tag != "*":
			return a, errAnswer
		case a.word == "BYE":
			return a, io.EOF
		}
		s.told(a)
		if see != nil {
			if err := see(a); err != nil {
				return a, err
			}
		}
	}
	return answer{}, errAnswer
}

// told takes what a server may say at any time.
func (s *session) told(a answer) {
	n, err := strconv.ParseUint(a.word, 10, 32)
	if err != nil || len(a.words) == 0 {
		return
	}
	switch strings.ToUpper(a.words[0].text) {
	case "EXISTS":
		s.exist, s.news = uint32(n), true
	case "EXPUNGE":
		s.exist = max(s.exist, 1) - 1
	}
}

// goOn waits for the server's "+".
func (s *session) goOn() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	for range 1000 {
		a, err := s.r.next()
		switch {
		case err != nil:
			return err
		case a.tag == "+":
			return nil
		case a.tag != "*":
			return refusal{a.word, ""}
		case a.word == "BYE":
			return io.EOF
		}
		s.told(a)
	}
	return errAnswer
}

// keyword marks what was taken, in a mailbox that keeps its mails.
const keyword = "$TocsinTaken"

// window is how many mails one search covers: the answer stays within a line that is read whole.
const window = 5000

// uids gives the mails of the mailbox, lowest first.
func (s *session) uids() ([]uint32, error) {
	what := ""
	if s.cfg.Then == Flag && s.keyword {
		what = " UNKEYWORD " + keyword
	}
	var found []uint32
	for from := uint32(1); from <= s.exist; from += window {
		_, err := s.do(fmt.Sprintf("UID SEARCH %d:%d%s", from, min(s.exist, from+window-1), what), func(a answer) error {
			if a.word != "SEARCH" {
				return nil
			}
			for _, w := range a.words {
				n, err := strconv.ParseUint(w.text, 10, 32)
				if err != nil || n == 0 {
					return errAnswer
				}
				found = append(found, uint32(n))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(found) > maxAnswers {
			break // the rest comes with the next look
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// about is what the server says of one mail.
type about struct {
	size int64
	at   time.Time
}

// sizes asks for size and time of mails.
func (s *session) sizes(uids []uint32) (map[uint32]about, error) {
	out := map[uint32]about{}
	_, err := s.do("UID FETCH "+set(uids)+" (UID RFC822.SIZE INTERNALDATE)", func(a answer) error {
		f := fields(a)
		uid, err := strconv.ParseUint(f["UID"].text, 10, 32)
		if err != nil || !slices.Contains(uids, uint32(uid)) {
			return nil // of another mail, or no answer to us
		}
		size, err := strconv.ParseInt(f["RFC822.SIZE"].text, 10, 64)
		if err != nil || size < 0 {
			return nil
		}
		at, _ := time.Parse("_2-Jan-2006 15:04:05 -0700", f["INTERNALDATE"].text)
		out[uint32(uid)] = about{size, at}
		return nil
	})
	return out, err
}

// fields are the named values of a FETCH answer.
func fields(a answer) map[string]value {
	out := map[string]value{}
	if len(a.words) != 2 || !strings.EqualFold(a.words[0].text, "FETCH") {
		return out
	}
	list := a.words[1].list
	for i := 0; i+1 < len(list); i += 2 {
		if name := strings.ToUpper(list[i].text); out[name].kind == 0 {
			out[name] = list[i+1]
		}
	}
	return out
}

// fetch gives the bytes of one mail as they lie there, without a mark that it was read. None is a mail that is gone. They go to a file as they come:
// what was promised and does not come is not made room for.
func (s *session) fetch(uid uint32) (got *spool.Body, err error) {
	var came *spool.Body
	drop := func(b *spool.Body) {
		if b != nil {
			b.Reset()
		}
	}
	defer func() {
		s.r.sink = nil
		drop(came)
		if err != nil {
			drop(got)
			got = nil
		}
	}()
	s.r.sink = func(n int64, r io.Reader) error {
		if n > s.cfg.MaxSize || came != nil && n > 0 {
			return errTooLarge
		}
		if came == nil {
			came = &spool.Body{Dir: s.cfg.Spool}
		}
		if _, err := io.Copy(struct{ io.Writer }{came}, io.LimitReader(r, n)); err != nil {
			return err
		}
		return came.Finish()
	}
	_, err = s.do(fmt.Sprintf("UID FETCH %d (UID BODY.PEEK[])", uid), func(a answer) error {
		f := fields(a)
		if f["BODY[]"].body && f["UID"].text == strconv.FormatUint(uint64(uid), 10) {
			drop(got)
			got, came = came, nil
			return nil
		}
		drop(came)
		came = nil
		return nil
	})
	return got, err
}

// set writes numbers as IMAP has them.
func set(uids []uint32) string {
	words := make([]string, len(uids))
	for i, u := range uids {
		words[i] = strconv.FormatUint(uint64(u), 10)
	}
	return strings.Join(words, ",")
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// tidy does with mails that we keep what the operator said.
func (s *session) tidy(uids []uint32) error {
	which := set(uids)
	switch s.cfg.Then {
	case Flag:
		flags := `(\Seen)`
		if s.keyword {
			flags = `(\Seen ` + keyword + `)`
		}
		_, err := s.do("UID STORE "+which+" +FLAGS.SILENT "+flags, nil)
		return err
	case Delete:
		return s.remove(which)
	}
	verb := "UID MOVE "
	if !s.caps["MOVE"] {
		verb = "UID COPY "
	}
	to := " " + quote(encode(s.cfg.Folder))
	_, err := s.do(verb+which+to, nil)
	var no refusal
	if errors.As(err, &no) && no.word == "NO" {
		if _, made := s.do("CREATE"+to, nil); made != nil {
			return problem("no_folder", err)
		}
		_, err = s.do(verb+which+to, nil)
	}
	if errors.As(err, &no) {
		return problem("no_folder", err)
	}
	if err == nil && !s.caps["MOVE"] {
		err = s.remove(which)
	}
	return err
}

// remove takes mails out. Without UIDPLUS they stay, marked as deleted: a plain EXPUNGE would take those of others along.
func (s *session) remove(which string) error {
	if _, err := s.do("UID STORE "+which+` +FLAGS.SILENT (\Deleted \Seen)`, nil); err != nil {
		return err
	}
	if !s.caps["UIDPLUS"] {
		return nil
	}
	_, err := s.do("UID EXPUNGE "+which, nil)
	return err
}

// wait stays until the server tells of a change, or for as long as is said. By IDLE it is told at once (RFC 2177), and each time ends before
// anything on the way forgets the connection.
func (s *session) wait(ctx context.Context) error {
	if s.news {
		return nil
	}
	if !s.caps["IDLE"] {
		select {
		case <-time.After(s.cfg.Poll):
		case <-ctx.Done():
			return ctx.Err()
		}
		_, err := s.do("NOOP", nil)
		return err
	}
	tag := s.send("IDLE")
	if err := s.goOn(); err != nil {
		return err
	}
	s.time.wait = s.cfg.Renew
	defer func() { s.time.wait = s.cfg.Timeout }()
	for !s.news {
		a, err := s.r.next()
		if errors.Is(err, os.ErrDeadlineExceeded) && s.r.left == maxLine {
			break // it is time to say that we are here; in the middle of an answer it is an error
		}
		if err != nil {
			return err
		}
		if a.tag != "*" || a.word == "BYE" {
			return io.EOF
		}
		s.told(a)
	}
	s.time.wait = s.cfg.Timeout
	_, _ = s.out.WriteString("DONE\r\n")
	_, err := s.until(tag, nil)
	return err
}
