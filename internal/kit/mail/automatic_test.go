package mail

import (
	"slices"
	"testing"
)

// What programs answer for people who are not there is told by its head or the beginning of its subject; what people write is not.
func TestAnswersOfPrograms(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"Auto-Submitted: auto-replied": AutoSubmitted, "Auto-Submitted: auto-generated; owner=x": AutoSubmitted, "Auto-Submitted: no": "", "Precedence: auto_reply": BulkMail,
		"X-Autoreply: yes": NoReplyWanted, "X-Autorespond: x": NoReplyWanted, "X-Auto-Response-Suppress: All": NoReplyWanted, "X-FC-MachineGenerated: true": NoReplyWanted,
		"X-FC-MachineGenerated: false": "", "X-POST-MessageClass: 9; Autoresponder": NoReplyWanted, "Delivered-To: Autoresponder": NoReplyWanted, "X-MS-Exchange-Inbox-Rules-Loop: a@b.example": NoReplyWanted,
		"Return-Path: <>": NullSender, "X-MLServer: fml": ListMail, "Feedback-ID: i7a11:Fastmail": "", "List-Id: x": ListMail,
		"Subject: Automatic reply: your report": AwaySubject, "Subject: Out of Office: R-2026-7K2PQX": AwaySubject, "Subject: [EXTERNAL] Auto-Reply: x": AwaySubject, "Subject: Out of the office until Monday": AwaySubject,
		"Subject: Abwesenheitsnotiz: Ihre Meldung": AwaySubject, "Subject: Automatische Antwort: x": AwaySubject, "Subject: Im Urlaub: Re: x": AwaySubject, "Subject: Im Urlaub gehackt worden": "",
		"Subject: =?utf-8?q?R=C3=A9ponse_automatique?= : x": AwaySubject, "Subject: Absence du bureau": AwaySubject, "Subject: Absence de logs sur le serveur": "", "Subject: Resposta =?utf-8?q?autom=C3=A1tica?=: x": AwaySubject,
		"Subject: Automatisch antwoord: x": AwaySubject, "Subject: Afwezigheidsbericht": AwaySubject, "Subject: Afwezig tot maandag": AwaySubject, "Subject: Afwezig beheer, server gehackt": "",
		"Subject: Respuesta =?utf-8?q?autom=C3=A1tica?=": AwaySubject, "Subject: Autosvar: x": AwaySubject, "Subject: =?utf-8?b?0JDQstGC0L7QvtGC0LLQtdGC?=": AwaySubject,
		"Subject: Re: Automatic reply: x": "", "Subject: Our automatic reply was abused": "", "Subject: On vacation, hacked": "", "Subject: Ausente": AwaySubject, "Subject: Ransomware": "",
	} {
		got := Parse([]byte("From: a@b.example\n" + head + "\n\nwords")).Automatic()
		if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("%s: %q, want %q", head, got, want)
		}
	}
}

// A report of a mail program is found where lists, signatures and old programs put it, and not in a mail that is only attached.
func TestWhereReportsStand(t *testing.T) {
	t.Parallel()
	const status = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nAction: failed\nFinal-Recipient: rfc822; a@b.example\n"
	report := "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nwords\n--r\n" + status + "\n--r--\n"
	for name, c := range map[string]struct {
		raw  string
		want ReportKind
	}{
		"as the standard says": {report, Delivery},
		"in a list's":          {"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + report + "--b\n\nfooter\n--b--\n", Delivery},
		"in a signature":       {"Content-Type: multipart/signed; boundary=b\n\n--b\n" + report + "--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n", Delivery},
		"in a mixed":           {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n--b\n" + status + "\n--b--\n", Delivery},
		"read":                 {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n", Disposition},
		"only attached":        {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nlook\n--b\nContent-Type: message/rfc822\n\n" + report + "\n--b--\n", ""},
		"of a person":          {"Content-Type: text/plain\n\nmessage/delivery-status", ""},
	} {
		r, ok := Parse([]byte("From: a@b.example\n" + c.raw)).Report()
		if ok != (c.want != "") || r.Kind != c.want || c.want == Delivery && len(r.Groups) != 2 {
			t.Errorf("%s: %v, %+v", name, ok, r)
		}
	}
}
