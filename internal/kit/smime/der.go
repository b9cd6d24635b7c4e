package smime

import "encoding/binary"

// Limits of what is read of a message, before anything in it is believed.
const (
	maxNodes   = 300_000 // values, each piece of a content is one
	maxNesting = 40
)

// node is one value; of a constructed one the values inside.
type node struct {
	tag  byte
	body []byte
	kids []*node
	size int // of the body as it is written
}

// normal gives the one DER form of a value in BER: definite lengths, strings in one piece. What is DER already comes back as it is.
// Bytes behind the value, tags above 30 and anything beyond the limits are ErrDamaged.
func normal(b []byte) ([]byte, error) {
	left := maxNodes
	n, rest, err := readNode(b, 0, &left)
	if err != nil || len(rest) > 0 {
		return nil, ErrDamaged
	}
	if total := n.measure(); total == len(b) && isDER(b, 0) {
		return b, nil
	}
	return n.write(make([]byte, 0, n.size+6)), nil
}

// isDER tells whether all lengths are definite and no string is in pieces, of a value that is as long as its DER.
func isDER(b []byte, depth int) bool {
	c := cursor{b: b}
	for len(c.b) > 0 {
		tag, n, err := c.head()
		if err != nil || n < 0 || tag == tagOctets|constructed || depth > maxNesting {
			return false
		}
		if tag&constructed != 0 && !isDER(c.b[:n], depth+1) {
			return false
		}
		c.b = c.b[n:]
	}
	return true
}

func readNode(b []byte, depth int, left *int) (n *node, rest []byte, err error) {
	if *left--; *left < 0 || depth > maxNesting {
		return nil, nil, ErrDamaged
	}
	c := cursor{b: b}
	tag, size, err := c.head()
	if err != nil {
		return nil, nil, err
	}
	n = &node{tag: tag}
	if tag&constructed == 0 {
		n.body = c.b[:size]
		return n, c.b[size:], nil
	}
	inside := c.b
	if size >= 0 {
		inside, rest = c.b[:size], c.b[size:]
	}
	for {
		switch {
		case size >= 0 && len(inside) == 0:
			return n.joined(), rest, nil
		case size < 0 && len(inside) >= 2 && inside[0] == 0 && inside[1] == 0:
			return n.joined(), inside[2:], nil
		}
		var kid *node
		if kid, inside, err = readNode(inside, depth+1, left); err != nil {
			return nil, nil, err
		}
		n.kids = append(n.kids, kid)
	}
}

// joined puts the pieces of an octet string together.
func (n *node) joined() *node {
	if n.tag != tagOctets|constructed {
		return n
	}
	size := 0
	for _, k := range n.kids {
		if k.tag != tagOctets {
			return n // no string: whoever reads it refuses it
		}
		size += len(k.body)
	}
	body := make([]byte, 0, size)
	for _, k := range n.kids {
		body = append(body, k.body...)
	}
	return &node{tag: tagOctets, body: body}
}

func (n *node) measure() int {
	n.size = len(n.body)
	for _, k := range n.kids {
		n.size += k.measure()
	}
	return 1 + lengthSize(n.size) + n.size
}

func lengthSize(n int) int {
	switch {
	case n < 0x80:
		return 1
	case n < 0x100:
		return 2
	case n < 0x10000:
		return 3
	case n < 0x1000000:
		return 4
	}
	return 5
}

func (n *node) write(out []byte) []byte {
	out = append(out, n.tag)
	switch s := lengthSize(n.size); s {
	case 1:
		out = append(out, byte(n.size))
	default:
		var l [4]byte
		binary.BigEndian.PutUint32(l[:], uint32(n.size))
		out = append(append(out, 0x80|byte(s-1)), l[5-s:]...)
	}
	out = append(out, n.body...)
	for _, k := range n.kids {
		out = k.write(out)
	}
	return out
}
