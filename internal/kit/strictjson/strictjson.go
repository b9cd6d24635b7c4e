// Package strictjson is the one way in which JSON from outside becomes a Go value.
//
// encoding/json takes the last of two equal keys, matches names in any case and puts other characters in place of bytes that are no UTF-8,
// so two programs may read two different documents in one. Here such a document has no reading: refused are repeated keys (also when they
// differ by case only), unknown fields, names in another spelling, text behind the value, bytes that are no UTF-8, lone halves of
// surrogates, nesting deeper than MaxDepth, and values of another type. All problems of fields are told at once.
//
//   - parse.go reads the bytes into a tree and refuses what is no single reading.
//   - bind.go puts the tree into a value of settable fields: structs, slices, maps of text, text, numbers, booleans, times with a zone.
package strictjson

import (
	"reflect"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// MaxDepth is how deep objects and arrays may nest.
const MaxDepth = 64

// Scalar is for types that read a text, number or boolean in a way of their own. The value is a string, bool or json.Number; false refuses it.
type Scalar interface {
	FromJSON(v any) bool
}

// Decode reads data into the value that into points to. The error is Invalid, with a field for each problem that has a place.
func Decode(data []byte, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic("strictjson: Decode wants a pointer")
	}
	tree, err := parse(data)
	if err != nil {
		return err
	}
	var p errs.Problems
	bind(&p, "", tree, v.Elem())
	return p.Err()
}

// Check tells whether data has exactly one reading, without putting it anywhere.
func Check(data []byte) error {
	_, err := parse(data)
	return err
}
