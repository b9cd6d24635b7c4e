package db_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

type mark string

type count int

type kept struct {
	id    int64
	name  mark
	n     count
	long  int64
	yes   bool
	at    time.Time
	bytes []byte
}

func readKept(r *db.Rows) (k kept, err error) {
	return k, r.Scan(&k.id, &k.name, &k.n, &k.long, &k.yes, &k.at, &k.bytes)
}

// A row is read into types of our own, and NULL is the zero value also where the row before had something.
func TestRowsAreReadAlikeOnBothEngines(t *testing.T) {
	engines(t, nil, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		blob := "BLOB"
		if d.Engine() == db.Postgres {
			blob = "BYTEA"
		}
		if _, err := d.Exec(ctx, `CREATE TABLE kept (id BIGINT PRIMARY KEY, name TEXT, n BIGINT, long BIGINT, yes BOOLEAN, at BIGINT, bytes `+blob+`)`); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 11, 22, 3, 4, 5, 678000, time.UTC)
		want := []kept{{1, "médio\n'\"", 7, -1 << 60, true, at, []byte{0, 255}}, {id: 2}, {3, "", 0, 5, false, at.Add(time.Hour), []byte("x")}}
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, k := range want {
				name, n, long, yes, bytes := any(string(k.name)), any(int64(k.n)), any(k.long), any(k.yes), any(k.bytes)
				if k.id == 2 {
					name, n, long, yes, bytes = nil, nil, nil, nil, nil
				}
				if _, err := tx.Exec(ctx, `INSERT INTO kept VALUES ($1, $2, $3, $4, $5, $6, $7)`, k.id, name, n, long, yes, k.at, bytes); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.All(ctx, d, readKept, `SELECT * FROM kept ORDER BY id`)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%+v: %v", got, err)
		}
		for i, w := range want {
			g := got[i]
			if g.id != w.id || g.name != w.name || g.n != w.n || g.long != w.long || g.yes != w.yes || !g.at.Equal(w.at) || !slices.Equal(g.bytes, w.bytes) {
				t.Errorf("%+v, want %+v", g, w)
			}
		}
		for _, wrong := range []string{`SELECT name FROM kept WHERE id = 1`, `SELECT bytes FROM kept WHERE id = 1`} {
			var n int64
			if err := d.QueryRow(ctx, wrong).Scan(&n); err == nil {
				t.Errorf("%s was read as the number %d", wrong, n)
			}
		}
	})
}

// Rows are inserted in few statements whose texts repeat, each once and with what the database gives for it; one that is refused undoes all.
func TestManyRowsAreInserted(t *testing.T) {
	engines(t, nil, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if _, err := d.Exec(ctx, `CREATE TABLE many (id BIGINT PRIMARY KEY, name TEXT NOT NULL)`); err != nil {
			t.Fatal(err)
		}
		rows := make([][]any, 0, 103)
		for i := range 103 {
			rows = append(rows, []any{int64(i), strings.Repeat("é", i)})
		}
		var ids []int64
		insert := func(rows [][]any) error {
			return d.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				ids, err = db.InsertReturning(ctx, tx, "many", []string{"id", "name"}, rows, "id", func(r *db.Rows) (id int64, err error) { return id, r.Scan(&id) })
				return err
			})
		}
		if err := insert(rows[:50]); err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		if len(ids) != 50 || ids[0] != 0 || ids[49] != 49 {
			t.Fatalf("ids %v", ids)
		}
		if err := insert(rows[40:]); err == nil {
			t.Fatal("a row that is there already was taken")
		}
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return db.InsertMany(ctx, tx, "many", []string{"id", "name"}, rows[50:])
		})
		if err != nil {
			t.Fatal(err)
		}
		var n, longest int64
		if err := d.QueryRow(ctx, `SELECT COUNT(*), MAX(LENGTH(name)) FROM many`).Scan(&n, &longest); err != nil || n != 103 || longest != 102 {
			t.Errorf("%d rows, the longest name has %d letters: %v", n, longest, err)
		}
		for _, of := range []int{0, 1, 2, 3, 5, 63, 64, 65, 103} { // a list finds its values once each, however it is filled up
			list := make([]int64, of)
			for i := range list {
				list[i] = int64(i)
			}
			q := db.In(new(db.Query).Add(`SELECT id FROM many WHERE id IN `), list).Add(` AND id >= ?`, 0)
			found, err := db.List(ctx, d, q, func(r *db.Rows) (id int64, err error) { return id, r.Scan(&id) })
			if err != nil || len(found) != of {
				t.Errorf("%d of %d found: %v", len(found), of, err)
			}
		}
		texts := map[string]bool{}
		for of := 1; of <= 64; of++ {
			texts[db.In(new(db.Query), make([]int64, of)).Text()] = true
		}
		if len(texts) != 7 {
			t.Errorf("lists of 1 to 64 values have %d texts", len(texts))
		}
	})
}
