package tabular

import (
	"context"
	"strings"
	"unicode"
)

const (
	headRows   = 100 // that guesses and samples are made from
	maxSamples = 5
)

// describe reads the first rows and finds out what the columns are.
func (t *Table) describe(heading *bool) error {
	var head []Row
	for row, err := range t.source.rows(context.Background()) {
		if err != nil {
			if len(head) == 0 {
				return err
			}
			break // Rows will say so, after those that can be read
		}
		if head = append(head, row); len(head) == headRows {
			break
		}
	}
	if len(head) == 0 {
		return refuse(RefusedEmpty)
	}
	first := 0
	if heading == nil || *heading {
		first = titles(head)
	}
	if heading != nil {
		t.reading.Heading = *heading
	} else {
		t.reading.Heading = isHeading(head[first:])
	}
	if !t.reading.Heading {
		first = 0
	}
	t.columns = make([]Column, t.width(head[first:]))
	rows := head[first:]
	if t.reading.Heading {
		t.skip = rows[0].Line
		for i := range t.columns {
			if i < len(rows[0].Cells) {
				t.columns[i].Name = strings.Join(strings.Fields(rows[0].Cells[i]), " ")
			}
		}
		rows = rows[1:]
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.Name == "" {
			c.Name = columnName(i + 1)
		}
		if x, ok := t.source.(*xlsxSource); ok {
			c.Hidden = x.hidden[i]
		}
		seen := map[string]bool{"": true}
		for _, row := range rows {
			if i < len(row.Cells) && !seen[row.Cells[i]] && len(c.Samples) < maxSamples {
				seen[row.Cells[i]] = true
				c.Samples = append(c.Samples, row.Cells[i])
			}
		}
	}
	return nil
}

// width is how many columns the table has: as many as its widest row, but in a CSV with a heading as many as most rows,
// since there a row that is longer than the heading is one where a separator was typed.
func (t *Table) width(rows []Row) int {
	usual, widest := usualWidth(rows)
	if t.reading.Format == CSV && t.reading.Heading {
		return max(usual, filled(rows[0].Cells))
	}
	return widest
}

func usualWidth(rows []Row) (usual, widest int) {
	times := map[int]int{}
	for _, row := range rows {
		w := filled(row.Cells)
		times[w]++
		if times[w] > times[usual] || times[w] == times[usual] && w > usual {
			usual = w
		}
		widest = max(widest, w)
	}
	return usual, widest
}

// filled is how many cells a row has up to the last that is not empty.
func filled(cells []string) int {
	n := len(cells)
	for n > 0 && cells[n-1] == "" {
		n--
	}
	return n
}

// titles is how many rows come before the table: a name of the list, a date, each alone in its row.
func titles(head []Row) int {
	usual, _ := usualWidth(head)
	for i, row := range head[:min(len(head), 10)] {
		n := 0
		for _, c := range row.Cells {
			if c != "" {
				n++
			}
		}
		if n > 1 && n >= usual/2 {
			return i
		}
		if n > 2 {
			return 0
		}
	}
	return 0
}

// isHeading guesses whether the first row names the columns: names are words, each once, and where the rows below have
// numbers, dates or addresses, they are of another kind.
func isHeading(rows []Row) bool {
	names := map[string]bool{}
	cells := rows[0].Cells
	empty := 0
	for _, c := range cells[:filled(cells)] {
		switch {
		case c == "":
			empty++
			continue
		case names[strings.ToLower(c)], shape(c) != word, len(c) > 200:
			return false
		}
		names[strings.ToLower(c)] = true
	}
	if empty > len(names) {
		return false
	}
	// All words below too: a heading says something else than its column does.
	for i, c := range cells {
		for _, row := range rows[1:] {
			if c != "" && i < len(row.Cells) && strings.EqualFold(row.Cells[i], c) {
				return false
			}
		}
	}
	return true
}

type cellShape int

const (
	word    cellShape = iota
	figure            // a number, a date, a phone, a card
	address           // of e-mail or the web
)

// shape tells words from what headings do not look like.
func shape(cell string) cellShape {
	digits, letters := 0, 0
	for _, r := range cell {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		}
	}
	switch {
	case strings.Contains(cell, "@") && strings.Contains(cell, "."), strings.Contains(cell, "://"):
		return address
	case digits > 0 && digits >= letters, letters == 0:
		return figure
	}
	return word
}
