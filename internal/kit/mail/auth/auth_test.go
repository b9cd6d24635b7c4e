package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

var arrived = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// country is a small DNS: a bank that protects its name, a shop that does not, and an attacker with everything in order at home.
type country struct {
	zone Zone
	keys map[string]crypto.Signer
}

func newCountry(t testing.TB) country {
	t.Helper()
	c := country{Zone{Texts: map[string][]string{}, Addresses: map[string][]netip.Addr{}, Hosts: map[string][]string{}}, map[string]crypto.Signer{}}
	for _, d := range []string{"bank.example", "mail.bank.example", "shop.example", "evil.example"} {
		pub, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c.keys[d] = key
		c.zone.Texts["s._domainkey."+d] = []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(pub)}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(weak.Public())
	c.keys["weak.bank.example"] = weak
	c.zone.Texts["s._domainkey.weak.bank.example"] = []string{"v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der)}
	c.zone.Texts["_dmarc.bank.example"] = []string{"v=DMARC1; p=reject"}
	c.zone.Texts["_dmarc.strict.example"] = []string{"v=DMARC1; p=quarantine; aspf=s; adkim=s"}
	c.zone.Texts["_dmarc.evil.example"] = []string{"v=DMARC1; p=none"}
	c.zone.Texts["bank.example"] = []string{"v=spf1 ip4:192.0.2.0/28 -all", "other text"}
	c.zone.Texts["sub.strict.example"] = []string{"v=spf1 ip4:192.0.2.0/28 -all"}
	c.zone.Texts["evil.example"] = []string{"v=spf1 ip4:203.0.113.66 -all"}
	return c
}

func (c country) sign(t testing.TB, raw, domain string, headers ...string) string {
	t.Helper()
	var out bytes.Buffer
	o := &dkim.SignOptions{
		Domain: domain, Selector: "s", Signer: c.keys[domain], HeaderKeys: headers,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	}
	if err := dkim.Sign(&out, strings.NewReader(raw), o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const letter = "From: Ana <ana@bank.example>\r\nTo: cert@cert.example\r\nSubject: report\r\nDate: Sun, 22 Nov 2026 09:59:00 +0000\r\nMessage-ID: <1@bank.example>\r\n\r\nhello\r\n"

var all = []string{"From", "To", "Subject", "Date", "Message-ID"}

// TestWhoSentIt is rules M4 and M5 as a table: what speaks for the domain in From, and what does not.
func TestWhoSentIt(t *testing.T) {
	c := newCountry(t)
	good, bad, ours := netip.MustParseAddr("192.0.2.5"), netip.MustParseAddr("203.0.113.66"), netip.MustParseAddr("198.51.100.25")
	signed := c.sign(t, letter, "bank.example", all...)
	many := letter
	for range 6 {
		many = c.sign(t, many, "evil.example", all...)
	}
	withLength := strings.Replace(signed, "DKIM-Signature: ", "DKIM-Signature: l=5; ", 1)
	for name, v := range map[string]struct {
		raw    string
		peer   netip.Addr
		from   string
		servID string
		trust  Trust
		method Method
		why    []Reason
		not    []Reason
	}{
		"signed by the bank":           {signed, bad, "x@evil.example", "", Proven, ByDKIM, []Reason{AlignedDKIM}, []Reason{OtherRecipient, OldDate}},
		"signed by a part of the bank": {c.sign(t, letter, "mail.bank.example", all...), bad, "", "", Proven, ByDKIM, []Reason{AlignedDKIM}, nil},
		"sent by the bank's host":      {letter, good, "bounce@bank.example", "", Proven, BySPF, []Reason{AlignedSPF}, nil},
		"signed by evil alone":         {c.sign(t, letter, "evil.example", all...), bad, "x@evil.example", "", Failed, "", []Reason{NotAligned, PolicyFailed}, []Reason{AlignedSPF}},
		"not signed":                   {letter, bad, "ana@bank.example", "", Failed, "", []Reason{SPFFailed, PolicyFailed}, nil},
		"body changed":                 {strings.Replace(signed, "hello", "jello", 1), bad, "", "", Failed, "", []Reason{DKIMFailed}, nil},
		"l=":                           {withLength, bad, "", "", Failed, "", []Reason{DKIMFailed, DKIMLength}, nil},
		"weak key":                     {c.sign(t, letter, "weak.bank.example", all...), bad, "", "", Proven, ByDKIM, []Reason{DKIMWeak}, nil},
		"subject not signed":           {c.sign(t, letter, "bank.example", "From", "To", "Date"), bad, "", "", Claimed, ByDKIM, []Reason{DKIMUnsigned}, nil},
		"subject twice":                {strings.Replace(signed, "Subject: report", "Subject: other\r\nSubject: report", 1), bad, "", "", Claimed, ByDKIM, []Reason{Ambiguous, DKIMUnsigned}, nil},
		"From twice":                   {"From: ceo@bank.example\r\n" + signed, bad, "", "", Nobody, "", []Reason{NoSender}, nil},
		"From hidden by a broken line": {"From: ceo@bank.example\r\nTo: x\r\nbroken line\r\n" + signed, good, "a@bank.example", "", Nobody, "", []Reason{NoSender}, nil},
		"a broken line before From":    {"X-A: b\r\nbroken line\r\n" + signed, good, "a@bank.example", "", Claimed, ByDKIM, []Reason{Ambiguous}, nil},
		"From with a blank":            {strings.Replace(signed, "From: ", "From : ceo@bank.example\r\nFrom: ", 1), good, "a@bank.example", "", Nobody, "", []Reason{NoSender}, nil},
		"two addresses":                {strings.Replace(letter, "Ana <ana@bank.example>", "ana@bank.example, x@evil.example", 1), good, "a@bank.example", "", Nobody, "", nil, nil},
		"bare line feeds":              {strings.ReplaceAll(letter, "\r\n\r\n", "\r\n\n"), good, "a@bank.example", "", Claimed, BySPF, []Reason{Ambiguous}, nil},
		"six signatures":               {many, bad, "x@evil.example", "", Failed, "", []Reason{DKIMTooMany}, nil},
		"no policy":                    {strings.ReplaceAll(letter, "bank", "shop"), bad, "x@evil.example", "", Claimed, "", []Reason{NoPolicy, NotAligned}, nil},
		"sent on by a thief":           {c.sign(t, strings.NewReplacer("cert@cert", "else@where", "22 Nov", "02 Nov").Replace(letter), "bank.example", all...), bad, "", "", Claimed, ByDKIM, []Reason{OtherRecipient, OldDate}, nil},
		"written to another":           {c.sign(t, strings.Replace(letter, "cert@cert", "else@where", 1), "bank.example", all...), bad, "", "", Claimed, ByDKIM, []Reason{OtherRecipient}, []Reason{OldDate}},
		"to another mailbox of ours":   {c.sign(t, strings.Replace(letter, "cert@cert", "soc@cert", 1), "bank.example", all...), bad, "", "", Proven, ByDKIM, nil, []Reason{OtherRecipient, OldDate}},
		"to another tag of ours":       {c.sign(t, strings.Replace(letter, "cert@cert", "cert+abc@cert", 1), "bank.example", all...), bad, "", "", Claimed, ByDKIM, []Reason{OtherRecipient}, []Reason{OldDate}},
		"kept for three weeks":         {c.sign(t, strings.Replace(letter, "22 Nov", "02 Nov", 1), "bank.example", all...), bad, "", "", Claimed, ByDKIM, []Reason{OldDate}, []Reason{OtherRecipient}},
		"a blind copy by its own host": {c.sign(t, strings.Replace(letter, "cert@cert", "else@where", 1), "bank.example", all...), good, "bounce@bank.example", "", Proven, ByDKIM, []Reason{OtherRecipient, AlignedSPF}, nil},
		"strict, by a part":            {strings.ReplaceAll(letter, "bank", "strict"), good, "x@sub.strict.example", "", Failed, "", []Reason{NotAligned}, []Reason{AlignedSPF}},
		"our relay":                    {"Authentication-Results: mx.cert.example; dmarc=pass header.from=bank.example\r\n" + letter, ours, "", "mx.cert.example", Proven, ByRelay, []Reason{AlignedRelay}, []Reason{ForeignResults}},
		"our relay about another":      {"Authentication-Results: mx.cert.example; dmarc=pass header.from=evil.example\r\n" + letter, ours, "", "mx.cert.example", Failed, "", nil, nil},
		"our relay, but below":         {"Authentication-Results: mx.evil.example; dmarc=fail\r\nAuthentication-Results: mx.cert.example; dmarc=pass header.from=bank.example\r\n" + letter, ours, "", "mx.cert.example", Claimed, "", []Reason{ForeignResults}, nil},
		"our relay about its host":     {"Authentication-Results: mx.cert.example; spf=pass smtp.mailfrom=b@bank.example\r\n" + letter, ours, "b@bank.example", "mx.cert.example", Proven, ByRelay, []Reason{AlignedRelay}, nil},
		"our relay against its host":   {"Authentication-Results: mx.cert.example; spf=fail smtp.mailfrom=b@bank.example\r\n" + letter, ours, "b@bank.example", "mx.cert.example", Failed, "", []Reason{PolicyFailed}, []Reason{SPFFailed}},
		"our relay says nothing":       {letter, ours, "b@bank.example", "mx.cert.example", Claimed, "", []Reason{NotAligned}, []Reason{SPFFailed, PolicyFailed}},
		"our relay, results unnamed":   {"Authentication-Results: mx.cert.example; dmarc=pass header.from=bank.example\r\n" + letter, ours, "", "", Claimed, "", []Reason{ForeignResults}, nil},
		"our relay's name, by another": {"Authentication-Results: mx.cert.example; dmarc=pass header.from=bank.example\r\n" + letter, bad, "", "mx.cert.example", Failed, "", []Reason{ForeignResults}, nil},
		"signed, through our relay":    {signed, ours, "x@evil.example", "", Proven, ByDKIM, []Reason{AlignedDKIM}, nil},
		"a relay nobody named":         {"Authentication-Results: mx.cert.example; dmarc=pass header.from=bank.example\r\n" + letter, bad, "", "", Failed, "", []Reason{ForeignResults}, nil},
		"Reply-To and Sender":          {"Reply-To: x@evil.example\r\nSender: x@evil.example\r\n" + letter, bad, "x@evil.example", "", Failed, "", []Reason{NotAligned}, nil},
		"nothing":                      {"", bad, "", "", Nobody, "", []Reason{NoSender}, nil},
		"a null path, by name":         {letter, good, "", "", Failed, "", []Reason{NotAligned}, nil},
	} {
		ck := Checker{Resolver: c.zone, ServID: v.servID, Relays: []netip.Prefix{netip.PrefixFrom(ours, 32)}}
		r := ck.Check(context.Background(), []byte(v.raw), Envelope{Peer: v.peer, Helo: "mail.example", From: v.from, To: []string{"cert+tag@cert.example"}, Arrived: arrived})
		if r.Trust != v.trust || r.Method != v.method {
			t.Errorf("%s: %s by %q because %v; SPF %+v, DKIM %+v", name, r.Trust, r.Method, r.Reasons, r.SPF, r.DKIM)
		}
		for _, w := range v.why {
			if !r.Has(w) {
				t.Errorf("%s: not %s among %v", name, w, r.Reasons)
			}
		}
		for _, w := range v.not {
			if r.Has(w) {
				t.Errorf("%s: %s among %v", name, w, r.Reasons)
			}
		}
	}
}

// silent is a resolver that does not answer.
type silent struct{ asked int }

func (s *silent) TXT(context.Context, string) ([]string, error) {
	s.asked++
	return nil, errs.New(errs.Unavailable, "no answer")
}

func (s *silent) IP(context.Context, string) ([]netip.Addr, error) {
	return nil, errs.New(errs.Unavailable, "no answer")
}

func (s *silent) MX(context.Context, string) ([]string, error) {
	return nil, errs.New(errs.Unavailable, "no answer")
}

func TestSilenceIsNoVerdict(t *testing.T) {
	c := newCountry(t)
	ck := Checker{Resolver: &silent{}}
	r := ck.Check(context.Background(), []byte(c.sign(t, letter, "bank.example", all...)), Envelope{Peer: netip.MustParseAddr("192.0.2.5"), From: "a@bank.example"})
	if r.Trust != Claimed || !r.Has(Temporary) {
		t.Fatalf("%s because %v", r.Trust, r.Reasons)
	}
}

func TestAnswersAreRememberedBriefly(t *testing.T) {
	now := clock.NewFake(arrived)
	zone := Zone{Texts: map[string][]string{"a.example": {"x"}}}
	c := NewCached(zone, now, time.Minute)
	ctx := context.Background()
	_, _ = c.TXT(ctx, "A.example")
	_, _ = c.TXT(ctx, "b.example")
	zone.Texts["a.example"][0] = "y"
	zone.Texts["b.example"] = []string{"new"}
	if got, err := c.TXT(ctx, "b.example"); !errs.Is(err, errs.NotFound) || got != nil {
		t.Fatal("that there was none was forgotten")
	}
	now.Advance(time.Minute)
	if got, _ := c.TXT(ctx, "b.example"); !slices.Equal(got, []string{"new"}) {
		t.Fatalf("got %v", got)
	}
	s := &silent{}
	c = NewCached(s, now, time.Minute)
	_, _ = c.TXT(ctx, "a.example")
	_, _ = c.TXT(ctx, "a.example")
	if s.asked != 2 {
		t.Fatal("a temporary error was kept")
	}
}

// TestSPF runs records by the sections of RFC 7208.
func TestSPF(t *testing.T) {
	ip := func(s ...string) (l []netip.Addr) {
		for _, x := range s {
			l = append(l, netip.MustParseAddr(x))
		}
		return l
	}
	z := Zone{
		Texts: map[string][]string{
			"pass.example": {"v=spf1 +all"}, "fail.example": {"v=spf1 -all"}, "loop.example": {"v=spf1 include:loop.example -all"},
			"two.example": {"v=spf1 -all", "v=spf1 +all"}, "none.example": {"hello"},
		},
		Addresses: map[string][]netip.Addr{
			"a.example": ip("192.0.2.1", "2001:db8::1"), "mx1.example": ip("192.0.2.7"), "ana.mail.example": ip("127.0.0.2"),
			"1.2.0.192.rbl.example": ip("127.0.0.2"),
		},
		Hosts: map[string][]string{"m.example": {"mx1.example."}},
	}
	for i := range 12 {
		z.Texts[fmt.Sprintf("c%d.example", i)] = []string{fmt.Sprintf("v=spf1 include:c%d.example ?all", i+1)}
		z.Hosts["many.example"] = append(z.Hosts["many.example"], "mx1.example")
	}
	for record, want := range map[string]Outcome{
		"v=spf1 -all": Fail, "v=spf1 ~all": SoftFail, "v=spf1 ?all": Neutral, "v=spf1": Neutral, "V=SPF1 +ALL": Pass, "v=spf10 +all": NoSPF,
		"v=spf1 ip4:192.0.2.1 -all": Pass, "v=spf1 ip4:192.0.2.0/24 -all": Pass, "v=spf1 ip4:192.0.2.2 -all": Fail, "v=spf1 ip6:2001:db8::/32 -all": Fail,
		"v=spf1 a:a.example -all": Pass, "v=spf1 a:a.example/24//64 -all": Pass, "v=spf1 mx:m.example -all": Fail, "v=spf1 mx:m.example/24 -all": Pass,
		"v=spf1 include:pass.example -all": Pass, "v=spf1 include:fail.example ~all": SoftFail, "v=spf1 include:none.example +all": PermError,
		"v=spf1 redirect=pass.example": Pass, "v=spf1 redirect=none.example": PermError, "v=spf1 redirect=pass.example -all": Fail,
		"v=spf1 redirect=a.example redirect=b.example": PermError,
		"v=spf1 exists:%{l}.mail.example -all":         Pass, "v=spf1 exists:%{ir}.rbl.example -all": Pass, "v=spf1 exists:%{l1r-}.nope.example -all": Fail,
		"v=spf1 exists:%{z}.example -all": PermError, "v=spf1 exists:%{} -all": PermError, "v=spf1 exists:% -all": PermError,
		"v=spf1 include:loop.example -all": PermError, "v=spf1 include:c0.example -all": PermError, "v=spf1 include:two.example -all": PermError,
		"v=spf1 mx:many.example -all": PermError, "v=spf1 ip4:999.1.1.1 +all": PermError, "v=spf1 +all ip4:x": PermError, "v=spf1 a:/ +all": PermError,
		"v=spf1 a:n1.example a:n2.example a:n3.example +all": PermError, "v=spf1 foo:bar +all": PermError, "v=spf1 x-unknown=1 +all": Pass, "v=spf1 ptr -all": Fail,
		"v=spf1 a/33 +all": PermError, "v=spf1 all:x": PermError, "v=spf1 + -all": PermError,
	} {
		z.Texts["test.example"] = []string{record}
		ck := Checker{Resolver: z}
		if got := ck.spf(context.Background(), Envelope{Peer: netip.MustParseAddr("::ffff:192.0.2.1"), From: "ana@test.example"}); got.Outcome != want {
			t.Errorf("%q gave %s, not %s", record, got.Outcome, want)
		}
	}
}

func FuzzSPF(f *testing.F) {
	f.Add("v=spf1 exists:%{l1r-+}.%{D2}.%{ir}.x a:/24//64 mx/0 include:test.example redirect=%{h}", "a+b@test.example")
	f.Fuzz(func(_ *testing.T, record, from string) {
		ck := Checker{Resolver: Zone{Texts: map[string][]string{"test.example": {record}}}}
		ck.spf(context.Background(), Envelope{Peer: netip.MustParseAddr("2001:db8::1"), From: from, Helo: "h.example"})
		ck.spf(context.Background(), Envelope{Peer: netip.MustParseAddr("192.0.2.1"), From: "x@test.example"})
	})
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("DKIM-Signature: v=1; a=ed25519-sha256; d=test.example; s=s; h=from:subject; bh=x; b=y; l=1\r\nDKIM-Signature: v=1\r\nAuthentication-Results: x; dmarc=pass\r\n" + letter))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ck := Checker{Resolver: Zone{Texts: map[string][]string{"s._domainkey.test.example": {"v=DKIM1; p=MIGf"}}}, ServID: "x"}
		if r := ck.Check(context.Background(), raw, Envelope{}); r.Method == ByDKIM {
			t.Fatal("a signature without a key holds")
		}
	})
}
