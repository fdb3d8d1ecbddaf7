package ui

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

// CountryName is the name of a country's code in a language, or the code when it is none.
func CountryName(lang, code string) string {
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

// country is a search over the countries' names: Enter keeps the first hit, and Up and Down go through the hits.
// The hit is named below, or stands in a list of all when that is Open.
func (in *Input) country(d *Desk, spec Spec) {
	all := countries(d.Model.Language())
	found, at, chosen := all, 0, ""
	e := NewEntry("", nil)
	in.line(e, or(spec.Hint, d.T("input.country")))
	named := func() bool { return chosen != "" && e.Text == CountryName(d.Model.Language(), chosen) }
	take := func(c country) {
		chosen = c.code
		e.Quiet(c.name)
		in.changed()
	}
	in.Value = func() (string, error) {
		text := strings.TrimSpace(e.Text)
		switch {
		case named(), text == "" && spec.Open:
			return chosen, nil
		case text == "":
			return "", nil
		case len(found) == 0:
			return "", errors.New(d.T("input.country.none"))
		}
		return found[at].code, nil
	}
	if spec.Open {
		in.countryList(d, e, all, &found, &chosen, take)
		return
	}
	below := Note("", widget.LowImportance)
	tell := func() {
		text := ""
		switch {
		case named():
			text = chosen
		case strings.TrimSpace(e.Text) == "":
		case len(found) == 0:
			text = d.T("input.country.none")
		default:
			text = d.T("input.country.hit", "name", found[at].name, "code", found[at].code)
		}
		below.SetText(text)
	}
	e.OnChanged = func(text string) {
		found, at = matching(all, text), 0
		tell()
		in.changed()
	}
	e.OnKey = func(ev *fyne.KeyEvent) bool {
		step := map[fyne.KeyName]int{fyne.KeyUp: -1, fyne.KeyDown: 1}[ev.Name]
		if step == 0 || len(found) == 0 {
			return step != 0
		}
		if named() {
			found = all
			at = slices.IndexFunc(all, func(c country) bool { return c.code == chosen })
			at = (at + step + len(all)) % len(all)
			take(all[at])
		} else {
			at = (at + step + len(found)) % len(found)
		}
		tell()
		return true
	}
	e.OnLeave = func() {
		if strings.TrimSpace(e.Text) != "" && !named() && len(found) > 0 {
			take(found[at])
			tell()
		}
	}
	in.Box = Column(4, e, Tight(below))
	in.Set = func(value string) {
		chosen = value
		e.Quiet("")
		if value != "" {
			e.Quiet(CountryName(d.Model.Language(), value))
		}
		tell()
	}
}

// countryList shows the hits below the box: Down goes into the list, where Enter takes the one under the highlight.
func (in *Input) countryList(d *Desk, e *Entry, all []country, found *[]country, chosen *string, take func(country)) {
	list := NewList(func() int { return len(*found) }, func() fyne.CanvasObject { return Cell(false) },
		func(i int, o fyne.CanvasObject) {
			if i < len(*found) {
				o.(*widget.Label).SetText((*found)[i].name + "  (" + (*found)[i].code + ")")
			}
		}, func(i int) {
			if i < len(*found) {
				take((*found)[i])
				d.Window.Canvas().Focus(e)
			}
		})
	list.OnTop = func() { d.Window.Canvas().Focus(e) }
	mark := func() {
		list.UnselectAll()
		if e.Text != "" && len(*found) > 0 {
			list.Mark(0) // what Enter keeps
		} else if i := slices.IndexFunc(*found, func(c country) bool { return c.code == *chosen }); i >= 0 {
			list.Mark(i)
			list.ScrollTo(i)
		}
	}
	e.OnChanged = func(text string) {
		*found = matching(all, text)
		list.Refresh()
		list.ScrollToTop()
		mark()
		in.changed()
	}
	e.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(*found) > 0 {
			d.Window.Canvas().Focus(list)
			return true
		}
		return false
	}
	in.OnPlaced = mark // a list scrolls to a row only once it has its height
	in.Box = Column(6, e, Least(0, 230, list))
	in.Set = func(value string) {
		*chosen = value
		e.Quiet("")
		*found = all
		list.Refresh()
		mark()
	}
}
