package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

type keyCommands struct {
	Show  keyShow  `cmd:"" help:"Show the team's certificates."`
	Renew keyRenew `cmd:"" help:"Add new subkeys where the old ones end within 90 days."`

	Smime   smimeCommands `cmd:"" help:"The team's S/MIME key: ask an authority for a certificate, take it."`
	Replace keyReplace    `cmd:"" help:"Make another key the team's; the old ones go on opening old mail."`
}

type keyJSON struct {
	Fingerprint  string    `json:"fingerprint"`
	Addresses    []string  `json:"addresses"`
	Created      time.Time `json:"created_at"`
	EncryptUntil time.Time `json:"encrypt_until"`
	Current      bool      `json:"current"`
	Certificate  string    `json:"certificate"`
}

func keysOf(keys []pgp.Key) []keyJSON {
	out := []keyJSON{}
	for i, k := range keys {
		out = append(out, keyJSON{k.Fingerprint(), k.Addresses(), k.Created(), k.EncryptUntil(), i == 0, string(k.Armored())})
	}
	return out
}

type keyShow struct {
	conf.Config
	Armor bool `help:"Print the current certificate, armoured."`
	JSON  bool `help:"Answer in JSON."`
}

// Run shows the certificates.
func (c *keyShow) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	keys, err := app.TeamKeys(e.ctx, h.DB)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, k := range keys {
		if c.Armor {
			b.Write(k.Armored())
			break
		}
		use := "opens old mail"
		if i == 0 {
			use = "current, encrypts until " + k.EncryptUntil().Format(time.DateOnly)
		}
		fmt.Fprintf(&b, "%s\n  %s\n  made %s, %s\n", id.Grouped(k.Fingerprint()), strings.Join(k.UserIDs(), ", "), k.Created().Format(time.DateOnly), use)
	}
	return e.answer(c.JSON, map[string]any{"keys": keysOf(keys)}, b.String())
}

type keyRenew struct {
	conf.Config
	JSON bool `help:"Answer in JSON."`
}

// Run renews the subkeys.
func (c *keyRenew) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	r, err := app.Renew(e.ctx, c.Config, h)
	if err != nil {
		return err
	}
	keys, err := app.TeamKeys(e.ctx, h.DB)
	if err != nil {
		return err
	}
	out := map[string]any{"changed": r.Changed(), "signing": len(r.Signing), "decryption": r.Decryption, "keys": keysOf(keys)}
	words := "Nothing to do: all subkeys last longer than 90 days.\n"
	if r.Changed() {
		words = "New subkeys were added and the certificate is published. Processes that serve take them within seconds.\n"
	}
	return e.answer(c.JSON, out, words)
}

type keyReplace struct {
	conf.Config
	Key            string `type:"existingfile" placeholder:"FILE" help:"OpenPGP private key that is the team's from now on. Without it a new one is made."`
	PassphraseFile string `type:"existingfile" placeholder:"FILE" help:"File with the passphrase of --key."`
	JSON           bool   `help:"Answer in JSON."`
}

// Run rolls the team over to another key.
func (c *keyReplace) Run(e *env) error {
	if c.PassphraseFile != "" && c.Key == "" {
		return usage{errs.New(errs.Invalid, "--passphrase-file belongs to --key")}
	}
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	var keys []*keyd.Secret
	if c.Key == "" {
		old, err := app.TeamKeys(e.ctx, h.DB)
		if err != nil {
			return err
		}
		addresses := []string{h.Profile.Address}
		if len(old) > 0 {
			addresses = old[0].Addresses()
		}
		made, err := keyd.Generate(h.Profile.Name, addresses, time.Now())
		if err != nil {
			return err
		}
		keys = []*keyd.Secret{made}
	} else if keys, err = secretsIn(c.Key, c.PassphraseFile); err != nil {
		return err
	}
	if err := fit(e, keys[0].Public(), h.Profile.Address); err != nil {
		return err
	}
	if err := app.Replace(e.ctx, c.Config, h, keys); err != nil {
		return err
	}
	published, err := app.TeamKeys(e.ctx, h.DB)
	if err != nil {
		return err
	}
	return e.answer(c.JSON, map[string]any{"keys": keysOf(published)}, fmt.Sprintf("%s\nis the team's key now and is published; %d older ones open old mail. Processes that serve take it within seconds.\nTell the fingerprint to those who check your signatures, and make a backup.\n",
		id.Grouped(published[0].Fingerprint()), len(published)-1))
}
