package teams

import (
	"net/url"
	"strings"
	"testing"
)

// Each row says how it is known; what nobody saw is never called confirmed.
func TestTheListSaysHowSureItIs(t *testing.T) {
	t.Parallel()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	n, sure := 0, 0
	for country, all := range l.by {
		for _, x := range all {
			n++
			if x.Confidence == Confirmed {
				sure++
			}
			if x.Confidence != Recalled && len(x.Sources) == 0 {
				t.Errorf("%s %s is not recalled and names no source", country, x.Name)
			}
			if x.Website != "" {
				if u, err := url.Parse(x.Website); err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
					t.Errorf("%s: %s", x.Name, x.Website)
				}
			}
			if x.Email != "" && strings.Count(x.Email, "@") != 1 {
				t.Errorf("%s: %s", x.Name, x.Email)
			}
		}
	}
	if n != 154 || sure != 105 || len(l.Of("be")) == 0 || l.Of("be")[0].CountryName != "Belgium" || len(l.Of("xx")) != 0 {
		t.Errorf("%d teams, %d confirmed", n, sure)
	}
	for domain, want := range map[string]string{"example.be": "BE", "example.co.uk": "GB", "example.com": "", "example.io": "", "x": "", "": "", "example.xn--p1ai": ""} {
		if got := CountryOf(domain); got != want {
			t.Errorf("%s is of %q", domain, got)
		}
	}
}
