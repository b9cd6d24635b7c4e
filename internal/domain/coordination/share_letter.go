package coordination

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// ShareInput is one item, as it is to be shared, and with whom.
type ShareInput struct {
	Item
	Readers  []string  // uids of parties
	Text     string    // our text of it
	Strike   []string  // words to strike out of it
	FileName string    // under which readers get a file; "" keeps its own
	Note     string    // what we say in front
	TLP      tlp.Level // 0: that of the item; never below it
	Named    bool      // its source is named
	Looked   bool      // a person looked at what it names of others and lets it leave
}

// SharePreview is what one reader would receive.
type SharePreview struct {
	Preview
	TLP     tlp.Level
	Naming  []string // words that say whose it is: it does not leave with them
	Unknown bool     // a file that we cannot look into: a person must
}

// sharing is an act of sharing, checked.
type sharing struct {
	item     Shareable
	in       ShareInput
	text     string // as it is shared, in the house's own mark
	faithful bool   // nothing was done to it but striking out
	parcels  []sharePost
}

// sharePost is what one reader is to receive.
type sharePost struct {
	SharePreview
	thread correspondence.Thread
	out    correspondence.Outgoing
}

// clean checks what was typed, all of it at once, and gives the text as it is shared.
func (in ShareInput) clean(x Shareable) (ShareInput, string, error) {
	in.Note, in.FileName = strings.TrimSpace(mail.FormText(in.Note)), strings.TrimSpace(mail.Visible(in.FileName))
	text := strings.TrimSpace(withoutCodes(mail.FormText(in.Text)))
	var p errs.Problems
	if len(in.Strike) > mostStrikes {
		p.Add("strike", "error.too_many", "most", mostStrikes)
		in.Strike = nil
	}
	text, in.Note = Strike(text, in.Strike), withoutCodes(in.Note)
	if len(in.Readers) == 0 {
		p.Add("readers", "error.required")
	}
	switch {
	case x.Kind == ItemFile:
		text = ""
		if in.FileName == "" {
			in.FileName = x.File.Name
		}
		in.FileName = Strike(in.FileName, in.Strike)
		if x.File.Size > correspondence.MaxFiles {
			p.Add("file", "error.too_large", "most", correspondence.MaxFiles)
		}
		if utf8.RuneCountInString(in.FileName) > 200 {
			p.Add("file_name", "error.too_long", "most", 200)
		}
	case strings.TrimSpace(strings.ReplaceAll(text, Redacted, "")) == "":
		p.Add("text", "error.required")
	case utf8.RuneCountInString(text) > maxWords:
		p.Add("text", "error.too_long", "most", maxWords)
	}
	if utf8.RuneCountInString(in.Note) > maxWords {
		p.Add("note", "error.too_long", "most", maxWords)
	}
	switch {
	case in.TLP != 0 && !in.TLP.Valid():
		p.Add("tlp", "error.choose")
	case in.TLP != 0 && in.TLP < x.TLP:
		p.Add("tlp", "error.share.label", "label", x.TLP.String())
	}
	if in.Named && !x.MayName {
		p.Add("named", "error.share.unnamed")
	}
	in.TLP = tlp.Max(in.TLP, x.TLP)
	return in, text, p.Err()
}

// PreviewShare shows exactly what each reader would receive and by which road, in the order asked for. It changes nothing. The actor needs access.WorkCases.
// Refused: Invalid with all problems, Forbidden when its source or its label lets it go to nobody, NotFound.
func (s *Service) PreviewShare(ctx context.Context, by access.Actor, subject string, in ShareInput) ([]SharePreview, error) {
	x, err := s.Shareable(ctx, by, subject, in.Item)
	if err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	act, err := s.sharing(ctx, s.DB, by, o, x, in)
	if err != nil {
		return nil, err
	}
	out := make([]SharePreview, len(act.parcels))
	for i, p := range act.parcels {
		out[i] = p.SharePreview
	}
	return out, nil
}

// sharing checks an act of sharing and writes its letters.
func (s *Service) sharing(ctx context.Context, h db.Handle, by access.Actor, subject access.Object, x Shareable, in ShareInput) (sharing, error) {
	act := sharing{item: x}
	if x.Refused != "" {
		return act, &errs.Error{Kind: errs.Forbidden, Key: x.Refused, Text: "its source does not let it go further: ask it for its consent"}
	}
	var err error
	if act.in, act.text, err = in.clean(x); err != nil {
		return act, err
	}
	act.faithful = x.Kind != ItemFile && Faithful(x.Text, act.text)
	all, threads, err := s.partiesAndThreads(ctx, h, by, subject.Ref)
	if err != nil {
		return act, err
	}
	watch, err := s.watchFor(ctx, h, by, all, threads)
	if err != nil {
		return act, err
	}
	inFile, known, err := s.fileText(ctx, h, x)
	if err != nil {
		return act, err
	}
	var seen []string
	for _, uid := range act.in.Readers {
		if slices.Contains(seen, uid) {
			continue
		}
		seen = append(seen, uid)
		i := slices.IndexFunc(all, func(p Party) bool { return p.UID == uid && p.WithdrawnAt.IsZero() })
		if i < 0 {
			return act, errs.ErrNotFound
		}
		if all[i].Ref.ID == x.Source.Ref.ID || !x.Ours() && all[i].Compartment == x.Source.Compartment {
			var p errs.Problems
			p.Add("readers", "error.share.own")
			return act, p.Err()
		}
		one, err := s.sharePost(ctx, h, act, all[i], threads[all[i].Thread])
		if err != nil {
			return act, err
		}
		one.Unknown = !known
		one.look(watch, act, inFile)
		act.parcels = append(act.parcels, one)
	}
	return act, nil
}

// mostRead is how much of a file correspondence reads for us, in bytes.
const mostRead = 1 << 20

// fileText gives what can be read of a file that is shared; false for one that we cannot look into.
func (s *Service) fileText(ctx context.Context, h db.Handle, x Shareable) (string, bool, error) {
	if x.Kind != ItemFile {
		return "", true, nil
	}
	words, err := s.Correspondence.FileText(ctx, h, x.stored.Thread, x.File)
	whole := x.File.Size <= mostRead && !strings.ContainsRune(words, utf8.RuneError)
	return words, x.File.Size == 0 || words != "" && whole, err
}

// sharePost writes the letter to one reader.
func (s *Service) sharePost(ctx context.Context, h db.Handle, act sharing, reader Party, t correspondence.Thread) (sharePost, error) {
	p := s.printer(t.Correspondent.Lang)
	letter := s.shareLetter(p, act)
	letter.Under = reader.Subject
	letter.TLP = tlp.Max(act.in.TLP, t.TLP)
	letter.Text += "\n\n" + bound(p, letter.TLP)
	seen, err := s.Correspondence.Preview(ctx, h, t, letter)
	if err != nil {
		return sharePost{}, err
	}
	return sharePost{
		SharePreview: SharePreview{
			Preview: Preview{Party: reader, Reader: t.Correspondent, Lang: string(p.Lang()), Subject: seen.Subject, Text: seen.Text, Letter: letter.Text, Road: seen.Road}, TLP: letter.TLP,
		},
		thread: t, out: letter,
	}, nil
}

// look finds what the letter to one reader says of others. The lines of the source are what is shared; its names are not, unless it may be named.
func (one *sharePost) look(w *watch, act sharing, inFile string) {
	texts := []string{act.text, act.in.Note, act.in.FileName, fileWords.Replace(act.in.FileName), inFile}
	for _, h := range w.find(one.Party.Compartment, texts...) {
		mine := !act.item.Ours() && h.party == act.item.Source.Compartment
		switch {
		case mine && (h.line || h.name && act.in.Named):
		case mine && h.name:
			one.Naming = append(one.Naming, h.shown)
		default:
			one.Hits = append(one.Hits, h.shown)
		}
	}
	for _, list := range []*[]string{&one.Naming, &one.Hits} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

// shareLetter writes what a reader gets, in its language: whose it is as far as that may be said, our words in front, and what is shared, marked as a quotation.
func (s *Service) shareLetter(p *text.Printer, act sharing) correspondence.Outgoing {
	x := act.item
	out := correspondence.Outgoing{Kind: correspondence.Share, Subject: p.T("mail.share.subject")}
	mark := p.T("mail.share.redacted")
	shown := func(s string) string { return mail.NoLinks(strings.ReplaceAll(s, Redacted, mark)) }
	var parts []string
	switch {
	case x.Ours():
		parts = append(parts, p.T("mail.share.ours"))
	case act.in.Named:
		parts = append(parts, p.T("mail.share.named", "source", mail.NoLinks(mail.Visible(x.Source.Name))))
	default:
		parts = append(parts, p.T("mail.share.unnamed"))
	}
	if act.in.Note != "" {
		parts = append(parts, shown(act.in.Note))
	}
	if x.Kind == ItemFile {
		parts = append(parts, p.T("mail.share.file", "name", shown(act.in.FileName)))
		out.Text = strings.Join(parts, "\n\n")
		return out
	}
	how := p.T("mail.share.worded")
	switch {
	case x.Ours():
		how = ""
	case act.faithful && strings.Contains(act.text, Redacted):
		how = p.T("mail.share.struck", "mark", mark)
	case act.faithful:
		how = p.T("mail.share.whole")
	}
	words := heading(p.T("mail.share.what"))
	if how != "" {
		words += "\n\n" + how
	}
	parts = append(parts, words, mail.Quote(shown(act.text)))
	out.Text = strings.Join(parts, "\n\n")
	return out
}

// bound says how far a reader may pass on what it got.
func bound(p *text.Printer, label tlp.Level) string {
	words := map[tlp.Level]string{
		tlp.Clear: p.T("mail.share.bound.clear"), tlp.Green: p.T("mail.share.bound.green"), tlp.Amber: p.T("mail.share.bound.amber"),
		tlp.AmberStrict: p.T("mail.share.bound.amber_strict"), tlp.Red: p.T("mail.share.bound.red"),
	}[label]
	return label.String() + ": " + words
}

// stopShare refuses what a person must change or look at first. Words are named to who may see them, as arguments of the fields.
func stopShare(act sharing) error {
	var plain []parcel
	naming := errs.Error{Kind: errs.Conflict, Key: "error.share.names_source", Text: "nothing was shared: it says whose it is"}
	unknown := errs.Error{Kind: errs.Conflict, Key: "error.share.unknown_file", Text: "nothing was shared: nobody has looked into the file"}
	for _, p := range act.parcels {
		plain = append(plain, parcel{Preview: p.Preview})
		if len(p.Naming) > 0 {
			naming.Fields = append(naming.Fields, errs.Field{Name: "text", Key: "error.share.names_source", Args: map[string]any{"party": p.Party.UID, "words": strings.Join(p.Naming, ", ")}})
		}
		if p.Unknown && !act.in.Looked {
			unknown.Fields = append(unknown.Fields, errs.Field{Name: "looked", Key: "error.share.unknown_file"})
		}
	}
	switch {
	case len(naming.Fields) > 0:
		return &naming
	case len(unknown.Fields) > 0:
		return &unknown
	}
	return stop(plain, act.in.Looked)
}
