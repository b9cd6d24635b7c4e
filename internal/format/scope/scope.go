// Package scope says whether an organisation comes under Directive (EU) 2022/2555 (NIS2), and in which class, from what it tells of itself: its kind of
// the annexes, its size by Recommendation 2003/361/EC, and what counts whatever its size. The annexes are data: kinds.json. It is a first word, with its
// reasons; a person checks it, and the act of a country may say more.
package scope

import (
	_ "embed"
	"encoding/json"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

// Name is a text in five languages.
type Name = law.Text

// Sector is one of the eighteen of the annexes.
type Sector struct {
	Code  string `json:"code"`
	Annex int    `json:"annex"` // 1 or 2
	Name  Name   `json:"name"`
}

// Kind is a kind of entity that an annex names.
type Kind struct {
	Code      string `json:"code"`
	Sector    string `json:"sector"`
	Subsector string `json:"subsector"` // "" where the annex has none
	Rule      string `json:"rule"`      // "" by size; "any_essential", "any_important", "medium_essential", "list_only"
	Listed    bool   `json:"listed"`    // it stands in the registry of ENISA too (Art. 27(1))
	Name      Name   `json:"name"`
}

//go:embed kinds.json
var raw []byte

// Annexes are the sectors and kinds of both annexes, in their order.
type Annexes struct {
	Sectors []Sector `json:"sectors"`
	Kinds   []Kind   `json:"kinds"`
}

// Load reads the annexes.
func Load() (Annexes, error) {
	var a Annexes
	return a, json.Unmarshal(raw, &a)
}

// Sector gives a sector by code.
func (a Annexes) Sector(code string) (Sector, bool) {
	i := slices.IndexFunc(a.Sectors, func(s Sector) bool { return s.Code == code })
	if i < 0 {
		return Sector{}, false
	}
	return a.Sectors[i], true
}

// Kind gives a kind by code.
func (a Annexes) Kind(code string) (Kind, bool) {
	i := slices.IndexFunc(a.Kinds, func(k Kind) bool { return k.Code == code })
	if i < 0 {
		return Kind{}, false
	}
	return a.Kinds[i], true
}

// Of gives the kinds of a sector.
func (a Annexes) Of(sector string) []Kind {
	var out []Kind
	for _, k := range a.Kinds {
		if k.Sector == sector {
			out = append(out, k)
		}
	}
	return out
}

// Size is how large an enterprise is (Recommendation 2003/361/EC, Annex, Art. 2), together with its partner and linked enterprises.
type Size string

// The sizes.
const (
	Micro  Size = "micro"
	Small  Size = "small"
	Medium Size = "medium"
	Large  Size = "large"
)

// SizeOf tells the size from people employed (annual work units) and yearly turnover and balance sheet total in thousands of euro. Of the two sums an
// enterprise has to stay below one only.
func SizeOf(staff, turnover, balance int64) Size {
	within := func(people, a, b int64) bool { return staff < people && (turnover <= a || balance <= b) }
	switch {
	case within(10, 2_000, 2_000):
		return Micro
	case within(50, 10_000, 10_000):
		return Small
	case within(250, 50_000, 43_000):
		return Medium
	}
	return Large
}

// Class is what comes out.
type Class string

// The classes. Listed: only in the registry of Art. 27 and bound by Art. 28, as who registers domain names.
const (
	Essential Class = "essential"
	Important Class = "important"
	Listed    Class = "listed"
	Out       Class = "out"
)

// Classes lists them.
var Classes = []Class{Essential, Important, Listed, Out}

// What counts whatever the size.
const (
	Critical = "critical" // identified as critical under Directive (EU) 2022/2557
	Operator = "operator" // identified as an operator of essential services before 16 January 2023
	Sole     = "sole"     // the only provider of a service that society or the economy needs
	Impact   = "impact"   // its disruption could touch public safety, security or health, or cause a systemic risk
	National = "national" // important for the country or a region by what it does
)

// Specials lists them in the order in which they are asked.
var Specials = []string{Critical, Operator, Sole, Impact, National}

// Reason is why, as a code whose words the reader's language has, with the article that says so.
type Reason struct {
	Code    string
	Article string // of the directive
}

// Said is what an organisation tells of itself.
type Said struct {
	Kind                     string // "" for none of the annexes
	Staff, Turnover, Balance int64  // people; thousands of euro
	Specials                 []string
}

// Assess gives the class and why.
func (a Annexes) Assess(in Said) (Class, []Reason) {
	size := SizeOf(in.Staff, in.Turnover, in.Balance)
	if slices.Contains(in.Specials, Critical) {
		return Essential, []Reason{{"critical", "3(1)(f)"}}
	}
	kind, ok := a.Kind(in.Kind)
	if !ok {
		return Out, []Reason{{"no_kind", "2(1)"}}
	}
	sector, _ := a.Sector(kind.Sector)
	bySize := Reason{"size_" + string(size), "2(1)"}
	inAnnex := Reason{"annex_1", "Annex I"}
	if sector.Annex == 2 {
		inAnnex = Reason{"annex_2", "Annex II"}
	}
	switch kind.Rule {
	case "any_essential":
		article := "3(1)(b)"
		if kind.Sector == "public_administration" {
			article = "3(1)(d)"
		}
		return Essential, []Reason{{"any_essential", article}}
	case "list_only":
		return Listed, []Reason{{"list_only", "2(4), 27, 28"}}
	case "medium_essential":
		if size == Medium || size == Large {
			return Essential, []Reason{{"communications_medium", "3(1)(c)"}, bySize}
		}
		return Important, []Reason{{"any_size", "2(2)(a)"}, bySize}
	}
	switch {
	case slices.Contains(in.Specials, Operator):
		return Essential, []Reason{inAnnex, {"operator", "3(1)(g)"}}
	case kind.Rule == "any_important" && kind.Sector == "public_administration":
		return Important, []Reason{{"regional", "2(2)(f)(ii)"}}
	case sector.Annex == 1 && size == Large:
		return Essential, []Reason{inAnnex, {"size_large", "3(1)(a)"}}
	case kind.Rule == "any_important":
		return Important, []Reason{{"any_size", "2(2)(a)"}, bySize}
	case size == Medium || size == Large:
		return Important, []Reason{inAnnex, {bySize.Code, "3(2)"}}
	case len(in.Specials) > 0:
		return Important, []Reason{inAnnex, bySize, {"special", "2(2)(b)-(e)"}}
	}
	return Out, []Reason{inAnnex, bySize, {"too_small", "2(1)"}}
}
