package tabular

import "strings"

// Spreadsheets run a cell of a CSV file that begins with one of = + - @ as a formula, even when it is quoted, so a
// customer who calls himself =HYPERLINK(...) would act on the computer of whoever opens an export. Writing puts an
// apostrophe before such a cell, which spreadsheets take for "this is text"; and before such a beginning further
// inside a cell, after what another separator or line end would split it by, because a spreadsheet that expects
// another separator reads it so. A signed number is safe and is left alone, so +34600111222 is written as it is.
//
// Reading takes the apostrophes away again. So that this is exact, text that has apostrophes before a formula of its
// own gets one more: reading always takes one, and only where writing would have put it.

// separators are what programs split a CSV file by.
const separators = ",;\t|\r\n"

// armour makes a cell safe for CSV.
func armour(cell string) string {
	var b strings.Builder
	done := 0
	for at := 0; at >= 0; at = nextStart(cell, at) {
		if runs(strings.TrimLeft(cell[at:], "'"), at == 0) {
			b.WriteString(cell[done:at])
			b.WriteByte('\'')
			done = at
		}
	}
	if b.Len() == 0 {
		return cell
	}
	b.WriteString(cell[done:])
	return b.String()
}

// disarm takes away what armour added.
func disarm(cell string) string {
	if strings.IndexByte(cell, '\'') < 0 {
		return cell
	}
	var b strings.Builder
	done := 0
	for at := 0; at >= 0; at = nextStart(cell, at) {
		rest := cell[at:]
		if strings.HasPrefix(rest, "'") && runs(strings.TrimLeft(rest, "'"), at == 0) {
			b.WriteString(cell[done:at])
			done = at + 1
		}
	}
	if done == 0 {
		return cell
	}
	b.WriteString(cell[done:])
	return b.String()
}

// nextStart returns where the next cell would begin, after at, for a program that splits by another separator; -1 when
// nowhere.
func nextStart(cell string, at int) int {
	if i := strings.IndexAny(cell[at:], separators); i >= 0 {
		return at + i + 1
	}
	return -1
}

// runs says whether a spreadsheet may run the text, up to the next separator, as a formula. At the beginning of a cell it
// may leave out spaces before.
func runs(s string, first bool) bool {
	if first {
		if s != "" && (s[0] == '\t' || s[0] == '\r') {
			return true
		}
		s = strings.TrimLeft(s, " \v\f\u00a0\u200b\u200c\u200d\u2060\u3000\ufeff")
	}
	if s == "" {
		return false
	}
	switch s[0] {
	case '=', '@':
		return true
	case '+', '-':
		for _, c := range []byte(s[1:]) {
			switch {
			case c >= '0' && c <= '9', c == ' ', c == '.':
			case strings.IndexByte(separators, c) >= 0:
				return false
			default:
				return true
			}
		}
		return false
	case 0xEF: // what follows is the first byte of the wide forms
		for _, wide := range []string{"＝", "＋", "－", "＠"} {
			if strings.HasPrefix(s, wide) {
				return true
			}
		}
	}
	return false
}
