package mailroom

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Verify checks the signatures of kept mail again when a key of its sender was approved (rule P3): some of it, and the rest in the next job.
// Only what that key signed has a new verdict.
func (m *Room) Verify(ctx context.Context, args constituency.ApprovedJob) error {
	k, contact, err := m.Constituency.ApprovedKey(ctx, m.DB, args.Key)
	if errs.Is(err, errs.NotFound) {
		return nil // it is trusted no more
	}
	if err != nil {
		return err
	}
	mails, last, err := m.Correspondence.SignedBy(ctx, m.DB, contact.Email, args.After)
	if err != nil {
		return err
	}
	verdicts := map[int64]correspondence.Again{}
	for message, arrival := range mails {
		v, ok, err := m.verdict(ctx, arrival, k)
		if err != nil {
			return err
		}
		if ok {
			verdicts[message] = v
		}
	}
	return m.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for message, v := range verdicts {
			if err := m.Correspondence.AgainTx(ctx, tx, by(), message, v); err != nil {
				return err
			}
		}
		if last == 0 {
			return nil
		}
		return m.Constituency.Jobs.Insert(ctx, tx, constituency.ApprovedJob{Key: args.Key, After: last}, job.Options{})
	})
}

// verdict reads one mail again; false when the key did not sign it.
func (m *Room) verdict(ctx context.Context, arrival int64, k constituency.Key) (v correspondence.Again, ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			ok, err = false, nil // a mail that breaks the reader keeps the verdict that it has
		}
	}()
	a, err := m.Correspondence.OpenArrival(ctx, m.DB, arrival)
	if errs.Is(err, errs.NotFound) {
		return v, false, nil // destroyed
	}
	if err != nil {
		return v, false, err
	}
	l, who, err := m.unwrap(ctx, a)
	if err != nil {
		return v, false, err
	}
	for _, sig := range l.sealed.Signatures {
		ok = ok || sig.Key == k.Fingerprint
	}
	if !ok {
		return v, false, nil
	}
	v = correspondence.Again{Key: k.Fingerprint, Proof: correspondence.Claimed}
	var s sender
	switch bad := s.signed(l, who); {
	case s.signature != nil:
		v.Proof, v.Signature = correspondence.SignedByKey, s.signature
	case bad:
		v.Proof, v.Reasons = correspondence.Forged, s.reasons
	default:
		v.Reasons = s.reasons
	}
	return v, true, nil
}
