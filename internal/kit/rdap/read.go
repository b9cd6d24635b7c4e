package rdap

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The limits of an answer. What is beyond them is not read.
const (
	MostAnswer   = 512 << 10
	mostText     = 200
	mostEntities = 60
	mostDeep     = 4
	mostOf       = 20 // of mails, telephones, roles, name servers, states
)

// Answer is what a registry says of a network, a number or a domain (RFC 9083 section 5). All of it is a stranger's text: it was cut and cleaned of control
// and direction characters, and no more.
type Answer struct {
	Kind        Kind
	Handle      string
	Name        string     // of a network or number its name, of a domain the domain in ASCII
	First, Last netip.Addr // of a network
	FirstNumber uint32     // of a block of numbers
	LastNumber  uint32
	Country     string // ISO 3166-1 alpha-2, as the registry says: where the holder is, not where the machine stands; "" when it says none
	States      []string
	Servers     []string // name servers of a domain
	Entities    []Entity
	Registered  time.Time
	Changed     time.Time
	Ends        time.Time
	Registry    string // host that answered
	Whois       bool   // read out of free text that nothing protected on its way (kit/whois): less sure than what a registry says in fields
	related     string // where the registrar's own answer stands
}

// Entity is somebody whom an answer names.
type Entity struct {
	Roles        []string // RFC 9083 section 10.2.4: registrant, technical, administrative, abuse, billing, registrar, …
	Within       []string // roles of the entity that names it: the abuse desk of a registrar is within "registrar"
	Handle       string
	Name         string
	Organisation string
	Mails        []string
	Phones       []string
	Country      string
}

// Is tells whether it has a role itself.
func (e Entity) Is(role string) bool { return slices.Contains(e.Roles, role) }

// Of tells whether it stands within an entity with a role.
func (e Entity) Of(role string) bool { return slices.Contains(e.Within, role) }

// With gives the entities that have a role themselves.
func (a Answer) With(role string) []Entity {
	var out []Entity
	for _, e := range a.Entities {
		if e.Is(role) {
			out = append(out, e)
		}
	}
	return out
}

// Abuse gives who takes complaints, with at least one address: those of the network or domain itself before those of its registrar.
func (a Answer) Abuse() []Entity {
	var own, registrar []Entity
	for _, e := range a.With("abuse") {
		switch {
		case len(e.Mails) == 0:
		case e.Of("registrar"):
			registrar = append(registrar, e)
		default:
			own = append(own, e)
		}
	}
	return append(own, registrar...)
}

// Registrar gives who registered a domain.
func (a Answer) Registrar() (Entity, bool) {
	if e := a.With("registrar"); len(e) > 0 {
		return e[0], true
	}
	return Entity{}, false
}

// Read reads an answer. A field of another type than the standard's is left out; the whole is ErrUnread only when it is no object of a class that we asked for.
func Read(b []byte) (Answer, error) {
	var tree map[string]any
	if len(b) > MostAnswer || json.Unmarshal(b, &tree) != nil {
		return Answer{}, ErrUnread
	}
	a := Answer{
		Handle: text(tree["handle"]), Name: text(tree["name"]), Country: country(text(tree["country"])), States: texts(tree["status"]),
	}
	switch tree["objectClassName"] {
	case "ip network":
		a.Kind = Address
		a.First, a.Last = address(tree["startAddress"]), address(tree["endAddress"])
		if !a.First.IsValid() || !a.Last.IsValid() || a.First.BitLen() != a.Last.BitLen() || a.Last.Less(a.First) {
			return Answer{}, ErrUnread
		}
	case "autnum":
		var ok, ok2 bool
		a.Kind = Number
		a.FirstNumber, ok = number(tree["startAutnum"])
		a.LastNumber, ok2 = number(tree["endAutnum"])
		if !ok || !ok2 || a.LastNumber < a.FirstNumber {
			return Answer{}, ErrUnread
		}
	case "domain":
		a.Kind = Domain
		if a.Name = strings.TrimSuffix(strings.ToLower(text(tree["ldhName"])), "."); !hostname(a.Name) {
			return Answer{}, ErrUnread
		}
	default:
		return Answer{}, ErrUnread
	}
	for _, s := range objects(tree["nameservers"]) {
		if n := strings.TrimSuffix(strings.ToLower(text(s["ldhName"])), "."); hostname(n) && len(a.Servers) < mostOf {
			a.Servers = append(a.Servers, n)
		}
	}
	a.events(tree)
	a.links(tree)
	a.entities(tree, nil, 0)
	return a, nil
}

// events reads when it was registered, changed, and ends.
func (a *Answer) events(tree map[string]any) {
	for _, e := range objects(tree["events"]) {
		at, err := time.Parse(time.RFC3339, text(e["eventDate"]))
		if err != nil || at.Year() < 1980 || at.Year() > 2200 {
			continue
		}
		switch text(e["eventAction"]) {
		case "registration":
			a.Registered = at.UTC()
		case "last changed":
			a.Changed = at.UTC()
		case "expiration":
			a.Ends = at.UTC()
		}
	}
}

// links keeps where the registrar answers for the same domain.
func (a *Answer) links(tree map[string]any) {
	for _, l := range objects(tree["links"]) {
		if to, ok := l["href"].(string); ok && l["rel"] == "related" && l["type"] == mediaType && a.Kind == Domain && len(to) <= 500 {
			a.related = to
			return
		}
	}
}

func (a *Answer) entities(tree map[string]any, within []string, deep int) {
	if deep >= mostDeep {
		return
	}
	for _, o := range objects(tree["entities"]) {
		if len(a.Entities) >= mostEntities {
			return
		}
		e := Entity{Roles: texts(o["roles"]), Within: within, Handle: text(o["handle"])}
		for i, r := range e.Roles {
			e.Roles[i] = strings.ToLower(r)
		}
		e.card(o["vcardArray"])
		a.Entities = append(a.Entities, e)
		a.entities(o, append(slices.Clone(within), e.Roles...), deep+1)
	}
}

// card reads a jCard (RFC 7095): ["vcard", [[name, parameters, type, value…], …]].
func (e *Entity) card(v any) {
	pair, _ := v.([]any)
	if len(pair) != 2 {
		return
	}
	fields, _ := pair[1].([]any)
	for _, f := range fields[:min(len(fields), 100)] {
		field, _ := f.([]any)
		if len(field) < 4 {
			continue
		}
		name, _ := field[0].(string)
		value := first(field[3])
		switch strings.ToLower(name) {
		case "fn":
			e.Name = text(value)
		case "org":
			e.Organisation = text(value)
		case "email":
			if m := mailbox(text(value)); m != "" && len(e.Mails) < mostOf && !slices.Contains(e.Mails, m) {
				e.Mails = append(e.Mails, m)
			}
		case "tel":
			if t := strings.TrimPrefix(text(value), "tel:"); t != "" && len(e.Phones) < mostOf && !slices.Contains(e.Phones, t) {
				e.Phones = append(e.Phones, t)
			}
		case "adr":
			if p, ok := field[1].(map[string]any); ok {
				e.Country = country(text(p["cc"]))
			}
		}
	}
}

// first gives the value of a jCard field, of one with parts the first.
func first(v any) any {
	if list, ok := v.([]any); ok {
		if len(list) == 0 {
			return nil
		}
		return list[0]
	}
	return v
}

func objects(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, x := range list[:min(len(list), mostEntities)] {
		if o, ok := x.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list[:min(len(list), mostOf)] {
		if s := text(x); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// text gives what can be shown on one line.
func text(v any) string {
	s, _ := v.(string)
	if len(s) > 8*mostText {
		s = s[:8*mostText]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > mostText {
		s = string(r[:mostText])
	}
	return s
}

func country(s string) string {
	if len(s) != 2 {
		return ""
	}
	s = strings.ToUpper(s)
	if s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z' {
		return ""
	}
	return s
}

func address(v any) netip.Addr {
	s, _, _ := strings.Cut(text(v), "/") // some say it with a length
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}
	}
	return a.Unmap()
}

func number(v any) (uint32, bool) {
	f, ok := v.(float64)
	if !ok || f < 0 || f > 1<<32-1 || f != float64(uint32(f)) {
		return 0, false
	}
	return uint32(f), true
}

// mailbox gives a plain address (RFC 5321 section 4.1.2 without quoted names), "" for what is none.
func mailbox(s string) string {
	s = strings.TrimPrefix(s, "mailto:")
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 || !hostname(strings.ToLower(s[at+1:])) {
		return ""
	}
	for _, c := range []byte(s[:at]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(".!#$%&'*+/=?^_`{|}~-", rune(c)) {
			return ""
		}
	}
	return s[:at+1] + strings.ToLower(s[at+1:])
}

// hostname tells whether it is a domain of two labels or more, in ASCII and small letters.
func hostname(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	for _, l := range strings.Split(s, ".") {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, c := range []byte(l) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
