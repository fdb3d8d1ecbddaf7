package shell_test

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

// The smallest window that a till may have.
var smallest = fyne.NewSize(1024, 700)

func TestEveryScreenFitsTheSmallestWindow(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Desk.Window.Resize(smallest)
	for _, at := range []struct {
		place ui.Place
		arg   string
	}{{ui.Billing, "c4"}, {ui.Customers, ""}, {ui.NewCustomer, ""}, {ui.Sheet, "c4"}, {ui.Outbox, "m2"}, {ui.Plugins, ""}, {ui.Guide, "PLG0074TextoFile"},
		{ui.Templates, ""}, {ui.Rules, ""}, {ui.Delivery, ""}, {ui.Integrations, ""}} {
		w.Desk.Nav.Go(at.place, at.arg)
		w.Settle()
		if at.place == ui.Sheet {
			w.Until("the sheet is read", func() bool { return w.Sees("Acciones") && w.Sees("Puntos") && w.Desk.Busy() == 0 })
		}
		if min := w.Canvas.Content().MinSize(); min.Width > smallest.Width || min.Height > smallest.Height {
			t.Errorf("%s needs %v", at.place, min)
		}
		w.Picture("small-" + string(at.place))
	}
}

func TestAMessageHidesNoActionAndGoesWithTheScreen(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Desk.Window.Resize(smallest)
	w.Desk.Nav.Go(ui.Guide, "PLG0074TextoFile")
	w.Settle()
	w.Desk.Say("Guardado: Texto del mensaje de bienvenida para correo.")
	w.Picture("toast")
	save := w.Button("Guardar")
	if save == nil {
		t.Fatal("no button to save")
	}
	foot := fyne.CurrentApp().Driver().AbsolutePositionForObject(save).Y + save.Size().Height
	if foot > smallest.Height-ui.ToastRoom {
		t.Errorf("[Guardar] reaches to %v, into the room of messages", foot)
	}
	w.Key(fyne.KeyF2)
	if said := w.Desk.Said(); said != "" {
		t.Errorf("another screen still says %q", said)
	}
}

func TestEscapeGoesBackTheWayThatWasCome(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Press("[C] Clientes")
	w.Press("[Nuevo]")
	w.MustSee("Con poco basta: el correo de bienvenida sale solo al guardar.")
	w.Key(fyne.KeyEscape)
	w.MustSee("Buscar por nombre")
	w.Key(fyne.KeyEscape)
	w.MustSee("Nueva venta")
	w.Key(fyne.KeyEscape)
	w.MustSee("Nueva venta")
}

func TestF12LeavesTheTillToTheNext(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF12)
	w.Until("the door is shown", func() bool { return w.Sees("Escriba su nombre y su PIN") })
	if w.Model.Operator() != nil {
		t.Error("Marta is still signed in")
	}
}

func TestAStoreThatCannotBeReachedIsTriedAgain(t *testing.T) {
	s := uitest.Serve(t)
	s.Cut()
	w := uitest.Open(t, s)
	w.MustSee("Sin conexión con la tienda.")
	s.Mend()
	w.Key(fyne.KeyReturn)
	w.MustSee("Escriba su nombre y su PIN")
}

func TestScreensAboutMessagesStandUnderOneBar(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_OPERATOR
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF6)
	next := &desktop.CustomShortcut{KeyName: fyne.KeyTab, Modifier: fyne.KeyModifierControl}
	for _, title := range []string{"Nueva plantilla", "Nueva regla", "Nueva promoción", "Nueva oferta", "Actualizar", "Reintentar"} { // those of technicians are passed by
		w.Shortcut(next)
		w.MustSee(title)
	}
	if b := w.Button("Integraciones"); b == nil || !b.Disabled() {
		t.Error("an operator may go to Integraciones")
	}
	w.Shortcut(next)
	w.Key(fyne.KeyEscape)
	w.MustSee("Nueva venta")
}
