package datamodel

import (
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// types are those that a store's own field may have.
var types = []string{"text", "long_text", "integer", "decimal", "money", "date", "date_time", "yes_no", "email", "phone", "url", "choice", "country", "postal_address", "customer", "color"}

var categories = []mostradorv1.FieldCategory{mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC, mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE}

// pause is how long the form waits for more before it tries the rules.
const pause = 300 * time.Millisecond

// form makes a field, or changes one.
type form struct {
	s     *Screen
	known *mostradorv1.Field
	modal *ui.Modal

	name, id, help          *ui.Field
	kind, category          *ui.Select
	many, indexed, required *ui.Check
	choices                 *ui.Input
	choicesBox              *fyne.Container
	left                    *fyne.Container
	rules                   *rules
	script                  *ui.Entry
	message                 *ui.Field
	try                     *ui.Field
	tried                   *widget.Label
	wrong                   *widget.Label
	save                    *ui.Button
	asked                   ui.Latest
	waiting                 *time.Timer
	asking                  bool
}

func (s *Screen) edit(known *mostradorv1.Field) {
	d := s.d
	f := &form{s: s, known: known}
	enter := func(string) { f.submit(false) }
	field := func(name, hint, text string) *ui.Field {
		made := ui.NewField(name, ui.NewEntry(hint, enter))
		made.Entry.SetText(text)
		made.Entry.OnChanged = func(string) { made.Say(""); f.later() }
		return made
	}
	f.name = field(d.T("datamodel.name"), d.T("datamodel.name.hint"), known.Name)
	f.id = field(d.T("datamodel.id"), "instagram_profile", known.Id)
	f.help = field(d.T("datamodel.help"), d.T("datamodel.help.hint"), known.Help)
	var kinds, about []string
	for _, kind := range types {
		kinds = append(kinds, d.T("datamodel.type."+kind))
	}
	for _, c := range categories {
		about = append(about, d.T("datamodel."+c.String()))
	}
	f.kind = ui.NewSelect(d.T("choose"), kinds, nil)
	f.kind.SetSelectedIndex(max(0, slices.Index(types, known.Type)))
	f.kind.OnChanged = func(string) { f.show(); f.later() }
	f.category = ui.NewSelect(d.T("choose"), about, nil)
	f.category.SetSelectedIndex(max(0, slices.Index(categories, known.Category)))
	f.many, f.indexed, f.required = ui.NewCheck(d.T("datamodel.many"), nil), ui.NewCheck(d.T("datamodel.indexed"), nil), ui.NewCheck(d.T("datamodel.required.long"), nil)
	f.many.SetChecked(known.Many)
	f.indexed.SetChecked(known.Indexed)
	f.required.SetChecked(known.Required)
	var lines []string
	for _, c := range known.Choices {
		line := c.Value
		if c.Label != "" && c.Label != c.Value {
			line += " = " + c.Label
		}
		lines = append(lines, line)
	}
	f.choices = ui.NewInput(d, ui.Spec{Type: "list", Hint: d.T("datamodel.choices.hint"), Rows: 3}, strings.Join(lines, "\n"))
	f.choices.OnChanged = f.later
	f.choicesBox = ui.Column(3, ui.Text(d.T("datamodel.choices"), ui.SizeCaption, true, ui.ColorMuted), f.choices.Box)
	f.rules = newRules(f, known.Rules)
	f.script = ui.NewTextEntry(3)
	f.script.SetPlaceHolder(d.T("datamodel.script.hint"))
	f.script.SetText(known.Script)
	f.script.OnChanged = func(string) { f.later() }
	f.message = field(d.T("datamodel.script.message"), d.T("datamodel.rule.message.hint"), known.ScriptMessage)
	f.try = field(d.T("datamodel.try"), d.T("datamodel.try.hint"), "")
	f.tried, f.wrong = ui.Note("", widget.LowImportance), ui.Note("", widget.DangerImportance)

	caption := func(name string, o fyne.CanvasObject) fyne.CanvasObject {
		return ui.Column(3, ui.Text(name, ui.SizeCaption, true, ui.ColorMuted), ui.Boxed(o))
	}
	f.left = ui.Column(2, ui.Columns(14, []float32{1, 1}, f.name.Box, f.id.Box),
		ui.Columns(14, []float32{1, 1}, caption(d.T("datamodel.type"), f.kind), caption(d.T("datamodel.category"), f.category)),
		ui.Gap(4), f.choicesBox, f.help.Box, f.required, f.many, f.indexed)
	right := ui.Column(6, ui.Text(d.T("datamodel.rules"), ui.SizeCaption, true, ui.ColorMuted), f.rules.box,
		ui.Gap(4), ui.Text(d.T("datamodel.script"), ui.SizeCaption, true, ui.ColorMuted), f.script, f.message.Box)
	try := ui.Panel(ui.ColorQuietBg, 8, ui.Pad(12, 6, ui.Columns(14, []float32{45, 55}, f.try.Box, ui.Tight(f.tried))))
	box := ui.Column(6, ui.Least(0, 430, ui.Scrolled(ui.Columns(20, []float32{50, 50}, f.left, right))), try, ui.Tight(f.wrong))

	title := d.T("datamodel.title.new")
	buttons := []fyne.CanvasObject{ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { f.modal.Close() })}
	if known.Id != "" {
		title = known.Name
		f.id.Entry.Disable()
		way := ui.NewButton(d.T("datamodel.retire"), "", ui.Danger, f.retire)
		if known.Retired {
			way = ui.NewButton(d.T("datamodel.restore"), "", ui.Plain, f.restore)
		}
		way.SetEnabled(s.may())
		buttons = append([]fyne.CanvasObject{way}, buttons...)
	}
	f.save = ui.NewButton(d.T("save"), "Enter", ui.Primary, func() { f.submit(false) })
	f.save.SetEnabled(s.may())
	f.modal = d.NewModal(title, 1040, box, f.name.Entry, append(buttons, f.save)...)
	f.modal.OnClose = f.stop
	f.show()
}

// show shows the choices where there are any.
func (f *form) show() {
	if types[max(0, f.kind.SelectedIndex())] == "choice" {
		f.choicesBox.Show()
	} else {
		f.choicesBox.Hide()
	}
	f.left.Refresh()
}

// field is what the form holds.
func (f *form) field() *mostradorv1.Field {
	kept := proto.CloneOf(f.known)
	kept.Id, kept.Name, kept.Help = strings.TrimSpace(f.id.Entry.Text), strings.TrimSpace(f.name.Entry.Text), strings.TrimSpace(f.help.Entry.Text)
	kept.Type = types[max(0, f.kind.SelectedIndex())]
	kept.Category = categories[max(0, f.category.SelectedIndex())]
	kept.Many, kept.Indexed, kept.Required = f.many.Checked, f.indexed.Checked, f.required.Checked
	kept.Choices = nil
	if lines, err := f.choices.Value(); err == nil && kept.Type == "choice" {
		for _, line := range strings.Split(lines, "\n") {
			value, label, found := strings.Cut(line, "=")
			if !found {
				label = value
			}
			if value = strings.TrimSpace(value); value != "" {
				kept.Choices = append(kept.Choices, &mostradorv1.Choice{Value: value, Label: strings.TrimSpace(label)})
			}
		}
	}
	kept.Rules = f.rules.list()
	kept.Script, kept.ScriptMessage = strings.TrimSpace(f.script.Text), strings.TrimSpace(f.message.Entry.Text)
	return kept
}

// later tries the rules on the value in the box once nothing was changed for a moment.
func (f *form) later() {
	f.stop()
	d := f.s.d
	f.waiting = time.AfterFunc(pause, func() { d.Do(f.attempt) })
}

func (f *form) stop() {
	f.asked.Next()
	if f.waiting != nil {
		f.waiting.Stop()
	}
}

func (f *form) attempt() {
	current := f.asked.Next()
	d, value := f.s.d, f.try.Entry.Text
	kept := f.field()
	if value == "" && kept.Script == "" {
		f.tried.SetText("")
		return
	}
	if kept.Id == "" {
		kept.Id = "prueba"
	}
	ui.Ask(d, d.Model.Fields.Try, &mostradorv1.TryFieldRequest{Field: kept, Value: value}, func(res *mostradorv1.TryFieldResponse, err error) {
		if !current() {
			return
		}
		f.tried.Importance = widget.DangerImportance
		switch {
		case err != nil:
			f.tried.SetText(d.Explain(err))
		case len(res.Declaration) > 0:
			f.tried.SetText(said(res.Declaration))
		case len(res.Diagnostics) > 0:
			f.tried.SetText(said(res.Diagnostics))
		case value != "":
			f.tried.Importance = widget.SuccessImportance
			f.tried.SetText(d.T("datamodel.try.kept", "value", res.Kept))
		default:
			f.tried.SetText("")
		}
		f.tried.Refresh()
		f.modal.Fit()
	})
}

func said(diags []*plgv1.Diagnostic) string {
	var all []string
	for _, diag := range diags {
		all = append(all, ui.Sentence(diag))
	}
	return strings.Join(all, "\n")
}

// submit saves. What would change stored values is shown first; anyway says that the person has seen that.
func (f *form) submit(anyway bool) {
	d := f.s.d
	if f.asking || !f.s.may() {
		return
	}
	kept := f.field()
	f.wrong.SetText("")
	if kept.Name == "" {
		f.name.Say(d.T("datamodel.name.missing"))
		d.Window.Canvas().Focus(f.name.Entry)
		return
	}
	f.asking = true
	f.save.Disable()
	done := func() {
		f.asking = false
		f.save.Enable()
	}
	put := func() {
		ui.Ask(d, d.Model.Fields.Put, &mostradorv1.PutFieldRequest{Field: kept, Anyway: anyway}, func(res *mostradorv1.PutFieldResponse, err error) {
			done()
			if err != nil {
				f.refused(err)
				return
			}
			f.modal.Close()
			d.Say(d.T("datamodel.saved", "name", res.Field.GetName()))
			f.s.load(res.Field.GetId())
		})
	}
	if f.known.Id == "" || anyway {
		put()
		return
	}
	ui.AskFor(d, time.Minute, d.Model.Fields.Preview, &mostradorv1.PreviewFieldRequest{Field: kept}, func(res *mostradorv1.PreviewFieldResponse, err error) {
		switch {
		case err != nil:
			done()
			f.refused(err)
		case res.Converted+res.Broken == 0:
			put()
		default:
			done()
			f.preview(res)
		}
	})
}

// preview shows what a change does to stored values, and lets it go on or not.
func (f *form) preview(res *mostradorv1.PreviewFieldResponse) {
	d := f.s.d
	number := func(n uint64) string { return d.Text.Number(float64(n)) }
	list := ui.Column(4)
	add := func(title string, rows []*mostradorv1.FieldBreak) {
		if len(rows) == 0 {
			return
		}
		list.Add(ui.Text(title, ui.SizeText, true, ui.ColorMuted))
		for _, b := range rows {
			to := b.Reason
			if b.Becomes != "" {
				to = d.T("datamodel.preview.becomes", "value", b.Becomes)
			}
			list.Add(ui.Tight(ui.Words(b.Customer.GetName() + ": «" + b.Value + "». " + to)))
		}
	}
	add(d.T("datamodel.preview.broken", "n", number(res.Broken)), res.Breaks)
	add(d.T("datamodel.preview.converted", "n", number(res.Converted)), res.Conversions)
	var m *ui.Modal
	back := ui.NewButton(d.T("datamodel.preview.back"), "Esc", ui.Primary, func() { m.Close() })
	on := ui.NewButton(d.T("datamodel.preview.anyway"), "", ui.Danger, func() { m.Close(); f.submit(true) })
	text := d.T("datamodel.preview.text", "with", number(res.WithValue), "converted", number(res.Converted), "broken", number(res.Broken))
	m = d.NewModal(d.T("datamodel.preview.title"), 640, ui.Column(8, ui.Words(text), ui.Least(0, 260, ui.Scrolled(list))), back, back, on)
}

func (f *form) refused(err error) {
	places := map[string]*ui.Field{"name": f.name, "id": f.id, "help": f.help, "script_message": f.message}
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		f.wrong.SetText(f.s.d.Explain(err))
	}
	var rest []string
	for _, diag := range slices.Backward(diags) {
		if field := places[strings.TrimPrefix(diag.Path, "field.")]; field != nil {
			field.Say(ui.Sentence(diag))
			f.s.d.Window.Canvas().Focus(field.Entry)
			continue
		}
		rest = append(rest, ui.Sentence(diag))
	}
	if len(rest) > 0 {
		f.wrong.SetText(strings.Join(rest, "\n"))
	}
	f.modal.Fit()
}

func (f *form) retire() {
	d := f.s.d
	d.Confirm(d.T("datamodel.retire.title", "name", f.known.Name), d.T("datamodel.retire.text"), d.T("datamodel.retire"), func() {
		ui.Ask(d, d.Model.Fields.Retire, &mostradorv1.RetireFieldRequest{Id: f.known.Id}, func(_ *mostradorv1.RetireFieldResponse, err error) {
			f.turned(err, d.T("datamodel.retire.done", "name", f.known.Name))
		})
	})
}

func (f *form) restore() {
	d := f.s.d
	ui.Ask(d, d.Model.Fields.Restore, &mostradorv1.RestoreFieldRequest{Id: f.known.Id}, func(_ *mostradorv1.RestoreFieldResponse, err error) {
		f.turned(err, d.T("datamodel.restore.done", "name", f.known.Name))
	})
}

func (f *form) turned(err error, done string) {
	if err != nil {
		f.refused(err)
		return
	}
	f.modal.Close()
	f.s.d.Say(done)
	f.s.load(f.known.Id)
}
