package consent

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketTries holds the latest wrong codes by where they came from: "o" operator, or "t" till → their times
// (big endian nanoseconds), at most tryLimit.
const bucketTries store.Bucket = "consent_tries"

// Of one operator or till, tryLimit wrong codes within tryWindow are heard; then the rest of the window
// passes before the next. A guess at one customer's code is right once in 10,000: who tries many customers
// must not get far either.
const (
	tryLimit  = 20
	tryWindow = 10 * time.Minute
)

// codePath is the form field at which diagnostics about codes stand.
const codePath = "codigo"

// Reasons of a refused code, as the ledger keeps them.
const (
	reasonWrong   = "wrong"
	reasonExpired = "expired"
	reasonLocked  = "locked"
	reasonLimit   = "limit"
	reasonUsed    = "used"
	// reasonNone: the customer was never invited.
	reasonNone = "none"
)

// foldCode brings what was typed to four ASCII digits, whatever script and width they were typed in; ok is
// false when it is not four digits.
func foldCode(typed string) (code string, ok bool) {
	if len(typed) > 64 {
		return "", false
	}
	var digits strings.Builder
	for _, r := range norm.NFKC.String(typed) {
		switch {
		case unicode.IsDigit(r):
			digits.WriteByte('0' + digitValue(r))
		case unicode.IsSpace(r) || r == '-' || r == '.' || unicode.Is(unicode.Cf, r): // read out in pairs, or pasted with marks
		default:
			return "", false
		}
	}
	code = digits.String()
	return code, len(code) == 4
}

// digitValue is the value of a decimal digit of any script: Unicode sets the ten of a script side by side.
func digitValue(r rune) byte {
	var value byte
	for value < 9 && unicode.IsDigit(r-rune(value)-1) {
		value++
	}
	return value
}

// ActivateByCode records the acceptance of a customer who read his short code to the actor. What is refused
// is a *customer.Refused with a diagnostic at the field "codigo", and is durably noted as a try.
func (s *Service) ActivateByCode(ctx context.Context, actor *plgv1.Actor, customerID, code string) (*plgv1.Customer, error) {
	var after *plgv1.Customer
	var refused *plgv1.Diagnostic
	err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
		after, refused, err = s.ActivateByCodeTx(ctx, tx, actor, customerID, code)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{refused}}}
	}
	return after, nil
}

// ActivateByCodeTx is ActivateByCode within a transaction of the caller's, who must commit it also when there
// is a diagnostic: that is where the try is noted. What is not four digits is no try.
func (s *Service) ActivateByCodeTx(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, customerID, code string) (*plgv1.Customer, *plgv1.Diagnostic, error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, nil, err
	}
	customerID = c.Id
	typed, ok := foldCode(code)
	if !ok {
		return nil, s.refusal(ctx, "code_format"), nil
	}
	a, err := s.activation(tx, customerID)
	if err != nil {
		return nil, nil, err
	}
	e := &mostradorv1.ConsentEntry{
		CustomerId: customerID,
		Purposes:   bothPurposes(),
		Means:      plgv1.Means_MEANS_SHORT_CODE,
		Time:       stamp(s.Now()),
		Actor:      actor,
	}
	if a != nil {
		e.ActivationId = a.ID
	}
	if e.Reason = s.judge(tx, actor, a, typed); e.Reason != "" {
		return s.refuse(ctx, tx, e, a)
	}
	s.delist(tx, a)
	a.Used = true
	if err := s.putActivation(tx, a); err != nil {
		return nil, nil, err
	}
	if e.Text, err = s.completed(tx, &mostradorv1.ConsentText{Id: a.TextID, Language: a.Language}); err != nil {
		return nil, nil, err
	}
	after, err := s.accept(tx, e, 0)
	return after, nil, err
}

// judge compares a code with the customer's own; a reason says why it is refused.
func (s *Service) judge(tx *store.Tx, actor *plgv1.Actor, a *activation, typed string) (reason string) {
	now := s.Now()
	switch {
	case a == nil:
		return reasonNone
	case s.wait(tx, actor) > 0:
		return reasonLimit
	case a.Used:
		return reasonUsed
	case a.locked():
		return reasonLocked
	case !a.open(now):
		return reasonExpired
	case subtle.ConstantTimeCompare([]byte(typed), []byte(s.code(a.Customer, a.Nonce))) != 1:
		return reasonWrong
	}
	return ""
}

// refuse notes a refused try and says it in words.
func (s *Service) refuse(ctx context.Context, tx *store.Tx, e *mostradorv1.ConsentEntry, a *activation) (*plgv1.Customer, *plgv1.Diagnostic, error) {
	e.Act = mostradorv1.ConsentAct_CONSENT_ACT_CODE_REFUSED
	args := []any{"n", math.Ceil(s.wait(tx, e.Actor).Minutes())}
	shown := e.Reason
	if e.Reason == reasonWrong {
		s.miss(tx, e.Actor)
		a.Misses++
		args = []any{"n", maxMisses - a.Misses}
		if a.locked() {
			s.delist(tx, a)
			shown = reasonLocked
		}
		if err := s.putActivation(tx, a); err != nil {
			return nil, nil, err
		}
	}
	if err := s.append(tx, e); err != nil {
		return nil, nil, err
	}
	return nil, s.refusal(ctx, "code_"+shown, args...), nil
}

func (s *Service) refusal(ctx context.Context, code string, args ...any) *plgv1.Diagnostic {
	return &plgv1.Diagnostic{
		Severity: plgv1.Severity_SEVERITY_ERROR, Path: codePath, Code: code, Summary: s.text(ctx, code, args...),
	}
}

// sources are where a try counts: its operator and its till.
func sources(actor *plgv1.Actor) []string {
	var list []string
	if actor.GetOperator() != "" {
		list = append(list, "o"+actor.GetOperator())
	}
	if actor.GetTill() != "" {
		list = append(list, "t"+actor.GetTill())
	}
	return list
}

// misses are the times of a source's wrong codes within the window, oldest first.
func (s *Service) misses(tx *store.Tx, source string) []time.Time {
	var times []time.Time
	from := s.Now().Add(-tryWindow)
	for data := tx.Get(bucketTries, []byte(source)); len(data) >= 8; data = data[8:] {
		if t := time.Unix(0, int64(binary.BigEndian.Uint64(data))); t.After(from) {
			times = append(times, t)
		}
	}
	return times
}

// wait is how long the actor has to wait before another code of his is heard.
func (s *Service) wait(tx *store.Tx, actor *plgv1.Actor) time.Duration {
	var longest time.Duration
	for _, source := range sources(actor) {
		if times := s.misses(tx, source); len(times) >= tryLimit {
			longest = max(longest, times[0].Add(tryWindow).Sub(s.Now()))
		}
	}
	return longest
}

// miss counts a wrong code.
func (s *Service) miss(tx *store.Tx, actor *plgv1.Actor) {
	for _, source := range sources(actor) {
		times := append(s.misses(tx, source), s.Now())
		var data []byte
		for _, t := range times[max(0, len(times)-tryLimit):] {
			data = binary.BigEndian.AppendUint64(data, uint64(t.UnixNano()))
		}
		tx.Put(bucketTries, []byte(source), data)
	}
}
