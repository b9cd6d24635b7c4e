package portal

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const activityPath = peoplePath + "/activity"

// deeds are the verbs of the record that an organisation reads of its own people and keys. What is not here is not shown: see TestDeedsHaveWords.
var deeds = []string{
	"intake.receive", "intake.add", "intake.submit", "intake.ask_sheet", "intake.vouch_answer", "intake.forward_confirmed", "intake.share_words",
	"coordination.answer", "coordination.move", "coordination.hear", "correspondence.reach", "constituency.offer_key",
	"registration.receive", "registration.answer", "registration.change", "registration.change_told",
	"account.sign_in", "account.sign_out", "account.proof_refused",
	"account.invite", "account.invite_again", "account.withdraw_invitation", "account.accept_invitation", "account.grant_role", "account.revoke_role", "account.disable",
	"account.reset_password", "account.reset_factors", "account.revoke_session", "account.revoke_sessions", "account.require_factor", "account.edit", "account.settings", "account.add_passkey", "account.end_passkey", "account.link_identity", "account.end_identity",
	"account.set_password", "account.confirm_totp", "account.new_recovery_codes", "account.create_token", "account.revoke_token",
}

// toward are those of what others did to their accounts: the team's acts, and strangers who tried to sign in.
var toward = []string{
	"account.create", "account.grant_role", "account.confirm_role", "account.revoke_role", "account.disable", "account.enable", "account.reset_password", "account.reset_factors",
	"account.revoke_session", "account.revoke_sessions", "account.create_token", "account.confirm_token", "account.revoke_token", "account.sign_in_refused", "account.code_refused", "account.passkey_refused",
	"account.withdraw_invitation",
}

const (
	activityPage = 50
	activityMost = 5000 // lines of a CSV
)

// deed is one line of the activity, in words.
type deed struct {
	audit.Deed
	who, what, of, on string
}

// done reads the activity and puts it into words.
func (d Deps) done(v *page.Visit, person string, before int64, limit int) ([]deed, []account.Own, error) {
	people, err := d.Accounts.OwnPeople(v.Ctx(), d.DB, v.By)
	if err != nil {
		return nil, nil, err
	}
	list, err := d.Accounts.Activity(v.Ctx(), d.DB, v.By, account.ActivityFilter{Person: person, Verbs: deeds, Toward: toward, Before: before, Limit: limit})
	if err != nil {
		return nil, people, err
	}
	names := map[int64]string{}
	for _, x := range people {
		names[x.ID] = x.Name
	}
	out := make([]deed, len(list))
	for i, x := range list {
		out[i] = deed{Deed: x, what: v.P.T("portal.deed." + strings.ReplaceAll(x.Verb, ".", "_"))}
		switch {
		case x.ActorName != "":
			out[i].who = x.ActorName
		case x.Actor == 0 && (x.Verb == "account.sign_in_refused" || x.Verb == "account.code_refused" || x.Verb == "account.passkey_refused"):
			out[i].who = v.P.T("portal.activity.somebody")
		default:
			out[i].who = v.P.T("portal.activity.team")
		}
		if x.On.Kind == ref.Account && x.On.ID != x.Actor {
			out[i].of = names[x.On.ID]
		}
		out[i].on = strings.Join(changedTo(v, x), ", ")
	}
	return out, people, nil
}

// changedTo says what an act on an account was about: a role, a key, an address.
func changedTo(v *page.Visit, x audit.Deed) []string {
	var out []string
	for _, c := range x.Changes {
		value := c.To
		if value == nil {
			value = c.From
		}
		switch c.Field {
		case "role":
			if strings.HasSuffix(x.Verb, "_token") {
				continue // what it may do stands with the key
			}
			switch fmt.Sprint(value) {
			case string(access.ConstituentAdmin):
				out = append(out, v.P.T("portal.people.role.admin"))
			case string(access.Constituent):
				out = append(out, v.P.T("portal.people.role.member"))
			}
		case "token", "email":
			out = append(out, fmt.Sprint(value))
		case "factor":
			if value == true {
				out = append(out, v.P.T("portal.activity.on"))
			} else {
				out = append(out, v.P.T("portal.activity.off"))
			}
		}
	}
	return slices.Compact(out)
}

// where gives the page of what a deed is about, when there is one that the reader may open.
func (x deed) where() string {
	if x.UID == "" {
		return ""
	}
	switch x.On.Kind {
	case ref.Report:
		return "/portal/reports/" + x.UID
	case ref.Request:
		return "/portal/requests/" + x.UID
	case ref.Measure:
		return "/portal/measures/" + x.UID
	}
	return ""
}

func (d Deps) activity(v *page.Visit) error {
	q := v.R.URL.Query()
	before, err := strconv.ParseInt(q.Get("after"), 10, 64)
	if err != nil && q.Get("after") != "" || before < 0 {
		return errs.ErrNotFound
	}
	list, people, err := d.done(v, q.Get("person"), before, activityPage+1)
	if err != nil {
		return err
	}
	p := v.P
	view := ActivityView{PortalView: d.frame(v, "people", p.T("portal.people.title")), Tabs: peopleTabs(v, "activity")}
	values := url.Values{}
	if q.Get("person") != "" {
		values.Set("person", q.Get("person"))
	}
	view.CSV = at(activityPath+"/csv", values)
	if len(list) > activityPage {
		list = list[:activityPage]
		values.Set("after", strconv.FormatInt(list[activityPage-1].ID, 10))
		view.Next = at(activityPath, values)
	}
	for _, x := range list {
		view.Lines = append(view.Lines, DeedView{At: x.At, Who: x.who, What: x.what, Of: x.of, On: x.on, Href: x.where(), ByKey: x.Origin == access.ByAPI})
	}
	view.People = []page.SelectOption{{Value: "", Text: p.T("portal.activity.everybody")}}
	for _, x := range people {
		view.People = append(view.People, page.SelectOption{Value: x.UID, Text: x.Name, Chosen: x.UID == q.Get("person")})
	}
	return v.Show(Activity(view))
}

func at(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// activityCSV writes the newest entries.
func (d Deps) activityCSV(v *page.Visit) error {
	list, _, err := d.done(v, v.R.URL.Query().Get("person"), 0, activityMost)
	if err != nil {
		return err
	}
	rows := [][]string{{"time", "who", "act", "of", "about", "words"}}
	for _, x := range list {
		rows = append(rows, []string{x.At.UTC().Format(time.RFC3339), x.who, x.Verb, x.of, x.on, x.what})
	}
	return page.CSV(v, "activity.csv", rows)
}
