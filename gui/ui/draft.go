package ui

import (
	"google.golang.org/protobuf/proto"
)

// Draft is what the operator typed under a name and has not saved, or nil. Drafts last as long as the program: going
// to another screen, leaving the till to somebody else and the end of a session lose none.
func (d *Desk) Draft(name string) proto.Message { return d.drafts[d.draft(name)] }

// Keep keeps a draft, or forgets it when m is nil.
func (d *Desk) Keep(name string, m proto.Message) {
	if m == nil {
		delete(d.drafts, d.draft(name))
		return
	}
	if d.drafts == nil {
		d.drafts = map[string]proto.Message{}
	}
	d.drafts[d.draft(name)] = proto.Clone(m)
}

// draft is the name of a draft of who is signed in: nobody sees another's.
func (d *Desk) draft(name string) string { return d.Model.Operator().GetName() + "\x00" + name }

// Unsaved asks what is to become of what was typed and not saved, before it is left.
func (d *Desk) Unsaved(save, drop func()) {
	var m *Modal
	stay := NewButton(d.T("unsaved.stay"), "Esc", Plain, func() { m.Close() })
	out := NewButton(d.T("unsaved.discard"), "", Danger, func() { m.Close(); drop() })
	in := NewButton(d.T("save"), "", Primary, func() { m.Close(); save() })
	m = d.NewModal(d.T("unsaved.title"), 520, Words(d.T("unsaved.text")), in, stay, out, in)
}
