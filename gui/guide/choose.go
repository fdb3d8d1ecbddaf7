package guide

import (
	"path/filepath"
	"unicode/utf8"

	"mostrador/gui/ui"
)

// maxFile bounds a file that is chosen as a value, in bytes; the host may take less.
const maxFile = 1 << 20

// choose lets the person pick a file of this machine, and hands on its name and content.
func choose(d *ui.Desk, title string, exts []string, then func(name string, content []byte)) {
	d.ChooseFile(title, exts, func(path string) {
		content, err := ui.ReadFile(path, maxFile)
		if err != nil {
			d.Fail(d.T("guide.file.failed"))
			return
		}
		then(filepath.Base(path), content)
	})
}

// chooseText is choose for files with text in them.
func chooseText(d *ui.Desk, title string, exts []string, then func(name, text string)) {
	choose(d, title, exts, func(name string, content []byte) {
		if !utf8.Valid(content) {
			d.Fail(d.T("guide.file.binary"))
			return
		}
		then(name, string(content))
	})
}
