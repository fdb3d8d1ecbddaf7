package event

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketForgotten names the customers who were erased: id → nothing. Plugins that are behind with the log may still
// speak of them.
const bucketForgotten store.Bucket = "event_forgotten"

func forgotten(tx *store.Tx, customerID string) bool {
	return tx.Get(bucketForgotten, []byte(customerID)) != nil
}

// Redact takes the person out of a customer's events between two sequences, themselves excluded (0: no bound). What
// happened stays in its place, of a customer who has an id and a number and nothing else: values that were changed,
// what plugins wrote, and where a customer acted from are gone.
func (l *Log) Redact(tx *store.Tx, customerID string, after, before uint64) error {
	events, err := l.List(tx, Query{Customer: customerID, After: after, Before: before})
	if err != nil {
		return err
	}
	for _, e := range events {
		redact(e, customerID)
		if err := store.PutProto(tx, bucketEvent, sequenceKey(e.Sequence), e); err != nil {
			return fmt.Errorf("event: redact %d: %w", e.Sequence, err)
		}
	}
	return nil
}

// redact takes what is a customer's out of an event.
func redact(e *plgv1.Event, customerID string) {
	for _, m := range []interface{ GetGone() *plgv1.Customer }{e.GetCustomerMerged(), e.GetCustomerUnmerged()} {
		if gone := m.GetGone(); gone.GetId() == customerID {
			number := gone.GetNumber()
			proto.Reset(gone)
			gone.Id, gone.Number = customerID, number
		}
	}
	if e.GetCustomer().GetId() != customerID {
		return
	}
	e.Customer = &plgv1.Customer{Id: customerID, Number: e.Customer.Number}
	if e.Actor != nil {
		e.Actor.Ip, e.Actor.UserAgent = "", ""
	}
	switch d := e.Detail.(type) {
	case *plgv1.Event_CustomerChanged:
		for _, c := range d.CustomerChanged.GetChanges() {
			c.From, c.To = "", ""
		}
	case *plgv1.Event_Scheduled:
		d.Scheduled.Data = nil
	case *plgv1.Event_Custom:
		d.Custom = &structpb.Struct{}
	}
}

// Forget takes a customer out of the log and out of what the plugins keep of him. A plugin that handles
// customer.erased keeps its record until it was handed that event (append it in the same transaction); nobody writes
// one again. Scheduled are the places that Scheduled found.
func (e *Engine) Forget(tx *store.Tx, customerID string, scheduled [][]byte) error {
	if err := e.Log.Redact(tx, customerID, 0, 0); err != nil {
		return err
	}
	for key, v := range tx.Scan(bucketParked, nil, nil) {
		p := new(mostradorv1.ParkedEvent)
		if err := proto.Unmarshal(v, p); err != nil {
			return fmt.Errorf("event: parked record: %w", err)
		}
		concerns := false
		for _, id := range concerned(p.GetEvent()) {
			concerns = concerns || id == customerID
		}
		if !concerns {
			continue
		}
		redact(p.Event, customerID)
		p.Error = "" // it may cite what was in the event
		if err := store.PutProto(tx, bucketParked, bytes.Clone(key), p); err != nil {
			return err
		}
	}
	for _, key := range scheduled {
		if _, id := head(tx.Get(bucketSchedule, key)); string(id) == customerID {
			tx.Delete(bucketSchedule, key)
		}
	}
	for _, plugin := range statePlugins(tx) {
		if w := e.worker(plugin); w == nil || !w.c.Handles(TypeErased) {
			DeleteState(tx, plugin, customerID)
		}
	}
	tx.Put(bucketForgotten, []byte(customerID), nil)
	return nil
}

// Scheduled finds the events to come of a customer, for Forget. It reads all that wait, a part at a time.
func (e *Engine) Scheduled(customerID string) (places [][]byte, err error) {
	for after := []byte(nil); ; {
		seen := 0
		err := e.Store.View(func(tx *store.Tx) error {
			for key, v := range tx.Scan(bucketSchedule, nil, after) {
				if _, id := head(v); string(id) == customerID {
					places = append(places, bytes.Clone(key))
				}
				if seen++; seen == glance {
					after = bytes.Clone(key)
					return nil
				}
			}
			return nil
		})
		if err != nil || seen < glance {
			return places, err
		}
	}
}

// StatesOf returns the records that plugins keep of a customer, by plugin. They may be kept.
func StatesOf(tx *store.Tx, customerID string) map[string][]byte {
	states := map[string][]byte{}
	for _, plugin := range statePlugins(tx) {
		if state, found := GetState(tx, plugin, customerID); found {
			states[plugin] = bytes.Clone(state)
		}
	}
	return states
}

// statePlugins are the plugins that keep records of customers.
func statePlugins(tx *store.Tx) (plugins []string) {
	for after := []byte(nil); ; {
		next := ""
		for key := range tx.Scan(bucketState, nil, after) {
			if slash := bytes.IndexByte(key, '/'); slash > 0 {
				next = string(key[:slash])
			}
			break
		}
		if next == "" {
			return plugins
		}
		plugins = append(plugins, next)
		after = []byte(next + "0") // the byte behind "/"
	}
}
