package sheet_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func alt(key fyne.KeyName) *desktop.CustomShortcut {
	return &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierAlt}
}

func open(t *testing.T, s *uitest.Store, id string) *uitest.Window {
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Sheet, id)
	w.Until("the sheet is open", func() bool { return w.Desk.Busy() == 0 && w.Sees("Acciones") && w.Sees("Editar") && w.Sees("Nombre") })
	w.Settle()
	return w
}

func TestTheSheetShowsWhatTheHostSays(t *testing.T) {
	s := uitest.Serve(t)
	s.Members = []string{"Dormidos", "Bilbao con correo"}
	s.Customers[0].Tags = []string{"VIP", "Vecino"}
	s.Facts = &mostradorv1.Facts{Purchases: 12, Spent: &plgv1.Money{Minor: 41250, Currency: "EUR"}, LastPurchase: s.Sales[0].Time, FirstPurchase: s.Customers[0].Created}
	w := open(t, s, "c1")
	w.MustSee("Lucía Fernández Soto", "n.º 1", "+34 600 111 222", "Dormidos", "12 compras, 412,50 €  ·  Última compra el 09/03/2026",
		"Se activa sola cuando el cliente acepta, porque Puntos (PLG0002) y Bienvenida (PLG0074) están activos.")
	w.Picture("sheet")
	w.Shortcut(alt("2"))
	w.MustSee("Promociones: pendiente de aceptar.", "Entregar datos…")
	w.Picture("sheet-consent")
	w.Shortcut(&desktop.CustomShortcut{KeyName: fyne.KeyTab, Modifier: fyne.KeyModifierControl})
	w.MustSee("Alta del cliente", "Compra de 35,75 €, recibo A-1043", "Cambio de: Teléfono móvil, Ciudad", "De +34 600 000 000 a +34 600 111 222", "Mostrador, caja 1")
	w.Picture("sheet-history")
	w.Shortcut(alt("4"))
	w.MustSee("320", "412,50 €")
	w.Picture("sheet-purchases")
}

func TestAButtonThatIsOffSaysWhy(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c3")
	if b := w.Button("Reenviar bienvenida"); b == nil || !b.Disabled() {
		t.Error("the button is on without an e-mail")
	}
	w.MustSee("Falta un correo electrónico válido en la ficha.")
}

func TestTheShortCodeActivatesAtTheTill(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	w.Press("Activación con código corto")
	w.Type("04")
	w.Key(fyne.KeyReturn)
	w.MustSee("El código tiene 4 cifras.")
	w.Type("2६") // a Devanagari six counts as a digit
	w.Picture("code")
	w.Key(fyne.KeyReturn)
	w.MustSee("El código no es el de este cliente. Quedan 4 intentos.")
	w.Picture("code-wrong")
	w.Type("0427")
	w.Key(fyne.KeyReturn)
	w.MustSee("La cuenta de Lucía Fernández Soto está activa.")
	w.Until("the sheet has followed", func() bool { return w.Sees("El cliente ya ha aceptado.") })
	w.Key(fyne.KeyReturn) // one Enter too many
	if w.Desk.TopModal() != nil || w.Button("Guardar") != nil {
		t.Error("an Enter after the code was accepted has opened something")
	}
	w.Key(fyne.KeyF5)
	if w.Button("Guardar") == nil {
		t.Error("the keys of the sheet do not work after the window has closed")
	}
	w.Key(fyne.KeyEscape)
	if !slices.Contains(s.Calls, "run codigo 0426") || !slices.Contains(s.Calls, "run codigo 0427") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.Desk.Hush()
	w.Picture("sheet-active")
}

func TestAConsentGivenOnTheWebShowsAtOnce(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	s.Accept("c1")
	w.Until("the sheet shows it", func() bool { return w.Sees("Aceptadas") })
	w.Shortcut(alt("2"))
	w.Until("in words, too", func() bool { return w.Sees("Promociones: aceptado el 09/03/2026") })
}

func TestFieldsAreEditedInPlace(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c3")
	w.Key(fyne.KeyF5)
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyReturn)
	w.Type("carmen")
	w.Picture("edit")
	w.Key(fyne.KeyF5)
	w.MustSee("A este correo le falta la parte que sigue a la @.")
	w.Type("@example.com")
	w.Key(fyne.KeyF5)
	if !slices.Contains(s.Calls, "update email") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.Until("the button is on", func() bool { b := w.Button("Reenviar bienvenida"); return b != nil && !b.Disabled() })
}

func TestOptOutAsksFirst(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c2")
	w.Shortcut(alt("2"))
	w.Press("Baja de promociones")
	w.MustSee("Andrés Molina deja de recibir promociones.")
	w.Key(fyne.KeyEscape)
	if slices.Contains(s.Calls, "withdraw Andrés Molina") {
		t.Error("Escape has opted the customer out")
	}
	w.Press("Baja de promociones")
	w.Press("Dar de baja")
	w.MustSee("Andrés Molina ya no recibirá promociones. Su cuenta y sus puntos siguen igual.")
	w.Until("the sheet shows it", func() bool { return w.Sees("Baja") && w.Button("Baja de promociones") == nil })
}

func TestAnUngovernedBoxIsAnOrdinaryBox(t *testing.T) {
	s := uitest.Serve(t)
	s.Governed = false
	w := open(t, s, "c1")
	for range 40 {
		if c, ok := w.Canvas.Focused().(*ui.Check); ok {
			c.TypedRune(' ')
			break
		}
		w.Key(fyne.KeyTab)
	}
	w.Settle()
	if !slices.Contains(s.Calls, "update aplica_promociones") {
		t.Errorf("the box cannot be reached and ticked by keyboard: %q", s.Calls)
	}
}

func TestTheFocusComesBackToTheButtonThoughTheSheetWasRefreshed(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	var b *ui.Button
	for range 14 {
		w.Key(fyne.KeyTab)
		if at, ok := w.Canvas.Focused().(*ui.Button); ok && at.Text() == "Activación con código corto" {
			b = at
			break
		}
	}
	if b == nil {
		t.Fatal("Tab does not reach the button")
	}
	w.Key(fyne.KeyReturn)
	w.Type("1111")
	w.Key(fyne.KeyReturn) // refused, and the sheet is read again behind the window
	w.Key(fyne.KeyEscape)
	if w.Canvas.Focused() != fyne.Focusable(b) {
		t.Errorf("the focus is on %#v", w.Canvas.Focused())
	}
}

func TestAChoiceOfAPlugInIsChosen(t *testing.T) {
	s := uitest.Serve(t)
	s.Fields = []*mostradorv1.FieldState{{Id: "plg0002_nivel", Label: "Nivel", Type: "choice", Visible: true, Editable: true,
		Choices: []*mostradorv1.Choice{{Value: "plata", Label: "Plata"}, {Value: "oro", Label: "Oro"}}}}
	w := open(t, s, "c1")
	w.MustSee("Nivel")
	w.Key(fyne.KeyF5)
	for range 4 {
		w.Key(fyne.KeyTab)
	}
	w.Key(fyne.KeyRight) // from none to Plata
	w.Key(fyne.KeyRight)
	w.Picture("choice")
	w.Key(fyne.KeyF5)
	if !slices.Contains(s.Calls, "update fields.plg0002_nivel") || s.Customers[0].Fields["plg0002_nivel"] != "oro" {
		t.Errorf("calls: %q, fields %v", s.Calls, s.Customers[0].Fields)
	}
	w.Until("the sheet names it", func() bool { return w.Sees("Oro") })
}

func TestTheSheetSaysWhatACustomerHearsOfAndWhyHeLeft(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	w.Shortcut(alt("2"))
	w.MustSee("Suscripciones", "Mientras no acepte promociones, no recibe ninguna.", "Por correo", "Novedades", "Libros infantiles", "el cliente  ·  con un clic en el correo", "Demasiados mensajes: «Llegaban tres a la semana.»", "Se suscribe: Novedades")
	w.Picture("subscriptions")
}

// box is the box to tick with this name.
func box(t *testing.T, w *uitest.Window, name string) *ui.Check {
	t.Helper()
	for range 60 {
		if c, ok := w.Canvas.Focused().(*ui.Check); ok && c.Text == name {
			return c
		}
		w.Key(fyne.KeyTab)
	}
	t.Fatalf("no box %q", name)
	return nil
}

func TestACustomerIsTakenUpAgainOnlyOnceItIsConfirmedThatHeAsks(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	w.Shortcut(alt("2"))
	c := box(t, w, "Libros infantiles")
	w.Type(" ")
	w.MustSee("Volver a suscribir: Libros infantiles")
	if c.Checked || !w.Button("Suscribir").Disabled() {
		t.Error("it is not asked")
	}
	w.Picture("resubscribe")
	w.Type(" ")
	w.Key(fyne.KeyTab)
	w.Type("Lo pide en caja")
	w.Press("Suscribir")
	w.MustSee("Se suscribe: Libros infantiles")
	if !slices.Contains(s.Calls, `subscription c1 infantil on=true "Lo pide en caja"`) {
		t.Errorf("calls: %q", s.Calls)
	}
	box(t, w, "Novedades")
	w.Type(" ") // to leave needs no confirmation
	w.MustSee("Deja: Novedades")
	if !slices.Contains(s.Calls, `subscription c1 novedades on=false ""`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestTheSheetSaysWhetherTheCustomerWouldGetAMessage(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	w.Shortcut(alt("2"))
	w.Press("Promoción")
	w.Type("nov")
	w.Key(fyne.KeyReturn)
	w.MustSee("¿Recibiría un mensaje?", "No: el cliente no ha aceptado promociones.", "Son horas de silencio hasta las 9:00.", "Espera")
	if !slices.Contains(s.Calls, "why c1 MESSAGE_KIND_PROMOTIONAL novedades") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.Picture("would")
}

func TestACashierDoesNotSeeSubscriptions(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_CASHIER
	w := open(t, s, "c1")
	w.Shortcut(alt("2"))
	w.MustSee("Suscripciones", "Su usuario no tiene permiso para esto.")
	if b := w.Button("Promoción"); b == nil || !b.Disabled() || w.Sees("Novedades") {
		t.Error("a cashier sees what a customer hears of")
	}
}
