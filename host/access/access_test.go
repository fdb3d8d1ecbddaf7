package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var (
	ctx   = context.Background()
	actor = &plgv1.Actor{Till: "1", Channel: "gui"}
)

const (
	cashier       = mostradorv1.Role_ROLE_CASHIER
	technician    = mostradorv1.Role_ROLE_TECHNICIAN
	administrator = mostradorv1.Role_ROLE_ADMINISTRATOR
)

// shop is a store with a clock that the test turns, and hashes that cost next to nothing.
type shop struct {
	*Service
	t   testing.TB
	now time.Time
}

func newShop(t testing.TB) *shop {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &shop{t: t, now: time.Date(2026, 5, 20, 10, 0, 0, 0, time.UTC)}
	s.Service = New(Config{
		Store: st, Log: event.NewLog(st), Key: bytes.Repeat([]byte{5}, 32), Text: locale.New(),
		Now: func() time.Time { return s.now },
	})
	s.hasher = newHasher(cost{time: 1, memory: 8})
	return s
}

func (s *shop) setup() string {
	s.t.Helper()
	token, op, err := s.Setup(ctx, actor, "Eva", "1234")
	if err != nil || op.Role != technician {
		s.t.Fatalf("%v, %v", op, err)
	}
	return token
}

func (s *shop) put(by mostradorv1.Role, op *mostradorv1.Operator, pin, badge string) *mostradorv1.Operator {
	s.t.Helper()
	kept, err := s.Put(ctx, actor, by, op, pin, badge)
	if err != nil {
		s.t.Fatal(err)
	}
	return kept
}

// told are the events as type:operator:reason.
func (s *shop) told() (list []string) {
	s.t.Helper()
	if err := s.Store.View(func(tx *store.Tx) error {
		all, err := s.Log.Read(tx, 0, 0)
		for _, e := range all {
			f := e.GetCustom().GetFields()
			list = append(list, e.Type+":"+f["operator"].GetStringValue()+":"+f["reason"].GetStringValue())
		}
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	return list
}

// denied is the code of a denial, with its path when it is about input.
func denied(t testing.TB, err error) string {
	t.Helper()
	var d *Denied
	if !errors.As(err, &d) {
		t.Fatalf("not denied: %v", err)
	}
	if strings.HasPrefix(d.Error(), "access.") || strings.Contains(d.Error(), "{") {
		t.Errorf("sentence %q", d.Error())
	}
	if d.Input() {
		return d.Diagnostic.Path + ":" + d.Diagnostic.Code
	}
	return d.Diagnostic.Code
}

func TestTheFirstStartMakesTheTechnicianOnce(t *testing.T) {
	s := newShop(t)
	if needed, err := s.NeedsSetup(); err != nil || !needed {
		t.Fatalf("%t, %v", needed, err)
	}
	for pin, want := range map[string]string{"123": "pin:pin_format", "123456789": "pin:pin_format", "12a4": "pin:pin_format", "": "pin:pin_format"} {
		_, _, err := s.Setup(ctx, actor, "Eva", pin)
		if got := denied(t, err); got != want {
			t.Errorf("PIN %q: %s", pin, got)
		}
	}
	_, _, err := s.Setup(ctx, actor, " ", "1234")
	if got := denied(t, err); got != "name:name_empty" {
		t.Error(got)
	}
	token := s.setup()
	if op, err := s.Session(ctx, token); err != nil || op.Name != "Eva" {
		t.Errorf("%v, %v", op, err)
	}
	if needed, err := s.NeedsSetup(); err != nil || needed {
		t.Errorf("%t, %v", needed, err)
	}
	_, _, err = s.Setup(ctx, actor, "Max", "9999")
	if got := denied(t, err); got != "setup_done" {
		t.Error(got)
	}
}

func TestSignInByNameAndPIN(t *testing.T) {
	s := newShop(t)
	s.setup()
	for _, name := range []string{"Eva", " eva ", "EVA"} {
		token, op, err := s.SignIn(ctx, actor, name, "１２３４")
		if err != nil || op.Name != "Eva" || len(token) < 40 {
			t.Errorf("%q: %v, %v", name, op, err)
		}
	}
	for _, try := range [][2]string{{"Eva", "1235"}, {"Eva", ""}, {"nobody", "1234"}, {"", "1234"}, {strings.Repeat("x", 5000), "1234"}} {
		_, _, err := s.SignIn(ctx, actor, try[0], try[1])
		if got := denied(t, err); got != "pin_wrong" {
			t.Errorf("%q: %s", try, got)
		}
	}
	want := []string{"access.changed:Eva:", "access.signed_in:Eva:", "access.signed_in:Eva:", "access.signed_in:Eva:", "access.signed_in:Eva:",
		"access.refused:Eva:pin_wrong", "access.refused:Eva:pin_wrong", "access.refused::pin_wrong", "access.refused::pin_wrong", "access.refused::pin_wrong"}
	if got := s.told(); !slices.Equal(got, want) {
		t.Errorf("told %q", got)
	}
}

func TestFiveWrongPINsMakeTheNextWaitLongerAndLonger(t *testing.T) {
	s := newShop(t)
	s.setup()
	try := func(pin string) string {
		_, _, err := s.SignIn(ctx, actor, "Eva", pin)
		if err == nil {
			return ""
		}
		return denied(s.t, err)
	}
	for i := range 5 {
		if got := try("0000"); got != "pin_wrong" {
			t.Fatalf("try %d: %s", i, got)
		}
	}
	for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		s.now = s.now.Add(wait - time.Second)
		if got := try("1234"); got != "locked" {
			t.Fatalf("a second before %v: %q", wait, got)
		}
		s.now = s.now.Add(time.Second)
		if got := try("0000"); got != "pin_wrong" {
			t.Fatalf("after %v: %q", wait, got)
		}
	}
	_, _, err := s.SignIn(ctx, actor, "Eva", "1234")
	if err == nil || !strings.Contains(err.Error(), "60 minutos") {
		t.Errorf("%v", err)
	}
	s.now = s.now.Add(time.Hour)
	if got := try("1234"); got != "" {
		t.Errorf("the right PIN: %s", got)
	}
	for range 4 {
		try("0000")
	}
	if got := try("1234"); got != "" {
		t.Errorf("a right PIN does not forgive the wrong ones: %s", got)
	}
}

func TestGuessesThatArriveTogetherAreNoMoreThanFive(t *testing.T) {
	s := newShop(t)
	s.setup()
	var wait sync.WaitGroup
	var mu sync.Mutex
	judged := 0
	for i := range 40 {
		wait.Go(func() {
			_, _, err := s.SignIn(ctx, actor, "Eva", fmt.Sprint(5000+i))
			mu.Lock()
			defer mu.Unlock()
			if denied(t, err) == "pin_wrong" {
				judged++
			}
		})
	}
	wait.Wait()
	if judged != 5 {
		t.Errorf("%d guesses were judged", judged)
	}
}

func TestWhoIsNobodyIsAnsweredLikeAnybody(t *testing.T) {
	s := newShop(t)
	s.setup()
	answers := func(name string) (list []string) {
		for range 7 {
			_, _, err := s.SignIn(ctx, actor, name, "0000")
			list = append(list, err.Error())
		}
		return list
	}
	if a, b := answers("Eva"), answers("nobody"); !slices.Equal(a, b) {
		t.Errorf("%q and %q", a, b)
	}
}

func TestABadgeSignsIn(t *testing.T) {
	s := newShop(t)
	s.setup()
	ana := s.put(technician, &mostradorv1.Operator{Name: "Ana", Role: cashier}, "", "8412345678901")
	if !ana.HasBadge {
		t.Error("no badge")
	}
	if _, op, err := s.SignInBadge(ctx, actor, " 8412345678901\r\n"); err != nil || op.Name != "Ana" {
		t.Errorf("%v, %v", op, err)
	}
	_, _, err := s.SignIn(ctx, actor, "Ana", "")
	if got := denied(t, err); got != "pin_wrong" {
		t.Errorf("an operator without a PIN signed in with none: %s", got)
	}
	_, err = s.Put(ctx, actor, technician, &mostradorv1.Operator{Name: "Luz", Role: cashier}, "", "8412345678901")
	if got := denied(t, err); got != "badge:badge_taken" {
		t.Error(got)
	}
	s.put(technician, &mostradorv1.Operator{Name: "Ana", Role: cashier}, "", "9999999999999")
	for i := range 6 {
		want := "badge_wrong"
		if i == 5 {
			want = "locked"
		}
		_, _, err := s.SignInBadge(ctx, actor, "8412345678901")
		if got := denied(t, err); got != want {
			t.Errorf("the old badge, try %d: %s", i, got)
		}
	}
	if _, _, err := s.SignInBadge(ctx, &plgv1.Actor{Till: "2"}, "9999999999999"); err != nil {
		t.Errorf("another till: %v", err)
	}
	refused := 0
	for i := range 40 { // a till's name is whatever the caller says
		_, _, err := s.SignInBadge(ctx, &plgv1.Actor{Till: fmt.Sprint("x", i)}, fmt.Sprint(1000000+i))
		if denied(t, err) == "badge_wrong" {
			refused++
		}
	}
	if refused != freeBadges {
		t.Errorf("%d badges were judged", refused)
	}
}

func TestWhoMayNameOperators(t *testing.T) {
	s := newShop(t)
	s.setup()
	put := func(by mostradorv1.Role, name string, role mostradorv1.Role, disabled bool) string {
		_, err := s.Put(ctx, actor, by, &mostradorv1.Operator{Name: name, Role: role, Disabled: disabled}, "4321", "")
		if err == nil {
			return ""
		}
		return denied(s.t, err)
	}
	for i, test := range []struct {
		by       mostradorv1.Role
		name     string
		role     mostradorv1.Role
		disabled bool
		want     string
	}{
		{cashier, "Ana", cashier, false, "role"},
		{technician, "Ana", cashier, false, ""},
		{technician, "Jefa", administrator, false, ""},
		{technician, "Luz", cashier, false, "role"},
		{administrator, "Luz", cashier, false, ""},
		{administrator, "Jefa", administrator, true, ""},
		{technician, "Sol", cashier, false, ""},
		{administrator, "Sol", 0, false, "role:role_missing"},
		{administrator, "Sol", 99, false, "role:role_missing"},
		{administrator, "", cashier, false, "name:name_empty"},
		{administrator, "a\x00b", cashier, false, "name:name_invalid"},
	} {
		if got := put(test.by, test.name, test.role, test.disabled); got != test.want {
			t.Errorf("%d: %q, want %q", i, got, test.want)
		}
	}
	_, err := s.Put(ctx, actor, administrator, &mostradorv1.Operator{Name: "Neu", Role: cashier}, "", "")
	if got := denied(t, err); got != "pin:pin_needed" {
		t.Error(got)
	}
	list, err := s.Operators()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, op := range list {
		names = append(names, op.Name)
	}
	if got := fmt.Sprint(names); got != "[Ana Eva Jefa Luz Sol]" {
		t.Error(got)
	}
}

func TestASessionEndsWhenItsOperatorChanges(t *testing.T) {
	s := newShop(t)
	s.setup()
	for name, change := range map[string]func(op *mostradorv1.Operator) (pin, badge string){
		"a new PIN":   func(*mostradorv1.Operator) (string, string) { return "8888", "" },
		"a new badge": func(*mostradorv1.Operator) (string, string) { return "", "7777777" },
		"a new role":  func(op *mostradorv1.Operator) (string, string) { op.Role = technician; return "", "" },
		"disabled":    func(op *mostradorv1.Operator) (string, string) { op.Disabled = true; return "", "" },
	} {
		op := s.put(technician, &mostradorv1.Operator{Name: "Ana", Role: cashier}, "1111", "")
		token, _, err := s.SignIn(ctx, actor, "Ana", "1111")
		if err != nil {
			t.Fatal(err)
		}
		other, _, err := s.SignIn(ctx, actor, "Eva", "1234")
		if err != nil {
			t.Fatal(err)
		}
		pin, badge := change(op)
		s.put(technician, op, pin, badge)
		if _, err := s.Session(ctx, token); !errors.Is(err, ErrNoSession) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Session(ctx, other); err != nil {
			t.Errorf("%s ended another's session: %v", name, err)
		}
	}
	s.put(technician, &mostradorv1.Operator{Name: "Ana", Role: cashier, Disabled: true}, "1111", "")
	_, _, err := s.SignIn(ctx, actor, "Ana", "1111")
	if got := denied(t, err); got != "disabled" {
		t.Error(got)
	}
}

func TestAnIdleSessionEnds(t *testing.T) {
	s := newShop(t)
	token := s.setup()
	for range 10 { // in use all the time, far longer than the idle time
		s.now = s.now.Add(defaultIdle / 2)
		if _, err := s.Session(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	s.now = s.now.Add(defaultIdle + time.Second)
	if _, err := s.Session(ctx, token); !errors.Is(err, ErrNoSession) {
		t.Errorf("%v", err)
	}
	if _, _, err := s.SignIn(ctx, actor, "Eva", "1234"); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.View(func(tx *store.Tx) error {
		n := 0
		for range tx.Scan(bucketSession, nil, nil) {
			n++
		}
		if n != 1 {
			t.Errorf("%d sessions are kept", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSignOut(t *testing.T) {
	s := newShop(t)
	token := s.setup()
	for range 2 {
		if err := s.SignOut(ctx, actor, token); err != nil {
			t.Error(err)
		}
	}
	for _, wrong := range []string{token, "", "x"} {
		if _, err := s.Session(ctx, wrong); !errors.Is(err, ErrNoSession) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if got := s.told(); got[len(got)-1] != "access.signed_out:Eva:" {
		t.Error(got)
	}
}

func TestTheFileHoldsNoSecret(t *testing.T) {
	s := newShop(t)
	token := s.setup()
	s.put(technician, &mostradorv1.Operator{Name: "Ana", Role: cashier}, "73519", "8412345678901")
	if err := s.Store.View(func(tx *store.Tx) error {
		for _, bucket := range []store.Bucket{bucketOperator, bucketPIN, bucketBadge, bucketAttempt, bucketSession, "event"} {
			for key, value := range tx.Scan(bucket, nil, nil) {
				for _, secret := range []string{token, "73519", "8412345678901"} {
					if bytes.Contains(key, []byte(secret)) || bytes.Contains(value, []byte(secret)) {
						t.Errorf("%s holds %s", bucket, secret)
					}
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAPINKeptAtAnotherCostStillFits(t *testing.T) {
	s := newShop(t)
	s.setup()
	s.hasher = newHasher(cost{time: 2, memory: 16})
	if _, _, err := s.SignIn(ctx, actor, "Eva", "1234"); err != nil {
		t.Error(err)
	}
}

func FuzzSignIn(f *testing.F) {
	s := newShop(f)
	s.setup()
	f.Add("Eva", "1235", "8412345678901")
	f.Add("\xff", "\x00", "")
	f.Fuzz(func(t *testing.T, name, pin, badge string) {
		s.now = s.now.Add(2 * time.Hour)
		var d *Denied
		if _, _, err := s.SignIn(ctx, actor, name, pin); err != nil && !errors.As(err, &d) {
			t.Error(err)
		} else if err == nil && (string(fold(name)) != "eva" || plainPIN(pin) != "1234") {
			t.Errorf("%q with %q signed in", name, pin)
		}
		if _, _, err := s.SignInBadge(ctx, actor, badge); !errors.As(err, &d) {
			t.Errorf("%q: %v", badge, err)
		}
	})
}

func BenchmarkPIN(b *testing.B) {
	h := newHasher(defaultCost)
	for b.Loop() {
		if _, err := h.make(ctx, []byte("1234")); err != nil {
			b.Fatal(err)
		}
	}
}
