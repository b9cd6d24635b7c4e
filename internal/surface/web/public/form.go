package public

import (
	"bytes"
	"errors"
	"io"
	"math"
	"mime"
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

const (
	mostFields = 4 << 20
	mostParts  = 1000
	// maxForm is how much of a form is read: far more than is taken, so that who chose too large a file gets the form back with its answers and
	// not a broken connection.
	maxForm = 256 << 20
	// mostRoom is how many bytes of files all forms together hold in memory.
	mostRoom = 256 << 20
)

// lanes are the rates of the site, in the memory of this process (rule L4). A person never meets them; a script does.
type lanes struct {
	network *rate.Limiter // forms from one network
	all     *rate.Limiter // forms of the world
	codes   *rate.Limiter // forms of one code that opens something
	parts   *rate.Limiter // parts of large files, from one network
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

// form is what was sent. Its files are in memory: they go to disk sealed or not at all.
type form struct {
	values url.Values
	files  []correspondence.FileIn
	large  bool // the files were larger than a form takes: none is here
	busy   bool // there was no room for them now: none is here
	taken  int64
	lanes  *lanes
}

func (f *form) get(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// close gives the room of the files back.
func (f *form) close() { f.lanes.room.Add(-f.taken) }

// drop forgets the files that came; the rest of the form is read on.
func (f *form) drop() {
	f.close()
	f.files, f.taken = nil, 0
}

// read takes a form apart. What is too large is read to its end and told beside the field; only a body that is no form is an error.
func (x *Public) read(v *page.Visit, withFiles bool) (*form, error) {
	f := &form{values: url.Values{}, lanes: x.lanes()}
	kind, _, err := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		v.R.Body = http.MaxBytesReader(v.W, v.R.Body, mostFields)
		if err := v.R.ParseForm(); err != nil {
			return f, unread(err)
		}
		f.values = v.R.PostForm
		return f, nil
	}
	m, err := v.R.MultipartReader()
	if err != nil {
		return f, unread(err)
	}
	fields := int64(mostFields)
	for range mostParts {
		p, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			f.drop()
			return f, unread(err)
		}
		if p.FileName() != "" || p.Header.Get("Content-Type") != "" {
			if err := f.file(p.FileName(), p.Header.Get("Content-Type"), p, withFiles); err != nil {
				f.drop()
				return f, unread(err)
			}
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(p, fields+1))
		if err != nil {
			f.drop()
			return f, unread(err)
		}
		if fields -= int64(len(raw)); fields < 0 {
			f.drop()
			return f, &errs.Error{Kind: errs.Limit, Key: "error.form_large", Text: "the answers are larger than 4 MiB"}
		}
		f.values.Add(p.FormName(), string(raw))
	}
	f.drop()
	return f, unread(nil)
}

func unread(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return &errs.Error{Kind: errs.Limit, Key: "error.upload_limit", Text: "the files are larger than 25 MiB together"}
	}
	return errs.New(errs.Invalid, "the form could not be read: send it again")
}

// file reads one file, as far as a form takes it and there is room.
func (f *form) file(name, kind string, r io.Reader, wanted bool) error {
	var b bytes.Buffer
	part := make([]byte, 64<<10)
	for {
		n, err := r.Read(part)
		if n > 0 && wanted && !f.large && !f.busy {
			f.taken += int64(n)
			now := f.lanes.room.Add(int64(n))
			switch {
			case f.taken > intake.MaxFileBytes:
				f.large = true
			case now > mostRoom:
				f.busy = true
			default:
				b.Write(part[:n])
			}
			if f.large || f.busy {
				f.drop()
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if wanted && !f.large && !f.busy && (name != "" || b.Len() > 0) {
		f.files = append(f.files, correspondence.FileIn{Name: name, Type: kind, Content: bytes.NewReader(b.Bytes())})
	}
	return nil
}

// sizes tells how large files are; they are in memory.
func sizes(files []correspondence.FileIn) (each []int64, total int64) {
	for _, f := range files {
		n, _ := f.Content.Seek(0, io.SeekEnd)
		_, _ = f.Content.Seek(0, io.SeekStart)
		each = append(each, n)
		total += n
	}
	return each, total
}
