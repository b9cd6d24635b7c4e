package page

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const (
	mostFields = 4 << 20
	mostParts  = 20_000
	// MaxForm is how much of a form with files is read: more than any form takes, so that who chose too large a file gets the form back with what was typed
	// and not a broken connection. Of a form that says it is larger, what stands before its first file is read, and it is answered at once: forms put files last.
	MaxForm = 256 << 20
	// linger is how long what comes after an answer is read over: a line that ends with unread bytes takes the answer with it.
	linger = 2 * time.Second
)

// FormFile is a file of a form, while it comes.
type FormFile struct {
	Field, Name, Type string
	from              io.Reader
	broken            error // what the line says, apart from what its taker says
}

// Read implements io.Reader.
func (f *FormFile) Read(b []byte) (int, error) {
	n, err := f.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		f.broken = err
	}
	return n, err
}

// Broken tells whether the line broke while it was read: nothing more comes.
func (f *FormFile) Broken() bool { return f.broken != nil }

// ReadForm takes a posted form apart. Take gets each file as it comes, with the fields that stand before it, and gives an error only when the form cannot be gone
// on with; nil reads files over. Cut says that the form is larger than MaxForm and what stands after its first file is not here. Refused: Limit for fields of more
// than 4 MiB, Invalid for what is no form, or breaks off.
func ReadForm(v *Visit, take func(before url.Values, f *FormFile) error) (values url.Values, cut bool, err error) {
	values = url.Values{}
	kind, _, err := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		v.R.Body = http.MaxBytesReader(v.W, v.R.Body, mostFields)
		if err := v.R.ParseForm(); err != nil {
			return values, false, unread(err)
		}
		return v.R.PostForm, false, nil
	}
	m, err := v.R.MultipartReader()
	if err != nil {
		return values, false, unread(err)
	}
	ended := func(err error) error {
		if cut = tooMuch(err); cut {
			v.W.Header().Set("Connection", "close")
			return nil
		}
		return unread(err)
	}
	room := int64(mostFields)
	for range mostParts {
		p, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return values, false, nil
		}
		if err != nil {
			err = ended(err)
			return values, cut, err
		}
		if p.FileName() == "" && p.Header.Get("Content-Type") == "" {
			raw, err := io.ReadAll(io.LimitReader(p, room+1))
			if err != nil {
				err = ended(err)
				return values, cut, err
			}
			if room -= int64(len(raw)); room < 0 {
				return values, false, errFields
			}
			values.Add(p.FormName(), string(raw))
			continue
		}
		if v.R.ContentLength > MaxForm && take != nil {
			return values, true, ended(&http.MaxBytesError{Limit: MaxForm})
		}
		f := &FormFile{Field: p.FormName(), Name: p.FileName(), Type: p.Header.Get("Content-Type"), from: p}
		if take != nil {
			err = take(values, f)
		}
		if err == nil && f.broken == nil {
			_, _ = io.Copy(io.Discard, f)
		}
		if f.broken != nil {
			err = ended(f.broken)
		}
		if err != nil || cut {
			return values, cut, err
		}
	}
	return values, false, ErrFormNotRead
}

func tooMuch(err error) bool {
	var big *http.MaxBytesError
	return errors.As(err, &big)
}

var errFields = &errs.Error{Kind: errs.Limit, Key: "error.form_large", Text: "the answers are larger than 4 MiB"}

// ErrFormNotRead refuses what is no form, or breaks off.
var ErrFormNotRead = &errs.Error{Kind: errs.Invalid, Key: "error.form_not_read", Text: "the form could not be read: go back and send it again"}

// Unread is what is said of a form that net/http could not read: that it is too large, or ErrFormNotRead.
func Unread(err error) error {
	if tooMuch(err) {
		return err
	}
	return ErrFormNotRead
}

// unread is Unread for a form with files, whose fields have a limit of their own.
func unread(err error) error {
	if tooMuch(err) {
		return errFields
	}
	return ErrFormNotRead
}

// Linger sends the answer to a form that was cut, and reads over for a moment what still comes.
func Linger(v *Visit) {
	if v.R.ProtoMajor >= 2 {
		return
	}
	c := http.NewResponseController(v.W)
	_ = c.Flush()
	if c.SetReadDeadline(time.Now().Add(linger)) == nil {
		_, _ = io.Copy(io.Discard, v.R.Body)
	}
}
