package mail

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Visible gives s as one line in which control, bidirectional and other unseen characters are shown as what they are (M11).
func Visible(s string) string { return visible(s, hiddenInLine) }

// VisibleText is Visible for text of many lines: line feeds, tabs and the plain direction marks of a script stay.
func VisibleText(s string) string { return visible(s, hiddenInText) }

var (
	webBegins  = regexp.MustCompile(`(?i)(h)tt(ps?://)`)
	fileBegins = regexp.MustCompile(`(?i)(f)t(ps?://)`)
	hostBegins = regexp.MustCompile(`(?i)\b(www)\.`)
)

// NoLinks writes the addresses in a text, whatever their case, so that no program makes links of them: hxxps://, fxp://, www[.].
func NoLinks(s string) string {
	s = webBegins.ReplaceAllString(s, "${1}xx${2}")
	s = fileBegins.ReplaceAllString(s, "${1}x${2}")
	return hostBegins.ReplaceAllString(s, "${1}[.]")
}

var refang = strings.NewReplacer("[://]", "://", "[:]", ":", "[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "[@]", "@")

// Refang reads an address that was written so that no program makes a link of it: hxxps://bad[.]example is https://bad.example.
func Refang(s string) string {
	s = refang.Replace(strings.TrimSpace(s))
	if len(s) > 4 && strings.EqualFold(s[:4], "hxxp") {
		s = "http" + s[4:]
	}
	return s
}

// Quote marks every line of a stranger's words, in lines so short that no program between breaks them: what is not marked is ours.
func Quote(s string) string {
	const columns = 68
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		at := ""
		for word := range strings.FieldsSeq(line) {
			for n := columns; utf8.RuneCountInString(word) > columns; {
				if at != "" {
					out, at = append(out, "> "+at), ""
				}
				r := []rune(word)
				out, word = append(out, "> "+string(r[:n])), string(r[n:])
			}
			switch {
			case at == "":
				at = word
			case utf8.RuneCountInString(at)+1+utf8.RuneCountInString(word) > columns:
				out, at = append(out, "> "+at), word
			default:
				at += " " + word
			}
		}
		out = append(out, strings.TrimSpace("> "+at))
	}
	return strings.Join(out, "\n")
}

// FormText is VisibleText for what somebody typed into a form, where browsers end lines with CR LF.
func FormText(s string) string { return VisibleText(strings.ReplaceAll(s, "\r\n", "\n")) }

func visible(s string, hidden func(rune) bool) string {
	if i := strings.IndexFunc(s, hidden); i < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune(0x2421)
		default:
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}

func hiddenInLine(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r < 0xad:
		return false
	}
	switch r {
	case 0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0xfeff, 0x3164, 0xffa0, 0x115f, 0x1160:
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r >= 0xfff0 && r <= 0xfffb || r >= 0xe0000 && r <= 0xe007f
}

func hiddenInText(r rune) bool {
	switch r {
	case '\n', '\t', 0xad, 0x61c, 0x200b, 0x200e, 0x200f, 0xfeff:
		return false
	}
	return hiddenInLine(r)
}
