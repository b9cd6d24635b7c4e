package correspondence

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// lock lets the table lock what is AMBER or stricter.
func (o *office) lock() {
	o.Helper()
	table := map[tlp.Level]egress.Road{tlp.Clear: egress.Signed, tlp.Green: egress.Signed, tlp.Amber: egress.Locked, tlp.AmberStrict: egress.Locked, tlp.Red: egress.Locked}
	o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
		return o.Egress.SetPolicyTx(ctx, tx, 1, o.Clock.Now(), table)
	}))
}

// phone gives the contact of a thread a number, verified or not.
func (o *office) phone(t Thread, number string, verified bool) constituency.Number {
	o.Helper()
	list, err := o.Constituency.ContactsByID(o.ctx, o.DB, t.Correspondent.Contact)
	o.must(err)
	n, err := o.Constituency.AddNumber(o.ctx, o.analyst, list[0].UID, constituency.NewNumber{Number: number})
	o.must(err)
	if verified {
		n, err = o.Constituency.VerifyNumber(o.ctx, o.analyst, n.UID, "asked the switchboard")
		o.must(err)
	}
	return n
}

// pdfOf takes the file out of a mail.
func pdfOf(t *testing.T, mail string) []byte {
	t.Helper()
	_, rest, ok := strings.Cut(mail, "application/pdf")
	_, rest, ok2 := strings.Cut(rest, "\r\n\r\n")
	body, _, ok3 := strings.Cut(rest, "\r\n--")
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\r\n", ""))
	if !ok || !ok2 || !ok3 || err != nil || !bytes.HasPrefix(raw, []byte("%PDF")) {
		t.Fatalf("no file in the mail: %v\n%s", err, mail)
	}
	return raw
}

func opened(t *testing.T, raw []byte, code string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pdf")
	must(t, os.WriteFile(path, raw, 0o600))
	out, err := exec.Command("pdftotext", "-layout", "-upw", code, path, "-").CombinedOutput()
	return string(out), err
}

// A letter without a key leaves as a file; its code is told by telephone to a number on record, which is recorded; nothing else tells the code.
func TestALetterLeavesLockedAndItsCodeIsTold(t *testing.T) {
	engines(t, func(o *office) {
		o.lock()
		th := o.party(tlp.Red, "Hospital", "soc@hospital.example", nil)
		d, err := o.RoadOf(o.ctx, o.DB, &th, 0)
		o.must(err)
		if d.Road != egress.Notice || d.Reason != egress.NoPhone {
			o.Errorf("without a number: %s %s", d.Road, d.Reason)
		}
		o.phone(th, "+351 900 000 001", false)
		number := o.phone(th, "+351 900 000 002", true)
		files, err := o.StoreFiles(o.ctx, th.Ref.ID, []FileIn{{Name: "addresses.csv", Type: "text/csv", Content: strings.NewReader("203.0.113.7,2026-03-01\r\n")}})
		o.must(err)
		out := Outgoing{Subject: "Your VPN gateway", Text: "It was seen at ) endobj\u202e 203.0.113.7.\n\nSeen            Address\n2026-03-01      203.0.113.7\n\n水道局", Files: files}
		seen, err := o.Preview(o.ctx, o.DB, th, out)
		o.must(err)
		if seen.Road.Road != egress.Locked || strings.Contains(seen.Subject, "VPN") || !strings.Contains(seen.Text, "by telephone") || !strings.Contains(seen.Text, "203.0.113.7") {
			o.Errorf("%+v", seen)
		}
		m := o.sent(th, out)
		held, err := o.Codes(o.ctx, o.analyst, true)
		o.must(err)
		o.h.Clock.Advance(21 * time.Second)
		o.must(o.run(m))
		got, mail := o.wantState(m, Sent, ""), o.mail(m)
		if got.Road != egress.Locked || got.Seal != Signed || len(held) != 0 {
			o.Errorf("%s %s, %d codes before it left", got.Road, got.Seal, len(held))
		}
		around, _, _ := strings.Cut(mail, "JVBERi0") // %PDF-
		for _, secret := range []string{"VPN", "gateway", "203.0.113", "addresses", "RED", "2026-03-01"} {
			if strings.Contains(around, secret) || strings.Contains(string(pdfOf(o.T, mail)), secret+" ") {
				o.Errorf("%q stands in the mail in clear", secret)
			}
		}
		list, err := o.Codes(o.ctx, o.analyst, false)
		o.must(err)
		if len(list) != 1 || !list[0].Waits() || list[0].Thread.Reference != th.Reference {
			o.Fatalf("%+v", list)
		}
		tell, err := o.CodeOf(o.ctx, o.analyst, m.UID)
		o.must(err)
		if !regexp.MustCompile(`^\d{25}$`).MatchString(tell.Code) || len(tell.Numbers) != 1 || tell.Numbers[0].UID != number.UID {
			o.Fatalf("%+v", tell)
		}
		raw := pdfOf(o.T, mail)
		for _, code := range []string{tell.Code} {
			words, err := opened(o.T, raw, code)
			words = strings.Join(strings.Fields(words), " ")
			if err != nil || !strings.Contains(words, "It was seen at ) endobj 203.0.113.7.") || !strings.Contains(words, "Seen Address 2026-03-01 203.0.113.7 水道局") || !strings.Contains(words, "TLP:RED") || !strings.Contains(words, th.Reference) {
				o.Errorf("%v: %s", err, words)
			}
		}
		if words, err := opened(o.T, raw, strings.Repeat("0", 25)); err == nil {
			o.Errorf("it opened: %s", words)
		}
		behind, err := o.Messages(o.ctx, o.DB, byLink(th), th.Ref.ID)
		o.must(err)
		signedIn, err := o.Messages(o.ctx, o.DB, o.h.Constituent(9, "Eva", th.Compartment), th.Ref.ID)
		o.must(err)
		if len(behind) != 1 || !behind[0].Withheld || behind[0].Body.Text != "" || len(signedIn) != 1 || signedIn[0].Body.Text == "" {
			o.Errorf("behind a link %+v, signed in %+v", behind, signedIn)
		}
		o.whoMayTell(th, m, number)
		told, err := o.CodeTold(o.ctx, o.analyst, m.UID, TellInput{Number: number.UID, To: "Ms Silva"})
		o.must(err)
		_, err = o.CodeTold(o.ctx, o.analyst, m.UID, TellInput{Number: number.UID})
		o.refused(err, errs.Conflict)
		told, err = o.CodeTold(o.ctx, o.analyst, m.UID, TellInput{Number: number.UID, Times: told.Times})
		o.must(err)
		tell, err = o.CodeOf(o.ctx, o.analyst, m.UID)
		o.must(err)
		if told.Waits() || told.Times != 2 || len(tell.Told) != 2 || tell.Told[0].To != "Ms Silva" || tell.Told[1].To != "Hospital" || tell.Told[0].Number != "+351 900 000 002" || tell.Told[0].Name != "Ana" {
			o.Errorf("%+v %+v", told, tell.Told)
		}
		if n, err := o.CountCodes(o.ctx, o.DB, o.analyst); err != nil || n != 0 {
			o.Errorf("%d codes wait: %v", n, err)
		}
		o.nowhere(th, tell.Code)
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := o.EndTx(ctx, tx, th.Ref.ID, retain.Settled)
			return err
		}))
		_, err = o.CodeOf(o.ctx, o.analyst, m.UID)
		o.refused(err, errs.NotFound)
		var rows int
		o.must(o.DB.QueryRow(o.ctx, `SELECT COUNT(*) FROM correspondence_code`).Scan(&rows))
		if rows != 0 {
			o.Error("the code outlives its letter")
		}
	})
}

// whoMayTell tries all who may not.
func (o *office) whoMayTell(th Thread, m Message, number constituency.Number) {
	o.Helper()
	other := o.party(tlp.Amber, "Mill", "it@mill.example", nil)
	theirs := o.phone(other, "+351 900 000 003", true)
	for name, by := range map[string]access.Actor{
		"the party itself": o.h.Constituent(9, "Eva", th.Compartment), "another party": o.h.Constituent(10, "Rui", other.Compartment),
		"auditor": o.h.Person(2, "Aud", access.Auditor), "administrator": o.h.Person(3, "Adm", access.Admin), "stranger": access.Stranger(access.ByPage, "en"),
	} {
		if tell, err := o.CodeOf(o.ctx, by, m.UID); err == nil || tell.Code != "" {
			o.Errorf("%s reads the code", name)
		}
		if list, err := o.Codes(o.ctx, by, true); err == nil {
			o.Errorf("%s lists %d codes", name, len(list))
		}
		if _, err := o.CodeTold(o.ctx, by, m.UID, TellInput{Number: number.UID}); err == nil {
			o.Errorf("%s tells", name)
		}
		if codes, err := o.CodesOf(o.ctx, o.DB, by, th.Ref.ID); err != nil || len(codes) != 0 && !by.Team() {
			o.Errorf("%s reads %d states", name, len(codes))
		}
	}
	for name, uid := range map[string]string{"another's": theirs.UID, "none": "", "unverified": o.phone(th, "+351 900 000 009", false).UID} {
		_, err := o.CodeTold(o.ctx, o.analyst, m.UID, TellInput{Number: uid})
		if f := errs.Fields(err); len(f) != 1 || f[0].Key != "error.code.number" {
			o.Errorf("%s number: %v", name, err)
		}
	}
	_, err := o.CodeTold(o.ctx, o.analyst, m.UID, TellInput{Number: number.UID, To: "a\nb\x00"})
	if f := errs.Fields(err); len(f) != 1 || f[0].Key != "error.characters" {
		o.Errorf("%v", err)
	}
}

// nowhere looks for a code in the record, which tells to whom it was told and not what it is.
func (o *office) nowhere(t Thread, code string) {
	o.Helper()
	rows, err := o.Audit.About(o.ctx, o.DB, t.About.ID, 0, 100)
	o.must(err)
	verbs := map[string]int{}
	for _, r := range rows {
		said := fmt.Sprintf("%+v", r)
		if strings.Contains(said, code) || strings.Contains(said, SpacedCode(code)) {
			o.Errorf("the record tells the code: %s", said)
		}
		if r.Verb == VerbCodeTold || r.Verb == VerbCodeRead {
			verbs[r.Verb]++
			if r.Compartment != 0 || r.Verb == VerbCodeTold && !strings.Contains(said, "+351 900 000 002") {
				o.Error(said)
			}
		}
	}
	if verbs[VerbCodeTold] != 2 || verbs[VerbCodeRead] != 2 {
		o.Errorf("%v", verbs)
	}
}

// A run that was cut off after the mail was handed over sends the same file with the same code again; a key that came meanwhile makes the code needless.
func TestOneLetterHasOneFileAndOneCode(t *testing.T) {
	engines(t, func(o *office) {
		o.lock()
		th := o.party(tlp.Amber, "Hospital", "soc@hospital.example", nil)
		o.phone(th, "+351 900 000 002", true)
		m := o.sent(th, Outgoing{Subject: "x", Text: "y"})
		o.h.Clock.Advance(21 * time.Second)
		o.must(o.run(m))
		first := pdfOf(o.T, o.mail(m))
		code, err := o.CodeOf(o.ctx, o.analyst, m.UID)
		o.must(err)
		// As a killed process leaves it: taken, handed over, not settled.
		_, err = o.DB.Exec(o.ctx, `UPDATE correspondence_message SET state = 'sending', taken_at = $1, handed_at = $1, sent_at = NULL WHERE id = $2`, o.Clock.Now(), m.ID)
		o.must(err)
		o.h.Clock.Advance(lease + time.Minute)
		o.must(o.run(m))
		o.wantState(m, Sent, "")
		again, err := o.CodeOf(o.ctx, o.analyst, m.UID)
		o.must(err)
		if again.Code != code.Code || !bytes.Equal(first, pdfOf(o.T, o.mail(m))) {
			o.Error("sent again, it is another file or another code")
		}
		// The key comes while the next letter is held after a first try that failed.
		n := o.sent(th, Outgoing{Subject: "x", Text: "y"})
		_, err = o.DB.Exec(o.ctx, `UPDATE correspondence_message SET state = 'failed' WHERE id = $1`, n.ID)
		o.must(err)
		key := o.newReader("soc@hospital.example").Public()
		contact, err := o.Constituency.ContactsByID(o.ctx, o.DB, th.Correspondent.Contact)
		o.must(err)
		o.must(o.Constituency.OfferKey(o.ctx, o.analyst, contact[0].UID, key.Binary(), key.Fingerprint(), key.Expires(), "hand"))
		keys, err := o.Constituency.AllKeys(o.ctx, o.DB, th.Correspondent.Contact)
		o.must(err)
		by := o.analyst
		by.ProvedAt = o.Clock.Now()
		held := o.sent(th, Outgoing{Subject: "x", Text: "y"})
		_, err = o.Constituency.ApproveKey(o.ctx, by, keys[0].UID, "read on the telephone")
		o.must(err)
		o.must(o.SendNow(o.ctx, o.analyst, n.UID))
		o.h.Clock.Advance(21 * time.Second)
		o.must(o.run(n, held))
		for _, x := range []Message{n, held} {
			if got := o.wantState(x, Sent, ""); got.Road != egress.Encrypted || got.Seal != SignedEncrypted {
				o.Errorf("%s %s", got.Road, got.Seal)
			}
			_, err = o.CodeOf(o.ctx, o.analyst, x.UID)
			o.refused(err, errs.NotFound)
		}
	})
}
