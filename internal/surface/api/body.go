package api

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/strictjson"
)

// Body is a JSON body as it was read: a value, the bytes it came as, and what was wrong with it.
type Body[T any] struct {
	Value T
	raw   []byte
	err   error
}

func (b *Body[T]) read(data []byte) {
	b.raw = bytes.Clone(data)
	b.err = strictjson.Decode(data, &b.Value)
}

// Schema describes the value.
func (Body[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// With gives an input a body that is required.
type With[T any] struct {
	Body Body[T]
}

func (w *With[T]) problem() error { return w.Body.err }

// Attachment is a file inside a body.
type Attachment struct {
	Name        string `json:"name" doc:"As the sender names it"`
	ContentType string `json:"content_type,omitempty" doc:"As the sender says"`
	Base64      string `json:"base64" contentEncoding:"base64"`
}

// most is how many files one request may bring.
const mostFiles = 50

func files(list []Attachment) ([]correspondence.FileIn, error) {
	var p errs.Problems
	if len(list) > mostFiles {
		p.Add("attachments", "error.parameter")
		return nil, p.Err()
	}
	out := make([]correspondence.FileIn, 0, len(list))
	for i, f := range list {
		at := fmt.Sprintf("attachments[%d]", i)
		if strings.TrimSpace(f.Name) == "" {
			p.Add(at+".name", "error.required")
		}
		content, err := base64.StdEncoding.Strict().DecodeString(f.Base64)
		if err != nil {
			p.Add(at+".base64", "error.base64")
			continue
		}
		out = append(out, correspondence.FileIn{Name: f.Name, Type: f.ContentType, Content: bytes.NewReader(content)})
	}
	return out, p.Err()
}

// Answer is yes, no or unknown; true and false are taken for yes and no.
type Answer string

// FromJSON reads an answer.
func (a *Answer) FromJSON(v any) bool {
	switch v {
	case true:
		v = "yes"
	case false:
		v = "no"
	}
	s, _ := v.(string)
	*a = Answer(s)
	return s == "yes" || s == "no" || s == "unknown"
}

// Schema describes an answer.
func (Answer) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: "string", Enum: []any{"yes", "no", "unknown"}}, {Type: "boolean"}}}
}
