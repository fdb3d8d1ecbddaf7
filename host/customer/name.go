package customer

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxName is the longest name, in bytes.
const maxName = 200

// parseName returns the name in NFC with single spaces. A problem is the code of a diagnostic, empty when
// there is none.
func parseName(typed string) (name, problem string) {
	name = singleSpaces(norm.NFC.String(typed))
	letters := false
	for _, r := range name {
		if r == utf8.RuneError || unicode.IsControl(r) || hidden(r) {
			return "", "name_invalid"
		}
		letters = letters || unicode.IsLetter(r)
	}
	switch {
	case name == "":
		return "", "name_empty"
	case !letters:
		return "", "name_invalid"
	case len(name) > maxName:
		return "", "name_long"
	}
	return name, ""
}

// singleSpaces puts one space where there is any, and none around the text.
func singleSpaces(s string) string {
	after := true // a space, or the beginning
	for _, r := range s {
		if r == ' ' && after || r != ' ' && unicode.IsSpace(r) {
			return strings.Join(strings.Fields(s), " ")
		}
		after = r == ' '
	}
	return strings.TrimSuffix(s, " ")
}

// hidden reports whether a character is not seen but changes how its neighbours are: separators of lines and
// marks of direction, with which a name could pass for another one. Joiners are part of several scripts.
func hidden(r rune) bool {
	return r >= utf8.RuneSelf && (r == '\u2028' || r == '\u2029' ||
		unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d')
}

// foldLetters are letters that people look for without their stroke, but that Unicode does not take apart.
var foldLetters = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ı", "i")

// fold brings a text to the form in which it is compared: "Íñigo" and "INIGO" are the same.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	if folded, ok := foldLatin(s); ok {
		return folded
	}
	return foldAny(s)
}

// foldAny folds a text of any script.
func foldAny(s string) string {
	s = cases.Fold().String(norm.NFKD.String(s))
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, s)
	return foldLetters.Replace(norm.NFKC.String(s))
}

// latinEnd is behind the letters of Western and Central Europe.
const latinEnd = 0x250

// latinFolds are the letters before latinEnd as foldAny makes them; empty for those that it does not make ASCII.
var latinFolds = sync.OnceValue(func() *[latinEnd]string {
	var folds [latinEnd]string
	for r := range folds {
		if folded := foldAny(string(rune(r))); isASCII(folded) {
			folds[r] = folded
		}
	}
	return &folds
})

// foldLatin does what foldAny does, much faster, with texts whose letters become ASCII: such letters fold each for
// itself.
func foldLatin(s string) (folded string, ok bool) {
	folds := latinFolds()
	b := make([]byte, 0, len(s)+8)
	for _, r := range s {
		if r >= latinEnd || folds[r] == "" {
			return "", false
		}
		b = append(b, folds[r]...)
	}
	return string(b), true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unique removes repetitions and keeps the order. It is meant for few strings.
func unique(list []string) []string {
	kept := list[:0]
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}
