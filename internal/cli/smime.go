package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

type smimeCommands struct {
	Request smimeRequest `cmd:"" help:"Make a key and print the request for its certificate (PKCS #10)."`
	Import  smimeImport  `cmd:"" help:"Take the certificate that an authority sent, or a key with its certificate (PKCS #12, PEM)."`
	Show    smimeShow    `cmd:"" help:"Show the certificate."`
}

type smimeRequest struct {
	conf.Config
	Algorithm string   `default:"rsa" enum:"rsa,ec" help:"rsa (3072 bits, read by every program) or ec (P-256)."`
	Addresses []string `help:"Further addresses that the certificate is to name; several with commas."`
}

// Run makes the key and prints the request.
func (c *smimeRequest) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	request, err := app.NewIdentity(e.ctx, c.Config, h, c.Algorithm, append([]string{h.Profile.Address}, c.Addresses...))
	if err != nil {
		return err
	}
	fmt.Fprintln(e.Err, "The key waits, sealed, for its certificate: tocsin key smime import FILE. Make a backup.")
	_, err = e.Out.Write(request)
	return err
}

type smimeImport struct {
	conf.Config
	From           string `arg:"" name:"file" type:"existingfile" help:"File of the authority: .pem, .cer, .p7b; or .p12 with the key."`
	PassphraseFile string `type:"existingfile" placeholder:"FILE" help:"File with the passphrase of a .p12."`
	JSON           bool   `help:"Answer in JSON."`
}

// Run makes the certificate the team's.
func (c *smimeImport) Run(e *env) error {
	data, err := os.ReadFile(c.From)
	if err != nil {
		return usage{errs.Newf(errs.Invalid, "%s cannot be read", c.From)}
	}
	var passphrase []byte
	if c.PassphraseFile != "" {
		if passphrase, err = passphraseIn(c.PassphraseFile); err != nil {
			return err
		}
	}
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	own, err := app.TakeIdentity(e.ctx, c.Config, h, data, passphrase)
	if err != nil {
		return err
	}
	return e.answer(c.JSON, certificateOf(own), certificateText(own)+"It signs and opens S/MIME from now on. Processes that serve take it within seconds. Make a backup.\n")
}

type smimeShow struct {
	conf.Config
	PEM  bool `name:"pem" help:"Print the certificate and those between it and the root, as PEM."`
	JSON bool `help:"Answer in JSON."`
}

// Run shows the certificate.
func (c *smimeShow) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	chain, err := app.TeamCertificates(e.ctx, h.DB)
	if err != nil {
		return err
	}
	if len(chain) == 0 {
		return errs.New(errs.NotFound, "the team has no S/MIME certificate: tocsin key smime request makes a key and asks for one")
	}
	text := certificateText(chain[0])
	if c.PEM {
		text = ""
		for _, one := range chain {
			text += string(one.PEM())
		}
	}
	return e.answer(c.JSON, certificateOf(chain[0]), text)
}

type certificateJSON struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256
	Addresses   []string  `json:"addresses"`
	Issuer      string    `json:"issuer"`
	Ends        time.Time `json:"ends_at"`
}

func certificateOf(c smime.Certificate) certificateJSON {
	return certificateJSON{c.Fingerprint(), c.Addresses(), c.Issuer(), c.Ends()}
}

func certificateText(c smime.Certificate) string {
	return fmt.Sprintf("%s\n  %s, %s, from %s, until %s\n", id.Grouped(c.Fingerprint()), c.Subject(), c.Algorithm(), c.Issuer(), c.Ends().Format(time.DateOnly))
}
