package app

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
)

// Demonstration is what demo.json says.
type Demonstration struct {
	HTTP          string            `json:"http"`
	SMTP          string            `json:"smtp"`
	IntakeAddress string            `json:"intake_address"`
	Suspicious    string            `json:"suspicious_address"`
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
	cast, err := h.PlayCountry(ctx)
	if err != nil {
		return out, err
	}
	keys, err := TeamKeys(ctx, h.DB)
	if err != nil {
		return out, err
	}
	out.IntakeAddress, out.Suspicious = h.Profile.Address, h.Profile.Public
	out.TeamKey = filepath.Join(h.Config.Data, "team-public-key.asc")
	if err := os.WriteFile(out.TeamKey, keys[0].Armored(), 0o644); err != nil { //nolint:gosec // a public key
		return out, err
	}
	for _, p := range cast.People {
		out.People = append(out.People, DemoPerson{Role: p.Role, Email: p.Email, Password: p.Password})
	}
	out.Tokens = cast.Tokens
	return out, nil
}
