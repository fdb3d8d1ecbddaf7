package configguide

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"mostrador/sdk/manifest"
)

// query is what somebody looks for.
type query struct {
	// whole is all the words as they were typed, folded; words are they one by one.
	whole string
	words []string
	// changed wants what is set, aside what belongs to no active plugin, plugin what belongs to that one.
	changed, aside bool
	plugin         string
}

// parseQuery reads what was typed.
func parseQuery(typed string) query {
	var q query
	for word := range strings.FieldsSeq(typed) {
		switch lower := strings.ToLower(word); {
		case lower == "@changed":
			q.changed = true
		case lower == "@aside":
			q.aside = true
		case strings.HasPrefix(lower, "@plugin:"):
			q.plugin = lower[len("@plugin:"):]
		default:
			if word = strings.Trim(fold(word), "{}"); word != "" {
				q.words = append(q.words, word)
			}
		}
	}
	q.whole = strings.Join(q.words, " ")
	return q
}

// EntriesFor lists what somebody at a till looks for. Words are of the name, the path or the help, in whatever case
// and language and with or without accents, or a part of the key; all must be found. "@changed" leaves what is set,
// "@plugin:PLG0074" what belongs to that plugin ("core" is the store itself); they combine with words. "@aside" lists
// instead what is kept aside of plugins that are not active.
//
// Without words the entries come in the order of the tree; with words the best come first: the key itself, then a part
// of the key, words of the name, of the path, of the help. What rules of interplay hide is left out.
func (g *Guide) EntriesFor(typed, till, lang string) []Entry {
	q := parseQuery(typed)
	if q.aside {
		return g.Aside(typed, lang)
	}
	type found struct {
		*entry
		rank int
	}
	var hits []found
	for _, e := range g.now.Load().entries {
		if q.changed && len(e.held) == 0 || q.plugin != "" && !strings.EqualFold(e.owner, q.plugin) {
			continue
		}
		if rank, ok := e.rank(q); ok && !g.policy(e.Key, lang).Hidden {
			hits = append(hits, found{e, rank})
		}
	}
	slices.SortStableFunc(hits, func(a, b found) int { return cmp.Compare(a.rank, b.rank) })
	out := make([]Entry, len(hits))
	for i, hit := range hits {
		out[i] = g.shown(hit.entry, till, lang)
	}
	return out
}

// Entries is EntriesFor as the store sees it.
func (g *Guide) Entries(typed, lang string) []Entry { return g.EntriesFor(typed, "", lang) }

// How good a find is; less is better.
const (
	rankKey = iota
	rankKeyPart
	rankNameStart // the beginning of a word of the name
	rankName
	rankPath
	rankHelp
	rankNone
)

// rank tells how well the entry fits, and whether it does. The whole of what was typed counts first, then the word that
// fits worst, then the others.
func (e *entry) rank(q query) (rank int, ok bool) {
	if len(q.words) == 0 {
		return 0, true
	}
	key := fold(e.Key)
	switch {
	case key == q.whole:
		return -2, true
	case strings.Contains(key, q.whole):
		return -1, true
	}
	var names, paths, helps strings.Builder
	add := func(b *strings.Builder, t manifest.Text) {
		for _, s := range t {
			b.WriteString("\n" + fold(s))
		}
	}
	add(&names, e.Name)
	for _, t := range e.Path {
		add(&paths, t)
		paths.WriteString("\n" + fold(label(t, "en")) + "\n" + fold(label(t, "es")))
	}
	add(&helps, e.Help)
	for _, c := range e.Choices {
		add(&helps, c.Name)
	}
	name, path, help := names.String(), paths.String(), helps.String()
	worst, sum := 0, 0
	for _, word := range q.words {
		at := rankNone
		switch {
		case key == word:
			at = rankKey
		case strings.Contains(key, word):
			at = rankKeyPart
		case startsWord(name, word):
			at = rankNameStart
		case strings.Contains(name, word):
			at = rankName
		case strings.Contains(path, word):
			at = rankPath
		case strings.Contains(help, word):
			at = rankHelp
		}
		if at == rankNone {
			return 0, false
		}
		worst, sum = max(worst, at), sum+at
	}
	return worst*1000 + min(sum, 999), true
}

// startsWord tells whether a word of the text begins so.
func startsWord(text, begin string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], begin)
		if i < 0 {
			return false
		}
		before := []rune(text[:at+i])
		if len(before) == 0 || !unicode.IsLetter(before[len(before)-1]) && !unicode.IsDigit(before[len(before)-1]) {
			return true
		}
		at += i + len(begin)
	}
}

// fold makes a text comparable: lower case, without accents.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
