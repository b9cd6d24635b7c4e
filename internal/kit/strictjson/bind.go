package strictjson

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// mostProblems bounds the answer to a document that is wrong everywhere.
const mostProblems = 50

// Names of fields in problems are shortened: they may be a stranger's.
const mostName = 60

func join(path, name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, name)
	if r := []rune(name); len(r) > mostName {
		name = string(r[:mostName]) + "…"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

var (
	timeType   = reflect.TypeFor[time.Time]()
	scalarType = reflect.TypeFor[Scalar]()
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func bind(p *errs.Problems, path string, tree any, into reflect.Value) {
	if len(*p) >= mostProblems {
		return
	}
	wrong := func(key string) {
		if path == "" {
			path = "body"
		}
		p.Add(path, key)
	}
	if into.Kind() == reflect.Pointer { // a change of one field: null is neither a value nor "leave it"
		if tree == nil {
			wrong("error.json_null")
			return
		}
		fresh := reflect.New(into.Type().Elem())
		bind(p, path, tree, fresh.Elem())
		into.Set(fresh)
		return
	}
	if tree == nil {
		if path == "" {
			wrong("error.json_object")
		}
		return // null says the same as leaving the field out
	}
	if special(into, tree, wrong) {
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		o, ok := tree.(object)
		if !ok {
			wrong("error.json_object")
			return
		}
		bindStruct(p, path, o, into)
	case reflect.Slice:
		list, ok := tree.([]any)
		if !ok {
			wrong("error.json_list")
			return
		}
		out := reflect.MakeSlice(into.Type(), len(list), len(list))
		for i, v := range list {
			bind(p, index(path, i), v, out.Index(i))
		}
		into.Set(out)
	case reflect.Map:
		o, ok := tree.(object)
		if !ok {
			wrong("error.json_object")
			return
		}
		out := reflect.MakeMapWithSize(into.Type(), len(o.names))
		for _, name := range o.names {
			v := reflect.New(into.Type().Elem()).Elem()
			bind(p, join(path, name), o.values[name], v)
			out.SetMapIndex(reflect.ValueOf(name).Convert(into.Type().Key()), v)
		}
		into.Set(out)
	default:
		if key := bindScalar(tree, into); key != "" {
			wrong(key)
		}
	}
}

// special binds types that read themselves.
func special(into reflect.Value, tree any, wrong func(string)) bool {
	if into.Type() == timeType {
		s, ok := tree.(string)
		if !ok {
			wrong("error.json_time")
			return true
		}
		t, err := time.Parse(time.RFC3339, s) // a time without a zone is refused
		if err != nil {
			wrong("error.json_time")
			return true
		}
		into.Set(reflect.ValueOf(t.UTC()))
		return true
	}
	at := into.Addr()
	if at.Type().Implements(scalarType) {
		if !at.Interface().(Scalar).FromJSON(tree) {
			wrong("error.json_value")
		}
		return true
	}
	if at.Type().Implements(textType) {
		s, ok := tree.(string)
		if !ok || at.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) != nil {
			wrong("error.json_value")
		}
		return true
	}
	return false
}

func bindStruct(p *errs.Problems, path string, o object, into reflect.Value) {
	fields := map[string]reflect.Value{}
	collect(fields, into)
	for _, name := range o.names {
		f, ok := fields[name]
		if !ok {
			if len(*p) < mostProblems {
				p.Add(join(path, name), "error.json_unknown")
			}
			continue
		}
		bind(p, join(path, name), o.values[name], f)
	}
}

// collect finds the settable fields by the name of their json tag; a field without one cannot be set from outside.
func collect(fields map[string]reflect.Value, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			collect(fields, v.Field(i))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		fields[name] = v.Field(i)
	}
}

func bindScalar(tree any, into reflect.Value) (problem string) {
	switch into.Kind() {
	case reflect.String:
		s, ok := tree.(string)
		if !ok {
			return "error.json_text"
		}
		into.SetString(s)
	case reflect.Bool:
		b, ok := tree.(bool)
		if !ok {
			return "error.json_bool"
		}
		into.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, ok := tree.(json.Number)
		if !ok {
			return "error.json_number"
		}
		i, err := strconv.ParseInt(n.String(), 10, into.Type().Bits())
		if err != nil {
			return "error.json_number"
		}
		into.SetInt(i)
	case reflect.Float64:
		n, ok := tree.(json.Number)
		if !ok {
			return "error.json_number"
		}
		f, err := n.Float64()
		if err != nil {
			return "error.json_number"
		}
		into.SetFloat(f)
	default:
		panic("strictjson: an input type has a field of kind " + into.Kind().String())
	}
	return ""
}
