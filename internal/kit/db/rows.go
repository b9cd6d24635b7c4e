package db

import (
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rows are the rows of a query.
type Rows struct {
	pg   pgx.Rows
	lite *sql.Rows
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

// Scan reads the row's columns. Into *time.Time it reads microseconds; into *string, *int64, *[]byte and *bool NULL reads as the zero value.
func (r *Rows) Scan(dst ...any) error {
	wrapped := make([]any, len(dst))
	for i, d := range dst {
		switch p := d.(type) {
		case *time.Time:
			wrapped[i] = &timeCell{p}
		case *string:
			wrapped[i] = &cell[string]{p}
		case *int64:
			wrapped[i] = &cell[int64]{p}
		case *bool:
			wrapped[i] = &cell[bool]{p}
		case *int:
			wrapped[i] = &intCell{p}
		default:
			wrapped[i] = d
		}
	}
	if r.pg != nil {
		return kind(r.pg.Scan(wrapped...))
	}
	return kind(r.lite.Scan(wrapped...))
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

type cell[T any] struct{ dst *T }

func (c *cell[T]) Scan(src any) error {
	var n sql.Null[T]
	if err := n.Scan(src); err != nil {
		return err
	}
	*c.dst = n.V
	return nil
}

type intCell struct{ dst *int }

func (c *intCell) Scan(src any) error {
	var n sql.Null[int64]
	if err := n.Scan(src); err != nil {
		return err
	}
	*c.dst = int(n.V)
	return nil
}

type timeCell struct{ dst *time.Time }

func (c *timeCell) Scan(src any) error {
	var n sql.Null[int64]
	if err := n.Scan(src); err != nil {
		return err
	}
	*c.dst = time.Time{}
	if n.Valid {
		*c.dst = time.UnixMicro(n.V).UTC()
	}
	return nil
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
