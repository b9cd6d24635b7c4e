package mailroom

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// directory is the exit of the house; behind it the hosts that a test names publish keys.
type directory struct {
	sync.Mutex
	hosts map[string]map[string][]byte // host, path, key
	asked []string
}

// exit starts it, and gives the client that goes through it.
func (d *directory) exit(h *house) *fetch.Client {
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.Lock()
		defer d.Unlock()
		d.asked = append(d.asked, r.Method+" "+r.Host+r.URL.Path)
		if key, ok := d.hosts[r.Host][r.URL.Path]; ok {
			_, _ = w.Write(key)
			return
		}
		http.NotFound(w, r)
	}))
	h.Cleanup(web.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, port, _ := net.SplitHostPort(r.Host)
		d.Lock()
		_, ok := d.hosts[host]
		d.asked = append(d.asked, r.Method+" "+host)
		d.Unlock()
		if r.Method != http.MethodConnect || port != "443" || !ok {
			http.Error(w, "no such host", http.StatusBadGateway)
			return
		}
		to, err := net.Dial("tcp", web.Listener.Addr().String())
		if err != nil {
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, c); to.Close() }()
		go func() { _, _ = io.Copy(c, to); c.Close() }()
	}))
	h.Cleanup(proxy.Close)
	at, err := url.Parse(proxy.URL)
	must(h.T, err)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	return fetch.New(fetch.Config{Exit: at, Roots: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}}) // the name in the certificate of the test server
}

func (d *directory) said() string {
	d.Lock()
	defer d.Unlock()
	return strings.Join(d.asked, "\n")
}

// A contact who proved itself, and of whom we have no key, has its domain asked, once a week; what is found there waits for a person, and what names another address does not.
func TestAPublishedKeyIsOffered(t *testing.T) {
	engines(t, func(h *house) {
		h.room.Constituency.Jobs = h.Jobs
		const rui = "rui@hospital.example"
		other := newPerson(h.T, h.House, "Eve", "eve@other.example")
		const advanced, direct = "/.well-known/openpgpkey/hospital.example/hu/", "/.well-known/openpgpkey/hu/"
		d := &directory{hosts: map[string]map[string][]byte{}}
		look := func() []constituency.Key {
			must(h.T, h.room.Look(h.ctx, LookJob{Contact: h.rui.ID}))
			all, err := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID)
			must(h.T, err)
			return all
		}
		waits := func() int {
			rows, err := h.DB.Query(h.ctx, `SELECT looked_at FROM constituency_contact WHERE looked_at IS NOT NULL`)
			must(h.T, err)
			defer rows.Close()
			n := 0
			for rows.Next() {
				n++
			}
			return n
		}
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf(rui, "switched off", "ten"))
		h.sort()
		if waits() != 0 || len(look()) != 0 {
			t.Error("asked although nobody switched it on")
		}
		h.room.Fetch = d.exit(h)
		h.mail("x@nowhere.example", "report@cert.example", h.letterOf(rui, "forged", "ten"))
		h.sort()
		if waits() != 0 {
			t.Error("a mail that proves nothing makes us call")
		}
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf(rui, "proved", "ten"))
		h.sort()
		if waits() != 1 {
			t.Error("a proved mail does not")
		}
		if n := len(look()); n != 0 || !strings.Contains(d.said(), "CONNECT openpgpkey.hospital.example\nCONNECT hospital.example") {
			t.Errorf("no host: %d keys, asked\n%s", n, d.said())
		}
		ruiPath, err := pgp.WKDHash(rui)
		must(h.T, err)
		d.hosts["hospital.example"] = map[string][]byte{direct + ruiPath: other.key.Binary()}
		if n := len(look()); n != 0 {
			t.Errorf("another's key is offered: %d", n)
		}
		d.hosts["hospital.example"][direct+ruiPath] = h.ruiKey.key.Binary()
		d.hosts["openpgpkey.hospital.example"] = map[string][]byte{advanced + ruiPath: make([]byte, maxPublished+1)}
		if n := len(look()); n != 0 {
			t.Errorf("too much is taken: %d", n)
		}
		delete(d.hosts["openpgpkey.hospital.example"], advanced+ruiPath)
		if n := len(look()); n != 0 {
			t.Errorf("the host of the directory says that there is none, and %d are offered", n)
		}
		d.hosts["openpgpkey.hospital.example"][advanced+ruiPath] = h.ruiKey.key.Binary()
		all := look()
		if len(all) != 1 || all[0].Source != "wkd" || all[0].Fingerprint != h.ruiKey.key.Fingerprint() || all[0].State != constituency.Offered {
			t.Fatalf("offered %+v, asked\n%s", all, d.said())
		}
		if n := len(look()); n != 1 {
			t.Errorf("twice it is %d", n)
		}
		h.Clock.Advance(8 * 24 * time.Hour)
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf(rui, "later", "ten"))
		h.sort()
		must(h.T, h.DB.Write(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			again, err := h.room.Constituency.LookTx(ctx, tx, h.rui.ID)
			if again {
				t.Error("asked again although a key waits")
			}
			return err
		}))
	})
}
