package db

import (
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rows are the rows of a query.
type Rows struct {
	pg    pgx.Rows
	sent  pgx.BatchResults // with which the rows came; nil when they came alone
	lite  *sql.Rows
	cells []cell // one for each column, used again for each row
	dst   []any  // their addresses, or what reads itself

	held chan struct{} // the connection of the lane, until the rows are closed
	stop func()        // ends their time limit; nil without one

	closed bool
	err    error // of the closed rows
}

// leave gives the connection back to its lane.
func (r *Rows) leave() {
	if r.held == nil {
		return
	}
	<-r.held
	r.held = nil
	if r.stop != nil {
		r.stop()
	}
}

// Next moves to the next row.
func (r *Rows) Next() bool {
	if r.pg != nil {
		return r.pg.Next()
	}
	return r.lite.Next()
}

// Scan reads the row's columns. Into *time.Time it reads microseconds; into a pointer to any type of text or of whole numbers, into *[]byte
// and *bool NULL reads as the zero value.
func (r *Rows) Scan(dst ...any) error {
	if len(r.cells) != len(dst) {
		r.cells, r.dst = make([]cell, len(dst)), make([]any, len(dst))
	}
	for i, d := range dst {
		if r.cells[i].holds(d) {
			r.dst[i] = &r.cells[i]
		} else {
			r.dst[i] = d
		}
	}
	if r.pg != nil {
		return kind(r.pg.Scan(r.dst...))
	}
	return kind(r.lite.Scan(r.dst...))
}

// Err gives the error that ended the rows early.
func (r *Rows) Err() error {
	switch {
	case r.closed:
		return r.err
	case r.pg != nil:
		return kind(r.pg.Err())
	case r.lite != nil:
		return kind(r.lite.Err())
	}
	return nil
}

// Close ends the reading.
func (r *Rows) Close() {
	if r == nil || r.closed {
		return
	}
	if r.pg != nil {
		r.pg.Close()
		if r.sent != nil {
			_ = r.sent.Close() // its errors are those of the rows, which came last
		}
	} else if r.lite != nil {
		_ = r.lite.Close()
	}
	r.err = r.Err() // before the limit ends, which would be their error
	r.closed = true
	r.leave()
}

// Row is the one row of QueryRow.
type Row struct {
	rows *Rows
	err  error
}

// Scan reads the row; without one the error is errs.ErrNotFound.
func (r *Row) Scan(dst ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return errs.ErrNotFound
	}
	if err := r.rows.Scan(dst...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// encode turns times into microseconds (the zero time into NULL); all else passes as it is.
func encode(args []any) []any {
	for i, a := range args {
		if _, ok := a.(time.Time); ok {
			out := make([]any, len(args))
			copy(out, args)
			for ; i < len(out); i++ {
				if t, ok := out[i].(time.Time); ok {
					if t.IsZero() {
						out[i] = nil
					} else {
						out[i] = t.UnixMicro()
					}
				}
			}
			return out
		}
	}
	return args
}
