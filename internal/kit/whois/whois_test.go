package whois

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// hosts are registries that answer in text.
type hosts struct {
	answers map[string]string // "host question"
	asked   []string
}

func (h *hosts) Line(_ context.Context, host, question string, most int) ([]byte, error) {
	h.asked = append(h.asked, host+" "+question)
	s, ok := h.answers[host+" "+question]
	if !ok {
		return nil, errors.New("refused")
	}
	return []byte(s)[:min(len(s), most)], nil
}

type silent struct{ err error }

func (s silent) Look(context.Context, rdap.Question) (rdap.Answer, error) {
	return rdap.Answer{Name: "by rdap"}, s.err
}

// Whois is asked where nobody speaks RDAP and nowhere else, by the referral of IANA and no other; what regional registries and registries of names say of abuse
// is read, and an answer about something else is not believed.
func TestWhoisIsAskedWhereNobodySpeaksRDAP(t *testing.T) {
	t.Parallel()
	h := &hosts{answers: map[string]string{
		Root + " 193.0.6.1":               "% IANA\n\nrefer:        whois.ripe.example\n",
		"whois.ripe.example 193.0.6.1":    "% Abuse contact for '193.0.0.0 - 193.0.7.255' is 'abuse@ripe.example'\n\ninetnum: 193.0.0.0 - 193.0.7.255\nnetname: NET\u202e-ONE\ncountry: nl\nremarks: abuse-mailbox: not this\n",
		Root + " 198.51.100.9":            "refer: whois.arin.example\n",
		"whois.arin.example 198.51.100.9": "NetRange: 198.51.0.0 - 198.51.255.255\nCIDR: 198.51.0.0/16\nNetName: X\nOrgAbuseEmail: abuse@isp.example\nReferralServer: whois://evil.example\n",
		Root + " zz":                      "whois: whois.nic.zz\n",
		"whois.nic.zz bad.zz":             "Domain Name: BAD.ZZ\nRegistrar Abuse Contact Email: abuse@registrar.example\nRegistrar Abuse Contact Email: <script>@x\n",
		Root + " yy":                      "whois: whois.nic.yy\n",
		"whois.nic.yy gone.yy":            "No match for gone.yy\n",
		"whois.nic.yy liar.yy":            "domain: bank.yy\nabuse email: abuse@bank.yy\n",
		Root + " xx":                      "whois: 127.0.0.1\n",
		Root + " ww":                      "organisation: none\n",
		Root + " 192.0.2.1":               "refer: whois.wide.example\n",
		"whois.wide.example 192.0.2.1":    "% Abuse contact for '10.0.0.0 - 10.255.255.255' is 'abuse@other.example'\ninetnum: 10.0.0.0 - 10.255.255.255\n",
	}}
	c := &Client{First: silent{rdap.ErrNobody}, Lines: h}
	for what, want := range map[string]struct {
		mail, registry string
		err            error
	}{
		"193.0.6.1": {"abuse@ripe.example", "whois.ripe.example", nil}, "198.51.100.9": {"abuse@isp.example", "whois.arin.example", nil}, "www.bad.zz": {"abuse@registrar.example", "whois.nic.zz", nil},
		"gone.yy": {"", "", rdap.ErrUnknown}, "liar.yy": {"", "", rdap.ErrUnread}, "a.xx": {"", "", rdap.ErrNobody}, "a.ww": {"", "", rdap.ErrNobody}, "a.vv": {"", "", rdap.ErrSilent}, "192.0.2.1": {"", "", rdap.ErrUnread},
	} {
		q, err := rdap.About(what)
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Look(t.Context(), q)
		if !errors.Is(err, want.err) || err == nil && (len(a.Abuse()) != 1 || !slices.Equal(a.Abuse()[0].Mails, []string{want.mail}) || a.Registry != want.registry || !a.Whois) {
			t.Errorf("%s: %+v %v", what, a, err)
		}
		if strings.ContainsRune(a.Name, '\u202e') {
			t.Errorf("%q turns the line", a.Name)
		}
	}
	for _, asked := range h.asked {
		if strings.HasPrefix(asked, "evil") || strings.HasPrefix(asked, "127.") {
			t.Errorf("asked %s", asked)
		}
	}
	h.asked = nil
	for _, err := range []error{nil, rdap.ErrSilent, rdap.ErrUnknown, rdap.ErrBusy} {
		if a, got := (&Client{silent{err}, h}).Look(t.Context(), rdap.Question{Kind: rdap.Domain, Value: "bad.zz"}); !errors.Is(got, err) || a.Whois {
			t.Errorf("%v became %v", err, got)
		}
	}
	if _, err := c.Look(t.Context(), rdap.Question{Kind: rdap.Number, Value: "64500"}); !errors.Is(err, rdap.ErrNobody) || len(h.asked) != 0 {
		t.Errorf("asked %v: %v", h.asked, err)
	}
}

func FuzzUnderstand(f *testing.F) {
	f.Add("193.0.6.1", "% Abuse contact for '193.0.0.0/21' is 'a@b.example'\ninetnum: 193.0.0.0-193.0.7.255\nNetRange: - \nCIDR: ::/0, 1/33\n")
	f.Fuzz(func(t *testing.T, what, text string) {
		q, err := rdap.About(what)
		if err != nil {
			return
		}
		a, err := understand(q, read([]byte(text)))
		if err == nil && len(a.Entities) > 2 {
			t.Errorf("%+v", a)
		}
	})
}
