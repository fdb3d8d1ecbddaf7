package interplay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DecisionsKey is the setting that holds what people decided: a list of "target=PLG0002".
const DecisionsKey = "InterplayDecisiones"

// Decisions say whose word holds where plugins disagree: the plugin's id by target. A decision for a plugin
// that has no part in a conflict rests until it has.
type Decisions map[string]string

// DecisionsOf reads the decisions out of the settings in force. A line that says nothing of the kind decides
// nothing; ParseDecision tells what is wrong with it.
func DecisionsOf(settings map[string]any) Decisions {
	d := Decisions{}
	lines, _ := settings[DecisionsKey].([]any)
	for _, line := range lines {
		text, _ := line.(string)
		if target, plugin, err := ParseDecision(text); err == nil {
			d[target] = plugin
		}
	}
	return d
}

// ParseDecision reads "customer.aplica_promociones=PLG0002".
func ParseDecision(line string) (target, plugin string, err error) {
	target, plugin, found := strings.Cut(line, "=")
	target, plugin = strings.TrimSpace(target), strings.TrimSpace(plugin)
	kind, rest, _ := strings.Cut(target, ".")
	if !found || !pluginID(plugin) || rest == "" || !slices.Contains([]string{"customer", "action", "setting", "message"}, kind) {
		return "", "", fmt.Errorf("interplay: %q decides nothing: write target=plugin, like customer.aplica_promociones=PLG0002", line)
	}
	return target, plugin, nil
}

// With returns the decisions with one more; an empty plugin takes that of the target back.
func (d Decisions) With(target, plugin string) Decisions {
	out := maps.Clone(d)
	if out == nil {
		out = Decisions{}
	}
	if plugin == "" {
		delete(out, target)
	} else {
		out[target] = plugin
	}
	return out
}

// Value is the decisions as the setting keeps them, in the order of their targets.
func (d Decisions) Value() []any {
	lines := []any{}
	for _, target := range slices.Sorted(maps.Keys(d)) {
		lines = append(lines, target+"="+d[target])
	}
	return lines
}
