package outbox_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

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
