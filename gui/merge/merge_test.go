package merge_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/sdk/plgv1"
)

func open(t *testing.T) (*uitest.Store, *uitest.Window) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Customers, "")
	w.Settle()
	w.Shortcut(&desktop.CustomShortcut{KeyName: "6", Modifier: fyne.KeyModifierAlt})
	w.MustSee("Lucia Fernandez Soto", "94 % parecidos", "Mismo nombre sin acentos  ·  Misma fecha de nacimiento", "Parejas: 2")
	return s, w
}

func TestAPairIsComparedMergedAndTakenApartAgain(t *testing.T) {
	s, w := open(t)
	w.Picture("duplicates")
	w.Key(fyne.KeyReturn)
	w.MustSee("Unir dos fichas", "✓ lucia@example.com", "Vale el consentimiento más estricto.", "· 320 + 15 puntos = 335 puntos")
	w.Press("lucia.fs@example.com")
	w.Picture("merge")
	w.Press("Unir")
	if !slices.Contains(s.Calls, "merge c1 c9 email") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("Lucia Fernandez Soto forma ya parte de la ficha de Lucía Fernández Soto.")
	w.Press("Deshacer la unión")
	if !slices.Contains(s.Calls, "unmerge 31") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("Unión deshecha: Lucia Fernandez Soto vuelve a tener su ficha.", "Parejas: 1")
}

func TestTheOtherOneMayStay(t *testing.T) {
	s, w := open(t)
	w.Key(fyne.KeyReturn)
	w.Press("Intercambiar")
	w.Press("Unir")
	if !slices.Contains(s.Calls, "merge c9 c1 ") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestARecordThatChangesMeanwhileIsLookedAtAgain(t *testing.T) {
	s, w := open(t)
	w.Key(fyne.KeyReturn)
	s.Change("c1", func(c *plgv1.Customer) { c.Email = "otra@example.com" })
	w.Press("Unir")
	w.MustSee("Alguien acaba de cambiar una de las fichas. Revíselas otra vez.", "✓ otra@example.com")
	w.Press("Unir")
	if !slices.Contains(s.Calls, "merge c1 c9 ") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestTwoPersonsAreNotSuggestedAgain(t *testing.T) {
	s, w := open(t)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyF7)
	if !slices.Contains(s.Calls, "dismiss c3 c10") {
		t.Errorf("calls: %q", s.Calls)
	}
	if w.Sees("71 % parecidos") {
		t.Error("the pair is still there")
	}
}

func TestWhoIsTheSamePersonIsFoundFromTheSheet(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Sheet, "c1")
	w.Until("the sheet is open", func() bool { return w.Desk.Busy() == 0 && w.Sees("Acciones") && w.Sees("Nombre") })
	w.Shortcut(&desktop.CustomShortcut{KeyName: "2", Modifier: fyne.KeyModifierAlt})
	w.Press("Es la misma persona que…")
	w.Type("andr")
	w.Key(fyne.KeyReturn)
	w.MustSee("Unir dos fichas", "Se queda")
	w.Press("Unir")
	if !slices.Contains(s.Calls, "merge c1 c2 ") {
		t.Errorf("calls: %q", s.Calls)
	}
}
