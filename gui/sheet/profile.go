package sheet

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/contribution"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// fields are the fields of the sheet; a host that lists none of the basic ones still shows them.
func (s *Screen) fields() []*mostradorv1.FieldState {
	for _, f := range s.shown.Fields {
		if f.Id == "name" {
			return s.shown.Fields
		}
	}
	c := s.shown.Customer
	basic := []*mostradorv1.FieldState{
		{Id: "name", Label: s.d.T("customer.name"), Type: "text", Value: c.Name, Visible: true, Editable: true, Required: true},
		{Id: "phone", Label: s.d.T("customer.phone"), Type: "phone", Value: c.Phone, Visible: true, Editable: true},
		{Id: "email", Label: s.d.T("customer.email"), Type: "email", Value: c.Email, Visible: true, Editable: true},
	}
	return append(basic, s.shown.Fields...)
}

// section is the fields under one heading.
type section struct {
	name   string
	fields []*mostradorv1.FieldState
}

// sections divides the fields that are shown, in the order in which the headings come.
func sections(fields []*mostradorv1.FieldState) []section {
	var all []section
	for _, f := range fields {
		if !f.Visible {
			continue
		}
		i := slices.IndexFunc(all, func(other section) bool { return other.name == f.Section })
		if i < 0 {
			i, all = len(all), append(all, section{name: f.Section})
		}
		all[i].fields = append(all[i].fields, f)
	}
	return all
}

func (s *Screen) showData() {
	s.data.RemoveAll()
	for _, part := range sections(s.fields()) {
		if part.name != "" {
			s.data.Add(ui.Gap(2))
			s.data.Add(ui.Text(part.name, ui.SizeText, true, ui.ColorMuted))
		}
		grid, ticks := ui.Pairs(), ui.Column(2)
		for _, f := range part.fields {
			if f.Type == "yes_no" {
				ticks.Add(s.check(f))
			} else {
				grid.Add(s.value(f))
			}
		}
		for _, box := range []*fyne.Container{grid, ticks} {
			if len(box.Objects) > 0 {
				s.data.Add(box)
			}
		}
	}
	if c := s.shown.Customer; c.Created != nil {
		s.data.Add(ui.Caption(s.d.T("sheet.since", "date", s.d.Text.Date(c.Created))))
	}
	s.data.Refresh()
}

func (s *Screen) value(f *mostradorv1.FieldState) fyne.CanvasObject {
	box := ui.Column(1, ui.Caption(f.Label), contribution.Value(s.d, f))
	if f.Reason != "" {
		box.Add(ui.Tight(ui.Note(f.Reason, widget.LowImportance)))
	}
	return box
}

// check is a yes-or-no field: one click changes it, unless a rule governs it, which then says why.
func (s *Screen) check(f *mostradorv1.FieldState) fyne.CanvasObject {
	box := ui.NewCheck(f.Label, nil)
	box.SetChecked(f.Value == "true")
	if !f.Editable {
		box.Disable()
	}
	box.OnChanged = func(on bool) {
		c, seen := &plgv1.Customer{Id: s.shown.Customer.Id}, &plgv1.Customer{}
		setField(seen, f.Id, f.Value)
		setField(c, f.Id, map[bool]string{true: "true", false: "false"}[on])
		s.update(c, seen, []string{path(f.Id)}, func(err error) {
			s.d.Fail(s.d.Explain(err))
			s.sheet.Reload()
		})
	}
	if f.Reason == "" {
		return box
	}
	return ui.Column(0, box, ui.Pad(33, 0, ui.Tight(ui.Note(f.Reason, widget.MediumImportance))))
}

// tags is the card of a customer's tags: chips in their colours, which those who may take off, and a box that
// completes the name of one more.
type tags struct {
	d       *ui.Desk
	box     *fyne.Container
	chips   *fyne.Container
	add     *ui.Suggest
	all     []*mostradorv1.Tag
	newest  ui.Latest
	shown   *plgv1.Customer
	changed func()
}

func newTags(d *ui.Desk) *tags {
	t := &tags{d: d, chips: ui.Chips()}
	t.add = ui.NewSuggestOf(d.T("sheet.tags.add"), func() []ui.Option {
		var options []ui.Option
		for _, tag := range t.all {
			if !slices.Contains(t.shown.GetTags(), tag.Name) {
				options = append(options, ui.Option{Value: tag.Name, Label: tag.Name, Detail: tag.Description})
			}
		}
		return options
	})
	t.add.OnGrown = func() { t.box.Refresh() }
	t.add.OnTaken = func(o ui.Option) { t.apply([]string{o.Value}, nil) }
	t.add.OnEnter = func(typed string) {
		if typed != "" {
			d.Warn(d.T("sheet.tags.unknown"))
		}
	}
	t.box = ui.Column(8, t.chips)
	if d.Model.May(mostradorv1.Role_ROLE_OPERATOR) {
		t.box.Add(t.add.Box)
	}
	return t
}

// load reads the tags that there are.
func (t *tags) load() {
	current := t.newest.Next()
	ui.Ask(t.d, t.d.Model.Tags.List, &mostradorv1.ListTagsRequest{}, func(res *mostradorv1.ListTagsResponse, err error) {
		if err == nil && current() {
			t.all = res.Tags
			t.show(t.shown)
		}
	})
}

func (t *tags) show(c *plgv1.Customer) {
	t.shown = c
	t.chips.RemoveAll()
	looks := ui.TagLooks{}
	for _, tag := range t.all {
		looks[tag.Name] = tag
	}
	may := t.d.Model.May(mostradorv1.Role_ROLE_OPERATOR)
	for _, name := range c.GetTags() {
		chip := ui.NewChip()
		chip.Tag(name, looks[name])
		if !may {
			t.chips.Add(chip.Box)
			continue
		}
		drop := ui.NewButton("×", "", ui.Link, func() { t.apply(nil, []string{name}) })
		t.chips.Add(ui.Row(0, chip.Box, ui.Pad(-5, -8, drop)))
	}
	if len(c.GetTags()) == 0 {
		t.chips.Add(ui.Text(t.d.T("sheet.tags.none"), ui.SizeText, false, ui.ColorMuted))
	}
	t.box.Refresh()
}

func (t *tags) apply(add, remove []string) {
	id := t.shown.GetId()
	req := &mostradorv1.ApplyTagsRequest{Selection: &mostradorv1.Selection{Ids: []string{id}}, Add: add, Remove: remove}
	ui.Ask(t.d, t.d.Model.Tags.Apply, req, func(_ *mostradorv1.ApplyTagsResponse, err error) {
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		t.changed()
	})
}

// showActions draws the plug-ins' buttons from their states alone, each disabled one with its reason.
func (s *Screen) showActions() {
	s.actions.RemoveAll()
	for _, a := range s.shown.Actions {
		s.actions.Add(s.buttons.Button(a))
		if note := s.buttons.Note(a); note != nil {
			s.actions.Add(note)
		}
	}
	if len(s.shown.Actions) == 0 {
		s.actions.Add(ui.Text(s.d.T("sheet.actions.none"), ui.SizeText, false, ui.ColorMuted))
	}
	s.actions.Refresh()
}
