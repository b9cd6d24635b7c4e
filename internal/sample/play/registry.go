package play

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// register enters the entitlements, the organisations and the peers with their contacts and assets.
func (p *player) register(ctx context.Context) error {
	for _, c := range p.country.Communities {
		var rows []constituency.Entitlement
		ground := map[string]string{}
		for _, e := range constituency.DefaultEntitlements() {
			if e.Community == c {
				ground[e.Service] = e.Ground
			}
		}
		for _, e := range p.country.Entitlements {
			if e.Community == c {
				rows = append(rows, constituency.Entitlement{Community: c, Service: e.Service, Level: e.Level, FirstAnswer: e.FirstAnswer, Priority: e.Priority, Ground: ground[e.Service]})
			}
		}
		if err := p.Constituency.SetEntitlements(ctx, sample(), c, rows); err != nil {
			return fmt.Errorf("community %s: %w", c, err)
		}
	}
	for _, o := range p.country.Organisations {
		if err := p.registerOne(ctx, o); err != nil {
			return fmt.Errorf("organisation %s: %w", o.Key, err)
		}
	}
	for _, x := range p.country.Peers {
		o := country.Organisation{Key: x.Key, Name: x.Name, Lang: x.Lang, Contacts: []country.Contact{{Name: x.Contact, Role: "security", Email: x.Email, Phone: x.Phone, Lang: x.Lang, OnCall: true}}}
		if err := p.registerOne(ctx, o); err != nil {
			return fmt.Errorf("peer %s: %w", x.Key, err)
		}
	}
	return nil
}

// registeredAtOnce is how many organisations of a list are registered in one transaction.
const registeredAtOnce = 25

func (p *player) registerOne(ctx context.Context, o country.Organisation) error {
	err := p.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return p.registerTx(ctx, tx, o) })
	if err != nil || o.Liaison == "" {
		return err
	}
	return p.Constituency.SetLiaison(ctx, sample(), p.orgs[o.Key].UID, constituency.Liaison{Kind: constituency.LiaisonKind(o.Liaison), Basis: "Cybersecurity Act of Valmora, Art. 21"})
}

// registerTx enters an organisation with its contacts and assets, all verified and proved.
func (p *player) registerTx(ctx context.Context, tx *db.Tx, o country.Organisation) error {
	made, err := p.Constituency.CreateTx(ctx, tx, sample(), constituency.NewOrganisation{
		Name: o.Name, Sector: o.Sector, Class: o.Class, Criticality: o.Criticality, Size: o.Size, Lang: o.Lang, Parent: p.orgs[o.Parent].UID, Communities: o.Communities,
	})
	if err != nil {
		return err
	}
	p.orgs[o.Key] = made
	for i, c := range o.Contacts {
		x, err := p.Constituency.AddContactTx(ctx, tx, sample(), made.UID, constituency.NewContact{
			Name: c.Name, Role: c.Role, Email: c.Email, Phone: c.Phone, Lang: c.Lang, OnCall: c.OnCall,
		})
		if err != nil {
			return fmt.Errorf("contact %s: %w", c.Name, err)
		}
		how := "called the switchboard of " + o.Name // a contact without an address is known by its telephone
		if c.Email != "" && i > 0 {
			how = "named by " + o.Contacts[0].Name
		}
		if x, err = p.Constituency.VerifyContactTx(ctx, tx, sample(), x.UID, how); err != nil {
			return err
		}
		if c.Email != "" {
			p.contacts[c.Email] = x
		}
	}
	for _, a := range o.Assets {
		x, err := p.Constituency.AddAssetTx(ctx, tx, sample(), made.UID, constituency.NewAsset{Kind: a.Kind, Value: a.Value})
		if err != nil {
			return fmt.Errorf("asset %s: %w", a.Value, err)
		}
		how := map[string]string{"prefix": "registry of addresses", "asn": "registry of addresses", "domain": "record at the domain"}[a.Kind]
		if _, err := p.Constituency.ProveAssetTx(ctx, tx, sample(), x.UID, how); err != nil {
			return err
		}
	}
	return nil
}

// makeKeys begins to make the OpenPGP keys of the contacts that have one, as many at once as there are processors, and gives who waits for them.
func (p *player) makeKeys() (wait func() error) {
	type made struct {
		email  string
		secret *keyd.Secret
		err    error
	}
	var jobs []country.Contact
	for _, o := range p.country.Organisations {
		for _, c := range o.Contacts {
			if c.Key && c.Email != "" {
				jobs = append(jobs, c)
			}
		}
	}
	at := p.Clock.Now()
	results := make([]made, len(jobs))
	next := make(chan int, len(jobs))
	for i := range jobs {
		next <- i
	}
	close(next)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := range next {
				s, err := keyd.Generate(jobs[i].Name, []string{jobs[i].Email}, at)
				results[i] = made{jobs[i].Email, s, err}
			}
		})
	}
	return func() error {
		group.Wait()
		for _, r := range results {
			if r.err != nil {
				return fmt.Errorf("make key: %w", r.err)
			}
			p.secrets[r.email] = r.secret
		}
		return nil
	}
}

// approveKeys hands the keys in and approves them.
func (p *player) approveKeys(ctx context.Context, wait func() error) error {
	if err := wait(); err != nil {
		return err
	}
	for _, email := range p.keyed() {
		c, k := p.contacts[email], p.secrets[email].Public()
		if err := p.Constituency.OfferKey(ctx, sample(), c.UID, k.Binary(), k.Fingerprint(), k.Expires(), "portal"); err != nil {
			return err
		}
		offered, err := p.Constituency.AllKeys(ctx, p.DB, c.ID)
		if err != nil {
			return err
		}
		if _, err := p.Constituency.ApproveKey(ctx, sample(), offered[0].UID, "fingerprint read on the telephone"); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) keyed() []string {
	var out []string
	for email := range p.secrets {
		out = append(out, email)
	}
	slices.Sort(out)
	return out
}

// played are the constituents whose secret keys a person may take to write as them.
var played = []string{"rui.tavares@aguasdovale.example", "sofia.meireles@hospitalsaobraz.example"}

// exportKeys writes secret keys; the passphrase of each is the password of its owner.
func (p *player) exportKeys() error {
	if p.Keys == "" {
		return nil
	}
	if err := os.MkdirAll(p.Keys, 0o700); err != nil {
		return err
	}
	for _, x := range p.cast.People {
		s, ok := p.secrets[x.Email]
		if !ok || !slices.Contains(played, x.Email) {
			continue
		}
		armoured, err := s.Export([]byte(x.Password))
		if err != nil {
			return err
		}
		file := filepath.Join(p.Keys, x.Email+".asc")
		if err := os.WriteFile(file, armoured, 0o600); err != nil {
			return err
		}
		p.cast.Keys = append(p.cast.Keys, file)
	}
	return nil
}
