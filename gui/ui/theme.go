// Package ui is what the screens of the store application are built from: the theme, the widgets that know
// this shop's keys, small layouts, messages to the person, and the Desk that ties a screen to its window.
//
// Keys. Fyne hands a key to the focused widget and, only when nothing has the focus, to the canvas. Every
// focusable widget here therefore offers function keys, Escape and (unless it is a text box) typed text and
// Enter to the canvas handler first, which the shell sets: so that F2 works wherever the focus is, and a
// scanner can be used without looking at the screen.
package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// Colour names of our own, beside those of the toolkit.
const (
	ColorCard    fyne.ThemeColorName = "card"
	ColorSide    fyne.ThemeColorName = "side"
	ColorMuted   fyne.ThemeColorName = "muted"
	ColorSoft    fyne.ThemeColorName = "soft"
	ColorGoodBg  fyne.ThemeColorName = "goodBackground"
	ColorWarnBg  fyne.ThemeColorName = "warnBackground"
	ColorBadBg   fyne.ThemeColorName = "badBackground"
	ColorQuietBg fyne.ThemeColorName = "quietBackground"
)

// Sizes of text in use.
const (
	SizeTitle   float32 = 24
	SizeHeading float32 = 17
	SizeText    float32 = 15
	SizeCaption float32 = 13
	SizeNumber  float32 = 30
)

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func alpha(v uint32, a uint8) color.NRGBA {
	c := rgb(v)
	c.A = a
	return c
}

// Contrast of text on its background is at least 4.5:1 throughout (WCAG AA).
var palette = map[fyne.ThemeColorName]color.Color{
	theme.ColorNameBackground:          rgb(0xf4f6f8),
	theme.ColorNameForeground:          rgb(0x1b2733),
	theme.ColorNamePrimary:             rgb(0x0f6674),
	theme.ColorNameForegroundOnPrimary: rgb(0xffffff),
	theme.ColorNameHyperlink:           rgb(0x0b5c8a),
	theme.ColorNameFocus:               alpha(0x0f6674, 0x55),
	theme.ColorNameHover:               alpha(0x0f6674, 0x22),
	theme.ColorNamePressed:             alpha(0x1b2733, 0x22),
	theme.ColorNameSelection:           alpha(0x0f6674, 0x2e),
	theme.ColorNameButton:              rgb(0xffffff),
	theme.ColorNameDisabledButton:      rgb(0xeef1f3),
	theme.ColorNameDisabled:            rgb(0x68737e),
	theme.ColorNamePlaceHolder:         rgb(0x6b7782),
	theme.ColorNameInputBackground:     rgb(0xffffff),
	theme.ColorNameInputBorder:         rgb(0xb4bec7),
	theme.ColorNameSeparator:           rgb(0xdfe4e9),
	theme.ColorNameError:               rgb(0xb3261e),
	theme.ColorNameSuccess:             rgb(0x1a6f45),
	theme.ColorNameWarning:             rgb(0x8a5a00),
	theme.ColorNameShadow:              alpha(0x1b2733, 0x28),
	theme.ColorNameScrollBar:           alpha(0x1b2733, 0x55),
	theme.ColorNameScrollBarBackground: alpha(0x1b2733, 0x00),
	theme.ColorNameOverlayBackground:   rgb(0xffffff),
	theme.ColorNameMenuBackground:      rgb(0xffffff),
	theme.ColorNameHeaderBackground:    rgb(0xeef1f3),
	ColorCard:                          rgb(0xffffff),
	ColorSide:                          rgb(0xe9eef2),
	ColorMuted:                         rgb(0x54616d),
	ColorSoft:                          rgb(0xe3f0f2),
	ColorGoodBg:                        rgb(0xdff3e6),
	ColorWarnBg:                        rgb(0xfdf0d3),
	ColorBadBg:                         rgb(0xfbe4e2),
	ColorQuietBg:                       rgb(0xe9edf1),
}

var sizes = map[fyne.ThemeSizeName]float32{
	theme.SizeNameText:            SizeText,
	theme.SizeNameCaptionText:     SizeCaption,
	theme.SizeNameHeadingText:     SizeTitle,
	theme.SizeNameSubHeadingText:  SizeHeading,
	theme.SizeNamePadding:         5,
	theme.SizeNameInnerPadding:    9,
	theme.SizeNameInputRadius:     6,
	theme.SizeNameSelectionRadius: 5,
	theme.SizeNameScrollBar:       12,
	theme.SizeNameScrollBarSmall:  4,
	theme.SizeNameInputBorder:     1.5,
	theme.SizeNameDialogRadius:    10,
	theme.SizeNameModalBlurRadius: 0,
}

// Theme is the look of the application: light in every variant, with the toolkit's bundled fonts.
type Theme struct{ base fyne.Theme }

// NewTheme makes the theme.
func NewTheme() *Theme { return &Theme{theme.DefaultTheme()} }

// Color implements fyne.Theme.
func (t *Theme) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	if c, ok := palette[name]; ok {
		return c
	}
	return t.base.Color(name, theme.VariantLight)
}

// Font implements fyne.Theme.
func (t *Theme) Font(style fyne.TextStyle) fyne.Resource { return t.base.Font(style) }

// chevrons mark the branches of a tree, in place of the toolkit's arrows.
var chevrons = map[fyne.ThemeIconName]fyne.Resource{
	theme.IconNameMoveDown:     chevron("chevron-down", "M7.1 8.8 12 13.7l4.9-4.9 1.4 1.4L12 16.5 5.7 10.2z"),
	theme.IconNameNavigateNext: chevron("chevron-right", "M8.8 7.1 13.7 12l-4.9 4.9 1.4 1.4L16.5 12 10.2 5.7z"),
}

func chevron(name, path string) fyne.Resource {
	svg := `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><path fill="#000" d="` + path + `"/></svg>`
	return theme.NewColoredResource(fyne.NewStaticResource(name+".svg", []byte(svg)), ColorMuted)
}

// Icon implements fyne.Theme.
func (t *Theme) Icon(name fyne.ThemeIconName) fyne.Resource {
	if icon, ok := chevrons[name]; ok {
		return icon
	}
	return t.base.Icon(name)
}

// Size implements fyne.Theme.
func (t *Theme) Size(name fyne.ThemeSizeName) float32 {
	if s, ok := sizes[name]; ok {
		return s
	}
	return t.base.Size(name)
}

// Color looks a colour of the palette up, for shapes that are drawn directly.
func Color(name fyne.ThemeColorName) color.Color {
	if c, ok := palette[name]; ok {
		return c
	}
	return palette[theme.ColorNameForeground]
}

// Text is one line of text without padding.
func Text(s string, size float32, bold bool, name fyne.ThemeColorName) *canvas.Text {
	t := canvas.NewText(s, Color(name))
	t.TextSize = size
	t.TextStyle.Bold = bold
	return t
}
