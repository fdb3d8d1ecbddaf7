package promotions

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// form asks for the fields of a promotion or an offer.
type form struct {
	d      *ui.Desk
	modal  *ui.Modal
	fields map[string]*ui.Field
	rest   *widget.Label
	save   *ui.Button
	asking bool
	put    func()
}

func newForm(d *ui.Desk) *form {
	return &form{d: d, fields: map[string]*ui.Field{}, rest: ui.Note("", widget.DangerImportance)}
}

// ask makes the field of a path.
func (f *form) ask(path, label string, q ui.Question) fyne.CanvasObject {
	q.Label = label
	field := ui.NewQuestion(f.d, q, f.submit)
	f.fields[path] = field
	return field.Box
}

// open shows the form; other are buttons beside [Guardar].
func (f *form) open(title string, editable bool, first string, content fyne.CanvasObject, other ...fyne.CanvasObject) {
	d := f.d
	f.save = ui.NewButton(d.T("save"), "Enter", ui.Primary, f.submit)
	f.save.SetEnabled(editable)
	buttons := append(other, ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { f.modal.Close() }), f.save)
	f.modal = d.NewModal(title, 720, ui.Column(4, content, ui.Tight(f.rest)), f.fields[first].Input.Focus, buttons...)
}

// text is what was put into a field; "" for one that the form does not have.
func (f *form) text(path string) string {
	field := f.fields[path]
	if field == nil {
		return ""
	}
	value, err := field.Input.Value()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(value)
}

// day is a day that was put in, as its first moment at this till.
func (f *form) day(path string) *timestamppb.Timestamp {
	at, err := time.ParseInLocation(time.DateOnly, f.text(path), time.Local)
	if err != nil {
		return nil
	}
	return timestamppb.New(at)
}

// dayOf is the counterpart of day.
func dayOf(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format(time.DateOnly)
}

func (f *form) submit() {
	if f.asking || f.save.Disabled() {
		return
	}
	f.rest.SetText("")
	for _, path := range order {
		field := f.fields[path]
		if field == nil {
			continue
		}
		if _, err := field.Input.Value(); err != nil {
			field.Say(err.Error())
			f.d.Window.Canvas().Focus(field.Input.Focus)
			return
		}
	}
	f.asking = true
	f.save.Disable()
	f.put()
}

// order is in which fields are looked at.
var order = []string{
	"id", "name", "benefit", "days", "starts", "ends", "title", "text", "title_en", "text_en", "url", "image", "action",
	"bought", "article", "expression", "promotion", "priority",
}

// done ends a call: it says what is wrong at its field, or closes the form.
func (f *form) done(err error, then func()) {
	f.asking = false
	f.save.Enable()
	if err == nil {
		f.modal.Close()
		then()
		return
	}
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		f.rest.SetText(f.d.Explain(err))
	}
	for _, diag := range slices.Backward(diags) {
		if field := f.fields[diag.Path]; field != nil {
			field.Say(ui.Sentence(diag))
			f.d.Window.Canvas().Focus(field.Input.Focus)
			continue
		}
		f.rest.SetText(strings.TrimSpace(ui.Sentence(diag) + " " + f.rest.Text))
	}
	f.modal.Fit()
}

// edit opens the form of a promotion; one without an id is new.
func (s *Screen) edit(p *mostradorv1.Promotion) {
	d, f := s.d, newForm(s.d)
	fresh := p.Id == ""
	days := strconv.Itoa(int(p.Days))
	left := ui.Column(2,
		f.ask("name", d.T("promotions.name"), ui.Question{Type: "text", Value: p.Name, Required: true}),
		f.ask("benefit", d.T("promotions.benefit"), ui.Question{Type: "text", Value: p.Benefit, Required: true, Help: d.T("promotions.benefit.help")}),
		f.ask("id", d.T("promotions.id"), ui.Question{Type: "text", Value: p.Id, Required: true, Locked: !fresh, Help: d.T("promotions.id.help")}))
	right := ui.Column(2,
		f.ask("days", d.T("promotions.days"), ui.Question{Type: "integer", Value: days, Help: d.T("promotions.days.help")}),
		f.ask("starts", d.T("promotions.starts"), ui.Question{Type: "date", Value: dayOf(p.Starts)}),
		f.ask("ends", d.T("promotions.until"), ui.Question{Type: "date", Value: dayOf(p.Ends)}))
	f.put = func() {
		put := &mostradorv1.Promotion{
			Id: f.text("id"), Name: f.text("name"), Benefit: f.text("benefit"), Retired: p.Retired,
			Starts: f.day("starts"), Ends: f.day("ends"),
		}
		n, _ := strconv.Atoi(f.text("days"))
		put.Days = int32(n)
		s.put(f, put, fresh)
	}
	var other []fyne.CanvasObject
	title := d.T("promotions.title.new")
	if !fresh {
		title = p.Name
		word := d.T("promotions.retire")
		if p.Retired {
			word = d.T("promotions.restore")
		}
		retire := ui.NewButton(word, "", ui.Plain, func() {
			put := proto.CloneOf(p)
			put.Retired = !p.Retired
			s.put(f, put, false)
		})
		retire.SetEnabled(s.may())
		other = append(other, retire)
	}
	f.open(title, s.may(), "name", ui.Columns(18, []float32{1, 1}, left, right), other...)
}

func (s *Screen) put(f *form, p *mostradorv1.Promotion, create bool) {
	req := &mostradorv1.PutPromotionRequest{Promotion: p, Create: create}
	ui.Ask(s.d, s.d.Model.Promotions.Put, req, func(res *mostradorv1.PutPromotionResponse, err error) {
		f.done(err, func() {
			s.d.Say(s.d.T("promotions.saved", "name", res.GetPromotion().GetName()))
			s.shelf.Filter.Quiet("")
			s.shelf.Load(func(o *mostradorv1.Promotion) bool { return o.Id == p.Id })
		})
	})
}

// edit opens the form of an offer, once it is known which promotions there are; one without an id is new.
func (s *Offers) edit(o *mostradorv1.Offer) {
	ui.Ask(s.d, s.d.Model.Promotions.List, &mostradorv1.ListPromotionsRequest{}, func(res *mostradorv1.ListPromotionsResponse, err error) {
		switch {
		case !s.shelf.Visible() || s.d.TopModal() != nil:
		case err != nil:
			s.d.Fail(s.d.Explain(err))
		default:
			s.fill(o, res.GetPromotions())
		}
	})
}

func (s *Offers) fill(o *mostradorv1.Offer, promotions []*mostradorv1.Promotion) {
	d, f := s.d, newForm(s.d)
	fresh := o.Id == ""
	var choices []*mostradorv1.Choice
	for _, p := range promotions {
		if !p.Retired || p.Id == o.Promotion {
			choices = append(choices, &mostradorv1.Choice{Value: p.Id, Label: p.Name})
		}
	}
	seen := ui.Column(2,
		f.ask("name", d.T("promotions.name"), ui.Question{Type: "text", Value: o.Name, Required: true}),
		f.ask("id", d.T("promotions.id"), ui.Question{Type: "text", Value: o.Id, Required: true, Locked: !fresh, Help: d.T("promotions.id.help")}),
		f.ask("title", d.T("offers.title"), ui.Question{Type: "text", Value: o.Title, Required: true}),
		f.ask("text", d.T("offers.text"), ui.Question{Type: "long_text", Value: o.Text}),
		ui.Columns(12, []float32{1, 1},
			f.ask("url", d.T("offers.url"), ui.Question{Type: "text", Value: o.Url}),
			f.ask("action", d.T("offers.action"), ui.Question{Type: "text", Value: o.Action})))
	whom := ui.Column(2,
		f.ask("bought", d.T("offers.bought"), ui.Question{Type: "text", Value: strings.Join(o.Bought, "; "), Help: d.T("offers.bought.help")}),
		f.ask("article", d.T("offers.article"), ui.Question{Type: "text", Value: o.Article, Help: d.T("offers.article.help")}),
		f.ask("expression", d.T("offers.expression"), ui.Question{Type: "text", Value: o.Expression, Help: d.T("offers.expression.help")}),
		f.ask("promotion", d.T("offers.promotion"), ui.Question{Type: "choice", Value: o.Promotion, Choices: choices}),
		ui.Columns(12, []float32{1, 1},
			f.ask("starts", d.T("promotions.starts"), ui.Question{Type: "date", Value: dayOf(o.Starts)}),
			f.ask("ends", d.T("promotions.until"), ui.Question{Type: "date", Value: dayOf(o.Ends)})))
	f.put = func() {
		put := proto.CloneOf(o)
		put.Id, put.Name, put.Title, put.Text = f.text("id"), f.text("name"), f.text("title"), f.text("text")
		put.Url, put.Action, put.Article = f.text("url"), f.text("action"), f.text("article")
		put.Bought = strings.Split(f.text("bought"), ";")
		put.Expression, put.Promotion = f.text("expression"), f.text("promotion")
		put.Starts, put.Ends = f.day("starts"), f.day("ends")
		s.put(f, put, fresh)
	}
	title := d.T("offers.title.new")
	var other []fyne.CanvasObject
	if !fresh {
		title = o.Name
		word := d.T("offers.switch.on")
		if o.Enabled {
			word = d.T("offers.switch.off")
		}
		remove := ui.NewButton(d.T("offers.delete"), "", ui.Danger, func() { s.remove(f, o) })
		flip := ui.NewButton(word, "", ui.Plain, func() {
			put := proto.CloneOf(o)
			put.Enabled = !o.Enabled
			s.put(f, put, false)
		})
		remove.SetEnabled(s.may())
		flip.SetEnabled(s.may())
		other = append(other, remove, flip)
	}
	f.open(title, s.may(), "name", ui.Columns(18, []float32{1, 1}, seen, whom), other...)
}

func (s *Offers) put(f *form, o *mostradorv1.Offer, create bool) {
	req := &mostradorv1.PutOfferRequest{Offer: o, Create: create}
	ui.Ask(s.d, s.d.Model.Promotions.PutOffer, req, func(res *mostradorv1.PutOfferResponse, err error) {
		f.done(err, func() {
			s.d.Say(s.d.T("promotions.saved", "name", res.GetOffer().GetName()))
			s.shelf.Filter.Quiet("")
			s.shelf.Load(func(other *mostradorv1.Offer) bool { return other.Id == o.Id })
		})
	})
}

func (s *Offers) remove(f *form, o *mostradorv1.Offer) {
	d := s.d
	d.Confirm(d.T("offers.delete.title", "name", o.Name), d.T("offers.delete.text"), d.T("offers.delete"), func() {
		ui.Ask(d, d.Model.Promotions.DeleteOffer, &mostradorv1.DeleteOfferRequest{Id: o.Id}, func(_ *mostradorv1.DeleteOfferResponse, err error) {
			f.done(err, func() {
				d.Say(d.T("offers.deleted", "name", o.Name))
				s.shelf.Load(nil)
			})
		})
	})
}
