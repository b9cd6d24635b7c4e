package app

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// refers tells whether a control of a form names an object.
func refers(c control) bool {
	uid := func(s string) bool { return id.Valid(s) || inPath.MatchString(s) && len(s) > 6 }
	return c.Name != "once" && c.Name != "code" && (uid(c.Value) || slices.ContainsFunc(c.Options, uid) ||
		regexp.MustCompile(`^(ref|incident|organisation|party|report|contact|request|measure|thread|message|subject|task|handler|to)$`).MatchString(c.Name))
}

// TestForeignReferencesInForms holds rule A3 for the pages, generated from the forms themselves: in every form of the desk and the portal, every
// field and every part of the address that names an object is given the name of one that its sender may not see, of every kind. The answer is
// the one for a name that never was, to the byte, and nothing changes.
func TestForeignReferencesInForms(t *testing.T) {
	onEach(t, func(h *house) {
		w, orgs := h.build()
		handler, _ := h.routes()
		h.open(handler)
		tried, forms := 0, 0
		for _, role := range []access.Role{access.Lead, access.Constituent} {
			org, foreign := "", w.sealed
			from := append(slices.Clone(doorsOf), "/desk/incidents/"+w.ours["incident"], "/desk/incidents/"+w.ours["incident"]+"/ask", "/desk/reports/"+w.ours["report"], "/desk/parties/"+w.ours["party"], "/desk/threads/"+w.ours["thread"])
			if role == access.Constituent {
				org, foreign = orgs["ours"].UID, w.theirs
			}
			b := h.person(role, string(role)+"@foreign.example", org)
			done := map[string]bool{}
			for at, body := range b.crawl(1, from...) {
				list, _ := formsOf(at, body)
				for _, s := range list {
					if done[s.key()] || ends(s.Action) || !s.Post || !strings.HasPrefix(s.Action, "/desk/") && !strings.HasPrefix(s.Action, "/portal/") {
						continue
					}
					done[s.key()] = true
					forms++
					send := func(name, object string) answer {
						return b.submit(s, s.filled(nil, func(c control) (string, bool) {
							switch {
							case c.Name == name:
								return object, true
							case textLike.MatchString(c.Type) && c.Value == "":
								return "as typed", true
							}
							return "", false
						}), "")
					}
					for _, c := range s.Controls {
						if !refers(c) {
							continue
						}
						before := h.tables()
						absent := id.New()
						gone := send(c.Name, absent)
						if !maps.Equal(before, h.tables()) {
							h.t.Logf("%s: %s takes a name that never was: %d", s.Action, c.Name, gone.Status)
							continue
						}
						for kind, object := range foreign {
							if kind == "kind" || kind == "field" || kind == "reason" || kind == "number" && role == access.Constituent || slices.Contains(houseNames, kind) && role == access.Lead || object == "" {
								continue
							}
							tried++
							a := send(c.Name, object)
							was, is := told(gone, absent), told(a, object)
							if was != is {
								h.t.Errorf("%s %s: %s of another as %s differs from one that never was\n%s", role, s.Action, kind, c.Name, cmp.Diff(was, is))
							}
						}
						if now := h.tables(); !maps.Equal(before, now) {
							h.t.Errorf("%s %s: a name of another's as %s changed something", role, s.Action, c.Name)
						}
					}
				}
			}
		}
		h.t.Logf("%d forms, %d foreign names", forms, tried)
		if forms < 20 || tried < 100 {
			h.t.Errorf("only %d forms and %d foreign names: this test does not look where it should", forms, tried)
		}
	})
}

// told is what an answer tells, beside the name that was asked for and what is drawn anew.
func told(a answer, name string) string {
	return drawnHidden.ReplaceAllString(strings.ReplaceAll(same(a, "/x/"), name, "ID"), "once")
}

// TestASealedReportLeavesItsOtherIncident: a report stands in two incidents, and one is sealed. Who is not named there sees the other one without
// the report: not its words, address, files or page, anywhere (rules A10, A12). That its reporter is a party there, and that a report was once
// attached, is that incident's own.
func TestASealedReportLeavesItsOtherIncident(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		ana := h.person(access.Analyst, "ana@sealed.example", "")
		lead := h.person(access.Lead, "lead@sealed.example", "")
		got, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{
			Channel: correspondence.ByPhone, Lang: "en", TLP: "GREEN", Body: intake.Body{Summary: "Sealedsummary of it", Description: "Sealedwords", Name: "Sealedname", Email: "sealed@away.example", OrgText: "Sealedorg"},
			Files: []correspondence.FileIn{{Name: "sealedfile.txt", Type: "text/plain", Content: strings.NewReader("a line")}},
		})
		h.must(err)
		number := map[string]string{}
		for _, title := range []string{"open", "hidden"} {
			in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: title, TLP: tlp.Green})
			h.must(err)
			_, err = h.Incidents.Attach(ctx, sample(), in.UID, []string{got.Report.UID})
			h.must(err)
			number[title] = in.Number
		}
		at := "/desk/incidents/" + number["open"]
		from := []string{"/desk/triage", "/desk/my", "/desk/incidents", at, at + "/parties", at + "/close", at + "/entries", at + "?write=mail", "/desk/outbox", "/desk/deadlines", "/desk/search?q=sealedsummary"}
		told := func(b *browser) (out []string) {
			for path, body := range b.crawl(3, from...) {
				for _, word := range []string{"Sealedsummary", "Sealedwords", "sealed@away", "Sealedorg", "sealedfile", got.Report.UID} {
					if strings.Contains(body, word) && !strings.Contains(path, "/search") {
						out = append(out, path+" tells "+word)
					}
				}
			}
			slices.Sort(out)
			return out
		}
		if len(told(ana)) == 0 {
			h.t.Fatal("the report shows nowhere while it is open: this test does not look where it should")
		}
		_, err = h.Sequencer.Number(ctx)
		h.must(err)
		news := func(since string) string {
			return drawn.ReplaceAllString(ana.page("/desk/triage/news?since="+since), "")
		}
		none := news("999999")
		if news("0") == none {
			h.t.Fatal("the report is no news while it is open")
		}
		lead.post("/desk/incidents/"+number["hidden"]+"/seal", "version", "0", "reason", "somebody of us is named in it")
		if list := told(ana); len(list) > 0 {
			h.t.Errorf("after the seal:\n%s", strings.Join(list, "\n"))
		}
		if got := news("0"); got != none {
			h.t.Errorf("the sealed report is counted as news: %s", plain(got))
		}
		if len(told(lead)) == 0 {
			h.t.Error("who is named does not see it either")
		}
	})
}

// The composer says why a letter may not leave before anybody writes it: the case is TLP:RED and no key of the reader is known. It begins with the
// label of the thread where that is above the label of the case.
func TestTheComposerSaysWhyALetterMayNotLeave(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		ana := h.person(access.Analyst, "ana@red.example", "")
		at := map[string]string{}
		for _, label := range []string{"RED", "GREEN", "AMBER+STRICT"} {
			got, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{
				Channel: correspondence.ByPhone, Lang: "en", TLP: label, Body: intake.Body{Summary: "Files are encrypted", Description: "Since this morning.", Name: "Paul", Email: "paul@away.example"},
			})
			h.must(err)
			level, err := tlp.Parse(label)
			h.must(err)
			if label == "AMBER+STRICT" {
				level = tlp.Green
			}
			in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Reports: []string{got.Report.UID}, TLP: level})
			h.must(err)
			at[label] = "/desk/incidents/" + in.Number + "?write=mail"
		}
		const why = "composer-why"
		if page := ana.page(at["RED"]); !strings.Contains(page, why) || !strings.Contains(page, "May not leave") {
			h.t.Errorf("no reason is given: %s", plain(page))
		}
		if page := ana.page(at["GREEN"]); strings.Contains(page, why) {
			h.t.Errorf("a letter that may leave has a reason not to: %s", plain(page))
		}
		if page := ana.page(at["AMBER+STRICT"]); !strings.Contains(page, `value="TLP:AMBER+STRICT" selected`) {
			h.t.Errorf("the composer begins below the label of the thread: %s", page[strings.Index(page, "composer"):])
		}
	})
}

// A deadline that was met after its time is not told as met.
func TestALateAnswerIsToldAsLate(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Late and in time", TLP: tlp.Green})
		h.must(err)
		now := h.Clock.Now()
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for kind, due := range map[string]time.Time{"one": now.Add(-4 * time.Hour), "two": now.Add(time.Hour)} {
				if _, err := h.Deadlines.StartTx(ctx, tx, sample(), deadline.Clock{About: in.Ref, Kind: kind, OwedBy: deadline.Us, StartedAt: now.Add(-5 * time.Hour), DueAt: due}); err != nil {
					return err
				}
				if err := h.Deadlines.MeetTx(ctx, tx, sample(), in.Ref, kind, now); err != nil {
					return err
				}
			}
			return nil
		}))
		page := plain(h.person(access.Analyst, "ana@late.example", "").page("/desk/incidents/" + in.Number))
		for _, words := range []string{"Late: after 5 h 00 min instead of 1 h 00 min", "Met, but late", "Met after 5 h 00 min of 6 h 00 min", "Met in time"} {
			if strings.Count(page, words) != 1 {
				h.t.Errorf("%q stands %d times in %s", words, strings.Count(page, words), page)
			}
		}
	})
}
