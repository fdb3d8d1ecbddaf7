package delivery

import (
	"math"
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// The policy about addresses.
const (
	// halfLife is how long until a soft bounce weighs half of what it did. A mailbox that was full two weeks ago says
	// little about today.
	halfLife = 14 * 24 * time.Hour
	// oneTrouble is how long bounces count as the same trouble: ten mails into a mailbox that is full today are one
	// piece of evidence, not ten.
	oneTrouble = 24 * time.Hour
	// weightLimit is the weight at which an address is suppressed: troubles on five days in a row, or twice a week for
	// three weeks. Once a week never gets there.
	weightLimit = 4.0
	// releaseWeight is the weight at which an address that soft bounces suppressed is tried again: half the limit, so
	// about two weeks later.
	releaseWeight = weightLimit / 2
	// arrived is after what time a mail that a server took and that did not come back has arrived: servers give up
	// after four or five days (RFC 5321 4.5.4.1), most bounces come within minutes.
	arrived = 5 * 24 * time.Hour
	// maxEvents is how much of what happened is kept of an address.
	maxEvents = 40
)

// The reasons for which an address is suppressed, the strongest last.
const (
	// reasonSoft: soft bounces weighed too much. Only promotional mail is held back, until they have decayed; a receipt is
	// worth a try, and when it arrives the address is good again.
	reasonSoft = "soft_bounces"
	// reasonComplaint: the person called a mail spam. Promotional mail is held back until somebody releases the address;
	// what he asked for himself (a receipt, a reset link) still leaves.
	reasonComplaint = "complaint"
	// reasonHard: there is no such address. All mail is held back until somebody releases it.
	reasonHard = "hard_bounce"
	// reasonStaff: somebody at the store said so. All mail is held back.
	reasonStaff = "staff"
)

// The kinds of what happens to an address.
const (
	eventBounce     = "bounce"
	eventComplaint  = "complaint"
	eventSuppressed = "suppressed"
	eventReleased   = "released"
	// eventSent: a server took a mail. Kept only for addresses that had trouble before.
	eventSent = "sent"
	// eventDelivered: it is certain that a mail arrived; it was opened, answered, or the server said so.
	eventDelivered = "delivered"
)

// strength orders the reasons: a weaker one never takes the place of a stronger one.
func strength(reason string) int {
	switch reason {
	case reasonSoft:
		return 1
	case reasonComplaint:
		return 2
	case reasonHard:
		return 3
	case reasonStaff:
		return 4
	}
	return 0
}

// holdsBack tells whether an address that is suppressed for a reason gets no mail of a kind.
func holdsBack(reason string, kind plgv1.MessageKind) bool {
	switch reason {
	case reasonSoft, reasonComplaint:
		return kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	}
	return strength(reason) > 0
}

// weigh is what the soft bounces among events (newest first) weigh at a time. Those before the address was released, or
// before a mail arrived, weigh nothing. So do those of a server that does not want mail from here (BLOCKED): they say
// something about the store, not about the address.
func weigh(events []*mostradorv1.AddressEvent, now time.Time) float64 {
	var weight float64
	var last time.Time
	returned := map[string]bool{}
	for _, e := range events {
		at := e.GetTime().AsTime()
		switch e.GetKind() {
		case eventReleased, eventDelivered:
			return weight
		case eventSent:
			if now.Sub(at) >= arrived && !returned[e.GetMessageId()] {
				return weight
			}
		case eventBounce:
			returned[e.GetMessageId()] = true
			if !weighs(e) || !last.IsZero() && last.Sub(at) < oneTrouble {
				continue
			}
			last = at
			weight += math.Exp2(-max(0, now.Sub(at).Hours()) / halfLife.Hours())
		}
	}
	return weight
}

// weighs tells whether a bounce adds to the weight: soft ones do, and hard ones that are hearsay.
func weighs(e *mostradorv1.AddressEvent) bool {
	switch e.GetBounce().GetKind() {
	case mostradorv1.Bounce_KIND_SOFT:
		return true
	case mostradorv1.Bounce_KIND_HARD:
		return hearsay(e)
	}
	return false
}

// hearsay tells whether nothing proves that what happened is about a mail of ours, and no person says so.
func hearsay(e *mostradorv1.AddressEvent) bool {
	return e.GetMessageId() == "" && e.GetActor() == nil
}

// judge says how an address stands at a time; a carries what decided the last time, and what happened since.
func judge(a *mostradorv1.Address, now time.Time) (state mostradorv1.AddressState, reason string, weight float64) {
	weight = weigh(a.GetEvents(), now)
	switch held := a.GetReason(); {
	case held != "" && held != reasonSoft:
		return mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED, held, weight
	case weight >= weightLimit, held == reasonSoft && weight > releaseWeight:
		return mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED, reasonSoft, weight
	case weight >= 1.0/16: // less than a single bounce of eight weeks ago is history
		return mostradorv1.AddressState_ADDRESS_STATE_SHAKY, "", weight
	}
	return mostradorv1.AddressState_ADDRESS_STATE_GOOD, "", weight
}

// softUntil is when an address that soft bounces suppressed will be tried again, when nothing more happens.
func softUntil(weight float64, now time.Time) time.Time {
	if weight <= releaseWeight {
		return now
	}
	return now.Add(time.Duration(math.Log2(weight/releaseWeight) * float64(halfLife)))
}

// fold is the form in which addresses are compared. The local part is case-sensitive by the letter of RFC 5321 2.4, and
// at no provider in practice.
func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// domainOf is the part behind the @, which is the provider that statistics speak of.
func domainOf(email string) string {
	return fold(email[strings.LastIndexByte(email, '@')+1:])
}
