package imap

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// server speaks by a script: to a command that contains the key it answers the value; TAG is the tag of the command. What is not there is "TAG OK".
type server struct {
	greeting string
	answers  map[string]string
	flood    string // sent without an end after the answer that contains FLOOD
}

// start serves every connection on loopback and gives its configuration.
func (s server) start(t testing.TB) Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	return Config{Host: host, Port: port, User: "a", Mailbox: "INBOX", Folder: "Taken", Password: func() (id.Secret, error) { return id.SecretOf("b"), nil }, Timeout: time.Second, MaxSize: 1 << 20}
}

func (s server) serve(c net.Conn) {
	defer c.Close()
	greeting := s.greeting
	if greeting == "" {
		greeting = "* OK ready"
	}
	_, _ = io.WriteString(c, greeting+"\r\n")
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		out := "TAG OK"
		for key, text := range s.answers {
			if strings.HasPrefix(command, key) {
				out = text
			}
		}
		if before, ok := strings.CutSuffix(out, "FLOOD"); ok {
			_, _ = io.WriteString(c, before)
			for err == nil {
				_, err = io.WriteString(c, s.flood)
			}
			return
		}
		if _, err := io.WriteString(c, strings.ReplaceAll(out, "TAG", tag)+"\r\n"); err != nil {
			return
		}
	}
}

const opened = "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK"

// with is a server that has one mail of UID 5, told otherwise by the pairs.
func with(pairs ...string) server {
	s := server{answers: map[string]string{
		"CAPABILITY": "* CAPABILITY IMAP4rev1 IDLE MOVE\r\nTAG OK", "SELECT": opened, "UID SEARCH": "* SEARCH 5\r\nTAG OK",
		"UID FETCH 5 (UID RFC822.SIZE": "* 1 FETCH (UID 5 RFC822.SIZE 5 INTERNALDATE \" 1-Nov-2026 10:00:00 +0100\")\r\nTAG OK",
		"UID FETCH 5 (UID BODY":        "* 1 FETCH (UID 5 BODY[] {5}\r\nhello)\r\nTAG OK", "IDLE": "* BYE",
	}, flood: strings.Repeat("x", 4096)}
	for i := 0; i+1 < len(pairs); i += 2 {
		s.answers[pairs[i]] = pairs[i+1]
	}
	return s
}

// TestAMailboxIsNeverTrusted is rule M12: whatever a server answers, nothing is kept but what it gave as the mail that was asked for, memory stays
// flat, nothing is put away that was not kept, and the line ends.
func TestAMailboxIsNeverTrusted(t *testing.T) {
	const body = "UID FETCH 5 (UID BODY"
	for name, c := range map[string]struct {
		server server
		kept   int
		word   string
	}{
		"as it should be":               {with(), 1, "lost"},
		"a quoted body":                 {with(body, "* 1 FETCH (BODY[] \"he\\\"o\" UID 5)\r\nTAG OK"), 1, "lost"},
		"news between":                  {with(body, "* 3 EXISTS\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 5 FLAGS () BODY[] {5}\r\nhello)\r\n* 1 FETCH (FLAGS (\\Seen))\r\nTAG OK"), 1, "lost"},
		"another mail":                  {with(body, "* 1 FETCH (UID 6 BODY[] {5}\r\nother)\r\nTAG OK"), 0, "lost"},
		"no number":                     {with(body, "* 1 FETCH (BODY[] {5}\r\nother)\r\nTAG OK"), 0, "lost"},
		"two numbers":                   {with(body, "* 1 FETCH (UID 6 BODY[] {5}\r\nother UID 5)\r\nTAG OK"), 0, "lost"},
		"nothing":                       {with(body, "* 1 FETCH (UID 5 BODY[] NIL)\r\nTAG OK"), 0, "lost"},
		"two bodies":                    {with(body, "* 1 FETCH (UID 5 BODY[] {5}\r\nhello BODY[] {5}\r\nother)\r\nTAG OK"), 0, "lost"},
		"a body in a mark":              {with(body, "* 1 FETCH (UID 5 FLAGS (BODY[] {5}\r\nhello))\r\nTAG OK"), 0, "lost"},
		"longer than it may be":         {with(body, "* 1 FETCH (UID 5 BODY[] {1048577}\r\nFLOOD"), 0, "lost"},
		"a number without end":          {with(body, "* 1 FETCH (UID 5 BODY[] {99999999999999999999}\r\nFLOOD"), 0, "lost"},
		"below nothing":                 {with(body, "* 1 FETCH (UID 5 BODY[] {-1}\r\nx)\r\nTAG OK"), 0, "lost"},
		"cut off":                       {with(body, "* BYE\r\n"), 0, "lost"},
		"a line without end":            {with("UID SEARCH", "* SEARCH FLOOD"), 0, "lost"},
		"a literal for a number":        {with("UID SEARCH", "* SEARCH {5000000}\r\nFLOOD"), 0, "lost"},
		"no numbers":                    {with("UID SEARCH", "* SEARCH 5 x\r\nTAG OK"), 0, "lost"},
		"number nought":                 {with("UID SEARCH", "* SEARCH 0 5\r\nTAG OK"), 0, "lost"},
		"a deep list":                   {with("UID SEARCH", "* X "+strings.Repeat("(", 100)+strings.Repeat(")", 100)+"\r\nTAG OK"), 0, "lost"},
		"many words":                    {with("UID SEARCH", "* X "+strings.Repeat("a ", 60_000)+"\r\nTAG OK"), 0, "lost"},
		"a size of nowhere":             {with("UID FETCH 5 (UID RFC822.SIZE", "* 1 FETCH (UID 5 RFC822.SIZE -7)\r\nTAG OK"), 0, "lost"},
		"too large":                     {with("UID FETCH 5 (UID RFC822.SIZE", "* 1 FETCH (UID 5 RFC822.SIZE 99999999)\r\nTAG OK"), 0, "lost"},
		"signed in already":             {server{greeting: "* PREAUTH welcome", answers: with().answers}, 0, "refused"},
		"no server of mail":             {server{greeting: "HTTP/1.1 400 Bad Request", answers: with().answers}, 0, "refused"},
		"a greeting without end":        {server{greeting: "* OK " + strings.Repeat("x", 300_000)}, 0, "refused"},
		"more behind STARTTLS":          {with("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK", "STARTTLS", "TAG OK go\r\n* CAPABILITY IMAP4rev1"), 0, "no_tls"},
		"TLS that is none":              {with("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK"), 0, "no_tls"},
		"no sign-in":                    {with("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK"), 0, "no_login"},
		"no mailbox":                    {with("SELECT", "TAG NO [NONEXISTENT] x"), 0, "no_mailbox"},
		"no UIDVALIDITY":                {with("SELECT", "* 1 EXISTS\r\nTAG OK"), 0, "no_mailbox"},
		"no folder":                     {with("UID MOVE", "TAG NO [TRYCREATE] x", "CREATE", "TAG NO x"), 1, "no_folder"},
		"the answer to another command": {with("UID SEARCH", "t99 OK"), 0, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			_, err := New(c.server.start(t), m).connected(ctx)
			if err == nil || ctx.Err() != nil {
				t.Fatalf("it goes on: %v", err)
			}
			if word := problemOf(err); word != c.word || len(m.kept) != c.kept {
				t.Errorf("%s (%v), %d kept: %q", word, err, len(m.kept), m.kept)
			}
		})
	}
}

// FuzzAnswers reads what a server may send: it ends, and takes no more than the limits.
func FuzzAnswers(f *testing.F) {
	f.Add("* 1 FETCH (UID 5 BODY[] {5}\r\nhello)\r\nt1 OK [X] done\r\n")
	f.Add("* SEARCH 1 2 3\r\n+ go on\r\n* BYE\r\n")
	f.Add("* X ((\"a\\\"\" ~{3}\r\nabc) NIL BODY[HEADER (A B)])\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		got := 0
		d := &reader{r: bufio.NewReaderSize(strings.NewReader(in), 32<<10), sink: func(n int64, r io.Reader) error {
			b, err := io.ReadAll(io.LimitReader(r, min(n, 1<<20)))
			got += len(b)
			return err
		}}
		for range 1000 {
			a, err := d.next()
			if err != nil {
				break
			}
			if a.tag == "" {
				t.Fatal("an answer without a tag")
			}
		}
		if got > len(in) {
			t.Fatalf("%d octets of %d", got, len(in))
		}
	})
}

// TestNamesOfFolders is RFC 3501, section 5.1.3.
func TestNamesOfFolders(t *testing.T) {
	for name, want := range map[string]string{"INBOX/Taken": "INBOX/Taken", "A & B": "A &- B", "João": "Jo&AOM-o", "台北": "&U,BTFw-", "😀": "&2D3eAA-"} {
		if got := encode(name); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	for _, c := range []struct{ address, then, problem string }{
		{"imaps://report@mail.example/INBOX", "move:Tocsin", ""},
		{"imap://report%40cert.example@mail.example:1143", "flag", ""},
		{"imaps://report:secret@mail.example/INBOX", "flag", "a password does not belong"},
		{"imaps://mail.example/INBOX", "flag", "is written imaps://"},
		{"https://a@mail.example/INBOX", "flag", "is written imaps://"},
		{"imaps://a@mail.example/INBOX?x=1", "flag", "is written imaps://"},
		{"imaps://a@mail.example/Tocsin", "move:Tocsin", "move:FOLDER"},
		{"imaps://a@mail.example", "move:", "move:FOLDER"},
		{"imaps://a@mail.example", "expunge", "move:FOLDER"},
		{"imaps://a@mail.example/a%0d%0ab", "flag", "is written imaps://"},
	} {
		_, err := Parse(c.address, c.then)
		if (err == nil) != (c.problem == "") || err != nil && (!strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s %s: %v", c.address, c.then, err)
		}
	}
}

// zeros gives zeros without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// What is fetched goes to a file as it comes: a mail of forty megabytes takes no more memory than a letter. Not parallel: it counts what is allocated.
func TestALargeMailIsNotHeld(t *testing.T) {
	const size = 40 << 20
	line := io.MultiReader(strings.NewReader(fmt.Sprintf("* 1 FETCH (UID 5 BODY[] {%d}\r\n", size)), io.LimitReader(zeros{}, size), strings.NewReader(")\r\nt1 OK done\r\n"))
	s := &session{cfg: &Config{MaxSize: size, Spool: t.TempDir()}, r: &reader{r: bufio.NewReader(line)}, out: bufio.NewWriter(io.Discard)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := s.fetch(5)
	if err != nil || got == nil {
		t.Fatal(got, err)
	}
	defer got.Reset()
	n, err := io.Copy(io.Discard, got.Reader())
	runtime.ReadMemStats(&after)
	if err != nil || n != size || got.Size() != size {
		t.Errorf("%d octets, %v", n, err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("it takes %d octets of memory", n)
	}
	if left, _ := filepath.Glob(filepath.Join(s.cfg.Spool, "*")); len(left) > 0 {
		t.Errorf("files with names: %v", left)
	}
}
