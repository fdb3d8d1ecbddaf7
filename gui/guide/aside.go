package guide

import (
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// newAside shows a setting whose plug-in is not there: what is kept for it, and a way to take that away for good.
func newAside(d *ui.Desk, setting *mostradorv1.Setting, gone func()) *editor {
	e := &editor{d: d, setting: setting, message: ui.Note("", widget.DangerImportance)}
	name := setting.Name
	if name == "" {
		name = setting.Key
	}
	box := ui.Column(8, ui.Tight(ui.Note(d.T("guide.aside"), widget.LowImportance)), ui.Tight(title(name)),
		ui.Caption("{"+setting.Key+"}   ·   "+d.T("guide.owner", "owner", e.owner())),
		notice(ui.ColorSoft, widget.MediumImportance, d.T("guide.aside.text", "owner", e.owner())), ui.Gap(2))
	for _, v := range setting.Values {
		words := ui.Words(show(d, setting, v.Value))
		if none(v.Value) { // of a secret
			words.SetText(masked)
		}
		box.Add(ui.Frame(12, nil, ui.Least(130, 0, ui.Row(0, ui.Text(place{v.Scope, v.Till}.name(d), ui.SizeCaption, true, ui.ColorMuted))),
			ui.Tight(words), nil, nil))
	}
	remove := ui.NewButton(d.T("guide.aside.remove"), "", ui.Danger, func() {
		d.Confirm(d.T("guide.aside.sure", "name", name), d.T("guide.aside.sure.text"), d.T("guide.aside.remove"), func() { e.forget(gone) })
	})
	e.focus = remove
	box.Add(ui.Least(0, 22, ui.Tight(e.message)))
	box.Add(ui.Row(8, remove))
	e.scroll = ui.Scrolled(ui.Frame(0, ui.Card("", box), nil, nil, nil, nil))
	e.content = e.scroll
	e.button, e.clear = ui.NewButton("", "", ui.Plain, nil), ui.NewButton("", "", ui.Plain, nil)
	e.button.Hide()
	e.clear.Hide()
	return e
}

// forget takes the values away, one scope after the other.
func (e *editor) forget(gone func()) {
	if len(e.setting.Values) == 0 {
		gone()
		return
	}
	v := e.setting.Values[0]
	req := &mostradorv1.SetSettingRequest{Key: e.setting.Key, Clear: true, Scope: v.Scope, Till: v.Till, Language: e.d.Model.Language()}
	ui.Ask(e.d, e.d.Model.Settings.Set, req, func(_ *mostradorv1.SetSettingResponse, err error) {
		if err != nil {
			e.say(Reasons(e.d, err))
			return
		}
		e.setting.Values = e.setting.Values[1:]
		e.forget(gone)
	})
}
