package auth

import (
	"context"
	"runtime"
	"strings"
	"testing"
)

// A field of very many lines costs what its bytes cost, not their square.
func TestAFieldOfVeryManyLines(t *testing.T) {
	const signed = "DKIM-Signature: v=1; a=rsa-sha256; d=test.example; s=s; h=from; bh=eA==; b=eA==\r\n"
	ck := Checker{Resolver: Zone{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := ck.Check(context.Background(), []byte(signed+"From: a@test.example\r\nX-Long: x\r\n"+strings.Repeat(" x\r\n", 200_000)+"\r\nx\r\n"), Envelope{})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 300<<20 {
		t.Errorf("%d MiB for one of 1 MiB", n>>20)
	}
	if len(r.DKIM) != 1 || r.DKIM[0].OK {
		t.Errorf("%+v", r.DKIM)
	}
	if n := unfolding([]byte("To: a\r\n" + strings.Repeat(" reader-of-ours@organisation.example,\r\n", 5000) + "\r\n")); n > mostUnfolding {
		t.Errorf("a letter to 5000 costs %d", n)
	}
}
