package guide

import (
	"os"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// exts are the endings of files with settings.
var exts = []string{".yaml", ".yml"}

// write writes a file of this machine for its person alone, and says so.
func write(d *ui.Desk, path string, content []byte, done string) {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		d.Fail(d.T("guide.write.failed"))
		return
	}
	d.Say(done)
}

// export writes what is set to a file that people can read.
func (s *Screen) export() {
	if s.d.TopModal() != nil {
		return
	}
	d := s.d
	all := ui.NewCheck(d.T("guide.export.all"), nil)
	note := ui.Tight(ui.Note(d.T("guide.export.text"), widget.LowImportance))
	d.SaveFile(d.T("guide.export.title"), d.T("guide.export.name", "day", d.Clock().Format("2006-01-02")), ui.Column(6, all, note), func(path string) {
		req := &mostradorv1.ExportSettingsRequest{All: all.Checked, Language: d.Model.Language()}
		ui.Ask(d, d.Model.Settings.Export, req, func(res *mostradorv1.ExportSettingsResponse, err error) {
			if err != nil {
				d.Fail(d.Explain(err))
				return
			}
			done := d.T("guide.exported", "path", path)
			switch n := len(res.Secrets); {
			case n == 1:
				done += " " + d.T("guide.exported.secret")
			case n > 1:
				done += " " + d.T("guide.exported.secrets", "n", n)
			}
			write(d, path, []byte(res.File), done)
		})
	})
}

// take reads such a file, shows what it would change, and takes it over when the person says so.
func (s *Screen) take() {
	if s.d.TopModal() != nil {
		return
	}
	d := s.d
	d.ChooseFile(d.T("guide.import.title"), exts, func(path string) {
		file, err := ui.ReadFile(path, maxFile)
		if err != nil {
			d.Fail(d.T("guide.file.failed"))
			return
		}
		req := &mostradorv1.ImportSettingsRequest{File: string(file), Language: d.Model.Language()}
		ui.Ask(d, d.Model.Settings.Import, req, func(res *mostradorv1.ImportSettingsResponse, err error) {
			if err != nil {
				d.Fail(Reasons(d, err))
				return
			}
			s.differences(string(file), res)
		})
	})
}

// differences shows what a file would change, old and new, and what of it would be refused and why.
func (s *Screen) differences(file string, res *mostradorv1.ImportSettingsResponse) {
	d := s.d
	var m *ui.Modal
	refused := 0
	rows := ui.Column(0)
	for i, diff := range res.Differences {
		if i > 0 {
			rows.Add(widget.NewSeparator())
		}
		if diff.Refused != "" {
			refused++
		}
		rows.Add(ui.Pad(0, 7, s.difference(diff)))
	}
	bad := words(res.Diagnostics)
	answer := ui.Note(bad, widget.DangerImportance)
	sum := d.T("guide.import.many", "n", len(res.Differences))
	switch {
	case bad != "":
		sum = d.T("guide.import.bad")
	case len(res.Differences) == 0:
		sum = d.T("guide.import.same")
	case refused == 1:
		sum = d.T("guide.import.refused")
	case refused > 1:
		sum = d.T("guide.import.refused.n", "n", refused)
	case len(res.Differences) == 1:
		sum = d.T("guide.import.one")
	}
	var apply *ui.Button
	apply = ui.NewButton(d.T("guide.import.apply"), "", ui.Primary, func() {
		apply.Disable()
		req := &mostradorv1.ImportSettingsRequest{File: file, Apply: true, Language: d.Model.Language()}
		ui.Ask(d, d.Model.Settings.Import, req, func(res *mostradorv1.ImportSettingsResponse, err error) {
			if err != nil {
				answer.SetText(Reasons(d, err))
				m.Fit()
				return
			}
			m.Close()
			if !res.Applied { // something else changed meanwhile
				s.differences(file, res)
				return
			}
			d.Say(d.T("guide.imported"))
			s.again()
		})
	})
	cancel := ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() })
	first := apply
	if bad != "" || refused > 0 || len(res.Differences) == 0 {
		apply.Hide()
		cancel.SetText(d.T("close"))
		first = cancel
	}
	body := ui.Column(8, ui.Tight(ui.Words(sum)))
	if bad != "" {
		body.Add(ui.Tight(answer))
	} else {
		body.Add(answer)
	}
	if len(res.Differences) > 0 {
		body.Add(widget.NewSeparator())
		body.Add(ui.Least(0, min(430, rows.MinSize().Height+4), container.NewVScroll(ui.Pad(0, 0, rows))))
	}
	answer.Hidden = bad == ""
	m = d.NewModal(d.T("guide.import.preview"), 800, body, first, cancel, apply)
}

// difference is one value that a file would change: what it is, and from what to what.
func (s *Screen) difference(diff *mostradorv1.SettingDifference) fyne.CanvasObject {
	d := s.d
	setting := s.known[diff.Key]
	name := ui.Cell(true)
	name.SetText(diff.Name)
	if diff.Name == "" {
		name.SetText(diff.Key)
	}
	about := ui.Caption("{" + diff.Key + "}   ·   " + place{diff.Scope, diff.Till}.name(d))
	left := ui.Column(2, ui.Tight(name), about)
	right := change(d, setting, diff.From, diff.To)
	row := ui.Columns(16, []float32{10, 11}, left, right)
	if diff.Refused == "" {
		return row
	}
	return ui.Column(4, row, ui.Tight(ui.Note(d.T("guide.import.why", "why", diff.Refused), widget.DangerImportance)))
}

// inline is how long two values may be to stand beside one another, in characters; longer ones are cut to columns.
const inline = 40

// change shows an old value, an arrow, and the new one; colours have their patch.
func change(d *ui.Desk, setting *mostradorv1.Setting, from, to *structpb.Value) fyne.CanvasObject {
	line := func(v *structpb.Value) string {
		if none(v) {
			return d.T("guide.scope.none")
		}
		return short(show(d, setting, v))
	}
	old, now := line(from), line(to)
	fits := len([]rune(old))+len([]rune(now)) <= inline
	side := func(text, colour string, weight widget.Importance) fyne.CanvasObject {
		words := ui.Cell(weight == widget.MediumImportance)
		words.Text, words.Importance = text, weight
		if fits {
			words.Truncation = fyne.TextTruncateOff
		}
		if setting.GetType() == "color" && colour != "" {
			return ui.Frame(8, nil, ui.NewSwatch(20, colour).Box, ui.Tight(words), nil, nil)
		}
		return ui.Tight(words)
	}
	arrow := canvas.NewImageFromResource(theme.Current().Icon(theme.IconNameNavigateNext))
	arrow.FillMode = canvas.ImageFillContain
	left, right := side(old, text(from), widget.LowImportance), side(now, text(to), widget.MediumImportance)
	if fits {
		return ui.Row(6, left, ui.Least(16, 16, arrow), right)
	}
	return ui.Columns(6, []float32{10, 1, 10}, left, ui.Least(16, 16, arrow), right)
}
