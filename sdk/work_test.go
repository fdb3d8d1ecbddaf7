package sdk

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/fstest"

	"google.golang.org/grpc"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk/plgv1"
)

// replay is a host that sends the same batch n times.
type replay struct {
	grpc.ServerStream
	request *plgv1.WorkRequest
	n       int
}

func (r *replay) Context() context.Context       { return context.Background() }
func (r *replay) Send(*plgv1.WorkResponse) error { return nil }
func (r *replay) Recv() (*plgv1.WorkRequest, error) {
	if r.n--; r.n < 0 {
		return nil, io.EOF
	}
	return r.request, nil
}

// BenchmarkHandling is what the SDK itself adds to an event: no process, no stream.
func BenchmarkHandling(b *testing.B) {
	p := New(fstest.MapFS{"plugin.yaml": {Data: []byte("{id: PLG0900, name: {es: a, en: a}, version: 1.0.0, api: 1, events: {handles: [customer.registered]}}")}})
	On(p, func(_ context.Context, tx *Tx, e CustomerRegistered) error { return tx.Save(count(1)) })
	batch := &plgv1.Batch{}
	for i := range 1000 {
		event, err := proto.Marshal(&plgv1.Event{
			Sequence: uint64(i), Type: "customer.registered",
			Customer: &plgv1.Customer{Id: fmt.Sprintf("0198f000-0000-7000-8000-%012d", i), Name: "Ana"},
		})
		if err != nil {
			b.Fatal(err)
		}
		batch.Deliveries = append(batch.Deliveries, &plgv1.Delivery{Event: event})
	}
	b.ReportAllocs()
	if err := (&server{plugin: p}).Work(&replay{n: b.N, request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Batch{Batch: batch}}}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/event")
}

// count is a record that brings its own form.
type count byte

func (c count) MarshalBinary() ([]byte, error)  { return []byte{byte(c)}, nil }
func (c *count) UnmarshalBinary(b []byte) error { *c = count(b[0]); return nil }
