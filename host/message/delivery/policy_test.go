package delivery

import (
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// past is a list of events that happened so many days before noon, newest first.
type past struct {
	days float64
	kind string
	b    mostradorv1.Bounce_Kind
	id   string
}

func events(list ...past) []*mostradorv1.AddressEvent {
	var all []*mostradorv1.AddressEvent
	for _, p := range list {
		e := &mostradorv1.AddressEvent{
			Time: timestamppb.New(noon.Add(-time.Duration(p.days * float64(24*time.Hour)))), Kind: p.kind, MessageId: p.id,
		}
		if p.b != 0 {
			e.Bounce = &mostradorv1.Bounce{Kind: p.b}
		}
		all = append(all, e)
	}
	return all
}

func TestSoftBouncesWeighAndDecay(t *testing.T) {
	const (
		soft    = mostradorv1.Bounce_KIND_SOFT
		hard    = mostradorv1.Bounce_KIND_HARD
		blocked = mostradorv1.Bounce_KIND_BLOCKED
	)
	for name, test := range map[string]struct {
		events []*mostradorv1.AddressEvent
		want   float64
	}{
		"nothing":                         {nil, 0},
		"one now":                         {events(past{0, eventBounce, soft, "a"}), 1},
		"one of a half-life ago":          {events(past{14, eventBounce, soft, "a"}), 0.5},
		"three mails into one trouble":    {events(past{0, eventBounce, soft, "c"}, past{0.2, eventBounce, soft, "b"}, past{0.9, eventBounce, soft, "a"}), 1},
		"the next day is another trouble": {events(past{0, eventBounce, soft, "b"}, past{14, eventBounce, soft, "a"}), 1.5},
		"blocked says nothing":            {events(past{0, eventBounce, blocked, "a"}), 0},
		"a proven hard one is no weight":  {events(past{0, eventBounce, hard, "a"}), 0},
		"a hard one on hearsay":           {events(past{0, eventBounce, hard, ""}), 1},
		"before a release":                {events(past{1, eventReleased, 0, ""}, past{2, eventBounce, soft, "a"}), 0},
		"before a mail arrived":           {events(past{1, eventDelivered, 0, "b"}, past{2, eventBounce, soft, "a"}), 0},
		"a mail left yesterday":           {events(past{1, eventSent, 0, "b"}, past{14, eventBounce, soft, "a"}), 0.5},
		"a mail left six days ago":        {events(past{6, eventSent, 0, "b"}, past{14, eventBounce, soft, "a"}), 0},
		"it left, and came back":          {events(past{5.9, eventBounce, blocked, "b"}, past{6, eventSent, 0, "b"}, past{14, eventBounce, soft, "a"}), 0.5},
	} {
		if got := weigh(test.events, noon); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestHowOftenSuppresses(t *testing.T) {
	for name, test := range map[string]struct {
		every      float64 // days
		suppressed int     // bounces until suppressed, 0 for never
	}{
		"every day":    {1, 5},
		"twice a week": {3.5, 6},
		"every week":   {7, 0},
	} {
		var list []past
		got := 0
		for i := 0; i < 60 && got == 0; i++ {
			for j := range list {
				list[j].days += test.every
			}
			list = append([]past{{0, eventBounce, mostradorv1.Bounce_KIND_SOFT, "m"}}, list...)
			state, _, _ := judge(&mostradorv1.Address{Events: events(list...)}, noon)
			if state == mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED {
				got = i + 1
			}
		}
		if got != test.suppressed {
			t.Errorf("%s: suppressed at bounce %d, want %d", name, got, test.suppressed)
		}
	}
}

func TestAReasonHoldsBackWhatItIsAbout(t *testing.T) {
	const transactional, promotional = plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	for reason, both := range map[string]bool{reasonSoft: false, reasonComplaint: false, reasonHard: true, reasonStaff: true} {
		if !holdsBack(reason, promotional) {
			t.Errorf("%s lets advertising through", reason)
		}
		if got := holdsBack(reason, transactional); got != both {
			t.Errorf("%s holds back a receipt: %v", reason, got)
		}
	}
}

func TestAlertsHaveLimits(t *testing.T) {
	const none, warning, wrong = plgv1.Severity_SEVERITY_UNSPECIFIED, plgv1.Severity_SEVERITY_WARNING, plgv1.Severity_SEVERITY_ERROR
	for name, test := range map[string]struct {
		cases, of    uint64
		before, want plgv1.Severity
	}{
		"below":                        {9, 10_000, none, none},
		"at a tenth of a percent":      {10, 10_000, none, warning},
		"at three":                     {30, 10_000, none, wrong},
		"too few mails":                {5, 99, none, none},
		"one person":                   {1, 100, none, none},
		"falling, not calm yet":        {25, 10_000, wrong, wrong},
		"falling to a warning":         {20, 10_000, wrong, warning},
		"a warning, not calm yet":      {9, 10_000, warning, warning},
		"calm":                         {7, 10_000, warning, none},
		"a warning is no error sooner": {25, 10_000, warning, warning},
	} {
		if got, _ := rate(limitComplaints, test.cases, test.of).severity(test.before); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
