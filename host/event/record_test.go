package event

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk/plgv1"
)

// FuzzHead compares the short way to an event's type and customer with decoding all of it.
func FuzzHead(f *testing.F) {
	for _, e := range []*plgv1.Event{
		{Sequence: 300, Type: "sale.completed", Customer: &plgv1.Customer{Id: "c"}},
		{Sequence: 1, Type: "x", Actor: &plgv1.Actor{Operator: "o"}, Detail: &plgv1.Event_SaleCompleted{}},
		{Customer: &plgv1.Customer{Name: "n", Email: "m"}},
	} {
		record, err := proto.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
	}
	f.Add([]byte{0x12})
	f.Add([]byte{0x08, 0x01, 0x12, 0x01, 'a'})
	f.Add([]byte{0x2a, 0x03, 0x0a, 0x05, 'a'})
	f.Fuzz(func(t *testing.T, record []byte) {
		head(record)
		e := new(plgv1.Event)
		if proto.Unmarshal(record, e) != nil {
			return
		}
		// The engine's own records have each field once.
		clean, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		kind, customer := head(clean)
		if string(kind) != e.Type || string(customer) != e.GetCustomer().GetId() {
			t.Errorf("%q of %q, not %q of %q", kind, customer, e.Type, e.GetCustomer().GetId())
		}
	})
}
