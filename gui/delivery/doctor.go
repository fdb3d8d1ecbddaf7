package delivery

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// doctorLimit bounds one look at the domain, which asks servers elsewhere.
const doctorLimit = time.Minute

// doctor is Configuración: what is wrong with the sender's domain, and what to put into DNS.
type doctor struct {
	d      *ui.Desk
	box    fyne.CanvasObject
	domain *ui.Entry
	button *ui.Button
	column *fyne.Container
	newest ui.Latest
}

func newDoctor(d *ui.Desk) *doctor {
	t := &doctor{d: d, column: ui.Column(10)}
	t.domain = ui.NewEntry(d.T("doctor.domain"), func(string) { t.again() })
	t.button = ui.NewButton(d.T("doctor.check"), "F5", ui.Primary, t.again)
	t.column.Add(ui.Tight(ui.Words(d.T("doctor.text"))))
	t.box = ui.Frame(10, ui.Frame(8, nil, nil, t.domain, t.button, nil), nil, ui.Scrolled(t.column), nil, nil)
	return t
}

func (t *doctor) content() fyne.CanvasObject { return t.box }
func (t *doctor) show(string)                { t.d.Window.Canvas().Focus(t.domain) }
func (t *doctor) changed()                   {}
func (t *doctor) hide()                      { t.newest.Next(); t.button.Enable() }

func (t *doctor) again() {
	if t.button.Disabled() {
		return
	}
	current := t.newest.Next()
	t.button.Disable()
	t.fill(ui.Tight(ui.Words(t.d.T("doctor.wait"))))
	req := &mostradorv1.DoctorRequest{Domain: strings.TrimSpace(t.domain.Text)}
	ui.AskFor(t.d, doctorLimit, t.d.Model.Delivery.Doctor, req, func(res *mostradorv1.DoctorResponse, err error) {
		if !current() {
			return
		}
		t.button.Enable()
		if err != nil {
			words := ui.Words(t.d.Explain(err))
			words.Importance = widget.DangerImportance
			t.fill(ui.Tight(words))
			return
		}
		var cards []fyne.CanvasObject
		for _, f := range res.Findings {
			cards = append(cards, t.finding(f))
		}
		t.fill(cards...)
	})
}

func (t *doctor) fill(objects ...fyne.CanvasObject) {
	t.column.Objects = objects
	t.column.Refresh()
}

// finding is one thing that was looked at, with the record that mends it ready to be copied.
func (t *doctor) finding(f *mostradorv1.DoctorFinding) fyne.CanvasObject {
	d := t.d
	badge := ui.NewBadge(d.T("doctor.well"), ui.Good)
	switch f.Severity {
	case plgv1.Severity_SEVERITY_ERROR:
		badge.Set(d.T("doctor.bad"), ui.Bad)
	case plgv1.Severity_SEVERITY_WARNING:
		badge.Set(d.T("doctor.warning"), ui.Warn)
	}
	name := strings.ToUpper(f.Check)
	if d.Text.Has("doctor.name." + f.Check) {
		name = d.T("doctor.name." + f.Check)
	}
	box := ui.Column(6, ui.Row(10, ui.Text(name, ui.SizeText, true, ui.ColorMuted), badge.Box), ui.Tight(ui.Words(f.Words)))
	if f.Found != "" {
		box.Add(ui.Tight(ui.Note(d.T("doctor.found", "text", f.Found), widget.LowImportance)))
	}
	if f.Value != "" {
		record := ui.Column(2, ui.Tight(ui.Note(d.T("doctor.put"), widget.MediumImportance)))
		record.Add(t.copied(d.T("doctor.record.name"), f.Name))
		record.Add(t.copied(d.T("doctor.record.type"), f.Type))
		record.Add(t.copied(d.T("doctor.record.value"), f.Value))
		box.Add(ui.Panel(ui.ColorQuietBg, 8, ui.Pad(14, 8, record)))
	}
	return ui.Card("", box)
}

// copied is a part of a record with a button that puts it into the clipboard.
func (t *doctor) copied(name, text string) fyne.CanvasObject {
	d := t.d
	words := ui.Words(text)
	words.TextStyle.Monospace = true
	words.Wrapping = fyne.TextWrapBreak
	copy := ui.NewButton(d.T("copy"), "", ui.Link, func() {
		fyne.CurrentApp().Clipboard().SetContent(text)
		d.Say(d.T("copied", "what", name))
	})
	return ui.Frame(4, nil, ui.Least(70, 0, ui.Row(0, ui.Caption(name))), ui.Middle(ui.Tight(words)), ui.Row(0, copy), nil)
}
