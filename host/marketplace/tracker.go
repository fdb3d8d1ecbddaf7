package marketplace

import (
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/sdk/plgv1"
)

// Tracking is what of a mail is followed up (setting CorreoSeguimiento).
type Tracking string

const (
	TrackNothing Tracking = "none"
	TrackClicks  Tracking = "clicks"
	// TrackAll are clicks and openings.
	TrackAll Tracking = "all"
)

// Tracker makes the addresses by which openings and clicks are noticed, for mails to customers who have accepted
// promotions and for nobody else: whoever has not, has not agreed to be followed either.
type Tracker struct {
	// Key is the store's master key.
	Key []byte
	// Mode and Address (where customers reach the pages) are asked for each mail.
	Mode    func() Tracking
	Address func() string
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Link returns the tracked address of a link in a mail, or "" when the link stays as it is: nothing is tracked, it leads
// to the store's own pages (a link to leave must lead there straight), or is none that a browser opens.
func (t Tracker) Link(m *mostradorv1.Message, c *plgv1.Customer, url string) string {
	mode, address := t.Mode(), t.address()
	if mode != TrackClicks && mode != TrackAll || !t.may(m, c) || address == "" {
		return ""
	}
	if _, ok := Target(url, "http", "https"); !ok || strings.HasPrefix(url, address+"/") || url == address {
		return ""
	}
	return address + "/c/" + token.Seal(t.Key, token.Claims{Purpose: token.Click, MessageID: m.GetId(), URL: url, Sealed: t.now()})
}

// Open returns the address of the picture that tells that a mail was opened, or "" when it gets none.
func (t Tracker) Open(m *mostradorv1.Message, c *plgv1.Customer) string {
	address := t.address()
	if t.Mode() != TrackAll || !t.may(m, c) || address == "" {
		return ""
	}
	return address + "/o/" + token.Seal(t.Key, token.Claims{Purpose: token.Pixel, MessageID: m.GetId(), Sealed: t.now()}) + ".gif"
}

func (t Tracker) may(m *mostradorv1.Message, c *plgv1.Customer) bool {
	return m.GetCustomerId() != "" && c.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN
}

func (t Tracker) address() string { return strings.TrimRight(t.Address(), "/") }

func (t Tracker) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}
