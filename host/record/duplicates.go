package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/finder"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	usualPairs = 50
	mostListed = 500
	// mostLike is how many customers of a like name are compared with one.
	mostLike = 400
)

// Duplicates suggests pairs that may be one person, the likeliest first. For one customer it looks at once; for
// everybody it lists what the last search found, begins another one when that is old, and says how far that is.
func (s *Service) Duplicates(ctx context.Context, req *mostradorv1.DuplicatesRequest) (*mostradorv1.DuplicatesResponse, error) {
	limit := int(req.GetLimit())
	if limit <= 0 {
		limit = usualPairs
	}
	limit = min(limit, mostListed)
	if req.GetCustomerId() != "" {
		pairs, err := s.like(ctx, req.GetCustomerId(), limit)
		return &mostradorv1.DuplicatesResponse{Pairs: pairs, Percent: 100}, err
	}
	percent, err := s.search()
	if err != nil {
		return nil, err
	}
	answer := &mostradorv1.DuplicatesResponse{Percent: percent}
	lang := locale.FromContext(ctx)
	err = s.Store.View(func(tx *store.Tx) error {
		run := tx.Get(bucketMeta, keyRun)
		if run == nil {
			return nil
		}
		fields := s.Customers.InForce()
		for key, rare := range tx.Scan(bucketPair, bytes.Clone(run), nil) {
			if len(answer.Pairs) == limit {
				return nil
			}
			a, b := binary.BigEndian.Uint32(key[9:]), binary.BigEndian.Uint32(key[13:])
			pair, err := s.pair(tx, fields, a, b, len(rare) == 1 && rare[0] == 1, lang)
			if err != nil {
				return err
			}
			if pair != nil {
				answer.Pairs = append(answer.Pairs, pair)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// pair weighs a pair as it is now; nil when there is nothing to suggest any more.
func (s *Service) pair(tx *store.Tx, fields customer.Fields, a, b uint32, rare bool, lang string) (*mostradorv1.DuplicatePair, error) {
	if tx.Get(bucketDismissed, pairKey(a, b)) != nil {
		return nil, nil
	}
	x, err := s.Customers.ByNumber(tx, a)
	if errors.Is(err, customer.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	y, err := s.Customers.ByNumber(tx, b)
	if errors.Is(err, customer.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := modelOf(fields, ids(x, y))
	e := compare(m.personOf(x), m.personOf(y), rare)
	if e.score < suggestFrom {
		return nil, nil
	}
	return &mostradorv1.DuplicatePair{A: x, B: y, Score: e.score, Reasons: s.reasons(e, lang)}, nil
}

// ids are the ids of the fields of both.
func ids(x, y *plgv1.Customer) []string {
	return union(sortedKeys(x.GetFields()), sortedKeys(y.GetFields()))
}

// like finds who may be the same person as a customer.
func (s *Service) like(ctx context.Context, id string, limit int) ([]*mostradorv1.DuplicatePair, error) {
	if err := s.Customers.Build(ctx); err != nil {
		return nil, err
	}
	lang := locale.FromContext(ctx)
	var c *plgv1.Customer
	if err := s.Store.View(func(tx *store.Tx) (err error) { c, err = s.Customers.Get(tx, id); return err }); err != nil {
		return nil, err
	}
	numbers, rare, err := s.candidates(ctx, c)
	if err != nil {
		return nil, err
	}
	var pairs []*mostradorv1.DuplicatePair
	err = s.Store.View(func(tx *store.Tx) error {
		numbers = append(numbers, s.near(tx, c)...)
		slices.Sort(numbers)
		fields := s.Customers.InForce()
		for _, n := range slices.Compact(numbers) {
			if n == uint32(c.Number) {
				continue
			}
			pair, err := s.pair(tx, fields, uint32(c.Number), n, rare, lang)
			if err != nil {
				return err
			}
			if pair != nil {
				pairs = append(pairs, pair)
			}
		}
		return nil
	})
	slices.SortStableFunc(pairs, func(x, y *mostradorv1.DuplicatePair) int { return int(y.Score - x.Score) })
	return pairs[:min(len(pairs), limit)], err
}

// candidates are customers of a like name, and whether the name is rare.
func (s *Service) candidates(ctx context.Context, c *plgv1.Customer) (numbers []uint32, rare bool, err error) {
	words := wordsOf(c.Name)
	if len(words) == 0 {
		return nil, false, nil
	}
	look := func(words []string) (total uint64, err error) {
		found, total, _, err := s.Customers.Finder().Find(ctx, finder.Query{Words: words, Limit: mostLike})
		numbers = append(numbers, found...)
		return total, err
	}
	total, err := look(words)
	if err != nil || len(words) < 2 {
		return numbers, total <= rareName, err
	}
	for i := range words[:min(len(words), maxWords)] {
		if _, err := look(slices.Delete(slices.Clone(words), i, i+1)); err != nil {
			return nil, false, err
		}
	}
	return numbers, total <= rareName, nil
}

// near are customers whose phone is one slip off, or who have the same part before the @.
func (s *Service) near(tx *store.Tx, c *plgv1.Customer) (numbers []uint32) {
	try := func(phone string) {
		if n := s.Customers.HolderOf(tx, pathPhone, phone); n != 0 {
			numbers = append(numbers, n)
		}
	}
	const country = 3 // the country's code is not mistyped: it is filled in
	for i := country; i < len(c.Phone); i++ {
		for digit := byte('0'); digit <= '9'; digit++ {
			if digit != c.Phone[i] {
				try(c.Phone[:i] + string(digit) + c.Phone[i+1:])
			}
		}
		if i+1 < len(c.Phone) && c.Phone[i] != c.Phone[i+1] {
			try(c.Phone[:i] + string(c.Phone[i+1]) + string(c.Phone[i]) + c.Phone[i+2:])
		}
	}
	if at := strings.LastIndexByte(c.Email, '@'); at >= leastLocal {
		numbers = append(numbers, s.Customers.WithLocal(tx, c.Email[:at], largestBlock)...)
	}
	return numbers
}

// Dismiss says that two customers are two persons: they are not suggested again.
func (s *Service) Dismiss(ctx context.Context, a, b string) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		x, err := s.Customers.Number(tx, a)
		if err != nil {
			return err
		}
		y, err := s.Customers.Number(tx, b)
		if err != nil {
			return err
		}
		if x == y {
			return s.refuse(ctx, "b", "merge_same")
		}
		s.dismiss(tx, x, y)
		return nil
	})
}

func (s *Service) dismiss(tx *store.Tx, a, b uint32) {
	tx.Put(bucketDismissed, pairKey(a, b), nil)
	tx.Put(bucketDismissed, pairKey(b, a), nil)
}
