package transfer

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// next carries the import out, once the person has read what that means.
func (r *rows) next() {
	d, i := r.s.d, r.i
	if r.busy() || !i.Planned || i.Applied || d.TopModal() != nil {
		return
	}
	n := func(v uint64) string { return d.Text.Number(float64(v)) }
	text := d.T("transfer.apply.text", "new", n(i.New), "changed", n(i.Changed), "refused", n(i.Refused))
	if i.Announce {
		text += " " + d.T("transfer.apply.announce")
	}
	d.Confirm(d.T("transfer.apply.title"), text, d.T("transfer.apply"), func() {
		ui.Ask(d, d.Model.Transfers.Apply, &mostradorv1.ApplyImportRequest{Id: i.Id}, func(res *mostradorv1.ApplyImportResponse, err error) {
			r.told(err)
		})
	})
}

// told looks how things stand after a button.
func (r *rows) told(err error) {
	if err != nil {
		r.s.d.Fail(r.s.d.Explain(err))
	}
	if r.s.rows == r {
		r.follow()
	}
}

func (r *rows) pause() {
	d := r.s.d
	ui.Ask(d, d.Model.Tasks.Pause, &mostradorv1.PauseTaskRequest{Id: r.task.Id}, func(_ *mostradorv1.PauseTaskResponse, err error) { r.told(err) })
}

func (r *rows) resume() {
	d := r.s.d
	ui.Ask(d, d.Model.Tasks.Resume, &mostradorv1.ResumeTaskRequest{Id: r.task.Id}, func(_ *mostradorv1.ResumeTaskResponse, err error) { r.told(err) })
}

func (r *rows) cancel() {
	d := r.s.d
	ui.Ask(d, d.Model.Tasks.Cancel, &mostradorv1.CancelTaskRequest{Id: r.task.Id}, func(_ *mostradorv1.CancelTaskResponse, err error) { r.told(err) })
}

// undo takes the whole import back.
func (r *rows) undo() {
	d := r.s.d
	d.Confirm(d.T("tasks.undo.title"), d.T("transfer.undo.text", "file", r.i.FileName), d.T("tasks.undo"), func() {
		ui.Ask(d, d.Model.Tasks.Undo, &mostradorv1.UndoTaskRequest{Id: r.task.Id}, func(_ *mostradorv1.UndoTaskResponse, err error) { r.told(err) })
	})
}

// saveRefused writes the refused rows to a file that can be mended and brought again.
func (r *rows) saveRefused() {
	d, i := r.s.d, r.i
	ext := filepath.Ext(i.FileName)
	format := mostradorv1.FileFormat_FILE_FORMAT_XLSX
	if !strings.EqualFold(ext, ".xlsx") {
		format, ext = mostradorv1.FileFormat_FILE_FORMAT_CSV, ".csv"
	}
	name := strings.TrimSuffix(i.FileName, filepath.Ext(i.FileName)) + " " + d.T("transfer.refused.suffix") + ext
	d.SaveFile(d.T("transfer.refused.save"), name, nil, func(path string) {
		ui.Download(d, d.T("transfer.refused.save"), d.Model.Transfers.Refused, &mostradorv1.RefusedRequest{Id: i.Id, Format: format}, path, func(err error) {
			switch {
			case errors.Is(err, context.Canceled):
			case err != nil:
				d.Fail(d.Explain(err))
			default:
				d.Say(d.T("transfer.refused.saved", "file", filepath.Base(path)))
			}
		})
	})
}

// customers shows whom the import brought or changed.
func (r *rows) customers() {
	r.s.d.Nav.Go(ui.Customers, ui.Arg(&mostradorv1.SearchRequest{Filter: &mostradorv1.Filter{Import: r.i.Id}}))
}
