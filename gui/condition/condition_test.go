package condition_test

import (
	"testing"

	"fyne.io/fyne/v2"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/condition"
	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

// open shows an editor in a window.
func open(t *testing.T, c *mostradorv1.Condition) (*uitest.Window, *condition.Editor, *ui.Modal) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	e := condition.New(w.Desk, s.Terms)
	e.Set(c)
	m := w.Desk.NewModal("Condiciones", 820, e.Box, e.Focus())
	e.OnGrown = m.Fit
	m.Fit()
	w.Settle()
	return w, e, m
}

func all(parts ...*mostradorv1.Condition) *mostradorv1.Condition {
	return &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ALL, Conditions: parts}
}

func is(term, operator string, operands ...string) *mostradorv1.Condition {
	return &mostradorv1.Condition{Term: term, Operator: operator, Operands: operands}
}

func TestWhatIsSetIsWhatIsRead(t *testing.T) {
	for name, c := range map[string]*mostradorv1.Condition{
		"nothing":        nil,
		"text":           all(is("fields.city", "is", "Bilbao")),
		"two operands":   all(is("purchases.total", "between", "10", "20.5")),
		"a day":          all(is("purchases.last", "before", "2026-03-09")),
		"no operand":     all(is("fields.city", "filled")),
		"many":           all(is("name", "one_of", "Ana", "Eva")),
		"many choices":   all(is("fields.size", "one_of", "s", "l")),
		"an unknown one": all(is("fields.gone", "is", "x")),
		"groups": all(is("tags", "has", "VIP"), &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_NONE, Conditions: []*mostradorv1.Condition{
			is("fields.size", "is", "m"), {Group: mostradorv1.Condition_GROUP_ANY, Conditions: []*mostradorv1.Condition{is("name", "contains", "z")}}}}),
	} {
		t.Run(name, func(t *testing.T) {
			_, e, _ := open(t, c)
			if got := e.Condition(); !proto.Equal(got, c) {
				t.Errorf("got %v, want %v", got, c)
			}
			if !e.Check() {
				t.Error("it is said to be incomplete")
			}
		})
	}
}

func TestOneComparisonAloneBecomesAGroup(t *testing.T) {
	_, e, _ := open(t, is("fields.city", "is", "Bilbao"))
	if got, want := e.Condition(), all(is("fields.city", "is", "Bilbao")); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAConditionIsBuiltByKeyboard(t *testing.T) {
	w, e, _ := open(t, nil)
	told := 0
	e.OnChanged = func() { told++ }
	w.Type("total")
	w.Key(fyne.KeyReturn) // Total gastado, es más de
	w.Key(fyne.KeyTab)
	w.Type("12,5")
	w.Press("Añadir grupo")
	w.Type("talla")
	w.Key(fyne.KeyReturn)
	if e.Check() {
		t.Error("a choice of nothing is complete")
	}
	w.MustSee("Complete esta condición.")
	w.Key(fyne.KeyRight)
	w.Settle()
	w.Picture("built")
	want := all(is("purchases.total", "more", "12.5"), &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ANY, Conditions: []*mostradorv1.Condition{is("fields.size", "is", "s")}})
	if got := e.Condition(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if told == 0 {
		t.Error("nobody was told")
	}
}

func TestAnUnknownWordIsSaid(t *testing.T) {
	w, e, _ := open(t, nil)
	w.Type("zzz")
	if e.Check() {
		t.Error("it is said to be complete")
	}
	w.MustSee("Elija un dato de la lista.")
	if got := e.Condition(); got != nil {
		t.Errorf("got %v", got)
	}
}
