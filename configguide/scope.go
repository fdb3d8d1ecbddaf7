package configguide

import (
	"fmt"
	"strings"

	"mostrador/sdk/manifest"
)

// Scope is for whom a value is set. The narrowest that is set holds: till over store over chain over default.
type Scope int

// The scopes, widest first.
const (
	// ScopeDefault is what the manifest says.
	ScopeDefault Scope = iota
	// ScopeChain is all stores of a chain; such values come from the chain's office.
	ScopeChain
	// ScopeStore is this store, and the usual one.
	ScopeStore
	// ScopeTill is one till of this store.
	ScopeTill
)

// At is where a value stands: a scope and, for ScopeTill, which till.
type At struct {
	Scope Scope
	Till  string
}

// Store is where nearly all values stand.
var Store = At{Scope: ScopeStore}

// Chain is where the values of a chain of stores stand.
var Chain = At{Scope: ScopeChain}

// Till is where the values of one till stand.
func Till(name string) At { return At{Scope: ScopeTill, Till: name} }

// maxTill bounds the name of a till, in characters.
const maxTill = 100

// valid tells whether values can stand there at all.
func (at At) valid() bool {
	if at.Scope == ScopeTill {
		return at.Till != "" && len([]rune(at.Till)) <= maxTill && !strings.ContainsFunc(at.Till, func(r rune) bool { return r < ' ' })
	}
	return at.Till == "" && (at.Scope == ScopeChain || at.Scope == ScopeStore)
}

// A value of the store is kept under its key alone; so did the Guide before there were scopes.
const (
	keptChain = "\x00chain"
	keptTill  = "\x00till\x00"
)

// kept is the key under which the record of a setting stands in its bucket.
func (at At) kept(key string) string {
	switch at.Scope {
	case ScopeChain:
		return key + keptChain
	case ScopeTill:
		return key + keptTill + at.Till
	}
	return key
}

// whose takes the key of a record apart.
func whose(kept string) (key string, at At, err error) {
	key, rest, scoped := strings.Cut(kept, "\x00")
	switch till, isTill := strings.CutPrefix("\x00"+rest, keptTill); {
	case !scoped:
		return key, Store, nil
	case isTill && till != "":
		return key, Till(till), nil
	case "\x00"+rest == keptChain:
		return key, Chain, nil
	}
	return "", At{}, fmt.Errorf("the key %q of a record is damaged", kept)
}

// Scoped is what one scope says.
type Scoped struct {
	At
	// Value is nil for a secret.
	Value any
}

// Policy is what rules of interplay leave of a setting.
type Policy struct {
	// Hidden leaves it out of lists.
	Hidden bool
	// ReadOnly refuses every change, Required the empty value.
	ReadOnly, Required bool
	// Reason is what a person reads beside it.
	Reason string
}

// narrowest is the narrowest scope at which a setting may be set. Messages leave from the store, so a till has no
// templates of its own.
func narrowest(s *manifest.Setting) Scope {
	if s.Scope == manifest.ScopeTill && s.Type != manifest.TypeTemplateFile {
		return ScopeTill
	}
	return ScopeStore
}
