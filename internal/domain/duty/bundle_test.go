package duty_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const passphrase = "orchard lantern forty-two quay"

func paper() duty.Bundle {
	return duty.Bundle{
		Team: "CERT.EX", MadeAt: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Lang: "en",
		Words: map[string]string{
			"title": "When Tocsin is down", "ask": "Passphrase", "open": "Open", "wrong": "It does not open", "old": "Too old", "calls": "Call notes", "keep": "Keep this note", "save": "Save", "roster": "Roster", "clocks": "Running clocks",
			"contacts": "Contacts", "keys": "Keys", "cases": "Open incidents", "none": "Nothing",
		},
		Roster:   []duty.BundleShift{{From: "2026-11-21 08:00", Till: "2026-11-28 08:00", Who: "Ana Duarte", Email: "ana@cert.example"}},
		Contacts: []duty.BundleContact{{Organisation: "Hospital", Name: "Rui Tavares", Role: "Duty desk", Numbers: []string{"+999 1 <b>", "+999 2 · outside"}}},
		Keys:     []duty.BundleKey{{Owner: "CERT.EX", Fingerprint: "7F3A 9C02", Armored: "-----BEGIN PGP PUBLIC KEY BLOCK-----"}},
		Clocks:   []duty.BundleClock{{Number: "INC-2026-000001", What: "Frühwarnung", OwedBy: "Theirs", Due: "2026-11-21 15:00 WET"}},
		Cases:    []duty.BundleCase{{Number: "INC-2026-000001", Title: "Quokka <img src=x onerror=alert(1)>"}, {Number: "INC-2026-000002"}},
	}
}

// The page opens from a file in a browser without Tocsin: by the passphrase alone, and nothing of it can be read before. What stands in it stays text.
func TestBrowserOpensTheBundleFromAFile(t *testing.T) {
	page, err := paper().Seal(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Quokka", "INC-2026", "CERT.EX", passphrase} {
		if bytes.Contains(page, []byte(word)) {
			t.Errorf("%q can be read without the passphrase", word)
		}
	}
	file := filepath.Join(t.TempDir(), "bundle.html")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	p := browsertest.New(t)
	p.Open("file://" + file)
	p.Type("#passphrase", "not the passphrase at all")
	p.Click("button")
	p.Wait("#said.wrong")
	if strings.Contains(p.Text("main"), "Quokka") {
		t.Error("a wrong passphrase opens it")
	}
	p.Type("#passphrase", "")
	p.Open("file://" + file)
	p.Type("#passphrase", passphrase)
	p.Click("button")
	p.Wait("#notes")
	said := strings.Join(strings.Fields(p.Text("main")), " ")
	for _, word := range []string{
		"Quokka <img src=x onerror=alert(1)>", "INC-2026-000002", "Roster", "2026-11-21 08:00 2026-11-28 08:00 Ana Duarte · ana@cert.example",
		"Contacts", "Hospital Rui Tavares · Duty desk +999 1 <b> +999 2 · outside", "Keys CERT.EX · 7F3A 9C02 -----BEGIN PGP PUBLIC KEY BLOCK-----",
		"Running clocks", "2026-11-21 15:00 WET INC-2026-000001 Frühwarnung Theirs",
	} {
		if !strings.Contains(said, word) {
			t.Errorf("it does not show %q: %q", word, said)
		}
	}
	p.Type("#name", "Rui")
	p.Type("#summary", "Two servers encrypted")
	p.Click("form button")
	p.Wait("#notes li")
	if said := p.Text("#notes"); !strings.Contains(said, "Rui · Two servers encrypted") {
		t.Errorf("noted %q", said)
	}
	for _, m := range p.Console() {
		t.Errorf("console: %v", m)
	}
}

// Bundles are written where the operator lets them, the last N stay, other files are left alone, and a place that fails hinders no other.
func TestBundlesAreWrittenAndRemoved(t *testing.T) {
	rooms(t, func(r *room) {
		ctx := r.Context()
		root := t.TempDir()
		here, gone := filepath.Join(root, "stick"), filepath.Join(root, "not there")
		r.must(os.Mkdir(here, 0o700))
		r.must(os.WriteFile(filepath.Join(here, "notes.html"), nil, 0o600))
		r.s.Folders = []string{root}
		r.s.Gather = func(context.Context) (duty.Bundle, error) { return paper(), nil }
		if out, err := r.s.WriteBundle(ctx, r.lea); err != nil || len(out) != 0 {
			r.Errorf("written without a passphrase: %+v, %v", out, err)
		}
		r.refused("the duty officer chooses", r.s.Keep(ctx, r.ana, []string{here}, 2, passphrase), errs.Forbidden)
		for what, folder := range map[string]string{"elsewhere": "/etc", "above": root + "/../..", "relative": "stick"} {
			r.refused(what, r.s.Keep(ctx, r.lea, []string{folder}, 2, passphrase), errs.Invalid)
		}
		r.refused("a short passphrase", r.s.Keep(ctx, r.lea, []string{here}, 2, "short"), errs.Invalid)
		old := r.lea
		old.ProvedAt = r.Clock.Now().Add(-time.Hour)
		r.refused("without a fresh proof", r.s.Keep(ctx, old, []string{here}, 2, passphrase), errs.Unauthenticated)
		r.must(r.s.Keep(ctx, r.lea, []string{gone, here}, 2, passphrase))
		for range 3 {
			out, err := r.s.WriteBundle(ctx, r.lea)
			r.must(err)
			if len(out) != 2 || out[0].Problem == "" || strings.Contains(out[0].Problem, root) || out[1].Problem != "" {
				r.Errorf("written %+v", out)
			}
			r.Clock.Advance(time.Hour)
		}
		files, err := os.ReadDir(here)
		r.must(err)
		if len(files) != 3 || files[0].Name() != "notes.html" {
			r.Errorf("left %v", files)
		}
		// A name that is taken by a folder is told without the path, and leaves no half file.
		r.must(os.MkdirAll(filepath.Join(here, "tocsin-"+r.Clock.Now().UTC().Format("20060102T150405Z")+".html", "x"), 0o700))
		out, err := r.s.WriteBundle(ctx, r.lea)
		r.must(err)
		if len(out) != 2 || out[1].Problem == "" || strings.Contains(out[1].Problem, root) {
			r.Errorf("written %+v", out)
		}
		if half, _ := filepath.Glob(filepath.Join(here, ".tocsin-*")); len(half) > 0 {
			r.Errorf("left %v", half)
		}
		_, err = r.s.WriteBundle(ctx, r.ana)
		r.refused("the duty officer writes", err, errs.Forbidden)
		list, err := r.s.Bundles(ctx, r.DB, r.ana, 10)
		r.must(err)
		if len(list) != 8 {
			r.Errorf("%d writings are told", len(list))
		}
	})
}
