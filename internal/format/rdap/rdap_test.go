package rdap

import (
	"net/netip"
	"strings"
	"testing"
)

const domainAnswer = `{"objectClassName":"domain","ldhName":"BAD.EXAMPLE.","entities":[
 {"objectClassName":"entity","roles":["registrar"],"publicIds":[{"type":"IANA Registrar ID","identifier":"9999"}],
  "vcardArray":["vcard",[["version",{},"text","4.0"],["fn",{},"text","Names & Co\u202e"]]],
  "entities":[{"roles":["abuse"],"vcardArray":["vcard",[["fn",{},"text","Abuse desk"],["email",{},"text","abuse@names.example"]]]}],
  "links":[{"href":"http://169.254.169.254/","rel":"related"}]},
 {"roles":["registrant"],"vcardArray":["vcard",[["email",{},"text","x@y@z"],["adr",{},"text",["","",""]],7]]}]}`

// An answer gives who plays which part and whom to write to; nothing in it leads anywhere.
func TestAnswers(t *testing.T) {
	a, err := Parse([]byte(domainAnswer))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := a.With("registrar")
	if !ok || r.Name != "Names & Co[U+202E]" || r.Number != "9999" || a.Name != "bad.example" || a.Abuse("registrar") != "abuse@names.example" {
		t.Errorf("%+v %q", a, a.Abuse("registrar"))
	}
	if x, _ := a.With("registrant"); x.Email != "" {
		t.Errorf("no address: %q", x.Email)
	}
	n, err := Parse([]byte(`{"objectClassName":"ip network","name":"NET","country":"PT","startAddress":"192.0.2.0","endAddress":"192.0.2.255","entities":[{"roles":["abuse"],"vcardArray":["vcard",[["email",{},"text","abuse@net.example"]]]}]}`))
	if err != nil || n.Abuse("") != "abuse@net.example" || n.First != netip.MustParseAddr("192.0.2.0") {
		t.Errorf("%+v, %v", n, err)
	}
	deep := `{"objectClassName":"domain","entities":[` + strings.Repeat(`{"roles":["abuse"],"entities":[`, 900) + strings.Repeat(`]}`, 900) + `]}`
	if a, err := Parse([]byte(deep)); err != nil || len(a.Parties) != deepest {
		t.Errorf("deep: %d parties, %v", len(a.Parties), err)
	}
	wide := `{"objectClassName":"domain","entities":[` + strings.Repeat(`{"roles":["abuse"]},`, 5000) + `{}]}`
	if a, err := Parse([]byte(wide)); err != nil || len(a.Parties) != mostEntity {
		t.Errorf("wide: %d parties, %v", len(a.Parties), err)
	}
	for _, bad := range []string{"", "[]", `{"objectClassName":"entity"}`, `{"objectClassName":"domain","entities":{}}`, strings.Repeat(" ", MostAnswer) + domainAnswer, strings.Repeat(`[`, 20000)} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("taken: %.40q", bad)
		}
	}
}

// The registries say where to ask: the longest suffix, the smallest network, by HTTPS.
func TestBootstrap(t *testing.T) {
	var b Bootstrap
	for _, text := range []string{
		`{"services":[[["example","co.uk"],["http://plain.example/","https://rdap.example/v1/"]],[["uk"],["https://uk.example"]],[["bare"],["http://plain.example/"]]]}`,
		`{"services":[[["192.0.0.0/8"],["https://wide.example/"]],[["192.0.2.0/24"],["https://small.example/rdap/"]]]}`,
		`{"services":[[["2001:db8::/32"],["https://six.example/"]]]}`,
	} {
		if err := b.Read([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for domain, want := range map[string]string{
		"www.bad.example": "https://rdap.example/v1/domain/bad.example", "shop.bad.co.uk": "https://rdap.example/v1/domain/bad.co.uk", "x.org": "", "a.bare": "",
		"../../etc.example": "https://rdap.example/v1/domain/%2Fetc.example",
	} {
		if got := b.Domain(domain); got != want {
			t.Errorf("%s: %q", domain, got)
		}
	}
	for address, want := range map[string]string{"192.0.2.1": "https://small.example/rdap/ip/192.0.2.1", "192.9.9.9": "https://wide.example/ip/192.9.9.9", "2001:db8::1": "https://six.example/ip/2001:db8::1", "8.8.8.8": ""} {
		if got := b.Address(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
	if !b.Knows("https://SIX.example/x") || b.Knows("https://evil.example/") || b.Knows("http://six.example/") || b.Knows("https://u:p@six.example/") {
		t.Error("who is known")
	}
	for name, want := range map[string]string{"a.b.example.com": "example.com", "somebody.github.io": "github.io", "x.y.github.io": "github.io", "example.co.uk": "example.co.uk", "com": "com"} {
		if got := Registered(name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
	if b.Read([]byte(`{"services":[]}`)) == nil || b.Read([]byte(`x`)) == nil {
		t.Error("nonsense is a registry")
	}
}
