package abuse

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
)

// evidence reads the list of pieces under a name.
func (r *Report) evidence(x *fields, list, kind, description, name, payload, sum string) {
	x.seen[list] = true
	v, there := x.o[list]
	all, ok := v.([]any)
	if there && !ok {
		r.problem(BadField)
	}
	for _, item := range all {
		if len(r.Evidence) >= MaxEvidence {
			r.problem(TooMuch)
			return
		}
		o, ok := item.(map[string]any)
		if !ok {
			r.problem(BadField)
			continue
		}
		e := r.fields(o, nil, "")
		one := Evidence{Type: e.text(kind), Description: e.text(description)}
		if name != "" {
			one.Name = e.text(name)
		}
		text, isText := o[payload].(string)
		encoded, said := o["Base64Encoded"].(bool)
		if _, ok := o["Base64Encoded"]; ok && !said || !isText || one.Type == "" {
			r.problem(BadField)
		}
		one.Content = []byte(text)
		if encoded || !said {
			if b, err := decode64(text); err == nil {
				one.Content = b
			} else {
				r.problem(BadEvidence)
			}
		}
		if h := e.textIf(sum); h != "" && !sameHash(h, one.Content) {
			r.problem(BadHash)
		}
		if isMail(one.Type) && r.Original == nil {
			r.Original = one.Content
		}
		r.Evidence = append(r.Evidence, one)
	}
}

func isMail(kind string) bool { return kind == "message/rfc822" || kind == "text/email" }

func decode64(s string) ([]byte, error) {
	s = strings.TrimRight(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}

// sameHash compares "algorithm:hex" with bytes; an algorithm that is not known says nothing.
func sameHash(said string, content []byte) bool {
	name, want, ok := strings.Cut(said, ":")
	if !ok {
		return true
	}
	var h hash.Hash
	switch strings.ToLower(name) {
	case "sha256":
		h = sha256.New()
	case "sha512":
		h = sha512.New()
	case "sha1":
		h = sha1.New()
	case "md5":
		h = md5.New()
	default:
		return true
	}
	h.Write(content)
	return strings.EqualFold(hex.EncodeToString(h.Sum(nil)), want)
}
