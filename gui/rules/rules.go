// Package rules is Bandeja de salida > Mensajes por evento: the rules that send a message when something happens, which
// plug-ins keep in settings of type message_rules. A rule begins as a ready recipe or empty, is written in a form whose
// fields say what the plug-in finds wrong with them, and is tried on what happened at the store: whoever switches one
// on has seen whom it would have written to, or said that he need not.
package rules

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// item is a rule with the set that it belongs to.
type item struct {
	set  *mostradorv1.RuleSet
	rule *plgv1.MessageRule
}

// Screen is the list of rules, or the form of one.
type Screen struct {
	d       *ui.Desk
	content *fyne.Container
	list    fyne.CanvasObject
	shelf   *ui.Shelf[item]
	fresh   *ui.Button
	form    *form
	sets    []*mostradorv1.RuleSet
	names   map[string]string // of templates
	owners  map[string]string // the plug-ins that bring them
	tried   map[string]bool   // rules that were tried on the past as they are
	newest  ui.Latest
}

var weights = []float32{12, 33, 21, 16, 18}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, names: map[string]string{}, owners: map[string]string{}, tried: map[string]bool{}}
	s.shelf = ui.NewShelf(d, ui.ShelfConfig[item]{
		Hint: d.T("rules.filter"), None: d.T("rules.none"),
		Captions: ui.Captions(weights, d.T("rules.state"), d.T("rules.name"), d.T("rules.event"), d.T("rules.to"), d.T("rules.template")),
		Row:      newRow, Show: s.show, Open: func(i item) { s.begin(i.set, i.rule) }, Toggle: s.toggle,
		Words: func(i item) string {
			return i.rule.Name + " " + event(i.set, i.rule.Event) + " " + s.template(i.set, i.rule.Template)
		},
		Read: s.read,
	})
	s.fresh = ui.NewButton(d.T("rules.new"), "F5", ui.Primary, s.create)
	keys := ui.Caption(d.T("rules.keys"))
	s.list = ui.Frame(12, ui.Row(8, ui.Title(d.T("area.rules")), ui.Gap(6), keys, ui.Spring(), s.fresh), nil, s.shelf.Box, nil, nil)
	s.content = container.NewStack(s.list)
	return s
}

func (s *Screen) read(then func([]item, error)) {
	d := s.d
	ui.Ask(d, d.Model.Templates.List, &mostradorv1.ListTemplatesRequest{}, func(res *mostradorv1.ListTemplatesResponse, err error) {
		if err == nil {
			for _, t := range res.Templates {
				s.names[t.Id], s.owners[t.Id] = t.Name, t.Plugin
			}
		}
		ui.Ask(d, d.Model.Rules.List, &mostradorv1.ListRulesRequest{}, func(res *mostradorv1.ListRulesResponse, err error) {
			s.sets = res.GetSets()
			var all []item
			for _, set := range s.sets {
				for _, rule := range set.Rules {
					all = append(all, item{set, rule})
				}
			}
			then(all, err)
		})
	})
}

// event is the name of an event's type, or the type.
func event(set *mostradorv1.RuleSet, kind string) string {
	for _, e := range set.Events {
		if e.Type == kind {
			return e.Name
		}
	}
	return kind
}

// templateID is a template's id among all, for a rule that names a file of its own plug-in.
func (s *Screen) templateID(set *mostradorv1.RuleSet, name string) string {
	if _, known := s.names[name]; !known && name != "" {
		if _, known := s.names[set.Plugin+"/"+name]; known {
			return set.Plugin + "/" + name
		}
	}
	return name
}

// template is the name of a rule's template.
func (s *Screen) template(set *mostradorv1.RuleSet, name string) string {
	if known := s.names[s.templateID(set, name)]; known != "" {
		return known
	}
	return name
}

// row is one rule in the list.
type row struct {
	state                     *ui.Badge
	name, event, to, template *widget.Label
}

func newRow() fyne.CanvasObject {
	r := &row{ui.NewBadge(" ", ui.Quiet), ui.Cell(true), ui.Cell(false), ui.Cell(false), ui.Cell(false)}
	return ui.Hold(r, ui.Columns(4, weights, ui.Row(0, ui.Gap(9), r.state.Box), r.name, r.event, r.to, r.template), 6)
}

func (s *Screen) show(i item, o fyne.CanvasObject) {
	d, r := s.d, ui.Held[*row](o)
	switch {
	case d.Draft(draft(i.set.Setting, i.rule)) != nil:
		r.state.Set(d.T("unsaved"), ui.Warn)
	case i.rule.Enabled:
		r.state.Set(d.T("rules.on"), ui.Good)
	default:
		r.state.Set(d.T("rules.off"), ui.Quiet)
	}
	r.name.SetText(i.rule.Name)
	r.event.SetText(event(i.set, i.rule.Event))
	r.to.SetText(d.T("rules.to." + i.rule.To.String()))
	r.template.SetText(s.template(i.set, i.rule.Template))
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen. A form with something unsaved comes up again.
func (s *Screen) Show(string) {
	s.fresh.SetEnabled(s.may())
	if s.form != nil && s.form.dirty() {
		s.form.appear()
		return
	}
	s.toList("")
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shelf.Vanish(); s.newest.Next() }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case s.form != nil && ev.Name == fyne.KeyF5:
		s.form.submit(nil)
	case s.form != nil && ev.Name == fyne.KeyF7:
		s.form.rehearse()
	case s.form != nil && ev.Name == fyne.KeyEscape:
		s.form.leave()
	case ev.Name == fyne.KeyF5:
		s.create()
	case ev.Name == fyne.KeyEscape && s.shelf.Escape():
	default:
		return
	}
	ui.Take(ev)
}

// Shortcut implements ui.Shortcutter.
func (s *Screen) Shortcut(pressed fyne.Shortcut) bool {
	return s.form != nil && s.form.shortcut(pressed)
}

// Changed implements ui.Screen. A form that is being filled in is not disturbed.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged || s.form != nil {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_SETTING, mostradorv1.WatchResponse_KIND_PLUGIN, mostradorv1.WatchResponse_KIND_CATALOGUE:
		s.shelf.Load(nil)
	}
}

func (s *Screen) may() bool { return s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR) }

// toList shows the list; the rule of that id gets the highlight.
func (s *Screen) toList(id string) {
	s.form = nil
	s.fill(s.list)
	s.shelf.Appear()
	s.shelf.Load(func(i item) bool { return id != "" && i.rule.Id == id })
}

func (s *Screen) fill(o fyne.CanvasObject) {
	s.content.Objects = []fyne.CanvasObject{o}
	s.content.Refresh()
}

// create offers the recipes of the plug-ins, and an empty rule.
func (s *Screen) create() {
	d := s.d
	if !s.may() || d.TopModal() != nil {
		return
	}
	if len(s.sets) == 0 {
		d.Warn(d.T("rules.nowhere"))
		return
	}
	type start struct {
		set  *mostradorv1.RuleSet
		rule *plgv1.MessageRule
	}
	var options []ui.Option
	for _, set := range s.sets {
		detail := d.T("rules.empty.text")
		if len(s.sets) > 1 {
			detail = set.Name
		}
		empty := &plgv1.MessageRule{Name: s.shelf.Unknown(), To: plgv1.MessageRule_RECIPIENT_CUSTOMER, Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL}
		options = append(options, ui.Option{Label: d.T("rules.empty"), Detail: detail, Data: start{set, empty}})
		for _, r := range set.Recipes {
			rule := proto.CloneOf(r.Rule)
			rule.Id, rule.Enabled, rule.Recipe = "", false, r.Id
			options = append(options, ui.Option{Value: r.Id, Label: r.Name, Detail: r.Description, Data: start{set, rule}})
		}
	}
	ui.Pick(d, d.T("rules.new"), d.T("rules.recipes"), options, func(o ui.Option) {
		chosen := o.Data.(start)
		s.begin(chosen.set, chosen.rule)
	})
}

// fingerprint tells a rule as it is tried from any other; its name and whether it is on change nothing.
func fingerprint(setting string, r *plgv1.MessageRule) string {
	r = proto.CloneOf(r)
	r.Id, r.Name, r.Enabled = "", "", false
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return "" // texts of ours are UTF-8
	}
	return setting + "\x00" + string(data)
}

// toggle switches a rule on or off. One that goes on without having been tried as it is asks once.
func (s *Screen) toggle(i item) {
	if !s.may() || s.d.TopModal() != nil {
		return
	}
	rule := proto.CloneOf(i.rule)
	rule.Enabled = !rule.Enabled
	put := func() {
		ui.Ask(s.d, s.d.Model.Rules.Put, &mostradorv1.PutRuleRequest{Setting: i.set.Setting, Rule: rule}, func(res *mostradorv1.PutRuleResponse, err error) {
			if err != nil {
				s.d.Fail(s.d.Explain(err))
				return
			}
			said := s.d.T("rules.said.off", "name", rule.Name)
			if res.Rule.GetEnabled() {
				said = s.d.T("rules.said.on", "name", rule.Name)
			}
			s.d.Say(said)
			s.shelf.Load(func(other item) bool { return other.rule.Id == rule.Id })
		})
	}
	s.untried(i.set.Setting, rule, func() {
		s.begin(i.set, i.rule)
		s.form.rehearse()
	}, put)
}

// untried does what switches a rule on, after a question when it was never tried as it is.
func (s *Screen) untried(setting string, rule *plgv1.MessageRule, try, do func()) {
	mark := fingerprint(setting, rule)
	if !rule.Enabled || s.tried[mark] {
		do()
		return
	}
	d := s.d
	var m *ui.Modal
	cancel := ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() })
	on := ui.NewButton(d.T("rules.untried.on"), "", ui.Plain, func() { m.Close(); s.tried[mark] = true; do() })
	first := ui.NewButton(d.T("rules.try"), "", ui.Primary, func() { m.Close(); try() })
	m = d.NewModal(d.T("rules.untried.title"), 560, ui.Words(d.T("rules.untried.text", "name", strings.TrimSpace(rule.Name))), first, cancel, on, first)
}
