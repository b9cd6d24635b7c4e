package registration_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Each field refuses what it cannot hold, all at once, and a flood of hostile text is kept as text.
func TestEachFieldHoldsItsOwn(t *testing.T) {
	t.Parallel()
	annexes, err := scope.Load()
	if err != nil {
		t.Fatal(err)
	}
	hostile := "a\u202egnp.exe"
	for part := 1; part <= registration.Parts; part++ {
		for _, q := range registration.Ask(annexes, typed(), part) {
			for _, v := range []string{hostile, "\x00", strings.Repeat("x", 5000), "\xff"} {
				if _, err := registration.Read(annexes, typed(q.Code, v), 0); len(errs.Fields(err)) == 0 || errs.Fields(err)[0].Name != q.Code {
					t.Errorf("%s took %.20q: %v", q.Code, v, err)
				}
			}
			_, err := registration.Read(annexes, typed(q.Code, ""), part)
			if got := len(errs.Fields(err)) > 0; got != q.Required {
				t.Errorf("%s left empty: %v", q.Code, err)
			}
		}
	}
	for code, v := range map[string]string{
		"staff": "-1", "turnover": "NaN", "balance": "1e99", "security_email": "Ines <a@b.example>", "admin_email": "a@b.example, c@d.example", "states": "PT\nXX", "networks": "0.0.0.0/0",
		"kind": "food", "specials": "all", "security_phone": "call me", "duty_email": `"x"@b.example`, "management_email": "a@-b.example", "admin_name": strings.Repeat("x", 121), "signer": "a\u200fb",
	} {
		if _, err := registration.Read(annexes, typed(code, v), 0); len(errs.Fields(err)) == 0 {
			t.Errorf("%s took %q", code, v)
		}
	}
	said, err := registration.Read(annexes, typed("trade", "<b>\"'{{", "specials", "sole\ncritical"), 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := registration.Read(annexes, said.Boxes(), 0)
	if err != nil || again.Trade != said.Trade || again.Turnover != said.Turnover || !slices.Equal(again.Networks, said.Networks) || !slices.Equal(again.Specials, said.Specials) {
		t.Errorf("typed again it is %+v, %v", again, err)
	}
}
