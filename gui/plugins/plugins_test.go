package plugins_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/uitest"
)

func TestPluginsAreSwitchedAtRunTime(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF8)
	w.MustSee("Puntos", "Activo", "Apartado", "640 de 1000 clientes revisados, 215 cambiados.", "panic: no hay impresora")
	w.Picture("plugins")
	w.Press("Desactivar")
	w.MustSee("¿Desactivar Puntos?")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, "disable PLG0002") {
		t.Fatalf("calls: %q", s.Calls)
	}
	w.MustSee("Desactivado", "Puntos está desactivado. Sus datos se conservan.")
	w.Press("Activar")
	if !slices.Contains(s.Calls, "enable PLG0002") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestWhyIsSaidInWords(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF8)
	w.Key(fyne.KeyF5)
	w.MustSee("Nadie puede marcar esta casilla a mano: se activa con la aceptación del cliente y se desactiva con su baja.", "Se cumple")
	w.Picture("why")
	w.Key(fyne.KeyEscape)
	w.MustSee("Desactivar")
}

func TestParkedEventsAreRetried(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF8)
	w.MustSee("Eventos apartados", "plantilla: falta el enlace de activación")
	s.Lock()
	s.Plugins.Plugins = s.Plugins.Plugins[:2] // the one set aside has a button of the same name
	s.Unlock()
	w.Key(fyne.KeyF2)
	w.Key(fyne.KeyF8)
	w.Press("Reintentar")
	if !slices.Contains(s.Calls, "retry parked 17") {
		t.Errorf("calls: %q", s.Calls)
	}
	if w.Sees("Eventos apartados") {
		t.Error("the list of parked events stays")
	}
}
