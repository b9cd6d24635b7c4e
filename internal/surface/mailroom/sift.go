package mailroom

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// sift decides whether a mail that will be a report lies in the queue. Whatever goes wrong with that, it does.
func (m *Room) sift(ctx context.Context, sieve *intake.Sieve, l *letter) {
	if sieve == nil || l.ready == nil || l.facts == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			m.Log.Error("a mail could not be judged", "arrival", l.arrival.ID, "kind", errs.Of(fmt.Errorf("place: %w", errs.Panic(p))).String())
		}
	}()
	placed, err := sieve.Place(ctx, m.DB, l.ready)
	if err != nil {
		m.Log.Error("a mail could not be judged", "arrival", l.arrival.ID, "kind", errs.Of(err).String())
		return
	}
	l.placed, l.ready.Placed = placed, placed
}

// judgedBy is factsOf, or nil for a mail over which it stumbles: that one lies in the queue.
func (m *Room) judgedBy(l *letter) (facts *intake.Mail) {
	defer func() {
		if p := recover(); p != nil {
			facts = nil
			m.Log.Error("a mail could not be judged", "arrival", l.arrival.ID, "kind", errs.Of(fmt.Errorf("judge: %w", errs.Panic(p))).String())
		}
	}()
	return m.factsOf(l)
}

// factsOf takes down what a mail is judged by.
func (m *Room) factsOf(l *letter) *intake.Mail {
	head := l.outer.Header()
	out := &intake.Mail{List: cut(head.Get("List-Id"), intake.MaxShort), Language: l.language, Never: l.never()}
	for _, f := range l.files {
		out.Sums = append(out.Sums, f.SHA256)
	}
	kind := func(name string, is bool) {
		if is {
			out.Kinds = append(out.Kinds, name)
		}
	}
	has := func(reasons ...string) bool {
		return slices.ContainsFunc(l.automatic, func(s string) bool { return slices.Contains(reasons, s) })
	}
	kind("list", has(mail.ListMail))
	kind("bulk", has(mail.BulkMail))
	kind("automatic", has(mail.AutoSubmitted, mail.NullSender, mail.DaemonSender, mail.NoReplyWanted, mail.AwaySubject))
	kind("bounce", l.bounce)
	kind("abuse", len(l.said.Reports) > 0)
	kind("routine", l.routine != nil)
	if out.Never == "" {
		out.Signs = m.signs(l)
	}
	return out
}

// never tells why a program never puts a mail aside: who is known wrote it, or it says so; somebody sealed it; nobody could read it.
func (l *letter) never() string {
	switch {
	case l.reading != "":
		return intake.NeverUnread
	case l.seal() != correspondence.Plain && l.seal() != correspondence.Signed:
		return intake.NeverEncrypted
	case l.sender.contact.ID != 0:
		return intake.NeverKnown
	case l.sender.proof == correspondence.SignedByKey, l.sealed.Good() != nil:
		return intake.NeverSigned
	}
	return ""
}

// signs are what speaks for spam in a mail itself.
func (m *Room) signs(l *letter) []intake.Sign {
	var out []intake.Sign
	add := func(why string, is bool) {
		if is {
			out = append(out, intake.SignOf(why))
		}
	}
	said := func(why string) bool { return slices.Contains(l.sender.reasons, "desk.sender."+why) }
	forged := l.sender.proof == correspondence.Forged
	add("forged", forged)
	add("spf", !forged && said("spf_failed"))
	add("dkim", !forged && said("dkim_failed"))
	add("as_us", m.ours(l) && !l.sender.proof.Proved())
	add("unknown", true)
	machine := len(l.said.Reports) > 0 || l.routine != nil
	add("bulk", !machine && slices.ContainsFunc(l.automatic, func(s string) bool { return s == mail.BulkMail || s == mail.ListMail }))
	add("relay", m.Checker.Relayed(envelope(l.arrival)) && relaySays(l.outer.Header()))
	add("only_links", !machine && onlyLinks(l.text) && len(l.within) == 0)
	if to, _ := l.outer.Header().Addresses("Reply-To"); len(to) > 0 && l.sender.address != "" {
		from := mail.Address{Addr: l.sender.address}.Domain()
		add("reply_elsewhere", !slices.ContainsFunc(to, func(a mail.Address) bool { return a.Domain() == from }))
	}
	add("not_to_us", !machine && !envelope(l.arrival).Named(l.outer))
	return out
}

// relaySays tells whether our own mail server found spam. What stands under the second Received field was there before the mail came to it, whoever wrote it.
func relaySays(h mail.Header) bool {
	received := 0
	for _, f := range h {
		v := strings.ToLower(strings.TrimSpace(f.Raw))
		switch strings.ToLower(f.Name) {
		case "received":
			if received++; received == 2 {
				return false
			}
		case "x-spam-flag", "x-spam", "x-spam-status":
			if strings.HasPrefix(v, "yes") {
				return true
			}
		}
	}
	return false
}

// fewWords is how many words beside its links make a text that only wants to be clicked.
const fewWords = 8

// onlyLinks tells whether a text has links and next to no words. A defanged link is evidence that somebody shows us.
func onlyLinks(text string) bool {
	links, words := 0, 0
	for _, w := range strings.Fields(text) {
		low := strings.ToLower(w)
		switch {
		case strings.Contains(low, "http://"), strings.Contains(low, "https://"), strings.HasPrefix(low, "www."):
			links++
		case strings.ContainsFunc(w, unicode.IsLetter):
			words++
		}
	}
	return links > 0 && words <= fewWords
}
