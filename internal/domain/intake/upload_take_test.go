package intake_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// zeros is a file of so many bytes that nobody holds.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func (z zero) ReadAt(b []byte, _ int64) (int, error) { return z.Read(b) }

// at calls once before a reader is read at its end.
type at struct {
	io.Reader
	once func()
}

func (r *at) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if n == 0 && r.once != nil {
		r.once()
		r.once = nil
	}
	return n, err
}

// fillDisk lets the next large rows find no room on the disk, and gives it back.
func (d *desk) fillDisk() (again func()) {
	ctx := d.Context()
	do := func(statement string) {
		var err error
		if d.DB.Engine() == db.SQLite {
			_, err = d.DB.Writer().ExecContext(ctx, statement)
		} else {
			_, err = d.DB.Pool().Exec(ctx, statement)
		}
		if err != nil {
			d.Fatal(err)
		}
	}
	if d.DB.Engine() == db.SQLite {
		do(`PRAGMA max_page_count = 1`) // no less than there are
		return func() { do(`PRAGMA max_page_count = 1073741823`) }
	}
	do(`CREATE FUNCTION no_room() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql`)
	do(`CREATE TRIGGER no_room BEFORE INSERT ON intake_upload_part FOR EACH ROW EXECUTE FUNCTION no_room()`)
	return func() { do(`DROP TRIGGER no_room ON intake_upload_part`) }
}

// A file that comes in one piece counts when all of it is here, and never before: not when its line breaks, the disk is full in the middle, the files are too many
// bytes, or the process that took it is gone. Two at once under one code are both kept; the same twice is one.
func TestAFileInOnePieceIsKeptWhileItComes(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		code := id.NewCode()
		taking := intake.Taking{Code: code, Most: intake.MaxUploadBytes}
		take := func(name string, r io.Reader) (intake.Streamed, error) {
			return intake.TakeFile(ctx, d.DB, d.Clock, taking, name, "text/plain", r)
		}
		listed := func() string {
			t.Helper()
			all, err := intake.Uploads(ctx, d.DB, d.Clock.Now(), code)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, u := range all {
				if !u.Whole() {
					t.Errorf("%s is listed and not whole", u.Name)
				}
				out = append(out, u.Name)
			}
			return strings.Join(out, " ")
		}
		parts := func() (n int) {
			t.Helper()
			if err := d.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_upload_part`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		long := bytes.Repeat([]byte("ransom "), intake.PieceBytes/3)
		sum := sha256.Sum256(long)

		// One comes while another does; both are whole.
		var inner error
		got, err := take("one.log", &at{bytes.NewReader(long), func() {
			if listed() != "" {
				t.Error("what is not here whole is listed")
			}
			_, inner = take("two.log", strings.NewReader("two"))
		}})
		if err != nil || inner != nil || got.SHA256 != hex.EncodeToString(sum[:]) || got.Size != int64(len(long)) || listed() != "one.log two.log" {
			t.Fatalf("two at once: %v, %v, %q, %+v", err, inner, listed(), got.Upload)
		}
		content, err := got.Open(ctx, d.DB)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(content); err != nil || !bytes.Equal(raw, long) {
			t.Errorf("it reads as %d bytes, %v", len(raw), err)
		}
		before := parts()
		if again, err := take("one.log", bytes.NewReader(long)); err != nil || again.UID != got.UID || parts() != before {
			t.Errorf("the same again: %v, %d parts", err, parts())
		}

		// What does not come whole leaves nothing.
		broken := errors.New("the line broke")
		_, err = take("broken", io.MultiReader(bytes.NewReader(long), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || parts() != before {
			t.Errorf("a broken line: %v, %d parts", err, parts())
		}
		taking.Most = int64(len(long)) + intake.PieceBytes
		_, err = take("large", bytes.NewReader(long))
		d.refused("more than may be", err, errs.Invalid)
		taking.Each = func() error { return &errs.Error{Kind: errs.Limit} }
		_, err = take("often", strings.NewReader("x"))
		d.refused("more than its network may", err, errs.Limit)
		taking.Each, taking.Most = nil, intake.MaxUploadBytes
		var room func()
		_, err = take("full", io.MultiReader(bytes.NewReader(long), &at{strings.NewReader(""), func() { room = d.fillDisk() }}, bytes.NewReader(long)))
		d.refused("a full disk", err, errs.Unavailable)
		room()
		if parts() != before || listed() != "one.log two.log" {
			t.Errorf("left of what was refused: %d parts, %q", parts()-before, listed())
		}
		if x, err := take("", strings.NewReader("")); err != nil || x.UID != "" {
			t.Errorf("no file: %+v, %v", x.Upload, err)
		}
		if x, err := take("a\x00\xff/"+strings.Repeat("é", 400), strings.NewReader("x")); err != nil || len([]rune(x.Name)) != 250 || strings.ContainsRune(x.Name, 0) {
			t.Errorf("a strange name: %q, %v", x.Name, err)
		}
		if _, err := take("empty.log", strings.NewReader("")); err != nil {
			t.Errorf("an empty file: %v", err)
		}

		// Eight at once are no more than may be, and what is counted is there.
		taking.Most, taking.Code = 3*intake.PieceBytes, id.NewCode()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := take(id.New(), zeros(intake.PieceBytes+9)); err != nil && !errs.Is(err, errs.Invalid) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var size, there int64
		if err := d.DB.QueryRow(ctx, `SELECT COALESCE(SUM(size), 0), (SELECT SUM(size) FROM intake_upload_part) FROM intake_upload`).Scan(&size, &there); err != nil || size != there {
			t.Errorf("%d bytes are counted, %d are there, %v", size, there, err)
		}
		if all, err := intake.Uploads(ctx, d.DB, d.Clock.Now(), taking.Code); err != nil || len(all) > 2 {
			t.Errorf("%d of eight, %v", len(all), err)
		}

		// The process that took one is gone: after a while it stands in nobody's way, and after a day it is removed.
		taking.Most, taking.Code = intake.PieceBytes+10, id.NewCode()
		var late error
		_, err = take("gone", io.MultiReader(zeros(intake.PieceBytes), &at{strings.NewReader(""), func() {
			_, late = take("next", zeros(100))
			d.refused("while it comes", late, errs.Invalid)
			d.Clock.Advance(11 * time.Minute)
			_, late = take("next", zeros(100))
		}}, zeros(5)))
		if d.refused("when it comes back", err, errs.Conflict); late != nil {
			t.Errorf("after it was gone: %v", late)
		}
		taking.Loose = true
		if _, err = take("loose", zeros(5)); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(retain.PartsFor + time.Minute)
		if _, err := d.s.End(ctx); err != nil {
			t.Fatal(err)
		}
		var loose int
		if err := d.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_upload WHERE got < size`).Scan(&loose); err != nil || loose != 0 {
			t.Errorf("%d that nobody goes on with are left, %v", loose, err)
		}
	})
}

// A form with files that is pressed twice is one report with each file once, and nothing of it waits to be sent again; other files are an addition.
func TestAFormWithFilesSentTwiceIsOneReport(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		if _, err := d.s.DropKey(ctx); err != nil {
			t.Fatal(err)
		}
		code := id.NewCode()
		bring := func(content string) intake.Upload {
			t.Helper()
			x, err := intake.TakeFile(ctx, d.DB, d.Clock, intake.Taking{Code: code, Most: intake.MaxUploadBytes}, "a.log", "", strings.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			return x.Upload
		}
		send := func(files ...intake.Upload) {
			t.Helper()
			if _, err := d.drop(ctx, intake.Drop{Code: code, Input: form("Ransomware", ""), Text: "again", Brought: files}); err != nil {
				t.Error(err)
			}
		}
		one, two := bring("log"), bring("log") // both came before the first was answered
		send(one)
		send(two)
		send(bring("log"))
		var left int
		if err := d.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_upload WHERE dropped_at IS NULL`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d files wait to be sent again, %v", left, err)
		}
		if _, files, _, err := intake.Taken(ctx, d.DB, code); err != nil || files != 1 {
			t.Errorf("the receipt says %d files, %v", files, err)
		}
		send(bring("another"))
		if n, err := d.s.OpenDrops(ctx); n != 2 || err != nil {
			t.Fatalf("opened %d, %v", n, err)
		}
		var sizes []int64
		for _, m := range d.messages(ctx, d.queue(ctx, intake.QueueFilter{})[0].Report) {
			for _, f := range m.Body.Files {
				sizes = append(sizes, f.Size)
			}
		}
		if len(sizes) != 2 || sizes[0]+sizes[1] != 10 {
			t.Errorf("files of %v bytes", sizes)
		}
		// The public lane reads one mail: no more than one is taken for it, whatever lies under the code.
		code = id.NewCode()
		if _, err := intake.TakeFile(ctx, d.DB, d.Clock, intake.Taking{Code: code, Most: intake.MaxUploadBytes}, "big", "", zeros(intake.MaxFileBytes+1)); err != nil {
			t.Fatal(err)
		}
		_, err := d.drop(ctx, intake.Drop{Code: code, Suspicious: true, Input: form("x", "")})
		d.refused("more than a mail", err, errs.Invalid)
	})
}

// A large file takes no more memory than a small one while it comes.
func TestAFileInOnePieceTakesLittleMemory(t *testing.T) {
	d := newDesk(t, coretest.Open(t, "sqlite"))
	ctx := t.Context()
	code := id.NewCode()
	take := func(n int64) {
		if _, err := intake.TakeFile(ctx, d.DB, d.Clock, intake.Taking{Code: code, Most: intake.MaxUploadBytes}, "big", "", zeros(n)); err != nil {
			t.Fatal(err)
		}
	}
	take(4 << 20)
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // the heap is what is held, not what a lazy collector leaves
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	take(96 << 20)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 24<<20 {
		t.Errorf("96 MiB grew the heap by %d MiB", grown>>20)
	}
}
