package fill

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// organisation is what incidents and reports need to know of one.
type organisation struct {
	id      int64
	name    string
	contact constituency.Contact
	lang    string
}

// enter makes the handlers and the organisations by the verbs.
func (f *filler) enter(ctx context.Context) error {
	by := access.System("sample")
	for _, x := range country.New().People {
		if x.Role != "analyst" && x.Role != "duty" {
			continue
		}
		a, _, err := f.Accounts.Create(ctx, by, account.NewAccount{Email: "load." + x.Email, Name: x.Name, Lang: x.Lang, Roles: []access.Role{access.Role(x.Role)}})
		if err != nil {
			return err
		}
		f.handlers[x.Key] = access.Actor{Account: a.ID, Name: a.Name, Roles: []access.Role{access.Analyst}, Origin: access.ByPage, Strength: access.TwoFactor, Lang: "en"}
	}
	var all []country.Organisation
	for o := range country.Organisations(f.size.Organisations, f.size.Seed) {
		all = append(all, o)
	}
	f.orgs = make([]organisation, len(all))
	return f.batches(ctx, "organisations", len(all), func(ctx context.Context, tx *db.Tx, indexes []int) error {
		for _, i := range indexes {
			o := all[i]
			made, err := f.Constituency.CreateTx(ctx, tx, by, constituency.NewOrganisation{
				Name: o.Name, External: o.Key, Sector: o.Sector, Class: o.Class, Criticality: o.Criticality, Size: o.Size, Lang: o.Lang, Communities: o.Communities,
			})
			if err != nil {
				return err
			}
			f.orgs[i] = organisation{id: made.Ref.ID, name: made.Name, lang: made.Lang}
			for j, c := range o.Contacts {
				x, err := f.Constituency.AddContactTx(ctx, tx, by, made.UID, constituency.NewContact{
					Name: c.Name, Role: c.Role, Email: c.Email, Phone: c.Phone, Lang: c.Lang, OnCall: c.OnCall,
				})
				if err != nil {
					return err
				}
				if j == 0 {
					f.orgs[i].contact = x
				}
			}
			for _, a := range o.Assets {
				if _, err := f.Constituency.AddAssetTx(ctx, tx, by, made.UID, constituency.NewAsset{Kind: a.Kind, Value: a.Value}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
