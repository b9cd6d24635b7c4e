package app

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// channels are the roads by which something comes into this house, as it is configured.
func (h *House) channels() (out []string) {
	if h.Config.Mail().On() {
		out = append(out, correspondence.RoadSMTP)
	}
	if h.Config.LocalMail().On() {
		out = append(out, correspondence.RoadLMTP)
	}
	if h.Config.IMAP.Set() {
		out = append(out, correspondence.RoadIMAP)
	}
	return append(out, string(correspondence.ByForm), string(correspondence.ByAPI))
}

// came tells when something came by a channel: a mail, or a report.
func (h *House) came(ctx context.Context, x db.Handle, channel string, since time.Time) ([]time.Time, time.Time, error) {
	switch correspondence.Channel(channel) {
	case correspondence.ByForm, correspondence.ByAPI:
		return h.Intake.Came(ctx, x, correspondence.Channel(channel), since)
	}
	return h.Correspondence.Came(ctx, x, channel, since)
}

// silentEvery is how often channels are looked at.
const silentEvery = 5 * time.Minute

// pageSilent pages for each channel that is silent too long, once for each silence.
func (h *House) pageSilent(ctx context.Context, by access.Actor, now time.Time) error {
	if last := h.listened.Load(); last != 0 && now.UnixNano()-last < int64(silentEvery) {
		return nil
	}
	h.listened.Store(now.UnixNano())
	all, err := h.Duty.ChannelsNow(ctx, h.DB, by)
	if err != nil {
		return err
	}
	for _, c := range all {
		if !c.Silent(now) {
			continue
		}
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.Duty.PageTx(ctx, tx, duty.NewPage{Key: fmt.Sprintf("silent:%s:%d", c.Name, c.From().Unix()), Reason: duty.Silent})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
