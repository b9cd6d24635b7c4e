package public

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// The files of a form may be 200 MiB together: each is kept while it comes, one that is more is told by its name beside what was kept, and what was typed stays.
func TestFilesOfAForm(t *testing.T) {
	engines(t, func(h *house) {
		p := h.p()
		v := h.visitor()
		code := v.begin("/report/short")
		if a := v.get("/report/short"); !a.says("200 MiB together") {
			t.Error("the limit is not said before")
		}
		if a := v.get("/suspicious"); !a.says("25 MiB together at most: we read it as one mail") {
			t.Error("the limit of suspicious messages, and its reason, are not said before")
		}
		values := []string{"code", code, "summary", "Disk images", "ongoing", "no", "tlp", "RED"}
		large := strings.Repeat("x", 27<<20)
		begun, err := intake.BeginUpload(h.Context(), h.DB, h.Clock.Now(), id.SecretOf(code), "images.zip", "", intake.MaxUploadBytes-(28<<20))
		h.must(err)
		a := v.post("/report/short", []upload{{"disk.img", large}, {"\u202elarge.img", large}, {"small.log", "x"}}, values...)
		left := p.T("public.wrong.files_left", "names", "[U+202E]large.img", "most", intake.MaxUploadBytes>>20, "count", intake.MaxFiles)
		if a.status != http.StatusUnprocessableEntity || !a.says(left) || !a.says("Disk images") || !a.says("disk.img") || !a.says("small.log") || !strings.Contains(a.body, `value="RED" checked`) {
			t.Errorf("more than may be: %d\n%.2000s", a.status, a.body)
		}
		if taken := h.x.lanes().room.Load(); taken != 0 {
			t.Errorf("%d bytes of room are not given back", taken)
		}
		h.x.lanes().room.Store(mostRoom)
		if a := v.post("/report/short", []upload{{"a", "x"}}, values...); a.status != http.StatusUnprocessableEntity || !a.says(p.T("public.wrong.files_busy", "phone", "+999 210 497 400")) {
			t.Errorf("without room: %d", a.status)
		}
		h.x.lanes().room.Store(0)
		// A form that says it is larger than is read is answered before it has come, with all that was typed.
		if a := v.raw(1<<40, "code", code, "summary", "Huge images", "tlp", "RED"); a.status != http.StatusUnprocessableEntity || !a.says("Huge images") ||
			!a.says(p.T("public.wrong.files_large", "most", intake.MaxUploadBytes>>20)) || !strings.Contains(a.body, `value="RED" checked`) {
			t.Errorf("far larger: %d\n%.2000s", a.status, a.body)
		}
		// Files before the code belong to nobody yet.
		before := h.count("intake_upload")
		if a := v.raw(0, "summary", "First the files"); a.status != http.StatusUnprocessableEntity || !a.says(p.T("public.wrong.files_again")) || h.count("intake_upload") != before {
			t.Errorf("files before the code: %d", a.status)
		}
		h.must(intake.ForgetUpload(h.Context(), h.DB, id.SecretOf(code), begun.UID))
		var wg sync.WaitGroup
		for range 3 { // the same form again, even at the same moment, is the same report
			wg.Go(func() {
				if a := v.post("/report/short", []upload{{"small.log", "x"}, {"new.log", "xy"}}, values...); a.status != http.StatusSeeOther {
					t.Errorf("sent: %d\n%.500s", a.status, a.body)
				}
			})
		}
		wg.Wait()
		all := h.opened()
		if len(all) != 1 || len(h.messages(all[0])) != 1 {
			t.Fatalf("%d reports", len(all))
		}
		if files := h.messages(all[0])[0].Body.Files; len(files) != 3 || files[0].Name != "disk.img" || files[0].Size != int64(len(large)) || files[1].Size != 1 {
			t.Errorf("sent with %+v", files)
		}
		if n := h.count("intake_upload") + h.count("intake_kept"); n != 0 {
			t.Errorf("%d files are kept after all was sent", n)
		}
		for name, a := range map[string]answer{
			"no form":     v.do(request(h, "text/plain", "hello")),
			"half a form": v.do(request(h, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"summary\"\r\n\r\nx")),
			"half a file": v.do(request(h, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n"+id.NewCode().Reveal()+"\r\n--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"half\"\r\n\r\n"+large[:3<<20])),
			"too long":    v.plain("/report/short", "summary", strings.Repeat("x", 4<<20+1)),
		} {
			if a.status < 400 || a.status >= 500 {
				t.Errorf("%s: %d", name, a.status)
			}
		}
		if n := h.count("intake_upload") + h.count("intake_upload_part"); n != 0 {
			t.Errorf("%d rows are left of half a file", n)
		}
		// Ten thousand files, whatever they are called, are fifty.
		many := make([]upload, 10_000)
		for i := range many {
			many[i] = upload{"../../" + strconv.Itoa(i) + "\u202e.log", "x"}
		}
		a = v.post("/report/short", many, "code", id.NewCode().Reveal(), "summary", "Many", "tlp", "RED")
		if a.status != http.StatusUnprocessableEntity || !a.says("Many") || h.count("intake_upload") != intake.MaxFiles || strings.Contains(a.body, "\u202e") {
			t.Errorf("10,000 files: %d, %d kept", a.status, h.count("intake_upload"))
		}
	})
}

// raw posts a form with a small file on a line of its own: its fields first and a length that is not so, or, with 0, its file first.
func (v *visitor) raw(length int64, values ...string) answer {
	v.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	file := func() {
		w, err := m.CreateFormFile("files", "x.log")
		v.must(err)
		_, _ = w.Write([]byte("x"))
	}
	if length == 0 {
		file()
	}
	for i := 0; i < len(values); i += 2 {
		v.must(m.WriteField(values[i], values[i+1]))
	}
	if length != 0 {
		file()
	}
	v.must(m.Close())
	length = max(length, int64(b.Len()))
	c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
	v.must(err)
	defer c.Close()
	_, err = fmt.Fprintf(c, "POST /report/short HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", m.FormDataContentType(), length, b.String())
	v.must(err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	v.must(err)
	defer res.Body.Close()
	v.must(c.(*net.TCPConn).CloseWrite())
	raw, err := io.ReadAll(res.Body)
	v.must(err)
	return answer{res.StatusCode, "", string(raw), res.Header}
}
