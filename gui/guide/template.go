package guide

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/gui/mailview"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// template is the editor for a mail's text: the file, its HTML, and beside it the mail as a sample customer
// would get it, rendered by the host while the text is typed. A text that the host refuses keeps the last good
// preview and says line and reason.
func (e *editor) template(head fyne.CanvasObject, buttons *fyne.Container) fyne.CanvasObject {
	d := e.d
	path := ui.NewEntry(d.T("guide.file.hint"), nil)
	path.Quiet(e.setting.Value.GetStringValue())
	source := ui.NewTextEntry(6)
	source.TextStyle.Monospace = true
	source.Quiet(e.setting.Content)
	e.focus = source
	view := mailview.New(d.Open)
	subject := ui.Cell(false)
	subject.SizeName, subject.Importance = theme.SizeNameCaptionText, widget.LowImportance
	state := ui.NewBadge("", ui.Good)
	edited, typedPath := false, false
	e.value = func() (*structpb.Value, error) { return structpb.NewStringValue(strings.TrimSpace(path.Text)), nil }
	e.text = func() *string {
		if typedPath && !edited {
			return nil // another file that the host has: its text counts
		}
		text := source.Text
		return &text
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
		choose(d, func(name, text string) {
			path.Quiet(name)
			source.SetText(text)
		})
	})
	file := ui.Frame(6, ui.Text(d.T("guide.file"), ui.SizeCaption, true, ui.ColorMuted), nil, path, pick, nil)
	left := ui.Frame(5, ui.Text(d.T("guide.html"), ui.SizeCaption, true, ui.ColorMuted), nil, source, nil, nil)
	right := ui.Frame(5, title, nil,
		ui.Frame(4, ui.Tight(subject), nil, view.Content(), nil, nil), nil, nil)
	top := ui.Column(10, head, file)
	bottom := ui.Column(6, ui.Least(0, 24, ui.Tight(e.message)), buttons)
	e.message.Importance = widget.DangerImportance
	preview()
	return ui.Card("", ui.Frame(10, top, nil, ui.Columns(14, []float32{1, 1}, left, right), nil, bottom))
}
