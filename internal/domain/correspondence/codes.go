package correspondence

import "regexp"

// codeLink is a link of a letter of ours with its code: to a report, or to what a party is asked.
var codeLink = regexp.MustCompile(`/([ra])/[0-9A-Za-z]{20,}`)

// WithoutCodes hides the codes of our links in the text of a letter from everybody but its reader: who holds a code speaks for the reporter, or for the party.
func WithoutCodes(text string) string { return codeLink.ReplaceAllString(text, "/$1/•••") }
