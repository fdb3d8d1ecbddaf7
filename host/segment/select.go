package segment

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Preview says who would belong to a segment that is not kept: how many, and the first of them by number. What is
// wrong comes as diagnostics; without any, expression and words are those that it would have.
func (s *Service) Preview(ctx context.Context, wanted *mostradorv1.Segment, limit int) (*mostradorv1.PreviewSegmentResponse, error) {
	d := &mostradorv1.Segment{Id: wanted.GetId(), Condition: wanted.GetCondition(), Expression: wanted.GetExpression()}
	_, e, wrong, err := s.define(ctx, d)
	if err != nil || len(wrong) > 0 {
		return &mostradorv1.PreviewSegmentResponse{Expression: d.Expression, Diagnostics: wrong}, err
	}
	members, err := s.scan(ctx, test{e.test, &e.deps})
	if err != nil {
		return nil, err
	}
	resp := &mostradorv1.PreviewSegmentResponse{Customers: members.GetCardinality(), Expression: d.Expression}
	if resp.Words, err = s.Words(ctx, d.Condition); err != nil {
		return nil, err
	}
	resp.First, err = s.first(members, limit)
	return resp, err
}

// first are the customers of the least numbers.
func (s *Service) first(members *roaring.Bitmap, limit int) (list []*plgv1.Customer, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		for it := members.Iterator(); it.HasNext() && len(list) < limit; {
			c, err := s.Customers.ByNumber(tx, it.Next())
			if err != nil {
				continue // gone since
			}
			list = append(list, c)
		}
		return nil
	})
	return list, err
}

// Matcher compiles the condition of a search. The function may be called by several goroutines. A condition that is
// wrong is a *customer.Refused.
func (s *Service) Matcher(ctx context.Context, c *mostradorv1.Condition) (func(*customer.Known) bool, error) {
	e, err := s.condition(ctx, c)
	if err != nil {
		return nil, err
	}
	return s.matcher(e)
}

// Expression is Matcher for an expression in the language of segments.
func (s *Service) Expression(ctx context.Context, expression string) (func(*customer.Known) bool, error) {
	_, e, wrong, err := s.define(ctx, &mostradorv1.Segment{Expression: expression})
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return nil, refused(wrong)
	}
	return s.matcher(e)
}

func (s *Service) matcher(e *entry) (func(*customer.Known) bool, error) {
	today, err := s.now()
	if err != nil {
		return nil, err
	}
	return func(k *customer.Known) bool {
		p := s.person(today)
		p.see(k)
		p.in = func(id set.ID) bool { return slices.Contains(k.Sets, id) }
		p.tagged = func() bool { return hasTag(k.Sets) }
		return e.test(&p)
	}, nil
}

// Select returns the numbers of the customers who meet a condition, as committed: what Matcher says of everybody, much
// faster.
func (s *Service) Select(ctx context.Context, c *mostradorv1.Condition) (*roaring.Bitmap, error) {
	e, err := s.condition(ctx, c)
	if err != nil {
		return nil, err
	}
	return s.scan(ctx, test{e.test, &e.deps})
}

func (s *Service) condition(ctx context.Context, c *mostradorv1.Condition) (*entry, error) {
	_, e, wrong, err := s.define(ctx, &mostradorv1.Segment{Condition: c})
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		for _, d := range wrong {
			d.Path = "filter." + d.Path
		}
		return nil, refused(wrong)
	}
	return e, nil
}

// now is the store's day, as durable.
func (s *Service) now() (today float64, err error) {
	err = s.Store.View(func(tx *store.Tx) error { today, err = s.today(tx); return err })
	return today, err
}
