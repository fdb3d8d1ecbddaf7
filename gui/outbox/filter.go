package outbox

import (
	"maps"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// filter is what narrows the list: the state beside it, and in a window plug-in, template, rule, and whether there was
// trouble. What is in force stands below as chips that take it away.
type filter struct {
	d       *ui.Desk
	box     *fyne.Container
	state   *ui.Select
	chips   *fyne.Container
	changed func()
	now     *mostradorv1.ListMessagesRequest // what the window asks for
	newest  ui.Latest

	templates map[string]string // their names, as messages name them
	plugins   map[string]bool
	rules     map[string]bool
}

func newFilter(d *ui.Desk, changed func()) *filter {
	f := &filter{d: d, changed: changed, now: &mostradorv1.ListMessagesRequest{}, chips: ui.Chips(), templates: map[string]string{}, plugins: map[string]bool{}, rules: map[string]bool{}}
	names := make([]string, len(states))
	for i, state := range states {
		names[i] = d.T("outbox.filter." + state.String())
	}
	f.state = ui.NewSelect(d.T("choose"), names, nil)
	f.state.SetSelectedIndex(0)
	f.state.OnChanged = func(string) { changed() }
	f.chips.Hide()
	f.box = ui.Column(6, ui.Boxed(f.state), ui.Row(0, ui.NewButton(d.T("customers.filters"), "", ui.Plain, f.ask)), f.chips)
	return f
}

// load reads what can be chosen.
func (f *filter) load() {
	current := f.newest.Next()
	ui.Ask(f.d, f.d.Model.Templates.List, &mostradorv1.ListTemplatesRequest{}, func(res *mostradorv1.ListTemplatesResponse, err error) {
		if err != nil || !current() {
			return
		}
		for _, t := range res.Templates {
			f.templates[strings.TrimPrefix(t.Id, t.Plugin+"/")] = t.Name
		}
	})
	ui.Ask(f.d, f.d.Model.Rules.List, &mostradorv1.ListRulesRequest{}, func(res *mostradorv1.ListRulesResponse, err error) {
		if err != nil || !current() {
			return
		}
		for _, set := range res.Sets {
			f.plugins[set.Plugin] = true
			for _, r := range set.Rules {
				f.rules[r.Name] = true
			}
		}
	})
}

// seen takes over what the messages name, which may be gone elsewhere.
func (f *filter) seen(messages []*mostradorv1.Message) {
	for _, m := range messages {
		if m.Plugin != "" {
			f.plugins[m.Plugin] = true
		}
		if m.Rule != "" {
			f.rules[m.Rule] = true
		}
		if _, known := f.templates[m.Template]; !known && m.Template != "" {
			f.templates[m.Template] = m.Template
		}
	}
}

func (f *filter) request(next string) *mostradorv1.ListMessagesRequest {
	return &mostradorv1.ListMessagesRequest{State: states[max(0, f.state.SelectedIndex())], Limit: page, Page: next,
		Plugin: f.now.Plugin, Template: f.now.Template, Rule: f.now.Rule, Troubled: f.now.Troubled}
}

// failed is the choice of those that failed among what is asked for.
func (f *filter) failed() *mostradorv1.RetryFailedRequest {
	return &mostradorv1.RetryFailedRequest{Plugin: f.now.Plugin, Template: f.now.Template, Rule: f.now.Rule}
}

// any tells whether those that failed are narrowed.
func (f *filter) any() bool { return f.now.Plugin != "" || f.now.Template != "" || f.now.Rule != "" }

// template is the name of a template, as a person knows it.
func (f *filter) template(id string) string {
	if name := f.templates[id]; name != "" {
		return name
	}
	return id
}

func (f *filter) show() {
	f.chips.RemoveAll()
	add := func(words string, drop func()) {
		if words != "" {
			f.chips.Add(ui.NewButton(words+"  ×", "", ui.Link, func() { drop(); f.show(); f.changed() }))
		}
	}
	add(f.now.Plugin, func() { f.now.Plugin = "" })
	add(f.template(f.now.Template), func() { f.now.Template = "" })
	add(cut(f.now.Rule), func() { f.now.Rule = "" })
	if f.now.Troubled {
		add(f.d.T("outbox.troubled.short"), func() { f.now.Troubled = false })
	}
	f.chips.Hidden = len(f.chips.Objects) == 0
	f.box.Refresh()
}

// cut keeps a chip narrower than the list.
func cut(s string) string {
	if r := []rune(s); len(r) > 20 {
		return string(r[:19]) + "…"
	}
	return s
}

// ask is the window of the filters.
func (f *filter) ask() {
	d := f.d
	if d.TopModal() != nil {
		return
	}
	named := func(values map[string]bool) []*mostradorv1.Choice {
		var list []*mostradorv1.Choice
		for _, v := range slices.Sorted(maps.Keys(values)) {
			list = append(list, &mostradorv1.Choice{Value: v})
		}
		return list
	}
	var texts []*mostradorv1.Choice
	for id, name := range f.templates {
		texts = append(texts, &mostradorv1.Choice{Value: id, Label: name})
	}
	slices.SortFunc(texts, func(a, b *mostradorv1.Choice) int { return strings.Compare(a.Label+a.Value, b.Label+b.Value) })
	choice := func(list []*mostradorv1.Choice, value string) *ui.Input {
		return ui.NewInput(d, ui.Spec{Type: "choice", Choices: list, None: d.T("outbox.any")}, value)
	}
	plugin, template, rule := choice(named(f.plugins), f.now.Plugin), choice(texts, f.now.Template), choice(named(f.rules), f.now.Rule)
	troubled := ui.NewCheck(d.T("outbox.troubled"), nil)
	troubled.SetChecked(f.now.Troubled)
	line := func(name string, in *ui.Input) fyne.CanvasObject {
		return ui.Column(3, ui.Text(name, ui.SizeCaption, true, ui.ColorMuted), in.Box)
	}
	var m *ui.Modal
	value := func(in *ui.Input) string {
		text, err := in.Value()
		if err != nil {
			return ""
		}
		return text
	}
	apply := ui.NewButton(d.T("outbox.filter.show"), "", ui.Primary, func() {
		f.now.Plugin, f.now.Template, f.now.Rule, f.now.Troubled = value(plugin), value(template), value(rule), troubled.Checked
		m.Close()
		f.show()
		f.changed()
	})
	none := ui.NewButton(d.T("customers.filter.none"), "", ui.Plain, func() {
		f.now.Plugin, f.now.Template, f.now.Rule, f.now.Troubled = "", "", "", false
		m.Close()
		f.show()
		f.changed()
	})
	body := ui.Column(10, line(d.T("outbox.plugin"), plugin), line(d.T("rules.template"), template), line(d.T("rules.name"), rule), troubled)
	m = d.NewModal(d.T("customers.filters"), 480, body, plugin.Focus, ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), none, apply)
}
