package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// staged is a form of question pages with a stage of a law and a file that comes in parts. What was answered is not done again: after a death it goes on from
// there, as a reader's page does.
type staged struct {
	p       *pourer
	name    string
	cookies map[string]string
	done    int // steps that were answered
	upload  string
	got     int64 // bytes of the file that were acknowledged
	wrong   string
}

// stagedParts is how many parts a file has; each is stagedPart bytes.
const (
	stagedParts = 3
	stagedPart  = 20_000
)

// stagedFile is the file of a form; each has its own.
func stagedFile(name string) []byte {
	return []byte(strings.Repeat(name+"\n", stagedParts*stagedPart/(len(name)+1)+1)[:stagedParts*stagedPart])
}

// questions is acknowledged by the redirect to the receipt.
func (p *pourer) questions(name string) bool {
	f := &staged{p: p, name: name, cookies: map[string]string{}}
	p.mu.Lock()
	p.forms = append(p.forms, f)
	p.mu.Unlock()
	return f.goOn()
}

// goOn does the steps that had no answer yet.
func (f *staged) goOn() bool {
	page := func(path string, values ...string) func() bool {
		return func() bool {
			form := url.Values{}
			for i := 0; i+1 < len(values); i += 2 {
				form.Set(values[i], values[i+1])
			}
			_, _, ok := f.ask(http.MethodPost, path, []byte(form.Encode()), http.StatusSeeOther)
			return ok
		}
	}
	steps := []func() bool{
		page("/report/what", "what", "duty"),
		page("/report/stage", "stage-eu-nis2", "early_warning", "class-eu-nis2", "essential"),
		page("/report/part/1", "q-entity", "Works", "q-contact_email", "ops@away.example"),
		page("/report/part/2", "q-summary", f.name, "ongoing", "yes"),
		f.begin, f.part, f.part, f.part,
		page("/report/part/5", "tlp", "AMBER"),
		page("/report/check"),
	}
	for f.done < len(steps) {
		if !steps[f.done]() {
			return false
		}
		f.done++
	}
	f.p.by("form with a stage", f.name)
	return true
}

// begin begins the file.
func (f *staged) begin() bool {
	form := url.Values{"name": {"disk.img"}, "type": {"application/zip"}, "size": {strconv.Itoa(stagedParts * stagedPart)}}
	_, body, ok := f.ask(http.MethodPost, "/report/uploads", []byte(form.Encode()), http.StatusCreated)
	var x sentFile
	if !ok || json.Unmarshal(body, &x) != nil {
		return false
	}
	f.upload = x.ID
	return true
}

// part asks how far the file is, which is never less than what was acknowledged, and sends the next part.
func (f *staged) part() bool {
	head, _, ok := f.ask(http.MethodGet, "/report/uploads/"+f.upload, nil, http.StatusOK)
	if !ok {
		return false
	}
	at, err := strconv.ParseInt(head.Get("Upload-Offset"), 10, 64)
	if err != nil || at < f.got || at%stagedPart != 0 || at > f.got+stagedPart {
		f.wrong = fmt.Sprintf("%d bytes were acknowledged, and it is at %q", f.got, head.Get("Upload-Offset"))
		return false
	}
	if at > f.got { // the answer was lost, the part was kept
		f.got = at
		return true
	}
	part := stagedFile(f.name)[at : at+stagedPart]
	sum := sha256.Sum256(part)
	_, _, ok = f.ask(http.MethodPost, "/report/uploads/"+f.upload, part, http.StatusOK, "Upload-Offset", strconv.FormatInt(at, 10), "Part-SHA256", hex.EncodeToString(sum[:]))
	if ok {
		f.got = at + stagedPart
	}
	return ok
}

func (f *staged) ask(method, path string, body []byte, want int, headers ...string) (http.Header, []byte, bool) {
	r, err := http.NewRequest(method, f.p.http+path, strings.NewReader(string(body)))
	if err != nil {
		return nil, nil, false
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range f.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	c := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	res, err := c.Do(r)
	if err != nil {
		return nil, nil, false
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, false
	}
	for _, x := range res.Cookies() {
		f.cookies[x.Name] = x.Value
	}
	if res.StatusCode != want && res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests {
		f.wrong = fmt.Sprintf("%s %s answers %d", method, path, res.StatusCode)
	}
	return res.Header, answer, res.StatusCode == want
}

// wholeForms asserts that each form that was acknowledged handed its stage in once, with its file once and bit for bit.
func (h *house) wholeForms(p *pourer) {
	h.t.Helper()
	by, acknowledged := map[string]intake.Report{}, 0
	for f := (intake.QueueFilter{Limit: 100}); ; {
		list, err := h.Intake.List(h.t.Context(), sample(), f)
		h.must(err)
		for _, r := range list.Items {
			by[r.Body.Summary] = r
		}
		if f.After = list.Next; f.After == "" {
			break
		}
	}
	for _, f := range p.forms {
		if f.wrong != "" {
			h.t.Errorf("%s: %s", f.name, f.wrong)
		}
		r, ok := by[f.name]
		if !ok || !p.state[f.name] {
			continue
		}
		acknowledged++
		handed, err := h.Intake.Submissions(h.t.Context(), h.DB, sample(), r.UID)
		h.must(err)
		if len(handed) != 1 || handed[0].Stage != "early_warning" {
			h.t.Errorf("%s handed in %d stages", f.name, len(handed))
		}
		all, err := h.Correspondence.Messages(h.t.Context(), h.DB, access.System("intake"), r.Thread)
		h.must(err)
		want, files := sha256.Sum256(stagedFile(f.name)), 0
		for _, m := range all {
			for _, x := range m.Body.Files {
				if files++; m.Direction != correspondence.In || x.Size != stagedParts*stagedPart || x.SHA256 != hex.EncodeToString(want[:]) {
					h.t.Errorf("%s has another file: %d bytes", f.name, x.Size)
				}
			}
		}
		if files != 1 {
			h.t.Errorf("%s has %d files", f.name, files)
		}
	}
	h.t.Logf("%d forms with a stage and a file in parts, %d whole", len(p.forms), acknowledged)
}
