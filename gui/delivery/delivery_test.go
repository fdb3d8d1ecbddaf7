package delivery_test

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

func open(t *testing.T, s *uitest.Store, arg string) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Delivery, arg)
	w.Settle()
	return w
}

func turn(w *uitest.Window, tab fyne.KeyName) {
	w.Shortcut(&desktop.CustomShortcut{KeyName: tab, Modifier: fyne.KeyModifierAlt})
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, call) })
}

func TestTheDashboardSaysFirstWhatIsWrong(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	w.MustSee("Las quejas por correo no deseado pasan del 0,1 %.", "Ahora 0,14 %; el límite es 0,1 %.", "En espera: 1.204; el más antiguo, del 09/03/2026 10:08.", "Entregados", "gmail.com", "Otros",
		"La mitad sale en 0,18 s; el 99 %, en 0,94 s como mucho.", "biblioteca/cesta  ·  PLG0110")
	w.Picture("dashboard")
	if !called(s, "dashboard 30") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.Desk.Window.Resize(fyne.NewSize(1280, 1700))
	w.Settle()
	w.Picture("dashboard-whole")
}

func TestADashboardWithoutMailSaysSo(t *testing.T) {
	s := uitest.Serve(t)
	s.Quiet = true
	w := open(t, s, "")
	w.MustSee("Aún no ha salido ningún correo en estos días.")
}

func TestAnAddressIsReleasedWithANote(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	turn(w, "2")
	w.MustSee("joseluis.benitez.montoro@correo.example.com", "No existe el buzón (5.1.1)", "550 5.1.1 User unknown", "Con problemas", "Lo decidió el personal")
	w.Picture("addresses")
	w.Press("Volver a permitir")
	w.Type("Ha corregido su buzón")
	w.Picture("release")
	w.Key(fyne.KeyReturn)
	w.MustSee("Se puede volver a escribir a joseluis.benitez.montoro@correo.example.com.", "Vuelve a recibir correo  ·  Marta Ruiz  ·  Ha corregido su buzón")
	if !called(s, "released joseluis.benitez.montoro@correo.example.com Ha corregido su buzón") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestAnyAddressCanBeStoppedAndAWrongOneIsSaid(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	turn(w, "2")
	w.Press("No escribir a…")
	w.Type("nadie")
	w.Key(fyne.KeyReturn)
	w.MustSee("A este correo le falta la parte que sigue a la @.")
	w.Type("@example.org")
	w.Key(fyne.KeyReturn)
	w.MustSee("No se escribe más a nadie@example.org.")
}

func TestAddressesAreFoundByPartAndState(t *testing.T) {
	w := open(t, uitest.Serve(t), "nuria")
	w.MustSee("nuria@example.com", "Pesan 1,5 de 4; se olvidan con el tiempo.")
	if w.Sees("prensa@example.org") {
		t.Error("the list is not narrowed")
	}
	w.Press("Ver ficha")
	w.Until("the sheet is open", func() bool { return w.Sees("Nuria Pons") && w.Desk.Busy() == 0 })
}

func TestWhatNobodyUnderstoodIsReadAndSaidWhatItIs(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	turn(w, "3")
	w.MustSee("Sin entender: 1. Léalos y diga qué son; no se borra ninguno.", "Das Postfach ist überfüllt.", "De postmaster@antiguo.example.net")
	w.Picture("reports")
	w.Press("Como llegó")
	w.MustSee("Content-Type: text/plain; charset=utf-8")
	w.Press("Decir qué es")
	w.Picture("settle")
	w.Canvas.Focused().(*ui.Select).SetSelected("Rebote")
	w.Key(fyne.KeyTab)
	w.Type("lucia@example.com")
	w.Key(fyne.KeyReturn)
	w.MustSee("Anotado.", "Lo dijo Marta Ruiz", "lucia@example.com: Otro motivo")
	if !called(s, "settle r3 REPORT_KIND_BOUNCE lucia@example.com KIND_SOFT other") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestABounceSaysWhoseItIsAndLeadsToItsMessage(t *testing.T) {
	w := open(t, uitest.Serve(t), "")
	turn(w, "3")
	w.Key(fyne.KeyDown)
	w.MustSee("joseluis.benitez.montoro@correo.example.com: No existe el buzón (5.1.1)", "Entendido por rfc3464")
	w.Press("Ver el mensaje")
	w.MustSee("Bandeja de salida", "User unknown")
}

func TestMailboxesAreReadNow(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	turn(w, "3")
	w.Key(fyne.KeyF5)
	w.MustSee("Correos leídos: 2.")
}

func TestTheDoctorGivesRecordsToCopy(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	turn(w, "4")
	w.Key(fyne.KeyF5)
	w.MustSee("DKIM", "Mal", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "El DNS dice: v=spf1 include:_spf.correo.example -all", "Bien")
	w.Picture("doctor")
	w.Press("Copiar")
	if got := fyne.CurrentApp().Clipboard().Content(); got != "mostrador._domainkey.example.com" {
		t.Errorf("copied %q", got)
	}
}

func TestWithoutConnectionEachPartSaysSo(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	s.Cut()
	for _, tab := range []fyne.KeyName{"1", "2", "3"} {
		w.Desk.Hush()
		turn(w, tab)
		w.MustSee("Sin conexión con la tienda.")
	}
}

func TestEachPartFitsTheSmallestWindow(t *testing.T) {
	w := open(t, uitest.Serve(t), "")
	smallest := fyne.NewSize(1024, 700)
	w.Desk.Window.Resize(smallest)
	for i, name := range []string{"dashboard", "addresses", "reports", "doctor"} {
		turn(w, fyne.KeyName(rune('1'+i)))
		if name == "doctor" {
			w.Key(fyne.KeyF5)
		}
		if min := w.Canvas.Content().MinSize(); min.Width > smallest.Width || min.Height > smallest.Height {
			t.Errorf("%s needs %v", name, min)
		}
		w.Picture("small-" + name)
	}
}

func TestACashierSeesNothingOfIt(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_CASHIER
	open(t, s, "").MustSee("Su usuario no tiene permiso para esto.")
}

func TestOnlyTechniciansLookAtTheDomain(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_OPERATOR
	w := open(t, s, "")
	if b := w.Button("Configuración"); b == nil || !b.Disabled() {
		t.Error("an operator may look at the domain")
	}
}
