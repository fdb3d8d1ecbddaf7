package segments

import (
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/condition"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// pause is how long the form waits for more before it asks who meets the condition, and few how many it shows.
const (
	pause = 300 * time.Millisecond
	few   = 6
)

// form makes a segment, or changes one.
type form struct {
	s     *Screen
	known *mostradorv1.Segment
	modal *ui.Modal

	name, description *ui.Field
	ways              *ui.Tabs
	builder           *condition.Editor
	text              *ui.Entry
	body              *fyne.Container
	written           bool

	count     *widget.Label
	words     *widget.Label
	first     *fyne.Container
	wrong     *widget.Label
	save      *ui.Button
	asked     ui.Latest
	asking    bool
	waiting   *time.Timer
	countCard *fyne.Container
}

// edit reads what conditions can be about, and opens the form.
func (s *Screen) edit(g *mostradorv1.Segment) {
	ui.Ask(s.d, s.d.Model.Segments.Terms, &mostradorv1.SegmentTermsRequest{}, func(res *mostradorv1.SegmentTermsResponse, err error) {
		if !s.shelf.Visible() || s.d.TopModal() != nil {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.fill(g, res.Terms)
	})
}

// fill opens the form with a segment.
func (s *Screen) fill(g *mostradorv1.Segment, terms []*mostradorv1.Term) {
	d := s.d
	f := &form{s: s, known: g, written: g.Condition == nil && g.Expression != ""}
	enter := func(string) { f.submit() }
	f.name = ui.NewField(d.T("segments.name"), ui.NewEntry(d.T("segments.name.hint"), enter))
	f.description = ui.NewField(d.T("segments.description"), ui.NewEntry(d.T("segments.description.hint"), enter))
	f.name.Entry.SetText(g.Name)
	f.description.Entry.SetText(g.Description)
	f.name.Entry.OnChanged = func(string) { f.name.Say("") }
	f.builder = condition.New(d, terms)
	f.builder.Set(g.Condition)
	f.builder.OnChanged = f.later
	f.text = ui.NewTextEntry(8)
	f.text.SetPlaceHolder(d.T("segments.cel.hint"))
	f.text.SetText(g.Expression)
	f.text.OnChanged = func(string) { f.later() }
	f.body = container.NewStack()
	f.ways = ui.NewTabs([]string{d.T("segments.built"), d.T("segments.cel")}, func(at int) { f.choose(at == 1) })

	f.count, f.words = ui.Words(""), ui.Note("", widget.LowImportance)
	f.count.TextStyle.Bold = true
	f.count.SizeName = "headingText"
	f.first, f.wrong = ui.Column(2), ui.Note("", widget.DangerImportance)
	f.countCard = ui.Panel(ui.ColorQuietBg, 8, ui.Pad(14, 10, ui.Column(6, ui.Caption(d.T("segments.preview")), ui.Tight(f.count), ui.Tight(f.words), f.first, ui.Tight(f.wrong))))
	f.save = ui.NewButton(d.T("save"), "", ui.Primary, f.submit)

	left := ui.Frame(8, ui.Column(2, ui.Columns(14, []float32{40, 60}, f.name.Box, f.description.Box), f.ways.Box), nil, ui.Least(0, 330, ui.Scrolled(f.body)), nil, nil)
	box := ui.Columns(18, []float32{68, 32}, left, f.countCard)
	title := d.T("segments.title.new")
	buttons := []fyne.CanvasObject{ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { f.modal.Close() })}
	if g.Id != 0 {
		title = g.Name
		remove := ui.NewButton(d.T("segments.delete"), "", ui.Danger, f.remove)
		label := ui.NewButton(d.T("segments.tag"), "", ui.Plain, f.tag)
		remove.SetEnabled(s.may())
		label.SetEnabled(s.may())
		buttons = append([]fyne.CanvasObject{remove, label, ui.NewButton(d.T("segments.members"), "", ui.Plain, func() { f.modal.Close(); s.members(g) })}, buttons...)
	}
	f.save.SetEnabled(s.may())
	f.modal = d.NewModal(title, 1080, box, f.name.Entry, append(buttons, f.save)...)
	f.modal.OnClose = f.stop
	if f.written {
		f.ways.Mark(1)
	}
	f.choose(f.written)
	f.ask()
}

// choose shows the builder or the text. What was built goes along into the text, where it can be refined.
func (f *form) choose(written bool) {
	f.written = written
	if written {
		f.body.Objects = []fyne.CanvasObject{ui.Column(6, f.text, ui.Tight(ui.Note(f.s.d.T("segments.cel.help"), widget.LowImportance)))}
	} else {
		f.body.Objects = []fyne.CanvasObject{f.builder.Box}
	}
	f.body.Refresh()
	f.ask()
}

// segment is what the form holds.
func (f *form) segment() *mostradorv1.Segment {
	g := &mostradorv1.Segment{Id: f.known.Id, Name: strings.TrimSpace(f.name.Entry.Text), Description: strings.TrimSpace(f.description.Entry.Text)}
	if f.written {
		g.Expression = f.text.Text
	} else {
		g.Condition = f.builder.Condition()
	}
	return g
}

// later asks for the preview once nothing was changed for a moment.
func (f *form) later() {
	f.stop()
	d := f.s.d
	f.waiting = time.AfterFunc(pause, func() { d.Do(f.ask) })
}

func (f *form) stop() {
	f.asked.Next()
	if f.waiting != nil {
		f.waiting.Stop()
	}
}

// ask has the store count who meets the condition.
func (f *form) ask() {
	current := f.asked.Next()
	d, g := f.s.d, f.segment()
	f.wrong.SetText("")
	if g.Condition == nil && strings.TrimSpace(g.Expression) == "" {
		f.count.SetText(d.T("segments.preview.empty"))
		f.words.SetText("")
		f.first.RemoveAll()
		f.countCard.Refresh()
		return
	}
	ui.Ask(d, d.Model.Segments.Preview, &mostradorv1.PreviewSegmentRequest{Segment: g, Limit: few}, func(res *mostradorv1.PreviewSegmentResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			f.wrong.SetText(d.Explain(err))
			f.countCard.Refresh()
			return
		}
		f.first.RemoveAll()
		f.words.SetText(res.Words)
		if sentences := said(res.Diagnostics); sentences != "" {
			f.count.SetText("")
			f.wrong.SetText(sentences)
		} else {
			f.count.SetText(d.T("segments.preview.count", "n", d.Text.Number(float64(res.Customers))))
			for _, c := range res.First {
				f.first.Add(ui.Caption(c.Name))
			}
			if rest := res.Customers - uint64(len(res.First)); len(res.First) > 0 && rest > 0 {
				f.first.Add(ui.Caption(d.T("segments.preview.more", "n", d.Text.Number(float64(rest)))))
			}
			if !f.written && !f.textTouched() {
				f.text.Quiet(res.Expression)
			}
		}
		f.countCard.Refresh()
	})
}

// textTouched tells whether somebody wrote in the text something of his own.
func (f *form) textTouched() bool { return f.known.Condition == nil && f.known.Expression != "" }

// said joins the sentences of mistakes.
func said(diags []*plgv1.Diagnostic) string {
	var all []string
	for _, diag := range diags {
		if diag.Severity == plgv1.Severity_SEVERITY_ERROR {
			all = append(all, ui.Sentence(diag))
		}
	}
	return strings.Join(all, "\n")
}

func (f *form) submit() {
	d := f.s.d
	if f.asking || !f.s.may() {
		return
	}
	g := f.segment()
	switch {
	case g.Name == "":
		f.name.Say(d.T("segments.name.missing"))
		d.Window.Canvas().Focus(f.name.Entry)
		return
	case !f.written && !f.builder.Check():
		return
	case g.Condition == nil && strings.TrimSpace(g.Expression) == "":
		f.wrong.SetText(d.T("segments.condition.missing"))
		f.countCard.Refresh()
		return
	}
	f.asking = true
	f.save.Disable()
	ui.Ask(d, d.Model.Segments.Put, &mostradorv1.PutSegmentRequest{Segment: g}, func(res *mostradorv1.PutSegmentResponse, err error) {
		f.asking = false
		f.save.Enable()
		if err != nil {
			f.refused(err)
			return
		}
		f.modal.Close()
		d.Say(d.T("segments.saved", "name", res.Segment.GetName()))
		f.s.shelf.Filter.Quiet("")
		f.s.load(res.Segment.GetName())
	})
}

func (f *form) refused(err error) {
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		f.wrong.SetText(f.s.d.Explain(err))
	}
	var rest []string
	for _, diag := range slices.Backward(diags) {
		switch path := strings.TrimPrefix(diag.Path, "segment."); path {
		case "name":
			f.name.Say(ui.Sentence(diag))
			f.s.d.Window.Canvas().Focus(f.name.Entry)
		case "description":
			f.description.Say(ui.Sentence(diag))
			f.s.d.Window.Canvas().Focus(f.description.Entry)
		default:
			rest = append(rest, ui.Sentence(diag))
		}
	}
	if len(rest) > 0 {
		f.wrong.SetText(strings.Join(rest, "\n"))
	}
	f.countCard.Refresh()
}

func (f *form) remove() {
	d, g := f.s.d, f.known
	d.Confirm(d.T("segments.delete.title", "name", g.Name), d.T("segments.delete.text"), d.T("segments.delete"), func() {
		ui.Ask(d, d.Model.Segments.Delete, &mostradorv1.DeleteSegmentRequest{Id: g.Id}, func(_ *mostradorv1.DeleteSegmentResponse, err error) {
			if err != nil {
				f.refused(err)
				return
			}
			f.modal.Close()
			d.Say(d.T("segments.deleted", "name", g.Name))
			f.s.load("")
		})
	})
}

// tag asks which tags the members get.
func (f *form) tag() {
	d, g := f.s.d, f.known
	ui.LoadTags(d, func(looks ui.TagLooks) {
		var choices []*mostradorv1.Choice
		for name := range looks {
			choices = append(choices, &mostradorv1.Choice{Value: name, Label: name})
		}
		slices.SortFunc(choices, func(a, b *mostradorv1.Choice) int { return strings.Compare(a.Label, b.Label) })
		if len(choices) == 0 {
			d.Warn(d.T("segments.tag.none"))
			return
		}
		in := ui.NewInput(d, ui.Spec{Type: "choice", Many: true, Choices: choices}, "")
		var m *ui.Modal
		apply := ui.NewButton(d.T("segments.tag.apply"), "Enter", ui.Primary, func() {
			chosen, err := in.Value()
			if err != nil || chosen == "" {
				return
			}
			sel := &mostradorv1.Selection{All: true, Filter: &mostradorv1.Filter{Segments: []uint32{g.Id}}}
			ui.Ask(d, d.Model.Tags.Apply, &mostradorv1.ApplyTagsRequest{Selection: sel, Add: strings.Split(chosen, "\n")}, func(res *mostradorv1.ApplyTagsResponse, err error) {
				if err != nil {
					d.Fail(d.Explain(err))
					return
				}
				m.Close()
				if res.Task == nil {
					d.Say(d.T("segments.tag.done", "n", res.Changed))
				}
			})
		})
		box := ui.Column(8, ui.Words(d.T("segments.tag.text", "name", g.Name, "n", d.Text.Number(float64(g.Customers)))), in.Box)
		m = d.NewModal(d.T("segments.tag"), 460, box, in.Focus, ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), apply)
	})
}
