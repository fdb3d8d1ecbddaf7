package sheet_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func TestWhatTwoTillsChangeAtOnceIsPutSideBySide(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	w.Key(fyne.KeyF5)
	w.Type("Ana ")
	s.Change("c1", func(c *plgv1.Customer) { c.Name, c.Email = "Lucía Fernández", "nueva@example.com" })
	w.Until("the field says it", func() bool { return w.Sees("Otra caja ha puesto: Lucía Fernández. Al guardar podrá elegir.") })
	w.MustSee("Otra caja acaba de poner: nueva@example.com", "nueva@example.com")
	w.Picture("elsewhere")
	w.Key(fyne.KeyReturn)
	for range len("+34600111222") {
		w.Key(fyne.KeyBackspace)
	}
	w.Key(fyne.KeyEnd)
	for range len("+34600111222") {
		w.Key(fyne.KeyBackspace)
	}
	w.Type("600999888")
	w.Key(fyne.KeyF5)
	w.MustSee("Otra caja ha cambiado lo mismo", "✓ Ana Lucía Fernández Soto", "Iker Lasa, caja 2, 09/03/2026 10:31")
	w.Picture("conflict")
	w.Press("Lucía Fernández")
	w.Key(fyne.KeyReturn)
	if c := s.Customers[0]; c.Name != "Lucía Fernández" || c.Phone != "600999888" || c.Email != "nueva@example.com" {
		t.Errorf("kept: %v", c)
	}
}

func TestOneMayInsistOnWhatOneTyped(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	w.Key(fyne.KeyF5)
	w.Type("Ana ")
	s.Change("c1", func(c *plgv1.Customer) { c.Name = "Lucía Fernández" })
	w.Until("the field says it", func() bool { return w.Sees("Al guardar podrá elegir.") })
	w.Key(fyne.KeyF5)
	w.Key(fyne.KeyReturn)
	if c := s.Customers[0]; c.Name != "Ana Lucía Fernández Soto" {
		t.Errorf("kept: %v", c)
	}
}

func TestFieldsOfTheDataModelStandUnderTheirHeadings(t *testing.T) {
	s := uitest.Serve(t)
	profile := func(id, label, kind, value string, many bool) {
		s.Fields = append(s.Fields, &mostradorv1.FieldState{Id: id, Label: label, Type: kind, Many: many, Visible: true, Editable: true, Section: "Perfil", Choices: choicesOf(kind)})
		if s.Customers[0].Fields == nil {
			s.Customers[0].Fields = map[string]string{}
		}
		s.Customers[0].Fields[id] = value
	}
	profile("aficiones", "Aficiones", "choice", "leer\nviajar", true)
	profile("cita", "Próxima cita", "date_time", "2026-11-21T18:30", false)
	profile("hijos", "Hijos", "integer", "2", false)
	profile("saldo", "Saldo", "decimal", "1250.5", false)
	profile("envio", "Dirección de envío", "postal_address", "Calle Mayor 3\n48001 Bilbao", false)
	profile("amigo", "Vino con", "customer", "c2", false)
	profile("alias", "Otros nombres", "text", "Luci\nLu", true)
	w := open(t, s, "c1")
	w.Until("the friend has a name", func() bool { return w.Sees("Andrés Molina") })
	w.MustSee("Perfil", "Leer\nViajar", "21/11/2026 18:30", "1.250,5", "Calle Mayor 3\n48001 Bilbao", "Luci\nLu")
	w.Picture("model")
	w.Key(fyne.KeyF5)
	w.Until("the friend has a name", func() bool { return w.Sees("Andrés Molina") })
	w.Picture("model-edit")
	w.Key(fyne.KeyF5)
	if slices.ContainsFunc(s.Calls, func(call string) bool { return call[:6] == "update" }) {
		t.Errorf("what nobody touched was saved: %q", s.Calls)
	}
}

func choicesOf(kind string) []*mostradorv1.Choice {
	if kind != "choice" {
		return nil
	}
	return []*mostradorv1.Choice{{Value: "leer", Label: "Leer"}, {Value: "viajar", Label: "Viajar"}, {Value: "cine", Label: "Cine"}}
}

func TestTagsAreCompletedAndTakenOff(t *testing.T) {
	s := uitest.Serve(t)
	s.Customers[0].Tags = []string{"Mayorista"}
	w := open(t, s, "c1")
	for range 20 {
		if e, ok := w.Canvas.Focused().(interface{ SelectedText() string }); ok && e != nil {
			break
		}
		w.Key(fyne.KeyTab)
	}
	w.Type("vip")
	w.Picture("tag")
	w.Key(fyne.KeyReturn)
	w.Press("×")
	want := []string{`tag apply +[VIP] -[] to 1 ids all=false "" []`, `tag apply +[] -[Mayorista] to 1 ids all=false "" []`}
	for _, call := range want {
		if !slices.Contains(s.Calls, call) {
			t.Errorf("calls: %q", s.Calls)
		}
	}
}

func TestTheHistoryIsNarrowedByKind(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c1")
	w.Shortcut(alt("3"))
	for range 30 {
		if _, ok := w.Canvas.Focused().(interface{ SelectedIndex() int }); ok {
			break
		}
		w.Key(fyne.KeyTab)
	}
	w.Key(fyne.KeyRight)
	w.Until("only changes are left", func() bool { return !w.Sees("Compra de 35,75 €") && w.Sees("Alta del cliente") })
}

func TestDataAreHandedOverAndThePersonIsForgotten(t *testing.T) {
	s := uitest.Serve(t)
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	w := open(t, s, "c1")
	w.Shortcut(alt("2"))
	w.Press("Entregar datos…")
	w.Key(fyne.KeyReturn)
	if data, err := os.ReadFile(filepath.Join(dir, "datos-cliente-1.zip")); err != nil || string(data) != "PK" {
		t.Errorf("the file holds %q, %v", data, err)
	}
	w.Desk.Hush() // it names a folder of the test
	w.Press("Olvidar cliente…")
	w.MustSee("· 6 mensajes", "Se conserva")
	w.Key(fyne.KeyReturn)
	w.Type("Lucía")
	w.Picture("erase")
	w.Key(fyne.KeyReturn)
	w.MustSee("El nombre no es igual.")
	w.Type(" fernández soto")
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, "erase c1 request") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("Cliente olvidado.")
}

func TestTheNumberIsCopied(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "c2")
	w.Shortcut(&fyne.ShortcutCopy{})
	if got := fyne.CurrentApp().Clipboard().Content(); got != "2" {
		t.Errorf("the clipboard holds %q", got)
	}
}
