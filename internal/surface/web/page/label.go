package page

import (
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
)

// labels are the names of the fields that are wrong. The summary stands above the fields and is written first, so a page whose summary needs
// a name is written twice: the second time it knows them.
type labels struct {
	of      map[string]string // by the control's id, and by the words that stand beside it
	missing bool
}

type labelsKey struct{}

func withLabels(ctx context.Context) (context.Context, *labels) {
	l := &labels{of: map[string]string{}}
	return context.WithValue(ctx, labelsKey{}, l), l
}

// named notes the label of a field that is wrong.
func named(ctx context.Context, id, label, problem string) {
	if l, ok := ctx.Value(labelsKey{}).(*labels); ok && problem != "" && label != "" {
		l.of[id] = label
	}
}

// said is the line of the summary.
func (x Problem) said(ctx context.Context, p *text.Printer) string {
	l, ok := ctx.Value(labelsKey{}).(*labels)
	if !ok || !x.Bare {
		return x.Text
	}
	label, ok := l.of[x.Field]
	if !ok {
		l.missing = true
		return x.Text
	}
	if strings.HasSuffix(label, "?") { // a question and what is wrong with its answer are two sentences
		return label + " " + x.Text
	}
	return p.T("common.problem_of", "field", label, "problem", x.Text)
}
