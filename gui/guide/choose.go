package guide

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
)

// maxTemplate bounds a file that is chosen as a template, in bytes.
const maxTemplate = 1 << 20

var errTooLarge = errors.New("guide: file is larger than a template may be")

// choose lets the person pick an HTML file of this machine, by keyboard or mouse, and hands on the name under
// which the host will keep it, and its text.
func choose(d *ui.Desk, then func(name, text string)) {
	dir, err := os.UserHomeDir()
	if err != nil {
		dir = "."
	}
	var m *ui.Modal
	var names []string
	where := ui.NewEntry("", nil)
	var list *ui.List
	enter := func(path string) {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			d.Fail(d.T("guide.file.failed"))
		case info.IsDir():
			dir, names = path, entries(path)
			where.Quiet(dir)
			list.UnselectAll()
			list.ScrollToTop()
			list.Refresh()
			d.Window.Canvas().Focus(list)
		default:
			text, err := readTemplate(path)
			if err != nil {
				d.Fail(d.T("guide.file.failed"))
				return
			}
			m.Close()
			then("templates/"+filepath.Base(path), text)
		}
	}
	where.OnSubmitted = func(text string) { enter(strings.TrimSpace(text)) }
	list = ui.NewList(func() int { return len(names) }, func() fyne.CanvasObject { return ui.Cell(false) },
		func(i int, o fyne.CanvasObject) {
			if i < len(names) {
				o.(*widget.Label).SetText(names[i])
			}
		}, func(i int) {
			if i < len(names) {
				enter(filepath.Join(dir, names[i]))
			}
		})
	m = d.NewModal(d.T("guide.file.title"), 640, ui.Frame(8, where, nil, ui.Least(600, 340, list), nil, nil), list,
		ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }))
	enter(dir)
}

// entries lists the folders and the HTML and text files of a folder, folders first; hidden ones are left out.
func entries(dir string) []string {
	found, err := os.ReadDir(dir)
	names := []string{".." + string(filepath.Separator)}
	if err != nil {
		return names
	}
	slices.SortStableFunc(found, func(a, b os.DirEntry) int {
		if a.IsDir() != b.IsDir() {
			if a.IsDir() {
				return -1
			}
			return 1
		}
		return cmp.Compare(strings.ToLower(a.Name()), strings.ToLower(b.Name()))
	})
	for _, e := range found {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			names = append(names, e.Name()+string(filepath.Separator))
		case ext == ".html" || ext == ".htm" || ext == ".txt":
			names = append(names, e.Name())
		}
	}
	return names
}

func readTemplate(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxTemplate+1))
	if err == nil && len(data) > maxTemplate {
		err = errTooLarge
	}
	return string(data), err
}
