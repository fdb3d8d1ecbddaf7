package mailview

import (
	"image/color"
	"net/url"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
)

// How wide a mail is shown at most: as mail programs do, and as on a phone.
const (
	Desktop float32 = 600
	Phone   float32 = 360
)

// View shows one mail.
type View struct {
	scroll *container.Scroll
	column *fyne.Container
	blocks []Block
	middle *middle
	ground *fyne.Container
	open   func(href string)
}

// New makes an empty view; open is called with the address of a link that is pressed.
func New(open func(href string)) *View {
	v := &View{open: open, column: ui.Column(4), middle: &middle{Desktop}}
	sheet := canvas.NewRectangle(color.White)
	sheet.CornerRadius = 8
	sheet.StrokeWidth, sheet.StrokeColor = 1, ui.Color(theme.ColorNameSeparator)
	card := container.NewStack(sheet, ui.Pad(22, 20, v.column))
	v.ground = ui.Panel(ui.ColorQuietBg, 8, ui.Pad(12, 12, container.New(v.middle, card)))
	v.scroll = container.NewVScroll(v.ground)
	return v
}

// SetPaper makes the mail as wide as a screen where it may be read: Desktop or Phone.
func (v *View) SetPaper(width float32) {
	if v.middle.paper != width {
		v.middle.paper = width
		v.ground.Refresh()
		v.scroll.Refresh()
	}
}

// middle centres its object at the width of the paper.
type middle struct{ paper float32 }

func (*middle) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(100, o[0].MinSize().Height)
}

func (m *middle) Layout(o []fyne.CanvasObject, size fyne.Size) {
	w := min(m.paper, size.Width)
	o[0].Move(fyne.NewPos((size.Width-w)/2, 0))
	o[0].Resize(fyne.NewSize(w, max(size.Height, o[0].MinSize().Height)))
}

// Content is the view.
func (v *View) Content() fyne.CanvasObject { return v.scroll }

// Blocks is what the view shows.
func (v *View) Blocks() []Block { return v.blocks }

// Show sets the mail.
func (v *View) Show(source string) {
	v.column.RemoveAll()
	v.blocks = Parse(source)
	// Blocks that follow each other on one ground share a box.
	for i := 0; i < len(v.blocks); {
		ground := boxOf(v.blocks[i])
		box := ui.Column(4)
		for ; i < len(v.blocks) && boxOf(v.blocks[i]) == ground; i++ {
			box.Add(v.object(v.blocks[i]))
		}
		if ground.A == 0 {
			v.column.Add(box)
			continue
		}
		back := canvas.NewRectangle(ground)
		back.CornerRadius = 6
		v.column.Add(container.NewStack(back, ui.Pad(14, 8, box)))
	}
	v.column.Refresh()
	v.scroll.ScrollToTop()
	v.scroll.Refresh()
}

func (v *View) object(b Block) fyne.CanvasObject {
	switch b.Kind {
	case Rule:
		return ui.Pad(0, 6, widget.NewSeparator())
	case Button:
		button := newMailButton(text(b.Runs), b.Ground, func() { v.open(b.Runs[0].Href) })
		if b.Center {
			return ui.Pad(0, 6, container.NewCenter(button))
		}
		return ui.Pad(0, 6, ui.Row(0, button))
	case Item:
		mark := widget.NewLabel(b.Mark)
		return ui.Pad(0, -5, ui.Frame(0, nil, ui.Pad(float32(b.Level)*14-10, 0, mark), v.rich(b), nil, nil))
	case Quote:
		bar := canvas.NewRectangle(ui.Color(theme.ColorNameSeparator))
		bar.SetMinSize(fyne.NewSize(4, 4))
		return ui.Frame(6, nil, bar, v.rich(b), nil, nil)
	}
	return ui.Pad(-9, -5, v.rich(b))
}

// boxOf is the ground that a block stands on; a button brings its own.
func boxOf(b Block) color.NRGBA {
	if b.Kind == Button {
		return b.Box
	}
	return b.Ground
}

func text(runs []Run) string {
	all := ""
	for _, r := range runs {
		all += r.Text
	}
	return all
}

func (v *View) rich(b Block) fyne.CanvasObject {
	align := fyne.TextAlignLeading
	if b.Center {
		align = fyne.TextAlignCenter
	}
	size := theme.SizeNameText
	if b.Kind == Heading {
		size = theme.SizeNameSubHeadingText
		if b.Level == 1 {
			size = theme.SizeNameHeadingText
		}
	}
	ink := theme.ColorNameForeground
	if b.Ground.A != 0 && dark(b.Ground) {
		ink = theme.ColorNameForegroundOnPrimary
	}
	r := widget.NewRichText()
	r.Wrapping = fyne.TextWrapWord
	for _, run := range b.Runs {
		look := fyne.TextStyle{Bold: run.Bold || b.Kind == Heading, Italic: run.Italic}
		if run.Href != "" {
			u, _ := url.Parse(run.Href)
			r.Segments = append(r.Segments, &widget.HyperlinkSegment{Alignment: align, Text: run.Text, URL: u, TextStyle: look, SizeName: size,
				OnTapped: func() { v.open(run.Href) }})
			continue
		}
		r.Segments = append(r.Segments, &widget.TextSegment{Text: run.Text, Style: widget.RichTextStyle{
			Alignment: align, Inline: true, SizeName: size, TextStyle: look, ColorName: ink}})
	}
	r.Refresh()
	return r
}

// newMailButton is a button of the mail in the mail's own colour; it can be reached by Tab.
func newMailButton(label string, ground color.NRGBA, tapped func()) fyne.CanvasObject {
	b := ui.NewButton(label, "", ui.Primary, tapped)
	b.SetGround(ground, dark(ground))
	return b
}
