package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// manyLocked is how many parties get a locked file.
const manyLocked = 24

// lockedFiles is a sending under TLP:AMBER to who has no key and a checked number.
type lockedFiles struct {
	h  *house
	by access.Actor
	in incident.Incident
}

// lockedSending approves one question to some, each of whom gets a file that opens with a code.
func (h *house) lockedSending(by, approver access.Actor) lockedFiles {
	h.t.Helper()
	ctx := h.t.Context()
	table := egress.NoKey()
	table[tlp.Amber], table[tlp.AmberStrict] = egress.Locked, egress.Locked
	var list strings.Builder
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list.Reset()
		for i := range manyLocked {
			o, err := h.Constituency.CreateTx(ctx, tx, sample(), constituency.NewOrganisation{Name: fmt.Sprintf("Clinic %d of the wave", i), Lang: "en"})
			if err != nil {
				return err
			}
			if _, err := h.Constituency.AddContactTx(ctx, tx, sample(), o.UID, constituency.NewContact{Name: "Desk", Role: "security", Email: fmt.Sprintf("c%d@away.example", i), Phone: fmt.Sprintf("+999 200 000 %03d", i)}); err != nil {
				return err
			}
			if _, err := h.Constituency.AddAssetTx(ctx, tx, sample(), o.UID, constituency.NewAsset{Value: fmt.Sprintf("11.2.0.%d/32", i)}); err != nil {
				return err
			}
			fmt.Fprintf(&list, "11.2.0.%d,2026-01-01T00:00:00Z,line %d ends\n", i, i)
		}
		if _, err := tx.Exec(ctx, `UPDATE constituency_number SET verified_at = $1`, h.Clock.Now()); err != nil {
			return err
		}
		return h.Egress.SetPolicyTx(ctx, tx, 1, h.Clock.Now(), table)
	}))
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "A stolen list", TLP: tlp.Amber})
	h.must(err)
	x, err := h.Coordination.NewSending(ctx, by, in.UID)
	h.must(err)
	_, err = h.Coordination.Choose(ctx, by, x.UID, coordination.Choose{List: list.String()})
	h.must(err)
	_, err = h.Coordination.SetLetter(ctx, by, x.UID, 0, coordination.Give{Text: "Look at it.", Request: "Is it clean?", DueAt: h.Clock.Now().AddDate(0, 0, 2), TLP: tlp.Amber})
	h.must(err)
	x, err = h.Coordination.Submit(ctx, by, x.UID, 0, false)
	h.must(err)
	_, err = h.Coordination.Approve(ctx, approver, x.UID, x.Hash)
	h.must(err)
	return lockedFiles{h, by, in}
}

func (x lockedFiles) codes() (n int) {
	x.h.must(x.h.DB.QueryRow(x.h.t.Context(), `SELECT COUNT(*) FROM correspondence_code`).Scan(&n))
	return n
}

func (x lockedFiles) left() bool {
	var n int
	x.h.must(x.h.DB.QueryRow(x.h.t.Context(), `SELECT COUNT(*) FROM correspondence_message WHERE state = 'sent' AND road = $1`, int64(egress.Locked)).Scan(&n))
	return n == manyLocked && x.codes() == manyLocked
}

// check opens each file with the code of its party.
func (x lockedFiles) check() {
	h := x.h
	h.t.Helper()
	ctx := h.t.Context()
	list, err := h.Correspondence.Codes(ctx, x.by, false)
	h.must(err)
	codes := map[string]string{} // by address
	for _, c := range list {
		told, err := h.Correspondence.CodeOf(ctx, x.by, c.Message.UID)
		h.must(err)
		codes[c.Thread.Correspondent.Email] = told.Code
	}
	mails, err := filepath.Glob(filepath.Join(h.Config.Data, "outbox", "*.eml"))
	h.must(err)
	got := map[string]int{}
	for _, f := range mails {
		b, err := os.ReadFile(f)
		h.must(err)
		to := regexp.MustCompile(`(?m)^To:.*?(c(\d+)@away\.example)`).FindSubmatch(b)
		if to == nil {
			continue
		}
		got[string(to[1])]++
		code := codes[string(to[1])]
		_, after, _ := strings.Cut(string(b), "Content-Type: application/pdf")
		_, after, _ = strings.Cut(after, "\r\n\r\n")
		body, _, _ := strings.Cut(after, "\r\n--")
		raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(body))
		h.must(err)
		for _, clear := range []string{code, correspondence.SpacedCode(code), "Is it clean", fmt.Sprintf("line %s ends", to[2])} {
			if code == "" || strings.Contains(string(b), clear) || strings.Contains(string(raw), clear) {
				h.t.Errorf("%s has %q in clear", to[1], clear)
			}
		}
		file := filepath.Join(h.t.TempDir(), "x.pdf")
		h.must(os.WriteFile(file, raw, 0o600))
		said, err := exec.CommandContext(ctx, "pdftotext", "-upw", code, file, "-").Output()
		if lines := regexp.MustCompile(`line (\d+) ends`).FindAllSubmatch(said, -1); err != nil || len(lines) != 1 || string(lines[0][1]) != string(to[2]) {
			h.t.Errorf("%s reads %q: %v", to[1], said, err)
		}
	}
	if len(got) != manyLocked || len(codes) != manyLocked {
		h.t.Errorf("%d have a file, %d a code", len(got), len(codes))
	}
	for who, n := range got {
		if n != 1 {
			h.t.Errorf("%s has %d files", who, n)
		}
	}
}
