package interplay

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"

	"mostrador/sdk/manifest"
)

// reservedError is the fault of a rule that asks for what no plugin may ask for. Such a rule never holds.
type reservedError struct{ message string }

func (e *reservedError) Error() string { return e.message }

// registering are the fields of the core without which nobody is registered.
var registering = []string{"name", "phone", "email"}

// kept are what the store itself keeps of a customer.
var kept = []string{"id", "cards", "tags", "fields", "consent", "created", "updated", "revision"}

// guarding are the beginnings of the keys by which the store keeps plugins in bounds.
var guarding = []string{"Plugins", "Interplay"}

// reserved says what is wrong with a rule that would take from the store what it cannot do without.
func reserved(x *rule) error {
	if x.plugin == nil {
		return nil
	}
	kind, rest, _ := strings.Cut(x.Target, ".")
	switch kind {
	case "customer":
		for _, name := range registering {
			if rest == name && (hides(x) || x.locks()) {
				return &reservedError{fmt.Sprintf("without customer.%s nobody can be registered: a rule may require it, not hide, lock or fill it", name)}
			}
		}
		for _, name := range kept {
			if rest == name {
				return &reservedError{fmt.Sprintf("the store alone keeps customer.%s: no rule governs it", name)}
			}
		}
	case "setting":
		for _, prefix := range guarding {
			if strings.HasPrefix(rest, prefix) {
				return &reservedError{fmt.Sprintf("setting.%s keeps plugins in bounds: no plugin governs it", rest)}
			}
		}
	}
	return nil
}

// mayGive says what is wrong with the value that a rule gives: it must suit the field's type, and must not
// bring to light what its plugin was not granted to read.
func (x *rule) mayGive() error {
	if x.plugin == nil {
		return nil
	}
	for _, name := range x.value.reads.customer {
		switch name {
		case "phone", "email", "cards":
			if !x.plugin.Allows(manifest.PermissionReadContact) {
				return fmt.Errorf("the value reads customer.%s: ask for the permission %s", name, manifest.PermissionReadContact)
			}
		}
	}
	name := strings.TrimPrefix(x.Target, "customer.")
	for i := range x.plugin.Fields {
		if f := &x.plugin.Fields[i]; f.ID == name {
			return x.value.gives(f.Type)
		}
	}
	return nil
}

// gives says what is wrong with an expression whose outcome a field of that type cannot hold.
func (x *expression) gives(t manifest.Type) error {
	is := func(types ...*cel.Type) bool {
		for _, t := range append(types, cel.DynType) {
			if x.output == nil || x.output.IsEquivalentType(t) {
				return true
			}
		}
		return false
	}
	ok, want := is(cel.StringType), "a text"
	switch t {
	case manifest.TypeYesNo:
		ok, want = is(cel.BoolType), "yes or no"
	case manifest.TypeNumber:
		ok, want = is(cel.IntType, cel.UintType, cel.DoubleType), "a number"
	}
	if !ok {
		return fmt.Errorf("the value gives %s, and a field of type %s needs %s", cel.FormatCELType(x.output), t, want)
	}
	return nil
}
