package plugins_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// open shows the screen with one plug-in chosen.
func open(t *testing.T, s *uitest.Store, id string) *uitest.Window {
	t.Helper()
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(ui.Plugins, id)
	w.Until("the plug-in is shown", func() bool { return w.Desk.Busy() == 0 && w.Sees("Versiones en este equipo") })
	return w
}

func called(t *testing.T, s *uitest.Store, call string) {
	t.Helper()
	s.Lock()
	defer s.Unlock()
	if !slices.Contains(s.Calls, call) {
		t.Errorf("no call %q among %q", call, s.Calls)
	}
}

func TestTheScreenBeginsWithWhatNeedsSomebody(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF8)
	w.MustSee("Puntos", "Activo", "Apartado", "640 de 1000 clientes revisados, 215 cambiados.", "panic: no hay impresora",
		"Ha fallado varias veces seguidas", "Escribió demasiado: se descartaron 1280 líneas.", "Conectarse a impresora.local, puerto 9100.", "Delicado", "firmado por Talleres Gil")
	w.Picture("plugins-aside")
	w.Press("Reintentar")
	called(t, s, "enable PLG0090")
}

func TestThePlugInUnderTheHighlightIsShown(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0002")
	w.Key(fyne.KeyDown)
	w.MustSee("Envía el correo de bienvenida", "La plantilla no tiene versión en inglés.", "Eventos apartados", "plantilla: falta el enlace de activación")
	w.Picture("plugins")
}

func TestPluginsAreSwitchedAtRunTime(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0002")
	w.Press("Desactivar")
	w.MustSee("¿Desactivar Puntos?")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	called(t, s, "disable PLG0002")
	w.MustSee("Desactivado", "Puntos está desactivado. Sus datos se conservan.")
	w.Press("Activar")
	called(t, s, "enable PLG0002")
}

// inspect picks a package whose content is given.
func inspect(t *testing.T, w *uitest.Window, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "PLG.plg")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Key(fyne.KeyF7)
	w.MustSee("Elija el paquete del plug-in (.plg)")
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
}

func TestAPackageIsInstalledOnlyAfterItsPermissionsWereRead(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0002")
	inspect(t, w, "cumpleanos")
	w.MustSee("Instalar Cumpleaños", "versión 1.2.0", "Firmado", "por Talleres Gil", "Enviar correos a los clientes.", "Delicado", "Para linux/amd64, windows/amd64")
	w.Picture("install")
	w.Key(fyne.KeyReturn) // nothing was read yet
	if b := w.Button("Instalar"); b == nil || !b.Disabled() {
		t.Fatal("the package can be installed unread")
	}
	w.Type(" ")
	w.Key(fyne.KeyReturn)
	called(t, s, "install PLG9005 1.2.0 enable=true")
	w.Until("the new plug-in is shown", func() bool {
		return w.Desk.Busy() == 0 && w.Sees("Felicita a los clientes el día de su cumpleaños") && w.Desk.TopModal() == nil
	})
	w.MustSee("Cumpleaños 1.2.0 está instalado.")
}

func TestAnOlderVersionAsksTwice(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0002")
	inspect(t, w, "antiguo")
	w.MustSee("versión 0.9.0, sustituye a la 1.1.0", "Sé que es más antigua que la versión 1.1.0 en uso", "Nuevo",
		"Los datos que guardó la versión 1.1.0 pueden no leerse con esta.")
	w.Picture("downgrade")
	w.Type(" ")
	if b := w.Button("Instalar"); b == nil || !b.Disabled() {
		t.Error("one tick is enough to go back")
	}
	w.Key(fyne.KeyTab)
	w.Type(" ")
	w.Press("Instalar")
	called(t, s, "install PLG0074 0.9.0 enable=false")
}

func TestARefusedPackageCannotBeInstalled(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0002")
	inspect(t, w, "sin firma")
	w.MustSee("Sin firma", "El paquete no está firmado por una clave de confianza.", "El paquete no trae programa para este equipo (linux/amd64).", "Nada fuera de sus propios datos.")
	w.Picture("refused")
	if w.Button("Instalar") != nil {
		t.Error("what was refused can be installed")
	}
	w.Key(fyne.KeyEscape)
	inspect(t, w, "una foto")
	if said := w.Desk.Said(); said != "Este archivo no es un paquete de plug-in, o está dañado." {
		t.Errorf("a file that is no package: %q", said)
	}
}

func TestAVersionThatDoesNotBecomeHealthyIsSaidToBeRolledBack(t *testing.T) {
	s := uitest.Serve(t)
	s.RolledBack = "La versión 0.9.0 no contestó a la comprobación en 10 segundos."
	w := open(t, s, "PLG0002")
	inspect(t, w, "antiguo")
	w.Type(" ")
	w.Key(fyne.KeyTab)
	w.Type(" ")
	w.Press("Instalar")
	w.MustSee("Mensajes de bienvenida no arrancó bien", "La versión 0.9.0 no contestó a la comprobación en 10 segundos.", "La tienda ha vuelto sola a la versión 1.1.0.")
	w.Picture("rolledback")
}

func TestVersionsAreSwitchedAndRemoved(t *testing.T) {
	s := uitest.Serve(t)
	s.Plugins.Plugins[2].Versions = append(s.Plugins.Plugins[2].Versions, &mostradorv1.PluginVersion{Version: "0.3.0", Origin: "package", Signer: "Talleres Gil"})
	w := open(t, s, "PLG0090")
	w.Press("Usar esta")
	w.MustSee("¿Usar la versión 0.3.0 de Etiquetas?")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	called(t, s, "rollback PLG0090 0.3.0")
	w.MustSee("Etiquetas usa la versión 0.3.0.")
	w.Until("the other version can be removed", func() bool { return w.Desk.Busy() == 0 && w.Button("Quitar") != nil })
	w.Press("Quitar")
	w.MustSee("¿Quitar la versión 0.3.1 de Etiquetas?")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	called(t, s, "remove PLG0090 0.3.1")
	w.Until("it is gone", func() bool { return w.Desk.Busy() == 0 && w.Button("Usar esta") == nil })
	w.Press("Desactivar")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	w.Press("Quitar")
	w.MustSee("¿Quitar Etiquetas?", "Sus ajustes y sus datos se conservan aparte.")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyReturn)
	called(t, s, "remove PLG0090 ")
	w.Until("it is gone", func() bool { return w.Desk.Busy() == 0 && !w.Sees("Imprime etiquetas.") })
}

func TestALogIsReadAndNarrowed(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0074")
	w.Press("Registro")
	w.MustSee("Registro de Mensajes de bienvenida", "bienvenida en cola cliente=c1", "Escribió demasiado: se descartaron 1280 líneas.")
	w.Picture("logs")
	w.Type("c3")
	w.MustSee("el cliente no tiene correo")
	if w.Sees("bienvenida en cola") {
		t.Error("lines without the words stay")
	}
	w.Type("zz")
	w.MustSee("No hay líneas.")
}

func TestTheCheckSaysWhatTheMachineCanDo(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0002")
	w.Press("Comprobar")
	called(t, s, "check")
	w.MustSee("Este equipo", "Archivos y red: Landlock 7.", "Este sistema no limita la red por nombre.", "La plantilla no tiene versión en inglés.")
	w.Picture("check")
}

func TestAConflictIsSettledByAClickAndTakenBack(t *testing.T) {
	s := uitest.Serve(t)
	s.Plugins.Sync = nil
	s.Plugins.Conflicts = []*mostradorv1.Conflict{{Target: "customer.plg0002_nivel", Explanation: "Puntos y Cumpleaños dan valores distintos al mismo campo.",
		Sides: []*mostradorv1.ConflictSide{{Plugin: "PLG0002", Name: "Puntos", Wish: "el nivel sale de los puntos del año"}, {Plugin: "PLG0074", Name: "Mensajes de bienvenida", Wish: "el nivel es siempre «nuevo»"}}}}
	w := open(t, s, "PLG0002")
	w.MustSee("Conflicto", "Puntos: el nivel sale de los puntos del año", "Hasta que alguien decida vale lo más estricto.")
	w.Picture("conflict")
	w.Press("Vale Puntos")
	called(t, s, "settle customer.plg0002_nivel PLG0002")
	w.Until("the decision is shown", func() bool { return w.Desk.Busy() == 0 && w.Sees("customer.plg0002_nivel: vale lo que dice Puntos.") })
	w.Desk.Hush()
	w.Picture("settled")
	w.Press("Deshacer")
	called(t, s, "settle customer.plg0002_nivel ")
	w.Until("it is open again", func() bool { return w.Desk.Busy() == 0 && w.Button("Vale Puntos") != nil })
}

func TestWhyIsSaidInWords(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0002")
	w.Key(fyne.KeyF5)
	w.MustSee("Nadie puede marcar esta casilla a mano: se activa con la aceptación del cliente y se desactiva con su baja.", "Se cumple")
	w.Picture("why")
	w.Key(fyne.KeyTab) // round to the box
	entry, ok := w.Canvas.Focused().(*ui.Entry)
	if !ok {
		t.Fatalf("Tab reaches %T", w.Canvas.Focused())
	}
	entry.SetText("")
	w.Type("message.PLG0074")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ningún plug-in activo dice nada sobre «message.PLG0074».")
	w.Key(fyne.KeyEscape)
	w.MustSee("Desactivar")
}

func TestParkedEventsAreRetried(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "PLG0074")
	w.MustSee("Eventos apartados", "plantilla: falta el enlace de activación")
	w.Press("Reintentar")
	called(t, s, "retry parked 17")
	if w.Sees("Eventos apartados") {
		t.Error("the list of parked events stays")
	}
}

func TestDevelopmentIsSeenOnEveryScreen(t *testing.T) {
	s := uitest.Serve(t)
	s.Plugins.Sync = nil
	s.Plugins.Plugins = append(s.Plugins.Plugins[:2], &mostradorv1.PluginInfo{Id: "PLG9005", Name: "Cumpleaños", Version: "0.1.0", Active: true, Development: true,
		State: mostradorv1.PluginState_PLUGIN_STATE_RUNNING, Description: "Felicita a los clientes.", Sandbox: "Landlock 7, seccomp, 256 MiB de memoria",
		Versions: []*mostradorv1.PluginVersion{{Version: "0.1.0", InUse: true, Origin: "development"}}})
	w := open(t, s, "PLG9005")
	w.MustSee("Modo de desarrollo: Cumpleaños se ejecuta desde la carpeta de desarrollo, sin firma.", "carpeta de desarrollo")
	w.Picture("development")
	w.Key(fyne.KeyF2)
	w.MustSee("Modo de desarrollo")
}

func TestSeveralReasonsAreAllSaid(t *testing.T) {
	s := uitest.Serve(t)
	s.Refusal = &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{
		{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Necesita Puntos 2.0.0 o posterior."},
		{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "No puede estar activo a la vez que Mensajes de bienvenida."}}}
	w := open(t, s, "PLG0090")
	w.Press("Reintentar")
	w.MustSee("Necesita Puntos 2.0.0 o posterior.", "No puede estar activo a la vez que Mensajes de bienvenida.")
}
