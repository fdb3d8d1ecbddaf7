package ui

import "strings"

// Insert types text where the cursor is, in place of what is selected.
func (e *Entry) Insert(text string) {
	changed := e.OnChanged
	e.OnChanged = nil
	for _, r := range text {
		e.Entry.TypedRune(r)
	}
	e.OnChanged = changed
	if changed != nil {
		changed(e.Text)
	}
}

// GoTo puts the cursor at the beginning of a line, counted from 1, of a box of several lines. Long lines are broken into
// rows, by which the toolkit counts.
func (e *Entry) GoTo(line int) {
	start := 0
	lines := strings.SplitAfter(e.Text, "\n")
	for _, l := range lines[:max(0, min(line, len(lines))-1)] {
		start += len([]rune(l))
	}
	e.CursorRow, e.CursorColumn = 0, 0
	for start > 0 {
		e.CursorRow++
		if at := e.CursorTextOffset(); at == 0 || at > start { // beyond the last row, or the line's
			e.CursorRow--
			break
		}
	}
	e.Refresh()
}
