package portal

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// form is what was typed. Its files are on disk, sealed, until the verb has taken them.
type form struct {
	v     *page.Visit
	files []correspondence.FileIn
	sums  [][]byte // of files, SHA-256
	end   func()   // nil for who did not take it
}

type formKey struct{}

// read gives the form that was taken with the request, or one without files.
func read(v *page.Visit) (*form, error) {
	if f, ok := v.R.Context().Value(formKey{}).(*form); ok {
		return &form{v: v, files: f.files, sums: f.sums}, nil
	}
	if err := v.R.ParseForm(); err != nil {
		return nil, page.Unread(err)
	}
	return &form{v: v}, nil
}

// take reads a form. Each of its files is kept in parts while it comes, under a code that nobody else has, and read from there by the verb; none is ever whole in
// memory. A file that cannot be taken stands among the others and refuses itself when a verb reads it, so that the page is shown again with what was typed.
func (d Deps) take(v *page.Visit) (*form, error) {
	f := &form{v: v}
	t := intake.Taking{Code: id.NewCode(), Most: intake.MaxUploadBytes, Loose: true, Known: true}
	kept, refused := false, false
	values, cut, err := page.ReadForm(v, func(_ url.Values, r *page.FormFile) error {
		if refused || r.Name == "" || r.Field != "files" && r.Field != "file" {
			return nil
		}
		got, err := intake.TakeFile(v.Ctx(), d.DB, d.Intake.Clock, t, r.Name, r.Type, r)
		if r.Broken() {
			return nil
		}
		if why := refusal(err); why != nil {
			refused = true
			f.files = append(f.files, correspondence.FileIn{Name: r.Name, Type: r.Type, Content: refusedFile{why}})
			f.sums = append(f.sums, nil)
			return nil
		}
		if kept = true; err != nil || got.Size == 0 {
			return err
		}
		return f.add(got, func() (io.ReadSeeker, error) { return got.Open(v.Ctx(), d.DB) })
	})
	if cut && !refused {
		f.files, f.sums = append(f.files, correspondence.FileIn{Content: refusedFile{refusal(intake.ErrTooLarge)}}), append(f.sums, nil)
	}
	f.end = func() {
		if cut {
			page.Linger(v)
		}
		if kept {
			away, cancel := context.WithTimeout(db.On(context.WithoutCancel(v.Ctx()), db.House), time.Minute)
			defer cancel()
			if err := intake.ForgetUploads(away, d.DB, t.Code); err != nil {
				v.Without(err) // the day ends them
			}
		}
	}
	if err != nil {
		f.close()
		return nil, err
	}
	v.R.PostForm, v.R.Form = values, values
	v.R = v.R.WithContext(context.WithValue(v.R.Context(), formKey{}, f))
	return f, nil
}

func (f *form) add(got intake.Streamed, open func() (io.ReadSeeker, error)) error {
	content, err := open()
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(got.SHA256)
	f.files, f.sums = append(f.files, correspondence.FileIn{Name: got.Name, Type: got.Type, Content: content}), append(f.sums, sum)
	return err
}

// inMemory reads files of together at most so many bytes, for a verb that keeps them in its transaction.
func (f *form) inMemory(most int64) ([]correspondence.FileIn, error) {
	var out []correspondence.FileIn
	for _, x := range f.files {
		raw, err := io.ReadAll(io.LimitReader(x.Content, most+1))
		if err != nil {
			return nil, err
		}
		if most -= int64(len(raw)); most < 0 {
			most = 0 // the verb says what may be
		}
		out = append(out, correspondence.FileIn{Name: x.Name, Type: x.Type, Content: bytes.NewReader(raw)})
	}
	return out, nil
}

// refusal is what the page says of a file that was not taken; nil when it was, or the reason is ours.
func refusal(err error) error {
	e := new(errs.Error)
	if !errors.As(err, &e) || e.Key == "" || e.Kind != errs.Invalid && e.Kind != errs.Unavailable {
		return nil
	}
	var p errs.Problems
	p.Add("files", e.Key)
	return p.Err()
}

// refusedFile is a file that was not taken: whoever reads it is told why.
type refusedFile struct{ why error }

func (r refusedFile) Read([]byte) (int, error) { return 0, r.why }

func (r refusedFile) Seek(int64, int) (int64, error) { return 0, r.why }

func (f *form) close() {
	if f.end != nil {
		f.end()
	}
}

// get gives a field as it was typed, with line ends as we keep them.
func (f *form) get(name string) string {
	return strings.ReplaceAll(f.v.R.PostForm.Get(name), "\r\n", "\n")
}

// reach reads how far what is written may go. What the page did not offer says nothing.
func (f *form) reach() correspondence.Reach {
	r, _ := correspondence.ParseReach(f.get("reach"))
	return r
}

// moment reads day, month, year and, where it is asked for, time, in the zone of the page. Empty boxes are no moment. What does not exist
// there (a 31 April, an hour that a change of the clocks left out) is a problem.
func (f *form) moment(name string, withTime bool, p *errs.Problems) time.Time {
	boxes := []string{"day", "month", "year"}
	if withTime {
		boxes = append(boxes, "time")
	}
	typed := map[string]string{}
	for _, b := range boxes {
		if s := strings.TrimSpace(f.get(name + "-" + b)); s != "" {
			typed[b] = s
		}
	}
	if len(typed) == 0 {
		return time.Time{}
	}
	before := len(*p)
	whole := func(box string, most int) int {
		n, err := strconv.Atoi(typed[box])
		if err != nil || n < 1 || n > most {
			p.Add(name+"-"+box, "portal.error.date")
		}
		return n
	}
	day, month, year := whole("day", 31), whole("month", 12), whole("year", 9999)
	var hour, minute int
	if withTime {
		at, err := time.Parse("15:04", strings.ReplaceAll(typed["time"], ".", ":"))
		if err != nil {
			p.Add(name+"-time", "portal.error.time")
		}
		hour, minute = at.Hour(), at.Minute()
	}
	if len(*p) > before {
		return time.Time{}
	}
	t := time.Date(year, time.Month(month), day, hour, minute, 0, 0, f.v.P.Zone())
	if t.Day() != day || t.Hour() != hour || t.Minute() != minute {
		p.Add(name+"-day", "portal.error.date")
		return time.Time{}
	}
	return t
}

// problems turns the refusal of a verb into lines beside fields. ids maps the verb's names of inputs to those of the page. A refusal without
// fields is not ours to show beside one.
func problems(v *page.Visit, err error, ids map[string]string) []page.Problem {
	fields := errs.Fields(err)
	out := make([]page.Problem, 0, len(fields))
	for _, f := range fields {
		id, ok := ids[f.Name]
		if !ok {
			id = f.Name
		}
		line := page.ProblemOf(v.P, id, f)
		if f.Key == "error.required" {
			if said := missing(v, id, line.Text); said != line.Text {
				line.Text, line.Bare = said, false
			}
		}
		if !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// missing says what to do about a field that was left empty, rather than that it was.
func missing(v *page.Visit, id, otherwise string) string {
	switch id {
	case "text":
		return v.P.T("portal.error.text")
	case "evidence":
		return v.P.T("portal.error.evidence")
	case "reason":
		return v.P.T("portal.error.reason")
	case "planned-day":
		return v.P.T("portal.error.day")
	case "armour":
		return v.P.T("portal.error.key.none")
	}
	return otherwise
}

// typedWrong tells whether the page is to be shown again, with what was typed.
func typedWrong(err error) bool { return errs.Is(err, errs.Invalid) && len(errs.Fields(err)) > 0 }
