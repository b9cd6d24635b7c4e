package duty

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Bundle is what a team needs when Tocsin does not answer. Of what is RED or sealed it has the number alone.
type Bundle struct {
	Team     string            `json:"team"`
	MadeAt   time.Time         `json:"made_at"`
	Zone     string            `json:"zone"`
	Lang     string            `json:"lang"`
	Words    map[string]string `json:"words"` // of the page, in the team's language
	Roster   []BundleShift     `json:"roster"`
	Contacts []BundleContact   `json:"contacts"`
	Keys     []BundleKey       `json:"keys"`
	Cases    []BundleCase      `json:"cases"`
	Clocks   []BundleClock     `json:"clocks"`
	More     []string          `json:"more"` // the titles of what there was more of than the bundle holds
}

// The parts of a bundle.
type (
	BundleShift struct {
		From  string `json:"from"`
		Till  string `json:"till"`
		Who   string `json:"who"`
		Email string `json:"email,omitempty"`
	}
	BundleContact struct {
		Organisation string   `json:"organisation"`
		Name         string   `json:"name"`
		Role         string   `json:"role"`
		Email        string   `json:"email,omitempty"`
		Numbers      []string `json:"numbers"`
	}
	BundleKey struct {
		Owner       string `json:"owner"`
		Fingerprint string `json:"fingerprint"`
		Armored     string `json:"armored,omitempty"`
	}
	BundleCase struct {
		Number   string `json:"number"`
		Title    string `json:"title,omitempty"`
		State    string `json:"state,omitempty"`
		Severity string `json:"severity,omitempty"`
	}
	BundleClock struct {
		Number string `json:"number"`
		What   string `json:"what"`
		OwedBy string `json:"owed_by"`
		Due    string `json:"due"`
	}
)

// Iterations of PBKDF2 with SHA-256: as OWASP asks (Password Storage Cheat Sheet, 600,000), with some to spare.
const Iterations = 1_000_000

//go:embed bundle.html
var bundlePage string

//go:embed bundle.js
var bundleScript string

// Seal writes a bundle as one page that opens in a browser without Tocsin: its content is encrypted with the passphrase (PBKDF2-SHA-256, AES-256-GCM), and
// nothing but the words of the door can be read without it.
func (b Bundle) Seal(passphrase string) ([]byte, error) {
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	salt, nonce := make([]byte, 16), make([]byte, 12)
	_, _ = rand.Read(salt)
	_, _ = rand.Read(nonce)
	key, err := pbkdf2.Key(sha256.New, passphrase, salt, Iterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	e := base64.StdEncoding.EncodeToString
	sum := sha256.Sum256([]byte(bundleScript))
	return []byte(strings.NewReplacer(
		"{{lang}}", html.EscapeString(b.Lang), "{{title}}", html.EscapeString(b.Words["title"]), "{{ask}}", html.EscapeString(b.Words["ask"]), "{{open}}", html.EscapeString(b.Words["open"]),
		"{{wrong}}", html.EscapeString(b.Words["wrong"]), "{{old}}", html.EscapeString(b.Words["old"]), "{{salt}}", e(salt), "{{nonce}}", e(nonce), "{{rounds}}", fmt.Sprint(Iterations),
		"{{sealed}}", e(gcm.Seal(nil, nonce, raw, nil)), "{{hash}}", e(sum[:]), "{{script}}", bundleScript,
	).Replace(bundlePage)), nil
}

// Keeping says where bundles are written and how many of them stay.
type Keeping struct {
	Places []string `json:"places"` // folders
	Last   int      `json:"last"`
	Sealed string   `json:"sealed"` // the passphrase, sealed by the house; "" writes none
}

const settingBundle = "duty.bundle"

const (
	leastPassphrase = 16
	mostPlaces      = 5
	usualLast       = 48
)

const passphrasePlace = "setting_value.value:duty.bundle"

// Keeping gives how bundles are kept; the passphrase stays sealed. The actor needs access.KeepBundle.
func (s *Service) Keeping(ctx context.Context, h db.Handle, by access.Actor) (Keeping, error) {
	if err := by.Need(access.KeepBundle); err != nil {
		return Keeping{}, err
	}
	return s.keeping(ctx, h)
}

func (s *Service) keeping(ctx context.Context, h db.Handle) (Keeping, error) {
	k := Keeping{Last: usualLast}
	return k, setting.Get(ctx, h, settingBundle, &k)
}

// Keep sets where bundles are written, how many stay, and their passphrase; an empty one leaves what is set. Places must be within the folders that the
// operator names. The actor needs access.KeepBundle and a fresh proof. Refused: Invalid with all problems.
func (s *Service) Keep(ctx context.Context, by access.Actor, places []string, last int, passphrase string) error {
	if err := by.Need(access.KeepBundle); err != nil {
		return err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return err
	}
	var p errs.Problems
	var clean []string
	for _, x := range places {
		if x = strings.TrimSpace(x); x == "" {
			continue
		}
		if x = filepath.Clean(x); !s.mayWrite(x) {
			p.Add("places", "error.bundle.place")
			break
		}
		clean = append(clean, x)
	}
	if len(clean) > mostPlaces {
		p.Add("places", "error.too_many", "most", mostPlaces)
	}
	if last < 2 || last > 1000 {
		p.Add("last", "error.bundle.last")
	}
	if passphrase != "" && (!utf8.ValidString(passphrase) || utf8.RuneCountInString(passphrase) < leastPassphrase) {
		p.Add("passphrase", "error.bundle.passphrase")
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		k, err := s.keeping(ctx, tx)
		if err != nil {
			return err
		}
		if k.Sealed == "" && passphrase == "" && len(clean) > 0 {
			p = slices.Clone(p)
			p.Add("passphrase", "error.bundle.passphrase")
		}
		if err := p.Err(); err != nil {
			return err
		}
		k.Places, k.Last = clean, last
		if passphrase != "" {
			key, err := s.Ring.House(ctx, tx, s.Clock.Now())
			if err != nil {
				return err
			}
			k.Sealed = base64.StdEncoding.EncodeToString(key.Seal(passphrasePlace, []byte(passphrase)))
		}
		if err := setting.Put(ctx, tx, by.Account, s.Clock.Now(), settingBundle, k); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.keep_bundle", audit.Change{Field: "places", To: len(clean)}, audit.Change{Field: "passphrase", To: passphrase != ""})
	})
}

// mayWrite tells whether a folder is one of those that the operator names, or lies in one.
func (s *Service) mayWrite(folder string) bool {
	return filepath.IsAbs(folder) && slices.ContainsFunc(s.Folders, func(f string) bool {
		rel, err := filepath.Rel(f, folder)
		return err == nil && filepath.IsLocal(rel)
	})
}

// Written is one writing of a bundle.
type Written struct {
	Place, Name, Problem string
	At                   time.Time
	Size                 int64
}

// BundleJob asks for a bundle.
type BundleJob struct{}

// Kind names the job.
func (BundleJob) Kind() string { return "duty.bundle" }

// WriteBundle writes a bundle to every place, and takes all but the last of each away. It gives what was written where; nothing when no passphrase or no
// place is set. A place that fails hinders no other. The actor needs access.KeepBundle, or is the house itself.
func (s *Service) WriteBundle(ctx context.Context, by access.Actor) ([]Written, error) {
	if by.System == "" {
		if err := by.Need(access.KeepBundle); err != nil {
			return nil, err
		}
	}
	k, err := s.keeping(ctx, s.DB)
	if err != nil || k.Sealed == "" || len(k.Places) == 0 {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(k.Sealed)
	if err != nil {
		return nil, err
	}
	key, err := s.Ring.Get(ctx, s.DB, 0)
	if err != nil {
		return nil, err
	}
	passphrase, err := key.Open(passphrasePlace, sealed)
	if err != nil {
		return nil, err
	}
	b, err := s.Gather(ctx)
	if err != nil {
		return nil, fmt.Errorf("gather bundle: %w", err)
	}
	page, err := b.Seal(string(passphrase))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(page)
	var out []Written
	for _, place := range k.Places {
		w := Written{Place: place, Name: "tocsin-" + s.Clock.Now().UTC().Format("20060102T150405Z") + ".html", At: s.Clock.Now(), Size: int64(len(page))}
		if !s.mayWrite(place) {
			w.Problem = "this folder is not one of those that the operator names"
		} else if err := writeWhole(filepath.Join(place, w.Name), page); err != nil {
			w.Problem = problemOf(err)
		} else if err := removeBut(place, k.Last); err != nil {
			w.Problem = problemOf(err)
		}
		out = append(out, w)
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, w := range out {
			if _, err := tx.Exec(ctx, `INSERT INTO duty_bundle (uid, place, name, made_at, made_by, size, sum, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
				id.New(), w.Place, w.Name, w.At, by.Account, w.Size, sum[:], w.Problem); err != nil {
				return err
			}
			if err := s.record(ctx, tx, by, "duty.write_bundle", audit.Change{Field: "name", To: w.Name}, audit.Change{Field: "sum", To: fmt.Sprintf("%x", sum)}, audit.Change{Field: "problem", To: w.Problem}); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM duty_bundle WHERE made_at < $1`, s.Clock.Now().Add(-BundlesFor))
		return err
	})
	return out, err
}

// BundlesFor is how long a writing is listed; the record tells it for ever.
const BundlesFor = 90 * 24 * time.Hour

// Bundles gives the newest writings. The actor needs ReadCases.
func (s *Service) Bundles(ctx context.Context, h db.Handle, by access.Actor, limit int) ([]Written, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	return db.All(ctx, h, func(r *db.Rows) (w Written, err error) {
		return w, r.Scan(&w.Place, &w.Name, &w.At, &w.Size, &w.Problem)
	},
		`SELECT place, name, made_at, size, problem FROM duty_bundle ORDER BY made_at DESC, id DESC LIMIT $1`, min(max(limit, 1), 200))
}

// problemOf says what is wrong with a folder without its path.
func problemOf(err error) string {
	var p *os.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Op + ": " + p.Err.Error()
	case errors.As(err, &l):
		return l.Op + ": " + l.Err.Error()
	}
	return err.Error()
}

// writeWhole lets a file appear whole or not at all.
func writeWhole(file string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".tocsin-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o640), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

var bundleName = regexp.MustCompile(`^tocsin-\d{8}T\d{6}Z\.html$`)

// removeBut takes all bundles of a folder away but the last; other files are nobody's business here.
func removeBut(folder string, last int) error {
	all, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range all {
		if f.Type().IsRegular() && bundleName.MatchString(f.Name()) {
			names = append(names, f.Name())
		}
	}
	slices.Sort(names)
	for len(names) > last {
		if err := os.Remove(filepath.Join(folder, names[0])); err != nil {
			return err
		}
		names = names[1:]
	}
	return nil
}

// workBundle registers the hourly writing.
func (s *Service) workBundle(r *job.Registry) {
	job.Handle(r, job.House, func(ctx context.Context, _ BundleJob) error {
		_, err := s.WriteBundle(ctx, access.System("clocks"))
		return err
	})
	r.Every("duty.bundle", time.Hour, job.House, BundleJob{})
}
