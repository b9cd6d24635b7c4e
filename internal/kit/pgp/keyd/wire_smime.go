package keyd

import (
	"crypto"

	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// The S/MIME calls of the socket, in the same frames.

var smimeHashes = map[crypto.Hash]byte{crypto.SHA256: 8, crypto.SHA384: 9, crypto.SHA512: 10}

func encodeSignSMIME(q smime.SignRequest) ([]byte, error) {
	sum, ok := smimeHashes[q.Hash]
	if !ok || len(q.Digest) != q.Hash.Size() {
		return nil, errWire
	}
	return append([]byte{callSignSMIME, sum}, q.Digest...), nil
}

func decodeSignSMIME(b []byte) (*smime.SignRequest, error) {
	for h, sum := range smimeHashes {
		if sum == b[0] && len(b)-1 == h.Size() {
			return &smime.SignRequest{Hash: h, Digest: b[1:]}, nil
		}
	}
	return nil, errWire
}

func encodeUnwrapSMIME(q smime.UnwrapRequest) ([]byte, error) {
	if q.Size != 16 && q.Size != 24 && q.Size != 32 {
		return nil, errWire
	}
	return encodeList([]byte{callUnwrapSMIME, byte(q.Size)}, q.Recipients, smime.MaxRecipients, smime.MaxRecipientBytes)
}

func decodeUnwrapSMIME(b []byte) (*smime.UnwrapRequest, error) {
	size := int(b[0])
	if size != 16 && size != 24 && size != 32 {
		return nil, errWire
	}
	list, err := decodeList(b[1:], smime.MaxRecipients, smime.MaxRecipientBytes)
	if err != nil {
		return nil, err
	}
	return &smime.UnwrapRequest{Recipients: list, Size: size}, nil
}

func encodeSigned(by smime.SignedBy) ([]byte, error) {
	return encodeList([]byte{answerSigned}, append([][]byte{by.Info}, by.Chain...), 1+maxChain, smime.MaxCertificate)
}

func decodeSigned(b []byte) (smime.SignedBy, error) {
	if len(b) == 0 || b[0] != answerSigned {
		return smime.SignedBy{}, errWire
	}
	list, err := decodeList(b[1:], 1+maxChain, smime.MaxCertificate)
	if err != nil || len(list) < 2 {
		return smime.SignedBy{}, errWire
	}
	return smime.SignedBy{Info: list[0], Chain: list[1:]}, nil
}
