package configguide

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Bounds of the rules of a setting of type message_rules.
const (
	maxRules     = 200
	maxRuleName  = 100
	maxCondition = 2000
	maxExits     = 20
	maxAddresses = 20
	maxRepeats   = 20
	// maxWait is how long a message may wait; to say it at most once in longest is to say it once.
	maxWait = 3 * 366 * 24 * time.Hour
	longest = 200 * 366 * 24 * time.Hour
	// shortest is how soon a rule may ask again.
	shortest = time.Minute
)

var (
	ruleID    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,62}$`)
	eventType = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	ruleRef   = regexp.MustCompile(`^[^\x00-\x1f\x7f\\]{1,200}$`)
)

// Rules returns the value of a message_rules.
func (g *Guide) Rules(key string) []*plgv1.MessageRule {
	items, _ := g.in(key).([]any)
	rules := make([]*plgv1.MessageRule, 0, len(items))
	for _, item := range items {
		if rule, err := readRule(item); err == nil {
			rules = append(rules, rule)
		}
	}
	return rules
}

// RulesValue is the value that a message_rules takes for these rules.
func RulesValue(rules []*plgv1.MessageRule) ([]any, error) {
	items := make([]any, len(rules))
	for i, rule := range rules {
		data, err := protojson.Marshal(rule)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &items[i]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// readRule reads an object of JSON, or its text, as the Guide writes it into files.
func readRule(item any) (*plgv1.MessageRule, error) {
	data, isText := item.(string)
	if !isText {
		encoded, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		data = string(encoded)
	}
	rule := &plgv1.MessageRule{}
	return rule, protojson.Unmarshal([]byte(data), rule)
}

// parseRules checks the shape of rules; what their conditions mean is for the plugin to judge.
func parseRules(s *manifest.Setting, raw any) (any, *problem) {
	items, ok := raw.([]any)
	if text, isText := raw.(string); isText {
		ok = json.Unmarshal([]byte(text), &items) == nil
	}
	if !ok {
		return nil, &problem{key: "type.message_rules"}
	}
	if len(items) > maxRules {
		return nil, &problem{key: "max_items", args: []any{figure(maxRules)}}
	}
	rules := make([]*plgv1.MessageRule, len(items))
	seen := map[string]bool{}
	for i, item := range items {
		rule, err := readRule(item)
		if err != nil {
			return nil, &problem{key: "rules.shape", args: []any{i + 1, short(err.Error())}}
		}
		if p := checkRule(rule); p != nil {
			name := rule.GetName()
			if name == "" {
				name = rule.GetId()
			}
			p.args = append([]any{short(name)}, p.args...)
			p.path = rule.GetId() + "." + p.path
			return nil, p
		}
		if seen[rule.GetId()] {
			return nil, &problem{key: "rules.twice", args: []any{rule.GetId()}, path: rule.GetId() + ".id"}
		}
		seen[rule.GetId()] = true
		rules[i] = rule
	}
	kept, err := RulesValue(rules)
	if err != nil {
		return nil, &problem{key: "type.message_rules"}
	}
	return kept, nil
}

// checkRule finds what is wrong with a rule; the problem's path is the field, and its first argument will be the name.
func checkRule(r *plgv1.MessageRule) *problem {
	bad := func(field string, args ...any) *problem {
		return &problem{key: "rules." + field, args: args, path: field}
	}
	customer := r.GetTo() == plgv1.MessageRule_RECIPIENT_CUSTOMER
	switch {
	case !ruleID.MatchString(r.GetId()):
		return bad("id")
	case strings.TrimSpace(r.GetName()) == "" || utf8.RuneCountInString(r.GetName()) > maxRuleName || strings.ContainsAny(r.GetName(), "\r\n\x00"):
		return bad("name", maxRuleName)
	case !eventType.MatchString(r.GetEvent()) || len(r.GetEvent()) > maxRuleName:
		return bad("event", short(r.GetEvent()))
	case len(r.GetCondition()) > maxCondition:
		return bad("condition", maxCondition)
	case len(r.GetExitCondition()) > maxCondition:
		return bad("exit_condition", maxCondition)
	case !between(r.GetWait(), 0, maxWait):
		return bad("wait", int(maxWait.Hours()/24))
	case r.GetAt() != "" && !timeOfDay(r.GetAt()):
		return bad("at", short(r.GetAt()))
	case len(r.GetExitEvents()) > maxExits || slices.ContainsFunc(r.GetExitEvents(), func(e string) bool { return !eventType.MatchString(e) }):
		return bad("exit_events", maxExits)
	case !between(r.GetOncePer(), 0, longest):
		return bad("once_per")
	case r.GetTo() == plgv1.MessageRule_RECIPIENT_UNSPECIFIED:
		return bad("to")
	case r.GetKind() == plgv1.MessageKind_MESSAGE_KIND_UNSPECIFIED, !customer && r.GetKind() == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL:
		return bad("kind")
	case !ruleRef.MatchString(r.GetTemplate()) || strings.Contains(r.GetTemplate(), ".."):
		return bad("template")
	case r.GetTopic() != "" && (!ruleRef.MatchString(r.GetTopic()) || r.GetKind() != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL):
		return bad("topic")
	case r.GetPromotion() != "" && (!ruleRef.MatchString(r.GetPromotion()) || !customer):
		return bad("promotion")
	case r.GetRepeatTimes() < 0 || r.GetRepeatTimes() > maxRepeats:
		return bad("repeat_times", maxRepeats)
	case r.GetRepeatTimes() > 0 && !between(r.GetRepeatEvery(), shortest, maxWait):
		return bad("repeat_every")
	case len(r.GetAddresses()) > maxAddresses:
		return bad("addresses", maxAddresses)
	}
	for i, address := range r.GetAddresses() {
		kept, p := parseEmail(strings.TrimSpace(address))
		if p != nil {
			return &problem{key: "rules.address", args: []any{short(address)}, path: fmt.Sprintf("addresses[%d]", i)}
		}
		r.Addresses[i] = kept.(string)
	}
	return nil
}

func between(d *durationpb.Duration, least, most time.Duration) bool {
	return d == nil && least == 0 || d.IsValid() && d.AsDuration() >= least && d.AsDuration() <= most
}

func timeOfDay(text string) bool {
	_, err := time.Parse("15:04", text)
	return err == nil && len(text) == len("15:04")
}

// cloneObject copies what JSON knows.
func cloneObject(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = cloneObject(item)
		}
		return list
	case map[string]any:
		object := maps.Clone(v)
		for key, value := range object {
			object[key] = cloneObject(value)
		}
		return object
	}
	return v
}

// ruleLine is a rule as a line of a file: its JSON as a text.
func ruleLine(item any) string {
	data, err := json.Marshal(item)
	if err != nil {
		return `""`
	}
	text := string(data)
	if !readableText(text) || strings.ContainsAny(text, "\n\t") {
		return line(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
