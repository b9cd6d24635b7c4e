package smime

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// ErrUnfit refuses a certificate to which one may not encrypt now. Its kind is Conflict: a renewed one helps.
var ErrUnfit = errs.New(errs.Conflict, "smime: one may not encrypt to this certificate now")

// SignAndEncryptMIME signs inside the encryption, to one reader and to ourselves. The cipher is AES-256: GCM where the reader's certificate says that it can,
// else CBC, which the signature inside protects against change.
func SignAndEncryptMIME(ctx context.Context, entity []byte, a Agent, reader Certificate, at time.Time) ([]byte, error) {
	if !reader.CanEncrypt(at) {
		return nil, ErrUnfit
	}
	signed, ours, err := SignMIME(ctx, entity, a)
	if err != nil {
		return nil, err
	}
	to := []Certificate{reader}
	if ours.CanEncrypt(at) && !ours.equal(reader) {
		to = append(to, ours)
	}
	gcm := reader.reads(46)
	der, err := seal(signed, to, gcm)
	if err != nil {
		return nil, err
	}
	kind := "enveloped-data"
	if gcm {
		kind = "authEnveloped-data"
	}
	return []byte("Content-Type: application/pkcs7-mime; smime-type=" + kind + "; name=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n" + lines(der)), nil
}

// reads tells whether the certificate says that its owner reads the AES cipher of that number.
func (c Certificate) reads(aes int) bool {
	for _, e := range c.x.Extensions {
		if !e.Id.Equal(idCapabilities) {
			continue
		}
		in := cryptobyte.String(e.Value)
		var list, one cryptobyte.String
		if !in.ReadASN1(&list, tags.SEQUENCE) {
			return false
		}
		for !list.Empty() {
			var of asn1.ObjectIdentifier
			if !list.ReadASN1(&one, tags.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&of) {
				return false
			}
			if of.Equal(append(slices.Clone(idAES), aes)) {
				return true
			}
		}
	}
	return false
}

func seal(content []byte, to []Certificate, gcm bool) ([]byte, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	nonce, sealed, mac := make([]byte, 12), []byte(nil), []byte(nil)
	kind := asn1.ObjectIdentifier(append(slices.Clone(idAES), 46))
	if !gcm {
		nonce, kind = make([]byte, aes.BlockSize), append(slices.Clone(idAES), 42)
	}
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	if gcm {
		a, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		all := a.Seal(nil, nonce, content, nil)
		sealed, mac = all[:len(content)], all[len(content):]
	} else {
		pad := aes.BlockSize - len(content)%aes.BlockSize
		sealed = append(slices.Clone(content), slices.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(block, nonce).CryptBlocks(sealed, sealed)
	}
	var recipients []byte
	version := int64(0)
	for _, c := range to {
		r, err := recipientOf(c, key)
		if err != nil {
			return nil, err
		}
		if r[0] != byte(tags.SEQUENCE) {
			version = 2
		}
		recipients = append(recipients, r...)
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(sealed)+4096))
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		if of := idEnveloped; gcm {
			b.AddASN1ObjectIdentifier(idAuthEnveloped)
			version = 0
		} else {
			b.AddASN1ObjectIdentifier(of)
		}
		b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) {
			b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(version)
				b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { b.AddBytes(recipients) })
				b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(idData)
					b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(kind)
						if !gcm {
							b.AddASN1OctetString(nonce)
							return
						}
						b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1OctetString(nonce)
							b.AddASN1Int64(16)
						})
					})
					b.AddASN1(tagContext0, func(b *cryptobyte.Builder) { b.AddBytes(sealed) })
				})
				if gcm {
					b.AddASN1OctetString(mac)
				}
			})
		})
	})
	return b.Bytes()
}

// recipientOf wraps the key for one reader: RSA-OAEP with SHA-256, or ECDH with a key of its own, SHA-256 and the AES key wrap.
func recipientOf(c Certificate, key []byte) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	switch k := c.x.PublicKey.(type) {
	case *rsa.PublicKey:
		wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, k, key, nil)
		if err != nil {
			return nil, err
		}
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			addWho(b, c)
			b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(idOAEP)
				b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) { addAlgorithm(b, idSHA256, true) })
					b.AddASN1(tagConstructed1, func(b *cryptobyte.Builder) {
						b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1ObjectIdentifier(idMGF1)
							addAlgorithm(b, idSHA256, true)
						})
					})
				})
			})
			b.AddASN1OctetString(wrapped)
		})
	case *ecdsa.PublicKey:
		if err := agree(b, c, k, key); err != nil {
			return nil, err
		}
	default:
		return nil, ErrUnfit
	}
	return b.Bytes()
}

func agree(b *cryptobyte.Builder, c Certificate, k *ecdsa.PublicKey, key []byte) error {
	theirs, err := k.ECDH()
	if err != nil {
		return err
	}
	once, err := theirs.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	shared, err := once.ECDH(theirs)
	if err != nil {
		return err
	}
	w := cryptobyte.NewBuilder(nil)
	addAlgorithm(w, append(slices.Clone(idAES), 45), false)
	wrap, err := w.Bytes()
	if err != nil {
		return err
	}
	kek, err := derive(agreements["1.3.132.1.11.1"], shared, wrap, nil, 32)
	if err != nil {
		return err
	}
	wrapped, err := wrapKey(kek, key)
	if err != nil {
		return err
	}
	b.AddASN1(tagConstructed1, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) {
			b.AddASN1(tagConstructed1, func(b *cryptobyte.Builder) {
				addAlgorithm(b, idECKey, false)
				b.AddASN1BitString(once.PublicKey().Bytes())
			})
		})
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 132, 1, 11, 1})
			b.AddBytes(wrap)
		})
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
				addWho(b, c)
				b.AddASN1OctetString(wrapped)
			})
		})
	})
	return nil
}
