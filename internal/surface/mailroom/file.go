package mailroom

import (
	"context"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// file puts a mail where it belongs and says where that is. The tag of a recipient says where; who proved to be the correspondent of that
// thread is filed in it, everybody else waits there unverified, seen by the team alone. Without a tag it is a report. References, subjects and
// numbers say nothing (rule M6).
func (m *Room) file(ctx context.Context, tx *db.Tx, l *letter) (ref.Ref, error) {
	t, err := m.threadOf(ctx, tx, l)
	switch {
	case err == nil && (t.About.Kind == ref.Account || t.About.Kind == ref.Arrival || t.About.Kind == ref.Organisation || t.About.Kind == ref.Registration) && len(l.automatic) == 0 && !l.bounce:
		return m.receive(ctx, tx, l) // a notice to one of us, thanks, or a code, ask for no answer: what a person writes there is news
	case errs.Is(err, errs.NotFound):
		if slices.ContainsFunc(l.arrival.To, tagged) {
			l.oddities = append(l.oddities, "desk.odd.unknown_tag")
		}
		return m.receive(ctx, tx, l)
	case err != nil:
		return ref.Ref{}, err
	}
	in := correspondence.Incoming{
		Channel: correspondence.ByMail, Kind: correspondence.Told, State: correspondence.Unverified, At: l.arrival.ReceivedAt, Proof: l.sender.proof,
		Seal: l.seal(), Arrival: l.arrival.ID, Same: l.name, Body: l.body(),
	}
	if l.outer != nil {
		in.MessageID = cut(l.outer.MessageID(), 998)
	}
	if l.wish != 0 {
		in.TLP = tlp.Max(l.label(), t.TLP) // a later letter never opens a thread further
	}
	if _, twice, err := m.again(ctx, tx, l, t.Ref.ID); err != nil || twice {
		return t.Ref, err
	}
	if (len(l.automatic) > 0 || l.bounce) && !m.throughTracker(l) {
		return m.automaticIn(ctx, tx, l, t, in)
	}
	if l.sender.speaksFor(t) {
		in.State, in.Acknowledges = correspondence.Filed, l.acknowledges()
	}
	if err := m.answer(ctx, tx, t, in); err != nil {
		return ref.Ref{}, err
	}
	return t.Ref, m.offer(ctx, tx, l)
}

func tagged(recipient string) bool {
	local, _, _ := strings.Cut(recipient, "@")
	return strings.Contains(local, "+")
}

// answer hands a message to the duty whose thread it is. Intake comes first: a report that was linked waits again when its reporter writes, and
// intake hands what belongs to a party on.
func (m *Room) answer(ctx context.Context, tx *db.Tx, t correspondence.Thread, in correspondence.Incoming) error {
	r, err := m.Intake.ReportOfThread(ctx, tx, t.Ref.ID)
	if err == nil && (t.About.Kind != ref.Party || m.Intake.Answer != nil) {
		_, err = m.Intake.AddTx(ctx, tx, by(), r.Ref.ID, in)
		return err
	}
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	if t.About.Kind == ref.Party {
		party, err := m.Coordination.PartyOfThread(ctx, tx, t.Ref.ID)
		if err != nil {
			return err
		}
		_, err = m.Coordination.AnswerTx(ctx, tx, by(), party, in)
		return err
	}
	if t.About.Kind == ref.Obligation { // an authority, of what was passed on to it by law
		_, err = m.Intake.PassedAnswerTx(ctx, tx, by(), t, in)
		return err
	}
	if t.About.Kind == ref.Report { // an organisation, of who says that he speaks for it
		_, err = m.Intake.VouchAnswerTx(ctx, tx, by(), t, in)
		return err
	}
	_, err = m.Correspondence.ReceiveTx(ctx, tx, by(), t.Ref.ID, in)
	return err
}

func (m *Room) receive(ctx context.Context, tx *db.Tx, l *letter) (ref.Ref, error) {
	if before, twice, err := m.reportedBefore(ctx, tx, l); err != nil || twice {
		return before, err
	}
	in := l.ready
	if in == nil {
		now := m.reportOf(l)
		in = &now
	}
	got, err := m.Intake.ReceiveTx(ctx, tx, by(), *in, nil)
	if err != nil {
		return ref.Ref{}, err
	}
	return got.Report.Ref, m.offer(ctx, tx, l)
}

// reportOf is a letter as a report.
func (m *Room) reportOf(l *letter) intake.ReceiveInput {
	lang := m.languageOf(l)
	if l.sender.contact.Lang != "" && l.sender.proof.Proved() {
		lang = l.sender.contact.Lang
	}
	return l.report(lang)
}

// maxOffers is how many keys of one mail are looked at.
const maxOffers = 4

// offer hands attached keys of a proved contact to a person, who approves or not (rule P9): never by themselves, and only those that name the
// address they came from.
func (m *Room) offer(ctx context.Context, tx *db.Tx, l *letter) error {
	if l.sender.contact.ID == 0 || !l.sender.proof.Proved() || l.inner == nil {
		return nil
	}
	seen := 0
	for _, p := range l.inner.Parts {
		if seen == maxOffers {
			break
		}
		switch p.Type {
		case "application/pgp-keys":
			seen++
			if err := m.offerKeys(ctx, tx, l.sender.contact.ID, l.sender.address, p.Bytes, "attached"); err != nil {
				return err
			}
		case "application/pkix-cert", "application/x-x509-user-cert", "application/x-pkcs7-certificates":
			seen++
			l.certificates = append(l.certificates, smime.ParseCertificates(p.Bytes)...)
		}
	}
	for _, c := range l.certificates[:min(len(l.certificates), maxOffers)] {
		if !c.Has(l.sender.address) || !c.Fit(m.Clock.Now()) {
			continue
		}
		err := m.Constituency.OfferKeyTx(ctx, tx, by(), l.sender.contact.ID, c.Raw(), c.Fingerprint(), c.Ends(), "attached")
		if err != nil && !errs.Is(err, errs.Invalid) {
			return err
		}
	}
	return m.lookTx(ctx, tx, l)
}

// offerKeys offers the OpenPGP keys in b that name the address.
func (m *Room) offerKeys(ctx context.Context, tx *db.Tx, contact int64, address string, b []byte, source string) error {
	keys, _ := pgp.ParseKeys(b)
	for _, k := range keys[:min(len(keys), maxOffers)] {
		if !k.Has(address) || k.Fit(m.Clock.Now()) != nil {
			continue
		}
		err := m.Constituency.OfferKeyTx(ctx, tx, by(), contact, k.Binary(), k.Fingerprint(), k.Expires(), source)
		if err != nil && !errs.Is(err, errs.Invalid) {
			return err
		}
	}
	return nil
}
