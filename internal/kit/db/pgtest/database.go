package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// prepare gives the template of the name, filled. Processes that share a server agree by an advisory lock: one fills, the others find it
// done. The template mark is set after the filling, so that a half-filled database is recognised and made again.
func prepare(ctx context.Context, admin, name string, fill func(context.Context, string) error) (string, error) {
	sum := sha256.Sum256([]byte(name))
	template := "tocsin_template_" + hex.EncodeToString(sum[:8])
	c, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // the lock goes with the connection

	done, err := isTemplate(ctx, c, template)
	if err != nil || done {
		return template, err
	}
	if _, err := c.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(binary.BigEndian.Uint64(sum[:8])>>1)); err != nil {
		return "", err
	}
	done, err = isTemplate(ctx, c, template)
	if err != nil || done {
		return template, err
	}
	if _, err := c.Exec(ctx, `DROP DATABASE IF EXISTS `+template+` WITH (FORCE)`); err != nil {
		return "", err
	}
	if _, err := c.Exec(ctx, `CREATE DATABASE `+template); err != nil {
		return "", err
	}
	dsn, err := withDatabase(admin, template)
	if err != nil {
		return "", err
	}
	if err := fill(ctx, dsn); err != nil {
		_, undo := c.Exec(ctx, `DROP DATABASE `+template+` WITH (FORCE)`)
		return "", errors.Join(err, undo)
	}
	if err := closed(ctx, c, template); err != nil {
		return "", err
	}
	_, err = c.Exec(ctx, `ALTER DATABASE `+template+` WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
	return template, err
}

func isTemplate(ctx context.Context, c *pgx.Conn, name string) (bool, error) {
	var ok bool
	err := c.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate)`, name).Scan(&ok)
	return ok, err
}

// closed waits until no connection to the template is left: the server takes a moment to notice that a client has gone.
func closed(ctx context.Context, c *pgx.Conn, template string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		var open int
		if err := c.QueryRow(ctx, `
			SELECT count(*)
			FROM pg_stat_activity
			WHERE datname = $1
			AND backend_type = 'client backend'`, template).Scan(&open); err != nil {
			return err
		}
		if open == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d connections to the template were left open by the function that filled it", open)
		}
		if _, err := c.Exec(ctx, `SELECT pg_sleep(0.02)`); err != nil {
			return err
		}
	}
}

// copyOf makes a database from the template and gives its address and the function that drops it.
func copyOf(ctx context.Context, admin, template string) (string, func() error, error) {
	var b [8]byte
	_, _ = rand.Read(b[:])
	name := "tocsin_test_" + hex.EncodeToString(b[:])
	// Copied as files, which versions before 15 do anyway: by default newer ones write every page into their log too.
	create := `CREATE DATABASE ` + name + ` TEMPLATE ` + template
	err := execute(ctx, admin, create+` STRATEGY FILE_COPY`)
	if syntax(err) {
		err = execute(ctx, admin, create)
	}
	if err != nil {
		return "", nil, err
	}
	drop := func() error {
		return execute(context.Background(), admin, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	}
	dsn, err := withDatabase(admin, name)
	if err != nil {
		return "", nil, errors.Join(err, drop())
	}
	return dsn, drop, nil
}

// syntax tells an option that the server is too old for.
func syntax(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "42601"
}

func execute(ctx context.Context, dsn, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, sql)
	return errors.Join(err, c.Close(ctx))
}

func withDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", fmt.Errorf("%s must be an address of the form postgres://user@/database?host=folder", EnvServer)
	}
	u.Path = "/" + name
	return u.String(), nil
}
