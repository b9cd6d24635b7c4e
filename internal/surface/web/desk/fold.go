package desk

import (
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// An act over many parties writes a line for each: from foldFrom on they are one in the timeline, as long as no foldWithin passed between two.
const (
	foldFrom   = 5
	foldWithin = 10 * time.Minute
)

// act is what makes lines of a timeline one: those of one act have the same key. The zero value stays alone.
type act struct {
	key   string
	party page.ChipView                           // whom the line is about
	whole func(p *text.Printer, n int) page.Entry // the line for all of them
}

// fold makes one line of those that one act wrote. It stands where the last of them stood.
func fold(p *text.Printer, all []entry) []entry {
	open := map[string][]int{} // the lines of an act so far
	var acts [][]int
	end := func(key string) {
		if len(open[key]) >= foldFrom {
			acts = append(acts, open[key])
		}
		delete(open, key)
	}
	for i, e := range all {
		key := e.fold.key
		if key == "" {
			continue
		}
		if before := open[key]; len(before) > 0 && e.at.Sub(all[before[len(before)-1]].at) > foldWithin {
			end(key)
		}
		open[key] = append(open[key], i)
	}
	for key := range open {
		end(key)
	}
	gone := map[int]bool{}
	for _, lines := range acts {
		last := lines[len(lines)-1]
		x := all[last].fold.whole(p, len(lines))
		x.ID, x.At = all[last].ID, all[last].At
		for _, i := range lines {
			x.Parties = append(x.Parties, all[i].fold.party)
			gone[i] = i != last
		}
		all[last].Entry = x
	}
	i := -1
	return slices.DeleteFunc(all, func(entry) bool { i++; return gone[i] })
}
