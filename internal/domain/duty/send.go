package duty

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Sender is the way to a host: kit/fetch.
type Sender interface {
	Check(address string) error
	Post(ctx context.Context, address string, header http.Header, body []byte) (status int, answer []byte, err error)
}

// Gateway says how text messages leave: an HTTP call to a gateway. {to} and {text} in the body are replaced, written as the content type asks: JSON or a
// form. The zero Gateway is none.
type Gateway struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// On tells whether there is a gateway.
func (g Gateway) On() bool { return g.URL != "" }

// Check names what is wrong with a gateway's description.
func (g Gateway) Check() error {
	switch {
	case g.URL == "":
		return errors.New("url is missing")
	case !strings.Contains(g.Body, "{to}") || !strings.Contains(g.Body, "{text}"):
		return errors.New("body must have {to} and {text}")
	}
	if g.json() {
		if !json.Valid([]byte(g.fill("1", "x"))) {
			return errors.New("body is no JSON")
		}
	}
	return nil
}

func (g Gateway) contentType() string {
	for name, value := range g.Headers {
		if strings.EqualFold(name, "Content-Type") {
			return value
		}
	}
	return "application/json"
}

func (g Gateway) json() bool { return strings.HasPrefix(g.contentType(), "application/json") }

func (g Gateway) fill(to, text string) string {
	write := func(s string) string {
		if !g.json() {
			return url.QueryEscape(s)
		}
		raw, _ := json.Marshal(s) // a string always is JSON
		return string(raw[1 : len(raw)-1])
	}
	return strings.NewReplacer("{to}", write(to), "{text}", write(text)).Replace(g.Body)
}

// mostTries is how often one message is tried; the pauses between grow.
const mostTries = 4

// Work registers the jobs of pages.
func (s *Service) Work(r *job.Registry) {
	job.Handle(r, job.Clocks, func(ctx context.Context, _ PageJob) error { return s.Advance(ctx) })
	job.Handle(r, job.Clocks, func(ctx context.Context, _ LookJob) error { return errors.Join(s.look(ctx), s.Advance(ctx)) })
	r.Every("duty.look", 20*time.Second, job.Clocks, LookJob{})
	s.workBundle(r)
	job.Handle(r, job.Send, func(ctx context.Context, j SendJob) error { return s.send(ctx, j.Try) })
}

// look finds what pages of itself: clocks and channels, as app says.
func (s *Service) look(ctx context.Context) error {
	if s.Look == nil {
		return nil
	}
	return s.Look(ctx)
}

// send sends one try; it may run twice. What fails is tried again, and when nothing of a step reached its person the next is paged at once.
func (s *Service) send(ctx context.Context, try int64) error {
	t, err := db.One(ctx, s.DB, scanTry, `SELECT `+tryColumns+` FROM duty_try WHERE id = $1`, try)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil || t.State != Waiting {
		return err
	}
	p, err := db.One(ctx, s.DB, scanPage, `SELECT `+pageColumns+` FROM duty_page WHERE id = $1`, t.Page)
	if err != nil {
		return err
	}
	if p.State == Answered {
		return s.done(ctx, t, Failed, "answered meanwhile", false)
	}
	if WayKind(t.Kind) == ByMail {
		return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			ok, err := s.Mail(ctx, tx, t.Account, p)
			if err != nil {
				return err
			}
			if !ok {
				return s.doneTx(ctx, tx, t, Failed, "no mail address", true)
			}
			return s.doneTx(ctx, tx, t, Sent, "in the outbox", false)
		})
	}
	answer, err := s.post(ctx, p, t)
	switch {
	case err == nil:
		return s.done(ctx, t, Sent, answer, false)
	case t.Tries+1 >= mostTries:
		return s.done(ctx, t, Failed, err.Error(), true)
	}
	if _, e := s.DB.Exec(ctx, `UPDATE duty_try SET tries = tries + 1, answer = $2 WHERE id = $1`, t.ID, err.Error()); e != nil {
		return e
	}
	return job.Later(time.Duration(5<<t.Tries) * time.Second)
}

func (s *Service) done(ctx context.Context, t Try, state, answer string, next bool) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.doneTx(ctx, tx, t, state, answer, next) })
}

func (s *Service) doneTx(ctx context.Context, tx *db.Tx, t Try, state, answer string, next bool) error {
	now := s.Clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE duty_try SET state = $2, answer = $3, done_at = $4, tries = tries + 1 WHERE id = $1`, t.ID, state, answer, now); err != nil || !next {
		return err
	}
	var left int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM duty_try WHERE page = $1 AND step = $2 AND state <> $3`, t.Page, t.Step, Failed).Scan(&left); err != nil || left > 0 {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE duty_page SET next_at = $2 WHERE id = $1 AND state = $3 AND step = $4`, t.Page, now, string(Open), t.Step+1)
	if err != nil {
		return err
	}
	return s.Jobs.Insert(ctx, tx, PageJob{}, job.Options{Lane: job.Clocks})
}

// post sends by webhook or by the gateway, with a pass for exactly what leaves.
func (s *Service) post(ctx context.Context, p Page, t Try) (string, error) {
	w, err := db.One(ctx, s.DB, s.scanWay(ctx, s.DB), `SELECT id, uid, account, kind, body FROM duty_way WHERE id = $1 AND removed_at IS NULL`, t.Way)
	if errs.Is(err, errs.NotFound) {
		return "", errors.New("this way was taken away")
	}
	if err != nil {
		return "", err
	}
	who, p, err := s.marked(ctx, p, t.Account)
	if err != nil {
		return "", err
	}
	text, err := s.Words(ctx, t.Account, p)
	if err != nil {
		return "", err
	}
	now := s.Clock.Now()
	var body []byte
	to, header := w.Address, http.Header{}
	if w.Kind == BySMS {
		body, to = []byte(s.SMS.fill(w.Address, text)), s.SMS.URL
		for name, value := range s.SMS.Headers {
			header.Set(name, value)
		}
		header.Set("Content-Type", s.SMS.contentType())
	} else {
		body, err = json.Marshal(map[string]any{"type": "page." + string(p.Reason), "timestamp": now.UTC(), "data": map[string]any{"page": p.UID, "number": p.Number, "text": text, "step": t.Step + 1}})
		if err != nil {
			return "", err
		}
		header = signed(w.Secret, p.UID+"-"+strconv.FormatInt(t.ID, 10), now, body)
	}
	if err := s.pass(ctx, who, w.Address, body); err != nil {
		return "", err
	}
	status, _, err := s.Sender.Post(ctx, to, header, body)
	if err != nil {
		return "", err
	}
	if status < 200 || status > 299 {
		return "", fmt.Errorf("it answered %d", status)
	}
	return strconv.Itoa(status), nil
}

// signed gives the headers of Standard Webhooks: who has the secret knows that we sent it, when, and that nothing of it changed.
func signed(secret, uid string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(uid + "." + stamp + "."))
	m.Write(body)
	return http.Header{
		"Content-Type": {"application/json"}, "Webhook-Id": {uid}, "Webhook-Timestamp": {stamp},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))},
	}
}

// pass asks whether the page may leave, and uses the answer up.
func (s *Service) pass(ctx context.Context, who access.Object, reader string, body []byte) error {
	sum := sha256.Sum256(body)
	ask := egress.Ask{Object: who, TLP: who.TLP, Compartment: who.Compartment, Reader: reader, Channel: egress.Pager, Automatic: true}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		made, err := s.Egress.PassTx(ctx, tx, ask, sum[:])
		if err != nil {
			return err
		}
		used, err := s.Egress.Use(ctx, tx, made.ID(), ask, sum[:])
		if err != nil {
			return err
		}
		return used.Allows(egress.Pager, reader, sum[:])
	})
}

// marked gives the account that is paged with the marks of what the page is about, and the page without its number when that is sealed by now.
func (s *Service) marked(ctx context.Context, p Page, account int64) (access.Object, Page, error) {
	var who access.Object
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if who, err = access.Locked(ctx, tx, account); err != nil || p.Object == 0 {
			return err
		}
		about, err := access.Locked(ctx, tx, p.Object)
		who.Exercise = who.Exercise || about.Exercise
		if about.Sealed {
			p.Number = ""
		}
		return err
	})
	return who, p, err
}
