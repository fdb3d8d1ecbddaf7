package templates

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

const (
	transactional = plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL
	promotional   = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
)

// kinds are the choices of kind, in order.
var kinds = []plgv1.MessageKind{transactional, promotional}

// draft is the name that a template's unsaved text is kept by.
func draft(id string) string { return "template " + id }

// editor changes one template: all its languages, of which one is shown, as HTML or as the text part.
type editor struct {
	s       *Screen
	d       *ui.Desk
	key     string                // of the draft
	base    *mostradorv1.Template // as the store has it
	now     *mostradorv1.Template // as it stands here
	content fyne.CanvasObject

	name     *ui.Entry
	theme    *ui.Suggest
	kind     *ui.Select
	wrong    *widget.Label
	fails    *fyne.Container // the line of wrong
	notice   *fyne.Container
	kept     *ui.Badge
	saving   *ui.Button
	busy     bool
	language string
	tongues  *fyne.Container // the bar of languages
	parts    *ui.Tabs        // HTML or text
	html     *ui.Entry
	plain    *ui.Entry
	source   *fyne.Container
	split    *fyne.Container
	preview  *preview
}

func newEditor(s *Screen, t *mostradorv1.Template, key string) *editor {
	d := s.d
	e := &editor{s: s, d: d, key: draft(key), base: proto.CloneOf(t), now: proto.CloneOf(t)}
	found, restored := d.Draft(e.key).(*mostradorv1.Template)
	if restored {
		e.now = proto.CloneOf(found)
	}
	if len(e.now.Texts) == 0 {
		e.now.Texts = []*mostradorv1.TemplateText{{Language: d.Text.Language()}}
	}
	e.language = e.now.Texts[0].Language
	if own := d.Text.Language(); textOf(e.now, own).Language != "" {
		e.language = own // the one that the person reads comes first
	}

	e.name = ui.NewEntry(d.T("templates.name.hint"), func(string) { d.Window.Canvas().Focus(e.theme.Entry) })
	e.name.Quiet(e.now.Name)
	e.name.OnChanged = func(text string) { e.now.Name = text; e.changed() }
	e.theme = ui.NewSuggestOf(d.T("templates.theme.hint"), s.themes)
	e.theme.Keep = true
	e.theme.Set(ui.Option{Value: e.now.Theme, Label: e.now.Theme})
	typed := e.theme.Entry.OnChanged
	e.theme.Entry.OnChanged = func(text string) { typed(text); e.now.Theme = text; e.changed() }
	e.theme.OnTaken = func(o ui.Option) { e.now.Theme = o.Label; e.changed() }
	e.theme.Entry.OnLeave = func() { e.theme.Offer(nil) } // a new theme is not taken for one that begins like it
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = d.T("kind." + kind.String())
	}
	e.kind = ui.NewSelect(d.T("choose"), names, nil)
	e.kind.SetSelectedIndex(max(0, slices.Index(kinds, e.now.Kind)))
	e.kind.OnChanged = func(string) { e.now.Kind = kinds[max(0, e.kind.SelectedIndex())]; e.changed() }

	e.wrong = ui.Note("", widget.DangerImportance)
	e.fails = ui.Tight(e.wrong)
	e.fails.Hide()
	e.kept = ui.NewBadge("", ui.Warn)
	e.saving = ui.NewButton(d.T("save"), "F5", ui.Primary, func() { e.save(nil) })
	e.tongues = ui.Row(2)
	e.html, e.plain = ui.NewTextEntry(4), ui.NewTextEntry(4)
	e.html.TextStyle.Monospace, e.plain.TextStyle.Monospace = true, true
	e.plain.SetPlaceHolder(d.T("templates.text.hint"))
	e.html.OnChanged = func(text string) { e.text().Html = text; e.changed() }
	e.plain.OnChanged = func(text string) { e.text().Text = text; e.changed() }
	e.source = container.NewStack(e.html)
	e.preview = newPreview(e)
	e.parts = ui.NewTabs([]string{d.T("templates.html"), d.T("templates.text")}, e.part)
	e.split = container.NewStack()
	e.share()

	back := ui.NewButton(d.T("area.templates"), "Esc", ui.Link, e.leave)
	head := ui.Row(8, back, ui.Spring(), e.kept.Box, ui.NewButton(d.T("templates.test"), "", ui.Plain, e.test), e.saving)
	caption := func(key string, o fyne.CanvasObject) fyne.CanvasObject {
		return ui.Column(3, ui.Text(d.T(key), ui.SizeCaption, true, ui.ColorMuted), o)
	}
	what := ui.Columns(12, []float32{50, 25, 25}, caption("templates.name", e.name), caption("templates.theme", e.theme.Box), caption("templates.kind", ui.Boxed(e.kind)))
	e.theme.OnGrown = func() { s.content.Refresh() }
	e.notice = ui.Column(6)
	tools := ui.Row(4, e.tongues, ui.Spring(),
		ui.NewButton(d.T("templates.insert"), "Alt+T", ui.Plain, e.variables),
		ui.NewButton(d.T("templates.versions"), "", ui.Plain, e.versions),
		ui.NewButton(d.T("templates.more"), "", ui.Plain, e.more))
	top := ui.Column(6, head, what, e.fails, e.notice, tools)
	e.content = ui.Frame(4, top, nil, e.split, nil, ui.Column(2, e.preview.summary, e.preview.checks))
	if restored {
		e.restored()
	} else if len(t.UsedBy) > 0 {
		e.say(ui.ColorSoft, widget.MediumImportance, d.T("templates.usedby", "names", strings.Join(t.UsedBy, ", ")))
	}
	e.speak()
	e.look()
	return e
}

// share divides the width: a desktop's mail gets more of it than a phone's.
func (e *editor) share() {
	weights := []float32{44, 56}
	if e.preview.phone {
		weights = []float32{58, 42}
	}
	left := ui.Frame(4, e.parts.Box, nil, e.source, nil, nil)
	e.split.Objects = []fyne.CanvasObject{ui.Columns(14, weights, left, e.preview.content)}
	e.split.Refresh()
}

// say puts a notice above the text.
func (e *editor) say(ground fyne.ThemeColorName, weight widget.Importance, text string, buttons ...fyne.CanvasObject) {
	words := ui.Note(text, weight)
	e.notice.Objects = []fyne.CanvasObject{ui.Panel(ground, 8, ui.Pad(6, 1, ui.Frame(8, nil, nil, words, ui.Row(4, buttons...), nil)))}
	e.s.content.Refresh()
}

// restored says that what was not saved is back.
func (e *editor) restored() {
	e.say(ui.ColorWarnBg, widget.WarningImportance, e.d.T("unsaved.restored"), ui.NewButton(e.d.T("unsaved.discard"), "", ui.Link, func() {
		e.d.Confirm(e.d.T("unsaved.discard.title"), e.d.T("unsaved.discard.text"), e.d.T("unsaved.discard"), e.discard)
	}))
}

// text is the text of the language that is shown.
func (e *editor) text() *mostradorv1.TemplateText { return textOf(e.now, e.language) }

func textOf(t *mostradorv1.Template, language string) *mostradorv1.TemplateText {
	for _, text := range t.Texts {
		if text.Language == language {
			return text
		}
	}
	return &mostradorv1.TemplateText{}
}

// speak draws the bar of languages and shows the text of the current one.
func (e *editor) speak() {
	d := e.d
	e.tongues.RemoveAll()
	for _, text := range e.now.Texts {
		style := ui.Link
		if text.Language == e.language {
			style = ui.Plain
		}
		e.tongues.Add(ui.NewButton(tongue(d, text.Language), "", style, func() { e.language = text.Language; e.speak(); e.preview.ask() }))
	}
	e.tongues.Add(ui.NewButton(d.T("templates.language.add"), "", ui.Link, e.addLanguage))
	e.html.Quiet(e.text().Html)
	e.plain.Quiet(e.text().Text)
	e.html.GoTo(1)
	e.s.content.Refresh()
}

// tongue is a language in words, or its code.
func tongue(d *ui.Desk, code string) string {
	if d.Text.Has("language." + code) {
		return d.T("language." + code)
	}
	return code
}

// part shows the HTML or the text part, and beside it what becomes of it.
func (e *editor) part(at int) {
	e.source.Objects = []fyne.CanvasObject{[]fyne.CanvasObject{e.html, e.plain}[at]}
	e.source.Refresh()
	e.preview.part(at == 1)
	e.d.Window.Canvas().Focus(e.entry())
}

// entry is the box that is shown.
func (e *editor) entry() *ui.Entry {
	if e.parts.At() == 1 {
		return e.plain
	}
	return e.html
}

// appear takes the focus and shows what a customer would get.
func (e *editor) appear() {
	if e.base.Id == "" && e.now.Name == "" {
		e.d.Window.Canvas().Focus(e.name)
	} else {
		e.d.Window.Canvas().Focus(e.entry())
	}
	e.preview.ask()
}

func (e *editor) stop() { e.preview.stop() }

// dirty tells whether there is anything to save.
func (e *editor) dirty() bool {
	return e.base.Id == "" && e.now.Texts[0].Html != e.d.T("templates.starter") || !proto.Equal(e.base, e.now)
}

// changed keeps what stands here until it is saved, and shows it.
func (e *editor) changed() {
	if e.dirty() {
		e.d.Keep(e.key, e.now)
	} else {
		e.d.Keep(e.key, nil)
	}
	e.fault("")
	e.look()
	e.preview.later()
}

// look shows whether there is something to save.
func (e *editor) look() {
	word := ""
	if e.dirty() {
		word = e.d.T("unsaved")
	}
	if e.kept.Word() != word {
		e.kept.Set(word, ui.Warn)
		e.s.content.Refresh()
	}
	e.saving.SetEnabled(e.s.may() && !e.busy)
}

func (e *editor) fault(text string) {
	if e.wrong.Text != text {
		e.wrong.SetText(text)
		e.fails.Hidden = text == ""
		e.s.content.Refresh()
	}
}

// shortcut are the editor's keys with Alt.
func (e *editor) shortcut(pressed fyne.Shortcut) bool {
	c, ok := pressed.(*desktop.CustomShortcut)
	if !ok || c.Modifier != fyne.KeyModifierAlt {
		return false
	}
	switch c.KeyName {
	case fyne.KeyT:
		e.variables()
	case fyne.KeyP:
		e.preview.turn()
	default:
		return false
	}
	return true
}

// leave goes back to the list; what is not saved is asked about.
func (e *editor) leave() {
	if !e.dirty() {
		e.s.toList(e.base.Id)
		return
	}
	e.d.Unsaved(func() { e.save(func() { e.s.toList(e.base.Id) }) }, e.drop)
}

// drop goes back to the list without what is not saved.
func (e *editor) drop() {
	e.d.Keep(e.key, nil)
	e.s.toList(e.base.Id)
}

// discard goes back to what the store has.
func (e *editor) discard() {
	e.d.Keep(e.key, nil)
	if e.base.Id == "" {
		e.s.toList("")
		return
	}
	e.s.edit(e.base.Id)
}

// request is what is saved: the texts that were changed, and the languages that are gone.
func (e *editor) request() *mostradorv1.PutTemplateRequest {
	put := proto.CloneOf(e.now)
	put.Name, put.Theme, put.Texts = strings.TrimSpace(put.Name), strings.TrimSpace(put.Theme), nil
	req := &mostradorv1.PutTemplateRequest{Template: put}
	for _, text := range e.now.Texts {
		if e.base.Id == "" || !proto.Equal(text, textOf(e.base, text.Language)) {
			put.Texts = append(put.Texts, proto.CloneOf(text))
		}
	}
	for _, text := range e.base.Texts {
		if textOf(e.now, text.Language).Language == "" {
			req.Remove = append(req.Remove, text.Language)
		}
	}
	return req
}

// save keeps a new version; then is called once it stands. What somebody else has saved meanwhile is not put aside in
// silence.
func (e *editor) save(then func()) {
	if e.busy || !e.s.may() || e.d.TopModal() != nil {
		return
	}
	if strings.TrimSpace(e.now.Name) == "" {
		e.fault(e.d.T("templates.name.missing"))
		e.d.Window.Canvas().Focus(e.name)
		return
	}
	e.busy = true
	e.look()
	if e.base.Id == "" {
		e.put(then)
		return
	}
	ui.Ask(e.d, e.d.Model.Templates.Get, &mostradorv1.GetTemplateRequest{Id: e.base.Id}, func(res *mostradorv1.GetTemplateResponse, err error) {
		if err == nil && !e.overtaken(res.Template) {
			e.put(then)
			return
		}
		e.busy = false
		e.look()
		if err != nil {
			e.refused(err)
			return
		}
		e.d.Confirm(e.d.T("templates.overtaken"), e.d.T("templates.overtaken.text"), e.d.T("templates.overtaken.yes"), func() {
			e.busy = true
			e.look()
			e.put(then)
		})
	})
}

// overtaken tells whether a text that was changed here has another version by now than the one it was begun from.
func (e *editor) overtaken(there *mostradorv1.Template) bool {
	for _, text := range e.request().Template.Texts {
		if now := textOf(there, text.Language); now.Language != "" && now.Version != text.Version {
			return true
		}
	}
	return false
}

func (e *editor) put(then func()) {
	sent := proto.CloneOf(e.now)
	ui.Ask(e.d, e.d.Model.Templates.Put, e.request(), func(res *mostradorv1.PutTemplateResponse, err error) {
		e.busy = false
		if err != nil {
			e.look()
			e.refused(err)
			return
		}
		e.d.Keep(e.key, nil)
		e.key = draft(res.Template.GetId())
		e.d.Say(e.d.T("templates.saved", "name", res.Template.GetName()))
		e.notice.RemoveAll()
		e.base = proto.CloneOf(res.Template)
		if proto.Equal(sent, e.now) { // nothing was typed meanwhile
			e.now = proto.CloneOf(res.Template)
			if text := e.text(); text.Html != e.html.Text || text.Text != e.plain.Text {
				e.speak() // the host keeps it otherwise than it was typed
			}
		} else {
			e.now.Id = e.base.Id
			for _, text := range e.now.Texts {
				text.Version = textOf(e.base, text.Language).Version
			}
			e.d.Keep(e.key, e.now)
		}
		e.look()
		if then != nil {
			then()
		}
	})
}

// refused says what is wrong, at its language.
func (e *editor) refused(err error) {
	var words []string
	for _, diag := range model.Refusal(err).GetDiagnostics() {
		words = append(words, ui.Sentence(diag))
		for _, text := range e.now.Texts {
			if strings.Contains(diag.Path, "texts."+text.Language) && text.Language != e.language {
				e.language = text.Language
				e.speak()
				e.preview.ask()
			}
		}
		if strings.TrimPrefix(diag.Path, "template.") == "name" {
			e.d.Window.Canvas().Focus(e.name)
		}
	}
	if len(words) == 0 {
		words = []string{e.d.Explain(err)}
	}
	e.fault(strings.Join(words, "\n"))
}
