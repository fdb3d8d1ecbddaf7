package customers_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func TestTheSeedsWayRegistersByKeyboardAlone(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Press("[C] Clientes")
	w.Picture("customers")
	w.Press("[Nuevo]")
	w.MustSee("Aplica para Promociones", "Se activa sola cuando el cliente acepta, porque Puntos (PLG0002) y Bienvenida (PLG0074) están activos.")
	w.Picture("new")
	w.Type("Elena Prat")
	w.Key(fyne.KeyReturn)
	w.Type("699 888 777")
	w.Key(fyne.KeyReturn)
	w.Type("elena@example.com")
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, "register Elena Prat") {
		t.Fatalf("calls: %q", s.Calls)
	}
	w.Until("the sheet is open", func() bool { return w.Sees("Elena Prat") && w.Sees("Acciones") })
	w.MustSee("Elena Prat está de alta. El correo de bienvenida sale solo.")
}

func TestTheLockedBoxCannotBeTicked(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF4)
	for range 12 {
		w.Type(" ")
		w.Key(fyne.KeyTab)
	}
	s.Lock()
	defer s.Unlock()
	for _, call := range s.Calls {
		if call != "signin" {
			t.Errorf("calls: %q", s.Calls)
		}
	}
}

func TestWhatIsWrongIsSaidWhileTyping(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF4)
	w.Type("Elena")
	w.Key(fyne.KeyReturn)
	w.Type("12")
	w.Key(fyne.KeyReturn)
	w.Type("elena@")
	w.MustSee("Este teléfono no es válido: faltan o sobran cifras.")
	if w.Sees("A este correo le falta") {
		t.Error("the field that is being typed in is blamed already")
	}
	w.Key(fyne.KeyReturn)
	w.MustSee("A este correo le falta la parte que sigue a la @.")
	w.Picture("new-wrong")
}

func TestADuplicateOffersTheCustomerThatHasIt(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF4)
	w.Type("Otra Lucía")
	w.Key(fyne.KeyReturn)
	w.Type("600 111 222")
	w.Key(fyne.KeyReturn)
	w.MustSee("Este teléfono ya es de otro cliente.")
	w.Picture("new-duplicate")
	w.Press("Abrir ficha de Lucía Fernández Soto")
	w.Until("her sheet is open", func() bool { return w.Sees("Acciones") })
}

func TestTheListIsSearchedWhileTypingAndOpenedByEnter(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF3)
	w.Type("carmen")
	w.MustSee("Carmen Ibáñez Ortega")
	if w.Sees("Andrés Molina") {
		t.Error("the search left others in the list")
	}
	w.Key(fyne.KeyReturn)
	w.Until("her sheet is open", func() bool { return w.Sees("Acciones") })
	w.Key(fyne.KeyEscape)
	w.MustSee("Carmen Ibáñez Ortega")
}

func TestWhoIsNotFoundIsCarriedIntoTheForm(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF3)
	w.Type("Berta Gil")
	w.MustSee("No hay ningún cliente así.")
	w.Key(fyne.KeyF4)
	w.Type("655 111 000")
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, "register Berta Gil") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestACashierSeesWhatNeedsMoreRights(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_CASHIER
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF9)
	w.MustSee("Su usuario no tiene permiso para esto. Pídalo a un encargado o técnico.", "Nueva venta")
}

func TestEnterThatIsQuickerThanTheAnswerOpensWhatWasTyped(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF3)
	w.Scan("622333444") // the first letters alone would have found others
	w.Until("her sheet is open", func() bool { return w.Sees("Acciones") && w.Sees("Carmen Ibáñez Ortega") })
}

func TestTheFormAsksWhatPlugInsWantToKnow(t *testing.T) {
	s := uitest.Serve(t)
	s.Fields = []*mostradorv1.FieldState{
		{Id: "plg0002_nivel", Label: "Nivel", Type: "choice", Visible: true, Editable: true,
			Choices: []*mostradorv1.Choice{{Value: "plata", Label: "Plata"}, {Value: "oro", Label: "Oro"}}},
		{Id: "plg0009_nota", Label: "Nota", Type: "text", Visible: true, Editable: true},
		{Id: "plg0009_socio", Label: "Es socio", Type: "yes_no", Visible: true, Editable: true}}
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF4)
	w.Type("Berta Gil")
	for range 3 {
		w.Key(fyne.KeyTab)
	}
	w.Key(fyne.KeyRight)
	w.Key(fyne.KeyTab)
	w.Type("llama tarde")
	w.Key(fyne.KeyTab)
	w.Canvas.Focused().TypedRune(' ')
	w.Picture("new-choice")
	w.Key(fyne.KeyReturn)
	got := s.Customers[len(s.Customers)-1]
	if got.Name != "Berta Gil" || got.Fields["plg0002_nivel"] != "plata" || got.Fields["plg0009_nota"] != "llama tarde" || got.Fields["plg0009_socio"] != "true" {
		t.Errorf("registered %v", got)
	}
}

func TestWhoHasGoneElsewhereIsNotCalledBack(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF4)
	w.Type("Berta Gil")
	s.Lock() // the store takes its time
	w.Button("Guardar").OnTapped()
	w.Desk.Nav.Go(ui.Customers, "")
	s.Unlock()
	w.Settle()
	w.MustSee("Buscar por nombre", "Berta Gil está de alta.")
}
