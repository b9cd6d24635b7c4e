package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Why says what two reports have in common; stored, the strongest first.
type Why int

// What reports are alike by.
const (
	SameText Why = iota + 1 // letter by letter, but for case, blanks and punctuation
	SameFile                // an attachment with the same bytes
	NearText                // four fifths of its runs of three words, or about that
	SameLink                // a link to the same place, but for what follows its path
)

// Key gives the words for it in the catalogue, after "desk.similar." and "desk.fold.".
func (w Why) Key() string {
	return [...]string{"", "same_text", "same_file", "near_text", "same_link"}[w]
}

// trait is one thing by which a report is found to be like another. Its token is keyed: nothing readable stands in the table (rule K4).
type trait struct {
	why   Why
	token int64
}

const (
	shingleMin = 20       // runs of three words that a text needs for its likeness to say anything
	bins       = 20       // least hashes that are kept of a text,
	bandRows   = 5        // and how many of them must agree: at 9 of 10 runs alike 97 of 100 are found, at 5 of 10 one in eight, at 3 of 10 one in a hundred
	maxLinks   = 6        // of a report
	maxSums    = 6        // files of a report
	traitText  = 16 << 10 // bytes of a text that are compared

	periodBits = 48
	period     = 30 * 24 * time.Hour
)

// periodOf numbers the month of a moment. A trait is known in its own and the next one.
func periodOf(at time.Time) int64 { return at.Unix() / int64(period/time.Second) }

// around appends what a trait is known by in a month and in those beside it.
func (t trait) around(tokens []int64, month int64) []int64 {
	return append(tokens, (month-1)<<periodBits|t.token, month<<periodBits|t.token, (month+1)<<periodBits|t.token)
}

// traitsOf gives what a report is compared by, without a month. Words is the keyed hash of its text as a whole, nil for a text that says nothing.
func (s *Service) traitsOf(b Body, words []byte, files []correspondence.File) []trait {
	text := b.Summary + "\n" + b.Description
	if len(text) > traitText {
		text = strings.ToValidUTF8(text[:traitText], "")
	}
	links := linksIn(text)
	for _, o := range b.Observables {
		if o.Type == "url" {
			links = append(links, linksIn(o.Value)...)
		}
	}
	return likeness(s.Ring.Derive("intake trait/v1"), text, words, s.Telling(links, b.Email), files)
}

// likeness makes the traits of what was read under a key. Links are those that tell something.
func likeness(key []byte, text string, words []byte, links []string, files []correspondence.File) []trait {
	m := hmac.New(sha256.New, key)
	var out []trait
	add := func(why Why, place byte, value []byte) {
		t := trait{why, token(m, why, place, value)}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	if words != nil {
		add(SameText, 0, words)
	}
	sums := 0
	for _, f := range files {
		if sums < maxSums && telling(f) {
			sums++
			add(SameFile, 0, []byte(f.SHA256))
		}
	}
	if least, ok := sketch(text); ok {
		var band [8 * bandRows]byte
		for i := 0; i < bins; i += bandRows {
			for j := range bandRows {
				binary.BigEndian.PutUint64(band[8*j:], least[i+j])
			}
			add(NearText, byte(i), band[:])
		}
	}
	for _, l := range links[:min(len(links), maxLinks)] {
		add(SameLink, 0, []byte(l))
	}
	return out
}

// Trait is one thing by which a text is found to be like another, for a duty that folds what is no report: a keyed hash of 48 bits.
type Trait struct {
	Why   Why
	Token int64
}

// Likeness reads a text as that of a report is read, under a key of its own. Links are places as LinksIn gives them, without those that stand under every
// mail (Telling).
func Likeness(key []byte, subject, text string, links []string, files []correspondence.File) []Trait {
	all := subject + "\n" + text
	if len(all) > traitText {
		all = strings.ToValidUTF8(all[:traitText], "")
	}
	var words []byte
	if n := normal(subject, text); n != "" {
		words = []byte(n)
	}
	traits := likeness(key, all, words, links, files)
	out := make([]Trait, len(traits))
	for i, t := range traits {
		out[i] = Trait{t.why, t.token}
	}
	return out
}

// LinksIn gives the places that a text links to, as host and path, at most some 24, however they are written and whoever looked at them on the way.
func LinksIn(text string) []string { return linksIn(text) }

// Telling leaves out links that stand under mails whatever they are about: to the house of the sender and to ours.
func (s *Service) Telling(links []string, sender string) []string {
	_, own, _ := strings.Cut(strings.ToLower(sender), "@")
	var out []string
	for _, l := range links {
		if !s.everyday(l, own) && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

func token(m hash.Hash, why Why, place byte, value []byte) int64 {
	m.Reset()
	m.Write([]byte{byte(why), place})
	m.Write(value)
	var sum [sha256.Size]byte
	return int64(binary.BigEndian.Uint64(m.Sum(sum[:0])) >> (64 - periodBits)) //nolint:gosec // 48 bits
}

// telling leaves out what mails carry whatever they are about: logos, signatures, keys, cards.
func telling(f correspondence.File) bool {
	switch t := strings.ToLower(f.Type); {
	case f.SHA256 == "" || f.Size < 64:
		return false
	case strings.HasPrefix(t, "image/"):
		return f.Size >= 32<<10
	case strings.Contains(t, "signature"), strings.Contains(t, "pkcs7"), strings.Contains(t, "pgp-keys"), strings.Contains(t, "calendar"), strings.Contains(t, "vcard"), t == "message/delivery-status", t == "message/feedback-report":
		return false
	}
	return true
}

// sketch gives the least hash of the runs of three words in each of some bins: texts that share most runs share most of them. Numbers count as
// one word and links as none, since they differ in each copy. It is false for a text of few words.
func sketch(text string) (least [bins]uint64, ok bool) {
	const basis, prime = 14695981039346656037, 1099511628211
	for i := range least {
		least[i] = ^uint64(0)
	}
	var run [3]uint64
	words, runs := 0, 0
	word, inside, number, skip := uint64(basis), false, true, false
	end := func() {
		if !inside {
			return
		}
		if number {
			word = basis
		}
		run[0], run[1], run[2] = run[1], run[2], word
		word, inside, number = basis, false, true
		if words++; words < 3 {
			return
		}
		runs++
		h := mix(run[0] ^ mix(run[1]^mix(run[2])))
		at := h % bins
		least[at] = min(least[at], h)
	}
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case skip:
			skip = r > ' '
		case r == ':' && strings.HasPrefix(text[i:], "://"): // the scheme before it is a word like any
			skip = true
			end()
		case r < utf8.RuneSelf && 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
			fallthrough
		case r < utf8.RuneSelf && 'a' <= r && r <= 'z':
			word, inside, number = (word^uint64(r))*prime, true, false
		case '0' <= r && r <= '9':
			inside = true
		case r >= utf8.RuneSelf && unicode.IsLetter(r):
			word, inside, number = (word^uint64(unicode.ToLower(r)))*prime, true, false
		default:
			end()
		}
		i += size
	}
	end()
	if runs < shingleMin {
		return least, false
	}
	for i := range least { // an empty bin takes what the next one has
		for j := 1; least[i] == ^uint64(0) && j < bins; j++ {
			if l := least[(i+j)%bins]; l != ^uint64(0) && l%bins == uint64((i+j)%bins) {
				least[i] = mix(l+uint64(j))*bins + bins - 1 // never taken for one of its own
			}
		}
	}
	return least, true
}

// mix is the finisher of MurmurHash3.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// linksIn gives the places that a text links to, as host and path, in their order: however they are written, and whoever looked at them on the way.
func linksIn(text string) []string {
	var out []string
	if strings.Contains(text, "[") {
		text = strings.NewReplacer("[.]", ".", "[:]", ":", "[://]", "://").Replace(text)
	}
	for len(out) < 4*maxLinks {
		at := strings.Index(text, "://")
		if at < 0 {
			return out
		}
		scheme := strings.ToLower(text[max(0, at-5):at])
		text = text[at+3:]
		if !strings.HasSuffix(scheme, "http") && !strings.HasSuffix(scheme, "https") && !strings.HasSuffix(scheme, "hxxp") && !strings.HasSuffix(scheme, "hxxps") {
			continue
		}
		end := strings.IndexFunc(text, func(r rune) bool {
			return r <= ' ' || strings.ContainsRune("<>\"'()[]{}|\\^`", r) || unicode.IsSpace(r)
		})
		if end < 0 {
			end = len(text)
		}
		link := text[:end]
		if inner, ok := mail.Unwrapped(link); ok {
			text = inner + " " + text[end:]
			continue
		}
		if l := placeOf(link); l != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
		text = text[end:]
	}
	return out
}

// placeOf gives host and path of a link without its scheme: "" when it has no host that a name server could know.
func placeOf(link string) string {
	link, _, _ = strings.Cut(link, "#")
	link, _, _ = strings.Cut(link, "?")
	host, path, _ := strings.Cut(strings.TrimRight(link, ".,;:!/"), "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	host, _, _ = strings.Cut(host, ":")
	host = strings.Trim(strings.ToLower(host), ".")
	if !strings.Contains(host, ".") || len(host) > 253 || len(path) > 1000 {
		return ""
	}
	return host + "/" + strings.Trim(path, "/")
}

// everyday tells of a link that stands under mails whatever they are about: the sender's own house, ours, and the front pages of the great ones.
func (s *Service) everyday(place, sender string) bool {
	host, path, _ := strings.Cut(place, "/")
	if mail.Under(host, sender) {
		return true
	}
	if u, err := url.Parse(s.Correspondence.Team.URL); err == nil && mail.Under(host, u.Hostname()) {
		return true
	}
	for _, great := range []string{"w3.org", "facebook.com", "linkedin.com", "twitter.com", "x.com", "instagram.com", "youtube.com", "aka.ms"} {
		if mail.Under(host, great) {
			return true
		}
	}
	return path == "" && mail.Under(host, "google.com", "microsoft.com", "apple.com", "outlook.com")
}
