package db

import (
	"database/sql"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// cell reads one column into one pointer without the detours of the drivers, which cost as much as the query itself. It is a sql.Scanner for
// SQLite and the scanners of pgx's own types for PostgreSQL. NULL reads as the zero value.
type cell struct {
	text   *string
	long   *int64
	number *int
	truth  *bool
	at     *time.Time
}

var (
	textType   = reflect.TypeFor[*string]()
	longType   = reflect.TypeFor[*int64]()
	numberType = reflect.TypeFor[*int]()
)

// holds points the cell at d and tells whether it can read into it.
func (c *cell) holds(d any) bool {
	*c = cell{}
	switch p := d.(type) {
	case *string:
		c.text = p
	case *int64:
		c.long = p
	case *int:
		c.number = p
	case *bool:
		c.truth = p
	case *time.Time:
		c.at = p
	case *[]byte, sql.Scanner:
		return false
	default:
		return c.named(reflect.ValueOf(d))
	}
	return true
}

// named is holds for a type whose base is text or a whole number, such as a state.
func (c *cell) named(v reflect.Value) bool {
	if v.Kind() != reflect.Pointer {
		return false
	}
	switch v.Type().Elem().Kind() {
	case reflect.String:
		c.text = v.Convert(textType).Interface().(*string)
	case reflect.Int64:
		c.long = v.Convert(longType).Interface().(*int64)
	case reflect.Int:
		c.number = v.Convert(numberType).Interface().(*int)
	default:
		return false
	}
	return true
}

// Scan takes a value of SQLite's driver.
func (c *cell) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		return c.null()
	case int64:
		return c.whole(v)
	case string:
		return c.words(v)
	case []byte:
		return c.words(string(v))
	case bool:
		return c.ScanBool(pgtype.Bool{Bool: v, Valid: true})
	}
	return fmt.Errorf("column of type %T", src)
}

// ScanText takes a text of PostgreSQL.
func (c *cell) ScanText(v pgtype.Text) error {
	if !v.Valid {
		return c.null()
	}
	return c.words(v.String)
}

// ScanInt64 takes a whole number of PostgreSQL.
func (c *cell) ScanInt64(v pgtype.Int8) error {
	if !v.Valid {
		return c.null()
	}
	return c.whole(v.Int64)
}

// ScanBool takes a truth value of PostgreSQL.
func (c *cell) ScanBool(v pgtype.Bool) error {
	switch {
	case !v.Valid:
		return c.null()
	case c.truth == nil:
		return fmt.Errorf("a truth value read into something else")
	}
	*c.truth = v.Bool
	return nil
}

func (c *cell) null() error {
	switch {
	case c.text != nil:
		*c.text = ""
	case c.long != nil:
		*c.long = 0
	case c.number != nil:
		*c.number = 0
	case c.truth != nil:
		*c.truth = false
	case c.at != nil:
		*c.at = time.Time{}
	}
	return nil
}

func (c *cell) whole(v int64) error {
	switch {
	case c.long != nil:
		*c.long = v
	case c.number != nil:
		*c.number = int(v)
	case c.truth != nil:
		*c.truth = v != 0
	case c.at != nil:
		*c.at = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a whole number read into text")
	}
	return nil
}

func (c *cell) words(v string) error {
	if c.text == nil {
		return fmt.Errorf("a text read into something else")
	}
	*c.text = v
	return nil
}
