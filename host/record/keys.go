package record

import (
	"hash/maphash"
	"strings"
)

// maxWords bounds the words of a name that keys are made of.
const maxWords = 5

// leastLocal is how long the part of an address before the @ must be to be anybody's own ("info" is nobody's).
const leastLocal = 5

// keys yields the keys of a person: two records of one person should have one in common whatever was mistyped, and few
// of two persons should. Each is of what score.go finds the same:
//
//   - the name alone, whose block is looked at only when it is rare;
//   - the name, and a date, a place or one half of the phone (a wrong digit is in the other one);
//   - the name without one of its words, and a date or a place: that word may be mistyped;
//   - a name of one word less, and a date or half of the phone: the other record may be without that word;
//   - the part of the e-mail before the @.
//
// A key is 64 bits of a hash; what meets by chance is told apart when it is compared.
func keys(h *hasher, p *person, yield func(key uint64, kind keyKind)) {
	words := p.sorted[:min(len(p.sorted), maxWords)]
	if len(words) == 0 {
		return
	}
	dated := func(mark, name string) {
		for id, value := range p.dates {
			yield(h.sum(mark, "d", name, id, value), keyOther)
		}
	}
	placed := func(mark, name string) {
		for id, value := range p.places {
			yield(h.sum(mark, "l", name, id, value), keyOther)
		}
	}
	halves := phoneHalves(p.phone)
	phoned := func(name string) {
		for _, half := range halves {
			yield(h.sum("n", "p", name, half), keyOther)
		}
	}
	whole := strings.Join(words, " ")
	yield(h.sum("n", whole), keyName)
	dated("n", whole)
	placed("n", whole)
	phoned(whole)
	if len(words) >= 2 {
		rest := make([]string, 0, maxWords)
		for i := range words {
			rest = append(append(rest[:0], words[:i]...), words[i+1:]...)
			name := strings.Join(rest, " ")
			dated("r", name)
			if len(words) >= 3 {
				placed("r", name)
				dated("n", name)
				phoned(name)
			}
		}
	}
	if len(p.local) >= leastLocal {
		yield(h.sum("m", p.local), keyOther)
	}
}

// keyKind tells keys of the name alone from others.
type keyKind uint8

const (
	keyOther keyKind = iota
	keyName
)

// phoneHalves are the two halves of a phone, each with its side.
func phoneHalves(phone string) []string {
	if len(phone) < 8 {
		return nil
	}
	at := len(phone) - 5
	return []string{"<" + phone[:at], ">" + phone[at:]}
}

// hasher makes keys.
type hasher struct {
	seed maphash.Seed
	h    maphash.Hash
}

func newHasher(seed maphash.Seed) *hasher {
	h := &hasher{seed: seed}
	h.h.SetSeed(seed)
	return h
}

func (h *hasher) sum(parts ...string) uint64 {
	h.h.Reset()
	for _, p := range parts {
		h.h.WriteString(p)
		h.h.WriteByte(0)
	}
	return h.h.Sum64()
}
