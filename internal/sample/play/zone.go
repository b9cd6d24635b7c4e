package play

import (
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// Hosts from which mail comes: exchange may send for every domain of the country, elsewhere is somebody's computer.
const (
	exchange  = "198.51.100.25"
	elsewhere = "203.0.113.20"
)

// Zone gives the name records of the country: its domains let one exchange, and this machine, send for them, so that whoever plays a
// constituent with a mail program of his own is believed as one would be on the real network.
func Zone() auth.Zone {
	z := auth.Zone{Texts: map[string][]string{}}
	add := func(domain string) {
		domain = strings.ToLower(domain)
		z.Texts[domain] = []string{"v=spf1 ip4:" + exchange + " ip4:127.0.0.0/8 ip6:::1 ?all"}
		z.Texts["_dmarc."+domain] = []string{"v=DMARC1; p=none"}
	}
	c := country.New()
	for _, o := range c.Organisations {
		for _, a := range o.Assets {
			if a.Kind == "domain" {
				add(a.Value)
			}
		}
		for _, x := range o.Contacts {
			add(domainOf(x.Email))
		}
	}
	for _, x := range c.Peers {
		add(domainOf(x.Email))
	}
	for _, x := range c.People {
		add(domainOf(x.Email))
	}
	for _, r := range c.Reports {
		if r.Email != "" && r.Proof != "unknown" {
			add(domainOf(r.Email))
		}
	}
	delete(z.Texts, "")
	delete(z.Texts, "_dmarc.")
	return z
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}
