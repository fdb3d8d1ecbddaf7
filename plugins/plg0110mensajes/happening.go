package main

import (
	"encoding/json"
	"maps"
	"time"

	"mostrador/sdk"
)

// happening is an event as rules see it.
type happening struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	// Data is what conditions read as event.x, beside event.type and event.time, and templates as .Datos.Evento.x. It has
	// what JSON has, so that it is the same before and after a wait.
	Data map[string]any `json:"data,omitempty"`

	customer sdk.Customer
}

func happened(kind string, e sdk.Event) happening {
	return happening{Type: kind, Time: e.Time, Data: map[string]any{}, customer: e.Customer}
}

func (h happening) with(name string, value any) happening {
	h.Data[name] = value
	return h
}

func ofChange(e sdk.CustomerChanged) happening {
	changes := map[string]any{}
	for _, c := range e.Changes {
		changes[c.Field] = map[string]any{"from": c.From, "to": c.To}
	}
	return happened("customer.changed", e.Event).with("changes", changes)
}

func ofSale(e sdk.SaleCompleted) happening {
	lines, articles, categories := []any{}, []any{}, []any{}
	for _, l := range e.Sale.Lines {
		lines = append(lines, map[string]any{
			"article": l.Article, "name": l.Name, "category": l.Category, "quantity": l.Quantity, "amount": units(l.Paid),
		})
		articles, categories = append(articles, l.Article), append(categories, l.Category)
	}
	return happened("sale.completed", e.Event).with("receipt", e.Sale.Receipt).with("total", units(e.Sale.Total)).
		with("currency", e.Sale.Total.Currency).with("lines", lines).with("articles", articles).with("categories", categories)
}

func ofRefund(e sdk.SaleRefunded) happening {
	return happened("sale.refunded", e.Event).with("receipt", e.Sale.Receipt).with("amount", units(e.Amount)).
		with("total", units(e.Sale.Total)).with("currency", e.Amount.Currency)
}

func ofOther(e sdk.Custom) happening {
	h := happened(e.Type, e.Event)
	maps.Copy(h.Data, e.Data)
	return h
}

// units is an amount as people say it: 12.5.
func units(m sdk.Money) float64 { return float64(m.Minor) / minors(m.Currency) }

// minors is how many of its minor units a currency has.
func minors(currency string) float64 {
	n := 1.0
	whole, _ := sdk.ParseMoney("1", currency)
	for ; n < float64(whole.Minor); n *= 10 {
	}
	return n
}

// maxData is how many bytes of an event wait with it.
const maxData = 16 << 10

// trimmed is a happening that is small enough to be kept: of one that is not, what is no list or object.
func (h happening) trimmed() happening {
	if data, err := json.Marshal(h.Data); err == nil && len(data) <= maxData {
		return h
	}
	small, size := map[string]any{}, 0
	for name, value := range h.Data {
		switch v := value.(type) {
		case string:
			size += len(v)
		case float64, bool:
		case []any:
			if name != "files" {
				continue
			}
		default:
			continue
		}
		if size += len(name) + 16; size > maxData {
			break
		}
		small[name] = value
	}
	h.Data = small
	return h
}

// text is a text of the event, empty when it has none of that name.
func (h happening) text(name string) string {
	s, _ := h.Data[name].(string)
	return s
}
