package signin_test

import (
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/uitest"
)

func TestFirstStartMakesTheTechnicianByKeyboard(t *testing.T) {
	s := uitest.Serve(t)
	s.NeedsSetup = true
	w := uitest.Open(t, s)
	w.MustSee("Primer inicio", "Librería Cervantes")
	w.Picture("setup")
	w.Type("Marta Ruiz")
	w.Key(fyne.KeyReturn)
	w.Type("2580")
	w.Key(fyne.KeyReturn)
	w.Type("2581")
	w.Key(fyne.KeyReturn)
	w.MustSee("Los dos PIN no son iguales. Escríbalo otra vez.")
	w.Type("2580")
	w.Key(fyne.KeyReturn)
	w.Until("the shop is open", func() bool { return w.Model.Operator() != nil && w.Sees("Nueva venta") })
	if len(s.Calls) != 1 || s.Calls[0] != "setup Marta Ruiz" {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestAWrongPinIsSaidAtTheField(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.Open(t, s)
	w.Picture("signin")
	w.Key(fyne.KeyReturn) // name is empty: goes to the PIN, which is too short for now
	w.Type("12")
	w.Key(fyne.KeyReturn)
	w.MustSee("Escriba su nombre.")
	w.Type("Marta Ruiz")
	w.Key(fyne.KeyReturn)
	w.Type("99")
	w.Key(fyne.KeyReturn)
	w.MustSee("El nombre o el PIN no son correctos.")
	if w.Model.Operator() != nil {
		t.Error("signed in with a wrong PIN")
	}
}

func TestABadgeSignsInWhereverTheFocusIs(t *testing.T) {
	for _, tabs := range []int{0, 1, 2} {
		s := uitest.Serve(t)
		w := uitest.Open(t, s)
		for range tabs {
			w.Key(fyne.KeyTab)
		}
		w.Scan("EMP-00017")
		w.Until("the badge signed in", func() bool { return w.Model.Operator() != nil && w.Sees("Nueva venta") })
	}
}

func TestAnEndedSessionComesBackToTheDoorAndSaysSo(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	s.Lock()
	s.Ended = true
	s.Unlock()
	w.Key(fyne.KeyF3)
	w.Until("the door is shown again", func() bool { return w.Sees("La sesión ha terminado.") })
}
