package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// Made tells whether a house was begun with this configuration. Opening another one would make an empty house with a new root key.
func Made(c conf.Config) bool {
	if _, err := os.Stat(c.RootKeyFile()); err != nil {
		return false
	}
	if c.Database.Set() {
		return true
	}
	_, err := os.Stat(databaseFile(c))
	return err == nil
}

func databaseFile(c conf.Config) string { return filepath.Join(c.Data, "tocsin.db") }

// Check names what is wrong with a profile. The intake address has no plus sign: reply addresses are made with one.
func (p Profile) Check() error {
	var wrong errs.Problems
	if strings.TrimSpace(p.Name) == "" {
		wrong.Add("name", "error.required")
	}
	if local, domain, ok := strings.Cut(p.Address, "@"); !ok || local == "" || domain == "" || strings.Contains(local, "+") {
		wrong.Add("address", "error.email")
	}
	if problem := (correspondence.Team{Address: p.Address}).CheckSuspicious(p.Public); problem != "" {
		wrong.Add("public", problem)
	}
	return wrong.Err()
}

// Setup writes who we are and the team's keys into a house. The secrets go to the key process's own sealed file; the database gets the public
// certificates alone. A house that was set up before is a Conflict.
func (h *House) Setup(ctx context.Context, p Profile, secrets *keyd.Ring) error {
	if old, err := ReadProfile(ctx, h.DB); err == nil {
		return errs.Newf(errs.Conflict, "this data folder was set up before, for %s", old.Name)
	}
	if err := p.Check(); err != nil {
		return err
	}
	if _, err := secrets.Current().RenewDocument(h.Clock.Now()); err != nil {
		return err
	}
	if err := SaveTeamSecrets(h.Config, secrets); err != nil {
		return err
	}
	by := access.System("setup")
	now := h.Clock.Now()
	err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := WriteProfileTx(ctx, tx, 0, now, p); err != nil {
			return err
		}
		if err := WriteTeamKeysTx(ctx, tx, 0, now, secrets.Public()); err != nil {
			return err
		}
		if err := writeDocumentsTx(ctx, tx, now, secrets.Documents()); err != nil {
			return err
		}
		changes, err := writeIdentityTx(ctx, tx, now, secrets)
		if err != nil {
			return err
		}
		changes = append([]audit.Change{{Field: "key", To: secrets.Public()[0].Fingerprint()}}, changes...)
		return h.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "team.setup", On: ref.Ref{}, Changes: changes})
	})
	if err != nil {
		return err
	}
	h.Profile = p
	return h.duties()
}

// Renew adds new subkeys where the newest ends within the overlap, keeps old ones, and publishes the certificate anew. It needs the primary key
// in the sealed file.
func Renew(ctx context.Context, c conf.Config, h *House) (keyd.Rotation, error) {
	secrets, err := LoadTeamSecrets(c)
	if err != nil {
		return keyd.Rotation{}, err
	}
	rotation, err := secrets.Current().ExtendOrRotate(h.Clock.Now())
	if err != nil || !rotation.Changed() {
		return rotation, err
	}
	return rotation, h.publishKeys(ctx, c, secrets, "team.renew")
}

// Replace makes other keys the team's: the first is the current one from now on. All that were kept before go on opening old mail.
func Replace(ctx context.Context, c conf.Config, h *House, keys []*keyd.Secret) error {
	old, err := LoadTeamSecrets(c)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	for _, k := range keys {
		given[k.Public().Fingerprint()] = true
	}
	for _, k := range old.All() {
		if !given[k.Public().Fingerprint()] {
			keys = append(keys, k)
		}
	}
	secrets, err := keyd.NewRing(keys[0], keys[1:]...)
	if err == nil {
		secrets, err = secrets.WithIdentities(old.Identities()...)
	}
	if err != nil {
		return err
	}
	return h.publishKeys(ctx, c, secrets, "team.replace")
}

// NewIdentity makes an S/MIME key for the team, keeps it for the certificate that is to come, and gives the request for it.
func NewIdentity(ctx context.Context, c conf.Config, h *House, kind string, addresses []string) ([]byte, error) {
	secrets, err := LoadTeamSecrets(c)
	if err != nil {
		return nil, err
	}
	made, err := keyd.GenerateIdentity(kind, h.Profile.Name, addresses)
	if err != nil {
		return nil, err
	}
	request, err := made.Request()
	if err != nil {
		return nil, err
	}
	if secrets, err = secrets.WithIdentities(append(secrets.Identities(), made)...); err != nil {
		return nil, err
	}
	return request, h.publishKeys(ctx, c, secrets, "team.smime_request")
}

// TakeIdentity makes a certificate with its private key, or one for a key that waits for it, the team's for S/MIME. Older ones go on opening old mail.
func TakeIdentity(ctx context.Context, c conf.Config, h *House, file, passphrase []byte) (smime.Certificate, error) {
	var own smime.Certificate
	secrets, err := LoadTeamSecrets(c)
	if err != nil {
		return own, err
	}
	kept := secrets.Identities()
	var made *keyd.Identity
	for i, waits := range kept {
		if got, cerr := waits.Certify(file); cerr == nil {
			made, kept = got, append(kept[:i:i], kept[i+1:]...)
			if old := waits.Certificate(); !old.IsZero() && old.Fingerprint() != got.Certificate().Fingerprint() {
				kept = append([]*keyd.Identity{waits}, kept...) // mail names the certificate that it was encrypted to
			}
			break
		}
	}
	if made == nil {
		if made, err = keyd.ImportIdentity(file, passphrase); err != nil {
			return own, err
		}
	}
	own = made.Certificate()
	if err := fitIdentity(own, h.Profile.Address, h.Clock.Now()); err != nil {
		return own, err
	}
	kept = slices.DeleteFunc(kept, func(i *keyd.Identity) bool {
		return !i.Certificate().IsZero() && i.Certificate().Fingerprint() == own.Fingerprint()
	})
	if secrets, err = secrets.WithIdentities(append([]*keyd.Identity{made}, kept...)...); err != nil {
		return own, err
	}
	return own, h.publishKeys(ctx, c, secrets, "team.smime")
}

// ImportIdentity reads a private key with its certificate (PKCS #12, PEM) that is to sign the team's mail from this address. It is Invalid when it cannot.
func ImportIdentity(file, passphrase []byte, address string, now time.Time) (*keyd.Identity, error) {
	made, err := keyd.ImportIdentity(file, passphrase)
	if err != nil {
		return nil, err
	}
	return made, fitIdentity(made.Certificate(), address, now)
}

func fitIdentity(own smime.Certificate, address string, now time.Time) error {
	switch {
	case !own.Signer(now):
		return errs.New(errs.Invalid, "this certificate cannot sign mail today: it is expired, weak, or not for mail")
	case !own.Has(address):
		return errs.Newf(errs.Invalid, "this certificate does not name %s: mail programs would refuse what it signs", address)
	}
	return nil
}

// writeIdentityTx publishes the newest certificate for S/MIME, if there is one.
func writeIdentityTx(ctx context.Context, tx *db.Tx, now time.Time, secrets *keyd.Ring) ([]audit.Change, error) {
	for _, i := range secrets.Identities() {
		if !i.Certificate().IsZero() {
			return []audit.Change{{Field: "certificate", To: i.Certificate().Fingerprint()}}, setting.Put(ctx, tx, 0, now, settingSMIME, i.Chain())
		}
	}
	return nil, nil
}

// publishKeys hands the private keys to the key process and the certificates to everybody else, who take them while they serve.
func (h *House) publishKeys(ctx context.Context, c conf.Config, secrets *keyd.Ring, verb string) error {
	if _, err := secrets.Current().RenewDocument(h.Clock.Now()); err != nil {
		return err
	}
	if err := SaveTeamSecrets(c, secrets); err != nil {
		return err
	}
	now := h.Clock.Now()
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := WriteTeamKeysTx(ctx, tx, 0, now, secrets.Public()); err != nil {
			return err
		}
		if err := writeDocumentsTx(ctx, tx, now, secrets.Documents()); err != nil {
			return err
		}
		changes, err := writeIdentityTx(ctx, tx, now, secrets)
		if err != nil {
			return err
		}
		changes = append([]audit.Change{{Field: "key", To: secrets.Public()[0].Fingerprint()}}, changes...)
		return h.Audit.Write(ctx, tx, audit.Entry{At: now, By: access.System("setup"), Verb: verb, Changes: changes})
	})
}
