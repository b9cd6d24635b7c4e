package abuse

import (
	"encoding/json"
	"testing"
	"time"
)

// What is written is read without a problem, and what the types ask for is asked for.
func TestWrittenXARFIsRead(t *testing.T) {
	whole := NewXARF4{
		ID: "1a5ec293-0849-40a4-9eba-d5926262ff05", At: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), Reporter: Party{Org: "CSIRT", Email: "cert@csirt.example", Domain: "csirt.example"},
		Category: "content", Type: "phishing", Source: "192.0.2.7", URL: "https://bad.example/<script>", Words: "seen",
	}
	for _, c := range []struct {
		change func(n *NewXARF4)
		ok     bool
	}{
		{func(*NewXARF4) {}, true},
		{func(n *NewXARF4) { n.Type, n.Fraud = "fraud", "shopping" }, true},
		{func(n *NewXARF4) { n.Category, n.Type, n.URL, n.Control = "infrastructure", "botnet", "", "192.0.2.7" }, true},
		{func(n *NewXARF4) { n.URL = "" }, false},
		{func(n *NewXARF4) { n.Type = "fraud" }, false},
		{func(n *NewXARF4) { n.Type = "nonsense" }, false},
		{func(n *NewXARF4) { n.ID = "x" }, false},
	} {
		n := whole
		c.change(&n)
		b, err := WriteXARF4(n)
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", n, err)
		}
		if err != nil {
			continue
		}
		var o map[string]any
		if err := json.Unmarshal(b, &o); err != nil {
			t.Fatal(err)
		}
		r := xarf4(o)
		r.finish()
		if len(r.Problems) > 0 || r.Type != n.Type || r.ID != n.ID || !r.At.Equal(n.At) || len(r.Sources) == 0 {
			t.Errorf("read: %+v", r)
		}
	}
}
