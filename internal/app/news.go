package app

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// newsOf says what a letter that left is to the people of its reader's organisation. Receipts and notices are none: who caused a receipt knows.
var newsOf = map[correspondence.Kind]account.News{
	correspondence.Ask: account.Asked, correspondence.Reminder: account.Asked, correspondence.Letter: account.Written, correspondence.Closing: account.Stands,
	correspondence.Share: account.Written, correspondence.Recall: account.Written,
}

// tellNews tells people of an organisation of what has just left for it, each as it chose (rule O9: no content, no number).
func (h *House) tellNews(ctx context.Context, tx *db.Tx, m correspondence.Message) error {
	kind, ok := newsOf[m.Kind]
	if !ok {
		return nil
	}
	list, err := h.Accounts.NewsTx(ctx, tx, m.Thread, kind)
	if err != nil {
		return err
	}
	return h.tellEach(ctx, tx, list)
}

func (h *House) tellEach(ctx context.Context, tx *db.Tx, list []account.Account) error {
	for _, a := range list {
		told, err := h.Correspondence.NewsTx(ctx, tx, correspondence.Colleague{Account: a.ID, Name: a.Name, Email: a.Email, Lang: a.Lang}, a.Organisation)
		if err == nil && told {
			err = h.Accounts.ToldTx(ctx, tx, a.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tellDay writes the letters of the day.
func (h *House) tellDay(ctx context.Context) error {
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err := h.Accounts.NewsOfTheDay(ctx, tx, h.Config.Location())
		if err != nil {
			return err
		}
		return h.tellEach(ctx, tx, list)
	})
}
