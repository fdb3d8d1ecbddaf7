package sdk

import (
	"cmp"
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/plgv1"
)

// Bounds of a rehearsal: what it keeps in memory, and how much of what was scheduled it plays in one call, so that a plugin
// that schedules itself without end comes to one.
const (
	maxRehearsal = 48 << 20
	maxPlayed    = 20_000
)

// rehearsal is the past being played once more to the plugin's handlers. It stands in for the store: it keeps what they
// save, put and schedule, hands them what they scheduled when the events come to that time, and commits nothing.
type rehearsal struct {
	// work runs the handlers, with the settings of the rehearsal.
	work    *work
	states  map[string][]byte
	records map[string][]byte
	waiting waiting
	// people are the customers whom something waits for, as they were seen last.
	people map[string]*person
	size   int
	order  uint64
	played int
}

// person is a customer whom so many scheduled things are about.
type person struct {
	customer *plgv1.Customer
	facts    *plgv1.Facts
	waits    int
}

// wait is something scheduled.
type wait struct {
	time     time.Time
	order    uint64
	sequence uint64
	name     string
	customer string
	data     *structpb.Struct
	size     int
}

// waiting is a heap: what comes first is at 0.
type waiting []*wait

func (w waiting) Len() int { return len(w) }
func (w waiting) Less(i, j int) bool {
	return cmp.Or(w[i].time.Compare(w[j].time), cmp.Compare(w[i].order, w[j].order)) < 0
}
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *waiting) Push(x any)   { *w = append(*w, x.(*wait)) }
func (w *waiting) Pop() any {
	last := (*w)[len(*w)-1]
	(*w)[len(*w)-1] = nil
	*w = (*w)[:len(*w)-1]
	return last
}

// rehearse plays events of the past, and ends the rehearsal with the call that says until when.
func (w *work) rehearse(call *plgv1.RehearseCall) *plgv1.RehearseDone {
	if call.GetBegin() {
		w.rehearsal = newRehearsal(w, call.GetSettings().GetValues().GetFields())
	}
	r := w.rehearsal
	if r == nil {
		return &plgv1.RehearseDone{Fault: &plgv1.Fault{Message: "sdk: no rehearsal has begun"}}
	}
	done := &plgv1.RehearseDone{}
	r.played = 0
	for _, d := range call.GetDeliveries() {
		event := new(plgv1.Event)
		if err := proto.Unmarshal(d.GetEvent(), event); err != nil {
			done.Fault = &plgv1.Fault{Message: fmt.Sprintf("sdk: an event that does not decode: %v", err)}
			break
		}
		if done.Fault = r.playUntil(readTime(event.GetTime()), done); done.Fault != nil {
			break
		}
		if event.GetType() == kindScheduled {
			continue // what was scheduled in truth; what is scheduled in the rehearsal stands for it
		}
		if done.Fault = r.play(event, d.GetFacts(), done); done.Fault != nil {
			break
		}
	}
	if call.GetUntil() != nil && done.Fault == nil {
		done.Fault = r.playUntil(readTime(call.GetUntil()), done)
	}
	if call.GetUntil() != nil || done.Fault != nil {
		w.rehearsal = nil
	}
	return done
}

func newRehearsal(w *work, values map[string]*structpb.Value) *rehearsal {
	r := &rehearsal{states: map[string][]byte{}, records: map[string][]byte{}, people: map[string]*person{}}
	all := maps.Clone(w.settings.values)
	if all == nil {
		all = map[string]*structpb.Value{}
	}
	maps.Copy(all, values)
	r.work = &work{
		plugin: w.plugin, stream: w.stream, settings: settings{values: all, defaults: w.settings.defaults},
		states: map[string][]byte{}, written: map[space]map[string]written{keyspace: {}, states: {}}, played: r,
	}
	return r
}

// playUntil plays what was scheduled for up to a time.
func (r *rehearsal) playUntil(until time.Time, done *plgv1.RehearseDone) *plgv1.Fault {
	for len(r.waiting) > 0 && !r.waiting[0].time.After(until) {
		if r.played++; r.played > maxPlayed {
			return &plgv1.Fault{Message: fmt.Sprintf("sdk: more than %d scheduled events between two of the store", maxPlayed)}
		}
		w := heap.Pop(&r.waiting).(*wait)
		r.size -= w.size
		event := &plgv1.Event{
			Sequence: w.sequence, Type: kindScheduled, Time: timestamppb.New(w.time),
			Detail: &plgv1.Event_Scheduled{Scheduled: &plgv1.Scheduled{Plugin: r.work.plugin.ID(), Name: w.name, Data: w.data}},
		}
		var facts *plgv1.Facts
		if p := r.people[w.customer]; p != nil {
			event.Customer, facts = p.customer, p.facts
			if p.waits--; p.waits == 0 {
				r.leave(w.customer)
			}
		} else if w.customer != "" {
			continue // he was forgotten meanwhile
		}
		if fault := r.play(event, facts, done); fault != nil {
			return fault
		}
	}
	return nil
}

// play runs the handler of an event and keeps what it did.
func (r *rehearsal) play(event *plgv1.Event, facts *plgv1.Facts, done *plgv1.RehearseDone) *plgv1.Fault {
	r.work.begin()
	id := event.GetCustomer().GetId()
	d := &plgv1.Delivery{State: r.states[id], Facts: facts}
	if gone := goneOf(event); gone != nil {
		d.OtherState = r.states[gone.GetId()]
	}
	if p := r.people[id]; p != nil {
		r.size += proto.Size(event.GetCustomer()) - proto.Size(p.customer)
		p.customer, p.facts = event.GetCustomer(), facts
	}
	outcome := &plgv1.Outcome{}
	r.work.handle(event, d, outcome)
	told := &plgv1.Rehearsed{Sequence: event.GetSequence(), Time: event.GetTime(), CustomerId: id, Fault: outcome.GetFault()}
	if outcome.GetFault() == nil {
		told.Effects = r.keep(event, facts, outcome.GetEffects())
	}
	if event.GetType() == kindErased {
		r.drop(r.states, id)
		r.leave(id)
	}
	if told.GetFault() != nil || len(told.GetEffects()) > 0 {
		done.Outcomes = append(done.Outcomes, told)
	}
	if r.size > maxRehearsal {
		return &plgv1.Fault{Message: fmt.Sprintf("sdk: the rehearsal needs more than %d MiB", maxRehearsal>>20)}
	}
	return nil
}

// keep carries out what concerns the plugin's own records and schedule, and returns the other effects.
func (r *rehearsal) keep(event *plgv1.Event, facts *plgv1.Facts, effects []*plgv1.Effect) []*plgv1.Effect {
	var others []*plgv1.Effect
	for _, effect := range effects {
		switch e := effect.GetEffect().(type) {
		case *plgv1.Effect_SaveState:
			r.put(r.states, event.GetCustomer().GetId(), e.SaveState.GetState())
		case *plgv1.Effect_Put:
			r.put(r.records, e.Put.GetKey(), e.Put.GetValue())
		case *plgv1.Effect_Delete:
			r.drop(r.records, e.Delete)
		case *plgv1.Effect_Schedule:
			r.schedule(event, facts, e.Schedule)
		default:
			others = append(others, effect)
		}
	}
	return others
}

func (r *rehearsal) put(into map[string][]byte, key string, value []byte) {
	r.drop(into, key)
	if value == nil {
		value = []byte{}
	}
	into[key] = value
	r.size += len(key) + len(value)
}

func (r *rehearsal) drop(from map[string][]byte, key string) {
	if value, ok := from[key]; ok {
		r.size -= len(key) + len(value)
		delete(from, key)
	}
}

// leave forgets whom nothing waits for any more.
func (r *rehearsal) leave(id string) {
	if p := r.people[id]; p != nil {
		r.size -= proto.Size(p.customer)
		delete(r.people, id)
	}
}

// schedule notes something for later: what would have come at once comes when the event is done.
func (r *rehearsal) schedule(event *plgv1.Event, facts *plgv1.Facts, s *plgv1.Schedule) {
	r.order++
	w := &wait{
		time: readTime(s.GetTime()), order: r.order, sequence: event.GetSequence(), name: s.GetName(), customer: s.GetCustomerId(),
		data: s.GetData(), size: proto.Size(s),
	}
	if now := readTime(event.GetTime()); w.time.Before(now) {
		w.time = now
	}
	if w.customer != "" {
		p := r.people[w.customer]
		if p == nil {
			p = &person{customer: &plgv1.Customer{Id: w.customer}}
			if w.customer == event.GetCustomer().GetId() {
				p.customer, p.facts = event.GetCustomer(), facts
			}
			r.people[w.customer] = p
			r.size += proto.Size(p.customer)
		}
		p.waits++
	}
	r.size += w.size
	heap.Push(&r.waiting, w)
}

// answer is what the store would answer to a question for records.
func (r *rehearsal) answer(read *plgv1.Read) []*plgv1.KeyValue {
	switch q := read.GetRead().(type) {
	case *plgv1.Read_Get:
		if value, ok := r.records[q.Get]; ok {
			return []*plgv1.KeyValue{{Key: q.Get, Value: value}}
		}
	case *plgv1.Read_Scan:
		var keys []string
		for key := range r.records {
			if strings.HasPrefix(key, q.Scan.GetPrefix()) && key > q.Scan.GetAfter() {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		found := make([]*plgv1.KeyValue, 0, min(len(keys), scanPage))
		for _, key := range keys[:min(len(keys), int(q.Scan.GetLimit()))] {
			found = append(found, &plgv1.KeyValue{Key: key, Value: r.records[key]})
		}
		return found
	}
	return nil
}
