package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// draft is the name that an unsaved rule is kept by; a new one goes by its recipe.
func draft(setting string, r *plgv1.MessageRule) string {
	if r.Id == "" {
		return "rule " + setting + " +" + r.Recipe
	}
	return "rule " + setting + " " + r.Id
}

const (
	day = 24 * time.Hour
	// once is a period that nobody sees the end of.
	once = 100 * 365 * day
)

// periods are the usual answers to how often a customer may get the message.
var periods = []struct {
	name string
	span time.Duration
}{{"always", 0}, {"day", day}, {"week", 7 * day}, {"month", 30 * day}, {"quarter", 90 * day}, {"year", 365 * day}, {"once", once}}

// form makes a rule, or changes one.
type form struct {
	s       *Screen
	d       *ui.Desk
	set     *mostradorv1.RuleSet
	base    *plgv1.MessageRule
	content fyne.CanvasObject
	column  *fyne.Container

	enabled   *ui.Check
	condition *ui.Entry
	exit      *ui.Entry
	last      *ui.Entry // of the two, the one that had the focus last
	fields    map[string]*ui.Field
	look      *ui.Button
	wrong     *widget.Label
	fails     *fyne.Container
	kept      *ui.Badge
	saving    *ui.Button
	busy      bool
	filling   bool
	past      *past
}

// begin opens the form, with what was not saved the last time.
func (s *Screen) begin(set *mostradorv1.RuleSet, rule *plgv1.MessageRule) {
	s.shelf.Vanish()
	s.form = newForm(s, set, rule)
	s.fill(s.form.content)
	s.form.appear()
	s.form.load()
}

func newForm(s *Screen, set *mostradorv1.RuleSet, rule *plgv1.MessageRule) *form {
	d := s.d
	f := &form{s: s, d: d, set: set, base: proto.CloneOf(rule), fields: map[string]*ui.Field{}, past: newPast(d)}
	f.past.try.OnTapped = f.rehearse
	now := rule
	found, restored := d.Draft(draft(set.Setting, rule)).(*plgv1.MessageRule)
	if restored {
		now = found
	}
	f.enabled = ui.NewCheck(d.T("rules.enabled"), func(bool) { f.changed() })
	f.kept = ui.NewBadge("", ui.Warn)
	f.wrong = ui.Note("", widget.DangerImportance)
	f.fails = ui.Tight(f.wrong)
	f.fails.Hide()
	f.saving = ui.NewButton(d.T("save"), "F5", ui.Primary, func() { f.submit(nil) })
	head := ui.Row(8, ui.NewButton(d.T("area.rules"), "Esc", ui.Link, f.leave), ui.Spring(), f.kept.Box, f.enabled)
	if rule.Id != "" {
		remove := ui.NewButton(d.T("rules.delete"), "", ui.Danger, f.remove)
		remove.SetEnabled(s.may())
		head.Add(remove)
	}
	head.Add(f.saving)
	f.build(now)
	f.filling = true
	f.put(now)
	f.filling = false
	body := ui.Columns(14, []float32{56, 44}, ui.Card("", ui.Scrolled(f.column)), ui.Card("", f.past.content))
	f.content = ui.Frame(8, ui.Column(4, head, f.fails), nil, body, nil, nil)
	if restored {
		d.Warn(d.T("unsaved.restored"))
	}
	f.tell()
	return f
}

// ask makes a field of the form.
func (f *form) ask(name string, q ui.Question) *ui.Field {
	field := ui.NewQuestion(f.d, q, nil)
	field.OnChanged = f.changed
	f.fields[name] = field
	return field
}

// cel makes a box for a condition, with a way to what it may speak of.
func (f *form) cel(name, label, hint string) (*ui.Entry, fyne.CanvasObject) {
	e := ui.NewTextEntry(2)
	e.TextStyle.Monospace = true
	e.SetPlaceHolder(hint)
	e.OnChanged = func(string) { f.last = e; f.changed() }
	field := ui.NewField("", e)
	f.fields[name] = field
	head := ui.Row(4, ui.Text(label, ui.SizeCaption, true, ui.ColorMuted), ui.Spring(),
		ui.Pad(0, -8, ui.NewButton(f.d.T("rules.variables"), "Alt+T", ui.Link, func() { f.variables(e) })))
	return e, ui.Column(1, head, field.Box)
}

func choices[T any](list []T, one func(T) (value, label string)) []*mostradorv1.Choice {
	out := make([]*mostradorv1.Choice, len(list))
	for i, v := range list {
		value, label := one(v)
		out[i] = &mostradorv1.Choice{Value: value, Label: label}
	}
	return out
}

// build makes the fields, in the order in which one thinks of a rule: when, unless, to whom, what.
func (f *form) build(now *plgv1.MessageRule) {
	d := f.d
	part := func(name string, objects ...fyne.CanvasObject) *fyne.Container {
		return ui.Column(4, append([]fyne.CanvasObject{ui.Heading(name)}, objects...)...)
	}
	events := choices(f.set.Events, func(e *mostradorv1.RuleEvent) (string, string) { return e.Type, e.Name })
	if now.Event != "" && !slices.ContainsFunc(events, func(c *mostradorv1.Choice) bool { return c.Value == now.Event }) {
		events = append(events, &mostradorv1.Choice{Value: now.Event, Label: now.Event})
	}
	recipients := choices([]plgv1.MessageRule_Recipient{plgv1.MessageRule_RECIPIENT_CUSTOMER, plgv1.MessageRule_RECIPIENT_ADDRESSES, plgv1.MessageRule_RECIPIENT_EVENT},
		func(r plgv1.MessageRule_Recipient) (string, string) { return r.String(), d.T("rules.to." + r.String()) })
	kinds := choices([]plgv1.MessageKind{plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL},
		func(k plgv1.MessageKind) (string, string) { return k.String(), d.T("kind." + k.String()) })
	var often []*mostradorv1.Choice
	for _, p := range periods {
		often = append(often, &mostradorv1.Choice{Value: p.span.String(), Label: d.T("rules.once." + p.name)})
	}
	if span := now.OncePer.AsDuration().String(); !slices.ContainsFunc(often, func(c *mostradorv1.Choice) bool { return c.Value == span }) {
		often = append(often, &mostradorv1.Choice{Value: span, Label: d.T("rules.once.other", "span", d.SpanWords(span))})
	}

	name := f.ask("name", ui.Question{Type: "text", Label: d.T("rules.name"), Required: true})
	kind := f.ask("event", ui.Question{Type: "choice", Label: d.T("rules.event"), Choices: events, Required: true})
	var condition, exit fyne.CanvasObject
	f.condition, condition = f.cel("condition", d.T("rules.condition"), d.T("rules.condition.hint"))
	f.exit, exit = f.cel("exit_condition", d.T("rules.exit"), d.T("rules.exit.hint"))
	f.last = f.condition
	wait := f.ask("wait", ui.Question{Type: "span", Label: d.T("rules.wait"), Help: d.T("rules.wait.help")})
	at := f.ask("at", ui.Question{Type: "text", Label: d.T("rules.at"), Help: d.T("rules.at.help")})
	per := f.ask("once_per", ui.Question{Type: "choice", Label: d.T("rules.once"), Choices: often, Required: true})
	every := f.ask("repeat_every", ui.Question{Type: "span", Label: d.T("rules.repeat"), Help: d.T("rules.repeat.help")})
	times := f.ask("repeat_times", ui.Question{Type: "integer", Label: d.T("rules.times")})
	ends := f.ask("exit_events", ui.Question{Type: "choice", Many: true, Label: d.T("rules.exits"), Choices: events})
	to := f.ask("to", ui.Question{Type: "choice", Label: d.T("rules.to"), Choices: recipients, Required: true})
	addresses := f.ask("addresses", ui.Question{Type: "list", Label: d.T("rules.addresses")})
	sort := f.ask("kind", ui.Question{Type: "choice", Label: d.T("templates.kind"), Choices: kinds, Required: true})
	to.OnChanged = func() { f.fit(); f.changed() }
	sort.OnChanged = func() { f.fit(); f.changed() }
	text := f.ask("template", ui.Question{Type: "choice", Label: d.T("rules.template"), Choices: f.templates(now.Template), Required: true})
	f.look = ui.NewButton(d.T("rules.template.see"), "", ui.Plain, f.see)
	topic := f.ask("topic", ui.Question{Type: "choice", Label: d.T("rules.topic"), Choices: keep(nil, now.Topic)})
	promotion := f.ask("promotion", ui.Question{Type: "choice", Label: d.T("rules.promotion"), Choices: keep(nil, now.Promotion)})
	attach := f.ask("attach", ui.Question{Type: "yes_no", Label: d.T("rules.attach")})

	f.column = ui.Column(10,
		name.Box,
		part(d.T("rules.part.when"), kind.Box, condition, ui.Columns(12, []float32{1, 1}, wait.Box, at.Box)),
		part(d.T("rules.part.unless"), ends.Box, exit, per.Box, ui.Columns(12, []float32{1, 1}, every.Box, times.Box)),
		part(d.T("rules.part.who"), to.Box, addresses.Box),
		part(d.T("rules.part.what"), sort.Box, ui.Frame(8, nil, nil, text.Box, ui.Pad(0, 14, f.look), nil), topic.Box, promotion.Box, attach.Box))
}

// keep adds a value to choices that lack it, so that what a rule has stays.
func keep(list []*mostradorv1.Choice, value string) []*mostradorv1.Choice {
	if value == "" || slices.ContainsFunc(list, func(c *mostradorv1.Choice) bool { return c.Value == value }) {
		return list
	}
	return append(list, &mostradorv1.Choice{Value: value})
}

// templates are the choices of a text: those of the store, and the set's own plug-in's, which go by their file.
func (f *form) templates(current string) []*mostradorv1.Choice {
	var all []*mostradorv1.Choice
	for id, name := range f.s.names {
		if owner := f.s.owners[id]; owner != "" && owner != f.set.Plugin {
			continue
		}
		all = append(all, &mostradorv1.Choice{Value: strings.TrimPrefix(id, f.set.Plugin+"/"), Label: name})
	}
	slices.SortFunc(all, func(a, b *mostradorv1.Choice) int { return strings.Compare(a.Label, b.Label) })
	return keep(all, current)
}

// load reads topics and promotions, and puts them into their fields.
func (f *form) load() {
	d := f.d
	ui.Ask(d, d.Model.Subscriptions.Topics, &mostradorv1.ListTopicsRequest{}, func(res *mostradorv1.ListTopicsResponse, err error) {
		if err == nil {
			f.offer("topic", d.T("rules.topic.none"), choices(res.Topics, func(t *mostradorv1.Topic) (string, string) {
				if d.Text.Language() == "en" && t.NameEn != "" {
					return t.Id, t.NameEn
				}
				return t.Id, t.Name
			}))
		}
	})
	ui.Ask(d, d.Model.Promotions.List, &mostradorv1.ListPromotionsRequest{}, func(res *mostradorv1.ListPromotionsResponse, err error) {
		if err == nil {
			open := slices.DeleteFunc(res.Promotions, func(p *mostradorv1.Promotion) bool { return p.Retired })
			f.offer("promotion", d.T("rules.promotion.none"), choices(open, func(p *mostradorv1.Promotion) (string, string) { return p.Id, p.Name + ": " + p.Benefit }))
		}
	})
}

// offer replaces the choices of a field and leaves what is chosen.
func (f *form) offer(name, none string, list []*mostradorv1.Choice) {
	if f.s.form != f {
		return
	}
	field := f.fields[name]
	value := field.Value()
	in := ui.NewInput(f.d, ui.Spec{Type: "choice", Choices: keep(list, value), None: none}, value)
	in.OnChanged = f.changed
	field.Replace(in)
}

// put fills the fields.
func (f *form) put(r *plgv1.MessageRule) {
	span := func(d *durationpb.Duration) string {
		if d.AsDuration() == 0 {
			return ""
		}
		return d.AsDuration().String()
	}
	f.enabled.SetChecked(r.Enabled)
	f.condition.Quiet(r.Condition)
	f.exit.Quiet(r.ExitCondition)
	times := ""
	if r.RepeatTimes != 0 {
		times = f.d.Text.Number(float64(r.RepeatTimes))
	}
	attach := "false"
	if r.Attach {
		attach = "true"
	}
	for name, value := range map[string]string{"name": r.Name, "event": r.Event, "wait": span(r.Wait), "at": r.At, "once_per": r.OncePer.AsDuration().String(),
		"repeat_every": span(r.RepeatEvery), "repeat_times": times, "exit_events": strings.Join(r.ExitEvents, "\n"), "to": r.To.String(),
		"addresses": strings.Join(r.Addresses, "\n"), "kind": r.Kind.String(), "template": r.Template, "topic": r.Topic, "promotion": r.Promotion, "attach": attach} {
		f.fields[name].Input.Set(value)
	}
	f.fit()
}

// rule is what the form holds.
func (f *form) rule() *plgv1.MessageRule {
	value := func(name string) string { return f.fields[name].Value() }
	span := func(name string) *durationpb.Duration {
		if d, err := time.ParseDuration(value(name)); err == nil && d != 0 {
			return durationpb.New(d)
		}
		return nil
	}
	lines := func(name string) []string {
		return strings.FieldsFunc(value(name), func(r rune) bool { return r == '\n' })
	}
	r := proto.CloneOf(f.base)
	r.Name, r.Enabled, r.Event = value("name"), f.enabled.Checked, value("event")
	r.Condition, r.ExitCondition = strings.TrimSpace(f.condition.Text), strings.TrimSpace(f.exit.Text)
	r.Wait, r.At, r.OncePer, r.RepeatEvery = span("wait"), value("at"), span("once_per"), span("repeat_every")
	r.RepeatTimes = number(value("repeat_times"))
	r.ExitEvents = lines("exit_events")
	r.To = plgv1.MessageRule_Recipient(plgv1.MessageRule_Recipient_value[value("to")])
	r.Kind = plgv1.MessageKind(plgv1.MessageKind_value[value("kind")])
	r.Addresses, r.Topic = nil, ""
	if r.To == plgv1.MessageRule_RECIPIENT_ADDRESSES {
		r.Addresses = lines("addresses")
	}
	if r.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		r.Topic = value("topic")
	}
	r.Template, r.Promotion, r.Attach = value("template"), value("promotion"), value("attach") == "true"
	return r
}

// fit shows the fields that the others ask for.
func (f *form) fit() {
	f.fields["addresses"].Box.Hidden = f.fields["to"].Value() != plgv1.MessageRule_RECIPIENT_ADDRESSES.String()
	f.fields["topic"].Box.Hidden = f.fields["kind"].Value() != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL.String()
	if f.column != nil {
		f.column.Refresh()
	}
}

func (f *form) appear() { f.d.Window.Canvas().Focus(f.fields["name"].Focus()) }

// dirty tells whether there is anything to save.
func (f *form) dirty() bool {
	if f.base.Id == "" {
		return true
	}
	base := proto.CloneOf(f.base)
	if base.OncePer.AsDuration() == 0 {
		base.OncePer = nil
	}
	return !proto.Equal(base, f.rule())
}

// changed keeps what is written until it is saved.
func (f *form) changed() {
	if f.filling {
		return
	}
	if f.dirty() {
		f.d.Keep(draft(f.set.Setting, f.base), f.rule())
	} else {
		f.d.Keep(draft(f.set.Setting, f.base), nil)
	}
	f.fault("")
	for _, name := range []string{"condition", "exit_condition"} {
		f.fields[name].Say("")
	}
	if f.past.of != fingerprint(f.set.Setting, f.rule()) {
		f.past.stale()
	}
	f.tell()
}

// tell says whether there is something to save.
func (f *form) tell() {
	word := ""
	if f.base.Id != "" && f.dirty() || f.d.Draft(draft(f.set.Setting, f.base)) != nil {
		word = f.d.T("unsaved")
	}
	f.kept.Set(word, ui.Warn)
	f.saving.SetEnabled(f.s.may() && !f.busy)
	f.s.content.Refresh()
}

func (f *form) fault(text string) {
	f.wrong.SetText(text)
	f.fails.Hidden = text == ""
	f.s.content.Refresh()
}

// shortcut are the form's keys with Alt.
func (f *form) shortcut(pressed fyne.Shortcut) bool {
	c, ok := pressed.(*desktop.CustomShortcut)
	if !ok || c.Modifier != fyne.KeyModifierAlt || c.KeyName != fyne.KeyT {
		return false
	}
	e := f.last
	if focused, ok := f.d.Window.Canvas().Focused().(*ui.Entry); ok && focused == f.exit {
		e = f.exit
	}
	f.variables(e)
	return true
}

// variables lists what conditions may say of the event; the one that is chosen is written where the cursor is.
func (f *form) variables(e *ui.Entry) {
	d := f.d
	if d.TopModal() != nil {
		return
	}
	var options []ui.Option
	for _, ev := range f.set.Events {
		if ev.Type == f.fields["event"].Value() {
			for _, v := range ev.Variables {
				options = append(options, ui.Option{Value: v.Written, Label: v.Words, Detail: v.Written})
			}
		}
	}
	if len(options) == 0 {
		d.Warn(d.T("rules.variables.none"))
		return
	}
	ui.Pick(d, d.T("rules.variables"), d.T("rules.variables.hint"), options, func(o ui.Option) {
		d.Window.Canvas().Focus(e)
		e.Insert(o.Value)
	})
}

// see opens the template; what is not saved waits here.
func (f *form) see() {
	id := f.s.templateID(f.set, f.fields["template"].Value())
	if id == "" {
		f.fields["template"].Say(f.d.T("action.missing.value"))
		return
	}
	f.d.Nav.Go(ui.Templates, id)
}

func (f *form) leave() {
	if f.d.Draft(draft(f.set.Setting, f.base)) == nil {
		f.s.toList(f.base.Id)
		return
	}
	f.d.Unsaved(func() { f.submit(func() { f.s.toList(f.base.Id) }) }, func() {
		f.d.Keep(draft(f.set.Setting, f.base), nil)
		f.s.toList(f.base.Id)
	})
}

// check says at each field what is missing or cannot be read.
func (f *form) check() bool {
	for _, name := range []string{"name", "event", "wait", "once_per", "repeat_every", "repeat_times", "to", "kind", "template"} {
		if !f.fields[name].Check() {
			f.d.Window.Canvas().Focus(f.fields[name].Focus())
			return false
		}
	}
	return true
}

// submit saves the rule; then is called once it stands.
func (f *form) submit(then func()) {
	if f.busy || !f.s.may() || f.d.TopModal() != nil || !f.check() {
		return
	}
	rule := f.rule()
	save := func() {
		f.busy = true
		f.tell()
		ui.Ask(f.d, f.d.Model.Rules.Put, &mostradorv1.PutRuleRequest{Setting: f.set.Setting, Rule: rule}, func(res *mostradorv1.PutRuleResponse, err error) {
			f.busy = false
			if err != nil {
				f.tell()
				f.refused(err)
				return
			}
			f.d.Keep(draft(f.set.Setting, f.base), nil)
			f.base = proto.CloneOf(res.Rule)
			f.d.Say(f.d.T("rules.saved", "name", res.Rule.GetName()))
			f.tell()
			if then == nil {
				then = func() { f.s.toList(f.base.Id) }
			}
			then()
		})
	}
	if f.base.Enabled && f.base.Id != "" { // it runs already
		save()
		return
	}
	f.s.untried(f.set.Setting, rule, f.rehearse, save)
}

// refused puts what the host says at the fields that it speaks of.
func (f *form) refused(err error) {
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		f.fault(f.d.Explain(err))
		return
	}
	f.place(diags)
}

// place says diagnostics at their fields, and those without one above the form.
func (f *form) place(diags []*plgv1.Diagnostic) {
	var rest []string
	for _, diag := range slices.Backward(diags) {
		path := diag.Path[strings.LastIndex(diag.Path, ".")+1:]
		field := f.fields[path]
		if field == nil {
			rest = append(rest, ui.Sentence(diag))
			continue
		}
		field.Say(ui.Sentence(diag))
		f.d.Window.Canvas().Focus(field.Focus())
	}
	f.fault(strings.Join(rest, "\n"))
}

func (f *form) remove() {
	d := f.d
	d.Confirm(d.T("rules.delete.title", "name", f.base.Name), d.T("rules.delete.text"), d.T("rules.delete"), func() {
		ui.Ask(d, d.Model.Rules.Delete, &mostradorv1.DeleteRuleRequest{Setting: f.set.Setting, Id: f.base.Id}, func(_ *mostradorv1.DeleteRuleResponse, err error) {
			if err != nil {
				f.fault(d.Explain(err))
				return
			}
			d.Keep(draft(f.set.Setting, f.base), nil)
			f.s.toList("")
			d.Say(d.T("rules.deleted", "name", f.base.Name))
		})
	})
}

// number reads a whole number; nothing is none.
func number(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}
