package guide

import (
	"bytes"
	"image"
	_ "image/jpeg" // pictures that stores keep, such as their logo
	_ "image/png"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
)

const (
	// maxShown is the longest text that can be changed here rather than in an editor of texts, in bytes.
	maxShown = 64 << 10
	// maxPixels bounds a picture that is shown.
	maxPixels = 16 << 20
)

// file is the editor for a file: its name, its size and its content, which the host keeps. Text can be changed
// here, a picture is shown; another file can be taken from this machine, and a copy written to it.
func (e *editor) file() fyne.CanvasObject {
	d := e.d
	held := e.setting.Data
	if len(held) == 0 {
		held = []byte(e.setting.Content)
	}
	name := ui.NewEntry(d.T("guide.file.none"), func(string) { e.save() })
	name.Quiet(text(e.setting.Value))
	name.OnChanged = func(string) { e.touched() }
	source := ui.NewTextEntry(6)
	source.TextStyle.Monospace = true
	picture := canvas.NewImageFromImage(nil)
	picture.FillMode = canvas.ImageFillContain
	picture.SetMinSize(fyne.NewSize(100, 80))
	frame := ui.Boxed(ui.Pad(12, 12, picture))
	other := ui.Words("")
	other.Importance, other.Alignment = widget.LowImportance, fyne.TextAlignCenter
	size := ui.Caption("")
	tell := func() {
		size.Text = bytesOf(d, len(held))
		if utf8.Valid(held) {
			size.Text = d.T("guide.file.size", "size", bytesOf(d, len(held)), "lines", lines(string(held)))
		}
		size.Refresh()
	}
	show := func() {
		shot := pictureOf(held)
		writing := utf8.Valid(held)
		picture.Image = shot
		switch {
		case writing:
			other.SetText(d.T("guide.file.long"))
		default:
			other.SetText(d.T("guide.file.other"))
		}
		visible(frame, shot != nil)
		visible(source, writing && len(held) <= maxShown)
		visible(other, shot == nil && !source.Visible())
		if source.Visible() {
			source.Quiet(string(held))
		}
		picture.Refresh()
		tell()
	}
	source.OnChanged = func(content string) {
		held = []byte(content)
		tell()
		e.touched()
	}
	pick := ui.NewButton(d.T("guide.file.pick"), "", ui.Plain, func() {
		choose(d, d.T("guide.file.any"), nil, func(base string, content []byte) {
			name.Quiet(base)
			held = content
			show()
			e.touched()
			d.Window.Canvas().Focus(name)
		})
	})
	out := ui.NewButton(d.T("guide.file.copy"), "", ui.Plain, func() {
		d.SaveFile(d.T("guide.file.copy.title"), filepath.Base(text(e.setting.Value)), nil, func(path string) {
			write(d, path, held, d.T("guide.file.copied", "path", path))
		})
	})
	out.SetEnabled(text(e.setting.Value) != "")
	if e.setting.ReadOnly {
		name.Disable()
		source.Disable()
		pick.Disable()
	}
	show()
	e.focus = name
	e.value = func() (string, error) { return strings.TrimSpace(name.Text), nil }
	e.data = func() []byte { return held }
	row := ui.Frame(8, nil, ui.Row(0, ui.Text(d.T("guide.file"), ui.SizeCaption, true, ui.ColorMuted)), name, ui.Row(2, pick, out), nil)
	heading := ui.Row(8, ui.Text(d.T("guide.file.content"), ui.SizeCaption, true, ui.ColorMuted), ui.Spring(), size)
	content := container.NewStack(source, frame, container.NewCenter(ui.Least(360, 0, other)))
	return ui.Frame(10, row, nil, ui.Frame(5, heading, nil, content, nil, nil), nil, nil)
}

// pictureOf is the picture that a content is, or nil.
func pictureOf(content []byte) image.Image {
	cfg, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width > maxPixels/cfg.Height {
		return nil
	}
	shot, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil
	}
	return shot
}

func lines(text string) int {
	n := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		n++
	}
	return n
}
