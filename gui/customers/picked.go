package customers

import (
	"maps"
	"slices"

	"mostrador/host/api/mostradorv1"
)

// picked is which customers something is to be done to: some by id, or all that were found without some.
type picked struct {
	all    bool
	except map[string]bool
	ids    map[string]bool
	last   int // the row that was picked last
}

func (p *picked) clear() { *p = picked{except: map[string]bool{}, ids: map[string]bool{}} }

func (p *picked) everybody() { p.clear(); p.all = true }

func (p *picked) has(id string) bool { return p.all && !p.except[id] || p.ids[id] }

func (p *picked) set(id string, on bool) {
	switch {
	case p.all && on:
		delete(p.except, id)
	case p.all:
		p.except[id] = true
	case on:
		p.ids[id] = true
	default:
		delete(p.ids, id)
	}
}

// count is how many are picked of a number that was found.
func (p *picked) count(total int) int {
	if p.all {
		return max(0, total-len(p.except))
	}
	return len(p.ids)
}

// selection says who is meant: those picked, or everybody found when nobody is.
func (p *picked) selection(req *mostradorv1.SearchRequest) *mostradorv1.Selection {
	if !p.all && len(p.ids) > 0 {
		return &mostradorv1.Selection{Ids: slices.Sorted(maps.Keys(p.ids))}
	}
	return &mostradorv1.Selection{All: true, Query: req.Query, Filter: req.Filter, Order: req.Order, Except: slices.Sorted(maps.Keys(p.except))}
}
