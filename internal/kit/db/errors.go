package db

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// kind turns a driver's error into one with a kind, by its code. Errors that have a kind stay.
func kind(err error) error {
	if err == nil || errs.Of(err) != errs.Internal {
		return err
	}
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case lost(err):
		return errs.Wrap(errs.Unavailable, "the database is not available", err)
	case errors.Is(err, pgx.ErrNoRows), errors.Is(err, sql.ErrNoRows):
		return errs.ErrNotFound
	case errors.As(err, &pg):
		switch {
		case pg.Code == "23505":
			return errs.Wrap(errs.Conflict, "this exists already", err)
		case pg.Code == "40001", pg.Code == "40P01", pg.Code == "55P03":
			return errs.Wrap(errs.Conflict, "somebody else changed this at the same moment", err)
		case pg.Code == "57014":
			return errs.Wrap(errs.Unavailable, "this took too long", err)
		case pg.Code == "22021": // a NUL, or bytes that are no UTF-8
			return errs.Wrap(errs.Invalid, "this holds a character that cannot be sent", err)
		case pg.Code[:2] == "53", pg.Code[:2] == "57", pg.Code[:2] == "08", pg.Code == "58030":
			return errs.Wrap(errs.Unavailable, "the database is not available", err)
		}
	case errors.As(err, &lite):
		switch code := lite.Code(); {
		case code == sqlite3.SQLITE_CONSTRAINT_UNIQUE, code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return errs.Wrap(errs.Conflict, "this exists already", err)
		case code&0xff == sqlite3.SQLITE_INTERRUPT:
			return errs.Wrap(errs.Unavailable, "this took too long", err)
		case code&0xff == sqlite3.SQLITE_BUSY, code&0xff == sqlite3.SQLITE_LOCKED, code&0xff == sqlite3.SQLITE_FULL, code&0xff == sqlite3.SQLITE_IOERR:
			return errs.Wrap(errs.Unavailable, "the database is not available", err)
		}
	case errors.Is(err, context.DeadlineExceeded):
		return errs.Wrap(errs.Unavailable, "this took too long", err)
	}
	return err
}

// lost tells that the connection failed, or could not be made, whatever the server gave as its reason: what was asked is not to blame.
func lost(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var refused *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &refused) || errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgx.ErrTxClosed)
}

// lostRace tells whether the same transaction may succeed when run again.
func lostRace(err error) bool {
	if errors.Is(err, errTogether) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}
