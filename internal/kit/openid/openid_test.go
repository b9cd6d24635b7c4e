package openid_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid/openidtest"
)

// Who presses the button and hangs up leaves no failure that the next one meets; what a provider publishes is asked for once.
func TestHangingUp(t *testing.T) {
	i := openidtest.New(t, time.Now)
	c := openid.New(openidtest.Reach(), time.Now)
	p := openid.Provider{Issuer: i.URL, ClientID: openidtest.Client}
	gone, stop := context.WithCancel(t.Context())
	stop()
	_, _ = c.Address(gone, p, openid.Going{})
	if _, err := c.Address(t.Context(), p, openid.Going{}); err != nil || len(i.Asked) != 1 {
		t.Errorf("asked %v: %v", i.Asked, err)
	}
}
