package egress

import "github.com/tocsin-csirt/tocsin/internal/format/tlp"

// Why something may not leave, or not in full, as keys of the catalogue.
const (
	NoLabel     = "error.egress.label"       // without a known TLP label nothing leaves
	Lower       = "error.egress.lowered"     // a label below that of what it is about
	Sealed      = "error.egress.sealed"      // a sealed case
	Exercise    = "error.egress.exercise"    // an exercise never reaches a real address
	Foreign     = "error.egress.compartment" // another party's
	NoReader    = "error.egress.reader"      // nobody to send to
	NoChannel   = "error.egress.channel"     // no such way out, or too strict for it
	KeyMissing  = "error.egress.no_key"      // the label asks for a key that we do not hold
	KeyExpected = "error.egress.key_gone"    // the thread was encrypted, and now there is no key
	NoPhone     = "error.egress.no_phone"    // a locked file would go, and there is no number to tell its code to
)

// Decide is the pure rule. What it does not know refuses.
func Decide(policy map[tlp.Level]Road, a Ask) Decision {
	if why := barred(a); why != "" {
		return Decision{Refused, why}
	}
	switch a.Channel {
	case Mail:
		return byMail(policy, a)
	case Link:
		if a.TLP == tlp.Red && !a.Automatic {
			return Decision{Refused, NoChannel} // a code can be passed on; RED is for the eyes of one person
		}
		return Decision{Direct, ""}
	case Pager:
		if !a.Automatic {
			return Decision{Refused, NoChannel} // it has no room for what a person wrote
		}
		return Decision{Direct, ""}
	case Portal, Export:
		return Decision{Direct, ""}
	}
	return Decision{Refused, NoChannel}
}

// barred gives the reason for which nothing may leave, whatever the road.
func barred(a Ask) string {
	about := a.Object.TLP
	if about == 0 {
		about = tlp.Unlabelled
	}
	switch {
	case a.Reader == "":
		return NoReader
	case !a.TLP.Valid() || !about.Valid():
		return NoLabel
	case a.Object.Sealed:
		return Sealed
	case a.Object.Exercise && a.Channel != Portal && a.Channel != Link:
		return Exercise
	case a.Compartment != a.Object.Compartment && !(a.Channel == Export && a.Compartment == 0):
		return Foreign
	case a.Compartment == 0 && a.Channel != Export && a.Channel != Pager:
		return Foreign // the team's own papers have no reader outside
	case a.TLP < about && !a.Automatic && !a.Lowered:
		return Lower
	}
	return ""
}

func byMail(policy map[tlp.Level]Road, a Ask) Decision {
	if a.HasKey {
		return Decision{Encrypted, ""}
	}
	road, why := policy[a.TLP], KeyMissing
	if a.Automatic {
		road = Signed // no case content in it
	}
	if a.OnceSealed {
		why = KeyExpected
		if road == Signed {
			road = Notice
		}
	}
	if road == Locked && !a.HasPhone { // a notice tells less
		road, why = Notice, NoPhone
	}
	switch road {
	case Signed, Locked:
		return Decision{road, ""}
	case Notice:
		return Decision{Notice, why}
	}
	return Decision{Refused, why}
}
