package page

import (
	"mime"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// Attachment is the Content-Disposition of a download (RFC 6266): a foreign file name without what a file system, a shell or a reader takes for
// anything else (rule F1).
func Attachment(name string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": fileName(name)})
}

func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(s, `\`, "/"))
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/|?*%`, r) || unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
	if s = strings.Trim(s, ". "); s == "" {
		return "file"
	}
	if r := []rune(s); len(r) > 120 {
		s = string(r[:100]) + string(r[len(r)-20:])
	}
	return s
}

// PDF answers with a document of ours as a download.
func PDF(v *Visit, name string, raw []byte) error {
	h := v.W.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", Attachment(name))
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	_, _ = v.W.Write(raw)
	return nil
}
