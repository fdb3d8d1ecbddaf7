package guide_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// home makes a folder of this package, or a new one, the person's own.
func home(t *testing.T, dir string) string {
	for _, name := range []string{"HOME", "USERPROFILE"} {
		t.Setenv(name, dir)
	}
	return dir
}

func TestWhatIsSetIsExported(t *testing.T) {
	home(t, filepath.Join("testdata", "home"))
	s := uitest.Serve(t)
	w := open(t, s, "")
	w.Press("Exportar")
	w.MustSee("Exportar la configuración", "configuracion-2026-03-09.yaml", "configuracion.yaml")
	w.Picture("export")
	w.Key(fyne.KeyEscape)

	dir := home(t, t.TempDir())
	w.Press("Exportar")
	w.Key(fyne.KeyReturn)
	path := filepath.Join(dir, "configuracion-2026-03-09.yaml")
	written, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(written), "PLG0074TextoFile: templates/bienvenida.html") {
		t.Fatalf("wrote %q, %v", written, err)
	}
	w.Press("Exportar")
	w.Key(fyne.KeyReturn)
	w.MustSee("¿Sustituir el archivo?")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Press("Sustituir")
	if again, err := os.ReadFile(path); err != nil || string(again) != string(written) {
		t.Errorf("wrote %q over it, %v", again, err)
	}
}

// picked chooses testdata/home/configuracion.yaml for the import.
func picked(t *testing.T, res *mostradorv1.ImportSettingsResponse) (*uitest.Store, *uitest.Window) {
	home(t, filepath.Join("testdata", "home"))
	s := uitest.Serve(t)
	s.Import = res
	w := open(t, s, "")
	w.Press("Importar")
	w.MustSee("Elegir un archivo de configuración", "configuracion.yaml", "documentos")
	if w.Sees("tarifas.csv") {
		t.Error("lists files that hold no settings")
	}
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyReturn)
	return s, w
}

func TestAFileIsTakenOverAfterItsDifferencesWereShown(t *testing.T) {
	s, w := picked(t, &mostradorv1.ImportSettingsResponse{Differences: []*mostradorv1.SettingDifference{
		{Key: "TiendaNombre", Name: "Nombre de la tienda", Scope: store, From: text("Librería Cervantes"), To: text("Librería Quijote")},
		{Key: "TiendaPais", Name: "País", Scope: chain, From: text("ES"), To: text("MX")},
		{Key: "CodigoCortoDias", Name: "Validez del código corto (días)", Scope: till, Till: "2", To: number(14)},
	}})
	w.MustSee("Este archivo cambia 3 valores. Aún no se ha cambiado nada.", "Librería Quijote", "México", "Caja 2", "Sin valor")
	w.Picture("import")
	if len(calls(s)) != 0 {
		t.Errorf("the preview changed something: %q", calls(s))
	}
	w.Key(fyne.KeyReturn) // [Apply] has the focus
	if w.Sees("Aplicar los cambios") {
		t.Error("the preview stays")
	}
	if got := calls(s); !slices.Equal(got, []string{"import CodigoCortoDias: 14\nTiendaNombre: Librería Quijote\n"}) {
		t.Errorf("calls: %q", got)
	}
}

func TestAFileWithARefusedValueIsNotTakenOver(t *testing.T) {
	_, w := picked(t, &mostradorv1.ImportSettingsResponse{Differences: []*mostradorv1.SettingDifference{
		{Key: "TiendaNombre", Name: "Nombre de la tienda", Scope: store, From: text("Librería Cervantes"), To: text("Librería Quijote")},
		{Key: "CodigoCortoDias", Name: "Validez del código corto (días)", Scope: store, From: number(7), To: number(400), Refused: "«Validez del código corto (días)» tiene que ser 90 o menos."},
	}})
	w.MustSee("Un valor no es válido. Corríjalo en el archivo: se importa todo o nada.", "No es válido: «Validez del código corto (días)» tiene que ser 90 o menos.")
	if w.Button("Aplicar los cambios") != nil {
		t.Error("offers to apply what is refused")
	}
	w.Picture("import-refused")
}

func TestAFileThatCannotBeReadSaysWhere(t *testing.T) {
	_, w := picked(t, &mostradorv1.ImportSettingsResponse{Diagnostics: []*plgv1.Diagnostic{
		{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Línea 2: no hay ninguna opción {TiendaNonbre} en la Guía de Configuración."},
		{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Línea 7: «CodigoCortoDias» está dos veces."},
	}})
	w.MustSee("Este archivo no se puede importar.", "Línea 2:", "Línea 7:")
	w.Picture("import-bad")
}

func TestAFileIsChosenAsAValueAndCopiedOut(t *testing.T) {
	home(t, filepath.Join("testdata", "home"))
	s := uitest.Serve(t)
	setting := add(s, "PLG0002Tarifas", "file", "Tarifas", nil)
	w := open(t, s, "PLG0002Tarifas")
	w.Press("Elegir…")
	for range 3 {
		w.Key(fyne.KeyDown)
	}
	w.Key(fyne.KeyReturn)
	w.MustSee("tarifas.csv", "23 B  ·  líneas: 3")
	w.Key(fyne.KeyF5)
	if setting.Value.GetStringValue() != "tarifas.csv" || string(setting.Data) != "código;precio\n1;2\n3;4\n" {
		t.Errorf("kept %q with %q", setting.Value.GetStringValue(), setting.Data)
	}
	dir := home(t, t.TempDir())
	w.Press("Guardar copia…")
	w.Key(fyne.KeyReturn)
	if got, err := os.ReadFile(filepath.Join(dir, "tarifas.csv")); err != nil || string(got) != string(setting.Data) {
		t.Errorf("copied %q, %v", got, err)
	}
}

func TestAPictureIsShownAndOtherContentIsNot(t *testing.T) {
	logo := image.NewNRGBA(image.Rect(0, 0, 240, 120))
	for y := range 120 {
		for x := range 240 {
			if dx, dy := x-120, y-60; dx*dx+dy*dy < 50*50 {
				logo.Set(x, y, color.NRGBA{15, 102, 116, 255})
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, logo); err != nil {
		t.Fatal(err)
	}
	s := uitest.Serve(t)
	setting := add(s, "PLG0002Logo", "file", "Logotipo del recibo", nil)
	setting.Rule = "Un archivo de hasta 256 KB."
	uitest.Put(setting, store, "", text("logo.png"))
	setting.Data = out.Bytes()
	w := open(t, s, "PLG0002Logo")
	w.MustSee("logo.png")
	w.Picture("file-picture")

	setting.Data = []byte{0xff, 0xfe, 0, 1}
	w = open(t, s, "PLG0002Logo")
	w.MustSee("4 B", "El contenido no es texto ni una imagen que se pueda ver aquí.")
	w.Type("x")
	w.Key(fyne.KeyReturn)
	if setting.Value.GetStringValue() != "xlogo.png" || len(setting.Data) != 4 {
		t.Errorf("kept %v with %q", setting.Value, setting.Data)
	}
}
