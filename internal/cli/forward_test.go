package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// The session list names the caller that a proxy of ours saw; who only says that it is another is not believed.
func TestAClientThatLiesAboutItsAddress(t *testing.T) {
	i := install(t, pgtest.Engine(t))
	ana := i.person(access.Lead, "ana@cert.valmora.example", "")
	networks := func() (list []string) {
		i.inside(func(h *app.House) {
			all, err := h.Accounts.Sessions(t.Context(), access.Actor{Account: ana.ID, Roles: []access.Role{access.Lead}}, ana.UID)
			i.must(err)
			for _, s := range all {
				list = append(list, s.Network)
			}
		})
		return list
	}
	for _, c := range []struct{ proxies, want string }{{"", "127.0.0."}, {"127.0.0.1", "203.0.113."}} {
		p := i.serve("all", "TOCSIN_TRUSTED_PROXIES="+c.proxies)
		b := i.browser(i.c.HTTP)
		b.head.Set("X-Forwarded-For", "192.0.2.1, 203.0.113.9")
		b.signIn("ana@cert.valmora.example")
		if got := networks(); len(got) == 0 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("proxies %q: sessions from %q, want %s…", c.proxies, got, c.want)
		}
		p.stop()
	}
}

// Behind the team's own mail server what that server found out about a sender counts, and no limit of one network binds it. A mail with the same
// words from anybody else proves nothing.
func TestTheTeamsOwnMailServer(t *testing.T) {
	i := install(t, pgtest.Engine(t))
	result := "Authentication-Results: mx.cert.valmora.example; spf=pass smtp.mailfrom=ana@away.example; dmarc=pass header.from=away.example\r\n"
	send := func(subject string) int {
		code, _ := sendMail(i.c.SMTP, "ana@away.example", result+"From: ana@away.example\r\nTo: "+teamAddress+"\r\nSubject: "+subject+"\r\nDate: "+
			time.Now().Format(time.RFC1123Z)+"\r\nMessage-ID: <"+subject+"@away.example>\r\n\r\nText\r\n")
		return code
	}
	proof := func(subject string) (p correspondence.Proof, found bool) {
		i.inside(func(h *app.House) {
			list, err := h.Intake.List(t.Context(), access.System("sample"), intake.QueueFilter{Limit: 100})
			i.must(err)
			for _, r := range list.Items {
				if r.Body.Summary == subject {
					p, found = r.Proof, true
				}
			}
		})
		return p, found
	}
	for _, c := range []struct {
		name, relays string
		want         correspondence.Proof
		all          bool
	}{{"stranger", "192.0.2.0/24", correspondence.Claimed, false}, {"relay", "192.0.2.0/24,127.0.0.1", correspondence.Aligned, true}} {
		p := i.serve("all", "TOCSIN_MAIL_RELAYS="+c.relays, "TOCSIN_AUTHSERV_ID=mx.cert.valmora.example")
		if code := send(c.name); code != 250 {
			t.Fatalf("%s: %d", c.name, code)
		}
		i.eventually("the report", func() bool { _, found := proof(c.name); return found })
		if got, _ := proof(c.name); got != c.want {
			t.Errorf("%s: proof %v, want %v", c.name, got, c.want)
		}
		all := true
		for n := range 101 {
			all = all && send(fmt.Sprintf("%s-%d", c.name, n)) == 250
		}
		if all != c.all {
			t.Errorf("%s: all of 102 mails in a minute are taken: %v", c.name, all)
		}
		p.stop()
	}
}

// A port that is taken, and settings that nothing would follow, are said in a sentence at the start.
func TestWhatCannotBeServedIsSaid(t *testing.T) {
	i := install(t, "sqlite")
	first := i.serve("all")
	for name, c := range map[string]struct {
		env, want string
		status    int
	}{
		"pages": {"TOCSIN_SMTP=" + freePort(t), "another program listens on " + i.c.HTTP + ": stop it, or give TOCSIN_HTTP another address", 1},
		"mail":  {"TOCSIN_HTTP=" + freePort(t), "another program listens on " + i.c.SMTP + ": stop it, or give TOCSIN_SMTP another address", 1},
		"store": {"TOCSIN_BLOBS=s3://store.example/bucket", "TOCSIN_BLOBS (environment): object stores are not built yet", 2},
		"inbox": {"TOCSIN_IMAP=imaps://user@mail.example/INBOX", "TOCSIN_IMAP_PASSWORD_FILE (default): names no file", 2},
	} {
		p := i.launch([]string{"serve"}, c.env)
		if n := p.status(); n != c.status || !strings.Contains(p.said.String(), c.want) {
			t.Errorf("%s: status %d, and it says\n%s", name, n, p.said)
		}
	}
	if said, n := i.run("serve", "--role", "desk"); n != 1 || !strings.Contains(said, "roles apart need PostgreSQL") {
		t.Errorf("a role apart on SQLite: status %d, %s", n, said)
	}
	first.stop()
}
