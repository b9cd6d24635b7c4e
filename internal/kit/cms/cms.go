// Package cms writes one thing: a signature beside a document (CMS SignedData, RFC 5652) of the form that programs which show PDF accept as
// ETSI EN 319 142-1 baseline B-B: one signer, ECDSA P-256 with SHA-256, the certificate inside, and the three signed attributes that are asked. It reads none.
package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
)

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSigned        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSA         = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2} // with SHA-256
)

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type signerInfo struct {
	Version    int
	ID         issuerAndSerial
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue // [0] IMPLICIT SET OF
	Algorithm  pkix.AlgorithmIdentifier
	Signature  []byte
}

type signedData struct {
	Version      int
	Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
	Content      struct{ Type asn1.ObjectIdentifier }
	Certificates asn1.RawValue // [0] IMPLICIT
	Signers      []signerInfo  `asn1:"set"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue // [0] EXPLICIT
}

// certificateV2 is ESSCertIDv2 with SHA-256, its default (RFC 5035).
type certificateV2 struct {
	Certs []struct{ Hash []byte }
}

// ErrKey says that the key is none that this package signs with, or not the certificate's.
var ErrKey = errors.New("the key is no ECDSA P-256 key of its certificate")

// Detached signs the SHA-256 of a document. The same input gives the same bytes (RFC 6979).
func Detached(key *ecdsa.PrivateKey, cert *x509.Certificate, sum [sha256.Size]byte) ([]byte, error) {
	if key.Curve != elliptic.P256() || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, ErrKey
	}
	mark := sha256.Sum256(cert.Raw)
	essential := certificateV2{Certs: []struct{ Hash []byte }{{mark[:]}}}
	var attributes []attribute
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value any
	}{{oidContentType, oidData}, {oidMessageDigest, sum[:]}, {oidCertificateV2, essential}} {
		raw, err := asn1.Marshal(a.value)
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, attribute{a.oid, []asn1.RawValue{{FullBytes: raw}}})
	}
	set, err := asn1.MarshalWithParams(attributes, "set") // DER sorts them
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(set)
	signature, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	inside := append([]byte{0xa0}, set[1:]...) // SET OF becomes [0] where it is kept (RFC 5652, 5.4)
	hash := pkix.AlgorithmIdentifier{Algorithm: oidSHA256}
	data := signedData{
		Version: 1, Digests: []pkix.AlgorithmIdentifier{hash}, Content: struct{ Type asn1.ObjectIdentifier }{oidData},
		Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: cert.Raw},
		Signers: []signerInfo{{
			Version: 1, ID: issuerAndSerial{asn1.RawValue{FullBytes: cert.RawIssuer}, cert.SerialNumber}, Digest: hash, Attributes: asn1.RawValue{FullBytes: inside},
			Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidECDSA}, Signature: signature,
		}},
	}
	raw, err := asn1.Marshal(data)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(contentInfo{oidSigned, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: raw}})
}
