package model_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"mostrador/gui/model"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

// patience bounds every wait.
const patience = 20 * time.Second

// start runs a model against a store; signalled hears every change.
func start(t *testing.T, s *uitest.Store) (m *model.Model, signalled chan model.Change) {
	m = model.New(model.Config{HTTP: &http.Client{}, BaseURL: s.URL, Till: "7", Language: "es"})
	signalled = make(chan model.Change, 256)
	t.Cleanup(m.Subscribe(func(c model.Change) { signalled <- c }))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return m, signalled
}

func until(t *testing.T, signalled <-chan model.Change, what string, holds func() bool) {
	t.Helper()
	limit := time.After(patience)
	for !holds() {
		select {
		case <-signalled:
		case <-limit:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func signIn(t *testing.T, m *model.Model) {
	t.Helper()
	if err := m.SignIn(t.Context(), &mostradorv1.SignInRequest{Name: "Marta Ruiz", Pin: "2580"}); err != nil {
		t.Fatal(err)
	}
}

func TestAClickOnTheWebReachesTheOpenSheetWithoutADisplay(t *testing.T) {
	s := uitest.Serve(t)
	m, signalled := start(t, s)
	signIn(t, m)
	until(t, signalled, "the stream stands", m.Online)
	changed := make(chan struct{}, 64)
	sheet := m.OpenSheet("c1", func() { changed <- struct{}{} })
	defer sheet.Close()
	wait := func(what string, holds func() bool) {
		t.Helper()
		limit := time.After(patience)
		for !holds() {
			select {
			case <-changed:
			case <-limit:
				t.Fatalf("waited in vain until %s", what)
			}
		}
	}
	wait("the sheet is read", func() bool { return sheet.State() != nil })
	if sheet.Customer().AplicaPromociones {
		t.Fatal("the flag is on before the click")
	}
	s.Accept("c1")
	wait("the flag is on", func() bool { return sheet.Customer().AplicaPromociones })
	wait("the words have followed", func() bool { return sheet.State().Consent[1] != "Promociones: pendiente de aceptar." })
}

func TestTheStreamComesBackAfterACut(t *testing.T) {
	s := uitest.Serve(t)
	m, signalled := start(t, s)
	if m.Online() || m.Lost() {
		t.Fatal("online before anybody signed in")
	}
	signIn(t, m)
	until(t, signalled, "the stream stands", m.Online)
	s.Cut()
	until(t, signalled, "the cut is noticed", func() bool { return m.Lost() && !m.Online() })
	s.Mend()
	until(t, signalled, "the stream stands again", m.Online)
}

func TestSignOutEndsTheStreamAndIsNoLoss(t *testing.T) {
	s := uitest.Serve(t)
	m, signalled := start(t, s)
	signIn(t, m)
	until(t, signalled, "the stream stands", m.Online)
	if err := m.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, signalled, "the stream has ended", func() bool { return !m.Online() })
	if m.Operator() != nil || m.Lost() || m.EndedByHost() {
		t.Errorf("operator %v, lost %v, ended by host %v", m.Operator(), m.Lost(), m.EndedByHost())
	}
	for range 2000 {
		if s.Watching() == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the stream stays open at the store")
}

func TestARefusalComesThrough(t *testing.T) {
	s := uitest.Serve(t)
	m, _ := start(t, s)
	err := m.SignIn(t.Context(), &mostradorv1.SignInRequest{Name: "Marta Ruiz", Pin: "0"})
	refusal := model.Refusal(err)
	if len(refusal.GetDiagnostics()) != 1 || refusal.Diagnostics[0].Code != "pin_wrong" {
		t.Errorf("refusal %v of %v", refusal, err)
	}
	if model.Unreachable(err) {
		t.Error("a refusal counts as unreachable")
	}
}
