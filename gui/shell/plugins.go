package shell

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/contribution"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// place is the place of the menu's buttons in manifests.
const place = "menu"

// extras is what plug-ins bring into the menu: their buttons, and the notice that some of them run from the
// development folder, which stands on every screen.
type extras struct {
	d           *ui.Desk
	buttons     *contribution.Actions
	actions     *fyne.Container
	development *fyne.Container
	names       *widget.Label
	newest      ui.Latest
}

func newExtras(d *ui.Desk) *extras {
	e := &extras{d: d, buttons: contribution.NewActions(d, ui.Nav), actions: ui.Column(1), names: ui.Note("", widget.WarningImportance)}
	e.buttons.Done = e.load
	title := ui.Text(d.T("shell.development"), ui.SizeCaption, true, theme.ColorNameWarning)
	e.development = ui.Panel(ui.ColorWarnBg, 8, ui.Pad(18, 8, ui.Column(2, title, ui.Tight(e.names))))
	e.actions.Hide()
	e.development.Hide()
	return e
}

// changed hears what may bring other buttons.
func (e *extras) changed(kind mostradorv1.WatchResponse_Kind) {
	switch kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_PLUGIN, mostradorv1.WatchResponse_KIND_SETTING:
		e.load()
	}
}

func (e *extras) load() {
	current := e.newest.Next()
	req := &mostradorv1.ContributionsRequest{Place: place, Language: e.d.Model.Language()}
	ui.Ask(e.d, e.d.Model.Plugins.Contributions, req, func(res *mostradorv1.ContributionsResponse, err error) {
		if err != nil || !current() {
			return // the screens say what is wrong
		}
		e.show(res)
	})
}

func (e *extras) show(res *mostradorv1.ContributionsResponse) {
	e.actions.RemoveAll()
	if len(res.Actions) > 0 {
		e.actions.Add(ui.Gap(8))
		e.actions.Add(ui.Pad(18, 4, ui.Text(e.d.T("menu.actions"), ui.SizeCaption, true, ui.ColorMuted)))
	}
	for _, a := range res.Actions {
		e.actions.Add(e.buttons.Button(a))
		if !a.Enabled && a.Reason != "" {
			e.actions.Add(ui.Pad(18, 0, ui.Tight(ui.Note(a.Reason, widget.LowImportance))))
		}
	}
	e.actions.Hidden = len(res.Actions) == 0
	e.names.SetText(strings.Join(res.Development, ", "))
	e.development.Hidden = len(res.Development) == 0
	if content := e.d.Window.Canvas().Content(); content != nil {
		content.Refresh()
	}
}
