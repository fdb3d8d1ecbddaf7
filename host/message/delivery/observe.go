package delivery

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// Observe follows a change of a row of the outbox, in its transaction: old is the row before, nil when it is new. It
// keeps the counts, and brings the address along with what the server said at once or what proves that a mail arrived.
// What came by mail has been brought to the address by Receive already.
func (s *Service) Observe(tx *store.Tx, old, now *mostradorv1.Message) error {
	if now.GetMessageId() == "" {
		// The row of somebody who was erased (message.Forget): what it was stays counted.
		if waiting(old) && !waiting(now) {
			count(tx, bucketMeta, keyWaiting, -1)
		}
		return nil
	}
	s.count(tx, old, now)
	d, before := now.GetDelivery(), old.GetDelivery()
	switch {
	case failedAtOnce(now) && !failedAtOnce(old):
		return s.bounced(tx, now.To, now.CustomerId, now.Id, d.GetBounce(), nil)
	case now.Sent != nil && old.GetSent() == nil:
		return s.left(tx, now)
	case fresh(before.GetDelivered(), d.GetDelivered()), fresh(before.GetOpened(), d.GetOpened()),
		fresh(before.GetClicked(), d.GetClicked()), fresh(before.GetAnswered(), d.GetAnswered()):
		return s.healed(tx, now.To, now.Id)
	}
	return nil
}

func waiting(m *mostradorv1.Message) bool {
	return m.GetState() == mostradorv1.MessageState_MESSAGE_STATE_QUEUED
}

// failedAtOnce tells whether the server refused a mail to its face, for good.
func failedAtOnce(m *mostradorv1.Message) bool {
	return m.GetState() == mostradorv1.MessageState_MESSAGE_STATE_FAILED && m.GetDelivery().GetBounce().GetAtOnce()
}

func fresh(before, now *timestamppb.Timestamp) bool { return before == nil && now != nil }

// entry is what a row adds to one cell. A row counts on the day on which it was queued until it has left, and with all
// that came of it on the day on which it left. So rates compare like with like: what came back of the mails of a day.
type entry struct {
	day string
	delta
}

// entries is what a row adds.
func entries(m *mostradorv1.Message, zone *time.Location) []entry {
	if m == nil {
		return nil
	}
	queued := m.GetQueued().AsTime()
	day := queued.In(zone).Format(dayForm)
	list := append(make([]entry, 0, 8), entry{day, delta{countQueued, 1}})
	bounce := m.GetDelivery().GetBounce()
	switch {
	case m.GetSent() != nil:
		sent := m.GetSent().AsTime()
		day = sent.In(zone).Format(dayForm)
		list = append(list, entry{day, delta{countSent, 1}}, entry{day, delta{countLatency + latencyBucket(latency(m)), 1}})
		if back, ok := countOf(bounce); ok {
			list = append(list, entry{day, delta{back, 1}})
		} else {
			list = append(list, entry{day, delta{countDelivered, 1}})
		}
	case m.GetState() == mostradorv1.MessageState_MESSAGE_STATE_FAILED:
		list = append(list, entry{day, delta{countFailed, 1}})
		if back, ok := countOf(bounce); ok {
			list = append(list, entry{day, delta{back, 1}})
		}
	case m.GetState() == mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED:
		list = append(list, entry{day, delta{countSuppressed, 1}})
	}
	d := m.GetDelivery()
	if d.GetComplained() != nil {
		list = append(list, entry{day, delta{countComplained, 1}})
	}
	if d.GetOpened() != nil {
		list = append(list, entry{day, delta{countOpened, 1}})
	}
	if d.GetClicked() != nil {
		list = append(list, entry{day, delta{countClicked, 1}})
	}
	if n := d.GetMachine(); n > 0 {
		list = append(list, entry{day, delta{countMachine, int64(n)}})
	}
	return list
}

// countOf is the counter of a bounce; one that decides nothing has none.
func countOf(b *mostradorv1.Bounce) (counter int, ok bool) {
	switch b.GetKind() {
	case mostradorv1.Bounce_KIND_HARD:
		return countHard, true
	case mostradorv1.Bounce_KIND_SOFT:
		return countSoft, true
	case mostradorv1.Bounce_KIND_BLOCKED:
		return countBlocked, true
	}
	return 0, false
}

// latency is how long a mail took from its event to the server's acceptance. One that was to leave later is late only
// from then on.
func latency(m *mostradorv1.Message) time.Duration {
	from := m.GetQueued().AsTime()
	if m.GetNotBefore() != nil && m.GetNotBefore().AsTime().After(from) {
		from = m.GetNotBefore().AsTime()
	}
	return max(0, m.GetSent().AsTime().Sub(from))
}

func latencyBucket(d time.Duration) int {
	i, _ := slices.BinarySearch(latencies[:], d)
	return i
}

// count brings the counts from what the old row added to what the new one adds.
func (s *Service) count(tx *store.Tx, old, now *mostradorv1.Message) {
	if was, is := waiting(old), waiting(now); was != is {
		n := int64(1)
		if was {
			n = -1
		}
		count(tx, bucketMeta, keyWaiting, n)
	}
	zone := s.cfg.Now().Location()
	minus, plus := entries(old, zone), entries(now, zone)
	if old != nil && (placeOf(old) != placeOf(now) || old.To != now.To) {
		put(tx, old, negative(minus))
		put(tx, now, plus)
	} else {
		put(tx, now, difference(minus, plus))
	}
	s.countReason(tx, old, zone, -1)
	s.countReason(tx, now, zone, 1)
}

func negative(list []entry) []entry {
	for i := range list {
		list[i].n = -list[i].n
	}
	return list
}

// difference is what leads from one list to the other; what both have cancels out.
func difference(minus, plus []entry) []entry {
	list := plus
	for _, m := range minus {
		if i := slices.Index(list, m); i >= 0 {
			list = slices.Delete(list, i, i+1)
			continue
		}
		m.n = -m.n
		list = append(list, m)
	}
	return list
}

// put writes entries into the cells of a row, each cell once.
func put(tx *store.Tx, m *mostradorv1.Message, list []entry) {
	var deltas [16]delta
	for len(list) > 0 {
		day := list[0].day
		same := deltas[:0]
		rest := list[:0]
		for _, e := range list {
			if e.day == day {
				same = append(same, e.delta)
			} else {
				rest = append(rest, e)
			}
		}
		change(tx, placeOf(m).prefix(day), domainOf(m.GetTo()), same)
		list = rest
	}
}

// countReason counts why a mail came back.
func (s *Service) countReason(tx *store.Tx, m *mostradorv1.Message, zone *time.Location, n int64) {
	b := m.GetDelivery().GetBounce()
	if _, counts := countOf(b); !counts || m.GetSent() == nil && m.GetState() != mostradorv1.MessageState_MESSAGE_STATE_FAILED {
		return
	}
	at := m.GetSent()
	if at == nil {
		at = m.GetQueued()
	}
	key := append(placeOf(m).prefix(at.AsTime().In(zone).Format(dayForm)), byte(b.GetKind()))
	count(tx, bucketReason, append(key, b.GetReason()...), n)
}
