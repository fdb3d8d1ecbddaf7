package ui

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
)

// ErrTooLarge says that a file is larger than what was asked for may be.
var ErrTooLarge = errors.New("ui: file is too large")

// ReadFile reads a file of at most limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	return data, err
}

// ChooseFile lets the person pick a file of this machine, by keyboard or mouse: Enter opens the folder or takes
// the file under the highlight, and a path can be typed or pasted above. Only files that end in one of exts
// (".html") are listed; none lists all. then gets the path of what was picked, which was there a moment ago.
func (d *Desk) ChooseFile(title string, exts []string, then func(path string)) {
	var m *Modal
	f := newFolder(d, exts, func(path string) {
		m.Close()
		then(path)
	})
	m = d.NewModal(title, 640, Frame(8, f.where, nil, Least(600, 340, f.list), nil, nil), f.list,
		NewButton(d.T("cancel"), "Esc", Plain, func() { m.Close() }))
	f.enter(f.dir)
}

// SaveFile asks for the folder and name of a file to write; name is the proposal, and extra, which may be nil,
// stands below it. A file that is there already is replaced only when the person says so.
func (d *Desk) SaveFile(title, name string, extra fyne.CanvasObject, then func(path string)) {
	var m *Modal
	var save func()
	as := NewField(d.T("file.name"), NewEntry("", func(string) { save() }))
	as.Entry.Quiet(name)
	as.Entry.OnChanged = func(string) { as.Say("") }
	f := newFolder(d, []string{strings.ToLower(filepath.Ext(name))}, func(path string) {
		as.Entry.SetText(filepath.Base(path))
		d.Window.Canvas().Focus(as.Entry)
	})
	save = func() {
		text := as.Value()
		if text == "" || filepath.Base(text) != text {
			as.Say(d.T("file.name.bad"))
			d.Window.Canvas().Focus(as.Entry)
			return
		}
		path := filepath.Join(f.dir, text)
		done := func() { m.Close(); then(path) }
		if _, err := os.Stat(path); err == nil {
			d.Confirm(d.T("file.there.title"), d.T("file.there", "name", text), d.T("file.replace"), done)
			return
		}
		done()
	}
	below := Column(2, as.Box)
	if extra != nil {
		below.Add(extra)
	}
	m = d.NewModal(title, 640, Frame(8, f.where, nil, Least(600, 250, f.list), nil, below), as.Entry,
		NewButton(d.T("cancel"), "Esc", Plain, func() { m.Close() }), NewButton(d.T("save"), "Enter", Primary, func() { save() }))
	f.enter(f.dir)
	d.Window.Canvas().Focus(as.Entry)
}

// folder is a folder of this machine as a list, with its path above.
type folder struct {
	dir   string
	enter func(path string)
	where *Entry
	list  *List
}

// newFolder shows the person's own folder; take gets the file that is opened.
func newFolder(d *Desk, exts []string, take func(path string)) *folder {
	dir, err := os.UserHomeDir()
	if err != nil {
		dir = "."
	}
	f := &folder{dir: dir, where: NewEntry("", nil)}
	var names []string
	f.enter = func(path string) {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			d.Fail(d.T("file.failed"))
		case info.IsDir():
			f.dir, names = path, entries(path, exts)
			f.where.Quiet(path)
			f.list.UnselectAll()
			f.list.ScrollToTop()
			f.list.Refresh()
			d.Window.Canvas().Focus(f.list)
		default:
			take(path)
		}
	}
	f.where.OnSubmitted = func(text string) { f.enter(strings.TrimSpace(text)) }
	f.list = NewList(func() int { return len(names) }, func() fyne.CanvasObject { return Cell(false) },
		func(i int, o fyne.CanvasObject) {
			if i < len(names) {
				o.(*widget.Label).SetText(names[i])
			}
		}, func(i int) {
			if i < len(names) {
				f.enter(filepath.Join(f.dir, names[i]))
			}
		})
	return f
}

// entries lists the way up, the folders and then the files of a folder that end in one of exts; hidden ones are
// left out.
func entries(dir string, exts []string) []string {
	names := []string{".." + string(filepath.Separator)}
	found, err := os.ReadDir(dir)
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
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			names = append(names, e.Name()+string(filepath.Separator))
		case len(exts) == 0 || slices.Contains(exts, strings.ToLower(filepath.Ext(e.Name()))):
			names = append(names, e.Name())
		}
	}
	return names
}
