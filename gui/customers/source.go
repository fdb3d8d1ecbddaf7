package customers

import (
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Customers are read a page at a time, where the list is looked at; so many pages are kept, and so many are asked for
// at once. Who scrolls fast asks for what is in sight when an answer comes, not for all that went by.
const (
	pageSize = 100
	pageKeep = 40
	pageCall = 2
)

// source is what a search finds, as a list of any length of which a few pages are known.
type source struct {
	d *ui.Desk
	// arrived is called when rows or the count have changed, first tells that they are those of a new search.
	arrived func(first bool)
	failed  func(error)

	req    *mostradorv1.SearchRequest
	newest ui.Latest
	// waiting tells that the first answer to a new search has not come; the rows are still those of the last one.
	waiting bool
	total   int
	atLeast bool
	pages   map[int]*page
	used    int
	calls   int
}

// page is some customers in a row.
type page struct {
	customers []*plgv1.Customer
	facts     []*mostradorv1.Facts
	used      int
	asked     bool // for the first time, or anew
	old       bool // shown until what it is now has come
}

// open begins a new search.
func (s *source) open(req *mostradorv1.SearchRequest) {
	s.req, s.waiting, s.calls = req, true, 0
	current := s.newest.Next()
	s.ask(current, 0, func(res *mostradorv1.SearchResponse) {
		s.waiting = false
		s.pages = map[int]*page{}
		s.take(0, res)
		s.arrived(true)
	})
}

// stop lets no answer in any more.
func (s *source) stop() { s.newest.Next(); s.waiting, s.calls = false, 0 }

// stale has all rows read again that are looked at.
func (s *source) stale() {
	if s.req == nil || s.waiting {
		return
	}
	for _, p := range s.pages {
		p.old = true
	}
	if len(s.pages) == 0 { // nothing to look at
		s.open(s.req)
		return
	}
	s.arrived(false)
}

func (s *source) ask(current func() bool, at int, then func(*mostradorv1.SearchResponse)) {
	req := &mostradorv1.SearchRequest{Query: s.req.Query, Filter: s.req.Filter, Order: s.req.Order, Limit: pageSize, Offset: uint64(at) * pageSize}
	s.calls++
	ui.Ask(s.d, s.d.Model.Customers.Search, req, func(res *mostradorv1.SearchResponse, err error) {
		if !current() {
			return
		}
		s.calls--
		if err != nil {
			s.waiting = false
			if p := s.pages[at]; p != nil {
				p.asked, p.old = false, false // not again and again
			}
			s.failed(err)
			return
		}
		then(res)
	})
}

func (s *source) take(at int, res *mostradorv1.SearchResponse) {
	// A store that does not count tells at least what it has shown.
	s.total, s.atLeast = max(int(res.Total), at*pageSize+len(res.Customers)), res.AtLeast
	s.used++
	s.pages[at] = &page{customers: res.Customers, facts: res.Facts, used: s.used}
	if len(s.pages) <= pageKeep {
		return
	}
	oldest, least := -1, s.used
	for i, p := range s.pages {
		if p.used < least && !p.asked {
			oldest, least = i, p.used
		}
	}
	delete(s.pages, oldest)
}

// row is a customer of the list, or nil while it is not known; it is asked for then.
func (s *source) row(i int) (*plgv1.Customer, *mostradorv1.Facts) {
	at := i / pageSize
	p := s.pages[at]
	if p == nil {
		p = &page{old: true}
		if s.pages == nil {
			s.pages = map[int]*page{}
		}
	}
	s.used++
	p.used = s.used
	if p.old && !p.asked && !s.waiting && s.req != nil && s.calls < pageCall {
		p.asked = true
		s.pages[at] = p
		current := s.newest.Same()
		s.ask(current, at, func(res *mostradorv1.SearchResponse) {
			s.take(at, res)
			s.arrived(false)
		})
	}
	if k := i % pageSize; k < len(p.customers) {
		var facts *mostradorv1.Facts
		if k < len(p.facts) {
			facts = p.facts[k]
		}
		return p.customers[k], facts
	}
	return nil, nil
}

// known is the row of a customer among the pages that are kept.
func (s *source) known(id string) (row int, ok bool) {
	for at, p := range s.pages {
		for k, c := range p.customers {
			if c.Id == id {
				return at*pageSize + k, true
			}
		}
	}
	return 0, false
}

// replace puts the new state of a customer into its row.
func (s *source) replace(c *plgv1.Customer) bool {
	row, ok := s.known(c.Id)
	if ok {
		s.pages[row/pageSize].customers[row%pageSize] = c
	}
	return ok
}
