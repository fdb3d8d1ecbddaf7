package guide_test

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func open(t *testing.T, s *uitest.Store, key string) *uitest.Window {
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF9)
	if key != "" {
		w.Type(key)
		w.Key(fyne.KeyReturn)
	}
	w.Settle()
	return w
}

func TestTheGuideFindsBySeedsWordsAndByKey(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	w.MustSee("Plug-Ins", "Promociones", "Clientes", "Elija un ajuste a la izquierda.")
	w.Picture("guide")
	w.Type("bienvenida")
	if w.Sees("Servidor SMTP") {
		t.Error("the search left other settings in the tree")
	}
	w.Key(fyne.KeyReturn)
	w.MustSee("{PLG0074TextoFile}   ·   de PLG0074", "Texto del mensaje de bienvenida para correo", "Correcto")
	w = open(t, s, "PLG0074TextoFile")
	w.MustSee("{PLG0074TextoFile}   ·   de PLG0074")
}

func TestATemplateIsPreviewedWhileItIsTyped(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0074TextoFile")
	w.MustSee("¡Hola, Lucía!", "Asunto: Le damos la bienvenida a Librería Cervantes")
	w.Picture("template")
	w.Type("Nuevo: {{.Cliente.Apodo}}")
	w.MustSee("Línea 1: no existe la variable {{.Cliente.Apodo}}.", "Con errores", "¡Hola, Lucía!")
	w.Picture("template-wrong")
	w.Key(fyne.KeyF5)
	if slices.Contains(calls(s), "set PLG0074TextoFile") {
		t.Error("a broken text was kept")
	}
}

func TestANumberIsRefusedKeptAndReverted(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "CodigoCortoDias")
	w.Picture("number")
	w.Key(fyne.KeyEnd)
	w.Key(fyne.KeyBackspace)
	w.Type("0")
	w.Key(fyne.KeyReturn)
	w.MustSee("Debe ser 1 o más.")
	w.Key(fyne.KeyEnd)
	w.Key(fyne.KeyBackspace)
	w.Type("x")
	w.Key(fyne.KeyReturn)
	w.MustSee("Escriba un número.")
	w.Key(fyne.KeyBackspace)
	w.Type("10")
	w.Key(fyne.KeyReturn)
	if !slices.Contains(calls(s), "set CodigoCortoDias") {
		t.Fatalf("calls: %q", calls(s))
	}
	w.Key(fyne.KeyF7)
	w.MustSee("Historial de «Validez del código corto (días)»", "09/03/2026 11:00, Marta Ruiz · Caja 1", "Sin valor")
	w.Desk.Hush()
	w.Picture("history")
	w.Press("Revertir")
	if !slices.Contains(calls(s), "revert CodigoCortoDias") {
		t.Errorf("calls: %q", calls(s))
	}
}

func TestMailSettingsSendATest(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "CorreoServidor")
	w.Press("Enviar correo de prueba")
	w.Type("yo@example.com")
	w.Key(fyne.KeyReturn)
	w.MustSee("smtp.example.com aceptó el mensaje para yo@example.com: 250 2.0.0 OK")
	w.Picture("test-mail")
}

func TestASecretIsNeverShown(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "CorreoClave")
	e, ok := w.Canvas.Focused().(*ui.Entry)
	if !ok || !e.Password || e.Text != "" {
		t.Errorf("the editor of a secret is %#v", w.Canvas.Focused())
	}
}

func TestACountryIsFoundByItsName(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "TiendaPais")
	w.MustSee("España  (ES)")
	w.Picture("country-chosen")
	w.Type("mexi") // without the accent
	w.MustSee("México  (MX)")
	w.Picture("country")
	w.Key(fyne.KeyReturn)
	value := func() string { return s.Settings[1].Value.GetStringValue() }
	if value() != "MX" {
		t.Errorf("kept %q", value())
	}
	w.Type("xyz")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ningún país se llama así.")
	for range 3 {
		w.Key(fyne.KeyBackspace)
	}
	w.Type("alemania")
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyF5)
	if value() != "DE" {
		t.Errorf("kept %q", value())
	}
}

// add puts a setting into the store, at its default; it can be set for a till.
func add(s *uitest.Store, key, kind, name string, value *structpb.Value) *mostradorv1.Setting {
	setting := &mostradorv1.Setting{Key: key, Name: name, Type: kind, Owner: "PLG0002", Path: []string{"Plug-Ins", "Puntos"}, Help: "Rige en las ventas de esta tienda.",
		Value: value, Default: value, Scope: mostradorv1.SettingScope_SETTING_SCOPE_DEFAULT, Narrowest: mostradorv1.SettingScope_SETTING_SCOPE_TILL}
	s.Settings = append(s.Settings, setting)
	return setting
}

const (
	chain = mostradorv1.SettingScope_SETTING_SCOPE_CHAIN
	store = mostradorv1.SettingScope_SETTING_SCOPE_STORE
	till  = mostradorv1.SettingScope_SETTING_SCOPE_TILL
)

func text(s string) *structpb.Value { return structpb.NewStringValue(s) }

func TestATimeIsWrittenAsAPersonDoes(t *testing.T) {
	s := uitest.Serve(t)
	uitest.Put(add(s, "PLG0002Plazo", "duration", "Plazo", text("168h")), store, "", text("1h30m0s"))
	w := open(t, s, "PLG0002Plazo")
	w.MustSee("1h30m", "= 1 hora 30 minutos", "7 días")
	w.Picture("duration")
}

func TestEveryTypeHasItsEditor(t *testing.T) {
	list := structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{text("Librería"), text("Papelería"), text("Prensa")}})
	for _, c := range []struct {
		kind  string
		value *structpb.Value
		sees  []string
	}{
		{"text", text("Gracias por su visita"), []string{"Gracias por su visita"}},
		{"long_text", text("Una línea.\nY otra."), []string{"Una línea.\nY otra."}},
		{"money", text("12.50"), []string{"12,50", "EUR", "12,50 EUR"}},
		{"yes_no", structpb.NewBoolValue(true), []string{"Activado", "Sí"}},
		{"choice", text("b"), []string{"Con ticket regalo"}},
		{"date", text("2026-12-31"), []string{"31/12/2026", "jueves, 31 de diciembre de 2026"}},
		{"phone", text("+34600111222"), []string{"+34 600 111 222"}},
		{"email", text("tienda@example.com"), []string{"tienda@example.com"}},
		{"url", text("https://www.example.com"), []string{"https://www.example.com"}},
		{"color", text("#0f6674"), []string{"#0f6674"}},
		{"list", list, []string{"Papelería", "Librería, Papelería, Prensa"}},
		{"file", text("tarifas.csv"), []string{"tarifas.csv", "31 B  ·  líneas: 2", "código;precio"}},
	} {
		s := uitest.Serve(t)
		setting := add(s, "PLG0002Prueba", c.kind, "Un ajuste de prueba", nil)
		setting.Choices = []*mostradorv1.Choice{{Value: "a", Label: "Sin nada"}, {Value: "b", Label: "Con ticket regalo"}}
		setting.Rule = "lo que pida el plug-in"
		setting.Content = "código;precio\n8412345678;3,50\n"
		uitest.Put(setting, store, "", c.value)
		w := open(t, s, "PLG0002Prueba")
		w.MustSee(c.sees...)
		w.MustSee("Lo que pida el plug-in", "Caja 1", "Tienda", "Cadena", "Predeterminado", "Valor de Tienda")
		w.Picture("type-" + c.kind)
	}
}

func TestEveryEditorFitsTheSmallestWindow(t *testing.T) {
	s := uitest.Serve(t)
	for _, kind := range []string{"text", "long_text", "country", "color", "list", "file", "date"} {
		setting := add(s, "PLG0002De"+kind, kind, "Un ajuste con un nombre que no es precisamente corto", nil)
		setting.Help = strings.Repeat("Una ayuda que lo explica con muchas palabras. ", 8)
		setting.Warning, setting.Reason, setting.Required = "Hay algo que conviene saber ahora.", "Lo pide otro plug-in.", true
		uitest.Put(setting, till, "2", text("x"))
	}
	w := uitest.SignIn(t, s)
	smallest := fyne.NewSize(1024, 700)
	w.Desk.Window.Resize(smallest)
	for _, setting := range s.Settings {
		w.Desk.Nav.Go(ui.Guide, setting.Key)
		w.Settle()
		w.MustSee("{" + setting.Key + "}")
		if least := w.Canvas.Content().MinSize(); least.Width > smallest.Width || least.Height > smallest.Height {
			t.Errorf("%s of type %s needs %v", setting.Key, setting.Type, least)
		}
	}
}
