package customers_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

// crowded opens the list of a store with a million customers.
func crowded(t *testing.T) (*uitest.Store, *uitest.Window) {
	s := uitest.Serve(t)
	s.Crowd = 1_000_000
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF3)
	return s, w
}

func alt(key fyne.KeyName) *desktop.CustomShortcut {
	return &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierAlt}
}

func TestAMillionCustomersAreScrolledThroughWithoutBeingRead(t *testing.T) {
	s, w := crowded(t)
	w.MustSee("1.000.005 clientes", "Lucía Fernández Soto", "n.º 1")
	w.Picture("million")
	w.Key(fyne.KeyDown)
	for range 3 {
		w.Key(fyne.KeyPageDown)
	}
	w.Key(fyne.KeyEnd)
	w.Until("the last is read", func() bool { return w.Sees("n.º 1000100") })
	w.Key(fyne.KeyHome)
	w.MustSee("Lucía Fernández Soto")
	if n := len(s.Searches); n > 6 {
		t.Errorf("%d pages were asked for", n)
	}
}

func TestTheMiddleOfAMillionIsShownAtOnce(t *testing.T) {
	s, w := crowded(t)
	list := w.LongList()
	for range 200 { // the mouse drags through everything; nothing is answered yet
		first, _ := list.Sight()
		list.ScrollTo(first + 2500)
	}
	w.Settle()
	first, count := list.Sight()
	if first < 490_000 || count < 5 {
		t.Fatalf("%d rows from %d are in sight", count, first)
	}
	w.MustSee("n.º 500096")
	if n := len(s.Searches); n > 10 {
		t.Errorf("%d pages were asked for", n)
	}
}

func TestFiltersAreSetByKeyboardAndTakenAwayByTheirChips(t *testing.T) {
	s, w := crowded(t)
	w.Shortcut(alt(fyne.KeyF))
	w.MustSee("Con todas estas etiquetas")
	w.Type("vip")
	w.Key(fyne.KeyReturn)
	w.MustSee("VIP  ×")
	for range 8 {
		if c, ok := w.Canvas.Focused().(*ui.Check); ok && c.Text == "Aceptadas" {
			w.Type(" ")
			break
		}
		w.Key(fyne.KeyTab)
	}
	for range 12 {
		if e, ok := w.Canvas.Focused().(*ui.Entry); ok && e.PlaceHolder == "Campo o dato" {
			break
		}
		w.Key(fyne.KeyTab)
	}
	w.Type("ciud")
	w.Picture("filters-term")
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyTab)
	w.Type("Bilbao")
	w.Picture("filters")
	w.Key(fyne.KeyEscape)
	w.MustSee("Etiqueta: VIP  ×", "Promociones: Aceptadas  ×", "Ciudad es Bilbao  ×", "100.000 clientes")
	w.Picture("filtered")
	if !slices.ContainsFunc(s.Searches, func(req *mostradorv1.SearchRequest) bool {
		f := req.Filter
		return slices.Equal(f.GetTags(), []string{"VIP"}) && len(f.GetConsent()) == 1 && f.GetCondition() != nil && f.Condition.Conditions[0].Operands[0] == "Bilbao"
	}) {
		t.Errorf("searched with %v", s.Searches)
	}
	w.Press("Etiqueta: VIP  ×")
	w.Press("Promociones: Aceptadas  ×")
	w.Press("Ciudad es Bilbao  ×")
	w.MustSee("1.000.005 clientes")
	if last := s.Searches[len(s.Searches)-1].Filter; last != nil {
		t.Errorf("searched with %v", last)
	}
}

func TestPickedCustomersAreTagged(t *testing.T) {
	s, w := crowded(t)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeySpace)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeySpace)
	w.MustSee("2 seleccionados. Esc los deja.")
	w.Picture("picked")
	w.Shortcut(alt(fyne.KeyT))
	w.Type("veci")
	w.Key(fyne.KeyReturn)
	w.MustSee("Vecino  ×", "2 clientes")
	w.Picture("tagging")
	w.Press("Aplicar")
	if !slices.Contains(s.Calls, `tag apply +[Vecino] -[] to 2 ids all=false "" []`) {
		t.Errorf("calls: %q", s.Calls)
	}
	w.Key(fyne.KeyEscape)
	if w.Sees("seleccionados") {
		t.Error("Escape does not let go")
	}
}

func TestAllThatWasFoundIsPickedWithoutSome(t *testing.T) {
	s, w := crowded(t)
	w.Key(fyne.KeyDown)
	w.Shortcut(&fyne.ShortcutSelectAll{})
	w.MustSee("1.000.005 seleccionados. Esc los deja.")
	w.Key(fyne.KeySpace)
	w.MustSee("1.000.004 seleccionados. Esc los deja.")
	w.Shortcut(alt(fyne.KeyT))
	w.Type("vip")
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, `tag apply +[VIP] -[] to 0 ids all=true "" []`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestShiftPicksAStretch(t *testing.T) {
	_, w := crowded(t)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeySpace)
	list := w.Canvas.Focused().(*ui.LongList)
	list.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	for range 3 {
		w.Key(fyne.KeyDown)
	}
	list.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	w.Key(fyne.KeyDown)
	w.MustSee("4 seleccionados. Esc los deja.")
}

func TestWhatIsFoundIsExported(t *testing.T) {
	s, w := crowded(t)
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	w.Shortcut(alt(fyne.KeyE))
	w.Press("Texto (CSV)")
	w.Key(fyne.KeyReturn)
	data, err := os.ReadFile(filepath.Join(dir, "clientes.csv"))
	if err != nil || !strings.Contains(string(data), "lucia@example.com") {
		t.Errorf("the file holds %q, %v", data, err)
	}
	if !slices.Contains(s.Calls, "export FILE_FORMAT_CSV 0") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("Exportado: " + filepath.Join(dir, "clientes.csv"))
}

func TestAPlaceMayBeGoneToWithASearch(t *testing.T) {
	_, w := crowded(t)
	w.Desk.Nav.Go(ui.Customers, ui.Arg(&mostradorv1.SearchRequest{Filter: &mostradorv1.Filter{Segments: []uint32{1}}}))
	w.Settle()
	w.MustSee("Segmento: Dormidos  ×")
}

func TestACustomerWhoChangesElsewhereChangesInTheList(t *testing.T) {
	s, w := crowded(t)
	before := strings.Count(w.Words(), "Aceptadas")
	s.Accept("c1")
	w.Until("her badge has changed", func() bool { return strings.Count(w.Words(), "Aceptadas") == before+1 })
}

func TestTheListKeepsItsPlaceWhileASheetIsOpen(t *testing.T) {
	_, w := crowded(t)
	w.LongList().ScrollTo(700_000)
	w.Settle()
	w.LongList().OnOpen(700_003)
	w.Settle()
	w.Key(fyne.KeyEscape)
	if first, _ := w.LongList().Sight(); first != 700_000 {
		t.Errorf("the list begins at row %d", first)
	}
}
