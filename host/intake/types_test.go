package intake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/intake"
	"mostrador/host/locale"
)

// wrong is, by built-in type, what must be refused: data, and the pointer of the fault.
var wrong = map[string]map[string]string{
	"newsletter.subscribed":    {`{}`: "/data/email", `{"email":"ana"}`: "/data/email", `{"email":"a@b.es","page":"javascript:alert(1)"}`: "/data/page"},
	"blog.commented":           {`{"article":"x"}`: "/data/comment", `{"article":"","comment":"x"}`: "/data/article"},
	"faq.asked":                {`{"topic":"x"}`: "/data/question", `{"question":["x"]}`: "/data/question"},
	"product.requested":        {`{}`: "/data/product", `{"product":"x","quantity":0}`: "/data/quantity", `{"product":"x","color":"y"}`: "/data/color"},
	"payment.deposited":        {`{"amount":10}`: "/data/currency", `{"amount":-1,"currency":"EUR"}`: "/data/amount", `{"amount":"10","currency":"EUR"}`: "/data/amount"},
	"employee.hired":           {`{}`: "/data/name", `{"name":"x","start":"mañana"}`: "/data/start"},
	"cart.abandoned":           {`{"cart":"c"}`: "/data/items", `{"cart":"c","items":[]}`: "/data/items", `{"cart":"c","items":[{"article":"a","name":"b"}]}`: "/data/items/0/quantity", `{"cart":"c","items":[{"article":"a","name":"b","quantity":1}],"url":"http://x.es"}`: "/data/url"},
	"order.placed":             {`{"order":"1","total":3}`: "/data/currency", `{"order":"1","total":3,"currency":"euros"}`: "/data/currency"},
	"order.status_changed":     {`{"order":"1"}`: "/data/status"},
	"purchase.completed":       {`{"order":"1","total":1e12,"currency":"EUR"}`: "/data/total"},
	"payment.received":         {`{"amount":1,"currency":"EUR","paid":"2026-01-01"}`: "/data/due", `{"amount":1,"currency":"EUR","paid":"2026-13-01","due":"2026-01-01"}`: "/data/paid"},
	"invoice.issued":           {`{"invoice":"F1","total":1}`: "/data/currency"},
	"donation.received":        {`{"amount":1,"currency":"EUR","recurring":"no"}`: "/data/recurring"},
	"fiscal.issued":            {`{"document":"1"}`: "/data/kind"},
	"information.requested":    {`{"subject":"x"}`: "/data/question"},
	"password.reset_requested": {`{"reset_url":"https://x.es/r","password":"secreto1"}`: "/data/password", `{"reset_url":"http://x.es/r"}`: "/data/reset_url", `{"reset_url":"https://x.es/r","extra":{"clave":"secreto1"}}`: "/data/extra", `{}`: "/data/reset_url"},
	"subscription.cancelled":   {`{"reason":"x"}`: "/data/subscription", `{"subscription":"x","extra":{"a":{"b":1}}}`: "/data/extra/a"},
}

func TestBuiltinTypesTakeTheirExamplesAndRefuseWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	types, err := w.intake.Types(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, kind := range types {
		names = append(names, kind.Type)
		if !kind.Builtin || kind.Name == "" || kind.NameEn == "" || kind.Description == "" {
			t.Errorf("%s is not described: %v", kind.Type, kind)
		}
		if !json.Valid([]byte(kind.Schema)) {
			t.Errorf("%s: its schema is no JSON", kind.Type)
		}
		w.mustPost(&mostradorv1.PostEventRequest{Type: kind.Type, IdempotencyKey: kind.Type, Data: data(t, kind.Example)})
	}
	if want := slices.Sorted(maps.Keys(wrong)); !slices.Equal(names, want) {
		t.Errorf("types %v, want %v", names, want)
	}
	for name, cases := range wrong {
		for text, pointer := range cases {
			t.Run(name+" "+text, func(t *testing.T) {
				_, err := w.post(&mostradorv1.PostEventRequest{Type: name, IdempotencyKey: text, Data: data(t, text)})
				var no *intake.Refused
				if !errors.As(err, &no) || no.Status != 422 {
					t.Fatalf("got %v", err)
				}
				d := no.Refusal.GetDiagnostics()[0]
				if d.GetPath() != pointer {
					t.Errorf("the fault is at %s, want %s (%s)", d.GetPath(), pointer, d.GetSummary())
				}
				if strings.HasPrefix(d.GetSummary(), "intake.") || strings.Contains(d.GetSummary(), "{path}") {
					t.Errorf("no sentence: %q", d.GetSummary())
				}
				if strings.Contains(fmt.Sprint(no.Refusal), "secreto1") {
					t.Error("the refusal repeats a password")
				}
			})
		}
	}
}

func TestRefusalsAreInTheSendersLanguage(t *testing.T) {
	w := newWorld(t)
	for lang, want := range map[string]string{"es": "Falta «email» (data/email).", "en": "“email” is missing (data/email)."} {
		_, err := w.intake.Post(locale.NewContext(t.Context(), lang), intake.Sender{Actor: ana},
			&mostradorv1.PostEventRequest{Type: "newsletter.subscribed", IdempotencyKey: "k"})
		if got := refused(t, err, 422, "fault_required").Error(); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

func TestStaffAddTypesOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	put := func(name, schema, example string) error {
		_, err := w.intake.PutType(t.Context(), ana, &mostradorv1.EventType{Type: name, Schema: schema, Example: example})
		return err
	}
	const good = `{"type":"object","required":["mesa"],"properties":{"mesa":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"integer","minimum":1}}}`
	if err := put("mesa.reservada", good, `{"mesa":4}`); err != nil {
		t.Fatal(err)
	}
	w.mustPost(&mostradorv1.PostEventRequest{Type: "mesa.reservada", IdempotencyKey: "1", Data: data(t, `{"mesa":2}`)})
	_, err := w.post(&mostradorv1.PostEventRequest{Type: "mesa.reservada", IdempotencyKey: "2", Data: data(t, `{"mesa":0}`)})
	refused(t, err, 422, "fault_minimum")
	events := w.events("external.mesa.reservada")
	if len(events) != 1 || events[0].GetCustom().AsMap()["mesa"] != 2.0 {
		t.Errorf("the log has %v", events)
	}

	// A schema whose references double at each step would take for ever.
	var doubling strings.Builder
	doubling.WriteString(`{"type":"object","$ref":"#/$defs/a0","$defs":{`)
	for i := range 30 {
		fmt.Fprintf(&doubling, `"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, i, i+1, i+1)
	}
	doubling.WriteString(`"a30":true}}`)
	deep := strings.Repeat(`{"not":`, 40) + "true" + strings.Repeat("}", 40)
	for _, test := range []struct{ name, schema, example, code string }{
		{"Mesa.Reservada", good, "", "type_name"},
		{"sale", good, "", "type_name"},
		{"cart.abandoned", good, "", "type_builtin"},
		{"a.b", `{"type":"object"`, "", "schema_json"},
		{"a.b", `{"type":"object"} {}`, "", "schema_json"},
		{"a.b", `{"type":"array"}`, "", "schema_object"},
		{"a.b", `[]`, "", "schema_object"},
		{"a.b", `{"type":"object","properties":{"files":{}}}`, "", "schema_files"},
		{"a.b", `{"type":"object","$ref":"https://example.com/s.json"}`, "", "schema_remote"},
		{"a.b", `{"type":"object","$ref":"file:///etc/passwd"}`, "", "schema_remote"},
		{"a.b", `{"type":"object","properties":{"x":{"$ref":"#"}}}`, "", "schema_round"},
		{"a.b", `{"type":"object","properties":{"x":{"$ref":"#/$defs/x"}},"$defs":{"x":{"items":{"$ref":"#/$defs/x"}}}}`, "", "schema_round"},
		{"a.b", `{"type":"object","$ref":"#/$defs/nobody"}`, "", "schema_nowhere"},
		{"a.b", `{"type":"object","$id":"https://example.com/"}`, "", "schema_word"},
		{"a.b", `{"type":"object","$dynamicRef":"#x"}`, "", "schema_word"},
		{"a.b", doubling.String(), "", "schema_costly"},
		{"a.b", `{"type":"object","x":` + deep + `}`, "", "schema_deep"},
		{"a.b", `{"type":"object","properties":{"x":{"pattern":"` + strings.Repeat("a", 400) + `"}}}`, "", "schema_pattern"},
		{"a.b", `{"type":"object","properties":{"x":{"pattern":"(?=a)"}}}`, "", "schema_invalid"}, // not in RE2
		{"a.b", `{"type":"object","minProperties":"x"}`, "", "schema_invalid"},
		{"a.b", `{"$schema":"https://example.com/draft","type":"object"}`, "", "schema_invalid"},
		{"a.b", `{"type":"object","description":"` + strings.Repeat("a", 70<<10) + `"}`, "", "schema_long"},
		{"a.b", good, `{"mesa":0}`, "fault_minimum"},
		{"a.b", good, `[1]`, "example_json"},
	} {
		t.Run(test.code, func(t *testing.T) { refused(t, put(test.name, test.schema, test.example), 422, test.code) })
	}

	refused(t, w.intake.DeleteType(t.Context(), ana, "cart.abandoned"), 422, "type_builtin")
	refused(t, w.intake.DeleteType(t.Context(), ana, "a.b"), 404, "no_type")
	refused(t, w.intake.DeleteType(t.Context(), ana, ""), 404, "no_type")
	if err := w.intake.DeleteType(t.Context(), ana, "mesa.reservada"); err != nil {
		t.Fatal(err)
	}
	// What was taken in is still answered the same.
	again := w.mustPost(&mostradorv1.PostEventRequest{Type: "mesa.reservada", IdempotencyKey: "1", Data: data(t, `{"mesa":2}`)})
	if !again.Repeated {
		t.Error("a repeated event of a deleted type was not recognised")
	}
	_, err = w.post(&mostradorv1.PostEventRequest{Type: "mesa.reservada", IdempotencyKey: "3", Data: &structpb.Struct{}})
	refused(t, err, 404, "no_type")
}
