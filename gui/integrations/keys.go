package integrations

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

var keyWeights = []float32{26, 26, 16, 16, 16}

// keyRow is one key in the list.
type keyRow struct {
	name, types, created, used *widget.Label
	state                      *ui.Badge
}

func (s *Screen) newKeys() *ui.Shelf[*mostradorv1.IntegrationKey] {
	d := s.d
	return ui.NewShelf(d, ui.ShelfConfig[*mostradorv1.IntegrationKey]{
		Hint: d.T("integrations.key.filter"), None: d.T("integrations.key.none"),
		Captions: ui.Captions(keyWeights, d.T("integrations.name"), d.T("integrations.may"), d.T("integrations.created"), d.T("integrations.used"), d.T("rules.state")),
		Row: func() fyne.CanvasObject {
			r := &keyRow{ui.Cell(true), ui.Cell(false), ui.Cell(false), ui.Cell(false), ui.NewBadge(" ", ui.Quiet)}
			return ui.Hold(r, ui.Columns(4, keyWeights, r.name, r.types, r.created, r.used, ui.Row(0, ui.Gap(9), r.state.Box)), 6)
		},
		Show: func(k *mostradorv1.IntegrationKey, o fyne.CanvasObject) {
			r := ui.Held[*keyRow](o)
			r.name.SetText(k.Name)
			r.types.SetText(allowed(d, k.Types))
			r.created.SetText(d.Text.Date(k.Created))
			r.used.SetText(d.Text.Date(k.LastUsed))
			if k.Revoked {
				r.state.Set(d.T("integrations.revoked"), ui.Bad)
			} else {
				r.state.Set(d.T("integrations.valid"), ui.Good)
			}
		},
		Words: func(k *mostradorv1.IntegrationKey) string { return k.Name + " " + strings.Join(k.Types, " ") },
		Read: func(then func([]*mostradorv1.IntegrationKey, error)) {
			ui.Ask(d, d.Model.Integrations.Keys, &mostradorv1.ListKeysRequest{}, func(res *mostradorv1.ListKeysResponse, err error) { then(res.GetKeys(), err) })
		},
		Open: s.revoke,
	})
}

// allowed are the events that a key may tell.
func allowed(d *ui.Desk, types []string) string {
	if len(types) == 0 {
		return d.T("integrations.all")
	}
	return strings.Join(types, ", ")
}

// revoke takes a key back, once somebody says so.
func (s *Screen) revoke(k *mostradorv1.IntegrationKey) {
	d := s.d
	if k.Revoked {
		d.Warn(d.T("integrations.revoked.already", "name", k.Name))
		return
	}
	text := d.T("integrations.revoke.text", "name", k.Name, "who", k.Actor.GetOperator(), "when", d.Text.Date(k.Created))
	d.Confirm(d.T("integrations.revoke"), text, d.T("integrations.revoke"), func() {
		ui.Ask(d, d.Model.Integrations.RevokeKey, &mostradorv1.RevokeKeyRequest{Id: k.Id}, func(_ *mostradorv1.RevokeKeyResponse, err error) {
			if err != nil {
				d.Fail(d.Explain(err))
				return
			}
			d.Say(d.T("integrations.revoked.done", "name", k.Name))
			s.keys.Load(nil)
		})
	})
}

// createKey asks for a name and what the key may tell, and shows it once.
func (s *Screen) createKey() {
	d := s.d
	ui.Ask(d, d.Model.Integrations.Types, &mostradorv1.ListEventTypesRequest{}, func(res *mostradorv1.ListEventTypesResponse, err error) {
		if err != nil {
			d.Fail(d.Explain(err))
			return
		}
		if d.TopModal() != nil {
			return
		}
		var types []*mostradorv1.Choice
		for _, t := range res.Types {
			types = append(types, &mostradorv1.Choice{Value: t.Type, Label: typeName(d, t)})
		}
		var m *ui.Modal
		var send func()
		name := ui.NewField(d.T("integrations.name"), ui.NewEntry(d.T("integrations.key.hint"), func(string) { send() }))
		may := ui.NewQuestion(d, ui.Question{Type: "choice", Many: true, Label: d.T("integrations.may"), Help: d.T("integrations.may.help"), Choices: types}, func() { send() })
		button := ui.NewButton(d.T("integrations.key.make"), "Enter", ui.Primary, func() { send() })
		send = func() {
			if button.Disabled() {
				return
			}
			if name.Value() == "" {
				name.Say(d.T("action.missing.value"))
				d.Window.Canvas().Focus(name.Entry)
				return
			}
			button.Disable()
			req := &mostradorv1.CreateKeyRequest{Name: name.Value(), Types: strings.FieldsFunc(may.Value(), func(r rune) bool { return r == '\n' })}
			ui.Ask(d, d.Model.Integrations.CreateKey, req, func(res *mostradorv1.CreateKeyResponse, err error) {
				button.Enable()
				if err != nil {
					name.Say(d.Explain(err))
					return
				}
				m.Close()
				s.keys.Load(func(k *mostradorv1.IntegrationKey) bool { return k.Id == res.Key.GetId() })
				secret(d, d.T("integrations.key.of", "name", res.Key.GetName()), d.T("integrations.key.once"), res.Secret)
			})
		}
		m = d.NewModal(d.T("integrations.key.new"), 520, ui.Column(6, name.Box, may.Box), name.Entry, ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), button)
	})
}
