package configguide

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"mostrador/sdk/manifest"
)

// record is a value as it is kept.
type record struct {
	Value any `json:"value,omitempty"`
	// Sealed is a secret, instead of Value.
	Sealed []byte `json:"sealed,omitempty"`
	// Text is the SHA-256 of the content of a template_file or file, whose name is Value; Seen is how a template's
	// file looked when it was last read.
	Text []byte `json:"text,omitempty"`
	Seen string `json:"seen,omitempty"`
	// Type and Name are the setting's when the value was set, for when its plugin is gone.
	Type manifest.Type `json:"type,omitempty"`
	Name manifest.Text `json:"name,omitempty"`
	// Unchecked tells that the value was imported while its plugin was not active.
	Unchecked bool `json:"unchecked,omitempty"`
}

// kept is a record with where it stands.
type kept struct {
	At
	record
}

// records is all that is stored, by the setting's key, widest first. It is never changed once it is in a snapshot.
type records map[string][]kept

// readRecords reads all that is stored.
func readRecords(tx Tx) (records, error) {
	all := records{}
	for stored, value := range tx.Scan(bucketValue, nil, nil) {
		key, at, err := whose(string(stored))
		if err != nil {
			return nil, err
		}
		k := kept{At: at}
		if err := json.Unmarshal(value, &k.record); err != nil {
			return nil, fmt.Errorf("record of %s: %w", key, err)
		}
		all.put(key, k)
	}
	return all, nil
}

// put adds or replaces a record; the slice is a new one.
func (all records) put(key string, k kept) {
	list := append(all.without(key, k.At), k)
	slices.SortFunc(list, func(a, b kept) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Till, b.Till))
	})
	all[key] = list
}

// drop takes a record away.
func (all records) drop(key string, at At) {
	if list := all.without(key, at); len(list) > 0 {
		all[key] = list
	} else {
		delete(all, key)
	}
}

func (all records) without(key string, at At) []kept {
	return slices.DeleteFunc(slices.Clone(all[key]), func(k kept) bool { return k.At == at })
}

// at returns the record of a scope, nil when none is set there.
func (all records) at(key string, at At) *record {
	for _, k := range all[key] {
		if k.At == at {
			return &k.record
		}
	}
	return nil
}

// with returns the records as they are after some changes.
func (all records) with(plans []*plan) records {
	after := maps.Clone(all)
	for _, p := range plans {
		if p.to == nil {
			after.drop(p.key, p.at)
		} else {
			after.put(p.key, kept{p.at, *p.to})
		}
	}
	return after
}

// same tells whether two records hold the same value.
func (g *Guide) same(key string, a, b *record) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Sealed != nil && b.Sealed != nil {
		x, errX := g.open(key, a.Sealed)
		y, errY := g.open(key, b.Sealed)
		return errX == nil && errY == nil && x == y
	}
	return reflect.DeepEqual(a.Value, b.Value) && string(a.Text) == string(b.Text) && (a.Sealed == nil) == (b.Sealed == nil)
}

// shown is a record as a person sees it: its value, and the SHA-256 of its content.
func (r *record) shown() (value any, text string) {
	switch {
	case r == nil:
		return nil, ""
	case r.Sealed != nil:
		return Masked, ""
	case r.Text != nil:
		return r.Value, fmt.Sprintf("%x", r.Text)
	}
	return r.Value, ""
}
