package pgp

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// maxLine is the longest line of a mail without its end (RFC 5322 section 2.1.1).
const maxLine = 998

// SignMIME wraps a whole MIME entity (header, empty line, body) into multipart/signed (RFC 3156 section 5). The result is an entity too: the
// caller puts the mail's own header, with MIME-Version, before it. Line ends become CRLF; what a relay may change on the way is refused as Invalid:
// bytes above 127, lines over 998, blanks at a line's end (the caller encodes such text as quoted-printable).
func SignMIME(ctx context.Context, entity []byte, a Agent, p Purpose) ([]byte, error) {
	entity = canonical(entity)
	if err := checkSignable(entity); err != nil {
		return nil, err
	}
	sig, err := detached(ctx, bytes.NewReader(entity), a, p)
	if err != nil {
		return nil, err
	}
	b := boundary(entity)
	var out bytes.Buffer
	out.WriteString("Content-Type: multipart/signed; micalg=" + signingMicalg + ";\r\n protocol=\"application/pgp-signature\"; boundary=\"" + b + "\"\r\n\r\n")
	out.WriteString("--" + b + "\r\n")
	out.Write(entity)
	out.WriteString("\r\n--" + b + "\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\nContent-Description: OpenPGP digital signature\r\n" +
		"Content-Disposition: attachment; filename=\"signature.asc\"\r\n\r\n")
	out.Write(canonical(armored("PGP SIGNATURE", sig)))
	out.WriteString("--" + b + "--\r\n")
	return out.Bytes(), nil
}

// SignDetached signs the bytes of r and gives an armoured signature, for a file of its own (CSAF: name.json.asc).
func SignDetached(ctx context.Context, r io.Reader, a Agent, p Purpose) ([]byte, error) {
	sig, err := detached(ctx, r, a, p)
	if err != nil {
		return nil, err
	}
	return armored("PGP SIGNATURE", sig), nil
}

func detached(ctx context.Context, r io.Reader, a Agent, p Purpose) ([]byte, error) {
	h := signingHash.New()
	if _, err := io.Copy(h, r); err != nil {
		return nil, err
	}
	return signState(ctx, a, p, h, false)
}

// ClearSign signs a text so that it stays readable (RFC 9580 section 7), for security.txt. Line ends become LF, blanks at line ends are cut.
func ClearSign(ctx context.Context, text []byte, a Agent, p Purpose) ([]byte, error) {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, errs.New(errs.Invalid, "the text to sign contains a NUL")
	}
	text = bytes.TrimSuffix(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"))
	h := signingHash.New()
	var out bytes.Buffer
	out.WriteString("-----BEGIN PGP SIGNED MESSAGE-----\nHash: " + signingName + "\n\n")
	for i, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimRight(line, " \t\r")
		if i > 0 {
			h.Write([]byte("\r\n"))
		}
		h.Write(line)
		if bytes.HasPrefix(line, []byte("-")) || bytes.HasPrefix(line, []byte("From ")) {
			out.WriteString("- ")
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	sig, err := signState(ctx, a, p, h, true)
	if err != nil {
		return nil, err
	}
	out.Write(armored("PGP SIGNATURE", sig))
	return out.Bytes(), nil
}

// canonical gives every line the end CRLF.
func canonical(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/32)
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

func checkSignable(b []byte) error {
	if !bytes.Contains(b, []byte("\r\n\r\n")) && !bytes.HasPrefix(b, []byte("\r\n")) {
		return errs.New(errs.Invalid, "the part to sign has no header")
	}
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		line = bytes.TrimSuffix(line, []byte("\r\n"))
		switch {
		case len(line) > maxLine:
			return errs.New(errs.Invalid, "the part to sign has a line over 998 bytes; encode it")
		case bytes.HasSuffix(line, []byte(" ")) || bytes.HasSuffix(line, []byte("\t")):
			return errs.New(errs.Invalid, "the part to sign has blanks at the end of a line; encode it as quoted-printable")
		}
		for _, c := range line {
			if c > 126 || c == 0 || c == '\r' {
				return errs.New(errs.Invalid, "the part to sign is not 7-bit text; encode it")
			}
		}
	}
	return nil
}

// boundary is random: nobody who wrote a part of the content can have guessed it.
func boundary(content []byte) string {
	for {
		b := "=_" + rand.Text()
		if !bytes.Contains(content, []byte(b)) {
			return b
		}
	}
}
