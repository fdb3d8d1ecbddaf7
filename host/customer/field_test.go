package customer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// declaredFields are the fields of a plugin that was never seen before.
type declaredFields struct {
	fields   []manifest.Field
	required []string
	err      error
}

func (d *declaredFields) Field(id string) (*manifest.Field, bool) {
	i := slices.IndexFunc(d.fields, func(f manifest.Field) bool { return f.ID == id })
	if i < 0 {
		return nil, false
	}
	return &d.fields[i], true
}

// ValidField knows one condition: that the value is not thirteen.
func (d *declaredFields) ValidField(_ string, value any) (bool, error) {
	return value != 13.0 && value != "13", d.err
}

func (d *declaredFields) RequiredFields() []string         { return d.required }
func (d *declaredFields) FieldName(id, lang string) string { return id + " (" + lang + ")" }

// aField is a field of some type.
func aField(kind manifest.Type, change ...func(*manifest.Field)) *declaredFields {
	f := manifest.Field{ID: "plg9005_x", Type: kind, ValidHint: manifest.Text{"es": "Trece no."}}
	for _, c := range change {
		c(&f)
	}
	return &declaredFields{fields: []manifest.Field{f}}
}

func TestValuesOfAPluginsFieldsAreHeldToTheirDeclaration(t *testing.T) {
	bounds := func(least, most any) func(*manifest.Field) {
		return func(f *manifest.Field) { f.Min, f.Max = least, most }
	}
	whole := func(f *manifest.Field) { f.Whole = true }
	pattern := func(f *manifest.Field) {
		f.Pattern, f.PatternHint = "[A-Z]{3}|otro", manifest.Text{"es": "Tres mayúsculas."}
	}
	choices := func(f *manifest.Field) {
		f.Choices = []manifest.Choice{{Value: "a", Name: manifest.Text{"es": "Alfa"}}, {Value: "b", Name: manifest.Text{"es": "Beta"}}}
	}
	for _, tt := range []struct {
		name   string
		fields *declaredFields
		typed  string
		kept   string
		code   string // when it is refused
		says   string
	}{
		{"a text", aField(manifest.TypeText), " hola ", "hola", "", ""},
		{"a text of two lines", aField(manifest.TypeText), "a\nb", "", "value_text", "caracteres"},
		{"a long text of two lines", aField(manifest.TypeLongText), "a\nb", "a\nb", "", ""},
		{"a text too short", aField(manifest.TypeText, bounds(3.0, nil)), "ña", "", "value_short", "al menos 3"},
		{"a text too long", aField(manifest.TypeText, bounds(nil, 2.0)), "abc", "", "value_long", "2"},
		{"a text of just the length", aField(manifest.TypeText, bounds(3.0, 3.0)), "ñññ", "ñññ", "", ""},
		{"a pattern met", aField(manifest.TypeText, pattern), "ABC", "ABC", "", ""},
		{"a pattern met in part", aField(manifest.TypeText, pattern), "ABCD", "", "value_condition", "Tres mayúsculas."},
		{"a pattern met at one end", aField(manifest.TypeText, pattern), "xotro", "", "value_condition", "Tres mayúsculas."},
		{"a condition not met", aField(manifest.TypeText), "13", "", "value_condition", "Trece no."},
		{"a number", aField(manifest.TypeNumber), "3,50", "3.5", "", ""},
		{"no number", aField(manifest.TypeNumber), "tres", "", "value_number", "número"},
		{"a number that computers write", aField(manifest.TypeNumber), "1e3", "", "value_number", ""},
		{"a number that is not whole", aField(manifest.TypeNumber, whole), "1.5", "", "value_whole", ""},
		{"a number too small", aField(manifest.TypeNumber, bounds(0.0, 20.0)), "-1", "", "value_least", "0"},
		{"a number too large", aField(manifest.TypeNumber, bounds(0.0, 20.0)), "20,5", "", "value_most", "20"},
		{"a number that does not meet its condition", aField(manifest.TypeNumber), "13,0", "", "value_condition", "Trece no."},
		{"an amount", aField(manifest.TypeMoney), "10,50", "10.50", "", ""},
		{"no amount", aField(manifest.TypeMoney), "10 €", "", "value_money", "10,50"},
		{"an amount too small", aField(manifest.TypeMoney, bounds("9.00", nil)), "8,99", "", "value_least", "9.00"},
		{"yes", aField(manifest.TypeYesNo), "Sí", "true", "", ""},
		{"no", aField(manifest.TypeYesNo), "no", "false", "", ""},
		{"perhaps", aField(manifest.TypeYesNo), "quizá", "", "value_yes_no", ""},
		{"a choice", aField(manifest.TypeChoice, choices), "b", "b", "", ""},
		{"none of the choices", aField(manifest.TypeChoice, choices), "c", "", "value_choice", "Alfa, Beta"},
		{"a day", aField(manifest.TypeDate), "2024-02-29", "2024-02-29", "", ""},
		{"a day as people write it", aField(manifest.TypeDate), "1/2/1990", "1990-02-01", "", ""},
		{"a day that never was", aField(manifest.TypeDate), "30/02/2024", "", "value_date", ""},
		{"a day too early", aField(manifest.TypeDate, bounds("1900-01-01", nil)), "1899-12-31", "", "value_least", "1900"},
		{"an e-mail", aField(manifest.TypeEmail), "ana@Ejemplo.ES", "ana@ejemplo.es", "", ""},
		{"no e-mail", aField(manifest.TypeEmail), "ana", "", "email_invalid", "ana"},
		{"a phone", aField(manifest.TypePhone), "600 111 222", "+34600111222", "", ""},
		{"no phone", aField(manifest.TypePhone), "600", "", "phone_short", "600"},
		{"an address", aField(manifest.TypeURL), "https://Ejemplo.es/a?b=1", "https://ejemplo.es/a?b=1", "", ""},
		{"no address", aField(manifest.TypeURL), "javascript:alert(1)", "", "value_url", "https"},
		{"a country", aField(manifest.TypeCountry), "es", "ES", "", ""},
		{"no country", aField(manifest.TypeCountry), "XX", "", "value_country", ""},
		{"a color", aField(manifest.TypeColor), "#A1B2C3", "#a1b2c3", "", ""},
		{"no color", aField(manifest.TypeColor), "rojo", "", "value_color", ""},
		{"a condition that cannot be told", &declaredFields{fields: aField(manifest.TypeText).fields, err: errors.New("broken")}, "a", "", "value_condition", ""},
		{"a field of nobody", &declaredFields{}, "lo que sea", "lo que sea", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, nil)
			s.Fields = func() Fields { return OfPlugins(tt.fields) }
			c, err := s.Register(ctx, actor, &plgv1.Customer{Name: "Ana", Phone: "600111222", Fields: map[string]string{"plg9005_x": tt.typed}}, "")
			if tt.code == "" {
				if err != nil || c.Fields["plg9005_x"] != tt.kept {
					t.Fatalf("kept %q (%v), want %q", c.GetFields()["plg9005_x"], err, tt.kept)
				}
				return
			}
			if got := codes(t, err); !slices.Equal(got, []string{"fields.plg9005_x:" + tt.code}) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("refused with %v %q, want %s %q", got, err, tt.code, tt.says)
			}
		})
	}
}

func TestAPluginsFieldIsCheckedWhereverAValueEnters(t *testing.T) {
	s := newService(t, nil)
	c := register(t, s, "Ana", "600111222", "")
	s.Fields = func() Fields { return OfPlugins(aField(manifest.TypeNumber)) }
	bad := &plgv1.Customer{Id: c.Id, Name: "Ana", Phone: "600111222", Fields: map[string]string{"plg9005_x": "tres"}}
	want := []string{"fields.plg9005_x:value_number"}
	if _, err := s.Update(ctx, actor, bad, []string{"fields.plg9005_x"}); !slices.Equal(codes(t, err), want) {
		t.Errorf("update: %v", err)
	}
	_, refusal, err := s.Check(ctx, bad)
	if err != nil || !slices.Equal(codes(t, &Refused{refusal}), want) {
		t.Errorf("check: %v %v", refusal, err)
	}
	for _, name := range []string{"plg9005_x", "fields.plg9005_x"} { // as a plugin's effect names it
		err := s.Store.Update(ctx, func(tx *store.Tx) error {
			_, err := s.Set(ctx, tx, actor, c.Id, name, "tres")
			return err
		})
		if !slices.Equal(codes(t, err), want) {
			t.Errorf("set %s: %v", name, err)
		}
		err = s.Store.Update(ctx, func(tx *store.Tx) error {
			got, err := s.Set(ctx, tx, actor, c.Id, name, "3,0")
			if err == nil && got.Fields["plg9005_x"] != "3" {
				t.Errorf("set %s: %v", name, got.Fields)
			}
			return err
		})
		if err != nil {
			t.Errorf("set %s: %v", name, err)
		}
	}
}

func TestWhatWasKeptBeforeAPluginAskedForMoreIsNobodysMistake(t *testing.T) {
	s := newService(t, nil)
	c, err := s.Register(ctx, actor, &plgv1.Customer{Name: "Ana", Phone: "600111222", Fields: map[string]string{"plg9005_x": "tres"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	fields := aField(manifest.TypeNumber)
	fields.required = []string{"plg9005_y", "email"}
	s.Fields = func() Fields { return OfPlugins(fields) }
	c.Name = "Ana Pérez"
	if _, refusal, err := s.Check(ctx, c); err != nil || len(refusal.Diagnostics) > 0 {
		t.Errorf("check: %v %v", refusal, err)
	}
	if _, err := s.Update(ctx, actor, c, []string{"name"}); err != nil {
		t.Errorf("update: %v", err)
	}
}

func TestWhatIsRequiredHasToBeFilledIn(t *testing.T) {
	s := newService(t, nil)
	fields := aField(manifest.TypeText)
	fields.fields = append(fields.fields, manifest.Field{ID: "plg9005_box", Type: manifest.TypeYesNo})
	fields.required = []string{"email", "plg9005_box", "plg9005_x"}
	s.Fields = func() Fields { return OfPlugins(fields) }
	_, err := s.Register(ctx, actor, &plgv1.Customer{Name: "Ana", Phone: "600111222"}, "")
	if got := codes(t, err); !slices.Equal(got, []string{"email:field_required", "fields.plg9005_x:field_required"}) {
		t.Errorf("got %v", got)
	}
	c, err := s.Register(ctx, actor, &plgv1.Customer{Name: "Ana", Email: "ana@example.com", Fields: map[string]string{"plg9005_x": "a"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	c.Fields = nil
	if _, err := s.Update(ctx, actor, c, []string{"fields.plg9005_x"}); !slices.Equal(codes(t, err), []string{"fields.plg9005_x:field_required"}) {
		t.Errorf("emptied: %v", err)
	}
}

func TestAnswersOfFormsAreCheckedToo(t *testing.T) {
	s := newService(t, nil)
	f := &manifest.FormField{ID: "puntos", Type: manifest.TypeNumber, Min: 1.0, Max: 100.0, Whole: true}
	for typed, want := range map[string]string{"7": "7", " 7,0 ": "7", "": ""} {
		if kept, problem := s.CheckForm(f, typed, "es"); kept != want || problem != "" {
			t.Errorf("%q: %q %q", typed, kept, problem)
		}
	}
	for _, typed := range []string{"0", "101", "7,5", "siete"} {
		if _, problem := s.CheckForm(f, typed, "es"); problem == "" {
			t.Errorf("%q is taken", typed)
		}
	}
}

func FuzzValue(f *testing.F) {
	kinds := []manifest.Type{manifest.TypeText, manifest.TypeLongText, manifest.TypeNumber, manifest.TypeMoney, manifest.TypeYesNo,
		manifest.TypeDate, manifest.TypeEmail, manifest.TypePhone, manifest.TypeURL, manifest.TypeCountry, manifest.TypeColor,
		TypeInteger, TypeDecimal, TypeDateTime, TypePostalAddress, TypeCustomer}
	for i, seed := range []string{"a", "a\nb", "-0,0", "1/1/1", "no", "1/2/2024", "a@b.es", "+34600111222", "http://[::1", "es", "#000000",
		"1.234", "1.234,50", "2026-11-21T18:30:00Z", "Mayor 5, 28013 Madrid", "n.º 12"} {
		f.Add(i, seed)
	}
	s := newService(f, nil)
	f.Fuzz(func(t *testing.T, i int, typed string) {
		a := &Field{Type: kinds[max(i, -i, 0)%len(kinds)]}
		kept, _, wrong := s.parseValue(a, typed, "es")
		if wrong != nil {
			return
		}
		again, _, wrong := s.parseValue(a, kept, "es")
		if kept != "" && (wrong != nil || again != kept) {
			t.Fatalf("%s: %q is kept as %q, which becomes %q (%v)", a.Type, typed, kept, again, wrong)
		}
	})
}
