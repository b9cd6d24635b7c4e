package pgp_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// What Exchange makes of an encrypted mail on its way is opened; with a word or a file of somebody else beside the seal it is not.
func TestAnEncryptedMailThatExchangeRewrapped(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	plain := "Content-Type: text/plain\r\n\r\nwords\r\n"
	sent, err := pgp.SignAndEncryptMIME(t.Context(), []byte(plain), us.agent, pgp.Mail, pgp.Readers{Reader: us.key, At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(sent), "\r\n\r\n")
	_, mark, _ := strings.Cut(head, "boundary=\"")
	mark, _, _ = strings.Cut(mark, "\"")
	mixed := "Content-Type: multipart/mixed; boundary=\"" + mark + "\"\r\n\r\n"
	before := func(text string) string {
		return mixed + "--" + mark + "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" + text + "\r\n" + body
	}
	for name, c := range map[string]struct {
		raw  string
		want pgp.State
	}{
		"behind a blank":          {before(" \r\n"), pgp.SignedEncrypted},
		"alone":                   {mixed + body, pgp.SignedEncrypted},
		"behind a word":           {before("Urgent: pay"), pgp.None},
		"behind two blanks":       {strings.Replace(before(""), mixed, before("")[:strings.Index(before(""), body)], 1), pgp.None},
		"before a footer":         {strings.Replace(mixed+body, "--"+mark+"--", "--"+mark+"\r\n\r\nfooter\r\n--"+mark+"--", 1), pgp.None},
		"with another first part": {strings.Replace(before(""), "text/plain; charset", "text/html; charset", 1), pgp.None},
	} {
		r := us.open(t, []byte(c.raw), us.key)
		if r.State != c.want || (c.want != pgp.None) != strings.Contains(string(r.Plain), "words") {
			t.Errorf("%s: %s, %s, %q", name, r.State, r.Reason, r.Plain)
		}
	}
}

// A field of very many lines costs what its bytes cost, not their square.
func TestAFieldOfVeryManyLines(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := pgp.Open(t.Context(), pgp.Input{Entity: []byte("Subject: x\r\n" + strings.Repeat(" x\r\n", 200_000) + "Content-Type:\r\n text/plain\r\n\r\nwords\r\n"), Now: time.Now()})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 100<<20 || err != nil || r.State != pgp.None {
		t.Errorf("%d MiB for one of 1 MiB, %v, %s", n>>20, err, r.State)
	}
}
