package pgp

import (
	"bytes"
	"strings"
)

// inlineStart gives what an inline body begins with, after blank lines only (P11).
func inlineStart(text []byte) (kind string, block []byte, ok bool) {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), " \t\r\n")
	for _, kind := range []string{"PGP MESSAGE", "PGP SIGNED MESSAGE"} {
		line, _ := cutLine(text)
		if string(bytes.TrimRight(line, " \t\r\n")) == "-----BEGIN "+kind+"-----" {
			return kind, text, true
		}
	}
	return "", nil, false
}

// inlineSomewhere tells of a block that does not count because text stands before it.
func inlineSomewhere(text []byte) bool {
	for _, kind := range []string{"PGP MESSAGE", "PGP SIGNED MESSAGE"} {
		if bytes.Contains(text, []byte("\n-----BEGIN "+kind+"-----")) {
			return true
		}
	}
	return false
}

// clearSigned takes a clear-signed text apart (RFC 9580 section 7): signed is what the signature covers, with CRLF and without blanks at line
// ends. Only Hash lines may stand above the text, and a line that begins with a dash must be escaped, so that nothing looks signed that is not.
func clearSigned(block []byte) (signed, sig, after []byte, ok bool) {
	_, rest := cutLine(block)
	for {
		if len(rest) == 0 {
			return nil, nil, nil, false
		}
		var line []byte
		line, rest = cutLine(rest)
		text := string(bytes.TrimRight(line, " \t\r\n"))
		if text == "" {
			break
		}
		if !strings.HasPrefix(text, "Hash: ") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, nil, nil, false
		}
	}
	for first := true; ; first = false {
		if len(rest) == 0 {
			return nil, nil, nil, false
		}
		line, next := cutLine(rest)
		escaped := bytes.HasPrefix(line, []byte("- "))
		if escaped {
			line = line[2:]
		}
		line = bytes.TrimRight(line, " \t\r\n")
		if !escaped && string(line) == "-----BEGIN PGP SIGNATURE-----" {
			break
		}
		rest = next
		if !escaped && bytes.HasPrefix(line, []byte("-")) {
			return nil, nil, nil, false
		}
		if !first {
			signed = append(signed, '\r', '\n')
		}
		signed = append(signed, line...)
	}
	kind, block, after, ok := cutBlock(rest)
	if !ok || kind != "PGP SIGNATURE" {
		return nil, nil, nil, false
	}
	sig, err := dearmor(block)
	return signed, sig, after, err == nil
}
