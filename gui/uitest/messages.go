package uitest

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

type messages struct {
	mostradorv1connect.UnimplementedMessageServiceHandler
	s *Store
}

func (h messages) List(_ context.Context, req *connect.Request[mostradorv1.ListMessagesRequest]) (*connect.Response[mostradorv1.ListMessagesResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListMessagesResponse{}
	for _, m := range h.s.Messages {
		r := req.Msg
		troubled := m.Delivery.GetBounced() != nil || m.Delivery.GetComplained() != nil
		if (r.CustomerId == "" || m.CustomerId == r.CustomerId) && (r.State == 0 || m.State == r.State) && (r.Plugin == "" || m.Plugin == r.Plugin) &&
			(r.Template == "" || m.Template == r.Template) && (r.Rule == "" || m.Rule == r.Rule) && (!r.Troubled || troubled) {
			res.Messages = append(res.Messages, proto.CloneOf(m))
		}
	}
	return connect.NewResponse(res), nil
}

func (h messages) Get(_ context.Context, req *connect.Request[mostradorv1.GetMessageRequest]) (*connect.Response[mostradorv1.GetMessageResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	i := slices.IndexFunc(h.s.Messages, func(m *mostradorv1.Message) bool { return m.Id == req.Msg.Id })
	if i < 0 {
		return nil, notFound("mensaje")
	}
	m := proto.CloneOf(h.s.Messages[i])
	return connect.NewResponse(&mostradorv1.GetMessageResponse{Message: m, Mail: Mail(m.To)}), nil
}

func (h messages) Retry(_ context.Context, req *connect.Request[mostradorv1.RetryMessageRequest]) (*connect.Response[mostradorv1.RetryMessageResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	for _, m := range h.s.Messages {
		if m.Id == req.Msg.Id {
			h.s.called("retry " + m.Id)
			m.State = mostradorv1.MessageState_MESSAGE_STATE_QUEUED
			return connect.NewResponse(&mostradorv1.RetryMessageResponse{Message: proto.CloneOf(m)}), nil
		}
	}
	return nil, notFound("mensaje")
}

func (h messages) RetryFailed(_ context.Context, req *connect.Request[mostradorv1.RetryFailedRequest]) (*connect.Response[mostradorv1.RetryFailedResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	n := uint64(0)
	for _, m := range h.s.Messages {
		if m.State == mostradorv1.MessageState_MESSAGE_STATE_FAILED && (req.Msg.Template == "" || m.Template == req.Msg.Template) {
			n++
			if !req.Msg.DryRun {
				m.State = mostradorv1.MessageState_MESSAGE_STATE_QUEUED
			}
		}
	}
	if !req.Msg.DryRun {
		h.s.called(fmt.Sprintf("retry failed %s%s%s %d", req.Msg.Plugin, req.Msg.Template, req.Msg.Rule, n))
	}
	return connect.NewResponse(&mostradorv1.RetryFailedResponse{Messages: n}), nil
}

func (h messages) Cancel(_ context.Context, req *connect.Request[mostradorv1.CancelMessageRequest]) (*connect.Response[mostradorv1.CancelMessageResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	for _, m := range h.s.Messages {
		if m.Id == req.Msg.Id {
			h.s.called("cancel " + m.Id)
			m.State = mostradorv1.MessageState_MESSAGE_STATE_CANCELLED
			return connect.NewResponse(&mostradorv1.CancelMessageResponse{Message: proto.CloneOf(m)}), nil
		}
	}
	return nil, notFound("mensaje")
}

func (h messages) Why(_ context.Context, req *connect.Request[mostradorv1.WhyMessageRequest]) (*connect.Response[mostradorv1.WhyMessageResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	marta := &plgv1.Actor{Operator: "Marta Ruiz", Till: "1", Channel: "gui"}
	check := func(name string, passed bool, words string, minutes int, actor *plgv1.Actor) *mostradorv1.MessageCheck {
		return &mostradorv1.MessageCheck{Check: name, Passed: passed, Words: words, Time: at(minutes), Actor: actor}
	}
	if req.Msg.Id == "" {
		h.s.called(fmt.Sprintf("why %s %s %s", req.Msg.CustomerId, req.Msg.Kind, req.Msg.Topic))
		quiet := check("quiet_hours", false, "Son horas de silencio hasta las 9:00.", 90, nil)
		quiet.Until = at(60 * 14)
		return connect.NewResponse(&mostradorv1.WhyMessageResponse{Words: "No: el cliente no ha aceptado promociones.", Checks: []*mostradorv1.MessageCheck{
			check("address", true, "Tiene un correo y no ha rebotado.", 5, nil), check("consent", false, "Promociones: pendiente de aceptar.", 5, nil), quiet,
			check("subscription", true, "Está suscrito a Novedades.", 5, marta)}}), nil
	}
	for _, m := range h.s.Messages {
		if m.Id == req.Msg.Id && m.State == mostradorv1.MessageState_MESSAGE_STATE_QUEUED {
			wait := check("quiet_hours", false, "Está programado para las 9:30 de mañana.", 2, nil)
			wait.Until = m.NotBefore
			return connect.NewResponse(&mostradorv1.WhyMessageResponse{Message: proto.CloneOf(m), Words: "Aún no ha salido: espera a su hora.", Checks: []*mostradorv1.MessageCheck{
				check("rule", true, "La pide la regla «Cesta abandonada: ofrecer ayuda» por el evento 18.", 2, marta), wait}}), nil
		}
		if m.Id == req.Msg.Id {
			return connect.NewResponse(&mostradorv1.WhyMessageResponse{Message: proto.CloneOf(m), Words: "No se entregó: el servidor dice que el buzón no existe.", Checks: []*mostradorv1.MessageCheck{
				check("rule", true, "La pide la regla «Bienvenida» de PLG0074 por el evento 17.", 39, marta), check("customer", true, "José Luis Benítez de la Vega y Montoro, n.º 4.", 39, nil),
				check("suppression", true, "La dirección podía recibir correo.", 40, nil), check("server", false, "550 5.1.1 User unknown", 40, nil)}}), nil
		}
	}
	return nil, notFound("mensaje")
}
