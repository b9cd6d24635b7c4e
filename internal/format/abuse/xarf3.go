package abuse

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

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
