package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/plgv1"
)

// grid prints rows in aligned columns.
type grid struct {
	out  io.Writer
	rows [][]string
	// headed says that the first row names the columns.
	headed bool
	none   string
}

// table returns a grid whose columns are named by the keys cli.col_NAME.
func (s *session) table(columns ...string) *grid {
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = strings.ToUpper(s.say("col_" + c))
	}
	return &grid{out: s.out, rows: [][]string{head}, headed: true, none: s.say("nothing")}
}

// pairs returns a grid of two columns without a head: a label and its value.
func (s *session) pairs() *grid { return &grid{out: s.out} }

func (g *grid) add(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Map(printable, cell)
		if g.headed {
			cells[i] = shorten(cells[i])
		}
	}
	g.rows = append(g.rows, cells)
}

// cellLimit keeps a table readable; the whole value is to be had with "get" and "show".
const cellLimit = 60

func shorten(cell string) string {
	if runes := []rune(cell); len(runes) > cellLimit {
		return string(runes[:cellLimit-1]) + "…"
	}
	return cell
}

// addIf adds a pair whose value is not empty.
func (g *grid) addIf(label, value string) {
	if value != "" {
		g.add(label, value)
	}
}

func (g *grid) print() {
	if g.headed && len(g.rows) == 1 {
		fmt.Fprintln(g.out, g.none)
		return
	}
	var widths []int
	for _, row := range g.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range g.rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(g.out, strings.TrimRight(line.String(), " "))
	}
}

// printable keeps a value in its cell, and control characters of a customer's name out of the terminal.
func printable(r rune) rune {
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return ' '
	case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
		return -1
	}
	return r
}

// nextPage says how to see the rest of a list.
func (s *session) nextPage(page string) {
	if page != "" {
		s.print("next_page", "page", page)
	}
}

func (s *session) yesNo(yes bool) string {
	if yes {
		return s.say("yes")
	}
	return s.say("no")
}

func (s *session) consentState(state plgv1.ConsentState) string {
	return s.say("consent_" + enum(state.String(), "CONSENT_STATE_"))
}

// enum returns the name of an enum's value as translation keys and flags spell it: MESSAGE_STATE_SENT as sent.
func enum(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }

// time is a moment in the store's zone, which is this machine's.
func (s *session) time(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().In(time.Local).Format(s.say("time_layout"))
}

// money is an amount as the language writes it: 1.234,50 EUR.
func (s *session) money(m *plgv1.Money) string {
	if m == nil {
		return ""
	}
	digits := 2
	if unit, err := currency.ParseISO(m.GetCurrency()); err == nil {
		digits, _ = currency.Standard.Rounding(unit)
	}
	value := float64(m.GetMinor())
	for range digits {
		value /= 10
	}
	p := message.NewPrinter(language.Make(s.lang))
	return p.Sprint(number.Decimal(value, number.Scale(digits))) + " " + m.GetCurrency()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// inputLimit bounds what is read from standard input: a template is a file of some kilobytes.
const inputLimit = 4 << 20

func readLimited(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, inputLimit+1))
	if err == nil && len(data) > inputLimit {
		err = errors.New("standard input is longer than 4 MiB")
	}
	return data, err
}
