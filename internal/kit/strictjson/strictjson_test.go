package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type inner struct {
	Name string `json:"name"`
}

type embedded struct {
	Note string `json:"note"`
}

type sample struct {
	embedded
	TLP    label             `json:"tlp"`
	Title  string            `json:"title"`
	Count  int               `json:"count"`
	Flag   bool              `json:"flag"`
	When   time.Time         `json:"when"`
	Edit   *string           `json:"edit"`
	List   []inner           `json:"list"`
	Map    map[string]string `json:"map"`
	Hidden string            // cannot be set from outside
	secret string
}

type label string

func (l *label) UnmarshalText(b []byte) error {
	if string(b) != "RED" {
		return errors.New("no label")
	}
	*l = label(b)
	return nil
}

func TestOneReading(t *testing.T) {
	t.Parallel()
	var s sample
	err := Decode([]byte(`{"title":"Ü \ud83d\ude00","count":3,"flag":true,"when":"2026-11-21T13:26:00+01:00","edit":"x","list":[{"name":"a"},{"name":"b"}],"map":{"k":"v"},"note":"n","tlp":"RED"} `), &s)
	if err != nil {
		t.Fatal(err)
	}
	if s.secret != "" || s.Title != "Ü 😀" || s.Count != 3 || !s.Flag || *s.Edit != "x" || len(s.List) != 2 || s.List[1].Name != "b" || s.Map["k"] != "v" || s.Note != "n" || s.TLP != "RED" {
		t.Errorf("got %+v", s)
	}
	if want := time.Date(2026, 11, 21, 12, 26, 0, 0, time.UTC); !s.When.Equal(want) {
		t.Errorf("time %v", s.When)
	}
}

// TestRefused holds rule W5: every document with two readings is refused, with the place where it is wrong.
func TestRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"map":`, MaxDepth+1) + `"x"` + strings.Repeat("}", MaxDepth+1)
	for _, c := range []struct{ name, body, want string }{
		{"case-folded key", `{"tlp":"RED","TLP":"CLEAR"}`, "TLP error.json_repeated"},
		{"repeated key", `{"tlp":"RED","tlp":"RED"}`, "tlp error.json_repeated"},
		{"key repeated by an escape", `{"tlp":"RED","\u0074lp":"RED"}`, "tlp error.json_repeated"},
		{"key folded over the Kelvin sign", `{"k":1,"` + "\u212a" + `":2}`, "error.json_repeated"},
		{"repeated deep inside", `{"list":[{"name":"a","Name":"b"}]}`, "list[0].Name error.json_repeated"},
		{"name in another case", `{"Title":"x"}`, "Title error.json_unknown"},
		{"unknown field", `{"version":7}`, "version error.json_unknown"},
		{"field without a tag", `{"Hidden":"x"}`, "Hidden error.json_unknown"},
		{"unexported field", `{"secret":"x"}`, "secret error.json_unknown"},
		{"trailing data", `{"title":"x"} {"title":"y"}`, "not one JSON value"},
		{"trailing comma", `{"title":"x",}`, "not one JSON value"},
		{"nothing", ``, "not one JSON value"},
		{"bad UTF-8", "{\"title\":\"\xff\"}", "not one JSON value"},
		{"half a pair", `{"title":"\ud800"}`, "not one JSON value"},
		{"second half alone", `{"title":"\udc00x"}`, "not one JSON value"},
		{"half a pair, then a letter", `{"title":"\ud800\u0041"}`, "not one JSON value"},
		{"too deep", deep, "nests too deep"},
		{"array", `[]`, "body error.json_object"},
		{"null", `null`, "body error.json_object"},
		{"text for a number", `{"count":"3"}`, "count error.json_number"},
		{"fraction for a whole number", `{"count":3.5}`, "count error.json_number"},
		{"number beyond the type", `{"count":99999999999999999999}`, "count error.json_number"},
		{"number for text", `{"title":3}`, "title error.json_text"},
		{"time without a zone", `{"when":"2026-11-21T13:26:00"}`, "when error.json_time"},
		{"null for a change", `{"edit":null}`, "edit error.json_null"},
		{"label that is none", `{"tlp":"PINK"}`, "tlp error.json_value"},
		{"text for a list", `{"list":"x"}`, "list error.json_list"},
		{"two problems at once", `{"count":"3","flag":"yes"}`, "count error.json_number, flag error.json_bool"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s sample
			err := Decode([]byte(c.body), &s)
			if !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}

func TestManyProblemsAreBounded(t *testing.T) {
	t.Parallel()
	var s sample
	var b strings.Builder
	b.WriteString(`{"map":{}`)
	for i := range 1000 {
		b.WriteString(`,"x` + strings.Repeat("y", i) + `":1`)
	}
	b.WriteString("}")
	if n := len(errs.Fields(Decode([]byte(b.String()), &s))); n != mostProblems {
		t.Errorf("%d problems", n)
	}
}

// FuzzDecode: no panic; what we take, encoding/json reads to the same value.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"title":"x","count":1}`, `{"tlp":"RED","TLP":"CLEAR"}`, `{"list":[{"name":"a"}]}`, `{"edit":null}`, `{"title":"\ud83d\ude00"}`, `[[[]]]`, `{"map":{"a":"b"}}`, `{"\\u":"\\\ud800"}`, `1e5`, `{"when":"2026-11-21T13:26:00+01:00"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var ours, theirs sample
		if Decode(data, &ours) != nil {
			return
		}
		dec := json.NewDecoder(strings.NewReader(string(data)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&theirs); err != nil {
			t.Fatalf("we take what encoding/json refuses: %v", err)
		}
		theirs.When, ours.When = time.Time{}, time.Time{}
		if ours.List == nil {
			ours.List = theirs.List
		}
		if ours.Map == nil {
			ours.Map = theirs.Map
		}
		if !reflect.DeepEqual(ours, theirs) {
			t.Fatalf("two readings: %+v and %+v", ours, theirs)
		}
	})
}
