package customers

import (
	"cmp"
	"crypto/rand"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"connectrpc.com/connect"
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Form registers a new customer with little: name, mobile phone, e-mail. Enter moves on, and saves on the last
// field; what the host would refuse is said at its field while the person still types.
type Form struct {
	d          *ui.Desk
	content    fyne.CanvasObject
	name       *ui.Field
	phone      *ui.Field
	email      *ui.Field
	applies    *ui.Check
	reason     *widget.Label
	governed   bool
	duplicates *fyne.Container
	more       *fyne.Container // the plug-ins' fields
	order      []string
	extra      map[string]*ui.Field
	ticks      map[string]*ui.Check
	save       *ui.Button
	key        string
	newest     ui.Latest
	sending    bool
	left       bool // somebody has gone elsewhere, and is not called back
}

// NewForm builds an empty form.
func NewForm(d *ui.Desk) *Form {
	f := &Form{d: d, key: rand.Text(), extra: map[string]*ui.Field{}, ticks: map[string]*ui.Check{}}
	f.name = ui.NewField(d.T("customer.name"), ui.NewEntry(d.T("customer.name.hint"), func(string) { f.focus(f.phone) }))
	f.phone = ui.NewField(d.T("customer.phone"), ui.NewEntry(d.T("customer.phone.hint"), func(string) { f.focus(f.email) }))
	f.email = ui.NewField(d.T("customer.email"), ui.NewEntry(d.T("customer.email.hint"), func(string) { f.submit() }))
	for _, field := range []*ui.Field{f.name, f.phone, f.email} {
		field.Entry.OnChanged = func(string) { f.check(field) }
		field.Entry.OnLeave = func() { f.check(nil) }
	}
	f.applies = ui.NewCheck(d.T("customer.applies"), nil)
	f.reason = ui.Note("", widget.MediumImportance)
	f.duplicates, f.more = ui.Column(4), ui.Column(5)
	f.more.Hide()
	f.save = ui.NewButton(d.T("save"), "Enter", ui.Primary, f.submit)
	cancel := ui.NewButton(d.T("cancel"), "Esc", ui.Plain, d.Nav.Back)
	form := ui.Column(5, f.name.Box, f.phone.Box, f.email.Box, f.more, f.duplicates,
		ui.Column(0, f.applies, ui.Pad(33, 0, ui.Tight(f.reason))), ui.Gap(4),
		ui.Row(8, f.save, cancel))
	head := ui.Column(4, ui.Title(d.T("menu.new")), ui.Text(d.T("customers.new.text"), ui.SizeText, false, ui.ColorMuted))
	f.content = ui.Frame(16, head, nil, ui.Most(633, ui.Scrolled(ui.Frame(0, ui.Card("", form), nil, nil, nil, nil))), nil, nil)
	return f
}

// Content implements ui.Screen.
func (f *Form) Content() fyne.CanvasObject { return f.content }

// Show implements ui.Screen; arg is what was searched for in vain, and goes where it belongs.
func (f *Form) Show(arg string) {
	first := f.name
	if arg != "" {
		switch {
		case strings.Contains(arg, "@"):
			f.email.Entry.Quiet(arg)
		case strings.IndexFunc(arg, unicode.IsLetter) < 0:
			f.phone.Entry.Quiet(arg)
		default:
			f.name.Entry.Quiet(arg)
			first = f.phone
		}
	}
	f.focus(first)
	f.rules()
}

// rules reads what interplay makes of the box "Aplica para Promociones": a sheet without id is an empty form.
func (f *Form) rules() {
	req := &mostradorv1.SheetRequest{Language: f.d.Model.Language()}
	ui.Ask(f.d, f.d.Model.Customers.Sheet, req, func(res *mostradorv1.SheetResponse, err error) {
		if err != nil {
			f.applies.Hide()
			f.reason.Hide()
			return
		}
		f.plugins(res.Fields)
		for _, field := range res.Fields {
			if field.Id != "aplica_promociones" {
				continue
			}
			f.governed = !field.Editable
			if field.Label != "" {
				f.applies.SetText(field.Label)
			}
			if field.Editable {
				f.applies.Enable()
			} else {
				f.applies.SetChecked(field.Value == "true")
				f.applies.Disable()
			}
			f.reason.SetText(field.Reason)
			if !field.Visible {
				f.applies.Hide()
			}
		}
		f.content.Refresh()
	})
}

// core are the fields that the form has of itself, or leaves to the sheet.
var core = []string{"name", "phone", "email", "language", "aplica_promociones"}

// plugins shows the fields that plug-ins ask for at once; what was typed into those that stay is kept.
func (f *Form) plugins(fields []*mostradorv1.FieldState) {
	f.more.RemoveAll()
	extra, ticks := map[string]*ui.Field{}, map[string]*ui.Check{}
	f.order = nil
	for _, state := range fields {
		if !state.Visible || !state.Editable || slices.Contains(core, state.Id) {
			continue
		}
		f.order = append(f.order, state.Id)
		if state.Type == "yes_no" {
			tick := f.ticks[state.Id]
			if tick == nil {
				tick = ui.NewCheck(state.Label, nil)
				tick.SetChecked(state.Value == "true")
				tick.OnEnter = f.submit
			}
			ticks[state.Id] = tick
			f.more.Add(tick)
			if help := cmp.Or(state.Reason, state.Help); help != "" {
				f.more.Add(ui.Pad(33, 0, ui.Tight(ui.Note(help, widget.LowImportance))))
			}
			continue
		}
		field := f.extra[state.Id]
		if field == nil {
			field = f.field(state)
		}
		extra[state.Id] = field
		f.more.Add(field.Box)
	}
	f.extra, f.ticks = extra, ticks
	if len(f.order) == 0 {
		f.more.Hide()
	} else {
		f.more.Show()
	}
}

func (f *Form) field(state *mostradorv1.FieldState) *ui.Field {
	field := ui.NewQuestion(f.d, ui.FieldQuestion(state), func() { f.after(state.Id) })
	field.OnChanged = func() { f.check(field) }
	return field
}

// after moves on from a plug-in's field, and saves after the last.
func (f *Form) after(id string) {
	if i := slices.Index(f.order, id); i >= 0 {
		for _, next := range f.order[i+1:] {
			if field := f.extra[next]; field != nil {
				f.focus(field)
				return
			}
		}
	}
	f.submit()
}

// Hide implements ui.Screen.
func (f *Form) Hide() { f.newest.Next(); f.left = true }

// Scanned implements ui.Screen.
func (f *Form) Scanned(string) {}

// Key implements ui.Screen: F4 here empties nothing.
func (f *Form) Key(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyF4 {
		f.focus(f.name)
		ui.Take(ev)
	}
}

// Changed implements ui.Screen.
func (f *Form) Changed(c model.Change) {
	if c.Kind == model.StoreChanged && c.Event.Kind == mostradorv1.WatchResponse_KIND_PLUGIN {
		f.rules()
	}
}

func (f *Form) focus(field *ui.Field) { f.d.Window.Canvas().Focus(field.Focus()) }

func (f *Form) customer() *plgv1.Customer {
	c := &plgv1.Customer{
		Name:  strings.TrimSpace(f.name.Entry.Text),
		Phone: strings.TrimSpace(f.phone.Entry.Text),
		Email: strings.TrimSpace(f.email.Entry.Text),
	}
	if !f.governed {
		c.AplicaPromociones = f.applies.Checked
	}
	for id, field := range f.extra {
		setField(c, id, field.Value())
	}
	for id, tick := range f.ticks {
		setField(c, id, strconv.FormatBool(tick.Checked))
	}
	return c
}

func setField(c *plgv1.Customer, id, value string) {
	if value == "" || value == "false" {
		return
	}
	if c.Fields == nil {
		c.Fields = map[string]string{}
	}
	c.Fields[id] = value
}

// check asks what would be refused. The field being typed in is not blamed yet, others that hold something are.
func (f *Form) check(typing *ui.Field) {
	if typing != nil {
		typing.Say("")
	}
	current := f.newest.Next()
	ui.Ask(f.d, f.d.Model.Customers.Check, &mostradorv1.CheckRequest{Customer: f.customer()}, func(res *mostradorv1.CheckResponse, err error) {
		if err != nil || !current() {
			return
		}
		f.say(res.Refusal, func(field *ui.Field) bool { return field != typing && field.Value() != "" })
	})
}

func (f *Form) fields() map[string]*ui.Field {
	all := map[string]*ui.Field{"name": f.name, "phone": f.phone, "email": f.email}
	maps.Copy(all, f.extra)
	return all
}

// say puts each diagnostic at its field where may allows it, and offers the customers that have the same.
func (f *Form) say(refusal *mostradorv1.Refusal, may func(*ui.Field) bool) (rest []string) {
	messages := map[string]string{}
	for _, diag := range refusal.GetDiagnostics() {
		path := strings.TrimPrefix(strings.TrimPrefix(diag.Path, "customer."), "fields.")
		if _, ok := f.fields()[path]; !ok {
			rest = append(rest, ui.Sentence(diag))
			continue
		}
		if messages[path] == "" {
			messages[path] = ui.Sentence(diag)
		}
	}
	for path, field := range f.fields() {
		if messages[path] == "" && field.Wrong() {
			continue // the host was not asked about that
		}
		if messages[path] == "" || may(field) {
			field.Say(messages[path])
		}
	}
	f.duplicates.RemoveAll()
	for _, c := range refusal.GetDuplicates() {
		f.duplicates.Add(ui.Row(0, ui.NewButton(f.d.T("customers.open", "name", c.Name), "", ui.Plain, func() { f.d.Nav.Go(ui.Sheet, c.Id) })))
	}
	f.duplicates.Refresh()
	f.content.Refresh()
	return rest
}

func (f *Form) submit() {
	if f.sending {
		return
	}
	f.newest.Next()
	for _, id := range f.order {
		if field := f.extra[id]; field != nil && !field.Check() {
			f.content.Refresh()
			f.focus(field)
			return
		}
	}
	f.sending = true
	f.save.Disable()
	ui.Ask(f.d, f.d.Model.Customers.Register, &mostradorv1.RegisterRequest{Customer: f.customer(), IdempotencyKey: f.key}, func(res *mostradorv1.RegisterResponse, err error) {
		f.sending = false
		f.save.Enable()
		if err == nil {
			if !f.left {
				f.d.Nav.Back()
				f.d.Nav.Go(ui.Sheet, res.Customer.Id)
			}
			f.d.Say(f.d.T("customers.saved", "name", res.Customer.Name))
			return
		}
		refusal := model.Refusal(err)
		if refusal == nil || f.left || connect.CodeOf(err) == connect.CodeUnavailable {
			f.d.Fail(f.d.Explain(err))
			return
		}
		for _, text := range f.say(refusal, func(*ui.Field) bool { return true }) {
			f.d.Fail(text)
		}
		fields := f.fields()
		for _, id := range append([]string{"name", "phone", "email"}, f.order...) {
			if field := fields[id]; field != nil && field.Message() != "" {
				f.focus(field)
				return
			}
		}
	})
}
