// Package sheet writes cells for spreadsheets.
package sheet

import (
	"strings"
	"unicode/utf8"
)

// Cell keeps a spreadsheet from taking the words of others for a formula (rule O8). The caller quotes it as CSV asks.
func Cell(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", first) {
		return "'" + s
	}
	return s
}
