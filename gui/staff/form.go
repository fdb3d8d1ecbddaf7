package staff

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// roles are the choices of the form, least first.
var roles = []mostradorv1.Role{
	mostradorv1.Role_ROLE_CASHIER,
	mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1.Role_ROLE_ADMINISTRATOR,
}

// form adds an operator, or changes one. Enter goes to what must still be filled in, and saves when nothing must.
type form struct {
	s      *Screen
	known  *mostradorv1.Operator // nil for a new one
	modal  *ui.Modal
	name   *ui.Field
	pin    *ui.Field
	again  *ui.Field
	badge  *ui.Field
	role   *ui.Select
	wrong  *widget.Label // what is wrong with the role
	active *ui.Check
	rest   *widget.Label
	save   *ui.Button
	asking bool
}

func (s *Screen) edit(known *mostradorv1.Operator) {
	d := s.d
	f := &form{s: s, known: known}
	enter := func(string) { f.enter() }
	pinHint, badgeHint, title := d.T("staff.pin.hint"), d.T("staff.badge.hint"), d.T("staff.title.new")
	if known != nil {
		title = known.Name
		pinHint = d.T("staff.pin.keep")
		if known.HasBadge {
			badgeHint = d.T("staff.badge.keep")
		}
	}
	f.name = ui.NewField(d.T("staff.name"), ui.NewEntry(d.T("staff.name.hint"), enter))
	f.pin = ui.NewField(d.T("signin.pin"), ui.NewSecretEntry(pinHint, enter))
	f.again = ui.NewField(d.T("signin.again"), ui.NewSecretEntry(d.T("signin.again.hint"), enter))
	f.badge = ui.NewField(d.T("staff.badge.long"), ui.NewEntry(badgeHint, enter))
	for _, field := range f.fields() {
		field.Entry.OnChanged = func(string) { field.Say("") }
		// A badge goes to its field from wherever it is scanned, and its Enter saves nothing.
		field.Entry.ListenScanner(d.Clock, f.scanned)
	}
	var names []string
	for _, role := range roles {
		names = append(names, d.T("role."+role.String()))
	}
	f.role = ui.NewSelect(d.T("choose"), names, nil)
	f.role.SetSelectedIndex(0)
	f.wrong, f.rest = ui.Note("", widget.DangerImportance), ui.Note("", widget.DangerImportance)
	f.active = ui.NewCheck(d.T("staff.active.long"), nil)
	f.active.SetChecked(true)
	f.active.OnEnter = f.enter
	f.save = ui.NewButton(d.T("save"), "Enter", ui.Primary, f.submit)
	first := fyne.Focusable(f.name.Entry)
	note := d.T("staff.new.text")
	if known != nil {
		f.name.Entry.SetText(known.Name)
		f.role.SetSelectedIndex(max(0, slices.Index(roles, known.Role)))
		f.active.SetChecked(!known.Disabled)
		f.name.Box.Hide() // the name is what an operator is known by
		first, note = f.role, d.T("staff.edit.text")
	}
	role := ui.Column(3, ui.Text(d.T("staff.role"), ui.SizeCaption, true, ui.ColorMuted), ui.Boxed(f.role), ui.Least(0, 22, ui.Tight(f.wrong)))
	pins := ui.Columns(14, []float32{1, 1}, f.pin.Box, f.again.Box)
	box := ui.Column(2, ui.Tight(ui.Note(note, widget.LowImportance)), ui.Gap(6), f.name.Box, role, pins, f.badge.Box, f.active, ui.Tight(f.rest))
	f.modal = d.NewModal(title, 560, box, first,
		ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { f.modal.Close() }), f.save)
	f.modal.OnScan = f.scanned
}

func (f *form) fields() []*ui.Field { return []*ui.Field{f.name, f.pin, f.again, f.badge} }

func (f *form) focus(o fyne.Focusable) { f.s.d.Window.Canvas().Focus(o) }

func (f *form) scanned(code string) {
	f.badge.Entry.SetText(code)
	f.focus(f.badge.Entry)
}

func (f *form) enter() {
	switch {
	case strings.TrimSpace(f.name.Entry.Text) == "":
		f.name.Say(f.s.d.T("staff.name.missing"))
		f.focus(f.name.Entry)
	case f.known == nil && f.pin.Entry.Text == "" && strings.TrimSpace(f.badge.Entry.Text) == "" && f.s.d.Window.Canvas().Focused() == fyne.Focusable(f.name.Entry):
		f.focus(f.pin.Entry)
	case f.pin.Entry.Text != "" && f.again.Entry.Text == "":
		f.focus(f.again.Entry)
	default:
		f.submit()
	}
}

func (f *form) submit() {
	if f.asking {
		return
	}
	d := f.s.d
	f.clear()
	if f.pin.Entry.Text != f.again.Entry.Text {
		f.again.Say(d.T("signin.again.differs"))
		f.again.Entry.Quiet("")
		f.focus(f.again.Entry)
		return
	}
	op := &mostradorv1.Operator{Name: strings.TrimSpace(f.name.Entry.Text), Role: roles[max(0, f.role.SelectedIndex())], Disabled: !f.active.Checked}
	if f.known == nil && slices.ContainsFunc(f.s.operators, func(o *mostradorv1.Operator) bool { return strings.EqualFold(o.Name, op.Name) }) {
		f.name.Say(d.T("staff.name.taken")) // the host would take it for a change
		f.focus(f.name.Entry)
		return
	}
	f.asking = true
	f.save.Disable()
	req := &mostradorv1.PutOperatorRequest{Operator: op, Pin: f.pin.Entry.Text, Badge: strings.TrimSpace(f.badge.Entry.Text)}
	ui.Ask(d, d.Model.Access.PutOperator, req, func(res *mostradorv1.PutOperatorResponse, err error) {
		f.asking = false
		f.save.Enable()
		if err != nil {
			f.refused(err)
			return
		}
		f.modal.Close()
		d.Say(d.T("staff.saved", "name", res.Operator.GetName()))
		f.s.load(res.Operator.GetName())
	})
}

func (f *form) clear() {
	for _, field := range f.fields() {
		field.Say("")
	}
	f.wrong.SetText("")
	f.rest.SetText("")
}

// refused says each reason at its field, the first of which gets the focus, and the others below.
func (f *form) refused(err error) {
	places := map[string]*ui.Field{"name": f.name, "pin": f.pin, "badge": f.badge}
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		f.rest.SetText(f.s.d.Explain(err))
	}
	for _, diag := range slices.Backward(diags) {
		switch field := places[diag.Path]; {
		case diag.Path == "role":
			f.wrong.SetText(ui.Sentence(diag))
			f.focus(f.role)
		case field != nil && field.Box.Visible():
			field.Say(ui.Sentence(diag))
			f.focus(field.Entry)
		default:
			f.rest.SetText(strings.TrimSpace(ui.Sentence(diag) + " " + f.rest.Text))
		}
	}
	f.modal.Fit()
}
