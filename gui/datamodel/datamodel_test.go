package datamodel_test

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func open(t *testing.T, s *uitest.Store) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.DataModel, "")
	w.Settle()
	w.MustSee("Perfil de Instagram")
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, call) })
}

func TestTheListShowsTheWholeModel(t *testing.T) {
	w := open(t, uitest.Serve(t))
	w.MustSee("instagram_profile", "Texto", "Demográfica", "Perfil del cliente", "con reglas", "De la tienda", "PLG9005")
	w.Picture("datamodel")
}

// TestAFieldIsMadeAsInTheSeed makes the field of seed 004: Instagram Profile, text, one value, begins with @.
func TestAFieldIsMadeAsInTheSeed(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	w.Key(fyne.KeyF5)
	w.Key(fyne.KeyReturn)
	w.MustSee("Escriba cómo se llama el campo para las personas.")
	w.Type("Cuenta de TikTok")
	w.Key(fyne.KeyReturn)
	w.MustSee("El identificador lleva letras, cifras y _, y empieza por una letra.")
	w.Type("tiktok_profile")
	w.Press("Añadir regla")
	w.Key(fyne.KeyTab) // from the operator to the operand
	w.Type("@")
	w.Picture("field-new")
	w.Press("Guardar")
	w.MustSee("Guardado: Cuenta de TikTok.")
	if !called(s, `field tiktok_profile Cuenta de TikTok text many=false rules=1 script="" anyway=false`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestARuleIsTriedOnTheSpot(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	for range 5 {
		w.Key(fyne.KeyDown)
	}
	w.Key(fyne.KeyReturn)
	w.MustSee("Probar con un valor", "empieza por")
	for range 60 {
		if e, ok := w.Canvas.Focused().(*ui.Entry); ok && e.PlaceHolder == "@tienda" {
			break
		}
		w.Key(fyne.KeyTab)
	}
	w.Type("tienda")
	w.Until("the rule speaks", func() bool { return w.Sees("Así no: Empieza por @.") })
	w.Picture("field-tried")
}

func TestAChangeThatBreaksValuesIsShownBeforeAnythingChanges(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	for range 4 {
		w.Key(fyne.KeyDown)
	}
	w.Key(fyne.KeyReturn)
	w.MustSee("Opciones", "M = Mediana")
	for range 60 {
		if choice, ok := w.Canvas.Focused().(*ui.Select); ok && choice.Selected == "Opción" {
			choice.SetSelected("Número entero")
			break
		}
		w.Key(fyne.KeyTab)
	}
	w.Press("Guardar")
	w.MustSee("Hay valores guardados que cambian", "«M». Escriba un número.")
	w.Picture("field-breaks")
	if called(s, "field size") {
		t.Fatal("it was changed before anybody agreed")
	}
	w.Press("Guardar de todos modos")
	w.MustSee("Guardado: Talla.")
	if !called(s, "field size Talla integer many=false rules=0 script=\"\" anyway=true") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestARetiredFieldComesBack(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s)
	for range 3 {
		w.Key(fyne.KeyDown)
	}
	w.Key(fyne.KeyReturn)
	w.Press("Retirar")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	w.MustSee("Retirado: Ciudad.")
	if !called(s, "field city retired=true") || w.Sees("Demográfica") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestACashierCannotChangeTheModel(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_OPERATOR
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.DataModel, "")
	w.Settle()
	w.Key(fyne.KeyF5)
	if w.Desk.TopModal() != nil {
		t.Error("the form is open")
	}
}
