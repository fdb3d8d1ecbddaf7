package guide

import (
	"path/filepath"
	"strings"
	"unicode/utf8"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
)

const (
	// maxFile bounds a file that is chosen as a value, in bytes.
	maxFile = 1 << 20
	// maxShown is the longest content that can be changed here rather than in an editor of texts, in bytes.
	maxShown = 64 << 10
)

// choose lets the person pick a file of this machine with text in it, and hands on its name and text.
func choose(d *ui.Desk, title string, exts []string, then func(name, text string)) {
	d.ChooseFile(title, exts, func(path string) {
		content, err := ui.ReadFile(path, maxFile)
		switch {
		case err != nil:
			d.Fail(d.T("guide.file.failed"))
		case !utf8.Valid(content):
			d.Fail(d.T("guide.file.binary"))
		default:
			then(filepath.Base(path), string(content))
		}
	})
}

// file is the editor for a file: its name, its size and its content, which the host keeps. Another one can be
// taken from this machine, and a copy written to it.
func (e *editor) file() fyne.CanvasObject {
	d := e.d
	held := e.setting.Content
	name := ui.NewEntry(d.T("guide.file.none"), func(string) { e.save() })
	name.Quiet(text(e.setting.Value))
	name.OnChanged = func(string) { e.touched() }
	source := ui.NewTextEntry(6)
	source.TextStyle.Monospace = true
	size := ui.Caption("")
	show := func() {
		size.Text = d.T("guide.file.size", "size", bytes(d, len(held)), "lines", lines(held))
		source.Quiet(held)
		if len(held) > maxShown {
			size.Text += "  ·  " + d.T("guide.file.long")
			source.Quiet("")
		}
		if len(held) > maxShown || e.setting.ReadOnly {
			source.Disable()
		} else {
			source.Enable()
		}
		size.Refresh()
	}
	source.OnChanged = func(content string) {
		held = content
		size.Text = d.T("guide.file.size", "size", bytes(d, len(held)), "lines", lines(held))
		size.Refresh()
		e.touched()
	}
	pick := ui.NewButton(d.T("guide.file.choose"), "", ui.Plain, func() {
		choose(d, d.T("guide.file.any"), nil, func(base, content string) {
			name.Quiet(base)
			held = content
			show()
			e.touched()
			d.Window.Canvas().Focus(name)
		})
	})
	copyOut := ui.NewButton(d.T("guide.file.copy"), "", ui.Plain, func() {
		d.SaveFile(d.T("guide.file.copy.title"), filepath.Base("/"+text(e.setting.Value)), nil, func(path string) {
			write(d, path, held, d.T("guide.file.copied", "path", path))
		})
	})
	copyOut.SetEnabled(text(e.setting.Value) != "")
	if e.setting.ReadOnly {
		name.Disable()
		pick.Disable()
	}
	show()
	e.focus = name
	e.value = func() (string, error) { return strings.TrimSpace(name.Text), nil }
	e.text = func() *string {
		content := held
		return &content
	}
	row := ui.Frame(8, nil, ui.Row(0, ui.Text(d.T("guide.file"), ui.SizeCaption, true, ui.ColorMuted)), name, ui.Row(2, pick, copyOut), nil)
	heading := ui.Row(8, ui.Text(d.T("guide.file.content"), ui.SizeCaption, true, ui.ColorMuted), ui.Spring(), size)
	return ui.Frame(10, row, nil, ui.Frame(5, heading, nil, source, nil, nil), nil, nil)
}

func lines(text string) int {
	n := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		n++
	}
	return n
}
