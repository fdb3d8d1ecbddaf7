package message

import (
	"fmt"
	"html"
	"html/template"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// view is what a template sees; its fields are the variables' names.
type view struct {
	Cliente  customerView
	Tienda   storeView
	Enlaces  map[string]string
	Datos    map[string]any
	Politica template.HTML
}

type customerView struct {
	Nombre, PrimerNombre, Correo, Telefono string
}

type storeView struct {
	Nombre string
}

// newView is what the template of a message sees. A customer may be nil: then the mail is to an address only.
func newView(m *mostradorv1.Message, c *plgv1.Customer, set Settings) view {
	v := view{
		Cliente: customerView{
			Nombre: c.GetName(), PrimerNombre: firstName(c.GetName()),
			Correo: m.To, Telefono: c.GetPhone(),
		},
		Tienda:   storeView{Nombre: set.StoreName},
		Enlaces:  links(m, set),
		Datos:    map[string]any{},
		Politica: policy(set, languageOf(c, set)),
	}
	if m.Data != nil {
		v.Datos = m.Data.AsMap()
		for name, value := range v.Datos {
			v.Datos[name] = shorten(value)
		}
	}
	return v
}

// sampleView is a customer who does not exist, for the check of templates.
func sampleView() view {
	return view{
		Cliente: customerView{
			Nombre: "María José Pérez Núñez", PrimerNombre: "María",
			Correo: "maria@example.com", Telefono: "+34600111222",
		},
		Tienda:   storeView{Nombre: "Mostrador"},
		Enlaces:  map[string]string{LinkActivate: "https://example.com/a/x", LinkOptOut: "https://example.com/b/x", LinkPreferences: "https://example.com/p/x", LinkReason: "https://example.com/m/x", LinkOnce: "https://example.com/u/x"},
		Datos:    map[string]any{},
		Politica: "…",
	}
}

// links returns the address behind every link of a message.
func links(m *mostradorv1.Message, set Settings) map[string]string {
	pages := map[plgv1.Link_Kind]string{
		plgv1.Link_KIND_ACTIVATION: "/a/",
		plgv1.Link_KIND_OPT_OUT:    "/b/",

		plgv1.Link_KIND_PREFERENCES: "/p/",
		plgv1.Link_KIND_REASON:      "/m/",
		plgv1.Link_KIND_ONCE:        "/u/",
	}
	addresses := map[string]string{LinkActivate: "", LinkOptOut: "", LinkPreferences: "", LinkReason: "", LinkOnce: ""}
	for name, link := range m.Links {
		if page, token := pages[link.GetKind()], m.Tokens[name]; page != "" && token != "" {
			addresses[name] = strings.TrimRight(set.WebAddress, "/") + page + token
		}
	}
	return addresses
}

// optOut returns the address of the message's opt-out link, whatever its name, or "".
func optOut(m *mostradorv1.Message, set Settings) string {
	addresses := links(m, set)
	for name, link := range m.Links {
		if link.GetKind() == plgv1.Link_KIND_OPT_OUT {
			return addresses[name]
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

// maxElements is the longest list that a template walks.
const maxElements = 1000

// shorten cuts the lists in a plugin's data.
func shorten(value any) any {
	switch v := value.(type) {
	case []any:
		if len(v) > maxElements {
			v = v[:maxElements]
		}
		for i := range v {
			v[i] = shorten(v[i])
		}
		return v
	case map[string]any:
		for name := range v {
			v[name] = shorten(v[name])
		}
	}
	return value
}

// functions are ours in templates, in a language and currency.
func (vo voice) functions() template.FuncMap {
	return template.FuncMap{
		"mayusculas": func(v any) string { return strings.ToUpper(text(v)) },
		"fecha":      vo.date,
		"dinero":     vo.money,
	}
}

// text is a value of a plugin's data as it is printed.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

var months = []string{
	"enero", "febrero", "marzo", "abril", "mayo", "junio",
	"julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
}

// date writes a day in words: 2 de enero de 2006. It takes RFC 3339 or a date of that form; anything else
// stays as it is.
func (vo voice) date(v any) string {
	spelled := text(v)
	day, err := time.Parse(time.RFC3339, spelled)
	if err != nil {
		if day, err = time.Parse(time.DateOnly, spelled); err != nil {
			return spelled
		}
	}
	if strings.HasPrefix(vo.lang, "en") {
		return day.Format("2 January 2006")
	}
	return fmt.Sprintf("%d de %s de %d", day.Day(), months[day.Month()-1], day.Year())
}

// symbols of currencies that have one which is understood where the currency is used.
var symbols = map[string]string{
	"EUR": "€", "USD": "$", "MXN": "$", "COP": "$", "ARS": "$", "CLP": "$", "CRC": "₡", "GBP": "£", "PEN": "S/",
	"BRL": "R$", "GTQ": "Q", "HNL": "L", "NIO": "C$", "PYG": "₲", "UYU": "$", "BOB": "Bs", "DOP": "RD$", "VES": "Bs",
}

// decimals of currencies that do not have two (ISO 4217).
var decimals = map[string]int{"CLP": 0, "PYG": 0, "JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}

// money writes an amount in the minor unit of the store's currency (cents): 12,50 €. Anything that is not a
// number stays as it is.
func (vo voice) money(v any) string {
	minor, err := strconv.ParseFloat(text(v), 64)
	if err != nil {
		return text(v)
	}
	digits, ok := decimals[vo.currency]
	if !ok {
		digits = 2
	}
	for range digits {
		minor /= 10
	}
	symbol := symbols[vo.currency]
	if symbol == "" {
		symbol = vo.currency
	}
	printer := message.NewPrinter(language.Make(vo.lang))
	amount := printer.Sprint(number.Decimal(minor, number.MinFractionDigits(digits), number.MaxFractionDigits(digits)))
	if strings.HasPrefix(vo.lang, "en") {
		return symbol + amount
	}
	return amount + "\u00a0" + symbol
}
