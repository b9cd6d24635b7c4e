package abuse

import (
	"strings"
)

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

func (r *Report) party4(o map[string]any, name string) Party {
	x := r.fields(nil, o, name)
	p := Party{Org: x.text("org"), Email: x.email("contact"), Domain: x.text("domain")}
	if p.Org == "" || p.Email == "" || p.Domain == "" {
		r.problem(NoReporter)
	}
	return p
}
