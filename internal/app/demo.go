package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// Demonstration is what demo.json says.
type Demonstration struct {
	HTTP          string            `json:"http"`
	SMTP          string            `json:"smtp"`
	IntakeAddress string            `json:"intake_address"`
	TeamKey       string            `json:"team_key"`
	People        []DemoPerson      `json:"people"`
	Tokens        map[string]string `json:"tokens"`
}

// DemoPerson is somebody as whom the demonstration can be played.
type DemoPerson struct {
	Role     string `json:"role"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Demo fills an empty house with the invented country, or reads what was filled before.
func Demo(ctx context.Context, h *House) (Demonstration, error) {
	file := filepath.Join(h.Config.Data, "demo.json")
	var out Demonstration
	if b, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(b, &out); err == nil {
			return out, nil
		}
	}
	team := country.New().Team
	secret, err := keyd.Generate(team.Name, []string{team.Intake}, h.Clock.Now())
	if err != nil {
		return out, err
	}
	ring, err := keyd.NewRing(secret)
	if err != nil {
		return out, err
	}
	p := Profile{Name: team.Name, Kind: "National CSIRT", Authority: team.Authority["en"], Phone: team.Phone, Address: team.Intake, Country: "XV", Lang: "en"}
	if err := h.Setup(ctx, p, ring); err != nil {
		return out, err
	}
	out.IntakeAddress = team.Intake
	out.TeamKey = filepath.Join(h.Config.Data, "team-public-key.asc")
	if err := os.WriteFile(out.TeamKey, secret.Public().Armored(), 0o644); err != nil { //nolint:gosec // a public key
		return out, err
	}
	for _, r := range []access.Role{access.Lead, access.Duty, access.Analyst, access.Admin} {
		x := DemoPerson{Role: string(r), Email: string(r) + "@" + "cert.valmora.example", Password: rand.Text()}
		_, _, err := h.Accounts.Create(ctx, access.System("sample"), account.NewAccount{Email: x.Email, Name: string(r), Roles: []access.Role{r}, Password: x.Password})
		if err != nil {
			return out, err
		}
		out.People = append(out.People, x)
	}
	return out, nil
}
