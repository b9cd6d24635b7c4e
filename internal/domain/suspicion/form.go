package suspicion

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// FromForm keeps what the page took, as a mail among the mails of the lane: they are filed, shown and ended alike. The address that was typed is the field
// Reply-To, which nobody is written to for. Also runs in the same transaction.
func (s *Service) FromForm(ctx context.Context, in intake.Suspicious, also func(ctx context.Context, tx *db.Tx) error) error {
	raw, err := asMail(in)
	if err != nil {
		return err
	}
	if len(raw) > correspondence.MaxMail {
		return errs.New(errs.Limit, "what was put in is larger than a mail may be")
	}
	return s.Correspondence.ArriveWith(ctx, []correspondence.Arrival{{To: []string{s.Correspondence.Suspicious()}, ReceivedAt: in.At, Raw: raw, Public: true}}, also)
}

// asMail writes a form as MIME. A file that is a mail is one, whatever the browser called it.
func asMail(in intake.Suspicious) ([]byte, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	field("Date", in.At.UTC().Format(time.RFC1123Z))
	field("X-Tocsin-Form", "suspicious")
	if !strings.ContainsAny(in.Email, "\r\n\x00") {
		field("Reply-To", in.Email)
	}
	field("MIME-Version", "1.0")
	field("Content-Type", mime.FormatMediaType("multipart/mixed", map[string]string{"boundary": w.Boundary()}))
	b.WriteString("\r\n")
	if err := part(w, "text/plain; charset=utf-8", "inline", in.Text); err != nil {
		return nil, err
	}
	for _, f := range in.Files {
		if _, err := f.Content.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(f.Content)
		if err != nil {
			return nil, err
		}
		kind, _, err := mime.ParseMediaType(f.Type)
		if err != nil || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
			kind = "application/octet-stream"
		}
		how := mime.FormatMediaType("attachment", map[string]string{"filename": strings.Map(harmless, f.Name)})
		if how == "" {
			how = "attachment"
		}
		if err := part(w, kind, how, string(raw)); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func harmless(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '_'
	}
	return r
}

func part(w *multipart.Writer, kind, how, content string) error {
	p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {kind}, "Content-Disposition": {how}, "Content-Transfer-Encoding": {"base64"}})
	if err != nil {
		return err
	}
	coded := base64.StdEncoding.EncodeToString([]byte(content))
	for len(coded) > 76 {
		if _, err := io.WriteString(p, coded[:76]+"\r\n"); err != nil {
			return err
		}
		coded = coded[76:]
	}
	_, err = io.WriteString(p, coded+"\r\n")
	return err
}
