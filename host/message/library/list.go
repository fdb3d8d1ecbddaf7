package library

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/message"
)

// List returns all templates by theme and name, without their texts: those whose name, theme or subject has the words
// of text, or all. What people read is in the language lang.
func (s *Service) List(lang, text string) []*mostradorv1.Template {
	var list []*mostradorv1.Template
	words := strings.Fields(customer.Fold(text))
	for _, t := range s.all(lang) {
		said := t.GetName() + " " + t.GetTheme() + " " + t.GetId()
		for _, one := range t.Texts {
			one.Html, one.Text = "", ""
			said += " " + one.GetSubject()
		}
		said = customer.Fold(said)
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(said, word) }) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *mostradorv1.Template) int {
		return cmp.Or(cmp.Compare(customer.Fold(a.GetTheme()), customer.Fold(b.GetTheme())),
			cmp.Compare(customer.Fold(a.GetName()), customer.Fold(b.GetName())), cmp.Compare(a.GetId(), b.GetId()))
	})
	return list
}

// Get returns a template with its texts in force, or ErrNotFound.
func (s *Service) Get(id, lang string) (*mostradorv1.Template, error) {
	t := s.all(lang)[id]
	if t == nil {
		return nil, ErrNotFound
	}
	return t, nil
}

// all are the templates that there are, of the plug-ins and made here, as copies.
func (s *Service) all(lang string) map[string]*mostradorv1.Template {
	all := map[string]*mostradorv1.Template{}
	for _, b := range s.cfg.Brought(lang) {
		t := all[b.ID]
		if t == nil {
			t = &mostradorv1.Template{
				Id: b.ID, Name: fileName(b.ID), Theme: b.Theme, Kind: kindOf(0), Plugin: b.Plugin, Setting: b.Setting,
			}
			all[b.ID] = t
		}
		t.Texts = append(t.Texts, textOf(b.Source))
	}
	for id, e := range *s.now.Load() {
		t := proto.CloneOf(e.t)
		if brought := all[id]; brought != nil {
			t.Setting = brought.Setting
			for _, text := range brought.Texts { // in languages that nobody changed
				if _, changed := e.sources[text.Language]; !changed {
					t.Texts = append(t.Texts, text)
				}
			}
		}
		all[id] = t
	}
	for _, t := range all {
		slices.SortFunc(t.Texts, func(a, b *mostradorv1.TemplateText) int { return cmp.Compare(a.GetLanguage(), b.GetLanguage()) })
		t.UsedBy = s.cfg.UsedBy(t.Id)
	}
	return all
}

func textOf(source message.Source) *mostradorv1.TemplateText {
	return &mostradorv1.TemplateText{
		Language: source.Language, Html: source.HTML, Text: source.Text, Version: source.Version, Subject: message.Subject(source.HTML),
	}
}

// fileName is what a plug-in's template is called: its file's name, as words.
func fileName(id string) string {
	name := strings.TrimSuffix(path.Base(id), path.Ext(id))
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' }), " ")
	if name == "" {
		return id
	}
	runes := []rune(name)
	return strings.ToUpper(string(runes[:1])) + string(runes[1:])
}
