package portal

import (
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// assets lists what the organisation answers for, and what it is proving.
func (d Deps) assets(v *page.Visit) error {
	o, err := d.mine(v)
	if err != nil {
		return err
	}
	list, err := d.Constituency.Assets(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	proofs, err := d.Constituency.Proofs(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	view := AssetsView{PortalView: d.frame(v, "assets", v.P.T("portal.nav.assets"))}
	for _, p := range proofs {
		if p.Open() || p.State == constituency.ProofRefused || p.State == constituency.ProofFailed && v.Now.Sub(p.DecidedAt) < constituency.ProofHolds/12 {
			view.Waits = append(view.Waits, Item{
				Icon: "hourglass", Title: p.Value, Second: assetKind(v, p.Kind) + " · " + wayName(v, p.Way), Href: "/portal/proofs/" + p.UID, When: p.MadeAt, Chips: []page.ChipView{proofChip(v, p)},
			})
		}
	}
	for _, a := range list {
		view.Assets = append(view.Assets, Item{
			Icon: "network", Title: a.Value, Second: assetKind(v, a.Kind), Href: "/portal/assets/" + a.UID, Chips: []page.ChipView{assetChip(v, a)},
		})
	}
	return v.Show(Assets(view))
}

func assetChip(v *page.Visit, a constituency.Asset) page.ChipView {
	switch {
	case a.ProvedAt.IsZero():
		return page.ChipView{Text: v.P.T("portal.asset.unproved"), Kind: "warn"}
	case a.ProvedUntil.IsZero():
		return page.ChipView{Text: v.P.T("portal.asset.proved"), Kind: "ok", Icon: "check"}
	}
	return page.ChipView{Text: v.P.T("portal.asset.proved_until", "when", v.P.Date(a.ProvedUntil)), Kind: "ok", Icon: "check"}
}

func proofChip(v *page.Visit, p constituency.Proof) page.ChipView {
	switch p.State {
	case constituency.ProofWaiting:
		if p.Way == constituency.ByMail {
			return page.ChipView{Text: v.P.T("portal.proof.waiting_code"), Kind: "info", Icon: "hourglass"}
		}
		return page.ChipView{Text: v.P.T("portal.proof.waiting"), Kind: "info", Icon: "hourglass"}
	case constituency.ProofAsked:
		return page.ChipView{Text: v.P.T("portal.proof.asked"), Kind: "info", Icon: "hourglass"}
	case constituency.ProofProved:
		return page.ChipView{Text: v.P.T("portal.asset.proved"), Kind: "ok", Icon: "check"}
	case constituency.ProofRefused:
		return page.ChipView{Text: v.P.T("portal.proof.refused"), Kind: "high"}
	case constituency.ProofLapsed:
		return page.ChipView{Text: v.P.T("portal.proof.lapsed"), Kind: "warn"}
	case constituency.ProofWithdrawn:
		return page.ChipView{Text: v.P.T("portal.proof.withdrawn")}
	}
	return page.ChipView{Text: v.P.T("portal.proof.failed"), Kind: "warn"}
}

func wayName(v *page.Visit, w constituency.Way) string {
	switch w {
	case constituency.ByDNS:
		return v.P.T("portal.way.dns")
	case constituency.ByFile:
		return v.P.T("portal.way.file")
	case constituency.ByMail:
		return v.P.T("portal.way.mail")
	case constituency.ByRegistry:
		return v.P.T("portal.way.registry")
	}
	return v.P.T("portal.way.hand")
}

// ways gives what may be chosen to prove something; all of them when it is not known yet what.
func ways(v *page.Visit, list []constituency.Way, chosen string) []page.OptionView {
	var out []page.OptionView
	for _, w := range list {
		x := page.OptionView{ID: "way-" + string(w), Name: "way", Value: string(w), Label: wayName(v, w), Checked: chosen == string(w)}
		switch w {
		case constituency.ByDNS:
			x.Hint = v.P.T("portal.way.dns.hint")
		case constituency.ByFile:
			x.Hint = v.P.T("portal.way.file.hint")
		case constituency.ByMail:
			x.Hint = v.P.T("portal.way.mail.hint")
		case constituency.ByRegistry:
			x.Hint = v.P.T("portal.way.registry.hint")
		}
		out = append(out, x)
	}
	return out
}

// newAsset asks for something that the organisation answers for and how it will be proved.
func (d Deps) newAsset(v *page.Visit) error {
	if _, err := d.mine(v); err != nil {
		return err
	}
	return v.Show(Prove(d.proveView(v, nil, nil)))
}

func (d Deps) proveView(v *page.Visit, a *constituency.Asset, f *form) ProveView {
	x := ProveView{Action: "/portal/assets/new"}
	all := []constituency.Way{constituency.ByDNS, constituency.ByFile, constituency.ByMail, constituency.ByRegistry}
	title := v.P.T("portal.asset.add")
	if a != nil {
		all = constituency.Ways(a.Kind, a.Value)
		title, x.Asset, x.Action = a.Value, &AssetPage{Facts: assetFacts(v, *a), State: assetChip(v, *a), Gone: "/portal/organisation/change?asset=" + a.UID}, "/portal/assets/"+a.UID+"/prove"
	}
	x.PortalView = d.frame(v, "assets", title)
	chosen, role := string(all[0]), constituency.ProofRoles[0]
	if f != nil {
		x.Value, x.Host, x.Evidence, chosen, role = f.get("value"), f.get("host") != "", f.get("evidence"), f.get("way"), f.get("role")
	}
	x.Ways, x.Mail, x.Registry = ways(v, all, chosen), slices.Contains(all, constituency.ByMail), slices.Contains(all, constituency.ByRegistry)
	for _, r := range constituency.ProofRoles {
		x.Roles = append(x.Roles, page.SelectOption{Value: r, Text: r + "@", Chosen: r == role})
	}
	return x
}

func assetFacts(v *page.Visit, a constituency.Asset) []page.Answer {
	facts := []page.Answer{{Question: v.P.T("portal.org.asset.kind"), Value: assetKind(v, a.Kind)}}
	if !a.Since.IsZero() {
		facts = append(facts, page.Answer{Question: v.P.T("portal.asset.since"), Value: v.P.Date(a.Since)})
	}
	if !a.Until.IsZero() {
		facts = append(facts, page.Answer{Question: v.P.T("portal.asset.until"), Value: v.P.Date(a.Until)})
	}
	if !a.ProvedAt.IsZero() {
		facts = append(facts, page.Answer{Question: v.P.T("portal.org.asset.checked"), Value: v.P.Date(a.ProvedAt)})
	}
	return facts
}

// ownAsset gives an asset of the visitor's organisation that has not ended.
func (d Deps) ownAsset(v *page.Visit) (constituency.Asset, error) {
	a, err := d.Constituency.Asset(v.Ctx(), d.DB, v.By, v.R.PathValue("asset"))
	if err == nil && (a.Organisation != v.By.Organisation || !a.Until.IsZero() && !a.Until.After(v.Now)) {
		err = errs.ErrNotFound
	}
	return a, err
}

func (d Deps) asset(v *page.Visit) error {
	a, err := d.ownAsset(v)
	if err != nil {
		return err
	}
	view, err := d.assetPage(v, a, nil)
	if err != nil {
		return err
	}
	return v.Show(Prove(view))
}

func (d Deps) assetPage(v *page.Visit, a constituency.Asset, f *form) (ProveView, error) {
	view := d.proveView(v, &a, f)
	proofs, err := d.Constituency.Proofs(v.Ctx(), d.DB, a.Organisation)
	for _, p := range proofs {
		if p.Kind == a.Kind && p.Value == a.Value {
			view.Asset.Proofs = append(view.Asset.Proofs, Item{Icon: "shield-check", Title: wayName(v, p.Way), Href: "/portal/proofs/" + p.UID, When: p.MadeAt, Chips: []page.ChipView{proofChip(v, p)}})
		}
	}
	return view, err
}

// claim begins to prove something new; proveAsset something that stands in the register.
func (d Deps) claim(v *page.Visit) error { return d.begin(v, nil) }

func (d Deps) proveAsset(v *page.Visit) error {
	a, err := d.ownAsset(v)
	if err != nil {
		return err
	}
	return d.begin(v, &a)
}

func (d Deps) begin(v *page.Visit, a *constituency.Asset) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	o, err := d.mine(v)
	if err != nil {
		return err
	}
	in := constituency.Claim{Value: f.get("value"), Way: constituency.Way(f.get("way")), Role: f.get("role"), Evidence: f.get("evidence")}
	if f.get("host") != "" {
		in.Kind = "host"
	}
	if a != nil {
		in.Asset, in.Kind, in.Value = a.UID, "", ""
	}
	p, err := d.Constituency.Claim(v.Ctx(), v.By, o.UID, in)
	if err == nil {
		return v.See("/portal/proofs/" + p.UID + "?done=claimed")
	}
	if !typedWrong(err) {
		return err
	}
	view := d.proveView(v, a, f)
	if a != nil {
		if view, err = d.assetPage(v, *a, f); err != nil {
			return err
		}
	}
	view.Problems, view.Wrong = problems(v, err, map[string]string{"way": view.Ways[0].ID}), true
	return v.ShowStatus(errs.Invalid.HTTP(), Prove(view))
}

// ownProof gives a proof of the visitor's organisation.
func (d Deps) ownProof(v *page.Visit) (constituency.Proof, error) {
	p, err := d.Constituency.Proof(v.Ctx(), d.DB, v.By, v.R.PathValue("proof"))
	if err == nil && p.Organisation != v.By.Organisation {
		err = errs.ErrNotFound
	}
	return p, err
}

func (d Deps) proof(v *page.Visit) error {
	view, err := d.proofView(v)
	if err != nil {
		return err
	}
	return v.Show(ProofPage(view))
}

func (d Deps) proofView(v *page.Visit) (ProofView, error) {
	p, err := d.ownProof(v)
	view := ProofView{}
	if err != nil {
		return view, err
	}
	view = ProofView{PortalView: d.frame(v, "assets", p.Value), Way: string(p.Way), Name: wayName(v, p.Way), State: proofChip(v, p), Open: p.Open(), Place: p.Place, Line: p.Line(), At: "/portal/proofs/" + p.UID}
	fact := func(question, value string) {
		view.Facts = append(view.Facts, page.Answer{Question: question, Value: value})
	}
	fact(v.P.T("portal.org.asset.kind"), assetKind(v, p.Kind))
	fact(v.P.T("portal.proof.begun"), v.P.DateTime(p.MadeAt))
	if !p.LookedAt.IsZero() {
		fact(v.P.T("portal.proof.looked"), v.P.T("portal.proof.at_that", "when", v.P.DateTime(p.LookedAt), "what", saidWords(v, p.Said)))
	}
	switch {
	case p.State == constituency.ProofProved:
		fact(v.P.T("portal.proof.until"), v.P.Date(p.Until))
	case p.State == constituency.ProofWaiting:
		fact(v.P.T("portal.proof.waits_until"), v.P.DateTime(p.Until))
	case !p.DecidedAt.IsZero():
		fact(v.P.T("portal.proof.ended"), v.P.DateTime(p.DecidedAt))
	}
	if p.Way == constituency.ByRegistry && p.Why != "" {
		fact(v.P.T("portal.proof.why"), p.Why)
	}
	view.Look = !p.LookAt.IsZero()
	if p.Way == constituency.ByRegistry {
		evidence, err := d.Constituency.Evidence(v.Ctx(), d.DB, v.By, p.UID)
		if err != nil {
			return view, err
		}
		view.Evidence = mail.FormText(evidence)
	}
	if p.Way == constituency.ByMail && p.Open() {
		states, err := d.Correspondence.LetterState(v.Ctx(), d.DB, p.Message)
		if err != nil {
			return view, err
		}
		switch states[p.Message] {
		case correspondence.Sent:
			view.Letter = v.P.T("portal.proof.letter.sent", "address", p.Place)
		case correspondence.Failed, correspondence.Stopped:
			view.Letter, view.Back = v.P.T("portal.proof.letter.failed", "address", p.Place), true
		default:
			view.Letter = v.P.T("portal.proof.letter.waits", "address", p.Place)
		}
	}
	return view, nil
}

func saidWords(v *page.Visit, said string) string {
	switch said {
	case constituency.SaidFound:
		return v.P.T("portal.proof.said.found")
	case constituency.SaidAbsent:
		return v.P.T("portal.proof.said.absent")
	case constituency.SaidOther:
		return v.P.T("portal.proof.said.other")
	case constituency.SaidStatus:
		return v.P.T("portal.proof.said.status")
	}
	return v.P.T("portal.proof.said.silent")
}

func (d Deps) lookNow(v *page.Visit) error {
	if err := wasPressed(v); err != nil {
		return err
	}
	p, err := d.ownProof(v)
	if err == nil {
		err = d.Constituency.LookNow(v.Ctx(), v.By, p.UID)
	}
	if err != nil {
		return err
	}
	return v.See("/portal/proofs/" + p.UID + "?done=looks")
}

func (d Deps) giveCode(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	p, err := d.ownProof(v)
	if err == nil {
		_, err = d.Constituency.GiveCode(v.Ctx(), v.By, p.UID, f.get("code"))
	}
	if err == nil {
		return v.See("/portal/proofs/" + p.UID + "?done=proved")
	}
	if !typedWrong(err) {
		return err
	}
	view, again := d.proofView(v)
	if again != nil {
		return again
	}
	view.Problems, view.Wrong = problems(v, err, nil), true
	return v.ShowStatus(errs.Invalid.HTTP(), ProofPage(view))
}

func (d Deps) withdrawProof(v *page.Visit) error {
	if err := wasPressed(v); err != nil {
		return err
	}
	p, err := d.ownProof(v)
	if err == nil {
		err = d.Constituency.WithdrawProof(v.Ctx(), v.By, p.UID)
	}
	if err != nil {
		return err
	}
	return v.See("/portal/assets?done=ended_proof")
}
