package app

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// The address for suspicious messages that another process changed is taken while this one serves: by the mail server and by the page; mail to the old
// one is refused.
func TestTheAddressOfTheLaneIsTakenWhileServing(t *testing.T) {
	onEach(t, func(h *house) {
		h.serve()
		elsewhere := func(address string) {
			h.t.Helper()
			h.must(h.DB.Write(h.t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return setting.Put(ctx, tx, 0, h.Clock.Now(), suspicion.SettingAddress, suspicion.Address{Address: address})
			}))
		}
		taken := func(address string) bool {
			return deliver(h.Config.SMTP, "a@away.example", address, head("a@away.example", address, "Fwd")+"\r\nIs it real?\r\n") == nil
		}
		const first, second = "suspicious@cert.valmora.example", "phishing@cert.valmora.example"
		if taken(first) {
			h.t.Error("an address that nobody named is taken")
		}
		elsewhere(first)
		h.eventually("the address", func() bool { return taken(first) })
		elsewhere(second)
		h.eventually("another address", func() bool { return taken(second) && !taken(first) })
		h.eventually("the page with it", func() bool {
			page := h.browser().page("/suspicious")
			return strings.Contains(page, second) && !strings.Contains(page, first)
		})
		elsewhere("")
		h.eventually("none", func() bool { return !taken(second) })
		h.eventually("the page without", func() bool { return !strings.Contains(h.browser().page("/suspicious"), second) })
		if !taken(teamAddress) {
			h.t.Error("the address for reports is gone")
		}
	})
}
