package page

import (
	"encoding/csv"
	"mime"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/tocsin-csirt/tocsin/internal/kit/sheet"
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

// CSV answers with a table as a download. No cell begins as a formula does.
func CSV(v *Visit, name string, rows [][]string) error {
	h := v.W.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", Attachment(name))
	w := csv.NewWriter(v.W)
	for _, row := range rows {
		for i := range row {
			row[i] = sheet.Cell(row[i])
		}
		_ = w.Write(row)
	}
	w.Flush()
	return nil // an error here is a reader who went away
}

// PDF answers with a document of ours as a download.
func PDF(v *Visit, name string, raw []byte) error { return download(v, name, "application/pdf", raw) }

// CSVOf answers with a table that was written and defused elsewhere.
func CSVOf(v *Visit, name string, raw []byte) error {
	return download(v, name, "text/csv; charset=utf-8", raw)
}

func download(v *Visit, name, kind string, raw []byte) error {
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", Attachment(name))
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	_, _ = v.W.Write(raw)
	return nil
}
