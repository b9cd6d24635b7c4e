package api

import (
	"context"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) sharing() {
	on(a, "GET /incidents/{ref}/shares", a.shares)
	on(a, "POST /incidents/{ref}/shares", a.share)
	on(a, "POST /incidents/{ref}/shares/preview", a.previewShare)
	on(a, "POST /shares/{id}/withdraw", a.withdrawShare)
	on(a, "GET /shared", a.sharedWithUs)
	on(a, "GET /reach", a.reach)
	on(a, "POST /reach", a.sayReach)
}

// SharedItem names what is shared.
type SharedItem struct {
	Kind    string `json:"kind" enum:"message,entry,file"`
	Message string `json:"message,omitempty" doc:"Of a message, or of the one that a file came with"`
	Entry   string `json:"entry,omitempty" doc:"Of the timeline"`
	File    string `json:"file,omitempty"`
}

// NewShare is one item of an incident as it is to be shared, and with whom.
type NewShare struct {
	SharedItem
	Parties  []string `json:"parties"`
	Text     string   `json:"text,omitempty" doc:"Our text of it; [redacted] stands where something is struck out. Not of a file"`
	Strike   []string `json:"strike,omitempty" doc:"Words to strike out of the text"`
	FileName string   `json:"file_name,omitempty"`
	Note     string   `json:"note,omitempty" doc:"What we say in front"`
	TLP      string   `json:"tlp,omitempty" doc:"That of the item when left out; never below it"`
	Named    bool     `json:"named,omitempty" doc:"Say whose it is: refused unless its source lets us"`
	Looked   bool     `json:"looked,omitempty" doc:"A person looked at what it names of others, or into the file"`
}

// ShareInput is the input of POST /incidents/{ref}/shares and its preview.
type ShareInput struct {
	Ref
	With[NewShare]
}

func (in NewShare) input() (coordination.ShareInput, error) {
	l, err := label(in.TLP)
	x := coordination.ShareInput{
		Item:    coordination.Item{Kind: coordination.ItemKind(in.Kind), ID: in.Message, File: in.File},
		Readers: in.Parties, Text: in.Text, Strike: in.Strike, FileName: in.FileName, Note: in.Note, TLP: l, Named: in.Named, Looked: in.Looked,
	}
	if x.Kind == coordination.ItemEntry {
		x.ID = in.Entry
	}
	return x, err
}

// SharePreview is exactly what one reader would get.
type SharePreview struct {
	Party      string   `json:"party_id"`
	Name       string   `json:"name"`
	Lang       string   `json:"lang"`
	TLP        string   `json:"tlp"`
	Road       string   `json:"road" enum:"encrypted,signed,locked,notice,direct,refused"`
	RoadReason string   `json:"road_reason,omitempty"`
	Subject    string   `json:"subject"`
	Mail       string   `json:"mail" doc:"As it leaves by this road"`
	Page       string   `json:"page" doc:"As the portal shows it"`
	Naming     []string `json:"naming" doc:"Words that say whose it is: it does not leave with them"`
	Others     []string `json:"others" doc:"Words of other parties: a person looks at them first"`
	Unread     bool     `json:"unread_file,omitempty" doc:"A file that Tocsin cannot read whole: a person looks into it first"`
}

func (a *API) previewShare(ctx context.Context, by access.Actor, in *ShareInput) (reply[List[SharePreview]], error) {
	x, err := in.Body.Value.input()
	if err == nil {
		err = a.seen(ctx, by, in.Ref.Ref)
	}
	if err != nil {
		return reply[List[SharePreview]]{}, err
	}
	all, err := a.Coordination.PreviewShare(ctx, by, in.Ref.Ref, x)
	return reply[List[SharePreview]]{body: list(mapped(all, func(p coordination.SharePreview) SharePreview {
		return SharePreview{
			Party: p.Party.UID, Name: p.Party.Name, Lang: p.Lang, TLP: p.TLP.String(), Road: p.Road.Road.String(), RoadReason: p.Road.Reason, Subject: p.Subject, Mail: p.Text, Page: p.Letter,
			Naming: append([]string{}, p.Naming...), Others: append([]string{}, p.Hits...), Unread: p.Unknown,
		}
	}), "")}, err
}

// Share is one item that was shared. It is the team's.
type Share struct {
	ID       string        `json:"id"`
	Item     SharedItem    `json:"item"`
	Source   string        `json:"source_party_id,omitempty" doc:"Left out for what is our own"`
	Named    bool          `json:"named"`
	At       time.Time     `json:"at"`
	By       string        `json:"by"`
	TLP      string        `json:"tlp" doc:"Of the item"`
	Text     string        `json:"text,omitempty" doc:"As it was shared"`
	FileName string        `json:"file_name,omitempty"`
	Beyond   bool          `json:"beyond,omitempty" doc:"Its source has narrowed its word since: it would not be shared now"`
	Readers  []ShareReader `json:"readers"`
}

// ShareReader is with whom, and where the copy stands.
type ShareReader struct {
	Party       string    `json:"party_id"`
	Name        string    `json:"name"`
	TLP         string    `json:"tlp"`
	State       string    `json:"state"`
	SentAt      time.Time `json:"sent_at,omitzero"`
	SeenAt      time.Time `json:"seen_at,omitzero"`
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero"`
}

func shareView(parties map[int64]coordination.Party) func(coordination.Share) Share {
	return func(x coordination.Share) Share {
		v := Share{
			ID: x.UID, Item: SharedItem{Kind: string(x.Item.Kind), Message: x.Item.ID, File: x.Item.File}, Source: parties[x.Source].UID, Named: x.Named, At: x.At, By: x.ByName, TLP: x.Label.String(),
			Text: x.Text, FileName: x.FileName, Beyond: x.Beyond,
		}
		if x.Item.Kind == coordination.ItemEntry {
			v.Item.Message, v.Item.Entry = "", x.Item.ID
		}
		v.Readers = mapped(x.Readers, func(r coordination.Shared) ShareReader {
			return ShareReader{Party: r.Party.UID, Name: r.Party.Name, TLP: r.TLP.String(), State: string(r.State), SentAt: r.SentAt, SeenAt: r.SeenAt, WithdrawnAt: r.WithdrawnAt}
		})
		return v
	}
}

// sources gives the parties whose items were shared.
func (a *API) sources(ctx context.Context, by access.Actor, all ...coordination.Share) (map[int64]coordination.Party, error) {
	var ids []int64
	for _, x := range all {
		if x.Source != 0 {
			ids = append(ids, x.Source)
		}
	}
	return a.Coordination.PartiesByID(ctx, a.Intake.DB, by, ids...)
}

func (a *API) share(ctx context.Context, by access.Actor, in *ShareInput) (reply[Share], error) {
	x, err := in.Body.Value.input()
	if err == nil {
		err = a.seen(ctx, by, in.Ref.Ref)
	}
	if err != nil {
		return reply[Share]{}, err
	}
	got, err := a.Coordination.Share(ctx, by, in.Ref.Ref, x)
	if err != nil {
		return reply[Share]{}, err
	}
	parties, err := a.sources(ctx, by, got)
	return reply[Share]{body: shareView(parties)(got)}, err
}

func (a *API) shares(ctx context.Context, by access.Actor, in *Ref) (reply[List[Share]], error) {
	if err := a.seen(ctx, by, in.Ref); err != nil {
		return reply[List[Share]]{}, err
	}
	all, err := a.Coordination.Shares(ctx, by, in.Ref)
	if err != nil {
		return reply[List[Share]]{}, err
	}
	parties, err := a.sources(ctx, by, all...)
	return reply[List[Share]]{body: list(mapped(all, shareView(parties)), "")}, err
}

// WithdrawShare takes back what was shared.
type WithdrawShare struct {
	Party  string `json:"party,omitempty" doc:"From this reader alone; from all when left out"`
	Reason string `json:"reason" doc:"Stays with the team"`
}

// WithdrawShareInput is the input of POST /shares/{id}/withdraw.
type WithdrawShareInput struct {
	ID
	With[WithdrawShare]
}

// ShareWithdrawn says how many of the readers could not be told by letter: they are called.
type ShareWithdrawn struct {
	Untold int `json:"untold"`
}

func (a *API) withdrawShare(ctx context.Context, by access.Actor, in *WithdrawShareInput) (reply[ShareWithdrawn], error) {
	untold, err := a.Coordination.WithdrawShare(ctx, by, in.ID.ID, in.Body.Value.Party, in.Body.Value.Reason)
	return reply[ShareWithdrawn]{body: ShareWithdrawn{untold}}, err
}

// SharedWithUs is something that was shared with the reader's organisation.
type SharedWithUs struct {
	ID          string    `json:"id"`
	Reference   string    `json:"reference" doc:"Of the matter"`
	At          time.Time `json:"at"`
	TLP         string    `json:"tlp" doc:"Binds the reader"`
	Subject     string    `json:"subject,omitempty"`
	Text        string    `json:"text,omitempty" doc:"Left out once it was withdrawn"`
	Files       []File    `json:"files"`
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero" doc:"Delete the copies that you hold"`
}

func (a *API) sharedWithUs(ctx context.Context, by access.Actor, in *Page) (reply[List[SharedWithUs]], error) {
	none, most := reply[List[SharedWithUs]]{}, in.Limit
	if most == 0 {
		most = 50
	}
	var before time.Time
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 36, 64)
		if err != nil {
			return none, errs.New(errs.Invalid, "this page mark is not one of ours: start from the first page")
		}
		before = time.UnixMicro(n)
	}
	all, err := a.Correspondence.SharedWith(ctx, by, before, most+1)
	if err != nil {
		return none, err
	}
	next := ""
	if len(all) > most {
		all = all[:most]
		next = strconv.FormatInt(all[most-1].SentAt.UnixMicro(), 36)
	}
	var ids []int64
	for _, m := range all {
		ids = append(ids, m.Thread)
	}
	threads, err := a.Correspondence.Threads(ctx, a.Intake.DB, ids...)
	return reply[List[SharedWithUs]]{body: list(mapped(all, func(m correspondence.Message) SharedWithUs {
		v := messageView(by, m)
		return SharedWithUs{ID: m.UID, Reference: threads[m.Thread].Reference, At: m.SentAt, TLP: v.TLP, Subject: v.Subject, Text: v.Text, Files: v.Files, WithdrawnAt: m.WithdrawnAt}
	}), next)}, err
}

// Reach is how far what an organisation tells us may go.
type Reach struct {
	Reach  string    `json:"reach,omitempty" enum:"team,anonymous,named,label" doc:"Left out when nothing was said: as far as the label allows, without the name"`
	SaidAt time.Time `json:"said_at,omitzero"`
	Phone  bool      `json:"by_telephone,omitempty" doc:"One of the team took it down"`
}

func (a *API) reach(ctx context.Context, by access.Actor, _ *struct{}) (reply[Reach], error) {
	w, err := a.Correspondence.StandingWord(ctx, a.Intake.DB, by.Organisation)
	return reply[Reach]{body: Reach{Reach: w.Reach.String(), SaidAt: w.At, Phone: w.Channel == correspondence.ByPhone}}, err
}

// NewReach says how far what somebody told us may go: of one report, request or party, or of all that an organisation tells us when none is named.
type NewReach struct {
	Reach        string `json:"reach,omitempty" enum:"team,anonymous,named,label" doc:"Takes the word back when left out"`
	Report       string `json:"report,omitempty" doc:"Reference or id"`
	Request      string `json:"request,omitempty"`
	Party        string `json:"party,omitempty" doc:"For the team"`
	Organisation string `json:"organisation,omitempty" doc:"For the team, of all that it tells us"`
	Message      string `json:"message,omitempty" doc:"Of this matter, one message"`
}

func reachOf(s string) (correspondence.Reach, error) {
	r, ok := correspondence.ParseReach(s)
	var p errs.Problems
	if !ok {
		p.Add("reach", "error.choose")
	}
	return r, p.Err()
}

func (a *API) sayReach(ctx context.Context, by access.Actor, in *With[NewReach]) (reply[Reach], error) {
	b, none := in.Body.Value, reply[Reach]{}
	r, err := reachOf(b.Reach)
	if err != nil {
		return none, err
	}
	thread, err := a.matter(ctx, by, b)
	if err != nil {
		return none, err
	}
	say := correspondence.Saying{Organisation: b.Organisation, Message: b.Message, Reach: r}
	if thread != 0 {
		o, err := access.Load(ctx, a.Intake.DB, by, ref.Ref{Kind: ref.Thread, ID: thread})
		if err != nil {
			return none, err
		}
		say.Thread, say.Organisation = o.UID, ""
	}
	if err := a.Coordination.SayReach(ctx, by, say); err != nil {
		return none, err
	}
	return reply[Reach]{body: Reach{Reach: r.String(), SaidAt: a.Clock.Now(), Phone: by.Can(access.WorkCases)}}, nil
}

// matter gives the thread that a word is about, 0 for all.
func (a *API) matter(ctx context.Context, by access.Actor, b NewReach) (int64, error) {
	switch {
	case b.Report != "":
		r, err := a.Intake.Get(ctx, a.Intake.DB, by, b.Report)
		return r.Thread, err
	case b.Request != "":
		r, err := a.Coordination.RequestOf(ctx, by, b.Request)
		if err != nil {
			return 0, err
		}
		found, err := a.Coordination.PartiesByID(ctx, a.Intake.DB, by, r.Party)
		return found[r.Party].Thread, err
	case b.Party != "":
		p, err := a.Coordination.PartyOf(ctx, a.Intake.DB, by, b.Party)
		return p.Thread, err
	}
	return 0, nil
}
