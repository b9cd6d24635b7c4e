package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// One question to 300 parties is sent while the process is killed with SIGKILL again and again: each is a party once, has one letter with its own line, and
// it leaves once. To others a file leaves that its own code opens, and no other.
func TestASendingSurvivesKills(t *testing.T) {
	const many = 300
	h := newHouse(t, pgtest.Engine(t))
	ctx := t.Context()
	tmp := shortFolder(t)
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "A botnet", TLP: tlp.Green})
	h.must(err)
	var list strings.Builder
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list.Reset()
		for i := range many {
			o, err := h.Constituency.CreateTx(ctx, tx, sample(), constituency.NewOrganisation{Name: fmt.Sprintf("Town %d of the wave", i), Lang: "en"})
			if err != nil {
				return err
			}
			if _, err := h.Constituency.AddContactTx(ctx, tx, sample(), o.UID, constituency.NewContact{Name: "Desk", Role: "security", Email: fmt.Sprintf("r%d@away.example", i)}); err != nil {
				return err
			}
			if _, err := h.Constituency.AddAssetTx(ctx, tx, sample(), o.UID, constituency.NewAsset{Value: fmt.Sprintf("11.1.%d.%d/32", i/250, i%250)}); err != nil {
				return err
			}
			fmt.Fprintf(&list, "11.1.%d.%d,2026-01-01T00:00:00Z,line %d ends\n", i/250, i%250, i)
		}
		return nil
	}))
	ana, lead := h.account(access.Analyst, "ana@team.example", ""), h.account(access.Lead, "lead@team.example", "")
	person := func(n int64, role access.Role) access.Actor {
		return access.Actor{Account: n, Name: "P", Roles: []access.Role{role}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now(), Lang: "en"}
	}
	x, err := h.Coordination.NewSending(ctx, person(ana.ID, access.Analyst), in.UID)
	h.must(err)
	_, err = h.Coordination.Choose(ctx, person(ana.ID, access.Analyst), x.UID, coordination.Choose{List: list.String()})
	h.must(err)
	_, err = h.Coordination.SetLetter(ctx, person(ana.ID, access.Analyst), x.UID, 0, coordination.Give{Text: "Look at it.", Request: "Is it clean?", DueAt: time.Now().Add(48 * time.Hour), TLP: tlp.Green})
	h.must(err)
	x, err = h.Coordination.Submit(ctx, person(ana.ID, access.Analyst), x.UID, 0, false)
	h.must(err)
	if x.State != coordination.SendingWaiting {
		t.Fatalf("300 letters are %s", x.State)
	}
	h.Correspondence.Hold = 0 // the moment of second thoughts is no matter here
	_, err = h.Coordination.Approve(ctx, person(lead.ID, access.Lead), x.UID, x.Hash)
	h.must(err)
	files := h.lockedSending(person(ana.ID, access.Analyst), person(lead.ID, access.Lead))
	child := h.startVictim(tmp)
	h.eventually("a code", func() bool { return files.codes() > 0 }) // the file is made, or being made, and its mail has not left
	h.must(child.Process.Signal(syscall.SIGKILL))
	_ = child.Wait() // killed
	child = h.startVictim(tmp)
	half := 0
	for written := 0; half < 6; half++ {
		h.eventually("some more written", func() bool {
			x, _, err = h.Coordination.SendingOf(ctx, sample(), x.UID)
			return err == nil && (x.Written > written || x.State != coordination.SendingGoing)
		})
		if x.State != coordination.SendingGoing {
			break
		}
		written = x.Written
		after := time.NewTimer(time.Duration(rand.IntN(300)) * time.Millisecond)
		<-after.C // the moment of death is the point of the test, not a wait for something
		h.must(child.Process.Signal(syscall.SIGKILL))
		_ = child.Wait() // killed
		child = h.startVictim(tmp)
	}
	letters := func(state correspondence.State) (n int) {
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE direction = 2 AND kind = 'ask' AND road <> $1 AND state = $2`, int64(egress.Locked), string(state)).Scan(&n))
		return n
	}
	h.eventually("all written", func() bool {
		x, _, err = h.Coordination.SendingOf(ctx, sample(), x.UID)
		return err == nil && x.State == coordination.SendingSent
	})
	// What was on its way at a death is left alone for a while: another run may have it. Here that while is over, and the next look comes now.
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		stuck, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT id FROM correspondence_message WHERE state = 'sending'`)
		if err != nil || len(stuck) == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET taken_at = $1 WHERE state = 'sending'`, time.Now().Add(-time.Hour)); err != nil {
			return err
		}
		return h.Jobs.Insert(ctx, tx, correspondence.SendJob{Messages: stuck}, job.Options{Lane: job.Send})
	}))
	h.eventually("the letters", func() bool { return letters(correspondence.Sent) == many })
	h.eventually("the locked files", files.left)
	var twice, parties int
	h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT thread FROM correspondence_message WHERE direction = 2 GROUP BY thread HAVING COUNT(*) > 1) x`).Scan(&twice))
	h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_party WHERE subject = $1`, in.Ref.ID).Scan(&parties))
	if x.Written != many || x.Left != 0 || twice != 0 || parties != many {
		t.Errorf("%d written, %d left %v, %d have more than one letter, %d parties", x.Written, x.Left, x.Reasons, twice, parties)
	}
	files.check()
	mails, err := filepath.Glob(filepath.Join(h.Config.Data, "outbox", "*.eml"))
	h.must(err)
	to := map[string]int{}
	for _, f := range mails {
		b, err := os.ReadFile(f)
		h.must(err)
		m := regexp.MustCompile(`(?m)^To:.*?r(\d+)@away\.example`).FindSubmatch(b)
		if m == nil {
			continue
		}
		to[string(m[1])]++
		for _, line := range regexp.MustCompile(`line (\d+) ends`).FindAllSubmatch(b, -1) {
			if string(line[1]) != string(m[1]) {
				t.Errorf("%s reads the line of %s", m[1], line[1])
			}
		}
	}
	for who, n := range to {
		if n != 1 {
			t.Errorf("%s has %d letters", who, n)
		}
	}
	if len(to) != many {
		t.Errorf("%d of %d have a letter", len(to), many)
	}
	h.must(child.Process.Signal(syscall.SIGTERM))
	_ = child.Wait()
	t.Logf("killed in the middle %d times", half)
	if half == 0 {
		t.Error("it was never killed in the middle")
	}
}
