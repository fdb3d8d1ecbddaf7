package guide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func number(n float64) *structpb.Value { return structpb.NewNumberValue(n) }

// calls are the calls that changed something, without the sign-in.
func calls(s *uitest.Store) []string {
	s.Lock()
	defer s.Unlock()
	return slices.DeleteFunc(slices.Clone(s.Calls), func(call string) bool { return call == "signin" })
}

// scoped is a number that chain, store and till 2 have set.
func scoped(t *testing.T) (*uitest.Store, *mostradorv1.Setting) {
	s := uitest.Serve(t)
	setting := add(s, "PLG0002Copias", "number", "Copias del recibo", number(1))
	setting.Rule = "un número entero entre 1 y 5"
	uitest.Put(setting, chain, "", number(2))
	uitest.Put(setting, store, "", number(3))
	uitest.Put(setting, till, "2", number(4))
	return s, setting
}

func TestAValueIsSetAndClearedPerScope(t *testing.T) {
	s, setting := scoped(t)
	w := open(t, s, "PLG0002Copias")
	w.MustSee("Caja 1", "Sin valor", "Tienda", "Cadena", "Predeterminado", "Valor de Tienda")
	w.Picture("scopes")

	focus(t, w)
	w.Key(fyne.KeyLeft)
	w.MustSee("Caja 1 no tiene valor propio: rige el de Tienda")
	w.Canvas.FocusNext() // which till
	w.Canvas.FocusNext()
	w.Key(fyne.KeyUp)
	w.Key(fyne.KeyReturn)
	if got := calls(s); !slices.Equal(got, []string{"set PLG0002Copias till 1"}) || setting.Value.GetNumberValue() != 4 {
		t.Fatalf("calls %q, in force %v", got, setting.Value)
	}
	w.MustSee("Valor de Caja 1")
	w.Desk.Hush()
	w.Picture("scope-till")

	focus(t, w)
	w.Key(fyne.KeyRight)
	w.MustSee("Valor de Tienda: en esta caja rige el de Caja 1")
	w.Key(fyne.KeyLeft)
	w.Press("Quitar este valor")
	if setting.Value.GetNumberValue() != 3 || setting.Scope != store {
		t.Errorf("after clearing the till's value %v of %v is in force", setting.Value, setting.Scope)
	}
	w.MustSee("Caja 1 no tiene valor propio: rige el de Tienda")
	if w.Button("Quitar este valor") != nil {
		t.Error("offers to clear what is not set")
	}
}

// focus goes by Tab to the scopes.
func focus(t *testing.T, w *uitest.Window) {
	t.Helper()
	for range 60 {
		w.Key(fyne.KeyTab)
		if f, ok := w.Canvas.Focused().(fyne.Widget); ok && strings.HasSuffix(fmt.Sprintf("%T", f), ".scopes") {
			return
		}
	}
	t.Fatal("Tab does not reach the scopes")
}

func TestTheDefaultIsShownAndCannotBeChanged(t *testing.T) {
	s, _ := scoped(t)
	w := open(t, s, "PLG0002Copias")
	focus(t, w)
	w.Key(fyne.KeyRight)
	w.Key(fyne.KeyRight)
	w.MustSee("Rige donde no hay otro valor, y no se puede cambiar")
	w.Key(fyne.KeyF5)
	if w.Button("Guardar") != nil || len(calls(s)) != 0 {
		t.Errorf("the default can be saved: %q", calls(s))
	}
	w.Picture("scope-default")
}

func TestWhatIsTypedGoesAlongToAnotherScope(t *testing.T) {
	s, setting := scoped(t)
	w := open(t, s, "PLG0002Copias")
	w.Key(fyne.KeyUp)
	w.Key(fyne.KeyUp) // 5
	focus(t, w)
	w.Key(fyne.KeyRight)
	w.MustSee("Valor de Cadena: en esta caja rige el de Tienda")
	w.Key(fyne.KeyF5)
	if v := setting.Values[0]; v.Scope != chain || v.Value.GetNumberValue() != 5 {
		t.Errorf("the chain says %v", v)
	}
}

func TestALockedSettingSaysWhy(t *testing.T) {
	s, setting := scoped(t)
	setting.ReadOnly, setting.Reason = true, "PLG0074 lo decide mientras está activo: los recibos van por correo."
	w := open(t, s, "PLG0002Copias")
	w.MustSee(setting.Reason, "Valor en vigor")
	if w.Button("Guardar") != nil || w.Button("Quitar este valor") != nil {
		t.Error("a locked setting offers to be changed")
	}
	w.Picture("locked")
}

func TestValuesOfRemovedPluginsAreKeptAside(t *testing.T) {
	s := uitest.Serve(t)
	setting := add(s, "PLG0090Impresora", "text", "", nil)
	setting.Owner, setting.Aside = "PLG0090", true
	uitest.Put(setting, store, "", text("Zebra del almacén"))
	uitest.Put(setting, till, "2", text("Zebra pequeña"))
	w := open(t, s, "")
	w.MustSee("9 ajustes")
	w.Press("Apartados")
	w.MustSee("1 ajuste", "Ajustes apartados", "PLG0090Impresora")
	w.Key(fyne.KeyReturn)
	w.MustSee("Zebra del almacén", "Zebra pequeña", "que no está instalado o no está activo")
	w.Picture("aside")
	w.Press("Quitar para siempre")
	w.MustSee("¿Quitar PLG0090Impresora?")
	w.Press("Quitar para siempre")
	w.MustSee("Nada coincide.", "Elija un ajuste a la izquierda.")
	if got := calls(s); !slices.Equal(got, []string{"set PLG0090Impresora", "set PLG0090Impresora till 2"}) {
		t.Errorf("calls: %q", got)
	}
}

func TestTheSearchShowsOnlyWhatIsChanged(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "")
	w.Press("Cambiados")
	w.MustSee("@changed", "2 ajustes", "Validez del código corto (días)")
	if w.Sees("Servidor SMTP") {
		t.Error("shows what is at its default")
	}
	w.Type("correo")
	w.MustSee("1 ajuste", "Texto del mensaje de bienvenida")
	w.Picture("changed")
	w.Press("Cambiados")
	w.MustSee("4 ajustes")
	w.Key(fyne.KeyEscape)
	w.MustSee("8 ajustes")
}

func TestWhatIsTypedIsNotThrownAwayUnasked(t *testing.T) {
	s := uitest.Serve(t)
	w := open(t, s, "TiendaNombre")
	w.Type("La ")
	w.Key(fyne.KeyF9)
	w.Key(fyne.KeyEscape)
	w.Type("TiendaPais")
	w.Key(fyne.KeyReturn)
	w.MustSee("Hay cambios sin guardar", "Lo escrito en «Nombre de la tienda» aún no está guardado.")
	w.Key(fyne.KeyEscape)
	w.MustSee("La Librería Cervantes")
	w.Type("x")
	w.Key(fyne.KeyBackspace)
	w.Key(fyne.KeyReturn)
	w.Press("Descartar")
	w.MustSee("{TiendaPais}   ·   de la tienda")
	if len(calls(s)) != 0 {
		t.Errorf("calls: %q", calls(s))
	}
}

func TestAListIsChangedByKeyboard(t *testing.T) {
	s := uitest.Serve(t)
	setting := add(s, "PLG0002Familias", "list", "Familias con puntos", nil)
	w := open(t, s, "PLG0002Familias")
	for _, name := range []string{"Libros", "Prensa", "Libros", "Papel"} {
		w.Type(name)
		w.Key(fyne.KeyReturn)
		if name == "Libros" && w.Sees("Ya está en la lista.") {
			for range name {
				w.Key(fyne.KeyBackspace)
			}
		}
	}
	w.Key(fyne.KeyDown) // into the list, at Papel
	move(w, fyne.KeyUp)
	move(w, fyne.KeyUp)
	w.Key(fyne.KeyReturn) // takes Papel up into the box
	w.Type("Buen ")
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyDown) // Libros
	w.Key(fyne.KeyDelete)
	w.Key(fyne.KeyF5)
	var got []string
	for _, v := range setting.Value.GetListValue().GetValues() {
		got = append(got, v.GetStringValue())
	}
	if !slices.Equal(got, []string{"Buen Papel", "Prensa"}) {
		t.Errorf("kept %q", got)
	}
}

// move presses Alt with an arrow.
func move(w *uitest.Window, key fyne.KeyName) {
	w.Canvas.Focused().(fyne.Shortcutable).TypedShortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierAlt})
	w.Settle()
}

func TestAColourIsChosenByKeyboard(t *testing.T) {
	s := uitest.Serve(t)
	setting := add(s, "PLG0002Color", "color", "Color de la marca", text("#0f6674"))
	w := open(t, s, "PLG0002Color")
	w.Key(fyne.KeyTab)
	for range 3 {
		w.Key(fyne.KeyRight)
	}
	w.Key(fyne.KeySpace)
	w.Key(fyne.KeyF5)
	if got := setting.Value.GetStringValue(); got != "#6a3b8f" {
		t.Errorf("kept %q", got)
	}
	box := w.Canvas.Focused().(*ui.Entry)
	box.SetText("rojo")
	w.Key(fyne.KeyReturn)
	w.MustSee("Escriba el color como #0f6674.")
}
