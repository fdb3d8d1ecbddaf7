package sdk

import (
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/plgv1"
)

// Customer is a person whom the store knows. The zero Customer stands for nobody.
type Customer struct {
	ID   string
	Name string
	// Phone is in E.164 (+34600111222); empty when unknown.
	Phone string
	// Email is an address that the store has checked; empty when unknown.
	Email string
	// Language is BCP 47; empty means the store's.
	Language string
	Cards    []string
	Tags     []string
	// Fields are the values of the data model by identifier. A handler must not write to it: see Tx.SetField.
	Fields map[string]string
	// AplicaPromociones says whether promotions are meant for this customer (seed 000).
	AplicaPromociones bool
	Consent           Consent
	Created, Updated  time.Time
	// Revision grows by one with each change.
	Revision uint64
	// Number is the customer number that people read out; it counts up from 1.
	Number uint32
}

// Known reports whether this is somebody at all.
func (c Customer) Known() bool { return c.ID != "" }

// HasEmail reports whether a mail can be sent.
func (c Customer) HasEmail() bool {
	at := strings.LastIndexByte(c.Email, '@')
	return at > 0 && at < len(c.Email)-1
}

// HasPhone reports whether there is a phone number.
func (c Customer) HasPhone() bool { return c.Phone != "" }

// Consent is what the customer agreed to, by purpose.
type Consent struct {
	// Programme is the frequent-customer plan.
	Programme ConsentState
	// Promotions is advertising. An opt-out withdraws this one only.
	Promotions ConsentState
}

// ConsentState is the state of one purpose.
type ConsentState string

// The states of consent. Pending means that the customer has not answered yet.
const (
	Pending   ConsentState = "pending"
	Given     ConsentState = "given"
	Withdrawn ConsentState = "withdrawn"
)

// Purpose is what a consent is for.
type Purpose string

// The purposes of consent.
const (
	Programme  Purpose = "programme"
	Promotions Purpose = "promotions"
)

// Means is how an act of consent reached the store.
type Means string

// The means of consent. ByOneClick is the mail program's own unsubscribe button (RFC 8058); ByStaff is the
// customer's word to a member of staff, which can only withdraw.
const (
	ByLink      Means = "link"
	ByShortCode Means = "short_code"
	ByOneClick  Means = "one_click"
	ByStaff     Means = "staff"
)

// Actor is who did something, and where.
type Actor struct {
	// Operator is empty when the customer acted alone.
	Operator string
	Till     string
	// Channel is the way in: "gui", "cli", "api", "web", "plugin:PLG0074", "host".
	Channel string
}

// Sale is a paid sale.
type Sale struct {
	Receipt    string
	CustomerID string
	Total      Money
	Time       time.Time
	// Refunded is what refunds have given back so far.
	Refunded Money
	// Lines are what was sold, as far as the till tells; may be empty.
	Lines []SaleLine
}

// SaleLine is one article of a sale.
type SaleLine struct {
	// Article is its own identifier (SKU, EAN).
	Article string
	Name    string
	// Category is what kind of article it is, in the store's words.
	Category string
	Quantity float64
	// Paid is what was paid for all of it.
	Paid Money
}

// Facts are what the store has counted of a customer.
type Facts struct {
	// Purchases counts sales, less those that were given back whole.
	Purchases int
	// Spent is their total, less refunds.
	Spent Money
	// First and Last are when he bought first and last; the zero time for never.
	First, Last time.Time
	// Measures are the numbers that plugins keep about him, by the ids of their manifests: "puntos".
	Measures map[string]float64
}

// Facts is what the store has counted of the event's customer when the event is handled, the event included. It is there
// for handlers of events, when the plugin has the permission customer.purchases:read.
func (tx *Tx) Facts() Facts {
	return Facts{
		Purchases: int(tx.facts.GetPurchases()), Spent: Money{Minor: tx.facts.GetSpentMinor(), Currency: tx.Currency()},
		First: readTime(tx.facts.GetFirstPurchase()), Last: readTime(tx.facts.GetLastPurchase()), Measures: tx.facts.GetMeasures(),
	}
}

func readTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func writeTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func readCustomer(w *plgv1.Customer) Customer {
	if w == nil {
		return Customer{}
	}
	return Customer{
		ID:                w.Id,
		Name:              w.Name,
		Phone:             w.Phone,
		Email:             w.Email,
		Language:          w.Language,
		Cards:             w.Cards,
		Tags:              w.Tags,
		Fields:            w.Fields,
		AplicaPromociones: w.AplicaPromociones,
		Consent: Consent{
			Programme:  readConsentState(w.GetConsent().GetProgramme()),
			Promotions: readConsentState(w.GetConsent().GetPromotions()),
		},
		Created:  readTime(w.Created),
		Updated:  readTime(w.Updated),
		Revision: w.Revision,
		Number:   uint32(w.Number),
	}
}

func (c Customer) write() *plgv1.Customer {
	if !c.Known() {
		return nil
	}
	return &plgv1.Customer{
		Id:                c.ID,
		Name:              c.Name,
		Phone:             c.Phone,
		Email:             c.Email,
		Language:          c.Language,
		Cards:             slices.Clone(c.Cards),
		Tags:              slices.Clone(c.Tags),
		Fields:            maps.Clone(c.Fields),
		AplicaPromociones: c.AplicaPromociones,
		Consent:           &plgv1.Consent{Programme: c.Consent.Programme.write(), Promotions: c.Consent.Promotions.write()},
		Created:           writeTime(c.Created),
		Updated:           writeTime(c.Updated),
		Revision:          c.Revision,
		Number:            uint64(c.Number),
	}
}

// A customer whose state was never set has not answered.
func readConsentState(s plgv1.ConsentState) ConsentState {
	switch s {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		return Given
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		return Withdrawn
	}
	return Pending
}

func (s ConsentState) write() plgv1.ConsentState {
	switch s {
	case Given:
		return plgv1.ConsentState_CONSENT_STATE_GIVEN
	case Withdrawn:
		return plgv1.ConsentState_CONSENT_STATE_WITHDRAWN
	}
	return plgv1.ConsentState_CONSENT_STATE_PENDING
}

func readPurposes(w []plgv1.Purpose) []Purpose {
	purposes := make([]Purpose, 0, len(w))
	for _, p := range w {
		switch p {
		case plgv1.Purpose_PURPOSE_PROGRAMME:
			purposes = append(purposes, Programme)
		case plgv1.Purpose_PURPOSE_PROMOTIONS:
			purposes = append(purposes, Promotions)
		}
	}
	return purposes
}

func writePurposes(purposes []Purpose) []plgv1.Purpose {
	w := make([]plgv1.Purpose, 0, len(purposes))
	for _, p := range purposes {
		switch p {
		case Programme:
			w = append(w, plgv1.Purpose_PURPOSE_PROGRAMME)
		case Promotions:
			w = append(w, plgv1.Purpose_PURPOSE_PROMOTIONS)
		}
	}
	return w
}

func readMeans(m plgv1.Means) Means {
	switch m {
	case plgv1.Means_MEANS_LINK:
		return ByLink
	case plgv1.Means_MEANS_SHORT_CODE:
		return ByShortCode
	case plgv1.Means_MEANS_ONE_CLICK:
		return ByOneClick
	case plgv1.Means_MEANS_STAFF:
		return ByStaff
	}
	return ""
}

func (m Means) write() plgv1.Means {
	switch m {
	case ByLink:
		return plgv1.Means_MEANS_LINK
	case ByShortCode:
		return plgv1.Means_MEANS_SHORT_CODE
	case ByOneClick:
		return plgv1.Means_MEANS_ONE_CLICK
	case ByStaff:
		return plgv1.Means_MEANS_STAFF
	}
	return plgv1.Means_MEANS_UNSPECIFIED
}

func readActor(w *plgv1.Actor) Actor {
	return Actor{Operator: w.GetOperator(), Till: w.GetTill(), Channel: w.GetChannel()}
}

func (a Actor) write() *plgv1.Actor {
	return &plgv1.Actor{Operator: a.Operator, Till: a.Till, Channel: a.Channel}
}

func readMoney(w *plgv1.Money) Money {
	return Money{Minor: w.GetMinor(), Currency: w.GetCurrency()}
}

func (m Money) write() *plgv1.Money {
	return &plgv1.Money{Minor: m.Minor, Currency: m.Currency}
}

func readSale(w *plgv1.Sale) Sale {
	s := Sale{
		Receipt:    w.GetReceipt(),
		CustomerID: w.GetCustomerId(),
		Total:      readMoney(w.GetTotal()),
		Time:       readTime(w.GetTime()),
		Refunded:   readMoney(w.GetRefunded()),
	}
	for _, l := range w.GetLines() {
		s.Lines = append(s.Lines, SaleLine{
			Article: l.GetArticle(), Name: l.GetName(), Category: l.GetCategory(), Quantity: l.GetQuantity(),
			Paid: Money{Minor: l.GetMinor(), Currency: s.Total.Currency},
		})
	}
	return s
}

func (s Sale) write() *plgv1.Sale {
	w := &plgv1.Sale{
		Receipt:    s.Receipt,
		CustomerId: s.CustomerID,
		Total:      s.Total.write(),
		Time:       writeTime(s.Time),
		Refunded:   s.Refunded.write(),
	}
	for _, l := range s.Lines {
		w.Lines = append(w.Lines, &plgv1.SaleLine{
			Article: l.Article, Name: l.Name, Category: l.Category, Quantity: l.Quantity, Minor: l.Paid.Minor,
		})
	}
	return w
}
