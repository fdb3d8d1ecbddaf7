// Package promotions is Mensajes > Promociones and Mensajes > Ofertas: the promotions of which each customer gets a code of
// his own, with how many were given and used, and the offers that messages show to whom they fit.
package promotions

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// list is what both screens are: a shelf, and a button for a new one.
type list[T any] struct {
	d       *ui.Desk
	content fyne.CanvasObject
	shelf   *ui.Shelf[T]
	fresh   *ui.Button
	create  func()
}

func newList[T any](d *ui.Desk, title, fresh string, config ui.ShelfConfig[T], create func()) *list[T] {
	s := &list[T]{d: d, create: create}
	s.shelf = ui.NewShelf(d, config)
	s.fresh = ui.NewButton(fresh, "F5", ui.Primary, s.begin)
	s.content = ui.Frame(12, ui.Row(8, ui.Title(title), ui.Spring(), s.fresh), nil, s.shelf.Box, nil, nil)
	return s
}

// Content implements ui.Screen.
func (s *list[T]) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *list[T]) Show(string) {
	s.fresh.SetEnabled(s.may())
	s.shelf.Appear()
}

// Hide implements ui.Screen.
func (s *list[T]) Hide() { s.shelf.Vanish() }

// Scanned implements ui.Screen.
func (s *list[T]) Scanned(string) {}

// Key implements ui.Screen.
func (s *list[T]) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF5:
		s.begin()
	case ev.Name == fyne.KeyEscape && s.shelf.Escape():
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *list[T]) Changed(c model.Change) {
	if c.Kind == model.StoreChanged && ui.OfCatalogue(c.Event.Kind) {
		s.shelf.Load(nil)
	}
}

func (s *list[T]) may() bool { return s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR) }

func (s *list[T]) begin() {
	if s.may() && s.d.TopModal() == nil {
		s.create()
	}
}

// Screen is the list of promotions.
type Screen struct {
	*list[*mostradorv1.Promotion]
}

var promotionWeights = []float32{24, 34, 12, 12, 18}

// New builds the screen of promotions.
func New(d *ui.Desk) *Screen {
	s := &Screen{}
	s.list = newList(d, d.T("area.promotions"), d.T("promotions.new"), ui.ShelfConfig[*mostradorv1.Promotion]{
		Hint: d.T("promotions.filter"), None: d.T("promotions.none"),
		Captions: ui.Captions(promotionWeights, d.T("promotions.name"), d.T("promotions.benefit"), d.T("promotions.issued"),
			d.T("promotions.redeemed"), d.T("promotions.until")),
		Row: newPromotionRow, Show: s.show, Open: s.edit,
		Words: func(p *mostradorv1.Promotion) string { return p.Id + " " + p.Name + " " + p.Benefit },
		Read: func(then func([]*mostradorv1.Promotion, error)) {
			ui.Ask(d, d.Model.Promotions.List, &mostradorv1.ListPromotionsRequest{}, func(res *mostradorv1.ListPromotionsResponse, err error) {
				then(res.GetPromotions(), err)
			})
		},
	}, func() { s.edit(&mostradorv1.Promotion{Days: 30}) })
	return s
}

// promotionRow is one promotion in the list.
type promotionRow struct {
	name, benefit, issued, redeemed *widget.Label
	until                           *ui.Badge
}

func newPromotionRow() fyne.CanvasObject {
	r := &promotionRow{name: ui.Cell(true), benefit: ui.Cell(false), issued: ui.Cell(false), redeemed: ui.Cell(false), until: ui.NewBadge(" ", ui.Quiet)}
	return ui.Hold(r, ui.Columns(4, promotionWeights, r.name, r.benefit, r.issued, r.redeemed, ui.Row(0, ui.Gap(9), r.until.Box)), 6)
}

func (s *Screen) show(p *mostradorv1.Promotion, o fyne.CanvasObject) {
	r := ui.Held[*promotionRow](o)
	r.name.SetText(p.Name)
	r.benefit.SetText(p.Benefit)
	r.issued.SetText(s.d.Text.Number(float64(p.Issued)))
	r.redeemed.SetText(s.d.Text.Number(float64(p.Redeemed)))
	switch {
	case p.Retired:
		r.until.Set(s.d.T("promotions.retired"), ui.Quiet)
	case p.Ends != nil:
		r.until.Set(s.d.T("promotions.ends", "day", s.d.Text.Date(p.Ends)), ui.Quiet)
	default:
		r.until.Set(s.d.T("promotions.running"), ui.Good)
	}
}

// Offers is the list of offers.
type Offers struct {
	*list[*mostradorv1.Offer]
}

var offerWeights = []float32{24, 34, 28, 14}

// NewOffers builds the screen of offers.
func NewOffers(d *ui.Desk) *Offers {
	s := &Offers{}
	s.list = newList(d, d.T("area.offers"), d.T("offers.new"), ui.ShelfConfig[*mostradorv1.Offer]{
		Hint: d.T("offers.filter"), None: d.T("offers.none"),
		Captions: ui.Captions(offerWeights, d.T("promotions.name"), d.T("offers.title"), d.T("offers.whom"), ""),
		Row:      newOfferRow, Show: s.show, Open: s.edit,
		Words: func(o *mostradorv1.Offer) string { return o.Id + " " + o.Name + " " + o.Title },
		Read: func(then func([]*mostradorv1.Offer, error)) {
			ui.Ask(d, d.Model.Promotions.Offers, &mostradorv1.ListOffersRequest{}, func(res *mostradorv1.ListOffersResponse, err error) {
				then(res.GetOffers(), err)
			})
		},
	}, func() { s.edit(&mostradorv1.Offer{Enabled: true}) })
	return s
}

// offerRow is one offer in the list.
type offerRow struct {
	name, title, whom *widget.Label
	on                *ui.Badge
}

func newOfferRow() fyne.CanvasObject {
	r := &offerRow{name: ui.Cell(true), title: ui.Cell(false), whom: ui.Cell(false), on: ui.NewBadge(" ", ui.Quiet)}
	return ui.Hold(r, ui.Columns(4, offerWeights, r.name, r.title, r.whom, ui.Row(0, ui.Gap(9), r.on.Box)), 6)
}

func (s *Offers) show(o *mostradorv1.Offer, object fyne.CanvasObject) {
	r := ui.Held[*offerRow](object)
	r.name.SetText(o.Name)
	r.title.SetText(o.Title)
	r.whom.SetText(s.whom(o))
	if o.Enabled {
		r.on.Set(s.d.T("offers.on"), ui.Good)
	} else {
		r.on.Set(s.d.T("offers.off"), ui.Quiet)
	}
}

// whom says in a few words whom an offer is for.
func (s *Offers) whom(o *mostradorv1.Offer) string {
	switch {
	case len(o.Bought) > 0:
		return s.d.T("offers.whom.bought", "what", o.Bought[0])
	case o.Expression != "":
		return o.Expression
	}
	return s.d.T("offers.whom.all")
}
