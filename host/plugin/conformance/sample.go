package conformance

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// The invented store. Everything in it follows from the manifest and the order of things, so that two processes are
// told the same.

// opened is the day on which the invented store opened.
var opened = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// clerk is who works there.
func clerk() *plgv1.Actor {
	return &plgv1.Actor{Operator: "Lucía", Till: "Caja 1", Channel: "gui"}
}

// people are its customers: one of whom all is known, one with nothing but a name, one who has left promotions. They
// are cut to what the permissions show, as the host does.
func (s *suite) people() []*plgv1.Customer {
	given := plgv1.ConsentState_CONSENT_STATE_GIVEN
	people := []*plgv1.Customer{
		{
			Name: "Ana María Ruiz", Phone: "+34600111222", Email: "ana@example.com", Language: "es",
			Cards: []string{"2000000000015"}, Tags: []string{"vip"}, AplicaPromociones: true,
			Consent: &plgv1.Consent{Programme: given, Promotions: given},
		},
		{
			Name:    "李",
			Consent: &plgv1.Consent{Programme: plgv1.ConsentState_CONSENT_STATE_PENDING, Promotions: plgv1.ConsentState_CONSENT_STATE_PENDING},
		},
		{
			Name: "Seán O'Brien <x>", Phone: "+447700900123", Email: "sean@example.org", Language: "en",
			Consent: &plgv1.Consent{Programme: given, Promotions: plgv1.ConsentState_CONSENT_STATE_WITHDRAWN},
		},
	}
	contact, reads := s.manifest.Allows(manifest.PermissionReadContact), s.manifest.Allows(manifest.PermissionReadCustomer)
	for i, c := range people {
		c.Id = fmt.Sprintf("0195a000-0000-7000-8000-%012d", i+1)
		c.Created, c.Updated = timestamppb.New(opened), timestamppb.New(opened)
		c.Revision = 1
		if i == 0 { // the others leave the plug-in's fields empty
			c.Fields = map[string]string{}
			for _, f := range s.manifest.Fields {
				c.Fields[f.ID] = value(f.Type, f.Choices)
			}
		}
		if !contact {
			c.Phone, c.Email, c.Cards = "", "", nil
		}
		if !reads {
			c.Name, c.Tags, c.AplicaPromociones = "", nil, false
		}
		if !reads && !s.manifest.Allows(manifest.PermissionReadConsent) {
			c.Consent = nil
		}
	}
	return people
}

// value is a good value of a type, as a form has it.
func value(t manifest.Type, choices []manifest.Choice) string {
	switch t {
	case manifest.TypeNumber:
		return "3"
	case manifest.TypeMoney:
		return "12.50"
	case manifest.TypeYesNo:
		return "true"
	case manifest.TypeChoice:
		if len(choices) > 0 {
			return choices[0].Value
		}
	case manifest.TypeDuration:
		return "24h"
	case manifest.TypeDate:
		return "1990-05-17"
	case manifest.TypeEmail:
		return "ana@example.com"
	case manifest.TypePhone:
		return "+34600111222"
	case manifest.TypeURL:
		return "https://example.com/"
	case manifest.TypeCountry:
		return "ES"
	case manifest.TypeColor:
		return "#0f766e"
	case manifest.TypeShortCode:
		return "0427"
	}
	return "Texto de ejemplo"
}

// settings are the values that a plug-in may see in a store that nobody has configured.
func (s *suite) settings() *plgv1.Settings {
	values := map[string]any{
		"TiendaNombre": "La Esquina", "TiendaPais": "ES", "TiendaMoneda": "EUR", "TiendaIdioma": "es",
		"WebDireccionPublica": "https://tienda.example.com",
	}
	for _, setting := range s.manifest.Settings {
		if setting.Default != nil {
			values[setting.Key] = setting.Default
		}
	}
	return settings(values)
}

// oddSettings are values that no Guide would let through, and one that a later store may have.
func (s *suite) oddSettings() *plgv1.Settings {
	values := map[string]any{"AjusteDelFuturo": map[string]any{"a": []any{1.0, nil, true}}}
	for i, setting := range s.manifest.Settings {
		values[setting.Key] = []any{nil, strings.Repeat("ñ", 5000), -1e300, true, []any{}}[i%5]
	}
	return settings(values)
}

func settings(values map[string]any) *plgv1.Settings {
	made, err := structpb.NewStruct(values)
	if err != nil { // a default is a text, a number, a boolean or a list of texts
		made = &structpb.Struct{}
	}
	return &plgv1.Settings{Values: made}
}

// events are a few days of the store: every type that the plug-in handles, in the order in which things happen.
func (s *suite) events() []*plgv1.Event {
	var events []*plgv1.Event
	people := s.people()
	add := func(kind string, of *plgv1.Customer, fill func(*plgv1.Event)) {
		if !s.manifest.Handles(kind) || !s.permitted(kind) {
			return
		}
		n := len(events) + 1
		e := &plgv1.Event{
			Sequence: uint64(n), Type: kind, Time: timestamppb.New(opened.Add(time.Duration(n) * time.Hour)),
			Actor: clerk(), Customer: proto.CloneOf(of),
		}
		fill(e)
		events = append(events, e)
	}
	for _, c := range people {
		add("customer.registered", c, func(e *plgv1.Event) {
			e.Detail = &plgv1.Event_CustomerRegistered{CustomerRegistered: &plgv1.CustomerRegistered{}}
		})
	}
	for _, c := range people {
		add("customer.changed", c, func(e *plgv1.Event) {
			changed := &plgv1.CustomerChanged{Changes: []*plgv1.FieldChange{{Field: "language", To: c.GetLanguage()}}}
			for field, value := range c.GetFields() {
				changed.Changes = append(changed.Changes, &plgv1.FieldChange{Field: field, To: value})
			}
			sortChanges(changed.Changes)
			e.Detail = &plgv1.Event_CustomerChanged{CustomerChanged: changed}
		})
	}
	both := []plgv1.Purpose{plgv1.Purpose_PURPOSE_PROGRAMME, plgv1.Purpose_PURPOSE_PROMOTIONS}
	add("consent.given", people[0], func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_ConsentGiven{ConsentGiven: &plgv1.ConsentGiven{Purposes: both, Means: plgv1.Means_MEANS_LINK}}
	})
	add("consent.withdrawn", people[2], func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_ConsentWithdrawn{ConsentWithdrawn: &plgv1.ConsentWithdrawn{
			Purposes: both[1:], Means: plgv1.Means_MEANS_ONE_CLICK,
		}}
	})
	for i, minor := range []int64{1250, 99999, 1, 0, 4000} {
		of := people[i%len(people)]
		if i == 4 {
			of = nil // somebody whom the store does not know
		}
		sale := &plgv1.Sale{
			Receipt: fmt.Sprintf("T-%04d", i), CustomerId: of.GetId(), Actor: clerk(),
			Total: &plgv1.Money{Minor: minor, Currency: "EUR"}, Time: timestamppb.New(opened),
		}
		add("sale.completed", of, func(e *plgv1.Event) {
			e.Detail = &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{Sale: sale}}
		})
		if i > 1 {
			continue
		}
		for _, part := range []int64{minor / 3, minor - minor/3} {
			refunded := proto.CloneOf(sale)
			refunded.Refunded = &plgv1.Money{Minor: part, Currency: "EUR"}
			if part > minor/3 {
				refunded.Refunded.Minor = minor
			}
			add("sale.refunded", of, func(e *plgv1.Event) {
				e.Detail = &plgv1.Event_SaleRefunded{SaleRefunded: &plgv1.SaleRefunded{
					Sale: refunded, Amount: &plgv1.Money{Minor: part, Currency: "EUR"}, Refund: fmt.Sprintf("D-%d-%d", i, part),
				}}
			})
		}
	}
	add("segment.joined", people[0], func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_SegmentJoined{SegmentJoined: &plgv1.SegmentJoined{Segment: 1, Name: "Habituales"}}
	})
	add("segment.left", people[0], func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_SegmentLeft{SegmentLeft: &plgv1.SegmentLeft{Segment: 1, Name: "Habituales"}}
	})
	add("campaign.converted", people[0], func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_CampaignConverted{CampaignConverted: &plgv1.CampaignConverted{Campaign: "Otoño"}}
	})
	add("customer.merged", people[0], func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_CustomerMerged{CustomerMerged: &plgv1.CustomerMerged{Gone: proto.CloneOf(people[1]), Merge: 1}}
	})
	add("customer.unmerged", people[0], func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_CustomerUnmerged{CustomerUnmerged: &plgv1.CustomerUnmerged{Gone: proto.CloneOf(people[1]), Merge: 1}}
	})
	add("customer.erased", &plgv1.Customer{Id: people[2].GetId(), Number: people[2].GetNumber()}, func(e *plgv1.Event) {
		e.Detail = &plgv1.Event_CustomerErased{CustomerErased: &plgv1.CustomerErased{}}
	})
	return events
}

func sortChanges(changes []*plgv1.FieldChange) {
	for i := 1; i < len(changes); i++ {
		for j := i; j > 0 && changes[j].Field < changes[j-1].Field; j-- {
			changes[j], changes[j-1] = changes[j-1], changes[j]
		}
	}
}

// permitted tells whether events of that type reach the plug-in at all.
func (s *suite) permitted(kind string) bool {
	switch {
	case strings.HasPrefix(kind, "sale."):
		return s.manifest.Allows(manifest.PermissionReadSales)
	case strings.HasPrefix(kind, "consent."):
		return s.manifest.Allows(manifest.PermissionReadConsent) || s.manifest.Allows(manifest.PermissionReadCustomer)
	case strings.HasPrefix(kind, "segment."), strings.HasPrefix(kind, "campaign."):
		return s.manifest.Allows(manifest.PermissionReadCustomer)
	}
	return true
}

// maxFollowing bounds the events that follow from what the plug-in wanted.
const maxFollowing = 20

// following are the events that come of effects: what was scheduled falls due, what was emitted is handed on.
func (s *suite) following(after uint64, effects []*plgv1.Effect) []*plgv1.Event {
	byID := map[string]*plgv1.Customer{}
	for _, c := range s.people() {
		byID[c.GetId()] = c
	}
	var events []*plgv1.Event
	for _, effect := range effects {
		if len(events) == maxFollowing {
			break
		}
		e := &plgv1.Event{Sequence: after + uint64(len(events)) + 1, Actor: &plgv1.Actor{Channel: "plugin:" + s.manifest.ID}}
		switch wanted := effect.GetEffect().(type) {
		case *plgv1.Effect_Schedule:
			e.Type, e.Time, e.Customer = "scheduled", wanted.Schedule.GetTime(), byID[wanted.Schedule.GetCustomerId()]
			e.Detail = &plgv1.Event_Scheduled{Scheduled: &plgv1.Scheduled{
				Plugin: s.manifest.ID, Name: wanted.Schedule.GetName(), Data: wanted.Schedule.GetData(),
			}}
		case *plgv1.Effect_Emit:
			e.Type, e.Customer = wanted.Emit.GetType(), byID[wanted.Emit.GetCustomerId()]
			e.Time = timestamppb.New(opened.AddDate(0, 0, 7))
			e.Detail = &plgv1.Event_Custom{Custom: wanted.Emit.GetData()}
		default:
			continue
		}
		if s.manifest.Handles(e.Type) {
			events = append(events, e)
		}
	}
	return events
}

// form is what is typed into an action's form.
func form(a *manifest.Action) map[string]string {
	form := map[string]string{}
	for _, f := range a.Form {
		form[f.ID] = value(f.Type, f.Choices)
	}
	return form
}
