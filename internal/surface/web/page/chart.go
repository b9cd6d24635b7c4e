package page

import (
	"strconv"
	"strings"
)

// Series is one line of a chart: a name, a value for each point, and the words of its last one.
type Series struct {
	Name   string
	Values []int
}

// ChartView is a small line chart with the table behind it (ui.md 3.3: told apart by labels and dash, at most six).
type ChartView struct {
	Title  string
	Points []string // names of the points: days
	Series []Series
	Most   int    // of the scale
	Unit   string // behind the numbers of the scale: " %"
	Show   string
}

const (
	chartWide = 560
	chartHigh = 120
)

// line gives the corners of a series.
func (v ChartView) line(s Series) string {
	var b strings.Builder
	for i, n := range s.Values {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(v.x(i)) + "," + strconv.Itoa(v.y(n)))
	}
	return b.String()
}

func (v ChartView) x(i int) int {
	if len(v.Points) < 2 {
		return 6
	}
	return 6 + i*(chartWide-12)/(len(v.Points)-1)
}

func (v ChartView) y(n int) int { return chartHigh - 6 - n*(chartHigh-12)/max(v.Most, 1) }

func (s Series) last() int {
	if len(s.Values) == 0 {
		return 0
	}
	return s.Values[len(s.Values)-1]
}
