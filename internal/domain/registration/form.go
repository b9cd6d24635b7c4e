package registration

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Control is how a question is answered.
type Control string

// The controls.
const (
	Line   Control = "line"
	Lines  Control = "lines"
	Number Control = "number"
	Money  Control = "money" // millions of euro, with a comma or a point
	Email  Control = "email"
	Phone  Control = "phone"
	One    Control = "one"
	Many   Control = "many"
)

// Question is one of the form. Its words are those of its code.
type Question struct {
	Code     string
	Control  Control
	Required bool
	Options  []string
	Most     int // characters
}

// Boxes are answers as they were typed, by the code of the question; of Many one option a line.
type Boxes map[string]string

// The parts of the form.
const (
	PartSector = 1 + iota
	PartKind
	PartSize
	PartIdentity
	PartContacts
	PartNetworks
	PartAuthority
)

// Parts is how many there are.
const Parts = PartAuthority

// None is the answer that no sector, or no kind of it, fits.
const None = "none"

// MemberStates are those of the Union, by ISO 3166-1 (Greece as GR).
var MemberStates = []string{
	"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
}

// Bases are on what somebody signs.
var Bases = []string{"legal", "mandate", "law", "other"}

const (
	mostLine     = 200
	mostText     = 4000
	mostNetworks = 50
)

// Ask gives the questions of a part; what a later one offers depends on what was answered before.
func Ask(a scope.Annexes, in Boxes, part int) []Question {
	line := func(code string, required bool) Question {
		return Question{Code: code, Control: Line, Required: required, Most: mostLine}
	}
	switch part {
	case PartSector:
		q := Question{Code: "sector", Control: One, Required: true}
		for _, s := range a.Sectors {
			q.Options = append(q.Options, s.Code)
		}
		q.Options = append(q.Options, None)
		return []Question{q}
	case PartKind:
		list := a.Of(in["sector"])
		if len(list) == 0 {
			return nil
		}
		q := Question{Code: "kind", Control: One, Required: true}
		for _, k := range list {
			q.Options = append(q.Options, k.Code)
		}
		q.Options = append(q.Options, None)
		return []Question{q, {Code: "also", Control: Lines, Most: 1000}}
	case PartSize:
		return []Question{
			{Code: "staff", Control: Number, Required: true},
			{Code: "turnover", Control: Money},
			{Code: "balance", Control: Money},
			{Code: "specials", Control: Many, Options: scope.Specials},
		}
	case PartIdentity:
		return []Question{
			line("name", true), line("trade", false), line("identifier", true), {Code: "address", Control: Lines, Required: true, Most: 600}, line("country", true), line("representative", false),
		}
	case PartContacts:
		return []Question{
			line("security_name", true),
			{Code: "security_email", Control: Email, Required: true, Most: 254},
			{Code: "security_phone", Control: Phone, Required: true, Most: 40},
			{Code: "duty_phone", Control: Phone, Most: 40},
			{Code: "duty_email", Control: Email, Most: 254},
			line("management_name", false),
			{Code: "management_email", Control: Email, Most: 254},
			{Code: "management_phone", Control: Phone, Most: 40},
			{Code: "outside", Control: Lines, Most: 600},
		}
	case PartNetworks:
		return []Question{{Code: "networks", Control: Lines, Most: mostText}, {Code: "states", Control: Many, Options: MemberStates}}
	case PartAuthority:
		return []Question{
			line("signer", true), line("signer_role", true),
			{Code: "basis", Control: One, Required: true, Options: Bases},
			{Code: "statement", Control: Lines, Most: mostText},
			{Code: "admin_name", Control: Line, Required: true, Most: 120}, // as an account's
			{Code: "admin_email", Control: Email, Required: true, Most: 254},
		}
	}
	return nil
}

// Person is how somebody is reached.
type Person struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Said is what an entity says of itself.
type Said struct {
	Sector         string   `json:"sector,omitempty"` // "" for none of the annexes
	Kind           string   `json:"kind,omitempty"`
	Also           string   `json:"also,omitempty"` // what else it does
	Staff          int64    `json:"staff"`
	Turnover       int64    `json:"turnover"` // thousands of euro
	Balance        int64    `json:"balance"`
	Specials       []string `json:"specials,omitempty"`
	Name           string   `json:"name"`
	Trade          string   `json:"trade,omitempty"`
	Identifier     string   `json:"identifier"`
	Address        string   `json:"address"`
	Country        string   `json:"country"`
	Representative string   `json:"representative,omitempty"`
	Security       Person   `json:"security"`
	Duty           Person   `json:"duty,omitzero"`
	Management     Person   `json:"management,omitzero"`
	Outside        string   `json:"outside,omitempty"` // how it is reached outside its own systems
	Networks       []string `json:"networks,omitempty"`
	States         []string `json:"states,omitempty"`
	Signer         string   `json:"signer"`
	SignerRole     string   `json:"signer_role"`
	Basis          string   `json:"basis"`
	Statement      string   `json:"statement,omitempty"`
	Admin          Person   `json:"admin"`
}

// Scope is what decides on the class.
func (s Said) Scope() scope.Said {
	return scope.Said{Kind: s.Kind, Staff: s.Staff, Turnover: s.Turnover, Balance: s.Balance, Specials: s.Specials}
}

// Read brings what was typed to what is said, and names all that is wrong with a part, or with 0 of all parts, by the codes of the questions.
func Read(a scope.Annexes, in Boxes, part int) (Said, error) {
	var s Said
	var p errs.Problems
	for n := 1; n <= Parts; n++ {
		var wrong errs.Problems
		for _, q := range Ask(a, in, n) {
			read(&wrong, &s, q, in[q.Code])
		}
		if n == PartContacts && strings.TrimSpace(in["management_name"]) == "" && strings.TrimSpace(in["management_email"]) != "" {
			wrong.Add("management_name", "error.required")
		}
		if part == 0 || n == part {
			p = append(p, wrong...)
		}
	}
	return s, p.Err()
}

// Boxes are what was said as it would be typed: a review begins with it.
func (s Said) Boxes() Boxes {
	out := Boxes{}
	for code, into := range s.texts() {
		out[code] = *into
	}
	for code, v := range map[string]string{"sector": s.Sector, "kind": s.Kind} {
		if out[code] = v; v == "" {
			out[code] = None
		}
	}
	out["staff"] = strconv.FormatInt(s.Staff, 10)
	for code, v := range map[string]int64{"turnover": s.Turnover, "balance": s.Balance} {
		if v != 0 {
			out[code] = strings.TrimRight(strings.TrimRight(strconv.FormatFloat(float64(v)/1000, 'f', 3, 64), "0"), ".")
		}
	}
	out["specials"], out["networks"], out["states"] = strings.Join(s.Specials, "\n"), strings.Join(s.Networks, "\n"), strings.Join(s.States, "\n")
	return out
}

// texts are the answers that are kept as they were written.
func (s *Said) texts() map[string]*string {
	return map[string]*string{
		"also": &s.Also, "name": &s.Name, "trade": &s.Trade, "identifier": &s.Identifier, "address": &s.Address, "country": &s.Country, "representative": &s.Representative,
		"security_name": &s.Security.Name, "security_email": &s.Security.Email, "security_phone": &s.Security.Phone, "duty_phone": &s.Duty.Phone, "duty_email": &s.Duty.Email,
		"management_name": &s.Management.Name, "management_email": &s.Management.Email, "management_phone": &s.Management.Phone, "outside": &s.Outside,
		"signer": &s.Signer, "signer_role": &s.SignerRole, "basis": &s.Basis, "statement": &s.Statement, "admin_name": &s.Admin.Name, "admin_email": &s.Admin.Email,
	}
}

func read(p *errs.Problems, s *Said, q Question, typed string) {
	v := strings.TrimSpace(strings.ReplaceAll(typed, "\r\n", "\n"))
	if v == "" {
		if q.Required {
			p.Add(q.Code, "error.required")
		}
		return
	}
	if bad(v, q.Control == Lines || q.Control == Many) {
		p.Add(q.Code, "error.characters")
		return
	}
	if q.Most > 0 && utf8.RuneCountInString(v) > q.Most {
		p.Add(q.Code, "error.too_long", "most", q.Most)
		return
	}
	switch q.Control {
	case Number, Money:
		readSum(p, s, q, v)
		return
	case Many:
		readMany(p, s, q, v)
		return
	case One:
		if !slices.Contains(q.Options, v) {
			p.Add(q.Code, "error.choice")
			return
		}
	case Email:
		if _, err := constituency.Address(v); err != nil { // as the register takes it
			p.Add(q.Code, "error.email")
		}
	case Phone:
		if len(constituency.FoldNumber(v)) < 3 {
			p.Add(q.Code, "error.phone")
		}
	}
	switch q.Code {
	case "sector", "kind":
		if v == None {
			v = ""
		}
		if q.Code == "sector" {
			s.Sector = v
		} else {
			s.Kind = v
		}
	case "networks":
		readNetworks(p, s, v)
	default:
		*s.texts()[q.Code] = v
	}
}

// bad tells control characters and those that turn the direction of writing.
func bad(v string, lines bool) bool {
	return !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool {
		return unicode.IsControl(r) && !(lines && r == '\n') || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029
	})
}

func readSum(p *errs.Problems, s *Said, q Question, v string) {
	v = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(v)
	if q.Control == Number {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || n > 10_000_000 {
			p.Add(q.Code, "error.range", "least", 0, "most", 10_000_000)
			return
		}
		s.Staff = n
		return
	}
	f, err := strconv.ParseFloat(strings.Replace(v, ",", ".", 1), 64)
	if err != nil || !(f >= 0 && f <= 10_000_000) {
		p.Add(q.Code, "error.range", "least", 0, "most", 10_000_000)
		return
	}
	if q.Code == "turnover" {
		s.Turnover = int64(f*1000 + 0.5)
	} else {
		s.Balance = int64(f*1000 + 0.5)
	}
}

func readMany(p *errs.Problems, s *Said, q Question, v string) {
	var out []string
	for _, x := range strings.Split(v, "\n") {
		if !slices.Contains(q.Options, x) {
			p.Add(q.Code, "error.choice")
			return
		}
		out = append(out, x)
	}
	slices.Sort(out)
	if out = slices.Compact(out); q.Code == "states" {
		s.States = out
	} else {
		s.Specials = out
	}
}

// readNetworks reads prefixes, AS numbers and domains, one a line.
func readNetworks(p *errs.Problems, s *Said, v string) {
	for i, x := range strings.FieldsFunc(v, func(r rune) bool { return r == '\n' || r == ',' || r == ';' }) {
		if x = strings.TrimSpace(x); x == "" {
			continue
		}
		a, ok := constituency.ReadAsset(x)
		if !ok || a.Kind == "url" {
			p.Add("networks", "error.networks", "line", i+1)
			return
		}
		if !slices.Contains(s.Networks, a.Value) {
			s.Networks = append(s.Networks, a.Value)
		}
	}
	if len(s.Networks) > mostNetworks {
		p.Add("networks", "error.too_many", "most", mostNetworks)
	}
}
