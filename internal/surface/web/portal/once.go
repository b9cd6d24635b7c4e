package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// onceField marks a form: what is sent twice from one form, by the button, a page loaded anew or the way back, takes effect once.
const onceField = "once"

// mark is the hidden field of a form that was just shown.
func mark() page.Hid { return page.Hid{Name: onceField, Value: id.New()} }

// pressed stands in a form that has nothing to type: a request without it is none of ours.
func pressed() page.Hid { return page.Hid{Name: "pressed", Value: "1"} }

func wasPressed(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	if f.get("pressed") == "" {
		return page.ErrFormNotRead
	}
	return nil
}

// once lets a form take effect once. The same words again get the same answer; other words from the same form are another act.
func (d Deps) once(serve func(*page.Visit) error) func(*page.Visit) error {
	return func(v *page.Visit) error {
		f, err := d.take(v)
		if err != nil {
			return err
		}
		defer f.close()
		nonce := f.get(onceField)
		if d.Once == nil || !id.Valid(nonce) {
			return serve(v)
		}
		sum, err := f.sum(v)
		if err != nil {
			return err
		}
		var refused error
		real := v.W
		held := &answer{header: http.Header{}}
		request := once.Request{Actor: "account:" + strconv.FormatInt(v.By.Account, 10), Key: nonce + "." + id.Hex(sum[:8]), Hash: sum}
		if v.R.URL.Path == newReportPath { // one form is one report, whatever its words: see repeat
			request.Key, request.Hash = nonce+".report", [32]byte{}
		}
		act := func(v *page.Visit) error {
			v.W = held
			return serve(v)
		}
		for tries := 0; ; tries++ {
			a, again, err := d.Once.Do(v.Ctx(), request, func(ctx context.Context) once.Answer {
				inner := *v
				inner.R = v.R.WithContext(ctx)
				refused = act(&inner)
				return once.Answer{Status: held.status, Header: map[string]string{"Location": held.header.Get("Location"), "Sum": id.Hex(sum[:])}}
			})
			switch {
			case errs.Is(err, errs.Conflict) && err == once.ErrTaken && tries < 20: //nolint:errorlint // the one value of the package
				select { // the first press is still at work
				case <-v.Ctx().Done():
					return v.Ctx().Err()
				case <-time.After(150 * time.Millisecond):
				}
				continue
			case err != nil:
				return err
			case again:
				return d.repeat(v, real, f, sum, a)
			case refused != nil:
				return refused
			}
			held.to(real)
			return nil
		}
	}
}

const newReportPath = "/portal/reports/new"

// repeat answers a form that was taken before as it was answered then. A report sent again with other words is a correction: it is filed on the
// report, once.
func (d Deps) repeat(v *page.Visit, w http.ResponseWriter, f *form, sum [32]byte, a once.Answer) error {
	to := a.Header["Location"]
	if to == "" {
		to = v.R.URL.Path
	}
	path, _, _ := strings.Cut(to, "?")
	if report, ok := strings.CutPrefix(path, "/portal/reports/"); ok && v.R.URL.Path == newReportPath && a.Header["Sum"] != id.Hex(sum[:]) {
		request := once.Request{Actor: "account:" + strconv.FormatInt(v.By.Account, 10), Key: f.get(onceField) + "." + id.Hex(sum[:8]), Hash: sum}
		var refused error
		_, _, err := d.Once.Do(v.Ctx(), request, func(ctx context.Context) once.Answer {
			_, refused = d.Intake.Add(ctx, v.By, report, intake.Addition{Channel: correspondence.ByPortal, Text: f.again(v), Files: f.files})
			return once.Answer{Status: http.StatusSeeOther}
		})
		if err = errors.Join(err, refused); err != nil {
			return err
		}
		to = path + "?done=added"
	}
	http.Redirect(w, v.R, to, http.StatusSeeOther)
	return nil
}

// again is a whole report as text.
func (f *form) again(v *page.Visit) string {
	var b strings.Builder
	b.WriteString(v.P.T("public.again"))
	for _, line := range [][2]string{{"summary", "public.report.summary"}, {"description", "public.report.description"}, {"name", "public.report.name"}, {"email", "public.report.email"}, {"phone", "public.report.phone"}, {"tlp", "public.report.tlp"}} {
		if s := strings.TrimSpace(f.get(line[0])); s != "" {
			b.WriteString("\n\n" + v.P.T(line[1]) + "\n" + s)
		}
	}
	return b.String()
}

// sum is what makes a form the same one again: where it goes, what was typed, the files.
func (f *form) sum(v *page.Visit) ([32]byte, error) {
	typed := maps.Clone(v.R.PostForm)
	delete(typed, onceField)
	raw, err := json.Marshal(typed)
	if err != nil {
		return [32]byte{}, err
	}
	parts := [][]byte{[]byte(v.R.URL.Path), raw}
	for i, x := range f.files {
		parts = append(parts, []byte(x.Name), f.sums[i])
	}
	return once.Hash(parts...), nil
}

// answer holds what a handler writes until it is known whether it counts.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) to(w http.ResponseWriter) {
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		w.Header()[name] = a.header[name]
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}
