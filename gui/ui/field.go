package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/host/api/mostradorv1"
)

// Field is a text box or a choice with its name above and what is wrong with it below.
type Field struct {
	// Box is what is placed on the screen.
	Box *fyne.Container
	// Entry is the text box; nil for a choice.
	Entry *Entry
	// Choice is the choice; nil for a text box.
	Choice  *Select
	values  []string
	message *widget.Label
}

// NewField makes a field. Room for one line of message is kept, so that nothing jumps while typing.
func NewField(name string, entry *Entry) *Field {
	f := &Field{Entry: entry}
	f.build(name, entry)
	return f
}

// NewChoiceField makes a field that is one of choices. none names the choice of nothing; without it there is
// no such choice, and placeholder shows until something is chosen.
func NewChoiceField(name, placeholder, none string, choices []*mostradorv1.Choice, value string) *Field {
	f := &Field{}
	var labels []string
	if none != "" {
		labels, f.values = append(labels, none), append(f.values, "")
	}
	for _, c := range choices {
		labels, f.values = append(labels, Label(c)), append(f.values, c.Value)
	}
	f.Choice = NewSelect(placeholder, labels, nil)
	for i, v := range f.values {
		if v == value {
			f.Choice.SetSelectedIndex(i)
		}
	}
	f.build(name, Boxed(f.Choice))
	return f
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
	f.Box = Column(3, Text(name, SizeCaption, true, ColorMuted), input, Least(0, 22, Tight(f.message)))
}

// Value is what the field holds.
func (f *Field) Value() string {
	if f.Choice == nil {
		return strings.TrimSpace(f.Entry.Text)
	}
	if i := f.Choice.SelectedIndex(); i >= 0 {
		return f.values[i]
	}
	return ""
}

// Focus is what takes the focus.
func (f *Field) Focus() fyne.Focusable {
	if f.Choice != nil {
		return f.Choice
	}
	return f.Entry
}

// Disable keeps the field from being changed.
func (f *Field) Disable() {
	if f.Choice != nil {
		f.Choice.Disable()
		return
	}
	f.Entry.Disable()
}

// Say shows a message at the field; an empty one clears it.
func (f *Field) Say(message string) {
	if f.message.Text != message {
		f.message.SetText(message)
		f.Box.Refresh()
	}
}

// Message is what the field says.
func (f *Field) Message() string { return f.message.Text }
