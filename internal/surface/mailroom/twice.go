package mailroom

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// trace are fields that each machine on the way adds, by name or by how their names begin: two copies of one mail differ in them. A signature of the
// way is among them: what it proves is compared apart.
var (
	trace = []string{
		"received", "return-path", "delivered-to", "x-original-to", "x-envelope-to", "x-envelope-from", "received-spf", "authentication-results", "authentication-results-original",
		"envelope-to", "x-received", "x-virus-scanned", "x-virus-status", "x-scanned-by", "dkim-signature", "x-google-dkim-signature", "x-gm-message-state", "x-google-smtp-source", "x-uid",
		"x-uidl", "status", "x-status", "x-keywords", "x-loop", "x-resolved-to", "x-delivered-to", "x-mail-from", "x-account-key", "lines", "x-quarantine-id",
	}
	traces = []string{"arc-", "x-spam-", "x-forwarded-", "x-forefront-", "x-microsoft-antispam", "x-ms-exchange-", "x-eopattributedmessage", "x-mozilla-", "x-rspamd-", "x-barracuda-", "resent-"}
)

// written is a mail without the trace of its way.
func written(raw []byte) (top, body []byte) {
	head, sep := bytes.Index(raw, []byte("\r\n\r\n")), 2
	if n := bytes.Index(raw, []byte("\n\n")); n >= 0 && (head < 0 || n < head) {
		head, sep = n, 1
	}
	if head < 0 {
		return nil, raw
	}
	skip := false
	for line := range bytes.Lines(raw[:head+sep]) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(string(line), ":")
			name = strings.ToLower(strings.TrimSpace(name))
			skip = slices.Contains(trace, name) || slices.ContainsFunc(traces, func(begins string) bool { return strings.HasPrefix(name, begins) })
		}
		if !skip {
			top = append(top, line...)
		}
	}
	return top, raw[head+sep:]
}

// soon is how far apart two mails without a Message-ID may come and be one: who writes the same words again a day later says it again.
const soon = time.Hour

// nameOfMail is by what a copy of a mail is found: its Message-ID, or a hash of what was written.
func nameOfMail(m *mail.Message) string {
	if id := m.MessageID(); id != "" {
		return cut(id, 998)
	}
	h := sha256.New()
	top, body := written(m.Raw)
	h.Write(top)
	h.Write(body)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// again finds where a mail was filed that came before under the same name and with the same bytes, by a sender who is at least as sure: a second copy
// is no second report. A copy that proves more is filed as what it is. With a thread only what stands on it counts; without one, what waits
// unverified does not: a stranger who has a mail first could hide it there.
func (m *Room) again(ctx context.Context, tx *db.Tx, l *letter, thread int64) (correspondence.Thread, bool, error) {
	none := correspondence.Thread{}
	if l.outer == nil || !l.named {
		return none, false, nil
	}
	all, err := m.Correspondence.SameMail(ctx, tx, l.name)
	if err != nil {
		return none, false, err
	}
	named := l.outer.MessageID() != ""
	top, body := written(l.arrival.Raw)
	for _, old := range all {
		if old.Direction != correspondence.In || old.Arrival == 0 || old.Arrival == l.arrival.ID || old.Proof < l.sender.proof {
			continue
		}
		if thread != 0 && old.Thread != thread || thread == 0 && old.State != correspondence.Filed {
			continue
		}
		a, err := m.Correspondence.OpenArrival(ctx, tx, old.Arrival)
		if errs.Is(err, errs.NotFound) {
			continue // destroyed
		}
		if err != nil {
			return none, false, err
		}
		if apart := l.arrival.ReceivedAt.Sub(a.ReceivedAt).Abs(); !named && apart > soon {
			continue
		}
		if oldTop, oldBody := written(a.Raw); bytes.Equal(oldBody, body) && bytes.Equal(oldTop, top) {
			list, err := m.Correspondence.Threads(ctx, tx, old.Thread)
			return list[old.Thread], err == nil, err
		}
	}
	return none, false, nil
}

// reportedBefore is again for a mail that would be a report: it says under what the first copy was filed.
func (m *Room) reportedBefore(ctx context.Context, tx *db.Tx, l *letter) (ref.Ref, bool, error) {
	t, ok, err := m.again(ctx, tx, l, 0)
	if err != nil || !ok {
		return ref.Ref{}, false, err
	}
	r, err := m.Intake.ReportOfThread(ctx, tx, t.Ref.ID)
	if errs.Is(err, errs.NotFound) {
		return t.Ref, true, nil
	}
	return r.Ref, err == nil, err
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
		if lang := guess(l.subject + "\n" + l.text); lang != "" && (l.language == "" || l.language == lang) && m.Correspondence.Text.Has(text.Lang(lang)) {
			return lang
		}
	}
	return m.Lang
}
