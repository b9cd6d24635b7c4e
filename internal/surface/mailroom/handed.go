package mailroom

import (
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// beside gives the files of a letter that have a name, at most two: more than one says nothing.
func (l *letter) beside(name string) (out [][]byte) {
	if l.reading != "" || l.inner == nil {
		return nil
	}
	for _, p := range l.inner.Attachments() {
		if strings.EqualFold(p.Filename, name) && len(out) < 2 {
			out = append(out, p.Bytes)
		}
	}
	return out
}

// handed reads the case that a letter hands to us, and the label under which it is a report: that of the letter, or of the document when that is stricter or the
// letter has none.
func (l *letter) handed() (*intake.Handed, tlp.Level) {
	h, label := intake.HandedOver(l.beside(handover.File), l.sender.proof.Proved()), l.label()
	if h == nil || h.Refused != "" {
		return h, label
	}
	return h, tlp.Max(label, h.Document.Label())
}

// acknowledges gives the answer to a hand-over of ours that lies beside a letter, unread; nil for none, or for several.
func (l *letter) acknowledges() []byte {
	if list := l.beside(handover.AckFile); len(list) == 1 && len(list[0]) <= handover.MostAck {
		return list[0]
	}
	return nil
}
