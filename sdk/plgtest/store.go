package plgtest

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
)

// object is a message of the API as JSON.
type object = map[string]any

// customerJSON is a customer as the API writes it.
type customerJSON struct {
	ID, Name, Phone, Email, Language string
	Cards, Tags                      []string
	Fields                           map[string]string
	AplicaPromociones                bool
	Consent                          struct{ Programme, Promotions string }
}

func (c customerJSON) read() sdk.Customer {
	state := func(s string) sdk.ConsentState {
		switch s {
		case "CONSENT_STATE_GIVEN":
			return sdk.Given
		case "CONSENT_STATE_WITHDRAWN":
			return sdk.Withdrawn
		}
		return sdk.Pending
	}
	return sdk.Customer{
		ID: c.ID, Name: c.Name, Phone: c.Phone, Email: c.Email, Language: c.Language,
		Cards: c.Cards, Tags: c.Tags, Fields: c.Fields, AplicaPromociones: c.AplicaPromociones,
		Consent: sdk.Consent{Programme: state(c.Consent.Programme), Promotions: state(c.Consent.Promotions)},
	}
}

// Register registers a customer with the name, phone, e-mail, language and fields of c.
func (s *Store) Register(c sdk.Customer) sdk.Customer {
	s.t.Helper()
	var r struct{ Customer customerJSON }
	s.call("CustomerService/Register", object{"customer": object{
		"name": c.Name, "phone": c.Phone, "email": c.Email, "language": c.Language, "fields": c.Fields,
	}}, &r)
	return r.Customer.read()
}

// Customer returns a customer by id, phone, e-mail or card.
func (s *Store) Customer(key string) sdk.Customer {
	s.t.Helper()
	var r struct{ Customer customerJSON }
	s.call("CustomerService/Get", object{"key": key}, &r)
	return r.Customer.read()
}

// SetEmail changes a customer's e-mail.
func (s *Store) SetEmail(customerID, email string) {
	s.t.Helper()
	s.call("CustomerService/Update", object{"customer": object{"id": customerID, "email": email}, "mask": "email"}, &struct{}{})
}

// SetPromotions tries to change "Aplica para Promociones" by hand; the error is the store's refusal.
func (s *Store) SetPromotions(customerID string, on bool) error {
	return s.try("CustomerService/Update", object{"customer": object{"id": customerID, "aplicaPromociones": on}, "mask": "aplicaPromociones"}, &struct{}{})
}

// Withdraw records that the customer asked at the counter to leave promotions.
func (s *Store) Withdraw(customerID string) {
	s.t.Helper()
	s.call("CustomerService/Withdraw", object{"id": customerID}, &struct{}{})
}

// Sell records a sale; the amount is decimal, in the store's currency.
func (s *Store) Sell(receipt, customer, amount string) {
	s.t.Helper()
	s.call("SaleService/Record", object{"receipt": receipt, "customer": customer, "amount": amount}, &struct{}{})
}

// Refund gives back an amount of a sale, or all that is left when it is empty. The refund's own receipt may be
// empty for a whole refund.
func (s *Store) Refund(receipt, amount, refundReceipt string) {
	s.t.Helper()
	s.call("SaleService/Refund", object{"receipt": receipt, "amount": amount, "refundReceipt": refundReceipt}, &struct{}{})
}

// Press presses a plugin's button for a customer. A refusal is in the result.
func (s *Store) Press(plugin, action, customerID string, form sdk.Form) sdk.Result {
	s.t.Helper()
	var r struct{ Result json.RawMessage }
	s.call("CustomerService/Run", object{"plugin": plugin, "action": action, "customerId": customerID, "form": form, "language": "es"}, &r)
	w := new(plgv1.Result)
	s.read(r.Result, w)
	return sdk.Result{Message: w.GetMessage(), Diagnostics: diagnostics(w.GetDiagnostics()), Open: w.GetOpen()}
}

// panels are panels as the store's API returns them.
type panels []struct {
	Plugin, ID, Error string
	Panel             json.RawMessage
}

func (s *Store) find(all panels, plugin, id string) sdk.Panel {
	s.t.Helper()
	for _, p := range all {
		if p.Plugin == plugin && p.ID == id {
			if p.Error != "" {
				s.t.Fatalf("panel %s of %s: %s", id, plugin, p.Error)
			}
			w := new(plgv1.Panel)
			s.read(p.Panel, w)
			return panel(w)
		}
	}
	return sdk.Panel{}
}

// read reads a message of the plugin's contract out of an answer.
func (s *Store) read(data json.RawMessage, m proto.Message) {
	s.t.Helper()
	if len(data) == 0 {
		return
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, m); err != nil {
		s.t.Fatal(err)
	}
}

// Panel is a plugin's panel on a customer's quick sheet; empty when the plugin is not active.
func (s *Store) Panel(plugin, panel, customerID string) sdk.Panel {
	s.t.Helper()
	var r struct{ Panels panels }
	s.call("CustomerService/Sheet", object{"id": customerID, "language": "es"}, &r)
	return s.find(r.Panels, plugin, panel)
}

// Report is a plugin's panel on the screen of reports; empty when the plugin is not active.
func (s *Store) Report(plugin, panel string) sdk.Panel {
	s.t.Helper()
	var r struct{ Panels panels }
	s.call("PluginService/Contributions", object{"place": "report", "language": "es"}, &r)
	return s.find(r.Panels, plugin, panel)
}

// Health asks all active plugins how they are, and returns what one of them says to a person.
func (s *Store) Health(plugin string) []sdk.Diagnostic {
	s.t.Helper()
	var r struct {
		Plugins []struct {
			ID     string
			Health []json.RawMessage
		}
	}
	s.call("PluginService/Check", nil, &r)
	var said []*plgv1.Diagnostic
	for _, p := range r.Plugins {
		if p.ID != plugin {
			continue
		}
		for _, data := range p.Health {
			w := new(plgv1.Diagnostic)
			s.read(data, w)
			said = append(said, w)
		}
	}
	return diagnostics(said)
}

// Sent is a mail of the outbox.
type Sent struct {
	To string
	// Subject, HTML and Text are the mail as the customer sees it.
	Subject, HTML, Text string
}

// Outbox waits until there are n mails to a customer and returns them, oldest first.
func (s *Store) Outbox(customerID string, n int) []Sent {
	s.t.Helper()
	var list struct {
		Messages []struct{ ID, To string }
	}
	s.Within(fmt.Sprintf("%d mails to customer %s", n, customerID), func() bool {
		list.Messages = nil
		s.call("MessageService/List", object{"customerId": customerID, "limit": 1000}, &list)
		return len(list.Messages) >= n
	})
	if len(list.Messages) != n {
		s.t.Fatalf("%d mails to customer %s, want %d", len(list.Messages), customerID, n)
	}
	var sent []Sent
	for i := len(list.Messages) - 1; i >= 0; i-- { // the store lists the newest first
		m := list.Messages[i]
		var r struct {
			Mail struct{ Subject, HTML, Text string }
		}
		s.call("MessageService/Get", object{"id": m.ID}, &r)
		sent = append(sent, Sent{To: m.To, Subject: r.Mail.Subject, HTML: r.Mail.HTML, Text: r.Mail.Text})
	}
	return sent
}

// RehearsedRule is what a rule would have sent.
type RehearsedRule struct {
	// Events counts those of the rule's type, Messages what it would have sent.
	Events, Messages int
	// To are the addresses of the newest messages, newest first.
	To []string
}

// RehearseRule tries a rule of a setting of type message_rules, kept or not, on what happened in the store so far.
func (s *Store) RehearseRule(setting string, rule any) RehearsedRule {
	s.t.Helper()
	var r struct {
		Events, Messages json.Number
		List             []struct{ To string }
	}
	s.call("RuleService/Rehearse", object{"setting": setting, "rule": rule, "limit": 500}, &r)
	var out RehearsedRule
	for _, n := range []struct {
		said json.Number
		to   *int
	}{{r.Events, &out.Events}, {r.Messages, &out.Messages}} {
		if count, err := n.said.Int64(); err == nil {
			*n.to = int(count)
		}
	}
	for _, m := range r.List {
		out.To = append(out.To, m.To)
	}
	return out
}

// Set sets a setting of the Configuration Guide.
func (s *Store) Set(key string, value any) {
	s.t.Helper()
	s.call("SettingService/Set", object{"key": key, "value": value}, &struct{}{})
}

// TrySet tries to set a setting; the error is the store's refusal.
func (s *Store) TrySet(key string, value any) error {
	return s.try("SettingService/Set", object{"key": key, "value": value}, &struct{}{})
}

// Enable activates a plugin and waits until it runs.
func (s *Store) Enable(plugin string) {
	s.t.Helper()
	s.call("PluginService/Enable", object{"id": plugin}, &struct{}{})
	s.Within(plugin+" runs", func() bool { return s.state(plugin) == "PLUGIN_STATE_RUNNING" })
}

// Disable deactivates a plugin and waits until it has ended.
func (s *Store) Disable(plugin string) {
	s.t.Helper()
	s.call("PluginService/Disable", object{"id": plugin}, &struct{}{})
	s.Within(plugin+" ends", func() bool { return s.state(plugin) == "PLUGIN_STATE_DISABLED" })
}

func (s *Store) state(plugin string) string {
	s.t.Helper()
	var list struct{ Plugins []struct{ ID, State string } }
	s.call("PluginService/List", nil, &list)
	for _, p := range list.Plugins {
		if p.ID == plugin {
			return p.State
		}
	}
	s.t.Fatalf("the store has no %s", plugin)
	return ""
}

// Parked are the events that a plugin could not handle, as "PLG0002: error".
func (s *Store) Parked() []string {
	s.t.Helper()
	var r struct {
		Events []struct{ Plugin, Error string }
	}
	s.call("EventService/Parked", nil, &r)
	var parked []string
	for _, e := range r.Events {
		parked = append(parked, strings.TrimSpace(e.Plugin+": "+e.Error))
	}
	return parked
}
