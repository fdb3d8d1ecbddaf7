package intake_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/intake"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func asked(t *testing.T, key string) *mostradorv1.PostEventRequest {
	return &mostradorv1.PostEventRequest{Type: "faq.asked", IdempotencyKey: key, Data: data(t, `{"question":"¿Abren?"}`)}
}

func TestTheSameEventUnderTheSameKeyIsOne(t *testing.T) {
	w := newWorld(t)
	first := w.mustPost(asked(t, "k1"))
	w.now = w.now.Add(time.Hour)
	again := w.mustPost(asked(t, "k1"))
	if again.Sequence != first.Sequence || !again.Repeated || first.Repeated {
		t.Errorf("first %v, again %v", first, again)
	}
	other := asked(t, "k1")
	other.Data = data(t, `{"question":"¿Cierran?"}`)
	_, err := w.post(other)
	refused(t, err, 409, "idempotency_other")
	if other := w.mustPost(asked(t, "k2")); other.Repeated {
		t.Error("another key was taken for the same")
	}
	// Keys are each sender's own.
	_, id := w.key()
	sender := intake.Sender{Key: &mostradorv1.IntegrationKey{Id: id}, Actor: ana}
	if resp, err := w.intake.Post(t.Context(), sender, asked(t, "k1")); err != nil || resp.Repeated {
		t.Errorf("another sender's key: %v %v", resp, err)
	}
	if n := len(w.events("external.faq.asked")); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func TestOneOfManyWhoRaceIsTakenIn(t *testing.T) {
	w := newWorld(t)
	const racers = 64
	start, sequences := make(chan struct{}), make([]uint64, racers)
	fresh := make([]bool, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			resp, err := w.post(&mostradorv1.PostEventRequest{
				Type: "newsletter.subscribed", IdempotencyKey: "same", Register: true,
				Data:  data(t, `{"email":"ana@example.com","name":"Ana"}`),
				Files: []*mostradorv1.PostedFile{{Name: "a.txt", Data: []byte("hola")}},
			})
			if err != nil {
				t.Error(err)
				return
			}
			sequences[i], fresh[i] = resp.Sequence, !resp.Repeated
		})
	}
	close(start)
	wg.Wait()
	won := 0
	for i := range racers {
		if sequences[i] != sequences[0] {
			t.Errorf("answers %d and %d", sequences[0], sequences[i])
		}
		if fresh[i] {
			won++
		}
	}
	if won != 1 || len(w.events("external.newsletter.subscribed")) != 1 || len(w.events("customer.registered")) != 1 {
		t.Errorf("%d won, events %d, registrations %d", won, len(w.events("external.newsletter.subscribed")), len(w.events("customer.registered")))
	}
}

func TestTheCustomerIsFoundByWhateverIsKnown(t *testing.T) {
	w := newWorld(t)
	c := w.register("Ana Ruiz", "600111222", "ana@example.com")
	for i, key := range []string{c.Id, "1", "#1", "ana@EXAMPLE.com", "+34 600 11 12 22", " 600111222 "} {
		req := asked(t, fmt.Sprint(i))
		req.Customer = key
		if resp := w.mustPost(req); resp.CustomerId != c.Id || resp.Registered {
			t.Errorf("%q: %v", key, resp)
		}
	}
	events := w.events("external.faq.asked")
	if e := events[0]; e.GetCustomer().GetName() != "Ana Ruiz" || e.GetActor().GetOperator() != "Ana" || !e.GetTime().AsTime().Equal(w.now) {
		t.Errorf("the event is %v", e)
	}
	nobody := asked(t, "nobody")
	if resp := w.mustPost(nobody); resp.CustomerId != "" {
		t.Errorf("an event of nobody concerns %s", resp.CustomerId)
	}
	unknown := asked(t, "unknown")
	unknown.Customer = "luis@example.com"
	_, err := w.post(unknown)
	refused(t, err, 404, "no_customer")
}

func TestWhoIsUnknownIsRegisteredWithConsentPending(t *testing.T) {
	w := newWorld(t)
	known := w.register("Ana Ruiz", "600111222", "ana@example.com")
	subscribe := func(key, customer, text string) (*mostradorv1.PostEventResponse, error) {
		return w.post(&mostradorv1.PostEventRequest{Type: "newsletter.subscribed", IdempotencyKey: key, Customer: customer, Register: true, Data: data(t, text)})
	}
	resp, err := subscribe("1", "", `{"email":"luis@example.com","name":"Luis Gil","language":"en"}`)
	if err != nil || !resp.Registered {
		t.Fatalf("%v %v", resp, err)
	}
	var luis *plgv1.Customer
	_ = w.store.View(func(tx *store.Tx) error { luis, err = w.customers.Get(tx, resp.CustomerId); return nil })
	if err != nil || luis.Name != "Luis Gil" || luis.Language != "en" ||
		luis.Consent.Promotions != plgv1.ConsentState_CONSENT_STATE_PENDING || luis.AplicaPromociones {
		t.Errorf("registered %v %v", luis, err)
	}
	if resp, err := subscribe("2", "", `{"email":"Luis@example.com"}`); err != nil || resp.CustomerId != luis.Id {
		t.Errorf("an address in another spelling: %v %v", resp, err)
	}
	if resp, err := subscribe("3", "", `{"email":"otra@example.com","phone":"600111222"}`); err != nil || resp.CustomerId != known.Id {
		t.Errorf("known by phone: %v %v", resp, err)
	}
	if resp, err := subscribe("4", "eva@example.com", `{"email":"eva@example.com"}`); err != nil || !resp.Registered {
		t.Errorf("unknown key: %v %v", resp, err)
	}
	_, err = subscribe("5", "pepe@example.com", `{"email":"pepe@example.com","phone":"600111222"}`)
	if no := refused(t, err, 422, "register_taken"); strings.Contains(fmt.Sprint(no.Refusal), "Ana Ruiz") {
		t.Error("the refusal tells another system who has the phone")
	}
	_, err = subscribe("6", "", `{"email":"mar@example.com","phone":"6001112"}`)
	if no := refused(t, err, 422, "phone_short"); no.Refusal.Diagnostics[0].Path != "/data/phone" {
		t.Errorf("the fault is at %s", no.Refusal.Diagnostics[0].Path)
	}
	req := asked(t, "7")
	req.Register = true
	_, err = w.post(req)
	refused(t, err, 422, "register_who")
	if n := len(w.events("customer.registered")); n != 3 {
		t.Errorf("%d registrations, want 3: a refused event leaves nobody behind", n)
	}
}

func TestFilesAreKeptWithTheEventAndGoWithTheCustomer(t *testing.T) {
	w := newWorld(t)
	c := w.register("Ana Ruiz", "600111222", "")
	pdf := []byte("%PDF-1.7 factura")
	post := func(key string) *mostradorv1.PostEventResponse {
		return w.mustPost(&mostradorv1.PostEventRequest{
			Type: "invoice.issued", IdempotencyKey: key, Customer: c.Id, Data: data(t, `{"invoice":"F1","total":60,"currency":"EUR"}`),
			Files: []*mostradorv1.PostedFile{{Name: `C:\facturas\F1.pdf`, ContentType: "application/pdf", Data: pdf}},
		})
	}
	post("1")
	post("1")
	post("2")
	events := w.events("external.invoice.issued")
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	files := events[0].GetCustom().AsMap()["files"].([]any)
	f := files[0].(map[string]any)
	if len(files) != 1 || f["name"] != "F1.pdf" || f["type"] != "application/pdf" || f["size"] != float64(len(pdf)) {
		t.Errorf("files %v", files)
	}
	sha, err := hex.DecodeString(f["blob"].(string))
	if err != nil {
		t.Fatal(err)
	}
	content := func() (data []byte) {
		_ = w.store.View(func(tx *store.Tx) error { data = bytes.Clone(blob.Get(tx, sha)); return nil })
		return data
	}
	if !bytes.Equal(content(), pdf) {
		t.Errorf("kept %q", content())
	}
	if err := w.store.Update(t.Context(), func(tx *store.Tx) error { intake.Forget(tx, c.Id); return nil }); err != nil {
		t.Fatal(err)
	}
	if content() != nil {
		t.Error("the file is still there when its customer was forgotten")
	}
}

func TestWhatNoEventCanBeIsRefused(t *testing.T) {
	w := newWorld(t)
	w.register("Ana", "600111222", "")
	big := make([]byte, 4<<20)
	file := func(name, kind string, data []byte) *mostradorv1.PostedFile {
		return &mostradorv1.PostedFile{Name: name, ContentType: kind, Data: data}
	}
	nested := structpb.NewStringValue("x")
	for range 20 {
		nested = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"a": nested}})
	}
	for name, test := range map[string]struct {
		status int
		code   string
		change func(r *mostradorv1.PostEventRequest)
	}{
		"no key":        {400, "idempotency_missing", func(r *mostradorv1.PostEventRequest) { r.IdempotencyKey = " " }},
		"long key":      {400, "idempotency_long", func(r *mostradorv1.PostEventRequest) { r.IdempotencyKey = strings.Repeat("k", 201) }},
		"no type":       {404, "no_type", func(r *mostradorv1.PostEventRequest) { r.Type = "sale.completed" }},
		"odd type":      {404, "no_type", func(r *mostradorv1.PostEventRequest) { r.Type = "" }},
		"long customer": {422, "customer_long", func(r *mostradorv1.PostEventRequest) { r.Customer = strings.Repeat("a", 301) }},
		"future":        {422, "time_ahead", func(r *mostradorv1.PostEventRequest) { r.Time = timestamppb.New(w.now.Add(6 * time.Minute)) }},
		"antiquity":     {422, "time_behind", func(r *mostradorv1.PostEventRequest) { r.Time = timestamppb.New(time.Unix(0, 0)) }},
		"no time":       {422, "time_behind", func(r *mostradorv1.PostEventRequest) { r.Time = &timestamppb.Timestamp{Nanos: -1} }},
		"files member":  {422, "data_files", func(r *mostradorv1.PostEventRequest) { r.Data = data(t, `{"question":"x","files":[]}`) }},
		"deep data":     {422, "data_shape", func(r *mostradorv1.PostEventRequest) { r.Data.Fields["extra"] = nested }},
		"no number":     {422, "data_shape", func(r *mostradorv1.PostEventRequest) { r.Data.Fields["extra"] = structpb.NewNumberValue(math.NaN()) }},
		"nothing":       {422, "data_shape", func(r *mostradorv1.PostEventRequest) { r.Data.Fields["extra"] = &structpb.Value{} }},
		"large data":    {413, "data_long", func(r *mostradorv1.PostEventRequest) { r.Data.Fields["x"] = structpb.NewStringValue(string(big)) }},
		"many files":    {413, "files_many", func(r *mostradorv1.PostEventRequest) { r.Files = make([]*mostradorv1.PostedFile, 11) }},
		"large files": {413, "files_large", func(r *mostradorv1.PostEventRequest) {
			r.Files = []*mostradorv1.PostedFile{file("a", "", big), file("b", "", big), file("c", "", big)}
		}},
		"nameless file":  {422, "file_name", func(r *mostradorv1.PostEventRequest) { r.Files = []*mostradorv1.PostedFile{file("..", "", big)} }},
		"file of a name": {422, "file_name", func(r *mostradorv1.PostEventRequest) { r.Files = []*mostradorv1.PostedFile{file("a\r\nb", "", big)} }},
		"empty file":     {422, "file_empty", func(r *mostradorv1.PostEventRequest) { r.Files = []*mostradorv1.PostedFile{file("a", "", nil)} }},
		"typeless file":  {422, "file_type", func(r *mostradorv1.PostEventRequest) { r.Files = []*mostradorv1.PostedFile{file("a", "x", big)} }},
		"no PDF": {422, "file_pdf", func(r *mostradorv1.PostEventRequest) {
			r.Files = []*mostradorv1.PostedFile{file("a", "application/pdf", []byte("<html>"))}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			req := proto.CloneOf(asked(t, name))
			test.change(req)
			_, err := w.post(req)
			refused(t, err, test.status, test.code)
		})
	}
	if n := len(w.events("external.faq.asked")); n != 0 {
		t.Errorf("%d events were taken in", n)
	}
}

func TestOneOfSeveralThatIsRefusedKeepsNoneOfTheOthersOut(t *testing.T) {
	w := newWorld(t)
	bad := asked(t, "b")
	bad.Data = &structpb.Struct{}
	half := &mostradorv1.PostEventRequest{ // refused within the transaction
		Type: "newsletter.subscribed", IdempotencyKey: "c", Register: true, Data: data(t, `{"email":"x@example.com","phone":"6001112"}`),
	}
	outcomes, err := w.intake.PostAll(t.Context(), intake.Sender{Actor: ana}, []*mostradorv1.PostEventRequest{asked(t, "a"), bad, half, asked(t, "d"), asked(t, "a")})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, outcomes[1].Err, 422, "fault_required")
	refused(t, outcomes[2].Err, 422, "phone_short")
	if a, d, again := outcomes[0].Response, outcomes[3].Response, outcomes[4].Response; a.GetSequence() != 1 || d.GetSequence() != 2 || !again.GetRepeated() {
		t.Errorf("outcomes %v", outcomes)
	}
}

func TestWhatWasNotTakenInIsNotRepeated(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.intake.Post(ctx, intake.Sender{Actor: ana}, asked(t, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if resp := w.mustPost(asked(t, "a")); resp.Repeated {
		t.Error("what was not taken in was answered as repeated")
	}
}

func TestKeysOpenTheDoorUntilTheyAreRevoked(t *testing.T) {
	w := newWorld(t)
	secret, id := w.key("cart.abandoned")
	key, err := w.intake.Authenticate(t.Context(), secret)
	if err != nil || key.Id != id {
		t.Fatalf("%v %v", key, err)
	}
	sender := intake.Sender{Key: key, Actor: ana}
	_, err = w.intake.Post(t.Context(), sender, asked(t, "a"))
	refused(t, err, 403, "key_type")

	keys, err := w.intake.Keys()
	if err != nil || len(keys) != 1 || !keys[0].LastUsed.AsTime().Equal(w.now) {
		t.Errorf("keys %v %v", keys, err)
	}
	if err := w.store.View(func(tx *store.Tx) error {
		for _, bucket := range []store.Bucket{"intake_key", "intake_secret", "event"} {
			for k, v := range tx.Scan(bucket, nil, nil) {
				if bytes.Contains(append(bytes.Clone(k), v...), []byte(secret[3:])) {
					t.Errorf("the secret stands in %s", bucket)
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.intake.RevokeKey(t.Context(), ana, id); err != nil {
		t.Fatal(err)
	}
	if err := w.intake.RevokeKey(t.Context(), ana, id); err != nil {
		t.Errorf("revoking again: %v", err)
	}
	for _, secret := range []string{secret, "", "mk_", "mk_" + strings.Repeat("a", 26), strings.ToUpper(secret)} {
		_, err := w.intake.Authenticate(t.Context(), secret)
		refused(t, err, 401, "key_unknown")
	}
	refused(t, w.intake.RevokeKey(t.Context(), ana, "nobody"), 404, "no_key")
	refused(t, w.intake.RevokeKey(t.Context(), ana, ""), 404, "no_key")
	_, _, err = w.intake.CreateKey(t.Context(), ana, " ", nil)
	refused(t, err, 422, "key_name")
	_, _, err = w.intake.CreateKey(t.Context(), ana, "x", []string{"no.such"})
	refused(t, err, 422, "no_type")
}
