package guide

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/gui/ui"
)

// country is one that can be chosen.
type country struct{ code, name string }

// countries are those of ISO 3166, named in a language and in its order.
func countries(lang string) []country {
	tag := language.Make(lang)
	names := display.Regions(tag)
	var all []country
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			region, err := language.ParseRegion(code)
			if err != nil || !region.IsCountry() || region.String() != code || region.Canonicalize() != region {
				continue
			}
			if name := names.Name(region); name != "" && name != code {
				all = append(all, country{code, name})
			}
		}
	}
	order := collate.New(tag)
	slices.SortFunc(all, func(a, b country) int {
		return cmp.Or(order.CompareString(a.name, b.name), cmp.Compare(a.code, b.code))
	})
	return all
}

// countryName is the name of a country's code, or the code when it is none.
func countryName(lang, code string) string {
	if region, err := language.ParseRegion(code); err == nil && region.IsCountry() {
		return display.Regions(language.Make(lang)).Name(region)
	}
	return code
}

// plain is text without accents and upper case, for searching.
func plain(s string) string {
	out, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn))), s)
	if err != nil {
		out = s
	}
	return strings.ToLower(strings.TrimSpace(out))
}

// matching are the countries whose name has a word that begins with query, or whose code it is; all for "".
func matching(all []country, query string) []country {
	query = plain(query)
	var found []country
	for _, c := range all {
		name := plain(c.name)
		if strings.EqualFold(c.code, query) {
			found = append([]country{c}, found...)
		} else if strings.HasPrefix(name, query) || strings.Contains(name, " "+query) {
			found = append(found, c)
		}
	}
	return found
}

// country is a search over the countries' names with the hits below: Enter keeps the first of them; Down goes
// into the list, where Enter takes the one under the highlight.
func (e *editor) country() fyne.CanvasObject {
	d := e.d
	all := countries(d.Model.Language())
	chosen := e.setting.Value.GetStringValue()
	found := all
	name := func(code string) string { return countryName(d.Model.Language(), code) }
	search := ui.NewEntry(d.T("guide.country"), func(string) { e.save() })
	var list *ui.List
	take := func(i int) {
		if i >= len(found) {
			return
		}
		chosen = found[i].code
		e.dirty = true
		e.message.SetText("")
		search.Quiet(found[i].name)
		d.Window.Canvas().Focus(search)
	}
	list = ui.NewList(func() int { return len(found) }, func() fyne.CanvasObject { return ui.Cell(false) },
		func(i int, o fyne.CanvasObject) {
			if i < len(found) {
				o.(*widget.Label).SetText(found[i].name + "  (" + found[i].code + ")")
			}
		}, take)
	list.OnTop = func() { d.Window.Canvas().Focus(search) }
	mark := func() {
		list.UnselectAll()
		if search.Text != "" && len(found) > 0 {
			list.Mark(0) // what Enter keeps
		} else if i := slices.IndexFunc(found, func(c country) bool { return c.code == chosen }); i >= 0 {
			list.Mark(i)
			list.ScrollTo(i)
		}
	}
	search.OnChanged = func(text string) {
		e.dirty = true
		e.message.SetText("")
		found = matching(all, text)
		list.Refresh()
		list.ScrollToTop()
		mark()
	}
	search.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(found) > 0 {
			d.Window.Canvas().Focus(list)
			return true
		}
		return false
	}
	e.placed = mark // a list scrolls to a row only once it has its height
	e.focus = search
	e.value = func() (*structpb.Value, error) {
		if search.Text != "" && search.Text != name(chosen) {
			if len(found) == 0 {
				return nil, errors.New(d.T("guide.country.none"))
			}
			return structpb.NewStringValue(found[0].code), nil
		}
		return structpb.NewStringValue(chosen), nil
	}
	return ui.Column(6, search, ui.Least(0, 230, list))
}
