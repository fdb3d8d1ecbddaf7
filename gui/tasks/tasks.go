// Package tasks shows what the store does in the background: a strip at the foot of the window while something is
// under way, with its progress, and a small window with the last tasks, where each can be paused, cancelled or taken
// back.
package tasks

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// last is how many tasks the window shows.
const last = 20

// Strip is the line at the foot of the window. It is not seen while nothing is under way.
type Strip struct {
	// Box is what is placed on the screen.
	Box *fyne.Container

	d      *ui.Desk
	title  *widget.Label
	bar    *widget.ProgressBar
	more   *widget.Label
	newest ui.Latest
	// known are the tasks that were under way when they were last asked for: of one that has ended meanwhile the
	// outcome is said.
	known  map[uint64]bool
	window *window
}

// NewStrip makes the strip.
func NewStrip(d *ui.Desk) *Strip {
	s := &Strip{d: d, title: ui.Cell(true), bar: widget.NewProgressBar(), more: ui.Cell(false), known: map[uint64]bool{}}
	open := ui.NewButton(d.T("tasks.open"), "Alt+R", ui.Plain, s.Open)
	line := ui.Columns(12, []float32{46, 30, 24}, s.title, s.bar, ui.Row(8, ui.Spring(), s.more, open))
	s.Box = ui.Panel(ui.ColorSide, 0, ui.Pad(26, 6, line))
	s.Box.Hide()
	return s
}

// Changed hears of changes in the store.
func (s *Strip) Changed(kind mostradorv1.WatchResponse_Kind) {
	switch kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_TASK:
		s.Load()
	}
}

// Load asks what is under way.
func (s *Strip) Load() {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Tasks.List, &mostradorv1.ListTasksRequest{Limit: last}, func(res *mostradorv1.ListTasksResponse, err error) {
		if err != nil || !current() {
			return // the screens say what is wrong
		}
		s.show(res.Tasks)
		if s.window != nil {
			s.window.show(res.Tasks)
		}
	})
}

func (s *Strip) show(all []*mostradorv1.Task) {
	var first *mostradorv1.Task
	active := 0
	under := map[uint64]bool{}
	for _, t := range all {
		if !ended(t) {
			active++
			under[t.Id] = true
			first = t // the oldest of those under way
		} else if s.known[t.Id] {
			s.tell(t)
		}
	}
	s.known = under
	if first == nil {
		s.Box.Hide()
		s.refresh()
		return
	}
	s.title.SetText(first.Title)
	s.bar.Max, s.bar.Value = 1, share(first)
	s.bar.TextFormatter = func() string { return s.progress(first) }
	s.more.SetText("")
	if active > 1 {
		s.more.SetText(s.d.T("tasks.more", "n", active-1))
	}
	s.Box.Show()
	s.refresh()
}

func (s *Strip) refresh() {
	s.bar.Refresh()
	if content := s.d.Window.Canvas().Content(); content != nil {
		content.Refresh()
	}
}

// tell says how a task ended that was under way.
func (s *Strip) tell(t *mostradorv1.Task) {
	switch t.State {
	case mostradorv1.TaskState_TASK_STATE_FAILED:
		s.d.Fail(s.d.T("tasks.failed", "title", t.Title, "error", t.Error))
	case mostradorv1.TaskState_TASK_STATE_DONE:
		s.d.Say(s.d.T("tasks.done", "title", t.Title, "n", s.d.Text.Number(float64(t.Changed))))
	}
}

// progress is how far a task is, in words.
func (s *Strip) progress(t *mostradorv1.Task) string {
	if t.Total == 0 {
		return s.d.T("tasks.state." + t.State.String())
	}
	return s.d.T("tasks.progress", "done", s.d.Text.Number(float64(t.Done)), "total", s.d.Text.Number(float64(t.Total)))
}

// share is how far a task is, from 0 to 1.
func share(t *mostradorv1.Task) float64 {
	if t.Total == 0 {
		return 0
	}
	return min(1, float64(t.Done)/float64(t.Total))
}

func ended(t *mostradorv1.Task) bool {
	switch t.State {
	case mostradorv1.TaskState_TASK_STATE_WAITING, mostradorv1.TaskState_TASK_STATE_RUNNING, mostradorv1.TaskState_TASK_STATE_PAUSED:
		return false
	}
	return true
}
