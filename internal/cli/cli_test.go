package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

func TestMain(m *testing.M) {
	if os.Getenv(envProgram) != "" {
		os.Exit(Main(os.Args[1:], Streams{os.Stdin, os.Stdout, os.Stderr}))
	}
	testscript.Main(m, map[string]func(){
		"tocsin": func() { os.Exit(Main(os.Args[1:], Streams{os.Stdin, os.Stdout, os.Stderr})) },
	})
}

// TestScripts runs the stories of testdata. Beside the usual commands they know:
//
//	status N tocsin …     runs it and asks for exit status N
//	house NAME            sets a house up in NAME/data, with the recovery key in NAME/recovery.txt
//	recipient VAR         makes a recovery recipient
//	case NAME             fills that house with a case; its number is in INCIDENT
//	grab VAR REGEXP       keeps the first group of what the last command wrote in a variable
//	teamkey FILE [OLD]    writes an OpenPGP private key, locked with "lantern orchard quay", made today or three years ago
//	tamper DATA SQL       changes a database behind the back of the program
//	cut DATA N            takes the newest N entries of the record away, and all in the house that tells of them
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "house": house, "grab": grab, "teamkey": teamkey, "tamper": tamper, "recipient": recipient, "case": makeCase, "cut": cut,
		},
	})
}

func need(ts *testscript.TestScript, args []string, n int) {
	if len(args) < n {
		ts.Fatalf("too few words")
	}
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var e *exec.ExitError
	if errors.As(err, &e) {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func house(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	made, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "recovery.txt"), []byte(made.String()+"\n"), 0o600))
	ts.Check(ts.Exec("tocsin", "init", "--data", filepath.Join(dir, "data"), "--name", "CERT.EX", "--address", "csirt@cert.example", "--phone", "+999 1",
		"--admin-email", "ada@cert.example", "--admin-name", "Ada Reis", "--recovery", made.Recipient().String()))
}

func recipient(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1)
	made, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Setenv(args[0], made.Recipient().String())
}

func grab(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2)
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("%s is not in the answer", args[1])
	}
	ts.Setenv(args[0], m[1])
}

func teamkey(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1)
	at := time.Now()
	if len(args) > 1 {
		at = at.AddDate(-3, 0, 0)
	}
	s, err := keyd.Generate("CERT.EX", []string{"csirt@cert.example"}, at)
	ts.Check(err)
	b, err := s.Export([]byte("lantern orchard quay"))
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.Write(append(b, '\n'))
	ts.Check(err)
	ts.Check(f.Close())
}

func tamper(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2)
	d, err := db.Open(context.Background(), db.Config{Path: filepath.Join(ts.MkAbs(args[0]), "tocsin.db")})
	ts.Check(err)
	defer d.Close()
	for _, q := range args[1:] {
		_, err = d.Exec(context.Background(), q)
		ts.Check(err)
	}
}

func cut(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2)
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	d, err := db.Open(context.Background(), db.Config{Path: filepath.Join(ts.MkAbs(args[0]), "tocsin.db")})
	ts.Check(err)
	defer d.Close()
	var size int64
	ts.Check(d.QueryRow(context.Background(), `SELECT MAX(seq) FROM audit_number`).Scan(&size))
	size -= n
	for _, q := range []string{
		`DROP TRIGGER audit_entry_stays`, `DROP TRIGGER audit_number_stays`, `DROP TRIGGER audit_node_stays`, `DROP TRIGGER audit_checkpoint_stays`,
		fmt.Sprint(`DELETE FROM audit_detail WHERE entry IN (SELECT entry FROM audit_number WHERE seq > `, size, `)`),
		fmt.Sprint(`DELETE FROM audit_entry WHERE id IN (SELECT entry FROM audit_number WHERE seq > `, size, `)`),
		fmt.Sprint(`DELETE FROM audit_number WHERE seq > `, size), fmt.Sprint(`DELETE FROM audit_node WHERE idx >= `, tlog.StoredHashCount(size)),
		fmt.Sprint(`DELETE FROM audit_checkpoint WHERE size > `, size),
	} {
		_, err := d.Exec(context.Background(), q)
		ts.Check(err)
	}
}
