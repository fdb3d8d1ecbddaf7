package promotions_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
)

func open(t *testing.T, place ui.Place) (*uitest.Store, *uitest.Window) {
	t.Helper()
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Desk.Nav.Go(place, "")
	w.Settle()
	return s, w
}

func called(t *testing.T, s *uitest.Store, want string) {
	t.Helper()
	if !slices.Contains(s.Calls, want) {
		t.Errorf("calls: %q, want %q", s.Calls, want)
	}
}

func TestAPromotionIsMadeByKeyboard(t *testing.T) {
	s, w := open(t, ui.Promotions)
	w.MustSee("Verano 2026", "10 % en zapatos", "1.280", "retirada")
	w.Picture("promotions")
	w.Key(fyne.KeyF5)
	w.Type("Vuelta al cole")
	w.Key(fyne.KeyTab)
	w.Key(fyne.KeyTab)
	w.Type("cole-2026")
	w.Key(fyne.KeyReturn)
	w.MustSee("Escriba qué da el código, para quien está en la caja: hasta 80 caracteres.")
	w.Picture("promotion-new")
	w.Type("3 € en mochilas")
	w.Key(fyne.KeyReturn)
	called(t, s, `promotion cole-2026 "Vuelta al cole" "3 € en mochilas" 30 false`)
	w.MustSee("«Vuelta al cole» está guardado.")
}

func TestAPromotionIsRetired(t *testing.T) {
	s, w := open(t, ui.Promotions)
	w.Type("cumple")
	w.Key(fyne.KeyReturn)
	w.MustSee("5 € de regalo", "Retirar")
	w.Press("Retirar")
	called(t, s, `promotion cumple "Cumpleaños" "5 € de regalo" 30 true`)
}

func TestAnOfferIsChangedAndSwitchedOff(t *testing.T) {
	s, w := open(t, ui.Offers)
	w.MustSee("Cuide sus zapatos", "quien compró Zapatos", "purchases.count > 2", "activa", "apagada")
	w.Picture("offers")
	w.Type("betun")
	w.Key(fyne.KeyReturn)
	w.MustSee("A quien compró hace poco")
	w.Picture("offer")
	w.Press("Apagar")
	called(t, s, `offer betun "Cuide sus zapatos" ["Zapatos"] "" false`)
}
