package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// After so many wrong tries in a row each further one waits, twice as long each time.
const (
	freeTries = 5
	firstWait = 30 * time.Second
	maxWait   = time.Hour
	// forgotten is after how long wrong tries no longer count.
	forgotten = 24 * time.Hour
	// freeBadges is how many wrong badges all tills together may read before reading waits.
	freeBadges = 20
)

// attempt counts the wrong tries of a scope.
type attempt struct {
	Misses int       `json:"misses"`
	Last   time.Time `json:"last"`
	// Until is when the next try is heard.
	Until time.Time `json:"until"`
}

// scope is something whose tries are counted together.
type scope struct {
	key  []byte
	free int
}

func operatorScope(name string) []byte { return append([]byte("o"), fold(name)...) }

// reserve counts a try before it is judged: what is judged later or never stays a miss, so guesses that
// arrive together are no more than guesses one after the other. It denies a try that has to wait.
func (s *Service) reserve(ctx context.Context, scopes ...scope) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		now := s.Now()
		for _, sc := range scopes {
			a, err := s.attempt(tx, sc.key)
			if err != nil {
				return err
			}
			if now.Before(a.Until) {
				return s.locked(ctx, a.Until.Sub(now))
			}
			if now.Sub(a.Last) > forgotten {
				a = attempt{}
			}
			a.Misses, a.Last = a.Misses+1, now
			if over := a.Misses - sc.free; over >= 0 {
				wait := maxWait
				if over < 7 { // 30 s doubled seven times is more than an hour
					wait = min(maxWait, firstWait<<over)
				}
				a.Until = now.Add(wait)
			}
			data, err := json.Marshal(a)
			if err != nil {
				return fmt.Errorf("access: attempt: %w", err)
			}
			tx.Put(bucketAttempt, sc.key, data)
		}
		return nil
	})
}

func (s *Service) attempt(tx *store.Tx, key []byte) (attempt, error) {
	var a attempt
	if data := tx.Get(bucketAttempt, key); data != nil {
		if err := json.Unmarshal(data, &a); err != nil {
			return a, fmt.Errorf("access: attempt: %w", err)
		}
	}
	return a, nil
}

func (s *Service) locked(ctx context.Context, wait time.Duration) error {
	key, n := "access.locked_seconds", math.Ceil(wait.Seconds())
	if wait > time.Minute {
		key, n = "access.locked_minutes", math.Ceil(wait.Minutes())
	}
	return s.denied("", "locked", s.Text.Text(locale.FromContext(ctx), key, "n", n))
}

// SignIn opens a session by name and PIN. The actor says at which till.
func (s *Service) SignIn(ctx context.Context, actor *plgv1.Actor, name, pin string) (token string, op *mostradorv1.Operator, err error) {
	var record []byte
	err = s.Store.View(func(tx *store.Tx) (err error) {
		op, err = s.operator(tx, shortKey(name))
		if op != nil {
			record = bytes.Clone(tx.Get(bucketPIN, fold(op.Name)))
		}
		return err
	})
	if err != nil {
		return "", nil, err
	}
	sc := scope{[]byte("?"), freeTries} // all names that are nobody's count as one
	if op != nil {
		sc.key = operatorScope(op.Name)
	}
	if err := s.reserve(ctx, sc); err != nil {
		return "", nil, err
	}
	right, err := s.pinFits(ctx, pin, record)
	if err != nil {
		return "", nil, err
	}
	if !right || op == nil {
		return "", nil, s.wrong(ctx, actor, op, "pin_wrong")
	}
	return s.signedIn(ctx, actor, sc, func(tx *store.Tx) (*mostradorv1.Operator, bool, error) {
		now, err := s.operator(tx, fold(op.Name))
		return now, err == nil && bytes.Equal(tx.Get(bucketPIN, fold(op.Name)), record), err
	}, "pin_wrong")
}

// shortKey is the key of a name as typed, or none for what is too long to be one.
func shortKey(name string) []byte {
	if len(name) > 4*maxName {
		return nil
	}
	return fold(name)
}

// SignInBadge opens a session by what the badge scanner typed.
func (s *Service) SignInBadge(ctx context.Context, actor *plgv1.Actor, badge string) (token string, op *mostradorv1.Operator, err error) {
	badge = strings.TrimSpace(badge)
	// The till is a name that the caller gives himself, so the tills together are counted as well.
	till := scope{append([]byte("b"), hidden(s.badgeKey, actor.GetTill())...), freeTries}
	if err := s.reserve(ctx, till, scope{[]byte("b"), freeBadges}); err != nil {
		return "", nil, err
	}
	return s.signedIn(ctx, actor, till, func(tx *store.Tx) (*mostradorv1.Operator, bool, error) {
		if badge == "" || len(badge) > maxBadge {
			return nil, false, nil
		}
		op, err := s.operator(tx, tx.Get(bucketBadge, hidden(s.badgeKey, badge)))
		if op != nil {
			tx.Delete(bucketAttempt, []byte("b"))
		}
		return op, op != nil, err
	}, "badge_wrong")
}

// signedIn opens the session of an operator whom find still vouches for, and forgives the scope.
func (s *Service) signedIn(ctx context.Context, actor *plgv1.Actor, sc scope, find func(*store.Tx) (*mostradorv1.Operator, bool, error), code string) (token string, op *mostradorv1.Operator, err error) {
	reason := ""
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		var vouched bool
		if op, vouched, err = find(tx); err != nil {
			return err
		}
		switch {
		case op == nil || !vouched:
			reason = code
			return nil
		case op.Disabled:
			reason = "disabled"
			return nil
		}
		tx.Delete(bucketAttempt, sc.key)
		token, err = s.openSession(tx, actor, op)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if reason != "" {
		return "", nil, s.wrong(ctx, actor, op, reason)
	}
	return token, op, nil
}

// wrong notes a refused try and denies it.
func (s *Service) wrong(ctx context.Context, actor *plgv1.Actor, op *mostradorv1.Operator, reason string) error {
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		return s.tell(tx, actor, "access.refused", op, reason)
	})
	if err != nil {
		return err
	}
	return s.deny(ctx, "", reason)
}

// session is one sign-in.
type session struct {
	Operator string    `json:"operator"`
	Opened   time.Time `json:"opened"`
	// Used is when it was last used, as far as written down: see touchEvery.
	Used time.Time `json:"used"`
}

// touchEvery is the part of the idle time after which a use is written down: a write for every call would
// cost each of them an fsync.
const touchEvery = 20

// openSession adds a session and clears away those that have ended.
func (s *Service) openSession(tx *store.Tx, actor *plgv1.Actor, op *mostradorv1.Operator) (string, error) {
	now := s.Now()
	if err := s.sweep(tx, func(old session) bool { return now.Sub(old.Used) > s.Idle }); err != nil {
		return "", err
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	token := base64.RawURLEncoding.EncodeToString(secret)
	if err := s.putSession(tx, hidden(s.sessionKey, token), session{Operator: string(fold(op.Name)), Opened: now, Used: now}); err != nil {
		return "", err
	}
	who := new(plgv1.Actor)
	if actor != nil {
		who = proto.CloneOf(actor)
	}
	who.Operator = op.Name
	return token, s.tell(tx, who, "access.signed_in", op, "")
}

func (s *Service) putSession(tx *store.Tx, key []byte, one session) error {
	data, err := json.Marshal(one)
	if err != nil {
		return fmt.Errorf("access: session: %w", err)
	}
	tx.Put(bucketSession, key, data)
	return nil
}

// session is the session of a key, nil when there is none or it was idle for too long.
func (s *Service) session(tx *store.Tx, key []byte) (*session, error) {
	data := tx.Get(bucketSession, key)
	if data == nil {
		return nil, nil
	}
	one := new(session)
	if err := json.Unmarshal(data, one); err != nil {
		return nil, fmt.Errorf("access: session: %w", err)
	}
	if s.Now().Sub(one.Used) > s.Idle {
		return nil, nil
	}
	return one, nil
}

func (s *Service) endSessions(tx *store.Tx, name string) error {
	return s.sweep(tx, func(one session) bool { return one.Operator == string(fold(name)) })
}

// sweep deletes the sessions that have ended.
func (s *Service) sweep(tx *store.Tx, ended func(session) bool) error {
	for key, data := range tx.Scan(bucketSession, nil, nil) {
		var one session
		if err := json.Unmarshal(data, &one); err != nil {
			return fmt.Errorf("access: session: %w", err)
		}
		if ended(one) {
			tx.Delete(bucketSession, slices.Clone(key))
		}
	}
	return nil
}

// Session returns who holds a session, and counts as using it; or ErrNoSession.
func (s *Service) Session(ctx context.Context, token string) (*mostradorv1.Operator, error) {
	key := hidden(s.sessionKey, token)
	var one *session
	var op *mostradorv1.Operator
	err := s.Store.View(func(tx *store.Tx) (err error) {
		if one, err = s.session(tx, key); one == nil || err != nil {
			return err
		}
		op, err = s.operator(tx, []byte(one.Operator))
		return err
	})
	if err != nil {
		return nil, err
	}
	if op == nil || op.Disabled {
		return nil, ErrNoSession
	}
	if s.Now().Sub(one.Used) < s.Idle/touchEvery {
		return op, nil
	}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		one, err := s.session(tx, key)
		if one == nil || err != nil { // signed out meanwhile
			return err
		}
		one.Used = s.Now()
		return s.putSession(tx, key, *one)
	})
	if err != nil {
		return nil, err
	}
	return op, nil
}

// SignOut ends a session; one that has ended already is no error.
func (s *Service) SignOut(ctx context.Context, actor *plgv1.Actor, token string) error {
	key := hidden(s.sessionKey, token)
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		one, err := s.session(tx, key)
		if one == nil || err != nil {
			return err
		}
		tx.Delete(bucketSession, key)
		op, err := s.operator(tx, []byte(one.Operator))
		if err != nil {
			return err
		}
		return s.tell(tx, actor, "access.signed_out", op, "")
	})
}
