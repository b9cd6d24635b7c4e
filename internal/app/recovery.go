package app

import (
	"context"
	"strings"

	"filippo.io/age"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const settingRecovery = "backup.recovery"

// RootKeyFiles are the two files that seal everything and are in no backup: that of the house and that of the key process.
func RootKeyFiles(c conf.Config) (house, team string) { return c.RootKeyFile(), keysRootFile(c) }

// ParseRecovery reads age recipients (age1…, age1pq1…), to whom backups are encrypted (rule K9).
func ParseRecovery(list []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, text := range list {
		r, err := age.ParseRecipients(strings.NewReader(text + "\n"))
		if err != nil || len(r) != 1 {
			return nil, errs.New(errs.Invalid, "a recovery recipient is not of the form age1…")
		}
		out = append(out, r...)
	}
	return out, nil
}

// SetRecovery names the recipients of backups.
func (h *House) SetRecovery(ctx context.Context, by access.Actor, recipients []string) error {
	if err := by.Need(access.ManageAccounts); err != nil {
		return err
	}
	if _, err := ParseRecovery(recipients); err != nil {
		return err
	}
	now := h.Clock.Now()
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := setting.Put(ctx, tx, by.Account, now, settingRecovery, recipients); err != nil {
			return err
		}
		err := h.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "team.recovery", Changes: []audit.Change{{Field: "recipients", To: strings.Join(recipients, " ")}}})
		return err
	})
}

// Recovery gives the recipients of backups.
func (h *House) Recovery(ctx context.Context) ([]string, error) {
	var list []string
	err := setting.Get(ctx, h.DB, settingRecovery, &list)
	if err == nil && len(list) == 0 {
		err = errs.New(errs.Unavailable, "no recovery recipient is named: backups could be read by nobody")
	}
	return list, err
}
