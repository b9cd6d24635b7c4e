package intake

import (
	"context"
	"encoding/json"
	"io"
	"time"

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
	// Brought are the files that came with this very form, kept under its code: with them it is told apart from the same words with other files. What goes with
	// the drop is whatever is whole under the code.
	Brought []Upload
	Later   *Later // of an addition: what it hands in; nil for words and files alone
	Prove   string // of an addition without words and files: ProveAsk, or the code that came to the reporter's address

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
		if err := ValidateAddition(drop.Text, len(files)+max(len(uploads), len(drop.Brought))); err != nil {
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
	if sealed.Files, err = hold(files, MaxFileBytes); err != nil {
		return "", err
	}
	if sealed.Suspicious {
		if err := mailSized(sealed.Files, uploads); err != nil {
			return "", err
		}
	}
	sum := sealed.sum(drop.Code, drop.Brought)
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
			return forgetBrought(ctx, tx, drop)
		}
		if err := handOver(ctx, tx, now, drop.Code, into.Uploads); err != nil {
			return err
		}
		if err := forgetBrought(ctx, tx, drop); err != nil { // the same file came twice
			return err
		}
		return putDrop(ctx, tx, publicKey, into, now)
	})
	return reference, err
}

// putDrop seals a drop and puts it into the box.
func putDrop(ctx context.Context, tx *db.Tx, publicKey []byte, in dropped, now time.Time) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	box, err := sealTo(publicKey, dropInfo, raw)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO intake_drop (uid, sealed, dropped_at) VALUES ($1, $2, $3)`, id.New(), box, now)
	return err
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
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		fresh, _, _, err := mark(ctx, tx, codeMAC(code, "reply", []byte(once)), codeMAC(code, "reply sum", inner), "", 0, now)
		if err != nil || !fresh {
			return err
		}
		return putDrop(ctx, tx, publicKey, dropped{CodeHash: code.Hash(), Reply: inner}, now)
	})
}

// take notes the form of a drop and says what of it is new: all, an addition, or nothing (its CodeHash is nil then).
func take(ctx context.Context, tx *db.Tx, drop Drop, in *dropped, sum []byte, now time.Time) (reference string, err error) {
	if !drop.Add {
		if in.Suspicious { // each is taken once, and other words are another message
			fresh, _, _, err := mark(ctx, tx, codeMAC(drop.Code, "suspicious", sum), sum, "", len(in.Files)+len(in.Uploads), now)
			if err == nil && !fresh {
				in.CodeHash = nil
			}
			return "", err
		}
		var fresh, same bool
		reference, fresh, same, err = markDrawn(ctx, tx, "R", in.CodeHash, sum, len(in.Files)+len(in.Uploads), now)
		in.Reference = reference
		if err != nil || fresh {
			return reference, err
		}
		if same {
			in.CodeHash = nil
			return reference, nil
		}
		*in = dropped{Add: true, CodeHash: in.CodeHash, Text: drop.Text, Files: in.Files, Uploads: in.Uploads}
	} else if drop.Once == "" {
		return "", nil
	}
	fresh, _, _, err := mark(ctx, tx, codeMAC(drop.Code, "addition", []byte(drop.Once), sum), sum, "", len(in.Files)+len(in.Uploads), now)
	if err == nil && !fresh {
		in.CodeHash = nil
	}
	return reference, err
}

// forgetBrought removes what came with a form and does not go with its drop.
func forgetBrought(ctx context.Context, tx *db.Tx, drop Drop) error {
	for _, u := range drop.Brought {
		n, err := tx.Exec(ctx, `DELETE FROM intake_upload WHERE uid = $1 AND key = $2`, u.UID, codeMAC(drop.Code, "uploads"))
		if err == nil && n == 1 {
			err = dropUploads(ctx, tx, u.UID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mailSized refuses what the public lane would have to read as one mail that is too large.
func mailSized(files []heldFile, uploads []heldUpload) error {
	all := int64(0)
	for _, f := range files {
		all += int64(len(f.Content))
	}
	for _, u := range uploads {
		all += u.Size
	}
	if all > MaxFileBytes {
		var p errs.Problems
		p.Add("files", "error.files_too_large", "most", MaxFileBytes>>20)
		return p.Err()
	}
	return nil
}

// hold reads files of together at most so many bytes.
func hold(files []correspondence.FileIn, most int64) ([]heldFile, error) {
	var out []heldFile
	room := most
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
			p.Add("files", "error.files_too_large", "most", most>>20)
			return nil, p.Err()
		}
		out = append(out, heldFile{f.Name, f.Type, raw})
	}
	return out, nil
}
