package interplay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/host/interplay"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// said lists diagnostics as "E code path" or "W code path".
func said(list []*plgv1.Diagnostic) []string {
	out := []string{}
	for _, d := range list {
		out = append(out, d.Severity.String()[len("SEVERITY_"):][:1]+" "+d.Code+" "+d.Path)
	}
	return out
}

const modes = `settings:
  - {key: PLG0101Modo, path: [A], name: Modo, type: choice, choices: [{value: a, name: A}, {value: b, name: B}]}
  - {key: PLG0101Nivel, path: [A], name: Nivel, type: number}
  - {key: PLG0101Clave, path: [A], name: Clave, type: secret}`

func TestWhatStandsAgainstInstallingIsFoundBeforeAnythingIsActive(t *testing.T) {
	const x = "customer.talla"
	tests := []struct {
		name      string
		candidate string
		installed []string
		active    []string
		want      []string
		words     string // of the first
	}{
		{"nothing", plugin("PLG0101", rules(x+" | {visible: false}")), []string{points, welcome}, nil, nil, ""},
		{"an expression that is broken", plugin("PLG0101", rules(x+" | {value: no.hay}")), nil, nil, []string{"E interplay_fault " + x}, "línea 6"},
		{"a condition on a value that is broken", plugin("PLG0101", "fields: [{id: plg0101_a, name: A, type: number, valid: size(value) > 3, valid_hint: H.}]"), nil, nil,
			[]string{"E interplay_fault customer.plg0101_a"}, "size"},
		{"a button's condition that is broken", plugin("PLG0101", "actions: [{id: a, name: A, enabled: customer.nme != \"\"}]"), nil, nil,
			[]string{"E interplay_fault action.PLG0101.a"}, "nme"},
		{"a setting that is not there", plugin("PLG0101", modes, rules(x+" | {visible: false} | settings.PLG0101Mode == \"a\"")), nil, nil,
			[]string{"E interplay_fault " + x}, "PLG0101Mode"},
		{"a secret in an expression", plugin("PLG0101", modes, rules(x+" | {visible: false} | settings.PLG0101Clave == \"a\"")), nil, nil,
			[]string{"E interplay_fault " + x}, "secret"},
		{"the id of no plugin", plugin("PLG0101", rules(x+" | {visible: false} | active(\"PLG74\")")), nil, nil, []string{"E interplay_fault " + x}, "PLG74"},
		{"a when about a customer", plugin("PLG0101", rules(x+" | {visible: false} | customer.email_valid")), nil, nil, []string{"E interplay_fault " + x}, "customer"},

		{"contradicting another", plugin("PLG0101", rules(x+" | {visible: false}")), []string{plugin("PLG0102", rules(x+" | {visible: true}"))}, nil,
			[]string{"W interplay_conflict " + x}, "PLG0101 Uno 0101 y PLG0102 Uno 0102 no se pondrán de acuerdo"},
		{"contradicting itself", plugin("PLG0101", rules(x+" | {required: true}", x+" | {required: false}")), nil, nil, []string{"E interplay_conflict " + x}, "se contradice"},
		{"contradicting the house", plugin("PLG0101", rules(target+" | {editable: true}")), []string{points, welcome}, nil,
			[]string{"W interplay_conflict " + target, "W interplay_conflict " + target}, "PLG0002 activo"},
		{"hidden here and required there", plugin("PLG0101", rules(x+" | {visible: false}")), []string{plugin("PLG0102", rules(x+" | {required: true}"))}, nil,
			[]string{"W interplay_conflict " + x}, "obligatorio"},
		{"two values", plugin("PLG0101", rules(x+" | {value: '\"a\"'}")), []string{plugin("PLG0102", rules(x+" | {value: '\"b\"'}"))}, nil,
			[]string{"W interplay_conflict " + x}, `"b"`},
		{"the same value", plugin("PLG0101", rules(x+" | {value: '\"a\"'}")), []string{plugin("PLG0102", rules(x+" | {value: '\"a\"'}"))}, nil, nil, ""},
		{"messages of all kinds and of one", plugin("PLG0101", rules("message.PLG0074 | {send: false}")),
			[]string{plugin("PLG0102", rules("message.PLG0074.promotional | {send: true}"))}, nil, []string{"W interplay_conflict message.PLG0074.promotional"}, "mensajes promocionales"},

		{"never together: one setting, two values", plugin("PLG0101", modes, rules(x+" | {visible: false} | settings.PLG0101Modo == \"a\"", x+" | {visible: true} | settings.PLG0101Modo == \"b\"")), nil, nil, nil, ""},
		{"never together: below and above", plugin("PLG0101", modes, rules(x+" | {visible: false} | settings.PLG0101Nivel < 3", x+" | {visible: true} | settings.PLG0101Nivel >= 3")), nil, nil, nil, ""},
		{"together at one number", plugin("PLG0101", modes, rules(x+" | {visible: false} | settings.PLG0101Nivel <= 3", x+" | {visible: true} | settings.PLG0101Nivel >= 3")), nil, nil,
			[]string{"E interplay_conflict " + x}, "Por ejemplo, con PLG0101Nivel = 3."},
		{"never together: with and without a third", plugin("PLG0101", rules(x+" | {visible: false} | active(\"PLG0200\")")), []string{plugin("PLG0102", rules(x+" | {visible: true} | !active(\"PLG0200\")"))}, nil, nil, ""},
		{"together while a third is away", plugin("PLG0101", rules(x+" | {visible: false} | !active(\"PLG0200\")")), []string{plugin("PLG0102", rules(x+" | {visible: true}"))}, nil,
			[]string{"W interplay_conflict " + x}, "PLG0200 sin activar"},
		{"never together: one is only for when the other is away", plugin("PLG0101", rules(x+" | {visible: false} | !active(\"PLG0102\")")), []string{plugin("PLG0102", rules(x+" | {visible: true}"))}, nil, nil, ""},
		{"never together: they exclude each other", plugin("PLG0101", "conflicts: [PLG0102]", rules(x+" | {visible: false}")), []string{plugin("PLG0102", rules(x+" | {visible: true}"))}, nil,
			[]string{"W conflicts PLG0101"}, "no podrá estar activo junto"},

		{"a value that depends on itself", plugin("PLG0101", rules(x+" | {value: 'customer.fields[\"talla\"]'}")), nil, nil, []string{"E interplay_cycle " + x}, "depende de sí mismo"},
		{"values that depend on one another", plugin("PLG0101", rules("customer.a | {value: 'customer.fields[\"b\"]'}")), []string{plugin("PLG0102", rules("customer.b | {value: 'customer.fields[\"a\"]'}"))}, nil,
			[]string{"W interplay_cycle customer.a"}, "dependen unos de otros"},
		{"a setting locked by itself", plugin("PLG0101", modes, rules("setting.PLG0101Nivel | {editable: false} | settings.PLG0101Nivel > 3")), nil, nil,
			[]string{"E interplay_cycle setting.PLG0101Nivel"}, "nadie podría volver a cambiarlo"},
		{"plugins that need one another", plugin("PLG0101", "requires: [PLG0102]"), []string{plugin("PLG0102", "requires: [PLG0103]"), plugin("PLG0103", "requires: [PLG0101]")}, nil,
			[]string{"W interplay_cycle PLG0101"}, "se necesitan unos a otros"},

		{"a button that the other does not have", plugin("PLG0101", rules("action.PLG0074.enviar | {visible: false}")), []string{welcome}, nil, []string{"W interplay_target action.PLG0074.enviar"}, "no existe"},
		{"a field that the other does not have", plugin("PLG0101", rules("customer.plg0074_x | {visible: false}")), []string{welcome}, nil, []string{"W interplay_target customer.plg0074_x"}, "no existe"},
		{"a setting of a plugin that is not there", plugin("PLG0101", rules("setting.PLG0500Modo | {visible: false}")), []string{welcome}, nil, nil, ""},

		{"what it needs is missing", plugin("PLG0101", "requires: [PLG0500]"), nil, nil, []string{"W requires PLG0101"}, "no está instalado"},
		{"what it needs is too old", plugin("PLG0101", "requires: [PLG0002 >=2.0.0]"), []string{points}, nil, []string{"W requires PLG0101"}, ">=2.0.0"},
		{"an upgrade lacks something", plugin("PLG0101", "requires: [PLG0002]"), []string{plugin("PLG0101"), points}, []string{"PLG0101"}, []string{"E requires PLG0101"}, "Actívelo primero"},
		{"an upgrade may not stand beside another", plugin("PLG0101", "conflicts: [PLG0002 <2.0.0]"), []string{plugin("PLG0101"), points}, []string{"PLG0101", "PLG0002"},
			[]string{"E conflicts PLG0101"}, "Desactive antes"},
		{"an upgrade leaves another without", strings.Replace(plugin("PLG0101"), "1.0.0", "2.0.0", 1), []string{plugin("PLG0101"), plugin("PLG0102", "requires: [PLG0101 <2.0.0]")},
			[]string{"PLG0101", "PLG0102"}, []string{"E needed PLG0101"}, "PLG0102 Uno 0102 necesita"},
		{"the old version's rules count no more", plugin("PLG0101", rules(x+" | {visible: false}")), []string{plugin("PLG0101", rules(x+" | {visible: true}"))}, nil, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			active := map[string]bool{}
			for _, id := range tt.active {
				active[id] = true
			}
			for _, lang := range []string{"es", "en"} {
				got := interplay.Installing(parse(t, tt.candidate)[0], parse(t, tt.installed...), active, nil, lang)
				got = slices.DeleteFunc(got, func(d *plgv1.Diagnostic) bool { return d.Code == interplay.CodeGoverns })
				if !slices.Equal(said(got), append([]string{}, tt.want...)) {
					t.Fatalf("got %v, want %v", got, tt.want)
				}
				for _, d := range got {
					if strings.Contains(d.Summary, "%!") || strings.Contains(d.Summary, "check.") {
						t.Error(d.Summary)
					}
				}
				if lang == "es" && len(got) > 0 && !strings.Contains(got[0].Summary, tt.words) {
					t.Errorf("%q does not say %q", got[0].Summary, tt.words)
				}
			}
		})
	}
}

func TestWhoInstallsIsToldWhatRulesReachBeyondThePlugin(t *testing.T) {
	m := parse(t, plugin("PLG0101", modes, "fields: [{id: plg0101_x, name: X, type: text}]\nactions: [{id: a, name: A}]",
		rules("customer.plg0101_x | {required: true}", "action.PLG0101.a | {editable: false}", "setting.PLG0101Modo | {visible: false}",
			"message.PLG0101 | {send: customer.email_valid}", "customer.phone | {required: true}",
			"action.PLG0074.reenviar | {visible: false} | active(\"PLG0002\")")))[0]
	for lang, want := range map[string][]string{
		"es": {"sobre «Teléfono» (obligatorio). Motivo: Por customer.phone.", `«Reenviar bienvenida» (oculto), que vale cuando active("PLG0002")`},
		"en": {"about “Phone” (required). Reason: By customer.phone.", `“Resend welcome” (hidden), which holds when active("PLG0002")`},
	} {
		got := interplay.Installing(m, parse(t, welcome), nil, nil, lang)
		if !slices.Equal(said(got), []string{"I interplay_governs customer.phone", "I interplay_governs action.PLG0074.reenviar"}) {
			t.Fatal(got)
		}
		for i, part := range want {
			if !strings.Contains(got[i].Summary, part) {
				t.Errorf("%q does not say %q", got[i].Summary, part)
			}
		}
	}
}

// TestAHostileManifestIsJudgedInTime: rules without number that compare everything with everything.
func TestAHostileManifestIsJudgedInTime(t *testing.T) {
	var list []string
	for i := range 150 {
		when := fmt.Sprintf("settings.A%d > %d && settings.B%d == %d && settings.C < 0 && settings.C > 0", i, i, i, i)
		list = append(list, fmt.Sprintf("customer.talla | {visible: %v} | %s", i%2 == 0, when))
	}
	m := parse(t, plugin("PLG0101", rules(list...)))
	start := time.Now()
	interplay.Installing(m[0], nil, nil, nil, "es")
	_, _ = interplay.Resolve(m, all(m), nil)
	if took := time.Since(start); took > time.Minute { // without the limit it would be hours
		t.Errorf("it took %v", took)
	}
}

func TestPluginsThatNeedOneAnotherCanBeEnabledAndDisabled(t *testing.T) {
	manifests := parse(t, plugin("PLG0101", "requires: [PLG0102]"), plugin("PLG0102", "requires: [PLG0101]"), plugin("PLG0103", "requires: [PLG0101]"))
	for _, tt := range []struct {
		id     string
		active map[string]bool
		want   []string
	}{
		{"PLG0101", nil, []string{"W interplay_cycle PLG0101"}},
		{"PLG0102", map[string]bool{"PLG0101": true}, []string{}},
		{"PLG0103", nil, []string{"E requires PLG0103"}},
	} {
		if got := said(interplay.Enabling(tt.id, manifests, tt.active, nil, "es")); !slices.Equal(got, tt.want) {
			t.Errorf("enabling %s: %v, want %v", tt.id, got, tt.want)
		}
	}
	both := map[string]bool{"PLG0101": true, "PLG0102": true}
	if got := said(interplay.Disabling("PLG0101", manifests, both, "es")); !slices.Equal(got, []string{"W interplay_cycle PLG0101"}) {
		t.Errorf("disabling: %v", got)
	}
}

func TestWhyExplainsEveryKindOfTarget(t *testing.T) {
	manifests := parse(t, points, welcome,
		plugin("PLG0101", modes, "fields:\n  - {id: plg0101_x, name: {es: Talla, en: Size}, type: text, required: true, valid: value != \"\", valid_hint: {es: Algo., en: Something.}}\n  - {id: plg0101_y, name: Y, type: text, read_only: true}"),
		plugin("PLG0102", rules("customer.plg0101_x | {required: true}", "action.PLG0074.reenviar | {editable: false}", "action.PLG0074.codigo_corto | {visible: false}",
			"setting.PLG0101Modo | {editable: false}", "setting.TiendaNombre | {required: true}", "message.PLG0074.promotional | {send: 'consent.promotions == \"given\"'}",
			"message.PLG0002 | {send: false}", "message.PLG0101 | {send: true}")))
	active := all(manifests)
	r := resolve(t, manifests, active, nil)
	for _, tt := range []struct {
		target string
		es, en []string
	}{
		{target, []string{"Nadie puede cambiar «Aplica para Promociones»", "Mostrador"}, []string{"Nobody can change “Applies for promotions”"}},
		{"customer.plg0101_x", []string{"«Talla» es obligatorio", "PLG0102", "debe cumplir esto: Algo."}, []string{"“Size” is required", "Something."}},
		{"customer.plg0101_y", []string{"Ninguna regla", "Solo lo cambia PLG0101"}, []string{"Only PLG0101"}},
		{"customer.email", []string{"«Correo»"}, []string{"“E-mail”"}},
		{"action.PLG0074.reenviar", []string{"El botón «Reenviar bienvenida» está desactivado", "customer.email_valid", "Falta un correo válido."}, []string{"is disabled", "A valid e-mail is missing."}},
		{"action.PLG0074.codigo_corto", []string{"«Activación con código corto» no se muestra"}, []string{"is not shown"}},
		{"action.PLG0500.a", []string{"PLG0500 no está instalado"}, []string{"PLG0500 is not installed"}},
		{"setting.PLG0101Modo", []string{"Nadie puede cambiar «Modo»", "PLG0102 Uno 0102 (plugin.yaml, línea"}, []string{"line"}},
		{"setting.TiendaNombre", []string{"«TiendaNombre» es obligatorio"}, []string{"required"}},
		{"message.PLG0074.promotional", []string{"los mensajes promocionales de PLG0074 Mensajes de bienvenida", `consent.promotions == "given"`, "Por message."}, []string{"the promotional messages of PLG0074"}},
		{"message.PLG0074.transactional", []string{"Ninguna regla"}, []string{"No rule"}},
		{"message.PLG0002.transactional", []string{"No se envían los mensajes necesarios de PLG0002 Puntos"}, []string{"are not sent"}},
		{"message.PLG0101", []string{"Se envían los mensajes de PLG0101"}, []string{"are sent"}},
	} {
		for lang, want := range map[string][]string{"es": tt.es, "en": tt.en} {
			w := r.Why(tt.target, lang)
			for _, part := range want {
				if !strings.Contains(w.Explanation, part) {
					t.Errorf("%s in %s: %q does not say %q", tt.target, lang, w.Explanation, part)
				}
			}
			if strings.Contains(w.Explanation, "%!") || strings.Contains(w.Explanation, "declared.") {
				t.Error(w.Explanation)
			}
		}
	}
	if w := r.Why("message.PLG0074.promotional", "es"); w.Send != `consent.promotions == "given"` || len(w.Rules) != 1 {
		t.Errorf("%+v", w)
	}
	r.NameSettings(func(key, lang string) string { return map[string]string{"TiendaNombre": "Nombre de la tienda"}[key] })
	if w := r.Why("setting.TiendaNombre", "es"); !strings.Contains(w.Explanation, "«Nombre de la tienda» es obligatorio") {
		t.Error(w.Explanation)
	}
	delete(active, "PLG0101")
	if w := resolve(t, manifests, active, nil).Why("customer.plg0101_x", "es"); !strings.Contains(w.Explanation, "PLG0101 Uno 0101 no está activo.") {
		t.Error(w.Explanation)
	}
}

func TestConditionsOnValues(t *testing.T) {
	settings := map[string]any{"PLG0101Tope": 5.0}
	for _, tt := range []struct {
		kind  manifest.Type
		valid manifest.Expression
		value any
		want  bool
		fails bool
	}{
		{manifest.TypeNumber, "value < 10", 9.0, true, false},
		{manifest.TypeNumber, "value < 10", 10.0, false, false},
		{manifest.TypeNumber, "value <= settings.PLG0101Tope", 6.0, false, false},
		{manifest.TypeNumber, "value <= settings.NoHay", 6.0, false, true},
		{manifest.TypeNumber, `value == "a"`, 6.0, false, true},
		{manifest.TypeText, `value.startsWith("A") && size(value) < 4`, "Ana", true, false},
		{manifest.TypeText, `customer.name == value`, "Ana", false, true},
		{manifest.TypeMoney, "double(value) >= 1.5", "1.50", true, false},
		{manifest.TypeDuration, `duration(value) <= duration("72h")`, "96h", false, false},
		{manifest.TypeDate, `timestamp(value + "T00:00:00Z").getDayOfWeek() != 0`, "2026-11-22", false, false},
		{manifest.TypeYesNo, "!value", true, false, false},
		{manifest.TypeList, `value.all(x, x.endsWith(".es"))`, []any{"a.es", "b.com"}, false, false},
		{manifest.TypeList, "size(value) <= 2", []any{"a", "b"}, true, false},
		{manifest.TypeText, "", "lo que sea", true, false},
		{manifest.TypeText, "value != \"\"", nil, true, false},
	} {
		s := &manifest.Setting{Key: "PLG0101X", Type: tt.kind, Valid: tt.valid}
		got, err := interplay.Valid(s, tt.value, settings)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %v of %v: %v (%v)", tt.valid, tt.kind, tt.value, got, err)
		}
	}
	if _, err := interplay.Compile(`"a"`, manifest.TypeText); err == nil {
		t.Error("a condition that is none is taken")
	}
	hostile := &manifest.Setting{Key: "PLG0101X", Type: manifest.TypeList,
		Valid: "value.all(a, value.all(b, value.all(c, value.all(d, a + b + c + d != \"x\"))))"}
	list := make([]any, 500)
	for i := range list {
		list[i] = "y"
	}
	if ok, err := interplay.Valid(hostile, list, nil); ok || err == nil {
		t.Error("a condition may take for ever")
	}
}

func TestFieldsOfActivePluginsAreDeclared(t *testing.T) {
	manifests := parse(t,
		plugin("PLG0101", `settings: [{key: PLG0101Tope, path: [A], name: T, type: number, default: 5}]
fields:
  - {id: plg0101_n, name: {es: Número, en: Number}, type: number, required: true, valid: value < settings.PLG0101Tope, valid_hint: Menos.}
  - {id: plg0101_suyo, name: S, type: text, required: true, read_only: true}
  - {id: plg0101_jefe, name: J, type: text, required: true, role: operator}
  - {id: plg0101_ficha, name: F, type: text, required: true, where: [quick_sheet]}
  - {id: plg0101_oculto, name: O, type: text, required: true}
  - {id: plg0101_regla, name: R, type: text}`, rules("customer.plg0101_oculto | {visible: false}", "customer.plg0101_regla | {required: true}")),
		plugin("PLG0102", "fields: [{id: plg0102_a, name: A, type: text, required: true}]"))
	r, err := interplay.Resolve(manifests, map[string]bool{"PLG0101": true}, map[string]any{"PLG0101Tope": 5.0})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.RequiredFields(); !slices.Equal(got, []string{"plg0101_n", "plg0101_regla"}) {
		t.Errorf("required %v", got)
	}
	if f, ok := r.Field("plg0101_n"); !ok || f.Type != manifest.TypeNumber {
		t.Errorf("field %+v", f)
	}
	if _, ok := r.Field("plg0102_a"); ok {
		t.Error("a field of a plugin that is not active is declared")
	}
	for value, want := range map[float64]bool{4: true, 5: false} {
		if ok, err := r.ValidField("plg0101_n", value); ok != want || err != nil {
			t.Errorf("%v: %v %v", value, ok, err)
		}
	}
	if r.FieldName("plg0101_n", "en") != "Number" || r.FieldName("phone", "es") != "Teléfono" {
		t.Error(r.FieldName("plg0101_n", "en"), r.FieldName("phone", "es"))
	}
	if reason, locked := r.Locked("fields.plg0101_n", nil, "es"); locked {
		t.Error(reason)
	}
	locked := parse(t, plugin("PLG0103", rules("customer.plg0101_n | {editable: false}")))
	r = resolve(t, locked, all(locked), nil)
	for _, name := range []string{"plg0101_n", "fields.plg0101_n"} { // as a target or a mask names it
		if reason, ok := r.Locked(name, nil, "es"); !ok || reason == "" {
			t.Errorf("%s is free", name)
		}
	}
}
