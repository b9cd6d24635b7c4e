package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/confine"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// CheckpointPurpose is the label from which the key of audit checkpoints is derived.
const CheckpointPurpose = "audit checkpoint/v1"

// Doctor looks at what Ready does not: set-up, keys, clocks, and says what to do.
func (h *House) Doctor(ctx context.Context) []Check {
	var out []Check
	add := func(name string, ok bool, note string) { out = append(out, Check{name, ok, note}) }
	_, err := ReadProfile(ctx, h.DB)
	add("set up", err == nil, why(err))
	_, err = keyring.ReadRoot(h.Config.RootKeyFile())
	add("root key", err == nil, why(err))
	if _, err := os.Stat(keysFile(h.Config)); err == nil {
		err = keyring.CheckRoot(keysRootFile(h.Config)) // this process must not know it
		add("key process", err == nil, why(err))
	} else {
		add("key process", true, "the private keys are not on this machine")
	}
	keys, err := TeamKeys(ctx, h.DB)
	switch {
	case err != nil || len(keys) == 0:
		add("OpenPGP key", false, "the team has no key: run tocsin init")
	default:
		left := keys[0].EncryptUntil().Sub(h.Clock.Now())
		text := "encrypts until " + keys[0].EncryptUntil().Format(time.DateOnly)
		if left < 60*24*time.Hour {
			text += ": run tocsin key renew"
		}
		add("OpenPGP key", left >= 60*24*time.Hour, text)
	}
	open, err := confine.Check(ctx)
	add("foreign files", err == nil && len(open) == 0, apart(open, err))
	ok, text := h.lastBackup(ctx)
	add("backup", ok, text)
	if h.Config.IMAP.Set() {
		ok, text := h.mailboxWell(ctx)
		add("mailbox", ok, text)
	}
	if h.Config.Relay.Set() {
		add("relay", true, h.Config.Relay.String())
	} else {
		add("relay", true, "none: mail stays in the outbox and in "+OutboxFolder(h.Config))
	}
	return out
}

// apart says whether what parses complex foreign files is held (kit/confine).
func apart(open []string, err error) string {
	switch {
	case err != nil:
		return "pictures, archives and winmail.dat stay closed: " + err.Error() + "; the kernel or the unit must allow seccomp"
	case len(open) > 0:
		return "their parsers are not held on this system, they could " + strings.Join(open, ", ")
	}
	return "parsed in processes of their own without network and files"
}

func why(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// lastBackup says when the last backup was made. One that is a month old needs mending; a house without any is new, or backed up otherwise.
func (h *House) lastBackup(ctx context.Context) (bool, string) {
	var at time.Time
	if err := setting.Get(ctx, h.DB, settingBackup, &at); err != nil {
		return false, why(err)
	}
	if at.IsZero() {
		return true, "none yet: run tocsin backup, and put its file elsewhere"
	}
	return h.Clock.Now().Sub(at) < 30*24*time.Hour, "last begun on " + at.Format(time.DateOnly)
}

// mailboxTroubles says what to do about each trouble of a mailbox.
var mailboxTroubles = map[string]string{
	"unreachable": "its server does not answer: look at TOCSIN_IMAP and the network",
	"refused":     "its server turns us away before the sign-in",
	"no_tls":      "its server offers no TLS that verifies: look at the name in TOCSIN_IMAP, or name its certificate in TOCSIN_IMAP_CA",
	"no_password": "its password file cannot be read",
	"no_login":    "its server takes no password",
	"login":       "its server does not take the password",
	"no_mailbox":  "there is no such mailbox",
	"no_folder":   "fetched mail cannot be moved: look at TOCSIN_IMAP_THEN",
	"storing":     "fetched mail cannot be stored here: look at disk and database; nothing is lost, it stays there",
	"lost":        "the connection was lost",
}

// silentAfter is how long nobody may have looked into the mailbox before something is wrong.
const silentAfter = 15 * time.Minute

func (h *House) mailboxWell(ctx context.Context) (bool, string) {
	c, err := h.Config.Mailbox()
	if err != nil {
		return false, why(err)
	}
	m, err := h.Correspondence.Mailbox(ctx, mailboxName(c))
	switch {
	case errs.Is(err, errs.NotFound):
		return true, "never looked at yet: does a process with role mail run?"
	case err != nil:
		return false, why(err)
	case m.Problem != "":
		return false, mailboxTroubles[m.Problem] + ", since " + m.Since.UTC().Format(time.RFC3339)
	case h.Clock.Now().Sub(m.LookedAt) > silentAfter:
		return false, "last looked at " + m.LookedAt.UTC().Format(time.RFC3339) + ": does a process with role mail run?"
	case m.TooLarge > 0:
		return false, fmt.Sprintf("%d mails above 50 MiB stay there: a person has to read them there", m.TooLarge)
	}
	return true, "last looked at " + m.LookedAt.UTC().Format(time.RFC3339)
}
