package templates

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// test sends what the preview shows to an address.
func (e *editor) test() {
	if e.d.TopModal() != nil {
		return
	}
	d := e.d
	var m *ui.Modal
	answer := ui.Words("")
	var send func()
	to := ui.NewField(d.T("guide.test.to"), ui.NewEntry(d.T("customer.email.hint"), func(string) { send() }))
	button := ui.NewButton(d.T("guide.test.send"), "Enter", ui.Primary, func() { send() })
	send = func() {
		if button.Disabled() {
			return
		}
		button.Disable()
		answer.Importance = widget.LowImportance
		answer.SetText(d.T("guide.test.wait"))
		req := &mostradorv1.SendTestTemplateRequest{Preview: e.preview.request(), To: strings.TrimSpace(to.Entry.Text)}
		ui.Ask(d, d.Model.Templates.SendTest, req, func(res *mostradorv1.SendTestTemplateResponse, err error) {
			button.Enable()
			answer.Importance, answer.Text = widget.SuccessImportance, res.GetWords()
			if err != nil {
				answer.Importance, answer.Text = widget.DangerImportance, d.Explain(err)
			}
			answer.Refresh()
			m.Fit()
		})
	}
	m = d.NewModal(d.T("templates.test"), 500, ui.Column(6, ui.Tight(ui.Words(d.T("templates.test.text"))), to.Box, ui.Tight(answer)), to.Entry,
		ui.NewButton(d.T("close"), "Esc", ui.Plain, func() { m.Close() }), button)
}

// variables lists what a text may say; the one that is chosen is written where the cursor is.
func (e *editor) variables() {
	if e.d.TopModal() != nil {
		return
	}
	d := e.d
	ui.Ask(d, d.Model.Templates.Variables, &mostradorv1.ListVariablesRequest{}, func(res *mostradorv1.ListVariablesResponse, err error) {
		if err != nil {
			d.Fail(d.Explain(err))
			return
		}
		options := make([]ui.Option, len(res.Variables))
		for i, v := range res.Variables {
			detail := v.Written
			if v.Example != "" {
				detail += "   " + v.Example
			}
			options[i] = ui.Option{Value: v.Written, Label: v.Words, Detail: detail}
		}
		ui.Pick(d, d.T("templates.insert"), d.T("templates.insert.hint"), options, func(o ui.Option) {
			d.Window.Canvas().Focus(e.entry())
			e.entry().Insert(o.Value)
		})
	})
}

// languages are those that are offered for a new text; any other can be written.
var languages = []string{"es", "en", "ca", "eu", "gl", "fr", "de", "it", "pt"}

// addLanguage begins a text in one more language with that of the current one, to be translated.
func (e *editor) addLanguage() {
	if e.d.TopModal() != nil {
		return
	}
	d := e.d
	var options []ui.Option
	for _, code := range languages {
		if textOf(e.now, code).Language == "" {
			options = append(options, ui.Option{Value: code, Label: tongue(d, code), Detail: code})
		}
	}
	ui.Pick(d, d.T("templates.language.title"), d.T("templates.language.hint"), options, func(o ui.Option) {
		text := proto.CloneOf(e.text())
		text.Language, text.Version = o.Value, 0
		e.now.Texts = append(e.now.Texts, text)
		e.language = o.Value
		e.speak()
		e.changed()
	})
}

// versions lists those of the language that is shown. Bringing one back puts it into the editor, where it is seen before
// it is saved.
func (e *editor) versions() {
	if e.d.TopModal() != nil {
		return
	}
	d := e.d
	if e.base.Id == "" {
		d.Warn(d.T("templates.versions.none"))
		return
	}
	req := &mostradorv1.ListTemplateVersionsRequest{Id: e.base.Id, Language: e.language}
	ui.Ask(d, d.Model.Templates.Versions, req, func(res *mostradorv1.ListTemplateVersionsResponse, err error) {
		if err != nil {
			d.Fail(d.Explain(err))
			return
		}
		if len(res.Versions) == 0 {
			d.Warn(d.T("templates.versions.none"))
			return
		}
		var m *ui.Modal
		column := ui.Column(0)
		var first fyne.Focusable
		for i, v := range res.Versions {
			if i > 0 {
				column.Add(widget.NewSeparator())
			}
			use := ui.NewButton(d.T("templates.versions.use"), "", ui.Plain, func() { m.Close(); e.bring(v) })
			use.SetEnabled(v.Html != e.text().Html || v.Text != e.text().Text)
			if first == nil && !use.Disabled() {
				first = use
			}
			words := ui.Column(1, ui.Text(d.T("templates.versions.one", "n", v.Version), ui.SizeText, true, ui.ColorMuted),
				ui.Caption(version(d, v)), ui.Caption(d.T("templates.versions.messages", "n", d.Text.Number(float64(v.Messages)))))
			column.Add(ui.Pad(0, 6, ui.Frame(8, nil, nil, words, ui.Row(0, use), nil)))
		}
		close := ui.NewButton(d.T("close"), "Esc", ui.Plain, func() { m.Close() })
		if first == nil {
			first = close
		}
		m = d.NewModal(d.T("templates.versions.title", "name", e.now.Name, "language", tongue(d, e.language)), 620, ui.Fold(column, 420), first, close)
	})
}

func (e *editor) bring(v *mostradorv1.TemplateVersion) {
	text := e.text()
	text.Html, text.Text = v.Html, v.Text
	e.speak()
	e.changed()
	e.say(ui.ColorSoft, widget.MediumImportance, e.d.T("templates.versions.brought", "n", v.Version))
}

// more offers what is done seldom.
func (e *editor) more() {
	if e.d.TopModal() != nil {
		return
	}
	d := e.d
	var m *ui.Modal
	column := ui.Column(6)
	var first fyne.Focusable
	add := func(name string, style ui.Style, on bool, do func()) {
		b := ui.NewButton(name, "", style, func() { m.Close(); do() })
		b.SetEnabled(on)
		if first == nil && on {
			first = b
		}
		column.Add(b)
	}
	kept := e.base.Id != ""
	add(d.T("templates.duplicate"), ui.Plain, kept, e.duplicate)
	add(d.T("templates.language.remove"), ui.Plain, len(e.now.Texts) > 1, e.removeLanguage)
	if e.base.Plugin != "" {
		add(d.T("templates.restore"), ui.Plain, e.base.Changed, e.restore)
	} else {
		add(d.T("templates.delete"), ui.Danger, kept, e.remove)
	}
	close := ui.NewButton(d.T("close"), "Esc", ui.Plain, func() { m.Close() })
	if first == nil {
		first = close
	}
	m = d.NewModal(e.now.Name, 420, column, first, close)
}

// duplicate begins a new template with what stands here.
func (e *editor) duplicate() {
	copied := proto.CloneOf(e.now)
	copied.Id, copied.Plugin, copied.Changed, copied.UsedBy, copied.Updated = "", "", false, nil, nil
	copied.Name = e.d.T("templates.copy", "name", e.now.Name)
	for _, text := range copied.Texts {
		text.Version = 0
	}
	e.s.begin(copied, "copy of "+e.base.Id)
	e.s.editor.changed()
}

func (e *editor) removeLanguage() {
	d := e.d
	d.Confirm(d.T("templates.language.sure", "language", tongue(d, e.language)), d.T("templates.language.sure.text"), d.T("templates.language.remove"), func() {
		var left []*mostradorv1.TemplateText
		for _, text := range e.now.Texts {
			if text.Language != e.language {
				left = append(left, text)
			}
		}
		e.now.Texts, e.language = left, left[0].Language
		e.speak()
		e.changed()
	})
}

// restore goes back to what the plug-in brings.
func (e *editor) restore() {
	d := e.d
	d.Confirm(d.T("templates.restore.title", "plugin", e.base.Plugin), d.T("templates.restore.text"), d.T("templates.restore"), func() {
		req := &mostradorv1.PutTemplateRequest{Template: &mostradorv1.Template{Id: e.base.Id}, Restore: true}
		ui.Ask(d, d.Model.Templates.Put, req, func(res *mostradorv1.PutTemplateResponse, err error) {
			if err != nil {
				d.Fail(d.Explain(err))
				return
			}
			d.Keep(e.key, nil)
			e.s.begin(res.Template, res.Template.GetId())
			d.Say(d.T("templates.restored.plugin", "plugin", res.Template.GetPlugin()))
		})
	})
}

func (e *editor) remove() {
	d := e.d
	d.Confirm(d.T("templates.delete.title", "name", e.base.Name), d.T("templates.delete.text"), d.T("templates.delete"), func() {
		ui.Ask(d, d.Model.Templates.Delete, &mostradorv1.DeleteTemplateRequest{Id: e.base.Id}, func(_ *mostradorv1.DeleteTemplateResponse, err error) {
			if err != nil {
				e.fault(d.Explain(err))
				return
			}
			d.Keep(e.key, nil)
			e.s.toList("")
			d.Say(d.T("templates.deleted", "name", e.base.Name))
		})
	})
}

// version is a version in words: who, where and when.
func version(d *ui.Desk, v *mostradorv1.TemplateVersion) string {
	who := v.Actor.GetOperator()
	if who == "" {
		who = d.T("templates.nobody")
	}
	return fmt.Sprintf("%s  ·  %s", d.Text.DateTime(v.Time), who)
}
