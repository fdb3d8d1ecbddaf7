package event

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mostrador/sdk/plgv1"
)

// Record is an event as it stands in the log. Most events only pass through the host: what it must know of
// them is read without decoding the rest, and the plugin gets the very bytes of the log.
type Record struct {
	Sequence uint64
	// Customer is the id of whom the event concerns; empty for nobody.
	Customer string
	// Other is the id of the other customer of a merge, or of the taking back of one.
	Other string
	// Erased tells that the event is customer.erased.
	Erased bool
	// data is the encoded plgv1.Event.
	data []byte
}

// The types of events about which the engine itself knows more than their customer.
const (
	TypeMerged   = "customer.merged"
	TypeUnmerged = "customer.unmerged"
	TypeErased   = "customer.erased"
)

// recordOf is the record of an encoded event, whose type and customer are known.
func recordOf(sequence uint64, kind, customer, data []byte) Record {
	r := Record{Sequence: sequence, Customer: string(customer), data: data}
	switch string(kind) {
	case TypeMerged:
		r.Other = string(field(field(field(data, fieldMerged), fieldGone), fieldCustomerID))
	case TypeUnmerged:
		r.Other = string(field(field(field(data, fieldUnmerged), fieldGone), fieldCustomerID))
	case TypeErased:
		r.Erased = true
	}
	return r
}

// Event decodes the event. Each call makes a new one.
func (r *Record) Event() (*plgv1.Event, error) {
	e := new(plgv1.Event)
	if err := proto.Unmarshal(r.data, e); err != nil {
		return nil, fmt.Errorf("event: record %d: %w", r.Sequence, err)
	}
	return e, nil
}

// newRecord is the record of an event that was taken out of the log.
func newRecord(e *plgv1.Event) (Record, error) {
	data, err := proto.Marshal(e)
	if err != nil {
		return Record{}, fmt.Errorf("event: record %d: %w", e.Sequence, err)
	}
	return recordOf(e.Sequence, []byte(e.Type), []byte(e.GetCustomer().GetId()), data), nil
}

// Fields of plgv1.Event, plgv1.Customer and what is in them.
const (
	fieldType       = 2
	fieldCustomer   = 5
	fieldCustomerID = 1
	fieldMerged     = 19
	fieldUnmerged   = 20
	fieldGone       = 1 // of CustomerMerged and CustomerUnmerged
)

// head reads the type of an encoded event and the id of its customer, as parts of data. What does not decode
// is empty here, and an error to whoever decodes all of it.
func head(data []byte) (kind, customerID []byte) {
	return field(data, fieldType), field(field(data, fieldCustomer), fieldCustomerID)
}

// field finds the first field of that number with bytes in it.
func field(message []byte, number protowire.Number) []byte {
	for len(message) > 0 {
		found, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil
		}
		message = message[n:]
		if found == number && kind == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(message) // nil when cut off
			return v
		}
		if n = protowire.ConsumeFieldValue(found, kind, message); n < 0 {
			return nil
		}
		message = message[n:]
	}
	return nil
}
