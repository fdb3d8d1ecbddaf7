package contribution_test

import (
	"maps"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/sdk/plgv1"
)

// values are what is typed for each type, and what the host gets.
var values = map[string]struct{ typed, sent string }{
	"text": {"Luci", "Luci"}, "long_text": {"Prefiere novela.", "Prefiere novela."}, "number": {"2,5", "2.5"}, "money": {"1.250,50", "1250.50"},
	"date": {"9/3/1984", "1984-03-09"}, "email": {"lucia@trabajo.example", "lucia@trabajo.example"}, "phone": {"915 55 01 23", "915 55 01 23"},
	"url": {"https://lucia.example", "https://lucia.example"}, "color": {"#0f6674", "#0f6674"},
}

func sheet(t *testing.T, s *uitest.Store) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Sheet, "c1")
	w.Until("the sheet is read", func() bool { return w.Desk.Busy() == 0 && w.Sees("Preparar regalo") })
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.Contains(s.Calls, call)
}

// tab goes on until the focus is on what is asked for.
func tab(t *testing.T, w *uitest.Window, what string, is func(fyne.Focusable) bool) {
	t.Helper()
	for range 60 {
		if is(w.Canvas.Focused()) {
			return
		}
		w.Key(fyne.KeyTab)
	}
	t.Fatalf("the keyboard does not reach %s", what)
}

func button(text string) func(fyne.Focusable) bool {
	return func(f fyne.Focusable) bool { b, ok := f.(*ui.Button); return ok && b.Text() == text }
}

func TestAPlugInNeverSeenBeforeLooksNative(t *testing.T) {
	s := uitest.Serve(t)
	s.Contribute()
	s.Customers[0].Fields = map[string]string{"plg9005_money": "1250.5", "plg9005_date": "1984-03-09", "plg9005_choice": "m", "plg9005_country": "PT",
		"plg9005_color": "#c2570c", "plg9005_number": "2.5", "plg9005_url": "https://lucia.example", "plg9005_phone": "+34915550123", "plg9005_text": "Luci"}
	w := sheet(t, s)
	w.MustSee("1.250,50 €", "09/03/1984", "Mediana", "Portugal", "#c2570c", "2,5")
	w.Picture("sheet")
	w.Shortcut(&desktop.CustomShortcut{KeyName: "4", Modifier: fyne.KeyModifierAlt})
	w.MustSee("Regalos", "El plug-in no ha contestado a tiempo.")
	w.Picture("sheet-panels")
	w.Shortcut(&desktop.CustomShortcut{KeyName: "1", Modifier: fyne.KeyModifierAlt})
	w.Press("https://lucia.example")
	if !slices.Contains(w.Opened, "https://lucia.example") {
		t.Errorf("opened: %q", w.Opened)
	}
	w.Key(fyne.KeyF5)
	w.MustSee("Ese día se le felicita por correo.", "Solo un encargado puede cambiar la página web.")
	w.Picture("sheet-edit")
}

func TestAFormOfEveryTypeSendsWhatTheHostReads(t *testing.T) {
	s := uitest.Serve(t)
	s.Contribute()
	w := sheet(t, s)
	tab(t, w, "the button", button("Preparar regalo"))
	w.Key(fyne.KeyReturn)
	w.MustSee("El regalo queda apartado en el almacén.", "Apodo *", "Lo que se le puede fiar.")
	tab(t, w, "the button to accept", button("Aceptar"))
	w.Key(fyne.KeyReturn)
	w.MustSee("Rellene este campo.")
	for _, kind := range uitest.Types {
		switch kind {
		case "yes_no":
			tab(t, w, kind, func(f fyne.Focusable) bool { _, ok := f.(*ui.Check); return ok })
			w.Type(" ")
		case "choice":
			tab(t, w, kind, func(f fyne.Focusable) bool { _, ok := f.(*ui.Select); return ok })
			w.Key(fyne.KeyRight)
			w.Key(fyne.KeyRight)
		case "country":
			w.Type("portu")
		default:
			tab(t, w, kind, func(f fyne.Focusable) bool { e, ok := f.(*ui.Entry); return ok && e.Text == "" })
			w.Type(values[kind].typed)
		}
		w.Key(fyne.KeyTab)
	}
	w.Picture("form")
	tab(t, w, "the button to accept", button("Aceptar"))
	w.Key(fyne.KeyReturn)
	w.MustSee("El cliente recibirá un correo. ¿Seguro?")
	w.Press("Sí, adelante")
	w.MustSee("El regalo está preparado.")
	want := map[string]string{"yes_no": "true", "choice": "m", "country": "PT"}
	for kind, v := range values {
		want[kind] = v.sent
	}
	s.Lock()
	defer s.Unlock()
	if got := s.Forms["PLG9005/todo"]; !maps.Equal(got, want) {
		t.Errorf("the plug-in got %q\nwant %q", got, want)
	}
}

func TestWhatCannotBeReadIsSaidWhenTheFieldIsLeft(t *testing.T) {
	s := uitest.Serve(t)
	s.Contribute()
	s.Actions[0].Form = s.Actions[0].Form[2:4] // number and money
	w := sheet(t, s)
	w.Press("Preparar regalo")
	w.Type("dos")
	w.Key(fyne.KeyTab)
	w.Type("12,5O")
	w.Key(fyne.KeyReturn)
	w.Picture("form-wrong")
	if w.Desk.TopModal() == nil || called(s, "run PLG9005/todo c1") {
		t.Error("the form was sent with what cannot be read")
	}
}

func TestAPlugInsDiagnosticsStandAtTheirQuestions(t *testing.T) {
	s := uitest.Serve(t)
	s.Contribute()
	s.Actions[0].Form, s.Actions[0].Confirm = s.Actions[0].Form[2:4], ""
	s.Answers["PLG9005/todo"] = &plgv1.Result{Diagnostics: []*plgv1.Diagnostic{
		{Severity: plgv1.Severity_SEVERITY_ERROR, Path: "money", Summary: "Es más de lo que se puede fiar."}, {Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "El almacén está cerrado."}}}
	w := sheet(t, s)
	w.Press("Preparar regalo")
	w.Type("1")
	w.Key(fyne.KeyReturn)
	w.Type("500")
	w.Key(fyne.KeyReturn)
	w.MustSee("Es más de lo que se puede fiar.", "El almacén está cerrado.")
	w.Picture("form-refused")
}

func TestAButtonMayAskFirst(t *testing.T) {
	s := uitest.Serve(t)
	s.Contribute()
	w := sheet(t, s)
	w.Press("Felicitar ahora")
	w.MustSee("Sale un correo de felicitación. ¿Lo envía?")
	w.Picture("confirm")
	w.Key(fyne.KeyEscape)
	if called(s, "run PLG9005/felicitar c1") {
		t.Error("Escape has run it")
	}
	w.Press("Felicitar ahora")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	if !called(s, "run PLG9005/felicitar c1") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("La felicitación va en camino.")
}

func TestAResultOpensASheetOrAPageAndNothingElse(t *testing.T) {
	s := uitest.Serve(t)
	s.Contribute()
	w := uitest.SignIn(t, s)
	w.Until("the menu has the plug-in's buttons", func() bool { return w.Sees("Calendario de fiestas") && w.Sees("No hay ninguna campaña abierta.") })
	w.Press("Calendario de fiestas")
	if !slices.Equal(w.Opened, []string{"https://calendario.example/2026"}) {
		t.Errorf("opened: %q", w.Opened)
	}
	s.Lock()
	s.Answers["PLG9005/menu"] = &plgv1.Result{Open: "file:///etc/passwd"}
	s.Unlock()
	w.Press("Calendario de fiestas")
	if len(w.Opened) != 1 {
		t.Errorf("opened: %q", w.Opened)
	}
	w.Key(fyne.KeyF3)
	w.Until("the list has the plug-in's button", func() bool { return w.Button("Felicitar a los de hoy") != nil })
	w.Picture("list")
	w.Press("Felicitar a los de hoy")
	w.Press("Sí, adelante")
	w.Until("the customer's sheet is open", func() bool { return w.Desk.Busy() == 0 && w.Sees("andres.molina@example.com") && w.Sees("Datos") })
	w.MustSee("Van 7 felicitaciones.")
}

func TestTheFormOfANewCustomerAsksWhatPlugInsAsk(t *testing.T) {
	s := uitest.Serve(t)
	s.Contribute()
	s.Fields = s.Fields[2:7]
	s.Fields[4].Required = true // the date
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF4)
	w.Until("the questions stand", func() bool { return w.Sees("Cumpleaños *") })
	w.Type("Elena Prat")
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyReturn)
	w.MustSee("Rellene este campo.")
	w.Picture("new")
	w.Type("31/2/1990")
	w.Key(fyne.KeyReturn)
	if called(s, "register Elena Prat") {
		t.Error("a day that there is not was sent")
	}
	e := w.Canvas.Focused().(*ui.Entry)
	e.SetText("")
	w.Type("28/2/1990")
	w.Key(fyne.KeyReturn)
	if !called(s, "register Elena Prat") {
		t.Fatalf("calls: %q", s.Calls)
	}
}

func TestReportsStandOnAScreenOfTheirOwn(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF11)
	w.Until("it is said that there are none", func() bool { return w.Sees("Ningún plug-in activo trae informes.") })
	s.Contribute()
	w.Key(fyne.KeyF5)
	w.Until("the reports stand", func() bool { return w.Desk.Busy() == 0 && w.Sees("Ventas por mes") })
	w.MustSee("Regalos entregados", "Cumpleaños de hoy", "Sin datos.", "1.250,00 €")
	w.Picture("reports")
}
