package integrations_test

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func open(t *testing.T, s *uitest.Store, tab fyne.KeyName) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Integrations, "")
	w.Settle()
	w.Shortcut(&desktop.CustomShortcut{KeyName: tab, Modifier: fyne.KeyModifierAlt})
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, call) })
}

func TestEventTypesShowTheirSchemaAndAnExample(t *testing.T) {
	w := open(t, uitest.Serve(t), "1")
	w.MustSee("Cesta abandonada", "cart.abandoned", "1.284", "Del programa", "De la tienda")
	w.Picture("types")
	w.Key(fyne.KeyReturn)
	w.MustSee(`"required": ["total"]`, "POST /v1/events")
	w.Picture("type")
	w.Key(fyne.KeyReturn) // [Copiar ejemplo]
	if got := fyne.CurrentApp().Clipboard().Content(); !strings.Contains(got, `"total": 48.5`) {
		t.Errorf("copied %q", got)
	}
	if w.Button("Guardar") != nil || w.Button("Eliminar") != nil {
		t.Error("a type of the program can be changed")
	}
}

func TestAWrongSchemaIsSaidAtItsField(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "1")
	w.Key(fyne.KeyF5)
	w.Type("vale.usado")
	w.Key(fyne.KeyTab)
	w.Type("Vale usado")
	for range 3 {
		w.Key(fyne.KeyTab)
	}
	w.Type(`{"type": "objeto"}`)
	w.Press("Guardar")
	w.MustSee("El esquema no es JSON Schema: «objeto» no es un tipo.")
	if called(s, "event type") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestAKeyIsShownOnceToBeCopied(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "2")
	w.MustSee("Tienda en línea", "Retirada", "Todos los eventos")
	w.Picture("keys")
	w.Key(fyne.KeyF5)
	w.Type("Web de talleres")
	w.Key(fyne.KeyReturn)
	w.MustSee("Clave de Web de talleres", "Cópiela ahora: no se guarda y no se vuelve a mostrar.")
	w.Picture("secret")
	w.Key(fyne.KeyReturn)
	if got := fyne.CurrentApp().Clipboard().Content(); got != "mst_4f1c9a7e2b8d4c6f9e0a1b2c3d4e5f60" {
		t.Errorf("copied %q", got)
	}
	w.Press("Ya lo tengo")
	if w.Sees("mst_") {
		t.Error("the secret is still shown")
	}
	w.MustSee("Web de talleres")
}

func TestAKeyIsRevokedOnceSomebodySaysSo(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "2")
	w.Key(fyne.KeyReturn)
	w.MustSee("La clave de Tienda en línea, que creó Marta Ruiz el 09/12/2025, deja de valer ahora mismo.")
	w.Press("Retirar clave")
	w.MustSee("Retirada la clave de Tienda en línea.")
	if !called(s, "revoke k1") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestAWebhookThatWasSetAsideSaysWhyAndItsCallsAreRepeated(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "3")
	w.MustSee("Contabilidad", "Apartado", "14")
	w.Picture("webhooks")
	w.Type("bolet")
	w.Key(fyne.KeyReturn)
	w.MustSee("Solo ha contestado con fallos durante días y se ha apartado: 503 Service Unavailable.")
	w.Press("Probar")
	w.MustSee("Ha contestado: 204 No Content")
	w.Picture("webhook")
	w.Press("Llamadas")
	w.MustSee("consent.withdrawn", "Fallida", "503 Service Unavailable")
	w.Picture("calls")
	w.Key(fyne.KeyReturn)
	w.MustSee("En espera")
	if !called(s, "call retry l2") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestANewWebhookGivesItsSecretAndAWrongAddressIsSaid(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "3")
	w.Key(fyne.KeyF5)
	w.Type("CRM")
	w.Key(fyne.KeyTab)
	w.Type("crm.example.com")
	w.Key(fyne.KeyTab)
	w.Type("sale.*")
	w.Press("Guardar")
	w.MustSee("La dirección debe empezar por https://.")
	for range len("crm.example.com") {
		w.Key(fyne.KeyBackspace)
	}
	w.Type("https://crm.example.com")
	w.Press("Guardar")
	w.MustSee("Secreto de CRM", "Cópielo ahora: con él se comprueba la firma de cada llamada, y no se vuelve a mostrar.")
	if !called(s, `webhook "" CRM https://crm.example.com [sale.*] enabled=true secret=false`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestWithoutConnectionNothingIsLost(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "3")
	w.Key(fyne.KeyReturn)
	w.Type("X")
	s.Cut()
	w.Press("Guardar")
	w.MustSee("Sin conexión con la tienda. Nada se ha cambiado; inténtelo de nuevo.", "XContabilidad")
}

func TestEachPartFitsTheSmallestWindow(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "1")
	smallest := fyne.NewSize(1024, 700)
	w.Desk.Window.Resize(smallest)
	w.Settle()
	w.Picture("small-types")
	w.Key(fyne.KeyReturn)
	if min := w.Canvas.Overlays().Top().MinSize(); min.Width > smallest.Width || min.Height > smallest.Height {
		t.Errorf("the form needs %v", min)
	}
	w.Picture("small-type")
}

func TestOnlyTechniciansComeHere(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_OPERATOR
	w := open(t, s, "1")
	w.MustSee("Su usuario no tiene permiso para esto.")
}
