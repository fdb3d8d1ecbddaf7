package plugins

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

const (
	// packageLimit is the largest package that is read, in bytes.
	packageLimit = 256 << 20
	// changeLimit bounds one change of a plug-in: work under way is finished, records are migrated, and the new
	// version is given time to become healthy.
	changeLimit = 2 * time.Minute
	extension   = ".plg"
)

// pick asks for a package and inspects it.
func (s *Screen) pick() {
	if s.d.TopModal() == nil {
		s.d.ChooseFile(s.d.T("plugins.install.pick"), []string{extension}, s.inspect)
	}
}

// inspect reads a package and shows what it is, before anything is installed.
func (s *Screen) inspect(path string) {
	var data []byte
	s.d.Await(func(context.Context) (err error) {
		data, err = ui.ReadFile(path, packageLimit)
		return err
	}, func(err error) {
		switch {
		case errors.Is(err, ui.ErrTooLarge):
			s.d.Fail(s.d.T("plugins.install.large"))
			return
		case err != nil:
			s.d.Fail(s.d.T("file.failed"))
			return
		}
		ui.AskFor(s.d, changeLimit, s.d.Model.Plugins.Inspect, &mostradorv1.InspectRequest{Package: data}, func(res *mostradorv1.InspectResponse, err error) {
			if err != nil {
				s.refuse(err)
				return
			}
			s.consent(data, res)
		})
	})
}

// refuse says why something was not done, in a window of its own when there is more than one reason.
func (s *Screen) refuse(err error) {
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) < 2 {
		s.d.Fail(s.d.Explain(err))
		return
	}
	box := ui.Column(8)
	for _, diag := range diags {
		box.Add(tinted(diag))
	}
	s.window(s.d.T("plugins.refused"), 620, ui.Fold(box, 480))
}

// window shows something to read.
func (s *Screen) window(title string, width float32, content fyne.CanvasObject) *ui.Modal {
	var m *ui.Modal
	ok := ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { m.Close() })
	m = s.d.NewModal(title, width, content, ok, ok)
	m.Fit()
	return m
}

// consent shows who made a package, what it asks for and what stands against it. It is installed only after the
// person has said that this was read.
func (s *Screen) consent(data []byte, p *mostradorv1.InspectResponse) {
	d := s.d
	box := ui.Column(8, s.origin(p))
	if p.Description != "" {
		box.Add(ui.Tight(ui.Words(p.Description)))
	}
	refused := false
	for _, diag := range p.Diagnostics {
		box.Add(tinted(diag))
		refused = refused || diag.Severity == plgv1.Severity_SEVERITY_ERROR
	}
	box.Add(s.asked(p))
	if refused {
		s.window(d.T("plugins.install.title", "name", p.Name), 640, ui.Fold(box, 520))
		return
	}

	var m *ui.Modal
	var install *ui.Button
	var send func()
	failed := ui.Note("", widget.DangerImportance)
	failed.Hide()
	var needed []*ui.Check
	ready := func(bool) {
		all := !slices.ContainsFunc(needed, func(c *ui.Check) bool { return !c.Checked })
		install.SetEnabled(all)
	}
	need := func(text string) {
		c := ui.NewCheck(text, ready)
		c.OnEnter = func() { send() }
		needed = append(needed, c)
		box.Add(c)
	}
	box.Add(ui.Gap(1))
	if p.Downgrade {
		need(d.T("plugins.install.older", "version", p.InstalledVersion))
	}
	need(d.T("plugins.install.read"))
	enable := ui.NewCheck(d.T("plugins.install.enable"), nil)
	enable.SetChecked(p.InstalledVersion == "")
	enable.OnEnter = func() { send() }
	if p.InstalledVersion == "" {
		box.Add(enable)
	}
	box.Add(ui.Tight(failed))
	title, verb := d.T("plugins.install.title", "name", p.Name), d.T("plugins.install.do")
	if p.InstalledVersion != "" && !p.Downgrade {
		title, verb = d.T("plugins.upgrade.title", "name", p.Name), d.T("plugins.upgrade.do")
	}
	send = func() {
		if install.Disabled() {
			return
		}
		req := &mostradorv1.InstallRequest{Package: data, Digest: p.Digest, AllowDowngrade: p.Downgrade, Enable: enable.Checked}
		for _, permission := range p.Permissions {
			req.AcceptedPermissions = append(req.AcceptedPermissions, permission.Id)
		}
		install.SetText(d.T("plugins.install.wait"))
		install.Disable()
		m.Fit()
		ui.AskFor(d, changeLimit, d.Model.Plugins.Install, req, func(res *mostradorv1.InstallResponse, err error) {
			if err != nil {
				install.SetText(verb)
				install.Enable()
				failed.SetText(d.Explain(err))
				failed.Show()
				m.Fit()
				return
			}
			m.Close()
			s.installed(p, res)
		})
	}
	install = ui.NewButton(verb, "Enter", ui.Primary, func() { send() })
	install.Disable()
	m = d.NewModal(title, 640, ui.Fold(box, 560), needed[0], ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), install)
	m.Fit()
}

// installed shows the plug-in, and says when the store went back to the version before.
func (s *Screen) installed(p *mostradorv1.InspectResponse, res *mostradorv1.InstallResponse) {
	s.chosen = p.Id
	s.load()
	if s.shown {
		s.d.Window.Canvas().Focus(s.list)
	}
	if res.RolledBack != "" {
		text := ui.Words(res.RolledBack)
		text.Importance = widget.DangerImportance
		s.window(s.d.T("plugins.rolledback", "name", p.Name), 560, ui.Column(8,
			ui.Panel(ui.ColorBadBg, 8, ui.Pad(12, 7, ui.Tight(text))), ui.Tight(ui.Words(s.d.T("plugins.rolledback.text", "version", res.GetPlugin().GetVersion())))))
		return
	}
	s.d.Say(s.d.T("plugins.install.done", "name", p.Name, "version", p.Version))
}

// origin says which version this is, what it replaces, and who signed it.
func (s *Screen) origin(p *mostradorv1.InspectResponse) fyne.CanvasObject {
	badge, who := ui.NewBadge(s.d.T("plugins.signed"), ui.Good), s.d.T("plugins.signed.by", "name", p.Signer)
	switch {
	case p.Signer != "":
	case p.KeyId != "":
		badge, who = ui.NewBadge(s.d.T("plugins.untrusted"), ui.Bad), s.d.T("plugins.untrusted.key", "key", p.KeyId)
	default:
		badge, who = ui.NewBadge(s.d.T("plugins.unsigned"), ui.Bad), s.d.T("plugins.unsigned.text")
	}
	version := s.d.T("plugins.install.version", "version", p.Version)
	if p.InstalledVersion != "" {
		version = s.d.T("plugins.install.replaces", "version", p.Version, "old", p.InstalledVersion)
	}
	return ui.Panel(ui.ColorQuietBg, 8, ui.Pad(12, 9, ui.Column(5,
		ui.Row(8, ui.Text(p.Id, ui.SizeText, true, theme.ColorNameForeground), ui.Text(version, ui.SizeText, false, theme.ColorNameForeground)),
		ui.Frame(8, nil, ui.Row(0, badge.Box), ui.Tight(ui.Words(who)), nil, nil),
		ui.Caption(s.d.T("plugins.platforms", "list", strings.Join(p.Platforms, ", "))))))
}

// asked lists what a package asks for, what is new in it first.
func (s *Screen) asked(p *mostradorv1.InspectResponse) fyne.CanvasObject {
	box := ui.Column(7, ui.Text(s.d.T("plugins.asks"), ui.SizeText, true, theme.ColorNameForeground))
	added := func(q *mostradorv1.Permission) bool {
		return p.InstalledVersion != "" && slices.Contains(p.AddedPermissions, q.Id)
	}
	for _, fresh := range []bool{true, false} {
		for _, q := range p.Permissions {
			if added(q) == fresh {
				box.Add(s.permission(q, fresh))
			}
		}
	}
	switch {
	case len(p.Permissions) == 0:
		box.Add(ui.Text(s.d.T("plugins.may.nothing"), ui.SizeText, false, ui.ColorMuted))
	case p.InstalledVersion != "" && len(p.AddedPermissions) == 0:
		box.Add(ui.Tight(ui.Note(s.d.T("plugins.asks.same"), widget.LowImportance)))
	}
	return box
}
