package customer

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Verify compares what is kept for finding customers with the customers themselves, all of them, and returns what
// disagrees, in words for whoever looks into it; nothing when all is well.
func (s *Service) Verify(ctx context.Context) (problems []string, err error) {
	if err := s.Build(ctx); err != nil {
		return nil, err
	}
	const enough = 20
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	err = s.Store.View(func(tx *store.Tx) error {
		found, held, known := 0, 0, 0
		for number, record := range s.Records(tx, 0) {
			if len(problems) > enough {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			c := new(plgv1.Customer)
			if err := proto.Unmarshal(record, c); err != nil {
				say("the record of customer %d cannot be read: %v", number, err)
				continue
			}
			found++
			if c.Number != uint64(number) {
				say("the record of customer %d says %d", number, c.Number)
			}
			if got := numberOf(tx.Get(bucketID, idKey(c.Id))); got != number {
				say("id %s leads to customer %d instead of %d", c.Id, got, number)
			}
			for _, key := range keys(c) {
				held++
				if got := numberOf(tx.Get(bucketIndex, key)); got != number {
					say("%q leads to customer %d instead of %d", key, got, number)
				}
			}
		}
		for key := range tx.Scan(bucketIndex, nil, nil) {
			if key[0] != kindRegistration {
				known++
			}
		}
		if known != held {
			say("%d phones, e-mails and cards lead to customers, who have %d", known, held)
		}
		if n := s.finder.Len(); n != found {
			say("%d customers are found in memory, %d are in the file", n, found)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return append(problems, s.sets.Verify(s.Store)...), nil
}
