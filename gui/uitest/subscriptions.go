package uitest

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// someSubscriptions are how every customer of the fixed store stands to topics and channels.
func someSubscriptions() *mostradorv1.ShowSubscriptionsResponse {
	marta := &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	left := &mostradorv1.Subscription{Topic: "infantil", Since: at(-3000), Actor: &plgv1.Actor{Channel: "web"}, Means: plgv1.Means_MEANS_ONE_CLICK}
	return &mostradorv1.ShowSubscriptionsResponse{
		Notice:        "Mientras no acepte promociones, no recibe ninguna.",
		Subscriptions: []*mostradorv1.Subscription{{Channel: "email", On: true}, {Topic: "novedades", On: true, Since: at(-5000), Actor: marta, Means: plgv1.Means_MEANS_STAFF}, left},
		History:       []*mostradorv1.Subscription{left, {Topic: "novedades", On: true, Since: at(-5000), Actor: marta, Means: plgv1.Means_MEANS_STAFF, Note: "Lo pide en caja"}},
		Reasons:       []*mostradorv1.LeavingReason{{Time: at(-2999), Reason: "too_many", Words: "Llegaban tres a la semana."}},
	}
}

type subscriptions struct {
	mostradorv1connect.UnimplementedSubscriptionServiceHandler
	s *Store
}

func (h subscriptions) Topics(context.Context, *connect.Request[mostradorv1.ListTopicsRequest]) (*connect.Response[mostradorv1.ListTopicsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListTopicsResponse{}
	for _, topic := range h.s.Topics {
		res.Topics = append(res.Topics, proto.CloneOf(topic))
	}
	return connect.NewResponse(res), nil
}

func (h subscriptions) Show(context.Context, *connect.Request[mostradorv1.ShowSubscriptionsRequest]) (*connect.Response[mostradorv1.ShowSubscriptionsResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	return connect.NewResponse(proto.CloneOf(h.s.Subscriptions)), nil
}

func (h subscriptions) Change(_ context.Context, req *connect.Request[mostradorv1.ChangeSubscriptionRequest]) (*connect.Response[mostradorv1.ChangeSubscriptionResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	r := req.Msg
	if r.On && !r.Confirmed {
		return nil, refuse(connect.CodeFailedPrecondition, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("confirmed", "unconfirmed", "Confirme que el cliente lo pide.")}})
	}
	h.s.called(fmt.Sprintf("subscription %s %s%s on=%v %q", r.CustomerId, r.Topic, r.Channel, r.On, r.Note))
	for _, sub := range h.s.Subscriptions.Subscriptions {
		if sub.Topic == r.Topic && sub.Channel == r.Channel {
			sub.On, sub.Since, sub.Actor, sub.Means, sub.Note = r.On, at(90), &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}, plgv1.Means_MEANS_STAFF, r.Note
			h.s.Subscriptions.History = append([]*mostradorv1.Subscription{proto.CloneOf(sub)}, h.s.Subscriptions.History...)
		}
	}
	return connect.NewResponse(&mostradorv1.ChangeSubscriptionResponse{Now: proto.CloneOf(h.s.Subscriptions)}), nil
}
