package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

type initCommand struct {
	conf.Config
	Name           string   `required:"" help:"Name of the team, as in CERT.EX."`
	Kind           string   `default:"National CSIRT" help:"What the team is."`
	Authority      string   `help:"Under which authority it stands."`
	Phone          string   `help:"Telephone that pages and letters name."`
	Address        string   `required:"" help:"Mail address at which reports arrive."`
	Suspicious     string   `placeholder:"ADDRESS" help:"Mail address at which the public hands on suspicious messages. They are counted, not reported."`
	Addresses      []string `help:"Further addresses that the new key names; several with commas."`
	Country        string   `help:"Country, two letters."`
	Lang           string   `default:"en" enum:"en,pt,fr,nl,de" help:"Language in which the team writes."`
	AdminEmail     string   `required:"" help:"Address of the first administrator."`
	AdminName      string   `required:"" help:"Name of the first administrator."`
	Key            string   `type:"existingfile" placeholder:"FILE" help:"Existing OpenPGP private keys: the current one first, then old ones to decrypt with. Without it a new key is made."`
	PassphraseFile string   `type:"existingfile" placeholder:"FILE" help:"File with the passphrase of --key."`
	SMIME          string   `name:"smime" type:"existingfile" placeholder:"FILE" help:"Existing S/MIME key with its certificate: .p12, or PEM. It can be brought later: tocsin key smime import."`
	SMIMEWord      string   `name:"smime-passphrase-file" type:"existingfile" placeholder:"FILE" help:"File with the passphrase of --smime."`
	Recovery       []string `placeholder:"AGE1…" help:"age recipient to whom backups are encrypted; several with commas. Without one a recovery key is made and printed once."`
	JSON           bool     `help:"Answer in JSON."`
}

// sheet is what init prints once: everything that must be kept outside this machine.
type sheet struct {
	Team         string   `json:"team"`
	Fingerprint  string   `json:"fingerprint"`
	Certificate  string   `json:"certificate,omitempty"` // SHA-256 of the S/MIME certificate
	Older        []string `json:"older_keys,omitempty"`
	EncryptUntil string   `json:"encrypt_until"`
	Data         string   `json:"data"`
	RootKey      string   `json:"root_key_file"`
	TeamRootKey  string   `json:"team_root_key_file"`
	Recipients   []string `json:"recovery_recipients"`
	Identity     string   `json:"recovery_identity,omitempty"` // only when init made it
	AuditKey     string   `json:"audit_key"`
	Admin        string   `json:"administrator"`
	Welcome      string   `json:"welcome_url"`
}

// Run sets a data folder up.
func (c *initCommand) Run(e *env) error {
	if err := e.check(c.Config); err != nil {
		return err
	}
	profile := app.Profile{Name: c.Name, Kind: c.Kind, Authority: c.Authority, Phone: c.Phone, Address: c.Address, Public: c.Suspicious, Country: strings.ToUpper(c.Country), Lang: c.Lang}
	if err := profile.Check(); err != nil {
		return err
	}
	out := sheet{Team: c.Name, Recipients: c.Recovery, Admin: c.AdminEmail}
	if _, err := app.ParseRecovery(c.Recovery); err != nil {
		return usage{err}
	}
	if c.PassphraseFile != "" && c.Key == "" {
		return usage{errs.New(errs.Invalid, "--passphrase-file belongs to --key")}
	}
	if c.SMIMEWord != "" && c.SMIME == "" {
		return usage{errs.New(errs.Invalid, "--smime-passphrase-file belongs to --smime")}
	}
	if len(c.Recovery) == 0 {
		made, err := age.GenerateHybridIdentity()
		if err != nil {
			return err
		}
		out.Identity, out.Recipients = made.String(), []string{made.Recipient().String()}
	}
	ring, err := c.ring(e)
	if err == nil && c.SMIME != "" {
		ring, err = c.certified(ring)
	}
	if err != nil {
		return err
	}
	h, err := app.Open(e.ctx, c.Config, e.log)
	if err != nil {
		return err
	}
	defer h.Close()
	err = h.Setup(e.ctx, profile, ring)
	if err != nil {
		return err
	}
	by := operator()
	if err := h.SetRecovery(e.ctx, by, out.Recipients); err != nil {
		return err
	}
	for i, k := range ring.Public() {
		if i == 0 {
			out.Fingerprint, out.EncryptUntil = id.Grouped(k.Fingerprint()), k.EncryptUntil().Format("2006-01-02")
			continue
		}
		out.Older = append(out.Older, id.Grouped(k.Fingerprint()))
	}
	for _, i := range ring.Identities() {
		out.Certificate = id.Grouped(i.Certificate().Fingerprint())
	}
	out.RootKey, out.TeamRootKey = app.RootKeyFiles(c.Config)
	for _, p := range []*string{&out.RootKey, &out.TeamRootKey} {
		if abs, err := filepath.Abs(*p); err == nil {
			*p = abs
		}
	}
	if out.Data, err = filepath.Abs(c.Data); err != nil {
		return err
	}
	if out.AuditKey, err = h.AuditKey(); err != nil {
		return err
	}
	a, link, err := h.Accounts.Create(e.ctx, by, account.NewAccount{Email: c.AdminEmail, Name: c.AdminName, Lang: c.Lang, Roles: []access.Role{access.Admin}})
	if err != nil {
		fmt.Fprintln(e.Err, "The house is set up, but the administrator could not be entered: run tocsin user add --role admin.")
	} else {
		out.Welcome = h.WelcomeURL(a, link)
	}
	if serr := h.Settle(e.ctx); serr != nil {
		return serr
	}
	if perr := e.answer(c.JSON, out, out.text()); perr != nil {
		return perr
	}
	return err
}

// ring makes the team's key, or takes the existing ones.
func (c *initCommand) ring(e *env) (*keyd.Ring, error) {
	if c.Key == "" {
		s, err := keyd.Generate(c.Name, append([]string{c.Address}, c.Addresses...), time.Now())
		if err != nil {
			return nil, usage{err}
		}
		return keyd.NewRing(s)
	}
	all, err := secretsIn(c.Key, c.PassphraseFile)
	if err != nil {
		return nil, err
	}
	if err := fit(e, all[0].Public(), c.Address); err != nil {
		return nil, err
	}
	return keyd.NewRing(all[0], all[1:]...)
}

// certified adds the existing S/MIME key.
func (c *initCommand) certified(ring *keyd.Ring) (*keyd.Ring, error) {
	own, err := identityIn(c.SMIME, c.SMIMEWord, c.Address)
	if err != nil {
		return nil, err
	}
	return ring.WithIdentities(own)
}

func identityIn(file, passphraseFile, address string) (*keyd.Identity, error) {
	data, passphrase, err := lockedIn(file, passphraseFile)
	if err != nil {
		return nil, err
	}
	return app.ImportIdentity(data, passphrase, address, time.Now())
}

// lockedIn reads a file of private keys, and the passphrase that opens them when one is named.
func lockedIn(file, passphraseFile string) (data, passphrase []byte, err error) {
	if data, err = os.ReadFile(file); err != nil {
		return nil, nil, usage{errs.Newf(errs.Invalid, "%s cannot be read", file)}
	}
	if passphraseFile != "" {
		passphrase, err = passphraseIn(passphraseFile)
	}
	return data, passphrase, err
}

// secretsIn reads the private keys of a file, as GnuPG exports them, in their order.
func secretsIn(file, passphraseFile string) ([]*keyd.Secret, error) {
	data, passphrase, err := lockedIn(file, passphraseFile)
	if err != nil {
		return nil, err
	}
	var all []*keyd.Secret
	for _, block := range blocks(data) {
		list, err := keyd.ImportSecret(block, passphrase)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

func passphraseIn(file string) ([]byte, error) {
	list, err := files([]string{file})
	if err != nil {
		return nil, err
	}
	return []byte(strings.TrimRight(list[0], "\r\n")), nil
}

// blocks parts armoured keys that stand one after the other in a file; each is read for itself.
func blocks(data []byte) [][]byte {
	begin := []byte("-----BEGIN PGP ")
	if bytes.Count(data, begin) < 2 {
		return [][]byte{data}
	}
	var out [][]byte
	for part := range bytes.SplitSeq(data, begin) {
		if len(bytes.TrimSpace(part)) > 0 {
			out = append(out, append(bytes.Clone(begin), part...))
		}
	}
	return out
}

// fit refuses a current key that cannot do its work, and warns of what others will stumble over.
func fit(e *env, k pgp.Key, address string) error {
	if err := k.Fit(time.Now()); err != nil {
		return errs.Newf(errs.Invalid, "the first key of the file is to be the current one, but it cannot sign and decrypt today: %v", err)
	}
	if !k.Has(address) {
		fmt.Fprintf(e.Err, "The key does not name %s: who looks for a key by this address will not find it.\n", address)
	}
	return nil
}

func (s sheet) text() string {
	var b strings.Builder
	say := func(f string, a ...any) { fmt.Fprintf(&b, f+"\n", a...) }
	say("%s is set up in %s.", s.Team, s.Data)
	say("")
	if s.Welcome != "" {
		say("First administrator: %s", s.Admin)
		say("This link works once, for %s, while the program serves. Behind it a password is chosen:", hours(account.Invited))
		say("")
		say("  %s", s.Welcome)
		say("")
	}
	say("---------------------------------------------------------------- recovery sheet")
	say("Print this page, put it into the safe, and clear the screen.")
	say("")
	say("1. OpenPGP key of the team; publish this fingerprint, read it out on the telephone:")
	say("     %s", s.Fingerprint)
	say("   It encrypts until %s; tocsin key renew extends it.", s.EncryptUntil)
	for _, k := range s.Older {
		say("   Kept to open old mail: %s", k)
	}
	if s.Certificate != "" {
		say("   S/MIME certificate (SHA-256), at /smime-certificate.pem:")
		say("     %s", s.Certificate)
	}
	say("")
	say("2. Root keys. They seal every case and the private keys and are in no backup.")
	say("   Copy both files to two offline places now. Without them a backup is worthless:")
	say("     %s", s.RootKey)
	say("     %s", s.TeamRootKey)
	say("   The second one belongs to the key process alone.")
	say("")
	say("3. Backups (tocsin backup FILE) are encrypted to:")
	for _, r := range s.Recipients {
		say("     %s", short(r))
	}
	if s.Identity != "" {
		say("   This is the key that opens them. It is shown now and never again, and this machine does not keep it:")
		say("")
		say("     %s", s.Identity)
		say("")
		say("   To restore, write it into a file: tocsin restore FILE --identity KEYFILE")
	} else {
		say("   Who holds their identities can restore: tocsin restore FILE --identity KEYFILE")
	}
	say("")
	say("4. The record of who did what. Give this key to those who keep checkpoints (tocsin audit checkpoint):")
	say("     %s", s.AuditKey)
	say("--------------------------------------------------------------------------------")
	return b.String()
}

// short abbreviates a post-quantum recipient, which is long and no secret.
func short(r string) string {
	if len(r) > 80 {
		return r[:32] + "…" + r[len(r)-16:]
	}
	return r
}
