package interplay

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"

	"mostrador/sdk/manifest"
)

// Condition is a compiled `valid:` of a setting or a field. It may be used by many.
type Condition struct{ test *expression }

// Compile compiles the condition on values of a type. It may speak of value (a number for type number, a
// yes/no for yes_no, a list of texts for list, otherwise a text) and of settings.KEY.
func Compile(source manifest.Expression, t manifest.Type) (*Condition, error) {
	test, err := (&compiler{value: valueType(t)}).condition(source)
	if err != nil {
		return nil, err
	}
	return &Condition{test}, nil
}

// valueType is how expressions see values of a type.
func valueType(t manifest.Type) *cel.Type {
	switch t {
	case manifest.TypeNumber:
		return cel.DoubleType
	case manifest.TypeYesNo:
		return cel.BoolType
	case manifest.TypeList:
		return cel.ListType(cel.StringType)
	}
	return cel.StringType
}

// Holds tells whether a value (string, float64, bool, []any of texts) meets the condition; settings are the
// values that would be in force with it.
func (c *Condition) Holds(value any, settings map[string]any) (bool, error) {
	return c.test.holds(&facts{value: value, settings: settings, storeOnly: true})
}

// Valid tells whether a value of a setting meets the setting's own condition; without one every value does.
// settings are the values that would be in force with it, as a caller of Resolve has them. It compiles the
// condition anew, which takes about a millisecond.
func Valid(s *manifest.Setting, value any, settings map[string]any) (bool, error) {
	if s.Valid == "" || value == nil {
		return true, nil
	}
	c, err := Compile(s.Valid, s.Type)
	if err != nil {
		return false, fmt.Errorf("interplay: valid of %s: %w", s.Key, err)
	}
	ok, err := c.Holds(value, settings)
	if err != nil {
		return false, fmt.Errorf("interplay: valid of %s: %w", s.Key, err)
	}
	return ok, nil
}

// field is a field of an active plugin.
type field struct {
	*manifest.Field
	settings map[string]any
	valid    *Condition
	fault    error
}

// addField compiles the condition on an active plugin's field.
func (r *Resolution) addField(m *manifest.Manifest, f *manifest.Field, faulty func(*Fault)) {
	x := &field{Field: f, settings: r.settings.of(m.ID)}
	if f.Valid != "" {
		if x.valid, x.fault = Compile(f.Valid, f.Type); x.fault != nil {
			faulty(&Fault{Plugin: m.ID, Target: "customer." + f.ID, Err: x.fault})
		}
	}
	r.fields[f.ID] = x
}

// Field returns the field of an active plugin.
func (r *Resolution) Field(id string) (*manifest.Field, bool) {
	f, ok := r.fields[id]
	if !ok {
		return nil, false
	}
	return f.Field, true
}

// ValidField tells whether a value (a text, float64 or bool, as its type is) meets the condition of a field of
// an active plugin. Every value does where there is none.
func (r *Resolution) ValidField(id string, value any) (bool, error) {
	f, ok := r.fields[id]
	switch {
	case !ok || f.Valid == "":
		return true, nil
	case f.fault != nil:
		return false, f.fault
	}
	return f.valid.Holds(value, f.settings)
}

// RequiredFields lists, in order, the fields of the customer that whoever registers somebody has to fill in:
// "email", "plg0002_nivel". Not among them is what the form does not show to a cashier, or lets nobody edit,
// since then nobody could be registered.
func (r *Resolution) RequiredFields() []string { return slices.Clone(r.required) }

// demand works out RequiredFields.
func (r *Resolution) demand() {
	ask := func(name string) {
		if p := r.Policy("customer." + name); p.Visible && p.Editable && !slices.Contains(r.required, name) {
			r.required = append(r.required, name)
		}
	}
	for id, f := range r.fields {
		if byCashier(f) && (f.Required || r.Policy("customer."+id).Required) {
			ask(id)
		}
	}
	for _, name := range []string{"name", "phone", "email", "language"} {
		if r.Policy("customer." + name).Required {
			ask(name)
		}
	}
	slices.Sort(r.required)
}

// byCashier tells whether a cashier who registers somebody can fill in a plugin's field.
func byCashier(f *field) bool {
	return !f.ReadOnly && f.Role == manifest.RoleCashier && slices.Contains(f.Where, manifest.PlaceForm)
}

// FieldName is what people call a field of the customer.
func (r *Resolution) FieldName(name, lang string) string { return r.targetName("customer."+name, lang) }
