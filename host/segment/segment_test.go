package segment

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func cmp(term, operator string, operands ...string) *mostradorv1.Condition {
	return &mostradorv1.Condition{Term: term, Operator: operator, Operands: operands}
}

func all(conditions ...*mostradorv1.Condition) *mostradorv1.Condition {
	return &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ALL, Conditions: conditions}
}

func some(conditions ...*mostradorv1.Condition) *mostradorv1.Condition {
	return &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ANY, Conditions: conditions}
}

func none(conditions ...*mostradorv1.Condition) *mostradorv1.Condition {
	return &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_NONE, Conditions: conditions}
}

func TestASegmentFollowsItsCustomers(t *testing.T) {
	w := newWorld(t)
	old := w.register(&plgv1.Customer{Name: "Vieja", Fields: map[string]string{"city": "Bilbao"}})
	bilbao := w.put(&mostradorv1.Segment{Name: "De Bilbao", Condition: cmp("fields.city", "is", "BILBAO")})
	if got := w.members(bilbao.Id); !slices.Equal(got, []uint32{uint32(old.Number)}) {
		t.Fatalf("a new segment has %v", got)
	}
	fans := w.cel("Fieles", `"De Bilbao" in customer.segments && purchases.count > 1`)
	if told, _ := w.told(0); len(told) > 0 {
		t.Fatalf("a new segment tells %v", told)
	}
	at := w.last()
	ana := w.register(&plgv1.Customer{Name: "Ana", Fields: map[string]string{"city": "bilbao"}})
	w.register(&plgv1.Customer{Name: "Luis", Fields: map[string]string{"city": "Vigo"}})
	told, at := w.told(at)
	if !slices.Equal(told, []string{"+De Bilbao Ana"}) {
		t.Fatalf("told %v", told)
	}
	for range 2 {
		w.update(func(tx *store.Tx) error {
			return w.customers.Note(tx, uint32(ana.Number), clerk, func(f *customer.Facts) { f.Purchases++ })
		})
	}
	if told, at = w.told(at); !slices.Equal(told, []string{"+Fieles Ana"}) {
		t.Fatalf("told %v", told)
	}
	ana.Fields = map[string]string{"city": "Vigo"}
	if _, err := w.customers.Update(context.Background(), clerk, ana, []string{"fields.city"}); err != nil {
		t.Fatal(err)
	}
	if told, at = w.told(at); !slices.Equal(told, []string{"-De Bilbao Ana", "-Fieles Ana"}) {
		t.Fatalf("told %v", told)
	}
	if n := len(w.members(bilbao.Id)) + len(w.members(fans.Id)); n != 1 {
		t.Errorf("%d members are left", n)
	}
	// The same definition again works out nothing; another one does, and tells nobody.
	if _, task, err := w.segments.Put(context.Background(), clerk, &mostradorv1.Segment{
		Id: bilbao.Id, Name: "De Bilbao", Description: "De la ciudad", Condition: bilbao.Condition,
	}); err != nil || task != nil {
		t.Fatalf("another description has a task %v, %v", task, err)
	}
	w.put(&mostradorv1.Segment{Id: bilbao.Id, Name: "De Bilbao", Condition: cmp("fields.city", "is", "vigo")})
	if got := len(w.members(bilbao.Id)); got != 2 {
		t.Errorf("%d members", got)
	}
	if got := w.members(fans.Id); !slices.Equal(got, []uint32{uint32(ana.Number)}) {
		t.Errorf("what depends on a changed segment has %v", got)
	}
	if told, _ = w.told(at); len(told) > 0 {
		t.Errorf("a changed segment tells %v", told)
	}
}

func TestSegmentsThatSpeakOfTodayFollowTheCalendar(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	lost := w.cel("Perdidos", `days_since(purchases.last) > 2`)
	w.cel("De los perdidos", `"Perdidos" in customer.segments`)
	ana := w.register(&plgv1.Customer{Name: "Ana"})
	w.update(func(tx *store.Tx) error {
		return w.customers.Note(tx, uint32(ana.Number), clerk, func(f *customer.Facts) { f.LastPurchase = w.clock().Unix() })
	})
	turn := func() {
		t.Helper()
		if err := w.segments.Turn(ctx); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	at := w.last()
	w.pass(2 * 24 * time.Hour)
	turn()
	told, at := w.told(at)
	if len(told) > 0 {
		t.Fatalf("told %v", told)
	}
	w.pass(14 * time.Hour) // 23:00
	turn()
	if told, at = w.told(at); len(told) > 0 {
		t.Fatalf("told %v before midnight", told)
	}
	w.close() // off over midnight
	w.pass(2 * time.Hour)
	w.open()
	turn()
	if told, at = w.told(at); !slices.Equal(told, []string{"+Perdidos Ana", "+De los perdidos Ana"}) {
		t.Fatalf("told %v on the day", told)
	}
	turn()
	w.reopen()
	turn()
	if told, at = w.told(at); len(told) > 0 {
		t.Errorf("told again: %v", told)
	}
	w.update(func(tx *store.Tx) error {
		return w.customers.Note(tx, uint32(ana.Number), clerk, func(f *customer.Facts) { f.LastPurchase = w.clock().Unix() })
	})
	if told, _ = w.told(at); !slices.Equal(told, []string{"-Perdidos Ana", "-De los perdidos Ana"}) {
		t.Errorf("told %v of a purchase", told)
	}
	if got := w.members(lost.Id); len(got) > 0 {
		t.Errorf("members %v", got)
	}
}

func TestDefinitionsThatCannotBeAreRefusedInWords(t *testing.T) {
	w := newWorld(t)
	a := w.cel("A", `purchases.count > 1`)
	b := w.cel("B", `"A" in customer.segments`)
	w.cel("C", `"B" in customer.segments`)
	for _, test := range []struct {
		name  string
		d     *mostradorv1.Segment
		path  string
		words string
	}{
		{"no name", &mostradorv1.Segment{Expression: "true"}, "name", "Escriba el nombre"},
		{"a name twice", &mostradorv1.Segment{Name: "á", Expression: "true"}, "name", "Ya hay"},
		{"no condition", &mostradorv1.Segment{Name: "x"}, "expression", "Escriba la condición"},
		{"a mistake", &mostradorv1.Segment{Name: "x", Expression: "true &&\n fields.cty == 'x'"}, "expression", "Línea 2, columna 2: No se conoce «fields.cty». ¿Quería decir «fields.city»?"},
		{"types", &mostradorv1.Segment{Name: "x", Expression: "fields.city > 3"}, "expression", "«>» no se puede usar con texto y número"},
		{"itself", &mostradorv1.Segment{Id: a.Id, Name: "A", Expression: `"A" in customer.segments`}, "expression", "de sí mismo"},
		{"a circle", &mostradorv1.Segment{Id: a.Id, Name: "A", Expression: `"C" in customer.segments`}, "expression", "«C» ya depende"},
		{"an empty group", &mostradorv1.Segment{Name: "x", Condition: all(cmp("name", "is", "x"), some())}, "condition.conditions.1", "está vacío"},
		{"no term", &mostradorv1.Segment{Name: "x", Condition: all(cmp("", ""))}, "condition.conditions.0.term", "Elija un dato"},
		{"no such term", &mostradorv1.Segment{Name: "x", Condition: cmp("fields.x", "is", "1")}, "condition.term", "Ya no existe"},
		{"no such operator", &mostradorv1.Segment{Name: "x", Condition: cmp("fields.city", "less", "1")}, "condition.operator", "no vale"},
		{"no operand", &mostradorv1.Segment{Name: "x", Condition: cmp("fields.city", "is")}, "condition.operands", "Falta el valor"},
		{"an empty operand", &mostradorv1.Segment{Name: "x", Condition: cmp("fields.city", "is", " ")}, "condition.operands.0", "Escriba el valor"},
		{"no date", &mostradorv1.Segment{Name: "x", Condition: cmp("fields.birthday", "between", "2026-01-01", "2026-02-30")}, "condition.operands.1", "no es una fecha"},
		{"no number", &mostradorv1.Segment{Name: "x", Condition: cmp("purchases.total", "more", "mucho")}, "condition.operands.0", "no es un número"},
		{"no days", &mostradorv1.Segment{Name: "x", Condition: cmp("purchases.last", "in_last_days", "-1")}, "condition.operands.0", "número entero"},
		{"no tag", &mostradorv1.Segment{Name: "x", Condition: cmp("tags", "has", "Nadie")}, "condition.operands.0", "ninguna etiqueta"},
		{"no segment", &mostradorv1.Segment{Name: "x", Condition: cmp("segments", "has", "Nadie")}, "condition.operands.0", "ningún segmento"},
	} {
		_, _, err := w.segments.Put(context.Background(), clerk, test.d)
		var refused *customer.Refused
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if d := refused.Refusal.Diagnostics[0]; d.Path != test.path || !strings.Contains(d.Summary, test.words) {
			t.Errorf("%s: %s: %s", test.name, d.Path, d.Summary)
		}
	}
	if err := w.segments.Delete(context.Background(), clerk, b.Id); err == nil || !strings.Contains(err.Error(), "«C»") {
		t.Errorf("a segment that is used is deleted: %v", err)
	}
	if err := w.segments.Delete(context.Background(), clerk, 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestConditionsSayTheSameInCELAndInWords(t *testing.T) {
	w := newWorld(t)
	w.register(&plgv1.Customer{Name: "Ana", Tags: []string{"VIP", "Prensa"}})
	w.cel("Fieles", "purchases.count > 10")
	for _, test := range []struct {
		c        *mostradorv1.Condition
		cel      string
		es, en   string
		language string
	}{
		{c: cmp("fields.city", "is", "A Coruña"), cel: `fold(fields.city) == "a coruna"`, es: "Ciudad es «A Coruña».", en: "Ciudad is “A Coruña”."},
		{
			c:   all(cmp("tags", "has", "VIP"), cmp("purchases.total", "at_least", "99,5"), some(cmp("fields.shirt", "one_of", "s", "l"), cmp("fields.member", "yes"))),
			cel: `"VIP" in customer.tags && purchases.total >= 99.5 && (fields.shirt in ["s", "l"] || fields.member)`,
			es:  "Etiquetas incluye «VIP», Importe total de compras es al menos 99,5 y (Camiseta es «Pequeña» o «Grande» o Socio es sí).",
			en:  "Tags include “VIP”, Total amount of purchases is at least 99.5 and (Camiseta is “Pequeña” or “Grande” or Socio is yes).",
		},
		{
			c:   none(cmp("purchases.last", "in_last_days", "90"), cmp("segments", "has", "Fieles")),
			cel: `!((days_since(purchases.last) >= 0 && days_since(purchases.last) <= 90) || "Fieles" in customer.segments)`,
			es:  "No se cumple ninguna de estas: Última compra está en los últimos 90 días o Segmentos incluye «Fieles».",
			en:  "None of these holds: Last purchase is in the last 90 days or Segments include “Fieles”.",
		},
		{c: cmp("fields.birthday", "anniversary_in_days", "1"), cel: `anniversary_in(fields.birthday, 1)`, es: "Cumpleaños tiene su aniversario hoy o mañana.", en: "Cumpleaños has its anniversary today or tomorrow."},
		{c: cmp("fields.birthday", "between", "1990-01-31", "1999-12-31"), cel: `fields.birthday >= date("1990-01-31") && fields.birthday <= date("1999-12-31")`, es: "Cumpleaños está entre el 31/01/1990 y el 31/12/1999.", en: "Cumpleaños is between 1990-01-31 and 1999-12-31."},
		{c: cmp("fields.hobbies", "has", "Fútbol"), cel: `fields.hobbies.exists(v, fold(v) == "futbol")`, es: "Aficiones tiene «Fútbol».", en: "Aficiones has “Fútbol”."},
		{c: cmp("consent.promotions", "is_not", "given"), cel: `consent.promotions != "given"`, es: "Consentimiento de promociones no es «Aceptado».", en: "Consent to promotions is not “Given”."},
		{c: cmp("tags", "has_any", "VIP", "Prensa"), cel: `"VIP" in customer.tags || "Prensa" in customer.tags`, es: "Etiquetas incluye «VIP» o «Prensa».", en: "Tags include “VIP” or “Prensa”."},
		{c: cmp("measures.puntos", "more", "100"), cel: `measures.puntos > 100`, es: "Puntos es mayor que 100.", en: "Points is more than 100."},
	} {
		for lang, words := range map[string]string{"es": test.es, "en": test.en} {
			ctx := locale.NewContext(context.Background(), lang)
			got, err := w.segments.Preview(ctx, &mostradorv1.Segment{Condition: test.c}, 10)
			if err != nil || len(got.Diagnostics) > 0 {
				t.Fatalf("%v: %v", err, got.GetDiagnostics())
			}
			if got.Expression != test.cel {
				t.Errorf("CEL\n%s, want\n%s", got.Expression, test.cel)
			}
			if got.Words != words {
				t.Errorf("%s, want\n%s", got.Words, words)
			}
		}
	}
}

func TestEveryTermHasWordsAndEveryOperatorWorks(t *testing.T) {
	w := newWorld(t)
	w.register(&plgv1.Customer{Name: "Ana", Tags: []string{"VIP"}})
	w.cel("Fieles", "purchases.count > 10")
	for _, lang := range []string{"es", "en"} {
		ctx := locale.NewContext(context.Background(), lang)
		terms, err := w.segments.Terms(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sample := map[string]string{"date": "2026-01-31", "integer": "7", "decimal": "1.5", "money": "2", "number": "3"}
		for _, term := range terms {
			if term.Name == "" || strings.HasPrefix(term.Name, "segment.") || strings.HasPrefix(term.Section, "segment.") || len(term.Operators) == 0 {
				t.Errorf("%s: %v", lang, term)
			}
			for _, o := range term.Operators {
				if o.Name == "" || strings.HasPrefix(o.Name, "segment.") {
					t.Errorf("%s: operator %s of %s is %q", lang, o.Id, term.Id, o.Name)
				}
				operand := sample[o.Type]
				if operand == "" {
					operand = "x"
				}
				if len(term.Choices) > 0 {
					operand = term.Choices[0].Value
				}
				n := int(o.Operands)
				if n < 0 {
					n = 2
				}
				c := cmp(term.Id, o.Id, slices.Repeat([]string{operand}, n)...)
				got, err := w.segments.Preview(ctx, &mostradorv1.Segment{Condition: c}, 1)
				if err != nil || len(got.Diagnostics) > 0 {
					t.Errorf("%v: %v %v", c, err, got.GetDiagnostics())
				} else if strings.Contains(got.Words, "segment.") || strings.Contains(got.Words, "{") {
					t.Errorf("%s: %v is said as %q", lang, c, got.Words)
				}
			}
		}
	}
}

func TestANewNameIsFollowedByThoseWhoSpeakOfIt(t *testing.T) {
	w := newWorld(t)
	w.register(&plgv1.Customer{Name: "Ana"})
	a := w.cel("Fieles", `customer.name == "Ana"`)
	built := w.put(&mostradorv1.Segment{Name: "Construido", Condition: cmp("segments", "has", "fieles")})
	written := w.cel("Escrito", "// los de siempre\n'Fieles' in customer.segments   && \"Fieles\" != customer.name")
	at := w.last()
	w.put(&mostradorv1.Segment{Id: a.Id, Name: "De \"toda\" la vida", Expression: a.Expression})
	if told, _ := w.told(at); len(told) > 0 {
		t.Errorf("told %v", told)
	}
	w.reopen()
	list, err := w.segments.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Problem != "" || s.Customers != 1 || s.Counting {
			t.Errorf("%v", s)
		}
		switch s.Id {
		case built.Id:
			if s.Expression != `"De \"toda\" la vida" in customer.segments` || s.Condition.Operands[0] != `De "toda" la vida` {
				t.Errorf("%v", s)
			}
		case written.Id:
			if s.Expression != "// los de siempre\n\"De \\\"toda\\\" la vida\" in customer.segments   && \"Fieles\" != customer.name" {
				t.Errorf("%s", s.Expression)
			}
		}
	}
}

func TestADeletedSegmentLeavesNobodyBehind(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.register(&plgv1.Customer{Name: "Ana"})
	}
	a := w.cel("Todos", "true")
	if err := w.segments.Delete(context.Background(), clerk, a.Id); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := w.onDisk(a.Id); len(got) > 0 {
		t.Errorf("members %v", got)
	}
	if b := w.cel("Otros", "true"); b.Id == a.Id {
		t.Error("the id is given again")
	}
}

func TestSegmentsFollowTheDataModel(t *testing.T) {
	w := newWorld(t)
	ana := w.register(&plgv1.Customer{Name: "Ana", Fields: map[string]string{"children": "10"}})
	s := w.cel("Con hijos", `fields.children > 9`)
	change := func(fields []*mostradorv1.Field) {
		t.Helper()
		w.model.mu.Lock()
		w.model.fields = fields
		w.model.mu.Unlock()
		if err := w.segments.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
	shown := func() *mostradorv1.Segment {
		t.Helper()
		got, err := w.segments.Get(context.Background(), s.Id)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	change(nil)
	if got := shown(); !strings.Contains(got.Problem, "fields.children") || got.Customers != 1 {
		t.Errorf("without its field: %v", got)
	}
	ana.Fields = map[string]string{"children": "1"}
	if _, err := w.customers.Update(context.Background(), clerk, ana, []string{"fields.children"}); err != nil {
		t.Fatal(err)
	}
	change(someFields())
	if got := shown(); got.Problem != "" || got.Customers != 0 || got.Counting {
		t.Errorf("with its field again: %v", got)
	}
}
