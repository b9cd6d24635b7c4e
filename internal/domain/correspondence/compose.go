package correspondence

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/build"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// write makes the mail: outside a transaction, because signing and encrypting take time.
func (s *Service) write(ctx context.Context, l *outbound) {
	if !l.goes() {
		return
	}
	l.parcel = parcel{from: s.Team.ReplyTo(l.thread.Tag), to: l.Body.To, tagged: l.content.AnswerTo, name: l.UID, rendition: l.rendition()}
	if l.Channel != ByMail {
		return
	}
	road := l.Road
	switch {
	case l.ask.HasKey:
		road = egress.Encrypted // a key that arrived while the letter was held is used
	case road == egress.Encrypted:
		l.waits = egress.KeyExpected // it was written to be read by one (rule P10)
		return
	}
	letter, err := s.compose(ctx, l, road)
	if err == nil {
		l.parcel.raw, err = s.Postman.sealed(ctx, letter, road, l.key, s.Clock.Now())
	}
	var unfit *pgp.KeyError
	switch {
	case err == nil:
		l.Road = road
	case errors.As(err, &unfit), errors.Is(err, smime.ErrUnfit):
		l.waits = egress.KeyExpected
	case errs.Is(err, errs.Invalid), errs.Is(err, errs.NotFound):
		l.failed = reasonLetter
	default:
		l.again = true // the key process is away
	}
}

// compose gives the letter for the builder. The reader's name stays out of it: it may be a stranger's words.
func (s *Service) compose(ctx context.Context, l *outbound, road egress.Road) (build.Letter, error) {
	subject, body := s.letter(&l.stored, l.thread, road)
	var out build.Letter
	body, err := s.opened(ctx, l, body)
	if err != nil {
		return out, err
	}
	if out.Subject, err = build.NewLine(subject); err != nil {
		return out, err
	}
	if out.From, err = build.NewAddress(s.Team.Name, s.Team.Address); err != nil {
		return out, err
	}
	if out.To, err = build.NewAddress("", cmp.Or(l.content.AnswerTo, l.Body.To)); err != nil {
		return out, err
	}
	if out.ReplyTo, err = build.NewAddress(s.Team.Name, s.Team.ReplyTo(l.thread.Tag)); err != nil {
		return out, err
	}
	if out.ID, err = build.ParseID(l.MessageID); err != nil {
		return out, err
	}
	if answers, err := build.ParseID(l.content.InReplyTo); err == nil && !l.Automatic && len(l.content.InReplyTo) <= 250 {
		out.InReplyTo, out.References = answers, []build.ID{answers}
	}
	out.Date, out.AutoSubmitted, out.Text = s.Clock.Now(), l.Automatic, body
	out.Language = string(s.printer(l.content.Lang).Lang())
	if road == egress.Notice {
		return out, nil
	}
	if road == egress.Locked {
		return s.lockedIn(ctx, l, out)
	}
	for _, f := range l.Body.Files {
		a, err := s.attachment(ctx, f)
		if err != nil {
			return out, err
		}
		out.Attachments = append(out.Attachments, a)
	}
	return out, nil
}

func (s *Service) attachment(ctx context.Context, f File) (build.Attachment, error) {
	raw, err := s.fileBytes(ctx, f)
	if err != nil {
		return build.Attachment{}, err
	}
	name, err := build.NewLine(f.Name)
	if err != nil {
		return build.Attachment{}, err
	}
	kind, _, _ := strings.Cut(f.Type, ";")
	return build.Attachment{Name: name, Type: strings.TrimSpace(kind), Bytes: raw}, nil
}
