package tag

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DefaultColor is the background of a tag for which nobody chose another.
const DefaultColor = "#dbe4f0"

// color is an sRGB colour.
type color struct{ r, g, b uint8 }

func (c color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

// parseColor reads "#rrggbb" or "#rgb", in any case and with or without the sign.
func parseColor(text string) (color, bool) {
	text = strings.TrimPrefix(text, "#")
	if len(text) == 3 {
		text = string([]byte{text[0], text[0], text[1], text[1], text[2], text[2]})
	}
	if len(text) != 6 || strings.ContainsAny(text, "+-_") {
		return color{}, false
	}
	n, err := strconv.ParseUint(text, 16, 24)
	return color{uint8(n >> 16), uint8(n >> 8), uint8(n)}, err == nil
}

// TextColor is black or white ("#000000" or "#ffffff"), whichever has the greater contrast (WCAG 2.1) with a
// background "#rrggbb"; black on what is no colour.
func TextColor(background string) string {
	c, ok := parseColor(background)
	// Contrast is (lighter+0.05)/(darker+0.05), by luminance: that of white is 1, of black 0.
	if l := c.luminance(); ok && 1.05/(l+0.05) > (l+0.05)/0.05 {
		return "#ffffff"
	}
	return "#000000"
}

// luminance is the relative luminance of WCAG 2.1, from 0 to 1.
func (c color) luminance() float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}
