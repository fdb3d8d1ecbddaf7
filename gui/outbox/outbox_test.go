package outbox_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
)

func TestTheOutboxShowsEachMailAsTheCustomerSeesIt(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF6)
	w.MustSee("¡Hola, Lucía!", "Activar mi cuenta", "En carpeta", "Aún no hay servidor de correo: los mensajes se guardan en una carpeta.")
	w.Picture("outbox")
	w.Press("Texto")
	w.MustSee("Activar mi cuenta: http://localhost:8098/a/x")
	w.Press("Cabeceras")
	w.MustSee("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
	w.Picture("outbox-headers")
}

func TestALinkOfTheMailOpensTheBrowser(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF6)
	w.Press("Activar mi cuenta")
	if !slices.Equal(w.Opened, []string{"http://localhost:8098/a/x"}) {
		t.Errorf("opened %q", w.Opened)
	}
}

func TestTheMailOpensInTheBrowserWithoutScripts(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF6)
	w.Key(fyne.KeyF7)
	if len(w.Opened) != 1 || !strings.HasPrefix(w.Opened[0], "file:///") {
		t.Fatalf("opened %q", w.Opened)
	}
	page, err := os.ReadFile(strings.TrimPrefix(w.Opened[0], "file://"))
	if err != nil || !strings.Contains(string(page), "default-src 'none'") || !strings.Contains(string(page), "Lucía") {
		t.Errorf("page: %v\n%s", err, page)
	}
}

func TestAFailedMessageIsRetried(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF6)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyReturn)
	w.MustSee("550 5.1.1 <joseluis.benitez.montoro@correo.example.com>: User unknown")
	w.Picture("outbox-failed")
	w.Key(fyne.KeyF5)
	if !slices.Contains(s.Calls, "retry m2") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func alt(key fyne.KeyName) fyne.Shortcut {
	return &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierAlt}
}

func TestTheOutboxSaysCheckByCheckWhyAMessageWasNotDelivered(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Outbox, "m2")
	w.Settle()
	w.Shortcut(alt("4"))
	w.MustSee("No se entregó: el servidor dice que el buzón no existe.", "La pide la regla «Bienvenida» de PLG0074 por el evento 17.", "Marta Ruiz, caja 1", "Direcciones sin correo", "No")
	w.Picture("outbox-why")
}

func TestAWaitingMessageSaysWhenItLeavesAndIsTakenBack(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Outbox, "m0")
	w.Settle()
	w.MustSee("Programado", "Sale el 10/03/2026 09:30.", "Adjuntos: cesta.pdf (33 KB)")
	w.Shortcut(alt("4"))
	w.MustSee("Cesta abandonada: ofrecer ayuda", "biblioteca/cesta, versión 4", "K7QFM-2XW9P")
	w.Picture("outbox-scheduled")
	w.Press("Cancelar el envío")
	w.MustSee("El mensaje para nuria@example.com aún no ha salido y ya no saldrá.")
	w.Press("No enviar")
	w.MustSee("El mensaje para nuria@example.com ya no sale.", "Cancelado")
	if !slices.Contains(s.Calls, "cancel m0") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestJustTheFailedAreSentAgainOnceItIsSaidHowMany(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF6)
	w.Press("Reenviar las fallidas")
	w.MustSee("Han fallado 1 mensajes. Salen otra vez solo esos, con los mismos identificadores.")
	if slices.Contains(s.Calls, "retry failed  1") {
		t.Fatal("it was not asked")
	}
	w.Press("Reenviar")
	w.MustSee("Vuelven a salir 1 mensajes.")
	w.Press("Reenviar las fallidas")
	w.MustSee("No hay mensajes fallidos.")
}

func TestMessagesAreNarrowedByRule(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF6)
	w.Press("Más filtros")
	w.Canvas.Focused().(*ui.Select).SetSelected("PLG0110")
	w.Picture("outbox-filters")
	w.Press("Ver mensajes")
	w.MustSee("nuria@example.com", "PLG0110  ×")
	if w.Sees("lucia@example.com") {
		t.Error("the list is not narrowed")
	}
	w.Press("PLG0110  ×")
	w.MustSee("lucia@example.com")
}
