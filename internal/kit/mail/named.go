package mail

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/netaddr"
)

// mostRead is how many bytes of a text Named reads.
const mostRead = 64 << 10

// Named gives the addresses, networks, domains, URLs and mail addresses that a text names, in their order and each once, however they are written: defanged,
// in brackets, in front of a colon, behind what a gateway puts around a link. More tells that there were more than most, or more text than 64 KiB. What is not
// on the network of all is none. Of a URL what follows the path is left out, and a path with a mail address in it: those name somebody else.
func Named(text string, most int) (list []string, more bool) {
	if len(text) > mostRead {
		text, more = strings.ToValidUTF8(text[:mostRead], ""), true
	}
	seen := map[string]bool{}
	for word := range strings.FieldsFuncSeq(refang.Replace(text), parts) {
		for _, s := range named(word, 0) {
			switch {
			case seen[s]:
			case len(list) == most:
				return list, true
			default:
				seen[s] = true
				list = append(list, s)
			}
		}
	}
	return list, more
}

// parts is what stands between words.
func parts(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"'`|«»“”„‘’", r)
}

// deepest is how many wrappings of a link are taken off.
const deepest = 3

func named(word string, depth int) []string {
	if scheme, rest, ok := strings.Cut(word, "://"); ok {
		begins := strings.LastIndexFunc(scheme, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) })
		scheme = strings.ToLower(scheme[begins+1:])
		if inner, ok := Unwrapped(rest); ok && depth < deepest {
			return named(inner, depth+1)
		}
		if s := link(map[string]string{"hxxp": "http", "hxxps": "https", "http": "http", "https": "https"}[scheme], rest); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for s := range strings.FieldsFuncSeq(word, func(r rune) bool { return strings.ContainsRune(",;=()", r) }) {
		if s = thing(bare(s)); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// bare is a word without what stands around it; an address in brackets with its port keeps them.
func bare(s string) string {
	s = strings.TrimRight(strings.Trim(s, "{}*_!?"), ".:")
	if strings.Contains(s, "]:") {
		return s
	}
	return strings.TrimRight(strings.Trim(s, "[]"), ".:")
}

// thing is one word in its normal form, "" when it names nothing of the kind.
func thing(s string) string {
	if len(s) < 3 || len(s) > 1000 || !utf8.ValidString(s) {
		return ""
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return global(a, a.Unmap().String())
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return global(a.Addr(), netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String())
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Addr().Is4() && p.Bits() < 16 || p.Addr().Is6() && p.Bits() < 24 {
			return ""
		}
		return global(p.Addr(), p.Masked().String())
	}
	s = strings.TrimPrefix(s, "mailto:")
	if who, host, ok := strings.Cut(s, "@"); ok {
		if host = strings.ToLower(host); who == "" || strings.Contains(host, "@") || !hostname(host) {
			return ""
		}
		return who + "@" + host
	}
	if strings.Contains(s, "/") {
		return link("http", s)
	}
	host, port, _ := strings.Cut(strings.ToLower(s), ":")
	if !hostname(host) || strings.Trim(port, "0123456789") != "" || file(host) {
		return ""
	}
	return host
}

func global(a netip.Addr, s string) string {
	if !netaddr.Global(a) {
		return ""
	}
	return s
}

// link is a URL without its user, its query and its fragment; "" when no name server could know its host.
func link(scheme, rest string) string {
	rest = strings.TrimRight(rest, ".,;:!?)]}*_")
	u, err := url.Parse(scheme + "://" + rest)
	if scheme == "" || err != nil || u.Opaque != "" {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if a, err := netip.ParseAddr(host); err == nil {
		if !netaddr.Global(a) {
			return ""
		}
	} else if !hostname(host) {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment, u.Host = nil, "", false, "", "", strings.ToLower(u.Host)
	if strings.Contains(u.Path, "@") {
		u.Path, u.RawPath = "/", ""
	}
	if s := u.String(); len(s) <= 1000 {
		return s
	}
	return ""
}

// hostname tells whether a name could be one of the network of all.
func hostname(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	if len(s) > 253 || !strings.Contains(s, ".") || len(last) < 2 || strings.IndexFunc(last, unicode.IsLetter) < 0 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
		}) {
			return false
		}
	}
	return true
}

// Under tells whether a host is one of some domains or lies in one. An empty domain holds nothing.
func Under(host string, domains ...string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return d != "" && (host == d || strings.HasSuffix(host, "."+d)) })
}

// file tells of a word that ends like the name of a file and like no domain.
func file(s string) bool {
	return slices.Contains([]string{"txt", "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "csv", "json", "xml", "log", "eml", "msg", "exe", "dll", "js", "php", "asp", "aspx", "html", "htm", "png", "jpg", "jpeg", "gif", "svg", "ics", "pcap", "vbs", "ps1", "bat", "lnk", "iso", "img", "rar", "7z", "gz"}, s[strings.LastIndexByte(s, '.')+1:])
}

// Unwrapped takes off what a mail gateway puts around a link, given without its scheme.
func Unwrapped(link string) (string, bool) {
	host, rest, _ := strings.Cut(link, "/")
	switch host = strings.ToLower(host); {
	case strings.HasSuffix(host, "safelinks.protection.outlook.com"):
		_, query, _ := strings.Cut(rest, "?")
		for pair := range strings.SplitSeq(query, "&") {
			if v, ok := strings.CutPrefix(pair, "url="); ok {
				inner, err := url.QueryUnescape(v)
				return inner, err == nil && strings.Contains(inner, "://")
			}
		}
	case host == "urldefense.com" && strings.HasPrefix(rest, "v3/__"):
		inner, _, ok := strings.Cut(rest[len("v3/__"):], "__;")
		return inner, ok && strings.Contains(inner, "://")
	}
	return "", false
}
