package guide

import (
	"path/filepath"

	"mostrador/gui/ui"
)

// maxTemplate bounds a file that is chosen as a template, in bytes.
const maxTemplate = 1 << 20

// choose lets the person pick an HTML file of this machine, and hands on the name under which the host will keep
// it, and its text.
func choose(d *ui.Desk, then func(name, text string)) {
	d.ChooseFile(d.T("guide.file.title"), []string{".html", ".htm", ".txt"}, func(path string) {
		text, err := ui.ReadFile(path, maxTemplate)
		if err != nil {
			d.Fail(d.T("guide.template.failed"))
			return
		}
		then("templates/"+filepath.Base(path), string(text))
	})
}
