package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// The database in a backup that was made on PostgreSQL is a row of parts, each some rows of one table: a line of JSON that names table and
// columns, then the values, each a mark and what belongs to it. So it is read and written in small pieces, and restored on either engine.
const (
	rowsFolder = "rows"
	rowsPart   = 4 << 20 // bytes after which a part is full
	rowsBatch  = 500     // rows that are put at once
	jobsTable  = "river_job"
)

type rowsHead struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

const (
	markNull = iota
	markInt
	markFalse
	markTrue
	markText
	markBytes
)

// rowsWriter gathers rows and hands on full parts.
type rowsWriter struct {
	part func(name string, content []byte) error
	n    int
	head rowsHead
	b    bytes.Buffer
}

func (w *rowsWriter) row(table string, columns []string, values []any) error {
	if w.b.Len() > 0 && (w.head.Table != table || w.b.Len() > rowsPart) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.b.Len() == 0 {
		w.head = rowsHead{table, columns}
		if err := json.NewEncoder(&w.b).Encode(w.head); err != nil {
			return err
		}
	}
	b := w.b.AvailableBuffer()
	for i, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, markNull)
		case int64:
			b = binary.AppendVarint(append(b, markInt), v)
		case bool:
			if v {
				b = append(b, markTrue)
			} else {
				b = append(b, markFalse)
			}
		case string:
			b = append(binary.AppendUvarint(append(b, markText), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, markBytes), uint64(len(v))), v...)
		default:
			return fmt.Errorf("%s.%s holds a %T", table, columns[i], v)
		}
	}
	w.b.Write(b)
	return nil
}

func (w *rowsWriter) flush() error {
	if w.b.Len() == 0 {
		return nil
	}
	defer w.b.Reset()
	w.n++
	return w.part(fmt.Sprintf("%s/%08d", rowsFolder, w.n), w.b.Bytes())
}

// dumpRows writes the whole database as it stands at one moment, with the jobs that were not done; begin is told that moment.
func dumpRows(ctx context.Context, d *db.DB, begin func(h db.Handle) error, part func(name string, content []byte) error) error {
	w := &rowsWriter{part: part}
	var jobs []job.Saved
	err := d.Dump(ctx, func(h db.Handle) (err error) {
		if jobs, err = job.Unfinished(ctx, h); err != nil {
			return err
		}
		return begin(h)
	}, func(t db.Table, values []any) error { return w.row(t.Name, t.Columns, values) })
	for _, j := range jobs {
		if err == nil {
			err = w.row(jobsTable, []string{"kind", "args", "lane", "at", "once"}, []any{j.Kind, j.Args, string(j.Lane), j.At.UnixMicro(), j.Unique})
		}
	}
	if err != nil {
		return err
	}
	return w.flush()
}

// readRows reads one part and gives its rows in batches.
func readRows(file string, put func(table string, columns []string, rows [][]any) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(f, 1<<16)
	line, err := in.ReadBytes('\n')
	var head rowsHead
	if err != nil || json.Unmarshal(line, &head) != nil || head.Table == "" || len(head.Columns) == 0 {
		return errDamaged
	}
	var rows [][]any
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			break
		}
		row := make([]any, len(head.Columns))
		for i := range row {
			if row[i], err = readValue(in, st.Size()); err != nil {
				return errDamaged
			}
		}
		if rows = append(rows, row); len(rows) == rowsBatch {
			if err := put(head.Table, head.Columns, rows); err != nil {
				return err
			}
			rows = nil
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return put(head.Table, head.Columns, rows)
}

func readValue(in *bufio.Reader, most int64) (any, error) {
	mark, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	switch mark {
	case markNull:
		return nil, nil
	case markInt:
		return binary.ReadVarint(in)
	case markFalse, markTrue:
		return mark == markTrue, nil
	case markText, markBytes:
		n, err := binary.ReadUvarint(in)
		if err != nil || n > uint64(most) {
			return nil, errDamaged
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, err
		}
		if mark == markText {
			return string(b), nil
		}
		return b, nil
	}
	return nil, errDamaged
}

// loadRows fills a migrated database with the parts in a folder, in their order, and gives the jobs that they hold.
func loadRows(ctx context.Context, d *db.DB, folder string) (jobs []job.Saved, err error) {
	parts, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(parts)
	err = d.Load(ctx, func(put func(string, []string, [][]any) error) error {
		jobs = nil
		for _, p := range parts {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := readRows(p, func(table string, columns []string, rows [][]any) error {
				if table != jobsTable {
					return put(table, columns, rows)
				}
				saved, err := savedJobs(columns, rows)
				jobs = append(jobs, saved...)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return jobs, err
}

func savedJobs(columns []string, rows [][]any) (out []job.Saved, err error) {
	if len(columns) != 5 {
		return nil, errDamaged
	}
	for _, r := range rows {
		kind, ok1 := r[0].(string)
		args, ok2 := r[1].([]byte)
		lane, ok3 := r[2].(string)
		at, ok4 := r[3].(int64)
		once, ok5 := r[4].(bool)
		if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
			return nil, errDamaged
		}
		out = append(out, job.Saved{Kind: kind, Args: args, Lane: job.Lane(lane), At: time.UnixMicro(at), Unique: once})
	}
	return out, nil
}

// rowsName tells whether a name is that of a part with rows.
func rowsName(name string) bool {
	number, ok := strings.CutPrefix(name, rowsFolder+"/")
	return ok && len(number) == 8 && strings.Trim(number, "0123456789") == ""
}
