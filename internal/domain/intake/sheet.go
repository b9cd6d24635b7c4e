package intake

import (
	"bytes"
	"context"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pdf"
)

// Sheets is what the signed receipts of submissions need beside the reports: who signs, and who we are.
type Sheets struct {
	// Sign gives a CMS signature (DER) over the SHA-256 of a document: the key process. Unavailable is tried again.
	Sign func(ctx context.Context, sum [sha256.Size]byte) ([]byte, error)
	Text *text.Catalogue
	Zone *time.Location
	Team string // name of the team
	URL  string // of the public pages, without a final slash
}

// Signer is the key process as far as documents go.
type Signer interface {
	SignDocument(ctx context.Context, sum [sha256.Size]byte) ([]byte, error)
}

// Sheet is the signed receipt of a submission: a PDF that does not change.
type Sheet struct {
	Name string // of the file
	PDF  []byte
	Made time.Time
}

// ErrSheetWaits says that a receipt was asked for and is not made yet.
var ErrSheetWaits = &errs.Error{Kind: errs.Unavailable, Key: "error.sheet_waits", Text: "the signed receipt is being made: try again in a moment"}

// sheetRoom is how many bytes a signature may have: ours has some 1,200.
const sheetRoom = 4096

const sheetInfo = "tocsin intake sheet v1"

func sheetPlace(report int64, number int) string {
	return fmt.Sprintf("intake_sheet.sealed:%d:%d", report, number)
}

// askSheet notes that a submission gets a receipt. It is made by MakeSheets, outside any verb.
func (s *Service) askSheet(ctx context.Context, tx *db.Tx, by access.Actor, r *row, number int) error {
	lang := r.Lang
	if !by.Team() && by.Account != 0 && by.Lang != "" {
		lang = by.Lang
	}
	return tx.Later(ctx, `INSERT INTO intake_sheet (report, number, lang, asked_at) VALUES ($1, $2, $3, $4) ON CONFLICT (report, number, lang) DO NOTHING`, r.Ref.ID, int64(number), lang, s.Clock.Now())
}

// MakeSheets makes the receipts that wait, and gives how many. One is tried eight times, which the index of those that wait knows; one that fails hinders no other; it may run twice and does not mind.
func (s *Service) MakeSheets(ctx context.Context, how Sheets) (int, error) {
	type waiting struct{ id, report, number int64 }
	done, last := 0, int64(0)
	var failed []error
	for {
		some, err := db.All(ctx, s.DB, func(r *db.Rows) (w waiting, err error) { return w, r.Scan(&w.id, &w.report, &w.number) },
			`SELECT id, report, number FROM intake_sheet WHERE made_at IS NULL AND tries < 8 AND id > $1 ORDER BY id LIMIT 32`, last)
		if err != nil || len(some) == 0 {
			return done, errors.Join(append(failed, err)...)
		}
		for _, w := range some {
			last = w.id
			switch err := s.makeSheet(ctx, how, w.id, w.report, int(w.number)); {
			case err == nil:
				done++
			case ctx.Err() != nil:
				return done, ctx.Err()
			case errs.Is(err, errs.Unavailable) || errs.Is(err, errs.Limit):
				return done, errors.Join(append(failed, err)...) // the key process is away: all of them wait
			default:
				failed = append(failed, fmt.Errorf("receipt %d: %w", w.id, err))
				if _, err := s.DB.Exec(ctx, `UPDATE intake_sheet SET tries = tries + 1 WHERE id = $1`, w.id); err != nil {
					return done, err
				}
			}
		}
	}
}

func (s *Service) makeSheet(ctx context.Context, how Sheets, sheet, report int64, number int) error {
	r, err := s.byID(ctx, s.DB, report)
	if err != nil {
		return err
	}
	if r.Destroyed {
		_, err := s.DB.Exec(ctx, `DELETE FROM intake_sheet WHERE id = $1`, sheet)
		return err
	}
	var lang string
	var at time.Time
	if err := s.DB.QueryRow(ctx, `SELECT lang, asked_at FROM intake_sheet WHERE id = $1`, sheet).Scan(&lang, &at); err != nil {
		return err
	}
	if !how.Text.Has(text.Lang(lang)) {
		lang = string(text.EN)
	}
	d, err := s.draw(ctx, how, how.Text.For(text.Lang(lang)).In(how.Zone), &r, number, at)
	if err != nil {
		return err
	}
	unsigned, _, err := d.Unsigned(how.Team, sheetRoom)
	if err != nil {
		return err
	}
	signature, err := how.Sign(ctx, unsigned.Sum())
	if err != nil {
		return err
	}
	raw, err := unsigned.Signed(signature)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.Locked(ctx, tx, report); err != nil {
			return err
		}
		key, err := s.Ring.Get(ctx, tx, report)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(raw)
		n, err := tx.Exec(ctx, `UPDATE intake_sheet SET made_at = $2, sum = $3, sealed = $4 WHERE id = $1 AND made_at IS NULL`, sheet, s.Clock.Now(), sum[:], key.Seal(sheetPlace(report, number), raw))
		if err != nil || n == 0 {
			return err
		}
		if err := s.showSheets(ctx, tx, report); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: s.Clock.Now(), By: access.System("intake"), Verb: "intake.sheet", On: r.Ref, Owner: r.Ref.ID, Compartment: r.Compartment,
			Changes: []audit.Change{{Field: "number", To: number}, {Field: "sha256", To: fmt.Sprintf("%x", sum)}},
		})
	})
}

// showSheets seals each receipt to the codes that may open it and do not yet: those that never travelled in clear mail (rule I9), and none where what was
// handed in is withheld (rule P6).
func (s *Service) showSheets(ctx context.Context, tx *db.Tx, report int64) error {
	type missing struct {
		hash, public []byte
		number       int64
	}
	all, err := db.All(ctx, tx, func(rows *db.Rows) (m missing, err error) {
		return m, rows.Scan(&m.hash, &m.public, &m.number)
	}, `SELECT c.hash, c.public_key, x.number FROM intake_sheet x JOIN intake_code c ON c.report = x.report
		WHERE x.report = $1 AND x.made_at IS NOT NULL AND c.entire = TRUE AND x.id = (SELECT MIN(z.id) FROM intake_sheet z WHERE z.report = x.report AND z.number = x.number) AND NOT EXISTS (SELECT 1 FROM intake_sheet_shown y WHERE y.hash = c.hash AND y.number = x.number)
		ORDER BY x.number, c.hash`, report)
	if err != nil || len(all) == 0 {
		return err
	}
	r, err := s.byID(ctx, tx, report)
	if err != nil || r.withheld() {
		return err
	}
	key, err := s.Ring.Get(ctx, tx, report)
	if err != nil {
		return err
	}
	for _, m := range all {
		var kept []byte
		if err := tx.QueryRow(ctx, `SELECT sealed FROM intake_sheet WHERE report = $1 AND number = $2 ORDER BY id LIMIT 1`, report, m.number).Scan(&kept); err != nil {
			return err
		}
		raw, err := key.Open(sheetPlace(report, int(m.number)), kept)
		if err != nil {
			return err
		}
		sealed, err := sealTo(m.public, sheetInfo, raw)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO intake_sheet_shown (hash, number, sealed) VALUES ($1, $2, $3) ON CONFLICT (hash, number) DO NOTHING`, m.hash, m.number, sealed); err != nil {
			return err
		}
	}
	return nil
}

// LookSheet gives the receipt of a submission with nothing but the code: for processes without keys. What is not there, or not made yet, is errs.ErrNotFound.
func LookSheet(ctx context.Context, h db.Handle, code id.Secret, reference string, number int) (Sheet, error) {
	if !id.Valid(code.Reveal()) {
		return Sheet{}, errs.ErrNotFound
	}
	var sealed []byte
	if err := h.QueryRow(ctx, `SELECT sealed FROM intake_sheet_shown WHERE hash = $1 AND number = $2`, code.Hash(), int64(number)).Scan(&sealed); err != nil {
		return Sheet{}, err
	}
	key, err := codeKey(code)
	if err != nil {
		return Sheet{}, err
	}
	kdf, aead := statusSuite()
	raw, err := hpke.Open(key, kdf, aead, []byte(sheetInfo), sealed)
	return Sheet{Name: sheetName(reference, number, ""), PDF: raw}, err
}

// Sheet gives the receipt of a submission on a report that the actor may see, by uid or reference. Refused: NotFound, ErrSheetWaits while it is made.
func (s *Service) Sheet(ctx context.Context, by access.Actor, report string, number int) (Sheet, error) {
	return s.SheetIn(ctx, by, report, number, "")
}

// SheetIn is Sheet in a language in which it was asked for; "" gives the one that was made first.
func (s *Service) SheetIn(ctx context.Context, by access.Actor, report string, number int, lang string) (Sheet, error) {
	r, err := s.load(ctx, s.DB, by, report)
	if err != nil {
		return Sheet{}, err
	}
	if r.Withheld || r.Destroyed {
		return Sheet{}, errs.ErrNotFound
	}
	var sealed, sum []byte
	var made time.Time
	if err := s.DB.QueryRow(ctx, `SELECT sealed, sum, made_at FROM intake_sheet WHERE report = $1 AND number = $2 AND (lang = $3 OR $3 = '') ORDER BY id LIMIT 1`, r.Ref.ID, int64(number), lang).Scan(&sealed, &sum, &made); err != nil {
		return Sheet{}, err
	}
	if made.IsZero() {
		return Sheet{}, ErrSheetWaits
	}
	key, err := s.Ring.Get(ctx, s.DB, r.Ref.ID)
	if err != nil {
		return Sheet{}, err
	}
	raw, err := key.Open(sheetPlace(r.Ref.ID, number), sealed)
	if err != nil {
		return Sheet{}, err
	}
	if got := sha256.Sum256(raw); !bytes.Equal(got[:], sum) {
		return Sheet{}, errs.New(errs.Internal, "a signed receipt is not what was kept")
	}
	return Sheet{Name: sheetName(r.Reference, number, lang), PDF: raw, Made: made}, nil
}

// Sheets gives the numbers of the submissions that have a signed receipt, or will in a moment, on a report that the actor may see; 0 is of the report itself.
func (s *Service) Sheets(ctx context.Context, by access.Actor, report string) ([]int, error) {
	r, err := s.load(ctx, s.DB, by, report)
	if err != nil || r.Withheld || r.Destroyed {
		return nil, err
	}
	return s.sheets(ctx, s.DB, r.Ref.ID)
}

func (s *Service) sheets(ctx context.Context, h db.Handle, report int64) ([]int, error) {
	return db.All(ctx, h, func(r *db.Rows) (n int, err error) { return n, r.Scan(&n) }, `SELECT DISTINCT number FROM intake_sheet WHERE report = $1 AND tries < 8 ORDER BY number`, report)
}

func sheetName(reference string, number int, lang string) string {
	if number != 0 {
		reference = fmt.Sprintf("%s-%d", reference, number)
	}
	if lang != "" {
		reference += "-" + lang
	}
	return reference + ".pdf"
}

// draw writes a receipt: what was handed in as it was frozen, what stands due, who receives it, and how the paper is checked.
func (s *Service) draw(ctx context.Context, how Sheets, p *text.Printer, r *row, number int, at time.Time) (*pdf.Document, error) {
	all, err := s.submissions(ctx, s.DB, `s.report = $1`, r.Ref.ID)
	if err != nil {
		return nil, err
	}
	x := drawing{Service: s, how: how, p: p, r: r, at: at}
	if i := slices.IndexFunc(all, func(y Submission) bool { return y.Number == number }); i >= 0 {
		x.submission, x.before = &all[i], all[:i]
	} else if number != 0 {
		return nil, errs.ErrNotFound
	}
	return x.draw(ctx)
}
