package contribution

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// codeDigits is the length of the short code (seed 000, step 3).
const codeDigits = 4

const typeCode = "short_code"

// oneColumn is how many questions stand below one another; more stand two in a row.
const oneColumn = 4

// Actions are the plug-ins' buttons of one place. A button stays the same through every refresh: the focus may be
// on it, or come back to it.
type Actions struct {
	// Customer is whom the buttons are about; nil where they are about nobody.
	Customer func() string
	// Done is called after each answer of a plug-in, good or bad; it may be nil.
	Done func()
	// Rest takes the focus after a form was accepted, so that an Enter too many does nothing; it may be nil.
	Rest fyne.Focusable

	d       *ui.Desk
	style   ui.Style
	buttons map[string]*ui.Button
	running map[string]bool
}

// NewActions makes the buttons of a place in a style; there are none yet.
func NewActions(d *ui.Desk, style ui.Style) *Actions {
	return &Actions{d: d, style: style, buttons: map[string]*ui.Button{}, running: map[string]bool{}}
}

// Button is the button of an action as it stands now.
func (a *Actions) Button(state *mostradorv1.ActionState) *ui.Button {
	key := key(state)
	b := a.buttons[key]
	if b == nil {
		b = ui.NewButton("", "", a.style, nil)
		a.buttons[key] = b
	}
	b.OnTapped = func() { a.press(state) }
	b.SetText(state.Label)
	b.SetEnabled(state.Enabled && !a.running[key])
	return b
}

// Note is what a person should know about a button: why it is off, or what it is for. Nil when there is nothing.
func (a *Actions) Note(state *mostradorv1.ActionState) fyne.CanvasObject {
	text := state.Help
	if !state.Enabled {
		text = state.Reason
	}
	if text == "" {
		return nil
	}
	return ui.Pad(8, 0, ui.Tight(ui.Note(text, widget.LowImportance)))
}

func key(state *mostradorv1.ActionState) string { return state.Plugin + "/" + state.Id }

// press runs an action, once its form is filled in and its question is answered, when it has them.
func (a *Actions) press(state *mostradorv1.ActionState) {
	if a.running[key(state)] || a.d.TopModal() != nil {
		return
	}
	if len(state.Form) > 0 {
		a.form(state)
		return
	}
	a.confirm(state, func() {
		a.run(state, nil, func(diags []*plgv1.Diagnostic, err error) {
			for _, diag := range diags {
				a.tell(diag)
			}
			if err != nil {
				a.d.Fail(a.d.Explain(err))
			}
		})
	})
}

// confirm asks what the plug-in wants asked before the action runs.
func (a *Actions) confirm(state *mostradorv1.ActionState, then func()) {
	if state.Confirm == "" {
		then()
		return
	}
	var m *ui.Modal
	no := ui.NewButton(a.d.T("cancel"), "Esc", ui.Plain, func() { m.Close() })
	yes := ui.NewButton(a.d.T("action.confirm"), "", ui.Primary, func() { m.Close(); then() })
	m = a.d.NewModal(state.Label, 460, ui.Words(state.Confirm), no, no, yes)
}

// input is one question of a form.
type input struct {
	box   fyne.CanvasObject
	focus fyne.Focusable
	value func() string
	say   func(string)
	check func() bool
	scan  func(string)
}

// form asks the questions of an action and keeps them on screen until the plug-in is content.
func (a *Actions) form(state *mostradorv1.ActionState) {
	d := a.d
	var m *ui.Modal
	var order []*input
	var accept *ui.Button
	byID := map[string]*input{}
	rest := ui.Note("", widget.DangerImportance)
	rest.Hide()
	blame := func(text string) {
		rest.SetText(text)
		rest.Hidden = text == ""
	}
	send := func() {
		if accept.Disabled() {
			return
		}
		values := map[string]string{}
		var wrong *input
		for i, f := range state.Form {
			if !order[i].check() && wrong == nil {
				wrong = order[i]
			}
			values[f.Id] = order[i].value()
		}
		blame("")
		m.Fit()
		if wrong != nil {
			d.Window.Canvas().Focus(wrong.focus)
			return
		}
		a.confirm(state, func() {
			accept.Disable()
			a.run(state, values, func(diags []*plgv1.Diagnostic, err error) {
				accept.Enable()
				if err == nil && len(diags) == 0 {
					m.Close()
					if a.Rest != nil {
						d.Window.Canvas().Focus(a.Rest)
					}
					return
				}
				text := d.Explain(err)
				placed := false
				for _, diag := range diags {
					in := byID[diag.Path]
					if in == nil {
						text = strings.TrimSpace(text + " " + ui.Sentence(diag))
						continue
					}
					in.say(ui.Sentence(diag))
					if !placed {
						d.Window.Canvas().Focus(in.focus)
					}
					placed = true
				}
				blame(text)
				m.Fit()
			})
		})
	}
	var questions []fyne.CanvasObject
	for i, f := range state.Form {
		in := a.input(f, func() {
			if i+1 < len(order) {
				d.Window.Canvas().Focus(order[i+1].focus)
				return
			}
			send()
		})
		byID[f.Id], order = in, append(order, in)
		questions = append(questions, in.box)
	}
	width, asked := float32(460), ui.Column(6, questions...)
	if len(questions) > oneColumn {
		width, asked = 780, ui.Pairs(questions...)
	}
	box := ui.Column(6)
	if state.Help != "" {
		box.Add(ui.Tight(ui.Note(state.Help, widget.LowImportance)))
		box.Add(ui.Gap(2))
	}
	box.Add(ui.Fold(asked, 540))
	box.Add(ui.Tight(rest))
	accept = ui.NewButton(d.T("action.run"), "Enter", ui.Primary, send)
	m = d.NewModal(state.Label, width, box, order[0].focus,
		ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), accept)
	m.OnScan = func(code string) {
		if order[0].scan != nil {
			order[0].scan(code)
		}
	}
}

// input builds the control for one question; enter moves on.
func (a *Actions) input(f *mostradorv1.FormField, enter func()) *input {
	if f.Type == typeCode {
		return a.code(f, enter)
	}
	field := ui.NewQuestion(a.d, ui.Question{Type: f.Type, Label: f.Label, Help: f.Help, Choices: f.Options, Required: f.Required}, enter)
	return &input{box: field.Box, focus: field.Focus(), value: field.Value, say: field.Say, check: field.Check}
}

// code is the question for the digits that the customer reads out.
func (a *Actions) code(f *mostradorv1.FormField, enter func()) *input {
	note := ui.Note("", widget.DangerImportance)
	boxes := ui.NewCodeEntry(codeDigits, func(string) { enter() })
	boxes.OnChanged = func(string) { note.SetText("") }
	in := &input{focus: boxes, value: boxes.Code,
		box: ui.Column(4, ui.Text(f.Label, ui.SizeCaption, true, ui.ColorMuted), boxes, ui.Least(0, 22, ui.Tight(note)))}
	in.say = func(text string) {
		boxes.Clear() // which takes the message away
		note.SetText(text)
	}
	in.check = func() bool {
		if n := len(boxes.Code()); n == codeDigits || n == 0 && !f.Required {
			return true
		}
		note.SetText(a.d.T("action.missing.code", "n", codeDigits))
		return false
	}
	in.scan = func(code string) {
		boxes.Clear()
		for _, r := range code {
			boxes.TypedRune(r)
		}
	}
	return in
}

// run calls the plug-in and shows what it says; then gets what went wrong.
func (a *Actions) run(state *mostradorv1.ActionState, form map[string]string, then func([]*plgv1.Diagnostic, error)) {
	req := &mostradorv1.RunRequest{Plugin: state.Plugin, Action: state.Id, Form: form, Language: a.d.Model.Language()}
	if a.Customer != nil {
		req.CustomerId = a.Customer()
	}
	a.running[key(state)] = true
	a.buttons[key(state)].Disable()
	ui.Ask(a.d, a.d.Model.Customers.Run, req, func(res *mostradorv1.RunResponse, err error) {
		delete(a.running, key(state))
		a.buttons[key(state)].Enable()
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
			a.tell(diag)
		}
		then(failed, err)
		if a.Done != nil {
			a.Done()
		}
		if err == nil && len(failed) == 0 {
			a.open(res.GetResult().GetOpen())
			a.d.Say(res.GetResult().GetMessage()) // last, as going elsewhere takes messages away
		}
	})
}

// open shows what a result names: a customer's sheet or a page in the browser. Nothing else is opened, whatever a
// plug-in writes.
func (a *Actions) open(what string) {
	if id, ok := strings.CutPrefix(what, "customer:"); ok && id != "" {
		a.d.Nav.Go(ui.Sheet, id)
	} else if strings.HasPrefix(what, "https://") || strings.HasPrefix(what, "http://") {
		a.d.Open(what)
	}
}

// tell shows a diagnostic that belongs to no field.
func (a *Actions) tell(diag *plgv1.Diagnostic) {
	switch diag.Severity {
	case plgv1.Severity_SEVERITY_INFO:
		a.d.Say(ui.Sentence(diag))
	case plgv1.Severity_SEVERITY_WARNING:
		a.d.Warn(ui.Sentence(diag))
	default:
		a.d.Fail(ui.Sentence(diag))
	}
}
