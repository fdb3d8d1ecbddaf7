package rule

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
)

// coreEvents are the store's own events with what conditions may say of each, beside its type and time. Their words are in
// host/locale under "rule".
var coreEvents = []struct {
	kind   string
	fields []string
}{
	{"customer.registered", nil},
	{"customer.changed", []string{"changes"}},
	{"consent.given", []string{"means"}},
	{"consent.withdrawn", []string{"means"}},
	{"sale.completed", []string{"total", "currency", "receipt", "articles", "categories", "lines"}},
	{"sale.refunded", []string{"amount", "total", "currency", "receipt"}},
	{"segment.joined", []string{"name", "segment"}},
	{"segment.left", []string{"name", "segment"}},
	{"campaign.converted", []string{"campaign"}},
	{"subscription.changed", []string{"topic", "channel", "on", "means"}},
	{"subscription.reason", []string{"reason", "words"}},
	{"delivery.alert", []string{"code", "words", "rate", "limit"}},
}

// variables may be said of every event.
var variables = []string{
	"event.type", "event.time", "now", "customer.name", "customer.number", "customer.email", "customer.phone", "customer.language",
	"customer.tags", "customer.fields", "customer.created", "customer.aplica_promociones", "consent.programme",
	"consent.promotions", "purchases.count", "purchases.total", "purchases.before", "purchases.first", "purchases.last",
	"payments.on_time", "payments.months", "payments.late", "measures",
}

// external is what the types of other systems' events begin with in the log.
const external = "external."

// events are all that rules can be about, in the language of the context.
func (s *Service) events(ctx context.Context) ([]*mostradorv1.RuleEvent, error) {
	lang := locale.FromContext(ctx)
	say := func(key string) string { return s.Text.Text(lang, "rule."+key) }
	var shared []*mostradorv1.RuleVariable
	for _, written := range variables {
		shared = append(shared, &mostradorv1.RuleVariable{Written: written, Words: say("var_" + strings.ReplaceAll(written, ".", "_"))})
	}
	var all []*mostradorv1.RuleEvent
	for _, e := range coreEvents {
		event := &mostradorv1.RuleEvent{Type: e.kind, Name: say("event_" + strings.ReplaceAll(e.kind, ".", "_"))}
		for _, field := range e.fields {
			event.Variables = append(event.Variables, &mostradorv1.RuleVariable{Written: "event." + field, Words: say("field_" + field)})
		}
		event.Variables = append(event.Variables, shared...)
		all = append(all, event)
	}
	if s.External == nil {
		return all, nil
	}
	types, err := s.External(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		event := &mostradorv1.RuleEvent{Type: external + t.GetType(), Name: t.GetName()}
		if strings.HasPrefix(lang, "en") {
			event.Name = cmp.Or(t.GetNameEn(), t.GetName())
		}
		event.Variables = append(fieldsOf(t.GetSchema()), shared...)
		all = append(all, event)
	}
	return all, nil
}

// fieldsOf are the members that a JSON Schema tells of, with its own words for them.
func fieldsOf(schema string) []*mostradorv1.RuleVariable {
	var s struct {
		Properties map[string]struct{ Title, Description string }
	}
	if json.Unmarshal([]byte(schema), &s) != nil {
		return nil // it is known only that something comes
	}
	var fields []*mostradorv1.RuleVariable
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		fields = append(fields, &mostradorv1.RuleVariable{Written: "event." + name, Words: cmp.Or(p.Title, p.Description, name)})
	}
	return fields
}
