package uitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// Integrations are the other systems of the fixed store.
type Integrations struct {
	Types    []*mostradorv1.EventType
	Keys     []*mostradorv1.IntegrationKey
	Webhooks []*mostradorv1.Webhook
	Calls    []*mostradorv1.WebhookCall
}

func someIntegrations() *Integrations {
	marta := &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	return &Integrations{
		Types: []*mostradorv1.EventType{
			{Type: "cart.abandoned", Name: "Cesta abandonada", NameEn: "Cart abandoned", Description: "Alguien dejó artículos en la cesta de la tienda en línea.", Builtin: true, Received: 1284, Last: at(30),
				Schema: "{\n  \"type\": \"object\",\n  \"required\": [\"total\"],\n  \"properties\": {\n    \"total\": {\"type\": \"number\"},\n    \"items\": {\"type\": \"integer\"},\n    \"url\": {\"type\": \"string\", \"format\": \"uri\"}\n  }\n}", Example: "{\"total\": 48.5, \"items\": 3, \"url\": \"https://tienda.example.com/cesta/91\"}"},
			{Type: "payment.deposited", Name: "Pago ingresado", Builtin: true, Received: 96, Last: at(-900), Schema: "{}", Example: "{\"amount\": 120}"},
			{Type: "taller.reservado", Name: "Plaza de taller reservada", Description: "Lo cuenta la web de talleres.", Received: 12, Last: at(-5000), Schema: "{\"type\": \"object\"}", Example: "{\"taller\": \"Encuadernación\"}"},
		},
		Keys: []*mostradorv1.IntegrationKey{
			{Id: "k1", Name: "Tienda en línea", Types: []string{"cart.abandoned"}, Created: at(-60 * 24 * 90), LastUsed: at(30), Actor: marta},
			{Id: "k2", Name: "Prueba", Created: at(-60 * 24 * 10), Actor: marta, Revoked: true},
		},
		Webhooks: []*mostradorv1.Webhook{
			{Id: "w1", Name: "Contabilidad", Url: "https://conta.example.com/mostrador", Events: []string{"sale.*"}, Enabled: true, Created: at(-60 * 24 * 50), LastSuccess: at(50)},
			{Id: "w2", Name: "Boletín", Url: "https://boletin.example.com/hook", Events: []string{"consent.*"}, SetAside: true, Pending: 14, LastError: "503 Service Unavailable", LastSuccess: at(-60 * 24 * 4)},
		},
		Calls: []*mostradorv1.WebhookCall{
			{Id: "l2", Webhook: "w2", Sequence: 812, Type: "consent.withdrawn", Created: at(20), Attempts: 9, Status: 503, Answer: "Service Unavailable", Failed: true},
			{Id: "l1", Webhook: "w2", Sequence: 640, Type: "consent.given", Created: at(-60 * 24 * 4), Attempts: 1, Status: 204, Done: at(-60 * 24 * 4)},
		},
	}
}

type integrations struct {
	mostradorv1connect.UnimplementedIntegrationServiceHandler
	s *Store
}

func clones[T proto.Message](list []T) []T {
	out := make([]T, len(list))
	for i, m := range list {
		out[i] = proto.CloneOf(m)
	}
	return out
}

func (h integrations) Types(context.Context, *connect.Request[mostradorv1.ListEventTypesRequest]) (*connect.Response[mostradorv1.ListEventTypesResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(&mostradorv1.ListEventTypesResponse{Types: clones(h.s.Integrations.Types)}), nil
}

func (h integrations) PutType(_ context.Context, req *connect.Request[mostradorv1.PutEventTypeRequest]) (*connect.Response[mostradorv1.PutEventTypeResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	t := proto.CloneOf(req.Msg.Type)
	if strings.Contains(t.Schema, "objeto") {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("type.schema", "schema", "El esquema no es JSON Schema: «objeto» no es un tipo.")}})
	}
	h.s.called("event type " + t.Type + " " + t.Name)
	all := &h.s.Integrations.Types
	if i := slices.IndexFunc(*all, func(o *mostradorv1.EventType) bool { return o.Type == t.Type }); i >= 0 {
		(*all)[i] = t
	} else {
		*all = append(*all, t)
	}
	return connect.NewResponse(&mostradorv1.PutEventTypeResponse{Type: t}), nil
}

func (h integrations) DeleteType(_ context.Context, req *connect.Request[mostradorv1.DeleteEventTypeRequest]) (*connect.Response[mostradorv1.DeleteEventTypeResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("event type delete " + req.Msg.Type)
	h.s.Integrations.Types = slices.DeleteFunc(h.s.Integrations.Types, func(t *mostradorv1.EventType) bool { return t.Type == req.Msg.Type })
	return connect.NewResponse(&mostradorv1.DeleteEventTypeResponse{}), nil
}

func (h integrations) Keys(context.Context, *connect.Request[mostradorv1.ListKeysRequest]) (*connect.Response[mostradorv1.ListKeysResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(&mostradorv1.ListKeysResponse{Keys: clones(h.s.Integrations.Keys)}), nil
}

func (h integrations) CreateKey(_ context.Context, req *connect.Request[mostradorv1.CreateKeyRequest]) (*connect.Response[mostradorv1.CreateKeyResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprintf("key %s %v", req.Msg.Name, req.Msg.Types))
	key := &mostradorv1.IntegrationKey{Id: "k9", Name: req.Msg.Name, Types: req.Msg.Types, Created: at(90), Actor: &plgv1.Actor{Operator: "Marta Ruiz"}}
	h.s.Integrations.Keys = append(h.s.Integrations.Keys, key)
	return connect.NewResponse(&mostradorv1.CreateKeyResponse{Key: proto.CloneOf(key), Secret: "mst_4f1c9a7e2b8d4c6f9e0a1b2c3d4e5f60"}), nil
}

func (h integrations) RevokeKey(_ context.Context, req *connect.Request[mostradorv1.RevokeKeyRequest]) (*connect.Response[mostradorv1.RevokeKeyResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("revoke " + req.Msg.Id)
	for _, k := range h.s.Integrations.Keys {
		k.Revoked = k.Revoked || k.Id == req.Msg.Id
	}
	return connect.NewResponse(&mostradorv1.RevokeKeyResponse{}), nil
}

func (h integrations) Webhooks(context.Context, *connect.Request[mostradorv1.ListWebhooksRequest]) (*connect.Response[mostradorv1.ListWebhooksResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(&mostradorv1.ListWebhooksResponse{Webhooks: clones(h.s.Integrations.Webhooks)}), nil
}

func (h integrations) PutWebhook(_ context.Context, req *connect.Request[mostradorv1.PutWebhookRequest]) (*connect.Response[mostradorv1.PutWebhookResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	w := proto.CloneOf(req.Msg.Webhook)
	if !strings.HasPrefix(w.Url, "https://") {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("webhook.url", "url", "La dirección debe empezar por https://.")}})
	}
	h.s.called(fmt.Sprintf("webhook %q %s %s %v enabled=%v secret=%v", w.Id, w.Name, w.Url, w.Events, w.Enabled, req.Msg.NewSecret))
	all := &h.s.Integrations.Webhooks
	if i := slices.IndexFunc(*all, func(o *mostradorv1.Webhook) bool { return o.Id == w.Id }); i >= 0 {
		(*all)[i] = proto.CloneOf(w)
	} else {
		w.Id = "w9"
		*all = append(*all, proto.CloneOf(w))
		req.Msg.NewSecret = true
	}
	if req.Msg.NewSecret {
		w.Secret = "whsec_9d8c7b6a5f4e3d2c1b0a"
	}
	return connect.NewResponse(&mostradorv1.PutWebhookResponse{Webhook: w}), nil
}

func (h integrations) DeleteWebhook(_ context.Context, req *connect.Request[mostradorv1.DeleteWebhookRequest]) (*connect.Response[mostradorv1.DeleteWebhookResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("webhook delete " + req.Msg.Id)
	h.s.Integrations.Webhooks = slices.DeleteFunc(h.s.Integrations.Webhooks, func(w *mostradorv1.Webhook) bool { return w.Id == req.Msg.Id })
	return connect.NewResponse(&mostradorv1.DeleteWebhookResponse{}), nil
}

func (h integrations) TestWebhook(_ context.Context, req *connect.Request[mostradorv1.TestWebhookRequest]) (*connect.Response[mostradorv1.TestWebhookResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("webhook test " + req.Msg.Id)
	return connect.NewResponse(&mostradorv1.TestWebhookResponse{Call: &mostradorv1.WebhookCall{Webhook: req.Msg.Id, Status: 204, Answer: "No Content", Done: at(90), Attempts: 1}}), nil
}

func (h integrations) Calls(_ context.Context, req *connect.Request[mostradorv1.ListCallsRequest]) (*connect.Response[mostradorv1.ListCallsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListCallsResponse{}
	for _, c := range h.s.Integrations.Calls {
		if req.Msg.Webhook == "" || c.Webhook == req.Msg.Webhook {
			res.Calls = append(res.Calls, proto.CloneOf(c))
		}
	}
	return connect.NewResponse(res), nil
}

func (h integrations) RetryCall(_ context.Context, req *connect.Request[mostradorv1.RetryCallRequest]) (*connect.Response[mostradorv1.RetryCallResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("call retry " + req.Msg.Id)
	for _, c := range h.s.Integrations.Calls {
		if c.Id == req.Msg.Id {
			c.Failed, c.NextAttempt = false, at(91)
			return connect.NewResponse(&mostradorv1.RetryCallResponse{Call: proto.CloneOf(c)}), nil
		}
	}
	return nil, notFound("llamada")
}
