package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/imap"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/smtpd"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
	"github.com/tocsin-csirt/tocsin/internal/surface/mailroom"
)

// OutboxFolder is where letters are kept as files when there is no relay.
func OutboxFolder(c conf.Config) string { return filepath.Join(c.Data, "outbox") }

// postman signs and encrypts through the key process and hands over to the relay, or to a folder when there is none.
func (h *House) postman(ctx context.Context, agent keyd.Agent) (*correspondence.Postman, error) {
	keys, err := TeamKeys(ctx, h.DB)
	if err != nil {
		return nil, err
	}
	var archive pgp.Key
	if len(keys) > 0 {
		archive = keys[0]
		h.Correspondence.Published(keys[0].Fingerprint())
	}
	var transport send.Transport
	if h.Config.Relay.Set() {
		rc, err := send.ParseRelay(h.Config.Relay.Reveal())
		if err != nil {
			return nil, err
		}
		transport = send.NewRelay(rc)
	} else if transport, err = send.NewFolder(OutboxFolder(h.Config)); err != nil {
		return nil, err
	}
	h.outbox = transport
	h.close = append(h.close, func() { _ = transport.Close() })
	p := correspondence.NewPostman(agent, transport, archive)
	p.SMIME(agent)
	return p, nil
}

// relays are our own mail servers in front of us: those that are named, and whoever brings mail by LMTP from this machine.
func (h *House) relays() []netip.Prefix {
	list := h.Config.Relays()
	if h.Config.LocalMail().On() {
		list = append(list, Loopback...)
	}
	return list
}

// resolver answers for sender authentication: the system's DNS, or the fixed zone of a demonstration.
func (h *House) resolver() auth.Resolver {
	if h.DNS != nil {
		return h.DNS
	}
	return auth.NewCached(auth.DNS{}, h.Clock, 5*time.Minute)
}

// names answers for proofs of what is whose: nothing is remembered, for who has just written a record wants to be believed.
func (h *House) names() constituency.Names { return names{h} }

type names struct{ h *House }

func (n names) TXT(ctx context.Context, name string) ([]string, error) {
	if n.h.DNS != nil {
		return n.h.DNS.TXT(ctx, name)
	}
	return auth.DNS{Timeout: 5 * time.Second}.TXT(ctx, name)
}

// registerDuties registers the jobs of the duties and of the mailroom.
func (h *House) registerDuties(ctx context.Context, agent keyd.Agent) error {
	authorities, err := smime.OpenTrust(h.Config.SMIMETrust)
	if err != nil {
		return err
	}
	h.Correspondence.Work(h.Registry)
	h.Intake.Work(h.Registry)
	h.Coordination.Work(h.Registry)
	h.Takedown.Work(h.Registry)
	h.makeSheets(agent)
	h.Suspicion.Work(h.Registry)
	h.Constituency.Work(h.Registry)
	h.Duty.Work(h.Registry)
	room := &mailroom.Room{
		DB: h.DB, Clock: h.Clock, Log: h.Log, Constituency: h.Constituency, Correspondence: h.Correspondence, Intake: h.Intake, Coordination: h.Coordination, Suspicion: h.Suspicion,
		Checker: &auth.Checker{Resolver: h.resolver(), Relays: h.relays(), ServID: h.Config.AuthservID}, Agent: agent, SMIME: agent, Authorities: authorities, Lang: h.Profile.Lang,
	}
	if h.Config.WKD == "on" {
		room.Fetch = fetch.New(fetch.Config{Exit: h.Config.ExitURL(), Inside: h.Config.InsideNetworks()})
	}
	room.Work(h.Registry)
	job.Handle(h.Registry, job.Clocks, func(ctx context.Context, _ deadline.TickJob) error {
		_, err := h.Deadlines.Tick(ctx, h.clocks())
		return err
	})
	h.Registry.Every("deadline.tick", 20*time.Second, job.Clocks, deadline.TickJob{})
	job.Handle(h.Registry, job.House, func(ctx context.Context, _ houseJob) error {
		return errors.Join(h.sweep(ctx), h.keysEnding(ctx), h.tellHealth(ctx), h.tellSpam(ctx), h.tellDay(ctx), notYet(h.signSecurityTxt(ctx, agent)), notYet(h.signDocumentList(ctx, agent)))
	})
	h.Registry.Every("house.sweep", time.Hour, job.House, houseJob{})
	if _, err := h.Intake.DropKey(ctx); err != nil {
		return err
	}
	return errors.Join(notYet(h.signSecurityTxt(ctx, agent)), notYet(h.signDocumentList(ctx, agent)))
}

// notYet lets pass what followKeys tries again.
func notYet(err error) error {
	if errors.Is(err, errNotOurs) {
		return nil
	}
	return err
}

// sweep ends what the house itself kept long enough: answers to repeated requests, sessions, counters of failed tries, drafts,
// suspicious messages, links of letters; and starts again what nobody writes any more.
func (h *House) sweep(ctx context.Context) error {
	keeper := once.Keeper{DB: h.DB, Clock: h.Clock, Ring: h.Ring}
	n, err := keeper.Sweep(ctx)
	for n > 0 && err == nil {
		n, err = keeper.Sweep(ctx)
	}
	_, ended := h.Suspicion.End(ctx)
	_, links := h.Coordination.End(ctx)
	_, sendings := h.Coordination.StartAgain(ctx)
	_, refused := h.Registration.End(ctx)
	return errors.Join(err, ended, refused, links, sendings, h.Accounts.Sweep(ctx), h.Drafts.Sweep(ctx))
}

// houseJob asks for sweep, and looks what ends soon.
type houseJob struct{}

func (houseJob) Kind() string { return "house.sweep" }

// openDrops turns what the public pages took into reports.
func (h *House) openDrops(ctx context.Context, ready func()) error {
	ready()
	h.Intake.WatchDrops(db.On(ctx, db.Worker), h.drops, h.Log)
	return nil
}

func (h *House) wakeDrops() {
	select {
	case h.drops <- struct{}{}:
	default:
	}
}

// receiveMail listens for mail by SMTP and LMTP.
func (h *House) receiveMail(ctx context.Context, ready func()) error {
	committer := correspondence.NewCommitter(h.Correspondence)
	defer committer.Close()
	backend := mailroom.Backend{Address: h.Profile.Address, Public: h.Correspondence.Suspicious, Committer: committer}
	_, domain, _ := strings.Cut(h.Profile.Address, "@")
	config := smtpd.Config{Domain: domain, Clock: h.Clock, Log: h.Log, Trusted: append(h.relays(), h.Trusted...)}
	if h.Config.TLSCert != "" {
		t := tlsConfig(h.Config)
		t.NextProtos = nil
		config.TLS = func() *tls.Config { return t }
	}
	fell := make(chan error, 2)
	var stop []func(context.Context) error
	listen := func(l conf.Listener, lmtp bool) error {
		if !l.On() {
			return nil
		}
		ln, err := bindMail(l)
		if err != nil {
			return err
		}
		c := config
		c.LMTP, c.OnlyTrusted = lmtp, lmtp
		b := backend
		if b.Road = correspondence.RoadSMTP; lmtp {
			b.Road = correspondence.RoadLMTP
		}
		s := smtpd.New(c, b)
		stop = append(stop, s.Shutdown)
		go func() { fell <- s.Serve(ln) }()
		return nil
	}
	err := errors.Join(listen(h.Config.Mail(), false), listen(h.Config.LocalMail(), true))
	if err == nil && h.Config.IMAP.Set() {
		var end func()
		if end, err = h.fetchMail(ctx, backend); err == nil {
			defer end()
		}
	}
	if err == nil {
		ready()
		select {
		case <-ctx.Done():
		case err = <-fell:
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	for _, f := range stop {
		err = errors.Join(err, f(end))
	}
	if errors.Is(err, smtpd.ErrClosed) {
		return nil
	}
	return err
}

// mailboxName is by what a mailbox is known: sign-in, host and folder.
func mailboxName(c imap.Config) string {
	return strings.ToLower(c.User) + " at " + strings.ToLower(c.Host) + ", " + c.Mailbox
}

// fetchMail fetches from the mailbox until ctx ends; the function waits for its end.
func (h *House) fetchMail(ctx context.Context, backend mailroom.Backend) (end func(), err error) {
	c, err := h.Config.Mailbox()
	if err != nil {
		return nil, err
	}
	c.Log, c.Clock, c.MaxSize = h.Log, h.Clock, correspondence.MaxMail
	box := mailroom.Mailbox{Name: mailboxName(c), Backend: backend, Correspondence: h.Correspondence}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = imap.New(c, box).Run(ctx) // it ends with ctx only
	}()
	return func() { <-done }, nil
}

// bindMail listens for mail. A socket that a killed process left goes first; any other file in its place stays. The socket is open to its group,
// which a folder with the group bit gives it: that of the mail server.
func bindMail(l conf.Listener) (net.Listener, error) {
	if l.Network != "unix" {
		return bind(l)
	}
	if st, err := os.Lstat(l.Addr); err == nil && st.Mode().Type() == os.ModeSocket {
		if err := os.Remove(l.Addr); err != nil {
			return nil, fmt.Errorf("remove an old socket: %w", err)
		}
	}
	ln, err := bind(l)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(l.Addr, 0o660); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// errNotOurs says that the key process does not sign with the published key yet.
var errNotOurs = errs.New(errs.Unavailable, "the key process does not sign with the key that is published")

const settingSecurityTxt = "team.security_txt"

type signedText struct {
	Text    string    `json:"text"`
	Expires time.Time `json:"expires"`
	Plain   string    `json:"plain"`
	Key     string    `json:"key"` // fingerprint of the certificate that vouches for it
}

// signSecurityTxt signs security.txt (RFC 9116) when it is missing, has changed or ends within a month.
func (h *House) signSecurityTxt(ctx context.Context, agent pgp.Agent) error {
	var kept signedText
	if err := setting.Get(ctx, h.DB, settingSecurityTxt, &kept); err != nil {
		return err
	}
	keys, err := TeamKeys(ctx, h.DB)
	if err != nil || len(keys) == 0 {
		return err
	}
	base := h.publicURL()
	plain := "Contact: mailto:" + h.Profile.Address + "\nContact: " + base + "/vulnerability\nEncryption: " + base + "/pgp-key.asc\nPreferred-Languages: en, pt, fr, nl, de\nCanonical: " + base + "/.well-known/security.txt\n"
	if kept.Plain == plain && kept.Key == keys[0].Fingerprint() && kept.Expires.Sub(h.Clock.Now()) > 30*24*time.Hour {
		return nil
	}
	expires := h.Clock.Now().AddDate(0, 6, 0).Truncate(time.Hour)
	signed, err := pgp.ClearSign(ctx, []byte(plain+"Expires: "+expires.Format(time.RFC3339)+"\n"), agent, pgp.Publication)
	if err != nil {
		h.Log.Warn("security.txt could not be signed", "error", err)
		return nil
	}
	now := h.Clock.Now()
	got, err := pgp.Open(ctx, pgp.Input{Entity: append([]byte("\n"), signed...), Keys: keys[:1], Now: now, Date: now})
	if err != nil || got.Good() == nil {
		return errNotOurs
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return setting.Put(ctx, tx, 0, now, settingSecurityTxt, signedText{string(signed), expires, plain, keys[0].Fingerprint()})
	})
}

func securityTxt(ctx context.Context, d *db.DB) (string, error) {
	var kept signedText
	err := setting.Get(ctx, d, settingSecurityTxt, &kept)
	return kept.Text, err
}

// Loopback are the networks of this machine alone.
var Loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
