package mail

import "strings"

// Reasons why a message was not written by a person who waits for an answer. Upstairs they are keys of the message catalogue.
const (
	AutoSubmitted = "auto_submitted"
	BulkMail      = "bulk"
	ListMail      = "list"
	NullSender    = "null_sender"
	DaemonSender  = "daemon_sender"
	ReportMail    = "report"
	NoReplyWanted = "no_reply_wanted"
)

// Automatic gives the reasons for which no automatic answer may go out (M9); none means that a person seems to have written.
// The envelope's null return path is the caller's to add; a Return-Path field is read here.
func (m *Message) Automatic() []string {
	h := m.Header()
	var why []string
	add := func(reason string, when bool) {
		if when {
			why = append(why, reason)
		}
	}
	for _, f := range h.All("Auto-Submitted") {
		v, _, _ := strings.Cut(dropComments(f.Raw), ";")
		if !strings.EqualFold(strings.TrimSpace(v), "no") {
			why = append(why, AutoSubmitted)
			break
		}
	}
	for _, f := range h.All("Precedence") {
		switch strings.ToLower(strings.TrimSpace(dropComments(f.Raw))) {
		case "bulk", "junk", "list", "auto_reply", "auto-reply":
			why = append(why, BulkMail)
		}
	}
	list := false
	for _, f := range h {
		list = list || len(f.Name) > 5 && strings.EqualFold(f.Name[:5], "List-") || strings.EqualFold(f.Name, "Mailing-List")
	}
	add(ListMail, list)
	add(NullSender, strings.ReplaceAll(h.raw("Return-Path"), " ", "") == "<>")
	for _, a := range m.From() {
		box, _, _ := strings.Cut(strings.ToLower(a.Addr), "@")
		switch strings.NewReplacer("-", "", "_", "", ".", "").Replace(box) {
		case "mailerdaemon", "postmaster", "noreply", "donotreply", "bounce", "bounces":
			why = append(why, DaemonSender)
		}
	}
	_, report := m.Report()
	add(ReportMail, report)
	add(NoReplyWanted, h.Has("X-Autoreply") || h.Has("X-Autorespond") || h.Has("X-Auto-Reply-From") || h.Has("X-Auto-Response-Suppress"))
	return why
}

// ReportKind is the kind of a machine-readable report.
type ReportKind string

// The kinds of multipart/report.
const (
	Delivery    ReportKind = "delivery-status"          // RFC 3464
	Disposition ReportKind = "disposition-notification" // RFC 8098
	Feedback    ReportKind = "feedback-report"          // RFC 5965, ARF
	OtherReport ReportKind = "other"
)

// Report is a report of another mail program about a message.
type Report struct {
	Kind     ReportKind
	Groups   []Header // of a delivery report: the message's group, then one for each recipient; else one group
	Original *Part    // the message it is about, or its header, or nil
}

// Report gives the machine-readable report in the message, if it is one.
func (m *Message) Report() (Report, bool) {
	top := m.Root
	if top.Type != "multipart/report" {
		return Report{}, false
	}
	r := Report{Kind: OtherReport}
	for _, p := range top.Parts {
		switch p.Type {
		case "message/delivery-status", "message/global-delivery-status":
			r.Kind, r.Groups = Delivery, groups(p)
		case "message/disposition-notification", "message/global-disposition-notification":
			r.Kind, r.Groups = Disposition, groups(p)
		case "message/feedback-report":
			r.Kind, r.Groups = Feedback, groups(p)
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
			r.Original = p
		}
	}
	return r, true
}

// groups reads blocks of fields with empty lines between them.
func groups(p *Part) []Header {
	var all []Header
	b := &builder{m: &Message{}, seen: map[Oddity]bool{}}
	for at := 0; at < len(p.Bytes) && len(all) < 200; {
		g := &Part{source: p.Bytes, Start: at, End: len(p.Bytes)}
		b.header(g)
		if len(g.Header) > 0 {
			all = append(all, g.Header)
		}
		if g.BodyStart <= at {
			break
		}
		at = g.BodyStart
	}
	return all
}

// Fields reads blocks of header fields with empty lines between them, as reports of mail programs hold them.
func Fields(b []byte) []Header { return groups(&Part{Bytes: b}) }
