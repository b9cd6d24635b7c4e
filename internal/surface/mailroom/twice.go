package mailroom

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// trace are fields that each machine on the way adds: two copies of one mail differ in them.
var trace = []string{"received", "return-path", "delivered-to", "x-original-to", "x-forwarded-to", "received-spf", "authentication-results", "envelope-to", "x-spam-status"}

// written is a mail without the trace of its way.
func written(raw []byte) []byte {
	end := bytes.Index(raw, []byte("\r\n\r\n"))
	if end < 0 {
		return raw
	}
	var out []byte
	skip := false
	for line := range bytes.Lines(raw[:end+2]) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(string(line), ":")
			skip = slices.Contains(trace, strings.ToLower(strings.TrimSpace(name)))
		}
		if !skip {
			out = append(out, line...)
		}
	}
	return append(out, raw[end+2:]...)
}

// again finds where a mail was filed that came before with the same Message-ID and the same bytes, by a sender who is at least as sure: a
// second copy is no second report. A copy that proves more is filed as what it is.
func (m *Room) again(ctx context.Context, tx *db.Tx, l *letter, threads []int64) (correspondence.Thread, bool, error) {
	none := correspondence.Thread{}
	if l.outer == nil || l.outer.MessageID() == "" || len(threads) == 0 {
		return none, false, nil
	}
	id := cut(l.outer.MessageID(), 998)
	all, err := m.Correspondence.Messages(ctx, tx, by(), threads...)
	if err != nil {
		return none, false, err
	}
	var mine []byte
	for _, old := range all {
		if old.Direction != correspondence.In || old.Arrival == 0 || old.Arrival == l.arrival.ID || old.MessageID != id || old.Proof < l.sender.proof {
			continue
		}
		a, err := m.Correspondence.OpenArrival(ctx, tx, old.Arrival)
		if errs.Is(err, errs.NotFound) {
			continue // destroyed
		}
		if err != nil {
			return none, false, err
		}
		if mine == nil {
			mine = written(l.arrival.Raw)
		}
		if bytes.Equal(written(a.Raw), mine) {
			list, err := m.Correspondence.Threads(ctx, tx, old.Thread)
			return list[old.Thread], err == nil, err
		}
	}
	return none, false, nil
}

// reportedBefore is again for a mail that would be a report.
func (m *Room) reportedBefore(ctx context.Context, tx *db.Tx, l *letter) (ref.Ref, bool, error) {
	if l.outer == nil || l.outer.MessageID() == "" {
		return ref.Ref{}, false, nil
	}
	reports, err := m.Intake.SameMessage(ctx, tx, cut(l.outer.MessageID(), 998))
	if err != nil || len(reports) == 0 {
		return ref.Ref{}, false, err
	}
	threads := make([]int64, len(reports))
	at := map[int64]ref.Ref{}
	for i, r := range reports {
		threads[i], at[r.Thread] = r.Thread, r.Ref
	}
	t, ok, err := m.again(ctx, tx, l, threads)
	return at[t.Ref.ID], ok, err
}

// languageOf gives the language in which a stranger is answered: the one his mail says it is in or asks for, when we speak it, else the one in
// which it is plainly written, else ours.
func (m *Room) languageOf(l *letter) string {
	msg := l.inner
	if msg != nil && m.Correspondence.Text != nil {
		for _, field := range []string{"Content-Language", "Accept-Language"} {
			if v := msg.Header().Get(field); v != "" && len(v) < 200 {
				first, _, _ := strings.Cut(v, ",")
				tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(first)), "-")
				if m.Correspondence.Text.Has(text.Lang(tag)) {
					return tag
				}
			}
		}
		if lang := guess(l.subject + "\n" + l.text); lang != "" && m.Correspondence.Text.Has(text.Lang(lang)) {
			return lang
		}
	}
	return m.Lang
}
