package templates

import (
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/mailview"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// pause is how long the preview waits for more to be typed.
const pause = 300 * time.Millisecond

// preview shows the text as a customer would get it, and what is wrong with it.
type preview struct {
	e       *editor
	content fyne.CanvasObject
	summary *fyne.Container
	checks  *fyne.Container

	customer *ui.Finder
	id       string // of the customer; empty for an example
	widths   *ui.Tabs
	phone    bool
	subject  *widget.Label
	view     *mailview.View
	text     *widget.Label
	body     *fyne.Container
	state    *ui.Badge
	size     *widget.Label
	list     *ui.List
	found    []*mostradorv1.TemplateCheck
	mail     *mostradorv1.RenderedMail
	newest   ui.Latest
	waiting  *time.Timer
}

func newPreview(e *editor) *preview {
	d := e.d
	p := &preview{e: e}
	p.customer = ui.NewFinder(d, d.T("templates.customer"))
	p.customer.Keep = true
	p.customer.OnFound = func(o ui.Option) { p.id = o.Value; p.ask() }
	typed := p.customer.Entry.OnChanged
	p.customer.Entry.OnChanged = func(text string) {
		typed(text)
		if strings.TrimSpace(text) == "" && p.id != "" {
			p.id = ""
			p.ask()
		}
	}
	p.customer.OnGrown = func() { e.s.content.Refresh() }
	p.widths = ui.NewTabs([]string{d.T("templates.desktop"), d.T("templates.phone")}, func(at int) {
		p.phone = at == 1
		p.view.SetPaper(map[bool]float32{false: mailview.Desktop, true: mailview.Phone}[p.phone])
		e.share()
	})
	p.subject = ui.Cell(true)
	p.view = mailview.New(d.Open)
	p.text = ui.Words("")
	p.text.TextStyle.Monospace = true
	p.text.SizeName = theme.SizeNameCaptionText
	p.body = container.NewStack(p.view.Content())
	head := ui.Frame(6, nil, nil, p.customer.Entry, p.widths.Box, nil)
	p.content = ui.Frame(2, ui.Column(2, head, p.customer.Hits, ui.Tight(p.subject)), nil, p.body, nil, nil)

	p.state, p.size = ui.NewBadge("", ui.Good), ui.Cell(false)
	p.size.Importance, p.size.SizeName = widget.LowImportance, theme.SizeNameCaptionText
	p.summary = ui.Frame(8, nil, ui.Row(0, p.state.Box), ui.Middle(p.size), ui.NewButton(d.T("outbox.browser"), "F7", ui.Link, p.browse), nil)
	p.list = ui.NewList(func() int { return len(p.found) }, newCheck, p.show, p.open)
	p.checks = ui.Least(0, 0, ui.Boxed(p.list))
	p.checks.Hide()
	return p
}

// part shows the mail or its text part.
func (p *preview) part(text bool) {
	p.body.Objects = []fyne.CanvasObject{p.view.Content()}
	if text {
		p.body.Objects[0] = ui.Boxed(ui.Scrolled(p.text))
	}
	p.body.Refresh()
}

// turn goes from desktop to phone and back.
func (p *preview) turn() { p.widths.Choose(1 - p.widths.At()) }

func (p *preview) browse() {
	if p.mail != nil {
		mailview.Browse(p.e.d, p.mail.Html)
	}
}

// request is what is shown now.
func (p *preview) request() *mostradorv1.PreviewTemplateRequest {
	e := p.e
	text := e.text()
	return &mostradorv1.PreviewTemplateRequest{Id: e.base.Id, Language: e.language, Html: text.Html, Text: text.Text,
		Kind: e.now.Kind, CustomerId: p.id, Plugin: e.base.Plugin}
}

// later asks once nothing was typed for a moment.
func (p *preview) later() {
	p.stop()
	d := p.e.d
	p.waiting = time.AfterFunc(pause, func() { d.Do(p.ask) })
}

func (p *preview) stop() {
	p.newest.Next()
	if p.waiting != nil {
		p.waiting.Stop()
	}
}

// ask has the host render the text. One that cannot be rendered leaves the last good mail standing.
func (p *preview) ask() {
	p.stop()
	current := p.newest.Same()
	d := p.e.d
	ui.Ask(d, d.Model.Templates.Preview, p.request(), func(res *mostradorv1.PreviewTemplateResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			p.judge([]*mostradorv1.TemplateCheck{{Severity: plgv1.Severity_SEVERITY_ERROR, Words: d.Explain(err)}}, 0)
			return
		}
		p.judge(res.Checks, res.Size)
		if res.Mail != nil {
			p.mail = res.Mail
			p.subject.SetText(d.T("guide.subject", "subject", res.Mail.Subject))
			p.view.Show(res.Mail.Html)
			p.text.SetText(res.Mail.Text)
		}
	})
}

// judge shows the check list: mistakes first; what is well is only counted.
func (p *preview) judge(checks []*mostradorv1.TemplateCheck, size int64) {
	d := p.e.d
	p.found = nil
	mistakes, warnings := 0, 0
	for _, c := range checks {
		switch c.Severity {
		case plgv1.Severity_SEVERITY_ERROR:
			mistakes++
		case plgv1.Severity_SEVERITY_WARNING:
			warnings++
		default:
			continue
		}
		p.found = append(p.found, c)
	}
	slices.SortStableFunc(p.found, func(a, b *mostradorv1.TemplateCheck) int { return int(a.Severity) - int(b.Severity) })
	switch {
	case mistakes > 0:
		p.state.Set(d.T("templates.mistakes", "n", mistakes), ui.Bad)
	case warnings > 0:
		p.state.Set(d.T("templates.warnings", "n", warnings), ui.Warn)
	default:
		p.state.Set(d.T("guide.template.good"), ui.Good)
	}
	var facts []string
	if size > 0 {
		facts = append(facts, d.T("templates.size", "size", ui.Bytes(d, size)))
	}
	if n := len(checks) - len(p.found); n > 0 {
		facts = append(facts, d.T("templates.well", "n", n))
	}
	p.size.SetText(strings.Join(facts, "  ·  "))
	p.checks.Hidden = len(p.found) == 0
	p.checks.Layout = &rows{min(len(p.found), 3)}
	p.list.UnselectAll()
	p.list.Refresh()
	p.e.s.content.Refresh()
}

// checkHeight is that of one line of the check list.
const checkHeight float32 = 35

// rows gives a list the height of so many rows.
type rows struct{ n int }

// MinSize implements fyne.Layout.
func (r *rows) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(200, checkHeight*float32(r.n))
}

// Layout implements fyne.Layout.
func (r *rows) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

// finding is one line of the check list.
type finding struct {
	line  *ui.Badge
	words *widget.Label
}

func newCheck() fyne.CanvasObject {
	f := &finding{ui.NewBadge(" ", ui.Warn), ui.Cell(false)}
	f.words.SizeName = theme.SizeNameCaptionText
	return ui.Hold(f, ui.Frame(4, nil, ui.Exactly(86, ui.Pad(6, 0, ui.Row(0, f.line.Box))), f.words, nil, nil), -5)
}

func (p *preview) show(i int, o fyne.CanvasObject) {
	if i >= len(p.found) {
		return
	}
	c, f := p.found[i], ui.Held[*finding](o)
	tone := ui.Warn
	if c.Severity == plgv1.Severity_SEVERITY_ERROR {
		tone = ui.Bad
	}
	word := p.e.d.T("templates.whole")
	if c.Line > 0 {
		word = p.e.d.T("templates.line", "n", c.Line)
	}
	f.line.Set(word, tone)
	f.words.SetText(c.Words)
	o.Refresh()
}

// open goes to the line that a check speaks of.
func (p *preview) open(i int) {
	if i >= len(p.found) {
		return
	}
	e := p.e
	if e.parts.At() != 0 {
		e.parts.Choose(0)
	}
	if line := p.found[i].Line; line > 0 {
		e.html.GoTo(int(line))
	}
	e.d.Window.Canvas().Focus(e.html)
}
