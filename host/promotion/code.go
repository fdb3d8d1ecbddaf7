package promotion

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// alphabet leaves out what is mistaken for something else when it is read or heard: 0 O, 1 I L, 5 S, 8 B, U V.
const alphabet = "234679ACDEFGHJKMNPQRTWXYZ"

// codeLength is how many letters a code has: 25^10 are 9.5e13, of which a store issues millions at the most.
const codeLength = 10

// newCode draws a code that is not taken.
func newCode(tx *store.Tx) (string, error) {
	most := big.NewInt(int64(len(alphabet)))
	for range 20 {
		var b [codeLength]byte
		for i := range b {
			n, err := rand.Int(rand.Reader, most)
			if err != nil {
				return "", fmt.Errorf("draw a code: %w", err)
			}
			b[i] = alphabet[n.Int64()]
		}
		if tx.Get(bucketCode, b[:]) == nil {
			return string(b[:]), nil
		}
	}
	return "", errors.New("promotion: no code is free")
}

// plainCode reads a code as people type it: in either case, with or without dash and spaces.
func plainCode(typed string) (code string, ok bool) {
	if len(typed) > 64 {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\t' || r == '\u00a0' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(code) != codeLength {
		return "", false
	}
	for _, r := range code {
		if !strings.ContainsRune(alphabet, r) {
			return "", false
		}
	}
	return code, true
}

// shown is a code in two groups.
func shown(code string) string { return code[:codeLength/2] + "-" + code[codeLength/2:] }

func holderKey(customerID, promotion string) []byte {
	return []byte("c" + customerID + "\x00" + promotion)
}

func listKey(promotion, code string) []byte { return []byte("p" + promotion + "\x00" + code) }

// IssueTx gives a customer his code of a promotion within the caller's transaction: the one that he has while it is good,
// or was used up; else a new one. A promotion that is not there is ErrNotFound, and one that is over a *customer.Refused.
func (s *Service) IssueTx(ctx context.Context, tx *store.Tx, promotion, customerID string) (*mostradorv1.PromoCode, error) {
	p, err := s.promotion(tx, promotion)
	if err != nil {
		return nil, err
	}
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	old, err := s.codeOf(tx, promotion, c)
	if err != nil {
		return nil, err
	}
	if old != nil && (old.Redeemed != nil || good(old, now)) {
		return s.show(tx, old)
	}
	switch {
	case p.Retired || p.Ends != nil && !now.Before(p.Ends.AsTime()):
		return nil, s.refuse(ctx, "promotion", "promotion_over", "name", p.Name)
	case p.Starts != nil && now.Before(p.Starts.AsTime()):
		return nil, s.refuse(ctx, "promotion", "promotion_early", "name", p.Name)
	}
	if old != nil { // it ran out; who gets the promotion again gets a fresh one
		tx.Delete(bucketCode, []byte(old.Code))
		tx.Delete(bucketHolder, listKey(promotion, old.Code))
		count(tx, promotion, -1, 0)
	}
	code, err := newCode(tx)
	if err != nil {
		return nil, err
	}
	kept := &mostradorv1.PromoCode{Code: code, Promotion: promotion, CustomerId: c.Id, Issued: timestamppb.New(now)}
	if p.Days > 0 {
		kept.Expires = timestamppb.New(now.Add(time.Duration(p.Days) * 24 * time.Hour))
	}
	if p.Ends != nil && (kept.Expires == nil || p.Ends.AsTime().Before(kept.Expires.AsTime())) {
		kept.Expires = p.Ends
	}
	tx.Put(bucketHolder, holderKey(c.Id, promotion), []byte(code))
	tx.Put(bucketHolder, listKey(promotion, code), []byte{})
	count(tx, promotion, 1, 0)
	if err := store.PutProto(tx, bucketCode, []byte(code), kept); err != nil {
		return nil, err
	}
	return s.show(tx, kept)
}

// Issue is IssueTx in a transaction of its own.
func (s *Service) Issue(ctx context.Context, promotion, customerID string) (kept *mostradorv1.PromoCode, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		kept, err = s.IssueTx(ctx, tx, promotion, customerID)
		return err
	})
	return kept, err
}

// OfTx returns the code that a customer has of a promotion, nil when none.
func (s *Service) OfTx(tx *store.Tx, promotion, customerID string) (*mostradorv1.PromoCode, error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, err
	}
	kept, err := s.codeOf(tx, promotion, c)
	if err != nil || kept == nil {
		return nil, err
	}
	return s.show(tx, kept)
}

// codeOf finds the code of a customer, under his own id or that of who became part of him.
func (s *Service) codeOf(tx *store.Tx, promotion string, c *plgv1.Customer) (*mostradorv1.PromoCode, error) {
	for _, id := range s.Customers.IDs(tx, c) {
		if code := tx.Get(bucketHolder, holderKey(id, promotion)); code != nil {
			return load(tx, string(code))
		}
	}
	return nil, nil
}

func load(tx *store.Tx, code string) (*mostradorv1.PromoCode, error) {
	kept := new(mostradorv1.PromoCode)
	found, err := store.GetProto(tx, bucketCode, []byte(code), kept)
	if err == nil && !found {
		err = ErrNotFound
	}
	return kept, err
}

// good tells whether a code that was not used may be.
func good(c *mostradorv1.PromoCode, now time.Time) bool {
	return c.Expires == nil || now.Before(c.Expires.AsTime())
}

// seen is a code as people see it.
func (s *Service) seen(tx *store.Tx, code string) (*mostradorv1.PromoCode, error) {
	kept, err := load(tx, code)
	if err != nil {
		return nil, err
	}
	return s.show(tx, kept)
}

// show fills in what people see.
func (s *Service) show(tx *store.Tx, kept *mostradorv1.PromoCode) (*mostradorv1.PromoCode, error) {
	p, err := s.promotion(tx, kept.Promotion)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	kept.Code, kept.Benefit = shown(kept.Code), p.GetBenefit()
	if kept.CustomerId == "" {
		return kept, nil
	}
	c, err := s.Customers.Get(tx, kept.CustomerId)
	switch {
	case err == nil:
		kept.CustomerId, kept.CustomerName = c.Id, c.Name
	case !errors.Is(err, customer.ErrNotFound):
		return nil, err
	}
	return kept, nil
}

// Check says what a code is worth and whose it is, without using it up. With a customerID it refuses one of somebody
// else; it refuses one that was used, is over or was never issued.
func (s *Service) Check(ctx context.Context, typed, customerID string) (kept *mostradorv1.PromoCode, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		kept, err = s.usable(ctx, tx, typed, customerID)
		if err != nil {
			return err
		}
		if kept.Redeemed != nil {
			return s.used(ctx, kept)
		}
		kept, err = s.show(tx, kept)
		return err
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// usable finds a code that is the customer's and not over, used or not.
func (s *Service) usable(ctx context.Context, tx *store.Tx, typed, customerID string) (*mostradorv1.PromoCode, error) {
	code, ok := plainCode(typed)
	if !ok {
		return nil, s.refuse(ctx, "code", "code_invalid")
	}
	kept, err := load(tx, code)
	if errors.Is(err, ErrNotFound) {
		return nil, s.refuse(ctx, "code", "code_unknown")
	}
	if err != nil {
		return nil, err
	}
	if customerID != "" {
		whose, err := s.Customers.Get(tx, kept.CustomerId)
		if err != nil && !errors.Is(err, customer.ErrNotFound) {
			return nil, err
		}
		buyer, err := s.Customers.Get(tx, customerID)
		if err != nil {
			return nil, err
		}
		if whose.GetId() != buyer.Id {
			return nil, s.refuse(ctx, "code", "code_other") // without a word about whose
		}
	}
	if kept.Redeemed == nil && !good(kept, s.Now()) {
		return nil, s.refuse(ctx, "code", "code_expired", "day", s.day(ctx, kept.Expires))
	}
	return kept, nil
}

func (s *Service) used(ctx context.Context, kept *mostradorv1.PromoCode) error {
	return s.refuse(ctx, "code", "code_used", "day", s.day(ctx, kept.Redeemed), "receipt", kept.Receipt)
}

func (s *Service) day(ctx context.Context, t *timestamppb.Timestamp) string {
	return t.AsTime().Local().Format(s.Text.Text(locale.FromContext(ctx), "promotion.day"))
}

// maxReceipt is the longest receipt number, in bytes.
const maxReceipt = 64

// Redeem uses a code up for a purchase. The same receipt again changes nothing and answers the same. The customer has
// then converted in the promotion (campaign.converted), and the log tells of it as "promotion.redeemed".
func (s *Service) Redeem(ctx context.Context, actor *plgv1.Actor, typed, customerID, receipt string) (kept *mostradorv1.PromoCode, repeated bool, err error) {
	receipt = customer.OneLine(receipt)
	if receipt == "" || len(receipt) > maxReceipt {
		return nil, false, s.refuse(ctx, "receipt", "receipt_empty")
	}
	if customerID == "" {
		return nil, false, s.refuse(ctx, "customer", "customer_empty")
	}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		kept, err = s.usable(ctx, tx, typed, customerID)
		if err != nil {
			return err
		}
		if repeated = kept.Redeemed != nil; repeated {
			if kept.Receipt != receipt {
				return s.used(ctx, kept)
			}
			kept, err = s.show(tx, kept)
			return err
		}
		kept.Redeemed, kept.Receipt, kept.Actor = timestamppb.New(s.Now()), receipt, actor
		if err := store.PutProto(tx, bucketCode, []byte(kept.Code), kept); err != nil {
			return err
		}
		count(tx, kept.Promotion, 0, 1)
		p, err := s.promotion(tx, kept.Promotion)
		if err != nil {
			return err
		}
		c, err := s.Customers.Get(tx, customerID)
		if err != nil {
			return err
		}
		if err := s.Customers.Convert(tx, actor, c, p.Name); err != nil {
			return err
		}
		kept, err = s.show(tx, kept)
		if err != nil {
			return err
		}
		tx.OnCommit(s.Changed)
		return s.note(tx, actor, c, EventRedeemed, map[string]any{
			"promotion": kept.Promotion, "code": kept.Code, "receipt": receipt, "benefit": kept.Benefit,
		})
	})
	if err != nil {
		return nil, false, err
	}
	return kept, repeated, nil
}

// HeldTx returns the codes that a customer has.
func (s *Service) HeldTx(tx *store.Tx, customerID string) (codes []*mostradorv1.PromoCode, err error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, err
	}
	for _, id := range s.Customers.IDs(tx, c) {
		for _, code := range tx.Scan(bucketHolder, holderKey(id, ""), nil) {
			kept, err := s.seen(tx, string(code))
			if err != nil {
				return nil, err
			}
			codes = append(codes, kept)
		}
	}
	return codes, nil
}

// codesLimit is the most codes of one page.
const codesLimit = 500

// Codes returns codes, of a promotion or of a customer, a page at a time.
func (s *Service) Codes(q *mostradorv1.ListCodesRequest) (*mostradorv1.ListCodesResponse, error) {
	limit := int(q.GetLimit())
	if limit <= 0 || limit > codesLimit {
		limit = codesLimit
	}
	resp := new(mostradorv1.ListCodesResponse)
	err := s.Store.View(func(tx *store.Tx) error {
		if id := q.GetCustomerId(); id != "" {
			held, err := s.HeldTx(tx, id)
			resp.Codes = slices.DeleteFunc(held, func(c *mostradorv1.PromoCode) bool {
				return q.GetPromotion() != "" && c.Promotion != q.GetPromotion()
			})
			return err
		}
		prefix := listKey(q.GetPromotion(), "")
		var after []byte
		if q.GetPage() != "" {
			after = listKey(q.GetPromotion(), q.GetPage())
		}
		for key := range tx.Scan(bucketHolder, prefix, after) {
			code := string(bytes.TrimPrefix(key, prefix))
			if len(resp.Codes) == limit {
				break
			}
			kept, err := s.seen(tx, code)
			if err != nil {
				return err
			}
			resp.Codes = append(resp.Codes, kept)
			resp.NextPage = code
		}
		if len(resp.Codes) < limit {
			resp.NextPage = ""
		}
		return nil
	})
	return resp, err
}

// Forget takes a customer out: codes that were not used are void, and of those that were it stays that they were.
func (s *Service) Forget(tx *store.Tx, customerID string) error {
	prefix := holderKey(customerID, "")
	var codes []string
	for key, code := range tx.Scan(bucketHolder, prefix, nil) {
		codes = append(codes, string(code))
		tx.Delete(bucketHolder, bytes.Clone(key))
	}
	for _, code := range codes {
		kept, err := load(tx, code)
		if err != nil {
			return err
		}
		if kept.Redeemed == nil {
			tx.Delete(bucketCode, []byte(code))
			tx.Delete(bucketHolder, listKey(kept.Promotion, code))
			count(tx, kept.Promotion, -1, 0)
			continue
		}
		kept.CustomerId = ""
		if err := store.PutProto(tx, bucketCode, []byte(code), kept); err != nil {
			return err
		}
	}
	return nil
}
