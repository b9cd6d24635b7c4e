// Package conf is the configuration: one struct, filled from flags, then the environment (TOCSIN_…), then a file, then defaults.
//
//	type serve struct { conf.Config }
//	src := conf.NewSources()
//	parser, err := kong.New(&commands, kong.Resolvers(src))
//	_, err = parser.Parse(os.Args[1:])
//	err = commands.Serve.Check(src)       // names every mistake at once
//	for _, s := range src.InForce() { … } // what doctor prints
//
// The file has lines NAME=value with the names of the environment, so that systemd's EnvironmentFile can be the same file. Map: conf.go
// is the struct, check.go the rules, sources.go where values come from, endpoint.go addresses that may hold a password.
//
// What may change while the program runs is not here but a setting in the database.
package conf

import (
	"cmp"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // TOCSIN_ZONE works on a machine without zone data

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/imap"
)

// Config is what an operator decides before the start. Fields are as given; the methods give what follows from them, after Check.
type Config struct {
	File           string   `name:"config" env:"TOCSIN_CONFIG" placeholder:"FILE" help:"File with lines NAME=value."`
	Data           string   `env:"TOCSIN_DATA" default:"./tocsin-data" help:"Data folder."`
	Database       Endpoint `env:"TOCSIN_DATABASE" placeholder:"postgres://…" help:"PostgreSQL, when several machines share the work; SQLite in the data folder otherwise."`
	Blobs          Endpoint `env:"TOCSIN_BLOBS" placeholder:"s3://…" help:"Object store; a folder in the data folder otherwise."`
	HTTP           string   `name:"http" env:"TOCSIN_HTTP" default:"127.0.0.1:8080" help:"Listener of all pages and the API."`
	DeskHTTP       string   `name:"desk-http" env:"TOCSIN_DESK_HTTP" placeholder:"ADDRESS[,URL]" help:"Listener of its own for the desk, and its public address."`
	PortalHTTP     string   `name:"portal-http" env:"TOCSIN_PORTAL_HTTP" placeholder:"ADDRESS[,URL]" help:"Listener of its own for portal and peers, and its public address."`
	TrustedProxies string   `name:"trusted-proxies" env:"TOCSIN_TRUSTED_PROXIES" placeholder:"PREFIX,…" help:"Proxies in front of us: whose X-Forwarded-For and X-Forwarded-Proto count."`
	URL            string   `name:"url" env:"TOCSIN_URL" placeholder:"https://…" help:"Public address, used in mail and links."`
	SMTP           string   `name:"smtp" env:"TOCSIN_SMTP" default:"127.0.0.1:2525" help:"Listener for mail, or off."`
	LMTP           string   `name:"lmtp" env:"TOCSIN_LMTP" default:"off" help:"Listener for mail from a server beside us (unix:PATH or ADDRESS), or off."`
	IMAP           Endpoint `name:"imap" env:"TOCSIN_IMAP" placeholder:"imaps://user@host/INBOX" help:"Mailbox to fetch from; imap:// is STARTTLS."`
	IMAPPassword   string   `name:"imap-password-file" env:"TOCSIN_IMAP_PASSWORD_FILE" placeholder:"FILE" help:"File whose first line is its password, read at each sign-in."`
	IMAPThen       string   `name:"imap-then" env:"TOCSIN_IMAP_THEN" default:"move:Tocsin" placeholder:"WHAT" help:"What becomes of fetched mail there: move:FOLDER, flag or delete."`
	IMAPRoots      string   `name:"imap-ca" env:"TOCSIN_IMAP_CA" placeholder:"FILE" help:"Certificate that signs the server's; those of the system otherwise."`
	MailRelays     string   `name:"mail-relays" env:"TOCSIN_MAIL_RELAYS" placeholder:"PREFIX,…" help:"Mail servers of ours that hand mail on to us: no limits by number, and SPF is theirs to judge."`
	AuthservID     string   `name:"authserv-id" env:"TOCSIN_AUTHSERV_ID" placeholder:"NAME" help:"Name by which those servers sign their Authentication-Results; without it no results count."`
	Relay          Endpoint `env:"TOCSIN_RELAY" placeholder:"smtp://…" help:"Server that sends our mail; without it mail stays in the outbox."`
	Exit           Endpoint `name:"exit" env:"TOCSIN_EXIT" placeholder:"http://proxy:3128" help:"HTTP proxy through which webhooks and text messages leave; directly otherwise."`
	Inside         string   `name:"inside" env:"TOCSIN_INSIDE" placeholder:"PREFIX,…" help:"Networks inside that webhooks, the gateway of text messages and services that sign people in may be in; public addresses alone otherwise."`
	LookExit       Endpoint `name:"look-exit" env:"TOCSIN_LOOK_EXIT" placeholder:"socks5://host:1080" help:"Proxy (http, https or socks5) through which targets of a take-down are looked at; without it none is."`
	LookResolver   Endpoint `name:"look-resolver" env:"TOCSIN_LOOK_RESOLVER" placeholder:"https://host/dns-query" help:"Resolver (DNS over HTTPS), reached through that proxy; without it no names are looked at."`
	SMSGateway     string   `name:"sms-gateway" env:"TOCSIN_SMS_GATEWAY" placeholder:"FILE" help:"File that describes the gateway of text messages for pages; none otherwise."`
	BundleFolders  string   `name:"bundle-folders" env:"TOCSIN_BUNDLE_FOLDERS" placeholder:"FOLDER,…" help:"Folders in which the bundle for when we are down may be written; in the data folder otherwise."`
	Metrics        string   `env:"TOCSIN_METRICS" default:"off" help:"Listener for Prometheus, or off."`
	TLSCert        string   `name:"tls-cert" env:"TOCSIN_TLS_CERT" placeholder:"FILE" help:"Certificate for HTTPS and STARTTLS, read again when it changes."`
	TLSKey         string   `name:"tls-key" env:"TOCSIN_TLS_KEY" placeholder:"FILE" help:"Its private key."`
	RootKey        string   `name:"root-key" env:"TOCSIN_ROOT_KEY" placeholder:"FILE" help:"Key that seals keys and secrets; beside, not in, the data folder."`
	KeySocket      string   `name:"key-socket" env:"TOCSIN_KEY_SOCKET" placeholder:"FILE" help:"Socket of the key process, when it runs apart; in the data folder otherwise."`
	KeyUsers       string   `name:"key-users" env:"TOCSIN_KEY_USERS" placeholder:"USER,…" help:"Users beside its own from whom the key process takes calls; its socket is then open to its group."`
	TeamKeys       string   `name:"team-keys" env:"TOCSIN_TEAM_KEYS" placeholder:"FILE" help:"Sealed private keys of the team; in the data folder otherwise."`
	WKD            string   `name:"wkd" env:"TOCSIN_WKD" default:"off" enum:"on,off" help:"on: ask the domain of a contact who proved itself for its published OpenPGP key (web key directory), through the exit."`
	RDAP           string   `name:"rdap" env:"TOCSIN_RDAP" default:"off" enum:"on,off,whois" help:"on: a person may ask a registry whose an address or a domain is (RDAP), through the exit. whois: likewise, and where no registry speaks RDAP it is asked by whois, which nothing protects on its way."`
	SMIMETrust     string   `name:"smime-trust" env:"TOCSIN_SMIME_TRUST" placeholder:"FILE" help:"Authorities whose S/MIME certificates count, and what they revoked (PEM); none otherwise."`
	Zone           string   `env:"TOCSIN_ZONE" placeholder:"Europe/…" help:"The team's time zone; the system's otherwise."`
}

// off tells whether a listener is none: not given, or switched off. Switched off it may still have an address, served by another process.
func off(s string) bool { return s == "" || switchedOff(s) }

func switchedOff(s string) bool { return s == "off" || strings.HasPrefix(s, "off,") }

// Listener is where a part listens, and the address by which people reach it.
type Listener struct {
	Name    string // the setting that gives it
	Network string // tcp or unix; empty when off
	Addr    string
	URL     *url.URL // nil: none of its own
}

// On tells whether there is a listener.
func (l Listener) On() bool { return l.Network != "" }

// Main is the listener of all pages and the API.
func (c Config) Main() Listener { return listener("TOCSIN_HTTP", c.HTTP) }

// ServesDesk and ServesPortal tell whether this process may serve them: "off" leaves them to another one.
func (c Config) ServesDesk() bool { return !switchedOff(c.DeskHTTP) }

// ServesPortal is said with ServesDesk.
func (c Config) ServesPortal() bool { return !switchedOff(c.PortalHTTP) }

// Desk is the desk's own listener, if any.
func (c Config) Desk() Listener { return listener("TOCSIN_DESK_HTTP", c.DeskHTTP) }

// Portal is the portal's own listener, if any.
func (c Config) Portal() Listener { return listener("TOCSIN_PORTAL_HTTP", c.PortalHTTP) }

// Mail is the SMTP listener, if any.
func (c Config) Mail() Listener { return listener("TOCSIN_SMTP", c.SMTP) }

// LocalMail is the LMTP listener, if any.
func (c Config) LocalMail() Listener { return listener("TOCSIN_LMTP", c.LMTP) }

// Mailbox is the mailbox to fetch from, after Check; its password is for whoever connects to ask.
func (c Config) Mailbox() (imap.Config, error) {
	m, err := imap.Parse(c.IMAP.Reveal(), cmp.Or(c.IMAPThen, "move:Tocsin"))
	if err != nil {
		return m, err
	}
	m.Password = imap.PasswordFile(c.IMAPPassword)
	if c.IMAPRoots == "" {
		return m, nil
	}
	text, err := os.ReadFile(c.IMAPRoots)
	if err != nil {
		return m, errs.Wrap(errs.Invalid, "the certificate of the mailbox cannot be read", err)
	}
	if m.Roots = x509.NewCertPool(); !m.Roots.AppendCertsFromPEM(text) {
		return m, errs.New(errs.Invalid, "the certificate of the mailbox is no PEM file")
	}
	return m, nil
}

// Measures is the listener for Prometheus, if any.
func (c Config) Measures() Listener { return listener("TOCSIN_METRICS", c.Metrics) }

func listener(name, s string) Listener {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return Listener{Name: name, Network: "unix", Addr: path}
	}
	addr, public, _ := strings.Cut(s, ",")
	l := Listener{Name: name, Network: "tcp", Addr: addr}
	if off(s) {
		l.Network, l.Addr = "", ""
	}
	if public != "" {
		l.URL, _ = url.Parse(public)
	}
	return l
}

// PublicURL is the address used in mail and links, without a slash at its end.
func (c Config) PublicURL() string {
	if c.URL != "" {
		return strings.TrimSuffix(c.URL, "/")
	}
	return "http://" + c.HTTP
}

// Proxies are the addresses whose forwarding headers count.
func (c Config) Proxies() []netip.Prefix {
	p, _ := prefixes(c.TrustedProxies)
	return p
}

// Relays are our own mail servers in front of us.
func (c Config) Relays() []netip.Prefix {
	p, _ := prefixes(c.MailRelays)
	return p
}

// ExitURL is the proxy through which all goes, nil for none.
func (c Config) ExitURL() *url.URL {
	if !c.Exit.Set() {
		return nil
	}
	u, err := url.Parse(c.Exit.Reveal())
	if err != nil {
		return nil
	}
	return u
}

// Look says how targets of a take-down are looked at: through which proxy, by which resolver; nil for none.
func (c Config) Look() (exit, resolver *url.URL) {
	read := func(e Endpoint) *url.URL {
		u, err := url.Parse(e.Reveal())
		if err != nil || !e.Set() {
			return nil
		}
		return u
	}
	return read(c.LookExit), read(c.LookResolver)
}

// InsideNetworks are the networks inside that may be reached.
func (c Config) InsideNetworks() []netip.Prefix {
	p, _ := prefixes(c.Inside)
	return p
}

// Bundles are the folders in which the bundle for when we are down may be written.
func (c Config) Bundles() []string {
	var out []string
	for _, f := range strings.Split(c.BundleFolders, ",") {
		if f = strings.TrimSpace(f); f != "" {
			if abs, err := filepath.Abs(f); err == nil {
				out = append(out, abs)
			}
		}
	}
	if len(out) == 0 {
		if abs, err := filepath.Abs(filepath.Join(c.Data, "bundles")); err == nil {
			out = append(out, abs)
		}
	}
	return out
}

// KeyUIDs are the users, beside its own, from whom the key process takes calls.
func (c Config) KeyUIDs() []uint32 {
	ids, _ := users(c.KeyUsers)
	return ids
}

// RootKeyFile is the file of the root key: the given one, or one beside the data folder.
func (c Config) RootKeyFile() string {
	if c.RootKey != "" {
		return c.RootKey
	}
	return filepath.Clean(c.Data) + ".rootkey"
}

// Location is the team's time zone.
func (c Config) Location() *time.Location {
	name := c.Zone
	if name == "" {
		name = systemZone()
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return l
}

// systemZone names the system's zone: time.Local works but has no name to show. It is "" (UTC) when the system does not say.
func systemZone() string {
	if tz, ok := os.LookupEnv("TZ"); ok {
		return strings.TrimPrefix(tz, ":")
	}
	if file, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(file, "/zoneinfo/"); ok {
			return name
		}
	}
	return ""
}

// Loopback tells whether the listener can be reached from this machine only: a loopback address, localhost or a socket file. An empty
// host listens everywhere, and a name other than localhost may lead anywhere.
func Loopback(addr string) bool {
	if strings.HasPrefix(addr, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	return loopbackHost(host)
}

func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// OnlyLoopback names the listeners that others could reach; the demo refuses to start with any.
func (c Config) OnlyLoopback() error {
	var m mistakes
	for _, l := range c.listeners() {
		addr, _, _ := strings.Cut(l.value, ",")
		if !off(l.value) && !Loopback(addr) {
			m.add(l.name, "", "can be reached from other machines; use 127.0.0.1")
		}
	}
	return m.err()
}

type named struct{ name, value string }

func (c Config) listeners() []named {
	return []named{
		{"TOCSIN_HTTP", c.HTTP},
		{"TOCSIN_DESK_HTTP", c.DeskHTTP},
		{"TOCSIN_PORTAL_HTTP", c.PortalHTTP},
		{"TOCSIN_SMTP", c.SMTP},
		{"TOCSIN_LMTP", c.LMTP},
		{"TOCSIN_METRICS", c.Metrics},
	}
}
