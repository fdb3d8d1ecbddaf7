package tasks_test

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func some() []*mostradorv1.Task {
	marta := &plgv1.Actor{Operator: "Marta Ruiz", Till: "Caja 1"}
	created := &timestamppb.Timestamp{Seconds: 1773048600}
	return []*mostradorv1.Task{
		{Id: 4, Kind: "tag", Title: "Poner «VIP» a 412.400 clientes", State: mostradorv1.TaskState_TASK_STATE_RUNNING, Done: 103100, Total: 412400, Actor: marta, Created: created},
		{Id: 3, Kind: "import", Title: "Importar clientes.xlsx", State: mostradorv1.TaskState_TASK_STATE_DONE, Done: 9120, Total: 9120, Changed: 9000, Undoable: true, Actor: marta, Created: created},
		{Id: 2, Kind: "field", Title: "Cambiar el campo «Talla»", State: mostradorv1.TaskState_TASK_STATE_FAILED, Done: 10, Total: 50, Error: "No queda sitio en el disco.", Actor: marta, Created: created},
	}
}

func called(s *uitest.Store, call string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.Contains(s.Calls, call)
}

func TestTheStripIsThereWhileATaskIsUnderWay(t *testing.T) {
	s := uitest.Serve(t)
	s.Tasks = some()
	w := uitest.SignIn(t, s)
	w.MustSee("Poner «VIP» a 412.400 clientes")
	w.Picture("strip")
}

func TestATaskIsPausedAndAnotherTakenBackByKeyboardAlone(t *testing.T) {
	s := uitest.Serve(t)
	s.Tasks = some()
	w := uitest.SignIn(t, s)
	w.Shortcut(&desktop.CustomShortcut{KeyName: fyne.KeyR, Modifier: fyne.KeyModifierAlt})
	w.MustSee("Tareas en segundo plano", "En marcha", "Hecha", "Falló", "No queda sitio en el disco.")
	w.Picture("tasks")
	w.Press("Pausar")
	w.MustSee("En pausa", "Seguir")
	if !called(s, "task pause 4") {
		t.Errorf("calls: %q", s.Calls)
	}
	w.Press("Deshacer")
	w.MustSee("¿Deshacer la tarea?")
	w.Key(fyne.KeyTab) // from Cancelar
	w.Key(fyne.KeyReturn)
	w.MustSee("Deshecha")
	if !called(s, "task undo 3") {
		t.Errorf("calls: %q", s.Calls)
	}
}

func TestWhatATaskCameToIsSaid(t *testing.T) {
	s := uitest.Serve(t)
	s.Tasks = some()
	w := uitest.SignIn(t, s)
	w.MustSee("Poner «VIP» a 412.400 clientes")
	s.EndTask(4, mostradorv1.TaskState_TASK_STATE_DONE, 398211)
	w.Until("the outcome is said", func() bool { return w.Desk.Said() == "Hecho: Poner «VIP» a 412.400 clientes. Cambiados: 398.211." })
}
