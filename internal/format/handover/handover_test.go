package handover

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// What is written is read as it was; what a stranger writes is read within limits, under the strictest label when it names none.
func TestADocumentGoesAndComes(t *testing.T) {
	t.Parallel()
	d := Document{
		Format: Format, Version: Version, ID: "x", From: From{Team: "CERT.EX", Country: "PT", Email: "report@cert.example"}, Reference: "P-2026-AAAAAA", MadeAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		TLP: "TLP:AMBER", Title: "Stolen mailboxes", Summary: "Two lines.\n\nAnd more.", Type: "fraud:phishing", Severity: "high", Observables: []Observable{{"ip", "198.51.100.7"}, {"url", "https://x.example/a?b=<c>"}}, Asked: "Tell the owners.",
	}
	b, err := d.Write()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(b)
	if err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("%+v\n%+v\n%v", got, d, err)
	}
	for name, bad := range map[string]string{
		"nothing": "", "no JSON": "{", "another form": `{"format":"misp","version":1,"title":"x"}`, "a version to come": `{"format":"tocsin-handover","version":2,"title":"x"}`,
		"no text": `{"format":"tocsin-handover","version":1}`, "a number as title": `{"format":"tocsin-handover","version":1,"title":7}`, "too long": strings.Repeat(" ", MostBytes+1),
		"no UTF-8": "{\"format\":\"tocsin-handover\",\"version\":1,\"title\":\"\xff\"}",
	} {
		if _, err := Read([]byte(bad)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	got, err = Read([]byte(`{"format":"tocsin-handover","version":1,"title":"a\u202eb\r\nBcc: c","summary":"` + strings.Repeat("x", MostText+9) + `","tlp":"none","later":1,"observables":[{"type":"<b>","value":"v"},{"type":"ip","value":""}]}`))
	if err != nil || got.Title != "ab Bcc: c" || len(got.Summary) != MostText || got.TLP != "TLP:RED" || !reflect.DeepEqual(got.Observables, []Observable{{"other", "v"}}) {
		t.Errorf("%q %d %s %v %v", got.Title, len(got.Summary), got.TLP, got.Observables, err)
	}
}
