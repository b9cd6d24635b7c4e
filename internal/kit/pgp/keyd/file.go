package keyd

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// fileHead begins every sealed file and is bound into it; its number is the version of the label and the layout.
const fileHead = "tocsin-keys-1\n"

// RootSize is the length of the root secret that seals the file.
const RootSize = 32

const maxFile = 8 << 20

type storedKey struct {
	Public   []byte                 `json:"public"`
	Parts    [][]byte               `json:"parts"` // secret key packets
	Purposes map[string]pgp.Purpose `json:"purposes"`

	Document    []byte `json:"document,omitempty"` // PKCS #8
	Certificate []byte `json:"certificate,omitempty"`
}

// storedRing is what the file holds. Files of a team without S/MIME are the list of keys alone.
type storedRing struct {
	Keys       []storedKey      `json:"keys"`
	Identities []storedIdentity `json:"identities"`
}

type storedIdentity struct {
	Key   []byte   `json:"key"` // PKCS #8
	Chain [][]byte `json:"chain"`
	Names []string `json:"names"`
}

// Seal gives the ring as bytes that only the root secret opens.
func (r *Ring) Seal(root []byte) ([]byte, error) {
	aead, err := sealer(root)
	if err != nil {
		return nil, err
	}
	var keys []storedKey
	for _, s := range r.secrets {
		k := storedKey{Public: s.public.Binary(), Purposes: s.purposes}
		for _, part := range s.held() {
			var b bytes.Buffer
			if err := part.Serialize(&b); err != nil {
				return nil, err
			}
			k.Parts = append(k.Parts, b.Bytes())
		}
		if k.Document, k.Certificate, err = s.document.sealed(); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	var content any = keys
	if len(r.identities) > 0 {
		list, err := storeIdentities(r.identities)
		if err != nil {
			return nil, err
		}
		content = storedRing{keys, list}
	}
	plain, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	out := append([]byte(fileHead), nonce...)
	return aead.Seal(out, nonce, plain, []byte(fileHead)), nil
}

// Unseal opens what Seal gave. A wrong root secret and a damaged file are the same refusal (Invalid).
func Unseal(data, root []byte) (*Ring, error) {
	aead, err := sealer(root)
	if err != nil {
		return nil, err
	}
	refused := errs.New(errs.Invalid, "the key file does not open with this secret, or is damaged")
	body, ok := bytes.CutPrefix(data, []byte(fileHead))
	if !ok || len(body) < aead.NonceSize() {
		return nil, refused
	}
	plain, err := aead.Open(nil, body[:aead.NonceSize()], body[aead.NonceSize():], []byte(fileHead))
	if err != nil {
		return nil, refused
	}
	defer clear(plain)
	var all storedRing
	if bytes.HasPrefix(plain, []byte("[")) {
		err = json.Unmarshal(plain, &all.Keys)
	} else {
		err = json.Unmarshal(plain, &all)
	}
	if err != nil || len(all.Keys) == 0 {
		return nil, refused
	}
	var secrets []*Secret
	for _, k := range all.Keys {
		s, err := k.restore()
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, s)
	}
	r, err := NewRing(secrets[0], secrets[1:]...)
	if err != nil {
		return nil, err
	}
	for _, stored := range all.Identities {
		i, err := stored.restore()
		if err != nil {
			return nil, err
		}
		r.identities = append(r.identities, i)
	}
	return r, nil
}

func storeIdentities(list []*Identity) (out []storedIdentity, err error) {
	for _, i := range list {
		s := storedIdentity{Names: i.names}
		if s.Key, err = x509.MarshalPKCS8PrivateKey(i.key); err != nil {
			return nil, errs.Wrap(errs.Internal, "write an S/MIME key", err)
		}
		for _, c := range i.chain {
			s.Chain = append(s.Chain, c.Raw())
		}
		out = append(out, s)
	}
	return out, nil
}

func (s storedIdentity) restore() (*Identity, error) {
	key, err := x509.ParsePKCS8PrivateKey(s.Key)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errs.New(errs.Invalid, "an S/MIME key in the key file cannot be read")
	}
	i := &Identity{key: signer, names: s.Names}
	for _, raw := range s.Chain {
		c, err := smime.ParseCertificate(raw)
		if err != nil {
			return nil, errs.New(errs.Invalid, "an S/MIME certificate in the key file cannot be read")
		}
		i.chain = append(i.chain, c)
	}
	return i, nil
}

func (k storedKey) restore() (*Secret, error) {
	pub, _ := pgp.ParseKeys(k.Public)
	if len(pub) != 1 {
		return nil, errs.New(errs.Invalid, "a certificate in the key file cannot be read")
	}
	held := map[string]*packet.PrivateKey{}
	for _, raw := range k.Parts {
		p, err := packet.Read(bytes.NewReader(raw))
		part, ok := p.(*packet.PrivateKey)
		if err != nil || !ok || !usable(part) {
			return nil, errs.New(errs.Invalid, "a private key in the key file cannot be read")
		}
		held[string(part.Fingerprint)] = part
	}
	s, err := assemble(pub[0], held, k.Purposes)
	if err != nil {
		return nil, err
	}
	s.document, err = restoreDocument(k.Document, k.Certificate)
	return s, err
}

func sealer(root []byte) (cipher.AEAD, error) {
	if len(root) != RootSize {
		return nil, errs.New(errs.Invalid, "the root secret of the key file has 32 bytes")
	}
	key, err := hkdf.Key(sha256.New, root, nil, "tocsin key process file 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Save writes the sealed ring, readable by its owner only, so that after a crash either the old or the new file is there.
func (r *Ring) Save(path string, root []byte) error {
	data, err := r.Seal(root)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".keys-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if was, serr := os.Stat(path); err == nil && serr == nil && !ours(was) { // root renews the file of the key process's user
		st := was.Sys().(*syscall.Stat_t)
		err = os.Chown(f.Name(), int(st.Uid), int(st.Gid))
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Load reads a file that Save wrote. A file that others may read is refused (Conflict).
func Load(path string, root []byte) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, errs.New(errs.Conflict, "the key file can be read by others; make it 0600")
	}
	if info.Size() > maxFile {
		return nil, errs.New(errs.Invalid, "the key file is too large")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Unseal(data, root)
}
