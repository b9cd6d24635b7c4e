package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
)

// Receipt is a signed receipt that is there, or will be in a moment.
type Receipt struct {
	Number int    `json:"number" doc:"of the submission; 0 for the report itself"`
	Lang   string `json:"lang"`
}

// AskedReceipt is a receipt that is asked for in another language.
type AskedReceipt struct {
	Number int    `json:"number,omitempty"`
	Lang   string `json:"lang" doc:"en, pt, fr, nl or de"`
}

// ReceiptRef names a receipt.
type ReceiptRef struct {
	Ref
	Number int    `path:"number" minimum:"0"`
	Lang   string `query:"lang" doc:"in which it was asked for; left out, the one that was made first"`
}

// AskReceiptInput is the input of POST /reports/{ref}/receipts.
type AskReceiptInput struct {
	Ref
	With[AskedReceipt]
}

// seenReport notes who reads of a report what is recorded.
func (a *API) seenReport(ctx context.Context, by access.Actor, name string) error {
	r, err := a.Intake.Get(ctx, a.Intake.DB, by, name)
	if err == nil {
		err = a.Watch.Read(ctx, by, r.Object)
	}
	return err
}

func (a *API) receipts(ctx context.Context, by access.Actor, in *Ref) (reply[List[Receipt]], error) {
	if err := a.seenReport(ctx, by, in.Ref); err != nil {
		return reply[List[Receipt]]{}, err
	}
	all, err := a.Intake.SheetLines(ctx, by, in.Ref)
	out := List[Receipt]{Items: []Receipt{}}
	for _, x := range all {
		out.Items = append(out.Items, Receipt{x.Number, x.Lang})
	}
	return reply[List[Receipt]]{body: out}, err
}

func (a *API) askReceipt(ctx context.Context, by access.Actor, in *AskReceiptInput) (reply[Receipt], error) {
	x := in.Body.Value
	err := a.Intake.AskSheet(ctx, by, in.Ref.Ref, x.Number, x.Lang)
	return reply[Receipt]{body: Receipt(x)}, err
}

func (a *API) receipt(ctx context.Context, by access.Actor, in *ReceiptRef) (content, error) {
	if err := a.seenReport(ctx, by, in.Ref.Ref); err != nil {
		return content{}, err
	}
	s, err := a.Intake.SheetIn(ctx, by, in.Ref.Ref, in.Number, in.Lang)
	if err != nil {
		return content{}, err
	}
	sum := sha256.Sum256(s.PDF)
	return content{open: io.NopCloser(bytes.NewReader(s.PDF)), media: "application/octet-stream", name: s.Name, sha256: sum[:]}, nil
}
