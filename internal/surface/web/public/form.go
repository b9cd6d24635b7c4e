package public

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/rate"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// mostRoom is how many bytes of files all forms together hold in memory.
const mostRoom = 256 << 20

// lanes are the rates of the site, in the memory of this process (rule L4). A person never meets them; a script does.
type lanes struct {
	network *rate.Limiter // forms from one network
	all     *rate.Limiter // forms of the world
	codes   *rate.Limiter // forms of one code that opens something
	parts   *rate.Limiter // parts of files, from one network
	wrong   *rate.Limiter // codes that open nothing, from one network
	room    atomic.Int64
}

func (x *Public) lanes() *lanes {
	x.once.Do(func() {
		x.rates = &lanes{
			network: rate.New(rate.Rate{Burst: 30, Every: 20 * time.Second}, x.Clock),
			all:     rate.New(rate.Rate{Burst: 1000, Every: 200 * time.Millisecond}, x.Clock),
			codes:   rate.New(rate.Rate{Burst: 60, Every: 5 * time.Second}, x.Clock),
			parts:   rate.New(rate.Rate{Burst: 500, Every: 200 * time.Millisecond}, x.Clock),
			wrong:   rate.New(rate.Rate{Burst: 20, Every: 20 * time.Second}, x.Clock),
		}
	})
	return x.rates
}

// network names who connects. This machine itself is not limited: it is the demo, a test, or a proxy that does not say for whom it asks.
func network(r *http.Request) (string, bool) {
	a := rate.Peer(r)
	return rate.Network(a), a.IsLoopback()
}

// may tells whether a form is taken now; if not, how long to wait.
func (x *Public) may(r *http.Request) (wait time.Duration, ok bool) {
	name, own := network(r)
	if own || x.In != nil {
		return 0, true
	}
	if wait, ok := x.lanes().network.Take(name); !ok {
		return wait, false
	}
	return x.lanes().all.Take("")
}

// mayPart tells whether a part of a file is taken now, from this network.
func (x *Public) mayPart(r *http.Request) (wait time.Duration, ok bool) {
	name, own := network(r)
	if own || x.In != nil {
		return 0, true
	}
	return x.lanes().parts.Take(name)
}

// guessed counts a code that opened nothing, and refuses who tried many. A code that opens is never refused: else a neighbour who guesses would
// keep reporters from their own pages (rule I3).
func (x *Public) guessed(v *page.Visit) error {
	name, own := network(v.R)
	if own {
		return nil
	}
	if wait, ok := x.lanes().wrong.Take(name); !ok {
		return x.tooMany(v, "public.limit.codes", wait)
	}
	return nil
}

func (x *Public) tooMany(v *page.Visit, key string, wait time.Duration) *errs.Error {
	v.W.Header().Set("Retry-After", rate.Seconds(wait))
	return &errs.Error{Kind: errs.Limit, Text: v.P.T(key, "minutes", minutes(wait), "phone", orDash(x.Site.Phone))}
}

func minutes(d time.Duration) int { return max(1, int(math.Ceil(d.Minutes()))) }

// form is what was sent. Its files are on disk, sealed, under the code of the form; those of a form that takes few bytes are in memory.
type form struct {
	v      *page.Visit
	values url.Values
	came   []intake.Upload         // kept under the code, each whole
	files  []correspondence.FileIn // in memory
	left   leftOut
	cut    bool // the body is larger than is read: what stands after the first file is not here
	taken  int64
	lanes  *lanes
}

func (f *form) get(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// reserve takes room in memory, until the form is closed.
func (f *form) reserve(n int64) bool {
	if f.lanes.room.Add(n) > mostRoom {
		f.lanes.room.Add(-n)
		return false
	}
	f.taken += n
	return true
}

// close gives the room of the files back. Who is still sending what is not read hears the answer before the line ends.
func (f *form) close() {
	f.drop()
	if f.cut {
		page.Linger(f.v)
	}
}

func (f *form) drop() {
	f.lanes.room.Add(-f.taken)
	f.files, f.taken = nil, 0
}

// taker takes the files of a form, in the order in which they come. It gives an error only when the form cannot be gone on with.
type taker func(f *form, r *page.FormFile) error

// read takes a form apart; files may be nil. What cannot be taken is read to its end and told beside the field; only a body that is no form is an error.
func (x *Public) read(v *page.Visit, files taker) (*form, error) {
	f := &form{v: v, values: url.Values{}, lanes: x.lanes()}
	var take func(url.Values, *page.FormFile) error
	if files != nil {
		take = func(before url.Values, r *page.FormFile) error {
			f.values = before
			return files(f, r)
		}
	}
	var err error
	f.values, f.cut, err = page.ReadForm(v, take)
	f.left.large = f.left.large || f.cut
	if err != nil {
		f.drop()
	}
	return f, err
}
