package constituency

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Known is what a text could name an organisation by.
type Known struct {
	Organisation Organisation
	Contacts     []Contact
	Assets       []Asset
}

// Known gives what several organisations can be named by, in a number of statements that does not grow with them. It is for duties that
// keep one organisation's text from naming another, and have checked the objects that name both.
func (s *Service) Known(ctx context.Context, h db.Handle, organisations ...int64) (map[int64]Known, error) {
	orgs, err := s.ByID(ctx, h, organisations...)
	if err != nil || len(organisations) == 0 {
		return nil, err
	}
	out := make(map[int64]Known, len(orgs))
	for id, o := range orgs {
		out[id] = Known{Organisation: o}
	}
	contacts, err := db.List(ctx, h, db.In(new(db.Query).Add(`SELECT `+contactColumns+` FROM constituency_contact k WHERE k.organisation IN `), organisations), scanContact)
	if err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	for _, c := range contacts {
		k := out[c.Organisation]
		k.Contacts = append(k.Contacts, c)
		out[c.Organisation] = k
	}
	assets, err := db.List(ctx, h, db.In(new(db.Query).Add(`SELECT `+assetColumns+` FROM constituency_asset a WHERE a.organisation IN `), organisations), scanAsset)
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	for _, a := range assets {
		k := out[a.Organisation]
		k.Assets = append(k.Assets, a)
		out[a.Organisation] = k
	}
	return out, nil
}
