// Package transfer is Clientes > Importar: customers from a spreadsheet, in three steps that can be gone back. A file is
// chosen and said how it is read and where each column goes; a dry run judges every row and shows what would become of
// it; then it is carried out in the background, where it can be paused, cancelled and, afterwards, taken back as a
// whole. The rows that were refused are saved as a file that can be mended and brought again.
package transfer

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// former is how many imports the list shows.
const former = 50

// Screen is the list of imports, and the steps of the one that is being made.
type Screen struct {
	d       *ui.Desk
	content *fyne.Container
	overall fyne.CanvasObject
	list    *ui.List
	none    *fyne.Container
	fresh   *ui.Button

	imports []*mostradorv1.Import
	newest  ui.Latest
	shown   bool
	// columns and rows are the steps of the import that is open; nil when they are not shown.
	columns *columns
	rows    *rows
}

var weights = []float32{30, 18, 16, 36}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, content: container.NewStack()}
	s.list = ui.NewList(func() int { return len(s.imports) }, newRow, s.update, func(i int) { s.open(i) })
	s.none = container.NewCenter(ui.Text(d.T("transfer.none"), ui.SizeText, false, ui.ColorMuted))
	s.fresh = ui.NewButton(d.T("transfer.new"), "F5", ui.Primary, s.pick)
	head := ui.Row(8, ui.Title(d.T("area.imports")), ui.Spring(), s.fresh)
	captions := ui.Captions(weights, d.T("transfer.file"), d.T("transfer.when"), d.T("transfer.who"), d.T("transfer.outcome"))
	card := ui.Card("", ui.Frame(8, captions, nil, container.NewStack(s.list, s.none), nil, nil))
	s.overall = ui.Frame(12, head, nil, card, nil, nil)
	s.content.Objects = []fyne.CanvasObject{s.overall}
	return s
}

// row is one import in the list.
type row struct{ file, when, who, outcome *widget.Label }

func newRow() fyne.CanvasObject {
	r := &row{ui.Cell(true), ui.Cell(false), ui.Cell(false), ui.Cell(false)}
	return ui.Hold(r, ui.Columns(4, weights, r.file, r.when, r.who, r.outcome), 6)
}

func (s *Screen) update(at int, o fyne.CanvasObject) {
	if at >= len(s.imports) {
		return
	}
	i, r := s.imports[at], ui.Held[*row](o)
	r.file.SetText(i.FileName)
	r.when.SetText(s.d.Text.DateTime(i.Created))
	r.who.SetText(i.Actor.GetOperator())
	r.outcome.SetText(s.outcome(i))
	o.Refresh()
}

// outcome is how far an import came, in words.
func (s *Screen) outcome(i *mostradorv1.Import) string {
	n := func(v uint64) string { return s.d.Text.Number(float64(v)) }
	switch {
	case i.Undone:
		return s.d.T("transfer.state.undone")
	case i.Applied:
		return s.d.T("transfer.state.applied", "new", n(i.New), "changed", n(i.Changed), "refused", n(i.Refused))
	case i.Planned:
		return s.d.T("transfer.state.planned", "rows", n(i.Rows))
	}
	return s.d.T("transfer.state.uploaded")
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) {
	s.shown = true
	s.load()
	if s.columns == nil && s.rows == nil {
		s.d.Window.Canvas().Focus(s.list)
	}
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF5 && s.columns != nil:
		s.columns.plan()
	case ev.Name == fyne.KeyF5 && s.rows != nil:
		s.rows.next()
	case ev.Name == fyne.KeyF5:
		s.pick()
	case ev.Name == fyne.KeyEscape && (s.columns != nil || s.rows != nil):
		s.back()
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_TASK:
		s.load()
		if s.rows != nil {
			s.rows.follow()
		}
	}
}

func (s *Screen) load() {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Transfers.List, &mostradorv1.ListImportsRequest{Limit: former}, func(res *mostradorv1.ListImportsResponse, err error) {
		if !current() || !s.shown {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.imports = res.Imports
		if len(s.imports) == 0 {
			s.none.Show()
		} else {
			s.none.Hide()
		}
		s.list.Refresh()
	})
}

// view shows one of the steps, or the list.
func (s *Screen) view(o fyne.CanvasObject, first fyne.Focusable) {
	s.content.Objects = []fyne.CanvasObject{o}
	s.content.Refresh()
	s.d.Window.Canvas().Focus(first)
}

// back goes one step back.
func (s *Screen) back() {
	switch {
	case s.rows != nil && !s.rows.i.Applied && !s.rows.busy():
		i := s.rows.i
		s.rows = nil
		s.openColumns(i)
	default:
		s.rows, s.columns = nil, nil
		s.view(s.overall, s.list)
		s.load()
	}
}

func (s *Screen) open(at int) {
	if at >= len(s.imports) || s.d.TopModal() != nil {
		return
	}
	s.list.UnselectAll()
	if i := s.imports[at]; i.Planned || i.Applied || i.Task != 0 {
		s.openRows(i)
	} else {
		s.openColumns(i)
	}
}

// pick asks for a file and hands it to the store.
func (s *Screen) pick() {
	if s.d.TopModal() == nil {
		s.d.ChooseFile(s.d.T("transfer.pick"), []string{".csv", ".txt", ".tsv", ".xlsx"}, s.upload)
	}
}

// piece is how much of a file travels at once.
const piece = 256 << 10

// upload sends a file to the store and shows how it is read.
func (s *Screen) upload(path string) {
	var res *mostradorv1.UploadResponse
	s.d.Say(s.d.T("transfer.uploading", "file", filepath.Base(path)))
	s.d.Await(func(ctx context.Context) (err error) {
		res, err = send(ctx, s.d, path)
		return err
	}, func(err error) {
		if !s.shown {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.d.Hush()
		s.openColumns(res.Import)
		s.columns.say(res.Diagnostics)
	})
}

func send(ctx context.Context, d *ui.Desk, path string) (*mostradorv1.UploadResponse, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	stream := d.Model.Transfers.Upload(ctx)
	name := filepath.Base(path)
	for buffer := make([]byte, piece); ; name = "" {
		n, err := io.ReadFull(file, buffer)
		if n > 0 || name != "" {
			if err := stream.Send(&mostradorv1.UploadRequest{FileName: name, Data: buffer[:n]}); err != nil {
				break // the answer says why
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	res, err := stream.CloseAndReceive()
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}

// sentences joins what the store says.
func sentences(diags []*plgv1.Diagnostic) string {
	all := ""
	for _, diag := range diags {
		if all != "" {
			all += "\n"
		}
		all += ui.Sentence(diag)
	}
	return all
}
