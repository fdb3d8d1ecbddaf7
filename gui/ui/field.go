package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/host/api/mostradorv1"
)

// Field is a control with its name above and, below, what is wrong with it or else what helps to fill it in.
type Field struct {
	// Box is what is placed on the screen.
	Box *fyne.Container
	// Entry is the text box of a field made by NewField; nil for others.
	Entry *Entry
	// Input is the control of a field made by NewQuestion; nil for others.
	Input *Input
	// OnChanged is called when the person changes an Input; it may be nil.
	OnChanged func()

	help     string
	required string // said when nothing is put in; empty when nothing is needed
	message  *widget.Label
	note     *widget.Label
	lines    [2]fyne.CanvasObject // the message, and the help in its place
	control  *fyne.Container
	own      bool // what is said comes from the field itself
}

// NewField makes a field of a text box. Room for one line of message is kept, so that nothing jumps while typing.
func NewField(name string, entry *Entry) *Field {
	f := &Field{Entry: entry}
	f.build(name, entry)
	return f
}

// Question is a field of a customer or of an action's form, as a plug-in's manifest asks for it.
type Question struct {
	// Type is a type of manifests ("money").
	Type    string
	Label   string
	Help    string
	Value   string
	Choices []*mostradorv1.Choice
	// Required asks for a value.
	Required bool
	// Locked shows the value and lets nobody change it.
	Locked bool
	// Many asks for any number of values, one a line.
	Many bool
	// Reason says why it is locked or required; it stands in the place of the help.
	Reason string
}

// NewQuestion makes the field for a question; enter is what Enter does in it. What cannot be right is said as soon
// as the field is left.
func NewQuestion(d *Desk, q Question, enter func()) *Field {
	spec := Spec{Type: q.Type, Choices: q.Choices, None: d.T("sheet.empty"), Rows: 3, Label: q.Label, Many: q.Many}
	name := q.Label
	f := &Field{help: q.Help}
	if q.Required {
		name, spec.None = name+" *", ""
		f.required = d.T("action.missing.value")
	}
	if q.Reason != "" {
		f.help = q.Reason
	}
	f.Input = NewInput(d, spec, q.Value)
	f.Input.OnSubmitted = enter
	f.Input.OnChanged = func() {
		f.Say("")
		if f.OnChanged != nil {
			f.OnChanged()
		}
	}
	if entry, ok := f.Input.Focus.(*Entry); ok {
		leave := entry.OnLeave
		entry.OnLeave = func() {
			if leave != nil {
				leave()
			}
			if _, err := f.Input.Value(); err != nil {
				f.Say(err.Error()) // a sentence of ours
				f.own = true
			}
		}
	}
	if q.Type == "yes_no" {
		name = ""
	}
	f.build(name, f.Input.Box)
	if q.Locked {
		f.Input.Disable()
	}
	return f
}

// FieldQuestion is the question that a field of a customer asks.
func FieldQuestion(f *mostradorv1.FieldState) Question {
	return Question{Type: f.Type, Label: f.Label, Help: f.Help, Value: f.Value, Choices: f.Choices,
		Many: f.Many, Required: f.Required, Locked: !f.Editable, Reason: f.Reason}
}

// Label is a choice as a person reads it.
func Label(c *mostradorv1.Choice) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Value
}

func (f *Field) build(name string, input fyne.CanvasObject) {
	f.message = Note("", widget.DangerImportance)
	f.note = Note(f.help, widget.LowImportance)
	f.lines = [2]fyne.CanvasObject{Tight(f.message), Tight(f.note)}
	f.Box = Column(3)
	if name != "" {
		f.Box.Add(Text(name, SizeCaption, true, ColorMuted))
	}
	f.control = container.NewStack(input)
	f.Box.Add(f.control)
	f.Box.Add(Least(0, 22, Column(0, f.lines[:]...)))
	f.refresh()
}

// Replace puts another control in the place of the field's, such as one with choices that were read meanwhile.
func (f *Field) Replace(in *Input) {
	f.Input = in
	f.control.Objects = []fyne.CanvasObject{in.Box}
	f.control.Refresh()
}

// Value is what the field holds, as the host reads it; empty when that is nothing right.
func (f *Field) Value() string {
	if f.Input == nil {
		return strings.TrimSpace(f.Entry.Text)
	}
	value, err := f.Input.Value()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(value)
}

// Check says at the field what is wrong with what it holds, and tells whether nothing is.
func (f *Field) Check() bool {
	f.own = false
	if f.Input != nil {
		if _, err := f.Input.Value(); err != nil {
			f.Say(err.Error())
			f.own = true
			return false
		}
	}
	if value := f.Value(); f.required != "" && (value == "" || value == "false") {
		f.Say(f.required)
		f.own = true
		return false
	}
	f.Say("")
	return true
}

// Focus is what takes the focus.
func (f *Field) Focus() fyne.Focusable {
	if f.Input != nil {
		return f.Input.Focus
	}
	return f.Entry
}

// Say shows a message at the field; an empty one clears it.
func (f *Field) Say(message string) {
	f.own = false
	if f.message.Text != message {
		f.message.SetText(message)
		f.refresh()
	}
}

// Tell shows a quiet word at the field, in the place of what helps to fill it in.
func (f *Field) Tell(text string) {
	f.help = text
	f.note.Importance = widget.WarningImportance
	f.note.SetText(text)
	f.refresh()
}

func (f *Field) refresh() {
	help := f.message.Text == "" && f.help != ""
	show(f.lines[0], !help)
	show(f.lines[1], help)
	f.Box.Refresh()
}

func show(o fyne.CanvasObject, on bool) {
	if on {
		o.Show()
	} else {
		o.Hide()
	}
}

// Message is what the field says.
func (f *Field) Message() string { return f.message.Text }

// Wrong tells whether the field says of itself that something is missing or cannot be read.
func (f *Field) Wrong() bool { return f.own }
