package constituency

import "testing"

// What the object of a registry says is compared with what is claimed; it may be more than that, and never less.
func TestCompare(t *testing.T) {
	t.Parallel()
	network := Proof{Kind: "prefix", Value: "192.0.2.128/25"}
	six := Proof{Kind: "prefix", Value: "2001:db8:1::/48"}
	number := Proof{Kind: "asn", Value: "AS64500"}
	name := Proof{Kind: "domain", Value: "shop.agua.example"}
	for what, c := range map[string]struct {
		p                  Proof
		text               string
		read, covers, same bool
	}{
		"the network":         {network, "inetnum: 192.0.2.0 - 192.0.2.255\nmnt-by: X\n\norganisation: ORG-1\norg-name: AGUAS do Norte", true, true, true},
		"a part of it":        {network, "inetnum: 192.0.2.192 - 192.0.2.255\ndescr: Somebody", true, false, false},
		"another network":     {network, "inetnum: 198.51.100.0 - 198.51.100.255\ndescr: Águas do Norte", true, false, true},
		"a route":             {network, "route: 192.0.2.0/24\norigin: AS1", true, true, false},
		"IPv6":                {six, "inet6num: 2001:db8::/32", true, true, false},
		"IPv4 around IPv6":    {six, "inetnum: 0.0.0.0 - 255.255.255.255", true, false, false},
		"a number":            {number, "aut-num: as64500", true, true, false},
		"another number":      {number, "aut-num: AS64501", true, false, false},
		"a domain":            {name, "domain: agua.example", true, true, false},
		"a domain's end":      {name, "domain: ua.example", true, false, false},
		"RDAP":                {network, `{"objectClassName":"ip network","startAddress":"192.0.2.0","endAddress":"192.0.2.255","entities":[{"handle":"X","vcardArray":["vcard",[["fn",{},"text","Águas do Norte"]]]}]}`, true, true, true},
		"RDAP of a number":    {number, `{"objectClassName":"autnum","startAutnum":64500,"endAutnum":64500}`, true, true, false},
		"RDAP of a block":     {number, `{"objectClassName":"autnum","startAutnum":64500,"endAutnum":64600}`, true, false, false},
		"RDAP of a domain":    {name, `{"objectClassName":"domain","ldhName":"AGUA.example"}`, true, true, false},
		"nothing of the kind": {network, "Dear team, this is ours", false, false, false},
		"broken RDAP":         {network, `{"objectClassName":`, false, false, false},
	} {
		got := Compare(c.p, c.text, "Águas do Norte")
		if got.Read != c.read || got.Covers != c.covers || got.Same != c.same {
			t.Errorf("%s: %+v", what, got)
		}
	}
}
