package delivery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
)

const (
	// usualDays and mostDays bound what a dashboard looks back at.
	usualDays = 30
	mostDays  = 400
	// shownProviders is how many providers stand by themselves; the rest stands together.
	shownProviders = 12
	// smallProvider is the least part of all mails that gives a provider a row of its own.
	smallProvider = 0.002
)

// firstDay is the first of the last days days, today included, as cells are kept under it.
func firstDay(now time.Time, days int) string { return now.AddDate(0, 0, 1-days).Format(dayForm) }

// Dashboard counts what left, arrived, bounced, was opened and complained of in the last days. Alerts are those of the
// store, whatever the dashboard is narrowed to.
func (s *Service) Dashboard(ctx context.Context, q *mostradorv1.DashboardRequest) (*mostradorv1.DashboardResponse, error) {
	days := int(q.GetDays())
	if days <= 0 {
		days = usualDays
	}
	days = min(days, mostDays)
	now := s.cfg.Now()
	from := place{q.GetPlugin(), q.GetTemplate(), q.GetRule()}
	var total cell
	byDay, byProvider, byTemplate := map[string]*cell{}, map[string]*cell{}, map[[2]string]*cell{}
	type why struct {
		kind   mostradorv1.Bounce_Kind
		reason string
	}
	reasons := map[why]uint64{}
	answer := new(mostradorv1.DashboardResponse)
	err := s.cfg.Store.View(func(tx *store.Tx) (err error) {
		for k, value := range from.from(tx, bucketCount, firstDay(now, days)) {
			c := readCell(value)
			total.sum(&c)
			sumUp(byDay, k.day, &c)
			sumUp(byProvider, k.rest, &c)
			sumUp(byTemplate, [2]string{k.plugin, k.template}, &c)
		}
		for k, value := range from.from(tx, bucketReason, firstDay(now, days)) {
			if k.rest != "" {
				reasons[why{mostradorv1.Bounce_Kind(k.rest[0]), k.rest[1:]}] += number(value)
			}
		}
		answer.Waiting = number(tx.Get(bucketMeta, keyWaiting))
		if _, oldest := s.due(tx); !oldest.IsZero() {
			answer.Oldest = timestamppb.New(oldest)
		}
		answer.Alerts, err = s.alerts(tx, locale.FromContext(ctx))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dashboard of mails: %w", err)
	}
	answer.Total = total.shown()
	for i := range days {
		at := now.AddDate(0, 0, 1-days+i)
		c := byDay[at.Format(dayForm)]
		if c == nil {
			c = new(cell)
		}
		answer.Days = append(answer.Days, &mostradorv1.DayCounts{Day: at.Format(time.DateOnly), Counts: c.shown()})
	}
	answer.Providers = providers(byProvider, &total)
	for k, n := range reasons {
		if n > 0 {
			answer.Bounces = append(answer.Bounces, &mostradorv1.ReasonCount{Kind: k.kind, Reason: k.reason, Count: n})
		}
	}
	slices.SortFunc(answer.Bounces, func(a, b *mostradorv1.ReasonCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Kind, b.Kind))
	})
	for k, c := range byTemplate {
		answer.Templates = append(answer.Templates, &mostradorv1.TemplateCounts{Plugin: k[0], Template: k[1], Counts: c.shown()})
	}
	slices.SortFunc(answer.Templates, func(a, b *mostradorv1.TemplateCounts) int {
		return cmp.Or(cmp.Compare(b.Counts.Queued, a.Counts.Queued), cmp.Compare(a.Plugin, b.Plugin), cmp.Compare(a.Template, b.Template))
	})
	for i := range len(latencies) + 1 {
		l := &mostradorv1.LatencyCount{Count: uint64(total[countLatency+i])}
		if i < len(latencies) {
			l.Seconds = latencies[i].Seconds()
		}
		answer.Latency = append(answer.Latency, l)
	}
	answer.LatencyP50, answer.LatencyP99 = quantile(&total, 0.50), quantile(&total, 0.99)
	return answer, nil
}

func sumUp[K comparable](cells map[K]*cell, k K, c *cell) {
	if cells[k] == nil {
		cells[k] = new(cell)
	}
	cells[k].sum(c)
}

// providers are the large ones by how many mails they got; all others are one row at the end.
func providers(cells map[string]*cell, total *cell) []*mostradorv1.ProviderCounts {
	size := func(c *cell) uint32 { return c[countSent] + c[countFailed] }
	names := slices.SortedFunc(maps.Keys(cells), func(a, b string) int {
		return cmp.Or(cmp.Compare(size(cells[b]), size(cells[a])), cmp.Compare(a, b))
	})
	var list []*mostradorv1.ProviderCounts
	rest := new(cell)
	for _, name := range names {
		c := cells[name]
		if name == "" || len(list) == shownProviders || float64(size(c)) < smallProvider*float64(size(total)) {
			rest.sum(c)
			continue
		}
		list = append(list, &mostradorv1.ProviderCounts{Provider: name, Counts: c.shown()})
	}
	if rest[countQueued]+size(rest) > 0 {
		list = append(list, &mostradorv1.ProviderCounts{Counts: rest.shown()})
	}
	return list
}

// quantile is the latency, in seconds, below which a part of the mails left, 0 when none did. Within a bucket mails are
// taken to be spread evenly; beyond the last bound there is only that to say.
func quantile(c *cell, part float64) float64 {
	buckets := c[countLatency:]
	var all float64
	for _, n := range buckets {
		all += float64(n)
	}
	rank := part * all
	var below float64
	for i, n := range buckets {
		if n > 0 && below+float64(n) >= rank {
			if i == len(latencies) {
				break
			}
			var low float64
			if i > 0 {
				low = latencies[i-1].Seconds()
			}
			return low + (latencies[i].Seconds()-low)*(rank-below)/float64(n)
		}
		below += float64(n)
	}
	if all == 0 {
		return 0
	}
	return latencies[len(latencies)-1].Seconds()
}
