// Package manifest reads a plugin's plugin.yaml: everything about a plugin that can be said without running
// it. The store draws its screens from it, the Configuration Guide takes its settings from it, and the
// interplay of plugins is resolved from its rules; a plugin that is not running is therefore fully known.
//
// Reading is strict. Parse looks at the YAML tree itself, so that every mistake (an unknown key, a number
// where a text belongs, a setting that bears another plugin's name) is reported together with the others,
// each with file, line and what to do about it. Anchors, aliases and tags are refused: a manifest says what
// it says, once. CEL expressions are kept as text here; package interplay of the host compiles them.
//
// The core's own settings are written in the same form and read by ParseSettings.
package manifest

import (
	"slices"
	"strings"
)

// Manifest is what one plugin.yaml says. It is read once and never changed.
type Manifest struct {
	// ID is "PLG" and four digits: "PLG0074".
	ID string `yaml:"id"`
	// Name is what people call the plugin.
	Name Text `yaml:"name"`
	// Description is one sentence or two for the screen of plugins.
	Description Text `yaml:"description"`
	// Version is the plugin's semantic version.
	Version string `yaml:"version"`
	// API lists the protocol versions that the plugin speaks. In YAML one number or a list.
	API Versions `yaml:"api"`
	// Runtime is what runs the program; empty for one that the system runs by itself.
	Runtime Runtime `yaml:"runtime"`
	// Permissions is what the plugin may read and do; see Allows.
	Permissions []string `yaml:"permissions"`
	// Settings are its entries in the Configuration Guide.
	Settings []Setting `yaml:"settings"`
	// Fields are what it adds to the customer.
	Fields []Field `yaml:"fields"`
	// Actions are its buttons.
	Actions []Action `yaml:"actions"`
	// Panels are its read-only blocks.
	Panels []Panel `yaml:"panels"`
	// Measures are the numbers that it keeps about each customer.
	Measures []Measure `yaml:"measures"`
	// Events says which events it handles and emits.
	Events Events `yaml:"events"`
	// Interplay holds its rules for what it means together with others.
	Interplay []Rule `yaml:"interplay"`
	// Requires and Conflicts name other plugins.
	Requires  []Dependency `yaml:"requires"`
	Conflicts []Dependency `yaml:"conflicts"`

	// File is the name that Parse was given, for messages.
	File string `yaml:"-"`
}

// Setting is one entry of the Configuration Guide.
type Setting struct {
	// Key is the name that the field knows it by, kept to the letter: "PLG0074TextoFile". It begins with the
	// plugin's id.
	Key string `yaml:"key"`
	// Path is where it stands in the tree, below the Guide's root. An element is a Spanish text, or a text
	// per language.
	Path []Text `yaml:"path"`
	Name Text   `yaml:"name"`
	Help Text   `yaml:"help"`
	Type Type   `yaml:"type"`
	// Default is the value while none is set: a text, a number (number), a boolean (yes_no) or a list of
	// texts (list). Without it a setting is empty (or no) until it is set.
	Default any `yaml:"default"`
	// Required refuses the empty value.
	Required bool `yaml:"required"`
	// Min and Max bound a value: number (the number), money ("10.00"), duration ("24h"), date ("2026-11-21"),
	// and for texts and lists the length in characters or items.
	Min any `yaml:"min"`
	Max any `yaml:"max"`
	// Whole refuses a number with decimals.
	Whole bool `yaml:"whole"`
	// Pattern is an RE2 expression that the whole text must match; PatternHint says in words what is asked.
	Pattern     string `yaml:"pattern"`
	PatternHint Text   `yaml:"pattern_hint"`
	// Choices are the values of a choice.
	Choices []Choice `yaml:"choices"`
	// Valid is a CEL condition over value and settings that a value must meet; ValidHint says in words what is
	// asked.
	Valid     Expression `yaml:"valid"`
	ValidHint Text       `yaml:"valid_hint"`
	// Validate has the running plugin asked about each value before it is taken.
	Validate bool `yaml:"validate"`
	// Scope is the narrowest for which a value may be set of its own; the store unless said otherwise.
	Scope Scope `yaml:"scope"`
	// Public lets every plugin read the value. A secret is never public.
	Public bool `yaml:"public"`
	// Recipes names a file of the package with ready rules for a message_rules (see ParseRecipes).
	Recipes string `yaml:"recipes"`
}

// Choice is one value of a choice and its name on screen.
type Choice struct {
	Value string `yaml:"value"`
	Name  Text   `yaml:"name"`
}

// Field is a field that a plugin adds to the customer.
type Field struct {
	// ID begins with the plugin's id in lower case: "plg0002_nivel".
	ID      string   `yaml:"id"`
	Name    Text     `yaml:"name"`
	Help    Text     `yaml:"help"`
	Type    Type     `yaml:"type"`
	Choices []Choice `yaml:"choices"`
	// Where it is shown; the form and the quick sheet unless said otherwise.
	Where    []Place `yaml:"where"`
	Required bool    `yaml:"required"`
	// ReadOnly leaves it to the plugin alone.
	ReadOnly bool `yaml:"read_only"`
	// Role is the least role that may edit it; cashier unless said otherwise.
	Role Role `yaml:"role"`
	// Min, Max, Whole, Pattern and Valid are as for a Setting.
	Min         any        `yaml:"min"`
	Max         any        `yaml:"max"`
	Whole       bool       `yaml:"whole"`
	Pattern     string     `yaml:"pattern"`
	PatternHint Text       `yaml:"pattern_hint"`
	Valid       Expression `yaml:"valid"`
	ValidHint   Text       `yaml:"valid_hint"`
}

// Action is a button of a plugin.
type Action struct {
	// ID is the name under which the plugin's code handles it.
	ID    string  `yaml:"id"`
	Name  Text    `yaml:"name"`
	Help  Text    `yaml:"help"`
	Where []Place `yaml:"where"`
	// Role is the least role that may press it; cashier unless said otherwise.
	Role Role `yaml:"role"`
	// Enabled is a CEL condition over customer, consent and settings; always when empty.
	Enabled Expression `yaml:"enabled"`
	// DisabledReason is shown while Enabled does not hold; the store has a general sentence for who gives none.
	DisabledReason Text `yaml:"disabled_reason"`
	// Confirm, when given, is asked before the action runs.
	Confirm Text        `yaml:"confirm"`
	Form    []FormField `yaml:"form"`
}

// FormField is one question of an action's form.
type FormField struct {
	ID string `yaml:"id"`
	// Name may be left out for a short_code: the store has a name for it.
	Name     Text     `yaml:"name"`
	Help     Text     `yaml:"help"`
	Type     Type     `yaml:"type"`
	Required bool     `yaml:"required"`
	Choices  []Choice `yaml:"choices"`
	// Min, Max, Whole and Pattern are as for a Setting.
	Min         any    `yaml:"min"`
	Max         any    `yaml:"max"`
	Whole       bool   `yaml:"whole"`
	Pattern     string `yaml:"pattern"`
	PatternHint Text   `yaml:"pattern_hint"`
}

// Panel is a read-only block that the plugin fills.
type Panel struct {
	ID    string  `yaml:"id"`
	Name  Text    `yaml:"name"`
	Where []Place `yaml:"where"`
	Kind  Kind    `yaml:"kind"`
}

// Measure is a number that a plugin keeps about each customer (points, a level), by which the store orders, finds
// and segments customers. It is kept by the plugin's own word and needs no permission.
type Measure struct {
	// ID is the name under which the plugin's code sets it: "puntos".
	ID   string `yaml:"id"`
	Name Text   `yaml:"name"`
	// Unit is what stands behind the number: "puntos", "€"; nothing when empty.
	Unit Text `yaml:"unit"`
}

// Events are the event types that a plugin handles and those that it emits. Its own begin with its id in
// lower case: "plg0002.points_expired". Those of other systems begin with "external."; "external.*" are all of these.
type Events struct {
	Handles []string `yaml:"handles"`
	Emits   []string `yaml:"emits"`
}

// Rule says what a target means while a condition holds.
type Rule struct {
	// When is a CEL condition over active("PLG0002") and settings.X; always while the plugin is active when
	// empty.
	When Expression `yaml:"when"`
	// Target is "customer.<field>", "action.<plugin>.<id>", "setting.<key>", or "message.<plugin>" for what a
	// plugin sends, with ".transactional" or ".promotional" behind it for one kind of that.
	Target string `yaml:"target"`
	Policy Policy `yaml:"policy"`
	// Reason is what the user reads beside the target.
	Reason Text `yaml:"reason"`

	// Line is where the rule begins in its file.
	Line int `yaml:"-"`
}

// Policy is what a rule asks. What it does not mention it leaves to others.
type Policy struct {
	Visible  *bool `yaml:"visible"`
	Editable *bool `yaml:"editable"`
	Required *bool `yaml:"required"`
	// Value is a CEL expression over customer, consent and settings that gives the target's value.
	Value Expression `yaml:"value"`
	// Send is a CEL condition over customer, consent and settings that must hold for a message to be sent.
	Send Expression `yaml:"send"`
}

// Dependency names another plugin and the versions meant. In YAML it is a text, "PLG0002 >=1.2.0 <2.0.0", or
// just "PLG0002".
type Dependency struct {
	ID string
	// Versions is empty for any.
	Versions Range
}

// Expression is the source of a CEL expression. In YAML it may also be a bare true, false or number.
type Expression string

// Type is what kind of value a setting, a field or a question of a form takes.
type Type string

// The types. Fields and forms know all but template_file, file, secret, list, duration and message_rules; only a
// form knows short_code.
const (
	// TypeText is one line.
	TypeText Type = "text"
	// TypeLongText may have many lines.
	TypeLongText Type = "long_text"
	// TypeNumber is a float64.
	TypeNumber Type = "number"
	// TypeMoney is an amount in the store's currency, as a decimal text: "10.50".
	TypeMoney Type = "money"
	// TypeYesNo is a boolean.
	TypeYesNo Type = "yes_no"
	// TypeChoice is one of Choices.
	TypeChoice Type = "choice"
	// TypeDuration is a text that time.ParseDuration reads: "72h".
	TypeDuration Type = "duration"
	// TypeDate is a day: "2026-11-21".
	TypeDate Type = "date"
	// TypeEmail is an address (RFC 5321).
	TypeEmail Type = "email"
	// TypePhone is a telephone number.
	TypePhone Type = "phone"
	// TypeURL is an absolute http or https address.
	TypeURL Type = "url"
	// TypeCountry is an ISO 3166-1 alpha-2 code: "ES".
	TypeCountry Type = "country"
	// TypeSecret is sealed where it is kept and never shown.
	TypeSecret Type = "secret"
	// TypeTemplateFile is the path of a message template.
	TypeTemplateFile Type = "template_file"
	// TypeFile is a file that the Configuration Guide keeps; the value is its path.
	TypeFile Type = "file"
	// TypeList is a list of texts.
	TypeList Type = "list"
	// TypeColor is "#rrggbb".
	TypeColor Type = "color"
	// TypeMessageRules is a list of rules that send messages (plgv1.MessageRule in protobuf's JSON).
	TypeMessageRules Type = "message_rules"
	// TypeShortCode is the four digits that the customer reads out.
	TypeShortCode Type = "short_code"
)

// Runtime is a program that runs plugins which are no programs of their own.
type Runtime string

// RuntimeNode is Node.js; such a package holds bin/any/main.js.
const RuntimeNode Runtime = "node"

// Scope is for whom a setting has a value.
type Scope string

// The scopes that a manifest may name, widest first.
const (
	ScopeStore Scope = "store"
	ScopeTill  Scope = "till"
)

// Place is where a field, a button or a panel stands.
type Place string

// The places.
const (
	// PlaceQuickSheet is the quick customer sheet (ficha rápida).
	PlaceQuickSheet Place = "quick_sheet"
	// PlaceForm is the form that registers or edits a customer.
	PlaceForm Place = "form"
	// PlaceList is the list of customers.
	PlaceList Place = "list"
	// PlaceMenu is the menu of the application.
	PlaceMenu Place = "menu"
	// PlaceReport is the screen of reports.
	PlaceReport Place = "report"
)

// Role is a rank among those who work at the store; each may do what the ones before it may.
type Role string

// The roles, least first.
const (
	RoleCashier       Role = "cashier"
	RoleOperator      Role = "operator"
	RoleTechnician    Role = "technician"
	RoleAdministrator Role = "administrator"
)

// Kind is how a panel is drawn.
type Kind string

// The kinds.
const (
	// KindRows is label and value, line by line; the usual one.
	KindRows Kind = "rows"
	// KindTable is a table.
	KindTable Kind = "table"
	// KindChart is data for a chart.
	KindChart Kind = "chart"
)

// Setting returns the setting of that key.
func (m *Manifest) Setting(key string) (*Setting, bool) {
	return find(m.Settings, func(s *Setting) bool { return s.Key == key })
}

// Action returns the action of that id.
func (m *Manifest) Action(id string) (*Action, bool) {
	return find(m.Actions, func(a *Action) bool { return a.ID == id })
}

// Panel returns the panel of that id.
func (m *Manifest) Panel(id string) (*Panel, bool) {
	return find(m.Panels, func(p *Panel) bool { return p.ID == id })
}

// Measure returns the measure of that id.
func (m *Manifest) Measure(id string) (*Measure, bool) {
	return find(m.Measures, func(x *Measure) bool { return x.ID == id })
}

// Handles tells whether the plugin wants events of that type.
func (m *Manifest) Handles(eventType string) bool {
	if strings.HasPrefix(eventType, external) && slices.Contains(m.Events.Handles, allExternal) {
		return true
	}
	return slices.Contains(m.Events.Handles, eventType)
}

// Emits tells whether the plugin may emit events of that type.
func (m *Manifest) Emits(eventType string) bool {
	return slices.Contains(m.Events.Emits, eventType)
}

// find returns a pointer to the first element for which is holds.
func find[T any](list []T, is func(*T) bool) (*T, bool) {
	for i := range list {
		if is(&list[i]) {
			return &list[i], true
		}
	}
	return nil, false
}
