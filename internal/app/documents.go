package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// documentKeys are the certificates with which documents are and were signed, the newest first, and the list of them that the team's OpenPGP key signs.
type documentKeys struct {
	Certificates [][]byte `json:"certificates"` // DER
	Signed       string   `json:"signed,omitempty"`
	Plain        string   `json:"plain,omitempty"`
	Key          string   `json:"key,omitempty"` // fingerprint of the OpenPGP certificate that vouches
}

// writeDocumentsTx publishes the certificates. Those that were published stay: what they signed is checked for years.
func writeDocumentsTx(ctx context.Context, tx *db.Tx, now time.Time, certs [][]byte) error {
	var kept documentKeys
	if err := setting.Get(ctx, tx, settingDocuments, &kept); err != nil {
		return err
	}
	all := slices.Clone(certs)
	for _, c := range kept.Certificates {
		if !slices.ContainsFunc(all, func(d []byte) bool { return bytes.Equal(c, d) }) {
			all = append(all, c)
		}
	}
	kept.Certificates = all
	return setting.Put(ctx, tx, 0, now, settingDocuments, kept)
}

// documentList gives the signed list of certificates, "" before it was signed.
func documentList(ctx context.Context, h db.Handle) (string, error) {
	var kept documentKeys
	err := setting.Get(ctx, h, settingDocuments, &kept)
	return kept.Signed, err
}

// listOf writes the certificates for people and for programs: what each is, and the certificate itself.
func listOf(team string, certs [][]byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Certificates with which %s signs documents (PDF), the newest first.\n", team)
	for _, raw := range certs {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			continue
		}
		sum := sha256.Sum256(raw)
		fmt.Fprintf(&b, "\nSHA-256: %s\nFrom %s to %s\n%s", strings.ToUpper(hex.EncodeToString(sum[:])), c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly),
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	}
	return b.String()
}

// signDocumentList signs the list when it is missing or has changed.
func (h *House) signDocumentList(ctx context.Context, agent pgp.Agent) error {
	var kept documentKeys
	if err := setting.Get(ctx, h.DB, settingDocuments, &kept); err != nil || len(kept.Certificates) == 0 {
		return err
	}
	keys, err := TeamKeys(ctx, h.DB)
	if err != nil || len(keys) == 0 {
		return err
	}
	plain := listOf(h.Profile.Name, kept.Certificates)
	if kept.Plain == plain && kept.Key == keys[0].Fingerprint() {
		return nil
	}
	signed, err := pgp.ClearSign(ctx, []byte(plain), agent, pgp.Publication)
	if err != nil {
		h.Log.Warn("the list of document keys could not be signed", "error", err)
		return nil
	}
	now := h.Clock.Now()
	got, err := pgp.Open(ctx, pgp.Input{Entity: append([]byte("\n"), signed...), Keys: keys[:1], Now: now, Date: now})
	if err != nil || got.Good() == nil {
		return errNotOurs
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var again documentKeys
		if err := setting.Get(ctx, tx, settingDocuments, &again); err != nil {
			return err
		}
		again.Signed, again.Plain, again.Key = string(signed), plain, keys[0].Fingerprint()
		return setting.Put(ctx, tx, 0, now, settingDocuments, again)
	})
}

// sheetJob asks for the signed receipts that wait.
type sheetJob struct{}

func (sheetJob) Kind() string { return "intake.sheets" }

// makeSheets registers the making of signed receipts by the key process.
func (h *House) makeSheets(agent pgp.Agent) {
	signer, ok := agent.(intake.Signer)
	if !ok {
		return
	}
	how := intake.Sheets{Sign: signer.SignDocument, Text: h.Text, Zone: h.Config.Location(), Team: h.Profile.Name, URL: h.publicURL()}
	job.Handle(h.Registry, job.House, func(ctx context.Context, _ sheetJob) error {
		_, err := h.Intake.MakeSheets(ctx, how)
		return err
	})
	h.Registry.Every("intake.sheets", time.Second, job.House, sheetJob{})
}
