package tags

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// firstColor is what a new tag begins with.
const firstColor = "#0f6674"

// form makes a tag, or changes one, with a preview of how it will look beside a customer.
type form struct {
	s           *Screen
	known       *mostradorv1.Tag
	modal       *ui.Modal
	name        *ui.Field
	description *ui.Field
	color       *ui.Input
	wrong, rest *widget.Label
	preview     *ui.Chip
	chips       *fyne.Container
	save        *ui.Button
	asking      bool
}

// edit opens the form. Who may not change tags sees one and goes to its customers.
func (s *Screen) edit(t *mostradorv1.Tag) {
	d := s.d
	f := &form{s: s, known: t, preview: ui.NewChip()}
	f.chips = ui.Chips(f.preview.Box)
	enter := func(string) { f.submit() }
	f.name = ui.NewField(d.T("tags.name"), ui.NewEntry(d.T("tags.name.hint"), enter))
	f.description = ui.NewField(d.T("tags.description"), ui.NewEntry(d.T("tags.description.hint"), enter))
	f.name.Entry.SetText(t.Name)
	f.description.Entry.SetText(t.Description)
	f.color = ui.NewInput(d, ui.Spec{Type: "color"}, t.Color)
	f.color.OnSubmitted = f.submit
	f.wrong, f.rest = ui.Note("", widget.DangerImportance), ui.Note("", widget.DangerImportance)
	f.name.Entry.OnChanged = func(string) { f.name.Say(""); f.show() }
	f.description.Entry.OnChanged = func(string) { f.description.Say("") }
	f.color.OnChanged = f.show
	f.save = ui.NewButton(d.T("save"), "Enter", ui.Primary, f.submit)
	look := ui.Panel(ui.ColorQuietBg, 8, ui.Pad(14, 12, ui.Column(8, ui.Caption(d.T("tags.preview")),
		ui.Text(d.T("tags.preview.customer"), ui.SizeText, true, ui.ColorMuted), f.chips)))
	color := ui.Column(3, ui.Text(d.T("tags.color"), ui.SizeCaption, true, ui.ColorMuted), f.color.Box, ui.Least(0, 22, ui.Tight(f.wrong)))
	fields := ui.Column(2, f.name.Box, f.description.Box, color)
	box := ui.Column(4, ui.Columns(18, []float32{62, 38}, fields, look), ui.Tight(f.rest))

	title := d.T("tags.title.new")
	buttons := []fyne.CanvasObject{ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { f.modal.Close() })}
	if t.Id != 0 {
		title = t.Name
		who := ui.NewButton(d.T("tags.who"), "", ui.Plain, func() { f.modal.Close(); s.customers(t) })
		remove := ui.NewButton(d.T("tags.delete"), "", ui.Danger, f.remove)
		remove.SetEnabled(s.may())
		buttons = append([]fyne.CanvasObject{remove, who}, buttons...)
	}
	if !s.may() {
		f.name.Entry.Disable()
		f.description.Entry.Disable()
		f.color.Disable()
		f.save.SetEnabled(false)
	}
	f.modal = d.NewModal(title, 680, box, f.name.Entry, append(buttons, f.save)...)
	f.show()
}

// show draws the preview.
func (f *form) show() {
	f.wrong.SetText("")
	name := strings.TrimSpace(f.name.Entry.Text)
	if name == "" {
		name = f.s.d.T("tags.name")
	}
	defer f.chips.Refresh()
	color, err := f.color.Value()
	if err != nil {
		f.preview.Plain(name)
		return
	}
	f.preview.Tag(name, &mostradorv1.Tag{Color: color, TextColor: ui.InkOn(color)})
}

func (f *form) submit() {
	d := f.s.d
	if f.asking || !f.s.may() {
		return
	}
	f.rest.SetText("")
	color, err := f.color.Value()
	if err != nil {
		f.wrong.SetText(err.Error())
		d.Window.Canvas().Focus(f.color.Focus)
		return
	}
	t := &mostradorv1.Tag{Id: f.known.Id, Name: strings.TrimSpace(f.name.Entry.Text), Description: strings.TrimSpace(f.description.Entry.Text), Color: color}
	if t.Name == "" {
		f.name.Say(d.T("tags.name.missing"))
		d.Window.Canvas().Focus(f.name.Entry)
		return
	}
	f.asking = true
	f.save.Disable()
	ui.Ask(d, d.Model.Tags.Put, &mostradorv1.PutTagRequest{Tag: t}, func(res *mostradorv1.PutTagResponse, err error) {
		f.asking = false
		f.save.Enable()
		if err != nil {
			f.refused(err)
			return
		}
		f.modal.Close()
		d.Say(d.T("tags.saved", "name", res.Tag.GetName()))
		f.s.shelf.Filter.Quiet("")
		f.s.load(res.Tag.GetName())
	})
}

// refused says each reason at its field, the first of which gets the focus.
func (f *form) refused(err error) {
	places := map[string]*ui.Field{"name": f.name, "tag.name": f.name, "description": f.description, "tag.description": f.description}
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		f.rest.SetText(f.s.d.Explain(err))
	}
	for _, diag := range slices.Backward(diags) {
		if field := places[diag.Path]; field != nil {
			field.Say(ui.Sentence(diag))
			f.s.d.Window.Canvas().Focus(field.Entry)
			continue
		}
		f.rest.SetText(strings.TrimSpace(ui.Sentence(diag) + " " + f.rest.Text))
	}
	f.modal.Fit()
}

// remove asks, and takes the tag from everybody.
func (f *form) remove() {
	d, t := f.s.d, f.known
	d.Confirm(d.T("tags.delete.title", "name", t.Name), d.T("tags.delete.text", "n", int(t.Customers)), d.T("tags.delete"), func() {
		ui.Ask(d, d.Model.Tags.Delete, &mostradorv1.DeleteTagRequest{Id: t.Id}, func(_ *mostradorv1.DeleteTagResponse, err error) {
			if err != nil {
				f.refused(err)
				return
			}
			f.modal.Close()
			d.Say(d.T("tags.deleted", "name", t.Name))
			f.s.load("")
		})
	})
}
