package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"mostrador/sdk/plgv1"
)

// TableRows is how many rows of a table are drawn; a panel is no place for more.
const TableRows = 100

const (
	rowHeight float32 = 27
	columnGap float32 = 18
)

// NewTable draws a small grid: a line of captions, then rows, numbers to the right. Columns are as wide as their
// longest cell asks for and share what is left or lacking.
func NewTable(t *plgv1.PanelTable) *fyne.Container {
	l := &tableLayout{columns: len(t.GetColumns())}
	var objects []fyne.CanvasObject
	cell := func(column int, text string, head bool) {
		label := Cell(false)
		label.SetText(text)
		style := label.TextStyle
		size := SizeText
		if head {
			label.SizeName, size = theme.SizeNameCaptionText, SizeCaption
		}
		if t.GetColumns()[column].GetNumber() {
			label.Alignment = fyne.TextAlignTrailing
		}
		l.natural[column] = max(l.natural[column], fyne.MeasureText(text, size, style).Width+1)
		objects = append(objects, label)
	}
	l.natural = make([]float32, l.columns)
	for i, c := range t.GetColumns() {
		cell(i, c.GetLabel(), true)
	}
	for _, row := range t.GetRows()[:min(len(t.GetRows()), TableRows)] {
		for i := range t.GetColumns() {
			text := ""
			if i < len(row.GetCells()) {
				text = row.GetCells()[i]
			}
			cell(i, text, false)
		}
		l.rows++
	}
	for range l.rows {
		objects = append(objects, canvas.NewRectangle(Color(theme.ColorNameSeparator)))
	}
	return container.New(l, objects...)
}

// tableLayout places the cells, row by row, and then one line above each row but the captions.
type tableLayout struct {
	columns, rows int
	natural       []float32
}

func (l *tableLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(40*float32(l.columns), rowHeight*float32(l.rows+1))
}

func (l *tableLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	room := size.Width - columnGap*float32(l.columns-1)
	total := float32(0)
	for _, w := range l.natural {
		total += w
	}
	if total <= 0 {
		return
	}
	const padding = 9 // that a label brings along
	for i, o := range objects {
		row, column := 0, 0
		if i >= l.columns*(l.rows+1) {
			row = i - l.columns*(l.rows+1) + 1
			o.Move(fyne.NewPos(0, rowHeight*float32(row)))
			o.Resize(fyne.NewSize(size.Width, 1))
			continue
		}
		row, column = i/l.columns, i%l.columns
		x := float32(0)
		for k := range column {
			x += l.natural[k]*room/total + columnGap
		}
		w := l.natural[column] * room / total
		h := o.MinSize().Height
		o.Move(fyne.NewPos(x-padding, rowHeight*float32(row)+(rowHeight-h)/2))
		o.Resize(fyne.NewSize(w+2*padding, h))
	}
}
