package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// step is the length of a TOTP code (RFC 6238); one before and one after the present are taken.
const step = 30 * time.Second

// recoveryCodes is how many are given.
const recoveryCodes = 10

var codeOptions = totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// Enrolment is what an authenticator app needs. It is shown once.
type Enrolment struct {
	Secret id.Secret // base 32, for typing
	URL    id.Secret // otpauth://
	key    *otp.Key
}

// QR gives the URL as a PNG picture of the size in pixels.
func (e Enrolment) QR(size int) ([]byte, error) {
	img, err := e.key.Image(size, size)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), err
}

func totpPlace(account int64) string { return fmt.Sprintf("account_person.totp:%d", account) }

// EnrolTOTP draws a new secret for the actor, who proved itself freshly. It counts only once ConfirmTOTP has seen a code of it; until then
// the one before stays in force.
func (s *Service) EnrolTOTP(ctx context.Context, by access.Actor) (Enrolment, error) {
	a, err := s.self(ctx, by)
	if err != nil {
		return Enrolment{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer(s.Issuer), AccountName: a.Email, SecretSize: 20, Period: codeOptions.Period, Digits: codeOptions.Digits, Algorithm: codeOptions.Algorithm})
	if err != nil {
		return Enrolment{}, fmt.Errorf("draw a TOTP secret: %w", err)
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		k, err := s.Ring.Get(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE account_person SET totp_next = $1 WHERE id = $2`, k.Seal(totpPlace(a.ID), []byte(key.Secret())), a.ID)
		return err
	})
	return Enrolment{Secret: id.SecretOf(key.Secret()), URL: id.SecretOf(key.URL()), key: key}, err
}

func issuer(name string) string {
	if name = strings.ReplaceAll(name, ":", ""); name == "" {
		return "Tocsin"
	}
	return name
}

// ConfirmTOTP puts the drawn secret in force with a first code of it and gives ten recovery codes, shown once. Earlier ones end.
func (s *Service) ConfirmTOTP(ctx context.Context, by access.Actor, code string) ([]id.Secret, error) {
	a, err := s.self(ctx, by)
	if err != nil {
		return nil, err
	}
	if err := s.count(ctx, s.bucket("code", a.UID, perCode)); err != nil {
		return nil, err
	}
	var codes []id.Secret
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := lockedID(ctx, tx, a.ID); err != nil {
			return err
		}
		var sealed []byte
		if err := tx.QueryRow(ctx, `SELECT totp_next FROM account_person WHERE id = $1`, a.ID).Scan(&sealed); err != nil {
			return err
		}
		k, err := s.Ring.Get(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		at := int64(0)
		if sealed != nil {
			if at, err = matchCode(k.Open, a.ID, sealed, code, now, 0); err != nil {
				return err
			}
		}
		if at == 0 {
			var p errs.Problems
			p.Add("code", "error.code")
			return p.Err()
		}
		if _, err := tx.Exec(ctx, `UPDATE account_person SET totp = totp_next, totp_next = NULL, totp_at = $1, totp_step = $2 WHERE id = $3`, now, at, a.ID); err != nil {
			return err
		}
		if codes, err = s.drawRecovery(ctx, tx, a.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.confirm_totp", a)
	})
	return codes, err
}

// NewRecoveryCodes replaces the recovery codes of the actor, who proved itself freshly.
func (s *Service) NewRecoveryCodes(ctx context.Context, by access.Actor) ([]id.Secret, error) {
	a, err := s.self(ctx, by)
	if err != nil {
		return nil, err
	}
	var codes []id.Secret
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if codes, err = s.drawRecovery(ctx, tx, a.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.new_recovery_codes", a)
	})
	return codes, err
}

func (s *Service) drawRecovery(ctx context.Context, tx *db.Tx, account int64) ([]id.Secret, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM account_recovery WHERE account = $1`, account); err != nil {
		return nil, err
	}
	var out []id.Secret
	for range recoveryCodes {
		raw := strings.ToUpper(id.New()[:16]) // 80 bits
		out = append(out, id.SecretOf(raw[:4]+"-"+raw[4:8]+"-"+raw[8:12]+"-"+raw[12:]))
		if _, err := tx.Exec(ctx, `INSERT INTO account_recovery (account, hash) VALUES ($1, $2)`, account, recoveryHash(account, raw)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func recoveryHash(account int64, raw string) []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "%d:%s", account, raw))
	return h[:]
}

// ResetFactors takes the second factor from an account whose owner lost it, with its logins and its links to providers. Roles that read cases wait for a lead again
// (rule I11). For managers, with fresh proof.
func (s *Service) ResetFactors(ctx context.Context, by access.Actor, uid string) (Account, error) {
	return s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error {
		list, err := s.suspend(ctx, tx, by, a)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_person SET totp = NULL, totp_next = NULL, totp_at = NULL WHERE id = $1`, a.ID); err != nil {
			return err
		}
		for _, q := range []string{`DELETE FROM account_recovery WHERE account = $1`, `DELETE FROM account_passkey WHERE account = $1`, `DELETE FROM account_identity WHERE account = $1`} {
			if _, err := tx.Exec(ctx, q, a.ID); err != nil {
				return err
			}
		}
		if err := s.endLogins(ctx, tx, a.ID, ""); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.reset_factors", a, list...)
	})
}

// second checks a TOTP or recovery code inside the caller's transaction and burns it. The account's object is locked.
func (s *Service) second(ctx context.Context, tx *db.Tx, a Account, code string) (bool, error) {
	var sealed []byte
	var last int64
	if err := tx.QueryRow(ctx, `SELECT totp, totp_step FROM account_person WHERE id = $1`, a.ID).Scan(&sealed, &last); err != nil {
		return false, err
	}
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	if len(code) == 16 {
		n, err := tx.Exec(ctx, `UPDATE account_recovery SET used_at = $1 WHERE account = $2 AND hash = $3 AND used_at IS NULL`, s.Clock.Now(), a.ID, recoveryHash(a.ID, code))
		return n == 1, err
	}
	if len(sealed) == 0 {
		return false, nil // a passkey is the second factor
	}
	k, err := s.Ring.Get(ctx, tx, a.ID)
	if err != nil {
		return false, err
	}
	at, err := matchCode(k.Open, a.ID, sealed, code, s.Clock.Now(), last)
	if err != nil || at == 0 {
		return false, err
	}
	// The step is taken once: a code that was seen on the way is refused.
	n, err := tx.Exec(ctx, `UPDATE account_person SET totp_step = $1 WHERE id = $2 AND totp_step < $1`, at, a.ID)
	return n == 1, err
}

// matchCode gives the time step whose code it is, or 0. Steps up to the last used one do not count.
func matchCode(open func(string, []byte) ([]byte, error), account int64, sealed []byte, code string, now time.Time, last int64) (int64, error) {
	secret, err := open(totpPlace(account), sealed)
	if err != nil {
		return 0, err
	}
	found := int64(0)
	for _, t := range []time.Time{now.Add(-step), now, now.Add(step)} {
		want, err := totp.GenerateCodeCustom(string(secret), t, codeOptions)
		if err != nil {
			return 0, fmt.Errorf("a TOTP secret cannot be used: %w", err)
		}
		if at := t.Unix() / int64(step/time.Second); at > last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = at
		}
	}
	return found, nil
}
