package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxName is how long an identifier or a key may be, in bytes. The expressions do not say it themselves: a
// counted repetition is compiled into that many steps, and every plugin compiles them when it starts.
const maxName = 63

var (
	pluginID   = regexp.MustCompile(`^PLG[0-9]{4}$`)
	identifier = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	settingKey = regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`)
	eventName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	target     = regexp.MustCompile(`^(customer\.[a-z][a-z0-9_]*|action\.PLG[0-9]{4}\.[a-z][a-z0-9_]*|setting\.[A-Z][A-Za-z0-9]*|message\.PLG[0-9]{4}(\.transactional|\.promotional)?)$`)
)

// coreEvents are the types that the store itself writes (sdk/proto).
var coreEvents = []string{
	"customer.registered", "customer.changed", "consent.given", "consent.withdrawn", "sale.completed",
	"sale.refunded", "scheduled", "customer.merged", "customer.unmerged", "customer.erased", "segment.joined",
	"segment.left", "campaign.converted", "subscription.changed", "subscription.reason", "delivery.alert",
}

// Events of other systems: what their types begin with, and what stands for all of them.
const (
	external    = "external."
	allExternal = external + "*"
)

var externalEvent = regexp.MustCompile(`^external(\.[a-z][a-z0-9_]*)+$`)

// maxMeasures is how many numbers a plugin may keep about each customer: each is kept for all of them.
const maxMeasures = 8

var (
	settingTypes = []Type{TypeText, TypeLongText, TypeNumber, TypeMoney, TypeYesNo, TypeChoice, TypeDuration,
		TypeDate, TypeEmail, TypePhone, TypeURL, TypeCountry, TypeSecret, TypeTemplateFile, TypeFile, TypeList, TypeColor,
		TypeMessageRules}
	fieldTypes = []Type{TypeText, TypeLongText, TypeNumber, TypeMoney, TypeYesNo, TypeChoice, TypeDate,
		TypeEmail, TypePhone, TypeURL, TypeCountry, TypeColor}
	formTypes = append(slices.Clone(fieldTypes), TypeShortCode)

	places     = []Place{PlaceQuickSheet, PlaceForm, PlaceList, PlaceMenu, PlaceReport}
	roles      = []Role{RoleCashier, RoleOperator, RoleTechnician, RoleAdministrator}
	panelKinds = []Kind{KindRows, KindTable, KindChart}
	runtimes   = []Runtime{RuntimeNode}
	scopes     = []Scope{ScopeStore, ScopeTill}
)

// Parse reads a plugin.yaml. file is the name that errors bear. What is wrong comes back as one *Error with
// all the problems.
func Parse(data []byte, file string) (*Manifest, error) {
	m := &Manifest{File: file}
	var d decoder
	d.read(data, m)
	if len(d.problems) == 0 { // what did not decode would only be reported twice
		d.manifest(m)
	}
	if err := d.err(file); err != nil {
		return nil, err
	}
	return m, nil
}

// ParseSettings reads a file that holds nothing but `settings:`, such as the core's own catalogue. Its keys
// bear no plugin's id.
func ParseSettings(data []byte, file string) ([]Setting, error) {
	var v struct {
		Settings []Setting `yaml:"settings"`
	}
	var d decoder
	d.read(data, &v)
	if len(d.problems) == 0 {
		d.settings(v.Settings, "")
	}
	if err := d.err(file); err != nil {
		return nil, err
	}
	return v.Settings, nil
}

// ParseRules reads a file that holds nothing but `interplay:`, such as the rules of the house itself.
func ParseRules(data []byte, file string) ([]Rule, error) {
	var v struct {
		Interplay []Rule `yaml:"interplay"`
	}
	var d decoder
	d.read(data, &v)
	if len(d.problems) == 0 {
		for i := range v.Interplay {
			d.rule(&v.Interplay[i], fmt.Sprintf("interplay[%d]", i))
		}
	}
	if err := d.err(file); err != nil {
		return nil, err
	}
	return v.Interplay, nil
}

// manifest checks what the shape alone does not say, and fills in what may be left out.
func (d *decoder) manifest(m *Manifest) {
	switch {
	case m.ID == "":
		d.problem("id", "is missing: add the plugin's id, like id: PLG0074")
	case !pluginID.MatchString(m.ID):
		d.problem("id", "%q must be PLG and four digits, like PLG0074", m.ID)
	}
	if m.Name.Empty() {
		d.problem("name", "is missing: add name: {es: ..., en: ...}")
	}
	switch {
	case m.Version == "":
		d.problem("version", "is missing: add a semantic version, like version: 1.0.0")
	case !ValidVersion(m.Version):
		d.problem("version", "%q is no semantic version: write three numbers, like 1.0.0", m.Version)
	}
	if len(m.API) == 0 {
		d.problem("api", "is missing: add the protocol version that the plugin speaks, like api: 1")
	}
	if m.Runtime != "" {
		known(d, m.Runtime, runtimes, "runtime")
	}
	d.permissions(m)
	d.settings(m.Settings, m.ID)
	d.fields(m)
	d.actions(m)
	for i := range m.Panels {
		p, at := &m.Panels[i], fmt.Sprintf("panels[%d]", i)
		d.identifier(p.ID, at)
		d.once(slices.ContainsFunc(m.Panels[:i], func(o Panel) bool { return o.ID == p.ID }), at+".id", p.ID)
		d.named(p.Name, at)
		defaults(&p.Where, PlaceQuickSheet)
		d.standing(p.Where, at)
		if p.Kind == "" {
			p.Kind = KindRows
		}
		known(d, p.Kind, panelKinds, at+".kind")
	}
	d.measures(m)
	d.events(m)
	for i := range m.Interplay {
		d.rule(&m.Interplay[i], fmt.Sprintf("interplay[%d]", i))
	}
	for i, dep := range m.Requires {
		at := fmt.Sprintf("requires[%d]", i)
		if dep.ID == m.ID {
			d.problem(at, "a plugin cannot require itself")
		}
		if slices.ContainsFunc(m.Conflicts, func(c Dependency) bool { return c.ID == dep.ID && len(c.Versions) == 0 }) {
			d.problem(at, "%s is required and a conflict at once", dep.ID)
		}
	}
	for i, dep := range m.Conflicts {
		if dep.ID == m.ID {
			d.problem(fmt.Sprintf("conflicts[%d]", i), "a plugin cannot conflict with itself")
		}
	}
}

// settings checks entries of the Guide. owner is the plugin's id, or empty for the core.
func (d *decoder) settings(list []Setting, owner string) {
	for i := range list {
		s, at := &list[i], fmt.Sprintf("settings[%d]", i)
		switch {
		case s.Key == "":
			d.problem(at+".key", "is missing: add a key%s", example(owner))
		case len(s.Key) > maxName || !settingKey.MatchString(s.Key):
			d.problem(at+".key", "%q must be letters and digits that begin with a capital%s", s.Key, example(owner))
		case owner != "" && (!strings.HasPrefix(s.Key, owner) || len(s.Key) == len(owner)):
			d.problem(at+".key", "%q must begin with the plugin's id%s", s.Key, example(owner))
		case owner == "" && len(s.Key) >= 7 && pluginID.MatchString(s.Key[:7]):
			d.problem(at+".key", "%q bears a plugin's id: the core's keys bear none", s.Key)
		}
		d.once(slices.ContainsFunc(list[:i], func(o Setting) bool { return o.Key == s.Key }), at+".key", s.Key)
		if len(s.Path) == 0 {
			d.problem(at+".path", "is missing: say where it stands in the Guide, like path: [Plug-Ins, Promociones]")
		}
		d.named(s.Name, at)
		d.typed(s.Type, settingTypes, s.Choices, at)
		d.value(s, at)
		d.bounds(s.Type, s.Min, s.Max, s.Whole, at)
		d.pattern(s.Type, s.Pattern, s.PatternHint, at)
		d.valid(s.Type, s.Valid, s.ValidHint, at)
		if s.Validate && owner == "" {
			d.problem(at+".validate", "there is no plugin to ask about a setting of the core: take it away")
		}
		if s.Scope == "" {
			s.Scope = ScopeStore
		}
		known(d, s.Scope, scopes, at+".scope")
		switch {
		case s.Recipes == "":
		case s.Type != TypeMessageRules:
			d.problem(at+".recipes", "only message_rules have recipes: take it away")
		case !packageFile(s.Recipes):
			d.problem(at+".recipes", "%q must be a file of the package, like recipes.yaml", s.Recipes)
		}
		if s.Public && s.Type == TypeSecret {
			d.problem(at+".public", "a secret is never public: take it away")
		}
	}
}

// fields checks what the plugin adds to the customer.
func (d *decoder) fields(m *Manifest) {
	prefix := strings.ToLower(m.ID) + "_"
	for i := range m.Fields {
		f, at := &m.Fields[i], fmt.Sprintf("fields[%d]", i)
		d.identifier(f.ID, at)
		if f.ID != "" && !strings.HasPrefix(f.ID, prefix) {
			d.problem(at+".id", "%q must begin with the plugin's id in lower case, like %snivel", f.ID, prefix)
		}
		d.once(slices.ContainsFunc(m.Fields[:i], func(o Field) bool { return o.ID == f.ID }), at+".id", f.ID)
		d.named(f.Name, at)
		d.typed(f.Type, fieldTypes, f.Choices, at)
		defaults(&f.Where, PlaceForm, PlaceQuickSheet)
		d.standing(f.Where, at)
		d.role(&f.Role, at)
		d.bounds(f.Type, f.Min, f.Max, f.Whole, at)
		d.pattern(f.Type, f.Pattern, f.PatternHint, at)
		d.valid(f.Type, f.Valid, f.ValidHint, at)
	}
}

// actions checks the buttons and their forms.
func (d *decoder) actions(m *Manifest) {
	for i := range m.Actions {
		a, at := &m.Actions[i], fmt.Sprintf("actions[%d]", i)
		d.identifier(a.ID, at)
		d.once(slices.ContainsFunc(m.Actions[:i], func(o Action) bool { return o.ID == a.ID }), at+".id", a.ID)
		d.named(a.Name, at)
		defaults(&a.Where, PlaceQuickSheet)
		d.standing(a.Where, at)
		d.role(&a.Role, at)
		if a.Enabled == "" && len(a.DisabledReason) > 0 {
			d.problem(at+".disabled_reason", "is never shown without enabled: add it or take this away")
		}
		for j := range a.Form {
			f, at := &a.Form[j], fmt.Sprintf("%s.form[%d]", at, j)
			d.identifier(f.ID, at)
			d.once(slices.ContainsFunc(a.Form[:j], func(o FormField) bool { return o.ID == f.ID }), at+".id", f.ID)
			if f.Type != TypeShortCode {
				d.named(f.Name, at)
			}
			d.typed(f.Type, formTypes, f.Choices, at)
			d.bounds(f.Type, f.Min, f.Max, f.Whole, at)
			d.pattern(f.Type, f.Pattern, f.PatternHint, at)
		}
	}
}

// measures checks the numbers that the plugin keeps.
func (d *decoder) measures(m *Manifest) {
	if len(m.Measures) > maxMeasures {
		d.problem("measures", "there are %d: keep to %d", len(m.Measures), maxMeasures)
	}
	for i := range m.Measures {
		x, at := &m.Measures[i], fmt.Sprintf("measures[%d]", i)
		d.identifier(x.ID, at)
		d.once(slices.ContainsFunc(m.Measures[:i], func(o Measure) bool { return o.ID == x.ID }), at+".id", x.ID)
		d.named(x.Name, at)
	}
}

// events checks what the plugin handles and emits.
func (d *decoder) events(m *Manifest) {
	own := strings.ToLower(m.ID) + "."
	for i, e := range m.Events.Handles {
		at := fmt.Sprintf("events.handles[%d]", i)
		if !slices.Contains(coreEvents, e) && !pluginEvent(e) && e != allExternal && !externalEvent.MatchString(e) {
			d.problem(at, "unknown event %q: use one of %s, another system's, like external.cart.abandoned or external.*, "+
				"or a plugin's, like plg0002.points_expired", e, strings.Join(coreEvents, ", "))
		}
		d.once(slices.Contains(m.Events.Handles[:i], e), at, e)
	}
	for i, e := range m.Events.Emits {
		at := fmt.Sprintf("events.emits[%d]", i)
		if !strings.HasPrefix(e, own) || !pluginEvent(e) {
			d.problem(at, "%q must begin with %s, like %spoints_expired", e, own, own)
		}
		d.once(slices.Contains(m.Events.Emits[:i], e), at, e)
	}
}

// pluginEvent tells whether e is named like a plugin's own event.
func pluginEvent(e string) bool {
	plugin, name, _ := strings.Cut(e, ".")
	return pluginID.MatchString(strings.ToUpper(plugin)) && plugin == strings.ToLower(plugin) && eventName.MatchString(name)
}

// rule checks one rule of interplay.
func (d *decoder) rule(r *Rule, at string) {
	switch {
	case r.Target == "":
		d.problem(at+".target", "is missing: say what the rule governs, like target: customer.aplica_promociones")
	case !target.MatchString(r.Target):
		d.problem(at+".target",
			"%q must be customer.<field>, action.<plugin>.<id>, setting.<key> or message.<plugin>", r.Target)
	}
	p := r.Policy
	shown := []struct {
		name string
		says bool
	}{{"visible", p.Visible != nil}, {"editable", p.Editable != nil}, {"required", p.Required != nil}}
	asks := p.Value != "" || p.Send != ""
	message := strings.HasPrefix(r.Target, "message.")
	for _, s := range shown {
		asks = asks || s.says
		if s.says && message {
			d.problem(at+".policy."+s.name, "a message is not on screen: say send, or take this away")
		}
	}
	if !asks {
		d.problem(at+".policy", "asks nothing: say visible, editable, required or value, or send for a message")
	}
	if p.Value != "" && !strings.HasPrefix(r.Target, "customer.") {
		d.problem(at+".policy.value", "only a field of the customer has a value: take it away")
	}
	if p.Send != "" && !message {
		d.problem(at+".policy.send", "only a message is sent: take it away")
	}
	if r.Reason.Empty() {
		d.problem(at+".reason", "is missing: say to the user why, as reason: {es: ..., en: ...}")
	}
}

// identifier checks a name within the plugin.
func (d *decoder) identifier(id, at string) {
	switch {
	case id == "":
		d.problem(at+".id", "is missing: add an id in lower case, like id: reenviar")
	case len(id) > maxName || !identifier.MatchString(id):
		d.problem(at+".id", "%q must be lower-case letters, digits and _, like reenviar", id)
	}
}

// once reports a name that is there twice.
func (d *decoder) once(twice bool, at, name string) {
	if twice && name != "" {
		d.problem(at, "%q is there twice: keep one", name)
	}
}

// named reports a thing without a name.
func (d *decoder) named(name Text, at string) {
	if name.Empty() {
		d.problem(at+".name", "is missing: add name: {es: ..., en: ...}")
	}
}

// typed checks a type and that choices are there when, and only when, it is a choice.
func (d *decoder) typed(t Type, allowed []Type, choices []Choice, at string) {
	if t == "" {
		d.problem(at+".type", "is missing: use one of %s", list(allowed))
	} else {
		known(d, t, allowed, at+".type")
	}
	switch {
	case t == TypeChoice && len(choices) == 0:
		d.problem(at+".choices", "is missing: a choice needs values to choose from")
	case t != TypeChoice && len(choices) > 0:
		d.problem(at+".choices", "is for type choice only: take it away")
	}
	for i, c := range choices {
		at := fmt.Sprintf("%s.choices[%d]", at, i)
		if c.Value == "" {
			d.problem(at+".value", "is missing")
		}
		d.named(c.Name, at)
		d.once(slices.ContainsFunc(choices[:i], func(o Choice) bool { return o.Value == c.Value }), at+".value", c.Value)
	}
}

// standing checks where a thing stands.
func (d *decoder) standing(where []Place, at string) {
	for i, p := range where {
		known(d, p, places, fmt.Sprintf("%s.where[%d]", at, i))
	}
}

// role checks a role; who says none means everybody who works at the store.
func (d *decoder) role(r *Role, at string) {
	if *r == "" {
		*r = RoleCashier
	}
	known(d, *r, roles, at+".role")
}

// known checks that v is one of a list.
func known[T ~string](d *decoder, v T, allowed []T, at string) {
	if !slices.Contains(allowed, v) {
		d.problem(at, "unknown %q: use one of %s", string(v), list(allowed))
	}
}

// list writes words with commas between them.
func list[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

// defaults fills in the places of a thing that names none.
func defaults(where *[]Place, usual ...Place) {
	if len(*where) == 0 {
		*where = usual
	}
}

// example shows a good key.
func example(owner string) string {
	if owner == "" {
		return ", like TiendaNombre"
	}
	return ", like " + owner + "TextoFile"
}
