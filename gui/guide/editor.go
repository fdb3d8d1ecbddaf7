package guide

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// mailPrefix marks the settings of outgoing mail, which offer to send a test.
const mailPrefix = "Correo"

// editor changes one setting.
type editor struct {
	d       *ui.Desk
	setting *mostradorv1.Setting
	content fyne.CanvasObject
	focus   fyne.Focusable
	message *widget.Label
	button  *ui.Button
	value   func() (*structpb.Value, error)
	text    func() *string // content of a template; nil for other types
	saved   func(*mostradorv1.Setting)
	placed  func() // called once the editor has its size; may be nil
	dirty   bool
	sending bool
}

// Show writes a value as a person reads it.
func Show(d *ui.Desk, v *structpb.Value) string {
	switch k := v.GetKind().(type) {
	case *structpb.Value_BoolValue:
		if k.BoolValue {
			return d.T("yes")
		}
		return d.T("no")
	case *structpb.Value_NumberValue:
		return strconv.FormatFloat(k.NumberValue, 'f', -1, 64)
	case *structpb.Value_StringValue:
		if k.StringValue == "" {
			return d.T("guide.empty")
		}
		return k.StringValue
	}
	return d.T("guide.empty")
}

func newEditor(d *ui.Desk, setting *mostradorv1.Setting, saved func(*mostradorv1.Setting)) *editor {
	e := &editor{d: d, setting: setting, saved: saved, message: ui.Note("", widget.DangerImportance)}
	e.button = ui.NewButton(d.T("save"), "F5", ui.Primary, e.save)
	path := strings.Join(setting.Path, "  >  ")
	facts := []fyne.CanvasObject{
		ui.Tight(ui.Note(path, widget.LowImportance)),
		ui.Tight(title(setting.Name)),
		ui.Caption("{" + setting.Key + "}   ·   " + d.T("guide.owner", "owner", e.owner())),
	}
	if setting.Help != "" {
		facts = append(facts, ui.Tight(ui.Words(setting.Help)))
	}
	if setting.Warning != "" {
		warn := ui.Words(setting.Warning)
		warn.Importance = widget.WarningImportance
		facts = append(facts, ui.Panel(ui.ColorWarnBg, 8, ui.Pad(8, 2, warn)))
	}
	head := ui.Column(5, facts...)
	buttons := ui.Row(8, e.button)
	if strings.HasPrefix(setting.Key, mailPrefix) {
		buttons.Add(ui.NewButton(d.T("guide.test"), "", ui.Plain, e.sendTest))
	}
	if setting.Type == "template_file" {
		e.content = e.template(head, buttons)
		return e
	}
	input := e.input()
	usual := Show(d, setting.Default)
	switch setting.Type {
	case "duration":
		usual = span(usual)
	case "country":
		usual = countryName(d.Model.Language(), usual)
	}
	fallback := ui.Caption(d.T("guide.default", "value", short(usual)))
	if setting.Type == "secret" || setting.Default == nil {
		fallback.Hide()
	}
	body := ui.Column(8, head, ui.Gap(2), ui.Most(560, input), fallback, ui.Least(0, 22, ui.Tight(e.message)), buttons)
	e.content = ui.Frame(0, ui.Card("", body), nil, nil, nil, nil)
	return e
}

// span writes a time as a person does: "7d" for the "168h" of the host, and "1h30m" for its "1h30m0s".
func span(text string) string {
	d, err := time.ParseDuration(text)
	const day = 24 * time.Hour
	switch {
	case err != nil:
		return text
	case d > 0 && d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	}
	text = d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func title(name string) *widget.Label {
	l := ui.Words(name)
	l.SizeName = theme.SizeNameSubHeadingText
	l.TextStyle.Bold = true
	return l
}

func (e *editor) owner() string {
	if e.setting.Owner == "core" {
		return e.d.T("guide.core")
	}
	return e.setting.Owner
}

// input is the widget for the setting's type.
func (e *editor) input() fyne.CanvasObject {
	v := e.setting.Value
	touched := func(string) { e.dirty = true; e.message.SetText("") }
	line := func(entry *ui.Entry, text string) fyne.CanvasObject {
		entry.Quiet(text)
		entry.OnChanged = touched
		e.focus = entry
		return entry
	}
	text := func(entry *ui.Entry) func() (*structpb.Value, error) {
		return func() (*structpb.Value, error) { return structpb.NewStringValue(strings.TrimSpace(entry.Text)), nil }
	}
	enter := func(string) { e.save() }
	switch e.setting.Type {
	case "yes_no":
		check := ui.NewCheck(e.d.T("guide.on"), nil)
		check.SetChecked(v.GetBoolValue())
		check.OnChanged = func(bool) { touched("") }
		e.focus = check
		e.value = func() (*structpb.Value, error) { return structpb.NewBoolValue(check.Checked), nil }
		return ui.Row(0, check)
	case "choice":
		var labels []string
		at := -1
		for i, c := range e.setting.Choices {
			label := c.Label
			if label == "" {
				label = c.Value
			}
			labels = append(labels, label)
			if c.Value == v.GetStringValue() {
				at = i
			}
		}
		choice := ui.NewSelect(e.d.T("choose"), labels, nil)
		if at >= 0 {
			choice.SetSelectedIndex(at)
		}
		choice.OnChanged = touched
		e.focus = choice
		e.value = func() (*structpb.Value, error) {
			if i := choice.SelectedIndex(); i >= 0 {
				return structpb.NewStringValue(e.setting.Choices[i].Value), nil
			}
			return nil, nil
		}
		return ui.Boxed(choice)
	case "number":
		entry := ui.NewEntry("", enter)
		e.value = func() (*structpb.Value, error) {
			n, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(entry.Text), ",", ".", 1), 64)
			if err != nil {
				return nil, errors.New(e.d.T("guide.number"))
			}
			return structpb.NewNumberValue(n), nil
		}
		shown := ""
		if v != nil {
			shown = Show(e.d, v)
		}
		return line(entry, shown)
	case "country":
		return e.country()
	case "duration":
		entry := ui.NewEntry(e.d.T("guide.duration"), enter)
		e.value = text(entry)
		return ui.Column(6, line(entry, span(v.GetStringValue())), ui.Caption(e.d.T("guide.duration.hint")))
	case "long_text":
		entry := ui.NewTextEntry(9)
		e.value = text(entry)
		return line(entry, v.GetStringValue())
	case "secret":
		hint := e.d.T("guide.secret.none")
		if e.setting.IsSet {
			hint = e.d.T("guide.secret.set")
		}
		entry := ui.NewSecretEntry(hint, enter)
		e.value = func() (*structpb.Value, error) { return structpb.NewStringValue(entry.Text), nil }
		return line(entry, "")
	}
	entry := ui.NewEntry("", enter)
	e.value = text(entry)
	shown := v.GetStringValue()
	if n, ok := v.GetKind().(*structpb.Value_NumberValue); ok {
		shown = strconv.FormatFloat(n.NumberValue, 'f', -1, 64)
	}
	return line(entry, shown)
}

// save sends the value; a refusal stays beside the field and nothing changes.
func (e *editor) save() {
	if e.sending || e.d.TopModal() != nil {
		return
	}
	value, err := e.value()
	if err != nil {
		e.say(err.Error()) // a sentence of ours
		return
	}
	req := &mostradorv1.SetSettingRequest{Key: e.setting.Key, Value: value, Language: e.d.Model.Language()}
	if e.text != nil {
		req.Content = e.text()
	}
	e.sending = true
	e.button.Disable()
	ui.Ask(e.d, e.d.Model.Settings.Set, req, func(res *mostradorv1.SetSettingResponse, err error) {
		e.sending = false
		e.button.Enable()
		if err != nil {
			e.say(Reasons(e.d, err))
			e.d.Window.Canvas().Focus(e.focus)
			return
		}
		e.dirty = false
		e.saved(res.Setting)
	})
}

func (e *editor) say(text string) {
	e.message.SetText(text)
	e.message.Refresh()
}

// Reasons joins all diagnostics of a refusal, one a line.
func Reasons(d *ui.Desk, err error) string {
	var lines []string
	for _, diag := range model.Refusal(err).GetDiagnostics() {
		if diag.Severity != plgv1.Severity_SEVERITY_INFO {
			lines = append(lines, ui.Sentence(diag))
		}
	}
	if len(lines) == 0 {
		return d.Explain(err)
	}
	return strings.Join(lines, "\n")
}

// sendTest asks for an address and sends one mail through the transport in force.
func (e *editor) sendTest() {
	var m *ui.Modal
	answer := ui.Words("")
	var send func()
	to := ui.NewField(e.d.T("guide.test.to"), ui.NewEntry(e.d.T("customer.email.hint"), func(string) { send() }))
	button := ui.NewButton(e.d.T("guide.test.send"), "Enter", ui.Primary, func() { send() })
	send = func() {
		if button.Disabled() {
			return
		}
		button.Disable()
		answer.Importance = widget.LowImportance
		answer.SetText(e.d.T("guide.test.wait"))
		ui.Ask(e.d, e.d.Model.Settings.SendTest, &mostradorv1.SendTestRequest{To: strings.TrimSpace(to.Entry.Text)}, func(res *mostradorv1.SendTestResponse, err error) {
			button.Enable()
			answer.Importance, answer.Text = widget.SuccessImportance, res.GetAnswer()
			if err != nil {
				answer.Importance, answer.Text = widget.DangerImportance, Reasons(e.d, err)
			}
			answer.Refresh()
			m.Fit()
		})
	}
	m = e.d.NewModal(e.d.T("guide.test"), 500, ui.Column(6, ui.Tight(ui.Words(e.d.T("guide.test.text"))), to.Box, ui.Tight(answer)), to.Entry,
		ui.NewButton(e.d.T("close"), "Esc", ui.Plain, func() { m.Close() }), button)
}
