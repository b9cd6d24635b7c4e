package smtpd

import (
	"bufio"
	"errors"
	"io"
)

var errFlood = errors.New("smtpd: the message does not end")

// readDots reads a message up to the line that is one dot, and gives its bytes to put, in pieces that are valid for the call.
// A line ends with CR LF only: a dot after a bare CR or LF, or before one, is content. A dot in front of a line is taken off (RFC 5321
// section 4.5.2). It gives the length of the longest line. After limit bytes it gives up with errFlood.
func readDots(r *bufio.Reader, limit int64, put func([]byte)) (longest int, err error) {
	atStart, afterCR := true, false
	line := 0
	var total int64
	for {
		chunk, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return longest, err
		}
		if atStart && chunk[0] == '.' {
			if string(chunk) == ".\r\n" {
				return longest, nil
			}
			if chunk = chunk[1:]; len(chunk) == 0 {
				atStart = false // a reader that gives single bytes
				continue
			}
		}
		n := len(chunk)
		line += n
		longest = max(longest, line)
		if total += int64(n); total > limit {
			return longest, errFlood
		}
		put(chunk)
		crBefore := afterCR
		if n > 1 {
			crBefore = chunk[n-2] == '\r'
		}
		if chunk[n-1] == '\n' {
			atStart, line = crBefore, 0
		} else {
			atStart = false
		}
		afterCR = chunk[n-1] == '\r'
	}
}
