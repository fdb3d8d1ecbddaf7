// Package access knows who works at the store: operators, their roles, and their sessions.
//
// A PIN has few digits, so it is kept only as Argon2id of its HMAC under the store's key (the file alone
// does not allow guessing), and wrong ones are counted durably before they are compared: however many
// guesses arrive at once, five are judged, and then each further one waits longer. A session is 256 random
// bits that the store knows only by their HMAC; it ends when it has been idle for long, when it is signed
// out, and when anything about its operator changes.
package access

import (
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// ErrNoSession is returned for a token that is unknown, ended or idle for too long: sign in again.
var ErrNoSession = errors.New("access: no session")

// Denied is the error for what a person may not do, or not now: its sentence is in that person's language.
// Codes: "pin_wrong", "badge_wrong", "locked", "role", "disabled", "setup_done", and those of bad input.
type Denied struct {
	Diagnostic *plgv1.Diagnostic
}

// Error is the sentence.
func (d *Denied) Error() string { return d.Diagnostic.GetSummary() }

// Input reports whether the denial is about what was typed into a form rather than about who asks.
func (d *Denied) Input() bool { return d.Diagnostic.GetPath() != "" }

// Config is what a Service works with.
type Config struct {
	Store *store.Store
	Log   *event.Log
	// Key is the store's master key (32 bytes); what is used is derived from it.
	Key []byte
	// Idle ends a session that was not used for so long; 0 means 12 hours.
	Idle time.Duration
	// Text holds the sentences.
	Text   *locale.Catalog
	Logger hclog.Logger
	// Now may be nil: then it is the clock.
	Now func() time.Time
}

// Service knows operators and sessions. It is safe for concurrent use.
type Service struct {
	Config
}
