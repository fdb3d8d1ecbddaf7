// Package access knows who works at the store: operators, their roles, and their sessions.
//
// A PIN has few digits, so it is kept only as Argon2id of its HMAC under the store's key (the file alone
// does not allow guessing), and wrong ones are counted durably before they are compared: however many
// guesses arrive at once, five are judged, and then each further one waits longer. A session is 256 random
// bits that the store knows only by their HMAC; it ends when it has been idle for long, when it is signed
// out, and when anything about its operator changes.
//
// The event log keeps who signed in and out where, each refused try, and each change of an operator; never a
// PIN or badge, and no name that is nobody's (people type their PIN there).
package access

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// ErrNoSession is returned for a token that is unknown, ended or idle for too long: sign in again.
var ErrNoSession = errors.New("access: no session")

const (
	// bucketOperator holds operators: folded name → mostradorv1.Operator.
	bucketOperator store.Bucket = "access_operator"
	// bucketPIN holds what a PIN is judged by: folded name → hash (see hash.go).
	bucketPIN store.Bucket = "access_pin"
	// bucketBadge finds operators: HMAC of the badge → folded name.
	bucketBadge store.Bucket = "access_badge"
	// bucketAttempt counts wrong tries: scope → attempt as JSON.
	bucketAttempt store.Bucket = "access_attempt"
	// bucketSession holds sessions: HMAC of the token → session as JSON.
	bucketSession store.Bucket = "access_session"
)

// defaultIdle is a long working day.
const defaultIdle = 12 * time.Hour

// Limits of what is typed, in bytes.
const (
	maxName  = 64
	minPIN   = 4
	maxPIN   = 8
	minBadge = 6
	maxBadge = 128
)

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
	pinKey, badgeKey, sessionKey []byte
	hasher
}

// New returns the service of a store.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Idle <= 0 {
		c.Idle = defaultIdle
	}
	return &Service{
		Config:     c,
		pinKey:     derive(c.Key, "mostrador/access/pin/v1"),
		badgeKey:   derive(c.Key, "mostrador/access/badge/v1"),
		sessionKey: derive(c.Key, "mostrador/access/session/v1"),
		hasher:     newHasher(defaultCost),
	}
}

// derive makes a sub-key; HKDF refuses only lengths that SHA-256 cannot give.
func derive(master []byte, info string) []byte {
	key, _ := hkdf.Key(sha256.New, master, nil, info, sha256.Size)
	return key
}

// hidden is what the store knows a secret by.
func hidden(key []byte, secret string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}

// NeedsSetup reports whether there is no operator yet.
func (s *Service) NeedsSetup() (bool, error) {
	needed := false
	err := s.Store.View(func(tx *store.Tx) error {
		needed = s.nobody(tx)
		return nil
	})
	return needed, err
}

func (s *Service) nobody(tx *store.Tx) bool {
	for range tx.Scan(bucketOperator, nil, nil) {
		return false
	}
	return true
}

// Setup makes the first operator, a technician, and signs him in.
func (s *Service) Setup(ctx context.Context, actor *plgv1.Actor, name, pin string) (token string, op *mostradorv1.Operator, err error) {
	name, err = s.name(ctx, name)
	if err != nil {
		return "", nil, err
	}
	hash, err := s.pinHash(ctx, pin)
	if err != nil {
		return "", nil, err
	}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		if !s.nobody(tx) {
			return s.deny(ctx, "", "setup_done")
		}
		op = &mostradorv1.Operator{
			Name: name, Role: mostradorv1.Role_ROLE_TECHNICIAN, Created: timestamppb.New(s.Now()),
		}
		if err := store.PutProto(tx, bucketOperator, fold(name), op); err != nil {
			return err
		}
		tx.Put(bucketPIN, fold(name), hash)
		if err := s.tell(tx, actor, "access.changed", op, ""); err != nil {
			return err
		}
		token, err = s.openSession(tx, actor, op)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return token, op, nil
}

// Operators lists all operators by name.
func (s *Service) Operators() ([]*mostradorv1.Operator, error) {
	var list []*mostradorv1.Operator
	err := s.Store.View(func(tx *store.Tx) error {
		for name, data := range tx.Scan(bucketOperator, nil, nil) {
			op := new(mostradorv1.Operator)
			if err := proto.Unmarshal(data, op); err != nil {
				return fmt.Errorf("access: operator %q: %w", name, err)
			}
			list = append(list, op)
		}
		return nil
	})
	return list, err
}

// Put creates an operator or changes the one of that name, whose sessions end then. It is for administrators,
// and for technicians while there is no administrator; by is the role of whoever asks. An empty pin or badge
// keeps the one that there is; a new operator needs one of them.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, by mostradorv1.Role, op *mostradorv1.Operator, pin, badge string) (*mostradorv1.Operator, error) {
	name, err := s.name(ctx, op.GetName())
	if err != nil {
		return nil, err
	}
	if _, known := mostradorv1.Role_name[int32(op.GetRole())]; !known || op.GetRole() == mostradorv1.Role_ROLE_UNSPECIFIED {
		return nil, s.deny(ctx, "role", "role_missing")
	}
	var hash []byte
	if pin != "" {
		if hash, err = s.pinHash(ctx, pin); err != nil {
			return nil, err
		}
	}
	if badge = strings.TrimSpace(badge); badge != "" && (len(badge) < minBadge || len(badge) > maxBadge) {
		return nil, s.deny(ctx, "badge", "badge_format", "n", minBadge)
	}
	kept := &mostradorv1.Operator{Name: name, Role: op.GetRole(), Disabled: op.GetDisabled()}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		if err := s.mayPut(ctx, tx, by); err != nil {
			return err
		}
		current, err := s.operator(tx, fold(name))
		if err != nil {
			return err
		}
		switch {
		case current != nil:
			kept.Created, kept.HasBadge = current.Created, current.HasBadge
		case hash == nil && badge == "":
			return s.deny(ctx, "pin", "pin_needed")
		default:
			kept.Created = timestamppb.New(s.Now())
		}
		if badge != "" {
			if err := s.putBadge(ctx, tx, name, badge); err != nil {
				return err
			}
			kept.HasBadge = true
		}
		if hash != nil {
			tx.Put(bucketPIN, fold(name), hash)
		}
		if err := store.PutProto(tx, bucketOperator, fold(name), kept); err != nil {
			return err
		}
		tx.Delete(bucketAttempt, operatorScope(name))
		if err := s.endSessions(tx, name); err != nil {
			return err
		}
		return s.tell(tx, actor, "access.changed", kept, "")
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// mayPut lets the technician of the first start name others until there is an administrator to do so.
func (s *Service) mayPut(ctx context.Context, tx *store.Tx, by mostradorv1.Role) error {
	if by >= mostradorv1.Role_ROLE_ADMINISTRATOR {
		return nil
	}
	if by < mostradorv1.Role_ROLE_TECHNICIAN {
		return s.deny(ctx, "", "role")
	}
	for name, data := range tx.Scan(bucketOperator, nil, nil) {
		op := new(mostradorv1.Operator)
		if err := proto.Unmarshal(data, op); err != nil {
			return fmt.Errorf("access: operator %q: %w", name, err)
		}
		if op.Role == mostradorv1.Role_ROLE_ADMINISTRATOR && !op.Disabled {
			return s.deny(ctx, "", "role")
		}
	}
	return nil
}

// putBadge makes a badge the operator's only one.
func (s *Service) putBadge(ctx context.Context, tx *store.Tx, name, badge string) error {
	mac := hidden(s.badgeKey, badge)
	if owner := tx.Get(bucketBadge, mac); owner != nil && string(owner) != string(fold(name)) {
		return s.deny(ctx, "badge", "badge_taken")
	}
	for other, owner := range tx.Scan(bucketBadge, nil, nil) {
		if string(owner) == string(fold(name)) {
			tx.Delete(bucketBadge, slices.Clone(other))
		}
	}
	tx.Put(bucketBadge, mac, fold(name))
	return nil
}

// operator is nil when there is none of that key.
func (s *Service) operator(tx *store.Tx, key []byte) (*mostradorv1.Operator, error) {
	if len(key) == 0 {
		return nil, nil
	}
	op := new(mostradorv1.Operator)
	found, err := store.GetProto(tx, bucketOperator, key, op)
	if err != nil {
		return nil, fmt.Errorf("access: operator: %w", err)
	}
	if !found {
		return nil, nil
	}
	return op, nil
}

// name is the name of an operator in the form in which it is kept.
func (s *Service) name(ctx context.Context, typed string) (string, error) {
	name := strings.Join(strings.Fields(norm.NFC.String(typed)), " ")
	if name == "" {
		return "", s.deny(ctx, "name", "name_empty")
	}
	if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", s.deny(ctx, "name", "name_invalid", "n", maxName)
	}
	return name, nil
}

// fold is the key of an operator: nobody is told apart by upper and lower case.
func fold(name string) []byte {
	return []byte(strings.ToLower(strings.Join(strings.Fields(norm.NFC.String(name)), " ")))
}

// tell appends what happened to the event log.
func (s *Service) tell(tx *store.Tx, actor *plgv1.Actor, kind string, op *mostradorv1.Operator, reason string) error {
	told := map[string]any{}
	if op != nil {
		told["operator"], told["role"], told["disabled"] = op.Name, op.Role.String(), op.Disabled
	}
	if reason != "" {
		told["reason"] = reason
	}
	custom, err := structpb.NewStruct(told)
	if err != nil {
		return fmt.Errorf("access: %s: %w", kind, err)
	}
	return s.Log.Append(tx, &plgv1.Event{
		Type: kind, Time: timestamppb.New(s.Now()), Actor: actor, Detail: &plgv1.Event_Custom{Custom: custom},
	})
}

func (s *Service) deny(ctx context.Context, path, code string, args ...any) error {
	return s.denied(path, code, s.Text.Text(locale.FromContext(ctx), "access."+code, args...))
}

func (s *Service) denied(path, code, sentence string) error {
	return &Denied{&plgv1.Diagnostic{
		Severity: plgv1.Severity_SEVERITY_ERROR, Path: path, Code: code, Summary: sentence,
	}}
}
