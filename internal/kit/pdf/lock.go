package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Lock is what closes a document: the code that opens it, and the seed of all else that must not be guessed. The same document under the same lock is the
// same file; another document under it shares no key stream with it.
type Lock struct {
	Code  string // at most 127 bytes of ASCII
	Other string // the same code as somebody may type it otherwise, with its gaps; "" for none
	Seed  []byte // 32 random bytes
}

// ErrLock says that a document cannot be closed with this.
var ErrLock = errors.New("a document is closed with a code of ASCII characters and a seed of 32 bytes")

// Locked gives the document as a file that only the code opens: AES-256, revision 6 (7.6, ISO 32000-2), every string and stream of it, what lies in it and
// what it is called too. Who opens it may do everything: a reader that forbids printing protects nothing. Undrawn is as with Unsigned.
func (d *Document) Locked(with Lock) (raw []byte, undrawn bool, err error) {
	if len(with.Seed) != 32 || !typable(with.Code) || with.Other != "" && !typable(with.Other) {
		return nil, false, ErrLock
	}
	w, err := d.drawn(false)
	if err != nil {
		return nil, false, err
	}
	raw, _ = w.file(d.head, extras{files: d.files, lock: newLock(with)})
	return raw, w.boxes, nil
}

// typable tells whether a code needs no preparation of its characters (7.6.4.3.2): ASCII stays as it is.
func typable(code string) bool {
	return code != "" && len(code) <= 127 && strings.IndexFunc(code, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// lock is a file's key and what its dictionary says of it.
type lock struct {
	seed, key             []byte
	user, userKey         []byte // U, UE
	owner, ownerKey, perm []byte // O, OE, Perms
	block                 cipher.Block
}

// drawn gives bytes that only the seed tells.
func (l *lock) drawn(what string, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, l.seed)
	m.Write([]byte(what))
	for _, p := range parts {
		_ = binary.Write(m, binary.BigEndian, uint64(len(p)))
		m.Write(p)
	}
	return m.Sum(nil)
}

// allowed is the table of permissions (table 22): nothing is forbidden.
const allowed = 0xFFFFFFFC

// newLock makes the values of the dictionary (algorithms 8, 9 and 10). What stands there for an owner takes the code as it is typed with its gaps.
func newLock(with Lock) *lock {
	l := &lock{seed: with.Seed}
	l.key = l.drawn("file key", []byte(with.Code))
	l.block, _ = aes.NewCipher(l.key) // 32 bytes
	wrap := func(code string, udata []byte, salts []byte) (check, key []byte) {
		check = append(stretched([]byte(code), salts[:8], udata), salts[:16]...)
		b, _ := aes.NewCipher(stretched([]byte(code), salts[8:16], udata)) // 32 bytes
		key = make([]byte, len(l.key))
		cipher.NewCBCEncrypter(b, make([]byte, aes.BlockSize)).CryptBlocks(key, l.key)
		return check, key
	}
	l.user, l.userKey = wrap(with.Code, nil, l.drawn("user salts"))
	other := with.Other
	if other == "" {
		other = with.Code
	}
	l.owner, l.ownerKey = wrap(other, l.user, l.drawn("owner salts"))
	plain := binary.LittleEndian.AppendUint32(nil, allowed)
	plain = append(append(plain, 0xff, 0xff, 0xff, 0xff, 'T', 'a', 'd', 'b'), l.drawn("permissions")[:4]...)
	l.perm = make([]byte, len(plain))
	l.block.Encrypt(l.perm, plain)
	return l
}

// stretched is the hash of a code (algorithm 2.B).
func stretched(code, salt, udata []byte) []byte {
	first := sha256.Sum256(bytes.Join([][]byte{code, salt, udata}, nil))
	k := first[:]
	for round := 1; ; round++ {
		e := bytes.Repeat(bytes.Join([][]byte{code, k, udata}, nil), 64)
		b, _ := aes.NewCipher(k[:16]) // 16 bytes
		cipher.NewCBCEncrypter(b, k[16:32]).CryptBlocks(e, e)
		sum := 0
		for _, c := range e[:16] { // 256 is 1 modulo 3: the number is what its digits are
			sum += int(c)
		}
		switch sum % 3 {
		case 0:
			h := sha256.Sum256(e)
			k = h[:]
		case 1:
			h := sha512.Sum384(e)
			k = h[:]
		default:
			h := sha512.Sum512(e)
			k = h[:]
		}
		if round >= 64 && int(e[len(e)-1]) <= round-32 {
			return k[:32]
		}
	}
}

// dictionary says how the file is encrypted (7.6.4.2 and 7.6.5.4).
func (l *lock) dictionary() string {
	forbids := uint32(allowed)
	return fmt.Sprintf("<</Filter /Standard /V 5 /R 6 /Length 256 /P %d /U <%x> /UE <%x> /O <%x> /OE <%x> /Perms <%x> /EncryptMetadata true "+
		"/CF <</StdCF <</Type /CryptFilter /CFM /AESV3 /AuthEvent /DocOpen /Length 32>>>> /StmF /StdCF /StrF /StdCF /EFF /StdCF>>",
		int32(forbids), l.user, l.userKey, l.owner, l.ownerKey, l.perm)
}

// sealed encrypts one string or stream of an object (algorithm 1.A). Its first block follows from all that is in it, so that nothing is encrypted twice alike.
func (l *lock) sealed(object, part int, plain []byte) []byte {
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	first := l.drawn("first block", binary.BigEndian.AppendUint32(nil, uint32(object)), binary.BigEndian.AppendUint32(nil, uint32(part)), plain)[:aes.BlockSize]
	out := append(bytes.Clone(first), plain...)
	out = append(out, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(l.block, first).CryptBlocks(out[aes.BlockSize:], out[aes.BlockSize:])
	return out
}

// closed encrypts an object: its stream, and each string in its body. Bodies are ours: strings are hexadecimal, or literal without brackets and escapes.
func (l *lock) closed(n int, o object) object {
	if o.stream != nil {
		o.stream = l.sealed(n, 0, o.stream)
	}
	var b strings.Builder
	part := 0
	for s := o.body; s != ""; {
		at := strings.IndexAny(s, "<(")
		if at < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:at])
		if s = s[at:]; strings.HasPrefix(s, "<<") {
			b.WriteString("<<")
			s = s[2:]
			continue
		}
		end := strings.IndexAny(s, ">)")
		plain := []byte(s[1:end])
		if s[0] == '<' {
			plain, _ = hex.DecodeString(s[1:end]) // written by text
		}
		part++
		fmt.Fprintf(&b, "<%x>", l.sealed(n, part, plain))
		s = s[end+1:]
	}
	o.body = b.String()
	return o
}
