package takedown

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// Eyes look at what somebody else put on the network. A fetch.Looker is behind it.
type Eyes interface {
	Page(ctx context.Context, address string) fetch.Sight
	Port(ctx context.Context, at netip.AddrPort) fetch.Sight
	Name(ctx context.Context, name string) fetch.Sight
	Names() bool
}

// Service owns targets and the directory of who can end them.
type Service struct {
	DB           *db.DB
	Clock        clock.Clock
	Ring         *keyring.Ring
	Audit        *audit.Log
	Alarms       *alarm.Service
	Texts        *text.Catalogue
	Constituency *constituency.Service
	Coordination *coordination.Service
	Eyes         Eyes                    // nil without an exit: nothing is looked at
	Registries   constituency.Registries // nil asks nobody
}

const barredKey = "desk.takedown.barred."

// Barred says why nothing of a kind may be done with a target's name: a catalogue key, "" when it may.
type Barred string

// BarredLook says why a target is not looked at. A look reaches what belongs to the adversary: PAP:GREEN and PAP:CLEAR allow it; a case without a label counts as
// PAP:AMBER.
func (s *Service) BarredLook(o access.Object, t Thing) Barred {
	if why := o.Hushed(); why != "" {
		return Barred(barredKey + why)
	}
	_, address := t.Addr()
	switch {
	case s.Eyes == nil:
		return barredKey + "exit"
	case o.PAP == 0:
		return barredKey + "pap_none"
	case o.PAP > tlp.PAPGreen:
		return barredKey + "pap_amber"
	case !address && !s.Eyes.Names():
		return barredKey + "resolver"
	}
	return ""
}

// BarredAsk says why registries are not asked about a target: they are third parties, which PAP:AMBER allows.
func (s *Service) BarredAsk(o access.Object) Barred {
	if why := o.Hushed(); why != "" {
		return Barred(barredKey + why)
	}
	if s.Registries == nil {
		return barredKey + "rdap"
	}
	return ""
}

var (
	errEnded   = &errs.Error{Kind: errs.Conflict, Key: "error.takedown.ended", Text: "the target is ended"}
	errTold    = &errs.Error{Kind: errs.Conflict, Key: "error.takedown.told", Text: "it was told already"}
	errChanged = access.ErrChanged
)

func targetPlace(uid string) string   { return "takedown_target.body:" + uid }
func proposalPlace(uid string) string { return "takedown_proposal.body:" + uid }
func statePlace(target string, at time.Time) string {
	return fmt.Sprintf("takedown_state.body:%s.%d", target, at.UnixMicro())
}

func opened(k keyring.Key, place string, b []byte, into any) error {
	plain, err := k.Open(place, b)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}

// record writes what was done with a target under its incident. What it is stands in the entry's detail, sealed with the case.
func (s *Service) record(ctx context.Context, tx *db.Tx, by access.Actor, verb string, t Target, note string, more ...audit.Change) error {
	list := append([]audit.Change{{Field: "target", To: t.Thing.Shown()}}, more...)
	return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: verb, On: t.Incident.Ref, Note: note, Changes: list, Data: map[string]string{"target": t.UID}})
}

// Code is the reason without the catalogue's place: "pap_red".
func (b Barred) Code() string { return strings.TrimPrefix(string(b), barredKey) }
