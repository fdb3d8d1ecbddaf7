package customers

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// meant says whom an action is about: those picked, or everybody found.
func (s *List) meant() (selection *mostradorv1.Selection, words string) {
	n := s.picked.count(s.source.total)
	if n == 0 {
		return s.picked.selection(s.source.req), s.count.Text
	}
	return s.picked.selection(s.source.req), s.d.Count(n, s.picked.all && s.source.atLeast)
}

// askTags asks which tags to put on, and take off, those picked.
func (s *List) askTags() {
	if s.source.req == nil || s.source.total == 0 || s.d.TopModal() != nil {
		return
	}
	selection, words := s.meant()
	var m *ui.Modal
	fit := func() {
		if m != nil {
			m.Fit()
		}
	}
	var apply func()
	add := newTagBox(s.d, s.filter.tagOptions, s.looks, s.d.T("customers.label.add"), fit, func() { apply() })
	remove := newTagBox(s.d, s.filter.tagOptions, s.looks, s.d.T("customers.label.remove"), fit, func() { apply() })
	fault := ui.Note("", widget.DangerImportance)
	apply = func() {
		if len(add.names)+len(remove.names) == 0 {
			fault.SetText(s.d.T("customers.label.which"))
			fit()
			return
		}
		req := &mostradorv1.ApplyTagsRequest{Selection: selection, Add: add.names, Remove: remove.names}
		ui.Ask(s.d, s.d.Model.Tags.Apply, req, func(res *mostradorv1.ApplyTagsResponse, err error) {
			if err != nil {
				fault.SetText(s.d.Explain(err))
				fit()
				return
			}
			m.Close()
			if res.Task != nil {
				s.d.Say(s.d.T("customers.label.task"))
				return
			}
			s.d.Say(s.d.T("customers.label.done", "n", s.d.Text.Number(float64(res.Changed))))
			s.source.stale()
		})
	}
	cancel := ui.NewButton(s.d.T("cancel"), "Esc", ui.Plain, func() { m.Close() })
	ok := ui.NewButton(s.d.T("customers.label.apply"), "", ui.Primary, apply)
	body := ui.Column(8, ui.Text(words, ui.SizeText, true, ui.ColorMuted), add.box, remove.box, ui.Tight(fault))
	m = s.d.NewModal(s.d.T("customers.label.title"), 520, body, add.suggest.Entry, cancel, ok)
	m.Fit()
}

// tagBox takes any number of tags that exist.
type tagBox struct {
	box     *fyne.Container
	suggest *ui.Suggest
	names   []string
}

func newTagBox(d *ui.Desk, options func() []ui.Option, looks ui.TagLooks, title string, grown, enter func()) *tagBox {
	b := &tagBox{}
	b.suggest = ui.NewSuggestOf(d.T("customers.filter.tags.hint"), func() []ui.Option {
		return slices.DeleteFunc(options(), func(o ui.Option) bool { return slices.Contains(b.names, o.Label) })
	})
	chips := ui.Chips()
	var show func()
	show = func() {
		chips.RemoveAll()
		for _, name := range b.names {
			chips.Add(ui.NewButton(name+"  ×", "", ui.Plain, func() { b.names = without(b.names, name); show() }))
		}
		chips.Hidden = len(b.names) == 0
		grown()
	}
	b.suggest.OnGrown = grown
	b.suggest.OnTaken = func(o ui.Option) { b.names = append(b.names, o.Label); show() }
	b.suggest.OnEnter = func(typed string) {
		if strings.TrimSpace(typed) == "" {
			enter()
		}
	}
	b.box = ui.Column(4, ui.Text(title, ui.SizeCaption, true, ui.ColorMuted), b.suggest.Box, chips)
	chips.Hide()
	return b
}

// askExport asks for the format and the file, and writes those picked to it.
func (s *List) askExport() {
	if s.source.req == nil || s.source.total == 0 || s.d.TopModal() != nil {
		return
	}
	selection, words := s.meant()
	var m *ui.Modal
	choose := func(format mostradorv1.FileFormat, ext string) *ui.Button {
		return ui.NewButton(s.d.T("customers.export."+format.String()), "", ui.Plain, func() {
			m.Close()
			s.d.SaveFile(s.d.T("customers.export.title"), s.d.T("customers.export.name")+ext, nil, func(path string) {
				req := &mostradorv1.ExportCustomersRequest{Selection: selection, Format: format}
				ui.Download(s.d, s.d.T("customers.export.title"), s.d.Model.Transfers.Export, req, path, func(err error) {
					switch {
					case errors.Is(err, context.Canceled):
						s.d.Warn(s.d.T("customers.export.cancelled"))
					case err != nil:
						s.d.Fail(s.d.Explain(err))
					default:
						s.d.Say(s.d.T("customers.export.done", "path", path))
					}
				})
			})
		})
	}
	xlsx := choose(mostradorv1.FileFormat_FILE_FORMAT_XLSX, ".xlsx")
	csv := choose(mostradorv1.FileFormat_FILE_FORMAT_CSV, ".csv")
	cancel := ui.NewButton(s.d.T("cancel"), "Esc", ui.Plain, func() { m.Close() })
	m = s.d.NewModal(s.d.T("customers.export.title"), 460, ui.Column(6, ui.Text(words, ui.SizeText, true, ui.ColorMuted), ui.Tight(ui.Words(s.d.T("customers.export.text")))),
		xlsx, cancel, csv, xlsx)
}

// segment goes on to a new segment of those whom search and filter mean.
func (s *List) segment() {
	c := s.filter.condition(strings.Fields(s.entry.Text))
	if c == nil {
		s.d.Warn(s.d.T("customers.segment.none"))
		return
	}
	s.d.Nav.Go(ui.Segments, ui.Arg(&mostradorv1.Segment{Condition: c}))
}

// condition says the filter, and the words that were searched for in names, as the condition of a segment.
func (f *filter) condition(words []string) *mostradorv1.Condition {
	all := &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ALL}
	add := func(term, operator string, operands ...string) {
		all.Conditions = append(all.Conditions, &mostradorv1.Condition{Term: term, Operator: operator, Operands: operands})
	}
	for _, word := range words {
		add("name", "contains", word)
	}
	for _, name := range f.now.Tags {
		add("tags", "has", name)
	}
	for _, name := range f.now.WithoutTags {
		add("tags", "has_not", name)
	}
	for _, id := range f.now.Segments {
		add("segments", "has", f.segmentName(id))
	}
	var states []string
	for _, state := range f.now.Consent {
		states = append(states, consentWords[state])
	}
	if len(states) > 0 {
		add("consent.promotions", "one_of", states...)
	}
	for _, channel := range f.now.Channels {
		add(map[mostradorv1.Filter_Channel]string{mostradorv1.Filter_CHANNEL_EMAIL: "email", mostradorv1.Filter_CHANNEL_SMS: "phone"}[channel], "filled")
	}
	if c := f.now.Condition; c != nil && c.Group == mostradorv1.Condition_GROUP_ALL {
		all.Conditions = append(all.Conditions, c.Conditions...)
	} else if c != nil {
		all.Conditions = append(all.Conditions, c)
	}
	if len(all.Conditions) == 0 {
		return nil
	}
	return all
}
