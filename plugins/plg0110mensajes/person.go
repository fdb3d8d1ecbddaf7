package main

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"mostrador/sdk"
)

// Bounds of a customer's record: how many messages wait for him at a time, and of one rule.
const (
	maxWaits        = 60
	maxWaitsOfARule = 20
)

// record is what is kept of a customer.
type record struct {
	// Waits are messages to come.
	Waits []wait `json:"waits,omitempty"`
	// Timer is when the store will remind next; zero for never.
	Timer time.Time `json:"timer,omitzero"`
	// Sent is when a rule wrote to him last, Last what came of a rule last.
	Sent map[string]time.Time `json:"sent,omitempty"`
	Last map[string]outcome   `json:"last,omitempty"`
	// Payments is how punctually he pays.
	Payments payments `json:"payments,omitzero"`
	// Spent is what he had spent when that was seen last, in the minor unit of the currency.
	Spent *int64 `json:"spent,omitempty"`
}

// wait is a message to come.
type wait struct {
	Rule string    `json:"rule"`
	Due  time.Time `json:"due"`
	// Event began it.
	Event happening `json:"event"`
	// Asked is how often it was sent already.
	Asked int `json:"asked,omitempty"`
	// Of is the customer whom it was for before he became part of this one.
	Of string `json:"of,omitempty"`
}

// What may come of a rule.
const (
	sent          = "sent"
	waits         = "waits"
	noCondition   = "condition"
	once          = "once"
	exitEvent     = "exit_event"
	exitCondition = "exit_condition"
	noAddress     = "no_address"
	off           = "off"
	unreadable    = "unreadable"
)

// outcome is what came of a rule.
type outcome struct {
	What string    `json:"what"`
	Time time.Time `json:"time"`
	// Detail is the event that ended the wait, or why a condition could not be judged.
	Detail string `json:"detail,omitempty"`
}

// payments is how punctually a customer pays.
type payments struct {
	// OnTime counts payments since the last that was late, Late those that were; Since is when the first of the former came.
	OnTime int       `json:"on_time,omitempty"`
	Late   int       `json:"late,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// paid counts a payment; days are compared as the other system wrote them.
func (p payments) paid(h happening) payments {
	due, paid := h.text("due"), cmp.Or(h.text("paid"), h.Time.Format(time.DateOnly))
	switch {
	case due == "":
		return p
	case len(due) >= len(time.DateOnly) && len(paid) >= len(time.DateOnly) && paid[:len(time.DateOnly)] > due[:len(time.DateOnly)]:
		return payments{Late: p.Late + 1}
	}
	if p.OnTime++; p.Since.IsZero() {
		p.Since = h.Time
	}
	return p
}

// months is for how many whole months he has paid on time.
func (p payments) months(now time.Time) int {
	if p.Since.IsZero() {
		return 0
	}
	n := (now.Year()-p.Since.Year())*12 + int(now.Month()-p.Since.Month())
	if now.Day() < p.Since.Day() {
		n--
	}
	return max(n, 0)
}

// person is a customer while an event of his is handled.
type person struct {
	tx       *sdk.Tx
	rules    *rules
	customer sdk.Customer
	now      time.Time
	before   sdk.Money
	record   record
	changed  bool
}

// clockSkew is how much later than a sale, whose time is in whole seconds, the event that tells of it may be.
const clockSkew = 2 * time.Second

const eventPayment = "external.payment.received"

// handle is what every event goes through.
func handle(tx *sdk.Tx, h happening) error {
	rs, err := rulesOf(tx)
	if err != nil || len(rs.all) == 0 {
		return err
	}
	begins, ends := rs.on[h.Type], rs.exits[h.Type]
	spends := rs.spending && (h.Type == "sale.completed" || h.Type == "sale.refunded")
	if len(begins) == 0 && len(ends) == 0 && h.Type != eventPayment && !spends {
		return nil
	}
	if !h.customer.Known() {
		return handleNobody(tx, begins, h)
	}
	p, err := meet(tx, rs, h.customer, h.Time)
	if err != nil {
		return err
	}
	p.count(h, spends)
	for _, r := range ends {
		p.exit(r, h.Type)
	}
	for _, r := range begins {
		if err := p.begin(r, h); err != nil {
			return err
		}
	}
	return p.done()
}

func meet(tx *sdk.Tx, rs *rules, c sdk.Customer, now time.Time) (*person, error) {
	p := &person{tx: tx, rules: rs, customer: c, now: now}
	var err error
	if p.record, err = sdk.State[record](tx); err != nil {
		return nil, err
	}
	if p.record.Sent == nil {
		p.record.Sent = map[string]time.Time{}
	}
	if p.record.Last == nil {
		p.record.Last = map[string]outcome{}
	}
	return p, nil
}

// count keeps what conditions ask of the past.
func (p *person) count(h happening, spends bool) {
	total := p.tx.Facts().Spent
	p.before = total
	amount, _ := h.Data["total"].(float64)
	switch {
	case p.record.Spent != nil:
		p.before.Minor = *p.record.Spent
	case h.Type != "sale.completed":
	case !p.tx.Facts().First.Before(h.Time.Add(-clockSkew)):
		// His first purchase. What the store counted may have the next ones in it already, when it is handled late.
		p.before.Minor = 0
	default:
		p.before.Minor -= int64(math.Round(amount * minors(total.Currency)))
	}
	if spends && (p.record.Spent == nil || *p.record.Spent != total.Minor) {
		p.record.Spent, p.changed = &total.Minor, true
	}
	if h.Type == eventPayment {
		if now := p.record.Payments.paid(h); now != p.record.Payments {
			p.record.Payments, p.changed = now, true
		}
	}
}

// exit ends the waits of a rule.
func (p *person) exit(r *rule, kind string) {
	left := slices.DeleteFunc(slices.Clone(p.record.Waits), func(w wait) bool { return w.Rule == r.GetId() })
	if len(left) < len(p.record.Waits) {
		p.record.Waits = left
		p.note(r, outcome{What: exitEvent, Detail: kind})
	}
}

// begin judges a rule whose event has come.
func (p *person) begin(r *rule, h happening) error {
	yes, err := r.when.holds(p.facts(h))
	switch {
	case err != nil:
		p.note(r, outcome{What: unreadable, Detail: short(err.Error())})
		return nil
	case !yes:
		p.note(r, outcome{What: noCondition})
		return nil
	}
	w := wait{Rule: r.GetId(), Event: h, Due: after(h.Time, r.GetWait().AsDuration(), r.GetAt(), zone(p.tx))}
	if p.tooSoon(r, w.Due) {
		p.note(r, outcome{What: once})
		return nil
	}
	if !w.Due.After(p.now) {
		return p.send(r, w)
	}
	w.Event = h.trimmed()
	p.wait(r, w)
	return nil
}

// tooSoon tells whether at that time the rule will have written to him within the time in which it may once.
func (p *person) tooSoon(r *rule, at time.Time) bool {
	last, ever := p.record.Sent[r.GetId()]
	return ever && r.GetOncePer().AsDuration() > 0 && at.Before(last.Add(r.GetOncePer().AsDuration()))
}

// wait keeps a message for later. Of a rule that writes once the later event counts.
func (p *person) wait(r *rule, w wait) {
	of := 0
	for _, other := range p.record.Waits {
		if other.Rule == w.Rule {
			of++
		}
	}
	if r.GetOncePer().AsDuration() > 0 || of >= maxWaitsOfARule {
		i := slices.IndexFunc(p.record.Waits, func(o wait) bool { return o.Rule == w.Rule })
		if i >= 0 {
			p.record.Waits = slices.Delete(p.record.Waits, i, i+1)
		}
	}
	if len(p.record.Waits) >= maxWaits {
		p.record.Waits = p.record.Waits[1:]
	}
	p.record.Waits = append(p.record.Waits, w)
	p.note(r, outcome{What: waits, Time: w.Due})
}

// due is the store's reminder.
func due(_ context.Context, tx *sdk.Tx, e sdk.Scheduled) error {
	rs, err := rulesOf(tx)
	if err != nil {
		return err
	}
	if e.Name == reminderNobody {
		return dueNobody(tx, rs, e)
	}
	p, err := meet(tx, rs, e.Customer, e.Time)
	if err != nil {
		return err
	}
	if !p.record.Timer.IsZero() && !p.record.Timer.After(p.now) {
		p.record.Timer, p.changed = time.Time{}, true
	}
	p.before = tx.Facts().Spent
	now := slices.DeleteFunc(slices.Clone(p.record.Waits), func(w wait) bool { return w.Due.After(p.now) })
	p.record.Waits = slices.DeleteFunc(slices.Clone(p.record.Waits), func(w wait) bool { return !w.Due.After(p.now) })
	for _, w := range now {
		p.changed = true
		if err := p.end(w); err != nil {
			return err
		}
	}
	return p.done()
}

// end judges a message whose wait is over.
func (p *person) end(w wait) error {
	r := p.rules.byID[w.Rule]
	if r == nil {
		p.record.Last[w.Rule] = outcome{What: off, Time: p.now}
		return nil
	}
	if r.unless != nil {
		ended, err := r.unless.holds(p.facts(w.Event))
		switch {
		case err != nil:
			p.note(r, outcome{What: unreadable, Detail: short(err.Error())})
			return nil
		case ended:
			p.note(r, outcome{What: exitCondition})
			return nil
		}
	}
	if w.Asked == 0 && p.tooSoon(r, p.now) {
		p.note(r, outcome{What: once})
		return nil
	}
	return p.send(r, w)
}

// send writes to him, and asks again when the rule says so.
func (p *person) send(r *rule, w wait) error {
	yes, err := send(p.tx, r, w, p.customer)
	if err != nil {
		return err
	}
	if !yes {
		p.note(r, outcome{What: noAddress})
		return nil
	}
	p.record.Sent[r.GetId()] = p.now
	p.note(r, outcome{What: sent})
	if w.Asked < int(r.GetRepeatTimes()) {
		w.Asked++
		w.Event = w.Event.trimmed()
		w.Due = after(p.now, r.GetRepeatEvery().AsDuration(), r.GetAt(), zone(p.tx))
		p.record.Waits = append(p.record.Waits, w)
	}
	return nil
}

// note keeps what came of a rule. That a condition does not hold once more is nothing new.
func (p *person) note(r *rule, o outcome) {
	if o.Time.IsZero() {
		o.Time = p.now
	}
	last, ever := p.record.Last[r.GetId()]
	if ever && last.What == o.What && last.Detail == o.Detail && (o.What == noCondition || o.What == unreadable) {
		return
	}
	p.record.Last[r.GetId()], p.changed = o, true
	if o.What != noCondition {
		tally(p.tx, r.GetId(), o.What)
	}
}

func (p *person) facts(h happening) *facts {
	return &facts{event: h, customer: p.customer, now: p.now, counted: p.tx.Facts(), before: p.before, payments: p.record.Payments}
}

// done keeps the record, and has the store remind of what comes first.
func (p *person) done() error {
	if !p.changed {
		return nil
	}
	// A rule that is off keeps its memory for a while.
	maps.DeleteFunc(p.record.Sent, func(id string, at time.Time) bool { return p.rules.byID[id] == nil && p.now.Sub(at) > 400*day })
	maps.DeleteFunc(p.record.Last, func(id string, o outcome) bool { return p.rules.byID[id] == nil && p.now.Sub(o.Time) > 400*day })
	if err := p.remind(); err != nil {
		return err
	}
	return p.tx.Save(p.record)
}

// remind schedules one reminder for all that waits, unless there is one that comes early enough.
func (p *person) remind() error {
	if len(p.record.Waits) == 0 {
		return nil
	}
	first := slices.MinFunc(p.record.Waits, func(a, b wait) int { return a.Due.Compare(b.Due) }).Due
	if !p.record.Timer.IsZero() && !p.record.Timer.After(first) {
		return nil
	}
	p.record.Timer = first
	return p.tx.Schedule(sdk.Later{Time: first, Name: reminder, CustomerID: p.customer.ID})
}

// The names of reminders: for a customer, and for what concerns none.
const (
	reminder       = "espera"
	reminderNobody = "espera-sin-cliente"
)

// merge brings what waits for two records of one person together; what was sent to either was sent to him.
func merge(_ context.Context, tx *sdk.Tx, e sdk.CustomerMerged) error {
	rs, err := rulesOf(tx)
	if err != nil {
		return err
	}
	gone, err := sdk.OtherState[record](tx)
	if err != nil {
		return err
	}
	p, err := meet(tx, rs, e.Customer, e.Time)
	if err != nil {
		return err
	}
	for _, w := range gone.Waits {
		w.Of, p.changed = e.Gone.ID, true
		p.record.Waits = append(p.record.Waits, w)
	}
	p.record.Waits = p.record.Waits[max(0, len(p.record.Waits)-maxWaits):]
	for id, at := range gone.Sent {
		if at.After(p.record.Sent[id]) {
			p.record.Sent[id], p.changed = at, true
		}
	}
	for id, o := range gone.Last {
		if last, ever := p.record.Last[id]; !ever || o.Time.After(last.Time) {
			p.record.Last[id], p.changed = o, true
		}
	}
	if gone.Spent != nil && p.record.Spent != nil {
		spent := *gone.Spent + *p.record.Spent
		p.record.Spent, p.changed = &spent, true
	}
	return p.done()
}

// unmerge gives back what waited for the other one: his own record and reminder are as they were.
func unmerge(_ context.Context, tx *sdk.Tx, e sdk.CustomerUnmerged) error {
	rs, err := rulesOf(tx)
	if err != nil {
		return err
	}
	p, err := meet(tx, rs, e.Customer, e.Time)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(p.record.Waits), func(w wait) bool { return w.Of == e.Gone.ID })
	if len(left) < len(p.record.Waits) || p.record.Spent != nil {
		p.record.Waits, p.record.Spent, p.changed = left, nil, true
	}
	return p.done()
}

// short cuts a technical text.
func short(text string) string {
	if r := []rune(text); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return text
}
