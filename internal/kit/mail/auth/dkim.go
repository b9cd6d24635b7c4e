package auth

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

const maxSignatures = 5

// Signature is one DKIM signature.
type Signature struct {
	Domain    string // d=, lower case
	Selector  string
	OK        bool // it holds over the bytes
	Temporary bool // the key could not be fetched now
	Length    bool // it has l=, so text could be put behind it: never OK
	Weak      bool // RSA key under 2,048 bits
	Covers    bool // From, Subject, Date and To are signed, each field of them that there is
	Bits      int  // of the RSA key, 0 for another kind or unknown
	Signed    time.Time
}

// mostUnfolding is how many bytes the library may copy to put the lines of the fields together: each line costs what the field has so far, so that
// one field of very many lines would take hours. A letter to five thousand readers stays below.
const mostUnfolding = 512 << 20

// unfolding gives what the library would copy.
func unfolding(raw []byte) (cost int) {
	field := 0
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		raw = rest
		switch line = bytes.TrimSuffix(line, []byte("\r")); {
		case len(line) == 0:
			return cost
		case line[0] == ' ' || line[0] == '\t':
			field += len(line) + 2
			cost += field
		default:
			field = len(line) + 2
		}
		if cost > mostUnfolding {
			return cost
		}
	}
	return cost
}

// dkim verifies the first five signatures.
func (c *Checker) dkim(ctx context.Context, m *mail.Message, r *Result) []Signature {
	fields := m.Header().All("DKIM-Signature")
	if len(fields) == 0 {
		return nil
	}
	if len(fields) > maxSignatures {
		r.because(DKIMTooMany)
		fields = fields[:maxSignatures]
	}
	var mu sync.Mutex
	keys := map[string][]string{}
	look := func(name string) ([]string, error) {
		txt, err := c.Resolver.TXT(ctx, name)
		if err != nil {
			return nil, &net.DNSError{Err: "no answer", Name: "key", IsNotFound: errs.Is(err, errs.NotFound), IsTemporary: !errs.Is(err, errs.NotFound)}
		}
		mu.Lock()
		keys[strings.ToLower(name)] = txt
		mu.Unlock()
		return txt, nil
	}
	var verified []*dkim.Verification
	if unfolding(m.Raw) <= mostUnfolding {
		var err error
		verified, err = dkim.VerifyWithOptions(bytes.NewReader(m.Raw), &dkim.VerifyOptions{LookupTXT: look, MaxVerifications: maxSignatures})
		if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
			verified = nil
		}
	}
	var list []Signature
	for i, f := range fields {
		tags := tagList(f.Raw)
		s := Signature{Domain: strings.ToLower(tags["d"]), Selector: tags["s"]}
		_, s.Length = tags["l"]
		s.Covers = covers(m, tags["h"])
		// The library reads the header by itself: a result counts only for the signature that we see at its place.
		if i < len(verified) && len(verified) == len(fields) && strings.EqualFold(verified[i].Domain, s.Domain) {
			v := verified[i]
			s.OK = v.Err == nil && !s.Length && s.Domain != ""
			s.Temporary = dkim.IsTempFail(v.Err)
			s.Signed = v.Time
		}
		if txt := keys[strings.ToLower(s.Selector+"._domainkey."+s.Domain)]; len(txt) == 1 {
			s.Bits = rsaBits(txt[0])
			s.Weak = s.Bits > 0 && s.Bits < 2048
		}
		list = append(list, s)
	}
	return list
}

// covers tells whether the signature names every From, Subject, Date and To that the message has. It signs from the last field upward, so a
// field that stands twice must be named twice.
func covers(m *mail.Message, h string) bool {
	named := map[string]int{}
	for n := range strings.SplitSeq(h, ":") {
		named[strings.ToLower(strings.TrimSpace(n))]++
	}
	return !slices.ContainsFunc([]string{"from", "subject", "date", "to"}, func(n string) bool {
		have := len(m.Header().All(n))
		return have > 1 || named[n] < have || n == "from" && have == 0
	})
}

// tagList reads "a=1; b=2" without blanks. The first of two equal tags counts; the library refuses such a list anyway.
func tagList(s string) map[string]string {
	tags := map[string]string{}
	for t := range strings.SplitSeq(s, ";") {
		k, v, ok := strings.Cut(t, "=")
		k = strings.TrimSpace(k)
		if _, twice := tags[k]; ok && !twice {
			tags[k] = strings.Join(strings.Fields(v), "")
		}
	}
	return tags
}

func rsaBits(record string) int {
	tags := tagList(record)
	if k := tags["k"]; k != "" && k != "rsa" {
		return 0
	}
	der, err := base64.StdEncoding.DecodeString(tags["p"])
	if err != nil {
		return 0
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		if k, ok := key.(*rsa.PublicKey); ok {
			return k.N.BitLen()
		}
		return 0
	}
	if k, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return k.N.BitLen()
	}
	return 0
}
