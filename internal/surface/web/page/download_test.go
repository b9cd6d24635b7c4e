package page_test

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// A foreign file name goes into a header that every reader takes for one attachment with a name that is no path (rule F1).
func FuzzAttachment(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a.txt", "../../etc/passwd", `C:\autoexec.bat`, "a\"; filename=\"b", "a\r\nSet-Cookie: x", "\u202egnp.exe", "\xff\x00", "%2e%2e%2f", "é\u00ad.pdf", strings.Repeat("é", 4000), "CON", " . "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		media, params, err := mime.ParseMediaType(page.Attachment(name))
		got := params["filename"]
		switch {
		case err != nil, media != "attachment", len(params) != 1:
			t.Fatalf("%q: %q %v %v", name, media, params, err)
		case got == "", got == ".", got == "..", strings.ContainsAny(got, `/\:"<>|?*%`), !utf8.ValidString(got), utf8.RuneCountInString(got) > 120:
			t.Fatalf("%q is named %q", name, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q is named %q", name, got)
			}
		}
	})
}
