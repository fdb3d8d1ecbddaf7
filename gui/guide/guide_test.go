package guide_test

import (
	"slices"
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
	if slices.Contains(s.Calls, "set PLG0074TextoFile") {
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
	w.MustSee("Guardado: Validez del código corto (días).")
	w.Key(fyne.KeyF7)
	w.MustSee("7 pasa a 10", "14 pasa a 7")
	w.Desk.Hush()
	w.Picture("history")
	w.Press("Revertir")
	if !slices.Contains(s.Calls, "revert CodigoCortoDias") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("Revertido: Validez del código corto (días).")
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
	w.MustSee("Guardado: País.")
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

func TestATimeIsWrittenAsAPersonDoes(t *testing.T) {
	s := uitest.Serve(t)
	week := structpb.NewStringValue("168h")
	s.Settings = append(s.Settings, &mostradorv1.Setting{Key: "PLG0002Plazo", Name: "Plazo", Type: "duration", Owner: "PLG0002", Path: []string{"Plug-Ins"},
		Value: structpb.NewStringValue("1h30m0s"), Default: week})
	w := open(t, s, "PLG0002Plazo")
	w.MustSee("1h30m", "De fábrica: 7d", "Un número y su unidad: 30m (minutos), 12h (horas), 7d (días) o 2w (semanas).")
	w.Picture("duration")
}
