package desk

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// sectors shows the matrix summed by sector, without naming anybody.
func (d *Desk) sectors(v *page.Visit) error {
	in, f, rows, err := d.tab(v, "parties")
	if err != nil {
		return err
	}
	t, err := d.Coordination.TableOf(v.Ctx(), rows, coordination.TableFilter{})
	if err != nil {
		return err
	}
	p, sums := v.P, t.Sums()
	view := SectorsView{IncidentFrame: f, Back: f.Href + "/parties", Hidden: sums.Hidden, Least: coordination.SmallCount}
	if v.By.Can(access.Export) && !sums.Hidden {
		view.File = "/desk/incidents/" + in.Number + "/sectors.csv"
	}
	for _, s := range sums.Questions {
		view.Tables = append(view.Tables, sectorTable(p, t, sums, s))
	}
	return v.Show(IncidentSectors(view))
}

// questionOf gives the words of a sum, and its question; the sum of states has none.
func questionOf(p *text.Printer, t coordination.Table, s coordination.Sum) (string, coordination.Question) {
	for _, set := range t.Sets {
		if q, ok := set.Question(s.Question); ok && set.Code == s.Set {
			return q.Text.In(string(p.Lang())), q
		}
	}
	return p.T("desk.sums.states"), coordination.Question{}
}

// sumColumns are the answers of a sum in a fixed order: those of the question, then the states that are no value.
func sumColumns(q coordination.Question, s coordination.Sum) []string {
	var order []string
	if s.Question == "" {
		for _, x := range coordination.TableStates() {
			order = append(order, string(x))
		}
	} else {
		switch q.Kind {
		case coordination.Number:
			order = append(order, "0", "1+")
		case coordination.Day:
			order = append(order, "told")
		}
		order = append(order, answerKeys(q)...)
	}
	order = append(order, coordination.AnswerFew)
	return slices.DeleteFunc(order, func(key string) bool {
		if s.Whole[key] > 0 {
			return false
		}
		for _, counts := range s.By {
			if counts[key] > 0 {
				return false
			}
		}
		return true
	})
}

func groupName(p *text.Printer, group string) string {
	if group == coordination.OtherSectors {
		return p.T("desk.sums.other")
	}
	return sectorName(p, group)
}

func sectorTable(p *text.Printer, t coordination.Table, sums coordination.Sums, s coordination.Sum) page.TableView {
	words, q := questionOf(p, t, s)
	name := func(key string) string {
		if s.Question == "" && key != coordination.AnswerFew {
			return stateName(p, coordination.TableState(key))
		}
		return answerName(p, q, key)
	}
	columns := sumColumns(q, s)
	view := page.TableView{Caption: words, Sideways: true, Columns: []page.Column{{Text: p.T("desk.fact.sector")}, {Text: p.T("desk.sums.parties"), Number: true}}}
	for _, key := range columns {
		view.Columns = append(view.Columns, page.Column{Text: name(key), Number: true})
	}
	whole := []templ.Component{page.Strong(p.T("desk.sums.all")), page.Strong(p.Number(int64(sums.Parties)))}
	for _, key := range columns {
		whole = append(whole, page.Strong(p.Number(int64(s.Whole[key]))))
	}
	if s.Total > 0 {
		view.Caption = p.T("desk.sums.total", "question", words, "total", p.Number(int64(s.Total)))
	}
	view.Rows = append(view.Rows, whole)
	rest, hidden := 0, 0
	for _, g := range sums.Sectors {
		counts, shown := s.By[g]
		if !shown {
			rest, hidden = rest+sums.Of[g], hidden+1
			continue
		}
		view.Rows = append(view.Rows, sumRow(p, groupName(p, g), sums.Of[g], columns, counts))
	}
	if hidden > 0 && len(s.By) > 0 {
		view.Rows = append(view.Rows, sumRow(p, p.T("desk.sums.rest"), rest, columns, s.Rest))
	}
	return view
}

func sumRow(p *text.Printer, name string, parties int, columns []string, counts map[string]int) []templ.Component {
	row := []templ.Component{page.Text(name), page.Text(p.Number(int64(parties)))}
	for _, key := range columns {
		row = append(row, page.Text(p.Number(int64(counts[key]))))
	}
	return row
}

func (d *Desk) sectorsFile(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	sums, t, err := d.Coordination.SumsOf(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	rows := [][]string{{"set", "question", "sector", "answer", "parties"}}
	put := func(s coordination.Sum, group string, counts map[string]int) {
		_, q := questionOf(v.P, t, s)
		for _, key := range sumColumns(q, s) {
			rows = append(rows, []string{s.Set, s.Question, strings.TrimPrefix(group, "-"), strings.TrimPrefix(key, "-"), strconv.Itoa(counts[key])})
		}
	}
	for _, s := range sums.Questions {
		put(s, "all", s.Whole)
		for _, g := range sums.Sectors {
			if counts, ok := s.By[g]; ok {
				put(s, g, counts)
			}
		}
	}
	return page.CSV(v, in.Number+"-sectors.csv", rows)
}
