package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Parts is what we made of a report's original: the tree of the mail as it arrived, what was odd, whom we believe, and the text we read. It
// is the team's.
type Parts struct {
	ContentType string   `json:"content_type" doc:"Of the original: message/rfc822 or application/json"`
	SHA256      string   `json:"sha256"`
	Size        int64    `json:"size"`
	Proof       string   `json:"proof" doc:"Who wrote it, as far as proved"`
	Reasons     []string `json:"reasons" doc:"Why the proof is what it is"`
	Protection  string   `json:"protection" doc:"Signature and encryption of the whole message"`
	Signers     []string `json:"signers" doc:"Fingerprints"`
	Unreadable  string   `json:"unreadable,omitempty"`
	EncryptedTo []string `json:"encrypted_to,omitempty" doc:"Of a mail that stays closed: the key ids that it names"`
	Wish        string   `json:"wish,omitempty" doc:"The TLP label that its writer put on it"`
	Ambiguous   bool     `json:"ambiguous" doc:"Another program may read another message in these bytes"`
	Oddities    []Oddity `json:"oddities"`
	Parts       []Part   `json:"parts" doc:"The tree, in the order of a walk"`
	Subject     string   `json:"subject,omitempty"`
	Text        string   `json:"text,omitempty" doc:"As we read it, after decryption"`
	Files       []File   `json:"files" doc:"Attachments as they were kept"`
}

// Oddity is something that two programs may read differently.
type Oddity struct {
	Kind   string `json:"kind"`
	Part   int    `json:"part"`
	Detail string `json:"detail,omitempty"`
}

// Part is one entity of the tree.
type Part struct {
	Index       int    `json:"index"`
	Parent      int    `json:"parent" doc:"-1 for the root"`
	ContentType string `json:"content_type"`
	Disposition string `json:"disposition,omitempty"`
	Name        string `json:"name,omitempty"`
	Size        int    `json:"size" doc:"After transfer decoding"`
	SHA256      string `json:"sha256" doc:"Of the decoded bytes"`
	Text        string `json:"text,omitempty" doc:"Of text parts, made visible and shortened to 64 KiB"`
	Undeclared  bool   `json:"undeclared,omitempty" doc:"Stands after the closing boundary"`
	Limited     bool   `json:"limited,omitempty" doc:"Not opened further, because a limit was reached"`
}

const mostText = 64 << 10

func (a *API) parts(ctx context.Context, by access.Actor, in *OneInput) (reply[Parts], error) {
	_, t, all, err := a.thread(ctx, by, in.Ref.Ref)
	if err != nil {
		return reply[Parts]{}, err
	}
	for _, m := range all {
		if m.Direction != correspondence.In {
			continue
		}
		r, media, sum, err := a.Correspondence.Original(ctx, by, t.UID, m.UID)
		if err != nil {
			return reply[Parts]{}, err
		}
		defer r.Close()
		raw, err := io.ReadAll(r)
		if err != nil {
			return reply[Parts]{}, err
		}
		return reply[Parts]{body: partsOf(m, raw, media, sum)}, nil
	}
	return reply[Parts]{}, errs.ErrNotFound
}

func partsOf(m correspondence.Message, raw []byte, media string, sum []byte) Parts {
	out := Parts{
		ContentType: media, SHA256: hex.EncodeToString(sum), Size: int64(len(raw)), Proof: proofName(m.Proof), Reasons: some(m.Body.Reasons),
		Protection: string(m.Seal), Signers: some(m.Body.Signers), Unreadable: m.Body.Unreadable, EncryptedTo: m.Body.KeyIDs, Wish: m.Body.Wish, Oddities: []Oddity{}, Parts: []Part{},
		Subject: m.Body.Subject, Text: m.Body.Text,
		Files: mapped(m.Body.Files, func(f correspondence.File) File { return File{f.UID, f.Name, f.Type, f.Size, f.SHA256} }),
	}
	if media != "message/rfc822" {
		return out
	}
	tree := mail.Parse(raw)
	out.Ambiguous = tree.Ambiguous()
	for _, o := range tree.Oddities {
		out.Oddities = append(out.Oddities, Oddity{string(o.Kind), o.Part, o.Detail})
	}
	for _, p := range tree.Parts {
		v := Part{
			Index: p.Index, Parent: -1, ContentType: mail.Visible(p.Type), Disposition: mail.Visible(p.Disposition), Name: p.Filename, Size: len(p.Bytes),
			Undeclared: p.Undeclared, Limited: p.Limited,
		}
		if p.Parent != nil {
			v.Parent = p.Parent.Index
		}
		h := sha256.Sum256(p.Bytes)
		v.SHA256 = hex.EncodeToString(h[:])
		if p.Is("text/") {
			text, _ := p.Text()
			v.Text = mail.VisibleText(shorten(text, mostText))
		}
		out.Parts = append(out.Parts, v)
	}
	return out
}

func some(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func hash(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
