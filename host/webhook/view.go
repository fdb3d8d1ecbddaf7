package webhook

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// payload is what is sent, in the form that Standard Webhooks proposes.
type payload struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	Store    string  `json:"store,omitempty"`
	Sequence uint64  `json:"sequence"`
	Customer *person `json:"customer,omitempty"`
	// One of these, by the event's type.
	Sale     *sale    `json:"sale,omitempty"`
	Refund   *refund  `json:"refund,omitempty"`
	Consent  *consent `json:"consent,omitempty"`
	Changes  []change `json:"changes,omitempty"`
	Gone     *person  `json:"gone,omitempty"`
	Segment  *segment `json:"segment,omitempty"`
	Campaign string   `json:"campaign,omitempty"`
	// Detail is what another system, a plug-in or a note told; only where the webhook may know of persons.
	Detail map[string]any `json:"detail,omitempty"`
}

type (
	person struct {
		ID     string `json:"id"`
		Number uint64 `json:"number"`
		Name   string `json:"name,omitempty"`
		Email  string `json:"email,omitempty"`
		Phone  string `json:"phone,omitempty"`
	}
	money struct {
		Minor    int64  `json:"minor"`
		Currency string `json:"currency"`
	}
	sale struct {
		Receipt  string     `json:"receipt"`
		Total    *money     `json:"total"`
		Refunded *money     `json:"refunded,omitempty"`
		Time     *time.Time `json:"time,omitempty"`
		Lines    []line     `json:"lines,omitempty"`
	}
	line struct {
		Article  string  `json:"article"`
		Name     string  `json:"name,omitempty"`
		Category string  `json:"category,omitempty"`
		Quantity float64 `json:"quantity"`
		Minor    int64   `json:"minor"`
	}
	refund struct {
		Sale   *sale  `json:"sale"`
		Amount *money `json:"amount"`
		ID     string `json:"id"`
	}
	consent struct {
		Purposes []string `json:"purposes"`
		Means    string   `json:"means"`
	}
	change struct {
		Field string `json:"field"`
		From  string `json:"from,omitempty"`
		To    string `json:"to,omitempty"`
	}
	segment struct {
		ID   uint32 `json:"id"`
		Name string `json:"name"`
	}
)

// view is an event as a webhook may see it; ok is false for one that is not sent at all, since its customer was erased.
func (s *Service) view(tx *store.Tx, w *mostradorv1.Webhook, e *plgv1.Event) (body []byte, ok bool, err error) {
	if id := e.GetCustomer().GetId(); id != "" && e.GetCustomerErased() == nil {
		switch _, err := s.Customers.Number(tx, id); {
		case errors.Is(err, customer.ErrNotFound):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		}
	}
	p := payload{Type: e.GetType(), Timestamp: e.GetTime().AsTime(), Data: data{
		Store: s.StoreName(), Sequence: e.GetSequence(), Customer: personOf(e.GetCustomer(), w.Personal),
	}}
	d := &p.Data
	switch detail := e.GetDetail().(type) {
	case *plgv1.Event_SaleCompleted:
		d.Sale = saleOf(detail.SaleCompleted.GetSale())
	case *plgv1.Event_SaleRefunded:
		d.Refund = &refund{saleOf(detail.SaleRefunded.GetSale()), moneyOf(detail.SaleRefunded.GetAmount()), detail.SaleRefunded.GetRefund()}
	case *plgv1.Event_ConsentGiven:
		d.Consent = consentOf(detail.ConsentGiven.GetPurposes(), detail.ConsentGiven.GetMeans())
	case *plgv1.Event_ConsentWithdrawn:
		d.Consent = consentOf(detail.ConsentWithdrawn.GetPurposes(), detail.ConsentWithdrawn.GetMeans())
	case *plgv1.Event_CustomerChanged:
		for _, c := range detail.CustomerChanged.GetChanges() {
			seen := change{Field: c.GetField()}
			if w.Personal && !secretName(c.GetField()) {
				seen.From, seen.To = c.GetFrom(), c.GetTo()
			}
			d.Changes = append(d.Changes, seen)
		}
	case *plgv1.Event_CustomerMerged:
		d.Gone = personOf(detail.CustomerMerged.GetGone(), w.Personal)
	case *plgv1.Event_CustomerUnmerged:
		d.Gone = personOf(detail.CustomerUnmerged.GetGone(), w.Personal)
	case *plgv1.Event_SegmentJoined:
		d.Segment = &segment{detail.SegmentJoined.GetSegment(), detail.SegmentJoined.GetName()}
	case *plgv1.Event_SegmentLeft:
		d.Segment = &segment{detail.SegmentLeft.GetSegment(), detail.SegmentLeft.GetName()}
	case *plgv1.Event_CampaignConverted:
		d.Campaign = detail.CampaignConverted.GetCampaign()
	case *plgv1.Event_Custom:
		if w.Personal {
			d.Detail, _ = withoutSecrets(detail.Custom.AsMap()).(map[string]any)
		}
	}
	body, err = json.Marshal(p)
	return body, err == nil, err
}

func personOf(c *plgv1.Customer, personal bool) *person {
	if c == nil {
		return nil
	}
	p := &person{ID: c.GetId(), Number: c.GetNumber()}
	if personal {
		p.Name, p.Email, p.Phone = c.GetName(), c.GetEmail(), c.GetPhone()
	}
	return p
}

func moneyOf(m *plgv1.Money) *money {
	if m == nil {
		return nil
	}
	return &money{m.GetMinor(), m.GetCurrency()}
}

func saleOf(s *plgv1.Sale) *sale {
	seen := &sale{Receipt: s.GetReceipt(), Total: moneyOf(s.GetTotal()), Refunded: moneyOf(s.GetRefunded())}
	if s.GetTime() != nil {
		at := s.GetTime().AsTime()
		seen.Time = &at
	}
	for _, l := range s.GetLines() {
		seen.Lines = append(seen.Lines, line{l.GetArticle(), l.GetName(), l.GetCategory(), l.GetQuantity(), l.GetMinor()})
	}
	return seen
}

func consentOf(purposes []plgv1.Purpose, means plgv1.Means) *consent {
	seen := &consent{Purposes: []string{}, Means: strings.ToLower(strings.TrimPrefix(means.String(), "MEANS_"))}
	for _, p := range purposes {
		seen.Purposes = append(seen.Purposes, strings.ToLower(strings.TrimPrefix(p.String(), "PURPOSE_")))
	}
	return seen
}

// secretWord finds names of what opens something: tokens, codes, passwords, one-time links.
var secretWord = regexp.MustCompile(`(?i)token|secret|passw|contrase|clave|c[oó]digo|(^|_)codes?($|_)|(^|_)(pin|otp|cvv|iban)($|_)|reset|activation|activaci|signature|firma`)

func secretName(name string) bool { return secretWord.MatchString(name) }

// withoutSecrets leaves out of what others told the members whose names say that they open something.
func withoutSecrets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		seen := make(map[string]any, len(v))
		for name, each := range v {
			if !secretName(name) {
				seen[name] = withoutSecrets(each)
			}
		}
		return seen
	case []any:
		seen := make([]any, len(v))
		for i, each := range v {
			seen[i] = withoutSecrets(each)
		}
		return seen
	}
	return v
}
