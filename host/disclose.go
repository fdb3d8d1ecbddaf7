package host

import (
	"context"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mostrador/host/event"
	"mostrador/host/intake"
	"mostrador/host/plugin"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// disclosure is what one plug-in may see of customers and events, by the permissions of its manifest. What it may not
// see is cut out of the encoded messages before they leave the host: a plug-in cannot tell it from what is not there.
type disclosure struct {
	customer, contact, consent, sales, purchases bool
	// own is what the plug-in's own fields begin with; those it always sees.
	own string
}

func disclosureOf(m *manifest.Manifest) disclosure {
	d := disclosure{
		customer: m.Allows(manifest.PermissionReadCustomer), contact: m.Allows(manifest.PermissionReadContact),
		sales: m.Allows(manifest.PermissionReadSales), purchases: m.Allows(manifest.PermissionReadPurchases), own: strings.ToLower(m.ID) + "_",
	}
	d.consent = d.customer || m.Allows(manifest.PermissionReadConsent)
	return d
}

// all tells that nothing has to be cut out.
func (d disclosure) all() bool { return d.customer && d.contact && d.consent }

// handles tells whether events of that type may reach the plug-in at all.
func (d disclosure) handles(eventType string) bool {
	switch {
	case strings.HasPrefix(eventType, "sale."):
		return d.sales
	case strings.HasPrefix(eventType, "consent."), strings.HasPrefix(eventType, "subscription."):
		return d.consent
	case strings.HasPrefix(eventType, "segment."), strings.HasPrefix(eventType, "campaign."), strings.HasPrefix(eventType, "subscription."):
		return d.customer
	case strings.HasPrefix(eventType, "external."): // their data holds addresses and phones as other systems have them
		return d.contact
	}
	return true
}

// event cuts an encoded plgv1.Event.
func (d disclosure) event(data []byte) []byte {
	if d.all() {
		return data
	}
	// What other systems tell names persons in members of any name.
	external := strings.HasPrefix(text(data, 2), intake.Prefix)
	return cut(data, func(field protowire.Number, value []byte) ([]byte, bool) {
		switch field {
		case 4: // actor
			return cut(value, func(field protowire.Number, value []byte) ([]byte, bool) {
				return value, d.contact || field != 4 && field != 5 // ip, user_agent
			}), true
		case 5: // customer
			return d.encoded(value), true
		case 11: // customer_changed
			return cut(value, func(_ protowire.Number, change []byte) ([]byte, bool) {
				return change, d.field(text(change, 1))
			}), true
		case 17: // custom
			return value, d.contact || !external
		case 19, 20: // customer_merged, customer_unmerged
			return cut(value, func(field protowire.Number, value []byte) ([]byte, bool) {
				if field == 1 { // gone
					value = d.encoded(value)
				}
				return value, true
			}), true
		}
		return value, true
	})
}

// encoded cuts an encoded plgv1.Customer.
func (d disclosure) encoded(data []byte) []byte {
	return cut(data, func(field protowire.Number, value []byte) ([]byte, bool) {
		switch field {
		case 2, 7, 9: // name, tags, aplica_promociones
			return value, d.customer
		case 3, 4, 6: // phone, email, cards
			return value, d.contact
		case 8: // fields: an entry of a map
			return value, d.customer || strings.HasPrefix(text(value, 1), d.own)
		case 10: // consent
			return value, d.consent
		}
		return value, true
	})
}

// field tells whether the plug-in may see a field's change.
func (d disclosure) field(name string) bool {
	switch {
	case strings.HasPrefix(strings.TrimPrefix(name, "fields."), d.own):
		return true
	case name == "phone", name == "email", name == "cards":
		return d.contact
	case strings.HasPrefix(name, "consent"):
		return d.consent
	}
	return d.customer
}

// person is what the plug-in may see of a customer; nil stays nil.
func (d disclosure) person(c *plgv1.Customer) (*plgv1.Customer, error) {
	if c == nil || d.all() {
		return c, nil
	}
	data, err := proto.Marshal(c)
	if err != nil {
		return nil, err
	}
	seen := &plgv1.Customer{}
	return seen, proto.Unmarshal(d.encoded(data), seen)
}

// cut copies an encoded message without the fields that keep refuses, and with those of bytes as keep gives them back.
// Of what is no message nothing is kept.
func cut(data []byte, keep func(field protowire.Number, value []byte) ([]byte, bool)) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil
		}
		size := protowire.ConsumeFieldValue(field, kind, data[n:])
		if size < 0 {
			return nil
		}
		raw := data[:n+size]
		data = data[n+size:]
		if kind != protowire.BytesType {
			if _, ok := keep(field, nil); ok {
				out = append(out, raw...)
			}
			continue
		}
		value, _ := protowire.ConsumeBytes(raw[n:])
		if value, ok := keep(field, value); ok {
			out = append(protowire.AppendTag(out, field, kind), protowire.AppendVarint(nil, uint64(len(value)))...)
			out = append(out, value...)
		}
	}
	return out
}

// text is a string field of an encoded message, empty when it has none.
func text(data []byte, wanted protowire.Number) (found string) {
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return ""
		}
		size := protowire.ConsumeFieldValue(field, kind, data[n:])
		if size < 0 {
			return ""
		}
		if field == wanted && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data[n:])
			found = string(value)
		}
		data = data[n+size:]
	}
	return found
}

// confined is a plug-in as the event engine sees it: it is handed what its version in use may see, and no more.
type confined struct {
	*plugin.Plugin
	last atomic.Pointer[view]
}

// view is a disclosure with the package that it is of.
type view struct {
	pkg *plugin.Package
	disclosure
}

var _ event.Consumer = (*confined)(nil)

func confine(p *plugin.Plugin) *confined { return &confined{Plugin: p} }

func (c *confined) see() disclosure {
	pkg := c.Package()
	last := c.last.Load()
	if last == nil || last.pkg != pkg {
		last = &view{pkg, disclosureOf(pkg.Manifest)}
		c.last.Store(last)
	}
	return last.disclosure
}

// Handles implements event.Consumer.
func (c *confined) Handles(eventType string) bool {
	return c.see().handles(eventType) && c.Plugin.Handles(eventType)
}

// Deliver implements event.Consumer.
func (c *confined) Deliver(ctx context.Context, batch *plgv1.Batch) (*plgv1.BatchDone, error) {
	see := c.see()
	if see.all() {
		return c.Plugin.Deliver(ctx, batch)
	}
	slab := make([]plgv1.Delivery, len(batch.GetDeliveries()))
	seen := &plgv1.Batch{Deliveries: make([]*plgv1.Delivery, len(slab))}
	for i, d := range batch.GetDeliveries() {
		slab[i].Event, slab[i].State, slab[i].OtherState, slab[i].Facts = see.event(d.GetEvent()), d.State, d.OtherState, d.Facts
		seen.Deliveries[i] = &slab[i]
	}
	return c.Plugin.Deliver(ctx, seen)
}
