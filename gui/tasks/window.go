package tasks

import (
	"context"

	"connectrpc.com/connect"
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// window shows the last tasks, with what can be done about each.
type window struct {
	s     *Strip
	modal *ui.Modal
	box   *fyne.Container
	shut  *ui.Button
}

// Open shows the last tasks.
func (s *Strip) Open() {
	if s.window != nil || s.d.TopModal() != nil {
		return
	}
	w := &window{s: s, box: ui.Column(6)}
	w.shut = ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { w.modal.Close() })
	w.modal = s.d.NewModal(s.d.T("tasks.title"), 860, ui.Least(0, 420, ui.Scrolled(w.box)), w.shut, w.shut)
	w.modal.OnClose = func() { s.window = nil }
	s.window = w
	s.Load()
}

func (w *window) show(all []*mostradorv1.Task) {
	w.box.RemoveAll()
	if len(all) == 0 {
		w.box.Add(ui.Text(w.s.d.T("tasks.none"), ui.SizeText, false, ui.ColorMuted))
	}
	for _, t := range all {
		w.box.Add(w.row(t))
	}
	w.box.Refresh()
	// What was pressed may be gone.
	if w.s.d.Window.Canvas().Focused() == nil {
		w.s.d.Window.Canvas().Focus(w.shut)
	}
}

var tones = map[mostradorv1.TaskState]ui.Tone{
	mostradorv1.TaskState_TASK_STATE_RUNNING: ui.Good,
	mostradorv1.TaskState_TASK_STATE_DONE:    ui.Good,
	mostradorv1.TaskState_TASK_STATE_FAILED:  ui.Bad,
}

func (w *window) row(t *mostradorv1.Task) fyne.CanvasObject {
	d := w.s.d
	title := ui.Cell(true)
	title.SetText(t.Title)
	state := ui.NewBadge(d.T("tasks.state."+t.State.String()), tones[t.State])
	about := d.Text.DateTime(t.Created)
	if t.Actor.GetOperator() != "" {
		about += " · " + t.Actor.GetOperator()
	}
	if t.Total > 0 {
		about += " · " + w.s.progress(t)
	}
	if ended(t) && t.Changed > 0 {
		about += " · " + d.T("tasks.changed", "n", d.Text.Number(float64(t.Changed)))
	}
	lines := ui.Column(0, ui.Tight(title), ui.Caption(about))
	if t.Error != "" {
		lines.Add(ui.Tight(ui.Note(t.Error, widget.DangerImportance)))
	}
	buttons := ui.Row(6, state.Box)
	may := d.Model.May(mostradorv1.Role_ROLE_OPERATOR)
	add := func(text string, style ui.Style, act func()) {
		if may {
			buttons.Add(ui.NewButton(text, "", style, act))
		}
	}
	switch t.State {
	case mostradorv1.TaskState_TASK_STATE_WAITING, mostradorv1.TaskState_TASK_STATE_RUNNING:
		add(d.T("tasks.pause"), ui.Plain, w.press(t, pause))
		add(d.T("tasks.cancel"), ui.Danger, w.press(t, cancel))
	case mostradorv1.TaskState_TASK_STATE_PAUSED:
		add(d.T("tasks.resume"), ui.Plain, w.press(t, resume))
		add(d.T("tasks.cancel"), ui.Danger, w.press(t, cancel))
	default:
		if t.Undoable {
			add(d.T("tasks.undo"), ui.Plain, func() {
				d.Confirm(d.T("tasks.undo.title"), d.T("tasks.undo.text", "title", t.Title), d.T("tasks.undo"), w.press(t, undo))
			})
		}
	}
	return ui.Panel(ui.ColorQuietBg, 8, ui.Pad(12, 8, ui.Frame(10, nil, nil, lines, buttons, nil)))
}

// press is what a button of a task does.
func (w *window) press(t *mostradorv1.Task, act func(context.Context, *ui.Desk, uint64) error) func() {
	return func() {
		d := w.s.d
		d.Await(func(ctx context.Context) error { return act(ctx, d, t.Id) }, func(err error) {
			if err != nil {
				d.Fail(d.Explain(err))
			}
			w.s.Load()
		})
	}
}

func pause(ctx context.Context, d *ui.Desk, id uint64) error {
	_, err := d.Model.Tasks.Pause(ctx, connect.NewRequest(&mostradorv1.PauseTaskRequest{Id: id}))
	return err
}

func resume(ctx context.Context, d *ui.Desk, id uint64) error {
	_, err := d.Model.Tasks.Resume(ctx, connect.NewRequest(&mostradorv1.ResumeTaskRequest{Id: id}))
	return err
}

func cancel(ctx context.Context, d *ui.Desk, id uint64) error {
	_, err := d.Model.Tasks.Cancel(ctx, connect.NewRequest(&mostradorv1.CancelTaskRequest{Id: id}))
	return err
}

func undo(ctx context.Context, d *ui.Desk, id uint64) error {
	_, err := d.Model.Tasks.Undo(ctx, connect.NewRequest(&mostradorv1.UndoTaskRequest{Id: id}))
	return err
}
