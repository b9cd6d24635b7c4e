package pgp

import "math/bits"

// isPadding tells whether the tail of a compressed packet is what Sequoia puts there to hide a length: behind raw deflate that begins with a stored
// block, random bytes up to the length that Padmé gives (Nikitin et al., PETS 2019), and nothing that somebody could read. Nothing here reads them.
func isPadding(body, tail []byte) bool {
	const deflate, kindOfBlock = 1, 6
	return len(body) > 1 && body[0] == deflate && body[1]&kindOfBlock == 0 && len(body) == padme(len(body)-len(tail)) && !says(tail)
}

// padme is the length to which Padmé pads n octets.
func padme(n int) int {
	if n < 2 {
		return n
	}
	e := bits.Len(uint(n)) - 1
	mask := 1<<(e-bits.Len(uint(e))) - 1
	return (n + mask) &^ mask
}

// says tells whether bytes are no random ones: a run of text (24 characters come by chance once in 10^10), or packets to the last byte.
func says(b []byte) bool {
	const text = 24
	run := 0
	for _, c := range b {
		if run++; (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			run = 0
		}
		if run == text {
			return true
		}
	}
	for len(b) > 0 {
		p, rest, err := nextPacket(b)
		if err != nil || !speaks(p) {
			return false
		}
		b = rest
	}
	return true
}

// speaks tells whether a packet has a known kind and begins as one. Length "until the end" does not count: one random message in ten thousand has it.
func speaks(p rawPacket) bool {
	if len(p.body) == 0 || p.all[0]&0xC3 == 0x83 {
		return false
	}
	first := p.body[0]
	switch p.tag {
	case tagLiteral:
		_, err := literal(p.body)
		return err == nil
	case tagSignature, tagOnePass:
		return first == 3 || first == 4 || first == 6
	case tagCompressed:
		return first <= 3
	}
	return false
}
