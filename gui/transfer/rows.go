package transfer

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// page is how many rows are read at a time.
const page = 100

// outcomes are the tabs of the dry run; the first shows all.
var outcomes = []mostradorv1.RowOutcome{
	mostradorv1.RowOutcome_ROW_OUTCOME_UNSPECIFIED, mostradorv1.RowOutcome_ROW_OUTCOME_NEW, mostradorv1.RowOutcome_ROW_OUTCOME_CHANGED,
	mostradorv1.RowOutcome_ROW_OUTCOME_SAME, mostradorv1.RowOutcome_ROW_OUTCOME_SKIPPED, mostradorv1.RowOutcome_ROW_OUTCOME_REFUSED,
}

// rows is the step that shows what becomes of each row, and carries the import out.
type rows struct {
	s       *Screen
	i       *mostradorv1.Import
	task    *mostradorv1.Task
	box     *fyne.Container
	tabs    *ui.Tabs
	list    *ui.List
	state   *widget.Label
	bar     *widget.ProgressBar
	buttons *fyne.Container
	only    mostradorv1.RowOutcome
	found   []*mostradorv1.ImportRow
	more    bool
	loading bool
	newest  ui.Latest
	planned bool
	applied bool
}

var rowWeights = []float32{9, 27, 16, 48}

func (s *Screen) openRows(i *mostradorv1.Import) {
	d := s.d
	r := &rows{s: s, i: i, state: ui.Words(""), bar: widget.NewProgressBar(), buttons: ui.Row(8)}
	s.rows, s.columns = r, nil
	names := make([]string, len(outcomes))
	for at, outcome := range outcomes {
		names[at] = d.T("transfer." + outcome.String())
	}
	r.tabs = ui.NewTabs(names, func(at int) { r.only = outcomes[at]; r.load() })
	r.tabs.Mark(0)
	r.list = ui.NewList(func() int { return len(r.found) }, newImportRow, r.update, func(int) {})
	captions := ui.Captions(rowWeights, d.T("transfer.line"), d.T("transfer.customer"), d.T("transfer.row.outcome"), d.T("transfer.row.detail"))
	head := ui.Row(8, ui.Column(0, ui.Caption(d.T("transfer.step.rows")), ui.Title(i.FileName)), ui.Spring(), r.buttons)
	r.bar.Hide()
	card := ui.Card("", ui.Frame(8, ui.Column(6, r.tabs.Box, captions), nil, container.NewStack(r.list), nil, ui.Column(4, ui.Tight(r.state), r.bar)))
	r.box = ui.Frame(12, head, nil, card, nil, nil)
	s.view(r.box, r.list)
	r.show()
	r.follow()
	if i.Planned {
		r.load()
	}
}

// importRow is one row of the file on the screen.
type importRow struct {
	line, who, detail *widget.Label
	outcome           *ui.Badge
}

func newImportRow() fyne.CanvasObject {
	r := &importRow{line: ui.Cell(false), who: ui.Cell(true), detail: ui.Cell(false), outcome: ui.NewBadge(" ", ui.Quiet)}
	return ui.Hold(r, ui.Columns(4, rowWeights, r.line, r.who, ui.Row(0, ui.Gap(9), r.outcome.Box), r.detail), 4)
}

var tones = map[mostradorv1.RowOutcome]ui.Tone{
	mostradorv1.RowOutcome_ROW_OUTCOME_NEW: ui.Good, mostradorv1.RowOutcome_ROW_OUTCOME_CHANGED: ui.Good,
	mostradorv1.RowOutcome_ROW_OUTCOME_REFUSED: ui.Bad,
}

func (r *rows) update(at int, o fyne.CanvasObject) {
	if at >= len(r.found) {
		return
	}
	found, shown := r.found[at], ui.Held[*importRow](o)
	d := r.s.d
	shown.line.SetText(fmt.Sprint(found.Line))
	shown.who.SetText(found.Customer.GetName())
	shown.outcome.Set(d.T("transfer.one."+found.Outcome.String()), tones[found.Outcome])
	var parts []string
	for _, diag := range found.Diagnostics {
		parts = append(parts, ui.Sentence(diag))
	}
	for _, c := range found.Changes {
		from := c.From
		if from == "" {
			from = "—"
		}
		parts = append(parts, d.T("transfer.change", "from", from, "to", c.To))
	}
	if found.Outcome == mostradorv1.RowOutcome_ROW_OUTCOME_NEW && len(parts) == 0 {
		parts = append(parts, strings.Trim(d.Text.Phone(found.Customer.GetPhone())+" · "+found.Customer.GetEmail(), " ·"))
	}
	shown.detail.SetText(strings.Join(parts, " · "))
	o.Refresh()
	if at == len(r.found)-1 && r.more && !r.loading {
		r.page()
	}
}

// load shows the rows from the first.
func (r *rows) load() {
	r.found, r.more = nil, true
	r.list.ScrollToTop()
	r.list.Refresh()
	r.page()
}

// page reads the next rows.
func (r *rows) page() {
	current := r.newest.Next()
	r.loading = true
	req := &mostradorv1.RowsRequest{Id: r.i.Id, Limit: page}
	if r.only != mostradorv1.RowOutcome_ROW_OUTCOME_UNSPECIFIED {
		req.Outcomes = []mostradorv1.RowOutcome{r.only}
	}
	if n := len(r.found); n > 0 {
		req.AfterLine = r.found[n-1].Line
	}
	ui.Ask(r.s.d, r.s.d.Model.Transfers.Rows, req, func(res *mostradorv1.RowsResponse, err error) {
		if !current() || r.s.rows != r {
			return
		}
		r.loading = false
		if err != nil {
			r.more = false
			r.s.d.Fail(r.s.d.Explain(err))
			return
		}
		r.found = append(r.found, res.Rows...)
		r.more = len(res.Rows) == page
		r.list.Refresh()
	})
}

// busy tells whether a task of the import is under way.
func (r *rows) busy() bool {
	switch r.task.GetState() {
	case mostradorv1.TaskState_TASK_STATE_WAITING, mostradorv1.TaskState_TASK_STATE_RUNNING, mostradorv1.TaskState_TASK_STATE_PAUSED:
		return true
	}
	return false
}

// follow reads how far the import is.
func (r *rows) follow() {
	d := r.s.d
	ui.Ask(d, d.Model.Transfers.Get, &mostradorv1.GetImportRequest{Id: r.i.Id}, func(res *mostradorv1.GetImportResponse, err error) {
		if r.s.rows != r || err != nil {
			return
		}
		r.i = res.Import
		if r.i.Task == 0 {
			r.show()
			return
		}
		ui.Ask(d, d.Model.Tasks.Get, &mostradorv1.GetTaskRequest{Id: r.i.Task}, func(res *mostradorv1.GetTaskResponse, err error) {
			if r.s.rows != r {
				return
			}
			if err == nil {
				r.task = res.Task
			}
			if r.i.Planned && !r.planned || r.i.Applied && !r.applied {
				r.planned, r.applied = r.i.Planned, r.i.Applied
				r.load()
			}
			r.show()
		})
	})
}

// show draws what is known of the import: counts, progress, and what can be done.
func (r *rows) show() {
	d, i := r.s.d, r.i
	counts := []uint64{i.Rows, i.New, i.Changed, i.Same, i.Skipped, i.Refused}
	for at, outcome := range outcomes {
		name := d.T("transfer." + outcome.String())
		if i.Planned {
			name += " " + d.Text.Number(float64(counts[at]))
		}
		r.tabs.SetText(at, name)
	}
	r.buttons.RemoveAll()
	add := func(text, shortcut string, style ui.Style, act func()) {
		r.buttons.Add(ui.NewButton(text, shortcut, style, act))
	}
	switch {
	case r.busy():
		r.state.SetText(r.task.Title)
		r.bar.Max, r.bar.Value = 1, 0
		if r.task.Total > 0 {
			r.bar.Value = min(1, float64(r.task.Done)/float64(r.task.Total))
		}
		r.bar.TextFormatter = func() string {
			return d.T("tasks.progress", "done", d.Text.Number(float64(r.task.Done)), "total", d.Text.Number(float64(r.task.Total)))
		}
		r.bar.Show()
		if r.task.State == mostradorv1.TaskState_TASK_STATE_PAUSED {
			add(d.T("tasks.resume"), "", ui.Plain, r.resume)
		} else {
			add(d.T("tasks.pause"), "", ui.Plain, r.pause)
		}
		add(d.T("tasks.cancel"), "", ui.Danger, r.cancel)
	default:
		r.bar.Hide()
		r.state.SetText(r.s.outcome(i))
		if r.task.GetState() == mostradorv1.TaskState_TASK_STATE_FAILED {
			r.state.SetText(r.task.Error)
		}
		add(d.T("transfer.back"), "Esc", ui.Plain, r.s.back)
		if i.Refused > 0 {
			add(d.T("transfer.refused.save"), "", ui.Plain, r.saveRefused)
		}
		if i.Applied {
			add(d.T("transfer.customers"), "", ui.Plain, r.customers)
			if !i.Undone && r.task.GetUndoable() {
				add(d.T("tasks.undo"), "", ui.Danger, r.undo)
			}
		} else if i.Planned {
			add(d.T("transfer.apply"), "F5", ui.Primary, r.next)
		}
	}
	r.box.Refresh()
}
