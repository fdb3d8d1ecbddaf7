package tags_test

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
	w.Desk.Nav.Go(ui.Tags, "")
	w.Settle()
	w.MustSee("Mayorista")
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.Contains(s.Calls, call)
}

func TestTheListShowsTheTagsInTheirColours(t *testing.T) {
	w := open(t, uitest.Serve(t))
	w.MustSee("VIP", "Vecino", "Compra para revender; precios de almacén", "12.404")
	w.Picture("tags")
}

func TestATagIsMadeByKeyboardAlone(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Type("Peluquería")
	w.MustSee("No hay ninguna etiqueta que se llame así. F5 la crea.")
	w.Key(fyne.KeyF5)
	w.Key(fyne.KeyTab)
	w.Type("Cortes y tintes")
	w.Picture("tags-new")
	w.Key(fyne.KeyReturn)
	w.MustSee("Guardada: Peluquería.", "Cortes y tintes")
	if !called(s, `tag 0 Peluquería "Cortes y tintes" #0f6674`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestANameThatIsTakenIsSaidAtItsField(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Key(fyne.KeyF5)
	w.Type("vip")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ya hay una etiqueta que se llama así.")
	if e, ok := w.Canvas.Focused().(*ui.Entry); !ok || e.Text != "vip" {
		t.Errorf("the focus is on %#v", w.Canvas.Focused())
	}
}

func TestATagIsTakenFromEverybodyOnceSomebodySaysSo(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Type("vecino")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ver clientes")
	w.Press("Eliminar")
	w.MustSee("Clientes que la perderán: 12404. Después puede deshacerlo en las tareas.")
	if called(s, "tag delete 3") {
		t.Fatal("it was not asked")
	}
	w.Key(fyne.KeyTab) // from Cancelar
	w.Key(fyne.KeyReturn)
	w.MustSee("Eliminada: Vecino.")
	if !called(s, "tag delete 3") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestACashierSeesTagsAndChangesNone(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_CASHIER
	w := open(t, s)
	w.Key(fyne.KeyF5)
	if w.Desk.TopModal() != nil {
		t.Fatal("the form is open")
	}
	w.Type("vip")
	w.Key(fyne.KeyReturn)
	if b := w.Button("Eliminar"); b == nil || !b.Disabled() {
		t.Error("a cashier could delete a tag")
	}
}
