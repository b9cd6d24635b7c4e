package pdf

import (
	"fmt"
	"strings"
)

// node is an element of the structure tree (14.7.2).
type node struct {
	tag      string
	parent   *node
	children []*node
	runs     []run
	object   int // its number in the file
}

func (n *node) child(tag string) *node {
	c := &node{tag: tag, parent: n}
	n.children = append(n.children, c)
	return c
}

// number gives each element its object.
func (n *node) number(f *file) {
	n.object = f.reserve()
	for _, c := range n.children {
		c.number(f)
	}
}

// write writes an element and all below it. Extra is what the last child of the root is about: the field of the signature.
func (n *node) write(f *file, parent int, pages []int, extra string) {
	var kids []string
	for _, r := range n.runs {
		kids = append(kids, fmt.Sprintf("<</Type /MCR /Pg %d 0 R /MCID %d>>", pages[r.page], r.id))
	}
	for _, c := range n.children {
		kids = append(kids, fmt.Sprintf("%d 0 R", c.object))
	}
	if n.tag == "Form" {
		kids = append(kids, extra)
	}
	f.set(n.object, fmt.Sprintf("<</Type /StructElem /S /%s /P %d 0 R /K [%s]>>", n.tag, parent, strings.Join(kids, " ")))
	for _, c := range n.children {
		c.write(f, n.object, pages, extra)
	}
}
