package message

import (
	"cmp"
	"errors"
	"html"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Known is what is known of a customer beyond himself when a mail to him is written. What is nil is unknown.
type Known struct {
	Facts *plgv1.Facts
	// Sales are his, newest first.
	Sales []*plgv1.Sale
	// Offers are those that fit him, best first, and Code is his code of the message's promotion.
	Offers []*mostradorv1.ChosenOffer
	Code   *mostradorv1.PromoCode
}

// MaxSales is how many purchases a template sees.
const MaxSales = 10

// view is what a template sees; its fields are the variables' names.
type view struct {
	Cliente customerView
	Compras []saleView
	Resumen summaryView
	Puntos  figure
	Medidas map[string]figure
	// Codigo is a promotion's, for this customer alone; CodigoVence is its last day and Beneficio what it is worth.
	Codigo, CodigoVence, Beneficio string
	Ofertas                        []offerView
	Tienda                         storeView
	Enlaces                        map[string]string
	Datos                          map[string]any
	Politica                       template.HTML

	budget budget
}

type customerView struct {
	Nombre, PrimerNombre, Apellidos, Correo, Telefono, Direccion, Usuario, Tarjeta string
	Numero                                                                         string
	Campos                                                                         map[string]string
}

type saleView struct {
	Recibo, Fecha string
	// Total is in the minor unit of the currency, for dinero.
	Total  int64
	Lineas []lineView
}

type lineView struct {
	Articulo, Nombre string
	Cantidad         figure
	Importe          int64
}

type summaryView struct {
	Compras         uint64
	Gastado         int64
	Primera, Ultima string
}

type offerView struct {
	Titulo, Texto, Imagen, Enlace, Boton, Codigo string
}

type storeView struct {
	Nombre string
}

// figure is a number that is written with its digits, never as 1e+06.
type figure float64

func (n figure) String() string { return strconv.FormatFloat(float64(n), 'f', -1, 64) }

// What a template may cost: how many nodes may be gone through within its ranges, and how long it may take.
const (
	maxSteps  = 200_000
	maxRender = 3 * time.Second
)

// errTooMuch says that a template goes through its lists for too long.
var errTooMuch = errors.New("the mail takes too long to write")

// budget is what is left to one rendering.
type budget struct {
	steps int
	until time.Time
}

// Paso is called by every turn of a {{range}} with the number of its nodes. It prints nothing.
func (v *view) Paso(nodes int) (bool, error) {
	v.budget.steps -= nodes
	if v.budget.steps < 0 || time.Now().After(v.budget.until) {
		return false, errTooMuch
	}
	return false, nil
}

// newView is what the template of a message sees. A customer may be nil: then the mail is to an address only.
// So may known.
func newView(m *mostradorv1.Message, c *plgv1.Customer, set Settings, known *Known) *view {
	lang := languageOf(c, set)
	v := &view{
		Cliente: newCustomerView(m, c),
		Tienda:  storeView{Nombre: set.StoreName},
		Enlaces: links(m, set),
		Datos:   map[string]any{},
		Codigo:  m.GetPromoCode(),
	}
	v.Politica = policy(set, lang)
	if m.Data != nil {
		v.Datos = m.Data.AsMap()
		left := maxValues
		for name, value := range v.Datos {
			v.Datos[name] = shorten(value, &left)
		}
	}
	if known != nil {
		v.know(known, lang)
	}
	return v
}

func newCustomerView(m *mostradorv1.Message, c *plgv1.Customer) customerView {
	first, rest := firstName(c.GetName()), ""
	if at := strings.Index(c.GetName(), first); at >= 0 {
		rest = strings.TrimSpace(c.GetName()[at+len(first):])
	}
	v := customerView{
		Nombre: c.GetName(), PrimerNombre: first, Apellidos: rest, Correo: m.GetTo(), Telefono: c.GetPhone(),
		Campos: c.GetFields(),
	}
	v.Apellidos = cmp.Or(v.Campos["apellidos"], rest)
	v.Direccion = cmp.Or(v.Campos["direccion"], v.Campos["address"])
	v.Usuario = cmp.Or(v.Campos["usuario"], v.Campos["user_name"])
	if c.GetNumber() > 0 {
		v.Numero = strconv.FormatUint(c.GetNumber(), 10)
	}
	if cards := c.GetCards(); len(cards) > 0 {
		v.Tarjeta = cards[0]
	}
	if slices.ContainsFunc(keys(v.Campos), func(name string) bool { return secret(name, true) }) {
		public := map[string]string{}
		for name, value := range v.Campos {
			if !secret(name, true) {
				public[name] = value
			}
		}
		v.Campos = public
	}
	return v
}

func keys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	return names
}

// know adds what is known of the customer.
func (v *view) know(k *Known, lang string) {
	f := k.Facts
	v.Resumen = summaryView{
		Compras: f.GetPurchases(), Gastado: f.GetSpentMinor(), Primera: stamp(f.GetFirstPurchase()), Ultima: stamp(f.GetLastPurchase()),
	}
	v.Medidas = make(map[string]figure, len(f.GetMeasures()))
	for name, value := range f.GetMeasures() {
		v.Medidas[name] = figure(value)
	}
	v.Puntos = v.Medidas["puntos"]
	for _, sale := range k.Sales[:min(len(k.Sales), MaxSales)] {
		s := saleView{Recibo: sale.GetReceipt(), Fecha: stamp(sale.GetTime()), Total: sale.GetTotal().GetMinor()}
		for _, line := range sale.GetLines()[:min(len(sale.GetLines()), maxElements)] {
			s.Lineas = append(s.Lineas, lineView{
				Articulo: line.GetArticle(), Nombre: line.GetName(), Cantidad: figure(line.GetQuantity()), Importe: line.GetMinor(),
			})
		}
		v.Compras = append(v.Compras, s)
	}
	v.Codigo = cmp.Or(k.Code.GetCode(), v.Codigo)
	v.CodigoVence, v.Beneficio = stamp(k.Code.GetExpires()), k.Code.GetBenefit()
	for _, chosen := range k.Offers {
		o := chosen.GetOffer()
		offer := offerView{Titulo: o.GetTitle(), Texto: o.GetText(), Imagen: o.GetImage(), Enlace: o.GetUrl(), Boton: o.GetAction()}
		if base, _, _ := strings.Cut(lang, "-"); base == "en" {
			offer.Titulo = cmp.Or(o.GetTitleEn(), offer.Titulo)
			offer.Texto = cmp.Or(o.GetTextEn(), offer.Texto)
			offer.Boton = cmp.Or(o.GetActionEn(), offer.Boton)
		}
		if o.GetPromotion() != "" && o.GetPromotion() == k.Code.GetPromotion() {
			offer.Codigo = k.Code.GetCode()
		}
		v.Ofertas = append(v.Ofertas, offer)
	}
}

// stamp is a time as functions of templates take it: RFC 3339, in the store's zone; "" for none.
func stamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().In(time.Local).Format(time.RFC3339)
}

// pages are where links lead on the web pages.
var pages = map[plgv1.Link_Kind]string{
	plgv1.Link_KIND_ACTIVATION:  "/a/",
	plgv1.Link_KIND_OPT_OUT:     "/b/",
	plgv1.Link_KIND_PREFERENCES: "/p/",
	plgv1.Link_KIND_REASON:      "/m/",
	plgv1.Link_KIND_ONCE:        "/u/",
}

// links returns the address behind every link of a message.
func links(m *mostradorv1.Message, set Settings) map[string]string {
	addresses := map[string]string{LinkActivate: "", LinkOptOut: "", LinkPreferences: "", LinkReason: "", LinkOnce: ""}
	for name, link := range m.Links {
		if address := linkAddress(link, m.Tokens[name], set); address != "" {
			addresses[name] = address
		}
	}
	return addresses
}

// linkAddress is where a link of a message leads; "" for nowhere.
func linkAddress(link *plgv1.Link, token string, set Settings) string {
	page := pages[link.GetKind()]
	if page == "" || token == "" {
		return ""
	}
	return strings.TrimRight(set.WebAddress, "/") + page + token
}

// optOut returns the address of the message's opt-out link, whatever its name, or "".
func optOut(m *mostradorv1.Message, set Settings) string {
	for name, link := range m.Links {
		if link.GetKind() == plgv1.Link_KIND_OPT_OUT {
			return linkAddress(link, m.Tokens[name], set)
		}
	}
	return ""
}

func firstName(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return first
}

// languageOf is the language that a customer is written to.
func languageOf(c *plgv1.Customer, set Settings) string {
	if c.GetLanguage() != "" {
		return c.GetLanguage()
	}
	if set.Language != "" {
		return set.Language
	}
	return "es"
}

// policy is the text of data handling as HTML, in a language or else the store's.
func policy(set Settings, lang string) template.HTML {
	text := set.Policy[lang]
	if text == "" {
		base, _, _ := strings.Cut(lang, "-")
		text = set.Policy[base]
	}
	if text == "" {
		text = set.Policy[set.Language]
	}
	text = html.EscapeString(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n"))
	return template.HTML(strings.ReplaceAll(text, "\n", "<br>\n"))
}

// What of a plugin's data a template sees: the longest list and text, and how many values in all.
const (
	maxElements = 1000
	maxText     = 16 << 10
	maxValues   = 20_000
)

// shorten cuts the lists and texts in a plugin's data, and makes its numbers such that are written out.
func shorten(value any, left *int) any {
	if *left--; *left < 0 {
		return nil
	}
	switch v := value.(type) {
	case float64:
		return figure(v)
	case string:
		if len(v) > maxText {
			v = strings.ToValidUTF8(v[:maxText], "")
		}
		return v
	case []any:
		if len(v) > maxElements {
			v = v[:maxElements]
		}
		for i := range v {
			v[i] = shorten(v[i], left)
		}
		return v
	case map[string]any:
		for name := range v {
			v[name] = shorten(v[name], left)
		}
	}
	return value
}
