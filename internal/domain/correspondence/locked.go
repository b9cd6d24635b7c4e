package correspondence

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/build"
	"github.com/tocsin-csirt/tocsin/internal/kit/pdf"
)

// lockedName is what the file of a letter is called: our reference, which the mail around it names too, and nothing else.
func lockedName(t Thread) string { return t.Reference + ".pdf" }

// lockedIn puts the letter, as its reader would get it, into a file that its code opens, and the file into the mail. The same letter gives the same file.
func (s *Service) lockedIn(ctx context.Context, l *outbound, out build.Letter) (build.Letter, error) {
	raw, err := s.lockedFile(ctx, l)
	if err != nil {
		return out, err
	}
	name, err := build.NewLine(lockedName(l.thread))
	out.Attachments = []build.Attachment{{Name: name, Type: "application/pdf", Bytes: raw}}
	return out, err
}

func (s *Service) lockedFile(ctx context.Context, l *outbound) ([]byte, error) {
	if l.code.Code == "" {
		return nil, fmt.Errorf("lock a letter: it has no code")
	}
	subject, body := s.letter(&l.stored, l.thread, egress.Encrypted)
	p := s.printer(l.content.Lang)
	d := pdf.New(pdf.Head{
		Title: subject, Author: s.Team.Name, Lang: string(p.Lang()), Made: l.At, Label: l.TLP.String(), Foot: l.thread.Reference,
		Page: p.T("sheet.page", "page", "{page}", "pages", "{pages}"),
	})
	d.Title(subject)
	for _, b := range paragraphs(body) {
		if aligned(b) {
			d.Mono(b)
		} else {
			d.Paragraph(b)
		}
	}
	for _, f := range l.Body.Files {
		raw, err := s.fileBytes(ctx, f)
		if err != nil {
			return nil, err
		}
		kind, _, _ := strings.Cut(f.Type, ";")
		d.Attach(pdf.Attached{Name: f.Name, Type: strings.TrimSpace(kind), Made: l.At, Content: raw})
	}
	with := pdf.Lock{Code: l.code.Code, Other: SpacedCode(l.code.Code), Seed: l.code.Seed}
	raw, undrawn, err := d.Locked(with)
	if err == nil && undrawn { // characters that its fonts do not have: the text lies beside the pages, too
		d.Attach(pdf.Attached{Name: l.thread.Reference + ".txt", Type: "text/plain", Made: l.At, Content: []byte("\ufeff" + subject + "\r\n\r\n" + strings.ReplaceAll(body, "\n", "\r\n"))})
		raw, _, err = d.Locked(with)
	}
	if errors.Is(err, pdf.ErrLarge) {
		return nil, errs.New(errs.Invalid, "the letter has more pages than a file may have")
	}
	return raw, err
}

// paragraphs are the parts of a letter between empty lines.
func paragraphs(body string) []string {
	var out []string
	for b := range strings.SplitSeq(body, "\n\n") {
		if b = strings.Trim(b, "\n"); strings.TrimSpace(b) != "" {
			out = append(out, b)
		}
	}
	return out
}

// aligned tells whether a part stands in columns, so that each character counts.
func aligned(b string) bool {
	for l := range strings.SplitSeq(b, "\n") {
		if strings.HasPrefix(l, "    ") || strings.Contains(strings.TrimSpace(l), "  ") || strings.ContainsRune(l, '\t') {
			return true
		}
	}
	return false
}
