package customer

import "strings"

// Fold brings a text to the form in which texts are compared when case and accents do not count: "Íñigo" and
// "INIGO" are the same.
func Fold(text string) string { return fold(text) }

// OneLine is a text that somebody typed as one line: each run of white space is one space, and none is around it.
func OneLine(text string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
}
