package report

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// phrases finds any of many phrases in one pass over a text: they are filed under their first word, and each word of
// the text is looked up there. Both are folded.
type phrases struct {
	byWord map[string][]phrase
	rank   map[string]int
}

type phrase struct {
	text, means string
	vague       bool
}

// group is what one meaning is said with; vague phrases usually, but not always, have it.
type group struct {
	means string
	clear []string
	vague []string
}

// newPhrases files the groups; of two meanings in one text that of the earlier group counts.
func newPhrases(groups []group) *phrases {
	p := &phrases{byWord: map[string][]phrase{}, rank: map[string]int{}}
	for i, g := range groups {
		if _, known := p.rank[g.means]; !known {
			p.rank[g.means] = i + 1
		}
		for vague, list := range map[bool][]string{false: g.clear, true: g.vague} {
			for _, text := range list {
				text = fold(text)
				word := text[:wordEnd(text, 0)]
				p.byWord[word] = append(p.byWord[word], phrase{text, g.means, vague})
			}
		}
	}
	return p
}

// find returns the first-ranking meaning of the clear phrases in a folded text, and that of the vague ones.
func (p *phrases) find(text string) (clear, vague string) {
	p.each(text, func(found phrase) bool {
		best := &clear
		if found.vague {
			best = &vague
		}
		if *best == "" || p.rank[found.means] < p.rank[*best] {
			*best = found.means
		}
		return true
	})
	return clear, vague
}

// each visits the phrases in a folded text until visit returns false.
func (p *phrases) each(text string, visit func(phrase) bool) {
	for i := 0; i < len(text); {
		end := wordEnd(text, i)
		if end == i {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		for _, candidate := range p.byWord[text[i:end]] {
			rest := text[i:]
			if !strings.HasPrefix(rest, candidate.text) {
				continue
			}
			// Not within a longer word: "no user" is not in "no userland".
			if n := len(candidate.text); n < len(rest) && isAlnum(rest[n]) && isAlnum(rest[n-1]) {
				continue
			}
			if !visit(candidate) {
				return
			}
		}
		i = end
	}
}

// firstUnspaced is where Chinese and Japanese begin in Unicode, which are written without spaces.
const firstUnspaced = 0x2E80

// wordEnd returns where the word at i ends: i itself when there is none. Where there are no
// spaces each character is a word.
func wordEnd(text string, i int) int {
	for begin := i; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if !isAlnum(c) {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r >= firstUnspaced && i == begin:
			return i + size
		case r >= firstUnspaced || !unicode.IsLetter(r):
			return i
		}
		i += size
	}
	return i
}

// fold writes text as phrases are compared: lower case, Latin letters without accents, spaces single.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := true
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c >= 'A' && c <= 'Z':
				c += 'a' - 'A'
			case c <= ' ':
				if !space {
					b.WriteByte(' ')
				}
				space = true
				continue
			}
			space = false
			b.WriteByte(c)
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if unicode.IsSpace(r) {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		r = unicode.ToLower(r)
		if plain := unaccented(r); plain != "" {
			b.WriteString(plain)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unaccented returns the plain letters for a lower-case letter of the languages that servers write in, or "".
func unaccented(r rune) string {
	switch r {
	case 'á', 'à', 'â', 'ã', 'ä', 'å':
		return "a"
	case 'é', 'è', 'ê', 'ë':
		return "e"
	case 'í', 'ì', 'î', 'ï':
		return "i"
	case 'ó', 'ò', 'ô', 'õ', 'ö':
		return "o"
	case 'ú', 'ù', 'û', 'ü':
		return "u"
	case 'ñ':
		return "n"
	case 'ç':
		return "c"
	case 'ß':
		return "ss"
	case 'œ':
		return "oe"
	case 'ё':
		return "е"
	case '’', '‘', '´', '`':
		return "'"
	case '“', '”', '«', '»', '„':
		return `"`
	}
	return ""
}

var (
	reasons = sync.OnceValue(func() *phrases { return newPhrases(reasonWords) })
	marks   = sync.OnceValue(func() *phrases { return newPhrases(markWords) })
)
