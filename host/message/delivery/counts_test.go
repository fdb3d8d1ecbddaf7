package delivery

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

func TestTheDashboardTellsDaysProvidersReasonsAndTimes(t *testing.T) {
	w := newWorld(t)
	w.now = noon.AddDate(0, 0, -2)
	for i := range 10 {
		w.put(fmt.Sprintf("a%d", i), func(m *mostradorv1.Message) {
			m.To = fmt.Sprintf("x%d@Gmail.com", i)
			m.State, m.Sent = mostradorv1.MessageState_MESSAGE_STATE_SENT, timestamppb.New(w.now.Add(400*time.Millisecond))
		})
	}
	w.put("a0", func(m *mostradorv1.Message) {
		m.Delivery = &mostradorv1.MessageDelivery{Bounce: soft("mailbox_full"), Bounced: timestamppb.New(w.now)}
	})
	w.now = noon
	w.put("b0", func(m *mostradorv1.Message) {
		m.Template = "recibo"
		m.State = mostradorv1.MessageState_MESSAGE_STATE_FAILED
	})
	w.put("b1", func(m *mostradorv1.Message) {
		m.Template = "recibo"
		m.State = mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED
	})
	w.put("b2", nil)
	d, err := w.Dashboard(t.Context(), &mostradorv1.DashboardRequest{Days: 4})
	if err != nil {
		t.Fatal(err)
	}
	if want := (&mostradorv1.MessageCounts{Queued: 13, Sent: 10, Delivered: 9, Soft: 1, Failed: 1, Suppressed: 1}); !proto.Equal(d.Total, want) {
		t.Errorf("in all %v", d.Total)
	}
	days := ""
	for _, day := range d.Days {
		days += fmt.Sprintf("%s:%d ", day.Day, day.Counts.Sent)
	}
	if days != "2026-11-25:0 2026-11-26:10 2026-11-27:0 2026-11-28:0 " {
		t.Errorf("days %s", days)
	}
	if len(d.Providers) != 2 || d.Providers[0].Provider != "gmail.com" || d.Providers[0].Counts.Soft != 1 || d.Providers[1].Provider != "example.com" {
		t.Errorf("providers %v", d.Providers)
	}
	if len(d.Bounces) != 1 || d.Bounces[0].Reason != "mailbox_full" || d.Bounces[0].Kind != mostradorv1.Bounce_KIND_SOFT || d.Bounces[0].Count != 1 {
		t.Errorf("reasons %v", d.Bounces)
	}
	if len(d.Templates) != 2 || d.Templates[0].Template != "oferta" || d.Templates[1].Counts.Failed != 1 {
		t.Errorf("templates %v", d.Templates)
	}
	if d.LatencyP50 < 0.25 || d.LatencyP99 > 0.5 || d.Waiting != 1 {
		t.Errorf("half within %v, nearly all within %v; %d wait", d.LatencyP50, d.LatencyP99, d.Waiting)
	}
	one, err := w.Dashboard(t.Context(), &mostradorv1.DashboardRequest{Template: "recibo"})
	if err != nil || one.Total.Queued != 2 {
		t.Errorf("of one template %v, %v", one.GetTotal(), err)
	}
	if last := d.Latency[len(d.Latency)-1]; last.Seconds != 0 {
		t.Errorf("the last bucket ends at %v", last.Seconds)
	}
}

// TestCountsAreWhatTheRowsAre changes rows at random and compares the counts with those of the rows as they are in the
// end, queued anew in another store.
func TestCountsAreWhatTheRowsAre(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w, anew := newWorld(t), newWorld(t)
	last := map[string]*mostradorv1.Message{}
	bounces := []*mostradorv1.Bounce{nil, hard(), soft("mailbox_full"), {Kind: mostradorv1.Bounce_KIND_BLOCKED, Reason: "spam"}, {Kind: mostradorv1.Bounce_KIND_DELAYED}}
	for range 400 {
		id := fmt.Sprintf("m%02d", random.IntN(60))
		w.now = noon.Add(time.Duration(random.IntN(72)) * time.Hour)
		w.put(id, func(m *mostradorv1.Message) {
			m.To = fmt.Sprintf("x@d%02d.example", random.IntN(50)) // beyond maxProviders
			m.State = mostradorv1.MessageState(1 + random.IntN(6))
			m.Sent = nil
			if m.State == mostradorv1.MessageState_MESSAGE_STATE_SENT {
				m.Sent = timestamppb.New(w.now)
			}
			m.Delivery = &mostradorv1.MessageDelivery{Bounce: bounces[random.IntN(len(bounces))], Machine: uint32(random.IntN(3))}
			if random.IntN(3) == 0 {
				m.Delivery.Opened = timestamppb.New(w.now)
			}
			last[id] = proto.CloneOf(m)
		})
	}
	anew.update(func(tx *store.Tx) error {
		for _, m := range last {
			anew.count(tx, nil, m)
		}
		return nil
	})
	w.now, anew.now = noon.AddDate(0, 0, 4), noon.AddDate(0, 0, 4)
	got, want := w.dashboard(), anew.dashboard()
	got.Providers, want.Providers = nil, nil // which ones have cells of their own depends on who came first
	got.Alerts, want.Alerts = nil, nil
	if !proto.Equal(got, want) {
		t.Errorf("counted\n%v\nthe rows are\n%v", got, want)
	}
}

func TestProvidersAreBounded(t *testing.T) {
	w := newWorld(t)
	for i := range 3 * maxProviders {
		w.put(fmt.Sprintf("m%03d", i), func(m *mostradorv1.Message) { m.To = fmt.Sprintf("x@d%d.example", i); w.sent(m) })
	}
	cells := 0
	if err := w.cfg.Store.View(func(tx *store.Tx) error {
		for range tx.Scan(bucketCount, nil, nil) {
			cells++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// Rows are queued to one address first.
	if cells > maxProviders+2 {
		t.Errorf("%d cells", cells)
	}
	if got := w.dashboard().Total; got.Sent != 3*maxProviders {
		t.Errorf("%d mails are counted", got.Sent)
	}
}

// BenchmarkObserve is what one mail costs from queue to acceptance: two changes of its row.
func BenchmarkObserve(b *testing.B) {
	w := newWorld(b)
	queued := &mostradorv1.Message{
		Id: "m", MessageId: "m@shop.example", CustomerId: "ana", Plugin: "PLG0110", Template: "oferta", Rule: "Carrito abandonado",
		Queued: timestamppb.New(noon), State: mostradorv1.MessageState_MESSAGE_STATE_QUEUED,
	}
	sent := proto.CloneOf(queued)
	sent.State, sent.Sent = mostradorv1.MessageState_MESSAGE_STATE_SENT, timestamppb.New(noon)
	const together = 100 // mails of one transaction
	for i := 0; i < b.N; i += together {
		w.update(func(tx *store.Tx) error {
			for j := range min(together, b.N-i) {
				queued.To = fmt.Sprintf("ana%d@d%d.example", i+j, j%20)
				sent.To = queued.To
				if err := w.Observe(tx, nil, queued); err != nil {
					return err
				}
				if err := w.Observe(tx, queued, sent); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
