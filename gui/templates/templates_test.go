package templates_test

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

func open(t *testing.T, s *uitest.Store, id string) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Templates, id)
	w.Settle()
	return w
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, call) })
}

func alt(key fyne.KeyName) fyne.Shortcut {
	return &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierAlt}
}

// tabTo presses Tab until what is looked for has the focus.
func tabTo(t *testing.T, w *uitest.Window, is func(fyne.Focusable) bool) {
	t.Helper()
	for range 60 {
		if is(w.Canvas.Focused()) {
			return
		}
		w.Key(fyne.KeyTab)
	}
	t.Fatal("Tab does not lead there")
}

// previewed waits until what was typed has been shown.
func previewed(t *testing.T, w *uitest.Window, holds func(*mostradorv1.PreviewTemplateRequest) bool) {
	t.Helper()
	w.Until("the text is shown", func() bool {
		w.Store.Lock()
		defer w.Store.Unlock()
		n := len(w.Store.Previews)
		return n > 0 && holds(w.Store.Previews[n-1]) && w.Desk.Busy() == 0
	})
}

func TestTheListShowsTemplatesByTheme(t *testing.T) {
	w := open(t, uitest.Serve(t), "")
	w.MustSee("Bienvenida", "Cesta abandonada", "es, en", "Cambiada", "En la Guía", "De la tienda")
	w.Picture("templates")
	w.Type("compras")
	if w.Sees("Pago recibido") {
		t.Error("the list is not narrowed")
	}
}

func TestATextOfASettingIsChangedInTheGuide(t *testing.T) {
	w := open(t, uitest.Serve(t), "")
	w.Type("bienvenida")
	w.Key(fyne.KeyReturn)
	w.MustSee("Guía de Configuración", "PLG0074TextoFile")
}

func TestTheEditorShowsTheMailAsACustomerGetsIt(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/cesta")
	w.MustSee("¿Le ayudamos, Ana?", "Asunto: Ana, su cesta le espera", "Avisos: 1", "Línea 7", "La usan: Cesta abandonada: ofrecer ayuda.", "Tamaño 2 KB  ·  2 comprobaciones bien")
	w.Picture("editor")
	w.Shortcut(alt(fyne.KeyP))
	w.Picture("editor-phone")
	w.Press("Texto")
	w.MustSee("Volver a mi cesta: https://tienda.example.com/cesta/91")
	w.Picture("editor-text")
	w.Press("Inglés")
	previewed(t, w, func(r *mostradorv1.PreviewTemplateRequest) bool { return r.Language == "en" })
	w.Press("HTML")
	w.MustSee("May we help, Ana?")
	w.Key(fyne.KeyF7)
	if len(w.Opened) != 1 || !strings.HasPrefix(w.Opened[0], "file:") {
		t.Errorf("opened %q", w.Opened)
	}
}

func TestACustomerOfTheStoreIsTakenForThePreview(t *testing.T) {
	w := open(t, uitest.Serve(t), "biblioteca/cesta")
	tabTo(t, w, func(f fyne.Focusable) bool {
		e, ok := f.(*ui.Entry)
		return ok && e.PlaceHolder == "Verlo como… (cliente)"
	})
	w.Type("andr")
	w.Key(fyne.KeyReturn)
	previewed(t, w, func(r *mostradorv1.PreviewTemplateRequest) bool { return r.CustomerId == "c2" })
	w.MustSee("¿Le ayudamos, Andrés?", "Asunto: Andrés, su cesta le espera")
}

func TestAMistakeIsSaidWithItsLineAndThePreviewStays(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/cesta")
	w.Type("{{.Cliente.Apodo}}")
	previewed(t, w, func(r *mostradorv1.PreviewTemplateRequest) bool {
		return strings.HasPrefix(r.Html, "{{.Cliente.Apodo}}")
	})
	w.MustSee("Errores: 1", "No existe el dato {{.Cliente.Apodo}}.", "¿Le ayudamos, Ana?", "Sin guardar")
	w.Picture("editor-wrong")
	w.Key(fyne.KeyF5)
	w.MustSee("Línea 1: No existe el dato {{.Cliente.Apodo}}.")
	if called(s, "template ") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestACheckLeadsToItsLine(t *testing.T) {
	w := open(t, uitest.Serve(t), "biblioteca/cesta")
	w.MustSee("Línea 7")
	tabTo(t, w, func(f fyne.Focusable) bool { _, ok := f.(*ui.List); return ok })
	w.Key(fyne.KeyReturn)
	e, ok := w.Canvas.Focused().(*ui.Entry)
	if !ok {
		t.Fatal("the text has not the focus")
	}
	if rest := string([]rune(e.Text)[e.CursorTextOffset():]); !strings.HasPrefix(rest, "<img") {
		t.Errorf("the cursor stands before %.20q", rest)
	}
}

func TestDataIsInsertedWhereTheCursorIs(t *testing.T) {
	w := open(t, uitest.Serve(t), "biblioteca/factura")
	w.Shortcut(alt(fyne.KeyT))
	w.MustSee("Insertar dato", "Nombre de pila del cliente", "Puntos que tiene")
	w.Type("puntos")
	w.Picture("variables")
	w.Key(fyne.KeyReturn)
	previewed(t, w, func(r *mostradorv1.PreviewTemplateRequest) bool {
		return r.Html == "{{.Puntos}}<title>Su factura</title><p>Adjuntamos su factura.</p>"
	})
}

func TestATemplateIsMadeAndSavedByKeyboard(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	w.Type("Aviso de pedido")
	w.Key(fyne.KeyF5)
	w.MustSee("Hola, Ana:", "Asunto: Asunto del mensaje")
	w.Key(fyne.KeyF5)
	w.MustSee("Guardada: Aviso de pedido.")
	if !called(s, `template "" Aviso de pedido  MESSAGE_KIND_TRANSACTIONAL [es] -[]`) {
		t.Errorf("calls: %q", s.Calls)
	}
	w.Key(fyne.KeyEscape)
	w.MustSee("Nueva plantilla", "Aviso de pedido")
}

func TestWhatIsNotSavedIsNeverLostInSilence(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/factura")
	w.Type("<!-- nuevo -->")
	w.Key(fyne.KeyF3) // elsewhere, and back
	w.Desk.Nav.Go(ui.Templates, "")
	w.Settle()
	w.MustSee("Sin guardar", "Su factura")
	w.Key(fyne.KeyF12)
	w.Until("the door is shown", func() bool { return w.Sees("Escriba su nombre y su PIN") })
	w.Type("Marta Ruiz")
	w.Key(fyne.KeyReturn)
	w.Type("2580")
	w.Key(fyne.KeyReturn)
	w.Until("the shop is open", func() bool { return w.Model.Operator() != nil && w.Model.Online() && w.Desk.Busy() == 0 })
	w.Desk.Nav.Go(ui.Templates, "biblioteca/factura")
	w.Settle()
	w.MustSee("Se ha recuperado lo que la última vez quedó sin guardar.", "<!-- nuevo --><title>Su factura</title>")
	w.Picture("editor-restored")
	w.Key(fyne.KeyEscape)
	w.MustSee("Hay cambios sin guardar")
	w.Press("Descartar cambios")
	w.MustSee("Nueva plantilla")
	w.Desk.Nav.Go(ui.Templates, "biblioteca/factura")
	w.Settle()
	if w.Sees("<!-- nuevo -->") {
		t.Error("what was discarded is back")
	}
}

func TestAFormerVersionIsBroughtBackToBeSaved(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/cesta")
	w.Press("Versiones")
	w.MustSee("Versión 3", "1.840 mensajes enviados con ella", "Pilar Sanz")
	w.Picture("versions")
	w.Key(fyne.KeyReturn)
	w.MustSee("Es el texto de la versión 3. Revíselo; vale cuando lo guarde.")
	previewed(t, w, func(r *mostradorv1.PreviewTemplateRequest) bool { return strings.Contains(r.Html, "¿Necesita ayuda") })
	w.Key(fyne.KeyF5)
	if !called(s, `template "biblioteca/cesta" Cesta abandonada Compras MESSAGE_KIND_PROMOTIONAL [es] -[]`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestALanguageIsAddedWithTheTextToTranslate(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/factura")
	w.Press("+ idioma")
	w.Type("ingl")
	w.Key(fyne.KeyReturn)
	w.MustSee("Inglés")
	w.Key(fyne.KeyF5)
	if !called(s, `template "biblioteca/factura" Factura Compras MESSAGE_KIND_TRANSACTIONAL [en] -[]`) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestAPlugInsTextGoesBackToWhatItBrings(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0110/templates/pago.html")
	w.Press("Más…")
	w.Picture("more")
	w.Press("Volver a la del plug-in")
	w.MustSee("¿Volver al texto de PLG0110?")
	w.Press("Volver a la del plug-in")
	w.MustSee("Vuelve a valer el texto de PLG0110.")
	if !called(s, "template restore PLG0110/templates/pago.html") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestATemplateThatARuleUsesIsNotDeleted(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/cesta")
	w.Press("Más…")
	w.Press("Eliminar")
	w.Press("Eliminar")
	w.MustSee("La usa la regla «Cesta abandonada: ofrecer ayuda». Cámbiela antes.")
}

func TestATestIsSentOfWhatIsSeen(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/cesta")
	w.Press("Enviar prueba")
	w.Type("marta@example.com")
	w.Key(fyne.KeyReturn)
	w.MustSee("El servidor ha aceptado la prueba para marta@example.com.")
	w.Picture("test")
}

func TestWithoutConnectionTheTextStaysAndIsNotSaved(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/cesta")
	w.Type("x")
	s.Cut()
	w.Key(fyne.KeyF5)
	w.MustSee("Sin conexión con la tienda. Nada se ha cambiado; inténtelo de nuevo.", "Sin guardar", "x<!doctype html>")
}

func TestTheEditorFitsTheSmallestWindow(t *testing.T) {
	w := open(t, uitest.Serve(t), "biblioteca/cesta")
	smallest := fyne.NewSize(1024, 700)
	w.Desk.Window.Resize(smallest)
	w.Settle()
	if min := w.Canvas.Content().MinSize(); min.Width > smallest.Width || min.Height > smallest.Height {
		t.Errorf("the editor needs %v", min)
	}
	w.Picture("editor-small")
}

func TestACashierHasNoTemplates(t *testing.T) {
	s := uitest.Serve(t)
	s.Role = mostradorv1.Role_ROLE_CASHIER
	w := open(t, s, "")
	w.MustSee("Su usuario no tiene permiso para esto.")
	if w.Sees("Nueva plantilla") {
		t.Error("the list is shown")
	}
}

func TestWhatAnotherSavedMeanwhileIsNotPutAsideInSilence(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "biblioteca/factura")
	w.Type("x")
	s.Lock()
	s.Templates[1].Texts[0].Version++
	s.Unlock()
	w.Key(fyne.KeyF5)
	w.MustSee("Otra persona la ha cambiado", "Si guarda, vale el suyo; el otro queda en Versiones.")
	if called(s, "template ") {
		t.Fatalf("calls: %q", s.Calls)
	}
	w.Press("Guardar el mío")
	w.MustSee("Guardada: Factura.")
	w.Type("y") // and goes on with the new version
	w.Key(fyne.KeyF5)
	w.MustSee("Guardada: Factura.")
	if w.Desk.TopModal() != nil {
		t.Error("one's own version is taken for another's")
	}
}
