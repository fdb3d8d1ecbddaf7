package rules_test

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

func open(t *testing.T, s *uitest.Store) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Rules, "")
	w.Settle()
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, call) })
}

// find narrows the list to one rule and opens it.
func find(w *uitest.Window, name string) {
	w.Type(name)
	w.Key(fyne.KeyReturn)
}

func TestTheListSaysWhatEachRuleDoes(t *testing.T) {
	w := open(t, uitest.Serve(t))
	w.MustSee("Cesta abandonada: ofrecer ayuda", "Activa", "Apagada", "Pago ingresado", "Al cliente", "A direcciones", "Pago recibido")
	w.Picture("rules")
}

func TestARuleIsSwitchedOffByKeyboardAndAsksBeforeItGoesOnUntried(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeySpace)
	w.MustSee("Apagada: Cesta abandonada: ofrecer ayuda.")
	if !called(s, `rule "cesta" Cesta abandonada: ofrecer ayuda enabled=false`) {
		t.Fatalf("calls: %q", s.Calls)
	}
	w.Key(fyne.KeySpace)
	w.MustSee("Aún no la ha probado")
	w.Picture("untried")
	w.Press("Activar sin probar")
	w.MustSee("Activa: Cesta abandonada: ofrecer ayuda.")
	w.Key(fyne.KeySpace)
	w.Key(fyne.KeySpace) // it asks once
	if w.Desk.TopModal() != nil {
		t.Error("it asks again")
	}
}

func TestARuleBeginsAsARecipeIsTriedOnThePastAndSwitchedOn(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Key(fyne.KeyF5)
	w.MustSee("Regla vacía", "Un día después pregunta por qué y ofrece ayuda, si no ha comprado mientras.")
	w.Picture("recipes")
	w.Type("nivel")
	w.Key(fyne.KeyReturn)
	w.MustSee("purchases.total >= 500.0", "Pruebe la regla con lo que ya ha pasado en la tienda. No se envía nada.")
	w.Key(fyne.KeyF7)
	w.MustSee("Habría enviado 12 en los últimos 30 días:", "El evento ocurrió 48 veces. Se muestran los 3 últimos.", "Andrés Molina", "Ahora no saldría: Se dio de baja de promociones.")
	w.Picture("tried")
	check(t, w, "Activa")
	w.MustSee("Habría enviado 12 en los últimos 30 días:") // to switch it on makes it no other rule
	w.Key(fyne.KeyF5)
	w.MustSee("Guardada: Nivel de compras alcanzado.")
	if !called(s, `rule "" Nivel de compras alcanzado enabled=true sale.completed wait=0s once=876000h0m0s RECIPIENT_CUSTOMER biblioteca/cesta`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

// check ticks the box of this name.
func check(t *testing.T, w *uitest.Window, name string) {
	t.Helper()
	for range 80 {
		if c, ok := w.Canvas.Focused().(*ui.Check); ok && c.Text == name {
			w.Type(" ")
			return
		}
		w.Key(fyne.KeyTab)
	}
	t.Fatalf("no box %q", name)
}

func TestWhatTheHostFindsStandsAtItsField(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	find(w, "cesta")
	w.MustSee("event.total > 20.0", "1", "días", "10:00", "Una vez a la semana como mucho", "Novedades")
	w.Picture("form")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyTab)
	tabToCondition(t, w)
	w.Type("evento.total > 1 && ")
	w.MustSee("Sin guardar")
	w.Key(fyne.KeyF7)
	w.MustSee("Línea 1, columna 1: no existe «evento». ¿Quería decir event?", "No se puede probar: corrija lo que se indica.")
	w.Picture("form-wrong")
	w.Key(fyne.KeyF5)
	w.MustSee("Línea 1, columna 1: no existe «evento».")
	w.Key(fyne.KeyEscape)
	w.MustSee("Hay cambios sin guardar")
	w.Press("Descartar cambios")
	w.MustSee("Nueva regla")
}

func tabToCondition(t *testing.T, w *uitest.Window) {
	t.Helper()
	for range 40 {
		if e, ok := w.Canvas.Focused().(*ui.Entry); ok && e.MultiLine {
			return
		}
		w.Key(fyne.KeyTab)
	}
	t.Fatal("Tab leads to no condition")
}

func TestDataOfTheEventIsInserted(t *testing.T) {
	w := open(t, uitest.Serve(t))
	find(w, "cesta")
	tabToCondition(t, w)
	w.Shortcut(&desktop.CustomShortcut{KeyName: fyne.KeyT, Modifier: fyne.KeyModifierAlt})
	w.MustSee("Número de artículos")
	w.Type("art")
	w.Key(fyne.KeyReturn)
	w.MustSee("event.itemsevent.total > 20.0")
}

func TestTheTemplateIsSeenAndWhatIsNotSavedWaits(t *testing.T) {
	w := open(t, uitest.Serve(t))
	find(w, "cesta")
	w.Type(" (nueva)")
	w.Press("Ver")
	w.MustSee("¿Le ayudamos, Ana?")
	w.Desk.Nav.Go(ui.Rules, "")
	w.Settle()
	w.MustSee(" (nueva)", "Sin guardar")
}

func TestAnEmptyRuleSaysWhatIsMissing(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Key(fyne.KeyF5)
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyF5)
	w.MustSee("Rellene este campo.")
	if called(s, "rule ") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestARuleIsDeletedOnceSomebodySaysSo(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	find(w, "pago ing")
	w.Press("Eliminar")
	w.MustSee("¿Eliminar «Pago ingresado: dar las gracias»?")
	w.Press("Eliminar")
	w.MustSee("Eliminada: Pago ingresado: dar las gracias.")
	if !called(s, "rule delete pago") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestWithoutThePlugInItIsSaidWhatToDo(t *testing.T) {
	s := uitest.Serve(t)
	s.Rules = nil
	w := open(t, s)
	w.Key(fyne.KeyF5)
	w.MustSee("Ningún plug-in activo usa reglas. Active «Mensajes por evento» (PLG0110).")
}

func TestWithoutConnectionTheRuleStays(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	find(w, "cesta")
	w.Type("X")
	s.Cut()
	w.Key(fyne.KeyF5)
	w.MustSee("Sin conexión con la tienda. Nada se ha cambiado; inténtelo de nuevo.", "Sin guardar")
}

func TestTheFormFitsTheSmallestWindow(t *testing.T) {
	w := open(t, uitest.Serve(t))
	find(w, "cesta")
	w.Key(fyne.KeyF7)
	smallest := fyne.NewSize(1024, 700)
	w.Desk.Window.Resize(smallest)
	w.Settle()
	if min := w.Canvas.Content().MinSize(); min.Width > smallest.Width || min.Height > smallest.Height {
		t.Errorf("the form needs %v", min)
	}
	w.Picture("form-small")
}

func TestACashierHasNoRules(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_CASHIER
	w := open(t, s)
	w.MustSee("Su usuario no tiene permiso para esto.")
}
