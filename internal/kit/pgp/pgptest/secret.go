package pgptest

import (
	"bytes"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/ecdh"
	"github.com/ProtonMail/go-crypto/openpgp/ed25519"
	"github.com/ProtonMail/go-crypto/openpgp/eddsa"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/x25519"
)

// PrivateNumbers gives the private number of the primary key and of each subkey of an armored private key that a passphrase locks.
func PrivateNumbers(armored, passphrase []byte) ([][]byte, error) {
	list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(armored))
	if err != nil {
		return nil, err
	}
	keys := []*packet.PrivateKey{list[0].PrivateKey}
	for _, s := range list[0].Subkeys {
		keys = append(keys, s.PrivateKey)
	}
	var out [][]byte
	for _, k := range keys {
		if err := k.Decrypt(passphrase); err != nil {
			return nil, err
		}
		switch p := k.PrivateKey.(type) {
		case *ed25519.PrivateKey:
			out = append(out, p.Key[:32])
		case *x25519.PrivateKey:
			out = append(out, p.Secret)
		case *eddsa.PrivateKey:
			out = append(out, p.D)
		case *ecdh.PrivateKey:
			out = append(out, p.D)
		default:
			return nil, fmt.Errorf("a private key of type %T", p)
		}
	}
	return out, nil
}
