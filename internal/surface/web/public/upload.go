package public

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Large files come in parts, by a script of the page, and go on after a broken line or from another page of the same form:
//
//	POST BASE/uploads                     name, type, size → the file, empty yet
//	GET  BASE/uploads                     all of the form or report
//	GET  BASE/uploads/{upload}            one; Upload-Offset says how far it is
//	POST BASE/uploads/{upload}            a part of 4 MiB at most, as it is, with Upload-Offset and Part-SHA256 (hexadecimal); kept when it is answered
//	POST BASE/uploads/{upload}/remove
//
// BASE is /report for a form that is being filled in and /r for a report; its cookie says which. Answers are JSON. What is whole goes with whatever is sent next.

// uploadView is a file as the script reads it.
type uploadView struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Got    int64  `json:"got"`
	SHA256 string `json:"sha256,omitempty"`
}

func uploadOf(u intake.Upload) uploadView { return uploadView{u.UID, u.Name, u.Size, u.Got, u.SHA256} }

// codeFor gives the code of a form or report that takes files, by its cookie.
type codeFor func(v *page.Visit) (id.Secret, error)

// ofDraft is the code of a form that was begun.
func (x *Public) ofDraft(v *page.Visit) (id.Secret, error) {
	if x.In != nil {
		return x.ownDraft(v)
	}
	c, err := v.R.Cookie(draftCookie)
	if err != nil || !id.Valid(c.Value) {
		return id.Secret{}, errs.ErrNotFound
	}
	code := id.SecretOf(c.Value)
	if _, err := intake.OpenDraft(v.Ctx(), x.DB, v.Now, code); err != nil {
		if errs.Is(err, errs.NotFound) {
			if err := x.guessed(v); err != nil {
				return code, err
			}
		}
		return code, err
	}
	return code, nil
}

// ofReport is the code of a report that was not concluded.
func (x *Public) ofReport(v *page.Visit) (id.Secret, error) {
	code, ok := codeOf(v.R)
	if !ok {
		return code, errs.ErrNotFound
	}
	look, err := intake.Look(v.Ctx(), x.DB, x.Clock, code)
	if errs.Is(err, errs.NotFound) {
		if err := x.guessed(v); err != nil {
			return code, err
		}
	}
	if err == nil && look.State == intake.StatusConcluded {
		err = errs.New(errs.Conflict, "the report is concluded")
	}
	return code, err
}

func answerJSON(v *page.Visit, status int, body any) error {
	h := v.W.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if u, ok := body.(uploadView); ok {
		h.Set("Upload-Offset", strconv.FormatInt(u.Got, 10))
	}
	v.W.WriteHeader(status)
	return json.NewEncoder(v.W).Encode(body)
}

// saidJSON answers a refusal as the script shows it.
func (x *Public) saidJSON(v *page.Visit, err error) error {
	kind := errs.Of(err)
	if kind == errs.Internal {
		return err
	}
	said := "" // the script has its own words
	if e := new(errs.Error); errors.As(err, &e) && (e.Key != "" || kind == errs.Limit || kind == errs.Unavailable) {
		said = page.Say(v.P, e)
	}
	return answerJSON(v, kind.HTTP(), map[string]string{"said": said})
}

func (x *Public) uploads(of codeFor) func(*page.Visit) error {
	return func(v *page.Visit) error {
		code, err := of(v)
		if err != nil {
			return x.saidJSON(v, err)
		}
		all, err := intake.Uploads(v.Ctx(), x.DB, v.Now, code)
		if err != nil {
			return err
		}
		out := []uploadView{}
		for _, u := range all {
			out = append(out, uploadOf(u))
		}
		return answerJSON(v, http.StatusOK, out)
	}
}

func (x *Public) upload(of codeFor) func(*page.Visit) error {
	return func(v *page.Visit) error {
		code, err := of(v)
		if err != nil {
			return x.saidJSON(v, err)
		}
		all, err := intake.Uploads(v.Ctx(), x.DB, v.Now, code)
		if err != nil {
			return err
		}
		for _, u := range all {
			if u.UID == v.R.PathValue("upload") {
				return answerJSON(v, http.StatusOK, uploadOf(u))
			}
		}
		return x.saidJSON(v, errs.ErrNotFound)
	}
}

func (x *Public) beginUpload(of codeFor) func(*page.Visit) error {
	return func(v *page.Visit) error {
		code, err := of(v)
		if err != nil {
			return x.saidJSON(v, err)
		}
		if wait, ok := x.known(v.R, code); !ok {
			return x.saidJSON(v, x.tooMany(v, "public.limit.form", wait))
		}
		size, _ := strconv.ParseInt(v.R.PostFormValue("size"), 10, 64)
		u, err := intake.BeginUpload(v.Ctx(), x.DB, v.Now, code, v.R.PostFormValue("name"), v.R.PostFormValue("type"), size)
		if err != nil {
			return x.saidJSON(v, err)
		}
		return answerJSON(v, http.StatusCreated, uploadOf(u))
	}
}

func (x *Public) putPart(of codeFor) func(*page.Visit) error {
	return func(v *page.Visit) error {
		code, err := of(v)
		if err != nil {
			return x.saidJSON(v, err)
		}
		if wait, ok := x.mayPart(v.R); !ok {
			return x.saidJSON(v, x.tooMany(v, "public.limit.form", wait))
		}
		offset, err := strconv.ParseInt(v.R.Header.Get("Upload-Offset"), 10, 64)
		sum, bad := hex.DecodeString(strings.TrimSpace(v.R.Header.Get("Part-SHA256")))
		if err != nil || bad != nil || offset < 0 {
			return x.saidJSON(v, errs.New(errs.Invalid, "a part needs its place and its SHA-256"))
		}
		if x.lanes().room.Add(intake.MaxPartBytes) > mostRoom {
			x.lanes().room.Add(-intake.MaxPartBytes)
			return x.saidJSON(v, &errs.Error{Kind: errs.Unavailable, Text: v.P.T("public.wrong.files_busy", "phone", orDash(x.Site.Phone))})
		}
		defer x.lanes().room.Add(-intake.MaxPartBytes)
		part, err := io.ReadAll(io.LimitReader(v.R.Body, intake.MaxPartBytes+1))
		if err != nil {
			return x.saidJSON(v, errs.New(errs.Invalid, "the part could not be read: send it again"))
		}
		put := intake.PutPart
		if x.In != nil {
			put = intake.PutOwnPart
		}
		u, err := put(v.Ctx(), x.DB, v.Now, code, v.R.PathValue("upload"), offset, sum, part)
		if errs.Is(err, errs.Conflict) {
			return answerJSON(v, http.StatusConflict, uploadOf(u)) // with how far it is
		}
		if err != nil {
			return x.saidJSON(v, err)
		}
		return answerJSON(v, http.StatusOK, uploadOf(u))
	}
}

func (x *Public) removeUpload(of codeFor) func(*page.Visit) error {
	return func(v *page.Visit) error {
		code, err := of(v)
		if err != nil {
			return x.saidJSON(v, err)
		}
		if err := intake.ForgetUpload(v.Ctx(), x.DB, code, v.R.PathValue("upload")); err != nil {
			return err
		}
		return answerJSON(v, http.StatusOK, struct{}{})
	}
}

// heldFiles are the files of a form or report that were not sent yet: those that came in one piece and those in parts.
func (x *Public) heldFiles(v *page.Visit, code id.Secret) ([]page.FileView, error) {
	files, err := intake.KeptFiles(v.Ctx(), x.DB, v.Now, code)
	if err != nil {
		return nil, err
	}
	var out []page.FileView
	each, _ := sizes(files)
	for i, f := range files {
		out = append(out, page.FileView{Name: mail.Visible(f.Name), Size: each[i]})
	}
	all, err := intake.Uploads(v.Ctx(), x.DB, v.Now, code)
	for _, u := range all {
		f := page.FileView{Name: mail.Visible(u.Name), Size: u.Size, SHA256: u.SHA256}
		if !u.Whole() {
			f.State = v.P.T("public.upload.partial", "percent", int(u.Got*100/u.Size))
		}
		out = append(out, f)
	}
	return out, err
}
