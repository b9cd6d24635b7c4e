package handover

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// What is acted on has one reading and keeps the limits; each thing that does not is refused for its reason.
func TestOnlyWhatHasOneReadingIsTaken(t *testing.T) {
	t.Parallel()
	d := Document{ID: "x", From: From{Team: "CERT.EX"}, Reference: "P-2026-AAAAAA", AnswerTo: "report+abc@cert.example", MadeAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), TLP: "TLP:AMBER", Title: "Stolen mailboxes", Summary: "Two lines.", Observables: []Observable{{"ip", "198.51.100.7"}}}
	b, err := d.Write()
	if err != nil {
		t.Fatal(err)
	}
	if got, why := Take(b); why != "" || got.Title != d.Title || got.AnswerTo != d.AnswerTo || got.TLP != "TLP:AMBER" {
		t.Fatalf("%+v %s", got, why)
	}
	with := func(more string) string { return strings.Replace(string(b), `"id"`, more+`"id"`, 1) }
	change := func(do func(*Document)) string {
		x := d
		do(&x)
		b, _ := x.Write()
		return string(b)
	}
	for bad, want := range map[string]string{
		"": OtherForm, "{": OtherForm, "[]": OtherKind, string(b) + "{}": OtherForm, with(`"later": 1, `): OtherForm, with(`"ID": "y", `): OtherForm, with(`"tlp": "TLP:CLEAR", `): OtherForm,
		strings.Replace(string(b), `"198.51.100.7"`, `"198.51.100.7", "more": {}`, 1):       OtherForm,
		with(`"deep": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `, `):         OtherForm,
		strings.Replace(string(b), `"version": 1`, `"version": 2`, 1):                       OtherKind,
		strings.Replace(string(b), Format, AckFormat, 1):                                    OtherKind,
		strings.Repeat(" ", MostBytes+1):                                                    TooLarge,
		change(func(d *Document) { d.Title = strings.Repeat("x", 201) }):                    TooLarge,
		change(func(d *Document) { d.Observables = make([]Observable, MostObservables+1) }): TooLarge,
		change(func(d *Document) { d.ID = "" }):                                             Nameless,
		change(func(d *Document) { d.Title, d.Summary = "\u202e", " " }):                    SaysNo,
		strings.Replace(string(b), `"Two lines."`, `"\ud800"`, 1):                           OtherForm,
		strings.Replace(string(b), `"2026-11-23T10:00:00Z"`, `"2026-11-23"`, 1):             OtherForm,
	} {
		if _, why := Take([]byte(bad)); why != want {
			t.Errorf("%.80s…: %q, want %q", bad, why, want)
		}
	}
	if got, why := Take([]byte(change(func(d *Document) { d.TLP = "TLP:PINK" }))); why != "" || got.TLP != "TLP:RED" {
		t.Errorf("a label that is none: %s %s", got.TLP, why)
	}
}

// An answer says what it answers, and something to act on.
func TestAnAnswerGoesAndComes(t *testing.T) {
	t.Parallel()
	a := Ack{ID: "x", From: From{Team: "CERT.BE"}, MadeAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Outcome: Acknowledged, Reference: "R-2026-BBBBBB"}
	b, err := a.Write()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := TakeAck(b); err != nil || got.Reference != a.Reference {
		t.Fatalf("%+v %v", got, err)
	}
	for _, bad := range []string{`"outcome": "taken"`, `"outcome": "declined"`, `"outcome": "acknowledged", "extra": 1`} {
		if _, err := TakeAck([]byte(strings.Replace(string(b), `"outcome": "acknowledged"`, bad, 1))); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	for _, bad := range []Ack{{ID: "x", Outcome: Acknowledged}, {Outcome: Acknowledged, Reference: "r"}, {ID: "x", Outcome: Declined, Note: strings.Repeat("n", 2001)}, {ID: strings.Repeat("x", 300), Outcome: Declined, Note: "n"}} {
		bad.Format, bad.Version = AckFormat, Version
		b, _ := json.Marshal(bad)
		if _, err := TakeAck(b); err == nil {
			t.Errorf("%s is taken", b)
		}
	}
}
