package dmarc

import (
	"strings"
	"testing"
)

// Records beyond those that are summed are counted, not dropped without a word.
func TestRecordsBeyondTheSumsAreTold(t *testing.T) {
	defer func(n int) { maxRecords = n }(maxRecords)
	maxRecords = 500
	const one = "<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>"
	s, err := Read([]byte("<feedback><policy_published><domain>a.example</domain></policy_published>" + strings.Repeat(one, maxRecords+7) + "</feedback>"))
	if err != nil || s.Records != maxRecords || s.More != 7 || s.Messages != int64(maxRecords) {
		t.Errorf("%d records, %d more, %d messages, %v", s.Records, s.More, s.Messages, err)
	}
}
