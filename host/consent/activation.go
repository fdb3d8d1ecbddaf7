package consent

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketActivation holds each customer's latest activation: customer id → activation as JSON.
	bucketActivation store.Bucket = "consent_activation"
	// bucketCode holds the codes of open activations, hidden: HMAC of the code → customer id. It serves
	// only to keep them unique; nobody is ever looked up by a code.
	bucketCode store.Bucket = "consent_code"
	// bucketOpen lists open activations by their end: expiry (big endian nanoseconds) || customer id → HMAC
	// of the code.
	bucketOpen store.Bucket = "consent_open"
)

const (
	// maxMisses is how many wrong codes lock an activation.
	maxMisses = 5
	// maxOpen is how many of the 10,000 codes may be in use at once. Beyond that the oldest is retired, so
	// that registering never fails and a code is found within a few draws.
	maxOpen = 5000
	// maxReaped is how many expired activations one invitation clears away.
	maxReaped = 20
	// maxDraws cannot be reached by chance: with half of the codes in use each draw hits one in two.
	maxDraws = 1000
)

// activation is one invitation: what a link and a short code answer. The code itself is not kept; it follows
// from the store's key, the customer and the nonce.
type activation struct {
	ID       string    `json:"id"`
	Customer string    `json:"customer"`
	Nonce    []byte    `json:"nonce"`
	Expires  time.Time `json:"expires"`
	Misses   int       `json:"misses,omitempty"`
	Used     bool      `json:"used,omitempty"`
	Retired  bool      `json:"retired,omitempty"`
	// TextID and Language say which wording the customer was asked to accept.
	TextID   string `json:"text"`
	Language string `json:"language"`
}

func (a *activation) locked() bool { return !a.Used && a.Misses >= maxMisses }

func (a *activation) open(now time.Time) bool {
	return !a.Used && !a.Retired && !a.locked() && now.Before(a.Expires)
}

func (a *activation) shown() *mostradorv1.Activation {
	return &mostradorv1.Activation{
		Id: a.ID, Expires: stamp(a.Expires), TriesLeft: int32(max(0, maxMisses-a.Misses)), Locked: a.locked(),
	}
}

// activation returns a customer's latest activation, nil when there is none.
func (s *Service) activation(tx *store.Tx, customerID string) (*activation, error) {
	data := tx.Get(bucketActivation, []byte(customerID))
	if data == nil {
		return nil, nil
	}
	a := new(activation)
	if err := json.Unmarshal(data, a); err != nil {
		return nil, fmt.Errorf("consent activation of %s: %w", customerID, err)
	}
	return a, nil
}

func (s *Service) putActivation(tx *store.Tx, a *activation) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("consent activation of %s: %w", a.Customer, err)
	}
	tx.Put(bucketActivation, []byte(a.Customer), data)
	return nil
}

// Invite asks a customer: it opens an activation with its short code, or, while one is open and not locked,
// extends it; notes ASKED in the ledger; and returns the token of the link. It never fails for want of codes.
func (s *Service) Invite(tx *store.Tx, actor *plgv1.Actor, customerID string) (*mostradorv1.Activation, string, error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, "", err
	}
	customerID = c.Id
	wording, err := s.InForce(tx)
	if err != nil {
		return nil, "", err
	}
	text := wording.in(s.Text.Language(c.Language))
	a, err := s.opened(tx, customerID)
	if err != nil {
		return nil, "", err
	}
	a.TextID, a.Language = text.Id, text.Language
	if err := s.putActivation(tx, a); err != nil {
		return nil, "", err
	}
	err = s.append(tx, &mostradorv1.ConsentEntry{
		CustomerId:   customerID,
		Purposes:     bothPurposes(),
		Act:          mostradorv1.ConsentAct_CONSENT_ACT_ASKED,
		Means:        plgv1.Means_MEANS_LINK,
		Time:         stamp(s.Now()),
		Actor:        actor,
		Text:         text,
		ActivationId: a.ID,
	})
	if err != nil {
		return nil, "", err
	}
	first, _, _ := strings.Cut(c.Name, " ")
	return a.shown(), token.Seal(s.Key, token.Claims{
		Purpose:      token.Activation,
		CustomerID:   customerID,
		ActivationID: a.ID,
		Code:         s.code(customerID, a.Nonce),
		FirstName:    first,
		Language:     text.Language,
		TextID:       text.Id,
		Expires:      a.Expires,
	}), nil
}

// opened returns the customer's open activation with a new expiry, or a new one, enlisted among the open.
func (s *Service) opened(tx *store.Tx, customerID string) (*activation, error) {
	a, err := s.activation(tx, customerID)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	expires := now.Add(s.validity()).UTC().Truncate(time.Second) // a token tells whole seconds
	if a != nil {
		s.delist(tx, a)
		if a.open(now) {
			if expires.After(a.Expires) {
				a.Expires = expires
			}
			s.enlist(tx, a)
			return a, nil
		}
	}
	if err := s.makeRoom(tx); err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("consent activation id: %w", err)
	}
	a = &activation{ID: id.String(), Customer: customerID, Nonce: make([]byte, 16), Expires: expires}
	for range maxDraws {
		rand.Read(a.Nonce) // never fails (crypto/rand)
		if tx.Get(bucketCode, s.hidden(s.code(customerID, a.Nonce))) == nil {
			s.enlist(tx, a)
			return a, nil
		}
	}
	return nil, errors.New("consent: no free code found")
}

// makeRoom clears away expired activations and, when too many are open nevertheless, retires the oldest.
func (s *Service) makeRoom(tx *store.Tx) error {
	now := s.Now()
	var gone []string
	open := s.openCount(tx)
	for key := range tx.Scan(bucketOpen, nil, nil) {
		expires := time.Unix(0, int64(binary.BigEndian.Uint64(key)))
		if len(gone) == maxReaped || now.Before(expires) && open-len(gone) < s.room {
			break
		}
		gone = append(gone, string(key[8:]))
	}
	for _, customerID := range gone {
		a, err := s.activation(tx, customerID)
		if err != nil {
			return err
		}
		if a == nil {
			return fmt.Errorf("consent: open activation of %s is missing", customerID)
		}
		s.delist(tx, a)
		a.Retired = true
		if err := s.putActivation(tx, a); err != nil {
			return err
		}
	}
	return nil
}

func openKey(a *activation) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(a.Expires.UnixNano())), a.Customer...)
}

// enlist takes an activation's code out of the free ones.
func (s *Service) enlist(tx *store.Tx, a *activation) {
	hidden := s.hidden(s.code(a.Customer, a.Nonce))
	tx.Put(bucketOpen, openKey(a), hidden)
	tx.Put(bucketCode, hidden, []byte(a.Customer))
	s.setOpenCount(tx, s.openCount(tx)+1)
}

// delist frees an activation's code; one that is not enlisted is left alone.
func (s *Service) delist(tx *store.Tx, a *activation) {
	hidden := bytes.Clone(tx.Get(bucketOpen, openKey(a)))
	if hidden == nil {
		return
	}
	tx.Delete(bucketOpen, openKey(a))
	tx.Delete(bucketCode, hidden)
	s.setOpenCount(tx, s.openCount(tx)-1)
}

func (s *Service) openCount(tx *store.Tx) int {
	if data := tx.Get(bucketMeta, keyOpen); len(data) == 8 {
		return int(binary.BigEndian.Uint64(data))
	}
	return 0
}

func (s *Service) setOpenCount(tx *store.Tx, n int) {
	tx.Put(bucketMeta, keyOpen, sequenceKey(uint64(max(0, n))))
}

// code derives the short code of a customer and nonce: four digits.
func (s *Service) code(customerID string, nonce []byte) string {
	mac := hmac.New(sha256.New, s.codeKey)
	mac.Write([]byte("code\x00" + customerID + "\x00"))
	mac.Write(nonce)
	// 64 bits modulo 10,000: no code is likelier than another by more than 1 in 10^15.
	return fmt.Sprintf("%04d", binary.BigEndian.Uint64(mac.Sum(nil))%10000)
}

// hidden is a code as the index knows it: the file does not tell which codes are open.
func (s *Service) hidden(code string) []byte {
	mac := hmac.New(sha256.New, s.codeKey)
	mac.Write([]byte("index\x00" + code))
	return mac.Sum(nil)[:16]
}
