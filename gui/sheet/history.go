package sheet

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// historyPage is how many entries are read at a time.
const historyPage = 100

// kinds are the kinds of entries that the history can be narrowed to, behind everything.
var kinds = []string{"all", "change", "consent", "sale", "message", "segment", "tag", "import", "merge", "note"}

// history is the tab Historial: what became of the customer, newest first, by kind and field; beside the list stand
// the details of the entry under the highlight: what changed from what to what, by whom and by which way in.
type history struct {
	d       *ui.Desk
	id      string
	content *fyne.Container
	kind    *ui.Select
	field   *ui.Select
	fields  []string // paths, in the order of the choice
	list    *ui.LongList
	none    *fyne.Container
	detail  *fyne.Container
	entries []*mostradorv1.HistoryEntry
	next    string
	loading bool
	newest  ui.Latest
}

func newHistory(d *ui.Desk) *history {
	h := &history{d: d, fields: []string{""}}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = d.T("history.kind." + kind)
	}
	h.kind = ui.NewSelect("", names, nil)
	h.kind.SetSelectedIndex(0)
	h.kind.OnChanged = func(string) { h.load() }
	h.field = ui.NewSelect("", []string{d.T("history.fields")}, nil)
	h.field.SetSelectedIndex(0)
	h.field.OnChanged = func(string) { h.load() }
	h.list = ui.NewLongList(40, func() int { return len(h.entries) }, func() fyne.CanvasObject {
		when, what := ui.Cell(false), ui.Cell(false)
		when.Importance = widget.LowImportance
		kind := ui.NewBadge(" ", ui.Quiet)
		return container.New(&entryRow{when, what, kind}, ui.Frame(4, nil, ui.Exactly(154, when), what, ui.Row(0, kind.Box), nil))
	}, h.update, h.open)
	h.list.OnMove = h.details
	h.none = container.NewCenter(ui.Text(d.T("sheet.history.none"), ui.SizeText, false, ui.ColorMuted))
	h.detail = ui.Column(6)
	filters := ui.Row(8, ui.Exactly(220, ui.Boxed(h.kind)), ui.Exactly(220, ui.Boxed(h.field)))
	list := ui.Card("", ui.Frame(8, filters, nil, container.NewStack(h.list, h.none), nil, nil))
	h.content = ui.Columns(14, []float32{64, 36}, list, ui.Card(d.T("history.details"), ui.Scrolled(h.detail)))
	return h
}

// entryRow holds the cells of one row.
type entryRow struct {
	when, what *widget.Label
	kind       *ui.Badge
}

// MinSize implements fyne.Layout.
func (*entryRow) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize() }

// Layout implements fyne.Layout.
func (*entryRow) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (h *history) update(i int, o fyne.CanvasObject) {
	e, row := h.entries[i], o.(*fyne.Container).Layout.(*entryRow)
	row.when.Text, row.what.Text = h.d.Text.DateTime(e.Time), e.Summary
	row.kind.Set(h.kindName(e.Kind), ui.Quiet)
	o.Refresh()
	if i == len(h.entries)-1 && h.next != "" && !h.loading {
		h.more()
	}
}

func (h *history) kindName(kind string) string {
	if h.d.Text.Has("history.one." + kind) {
		return h.d.T("history.one." + kind)
	}
	return kind
}

// open shows a message in the outbox, for those who may go there.
func (h *history) open(i int) {
	h.details(i)
	if e := h.entries[i]; e.MessageId != "" && h.d.Model.May(mostradorv1.Role_ROLE_OPERATOR) {
		h.d.Nav.Go(ui.Outbox, e.MessageId)
	}
}

// of begins the history of a customer.
func (h *history) of(id string) {
	h.id, h.entries, h.next = id, nil, ""
}

// name takes over the fields that the history can be narrowed to.
func (h *history) name(fields []*mostradorv1.FieldState) {
	labels, paths := []string{h.d.T("history.fields")}, []string{""}
	for _, f := range fields {
		labels, paths = append(labels, f.Label), append(paths, path(f.Id))
	}
	if len(paths) != len(h.fields) {
		h.field.Options, h.fields = labels, paths
		h.field.Refresh()
	}
}

func (h *history) request(page string) *mostradorv1.HistoryRequest {
	req := &mostradorv1.HistoryRequest{CustomerId: h.id, Limit: historyPage, Page: page, Field: h.fields[max(0, min(h.field.SelectedIndex(), len(h.fields)-1))]}
	if i := h.kind.SelectedIndex(); i > 0 {
		req.Kinds = []string{kinds[i]}
	}
	return req
}

// load reads the newest entries again.
func (h *history) load() { h.read("", func(list []*mostradorv1.HistoryEntry) { h.entries = list }) }

func (h *history) more() {
	h.read(h.next, func(list []*mostradorv1.HistoryEntry) { h.entries = append(h.entries, list...) })
}

func (h *history) read(page string, put func([]*mostradorv1.HistoryEntry)) {
	if h.id == "" {
		return
	}
	current := h.newest.Next()
	h.loading = true
	ui.Ask(h.d, h.d.Model.Records.History, h.request(page), func(res *mostradorv1.HistoryResponse, err error) {
		if !current() {
			return
		}
		h.loading = false
		if err != nil {
			h.d.Fail(h.d.Explain(err))
			return
		}
		put(res.Entries)
		h.next = res.NextPage
		h.none.Hidden = len(h.entries) > 0
		h.list.Refresh()
		h.details(min(h.list.Row(), len(h.entries)-1))
		h.content.Refresh()
	})
}

// stop lets no answer in any more.
func (h *history) stop() { h.newest.Next(); h.loading = false }

// details shows one entry whole.
func (h *history) details(i int) {
	h.detail.RemoveAll()
	if i < 0 || i >= len(h.entries) {
		h.detail.Refresh()
		return
	}
	d, e := h.d, h.entries[i]
	h.detail.Add(ui.Tight(ui.Words(e.Summary)))
	for _, change := range e.Changes {
		h.detail.Add(ui.Column(0, ui.Text(label(change), ui.SizeCaption, true, ui.ColorMuted),
			ui.Tight(ui.Words(d.T("history.change", "from", orEmpty(d, change.From), "to", orEmpty(d, change.To))))))
	}
	say := func(name, text string) {
		if text != "" {
			h.detail.Add(ui.Column(0, ui.Caption(name), ui.Tight(ui.Words(text))))
		}
	}
	say(d.T("history.when"), d.Text.DateTime(e.Time))
	say(d.T("history.who"), e.Actor.GetOperator())
	say(d.T("history.way"), e.Way)
	say(d.T("billing.receipt"), e.Receipt)
	if e.MessageId != "" {
		h.detail.Add(ui.Row(0, ui.NewButton(d.T("history.message"), "Enter", ui.Plain, func() { h.open(i) })))
	}
	h.detail.Refresh()
}

func label(change *mostradorv1.LabelledChange) string {
	if change.Label != "" {
		return change.Label
	}
	return change.Field
}

func orEmpty(d *ui.Desk, text string) string {
	if strings.TrimSpace(text) == "" {
		return d.T("history.nothing")
	}
	return text
}

// MessageState is the word and tone for a message's state.
func MessageState(d *ui.Desk, state mostradorv1.MessageState) (string, ui.Tone) {
	tone := ui.Quiet
	switch state {
	case mostradorv1.MessageState_MESSAGE_STATE_SENT:
		tone = ui.Good
	case mostradorv1.MessageState_MESSAGE_STATE_FAILED:
		tone = ui.Bad
	case mostradorv1.MessageState_MESSAGE_STATE_QUEUED, mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED:
		tone = ui.Warn
	}
	return d.T("message." + state.String()), tone
}
