package transfer

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

var (
	encodings  = []string{"utf-8", "utf-16le", "utf-16be", "windows-1252", "windows-1251"}
	separators = []string{",", ";", "\t", "|"}
	policies   = []mostradorv1.DuplicatePolicy{
		mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_UPDATE, mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_FILL,
		mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_SKIP, mostradorv1.DuplicatePolicy_DUPLICATE_POLICY_REFUSE,
	}
	// coreTargets are where a column can go beside the store's own fields.
	coreTargets = []string{"name", "phone", "email", "language", "cards", "tags", "number", "id", "consent.state", "consent.when", "consent.means", "consent.text"}
)

// columns is the step that says how a file is read and where its columns go.
type columns struct {
	s       *Screen
	i       *mostradorv1.Import
	box     *fyne.Container
	reading *fyne.Container
	grid    *fyne.Container
	targets []*ui.Select
	paths   []string
	names   []string
	policy  *ui.Select
	country *ui.Field
	tags    *ui.Field
	tell    *ui.Check
	note    *widget.Label
	next    *ui.Button
	asking  bool
}

func (s *Screen) openColumns(i *mostradorv1.Import) {
	d := s.d
	c := &columns{s: s, i: i, reading: ui.Row(10), grid: ui.Column(6), note: ui.Note("", widget.WarningImportance)}
	s.columns, s.rows = c, nil
	c.policy = ui.NewSelect(d.T("choose"), nil, nil)
	for _, p := range policies {
		c.policy.Options = append(c.policy.Options, d.T("transfer."+p.String()))
	}
	c.policy.SetSelectedIndex(max(0, slices.Index(policies, i.Duplicates)))
	c.country = ui.NewField(d.T("transfer.country"), ui.NewEntry(d.Model.Status().Country, func(string) { c.plan() }))
	c.country.Entry.SetText(i.Country)
	c.tags = ui.NewField(d.T("transfer.tags"), ui.NewEntry(d.T("transfer.tags.hint"), func(string) { c.plan() }))
	c.tags.Entry.SetText(strings.Join(i.Tags, ", "))
	c.tell = ui.NewCheck(d.T("transfer.announce"), nil)
	c.tell.SetChecked(i.Announce)
	c.next = ui.NewButton(d.T("transfer.plan"), "F5", ui.Primary, c.plan)
	head := ui.Row(8, ui.Column(0, ui.Caption(d.T("transfer.step.columns")), ui.Title(i.FileName)), ui.Spring(),
		ui.NewButton(d.T("transfer.back"), "Esc", ui.Plain, s.back), c.next)
	options := ui.Column(8,
		ui.Column(3, ui.Text(d.T("transfer.policy"), ui.SizeCaption, true, ui.ColorMuted), ui.Boxed(c.policy)),
		ui.Columns(14, []float32{70, 30}, c.tags.Box, c.country.Box), c.tell,
		ui.Tight(ui.Note(d.T("transfer.announce.text"), widget.LowImportance)),
		ui.Tight(ui.Note(d.T("transfer.consent.text"), widget.LowImportance)))
	body := ui.Columns(16, []float32{60, 40}, ui.Card("", ui.Frame(10, ui.Column(8, c.reading, ui.Tight(c.note)), nil, ui.Scrolled(c.grid), nil, nil)), ui.Card(d.T("transfer.options"), options))
	c.box = ui.Frame(12, head, nil, body, nil, nil)
	s.view(c.box, c.policy)
	c.fields()
}

// fields asks for the data model, and shows the columns with what they can go to.
func (c *columns) fields() {
	d := c.s.d
	c.paths, c.names = []string{""}, []string{d.T("transfer.target.none")}
	for _, path := range coreTargets {
		c.paths = append(c.paths, path)
		c.names = append(c.names, d.T("transfer.target."+path))
	}
	ui.Ask(d, d.Model.Fields.List, &mostradorv1.ListFieldsRequest{}, func(res *mostradorv1.ListFieldsResponse, err error) {
		if c.s.columns != c {
			return
		}
		for _, f := range res.GetFields() {
			if f.Origin != mostradorv1.FieldOrigin_FIELD_ORIGIN_CORE && !f.Retired {
				c.paths = append(c.paths, "fields."+f.Id)
				c.names = append(c.names, f.Name)
			}
		}
		c.show()
		if err != nil {
			d.Fail(d.Explain(err))
		}
	})
}

// show draws how the file is read and its columns.
func (c *columns) show() {
	d := c.s.d
	c.reading.RemoveAll()
	r := c.i.Reading
	pick := func(name string, options []string, now string, say func(string) string, set func(*mostradorv1.Reading, string)) {
		var shown []string
		for _, option := range options {
			shown = append(shown, say(option))
		}
		choice := ui.NewSelect(d.T("choose"), shown, nil)
		choice.SetSelectedIndex(slices.Index(options, now))
		choice.OnChanged = func(string) {
			reading := &mostradorv1.Reading{Format: r.GetFormat(), Encoding: r.GetEncoding(), Separator: r.GetSeparator(), Sheet: r.GetSheet(), Heading: r.Heading}
			set(reading, options[max(0, choice.SelectedIndex())])
			c.read(reading)
		}
		c.reading.Add(ui.Column(3, ui.Text(name, ui.SizeCaption, true, ui.ColorMuted), ui.Least(150, 0, ui.Boxed(choice))))
	}
	same := func(text string) string { return text }
	if r.GetFormat() == mostradorv1.FileFormat_FILE_FORMAT_XLSX {
		pick(d.T("transfer.sheet"), c.i.Sheets, r.GetSheet(), same, func(to *mostradorv1.Reading, v string) { to.Sheet = v })
	} else {
		pick(d.T("transfer.encoding"), encodings, r.GetEncoding(), same, func(to *mostradorv1.Reading, v string) { to.Encoding = v })
		pick(d.T("transfer.separator"), separators, r.GetSeparator(), func(v string) string { return d.T("transfer.separator." + separatorName(v)) },
			func(to *mostradorv1.Reading, v string) { to.Separator = v })
	}
	yes := []string{"true", "false"}
	pick(d.T("transfer.heading"), yes, map[bool]string{true: "true", false: "false"}[r.GetHeading()], func(v string) string { return d.T(map[string]string{"true": "yes", "false": "no"}[v]) },
		func(to *mostradorv1.Reading, v string) { heading := v == "true"; to.Heading = &heading })

	c.grid.RemoveAll()
	c.targets = nil
	for _, column := range c.i.Columns {
		target := ui.NewSelect(d.T("choose"), c.names, nil)
		target.SetSelectedIndex(max(0, slices.Index(c.paths, column.Target)))
		c.targets = append(c.targets, target)
		name := ui.Cell(true)
		name.SetText(column.Name)
		samples := ui.Cell(false)
		samples.SetText(strings.Join(column.Samples, " · "))
		why := ""
		if column.Guessed != "" {
			why = d.T("transfer.guessed." + column.Guessed)
		}
		c.grid.Add(ui.Columns(10, []float32{24, 40, 36}, name, samples, ui.Column(0, ui.Boxed(target), ui.Caption(why))))
	}
	c.box.Refresh()
}

func separatorName(v string) string {
	return map[string]string{",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[v]
}

func (c *columns) say(diags []*plgv1.Diagnostic) {
	c.note.SetText(sentences(diags))
	c.box.Refresh()
}

// read has the store read the file in another way.
func (c *columns) read(reading *mostradorv1.Reading) {
	d := c.s.d
	ui.Ask(d, d.Model.Transfers.Read, &mostradorv1.ReadRequest{Id: c.i.Id, Reading: reading}, func(res *mostradorv1.ReadResponse, err error) {
		if c.s.columns != c {
			return
		}
		if err != nil {
			c.refused(err)
			return
		}
		c.i = res.Import
		c.say(res.Diagnostics)
		c.show()
	})
}

func (c *columns) refused(err error) {
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		c.s.d.Fail(c.s.d.Explain(err))
		return
	}
	c.say(diags)
}

// plan begins the dry run.
func (c *columns) plan() {
	if c.asking {
		return
	}
	d := c.s.d
	i := &mostradorv1.Import{Id: c.i.Id, Duplicates: policies[max(0, c.policy.SelectedIndex())], Country: c.country.Value(), Announce: c.tell.Checked, Match: c.i.Match}
	for _, tag := range strings.Split(c.tags.Entry.Text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			i.Tags = append(i.Tags, tag)
		}
	}
	for at, column := range c.i.Columns {
		i.Columns = append(i.Columns, &mostradorv1.Column{Name: column.Name, Target: c.paths[max(0, c.targets[at].SelectedIndex())], Format: column.Format})
	}
	c.asking = true
	c.next.Disable()
	ui.Ask(d, d.Model.Transfers.Plan, &mostradorv1.PlanRequest{Import: i}, func(res *mostradorv1.PlanResponse, err error) {
		c.asking = false
		c.next.Enable()
		if c.s.columns != c {
			return
		}
		if err != nil {
			c.refused(err)
			return
		}
		c.s.openRows(res.Import)
	})
}
