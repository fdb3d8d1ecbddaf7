package model

import (
	"errors"
	"slices"
	"strings"
	"testing"

	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestADeclarationIsRefusedWhereItIsWrong(t *testing.T) {
	w := newShop(t)
	w.put(t, field("ciudad", "text"))
	for _, tt := range []struct {
		name string
		f    *pb.Field
		want []string
	}{
		{"nothing at all", &pb.Field{}, []string{"id:id_invalid", "name:empty", "type:type_unknown"}},
		{"an accent", field("año", "text"), []string{"id:id_invalid"}},
		{"a digit first", field("1ciudad", "text"), []string{"id:id_invalid"}},
		{"a name of the core", field("phone", "text"), []string{"id:id_core"}},
		{"a name of the core in upper case", field("Phone", "text"), []string{"id:id_core"}},
		{"what the store counts", field("purchases", "integer"), []string{"id:id_core"}},
		{"a word of expressions", field("today", "date"), []string{"id:id_core"}},
		{"a plug-in's", field("plg0002_nivel", "text"), []string{"id:id_plugin"}},
		{"a field that is there", field("ciudad", "text"), []string{"id:id_taken"}},
		{"a field that is there in upper case", field("CIUDAD", "text", func(f *pb.Field) { f.Name = "Otra" }), []string{"id:id_case"}},
		{"a name that is there", field("otra", "text", func(f *pb.Field) { f.Name = "campo CIUDAD" }), []string{"name:name_taken"}},
		{"a type that does not exist", field("x", "blob"), []string{"type:type_unknown"}},
		{"many texts of many lines", field("x", "long_text", many), []string{"many:many_single"}},
		{"many addresses", field("x", "postal_address", many), []string{"many:many_single"}},
		{"a choice without choices", field("x", "choice"), []string{"choices:choices_none"}},
		{"a choice twice", field("x", "choice", choices("a", "A")), []string{"choices[1].value:choice_twice"}},
		{"a rule without conditions", field("x", "text", rules("No.")), []string{"rules[0].conditions:conditions_none"}},
		{"a rule without message", field("x", "text", rules("", "contains", "@")), []string{"rules[0].message:empty"}},
		{"a condition that does not exist", field("x", "text", rules("No.", "rhymes", "a")), []string{"rules[0].conditions[0].operator:operator_unknown"}},
		{"a condition of another type", field("x", "text", rules("No.", "at_least", "1")), []string{"rules[0].conditions[0].operator:operator_type"}},
		{"a bad pattern", field("x", "text", rules("No.", "matches", "(")), []string{"rules[0].conditions[0].operand:operand_pattern"}},
		{"a bad length", field("x", "text", rules("No.", "max_length", "-1")), []string{"rules[0].conditions[0].operand:operand_length"}},
		{"a bad number", field("x", "integer", rules("No.", "at_least", "1", "at_most", "dos")), []string{"rules[0].conditions[1].operand:operand_value"}},
		{"a bad day", field("x", "date", rules("No.", "not_after", "mañana")), []string{"rules[0].conditions[0].operand:operand_value"}},
		{"no operand", field("x", "text", rules("No.", "contains", "")), []string{"rules[0].conditions[0].operand:operand_invalid"}},
		{"a script that is no sentence", field("x", "text", scripted("value ==")), []string{"script:script_syntax"}},
		{"a script of an unknown name", field("x", "text", scripted("valor == 'a'")), []string{"script:script_unknown"}},
		{"a script of the wrong type", field("x", "integer", scripted("value.startsWith('a')")), []string{"script:script_types"}},
		{"a script that gives a text", field("x", "text", scripted("value")), []string{"script:script_no_bool"}},
		{"a script too long", field("x", "text", scripted(strings.Repeat("true && ", 600)+"true")), []string{"script:long"}},
		{"an invisible character", field("x", "text", func(f *pb.Field) { f.Name = "a\u202eb" }), []string{"name:invisible"}},
		{"a revision of nothing", field("x", "text", func(f *pb.Field) { f.Revision = 3 }), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := w.model.Put(ctx, actor, tt.f, false)
			if tt.want == nil {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("got %v", err)
				}
				return
			}
			if got := codes(t, err); !slices.Equal(got, tt.want) {
				t.Errorf("refused with %v, want %v", got, tt.want)
			}
		})
	}
	if n := len(w.model.Own()); n != 1 {
		t.Errorf("%d fields are kept", n)
	}
}

func TestAMistakeInAScriptHasItsPlace(t *testing.T) {
	w := newShop(t)
	for source, want := range map[string]string{
		"value == 'a' &&\n  customer.nombre == 'b'": "2:3",
		"value ==":          "1:9",
		"valor":             "1:1",
		"true || pepe.juan": "1:9",
	} {
		resp, err := w.model.Try(ctx, field("x", "text", scripted(source)), "a", nil)
		if err != nil || len(resp.Declaration) != 1 || resp.Declaration[0].Detail != want {
			t.Errorf("%q: %v %v, want a mistake at %s", source, resp.GetDeclaration(), err, want)
		}
	}
}

func TestValuesAreHeldToTypeRulesAndScript(t *testing.T) {
	at := rules("Empieza por @.", "begins_with", "@", "min_length", "3")
	for _, tt := range []struct {
		name  string
		f     *pb.Field
		typed string
		kept  string
		says  string // when it is refused
	}{
		{"a text", field("x", "text"), " hola ", "hola", ""},
		{"a rule met", field("x", "text", at), "@ana", "@ana", ""},
		{"a rule not met", field("x", "text", at), "ana", "", "Empieza por @."},
		{"the other half of a rule", field("x", "text", at), "@a", "", "Empieza por @."},
		{"a second rule", field("x", "text", at, rules("Sin espacios.", "not_contains", " ")), "@a b", "", "Sin espacios."},
		{"an end", field("x", "email", rules("De la casa.", "ends_with", "@ejemplo.es")), "ana@EJEMPLO.es", "ana@ejemplo.es", ""},
		{"a pattern", field("x", "text", rules("Así no.", "matches", "[A-Z]{2}|x")), "AB", "AB", ""},
		{"a pattern in part", field("x", "text", rules("Así no.", "matches", "[A-Z]{2}|x")), "ABC", "", "Así no."},
		{"a length in characters", field("x", "text", rules("Corto.", "max_length", "3")), "ñññ", "ñññ", ""},
		{"a whole number", field("x", "integer"), "1.234", "", "sin decimales"},
		{"a whole number with zeros", field("x", "integer"), "0012,00", "12", ""},
		{"a whole number of thousands", field("x", "integer"), "1.234.567,0", "1234567", ""},
		{"a whole number of another country", field("x", "integer"), "-1 234", "-1234", ""},
		{"too large a number", field("x", "integer"), "1234567890123456789", "", "número"},
		{"a number with decimals", field("x", "decimal"), "12,50", "12.50", ""},
		{"a number with thousands", field("x", "decimal"), "1.234,5", "1234.5", ""},
		{"a number of an English sheet", field("x", "decimal"), "1,234.5", "1234.5", ""},
		{"a number with bad thousands", field("x", "decimal"), "12.34,5", "", "número"},
		{"nought", field("x", "decimal"), "-0,00", "0.00", ""},
		{"a bound", field("x", "decimal", rules("Mucho.", "at_most", "10,5")), "10.50", "10.50", ""},
		{"a bound passed", field("x", "decimal", rules("Mucho.", "at_most", "10,5")), "10,51", "", "Mucho."},
		{"a bound of many digits", field("x", "money", rules("Mucho.", "at_most", "999999999999999.01")), "999999999999999,02", "", "Mucho."},
		{"an equal number", field("x", "decimal", rules("No.", "equals", "1,5")), "1.500", "1.500", ""},
		{"one of some", field("x", "integer", rules("No.", "one_of", "1|2|3")), "2", "2", ""},
		{"none of some", field("x", "integer", rules("No.", "one_of", "1|2|3")), "4", "", "No."},
		{"an amount", field("x", "money"), "1.000,5", "1000.5", ""},
		{"an amount with its sign", field("x", "money"), "10 €", "", "10,50"},
		{"a day", field("x", "date"), "21/11/2026", "2026-11-21", ""},
		{"a day of a sheet", field("x", "date"), "2026-11-21T00:00:00Z", "2026-11-21", ""},
		{"a day with a time", field("x", "date"), "2026-11-21 10:00", "", "fecha"},
		{"a day that never was", field("x", "date"), "2026-02-29", "", "fecha"},
		{"today", field("x", "date", rules("Futuro.", "not_after", "today")), "22/11/2026", "2026-11-22", ""},
		{"tomorrow", field("x", "date", rules("Futuro.", "not_after", "today")), "23/11/2026", "", "Futuro."},
		{"of age today", field("x", "date", rules("Menor.", "not_after", "today-18y")), "22-11-2008", "2008-11-22", ""},
		{"of age tomorrow", field("x", "date", rules("Menor.", "not_after", "today - 18y")), "23.11.2008", "", "Menor."},
		{"in a month", field("x", "date", rules("Ya.", "not_before", "today+1m")), "2026-12-21", "", "Ya."},
		{"a moment", field("x", "date_time"), "21/11/2026 8:30", "2026-11-21T08:30", ""},
		{"a moment with seconds", field("x", "date_time"), "2026-11-21T08:30:05", "2026-11-21T08:30:05", ""},
		{"a moment of elsewhere", field("x", "date_time"), "2026-11-21T23:30:00-02:00", "2026-11-22T01:30", ""},
		{"a moment that never was", field("x", "date_time"), "2026-11-21 24:10", "", "hora"},
		{"a day as a moment", field("x", "date_time"), "2026-11-21", "2026-11-21T00:00", ""},
		{"a moment of a last day", field("x", "date_time", rules("Tarde.", "not_after", "2026-11-21")), "21/11/2026 23:59", "2026-11-21T23:59", ""},
		{"a moment after it", field("x", "date_time", rules("Tarde.", "not_after", "2026-11-21 12:00")), "21/11/2026 23:59", "", "Tarde."},
		{"yes", field("x", "yes_no"), "SÍ", "true", ""},
		{"yes must it be", field("x", "yes_no", rules("Acepte.", "equals", "sí")), "no", "", "Acepte."},
		{"a phone", field("x", "phone"), "600 111 222", "+34600111222", ""},
		{"a page", field("x", "url"), "https://Ejemplo.es/A", "https://ejemplo.es/A", ""},
		{"a choice by its value", field("x", "choice", choices("rojo", "azul")), "azul", "azul", ""},
		{"a choice by its name", field("x", "choice", choices("rojo", "azul")), "Azul", "azul", ""},
		{"no choice", field("x", "choice", choices("rojo", "azul")), "verde", "", "ROJO, AZUL"},
		{"a country by its name", field("x", "country"), "España", "ES", ""},
		{"a country by its English name", field("x", "country"), "germany", "DE", ""},
		{"a country by three letters", field("x", "country"), "FRA", "FR", ""},
		{"no country", field("x", "country"), "Atlantis", "", "país"},
		{"an address", field("x", "postal_address"), "Calle Mayor 5, 2.º B\r\n28013  Madrid\r\n\r\nespaña", "Calle Mayor 5, 2.º B\n28013 Madrid\nES", ""},
		{"an address in one line", field("x", "postal_address"), "Calle Mayor 5, 2.º B, 28013 Madrid, Madrid, España", "Calle Mayor 5, 2.º B\n28013 Madrid\nMadrid\nES", ""},
		{"an address without city", field("x", "postal_address"), "Calle Mayor 5", "", "líneas"},
		{"an address without postcode", field("x", "postal_address"), "Calle Mayor 5\nMadrid", "", "código postal"},
		{"an address with a postcode of nowhere", field("x", "postal_address"), "Calle Mayor 5\n99001 Madrid", "", "código postal"},
		{"an address abroad", field("x", "postal_address"), "10 Downing Street\nLondon SW1A 2AA\nUnited Kingdom", "10 Downing Street\nLondon SW1A 2AA\nGB", ""},
		{"an address with two lines of street", field("x", "postal_address"), "Edificio Sol\nCalle Mayor 5\n28013 Madrid", "Edificio Sol\nCalle Mayor 5\n28013 Madrid", ""},
		{"a colour", field("x", "color"), "#ABC", "#aabbcc", ""},
		{"nobody", field("x", "customer"), "999", "", "ningún cliente"},
		{"many", field("x", "text", many), " a \n\nb\na", "a\nb", ""},
		{"many numbers", field("x", "integer", many), "1,0\n2", "1\n2", ""},
		{"one bad among many", field("x", "integer", many), "1\ndos", "", "«dos»"},
		{"a rule on each of many", field("x", "text", many, at), "@ana\nluis", "", "«luis»: Empieza por @."},
		{"a script met", field("x", "integer", scripted("value % 2 == 0")), "4", "4", ""},
		{"a script not met", field("x", "integer", scripted("value % 2 == 0")), "3", "", "El script dice no."},
		{"a script over an amount", field("x", "money", scripted("value <= 100")), "100,01", "", "El script dice no."},
		{"a script over a day", field("x", "date", scripted("years_since(value) >= 18 && value < today")), "22/11/2008", "2008-11-22", ""},
		{"a script over a day not met", field("x", "date", scripted("years_since(value) >= 18 && value < today")), "23/11/2008", "", "El script dice no."},
		{"a script over a moment", field("x", "date_time", scripted("days_until(value) == 1 && value.getHours() >= 9")), "23/11/2026 9:00", "2026-11-23T09:00", ""},
		{"a script over an address", field("x", "postal_address", scripted("value.postcode.startsWith('28')")), "Calle Sol 1, 08001 Barcelona", "", "El script dice no."},
		{"a script over yes", field("x", "yes_no", scripted("value")), "sí", "true", ""},
		{"a script that reckons", field("x", "text", scripted(`value.matches("[0-9]{8}[A-Z]") && "TRWAGMYFPDXBNJZSQVHLCKE".charAt(int(value.substring(0, 8)) % 23) == value.substring(8)`)), "12345678Z", "12345678Z", ""},
		{"a script that reckons otherwise", field("x", "text", scripted(`value.matches("[0-9]{8}[A-Z]") && "TRWAGMYFPDXBNJZSQVHLCKE".charAt(int(value.substring(0, 8)) % 23) == value.substring(8)`)), "12345678A", "", "El script dice no."},
		{"a script that fails", field("x", "text", scripted("int(value) > 0")), "uno", "", "El script dice no."},
		{"a script that looks at the customer", field("x", "text", scripted("customer.name.startsWith('Ana') && has(customer.fields.x)")), "a", "a", ""},
		{"a script that looks at the customer and says no", field("x", "text", scripted("customer.email != ''")), "a", "", "El script dice no."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newShop(t)
			w.put(t, tt.f)
			check := func(way string, kept string, err error) {
				t.Helper()
				if tt.says == "" {
					if err != nil || kept != tt.kept {
						t.Errorf("%s: kept %q (%v), want %q", way, kept, err, tt.kept)
					}
					return
				}
				if got := codes(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "fields.x:") || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%s: refused with %v %q, want %q", way, got, err, tt.says)
				}
			}
			// Every way in: a form, the same while typing, a change, and a plug-in's effect.
			typed := &plgv1.Customer{Name: "Ana", Phone: "600111222", Fields: map[string]string{"x": tt.typed}}
			c, refusal, err := w.customers.Check(ctx, typed)
			if err != nil {
				t.Fatal(err)
			}
			err = nil
			if len(refusal.Diagnostics) > 0 {
				err = &customer.Refused{Refusal: refusal}
			}
			check("check", c.Fields["x"], err)
			c, err = w.customers.Register(ctx, actor, typed, "")
			check("register", c.GetFields()["x"], err)
			other := w.register(t, nil)
			_, err = w.customers.Update(ctx, actor, &plgv1.Customer{Id: other.Id, Name: "Ana B", Fields: map[string]string{"x": tt.typed}}, []string{"name", "fields.x"})
			check("update", w.get(t, other.Id).Fields["x"], err)
			third := w.register(t, nil)
			err = w.store.Update(ctx, func(tx *store.Tx) error {
				_, err := w.customers.Set(ctx, tx, actor, third.Id, "x", tt.typed)
				return err
			})
			check("effect", w.get(t, third.Id).Fields["x"], err)
			resp, err := w.model.Try(ctx, tt.f, tt.typed, &plgv1.Customer{Name: "Ana", Fields: map[string]string{"x": tt.typed}})
			if err != nil {
				t.Fatal(err)
			}
			if err = nil; len(resp.Diagnostics) > 0 {
				err = refused(resp.Diagnostics)
			}
			check("try", resp.Kept, err)
		})
	}
}
