package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// TestAdministratorReadsNoCases holds rule I11 in the record: the administrator sees that something was done, not what.
func TestAdministratorReadsNoCases(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	ctx := context.Background()
	s := h.asked()
	title := "A secret title"
	_, err := h.as("analyst").EditIncident(ctx, s.incident, client.IncidentChange{Title: &title})
	if client.Is(err, 412) {
		var read client.Incident
		read, err = h.as("analyst").Incident(ctx, s.incident.ID)
		h.must(err)
		_, err = h.as("analyst").EditIncident(ctx, read, client.IncidentChange{Title: &title})
	}
	h.must(err)
	if a := h.raw("admin", "GET", "/api/v1/audit?limit=500", ""); a.status != 200 || strings.Contains(a.body, title) || !strings.Contains(a.body, "incident.edit") {
		t.Errorf("the administrator reads %d %s", a.status, a.body)
	}
	if a := h.raw("auditor", "GET", "/api/v1/audit?limit=500", ""); !strings.Contains(a.body, title) {
		t.Error("the auditor does not read the change")
	}
}

// TestMail reads a mail back byte for byte, and what was made of it. A constituent has the original of its own mail, not the parts.
func TestMail(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		raw := "From: Sec <sec@one.example>\r\nTo: report@cert.example\r\nSubject: Help\r\nSubject: Help twice\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWe were hit.\xff\r\n--b\r\nContent-Type: application/x-msdownload; name=\"a.exe\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nTVo=\r\n--b--\r\n"
		h.must(h.deps.Correspondence.Arrive(ctx, []correspondence.Arrival{{From: "sec@one.example", To: []string{"report@cert.example"}, ReceivedAt: h.Clock.Now(), Raw: []byte(raw)}}))
		var arrival int64
		h.must(h.DB.QueryRow(ctx, `SELECT MAX(object) FROM correspondence_arrival`).Scan(&arrival))
		c, err := h.deps.Constituency.ContactByEmail(ctx, h.DB, "sec@one.example")
		h.must(err)
		got, err := h.deps.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{
			Channel: correspondence.ByMail, Lang: "en", Proof: correspondence.Aligned, Organisation: h.one.Ref.ID, Contact: c.ID, Arrival: arrival, NoReceipt: true,
			Body: intake.Body{Summary: "Help", Description: "We were hit.", Email: "sec@one.example"},
		})
		h.must(err)
		for _, role := range []string{"analyst", "constituent"} {
			a, err := h.as(role).Original(ctx, got.Report.UID)
			h.must(err)
			sum := sha256.Sum256([]byte(raw))
			if string(a.Body) != raw || a.Header.Get("Content-Type") != "message/rfc822" || a.Header.Get("X-Content-SHA256") != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: original %q %v", role, a.Body, a.Header)
			}
		}
		var parts struct {
			Proof     string
			Ambiguous bool
			Oddities  []struct{ Kind, Detail string }
			Parts     []struct {
				Parent      int
				ContentType string `json:"content_type"`
				Name, Text  string
				SHA256      string
			}
		}
		_, err = h.as("analyst").Do(ctx, "GET", "/reports/"+got.Report.UID+"/parts", nil, &parts)
		h.must(err)
		sum := sha256.Sum256([]byte("MZ"))
		if parts.Proof != "aligned" || !parts.Ambiguous || len(parts.Parts) != 3 || parts.Parts[0].Parent != -1 || parts.Parts[2].Name != "a.exe" ||
			parts.Parts[2].SHA256 != hex.EncodeToString(sum[:]) || !strings.HasPrefix(parts.Parts[1].Text, "We were hit.") {
			t.Errorf("parts %+v", parts)
		}
		if a := h.raw("constituent", "GET", "/api/v1/reports/"+got.Report.UID+"/parts", ""); a.status != 403 {
			t.Errorf("parts for a constituent: %d", a.status)
		}
	})
}

// TestNoOracle holds rule P6: a report that came encrypted from who did not sign it inside is withheld from its own organisation, also here.
func TestNoOracle(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	ctx := context.Background()
	c, err := h.deps.Constituency.ContactByEmail(ctx, h.DB, "sec@one.example")
	h.must(err)
	for _, x := range []struct {
		seal     correspondence.Seal
		proof    correspondence.Proof
		withheld bool
	}{
		{correspondence.Encrypted, correspondence.Aligned, true},
		{correspondence.SignedEncrypted, correspondence.Aligned, true},
		{correspondence.SignedEncrypted, correspondence.SignedByKey, false},
		{correspondence.Plain, correspondence.Aligned, false},
	} {
		got, err := h.deps.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{
			Channel: correspondence.ByMail, Lang: "en", Proof: x.proof, Seal: x.seal, Organisation: h.one.Ref.ID, Contact: c.ID, NoReceipt: true,
			Original: []byte("ciphertext"), Body: intake.Body{Summary: "CANARY", Description: "CANARY too"},
		})
		h.must(err)
		for _, p := range []string{"", "/messages", "/submissions"} {
			a := h.raw("constituent", "GET", "/api/v1/reports/"+got.Report.UID+p, "")
			if strings.Contains(a.body, "CANARY") == x.withheld || strings.Contains(a.body, `"withheld":true`) != x.withheld {
				t.Errorf("%s %d%s: %s", x.seal, x.proof, p, a.body)
			}
			if a := h.raw("analyst", "GET", "/api/v1/reports/"+got.Report.UID+p, ""); !strings.Contains(a.body, "CANARY") {
				t.Errorf("the team does not read %s", p)
			}
		}
	}
}
