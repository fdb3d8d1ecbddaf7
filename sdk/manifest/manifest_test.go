package manifest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mostrador/sdk/manifest"
)

// welcome is the manifest of the SDK's document, to the letter.
const welcome = `# plugin.yaml — everything that can be known without running the plugin; unknown keys are errors
id: PLG0074
name: {es: Mensajes de bienvenida, en: Welcome messages}
version: 1.0.0
api: 1
permissions: [customer.contact:read, message.email:send, consent:record]
settings:
  - key: PLG0074TextoFile
    path: [Plug-Ins, Promociones, Clientes]
    name: {es: Texto del mensaje de bienvenida para correo, en: Welcome mail text}
    type: template_file            # validated where it is set: exists, parses, knows its variables
    default: templates/bienvenida.html
actions:
  - id: reenviar
    name: {es: Reenviar bienvenida, en: Resend welcome}
    where: [quick_sheet]
    enabled: customer.email_valid
    disabled_reason: {es: Falta un correo válido., en: A valid e-mail is missing.}
  - id: codigo_corto
    name: {es: Activación con código corto, en: Activate with short code}
    where: [quick_sheet]
    enabled: consent.programme == "pending"
    form: [{id: codigo, type: short_code, required: true}]
events: {handles: [customer.registered, consent.given, consent.withdrawn]}
interplay:
  - when: active("PLG0002") && active("PLG0074")
    target: customer.aplica_promociones
    policy: {editable: false, value: consent.promotions == "given"}
    reason:
      es: Se activa sola cuando el cliente acepta, porque Puntos y Bienvenida están activos.
      en: It goes on by itself when the customer accepts, since Points and Welcome are active.
`

// rich has everything that the other has not.
const rich = `
id: PLG0002
name: Puntos
description: {es: Suma puntos., en: Adds points.}
version: 1.2.0-rc.1
api: [1, 2]
permissions: ["customer.plg0002_nivel:write", "net:smpp.example:2775", customer.tags:write]
settings:
  - key: PLG0002PorEuro
    path: [Plug-Ins, {es: Promociones, en: Promotions}]
    name: {es: Puntos por euro}
    help: {es: Cuántos puntos da cada euro.}
    type: number
    default: 1
    min: 0
    max: 100
    whole: true
    required: true
    public: true
  - {key: PLG0002Modo, path: [Plug-Ins], name: Modo, type: choice, default: a, choices: [{value: a, name: A}, {value: b, name: {es: B}}]}
  - {key: PLG0002Codigo, path: [Plug-Ins], name: Código, type: text, pattern: "[A-Z]+", pattern_hint: Solo mayúsculas.}
  - {key: PLG0002Lista, path: [Plug-Ins], name: Lista, type: list, default: [a, b], max: 5}
fields: [{id: plg0002_nivel, name: Nivel, type: text, read_only: true, role: operator}]
actions:
  - {id: ajustar, name: Ajustar, role: technician, confirm: ¿Seguro?, form: [{id: puntos, name: Puntos, type: number, required: true}]}
panels: [{id: saldo, name: Puntos}]
measures: [{id: puntos, name: {es: Puntos, en: Points}, unit: {es: puntos, en: points}}, {id: nivel, name: Nivel}]
events: {handles: [sale.completed, plg0074.sent], emits: [plg0002.points_expired]}
interplay:
  - {target: action.PLG0074.reenviar, policy: {visible: false, required: true}, reason: Porque sí.}
requires: [PLG0074 >=1.0.0 <2.0.0]
conflicts: [PLG0003]
`

func TestTheManifestOfTheDocumentIsReadAsItStands(t *testing.T) {
	m, err := manifest.Parse([]byte(welcome), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	setting, ok := m.Setting("PLG0074TextoFile")
	if !ok || setting.Type != manifest.TypeTemplateFile || setting.Default != "templates/bienvenida.html" ||
		len(setting.Path) != 3 || setting.Path[1].In("es") != "Promociones" {
		t.Errorf("setting %+v", setting)
	}
	resend, ok := m.Action("reenviar")
	if !ok || resend.Enabled != "customer.email_valid" || resend.DisabledReason.In("en") != "A valid e-mail is missing." ||
		resend.Role != manifest.RoleCashier {
		t.Errorf("action %+v", resend)
	}
	code, _ := m.Action("codigo_corto")
	if code.Enabled != `consent.programme == "pending"` || !code.Form[0].Required || code.Form[0].Type != manifest.TypeShortCode {
		t.Errorf("action %+v", code)
	}
	r := m.Interplay[0]
	if r.When != `active("PLG0002") && active("PLG0074")` || r.Policy.Editable == nil || *r.Policy.Editable ||
		r.Policy.Visible != nil || r.Policy.Value != `consent.promotions == "given"` || r.Line != 26 {
		t.Errorf("rule %+v", r)
	}
	if !m.Handles("consent.given") || m.Handles("sale.completed") || !m.API.Speaks(1) || m.API.Speaks(2) {
		t.Error("events or protocol are wrong")
	}
}

func TestEverythingThatAManifestMaySayIsRead(t *testing.T) {
	m, err := manifest.Parse([]byte(rich), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := m.Settings[0]
	if s.Default != 1.0 || s.Min != 0.0 || !s.Whole || !s.Public || s.Path[1].In("en") != "Promotions" {
		t.Errorf("setting %+v", s)
	}
	if list, ok := m.Settings[3].Default.([]any); !ok || len(list) != 2 || list[1] != "b" {
		t.Errorf("list %#v", m.Settings[3].Default)
	}
	if f := m.Fields[0]; !f.ReadOnly || f.Role != manifest.RoleOperator || len(f.Where) != 2 {
		t.Errorf("field %+v", f)
	}
	if p, ok := m.Panel("saldo"); !ok || p.Kind != manifest.KindRows || p.Where[0] != manifest.PlaceQuickSheet {
		t.Errorf("panel %+v", p)
	}
	if x, ok := m.Measure("puntos"); !ok || x.Name.In("en") != "Points" || x.Unit.In("en") != "points" || len(m.Measures) != 2 {
		t.Errorf("measure %+v", x)
	}
	if d := m.Requires[0]; d.ID != "PLG0074" || !d.Versions.Contains("1.9.9") || d.Versions.Contains("2.0.0") {
		t.Errorf("dependency %+v", d)
	}
	if !m.API.Speaks(2) || !m.Emits("plg0002.points_expired") || m.Emits("plg0002.other") || m.Name.In("en") != "Puntos" {
		t.Errorf("%+v", m)
	}
}

// base is a manifest in order to which a test adds what is wrong.
const base = "id: PLG0074\nname: Hola\nversion: 1.0.0\napi: 1\n"

func TestEachMistakeIsNamedWithItsLine(t *testing.T) {
	setting := func(more string) string {
		return base + "settings:\n  - {key: PLG0074X, path: [A], name: X, " + more + "}\n"
	}
	tests := []struct {
		name, yaml, where, want string
	}{
		{"empty", "", ":1:1", "the file is empty"},
		{"only a comment", "# nada\n", ":1:1", "the file is empty"},
		{"not YAML", "id: [1\n", ":", ""},
		{"a list", "- a\n", ":1:", "must be a map of keys, not a list"},
		{"two documents", base + "---\n" + base, "", "several documents"},
		{"no id", "name: Hola\nversion: 1.0.0\napi: 1\n", ":1:1: id:", "is missing: add the plugin's id"},
		{"no name", "id: PLG0074\nversion: 1.0.0\napi: 1\n", "name:", "is missing"},
		{"no version", "id: PLG0074\nname: a\napi: 1\n", "version:", "is missing"},
		{"no api", "id: PLG0074\nname: a\nversion: 1.0.0\n", "api:", "is missing"},
		{"a bad id", "id: PLG74\nname: a\nversion: 1.0.0\napi: 1\n", ":1:", "four digits"},
		{"a version of two numbers", "id: PLG0074\nname: a\nversion: \"1.0\"\napi: 1\n", ":3:", "three numbers"},
		{"a version that YAML takes for a number", "id: PLG0074\nname: a\nversion: 1.0\napi: 1\n", ":3:10", "put it in quotes"},
		{"api is a text", "id: PLG0074\nname: a\nversion: 1.0.0\napi: uno\n", ":4:", "protocol version"},
		{"an unknown key", base + "setings: []\n", ":5:1: setings:", `did you mean "settings"?`},
		{"an unknown key below", setting("type: text, tipo: text"), ":6:", "unknown key \"tipo\""},
		{"a key twice", base + "api: 2\n", ":5:", "already defined"},
		{"a language twice", "id: PLG0074\nname: {es: a, es: b}\nversion: 1.0.0\napi: 1\n", ":2:", ""},
		{"no Spanish", "id: PLG0074\nname: {en: a}\nversion: 1.0.0\napi: 1\n", ":2:", "needs a Spanish text"},
		{"a language that is none", "id: PLG0074\nname: {es: a, english: b}\nversion: 1.0.0\napi: 1\n", ":2:", "two letters"},
		{"a number for a text", "id: PLG0074\nname: 5\nversion: 1.0.0\napi: 1\n", ":2:", "put it in quotes"},
		{"nothing for a text", "id: PLG0074\nname:\nversion: 1.0.0\napi: 1\n", ":2:", "is empty"},
		{"a text for a list", base + "permissions: customer:read\n", ":5:", "must be a list, not a text"},
		{"an unknown permission", base + "permissions: [customer:destroy]\n", ":5:15", "unknown permission"},
		{"a permission twice", base + "permissions: [sale:read, sale:read]\n", ":5:26", "twice"},
		{"an anchor", base + "description: &a hola\n", ":5:", "anchors"},
		{"an alias", base + "description: *a\n", ":5:", ""},
		{"a tag", base + "description: !!str hola\n", ":5:", "tags"},
		{"a setting of another plugin", base + "settings:\n  - {key: PLG0002X, path: [A], name: X, type: text}\n", ":6:", "must begin with the plugin's id"},
		{"a setting that is only the id", base + "settings:\n  - {key: PLG0074, path: [A], name: X, type: text}\n", ":6:", "must begin with the plugin's id"},
		{"a setting twice", base + "settings:\n  - {key: PLG0074X, path: [A], name: X, type: text}\n  - {key: PLG0074X, path: [A], name: X, type: text}\n", ":7:", "twice"},
		{"a setting with spaces", base + "settings:\n  - {key: PLG0074 X, path: [A], name: X, type: text}\n", ":6:", "letters and digits"},
		{"a setting without a place", base + "settings:\n  - {key: PLG0074X, name: X, type: text}\n", ":6:", "where it stands"},
		{"no type", setting("help: a"), "settings[0].type", "is missing"},
		{"an unknown type", setting("type: fecha"), "settings[0].type", "unknown \"fecha\""},
		{"a default of another kind", setting("type: number, default: uno"), "settings[0].default", "must be a number"},
		{"a money as a number", setting("type: money, default: 10.5"), "settings[0].default", "must be a text"},
		{"a secret with a default", setting("type: secret, default: a"), "settings[0].default", "no default"},
		{"a public secret", setting("type: secret, public: true"), "settings[0].public", "never public"},
		{"a choice of nothing", setting("type: choice"), "settings[0].choices", "is missing"},
		{"a default that is no choice", setting("type: choice, default: c, choices: [{value: a, name: A}]"), "settings[0].default", "none of the choices"},
		{"a pattern that does not compile", setting("type: text, pattern: \"(\", pattern_hint: a"), "settings[0].pattern", "no regular expression"},
		{"a pattern without a hint", setting("type: text, pattern: a"), "settings[0].pattern_hint", "is missing"},
		{"bounds of what has none", setting("type: yes_no, max: 1"), "settings[0].max", "has no max"},
		{"a field without the id", base + "fields: [{id: nivel, name: N, type: text}]\n", ":5:", "must begin with the plugin's id"},
		{"a field that is a secret", base + "fields: [{id: plg0074_x, name: N, type: secret}]\n", ":5:", "unknown \"secret\""},
		{"a place that is none", base + "actions: [{id: a, name: A, where: [techo]}]\n", ":5:", "unknown \"techo\""},
		{"a role that is none", base + "actions: [{id: a, name: A, role: rey}]\n", ":5:", "unknown \"rey\""},
		{"a reason that is never shown", base + "actions: [{id: a, name: A, disabled_reason: no}]\n", ":5:", "never shown"},
		{"a measure without a name", base + "measures: [{id: puntos}]\n", ":5:", "measures[0].name"},
		{"a measure that is there twice", base + "measures: [{id: a, name: A}, {id: a, name: B}]\n", ":5:", "twice"},
		{"a measure of no identifier", base + "measures: [{id: Puntos!, name: A}]\n", ":5:", "lower-case"},
		{"too many measures", base + "measures: [" + strings.Repeat("{id: a, name: A}, ", 9) + "]\n", ":5:", "keep to 8"},
		{"an event that is none", base + "events: {handles: [customer.born]}\n", ":5:", "unknown event"},
		{"an event of another", base + "events: {emits: [plg0002.x]}\n", ":5:", "must begin with plg0074."},
		{"a rule without a target", base + "interplay: [{policy: {visible: false}, reason: a}]\n", ":5:", "is missing: say what"},
		{"a rule that asks nothing", base + "interplay: [{target: customer.a, reason: a}]\n", ":5:", "asks nothing"},
		{"a rule without a reason", base + "interplay: [{target: customer.a, policy: {visible: false}}]\n", ":5:", "say to the user why"},
		{"a rule about nothing known", base + "interplay: [{target: tienda.a, policy: {visible: false}, reason: a}]\n", ":5:", "customer.<field>"},
		{"a value for a button", base + "interplay: [{target: action.PLG0002.a, policy: {value: true}, reason: a}]\n", ":5:", "only a field"},
		{"a bound that cannot be read", setting("type: money, min: cinco"), "settings[0].min", "is no money"},
		{"a length that is no whole number", setting("type: text, max: 1.5"), "settings[0].max", "is no text"},
		{"a day that is none", base + "fields: [{id: plg0074_x, name: N, type: date, min: \"2026-02-30\"}]\n", ":5:", "is no date"},
		{"nothing between the bounds", setting("type: number, min: 5, max: 4"), "settings[0].min", "no value lies between"},
		{"nothing between amounts", setting("type: money, min: \"10.00\", max: \"9.50\""), "settings[0].min", "no value lies between"},
		{"nothing between times", setting("type: duration, min: 2d, max: 47h"), "settings[0].min", "no value lies between"},
		{"nothing between days", setting("type: date, min: \"2026-11-22\", max: \"2026-11-21\""), "settings[0].min", "no value lies between"},
		{"a text that is whole", setting("type: text, whole: true"), "settings[0].whole", "numbers only"},
		{"a number with a pattern", setting("type: number, pattern: a, pattern_hint: a"), "settings[0].pattern", "has no pattern"},
		{"a file with a default", setting("type: file, default: a"), "settings[0].default", "has no default"},
		{"a condition without a hint", setting("type: text, valid: value != \"\""), "settings[0].valid_hint", "is missing"},
		{"a hint without a condition", setting("type: text, valid_hint: a"), "settings[0].valid_hint", "never shown"},
		{"a condition on a file", setting("type: file, valid: \"true\", valid_hint: a"), "settings[0].valid", "only its path"},
		{"a scope that is none", setting("type: text, scope: chain"), "settings[0].scope", "unknown \"chain\""},
		{"a field's condition without a hint", base + "fields: [{id: plg0074_x, name: N, type: text, valid: value != \"\"}]\n", ":5:", "say in words"},
		{"a field with a pattern and no text", base + "fields: [{id: plg0074_x, name: N, type: number, pattern: a, pattern_hint: a}]\n", ":5:", "has no pattern"},
		{"a question with senseless bounds", base + "actions: [{id: a, name: A, form: [{id: b, name: B, type: yes_no, min: 1}]}]\n", ":5:", "has no min"},
		{"a question with a broken pattern", base + "actions: [{id: a, name: A, form: [{id: b, name: B, type: text, pattern: \"(\", pattern_hint: a}]}]\n", ":5:", "no regular expression"},
		{"a runtime that is none", base + "runtime: deno\n", ":5:1: runtime:", "unknown \"deno\": use one of node"},
		{"a port beyond all", base + "permissions: [\"net:a.example:65536\"]\n", ":5:", "up to 65535"},
		{"a host in capitals", base + "permissions: [\"net:A.example:25\"]\n", ":5:", "lower case"},
		{"too little memory", base + "permissions: [\"memory:15\"]\n", ":5:", "between 16 and 4096"},
		{"too much memory", base + "permissions: [\"memory:5000\"]\n", ":5:", "between 16 and 4096"},
		{"memory twice", base + "permissions: [\"memory:64\", \"memory:128\"]\n", ":5:28", "keep one"},
		{"a file with detours", base + "permissions: [\"file:/srv/../etc:read\"]\n", ":5:", "without .."},
		{"a file that is not absolute", base + "permissions: [\"file:srv:read\"]\n", ":5:", "absolute path"},
		{"the whole disk", base + "permissions: [\"file:/:read\"]\n", ":5:", "absolute path"},
		{"a file to run", base + "permissions: [\"file:/srv/a:execute\"]\n", ":5:", ":read or :write"},
		{"a message that is shown", base + "interplay: [{target: message.PLG0002, policy: {visible: false}, reason: a}]\n", ":5:", "not on screen"},
		{"a message of no kind known", base + "interplay: [{target: message.PLG0002.spam, policy: {send: false}, reason: a}]\n", ":5:", "message.<plugin>"},
		{"a field that is sent", base + "interplay: [{target: customer.a, policy: {send: false}, reason: a}]\n", ":5:", "only a message is sent"},
		{"a policy that is no yes or no", base + "interplay: [{target: customer.a, policy: {visible: 1}, reason: a}]\n", ":5:", "true or false"},
		{"a dependency that is none", base + "requires: [Puntos]\n", ":5:", "begin with the other plugin's id"},
		{"a range that is none", base + "requires: [PLG0002 ~>1]\n", ":5:", "is no version"},
		{"a plugin that requires itself", base + "requires: [PLG0074]\n", ":5:", "itself"},
		{"required and a conflict", base + "requires: [PLG0002]\nconflicts: [PLG0002]\n", ":5:", "at once"},
		{"deep brackets", base + "description: " + strings.Repeat("[", 5000) + "\n", "", "nested"},
		{"deep dashes", base + "settings:\n" + strings.Repeat("- ", 50000), "", "nested"},
		{"deep blocks", base + "settings:\n" + deep(60), "", ""},
		{"too big", base + "# " + strings.Repeat("x", 300<<10), "", "keep it below"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := manifest.Parse([]byte(tt.yaml), "plg/plugin.yaml")
			var e *manifest.Error
			if m != nil || !errors.As(err, &e) || len(e.Problems) == 0 {
				t.Fatalf("got %+v, %v", m, err)
			}
			if text := err.Error(); !strings.HasPrefix(text, "plg/plugin.yaml"+tt.where) && !strings.Contains(text, tt.where) ||
				!strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q and %q", text, tt.where, tt.want)
			}
		})
	}
}

// deep nests n lists.
func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s-\n", strings.Repeat(" ", i+1))
	}
	return b.String()
}

func TestWhatCameWithIssueThreeIsRead(t *testing.T) {
	m, err := manifest.Parse([]byte(base+`runtime: node
permissions: ["memory:512", process:spawn, "file:/srv/rates:read", 'file:C:\Datos\tarifas:write', "net:smpp.example:2775"]
settings:
  - {key: PLG0074Logo, path: [A], name: Logo, type: file, scope: till, validate: true}
  - {key: PLG0074Hora, path: [A], name: Hora, type: text, valid: value.startsWith("1"), valid_hint: Empieza por 1.}
  - {key: PLG0074Plazo, path: [A], name: Plazo, type: duration, min: 1d, max: 2w}
  - {key: PLG0074Dia, path: [A], name: Día, type: date, min: 2026-01-01, default: 2026-11-21}
  - {key: PLG0074Aviso, path: [A], name: Aviso, type: phone}
fields:
  - {id: plg0074_nacimiento, name: Nacimiento, type: date, min: "1900-01-01", max: "2100-01-01", valid: value != "1900-01-01", valid_hint: Otro día.}
  - {id: plg0074_hijos, name: Hijos, type: number, min: 0, max: 20, whole: true}
actions:
  - {id: a, name: A, form: [{id: b, name: B, type: text, max: 4, pattern: "[0-9]*", pattern_hint: Cifras.}]}
interplay:
  - {target: message.PLG0002.promotional, policy: {send: consent.promotions == "given"}, reason: Solo a quien quiso.}
  - {target: message.PLG0002, policy: {send: false}, reason: Nada.}
`), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	logo, hour := m.Settings[0], m.Settings[1]
	if m.Runtime != manifest.RuntimeNode || logo.Scope != manifest.ScopeTill || !logo.Validate ||
		hour.Scope != manifest.ScopeStore || hour.Valid != `value.startsWith("1")` || hour.ValidHint.In("es") == "" {
		t.Errorf("%+v", m.Settings)
	}
	if m.Settings[3].Default != "2026-11-21" || m.Fields[0].Max != "2100-01-01" || m.Fields[1].Max != 20.0 || !m.Fields[1].Whole ||
		m.Actions[0].Form[0].Pattern != "[0-9]*" || m.Interplay[1].Policy.Send != "false" {
		t.Errorf("%+v", m)
	}
	if got := manifest.MemoryMiB(m.Permissions); got != 512 {
		t.Errorf("memory %d", got)
	}
	if got := manifest.MemoryMiB([]string{"sale:read"}); got != 0 {
		t.Errorf("memory that nobody asked for: %d", got)
	}
	want := []manifest.FileAccess{{Path: "/srv/rates"}, {Path: `C:\Datos\tarifas`, Write: true}}
	if got := manifest.Files(m.Permissions); !slices.Equal(got, want) {
		t.Errorf("files %+v", got)
	}
	if host, port, ok := manifest.Net("net:smpp.example:2775"); host != "smpp.example" || port != 2775 || !ok {
		t.Errorf("net %q %d %v", host, port, ok)
	}
	for permission, want := range map[string]string{"customer.plg0002_nivel:write": "plg0002_nivel", "customer.fields:write": "",
		"customer.tags:write": "", "customer:read": "", "customer.name:write": "name"} {
		if field, ok := manifest.FieldWritten(permission); field != want || ok != (want != "") {
			t.Errorf("%s: %q %v", permission, field, ok)
		}
	}
}

func FuzzPermission(f *testing.F) {
	for _, p := range []string{"net:a.example:1", "memory:16", "file:/a:read", `file:C:\a:write`, "file:/a/../b:read", "customer.x:write", "::"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, permission string) {
		if host, port, ok := manifest.Net(permission); ok && (host == "" || port < 1 || port > 65535) {
			t.Fatalf("%q opens %q %d", permission, host, port)
		}
		if file, ok := manifest.File(permission); ok && (strings.Contains(file.Path, "/../") || len(file.Path) < 2) {
			t.Fatalf("%q opens %q", permission, file.Path)
		}
		if n := manifest.MemoryMiB([]string{permission}); n != 0 && (n < 16 || n > 4096) {
			t.Fatalf("%q grants %d MiB", permission, n)
		}
	})
}

func TestAllMistakesAreNamedAtOnceInTheOrderOfLines(t *testing.T) {
	_, err := manifest.Parse([]byte("id: 5\nnme: Hola\nversion: [1]\napi: 1\npermissions: todo\n"), "p.yaml")
	var e *manifest.Error
	if !errors.As(err, &e) || len(e.Problems) != 4 {
		t.Fatal(err)
	}
	for i, line := range []int{1, 2, 3, 5} {
		if e.Problems[i].Line != line {
			t.Errorf("problem %d is in line %d, want %d", i, e.Problems[i].Line, line)
		}
	}
}

func TestTheCoresSettingsBearNoPluginsID(t *testing.T) {
	good := "settings:\n  - {key: TiendaNombre, path: [Tienda], name: Nombre, type: text}\n"
	if s, err := manifest.ParseSettings([]byte(good), "core.yaml"); err != nil || len(s) != 1 {
		t.Error(s, err)
	}
	bad := strings.Replace(good, "TiendaNombre", "PLG0074Nombre", 1)
	if _, err := manifest.ParseSettings([]byte(bad), "core.yaml"); err == nil {
		t.Error("a plugin's key is taken")
	}
	if _, err := manifest.ParseRules([]byte("interplay: [{target: customer.a, policy: {visible: false}}]"), "core.yaml"); err == nil {
		t.Error("a rule without a reason is taken")
	}
}

func TestPermissionsIncludeOthers(t *testing.T) {
	m := &manifest.Manifest{Permissions: []string{"customer.contact:read", "customer.fields:write"}}
	for permission, want := range map[string]bool{
		"customer.contact:read": true, "customer:read": true, "customer.aplica_promociones:write": true,
		"customer.tags:write": false, "sale:read": false, "customer.fields:read": false,
	} {
		if m.Allows(permission) != want {
			t.Errorf("%s: %v", permission, !want)
		}
	}
}

func TestTextFallsBackToSpanishAndThenToAny(t *testing.T) {
	for _, tt := range []struct {
		text       manifest.Text
		lang, want string
	}{
		{manifest.Text{"es": "a", "en": "b"}, "en", "b"}, {manifest.Text{"es": "a", "en": "b"}, "en-GB", "b"},
		{manifest.Text{"es": "a", "en": "b"}, "fr", "a"}, {manifest.Text{"en": "b", "fr": "c"}, "es", "b"},
		{manifest.Text{"es": "a"}, "", "a"}, {nil, "es", ""},
	} {
		if got := tt.text.In(tt.lang); got != tt.want {
			t.Errorf("%v in %q: %q", tt.text, tt.lang, got)
		}
	}
}

func TestVersionsAreOrderedAsSemverSays(t *testing.T) {
	// The order of semver.org's own example, and around it.
	order := []string{"", "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0"}
	for i, a := range order {
		for j, b := range order {
			got, want := manifest.CompareVersions(a, b), 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got != want {
				t.Errorf("%s against %s: %d", a, b, got)
			}
		}
	}
	if manifest.CompareVersions("1.0.0+a", "1.0.0+b") != 0 {
		t.Error("build metadata counts")
	}
}

func TestRangesHoldTheVersionsMeant(t *testing.T) {
	for _, tt := range []struct {
		bounds string
		in     string
		out    string
	}{
		{"", "0.0.1 9.9.9", ""}, {"1.2.0", "1.2.0", "1.2.1 1.1.9"}, {">=1.2.0 <2.0.0", "1.2.0 1.9.0", "1.1.9 2.0.0"},
		{">1.0.0", "1.0.1", "1.0.0"}, {"<=1.0.0", "1.0.0 1.0.0-rc.1", "1.0.1"}, {"=1.0.0", "1.0.0", "1.0.1"},
	} {
		r, err := manifest.ParseRange(tt.bounds)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range strings.Fields(tt.in) {
			if !r.Contains(v) {
				t.Errorf("%q lacks %s", tt.bounds, v)
			}
		}
		for _, v := range strings.Fields(tt.out) {
			if r.Contains(v) {
				t.Errorf("%q holds %s", tt.bounds, v)
			}
		}
		if again, err := manifest.ParseRange(r.String()); err != nil || again.String() != r.String() {
			t.Errorf("%q is written as %q", tt.bounds, r)
		}
	}
	for _, bad := range []string{"~1.0.0", ">=1", "latest", "<>1.0.0"} {
		if _, err := manifest.ParseRange(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(welcome))
	f.Add([]byte(rich))
	f.Add([]byte(base + "a: &x [*x]\n<<: *x\n? [a]\n: b\n"))
	f.Add([]byte("{a: {b: [}]}"))
	f.Add([]byte("id: |\n  a\n\t- b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse(data, "plugin.yaml")
		var e *manifest.Error
		switch {
		case err == nil:
			if m.ID == "" || m.Name.In("es") == "" || !manifest.ValidVersion(m.Version) || len(m.API) == 0 {
				t.Fatalf("an incomplete manifest is taken: %+v", m)
			}
			for _, s := range m.Settings {
				if !strings.HasPrefix(s.Key, m.ID) {
					t.Fatalf("setting %q is taken", s.Key)
				}
			}
		case !errors.As(err, &e) || len(e.Problems) == 0 || m != nil:
			t.Fatalf("a poor error: %v", err)
		default:
			for _, p := range e.Problems {
				if p.Line < 1 || p.Message == "" {
					t.Fatalf("a poor problem: %+v", p)
				}
			}
		}
	})
}
