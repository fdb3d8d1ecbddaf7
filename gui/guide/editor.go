package guide

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// editor changes one setting: at one scope at a time, with what every scope says above.
type editor struct {
	d       *ui.Desk
	setting *mostradorv1.Setting
	at      place // where what is saved will stand
	content fyne.CanvasObject
	focus   fyne.Focusable
	message *widget.Label
	button  *ui.Button // saves
	clear   *ui.Button // takes the value of the scope away
	scopes  *scopes
	tills   *fyne.Container // which till, when others have values of their own
	whose   *widget.Label   // says for whom the value below is
	edit    fyne.CanvasObject
	fixed   *widget.Label // the default, or a value that nobody can change
	body    *fyne.Container
	scroll  *container.Scroll

	set    func(string)           // puts a value into the control; nil when the control keeps what it has
	value  func() (string, error) // what the control holds
	text   func() *string         // the text of a template; nil for other types
	data   func() []byte          // the content of a file; nil for other types
	saved  func(*mostradorv1.Setting)
	placed func()            // called once the editor has its size; may be nil
	rules  fyne.CanvasObject // what gives way to a message; may be nil
	dirty  bool
	busy   bool
}

func newEditor(d *ui.Desk, setting *mostradorv1.Setting, at place, saved func(*mostradorv1.Setting)) *editor {
	e := &editor{d: d, setting: setting, at: at, saved: saved, message: ui.Note("", widget.DangerImportance)}
	e.button = ui.NewButton(d.T("save"), "F5", ui.Primary, e.save)
	e.clear = ui.NewButton(d.T("guide.clear"), "", ui.Plain, e.unset)
	e.whose = ui.Note("", widget.MediumImportance)
	e.whose.TextStyle.Bold = true
	e.fixed = ui.Words("")
	e.scopes = newScopes(d, setting, at, e.choose)
	e.tills = ui.Row(8)
	e.otherTills()

	head := e.head()
	head.Add(ui.Gap(1))
	head.Add(e.scopes)
	head.Add(ui.Frame(8, nil, nil, ui.Tight(e.whose), e.tills, nil))
	buttons := ui.Column(4, ui.Row(8, e.button, e.clear))
	if strings.HasPrefix(setting.Key, mailPrefix) {
		buttons.Add(ui.Row(0, ui.NewButton(d.T("guide.test"), "", ui.Plain, e.sendTest)))
	}
	rule := ui.Tight(ui.Note(e.rule(), widget.LowImportance))
	visible(rule, e.rule() != "")
	message := ui.Tight(e.message)
	switch setting.Type {
	case "template_file":
		e.edit = e.template()
	case "file":
		e.edit = e.file()
	default:
		e.edit = e.input()
	}
	e.body = container.NewStack(e.edit, ui.Tight(e.fixed))
	if e.whole() { // its texts get all the room that there is
		foot := ui.Column(4, ui.Least(0, 22, container.NewStack(rule, message)), buttons)
		e.rules = rule
		e.scroll = ui.Scrolled(ui.Card("", ui.Frame(8, head, nil, e.body, nil, foot)))
	} else {
		foot := ui.Column(4, rule, ui.Least(0, 22, message), buttons)
		e.scroll = ui.Scrolled(ui.Frame(0, ui.Card("", ui.Column(10, head, e.body, foot)), nil, nil, nil, nil))
	}
	e.content = e.scroll
	e.look()
	return e
}

// whole tells whether the value is a text that fills the screen. It is shown whether it is locked or not.
func (e *editor) whole() bool { return e.setting.Type == "template_file" || e.setting.Type == "file" }

// head says what the setting is, and what a person should know about it now.
func (e *editor) head() *fyne.Container {
	d, s := e.d, e.setting
	head := ui.Column(6,
		ui.Tight(ui.Note(strings.Join(s.Path, "  >  "), widget.LowImportance)),
		ui.Tight(title(s.Name)),
		ui.Caption("{"+s.Key+"}   ·   "+d.T("guide.owner", "owner", e.owner())))
	if s.Help != "" {
		head.Add(ui.Tight(ui.Words(s.Help)))
	}
	if s.Reason != "" || s.ReadOnly {
		reason := s.Reason
		if reason == "" {
			reason = d.T("guide.locked")
		}
		head.Add(notice(ui.ColorSoft, widget.MediumImportance, reason))
	}
	if s.Warning != "" {
		head.Add(notice(ui.ColorWarnBg, widget.WarningImportance, s.Warning))
	}
	return head
}

func notice(ground fyne.ThemeColorName, weight widget.Importance, text string) fyne.CanvasObject {
	words := ui.Words(text)
	words.Importance = weight
	return ui.Panel(ground, 8, ui.Pad(8, 2, words))
}

func title(name string) *widget.Label {
	l := ui.Words(name)
	l.SizeName = theme.SizeNameSubHeadingText
	l.TextStyle.Bold = true
	return l
}

func (e *editor) owner() string {
	if e.setting.Owner == "core" {
		return e.d.T("guide.core")
	}
	return e.setting.Owner
}

// rule says what a value must be.
func (e *editor) rule() string {
	rule := sentence(strings.TrimSuffix(e.setting.Rule, "."))
	switch {
	case !e.setting.Required:
		return rule
	case rule == "":
		return e.d.T("guide.required")
	}
	return e.d.T("guide.required") + "  ·  " + rule
}

// otherTills offers the tills that have values of their own, beside the one where the person stands.
func (e *editor) otherTills() {
	if e.setting.Narrowest != scopeTill {
		return
	}
	here := e.d.Model.Till()
	tills := []string{here}
	for _, v := range e.setting.Values {
		if v.Scope == scopeTill && v.Till != here {
			tills = append(tills, v.Till)
		}
	}
	if len(tills) == 1 {
		return
	}
	labels := make([]string, len(tills))
	current := 0
	for i, till := range tills {
		labels[i] = place{scopeTill, till}.name(e.d)
		if till == here {
			labels[i] = e.d.T("guide.scope.here", "till", till)
		} else if v, set := said(e.setting, place{scopeTill, till}); set {
			labels[i] += ": " + cut(show(e.d, e.setting, v), 16)
		}
		if e.at == (place{scopeTill, till}) {
			current = i
		}
	}
	pick := ui.NewSelect("", labels, nil)
	pick.SetSelectedIndex(current)
	pick.OnChanged = func(string) {
		at := place{scopeTill, tills[pick.SelectedIndex()]}
		e.scopes.show(at)
		e.choose(at)
	}
	e.tills.Add(ui.Boxed(pick))
}

// choose goes to another scope. What has been typed goes along; otherwise what holds there is shown.
func (e *editor) choose(at place) {
	e.at = at
	if !e.dirty && e.set != nil {
		e.set(text(holds(e.setting, at)))
	}
	e.say("")
	e.look()
}

// look shows what can be done at the scope that is chosen.
func (e *editor) look() {
	d, s := e.d, e.setting
	name := e.at.name(d)
	_, set := said(s, e.at)
	e.tills.Hide()
	if e.at.scope == scopeTill && len(e.tills.Objects) > 0 {
		e.tills.Show()
	}
	locked := s.ReadOnly || e.at.scope == scopeDefault
	edit := !locked || e.whole() && e.at.scope != scopeDefault
	visible(e.button, !locked)
	visible(e.clear, !locked && set)
	visible(e.edit, edit)
	visible(e.fixed, !edit)
	switch {
	case e.at.scope == scopeDefault:
		e.whose.SetText(d.T("guide.whose.default"))
		e.fixed.SetText(show(d, s, s.Default))
	case s.ReadOnly:
		e.whose.SetText(d.T("guide.whose.locked"))
		e.fixed.SetText(show(d, s, s.Value))
	case set && s.Scope > e.at.scope:
		e.whose.SetText(d.T("guide.whose.other", "scope", name, "from", place{s.Scope, d.Model.Till()}.name(d)))
	case set:
		e.whose.SetText(d.T("guide.whose", "scope", name))
	case e.from().scope == scopeDefault:
		e.whose.SetText(d.T("guide.whose.fallback", "scope", name))
	default:
		e.whose.SetText(d.T("guide.whose.none", "scope", name, "from", e.from().name(d)))
	}
	if e.body != nil {
		e.content.Refresh()
	}
}

// from is where the value that holds at the chosen scope comes from.
func (e *editor) from() place {
	for scope := e.at.scope; scope > scopeDefault; scope-- {
		if _, set := said(e.setting, place{scope, e.at.till}); set {
			return place{scope, e.at.till}
		}
	}
	return place{scope: scopeDefault}
}

func visible(o fyne.CanvasObject, on bool) {
	if on {
		o.Show()
	} else {
		o.Hide()
	}
}

// input is the control for the setting's type.
func (e *editor) input() fyne.CanvasObject {
	s := e.setting
	spec := ui.Spec{Type: s.Type, Choices: s.Choices, Label: e.d.T("guide.on"), Open: true}
	if s.Type == "secret" {
		spec.Hint = e.d.T("guide.secret.none")
		if s.IsSet {
			spec.Hint = e.d.T("guide.secret.set")
		}
	}
	start := text(holds(s, e.at))
	if s.Type == "secret" {
		start = ""
	}
	in := ui.NewInput(e.d, spec, start)
	in.OnChanged = e.touched
	in.OnSubmitted = e.save
	e.focus, e.placed, e.value = in.Focus, in.OnPlaced, in.Value
	if s.Type != "secret" {
		e.set = in.Set
	}
	width := float32(560)
	switch s.Type {
	case "number", "money", "duration", "date", "phone":
		width = 300
	}
	return ui.Most(width, in.Box)
}

func (e *editor) touched() {
	e.dirty = true
	e.say("")
}

// takeFocus goes to where the person goes on: the value, or the scopes where that cannot be changed.
func (e *editor) takeFocus() {
	if e.scopes != nil && !e.button.Visible() {
		e.d.Window.Canvas().Focus(e.scopes)
		return
	}
	e.d.Window.Canvas().Focus(e.focus)
}

// save sends the value; a refusal stays beside the field and nothing changes.
func (e *editor) save() {
	if e.busy || !e.button.Visible() || e.button.Disabled() || e.d.TopModal() != nil {
		return
	}
	typed, err := e.value()
	if err != nil {
		e.say(err.Error()) // a sentence of ours
		e.d.Window.Canvas().Focus(e.focus)
		return
	}
	req := &mostradorv1.SetSettingRequest{Value: value(e.setting.Type, typed)}
	if e.text != nil {
		req.Content = e.text()
	}
	if e.data != nil && len(e.data()) > 0 {
		req.Data = e.data()
	}
	e.send(req)
}

// unset takes the value of the scope away, so that the next wider one holds.
func (e *editor) unset() {
	if e.busy || !e.clear.Visible() || e.d.TopModal() != nil {
		return
	}
	e.send(&mostradorv1.SetSettingRequest{Clear: true})
}

func (e *editor) send(req *mostradorv1.SetSettingRequest) {
	req.Key, req.Language, req.Scope, req.Till = e.setting.Key, e.d.Model.Language(), e.at.scope, e.at.till
	e.busy = true
	e.button.Disable()
	ui.Ask(e.d, e.d.Model.Settings.Set, req, func(res *mostradorv1.SetSettingResponse, err error) {
		e.busy = false
		e.button.Enable()
		if err != nil {
			e.say(Reasons(e.d, err))
			e.takeFocus()
			return
		}
		e.dirty = false
		e.saved(res.Setting)
	})
}

func (e *editor) say(text string) {
	if e.message.Text != text {
		e.message.SetText(text)
		if e.rules != nil {
			visible(e.rules, text == "" && e.rule() != "")
		}
		e.content.Refresh()
		if text != "" && e.rules == nil {
			e.scroll.ScrollToBottom() // where the message stands
		}
	}
}
