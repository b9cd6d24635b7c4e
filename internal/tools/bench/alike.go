package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Two things that must not be told apart may differ in their medians by so much: less than a network between them hides.
const (
	mostApart    = 0.05
	mostApartFor = 50 * time.Microsecond
)

// pair is two kinds of the same question whose answers tell nothing (rules A5, A13, I2). What prepare gives asks it once, one way or the other, and
// says how long that took.
type pair struct {
	name, one, other string
	tries            int // of each kind
	prepare          func(ctx context.Context, w *world, tries int) (do func(ctx context.Context, other bool, n int) (time.Duration, error), end func(), err error)
}

func pairs() []pair {
	return []pair{
		{"a constituent asks for a report", "another's", "absent", 10_000, notYours},
		{"an analyst asks for an incident", "sealed", "absent", 10_000, sealedAway},
		{"a wrong password", "account", "no account", 200, wrongPassword},
		{"a form of the public page", "known text and address", "new", 400, forms},
		{"a file", "known to another thread", "new", 400, files},
	}
}

// alike asks both kinds in an order that is drawn, so that whatever else the machine does falls on both.
func (w *world) alike(p pair) func(context.Context) (string, bool, error) {
	return func(ctx context.Context) (string, bool, error) {
		if err := w.open(ctx); err != nil {
			return "", false, err
		}
		tries := p.tries
		if w.tiny {
			tries = 3
		}
		do, end, err := p.prepare(ctx, w, tries)
		if err != nil {
			return "", false, err
		}
		defer end()
		var took [2][]time.Duration
		order := make([]int, 2*tries)
		for n := range order {
			order[n] = n % 2
		}
		draw := rand.New(rand.NewPCG(w.size.Seed, uint64(tries)))
		draw.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, kind := range []int{0, 1} { // caches are warm in a house that works
			if _, err := do(ctx, kind == 1, 0); err != nil {
				return "", false, err
			}
		}
		for _, kind := range order {
			d, err := do(ctx, kind == 1, len(took[kind]))
			if err != nil {
				return "", false, err
			}
			took[kind] = append(took[kind], d)
		}
		slices.Sort(took[0])
		slices.Sort(took[1])
		one, other := took[0][tries/2], took[1][tries/2]
		apart := one - other
		share := float64(apart.Abs()) / float64(other)
		value := fmt.Sprintf("%s %s, %s %s: %s apart (%.1f %%), %d tries each", p.one, short(one), p.other, short(other), short(apart.Abs()), 100*share, tries)
		return value, share <= mostApart || apart.Abs() <= mostApartFor, nil
	}
}

// visit fetches a page that must not be found.
func (w *world) visit(ctx context.Context, path string, who *http.Cookie) (time.Duration, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, w.site.URL+path, nil)
	if err != nil {
		return 0, err
	}
	q.Host = "localhost:0"
	q.AddCookie(who)
	began := time.Now()
	a, err := w.site.Client().Do(q)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return 0, err
	}
	if a.StatusCode != http.StatusNotFound {
		return 0, fmt.Errorf("%s answers %s", path, a.Status)
	}
	return time.Since(began), nil
}

func nothing() {}

func notYours(ctx context.Context, w *world, tries int) (func(context.Context, bool, int) (time.Duration, error), func(), error) {
	by, _, err := w.house.Accounts.BySession(ctx, account.Portal, w.constituent.Value)
	if err != nil {
		return nil, nil, err
	}
	theirs, err := db.All(ctx, w.house.DB, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) },
		`SELECT uid FROM object WHERE kind = $1 AND compartment <> $2 ORDER BY id DESC LIMIT $3`, int64(ref.Report), by.Organisation, int64(tries))
	if err != nil || len(theirs) == 0 {
		return nil, nil, fmt.Errorf("%d reports of others: %w", len(theirs), err)
	}
	return func(ctx context.Context, absent bool, n int) (time.Duration, error) {
		uid := theirs[n%len(theirs)]
		if absent {
			uid = id.New()
		}
		return w.visit(ctx, "/portal/reports/"+uid, w.constituent)
	}, nothing, nil
}

// manySealed is how many cases are sealed for the comparison, and opened again after it.
const manySealed = 20

func sealedAway(ctx context.Context, w *world, _ int) (func(context.Context, bool, int) (time.Duration, error), func(), error) {
	list, err := w.house.Incidents.List(ctx, w.by, incident.Filter{State: "all", Limit: 200})
	if err != nil {
		return nil, nil, err
	}
	var sealed []incident.Incident
	for _, in := range list.Items {
		if len(sealed) == manySealed || in.Ref == w.newest.Ref || in.Ref == w.large.Ref || in.Sealed {
			continue
		}
		if in, err = w.house.Incidents.Seal(ctx, w.by, in.Number, in.Version, nil, "a comparison of times"); err != nil {
			return nil, nil, err
		}
		sealed = append(sealed, in)
	}
	end := func() {
		for _, in := range sealed {
			_, _ = w.house.Incidents.Unseal(context.WithoutCancel(ctx), w.by, in.Number, in.Version, "a comparison of times")
		}
	}
	if len(sealed) == 0 {
		return nil, nil, errors.New("no case could be sealed")
	}
	return func(ctx context.Context, absent bool, n int) (time.Duration, error) {
		number := sealed[n%len(sealed)].Number
		if absent { // of the same shape
			number = number[:strings.LastIndexByte(number, '-')+1] + fmt.Sprint(900_000+n%90_000)
		}
		return w.visit(ctx, "/desk/incidents/"+number, w.analyst)
	}, end, nil
}

func wrongPassword(ctx context.Context, w *world, tries int) (func(context.Context, bool, int) (time.Duration, error), func(), error) {
	h, names := w.house, make([]string, 1+tries/5)
	made, before := 0, h.Accounts.Hash
	h.Accounts.Hash = account.NewHasher(64<<10, 3) // as it is in a house
	for n := range names {
		names[n] = id.New() + "@bench.example"
		_, _, err := h.Accounts.Create(ctx, access.System("sample"), account.NewAccount{Email: names[n], Name: "Bench", Roles: []access.Role{access.Reporter}, Password: "correct horse " + id.New()})
		if err != nil {
			return nil, nil, err
		}
	}
	return func(ctx context.Context, unknown bool, n int) (time.Duration, error) {
		email := names[n%len(names)]
		if unknown {
			email = "x" + email
		}
		made++ // each from a place of its own: a place that tries too much is slowed
		from := account.From{Door: account.Portal, Address: netip.AddrFrom4([4]byte{10, byte(made >> 16), byte(made >> 8), byte(made)}), Device: "bench"}
		began := time.Now()
		_, err := h.Accounts.SignIn(ctx, from, account.Credentials{Email: email, Password: "wrong horse battery 7"})
		if err == nil {
			return 0, errors.New("a wrong password signs in")
		}
		return time.Since(began), nil
	}, func() { h.Accounts.Hash = before }, nil
}

func forms(ctx context.Context, w *world, _ int) (func(context.Context, bool, int) (time.Duration, error), func(), error) {
	h := w.house
	key, err := h.Intake.DropKey(ctx)
	if err != nil {
		return nil, nil, err
	}
	list, err := h.Intake.List(ctx, w.by, intake.QueueFilter{Limit: 200})
	if err != nil || len(list.Items) == 0 {
		return nil, nil, fmt.Errorf("%d reports: %w", len(list.Items), err)
	}
	do := func(ctx context.Context, fresh bool, n int) (time.Duration, error) {
		body := list.Items[n%len(list.Items)].Body
		in := intake.ReceiveInput{
			Channel: correspondence.ByForm, Lang: "en", TLP: tlp.Amber.Name(), Body: intake.Body{Summary: body.Summary, Description: body.Description, Email: "contact@bench.example"},
		}
		if fresh {
			in.Body.Summary, in.Body.Description, in.Body.Email = reversed(body.Summary), reversed(body.Description), "nobody0@bench.example"
		}
		began := time.Now()
		_, err := intake.Store(ctx, h.DB, clock.System(), key, intake.Drop{Input: in, Code: id.SecretOf(id.New())})
		return time.Since(began), err
	}
	end := func() { _, _ = h.DB.Exec(context.WithoutCancel(ctx), `DELETE FROM intake_drop`) } // nobody else's: the house is the bench's
	return do, end, nil
}

// reversed is as long and as hard to read as the text, and nobody knows it.
func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

func files(ctx context.Context, w *world, _ int) (func(context.Context, bool, int) (time.Duration, error), func(), error) {
	h := w.house
	list, err := h.Intake.List(ctx, w.by, intake.QueueFilter{Limit: 2})
	if err != nil || len(list.Items) < 2 {
		return nil, nil, fmt.Errorf("%d reports: %w", len(list.Items), err)
	}
	content := func(n int) string { return fmt.Sprintf("%d %s", n, strings.Repeat("a line of a log\n", 16<<10)) }
	store := func(ctx context.Context, thread int64, text string) (time.Duration, error) {
		began := time.Now()
		_, err := h.Correspondence.StoreFiles(ctx, thread, []correspondence.FileIn{{Name: "a.log", Type: "text/plain", Content: strings.NewReader(text)}})
		return time.Since(began), err
	}
	base := rand.IntN(1 << 40)
	do := func(ctx context.Context, fresh bool, n int) (time.Duration, error) {
		text := content(base + 2*n)
		if fresh {
			text = content(base + 2*n + 1)
		} else if _, err := store(ctx, list.Items[0].Thread, text); err != nil {
			return 0, err
		}
		return store(ctx, list.Items[1].Thread, text)
	}
	return do, nothing, nil
}
