// Package templates is Bandeja de salida > Plantillas: the texts of all mails by theme, and the editor in which people
// who are no technicians change them. What is typed is shown at once as a customer of the store would get it, at the
// width of a desk or of a phone, with what mail programs, the law and the reader would find wrong. Every saved text is
// a version that can be brought back, and what is not saved yet is kept until somebody says that it may go.
package templates

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the list of templates, or the editor of one.
type Screen struct {
	d       *ui.Desk
	content *fyne.Container
	list    fyne.CanvasObject
	shelf   *ui.Shelf[*mostradorv1.Template]
	fresh   *ui.Button
	editor  *editor
	newest  ui.Latest
	all     []*mostradorv1.Template
}

var weights = []float32{16, 28, 15, 10, 15, 16}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.shelf = ui.NewShelf(d, ui.ShelfConfig[*mostradorv1.Template]{
		Hint: d.T("templates.filter"), None: d.T("templates.none"),
		Captions: ui.Captions(weights, d.T("templates.theme"), d.T("templates.name"), d.T("templates.kind"), d.T("templates.languages"), d.T("templates.updated"), d.T("templates.origin")),
		Row:      newRow, Show: s.show, Open: s.open,
		Words: func(t *mostradorv1.Template) string {
			return t.Theme + " " + t.Name + " " + subject(t) + " " + t.Plugin + " " + strings.Join(t.UsedBy, " ")
		},
		Read: func(then func([]*mostradorv1.Template, error)) {
			ui.Ask(d, d.Model.Templates.List, &mostradorv1.ListTemplatesRequest{}, func(res *mostradorv1.ListTemplatesResponse, err error) {
				s.all = res.GetTemplates()
				then(s.all, err)
			})
		},
	})
	s.fresh = ui.NewButton(d.T("templates.new"), "F5", ui.Primary, s.create)
	s.list = ui.Frame(12, ui.Row(8, ui.Title(d.T("area.templates")), ui.Spring(), s.fresh), nil, s.shelf.Box, nil, nil)
	s.content = container.NewStack(s.list)
	return s
}

// row is one template in the list.
type row struct {
	theme, name, kind, languages, updated *widget.Label
	origin                                *ui.Badge
}

func newRow() fyne.CanvasObject {
	r := &row{theme: ui.Cell(false), name: ui.Cell(true), kind: ui.Cell(false), languages: ui.Cell(false), updated: ui.Cell(false), origin: ui.NewBadge(" ", ui.Quiet)}
	return ui.Hold(r, ui.Columns(4, weights, r.theme, r.name, r.kind, r.languages, r.updated, ui.Row(0, ui.Gap(9), r.origin.Box)), 6)
}

func (s *Screen) show(t *mostradorv1.Template, o fyne.CanvasObject) {
	d, r := s.d, ui.Held[*row](o)
	r.theme.SetText(t.Theme)
	r.name.SetText(t.Name)
	r.kind.SetText(d.T("kind." + t.Kind.String()))
	var languages []string
	for _, text := range t.Texts {
		languages = append(languages, text.Language)
	}
	r.languages.SetText(strings.Join(languages, ", "))
	r.updated.SetText(d.Text.Date(t.Updated))
	switch {
	case d.Draft(draft(t.Id)) != nil:
		r.origin.Set(d.T("unsaved"), ui.Warn)
	case t.Setting != "":
		r.origin.Set(d.T("templates.guide"), ui.Quiet)
	case t.Changed:
		r.origin.Set(d.T("templates.changed"), ui.Good)
	case t.Plugin != "":
		r.origin.Set(t.Plugin, ui.Quiet)
	default:
		r.origin.Set(d.T("templates.own"), ui.Good)
	}
}

// subject is that of the first text.
func subject(t *mostradorv1.Template) string {
	if len(t.Texts) == 0 {
		return ""
	}
	return t.Texts[0].Subject
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg is the id of a template to edit. Without one the list comes up, or what is not saved.
func (s *Screen) Show(arg string) {
	s.fresh.SetEnabled(s.may())
	if s.editor != nil && (arg == "" || arg == s.editor.base.Id) && s.editor.dirty() {
		s.editor.appear()
		return
	}
	s.toList("")
	if arg != "" {
		s.edit(arg)
	}
}

// Hide implements ui.Screen.
func (s *Screen) Hide() {
	s.shelf.Vanish()
	s.newest.Next()
	if s.editor != nil {
		s.editor.stop()
	}
}

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case s.editor != nil && ev.Name == fyne.KeyF5:
		s.editor.save(nil)
	case s.editor != nil && ev.Name == fyne.KeyF7:
		s.editor.preview.browse()
	case s.editor != nil && ev.Name == fyne.KeyEscape:
		s.editor.leave()
	case ev.Name == fyne.KeyF5:
		s.create()
	case ev.Name == fyne.KeyEscape && s.shelf.Escape():
	default:
		return
	}
	ui.Take(ev)
}

// Shortcut implements ui.Shortcutter.
func (s *Screen) Shortcut(pressed fyne.Shortcut) bool {
	return s.editor != nil && s.editor.shortcut(pressed)
}

// Changed implements ui.Screen. The editor is not disturbed by what others save: their version is kept beside one's own.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged || s.editor != nil {
		return
	}
	if ui.OfCatalogue(c.Event.Kind) || c.Event.Kind == mostradorv1.WatchResponse_KIND_PLUGIN || c.Event.Kind == mostradorv1.WatchResponse_KIND_SETTING {
		s.shelf.Load(nil)
	}
}

func (s *Screen) may() bool { return s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR) }

// toList shows the list; the template of that id gets the highlight.
func (s *Screen) toList(id string) {
	if s.editor != nil {
		s.editor.stop()
		s.editor = nil
	}
	s.fill(s.list)
	s.shelf.Appear()
	s.shelf.Load(func(t *mostradorv1.Template) bool { return id != "" && t.Id == id })
}

func (s *Screen) fill(o fyne.CanvasObject) {
	s.content.Objects = []fyne.CanvasObject{o}
	s.content.Refresh()
}

// open is for a row of the list: a text that is the value of a setting is changed in the Guide.
func (s *Screen) open(t *mostradorv1.Template) {
	if t.Setting != "" {
		s.d.Nav.Go(ui.Guide, t.Setting)
		return
	}
	s.edit(t.Id)
}

func (s *Screen) edit(id string) {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Templates.Get, &mostradorv1.GetTemplateRequest{Id: id}, func(res *mostradorv1.GetTemplateResponse, err error) {
		switch {
		case !current():
		case err != nil:
			s.d.Fail(s.d.Explain(err))
		default:
			s.begin(res.Template, id)
		}
	})
}

func (s *Screen) create() {
	if !s.may() || s.d.TopModal() != nil {
		return
	}
	d := s.d
	s.begin(&mostradorv1.Template{Name: s.shelf.Unknown(), Kind: transactional,
		Texts: []*mostradorv1.TemplateText{{Language: d.Text.Language(), Html: d.T("templates.starter")}}}, "")
}

// begin opens the editor, with what was not saved the last time under the key.
func (s *Screen) begin(t *mostradorv1.Template, key string) {
	s.shelf.Vanish()
	s.newest.Next()
	s.editor = newEditor(s, t, key)
	s.fill(s.editor.content)
	s.editor.appear()
}

// themes are those that there are, for completion.
func (s *Screen) themes() []ui.Option {
	var all []string
	for _, t := range s.all {
		if t.Theme != "" {
			all = append(all, t.Theme)
		}
	}
	slices.Sort(all)
	var options []ui.Option
	for _, theme := range slices.Compact(all) {
		options = append(options, ui.Option{Value: theme, Label: theme})
	}
	return options
}
