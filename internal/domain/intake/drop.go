package intake

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Drop is a report, or an addition to one, sealed for the house by a process that cannot read cases: it holds only the public half of the
// drop key.
type Drop struct {
	Input ReceiveInput
	Code  id.Secret // that the page shows, or of the link by which something is added
	Add   bool      // Text and Files are added to the report of Code; Input is empty
	Once  string    // of an addition: the mark of the form, so that the same form sent twice is one; "" takes each
	Text  string    // of an addition; of a report: what is filed when its form was taken before with other words
	Files []correspondence.FileIn
	Later *Later // of an addition: what it hands in; nil for words and files alone
	Prove string // of an addition without words and files: ProveAsk, or the code that came to the reporter's address

	// Suspicious is set of what goes to the public lane: Input.Body has its words and an address, and nothing else counts. It is no report and has no reference.
	Suspicious bool
}

// Suspicious is what a stranger put into the page for suspicious messages.
type Suspicious struct {
	At    time.Time // when it was taken
	Text  string
	Email string // as typed; proved by nothing
	Lang  string
	Files []correspondence.FileIn
}

// dropped is a drop as it is sealed. The house takes from it only what a stranger may say.
type dropped struct {
	Add        bool         `json:"add,omitempty"`
	Channel    string       `json:"channel,omitempty"`
	Lang       string       `json:"lang,omitempty"`
	TLP        string       `json:"tlp,omitempty"`
	Body       Body         `json:"body,omitzero"`
	OccurredAt time.Time    `json:"occurred_at,omitzero"`
	DetectedAt time.Time    `json:"detected_at,omitzero"`
	AwareAt    time.Time    `json:"aware_at,omitzero"`
	Original   []byte       `json:"original,omitempty"`
	Reference  string       `json:"reference,omitempty"`
	CodeHash   []byte       `json:"code_hash"`
	CodeKey    []byte       `json:"code_key,omitempty"`
	Text       string       `json:"text,omitempty"`
	Files      []heldFile   `json:"files,omitempty"`
	Uploads    []heldUpload `json:"uploads,omitempty"`
	Filings    []Filing     `json:"filings,omitempty"`
	Answers    law.Answers  `json:"answers,omitempty"`
	Later      *Later       `json:"later,omitempty"`
	Prove      string       `json:"prove,omitempty"`
	Suspicious bool         `json:"suspicious,omitempty"`
	// Reply is what was answered by the link of a letter, as the duty above reads it; CodeHash names the link, and nothing else counts.
	Reply json.RawMessage `json:"reply,omitempty"`
	// Registration is what an entity says of itself, as the duty above reads it; with Reference, CodeHash, CodeKey, Lang and Files nothing else counts.
	Registration json.RawMessage `json:"registration,omitempty"`
}

type heldFile struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content []byte `json:"content"`
}

const dropInfo = "tocsin intake drop v1"

// settingDropKey holds both halves of the drop key: the public one as it is, the private one sealed by the house.
const settingDropKey = "intake.drop_key"

type dropKey struct {
	Public []byte `json:"public"`
	Sealed []byte `json:"sealed"`
}

const dropPlace = "setting_value.value:intake.drop_key"

// DropKey gives the public key (HPKE, DHKEM X25519 with HKDF-SHA-256 and AES-256-GCM) under which public pages seal what they take. The house
// makes it at the first call.
func (s *Service) DropKey(ctx context.Context) ([]byte, error) {
	if k, err := PublicDropKey(ctx, s.DB); err == nil || !errs.Is(err, errs.Unavailable) {
		return k, err
	}
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if k, err := PublicDropKey(ctx, tx); err == nil || !errs.Is(err, errs.Unavailable) {
			out = k
			return err
		}
		now := s.Clock.Now()
		house, err := s.Ring.House(ctx, tx, now)
		if err != nil {
			return err
		}
		out = private.PublicKey().Bytes()
		return setting.Put(ctx, tx, 0, now, settingDropKey, dropKey{out, house.Seal(dropPlace, private.Bytes())})
	})
	return out, err
}

// PublicDropKey reads the public half: all that a page without keys needs. Before the house made it, it is Unavailable.
func PublicDropKey(ctx context.Context, h db.Handle) ([]byte, error) {
	var k dropKey
	if err := setting.Get(ctx, h, settingDropKey, &k); err != nil {
		return nil, err
	}
	if len(k.Public) == 0 {
		return nil, errs.New(errs.Unavailable, "the house has not opened its box yet; try again in a moment")
	}
	return k.Public, nil
}

// Store seals a drop and puts it where only the house can read it; it is on disk when Store returns. It needs no key but the public one. It
// gives the reference for the reporter, and refuses what Validate or ValidateAddition refuse. A form that was taken before is taken no
// second time: with the same words nothing is stored, with others they are an addition, and the reference is the first one.
func Store(ctx context.Context, d *db.DB, c clock.Clock, publicKey []byte, drop Drop) (reference string, err error) {
	now := c.Now()
	if !id.Valid(drop.Code.Reveal()) {
		return "", errs.New(errs.Invalid, "a drop needs a code")
	}
	uploads, err := wholeUploads(ctx, d, now, drop.Code)
	if err != nil {
		return "", err
	}
	hash, public := CodeHalves(drop.Code)
	sealed := dropped{Add: drop.Add, CodeHash: hash, Text: drop.Text, Later: drop.Later, Uploads: uploads, Suspicious: drop.Suspicious && !drop.Add}
	files := append(drop.Files, drop.Input.Files...)
	switch {
	case drop.Add && drop.Prove != "":
		if err := ValidateProof(drop.Prove); err != nil {
			return "", err
		}
		sealed.Prove = drop.Prove
		if code, ok := ProofTyped(drop.Prove); ok {
			sealed.Prove = code
		}
		sealed.Text, sealed.Later, sealed.Uploads, files, uploads = "", nil, nil, nil, nil
	case drop.Add:
		if err := ValidateAddition(drop.Text, len(files)+len(uploads)); err != nil {
			return "", err
		}
		if drop.Later != nil {
			var p errs.Problems
			if validFilings(&p, drop.Later.Filings, drop.Later.Answers); len(p) > 0 {
				return "", p.Err()
			}
		}
	default:
		in := drop.Input
		in.Proof, in.Organisation, in.Contact, in.Arrival = correspondence.Claimed, 0, 0, 0
		in.Reference, in.CodeHash, in.CodeKey, in.Files = "", hash, public, files
		if err := Validate(in, now); err != nil {
			return "", err
		}
		sealed.CodeKey, sealed.Text, sealed.Later = public, "", nil
		sealed.Filings, sealed.Answers = in.Filings, in.Answers
		sealed.Channel, sealed.Lang, sealed.TLP, sealed.Body, sealed.Original = string(in.Channel), in.Lang, in.TLP, in.Body, in.Original
		sealed.OccurredAt, sealed.DetectedAt, sealed.AwareAt = in.OccurredAt, in.DetectedAt, in.AwareAt
		if sealed.Original == nil {
			sealed.Original = Canonical(in)
		}
	}
	if sealed.Files, err = hold(files); err != nil {
		return "", err
	}
	sum := sealed.sum(drop.Code)
	err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		into := sealed
		if reference, err = take(ctx, tx, drop, &into, sum, now); err != nil {
			return err
		}
		if drop.Prove == "" { // what is being filled in goes on
			if err := ForgetFiles(ctx, tx, drop.Code); err != nil {
				return err
			}
			if err := ForgetDraft(ctx, tx, drop.Code); err != nil {
				return err
			}
		}
		if into.CodeHash == nil { // known again: nothing more of it is taken
			return nil
		}
		if err := handOver(ctx, tx, now, drop.Code, into.Uploads); err != nil {
			return err
		}
		raw, err := json.Marshal(into)
		if err != nil {
			return err
		}
		box, err := sealTo(publicKey, dropInfo, raw)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO intake_drop (uid, sealed, dropped_at) VALUES ($1, $2, $3)`, id.New(), box, now)
		return err
	})
	return reference, err
}

// maxReply is how many bytes an answer by link may have.
const maxReply = 256 << 10

// StoreReply seals what was answered by the link of a letter and puts it where only the house can read it, as Store does with reports; it is on disk
// when StoreReply returns. Reply is what the duty that wrote the letter reads, once the mark of the form: the same form sent twice is one. The page has
// looked whether the link opens anything. Refused: Invalid.
func StoreReply(ctx context.Context, d *db.DB, c clock.Clock, publicKey []byte, code id.Secret, once string, reply any) error {
	now := c.Now()
	if !id.Valid(code.Reveal()) || !id.Valid(once) {
		return errs.New(errs.Invalid, "an answer by link needs a code and a mark")
	}
	inner, err := json.Marshal(reply)
	if err != nil {
		return err
	}
	if len(inner) > maxReply {
		return errs.New(errs.Invalid, "an answer by link is larger than a form takes")
	}
	raw, err := json.Marshal(dropped{CodeHash: code.Hash(), Reply: inner})
	if err != nil {
		return err
	}
	box, err := sealTo(publicKey, dropInfo, raw)
	if err != nil {
		return err
	}
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		fresh, _, _, err := mark(ctx, tx, codeMAC(code, "reply", []byte(once)), codeMAC(code, "reply sum", inner), "", 0, now)
		if err != nil || !fresh {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO intake_drop (uid, sealed, dropped_at) VALUES ($1, $2, $3)`, id.New(), box, now)
		return err
	})
}

// take notes the form of a drop and says what of it is new: all, an addition, or nothing (its CodeHash is nil then).
func take(ctx context.Context, tx *db.Tx, drop Drop, in *dropped, sum []byte, now time.Time) (reference string, err error) {
	if !drop.Add {
		if in.Suspicious { // each is taken once, and other words are another message
			fresh, _, _, err := mark(ctx, tx, codeMAC(drop.Code, "suspicious", sum), sum, "", len(in.Files), now)
			if err == nil && !fresh {
				in.CodeHash = nil
			}
			return "", err
		}
		fresh, earlier, same, err := markNew(ctx, tx, in, sum, now)
		if err != nil || fresh {
			return in.Reference, err
		}
		if reference = earlier; same {
			in.CodeHash = nil
			return reference, nil
		}
		*in = dropped{Add: true, CodeHash: in.CodeHash, Text: drop.Text, Files: in.Files, Uploads: in.Uploads}
	} else if drop.Once == "" {
		return "", nil
	}
	fresh, _, _, err := mark(ctx, tx, codeMAC(drop.Code, "addition", []byte(drop.Once), sum), sum, "", len(in.Files), now)
	if err == nil && !fresh {
		in.CodeHash = nil
	}
	return reference, err
}

// markNew is mark for a form, with a reference for one that is new: in.Reference. It is noted after the form, so that one that came before takes none.
func markNew(ctx context.Context, tx *db.Tx, in *dropped, sum []byte, now time.Time) (fresh bool, earlier string, same bool, err error) {
	for range 20 {
		in.Reference = id.Reference("R", now.Year())
		fresh, earlier, same, err = mark(ctx, tx, in.CodeHash, sum, in.Reference, len(in.Files), now)
		if err != nil || !fresh {
			return fresh, earlier, same, err
		}
		free, err := takeReference(ctx, tx, in.Reference)
		if err != nil || free {
			return true, "", false, err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM intake_taken WHERE key = $1`, in.CodeHash); err != nil {
			return false, "", false, err
		}
	}
	return false, "", false, errs.New(errs.Unavailable, "no reference is free")
}

func hold(files []correspondence.FileIn) ([]heldFile, error) {
	var out []heldFile
	room := int64(MaxFileBytes)
	for _, f := range files {
		if _, err := f.Content.Seek(0, io.SeekStart); err != nil {
			return nil, errs.Wrap(errs.Invalid, "a file cannot be read", err)
		}
		raw, err := io.ReadAll(io.LimitReader(f.Content, room+1))
		if err != nil {
			return nil, errs.Wrap(errs.Invalid, "a file cannot be read", err)
		}
		if room -= int64(len(raw)); room < 0 {
			var p errs.Problems
			p.Add("files", "error.files_too_large", "most", MaxFileBytes>>20)
			return nil, p.Err()
		}
		out = append(out, heldFile{f.Name, f.Type, raw})
	}
	return out, nil
}

// dropTries is how often a drop is tried before it is set aside for a person.
const dropTries = 3

// errTaken says that another process opened the drop.
var errTaken = errors.New("the drop was opened by another process")

// OpenDrops turns waiting drops into reports and additions, each exactly once, and gives how many. A drop that cannot be taken is tried
// again, then set aside and recorded; it hinders no other.
func (s *Service) OpenDrops(ctx context.Context) (int, error) {
	type box struct {
		id     int64
		sealed []byte
		at     time.Time
	}
	var key hpke.PrivateKey
	done, last := 0, int64(0)
	var failed []error
	for {
		some, err := db.All(ctx, s.DB, func(r *db.Rows) (box, error) {
			var b box
			return b, r.Scan(&b.id, &b.sealed, &b.at)
		}, `SELECT id, sealed, dropped_at FROM intake_drop WHERE aside_at IS NULL AND id > $1 ORDER BY id LIMIT 8`, last)
		if err != nil {
			return done, err
		}
		if len(some) == 0 {
			return done, errors.Join(failed...)
		}
		if key == nil {
			if key, err = s.privateDropKey(ctx); err != nil {
				return done, err
			}
		}
		for _, b := range some {
			last = b.id
			err := s.openDrop(ctx, key, b.id, b.sealed, b.at)
			switch {
			case err == nil:
				done++
			case errors.Is(err, errTaken):
			case ctx.Err() != nil:
				return done, ctx.Err()
			default:
				failed = append(failed, fmt.Errorf("open drop %d: %w", b.id, err), s.tried(ctx, b.id))
			}
		}
	}
}

func (s *Service) privateDropKey(ctx context.Context) (hpke.PrivateKey, error) {
	var k dropKey
	if err := setting.Get(ctx, s.DB, settingDropKey, &k); err != nil {
		return nil, err
	}
	house, err := s.Ring.Get(ctx, s.DB, 0)
	if err != nil {
		return nil, err
	}
	raw, err := house.Open(dropPlace, k.Sealed)
	if err != nil {
		return nil, err
	}
	private, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, err
	}
	return hpke.NewDHKEMPrivateKey(private)
}

func (s *Service) openDrop(ctx context.Context, key hpke.PrivateKey, drop int64, box []byte, at time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("open a drop: %w", errs.Panic(p))
		}
	}()
	kdf, aead := statusSuite()
	raw, err := hpke.Open(key, kdf, aead, []byte(dropInfo), box)
	if err != nil {
		return err
	}
	var in dropped
	if err := json.Unmarshal(raw, &in); err != nil {
		return errors.New("a drop that cannot be read")
	}
	remove := func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM intake_drop WHERE id = $1 AND aside_at IS NULL`, drop)
		if err == nil && n == 0 {
			return errTaken
		}
		for _, u := range in.Uploads {
			if err == nil {
				err = dropUploads(ctx, tx, u.UID)
			}
		}
		return err
	}
	var files []correspondence.FileIn
	for _, f := range in.Files {
		files = append(files, correspondence.FileIn{Name: f.Name, Type: f.Type, Content: bytes.NewReader(f.Content)})
	}
	for _, u := range in.Uploads {
		content, err := readUpload(ctx, s.DB, u)
		if err != nil {
			return err
		}
		files = append(files, correspondence.FileIn{Name: u.Name, Type: u.Type, Content: content})
	}
	if in.Suspicious && s.Suspicion != nil {
		text := in.Body.Description
		if in.Body.Summary != "" && text == "" {
			text = in.Body.Summary
		}
		return s.Suspicion(ctx, Suspicious{At: at, Text: text, Email: in.Body.Email, Lang: in.Lang, Files: files}, remove)
	}
	if in.Reply != nil {
		if s.Linked == nil {
			return errs.New(errs.Unavailable, "nobody takes answers by link")
		}
		return s.Linked(ctx, in.CodeHash, in.Reply, at, remove)
	}
	if in.Registration != nil {
		if s.Registered == nil {
			return errs.New(errs.Unavailable, "nobody takes registrations")
		}
		return s.Registered(ctx, Registered{At: at, Reference: in.Reference, CodeHash: in.CodeHash, CodeKey: in.CodeKey, Lang: in.Lang, Said: in.Registration, Files: files}, remove)
	}
	if in.Add && in.Prove != "" {
		return s.prove(ctx, in.CodeHash, in.Prove, remove)
	}
	if in.Add {
		_, err := s.addByHash(ctx, in.CodeHash, in.Text, files, in.Later.told(at), remove)
		return err
	}
	by := access.Stranger(access.ByPage, in.Lang)
	input := asWho(by, ReceiveInput{
		Channel: correspondence.Channel(in.Channel), Lang: in.Lang, TLP: in.TLP, Body: in.Body, OccurredAt: in.OccurredAt, DetectedAt: in.DetectedAt,
		AwareAt: in.AwareAt, Proof: correspondence.Claimed, Original: in.Original, Reference: in.Reference, CodeHash: in.CodeHash, CodeKey: in.CodeKey,
		Filings: in.Filings, Answers: in.Answers, ToldAt: at,
	})
	if err := Validate(input, s.Clock.Now()); err != nil {
		return err
	}
	kept, err := s.keepUpTo(ctx, MaxFileBytes+MaxUploadBytes, files)
	if err != nil {
		return err
	}
	input = s.Ready(by, input, kept)
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := remove(ctx, tx); err != nil {
			return err
		}
		_, err := s.receive(ctx, tx, by, input, kept)
		return err
	})
}

// tried counts a failed try; the last one sets the drop aside and says so in the record, which prompts a person.
func (s *Service) tried(ctx context.Context, drop int64) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := s.Clock.Now()
		n, err := tx.Exec(ctx, `UPDATE intake_drop SET tries = tries + 1 WHERE id = $1 AND tries < $2`, drop, dropTries-1)
		if err != nil || n == 1 {
			return err
		}
		if n, err = tx.Exec(ctx, `UPDATE intake_drop SET aside_at = $2, tries = tries + 1 WHERE id = $1 AND aside_at IS NULL`, drop, now); err != nil || n == 0 {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: access.System("intake"), Verb: "intake.drop_aside", Data: map[string]any{"drop": drop}})
		return err
	})
}

// dropRhythm is how often the box is looked into when nobody rings.
const dropRhythm = 200 * time.Millisecond

// WatchDrops opens drops until ctx ends: at each wake, and every 200 ms. App runs it in one goroutine of a process with keys.
func (s *Service) WatchDrops(ctx context.Context, wake <-chan struct{}, log *slog.Logger) {
	t := time.NewTicker(dropRhythm)
	defer t.Stop()
	for {
		if _, err := s.OpenDrops(ctx); err != nil && ctx.Err() == nil {
			log.Warn("drops", "error", errs.Of(err).String(), "detail", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-t.C:
		}
	}
}
