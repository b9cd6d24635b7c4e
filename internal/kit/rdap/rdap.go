// Package rdap asks registries whose an address, a number of a network or a domain is (RDAP: RFC 9082 for questions, RFC 9083 for answers, RFC 9224 for which
// registry to ask). It asks when it is called and never by itself; whether one may ask is decided by who calls. It has no way to a host of its own: it is
// given one. Its answers are strangers' text.
package rdap

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/tocsin-csirt/tocsin/internal/kit/netaddr"
)

// Fetcher reads what stands at an address, at most so many bytes and one, and tells to where an answer leads without going there (kit/fetch).
type Fetcher interface {
	Ask(ctx context.Context, address, accept string, most int) (status int, body []byte, next string, err error)
}

// Kind is what is asked about.
type Kind string

// The kinds, as they stand in the path of a question (RFC 9082 section 3.1).
const (
	Address Kind = "ip"
	Number  Kind = "autnum"
	Domain  Kind = "domain"
)

// The refusals.
var (
	ErrQuestion = errors.New("this is no public address, number or domain")
	ErrNobody   = errors.New("no registry is known to answer for this")
	ErrUnknown  = errors.New("the registry does not know this")
	ErrBusy     = errors.New("the registry takes no more questions for now")
	ErrSilent   = errors.New("the registry did not answer")
	ErrUnread   = errors.New("the answer of the registry could not be read")
)

const (
	mediaType   = "application/rdap+json"
	accept      = mediaType + ", application/json;q=0.5"
	mostList    = 2 << 20
	listFor     = 24 * time.Hour
	listAgain   = 10 * time.Minute
	mostSteps   = 3 // answers that lead elsewhere, one after the other
	mostParents = 2 // domains above the one asked for
)

// Root is where the lists of registries stand.
const Root = "https://data.iana.org/rdap/"

// Question is what is asked.
type Question struct {
	Kind  Kind
	Value string // "192.0.2.1", "64500", "example.org"
}

// About reads a question from an address, a number ("AS64500") or a domain in ASCII.
func About(s string) (Question, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		if !netaddr.Global(a) {
			return Question{}, ErrQuestion
		}
		return Question{Address, a.String()}, nil
	}
	if rest, ok := strings.CutPrefix(s, "as"); ok {
		if n, err := strconv.ParseUint(rest, 10, 32); err == nil && n > 0 {
			return Question{Number, strconv.FormatUint(n, 10)}, nil
		}
	}
	s = strings.TrimSuffix(s, ".")
	if !hostname(s) {
		return Question{}, ErrQuestion
	}
	if last := s[strings.LastIndexByte(s, '.')+1:]; last[0] >= '0' && last[0] <= '9' {
		return Question{}, ErrQuestion
	}
	return Question{Domain, s}, nil
}

// Client asks. The lists of registries are kept in memory for a day.
type Client struct {
	Fetch Fetcher
	Root  string           // of the lists; Root when ""
	Now   func() time.Time // time.Now when nil

	mu    sync.Mutex
	lists map[string]*list
}

// Look asks the registry that answers for it. A domain is asked for as it was registered, and when the registrar alone knows who takes complaints the
// registrar is asked too. The errors are those of this package.
func (c *Client) Look(ctx context.Context, q Question) (Answer, error) {
	if q.Kind != Domain {
		return c.one(ctx, q)
	}
	name := q.Value
	if org, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		name = org
	}
	for range mostParents + 1 {
		a, err := c.one(ctx, Question{Domain, name})
		if err == nil {
			return c.registrar(ctx, a), nil
		}
		_, above, _ := strings.Cut(name, ".")
		if !errors.Is(err, ErrUnknown) || !strings.Contains(above, ".") {
			return Answer{}, err
		}
		name = above
	}
	return Answer{}, ErrUnknown
}

// registrar adds who takes complaints when the registry named nobody. That the registrar is silent takes nothing away.
func (c *Client) registrar(ctx context.Context, a Answer) Answer {
	if len(a.Abuse()) > 0 || a.related == "" {
		return a
	}
	more, err := c.get(ctx, a.related)
	if err != nil || more.Kind != Domain || more.Name != a.Name {
		return a
	}
	for _, e := range more.Entities {
		if len(a.Entities) < 2*mostEntities {
			a.Entities = append(a.Entities, e)
		}
	}
	return a
}

func (c *Client) one(ctx context.Context, q Question) (Answer, error) {
	bases, err := c.bases(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	err = ErrNobody
	for _, base := range bases[:min(len(bases), 2)] { // another base is the same registry on another host
		var a Answer
		if a, err = c.get(ctx, base+string(q.Kind)+"/"+url.PathEscape(q.Value)); err == nil {
			if !a.covers(q) {
				return Answer{}, ErrUnread
			}
			return a, nil
		}
		if !errors.Is(err, ErrSilent) {
			return Answer{}, err
		}
	}
	return Answer{}, err
}

// covers tells whether it is about what was asked: a registry that answers about something else is not believed.
func (a Answer) covers(q Question) bool {
	if a.Kind != q.Kind {
		return false
	}
	switch q.Kind {
	case Address:
		ip, err := netip.ParseAddr(q.Value)
		return err == nil && ip.BitLen() == a.First.BitLen() && !ip.Less(a.First) && !a.Last.Less(ip)
	case Number:
		n, err := strconv.ParseUint(q.Value, 10, 32)
		return err == nil && uint32(n) >= a.FirstNumber && uint32(n) <= a.LastNumber
	}
	return a.Name == q.Value
}

// get reads one answer, and goes where it leads a few times: a registry that gave a network away leads to who has it now.
func (c *Client) get(ctx context.Context, address string) (Answer, error) {
	for range mostSteps + 1 {
		to, err := url.Parse(address)
		if err != nil || to.Scheme != "https" {
			return Answer{}, ErrSilent
		}
		status, body, next, err := c.Fetch.Ask(ctx, address, accept, MostAnswer)
		switch {
		case err != nil:
			return Answer{}, ErrSilent
		case next != "":
			address = next
			continue
		case status == 404:
			return Answer{}, ErrUnknown
		case status == 429:
			return Answer{}, ErrBusy
		case status != 200:
			return Answer{}, ErrSilent
		}
		a, err := Read(body)
		a.Registry = to.Hostname()
		return a, err
	}
	return Answer{}, ErrSilent
}
