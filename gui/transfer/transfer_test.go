package transfer_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
)

// chosen signs in and has a file be chosen by typing its path.
func chosen(t *testing.T, s *uitest.Store) *uitest.Window {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clientes.csv")
	if err := os.WriteFile(path, []byte("Nombre y apellidos;Móvil\n\xcd\xf1igo;600 111 222\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Imports, "")
	w.Settle()
	w.MustSee("Todavía no se ha importado nada. F5 elige un archivo CSV o XLSX.")
	w.Key(fyne.KeyF5)
	w.MustSee("Elija el archivo de clientes")
	for range 8 { // to the box for a path
		if _, ok := w.Canvas.Focused().(*ui.Entry); ok {
			break
		}
		w.Key(fyne.KeyTab)
	}
	entry, ok := w.Canvas.Focused().(*ui.Entry)
	if !ok {
		t.Fatalf("no box for a path takes the focus: %T", w.Canvas.Focused())
	}
	entry.SetText("")
	w.Type(path)
	w.Key(fyne.KeyReturn)
	w.Until("the columns are shown", func() bool { return w.Sees("Observaciones") })
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, call) })
}

func TestAFileIsCheckedAndImportedByKeyboardAlone(t *testing.T) {
	s := uitest.Serve(t)
	w := chosen(t, s)
	w.MustSee("Nombre y apellidos", "Por su nombre", "Por sus valores", "600 111 222 · 600 22 33 44 · 6001")
	w.Picture("columns")
	w.Key(fyne.KeyF5)
	w.Until("the dry run is under way", func() bool { return w.Sees("Comprobar clientes.csv") })
	if !called(s, "plan name|phone|email|| DUPLICATE_POLICY_UPDATE tags=[] announce=false") {
		t.Errorf("calls: %q", s.Calls)
	}
	s.PlanDone(1)
	w.Until("the rows are shown", func() bool { return w.Sees("Al teléfono «6001» le faltan cifras.") })
	w.MustSee("Íñigo Etxeberria", "— pasa a Bilbao", "Nuevos 237", "Rechazados 1")
	w.Picture("rows")
	w.Key(fyne.KeyF5)
	w.MustSee("237 clientes nuevos y 1 que cambian; 1 filas se quedan fuera. Después puede deshacerlo entero.")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	w.Until("the import is under way", func() bool { return called(s, "apply 1") && w.Sees("Pausar") })
	s.ImportDone(1)
	w.Until("the outcome is shown", func() bool { return w.Sees("237 nuevos, 1 cambiados, 1 rechazados") })
	w.MustSee("Deshacer", "Guardar los rechazados", "Ver clientes")
}

func TestWhatIsRefusedLosesNothingOfWhatWasChosen(t *testing.T) {
	s := uitest.Serve(t)
	w := chosen(t, s)
	for range 60 { // to the choice of the first column, whose first answer leaves it out
		if choice, ok := w.Canvas.Focused().(*ui.Select); ok && choice.Selected == "Nombre" {
			choice.SetSelectedIndex(0)
			break
		}
		w.Key(fyne.KeyTab)
	}
	w.Key(fyne.KeyF5)
	w.MustSee("Diga qué columna tiene el nombre.", "Observaciones", "Dejar fuera")
	if called(s, "plan") {
		t.Error("a plan without names was made")
	}
}
