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
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // TOCSIN_ZONE works on a machine without zone data
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
	TrustedProxies string   `name:"trusted-proxies" env:"TOCSIN_TRUSTED_PROXIES" placeholder:"PREFIX,…" help:"Whose X-Forwarded-For and client-certificate headers count."`
	URL            string   `name:"url" env:"TOCSIN_URL" placeholder:"https://…" help:"Public address, used in mail and links."`
	SMTP           string   `name:"smtp" env:"TOCSIN_SMTP" default:"127.0.0.1:2525" help:"Listener for mail, or off."`
	LMTP           string   `name:"lmtp" env:"TOCSIN_LMTP" default:"off" help:"Listener for mail from a server beside us (unix:PATH or ADDRESS), or off."`
	IMAP           Endpoint `name:"imap" env:"TOCSIN_IMAP" placeholder:"imaps://user@host/INBOX" help:"Mailbox to fetch from."`
	Relay          Endpoint `env:"TOCSIN_RELAY" placeholder:"smtp://…" help:"Server that sends our mail; without it mail stays in the outbox."`
	Metrics        string   `env:"TOCSIN_METRICS" default:"off" help:"Listener for Prometheus, or off."`
	TLSCert        string   `name:"tls-cert" env:"TOCSIN_TLS_CERT" placeholder:"FILE" help:"Certificate for HTTPS and STARTTLS, read again when it changes."`
	TLSKey         string   `name:"tls-key" env:"TOCSIN_TLS_KEY" placeholder:"FILE" help:"Its private key."`
	RootKey        string   `name:"root-key" env:"TOCSIN_ROOT_KEY" placeholder:"FILE" help:"Key that seals keys and secrets; beside, not in, the data folder."`
	Zone           string   `env:"TOCSIN_ZONE" placeholder:"Europe/…" help:"The team's time zone; the system's otherwise."`
}

// off is how a listener is switched off.
func off(s string) bool { return s == "" || s == "off" }

// Listener is where a part listens, and the address by which people reach it.
type Listener struct {
	Network string // tcp or unix; empty when off
	Addr    string
	URL     *url.URL // nil: none of its own
}

// On tells whether there is a listener.
func (l Listener) On() bool { return l.Network != "" }

// Main is the listener of all pages and the API.
func (c Config) Main() Listener { return listener(c.HTTP) }

// Desk is the desk's own listener, if any.
func (c Config) Desk() Listener { return listener(c.DeskHTTP) }

// Portal is the portal's own listener, if any.
func (c Config) Portal() Listener { return listener(c.PortalHTTP) }

// Mail is the SMTP listener, if any.
func (c Config) Mail() Listener { return listener(c.SMTP) }

// LocalMail is the LMTP listener, if any.
func (c Config) LocalMail() Listener { return listener(c.LMTP) }

// Measures is the listener for Prometheus, if any.
func (c Config) Measures() Listener { return listener(c.Metrics) }

func listener(s string) Listener {
	if off(s) {
		return Listener{}
	}
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return Listener{Network: "unix", Addr: path}
	}
	addr, public, _ := strings.Cut(s, ",")
	l := Listener{Network: "tcp", Addr: addr}
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
