package public

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// leftOut says which files of a form were not taken, and why.
type leftOut struct {
	names              []string
	large, busy, early bool
	wait               time.Duration // until the network may send more; 0 where that is not why
}

func (l *leftOut) add(name string) { l.names = append(l.names, name) }

func (l *leftOut) any() bool { return l.large || l.busy || l.early || l.wait > 0 }

// tired says that nobody is asked any more: what comes is read over.
func (l *leftOut) tired() bool { return l.busy || l.early || l.wait > 0 || len(l.names) >= 5 }

// keepFiles gives a taker for the files of a form: each is kept under its code while it comes. Code gives the code once what stands before the first file is read, and
// false when there is none yet.
func (x *Public) keepFiles(most int64, code func(f *form) (id.Secret, bool, error)) taker {
	var t intake.Taking
	began := false
	return func(f *form, r *page.FormFile) error {
		if r.Name == "" && r.Type == "" || f.left.tired() {
			return f.over(r)
		}
		if !began {
			var ok bool
			var err error
			if t.Code, ok, err = code(f); err != nil {
				return err
			}
			if !ok {
				f.left.early = true
				return f.over(r)
			}
			if f.get("forget") != "" { // before: what is left out makes room
				if err := x.forgetFiles(f.v, t.Code); err != nil {
					return err
				}
				f.values.Del("forget")
			}
			t.Most, t.Known, began = most, x.In != nil, true
			t.Each = func() error {
				if wait, ok := x.mayPart(f.v.R); !ok {
					f.left.wait = wait
					return errSlower
				}
				return nil
			}
		}
		if f.taken == 0 && !f.reserve(2*intake.PieceBytes) { // what is read, and what is sealed of it
			f.left.busy = true
			return f.over(r)
		}
		got, err := intake.TakeFile(f.v.Ctx(), x.DB, x.Clock, t, r.Name, r.Type, r)
		return f.took(r, got.Upload, err)
	}
}

var errSlower = errors.New("more than one network may send")

// took notes what became of a file.
func (f *form) took(r *page.FormFile, got intake.Upload, err error) error {
	switch {
	case r.Broken():
		return nil // who reads the form says what it is
	case err == nil:
		if got.UID != "" && !slices.ContainsFunc(f.came, func(u intake.Upload) bool { return u.UID == got.UID }) {
			f.came = append(f.came, got)
		}
		return nil
	case errors.Is(err, errSlower):
	case errs.Is(err, errs.Invalid):
		f.left.large = true
	case errs.Is(err, errs.Unavailable):
		f.left.busy = true
	case errs.Is(err, errs.Conflict): // removed from another page of the same form
		f.left.early = true
	default:
		return err
	}
	f.left.add(r.Name)
	return nil
}

// over reads a file over. An empty field is no file.
func (f *form) over(r *page.FormFile) error {
	n, err := io.Copy(io.Discard, r)
	if err == nil && (r.Name != "" || n > 0) && f.left.any() {
		f.left.add(r.Name)
	}
	return nil
}

// holdFiles gives a taker for the files of a form that takes few bytes: they are in memory until they are sealed.
func holdFiles(most int64) taker {
	room := most
	return func(f *form, r *page.FormFile) error {
		var b bytes.Buffer
		if f.left.tired() {
			return f.over(r)
		}
		n, err := io.Copy(&b, io.LimitReader(r, room+1))
		switch {
		case err != nil:
			return nil
		case n > room:
			f.left.large = true
		case !f.reserve(n):
			f.left.busy = true
		default:
			if room -= n; r.Name != "" || n > 0 {
				f.files = append(f.files, correspondence.FileIn{Name: r.Name, Type: r.Type, Content: bytes.NewReader(b.Bytes())})
			}
			return nil
		}
		f.left.add(r.Name)
		return nil
	}
}

// byCode is the code that stands in the form itself, before its files.
func byCode(f *form) (id.Secret, bool, error) {
	code := f.get("code")
	return id.SecretOf(code), id.Valid(code), nil
}

// wrongFiles tells which files of a form were not taken; "" when all were.
func (x *Public) wrongFiles(v *page.Visit, f *form, kind string) string {
	l, most := f.left, mostFiles(kind)
	switch {
	case l.busy:
		return v.P.T("public.wrong.files_busy", "phone", orDash(x.Site.Phone))
	case l.wait > 0:
		return x.tooMany(v, "public.limit.form", l.wait).Text
	case l.early:
		return v.P.T("public.wrong.files_again")
	case l.large && kind == suspicious: // whose sender has no private link
		return v.P.T("public.suspicious.large", "most", most>>20, "count", intake.MaxFiles)
	case l.large && len(l.names) == 0:
		return v.P.T("public.wrong.files_large", "most", most>>20)
	case l.large:
		return v.P.T("public.wrong.files_left", "names", namesOf(l.names), "most", most>>20, "count", intake.MaxFiles)
	}
	return ""
}

// namesOf shows the first names of files, as foreign text.
func namesOf(all []string) string {
	var out []string
	for _, name := range all[:min(len(all), 3)] {
		if name = mail.Visible(name); len([]rune(name)) > 60 {
			name = string([]rune(name)[:59]) + "…"
		}
		if name == "" {
			name = "–"
		}
		out = append(out, name)
	}
	if len(all) > 3 {
		out = append(out, "…")
	}
	return strings.Join(out, ", ")
}

// forgetFiles removes the files that were kept for a form.
func (x *Public) forgetFiles(v *page.Visit, code id.Secret) error {
	if err := intake.ForgetFiles(v.Ctx(), x.DB, code); err != nil {
		return err
	}
	return intake.ForgetUploads(v.Ctx(), x.DB, code)
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
