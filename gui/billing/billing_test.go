package billing_test

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
)

func TestASaleIsRecordedByKeyboardAlone(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Picture("billing")
	w.Type("luc")
	w.MustSee("Lucía Fernández Soto")
	w.Picture("billing-search")
	w.Key(fyne.KeyReturn)
	w.Type("35,75")
	w.Key(fyne.KeyReturn)
	w.Type("A-1046")
	w.Picture("billing-sale")
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, "sale A-1046 35,75 c1") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("Venta registrada: recibo A-1046, 35,75 €, Lucía Fernández Soto.")
	// The next sale begins at the customer box again, and needs none.
	w.Key(fyne.KeyReturn)
	w.Type("2")
	w.Key(fyne.KeyReturn)
	w.Type("A-1047")
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, "sale A-1047 2 ") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestArrowsChooseAmongTheHits(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Type("example.com")
	w.Key(fyne.KeyDown)
	w.Key(fyne.KeyReturn)
	w.MustSee("Andrés Molina", "Cambiar")
}

func TestAScannedCardFindsTheCustomerWhereverTheFocusIs(t *testing.T) {
	s := uitest.Serve(t)
	for _, tabs := range []int{0, 1, 4} { // a scan into the receipt is the receipt
		w := uitest.SignIn(t, s)
		for range tabs {
			w.Key(fyne.KeyTab)
		}
		if tabs == 1 {
			w.Type("1")
		}
		w.Scan("8412345678905")
		w.Until("the customer of the card is chosen", func() bool { return w.Sees("Cambiar") && w.Sees("Lucía Fernández Soto") })
		if w.Sees("8412345678905") {
			t.Error("the scanned digits stay in a box")
		}
	}
}

func TestARefusedAmountIsSaidAtTheField(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyReturn)
	w.Type("doce")
	w.Key(fyne.KeyReturn)
	w.Type("A-1")
	w.Key(fyne.KeyReturn)
	w.MustSee("El importe debe ser un número mayor que cero, como 12,50.")
}

func TestTheSameReceiptTwiceIsSaid(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyReturn)
	w.Type("5")
	w.Key(fyne.KeyReturn)
	w.Type("A-1045")
	w.Key(fyne.KeyReturn)
	w.MustSee("El recibo A-1045 ya estaba registrado; no cuenta dos veces.")
}

func TestASaleIsGivenBack(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Key(fyne.KeyF7)
	w.MustSee("Devolver una venta", "Recibo A-1045 del 09/03/2026 10:28, 129,90 €.")
	w.Picture("refund")
	w.Key(fyne.KeyReturn)
	w.Key(fyne.KeyReturn)
	if !slices.Contains(s.Calls, "refund A-1045 ") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.MustSee("Devolución registrada: recibo A-1045, 129,90 €.")
}

func TestACableThatIsPulledIsSaidAndMended(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	s.Cut()
	w.Until("the banner is up", func() bool { return w.Sees("Sin conexión con la tienda. Se vuelve a intentar…") })
	w.Picture("offline")
	w.Key(fyne.KeyReturn)
	w.Type("5")
	w.Key(fyne.KeyReturn)
	w.Type("A-9")
	w.Key(fyne.KeyReturn)
	w.MustSee("Sin conexión con la tienda. Nada se ha cambiado; inténtelo de nuevo.", "A-9")
	s.Mend()
	w.Until("the stream stands again", func() bool { return w.Model.Online() && !w.Sees("Se vuelve a intentar…") })
}

func TestWhatIsTypedBeforeTheCustomerIsThereIsNotLost(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	s.Lock() // the store takes its time
	w.Desk.Nav.Go(ui.Billing, s.Customers[0].Id)
	for _, word := range []string{"12,50", "T-0001"} {
		for _, r := range word {
			w.Canvas.Focused().TypedRune(r)
		}
		w.Canvas.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	}
	s.Unlock()
	w.Settle()
	if !slices.Contains(s.Calls, "sale T-0001 12,50 "+s.Customers[0].Id) {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestACodeIsCheckedBeforeTheSaleAndUsedUpWithIt(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	code := func(typed string) {
		w.Key(fyne.KeyTab)
		w.Type(typed)
	}
	w.Type("luc")
	w.MustSee("Lucía Fernández Soto")
	w.Key(fyne.KeyReturn)
	w.Type("35,75")
	w.Key(fyne.KeyReturn)
	w.Type("A-1046")
	code("nada")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ese código no existe. Revíselo con el cliente.")
	for range len("nada") {
		w.Key(fyne.KeyBackspace)
	}
	w.Type("k7qfm-2xw9p")
	w.Key(fyne.KeyReturn)
	w.MustSee("El código da: 10 % en zapatos. Se gasta al registrar la venta.")
	w.Picture("code")
	if slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, "sale") || strings.HasPrefix(c, "redeem") }) {
		t.Fatalf("recorded before anybody saw what the code gives: %q", s.Calls)
	}
	w.Key(fyne.KeyReturn) // from the amount to the receipt
	w.Key(fyne.KeyReturn)
	w.Until("the code is used up", func() bool {
		return slices.Contains(s.Calls, "sale A-1046 35,75 c1") && slices.Contains(s.Calls, "redeem K7QFM-2XW9P c1 A-1046")
	})
}

func TestACodeOfSomebodyElseIsRefusedAndForgottenWithTheCustomer(t *testing.T) {
	s := uitest.Serve(t)
	w := uitest.SignIn(t, s)
	w.Type("andr")
	w.MustSee("Andrés Molina")
	w.Key(fyne.KeyReturn)
	w.Type("10")
	w.Key(fyne.KeyReturn)
	w.Type("A-1")
	w.Key(fyne.KeyTab)
	w.Type("K7QFM-2XW9P")
	w.Key(fyne.KeyReturn)
	w.MustSee("Ese código es de otro cliente: solo vale para quien lo recibió.")
	if slices.ContainsFunc(s.Calls, func(c string) bool { return strings.HasPrefix(c, "sale") }) {
		t.Errorf("calls: %q", s.Calls)
	}
}
