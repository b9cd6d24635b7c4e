package portal

import (
	"errors"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// form is what was typed. Files stay in memory: they go to disk encrypted or not at all.
type form struct {
	v     *page.Visit
	files []correspondence.FileIn
	open  []multipart.File
}

func read(v *page.Visit) (*form, error) {
	err := v.R.ParseMultipartForm(maxForm)
	if errors.Is(err, http.ErrNotMultipart) {
		err = v.R.ParseForm()
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &errs.Error{Kind: errs.Limit, Text: v.P.T("portal.error.too_large", "max", v.P.Bytes(intake.MaxFileBytes))}
	case err != nil:
		return nil, errs.Wrap(errs.Invalid, v.P.T("portal.error.form"), err)
	}
	f := &form{v: v}
	if v.R.MultipartForm == nil {
		return f, nil
	}
	for _, name := range []string{"files", "file"} {
		for _, h := range v.R.MultipartForm.File[name] {
			if h.Filename == "" || h.Size == 0 {
				continue
			}
			file, err := h.Open()
			if err != nil {
				f.close()
				return nil, err
			}
			f.open = append(f.open, file)
			f.files = append(f.files, correspondence.FileIn{Name: h.Filename, Type: h.Header.Get("Content-Type"), Content: file})
		}
	}
	return f, nil
}

func (f *form) close() {
	for _, x := range f.open {
		_ = x.Close() // read only, in memory
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
