package api_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	pb "mostrador/host/api/mostradorv1"
)

func question(key string) *connect.Request[pb.PostEventRequest] {
	return connect.NewRequest(&pb.PostEventRequest{
		Type: "faq.asked", IdempotencyKey: key,
		Data: &structpb.Struct{Fields: map[string]*structpb.Value{"question": structpb.NewStringValue("¿Abren?")}},
	})
}

func TestStaffPostEventsByTheirRole(t *testing.T) {
	w := newWorld(t)
	if _, err := w.as(t, pb.Role_ROLE_CASHIER).integration.Post(t.Context(), question("k")); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("a cashier: %v", err)
	}
	operator := w.as(t, pb.Role_ROLE_OPERATOR)
	first, err := operator.integration.Post(t.Context(), question("k"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := operator.integration.Post(t.Context(), question("k"))
	if err != nil || !again.Msg.Repeated || again.Msg.Sequence != first.Msg.Sequence {
		t.Errorf("again: %v %v", again, err)
	}
	for _, test := range []struct {
		change func(*pb.PostEventRequest)
		code   connect.Code
		name   string
	}{
		{func(r *pb.PostEventRequest) { r.Customer = "1" }, connect.CodeAlreadyExists, "idempotency_other"},
		{func(r *pb.PostEventRequest) { r.IdempotencyKey, r.Customer = "n", "nadie@example.com" }, connect.CodeNotFound, "no_customer"},
		{func(r *pb.PostEventRequest) { r.IdempotencyKey, r.Data = "n", nil }, connect.CodeInvalidArgument, "fault_required"},
	} {
		req := question("k")
		test.change(req.Msg)
		_, err := operator.integration.Post(t.Context(), req)
		if r := refusal(err); connect.CodeOf(err) != test.code || r == nil || r.Diagnostics[0].Code != test.name {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := operator.integration.CreateKey(t.Context(), connect.NewRequest(&pb.CreateKeyRequest{Name: "x"})); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("an operator makes keys: %v", err)
	}
	large := question("large")
	large.Msg.Files = []*pb.PostedFile{{Name: "a.bin", Data: bytes.Repeat([]byte{7}, 9<<20)}}
	if _, err := w.as(t, pb.Role_ROLE_TECHNICIAN).integration.Post(t.Context(), large); err != nil {
		t.Errorf("an event with a large file: %v", err)
	}
}

func TestOtherSystemsPostEventsBesideConnect(t *testing.T) {
	w := newWorld(t)
	technician := w.as(t, pb.Role_ROLE_TECHNICIAN)
	made, err := technician.integration.CreateKey(t.Context(), connect.NewRequest(&pb.CreateKeyRequest{Name: "Tienda web"}))
	if err != nil {
		t.Fatal(err)
	}
	post := func(secret string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.tcp+"/v1/events", strings.NewReader(`{"type":"faq.asked","data":{"question":"x"}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Idempotency-Key", "k")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, text := post(made.Msg.Secret); status != 201 {
		t.Errorf("%d %s", status, text)
	}
	if _, err := technician.integration.RevokeKey(t.Context(), connect.NewRequest(&pb.RevokeKeyRequest{Id: made.Msg.Key.Id})); err != nil {
		t.Fatal(err)
	}
	if status, text := post(made.Msg.Secret); status != 401 || !strings.Contains(text, `"code":"key_unknown"`) {
		t.Errorf("revoked: %d %s", status, text)
	}
	// The key of another system opens nothing else.
	if _, err := w.call(t, w.tcp, "Authorization", "Bearer "+made.Msg.Secret).customers.Get(t.Context(), connect.NewRequest(&pb.GetCustomerRequest{Key: "1"})); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("an API key as a session: %v", err)
	}
	keys, err := technician.integration.Keys(t.Context(), connect.NewRequest(&pb.ListKeysRequest{}))
	if err != nil || len(keys.Msg.Keys) != 1 || !keys.Msg.Keys[0].Revoked || keys.Msg.Keys[0].GetActor().GetOperator() == "" {
		t.Errorf("keys %v %v", keys, err)
	}
	if _, err := technician.integration.TestWebhook(t.Context(), connect.NewRequest(&pb.TestWebhookRequest{Id: "wh_x"})); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("no webhook: %v", err)
	}
}
