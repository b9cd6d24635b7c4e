package correspondence

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// office is a CSIRT that writes letters: real keys, a folder as its relay, an analyst.
type office struct {
	*testing.T
	*Service
	h       *coretest.House
	ctx     context.Context
	analyst access.Actor
	outbox  string // folder of what left
	agent   *keyd.InProcess
	key     pgp.Key
	keys    *keyd.Ring
}

func engines(t *testing.T, story func(o *office)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) { story(newOffice(t, h)) })
}

func newOffice(t *testing.T, h *coretest.House) *office {
	t.Helper()
	secret := secretOf(t, "report@cert.example")
	ring, err := keyd.NewRing(secret)
	must(t, err)
	catalogue, err := text.Load()
	must(t, err)
	dir := filepath.Join(t.TempDir(), "outbox")
	folder, err := send.NewFolder(dir)
	must(t, err)
	t.Cleanup(func() { _ = folder.Close() })
	agent := keyd.NewInProcess(ring, keyd.Options{Clock: h.Clock})
	o := &office{
		T: t, h: h, ctx: context.Background(), analyst: h.Person(1, "Ana", access.Analyst), outbox: dir, agent: agent, key: secret.Public(), keys: ring,
		Service: &Service{
			DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Text: catalogue, Hold: 20 * time.Second,
			Egress:       &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring},
			Constituency: &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit},
			Team:         Team{Name: "CERT.EX", Address: "report@cert.example", Phone: "+351 210 000 000", URL: "https://cert.example", Fingerprint: secret.Public().Fingerprint()},
			Postman:      NewPostman(agent, folder, pgp.Key{}),
		},
	}
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (o *office) must(err error) { o.Helper(); must(o.T, err) }

// refused asks for a refusal of the kind, with the key when one is given.
func (o *office) refused(err error, kind errs.Kind, key ...string) {
	o.Helper()
	var e *errs.Error
	switch {
	case !errs.Is(err, kind):
		o.Errorf("%v, want a refusal of kind %s", err, kind)
	case len(key) > 0 && (!errors.As(err, &e) || e.Key != key[0]):
		o.Errorf("refused as %v, want the key %s", err, key[0])
	}
}

func (o *office) tx(do func(ctx context.Context, tx *db.Tx) error) error {
	return o.DB.Write(o.ctx, do)
}

// object makes what threads are about.
func (o *office) object(kind ref.Kind, compartment int64, label tlp.Level) access.Object {
	o.Helper()
	x := access.Object{Ref: ref.Ref{Kind: kind}, Realm: access.Team, TLP: label, Compartment: compartment}
	o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
		if err := access.Protect(ctx, tx, &x, o.Clock.Now()); err != nil {
			return err
		}
		_, err := o.Ring.Create(ctx, tx, x.Ref.ID, o.Clock.Now())
		return err
	}))
	return x
}

// open opens a thread about a new report of a lone reporter.
func (o *office) open(label tlp.Level, c Correspondent) Thread {
	o.Helper()
	report := o.object(ref.Report, 0, label)
	return o.openAbout(NewThread{About: report.Ref, TLP: label, Prefix: "R", Correspondent: c})
}

func (o *office) openAbout(in NewThread) Thread {
	o.Helper()
	var t Thread
	o.must(o.tx(func(ctx context.Context, tx *db.Tx) (err error) {
		t, err = o.OpenThreadTx(ctx, tx, access.System("intake"), in)
		return err
	}))
	return t
}

// hospital is an organisation with a contact; with a key when one is given.
func (o *office) organisation(name, email string, certificate *pgp.Key) (constituency.Organisation, constituency.Contact) {
	o.Helper()
	org, err := o.Constituency.Create(o.ctx, o.analyst, constituency.NewOrganisation{Name: name, Lang: "en"})
	o.must(err)
	c, err := o.Constituency.AddContact(o.ctx, o.analyst, org.UID, constituency.NewContact{Name: "Security", Role: "security", Email: email})
	o.must(err)
	if certificate != nil {
		o.must(o.Constituency.OfferKey(o.ctx, o.analyst, c.UID, certificate.Binary(), certificate.Fingerprint(), certificate.Expires(), "hand"))
		list, err := o.Constituency.AllKeys(o.ctx, o.DB, c.ID)
		o.must(err)
		by := o.analyst
		by.ProvedAt = o.Clock.Now()
		_, err = o.Constituency.ApproveKey(o.ctx, by, list[0].UID, "fingerprint read on the telephone")
		o.must(err)
	}
	return org, c
}

// party opens a thread with an organisation.
func (o *office) party(label tlp.Level, name, email string, certificate *pgp.Key) Thread {
	o.Helper()
	org, c := o.organisation(name, email, certificate)
	p := o.object(ref.Party, org.Ref.ID, label)
	return o.openAbout(NewThread{About: p.Ref, Compartment: org.Ref.ID, TLP: label, Prefix: "P", Correspondent: Correspondent{
		Name: name, Email: email, Lang: "en", Organisation: org.Ref.ID, Contact: c.ID,
	}})
}

// newReader gives a key pair of a correspondent.
func (o *office) newReader(email string) *keyd.Secret { return secretOf(o.T, email) }

// secrets are made once an address: making one takes longer than most stories.
var secrets sync.Map

func secretOf(t testing.TB, email string) *keyd.Secret {
	t.Helper()
	once, _ := secrets.LoadOrStore(email, sync.OnceValues(func() (*keyd.Secret, error) {
		return keyd.Generate("Keys of "+email, []string{email}, coretest.Now.Add(-time.Hour))
	}))
	s, err := once.(func() (*keyd.Secret, error))()
	must(t, err)
	return s
}

func (o *office) put1(t Thread, out Outgoing) (Message, error) { return o.putBy(o.analyst, t, out) }

func (o *office) putBy(by access.Actor, t Thread, out Outgoing) (Message, error) {
	var m Message
	err := o.tx(func(ctx context.Context, tx *db.Tx) (err error) {
		m, err = o.SendTx(ctx, tx, by, t.Ref.ID, out)
		return err
	})
	return m, err
}

func (o *office) sent(t Thread, out Outgoing) Message {
	o.Helper()
	m, err := o.put1(t, out)
	o.must(err)
	return m
}

func (o *office) receive(t Thread, in Incoming) Message {
	o.Helper()
	var m Message
	o.must(o.tx(func(ctx context.Context, tx *db.Tx) (err error) {
		m, err = o.ReceiveTx(ctx, tx, access.System("intake"), t.Ref.ID, in)
		return err
	}))
	return m
}

// run runs the send job as the queue would.
func (o *office) run(ms ...Message) error {
	ids := make([]int64, len(ms))
	for i, m := range ms {
		ids[i] = m.ID
	}
	return o.send(o.ctx, SendJob{Messages: ids})
}

// state reads where a message stands, as the team sees it.
func (o *office) state(m Message) Message {
	o.Helper()
	list, err := o.Messages(o.ctx, o.DB, o.analyst, m.Thread)
	o.must(err)
	for _, x := range list {
		if x.ID == m.ID {
			return x
		}
	}
	o.Fatal("the message is gone")
	return m
}

func (o *office) wantState(m Message, s State, reason string) Message {
	o.Helper()
	now := o.state(m)
	if now.State != s || now.Reason != reason {
		o.Errorf("the message is %s %q, want %s %q", now.State, now.Reason, s, reason)
	}
	return now
}

// mails gives what left, by file name.
func (o *office) mails() map[string]string {
	o.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(o.outbox, "*.eml"))
	o.must(err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		o.must(err)
		out[strings.TrimSuffix(filepath.Base(f), ".eml")] = string(b)
	}
	return out
}

func (o *office) mail(m Message) string {
	o.Helper()
	raw, ok := o.mails()[m.UID]
	if !ok {
		o.Fatal("the mail did not leave")
	}
	return raw
}

func read(t testing.TB, r io.ReadCloser) string {
	t.Helper()
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

var letter = Outgoing{Subject: "Please look at your mail gateway", Text: "We saw a login from an address that is known to us.\n\n- Change the password.\n- Look at the rules."}

func lone(email string) Correspondent {
	return Correspondent{Name: "A stranger", Email: email, Lang: "en"}
}
