package app

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// Profile is who runs this house: a setting, written by init, changed by an administrator.
type Profile struct {
	Name      string `json:"name"`      // "CERT.EX"
	Kind      string `json:"kind"`      // "National CSIRT"
	Authority string `json:"authority"` // "National Cybersecurity Centre · Ministry of Internal Affairs"
	Phone     string `json:"phone"`
	Address   string `json:"address"`          // the intake address
	Public    string `json:"public,omitempty"` // the address for suspicious messages, until somebody changes it on its page; "" for none
	Country   string `json:"country"`
	Lang      string `json:"lang"` // in which the team writes
}

const (
	settingProfile = "team.profile"
	settingKeys    = "team.keys"
	settingSMIME   = "team.smime"
	settingVerify  = "audit.verifier"

	settingDocuments = "team.documents"
)

// ReadProfile reads the profile; a house without one was not set up yet.
func ReadProfile(ctx context.Context, h db.Handle) (Profile, error) {
	var p Profile
	if err := setting.Get(ctx, h, settingProfile, &p); err != nil {
		return p, err
	}
	if p.Address == "" {
		return p, errs.New(errs.Unavailable, "this data folder is not set up: run tocsin init")
	}
	lane := suspicion.Address{Address: p.Public}
	err := setting.Get(ctx, h, suspicion.SettingAddress, &lane)
	p.Public = lane.Address
	return p, err
}

// WriteProfileTx writes the profile.
func WriteProfileTx(ctx context.Context, tx *db.Tx, by int64, now time.Time, p Profile) error {
	return setting.Put(ctx, tx, by, now, settingProfile, p)
}

// TeamKeys are the team's certificates, newest first, as they are published: armoured, without any private part.
func TeamKeys(ctx context.Context, h db.Handle) ([]pgp.Key, error) {
	var armoured []string
	if err := setting.Get(ctx, h, settingKeys, &armoured); err != nil {
		return nil, err
	}
	var out []pgp.Key
	for _, a := range armoured {
		keys, _ := pgp.ParseKeys([]byte(a))
		out = append(out, keys...)
	}
	return out, nil
}

// TeamCertificates are the team's S/MIME certificate and those between it and the root, in DER; none when it has no S/MIME key.
func TeamCertificates(ctx context.Context, h db.Handle) ([]smime.Certificate, error) {
	var chain [][]byte
	if err := setting.Get(ctx, h, settingSMIME, &chain); err != nil {
		return nil, err
	}
	var out []smime.Certificate
	for _, der := range chain {
		c, err := smime.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// WriteTeamKeysTx publishes the team's certificates: page, WKD and mails take them from here.
func WriteTeamKeysTx(ctx context.Context, tx *db.Tx, by int64, now time.Time, keys []pgp.Key) error {
	armoured := make([]string, len(keys))
	for i, k := range keys {
		armoured[i] = string(k.Armored())
	}
	return setting.Put(ctx, tx, by, now, settingKeys, armoured)
}
