package pgp

import (
	"bytes"
	"context"
	"crypto/rand"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Readers are whom a message is encrypted to: one correspondent (P10: one mail a reader), and our archive key if there is one.
type Readers struct {
	Reader  Key
	Archive Key // zero: none
	At      time.Time
}

// EncryptMIME wraps a whole MIME entity into multipart/encrypted (RFC 3156 section 4), AES-256 with integrity check in the form that GnuPG reads,
// uncompressed. It refuses with a *KeyError when a key is expired, revoked, weak or not for encryption at that time: nothing is sent then.
func EncryptMIME(entity []byte, to Readers) ([]byte, error) {
	entity = canonical(entity)
	msg, err := encrypt(entity, to)
	if err != nil {
		return nil, err
	}
	b := boundary(nil)
	var out bytes.Buffer
	out.WriteString("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n boundary=\"" + b + "\"\r\n\r\n")
	out.WriteString("--" + b + "\r\nContent-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n\r\nVersion: 1\r\n")
	out.WriteString("\r\n--" + b + "\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\nContent-Description: OpenPGP encrypted message\r\n" +
		"Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n")
	out.Write(canonical(armored("PGP MESSAGE", msg)))
	out.WriteString("--" + b + "--\r\n")
	return out.Bytes(), nil
}

// SignAndEncryptMIME signs inside the encryption (RFC 3156 section 6.1): who signed is hidden, and cannot have signed what he did not see.
func SignAndEncryptMIME(ctx context.Context, entity []byte, a Agent, p Purpose, to Readers) ([]byte, error) {
	// The keys are looked at first, so that a refused message costs no signature.
	if err := to.check(); err != nil {
		return nil, err
	}
	signed, err := SignMIME(ctx, entity, a, p)
	if err != nil {
		return nil, err
	}
	return EncryptMIME(signed, to)
}

func (to Readers) check() error {
	_, err := to.keys()
	return err
}

func (to Readers) keys() ([]*packet.PublicKey, error) {
	pk, err := to.Reader.encryptionKey(to.At)
	if err != nil {
		return nil, err
	}
	keys := []*packet.PublicKey{pk}
	if !to.Archive.IsZero() {
		if pk, err = to.Archive.encryptionKey(to.At); err != nil {
			return nil, err
		}
		keys = append(keys, pk)
	}
	return keys, nil
}

func encrypt(content []byte, to Readers) ([]byte, error) {
	keys, err := to.keys()
	if err != nil {
		return nil, err
	}
	session := make([]byte, packet.CipherAES256.KeySize())
	if _, err := rand.Read(session); err != nil {
		return nil, err
	}
	defer clear(session)
	var out bytes.Buffer
	cfg := strict(to.At)
	for _, pk := range keys {
		if err := packet.SerializeEncryptedKeyAEAD(&out, pk, packet.CipherAES256, false, session, cfg); err != nil {
			return nil, err
		}
	}
	sealed, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, false, packet.CipherSuite{}, session, cfg)
	if err != nil {
		return nil, err
	}
	// No file name and no date: they tell a reader nothing and are not to be believed.
	lit, err := packet.SerializeLiteral(sealed, true, "", 0)
	if err != nil {
		return nil, err
	}
	if _, err := lit.Write(content); err != nil {
		return nil, err
	}
	if err := lit.Close(); err != nil { // closes the sealed packet too
		return nil, err
	}
	return out.Bytes(), nil
}
