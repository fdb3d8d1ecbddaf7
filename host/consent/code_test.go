package consent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestCodesAreFoldedToFourDigits(t *testing.T) {
	for typed, want := range map[string]string{
		"0042": "0042", " 00 42 ": "0042", "00-42": "0042", "００４２": "0042", "٠٠٤٢": "0042", "۰۰۴۲": "0042",
		"०१२३": "0123", "𝟘𝟙𝟚𝟛": "0123", "\u200e0042": "0042",
		"": "", "042": "", "00042": "", "O042": "", "12a4": "", "½½½½": "", "-1234": "1234",
	} {
		if got, ok := foldCode(typed); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t; want %q", typed, got, ok, want)
		}
	}
}

func FuzzFoldCode(f *testing.F) {
	for _, s := range []string{"0042", "٠٠٤٢", "𝟘𝟙𝟚𝟛", "½", "๑๒๓๔"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := foldCode(typed)
		if !ok {
			return
		}
		if len(code) != 4 || strings.Trim(code, "0123456789") != "" {
			t.Errorf("%q became %q", typed, code)
		}
		if again, ok := foldCode(code); !ok || again != code {
			t.Errorf("%q became %q", code, again)
		}
	})
}

func TestFiveWrongCodesLockAndAResendMakesANewOne(t *testing.T) {
	s := newShop(t)
	c := s.register()
	first := s.invite(c.Id)
	for left := 4; left >= 0; left-- {
		_, err := s.ActivateByCode(ctx, actor, c.Id, wrong(first.Code))
		d := refusal(t, err)
		switch {
		case left > 1 && (d.Code != "code_wrong" || !strings.Contains(d.Summary, fmt.Sprint(left))),
			left == 1 && d.Summary != "El código no es el de este cliente. Queda un intento.",
			left == 0 && d.Code != "code_locked":
			t.Errorf("with %d left: %v", left, d)
		}
		if shown := s.show(c.Id).Activation; shown.TriesLeft != int32(left) || shown.Locked != (left == 0) {
			t.Errorf("with %d left: %v", left, shown)
		}
	}
	_, err := s.ActivateByCode(ctx, actor, c.Id, first.Code)
	if d := refusal(t, err); d.Code != "code_locked" {
		t.Errorf("the right code on a locked activation: %v", d)
	}
	var reasons []string
	for _, e := range s.show(c.Id).Entries[1:] {
		if e.Act != mostradorv1.ConsentAct_CONSENT_ACT_CODE_REFUSED || e.Actor.Operator != "luis" || e.Actor.Till != "1" {
			t.Errorf("%v", e)
		}
		reasons = append(reasons, e.Reason)
	}
	if got := fmt.Sprint(reasons); got != "[wrong wrong wrong wrong wrong locked]" {
		t.Error(got)
	}
	s.stands(c.Id, pending, pending)

	second := s.invite(c.Id)
	if second.ActivationID == first.ActivationID {
		t.Error("a resend kept the locked activation")
	}
	if _, err := s.ActivateByCode(ctx, actor, c.Id, second.Code); err != nil {
		t.Error(err)
	}
	s.stands(c.Id, given, given)
}

func TestAResendKeepsTheOpenCodeAndExtendsIt(t *testing.T) {
	s := newShop(t)
	c := s.register()
	first := s.invite(c.Id)
	s.now = s.now.Add(6 * 24 * time.Hour)
	second := s.invite(c.Id)
	if second.Code != first.Code || second.ActivationID != first.ActivationID || !second.Expires.Equal(s.now.Add(7*24*time.Hour)) {
		t.Errorf("%+v after %+v", second, first)
	}
	s.now = s.now.Add(6 * 24 * time.Hour)
	if _, err := s.ActivateByCode(ctx, actor, c.Id, first.Code); err != nil {
		t.Error(err)
	}
}

func TestACodeExpiresAndIsUsedOnce(t *testing.T) {
	s := newShop(t)
	late, twice, never := s.register(), s.register(), s.register()
	code := s.invite(late.Id).Code
	s.now = s.now.Add(7 * 24 * time.Hour)
	_, err := s.ActivateByCode(ctx, actor, late.Id, code)
	if d := refusal(t, err); d.Code != "code_expired" {
		t.Error(d)
	}
	if shown := s.show(late.Id).Activation; shown != nil {
		t.Errorf("an expired activation is shown as open: %v", shown)
	}
	claims := s.invite(twice.Id)
	if _, err := s.ActivateByCode(ctx, actor, twice.Id, claims.Code); err != nil {
		t.Fatal(err)
	}
	_, err = s.ActivateByCode(ctx, actor, twice.Id, claims.Code)
	if d := refusal(t, err); d.Code != "code_used" {
		t.Error(d)
	}
	_, err = s.ActivateByCode(ctx, actor, never.Id, "1234")
	if d := refusal(t, err); d.Code != "code_none" {
		t.Error(d)
	}
	_, err = s.ActivateByCode(ctx, actor, never.Id, "12")
	if d := refusal(t, err); d.Code != "code_format" {
		t.Error(d)
	}
	if _, err = s.ActivateByCode(ctx, actor, "nobody", "1234"); !errors.Is(err, customer.ErrNotFound) {
		t.Error(err)
	}
	if n := len(s.told()); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestTheCodeAfterTheWebIsAWitness(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	s.web(accept, claims, 1, s.now)
	if after, err := s.ActivateByCode(ctx, actor, c.Id, claims.Code); err != nil || !after.AplicaPromociones {
		t.Errorf("%v, %v", after, err)
	}
	if n := len(s.told()); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestOneTillOrOperatorCannotTryManyCustomers(t *testing.T) {
	s := newShop(t)
	miss := func(who *plgv1.Actor) *plgv1.Diagnostic {
		c := s.register()
		_, err := s.ActivateByCode(ctx, who, c.Id, wrong(s.invite(c.Id).Code))
		return refusal(t, err)
	}
	for i := range tryLimit {
		s.now = s.now.Add(time.Second)
		if d := miss(actor); d.Code != "code_wrong" {
			t.Fatalf("try %d: %v", i, d)
		}
	}
	if d := miss(actor); d.Code != "code_limit" || !strings.Contains(d.Summary, "10 minutos") {
		t.Errorf("%v", d)
	}
	if d := miss(&plgv1.Actor{Operator: "luis", Till: "2"}); d.Code != "code_limit" {
		t.Errorf("the operator at another till: %v", d)
	}
	if d := miss(&plgv1.Actor{Operator: "eva", Till: "1"}); d.Code != "code_limit" {
		t.Errorf("another operator at the till: %v", d)
	}
	if d := miss(&plgv1.Actor{Operator: "eva", Till: "2"}); d.Code != "code_wrong" {
		t.Errorf("others: %v", d)
	}
	// A limit is no lock of the customer's: once it has passed, the right code counts.
	c := s.register()
	code := s.invite(c.Id).Code
	_, err := s.ActivateByCode(ctx, actor, c.Id, code)
	if d := refusal(t, err); d.Code != "code_limit" {
		t.Errorf("%v", d)
	}
	s.now = s.now.Add(tryWindow)
	if _, err := s.ActivateByCode(ctx, actor, c.Id, code); err != nil {
		t.Error(err)
	}
}

func TestOpenCodesAreUniqueAndRegisteringNeverFails(t *testing.T) {
	s := newShop(t)
	s.room = 400 // of 10,000: chance alone would give some eight codes twice
	many := s.room + 100
	ids := make([]string, many)
	claims := make([]token.Claims, many)
	for i := range ids {
		ids[i] = s.register().Id
	}
	for from := 0; from < many; from += 100 {
		s.update(func(tx *store.Tx) error {
			for i := from; i < min(from+100, many); i++ {
				s.now = s.now.Add(time.Second)
				_, sealed, err := s.Invite(tx, actor, ids[i])
				if err != nil {
					return err
				}
				if claims[i], err = token.Open(key, token.Activation, sealed, s.now); err != nil {
					return err
				}
			}
			return nil
		})
	}
	open := map[string]bool{}
	for _, c := range claims[many-s.room:] {
		if open[c.Code] {
			t.Fatalf("the code %s is open twice", c.Code)
		}
		open[c.Code] = true
	}
	s.update(func(tx *store.Tx) error {
		if n := s.openCount(tx); n != s.room {
			t.Errorf("%d open", n)
		}
		return nil
	})
	_, err := s.ActivateByCode(ctx, actor, ids[0], claims[0].Code)
	if d := refusal(t, err); d.Code != "code_expired" {
		t.Errorf("the oldest: %v", d)
	}
	if _, err := s.ActivateByCode(ctx, actor, ids[many-1], claims[many-1].Code); err != nil {
		t.Errorf("the newest: %v", err)
	}
	// The link of a retired activation still stands: only its code is gone.
	s.web(accept, claims[0], 1, s.now)
	s.stands(ids[0], given, given)

	// Expired ones are cleared away as new ones come, and their codes are free again.
	s.now = s.now.Add(8 * 24 * time.Hour)
	for range many/maxReaped + 2 {
		s.invite(s.register().Id)
	}
	s.update(func(tx *store.Tx) error {
		if n := s.openCount(tx); n > many/maxReaped+2 {
			t.Errorf("%d open after all expired", n)
		}
		return nil
	})
}
