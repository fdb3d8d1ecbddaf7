package customers

import (
	"cmp"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/condition"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// filter is [Más filtros]: the window where they are set, and the chips that say which are in force and take them
// away. Each change counts at once, so that the window shows how many are left.
type filter struct {
	d       *ui.Desk
	changed func()
	chips   *fyne.Container
	now     *mostradorv1.Filter

	tags     []*mostradorv1.Tag
	segments []*mostradorv1.Segment
	terms    []*mostradorv1.Term
	newest   ui.Latest

	window *ui.Modal
	count  *fyne.Container
	total  string
}

func newFilter(d *ui.Desk, changed func()) *filter {
	f := &filter{d: d, changed: changed, chips: ui.Chips(), now: &mostradorv1.Filter{}}
	f.chips.Hide()
	return f
}

// load reads what can be chosen.
func (f *filter) load() {
	current := f.newest.Next()
	ui.Ask(f.d, f.d.Model.Tags.List, &mostradorv1.ListTagsRequest{}, func(res *mostradorv1.ListTagsResponse, err error) {
		if err == nil && current() {
			f.tags = res.Tags
		}
	})
	ui.Ask(f.d, f.d.Model.Segments.List, &mostradorv1.ListSegmentsRequest{}, func(res *mostradorv1.ListSegmentsResponse, err error) {
		if err == nil && current() {
			f.segments = res.Segments
			f.show()
		}
	})
	ui.Ask(f.d, f.d.Model.Segments.Terms, &mostradorv1.SegmentTermsRequest{}, func(res *mostradorv1.SegmentTermsResponse, err error) {
		if err == nil && current() {
			f.terms = res.Terms
			f.show()
		}
	})
}

// proto is the filter as the host reads it, or nil when nothing is asked.
func (f *filter) proto() *mostradorv1.Filter {
	if !f.any() {
		return nil
	}
	return proto.CloneOf(f.now)
}

// any tells whether anything is asked.
func (f *filter) any() bool { return proto.Size(f.now) > 0 }

// set puts another filter in force without telling anybody.
func (f *filter) set(now *mostradorv1.Filter) {
	f.now = proto.CloneOf(now)
	if f.now == nil {
		f.now = &mostradorv1.Filter{}
	}
	f.show()
}

// change changes the filter in force.
func (f *filter) change(do func(*mostradorv1.Filter)) {
	do(f.now)
	f.show()
	f.changed()
}

// found says in the window how many are left.
func (f *filter) found(total string) {
	f.total = total
	if f.count != nil {
		f.count.Objects = []fyne.CanvasObject{ui.Text(total, ui.SizeText, true, ui.ColorMuted)}
		f.count.Refresh()
	}
}

// chip is one filter in force, in words, and how it is taken away.
type chip struct {
	words string
	drop  func(*mostradorv1.Filter)
}

func without[T comparable](list []T, one T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(other T) bool { return other == one })
}

// inForce lists the filters in force.
func (f *filter) inForce() []chip {
	var all []chip
	add := func(key, name string, drop func(*mostradorv1.Filter)) {
		all = append(all, chip{f.d.T("customers.chip."+key, "name", name), drop})
	}
	for _, name := range f.now.Tags {
		add("tag", name, func(now *mostradorv1.Filter) { now.Tags = without(now.Tags, name) })
	}
	for _, name := range f.now.WithoutTags {
		add("without", name, func(now *mostradorv1.Filter) { now.WithoutTags = without(now.WithoutTags, name) })
	}
	for _, id := range f.now.Segments {
		add("segment", f.segmentName(id), func(now *mostradorv1.Filter) { now.Segments = without(now.Segments, id) })
	}
	for _, state := range f.now.Consent {
		add("consent", f.d.T("consent."+consentWords[state]), func(now *mostradorv1.Filter) { now.Consent = without(now.Consent, state) })
	}
	for _, channel := range f.now.Channels {
		add("channel", f.d.T("customers."+channel.String()), func(now *mostradorv1.Filter) { now.Channels = without(now.Channels, channel) })
	}
	for _, name := range f.now.Campaigns {
		add("campaign", name, func(now *mostradorv1.Filter) { now.Campaigns = without(now.Campaigns, name) })
	}
	if c := f.now.Condition; c != nil {
		if c.Group != mostradorv1.Condition_GROUP_ALL {
			add("condition", f.words(c), func(now *mostradorv1.Filter) { now.Condition = nil })
		} else {
			for i, one := range c.Conditions {
				add("condition", f.words(one), func(now *mostradorv1.Filter) {
					now.Condition.Conditions = slices.Delete(slices.Clone(now.Condition.Conditions), i, i+1)
					if len(now.Condition.Conditions) == 0 {
						now.Condition = nil
					}
				})
			}
		}
	}
	if f.now.Import != 0 {
		add("import", f.d.Text.Number(float64(f.now.Import)), func(now *mostradorv1.Filter) { now.Import = 0 })
	}
	return all
}

// consentWords are the keys of the states of consent.
var consentWords = map[plgv1.ConsentState]string{
	plgv1.ConsentState_CONSENT_STATE_GIVEN:     "given",
	plgv1.ConsentState_CONSENT_STATE_PENDING:   "pending",
	plgv1.ConsentState_CONSENT_STATE_WITHDRAWN: "withdrawn",
}

func (f *filter) segmentName(id uint32) string {
	for _, s := range f.segments {
		if s.Id == id {
			return s.Name
		}
	}
	return f.d.Text.Number(float64(id))
}

// words says a condition in a few words: "Ciudad es Bilbao", or how many there are in a group.
func (f *filter) words(c *mostradorv1.Condition) string {
	if c.Group != mostradorv1.Condition_GROUP_UNSPECIFIED {
		return f.d.T("customers.conditions", "n", len(c.Conditions))
	}
	term, operator, operands := c.Term, c.Operator, slices.Clone(c.Operands)
	for _, t := range f.terms {
		if t.Id != c.Term {
			continue
		}
		term = t.Name
		for _, op := range t.Operators {
			if op.Id == c.Operator {
				operator = op.Name
			}
		}
		for i, operand := range operands {
			if cmp.Or(t.Type, "") == "date" {
				operands[i] = ui.Day(operand)
			}
			for _, choice := range t.Choices {
				if choice.Value == operand {
					operands[i] = ui.Label(choice)
				}
			}
		}
	}
	return strings.Join([]string{term, operator, strings.Join(operands, ", ")}, " ")
}

// show draws the chips.
func (f *filter) show() {
	f.chips.RemoveAll()
	for _, c := range f.inForce() {
		f.chips.Add(ui.NewButton(c.words+"  ×", "", ui.Plain, func() { f.change(c.drop) }))
	}
	f.chips.Hidden = len(f.chips.Objects) == 0
	f.chips.Refresh()
}

// open shows the window of the filters.
func (f *filter) open() {
	if f.d.TopModal() != nil {
		return
	}
	d := f.d
	body := ui.Column(8)
	grown := func() {
		body.Refresh()
		if f.window != nil {
			f.window.Fit()
		}
	}
	with := f.names(d.T("customers.filter.tags"), d.T("customers.filter.tags.hint"), f.tagOptions,
		func() []string { return f.now.Tags }, func(now *mostradorv1.Filter, names []string) { now.Tags = names }, false, grown)
	no := f.names(d.T("customers.filter.without"), d.T("customers.filter.tags.hint"), f.tagOptions,
		func() []string { return f.now.WithoutTags }, func(now *mostradorv1.Filter, names []string) { now.WithoutTags = names }, false, grown)
	segments := f.names(d.T("customers.filter.segments"), d.T("customers.filter.segments.hint"), f.segmentOptions,
		func() []string {
			var names []string
			for _, id := range f.now.Segments {
				names = append(names, f.segmentName(id))
			}
			return names
		}, func(now *mostradorv1.Filter, names []string) {
			now.Segments = nil
			for _, s := range f.segments {
				if slices.Contains(names, s.Name) {
					now.Segments = append(now.Segments, s.Id)
				}
			}
		}, false, grown)
	campaigns := f.names(d.T("customers.filter.campaigns"), d.T("customers.filter.campaigns.hint"), func() []ui.Option { return nil },
		func() []string { return f.now.Campaigns }, func(now *mostradorv1.Filter, names []string) { now.Campaigns = names }, true, grown)
	body.Add(ui.Columns(16, []float32{1, 1}, with.box, no.box))
	body.Add(ui.Columns(16, []float32{1, 1}, segments.box, campaigns.box))
	body.Add(ui.Columns(16, []float32{1, 1}, f.consents(), f.channels()))
	body.Add(ui.Text(d.T("customers.filter.conditions"), ui.SizeCaption, true, ui.ColorMuted))
	editor := condition.New(d, f.terms)
	editor.Set(f.now.Condition)
	editor.OnGrown = grown
	editor.OnChanged = func() {
		if c := editor.Condition(); !proto.Equal(c, f.now.Condition) {
			f.change(func(now *mostradorv1.Filter) { now.Condition = c })
		}
	}
	body.Add(editor.Box)
	f.count = ui.Row(0)
	f.found(f.total)
	none := ui.NewButton(d.T("customers.filter.none"), "", ui.Plain, func() {
		f.window.Close()
		f.change(func(now *mostradorv1.Filter) { proto.Reset(now) })
	})
	shut := ui.NewButton(d.T("customers.filter.show"), "Esc", ui.Primary, func() { f.window.Close() })
	f.window = d.NewModal(d.T("customers.filters"), 800, ui.Frame(6, nil, nil, ui.Fold(ui.Pad(2, 0, body), 500), nil, f.count), with.suggest.Entry, none, shut)
	f.window.OnClose = func() { f.window, f.count = nil, nil }
	f.window.Fit()
}

// names is a box for any number of names: they are completed while they are typed, and stand below as chips.
type names struct {
	box     *fyne.Container
	suggest *ui.Suggest
}

func (f *filter) names(title, hint string, options func() []ui.Option, get func() []string, set func(*mostradorv1.Filter, []string), free bool, grown func()) *names {
	n := &names{suggest: ui.NewSuggestOf(hint, func() []ui.Option {
		return slices.DeleteFunc(options(), func(o ui.Option) bool { return slices.Contains(get(), o.Label) })
	})}
	chips := ui.Chips()
	var show func()
	put := func(list []string) {
		f.change(func(now *mostradorv1.Filter) { set(now, list) })
		show()
	}
	show = func() {
		chips.RemoveAll()
		for _, name := range get() {
			chips.Add(ui.NewButton(name+"  ×", "", ui.Plain, func() {
				put(without(get(), name))
				f.d.Window.Canvas().Focus(n.suggest.Entry)
			}))
		}
		chips.Hidden = len(chips.Objects) == 0
		grown()
	}
	n.suggest.OnGrown = grown
	n.suggest.OnTaken = func(o ui.Option) { put(append(slices.Clone(get()), o.Label)) }
	if free {
		n.suggest.OnEnter = func(typed string) {
			if typed = strings.TrimSpace(typed); typed != "" && !slices.Contains(get(), typed) {
				n.suggest.Entry.Quiet("")
				put(append(slices.Clone(get()), typed))
			}
		}
	}
	n.box = ui.Column(4, ui.Text(title, ui.SizeCaption, true, ui.ColorMuted), n.suggest.Box, chips)
	show()
	return n
}

func (f *filter) tagOptions() []ui.Option {
	var all []ui.Option
	for _, t := range f.tags {
		all = append(all, ui.Option{Value: t.Name, Label: t.Name, Detail: f.d.Count(int(t.Customers), false)})
	}
	return all
}

func (f *filter) segmentOptions() []ui.Option {
	var all []ui.Option
	for _, s := range f.segments {
		all = append(all, ui.Option{Value: s.Name, Label: s.Name, Detail: f.d.Count(int(s.Customers), false)})
	}
	return all
}

// consents are the boxes of the states of consent: any of those ticked.
func (f *filter) consents() fyne.CanvasObject {
	row := ui.Row(10)
	for _, state := range []plgv1.ConsentState{plgv1.ConsentState_CONSENT_STATE_GIVEN, plgv1.ConsentState_CONSENT_STATE_PENDING, plgv1.ConsentState_CONSENT_STATE_WITHDRAWN} {
		row.Add(f.tick(f.d.T("consent."+consentWords[state]), slices.Contains(f.now.Consent, state), func(now *mostradorv1.Filter, on bool) {
			if now.Consent = without(now.Consent, state); on {
				now.Consent = append(now.Consent, state)
			}
		}))
	}
	return ui.Column(0, ui.Text(f.d.T("customer.consent"), ui.SizeCaption, true, ui.ColorMuted), row)
}

// channels are the boxes of the ways in which a customer can be reached: all of those ticked.
func (f *filter) channels() fyne.CanvasObject {
	row := ui.Row(10)
	for _, channel := range []mostradorv1.Filter_Channel{mostradorv1.Filter_CHANNEL_EMAIL, mostradorv1.Filter_CHANNEL_SMS} {
		row.Add(f.tick(f.d.T("customers."+channel.String()), slices.Contains(f.now.Channels, channel), func(now *mostradorv1.Filter, on bool) {
			if now.Channels = without(now.Channels, channel); on {
				now.Channels = append(now.Channels, channel)
			}
		}))
	}
	return ui.Column(0, ui.Text(f.d.T("customers.filter.channels"), ui.SizeCaption, true, ui.ColorMuted), row)
}

func (f *filter) tick(text string, on bool, set func(*mostradorv1.Filter, bool)) *ui.Check {
	box := ui.NewCheck(text, nil)
	box.SetChecked(on)
	box.OnChanged = func(on bool) { f.change(func(now *mostradorv1.Filter) { set(now, on) }) }
	return box
}
