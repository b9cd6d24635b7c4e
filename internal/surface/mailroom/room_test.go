package mailroom

import (
	"context"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/smtpd"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// person has an OpenPGP key, as a mail program outside has one.
type person struct {
	address string
	agent   *keyd.InProcess
	key     pgp.Key
}

func newPerson(t *testing.T, h *coretest.House, name, address string) person {
	t.Helper()
	s, err := keyd.Generate(name, []string{address}, h.Clock.Now().Add(-24*time.Hour))
	must(t, err)
	r, err := keyd.NewRing(s)
	must(t, err)
	return person{address, keyd.NewInProcess(r, keyd.Options{Clock: h.Clock}), s.Public()}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a team with a mailroom, a constituency and a folder for what leaves.
type house struct {
	*coretest.House
	*testing.T
	room      *Room
	ctx       context.Context
	ana       access.Actor
	team      person
	hospital  constituency.Organisation
	rui       constituency.Contact
	ruiKey    person
	outbox    string
	smtp      string
	zone      auth.Zone
	laneMails int
}

func engines(t *testing.T, story func(h *house)) {
	coretest.Engines(t, func(t *testing.T, c *coretest.House) { story(open(t, c, "cert.example")) })
}

func open(t *testing.T, c *coretest.House, domain string) *house {
	t.Helper()
	words, err := text.Load()
	must(t, err)
	h := &house{House: c, T: t, ctx: t.Context(), ana: c.Person(1, "Ana", access.Analyst), outbox: filepath.Join(t.TempDir(), "outbox")}
	h.team = newPerson(t, c, "CERT", "report@"+domain)
	h.ruiKey = newPerson(t, c, "Rui Tavares", "rui@hospital.example")
	folder, err := send.NewFolder(h.outbox)
	must(t, err)
	t.Cleanup(func() { _ = folder.Close() })
	con := &constituency.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit}
	cor := &correspondence.Service{
		DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Blobs: c.Blobs, Constituency: con, Text: words,
		Egress: &egress.Gate{DB: c.DB, Clock: c.Clock, Ring: c.Ring}, Team: correspondence.Team{Name: "CERT", Address: "report@" + domain, Suspicious: "suspicious@" + domain, URL: "https://" + domain},
		Postman: correspondence.NewPostman(h.team.agent, folder, pgp.Key{}),
	}
	dl := &deadline.Service{DB: c.DB, Clock: c.Clock, Audit: c.Audit}
	h.zone = auth.Zone{Texts: map[string][]string{
		"hospital.example":        {"v=spf1 ip4:127.0.0.1 -all"},
		"_dmarc.hospital.example": {"v=DMARC1; p=reject"},
		"other.example":           {"v=spf1 ip4:127.0.0.1 -all"},
		"strict.example":          {"v=spf1 -all"},
		"_dmarc.strict.example":   {"v=DMARC1; p=reject"},
		domain:                    {"v=spf1 ip4:127.0.0.1 -all"},
	}}
	h.room = &Room{
		DB: c.DB, Clock: c.Clock, Log: c.Log, Constituency: con, Correspondence: cor, Agent: h.team.agent, Checker: &auth.Checker{Resolver: h.zone},
		Intake: &intake.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Constituency: con, Correspondence: cor, Deadlines: dl, Words: search.NewTexts(c.Ring)},
		Coordination: &coordination.Service{
			DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Constituency: con, Correspondence: cor, Deadlines: dl, Search: search.New(c.Ring), Texts: words,
		},
	}
	h.room.Suspicion = &suspicion.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Text: words, Lang: "en", Constituency: con, Correspondence: cor, Intake: h.room.Intake}
	h.room.Intake.Suspicion = h.room.Suspicion.FromForm
	h.hospital, err = con.Create(h.ctx, h.ana, constituency.NewOrganisation{Name: "Hospital", Communities: []string{"essential_services"}, Lang: "en"})
	must(t, err)
	h.rui, err = con.AddContact(h.ctx, h.ana, h.hospital.UID, constituency.NewContact{Name: "Rui Tavares", Role: "security", Email: "rui@hospital.example"})
	must(t, err)
	h.serve()
	return h
}

// approve makes Rui's key one that we trust.
func (h *house) approve() {
	h.Helper()
	c := h.room.Constituency
	must(h.T, c.OfferKey(h.ctx, h.ana, h.rui.UID, h.ruiKey.key.Binary(), h.ruiKey.key.Fingerprint(), h.ruiKey.key.Expires(), "hand"))
	all, err := c.AllKeys(h.ctx, h.DB, h.rui.ID)
	must(h.T, err)
	_, err = c.ApproveKey(h.ctx, h.ana, all[0].UID, "fingerprint read on the telephone")
	must(h.T, err)
}

// serve listens for SMTP on loopback.
func (h *house) serve() {
	h.Helper()
	committer := correspondence.NewCommitter(h.room.Correspondence)
	s := smtpd.New(smtpd.Config{Domain: "mx.cert.example", Clock: h.Clock, Log: h.Log, Spool: h.TempDir()}, Backend{Address: h.room.Correspondence.Team.Address, Public: h.room.Correspondence.Suspicious, Committer: committer})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.T, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	h.smtp = l.Addr().String()
	h.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		_ = s.Shutdown(ctx)
		<-done
		committer.Close()
	})
}

// mail sends one mail over a real session; it is acknowledged when mail returns.
func (h *house) mail(from, to, raw string) {
	h.Helper()
	if err := smtp.SendMail(h.smtp, nil, from, []string{to}, []byte(crlf(raw))); err != nil {
		h.Fatalf("the server refuses: %v", err)
	}
}

// sort files what has arrived.
func (h *house) sort() {
	h.Helper()
	ids, err := db.All(h.ctx, h.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT object FROM correspondence_arrival WHERE state = 'new' ORDER BY object`)
	must(h.T, err)
	must(h.T, h.room.Sort(h.ctx, correspondence.SortJob{Arrivals: ids}))
}

func (h *house) reports() []intake.Line {
	h.Helper()
	p, err := h.room.Intake.Queue(h.ctx, h.ana, intake.QueueFilter{})
	must(h.T, err)
	return p.Items
}

// one gives the only report.
func (h *house) one() intake.Report {
	h.Helper()
	all := h.reports()
	if len(all) != 1 {
		h.Fatalf("%d reports wait, want one", len(all))
	}
	return all[0].Report
}

func (h *house) messages(thread int64, by access.Actor) []correspondence.Message {
	h.Helper()
	all, err := h.room.Correspondence.Messages(h.ctx, h.DB, by, thread)
	must(h.T, err)
	return all
}

func (h *house) thread(id int64) correspondence.Thread {
	h.Helper()
	all, err := h.room.Correspondence.Threads(h.ctx, h.DB, id)
	must(h.T, err)
	return all[id]
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// letterOf writes a plain mail.
func (h *house) letterOf(from, subject, body string, fields ...string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f + "\n")
	}
	fmt.Fprintf(&b, "From: %s\nTo: report@cert.example\nSubject: %s\nDate: %s\nMessage-ID: <%d.%s@mail.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n%s\n",
		from, subject, h.Clock.Now().Format(time.RFC1123Z), b.Len(), strings.ReplaceAll(subject, " ", "."), body)
	return b.String()
}

// head is the outer header of a mail with a body made by package pgp.
func (h *house) head(from, subject string) string {
	return fmt.Sprintf("From: %s\nTo: report@cert.example\nSubject: %s\nDate: %s\nMessage-ID: <x.%s@mail.example>\nMIME-Version: 1.0\n",
		from, subject, h.Clock.Now().Format(time.RFC1123Z), strings.ReplaceAll(subject, " ", "."))
}

func entity(body string) []byte {
	return []byte(crlf("Content-Type: text/plain; charset=us-ascii\n\n" + body + "\n"))
}

// signed writes a mail signed by a person.
func (h *house) signed(p person, from, subject, body string) string {
	h.Helper()
	raw, err := pgp.SignMIME(h.ctx, entity(body), p.agent, pgp.Mail)
	must(h.T, err)
	return h.head(from, subject) + string(raw)
}

// sealed writes a mail encrypted to the team, signed inside by a person when there is one.
func (h *house) sealed(p *person, from, subject, body string) string {
	h.Helper()
	to := pgp.Readers{Reader: h.team.key, At: h.Clock.Now()}
	var raw []byte
	var err error
	if p != nil {
		raw, err = pgp.SignAndEncryptMIME(h.ctx, entity(body), p.agent, pgp.Mail, to)
	} else {
		raw, err = pgp.EncryptMIME(entity(body), to)
	}
	must(h.T, err)
	return h.head(from, subject) + string(raw)
}

// left gives the mails in the folder of the relay.
func (h *house) left() []string {
	h.Helper()
	files, err := filepath.Glob(filepath.Join(h.outbox, "*.eml"))
	must(h.T, err)
	slices.Sort(files)
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(h.T, err)
		out = append(out, string(b))
	}
	return out
}

func organisation(name string) constituency.NewOrganisation {
	return constituency.NewOrganisation{Name: name, Communities: []string{"businesses"}, Lang: "en"}
}

func contact(address string) constituency.NewContact {
	return constituency.NewContact{Name: "Desk", Role: "security", Email: address}
}

// opened decrypts a mail as its reader would.
func (h *house) opened(p person, raw string) string {
	h.Helper()
	r, err := pgp.Open(h.ctx, pgp.Input{Entity: []byte(raw), Keys: []pgp.Key{h.team.key}, Agent: p.agent, Now: h.Clock.Now()})
	must(h.T, err)
	if r.Good() == nil || r.State != pgp.SignedEncrypted {
		h.Errorf("the mail is %s, %s, %+v", r.State, r.Reason, r.Signatures)
	}
	return string(r.Plain)
}
