package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
)

// send queues a rule's message, and tells whether there was anybody to send it to. The customer may be nobody.
func send(tx *sdk.Tx, r *rule, w wait, c sdk.Customer) (bool, error) {
	mail := sdk.Mail{
		Kind: sdk.Transactional, Template: r.GetTemplate(), Topic: r.GetTopic(), Promotion: r.GetPromotion(), Rule: r.GetName(),
		Data: data(tx, r, w, c),
	}
	if r.GetKind() == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		mail.Kind = sdk.Promotional
	}
	if until, err := time.Parse(time.RFC3339, w.Event.text("expires")); err == nil {
		mail.Expires = until // what a link opens is of no use afterwards
	}
	if r.GetAttach() {
		mail.Attachments = attachments(w.Event)
	}
	switch r.GetTo() {
	case plgv1.MessageRule_RECIPIENT_CUSTOMER:
		return toCustomer(tx, mail, w, c)
	case plgv1.MessageRule_RECIPIENT_EVENT:
		if address := w.Event.text("email"); address != "" && !strings.EqualFold(address, c.Email) {
			mail.Address = address
			mail.Links = onceLink(tx, w.Event)
			return true, tx.Send(mail)
		}
		return toCustomer(tx, mail, w, c)
	}
	addresses := r.GetAddresses()
	if len(addresses) == 0 {
		addresses = tx.Setting(settingAlerts).List()
	}
	for _, address := range addresses {
		mail.Address = address
		if err := tx.Send(mail); err != nil {
			return false, err
		}
	}
	return len(addresses) > 0, nil
}

func toCustomer(tx *sdk.Tx, mail sdk.Mail, w wait, c sdk.Customer) (bool, error) {
	if !c.HasEmail() {
		return false, nil
	}
	mail.To = c.ID
	mail.Links = onceLink(tx, w.Event)
	mail.Links["baja"] = tx.OptOutLink(c.ID)
	if mail.Kind == sdk.Promotional {
		mail.Links["preferencias"] = tx.PreferencesLink(c.ID)
	}
	if slices.Contains(leaving, w.Event.Type) {
		mail.Links["motivo"] = tx.ReasonLink(c.ID)
	}
	if c.Consent.Promotions != sdk.Given && slices.Contains(inviting, w.Event.Type) {
		mail.Links["activar"] = tx.ActivationLink(c.ID)
	}
	return true, tx.Send(mail)
}

var (
	// leaving are the events after which a message can ask why.
	leaving = []string{"consent.withdrawn", "subscription.changed", "external.subscription.cancelled"}
	// inviting are those after which it can bring the way in, or back in. To send that opens an activation, so it is not for
	// every message.
	inviting = append([]string{"customer.registered", "external.newsletter.subscribed"}, leaving...)
)

// onceLink is the link that opens once, of an event that brings an address for it.
func onceLink(tx *sdk.Tx, h happening) sdk.Links {
	if address := h.text("reset_url"); address != "" {
		return sdk.Links{"unavez": tx.OnceLink(address)}
	}
	return sdk.Links{}
}

// attachments are those of an event of another system.
func attachments(h happening) []sdk.Attachment {
	list, _ := h.Data["files"].([]any)
	var all []sdk.Attachment
	for _, item := range list {
		f, _ := item.(map[string]any)
		name, _ := f["name"].(string)
		kind, _ := f["type"].(string)
		blob, _ := f["blob"].(string)
		if name != "" && blob != "" {
			all = append(all, sdk.Attachment{Name: name, ContentType: kind, Blob: blob})
		}
	}
	return all
}

// data is what the template sees under .Datos:
//
//	Regla      the rule's name
//	Evento     what the event says: .Datos.Evento.order
//	Fecha      when it happened
//	Importe    its amount in cents, for dinero; absent when it has none
//	Articulos  what was bought or left in the cart: Nombre, Cantidad, Importe
//	Filas      all of it for a person to read: Nombre, Valor
//	Cliente    Nombre, Numero, Telefono, Correo of whom it concerns, for messages to others
//	Intento    1 for the first message, 2 when it is asked again
func data(tx *sdk.Tx, r *rule, w wait, c sdk.Customer) map[string]any {
	event := maps.Clone(w.Event.trimmed().Data)
	delete(event, "files")     // contents are for Attachments
	delete(event, "reset_url") // and this for the link alone
	d := map[string]any{
		"Regla": r.GetName(), "Evento": event, "Fecha": w.Event.Time.In(zone(tx)).Format(time.RFC3339), "Intento": w.Asked + 1,
		"Articulos": articles(w.Event, tx.Currency()), "Filas": rows(tx, w.Event, c),
	}
	for _, name := range []string{"amount", "total"} {
		if amount, ok := w.Event.Data[name].(float64); ok {
			d["Importe"] = math.Round(amount * minors(tx.Currency()))
		}
	}
	if r.GetTo() != plgv1.MessageRule_RECIPIENT_CUSTOMER && c.Known() {
		d["Cliente"] = map[string]any{"Nombre": c.Name, "Numero": float64(c.Number), "Telefono": c.Phone, "Correo": c.Email}
	}
	return d
}

// articles are the lines of a sale, or the items of another system's order or cart.
func articles(h happening, currency string) []any {
	list, _ := h.Data["lines"].([]any)
	if list == nil {
		list, _ = h.Data["items"].([]any)
	}
	all := make([]any, 0, len(list))
	for _, item := range list[:min(len(list), maxArticles)] {
		line, _ := item.(map[string]any)
		one := map[string]any{"Nombre": line["name"], "Cantidad": line["quantity"]}
		quantity, _ := line["quantity"].(float64)
		if amount, ok := line["amount"].(float64); ok {
			one["Importe"] = math.Round(amount * minors(currency))
		} else if price, ok := line["price"].(float64); ok {
			one["Importe"] = math.Round(price * max(quantity, 1) * minors(currency))
		}
		all = append(all, one)
	}
	return all
}

// Bounds of what a message shows of an event.
const (
	maxArticles = 50
	maxRows     = 30
)

// rows are what an event says, for a person to read; what is no text, number or yes or no is left out.
func rows(tx *sdk.Tx, h happening, c sdk.Customer) []any {
	var all []any
	add := func(name, value string) {
		if value != "" && len(all) < maxRows {
			all = append(all, map[string]any{"Nombre": name, "Valor": value})
		}
	}
	if c.Known() {
		add(tx.Text("row_customer"), c.Name)
		add(tx.Text("row_phone"), c.Phone)
		add(tx.Text("row_email"), c.Email)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Data)) {
		if name == "reset_url" || name == "email" && strings.EqualFold(h.text(name), c.Email) {
			continue
		}
		label := tx.Text("row_" + name)
		if label == "row_"+name {
			label = strings.ReplaceAll(name, "_", " ")
		}
		switch v := h.Data[name].(type) {
		case string:
			add(label, short(v))
		case float64:
			add(label, fmt.Sprint(v))
		case bool:
			add(label, tx.Text(map[bool]string{true: "yes", false: "no"}[v]))
		}
	}
	return all
}
