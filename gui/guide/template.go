package guide

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/mailview"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// template is the editor for a mail's text: the file, its HTML, and beside it the mail as a sample customer
// would get it, rendered by the host while the text is typed. A text that the host refuses keeps the last good
// preview and says line and reason.
func (e *editor) template() fyne.CanvasObject {
	d := e.d
	path := ui.NewEntry(d.T("guide.file.hint"), nil)
	path.Quiet(text(e.setting.Value))
	source := ui.NewTextEntry(6)
	source.TextStyle.Monospace = true
	source.Quiet(e.setting.Content)
	e.focus = source
	view := mailview.New(d.Open)
	subject := ui.Cell(false)
	subject.SizeName, subject.Importance = theme.SizeNameCaptionText, widget.LowImportance
	state := ui.NewBadge("", ui.Good)
	edited, typedPath := false, false
	e.value = func() (string, error) { return strings.TrimSpace(path.Text), nil }
	e.text = func() *string {
		if typedPath && !edited {
			return nil // another file that the host has: its text counts
		}
		content := source.Text
		return &content
	}
	newest := &ui.Latest{}
	title := ui.Row(8, ui.Text(d.T("guide.preview"), ui.SizeCaption, true, ui.ColorMuted), ui.Spring(), state.Box)
	preview := func() {
		current := newest.Next()
		req := &mostradorv1.PreviewRequest{Key: e.setting.Key, Content: source.Text, Language: d.Model.Language()}
		if typedPath && !edited {
			req.Content, req.Path = "", strings.TrimSpace(path.Text)
		}
		ui.Ask(d, d.Model.Settings.Preview, req, func(res *mostradorv1.PreviewResponse, err error) {
			if !current() {
				return
			}
			if err != nil {
				e.say(Reasons(d, err))
				state.Set(d.T("guide.template.bad"), ui.Bad)
				title.Refresh()
				e.button.SetEnabled(model.Refusal(err) == nil)
				return
			}
			e.say("")
			state.Set(d.T("guide.template.good"), ui.Good)
			title.Refresh()
			e.button.Enable()
			subject.SetText(d.T("guide.subject", "subject", res.Mail.GetSubject()))
			view.Show(res.Mail.GetHtml())
		})
	}
	source.OnChanged = func(string) { e.dirty, edited = true, true; preview() }
	path.OnChanged = func(string) { e.dirty, typedPath = true, true }
	path.OnSubmitted = func(string) { preview() }
	path.OnLeave = func() {
		if typedPath && !edited {
			preview()
		}
	}
	pick := ui.NewButton(d.T("guide.file.choose"), "", ui.Plain, func() {
		chooseText(d, d.T("guide.file.title"), []string{".html", ".htm", ".txt"}, func(name, content string) {
			path.Quiet("templates/" + name)
			source.SetText(content)
		})
	})
	file := ui.Frame(8, nil, ui.Row(0, ui.Text(d.T("guide.file"), ui.SizeCaption, true, ui.ColorMuted)), path, pick, nil)
	left := ui.Frame(5, ui.Text(d.T("guide.html"), ui.SizeCaption, true, ui.ColorMuted), nil, source, nil, nil)
	right := ui.Frame(5, title, nil,
		ui.Frame(4, ui.Tight(subject), nil, view.Content(), nil, nil), nil, nil)
	if e.setting.ReadOnly {
		path.Disable()
		source.Disable()
		pick.Disable()
	}
	preview()
	return ui.Frame(8, file, nil, ui.Columns(14, []float32{1, 1}, left, right), nil, nil)
}
