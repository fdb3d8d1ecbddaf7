package ui

import (
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// finderHits is how many customers a Finder asks for at a time.
const finderHits = 12

// Finder is the one box for a customer: by name, number, phone, e-mail, card or any indexed field, while the person
// types. Enter takes the customer that has exactly this number, phone, e-mail or card (a scan, which is quicker than
// any answer), or else the marked hit.
type Finder struct {
	*Suggest
	// OnFound is called with the customer that was taken: Value is the id, Data the *plgv1.Customer.
	OnFound func(Option)
	// OnNone is told whether nobody fits what is typed; it may be nil.
	OnNone func(none bool)
	// OnFail is told why the store could not be asked; the desk says it when it is nil.
	OnFail func(error)

	d      *Desk
	newest Latest
}

// NewFinder makes the box.
func NewFinder(d *Desk, hint string) *Finder {
	f := &Finder{Suggest: NewSuggest(hint), d: d}
	f.Find = f.search
	f.OnTaken = func(o Option) {
		f.newest.Next()
		if f.OnFound != nil {
			f.OnFound(o)
		}
	}
	f.Entry.OnSubmitted = func(string) { f.Exactly(f.Entry.Text) }
	typed := f.Entry.OnChanged
	f.Entry.OnChanged = func(text string) {
		f.newest.Next()
		f.none(false)
		if strings.TrimSpace(text) == "" {
			f.Offer(nil)
			return
		}
		typed(text)
	}
	return f
}

func (f *Finder) none(none bool) {
	if f.OnNone != nil {
		f.OnNone(none)
	}
}

func (f *Finder) fail(err error) {
	if f.OnFail != nil {
		f.OnFail(err)
		return
	}
	f.d.Fail(f.d.Explain(err))
}

func (f *Finder) search(text string) {
	current := f.newest.Next()
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	Ask(f.d, f.d.Model.Customers.Search, &mostradorv1.SearchRequest{Query: text, Limit: finderHits}, func(res *mostradorv1.SearchResponse, err error) {
		if !current() || err != nil {
			return
		}
		f.offer(res.Customers)
	})
}

func (f *Finder) offer(found []*plgv1.Customer) {
	hits := make([]Option, len(found))
	for i, c := range found {
		hits[i] = f.d.Known(c)
	}
	f.Offer(hits)
	f.none(len(hits) == 0)
}

// Exactly takes what was typed or scanned: first the customer who has exactly this, then the marked hit.
func (f *Finder) Exactly(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		if f.OnEnter != nil {
			f.OnEnter("")
		}
		return
	}
	if o, same := f.Taken(); same && f.Keep && o.Label == text {
		if f.OnEnter != nil {
			f.OnEnter(text)
		}
		return
	}
	current := f.newest.Next()
	Ask(f.d, f.d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: text}, func(res *mostradorv1.GetCustomerResponse, err error) {
		switch {
		case !current():
		case err == nil:
			f.take(f.d.Known(res.Customer))
		case !Nowhere(err):
			f.fail(err)
		case f.at < len(f.hits):
			f.take(f.hits[f.at])
		default:
			f.first(text)
		}
	})
}

// first searches once more, for an Enter that was quicker than the answer to the last letter.
func (f *Finder) first(text string) {
	current := f.newest.Next()
	Ask(f.d, f.d.Model.Customers.Search, &mostradorv1.SearchRequest{Query: text, Limit: finderHits}, func(res *mostradorv1.SearchResponse, err error) {
		switch {
		case !current():
		case err != nil:
			f.fail(err)
		case len(res.Customers) == 1:
			f.take(f.d.Known(res.Customers[0]))
		default:
			f.offer(res.Customers)
		}
	})
}

// Clear empties the box.
func (f *Finder) Clear() {
	f.newest.Next()
	f.Set(Option{})
	f.none(false)
}

// Known is a customer as an option: the name, and behind it what tells two of the same name apart.
func (d *Desk) Known(c *plgv1.Customer) Option {
	var parts []string
	if c.Number != 0 {
		parts = append(parts, d.T("customer.number.short", "n", c.Number))
	}
	if c.Phone != "" {
		parts = append(parts, d.Text.Phone(c.Phone))
	}
	if c.Email != "" {
		parts = append(parts, c.Email)
	}
	return Option{Value: c.Id, Label: c.Name, Detail: strings.Join(parts, "  ·  "), Data: c}
}

// Person reads a customer by id; who is not there any more is not told of.
func (d *Desk) Person(id string, then func(Option)) {
	Ask(d, d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: id}, func(res *mostradorv1.GetCustomerResponse, err error) {
		if err == nil {
			then(d.Known(res.Customer))
		}
	})
}

// Count says how many customers there are, or how many at least.
func (d *Desk) Count(n int, atLeast bool) string {
	switch {
	case atLeast:
		return d.T("count.atleast", "n", d.Text.Number(float64(n)))
	case n == 1:
		return d.T("count.one")
	}
	return d.T("count.many", "n", d.Text.Number(float64(n)))
}

// measurePoints is the measure of the loyalty plug-in that comes with the store.
const measurePoints = "puntos"

// Points is how many points a customer has: the loyalty plug-in's measure, or the only one that there is.
func Points(f *mostradorv1.Facts) (float64, bool) {
	if n, ok := f.GetMeasures()[measurePoints]; ok || len(f.GetMeasures()) != 1 {
		return n, ok
	}
	for _, n := range f.GetMeasures() {
		return n, true
	}
	return 0, false
}
