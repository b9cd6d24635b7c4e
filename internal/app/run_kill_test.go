package app

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// A group of 300 is answered while the process is killed with SIGKILL again and again: each reporter has one letter, and it leaves once.
func TestAnAnswerToManySurvivesKills(t *testing.T) {
	const many = 300
	h := newHouse(t, pgtest.Engine(t))
	ctx := t.Context()
	tmp := shortFolder(t)
	var reports []string
	for i := range many {
		got, err := h.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{
			Channel: correspondence.ByMail, Proof: correspondence.Aligned, Lang: "en", TLP: "GREEN", NoReceipt: true,
			Body: intake.Body{Summary: "Parcel", Email: fmt.Sprintf("r%d@away.example", i), Description: "Pay the customs fee for parcel at https://parcel.example/pay or it goes back."},
		})
		h.must(err)
		reports = append(reports, got.Report.UID)
	}
	child := h.startVictim(tmp)
	ana := h.person(access.Analyst, "ana@team.example", "")
	pairs := []string{"action", "answer", "like", reports[0], "subject-en", "Your parcel", "text-en", "It is a fraud ({reference})."}
	for _, r := range reports {
		pairs = append(pairs, "report", r)
	}
	at := ana.post("/desk/triage/group", pairs...)
	done := regexp.MustCompile(`(\d+) of 300`)
	half := 0
	for answered := 0; half < 6; half++ {
		h.eventually("some more answered", func() bool {
			page := ana.page(at)
			m := done.FindStringSubmatch(page)
			if m == nil {
				t.Fatalf("no figures: %s", page)
			}
			n, err := strconv.Atoi(m[1])
			h.must(err)
			more := n > answered
			answered = n
			return more
		})
		if answered == many {
			break
		}
		after := time.NewTimer(time.Duration(rand.IntN(40)) * time.Millisecond)
		<-after.C // the moment of death is the point of the test, not a wait for something
		h.must(child.Process.Signal(syscall.SIGKILL))
		_ = child.Wait() // killed
		child = h.startVictim(tmp)
	}
	h.eventually("the run", func() bool { return strings.Contains(ana.page(at), "300 of 300") })
	letters := func(state correspondence.State) int {
		n := 0
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE direction = 2 AND kind = 'letter' AND state = $1`, string(state)).Scan(&n))
		return n
	}
	var twice int
	h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT thread FROM correspondence_message WHERE direction = 2 AND kind = 'letter' GROUP BY thread HAVING COUNT(*) > 1) x`).Scan(&twice))
	if n := letters(correspondence.Waiting); n != many || twice != 0 {
		t.Errorf("%d letters wait for a second person, %d reporters have more than one", n, twice)
	}
	// A second person lets them leave.
	lead := h.person(access.Lead, "helena@team.example", "")
	mass := regexp.MustCompile(`/desk/outbox/masses/[0-9a-z]+`).FindString(lead.page("/desk/outbox"))
	hash := regexp.MustCompile(`name="hash" value="([0-9a-f]+)"`).FindStringSubmatch(lead.page(mass))
	if mass == "" || hash == nil {
		t.Fatal("there is nothing to release")
	}
	lead.post(mass+"/release", "hash", hash[1])
	h.eventually("the letters", func() bool { return letters(correspondence.Sent) == many })
	files, err := filepath.Glob(filepath.Join(h.Config.Data, "outbox", "*.eml"))
	h.must(err)
	to := map[string]int{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		h.must(err)
		if m := regexp.MustCompile(`(?m)^To:.*?(r\d+@away\.example)`).FindSubmatch(b); m != nil {
			to[string(m[1])]++
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
