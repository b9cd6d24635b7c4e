package rdap

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// web answers from a map of addresses; what is not in it is a 404. An answer that begins with "-> " leads elsewhere.
type web struct {
	pages map[string]string
	asked []string
	err   error
}

func (w *web) Ask(_ context.Context, address, _ string, most int) (int, []byte, string, error) {
	w.asked = append(w.asked, address)
	if w.err != nil {
		return 0, nil, "", w.err
	}
	page, ok := w.pages[address]
	if to, leads := strings.CutPrefix(page, "-> "); leads {
		return 302, nil, to, nil
	}
	switch {
	case !ok:
		return 404, nil, "", nil
	case page == "busy":
		return 429, nil, "", nil
	case len(page) > most+1:
		page = page[:most+1]
	}
	return 200, []byte(page), "", nil
}

const network = `{"objectClassName":"ip network","handle":"N-1","startAddress":"198.51.100.0","endAddress":"198.51.100.255","ipVersion":"v4","name":"EX-NET","country":"be",
"status":["active"],"events":[{"eventAction":"registration","eventDate":"2011-02-03T04:05:06+01:00"},{"eventAction":"expiration","eventDate":"soon"}],
"entities":[{"objectClassName":"entity","handle":"ORG-1","roles":["registrant"],"vcardArray":["vcard",[["version",{},"text","4.0"],["fn",{},"text","Example\u202e Hosting\r\nBcc: x"],["adr",{"cc":"BE"},"text",["","","","","","",""]]]],
 "entities":[{"handle":"AB-1","roles":["Abuse"],"vcardArray":["vcard",[["fn",{},"text","Abuse desk"],["email",{"type":"abuse"},"text","abuse@Example.BE"],["email",{},"text","a@b@c"],["email",{},"text","x@y.example\nBcc: z@y.example"],["tel",{"type":["voice"]},"uri","tel:+32 2 000 00 00"]]]}]}]}`

const domainThin = `{"objectClassName":"domain","ldhName":"EXAMPLE.ORG","nameservers":[{"ldhName":"NS1.EXAMPLE.NET."},{"ldhName":"bad name"}],"status":["client hold"],
"links":[{"rel":"self","type":"application/rdap+json","href":"https://registry.example/domain/example.org"},{"rel":"related","type":"application/rdap+json","href":"https://registrar.example/domain/EXAMPLE.ORG"}],
"entities":[{"roles":["registrar"],"handle":"9999","vcardArray":["vcard",[["fn",{},"text","Registrar One"]]]}]}`

const domainThick = `{"objectClassName":"domain","ldhName":"example.org","entities":[{"roles":["registrar"],"vcardArray":["vcard",[["fn",{},"text","Registrar One"]]],
"entities":[{"roles":["abuse"],"vcardArray":["vcard",[["email",{},"text","abuse@registrar.example"]]]}]}]}`

func pages() *web {
	return &web{pages: map[string]string{
		Root + "ipv4.json": `{"version":"1.0","services":[[["198.0.0.0/8","1.0.0.0/8"],["https://wide.example/"]],[["198.51.0.0/16"],["http://plain.example/","https://narrow.example/rdap/"]],["odd"]]}`,
		Root + "ipv6.json": `{"services":[[["2a00::/12"],["https://six.example/"]]]}`,
		Root + "asn.json":  `{"services":[[["1-60000"],["https://wide.example/"]],[["1000-1001"],["https://narrow.example/rdap/"]]]}`,
		Root + "dns.json":  `{"services":[[["org"],["https://registry.example/"]]]}`,
		"https://narrow.example/rdap/ip/198.51.100.7":   network,
		"https://narrow.example/rdap/autnum/1000":       `{"objectClassName":"autnum","startAutnum":1000,"endAutnum":1000,"country":"PT","name":"ONE"}`,
		"https://registry.example/domain/example.org":   domainThin,
		"https://registrar.example/domain/EXAMPLE.ORG":  "-> https://registrar2.example/domain/example.org",
		"https://registrar2.example/domain/example.org": domainThick,
	}}
}

func look(t *testing.T, c *Client, what string) (Answer, error) {
	t.Helper()
	q, err := About(what)
	if err != nil {
		t.Fatal(what, err)
	}
	return c.Look(t.Context(), q)
}

// A network, a number and a domain are asked for where the narrowest entry says, and what is needed of the answer is read.
func TestARegistryAnswers(t *testing.T) {
	t.Parallel()
	w := pages()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	c := &Client{Fetch: w, Now: func() time.Time { return now }}
	a, err := look(t, c, "198.51.100.7")
	if err != nil || a.Name != "EX-NET" || a.Country != "BE" || a.Registry != "narrow.example" || a.Registered.Format(time.DateTime) != "2011-02-03 03:05:06" || !a.Ends.IsZero() {
		t.Fatal(a, err)
	}
	abuse := a.Abuse()
	if len(abuse) != 1 || !reflect.DeepEqual(abuse[0].Mails, []string{"abuse@example.be"}) || abuse[0].Phones[0] != "+32 2 000 00 00" || !abuse[0].Of("registrant") {
		t.Errorf("who takes complaints: %+v", abuse)
	}
	if n := a.With("registrant")[0].Name; n != "Example Hosting Bcc: x" {
		t.Errorf("the name of a stranger is shown as %q", n)
	}
	if a, err = look(t, c, "AS1000"); err != nil || a.Country != "PT" {
		t.Error(a, err)
	}
	a, err = look(t, c, "www.Example.org")
	if err != nil || len(a.Abuse()) != 1 || a.Abuse()[0].Mails[0] != "abuse@registrar.example" || !reflect.DeepEqual(a.Servers, []string{"ns1.example.net"}) {
		t.Errorf("a domain whose registry knows nobody: %+v %v", a, err)
	}
	if r, ok := a.Registrar(); !ok || r.Name != "Registrar One" {
		t.Errorf("registrar: %+v", r)
	}
	asked := len(w.asked)
	if _, err := look(t, c, "198.51.100.7"); err != nil || len(w.asked) != asked+1 {
		t.Error("the list of registries is asked for again", err, w.asked[asked:])
	}
	now = now.Add(25 * time.Hour) // the list is old and cannot be had: the old one serves
	delete(w.pages, Root+"ipv4.json")
	if _, err := look(t, c, "198.51.100.7"); err != nil {
		t.Error(err)
	}
}

// What a registry, or who answers in its place, can do to us: nothing but be told as silent, unknown, busy or unreadable.
func TestAHostileRegistry(t *testing.T) {
	t.Parallel()
	at := "https://narrow.example/rdap/ip/198.51.100.7"
	for name, x := range map[string]struct {
		page string
		want error
	}{
		"no JSON":             {"<html>", ErrUnread},
		"another network":     {strings.ReplaceAll(network, "198.51.100.", "198.51.101."), ErrUnread},
		"the wrong way round": {`{"objectClassName":"ip network","startAddress":"198.51.100.255","endAddress":"198.51.100.0"}`, ErrUnread},
		"both families":       {`{"objectClassName":"ip network","startAddress":"0.0.0.0","endAddress":"ffff::"}`, ErrUnread},
		"a domain":            {domainThin, ErrUnread},
		"too long":            {network + strings.Repeat(" ", MostAnswer), ErrUnread},
		"too deep":            {`{"objectClassName":` + strings.Repeat("[", 20000), ErrUnread},
		"busy":                {"busy", ErrBusy},
		"in a circle":         {"-> " + at, ErrSilent},
		"to a file":           {"-> file:///etc/passwd", ErrSilent},
		"without TLS":         {"-> http://narrow.example/", ErrSilent},
	} {
		w := pages()
		w.pages[at] = x.page
		if _, err := look(t, &Client{Fetch: w}, "198.51.100.7"); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(w.asked) > 8 {
			t.Errorf("%s: asked %d times", name, len(w.asked))
		}
	}
	w := pages()
	w.err = errors.New("no way")
	if _, err := look(t, &Client{Fetch: w}, "example.org"); !errors.Is(err, ErrSilent) {
		t.Error(err)
	}
	if _, err := look(t, &Client{Fetch: pages()}, "unknown.example.org.zz"); !errors.Is(err, ErrNobody) {
		t.Error(err)
	}
	if _, err := look(t, &Client{Fetch: pages()}, "absent.org"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	for _, bad := range []string{"", "10.0.0.1", "::1", "fe80::1%eth0", "localhost", "a b.org", "x/../y.org", "example.org/path", "-a.org", "1.2.3", "AS0", "AS99999999999", "http://example.org"} {
		if q, err := About(bad); err == nil {
			t.Errorf("%q is asked as %v", bad, q)
		}
	}
}

// An answer is bounded whatever it holds.
func FuzzRead(f *testing.F) {
	for _, s := range []string{network, domainThin, domainThick, `{"objectClassName":"autnum","startAutnum":1e99}`, `{"objectClassName":"domain","ldhName":"a.b","entities":[[],{"vcardArray":["vcard",[[1,2,3,[]]]]}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(b)
		if err != nil {
			return
		}
		if out, err := json.Marshal(a); err != nil || len(a.Entities) > mostEntities || strings.ContainsAny(string(out), "\r\n") {
			t.Error(err, len(a.Entities))
		}
		for _, e := range a.Abuse() {
			for _, m := range e.Mails {
				if mailbox(m) != m {
					t.Errorf("%q", m)
				}
			}
		}
		_, _ = readList(b)
	})
}
