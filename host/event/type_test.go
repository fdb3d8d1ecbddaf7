package event

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk/plgv1"
)

// FuzzTypeOf compares the short way to an event's type with decoding all of it.
func FuzzTypeOf(f *testing.F) {
	record, err := proto.Marshal(&plgv1.Event{Sequence: 300, Type: "sale.completed", Customer: &plgv1.Customer{Id: "c"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add([]byte{0x12})
	f.Add([]byte{0x08, 0x01, 0x12, 0x01, 'a'})
	f.Fuzz(func(t *testing.T, record []byte) {
		got := typeOf(record)
		e := new(plgv1.Event)
		if proto.Unmarshal(record, e) != nil {
			return
		}
		// The engine's own records have each field once.
		clean, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got = typeOf(clean); got != e.Type {
			t.Errorf("%q, not %q", got, e.Type)
		}
	})
}
