package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

type keyCommands struct {
	Show  keyShow  `cmd:"" help:"Show the team's certificates."`
	Renew keyRenew `cmd:"" help:"Add new subkeys where the old ones end within 90 days."`
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
		fmt.Fprintf(&b, "%s\n  %s\n  made %s, %s\n", app.Grouped(k.Fingerprint()), strings.Join(k.UserIDs(), ", "), k.Created().Format(time.DateOnly), use)
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
		words = "New subkeys were added and the certificate is published. Start the program again so that the key process takes them.\n"
	}
	return e.answer(c.JSON, out, words)
}
