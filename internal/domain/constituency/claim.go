package constituency

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Claim is what somebody says is theirs, and how they will prove it.
type Claim struct {
	Asset    string // uid of one that stands in the register; "" for another, by Kind and Value
	Kind     string // "": told from the value
	Value    string
	Way      Way
	Role     string // of ByMail: one of ProofRoles
	Evidence string // of ByRegistry: the object, as the registry gives it
}

// Letter is a code on its way to a role of a domain.
type Letter struct {
	Organisation ref.Ref
	To, Lang     string
	Code         string
}

// Claim begins a proof that something is an organisation's, given by uid. Nobody answers for it before it is proved. It needs WriteRegistry, or OwnRegistry for
// the own organisation. Refused: Invalid with all problems (also when the same is under way), Limit, NotFound.
func (s *Service) Claim(ctx context.Context, by access.Actor, organisation string, in Claim) (Proof, error) {
	var p Proof
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = s.ClaimTx(ctx, tx, by, organisation, in)
		return err
	})
	return p, err
}

// ClaimTx is Claim inside a transaction.
func (s *Service) ClaimTx(ctx context.Context, tx *db.Tx, by access.Actor, organisation string, in Claim) (Proof, error) {
	var p Proof
	if err := needProve(by); err != nil {
		return Proof{}, err
	}
	o, err := access.LoadForChange(ctx, tx, by, ref.Organisation, organisation)
	if err != nil {
		return Proof{}, err
	}
	now := s.Clock.Now()
	if p, err = s.claimed(ctx, tx, o.Ref.ID, in, now); err != nil {
		return Proof{}, err
	}
	if err := s.roomForProof(ctx, tx, p, now); err != nil {
		return Proof{}, err
	}
	p.UID, p.MadeAt, p.MadeBy = id.New(), now, by.Account
	var code, evidence []byte
	switch p.Way {
	case ByDNS, ByFile:
		p.Token, p.Until, p.LookAt = id.New(), now.Add(proofWaits), now.Add(nextLook(0))
	case ByMail:
		p.Until = now.Add(codeWaits)
		if code, err = s.sendCode(ctx, tx, by, o.Ref, &p); err != nil {
			return Proof{}, err
		}
	case ByRegistry:
		p.State = ProofAsked
		key, err := s.Ring.Get(ctx, tx, o.Ref.ID)
		if err != nil {
			return Proof{}, err
		}
		evidence = key.Seal(evidencePlace(p.UID), []byte(in.Evidence))
	}
	if err := s.insertProof(ctx, tx, &p, code, evidence); err != nil {
		return Proof{}, err
	}
	return p, s.changed(ctx, tx, by, "constituency.claim", o.Ref, []audit.Change{{Field: "asset", To: p.Value}, {Field: "way", To: string(p.Way)}}, p.UID)
}

func needProve(by access.Actor) error {
	if by.Can(access.OwnRegistry) {
		return nil
	}
	return by.Need(access.WriteRegistry)
}

// claimed validates a claim and gives it as the proof that it begins.
func (s *Service) claimed(ctx context.Context, tx *db.Tx, organisation int64, in Claim, now time.Time) (Proof, error) {
	p := Proof{Organisation: organisation, Way: in.Way, State: ProofWaiting}
	var wrong errs.Problems
	if in.Asset != "" {
		a, err := db.One(ctx, tx, scanAsset, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.uid = $1 AND a.organisation = $2 AND (a.until IS NULL OR a.until > $3)`,
			in.Asset, organisation, now)
		if err != nil {
			return p, err
		}
		p.Asset, p.Kind, p.Value = a.ID, a.Kind, a.Value
	} else {
		kind, value, _, _, ok := NewAsset{Kind: in.Kind, Value: in.Value}.normal()
		switch {
		case strings.TrimSpace(in.Value) == "":
			wrong.Add("value", "error.required")
		case !ok:
			wrong.Add("value", "error.asset")
		}
		p.Kind, p.Value = kind, value
	}
	if p.Kind != "" && !slices.Contains(Ways(p.Kind, p.Value), in.Way) {
		wrong.Add("way", "error.proof.way")
	}
	switch in.Way {
	case ByDNS:
		p.Place = recordName(p.Kind, p.Value)
	case ByFile:
		p.Place = fileAddress(p.Value)
	case ByMail:
		p.Place = in.Role + "@" + p.Value
		if !slices.Contains(ProofRoles, in.Role) {
			wrong.Add("role", "error.choice")
		}
	case ByRegistry:
		switch {
		case strings.TrimSpace(in.Evidence) == "":
			wrong.Add("evidence", "error.required")
		case len(in.Evidence) > maxEvidence:
			wrong.Add("evidence", "error.too_long", "most", maxEvidence)
		case !utf8.ValidString(in.Evidence) || strings.ContainsRune(in.Evidence, 0):
			wrong.Add("evidence", "error.characters")
		}
	}
	if err := wrong.Err(); err != nil || p.Asset != 0 {
		return p, err
	}
	var err error
	p.Asset, err = s.assetNow(ctx, tx, p, now)
	return p, err
}

// assetNow gives the asset of the register that a proof is about, 0 when there is none.
func (s *Service) assetNow(ctx context.Context, h db.Handle, p Proof, now time.Time) (int64, error) {
	q := new(db.Query).Add(`SELECT a.id FROM constituency_asset a WHERE a.organisation = ? AND a.kind = ? AND a.value = ?`, p.Organisation, p.Kind, p.Value)
	list, err := db.List(ctx, h, valid(q, now).Add(` ORDER BY a.id LIMIT 1`), func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0], nil
}

var errProofs = &errs.Error{Kind: errs.Limit, Key: "error.proof.many", Text: "too much waits for its proof already: end some of it first, or try tomorrow"}

// roomForProof refuses what is under way already, and more than one organisation may have open.
func (s *Service) roomForProof(ctx context.Context, tx *db.Tx, p Proof, now time.Time) error {
	var same, open, codes int64
	err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN kind = $2 AND value = $3 AND way = $4 AND state IN ('waiting', 'asked') THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN state IN ('waiting', 'asked') THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN way = 'mail' AND made_at > $5 THEN 1 ELSE 0 END), 0) FROM constituency_proof WHERE organisation = $1`,
		p.Organisation, p.Kind, p.Value, string(p.Way), now.Add(-24*time.Hour)).Scan(&same, &open, &codes)
	switch {
	case err != nil:
		return err
	case same > 0:
		var wrong errs.Problems
		wrong.Add("way", "error.proof.open")
		return wrong.Err()
	case open >= maxOpenProofs || p.Way == ByMail && codes >= maxDailyCodes:
		return errProofs
	}
	return nil
}

// sendCode draws a code, sends it, and gives what is kept of it.
func (s *Service) sendCode(ctx context.Context, tx *db.Tx, by access.Actor, on ref.Ref, p *Proof) ([]byte, error) {
	if s.SendCode == nil {
		return nil, errs.New(errs.Unavailable, "no letters are sent from here")
	}
	raw := strings.ToUpper(id.New()[:10])
	code := raw[:5] + "-" + raw[5:]
	var err error
	p.Message, err = s.SendCode(ctx, tx, Letter{Organisation: on, To: p.Place, Lang: by.Lang, Code: code})
	return s.codeHash(p.UID, code), err
}

// codeHash is what is kept of a code, however it is typed: without spaces and hyphens, letters that look alike as one.
func (s *Service) codeHash(proof, code string) []byte {
	code = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
	m := hmac.New(sha256.New, s.Ring.Derive("constituency proof code/v1"))
	m.Write([]byte(proof + ":" + code))
	return m.Sum(nil)
}

func (s *Service) insertProof(ctx context.Context, tx *db.Tx, p *Proof, code, evidence []byte) error {
	return tx.QueryRow(ctx, `INSERT INTO constituency_proof (uid, organisation, asset, kind, value, way, state, place, token, code, evidence, message, made_at, made_by, until, look_at,
		decided_at, decided_by, why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING id`,
		p.UID, p.Organisation, p.Asset, p.Kind, p.Value, string(p.Way), string(p.State), p.Place, p.Token, code, evidence, p.Message, p.MadeAt, p.MadeBy, p.Until, p.LookAt,
		p.DecidedAt, p.DecidedBy, p.Why).Scan(&p.ID)
}

func (s *Service) proof(ctx context.Context, h db.Handle, by access.Actor, uid string) (Proof, error) {
	p, err := db.One(ctx, h, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.uid = $1`, uid)
	if err != nil {
		return p, err
	}
	if _, err := access.Load(ctx, h, by, ref.Ref{Kind: ref.Organisation, ID: p.Organisation}); err != nil {
		return Proof{}, err
	}
	return p, nil
}

// proofForChange loads a proof that the actor may change, and holds its organisation until commit.
func (s *Service) proofForChange(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Proof, ref.Ref, error) {
	p, err := s.proof(ctx, tx, by, uid)
	if err != nil {
		return p, ref.Ref{}, err
	}
	o, err := access.Locked(ctx, tx, p.Organisation)
	if err != nil {
		return p, o.Ref, err
	}
	p, err = s.proof(ctx, tx, by, uid) // as it is now that we hold it
	return p, o.Ref, err
}

// WithdrawProof ends an attempt to prove something. What was proved stays in the register; it is ended there. It needs WriteRegistry, or OwnRegistry for
// the own organisation. Refused: NotFound; Conflict for one that has ended.
func (s *Service) WithdrawProof(ctx context.Context, by access.Actor, proof string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := needProve(by); err != nil {
			return err
		}
		p, on, err := s.proofForChange(ctx, tx, by, proof)
		if err != nil {
			return err
		}
		if !p.Open() {
			return errProofOver
		}
		if err := s.endProof(ctx, tx, p, ProofWithdrawn, by.Account, ""); err != nil {
			return err
		}
		return s.changed(ctx, tx, by, "constituency.withdraw_claim", on, []audit.Change{{Field: "asset", From: p.Value}, {Field: "way", From: string(p.Way)}}, p.UID)
	})
}

var errProofOver = &errs.Error{Kind: errs.Conflict, Key: "error.proof.over", Text: "this does not wait for its proof any more"}

// endProof writes that an attempt is over, or a proof holds no longer.
func (s *Service) endProof(ctx context.Context, tx *db.Tx, p Proof, state ProofState, decided int64, why string) error {
	_, err := tx.Exec(ctx, `UPDATE constituency_proof SET state = $1, look_at = NULL, code = NULL, decided_at = $2, decided_by = $3, why = $4 WHERE id = $5`,
		string(state), s.Clock.Now(), decided, why, p.ID)
	return err
}

// LookNow asks that we look at once for the record or the file of a proof; who asks again within a minute is told nothing new. It needs WriteRegistry, or
// OwnRegistry for the own organisation. Refused: NotFound; Conflict for one that is not looked for.
func (s *Service) LookNow(ctx context.Context, by access.Actor, proof string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := needProve(by); err != nil {
			return err
		}
		p, _, err := s.proofForChange(ctx, tx, by, proof)
		if err != nil {
			return err
		}
		if p.LookAt.IsZero() {
			return errProofOver
		}
		now := s.Clock.Now()
		if now.Sub(p.LookedAt) < lookAtLeast {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE constituency_proof SET look_at = $1 WHERE id = $2`, now, p.ID); err != nil || s.Jobs == nil {
			return err
		}
		return s.Jobs.Insert(ctx, tx, LookJob{Proof: p.UID}, job.Options{Unique: true})
	})
}
