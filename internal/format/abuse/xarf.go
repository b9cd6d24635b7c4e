package abuse

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

func mayJSON(p *mail.Part) bool {
	name := strings.ToLower(p.Filename)
	switch {
	case p.Type == "application/json", p.Type == "text/json", strings.HasSuffix(p.Type, "+json"), strings.HasSuffix(name, ".json"):
	case p.Is("text/plain") || p.Type == "application/octet-stream":
		start := bytes.TrimLeft(p.Bytes[:min(len(p.Bytes), 200)], " \t\r\n\xef\xbb\xbf")
		if len(start) == 0 || start[0] != '{' && start[0] != '[' {
			return false
		}
	default:
		return false
	}
	return true
}

// json reads one report, a list of them, or one a line.
func (f *Found) json(raw []byte) {
	if len(raw) > maxJSON {
		f.Cut = true
		return
	}
	if !bytes.Contains(raw, []byte("xarf_version")) && !bytes.Contains(raw, []byte("ReporterInfo")) && !bytes.Contains(raw, []byte("ReportType")) && !bytes.Contains(raw, []byte("source_identifier")) {
		return
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	d.UseNumber()
	for len(f.Reports) <= MaxReports {
		var v any
		if d.Decode(&v) != nil {
			return
		}
		f.value(v)
	}
}

func (f *Found) value(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if len(f.Reports) > MaxReports {
				return
			}
			if o, ok := x.(map[string]any); ok {
				f.object(o)
			}
		}
	case map[string]any:
		for _, name := range []string{"reports", "Reports"} {
			if list, ok := v[name].([]any); ok {
				f.value(list)
				return
			}
		}
		f.object(v)
	}
}

func (f *Found) object(o map[string]any) {
	if _, ok := o["xarf_version"]; ok || o["source_identifier"] != nil {
		f.Reports = append(f.Reports, xarf4(o))
		return
	}
	_, info := o["ReporterInfo"]
	_, report := o["Report"]
	if info || report {
		f.Reports = append(f.Reports, xarf3(o))
	}
}

// Read reads one report as JSON, of any version of XARF.
func Read(raw []byte) (Found, error) {
	var f Found
	f.json(raw)
	if len(f.Reports) == 0 {
		return f, fmt.Errorf("no XARF report")
	}
	for i := range f.Reports {
		f.Reports[i].finish()
	}
	return f, nil
}

// fields reads an object and tells what is of another kind than it should be.
type fields struct {
	r    *Report
	o    map[string]any
	seen map[string]bool
}

func (x *fields) text(name string) string {
	x.seen[name] = true
	switch v := x.o[name].(type) {
	case nil:
		if _, ok := x.o[name]; ok {
			x.r.problem(BadField)
		}
		return ""
	case string:
		return clean(v)
	case json.Number:
		x.r.problem(BadField)
		return clean(v.String())
	default:
		x.r.problem(BadField)
		return ""
	}
}

// email is text with an address in it.
func (x *fields) email(name string) string {
	s := x.text(name)
	if _, ok := x.o[name]; ok {
		if at := strings.LastIndexByte(s, '@'); at < 1 || at == len(s)-1 || strings.ContainsAny(s, " <>") {
			x.r.problem(BadField)
		}
	}
	return s
}

func (x *fields) number(name string) (n int64) {
	x.seen[name] = true
	v, there := x.o[name]
	if !there {
		return 0
	}
	num, ok := v.(json.Number)
	if !ok {
		x.r.problem(BadField)
		s, _ := v.(string)
		num = json.Number(strings.TrimSpace(s))
	}
	n, err := strconv.ParseInt(num.String(), 10, 64)
	if err != nil || n < 0 {
		x.r.problem(BadField)
		return 0
	}
	return n
}

func (x *fields) port(name string) int {
	if _, there := x.o[name]; !there {
		return 0
	}
	n := x.number(name)
	if n < 1 || n > 65535 {
		x.r.problem(BadField)
		return 0
	}
	return int(n)
}

func (x *fields) flag(name string) {
	x.seen[name] = true
	if v, there := x.o[name]; there {
		b, ok := v.(bool)
		if !ok {
			x.r.problem(BadField)
		}
		x.r.detail(name, strconv.FormatBool(b))
	}
}

// rest gives what was not asked for as details, in the order of names, lists and objects as short JSON.
func (x *fields) rest() {
	var names []string
	for name := range x.o {
		if !x.seen[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		switch v := x.o[name].(type) {
		case string:
			x.r.detail(name, v)
		case json.Number:
			x.r.detail(name, v.String())
		case bool:
			x.r.detail(name, strconv.FormatBool(v))
		case nil:
		default:
			if b, err := json.Marshal(v); err == nil {
				x.r.detail(name, string(b[:min(len(b), 4*maxValue)]))
			}
		}
	}
}

func (r *Report) fields(o map[string]any, parent map[string]any, name string) *fields {
	x := &fields{r: r, o: o, seen: map[string]bool{}}
	if parent != nil {
		v, there := parent[name]
		inner, ok := v.(map[string]any)
		if there && !ok {
			r.problem(BadField)
		}
		x.o = inner
	}
	if x.o == nil {
		x.o = map[string]any{}
	}
	return x
}

// types4 are the types of XARF v4 by category.
var types4 = map[string]string{
	"messaging":      "spam bulk_messaging",
	"connection":     "ddos infected_host login_attack port_scan reconnaissance scraping sql_injection vulnerability_scan auth_failure brute_force bot",
	"content":        "brand_infringement csam csem exposed_data fraud malware phishing remote_compromise suspicious_registration",
	"copyright":      "copyright cyberlocker link_site p2p ugc_platform usenet",
	"vulnerability":  "cve misconfiguration open_service",
	"infrastructure": "botnet compromised_server",
	"reputation":     "blocklist threat_intelligence",
}

func xarf4(o map[string]any) Report {
	r := Report{Format: XARF4}
	x := r.fields(o, nil, "")
	r.Version, r.ID = x.text("xarf_version"), x.text("report_id")
	if !strings.HasPrefix(r.Version, "4.") {
		r.problem(BadVersion)
	}
	if len(r.ID) != 36 {
		r.problem(BadField)
	}
	r.Category, r.Type = strings.ToLower(x.text("category")), strings.ToLower(x.text("type"))
	r.known(types4, r.Category, r.Type)
	r.At = when(x.text("timestamp"))
	if first := when(x.text("first_seen")); !first.IsZero() {
		r.At = first
	}
	r.Until = when(x.text("last_seen"))
	r.Reporter, r.Sender = r.party4(o, "reporter"), r.party4(o, "sender")
	x.seen["reporter"], x.seen["sender"] = true, true
	s := sourceOf(x.text("source_identifier"))
	s.Port = x.port("source_port")
	r.source(s)
	for _, name := range []string{"url", "domain", "ip_address"} {
		if v := x.text(name); v != "" {
			r.source(sourceOf(v))
		}
	}
	if v := x.text("destination_ip"); v != "" {
		t := sourceOf(v)
		if !t.Addr.IsValid() {
			r.problem(BadField)
		}
		t.Port = x.port("destination_port")
		r.target(t)
	}
	r.evidence(x, "evidence", "content_type", "description", "", "payload", "hash")
	x.seen["_internal"] = true
	x.rest()
	return r
}

func (r *Report) known(types map[string]string, category, kind string) {
	if category == "" || kind == "" {
		r.problem(NoType)
		return
	}
	list, ok := types[category]
	if !ok || !slices.Contains(strings.Fields(list), kind) {
		r.problem(UnknownType)
	}
}

func (r *Report) party4(o map[string]any, name string) Party {
	x := r.fields(nil, o, name)
	p := Party{Org: x.text("org"), Email: x.email("contact"), Domain: x.text("domain")}
	if p.Org == "" || p.Email == "" || p.Domain == "" {
		r.problem(NoReporter)
	}
	return p
}

// types3 are the types of X-ARF v1 to v3 by class, in lower case and without hyphens. The third version of the specification names classes of its own.
var types3 = map[string]string{
	"activity":      "spam loginattack portscan ddos dos malware exploit harassment phishing botnet copyright potentiallycompromisedaccount potentiallycompromisedattacker",
	"content":       "copyright trademark malware phishing botnet childabuse counterfeit",
	"vulnerability": "openservice",
	"system":        "botnet",
	"messaging":     "spam",
	"connection":    "loginattack portscan ddos dos",
}

func xarf3(o map[string]any) Report {
	r := Report{Format: XARF3}
	top := r.fields(o, nil, "")
	r.Version = top.text("Version")
	switch r.Version {
	case "", "1", "2", "3", "3.0", "3.0.0", "alpha", "development":
	default:
		r.problem(BadVersion)
	}
	top.flag("Disclosure")
	if _, ok := o["Disclosure"]; !ok && r.Version != "3.0" {
		r.problem(BadField)
	}
	info := r.fields(nil, o, "ReporterInfo")
	r.Reporter = Party{Org: info.text("ReporterOrg"), Domain: info.text("ReporterOrgDomain"), Name: info.text("ReporterContactName")}
	for _, name := range []string{"ReporterContactEmail", "ReporterOrgEmail"} {
		if e := info.email(name); e != "" && r.Reporter.Email == "" {
			r.Reporter.Email = e
		}
	}
	if r.Reporter.Domain != "" && !domain(strings.ToLower(r.Reporter.Domain)) {
		r.problem(BadField)
	}
	if (r.Reporter.Org == "" || r.Reporter.Email == "" || r.Reporter.Domain == "") && !strings.EqualFold(info.text("ReporterType"), "Person") {
		r.problem(NoReporter)
	}
	info.text("ReporterType")
	info.rest()
	if _, ok := o["OnBehalfOf"]; ok {
		b := r.fields(nil, o, "OnBehalfOf")
		r.Sender = r.Reporter
		r.Reporter = Party{Org: b.text("ComplainantOrg"), Domain: b.text("ComplainantOrgDomain"), Name: b.text("ComplainantContactName"), Email: b.email("ComplainantContactEmail")}
		if e := b.email("ComplainantOrgEmail"); r.Reporter.Email == "" {
			r.Reporter.Email = e
		}
		if r.Reporter.Org == "" || r.Reporter.Email == "" {
			r.problem(NoReporter)
		}
		b.rest()
	}
	r.report3(r.fields(nil, o, "Report"))
	for _, name := range []string{"ReporterInfo", "OnBehalfOf", "Report", "InternalProcessing"} {
		top.seen[name] = true
	}
	top.rest()
	return r
}

func (r *Report) report3(x *fields) {
	r.Category, r.Type = x.text("ReportClass"), x.text("ReportType")
	r.known(types3, strings.ToLower(r.Category), strings.ToLower(strings.ReplaceAll(r.Type, "-", "")))
	r.ID = x.text("ReporterCaseID")
	r.At = when(x.text("Date"))
	r.Until = when(x.text("LastSeen"))
	if _, ok := x.o["FirstSeen"]; ok {
		if first := when(x.text("FirstSeen")); first.IsZero() {
			r.problem(BadField)
		} else {
			r.Until, r.At = r.At, first
		}
	}
	port := x.port("SourcePort")
	if v := x.text("SourceIp"); v != "" {
		s := sourceOf(v)
		if !s.Addr.IsValid() {
			r.problem(BadSource)
		}
		s.Port = port
		r.source(s)
	}
	for _, name := range []string{"SourceUrl", "Url", "SourceDomain", "RpzDomain"} {
		if v := x.text(name); v != "" {
			s := sourceOf(v)
			if strings.HasSuffix(name, "rl") && s.URL == "" {
				r.problem(BadSource)
			}
			r.source(s)
		}
	}
	if inner, ok := x.o["Source"].(map[string]any); ok { // as the samples of the specification have it
		s := r.fields(inner, nil, "")
		one := sourceOf(s.text("IP"))
		one.Port = s.port("Port")
		r.source(one)
		for _, name := range []string{"URL", "Domain"} {
			r.source(sourceOf(s.text(name)))
		}
		x.seen["Source"] = true
	}
	if v := x.text("DestinationIp"); v != "" {
		t := sourceOf(v)
		if !t.Addr.IsValid() {
			r.problem(BadField)
		}
		t.Port = x.port("DestinationPort")
		r.target(t)
	} else {
		x.port("DestinationPort")
	}
	for _, name := range []string{"ByteCount", "PacketCount", "AttackCount", "FileSize"} {
		if n := x.number(name); n > 0 {
			r.detail(name, strconv.FormatInt(n, 10))
		}
	}
	x.flag("Ongoing")
	for _, name := range []string{"SmtpMailFromAddress", "SmtpRcptToAddress"} {
		if v, ok := x.o[name]; ok && v != "" {
			r.detail(name, x.email(name))
		}
	}
	for _, name := range []string{"ReporterSeverity", "ReporterNotes", "ServiceName", "BotnetName", "MalwareName", "FileName", "FileHash", "InfringedMaterial", "MaterialType"} {
		if _, ok := x.o[name]; ok {
			r.detail(name, x.text(name))
		}
	}
	r.strict3(x)
	r.evidence(x, "Samples", "ContentType", "Description", "FileName", "Payload", "")
	r.evidence(x, "Attachment", "ContentType", "Description", "FileName", "Data", "")
	x.rest()
}

// strict3 tells what the schemas of the types forbid.
func (r *Report) strict3(x *fields) {
	kind := strings.ToLower(strings.ReplaceAll(r.Type, "-", ""))
	switch {
	case kind == "openservice" && x.o["ServiceName"] == nil,
		kind == "malware" && strings.EqualFold(r.Category, "Content") && x.o["SourceUrl"] == nil && r.Version != "development":
		r.problem(BadField)
	case strings.HasPrefix(kind, "potentiallycompromised"):
		if account, ok := x.o["Account"].(map[string]any); !ok || len(account) == 0 || x.o["SourceUrl"] != nil {
			r.problem(BadField)
		}
	}
	for _, name := range []string{"ServiceVersion", "TransportProtocol", "Protocol", "CVE"} {
		if _, ok := x.o[name]; !ok {
			continue
		}
		v := x.text(name)
		r.detail(name, v)
		switch {
		case strings.HasSuffix(name, "rotocol") && !slices.Contains(protocols, strings.ToLower(v)),
			name == "CVE" && !cve.MatchString(v):
			r.problem(BadField)
		}
	}
	if score, ok := x.o["CVSS"].(map[string]any); ok {
		version, _ := score["Version"].(string)
		vector, _ := score["Vector"].(string)
		if strings.HasPrefix(vector, "CVSS:") && !strings.HasPrefix(vector, "CVSS:"+version+"/") {
			r.problem(BadField)
		}
	}
	if custom, ok := x.o["Custom"].(map[string]any); ok {
		for _, v := range custom {
			switch v.(type) {
			case []any, map[string]any:
				r.problem(BadField)
			}
		}
	}
}

var (
	protocols = []string{"tcp", "udp", "icmp", "sctp", "smtp", "http", "https", "dns", "any"}
	cve       = regexp.MustCompile(`^CVE-\d{4}-\d{4,}$`)
)

// evidence reads the list of pieces under a name.
func (r *Report) evidence(x *fields, list, kind, description, name, payload, sum string) {
	x.seen[list] = true
	v, there := x.o[list]
	all, ok := v.([]any)
	if there && !ok {
		r.problem(BadField)
	}
	for _, item := range all {
		if len(r.Evidence) >= MaxEvidence {
			r.problem(TooMuch)
			return
		}
		o, ok := item.(map[string]any)
		if !ok {
			r.problem(BadField)
			continue
		}
		e := r.fields(o, nil, "")
		one := Evidence{Type: e.text(kind), Description: e.text(description)}
		if name != "" {
			one.Name = e.text(name)
		}
		text, isText := o[payload].(string)
		encoded, said := o["Base64Encoded"].(bool)
		if _, ok := o["Base64Encoded"]; ok && !said || !isText || one.Type == "" {
			r.problem(BadField)
		}
		one.Content = []byte(text)
		if encoded || !said {
			if b, err := decode64(text); err == nil {
				one.Content = b
			} else {
				r.problem(BadEvidence)
			}
		}
		if h := e.textIf(sum); h != "" && !sameHash(h, one.Content) {
			r.problem(BadHash)
		}
		if isMail(one.Type) && r.Original == nil {
			r.Original = one.Content
		}
		r.Evidence = append(r.Evidence, one)
	}
}

func (x *fields) textIf(name string) string {
	if name == "" || x.o[name] == nil {
		return ""
	}
	return x.text(name)
}

func isMail(kind string) bool { return kind == "message/rfc822" || kind == "text/email" }

func decode64(s string) ([]byte, error) {
	s = strings.TrimRight(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}

// sameHash compares "algorithm:hex" with bytes; an algorithm that is not known says nothing.
func sameHash(said string, content []byte) bool {
	name, want, ok := strings.Cut(said, ":")
	if !ok {
		return true
	}
	var h hash.Hash
	switch strings.ToLower(name) {
	case "sha256":
		h = sha256.New()
	case "sha512":
		h = sha512.New()
	case "sha1":
		h = sha1.New()
	case "md5":
		h = md5.New()
	default:
		return true
	}
	h.Write(content)
	return strings.EqualFold(hex.EncodeToString(h.Sum(nil)), want)
}

// xarfLines reads X-ARF 0.1 and 0.2: the second part of a mail that says "X-XARF" or "X-ARF" holds fields in lines.
func xarfLines(m *mail.Message, f *Found) {
	h := m.Header()
	said := h.Has("X-XARF") || h.Has("X-ARF")
	for i, p := range parts(m) {
		if i == 0 && p.Parent != nil || !p.Is("text/plain") || len(p.Bytes) > 256<<10 {
			continue
		}
		text, _ := p.Text()
		fields := lines(text)
		if fields["reported-from"] == "" || fields["report-type"] == "" && fields["category"] == "" {
			continue
		}
		if !said && fields["schema-url"] == "" {
			continue
		}
		r := xarf0(fields)
		r.Original = original(p)
		for _, q := range parts(m)[i+1:] {
			if len(r.Evidence) < MaxEvidence {
				r.Evidence = append(r.Evidence, Evidence{Type: q.Type, Name: q.Filename, Content: q.Bytes})
			}
		}
		f.Reports = append(f.Reports, r)
	}
}

// lines reads "Name: value", by lower-case name; what is not that is passed over.
func lines(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" || strings.ContainsAny(name, " \t/") || len(name) > 40 || len(out) > 200 {
			continue
		}
		if _, twice := out[name]; !twice {
			out[name] = clean(strings.Trim(strings.TrimSpace(value), `"'`))
		}
	}
	return out
}

func xarf0(x map[string]string) Report {
	r := Report{Format: XARF0, Version: x["version"], ID: x["report-id"], Category: x["category"], Type: x["report-type"], At: when(x["date"])}
	r.Reporter = Party{Email: x["reported-from"]}
	if _, d, ok := strings.Cut(x["reported-from"], "@"); ok {
		r.Reporter.Domain = strings.ToLower(d)
	} else {
		r.problem(NoReporter)
	}
	s := sourceOf(x["source"])
	if n, err := strconv.Atoi(x["port"]); err == nil && n > 0 && n < 65536 && s.Port == 0 && !s.IsZero() {
		s.Port = n
	}
	r.source(s)
	if r.Type == "" || r.Category == "" {
		r.problem(NoType)
	}
	if n, err := strconv.Atoi(x["occurrences"]); err == nil && n > 0 {
		r.Count = n
	}
	var names []string
	for name := range x {
		switch name {
		case "version", "report-id", "category", "report-type", "date", "reported-from", "source", "port", "occurrences":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.detail(name, x[name])
	}
	return r
}
