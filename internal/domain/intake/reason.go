package intake

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Reason is why a report is rejected, in the words of the team. {name}, {reference} and {pointer} in a letter stand for the reporter's name, the reference, and to
// whom the table of entitlements points.
type Reason struct {
	Code    string            `json:"code"`
	Spam    bool              `json:"spam,omitempty"`    // what is alike comes under suspicion (Sieve)
	Off     bool              `json:"off,omitempty"`     // not offered any more
	Names   map[string]string `json:"names,omitempty"`   // by language
	Letters map[string]Words  `json:"letters,omitempty"` // by language; none tells the reporter nothing
}

// Shipped are the codes that the program brings; a team changes their words and leaves them out of use, their meaning stays.
var Shipped = []string{"spam", "out_of_scope", "duplicate", "no_incident", "test", NotEntitled, "other"}

// NotEntitled is the code of who is not entitled to what they ask of us: its letter points to who helps, as the table of entitlements says.
const NotEntitled = "not_entitled"

// SpamReason is the code under which the lane of probable spam is emptied.
const SpamReason = "spam"

const (
	settingReasons = "intake.reasons"
	maxReasons     = 30
	maxLetter      = 10_000
)

// VerbReasons is the verb of the record under which the reasons change.
const VerbReasons = "intake.reasons"

var reasonCode = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Reasons gives the reasons for which a report is rejected, with the words of the team, or ours where it has none.
func (s *Service) Reasons(ctx context.Context, h db.Handle) ([]Reason, error) {
	var own []Reason
	if err := setting.Get(ctx, h, settingReasons, &own); err != nil {
		return nil, err
	}
	for _, code := range Shipped {
		if !slices.ContainsFunc(own, func(r Reason) bool { return r.Code == code }) {
			own = append(own, Reason{Code: code, Spam: code == SpamReason})
		}
	}
	for i := range own {
		s.fillReason(&own[i])
	}
	return own, nil
}

// fillReason gives a reason of ours the words it has no own for.
func (s *Service) fillReason(r *Reason) {
	if !slices.Contains(Shipped, r.Code) {
		return
	}
	names, letters := map[string]string{}, map[string]Words{}
	for _, l := range text.Langs() {
		p := s.Correspondence.Text.For(l)
		names[string(l)] = p.T("desk.reason." + r.Code)
		if key := reasonLetters[r.Code]; key != "" && r.Letters == nil {
			letters[string(l)] = Words{Subject: p.T("mail.reject.subject", "reference", "{reference}"), Text: p.T(key, "name", "{name}", "reference", "{reference}", "pointer", "{pointer}")}
		}
	}
	for l, own := range r.Names {
		names[l] = own
	}
	r.Names = names
	if r.Letters == nil {
		r.Letters = letters
	}
}

var reasonLetters = map[string]string{
	"out_of_scope": "mail.reject.out_of_scope", "duplicate": "mail.reject.duplicate", "no_incident": "mail.reject.no_incident", "test": "mail.reject.test", NotEntitled: "mail.reject.not_entitled",
}

// Name gives what a reason is called in a language.
func (r Reason) Name(lang string) string {
	for _, l := range []string{lang, "en"} {
		if r.Names[l] != "" {
			return r.Names[l]
		}
	}
	return r.Code
}

// ReasonByCode finds a reason; what was removed since is known by its code.
func ReasonByCode(all []Reason, code string) Reason {
	if i := slices.IndexFunc(all, func(r Reason) bool { return r.Code == code }); i >= 0 {
		return all[i]
	}
	return Reason{Code: code}
}

// SetReasons changes the reasons: the whole list, in its order. The actor needs access.ChangeRules. Those that the program brings stay in it, if need be out of
// use; one that counts as spam stays in use.
func (s *Service) SetReasons(ctx context.Context, by access.Actor, list []Reason) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	if err := checkReasons(list); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := s.Clock.Now()
		var codes []string
		for _, r := range list {
			codes = append(codes, r.Code)
		}
		if err := setting.Put(ctx, tx, by.Account, now, settingReasons, list); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: VerbReasons, Data: map[string]any{"reasons": codes}})
	})
}

func checkReasons(list []Reason) error {
	var p errs.Problems
	if len(list) == 0 || len(list) > maxReasons {
		p.Add("reasons", "error.too_many", "most", maxReasons)
	}
	seen := map[string]bool{Routine: true, "new": true}
	spam := false
	for _, r := range list {
		at := "reasons." + r.Code
		if !reasonCode.MatchString(r.Code) || seen[r.Code] {
			p.Add("code", "error.reason.code")
			continue
		}
		seen[r.Code] = true
		spam = spam || r.Spam && !r.Off
		if !slices.Contains(Shipped, r.Code) && strings.TrimSpace(r.Names["en"]) == "" {
			p.Add(at+".name", "error.required")
		}
		for l, name := range r.Names {
			if !slices.Contains(text.Langs(), text.Lang(l)) || utf8.RuneCountInString(name) > MaxShort || !clean(name) {
				p.Add(at+".name", "error.too_long", "most", MaxShort)
			}
		}
		for l, w := range r.Letters {
			if !slices.Contains(text.Langs(), text.Lang(l)) || utf8.RuneCountInString(w.Text) > maxLetter || utf8.RuneCountInString(w.Subject) > MaxSummary || !clean(w.Subject+w.Text) {
				p.Add(at+".letter", "error.too_long", "most", maxLetter)
			}
			if (strings.TrimSpace(w.Text) == "") != (strings.TrimSpace(w.Subject) == "") {
				p.Add(at+".letter", "error.reason.letter")
			}
		}
		if len(r.Letters) > 0 && strings.TrimSpace(r.Letters["en"].Text) == "" {
			p.Add(at+".letter", "error.reason.english")
		}
	}
	if !spam {
		p.Add("spam", "error.reason.spam")
	}
	return p.Err()
}

func clean(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
