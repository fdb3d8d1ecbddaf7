package staff_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func open(t *testing.T, s *uitest.Store) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF10)
	w.MustSee("Andrea Vidal")
	return w
}

func called(s *uitest.Store, call string) bool { return slices.Contains(s.Calls, call) }

func TestTheListShowsWhoWorksHere(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.MustSee("Personal", "Cajero", "Encargado", "Técnico", "Activo", "Desactivado", "Sí", "No")
	w.Picture("staff")
}

func TestSomebodyNewIsAddedByKeyboardAlone(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Key(fyne.KeyF5)
	w.Key(fyne.KeyReturn)
	w.MustSee("Escriba el nombre.")
	w.Type("Elena Prats")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyRight) // from Cajero to Encargado
	w.Key(fyne.KeyTab)
	w.Type("48")
	w.Key(fyne.KeyReturn)
	w.Type("49")
	w.Key(fyne.KeyReturn)
	w.MustSee("Los dos PIN no son iguales. Escríbalo otra vez.")
	w.Type("48")
	w.Key(fyne.KeyReturn)
	w.MustSee("El PIN tiene de 4 a 8 cifras.")
	w.Picture("staff-new")
	w.Type("21")
	w.Key(fyne.KeyTab)
	w.Type("21")
	w.Key(fyne.KeyReturn)
	if !called(s, `operator Elena Prats ROLE_OPERATOR pin="4821" badge="" disabled=false`) {
		t.Fatalf("calls: %q", s.Calls)
	}
	w.MustSee("Guardado: Elena Prats.")
	if w.Desk.TopModal() != nil {
		t.Error("the form is still open")
	}
}

func TestEnterGoesToThePinOfSomebodyNewAndNotPastIt(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Press("[Nuevo]")
	w.Type("Elena")
	w.Key(fyne.KeyReturn)
	if e, ok := w.Canvas.Focused().(*ui.Entry); !ok || !e.Password {
		t.Fatalf("the focus is on %#v", w.Canvas.Focused())
	}
	w.Key(fyne.KeyReturn)
	w.MustSee("Un operador nuevo necesita un PIN o una tarjeta de identificación.")
	w.Key(fyne.KeyEscape)
	if w.Desk.TopModal() != nil || called(s, "operator") {
		t.Error("Escape has not closed the form")
	}
}

func TestAScannedBadgeFindsItsFieldAndSavesNothing(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Press("[Nuevo]")
	w.Type("Elena Prats")
	w.Scan("EMP-00017")
	if len(s.Calls) != 1 {
		t.Fatalf("the scanner's Enter has saved: %q", s.Calls)
	}
	w.MustSee("Elena Prats", "EMP-00017")
	w.Key(fyne.KeyReturn)
	w.MustSee("Esa tarjeta de identificación es de otro operador.")
	w.Scan("EMP-00044")
	w.Key(fyne.KeyReturn)
	if !called(s, `operator Elena Prats ROLE_CASHIER pin="" badge="EMP-00044" disabled=false`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestARoleIsChangedAndSomebodyLeaves(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyReturn)
	w.MustSee("Julio Ortega", "Al guardar, sus sesiones abiertas terminan y debe entrar de nuevo.")
	w.Picture("staff-edit")
	w.Key(fyne.KeyRight)
	for range 4 {
		w.Key(fyne.KeyTab)
	}
	w.Canvas.Focused().TypedRune(' ')
	w.Key(fyne.KeyReturn) // on the box to tick
	if !called(s, `operator Julio Ortega ROLE_OPERATOR pin="" badge="" disabled=false`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestANameThatThereIsChangesNobody(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Press("[Nuevo]")
	w.Type("marta ruiz")
	w.Key(fyne.KeyReturn)
	w.Type("4821")
	w.Key(fyne.KeyReturn)
	w.Type("4821")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ya hay alguien con este nombre. Ábralo en la lista para cambiarlo.")
	if len(s.Calls) != 1 {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestOnlyWhoMayComesIn(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_OPERATOR
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF10)
	w.MustSee("Nueva venta", "Su usuario no tiene permiso para esto. Pídalo a un encargado o técnico.")

	s = uitest.Serve(t)
	s.Operators[0].Role = mostradorv1.Role_ROLE_ADMINISTRATOR
	w = open(t, s)
	w.MustSee("Solo un administrador puede cambiar el personal.")
	if b := w.Button("[Nuevo]"); b == nil || !b.Disabled() {
		t.Error("a technician may add somebody beside an administrator")
	}
	w.Key(fyne.KeyReturn)
	if w.Desk.TopModal() != nil {
		t.Error("and change somebody")
	}
}
