package app_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

const password = "orchard-lantern-42-quay"

// live is a house with somebody signed in, a letter about to leave, and a recovery key kept outside.
type live struct {
	*testing.T
	*app.House
	dir      string
	recovery *age.X25519Identity
	cookie   string
	ana      access.Actor
	who      account.Account
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// moves are the ways from engine to engine that this machine can go.
func moves(t *testing.T, story func(t *testing.T, from, to string)) {
	engines := pgtest.Engines(t)
	for _, from := range engines {
		for _, to := range engines {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				story(t, from, to)
			})
		}
	}
}

// place is the address of an empty database, none for SQLite.
func place(t *testing.T, engine string) conf.Endpoint {
	if engine != "postgres" {
		return conf.Endpoint{}
	}
	return conf.EndpointOf(pgtest.DSN(t, func(context.Context, string) error { return nil }, "app empty 1"))
}

func open(t *testing.T, engine string) *live {
	t.Helper()
	ctx := t.Context()
	l := &live{T: t, dir: t.TempDir()}
	var err error
	l.House, err = app.Open(ctx, conf.Config{Data: filepath.Join(l.dir, "data"), HTTP: "127.0.0.1:8080", Database: place(t, engine)}, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(l.Close)
	secret, err := keyd.Generate("CERT.EX", []string{"csirt@cert.example"}, l.Clock.Now())
	must(t, err)
	ring, err := keyd.NewRing(secret)
	must(t, err)
	must(t, l.Setup(ctx, app.Profile{Name: "CERT.EX", Address: "csirt@cert.example", Lang: "en"}, ring))
	l.recovery, err = age.GenerateX25519Identity()
	must(t, err)
	must(t, l.SetRecovery(ctx, access.System("setup"), []string{l.recovery.Recipient().String()}))
	l.Accounts.Hash = account.NewHasher(64, 1)
	a, _, err := l.Accounts.Create(ctx, access.System("setup"), account.NewAccount{Email: "ana@cert.example", Name: "Ana Lima", Roles: []access.Role{access.Analyst}, Password: password})
	must(t, err)
	l.who = a
	l.ana = access.Actor{Account: a.ID, Name: a.Name, Roles: []access.Role{access.Analyst}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: l.Clock.Now(), Lang: "en"}
	in, err := l.Accounts.SignIn(ctx, account.From{Door: account.Desk}, account.Credentials{Email: "ana@cert.example", Password: password})
	must(t, err)
	l.cookie = in.Secret.Reveal()
	r, err := l.report(ctx, "Servers encrypted")
	must(t, err)
	_, err = l.Intake.Reply(ctx, l.ana, r.UID, correspondence.Outgoing{Subject: "Your report", Text: "We look at it."})
	must(t, err)
	return l
}

func (l *live) report(ctx context.Context, summary string) (intake.Report, error) {
	got, err := l.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{Channel: correspondence.ByMail, Proof: correspondence.Aligned, Lang: "en", Body: intake.Body{
		Summary: summary, Description: "Since this morning.", Email: "rui@hospital.example",
	}, Files: []correspondence.FileIn{{Name: "note.txt", Type: "text/plain", Content: strings.NewReader("pay us, " + summary)}}})
	return got.Report, err
}

func (l *live) backup() []byte {
	l.Helper()
	var b bytes.Buffer
	_, err := l.Backup(l.Context(), &b, nil)
	must(l.T, err)
	return b.Bytes()
}

// elsewhere is a new machine with the root keys from the safe.
func (l *live) elsewhere(engine string) conf.Config {
	l.Helper()
	dir := l.TempDir()
	for _, end := range []string{".rootkey", ".rootkey.team"} {
		b, err := os.ReadFile(filepath.Join(l.dir, "data"+end))
		must(l.T, err)
		must(l.T, os.WriteFile(filepath.Join(dir, "data"+end), b, 0o600))
	}
	return conf.Config{Data: filepath.Join(dir, "data"), HTTP: "127.0.0.1:8080", Database: place(l.T, engine)}
}

func (l *live) restore(c conf.Config, backup []byte, kept ...string) (app.Restored, error) {
	return app.Restore(l.Context(), c, app.RestoreInput{From: bytes.NewReader(backup), Identities: []age.Identity{l.recovery}, Checkpoints: kept}, slog.New(slog.DiscardHandler))
}

func TestK9ABackupTakenWhileOthersWriteIsRestoredElsewhere(t *testing.T) {
	moves(t, restoredElsewhere)
}

func restoredElsewhere(t *testing.T, from, to string) {
	l := open(t, from)
	_, token, err := l.Accounts.CreateToken(t.Context(), access.System("sample"), account.NewToken{Name: "pour", Role: access.Analyst, Owner: l.who.UID})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	wrote, ended := make(chan int, 1000), make(chan error, 1)
	var mu sync.Mutex
	var acknowledged []string
	go func() {
		for n := 0; ; n++ {
			r, err := l.report(ctx, "Report while backing up")
			if err != nil {
				ended <- err
				return
			}
			mu.Lock()
			acknowledged = append(acknowledged, r.UID)
			mu.Unlock()
			select {
			case wrote <- n:
			default:
			}
		}
	}()
	<-wrote
	<-wrote
	mu.Lock()
	before := slices.Clone(acknowledged)
	mu.Unlock()
	b := l.backup()
	<-wrote // it was never kept waiting for long
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) && ctx.Err() == nil {
		t.Fatal(err)
	}

	c := l.elsewhere(to)
	got, err := l.restore(c, b)
	must(t, err)
	if len(got.Proof.Problems) > 0 || got.Proof.Size != got.Manifest.Audit.Size || !got.TeamKeys || got.Held < 1 {
		t.Fatalf("restored: %+v", got)
	}
	for _, p := range got.Manifest.Parts {
		if strings.Contains(p.Name, "rootkey") {
			t.Errorf("%s is in the backup", p.Name)
		}
	}
	h, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(h.Close)
	proof, err := audit.Verify(t.Context(), h.DB, h.Ring, h.Verifier, got.Manifest.Audit.Checkpoint)
	must(t, err)
	if len(proof.Problems) > 0 || proof.Size <= got.Proof.Size {
		t.Errorf("the record after the restore: %+v", proof)
	}
	if _, err := app.LoadTeamSecrets(c); err != nil {
		t.Errorf("the team's keys: %v", err)
	}

	// The old cookie is dead, in the new house alone.
	if _, _, err := h.Accounts.BySession(t.Context(), account.Desk, l.cookie); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("the old cookie: %v", err)
	}
	if _, _, err := l.Accounts.BySession(t.Context(), account.Desk, l.cookie); err != nil {
		t.Errorf("the cookie in the old house: %v", err)
	}

	if by, err := h.Accounts.ByToken(t.Context(), token.Reveal(), netip.Addr{}); err == nil {
		t.Errorf("the old token is still %s's", by.Name)
	}

	// Nothing leaves: each letter waits for a person, and outgoing mail is stopped.
	if paused, err := h.Correspondence.Paused(t.Context(), h.DB); err != nil || !paused {
		t.Errorf("outgoing mail: paused %v, %v", paused, err)
	}
	waiting := 0
	for _, state := range []correspondence.State{correspondence.Held, correspondence.Sending, correspondence.Waiting} {
		page, err := h.Correspondence.Outbox(t.Context(), l.ana, correspondence.OutboxFilter{State: state, Limit: 500})
		must(t, err)
		for _, m := range page.Items {
			if m.State != correspondence.Waiting {
				t.Errorf("a letter is %s", m.State)
			}
			waiting++
		}
	}
	if waiting < got.Held {
		t.Errorf("%d letters wait, %d were held", waiting, got.Held)
	}

	// What was attached is whole.
	page, err := h.Intake.List(t.Context(), l.ana, intake.QueueFilter{Limit: 500})
	must(t, err)
	there := map[string]bool{}
	for _, r := range page.Items {
		there[r.UID] = true
		messages, err := h.Correspondence.Messages(t.Context(), h.DB, l.ana, r.Thread)
		must(t, err)
		for _, m := range messages {
			for _, f := range m.Body.Files {
				if _, err := os.Stat(filepath.Join(c.Data, "blobs", f.Blob[:2], f.Blob)); err != nil {
					t.Errorf("an attachment is missing: %v", err)
				}
			}
		}
	}
	for _, uid := range before {
		if !there[uid] {
			t.Errorf("report %s was acknowledged before the backup and is not in it", uid)
		}
	}

	// It goes on where it stopped: new rows, numbers and jobs find their places.
	more, err := h.Intake.Receive(t.Context(), access.System("intake"), intake.ReceiveInput{
		Channel: correspondence.ByMail, Proof: correspondence.Aligned, Lang: "en",
		Body: intake.Body{Summary: "After the restore", Description: "New.", Email: "rui@hospital.example"},
	})
	must(t, err)
	if there[more.Report.UID] {
		t.Error("a new report took the place of an old one")
	}
	jobs := func(h *app.House) (n int64) {
		must(t, h.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM river_job WHERE state IN ('available', 'scheduled')`).Scan(&n))
		return n
	}
	if n := jobs(h); n < 1 {
		t.Errorf("%d jobs wait after the restore", n)
	}
}

func TestK9ADamagedOrForeignBackupIsRefusedAndLeavesNothing(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) { damaged(t, open(t, engine), engine) })
}

func damaged(t *testing.T, l *live, engine string) {
	b := l.backup()
	cut, changed := b[:len(b)-100], bytes.Clone(b)
	changed[len(changed)/2] ^= 1
	other, err := age.GenerateX25519Identity()
	must(t, err)
	forge := func(recipient age.Recipient, plain []byte) []byte {
		var out bytes.Buffer
		w, err := age.Encrypt(&out, recipient)
		must(t, err)
		_, err = w.Write(plain)
		must(t, err)
		must(t, w.Close())
		return out.Bytes()
	}
	for name, bad := range map[string][]byte{
		"cut": cut, "changed": changed, "text": []byte("not a backup"), "for another": forge(other.Recipient(), []byte("x")), "no tar": forge(l.recovery.Recipient(), []byte("x")),
		"empty": forge(l.recovery.Recipient(), nil),
	} {
		c := l.elsewhere(engine)
		if _, err := l.restore(c, bad); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
		left, err := os.ReadDir(filepath.Dir(c.Data))
		must(t, err)
		if len(left) != 2 { // the two root keys
			t.Errorf("%s: %d files are left", name, len(left))
		}
	}
}

func TestK9AnOlderStateThanAKeptCheckpointIsRefused(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) { older(t, open(t, engine), engine) })
}

func older(t *testing.T, l *live, engine string) {
	b := l.backup()
	_, err := l.report(t.Context(), "After the backup")
	must(t, err)
	must(t, l.Settle(t.Context()))
	kept, err := l.Checkpoint(t.Context())
	must(t, err)
	c := l.elsewhere(engine)
	if _, err := l.restore(c, b, kept); !errs.Is(err, errs.Conflict) {
		t.Errorf("an older state: %v, want conflict", err)
	}
	if _, err := l.restore(c, b, "tocsin audit\n1\nAAAA\n"); !errs.Is(err, errs.Invalid) {
		t.Errorf("a checkpoint that nobody signed: %v, want invalid", err)
	}
	in := app.RestoreInput{From: bytes.NewReader(b), Identities: []age.Identity{l.recovery}, Checkpoints: []string{kept}, Older: true}
	got, err := app.Restore(t.Context(), c, in, slog.New(slog.DiscardHandler))
	must(t, err)
	if !got.Older {
		t.Error("the answer does not say that the state is older")
	}
	if _, err := l.restore(c, b); !errs.Is(err, errs.Conflict) {
		t.Errorf("a folder that is not empty: %v, want conflict", err)
	}
}

func TestABackupNeedsARecoveryKeyAndStopsWhenTold(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) { stopped(t, open(t, engine)) })
}

func stopped(t *testing.T, l *live) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l.Backup(ctx, io.Discard, nil); err == nil {
		t.Error("a backup went on after it was stopped")
	}
	if err := l.SetRecovery(t.Context(), access.System("setup"), []string{"age1nonsense"}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a recipient that is none: %v", err)
	}
	if err := l.SetRecovery(t.Context(), l.ana, nil); !errs.Is(err, errs.Forbidden) {
		t.Errorf("an analyst names recipients: %v", err)
	}
	must(t, l.SetRecovery(t.Context(), access.System("setup"), nil))
	if _, err := l.Backup(t.Context(), io.Discard, nil); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a backup for nobody: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(l.dir, "data", "backup-*"))
	must(t, err)
	if len(left) > 0 {
		t.Error("a temporary folder is left")
	}
}
