package sheet

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

const lowImportance = widget.LowImportance

// codeDigits is the length of the short code (seed 000, step 3).
const codeDigits = 4

// input is one field of an action's form.
type input struct {
	value func() string
	say   func(string)
	focus fyne.Focusable
}

// press runs an action, after its form has been filled in when it has one.
func (s *Screen) press(a *mostradorv1.ActionState) {
	if len(a.Form) == 0 {
		s.run(a, nil, func(diags []*plgv1.Diagnostic, err error) {
			for _, diag := range diags {
				s.tell(diag)
			}
			if err != nil {
				s.d.Fail(s.d.Explain(err))
			}
		})
		return
	}
	var m *ui.Modal
	inputs := map[string]*input{}
	var order []*input
	var accept *ui.Button
	rest := ui.Note("", widget.DangerImportance)
	running := false
	send := func() {
		if running {
			return
		}
		values := map[string]string{}
		for _, f := range a.Form {
			in := inputs[f.Id]
			in.say("")
			text := strings.TrimSpace(in.value())
			if f.Required && text == "" || f.Type == "short_code" && len(text) < codeDigits {
				in.say(s.d.T("action.missing."+kind(f.Type), "n", codeDigits))
				s.d.Window.Canvas().Focus(in.focus)
				return
			}
			values[f.Id] = text
		}
		running = true
		accept.Disable()
		rest.SetText("")
		s.run(a, values, func(diags []*plgv1.Diagnostic, err error) {
			running = false
			accept.Enable()
			if err == nil && len(diags) == 0 {
				m.Close()
				s.d.Window.Canvas().Focus(s.rest) // an Enter too many does nothing
				return
			}
			if err != nil {
				rest.SetText(s.d.Explain(err))
			}
			for _, diag := range diags {
				if in := inputs[diag.Path]; in != nil {
					if code, ok := in.focus.(*ui.CodeEntry); ok {
						code.Clear()
					}
					in.say(ui.Sentence(diag))
					s.d.Window.Canvas().Focus(in.focus)
					continue
				}
				rest.SetText(strings.TrimSpace(rest.Text + " " + ui.Sentence(diag)))
			}
			m.Fit()
		})
	}
	box := ui.Column(6)
	for i, f := range a.Form {
		object, in := s.input(f, func() {
			if i+1 < len(order) {
				s.d.Window.Canvas().Focus(order[i+1].focus)
				return
			}
			send()
		})
		inputs[f.Id], order = in, append(order, in)
		box.Add(object)
	}
	box.Add(ui.Tight(rest))
	accept = ui.NewButton(s.d.T("action.run"), "Enter", ui.Primary, send)
	m = s.d.NewModal(a.Label, 420, box, order[0].focus,
		ui.NewButton(s.d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), accept)
	m.OnScan = func(code string) {
		if entry, ok := order[0].focus.(*ui.CodeEntry); ok {
			entry.Clear()
			for _, r := range code {
				entry.TypedRune(r)
			}
		}
	}
}

// kind groups form types by the message that a missing value gets.
func kind(t string) string {
	if t == "short_code" {
		return "code"
	}
	return "value"
}

// input builds the widget for one form field; enter moves on.
func (s *Screen) input(f *mostradorv1.FormField, enter func()) (fyne.CanvasObject, *input) {
	note := ui.Note("", widget.DangerImportance)
	below := func(o fyne.CanvasObject) fyne.CanvasObject {
		return ui.Column(4, ui.Text(f.Label, ui.SizeCaption, true, ui.ColorMuted), o, ui.Least(0, 22, ui.Tight(note)))
	}
	switch f.Type {
	case "short_code":
		code := ui.NewCodeEntry(codeDigits, func(string) { enter() })
		code.OnChanged = func(string) { note.SetText("") }
		return below(code), &input{value: code.Code, say: note.SetText, focus: code}
	case "yes_no":
		check := ui.NewCheck(f.Label, nil)
		return ui.Column(4, check, ui.Tight(note)), &input{value: func() string {
			if check.Checked {
				return "true"
			}
			return "false"
		}, say: note.SetText, focus: check}
	case "choice":
		choice := ui.NewSelect(s.d.T("choose"), f.Choices, nil)
		return below(ui.Boxed(choice)), &input{value: func() string { return choice.Selected }, say: note.SetText, focus: choice}
	}
	entry := ui.NewEntry("", func(string) { enter() })
	return below(entry), &input{value: func() string { return entry.Text }, say: note.SetText, focus: entry}
}

// run calls the plugin and shows what it says; then gets what went wrong.
func (s *Screen) run(a *mostradorv1.ActionState, form map[string]string, then func([]*plgv1.Diagnostic, error)) {
	req := &mostradorv1.RunRequest{Plugin: a.Plugin, Action: a.Id, CustomerId: s.shown.Customer.Id, Form: form, Language: s.d.Model.Language()}
	ui.Ask(s.d, s.d.Model.Customers.Run, req, func(res *mostradorv1.RunResponse, err error) {
		var failed []*plgv1.Diagnostic
		if err != nil {
			if failed = model.Refusal(err).GetDiagnostics(); len(failed) > 0 {
				err = nil
			}
		}
		for _, diag := range res.GetResult().GetDiagnostics() {
			if diag.Severity == plgv1.Severity_SEVERITY_ERROR || diag.Severity == plgv1.Severity_SEVERITY_UNSPECIFIED {
				failed = append(failed, diag)
				continue
			}
			s.tell(diag)
		}
		then(failed, err)
		if err == nil && len(failed) == 0 {
			s.d.Say(res.GetResult().GetMessage())
		}
		if s.sheet != nil {
			s.sheet.Reload()
		}
		s.past.load()
	})
}

// tell shows a diagnostic that belongs to no field.
func (s *Screen) tell(diag *plgv1.Diagnostic) {
	switch diag.Severity {
	case plgv1.Severity_SEVERITY_INFO:
		s.d.Say(ui.Sentence(diag))
	case plgv1.Severity_SEVERITY_WARNING:
		s.d.Warn(ui.Sentence(diag))
	default:
		s.d.Fail(ui.Sentence(diag))
	}
}
