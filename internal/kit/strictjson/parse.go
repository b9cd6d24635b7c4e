package strictjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The tree: object, []any, string, json.Number, bool, nil.
type object struct {
	names  []string // in the order of the document
	values map[string]any
}

var (
	errSyntax   = &errs.Error{Kind: errs.Invalid, Key: "error.json", Text: "this is not one JSON value in UTF-8"}
	errDepth    = &errs.Error{Kind: errs.Invalid, Key: "error.json_depth", Text: "this JSON nests too deep"}
	errRepeated = "error.json_repeated"
)

func parse(data []byte) (any, error) {
	// The grammar first: the token reader alone is laxer than it.
	if !utf8.Valid(data) || !json.Valid(data) || loneSurrogate(data) {
		return nil, errSyntax
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	tree, err := r.value(0, "")
	if err != nil {
		return nil, err
	}
	return tree, r.problems.Err()
}

type reader struct {
	dec      *json.Decoder
	problems errs.Problems
}

func (r *reader) value(depth int, path string) (any, error) {
	tok, err := r.dec.Token()
	if err != nil {
		return nil, errSyntax
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return tok, nil
	}
	if depth++; depth > MaxDepth {
		return nil, errDepth
	}
	if open == '[' {
		return r.array(depth, path)
	}
	return r.object(depth, path)
}

func (r *reader) array(depth int, path string) (any, error) {
	list := []any{}
	for r.dec.More() {
		v, err := r.value(depth, index(path, len(list)))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.dec.Token()
	return list, err
}

func (r *reader) object(depth int, path string) (any, error) {
	o := object{values: map[string]any{}}
	seen := map[string]bool{}
	for r.dec.More() {
		tok, err := r.dec.Token()
		if err != nil {
			return nil, errSyntax
		}
		name, _ := tok.(string)
		at := join(path, name)
		v, err := r.value(depth, at)
		if err != nil {
			return nil, err
		}
		if f := fold(name); seen[f] {
			if len(r.problems) < mostProblems {
				r.problems.Add(at, errRepeated)
			}
			continue
		} else {
			seen[f] = true
		}
		o.names = append(o.names, name)
		o.values[name] = v
	}
	_, err := r.dec.Token()
	return o, err
}

// fold gives the name that all spellings share which some reader may take for the same key.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// loneSurrogate finds an escaped half of a character pair that stands alone. The data is valid JSON.
func loneSurrogate(data []byte) bool {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		if data[i+1] != 'u' {
			i++
			continue
		}
		switch half := hex4(data[i+2:]); {
		case half >= 0xdc00 && half <= 0xdfff:
			return true
		case half >= 0xd800 && half <= 0xdbff:
			if len(data) < i+12 || data[i+6] != '\\' || data[i+7] != 'u' {
				return true
			}
			if low := hex4(data[i+8:]); low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 11
		default:
			i += 5
		}
	}
	return false
}

func hex4(b []byte) (n int) {
	for _, c := range b[:4] {
		switch {
		case c >= 'a':
			c -= 'a' - 10
		case c >= 'A':
			c -= 'A' - 10
		default:
			c -= '0'
		}
		n = n<<4 | int(c)
	}
	return n
}
