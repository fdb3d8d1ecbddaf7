package segments_test

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func open(t *testing.T, s *uitest.Store, arg string) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Segments, arg)
	w.Settle()
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, call) })
}

func TestTheListShowsWhoIsInEachSegment(t *testing.T) {
	w := open(t, uitest.Serve(t), "")
	w.MustSee("Dormidos", "Última compra: hace más de 90 días", "41.250", "Al momento y cada día", "Bilbao con correo")
	w.Picture("segments")
}

func TestAConditionFromTheListOfCustomersBecomesASegment(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, ui.Arg(&mostradorv1.Segment{Condition: &mostradorv1.Condition{
		Group:      mostradorv1.Condition_GROUP_ALL,
		Conditions: []*mostradorv1.Condition{{Term: "fields.city", Operator: "is", Operands: []string{"Bilbao"}}},
	}}))
	w.MustSee("Nuevo segmento", "3.120 clientes", "Ciudad es Bilbao")
	w.Type("De Bilbao")
	w.Picture("segment-new")
	w.Press("Guardar")
	w.MustSee("Guardado: De Bilbao.", "Contando, 40 %")
	if !called(s, `segment 0 De Bilbao GROUP_ALL`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestAMistakeInCELIsSaidWithItsPlaceAndNothingIsLost(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, ui.Arg(&mostradorv1.Segment{Name: "Mal", Expression: `fields.ciudad == "Bilbao"`}))
	w.MustSee("Línea 1, columna 8: no existe «fields.ciudad». ¿Quería decir fields.city?", "Escrito en CEL")
	w.Picture("segment-cel")
}

func TestATakenNameIsSaidAtItsField(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, ui.Arg(&mostradorv1.Segment{Expression: `fields.city == "Bilbao"`}))
	w.MustSee("Nuevo segmento")
	w.Type("dormidos")
	w.Press("Guardar")
	w.MustSee("Ya hay un segmento que se llama así.")
	if w.Desk.TopModal() == nil {
		t.Error("the form is gone, and with it what was typed")
	}
}

func TestMembersAreShownInTheListOfCustomers(t *testing.T) {
	w := open(t, uitest.Serve(t), "")
	w.Type("bilbao")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ver clientes")
	w.Press("Ver clientes")
	w.MustSee("Bilbao con correo", "Clientes")
	if w.Desk.TopModal() != nil {
		t.Error("the form is still open")
	}
}

func TestASegmentIsDeletedOnceSomebodySaysSo(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	w.Key(fyne.KeyReturn)
	w.MustSee("Eliminar")
	w.Press("Eliminar")
	w.MustSee("¿Eliminar «Dormidos»?")
	if called(s, "segment delete") {
		t.Fatal("it was not asked")
	}
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	w.MustSee("Eliminado: Dormidos.")
	if !called(s, "segment delete 1") {
		t.Errorf("calls: %q", s.Calls)
	}
}
