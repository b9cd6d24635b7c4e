package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

type sentFile struct {
	ID     string `json:"id"`
	Got    int64  `json:"got"`
	SHA256 string `json:"sha256"`
	Said   string `json:"said"`
}

// part sends bytes of a file from an offset, as the page's script does.
func (b *browser) part(base, upload string, offset int64, part []byte, sum string) (int, sentFile) {
	b.h.t.Helper()
	if sum == "" {
		x := sha256.Sum256(part)
		sum = hex.EncodeToString(x[:])
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.base+base+"/uploads/"+upload, bytes.NewReader(part))
	b.h.must(err)
	r.Header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
	r.Header.Set("Part-SHA256", sum)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	a := b.do(r)
	var out sentFile
	_ = json.Unmarshal([]byte(a.Body), &out)
	return a.Status, out
}

// cutPart begins to send a part and loses the line after some bytes of it.
func (b *browser) cutPart(base, upload string, offset int64, part []byte, after int) {
	b.h.t.Helper()
	sum := sha256.Sum256(part)
	c, err := net.Dial("tcp", strings.TrimPrefix(b.base, "http://"))
	b.h.must(err)
	defer c.Close()
	var cookies []string
	for name, value := range b.cookies {
		cookies = append(cookies, name+"="+value)
	}
	_, err = fmt.Fprintf(c, "POST %s/uploads/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nUpload-Offset: %d\r\nPart-SHA256: %x\r\nSec-Fetch-Site: same-origin\r\nCookie: %s\r\n\r\n",
		base, upload, strings.TrimPrefix(b.base, "http://"), len(part), offset, sum, strings.Join(cookies, "; "))
	b.h.must(err)
	_, err = c.Write(part[:after])
	b.h.must(err)
}

func (b *browser) beginFile(base, name string, size int64) (int, sentFile) {
	b.h.t.Helper()
	a := b.send(base+"/uploads", values("name", name, "type", "application/zip", "size", strconv.FormatInt(size, 10)))
	var out sentFile
	_ = json.Unmarshal([]byte(a.Body), &out)
	return a.Status, out
}

// A file comes in parts with the form: a part that is lost, doubled, damaged or another's changes nothing; the house dies in the middle and what was
// acknowledged is there; another page of the same form goes on; the report has the file, bit for bit. Later files come by the status page.
func TestALargeFileComesInParts(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		_, err := h.Intake.DropKey(ctx)
		h.must(err)
		handler, _ := h.routes()
		h.open(handler)
		content := make([]byte, 9<<20+12345)
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		whole := sha256.Sum256(content)
		size := int64(len(content))

		b := h.browser()
		if status, _ := b.beginFile("/report", "x", 5); status != http.StatusNotFound {
			h.t.Errorf("without a form: %d", status)
		}
		b.post("/report/what", "what", "incident")
		for name, n := range map[string]int64{"": 5, "empty": 0, "less": -1} {
			if status, _ := b.beginFile("/report", name, n); status != http.StatusUnprocessableEntity {
				h.t.Errorf("%q of %d bytes: %d", name, n, status)
			}
		}
		if status, said := b.beginFile("/report", "huge.zip", intake.MaxUploadBytes+1); status != tooLarge || !strings.Contains(said.Said, "200 MiB") {
			h.t.Errorf("too large: %d %q", status, said.Said)
		}
		status, f := b.beginFile("/report", "../disk image.zip", size)
		if status != http.StatusCreated || f.Got != 0 {
			h.t.Fatalf("begin: %d %+v", status, f)
		}
		if status, _ := b.beginFile("/report", "more.zip", intake.MaxUploadBytes-size+1); status != tooLarge {
			h.t.Errorf("together too large: %d", status)
		}
		const step = 3 << 20
		if status, f := b.part("/report", f.ID, 0, content[:step], ""); status != http.StatusOK || f.Got != step {
			h.t.Fatalf("the first part: %d %+v", status, f)
		}
		for _, n := range []int{0, 1, step / 2, step - 1} { // the line breaks in the middle of a part
			b.cutPart("/report", f.ID, step, content[step:2*step], n)
			if a := b.get("/report/uploads/" + f.ID); a.Header.Get("Upload-Offset") != strconv.Itoa(step) {
				h.t.Errorf("cut after %d bytes: it is at %s", n, a.Header.Get("Upload-Offset"))
			}
		}
		for name, try := range map[string]func() (int, sentFile){
			"again":            func() (int, sentFile) { return b.part("/report", f.ID, 0, content[:step], "") },
			"beyond":           func() (int, sentFile) { return b.part("/report", f.ID, step+1, content[step:2*step], "") },
			"the end and more": func() (int, sentFile) { return b.part("/report", f.ID, size, []byte("x"), "") },
		} {
			if status, now := try(); status != http.StatusConflict || now.Got != step {
				h.t.Errorf("%s: %d %+v", name, status, now)
			}
		}
		for name, try := range map[string]func() (int, sentFile){
			"damaged": func() (int, sentFile) {
				return b.part("/report", f.ID, step, content[step:2*step], strings.Repeat("0", 64))
			},
			"no sum":    func() (int, sentFile) { return b.part("/report", f.ID, step, content[step:2*step], "zz") },
			"empty":     func() (int, sentFile) { return b.part("/report", f.ID, step, nil, "") },
			"too large": func() (int, sentFile) { return b.part("/report", f.ID, step, make([]byte, intake.MaxPartBytes+1), "") },
			"negative":  func() (int, sentFile) { return b.part("/report", f.ID, -1, content[:5], "") },
		} {
			if status, _ := try(); status != http.StatusUnprocessableEntity && status != http.StatusRequestEntityTooLarge {
				h.t.Errorf("%s: %d", name, status)
			}
		}
		thief := h.browser()
		thief.post("/report/what", "what", "incident")
		if status, _ := thief.part("/report", f.ID, step, content[step:2*step], ""); status != http.StatusNotFound {
			h.t.Errorf("another's form: %d", status)
		}
		if a := thief.get("/report/uploads/" + f.ID); a.Status != http.StatusNotFound {
			h.t.Errorf("another's form reads: %d", a.Status)
		}
		if a := thief.send("/report/uploads/"+f.ID+"/remove", nil); a.Status != http.StatusOK || b.get("/report/uploads/"+f.ID).Status != http.StatusOK {
			h.t.Error("another's form removed it")
		}
		if part := b.page("/report/part/5"); !strings.Contains(part, "% of it is here") || !strings.Contains(part, "data-uploads") {
			h.t.Error("the page does not say how far it is")
		}

		// Another page of the same form, with nothing but its code.
		again := h.browser()
		again.post("/r", "code", b.cookies["draft"])
		var list []sentFile
		h.must(json.Unmarshal([]byte(again.page("/report/uploads")), &list))
		if len(list) != 1 || list[0].Got != step {
			h.t.Fatalf("from elsewhere: %+v", list)
		}
		for at := int64(step); at < size; at += step {
			status, now := again.part("/report", f.ID, at, content[at:min(size, at+step)], "")
			if status != http.StatusOK {
				h.t.Fatalf("at %d: %d", at, status)
			}
			list[0] = now
		}
		if list[0].SHA256 != hex.EncodeToString(whole[:]) {
			h.t.Errorf("its hash: %+v", list[0])
		}
		if status, _ := again.part("/report", f.ID, size, []byte("x"), ""); status != http.StatusUnprocessableEntity {
			h.t.Errorf("more than was said: %d", status)
		}
		var clear int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_upload_part WHERE sealed = $1`, content[:step]).Scan(&clear))
		if clear != 0 {
			h.t.Error("it lies in clear")
		}
		_, half := again.beginFile("/report", "half.bin", 100)
		again.part("/report", half.ID, 0, []byte("half"), "")

		again.post("/report/part/1", "q-entity", "Works", "q-contact_email", "ops@away.example")
		again.post("/report/part/2", "q-summary", "All is off.", "ongoing", "yes")
		again.post("/report/part/5", "tlp", "AMBER")
		if check := again.page("/report/check"); !strings.Contains(check, "disk image.zip") || !strings.Contains(check, "half.bin") {
			h.t.Error("the last page does not name the files")
		}
		code := id.SecretOf(again.cookies["draft"])
		again.post("/report/check")
		for range 2 {
			if _, err := h.Intake.OpenDrops(ctx); err != nil {
				h.t.Fatal(err)
			}
		}
		h.sameFile(code, "../disk image.zip", content)
		var parts int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_upload_part`).Scan(&parts))
		if parts != 1 { // of the half one
			h.t.Errorf("%d parts are left", parts)
		}

		// What was not whole goes on from the status page, with more words.
		status, now := again.part("/r", half.ID, 4, bytes.Repeat([]byte("y"), 96), "")
		if status != http.StatusOK || now.SHA256 == "" {
			h.t.Fatalf("by the status page: %d %+v", status, now)
		}
		if page := again.page("/r/report"); !strings.Contains(page, "half.bin") {
			h.t.Error("the status page does not name it")
		}
		again.post("/r/report", "once", id.New(), "text", "")
		if _, err := h.Intake.OpenDrops(ctx); err != nil {
			h.t.Fatal(err)
		}
		h.sameFile(code, "half.bin", append([]byte("half"), bytes.Repeat([]byte("y"), 96)...))
	})
}

const tooLarge = http.StatusUnprocessableEntity

// sameFile looks whether the report of a code has a file with this content.
func (h *house) sameFile(code id.Secret, name string, content []byte) {
	h.t.Helper()
	by, r, err := h.Intake.ByCode(h.t.Context(), code)
	h.must(err)
	_ = by
	all, err := h.Correspondence.Messages(h.t.Context(), h.DB, sample(), r.Thread)
	h.must(err)
	for _, m := range all {
		for _, f := range m.Body.Files {
			if f.Name != name {
				continue
			}
			threads, err := h.Correspondence.Threads(h.t.Context(), h.DB, r.Thread)
			h.must(err)
			_, c, err := h.Correspondence.OpenFile(h.t.Context(), sample(), threads[r.Thread].UID, m.UID, f.UID)
			h.must(err)
			got, err := io.ReadAll(c)
			h.must(err)
			if !bytes.Equal(got, content) {
				h.t.Errorf("%s is another: %d bytes of %d", name, len(got), len(content))
			}
			return
		}
	}
	h.t.Errorf("no file %s", name)
}

// What nobody goes on with is dropped after a day, what is whole stays as long as its form, and a large file takes no more memory than a small one.
func TestAbandonedPartsEnd(t *testing.T) {
	at := clock.NewFake(time.Now().Truncate(time.Second))
	h := newHouseAt(t, "sqlite", at)
	ctx := t.Context()
	_, err := h.Intake.DropKey(ctx)
	h.must(err)
	save := func() id.Secret {
		code := id.NewCode()
		_, err := intake.SaveDraft(ctx, h.DB, at.Now(), code, func(*intake.Draft) error { return nil })
		h.must(err)
		return code
	}
	put := func(code id.Secret, u intake.Upload, part []byte) intake.Upload {
		sum := sha256.Sum256(part)
		u, err := intake.PutPart(ctx, h.DB, at.Now(), code, u.UID, u.Got, sum[:], part)
		h.must(err)
		return u
	}
	one, two := save(), save()
	left, err := intake.BeginUpload(ctx, h.DB, at.Now(), one, "left.zip", "", 100)
	h.must(err)
	put(one, left, []byte("only this"))
	full, err := intake.BeginUpload(ctx, h.DB, at.Now(), two, "full.zip", "", 4)
	h.must(err)
	put(two, full, []byte("full"))
	ends := func(code id.Secret) int {
		_, err := h.Intake.End(ctx)
		h.must(err)
		all, err := intake.Uploads(ctx, h.DB, at.Now(), code)
		h.must(err)
		return len(all)
	}
	at.Advance(retain.PartsFor - time.Minute)
	if ends(one) != 1 || ends(two) != 1 {
		t.Error("gone before a day")
	}
	at.Advance(2 * time.Minute)
	if ends(one) != 0 || ends(two) != 1 {
		t.Error("after a day the half one stays, or the whole one is gone")
	}
	at.Advance(retain.UnsentFor)
	if ends(two) != 0 {
		t.Error("the whole one outlives its form")
	}
	var n int
	h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_upload_part`).Scan(&n))
	if n != 0 {
		t.Errorf("%d parts stay", n)
	}

	code := save()
	big, err := intake.BeginUpload(ctx, h.DB, at.Now(), code, "big.bin", "", 64<<20)
	h.must(err)
	part := make([]byte, intake.MaxPartBytes)
	for !big.Whole() {
		big = put(code, big, part)
	}
	key, err := intake.PublicDropKey(ctx, h.DB)
	h.must(err)
	_, err = intake.Store(ctx, h.DB, h.Clock, key, intake.Drop{Code: code, Input: intake.ReceiveInput{Channel: "form", Lang: "en", Body: intake.Body{Summary: "Big"}}})
	h.must(err)
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // the heap is what is held, not what a lazy collector leaves
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if n, err := h.Intake.OpenDrops(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 48<<20 {
		t.Errorf("64 MiB grew the heap by %d MiB", grown>>20)
	}
}
