package uitest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// someRules are the rules of the fixed store.
func someRules() []*mostradorv1.RuleSet {
	customer, addresses := plgv1.MessageRule_RECIPIENT_CUSTOMER, plgv1.MessageRule_RECIPIENT_ADDRESSES
	cart := &plgv1.MessageRule{Id: "cesta", Name: "Cesta abandonada: ofrecer ayuda", Event: "external.cart.abandoned", Condition: "event.total > 20.0", Wait: durationpb.New(24 * time.Hour), At: "10:00",
		ExitEvents: []string{"sale.completed"}, OncePer: durationpb.New(7 * 24 * time.Hour), To: customer, Kind: advert, Template: "biblioteca/cesta", Topic: "novedades", Recipe: "cesta"}
	on := proto.CloneOf(cart)
	on.Enabled = true
	level := &plgv1.MessageRule{Name: "Nivel de compras alcanzado", Event: "sale.completed", Condition: "purchases.total >= 500.0", OncePer: durationpb.New(100 * 365 * 24 * time.Hour), To: customer, Kind: advert,
		Template: "biblioteca/cesta", Promotion: "verano-2026", Recipe: "nivel"}
	return []*mostradorv1.RuleSet{{Plugin: "PLG0110", Setting: "PLG0110Reglas", Name: "Mensajes por evento",
		Rules: []*plgv1.MessageRule{on,
			{Id: "pago", Name: "Pago ingresado: dar las gracias", Enabled: true, Event: "external.payment.deposited", To: customer, Kind: service, Template: "templates/pago.html"},
			{Id: "alta", Name: "Avisar al personal de cada alta", Event: "consent.given", To: addresses, Addresses: []string{"tienda@example.com"}, Kind: service, Template: "biblioteca/factura"}},
		Recipes: []*mostradorv1.Recipe{
			{Id: "cesta", Name: "Cesta abandonada", Description: "Un día después pregunta por qué y ofrece ayuda, si no ha comprado mientras.", Rule: cart},
			{Id: "nivel", Name: "Nivel de compras alcanzado", Description: "La primera vez que lo gastado pasa de una cantidad, con un código propio.", Rule: level},
			{Id: "dormido", Name: "Dejó de comprar", Description: "A los 90 días sin compras, una vez al año.", Rule: &plgv1.MessageRule{Name: "Dejó de comprar", Event: "sale.completed", Wait: durationpb.New(90 * 24 * time.Hour), ExitEvents: []string{"sale.completed"}, To: customer, Kind: advert}},
			{Id: "baja", Name: "Baja: preguntar el motivo", Description: "Pregunta a quien se va por qué, con el camino de vuelta.", Rule: &plgv1.MessageRule{Name: "Baja: preguntar el motivo", Event: "consent.withdrawn", To: customer, Kind: service}},
		},
		Events: []*mostradorv1.RuleEvent{
			{Type: "sale.completed", Name: "Compra terminada", Variables: []*mostradorv1.RuleVariable{{Written: "event.total", Words: "Importe de la compra"}, {Written: "purchases.total", Words: "Todo lo gastado por el cliente"}, {Written: "purchases.count", Words: "Número de compras"}}},
			{Type: "consent.given", Name: "El cliente acepta", Variables: []*mostradorv1.RuleVariable{{Written: "consent.promotions", Words: "Si acepta promociones"}}},
			{Type: "consent.withdrawn", Name: "El cliente se da de baja"},
			{Type: "external.cart.abandoned", Name: "Cesta abandonada", Variables: []*mostradorv1.RuleVariable{{Written: "event.total", Words: "Importe de la cesta"}, {Written: "event.items", Words: "Número de artículos"}}},
			{Type: "external.payment.deposited", Name: "Pago ingresado", Variables: []*mostradorv1.RuleVariable{{Written: "event.amount", Words: "Importe ingresado"}}},
		}}}
}

type rules struct {
	mostradorv1connect.UnimplementedRuleServiceHandler
	s *Store
}

func (h rules) List(context.Context, *connect.Request[mostradorv1.ListRulesRequest]) (*connect.Response[mostradorv1.ListRulesResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	res := &mostradorv1.ListRulesResponse{}
	for _, set := range h.s.Rules {
		res.Sets = append(res.Sets, proto.CloneOf(set))
	}
	return connect.NewResponse(res), nil
}

func (h rules) set(setting string) *mostradorv1.RuleSet {
	for _, set := range h.s.Rules {
		if set.Setting == setting {
			return set
		}
	}
	return &mostradorv1.RuleSet{}
}

func (h rules) Put(_ context.Context, req *connect.Request[mostradorv1.PutRuleRequest]) (*connect.Response[mostradorv1.PutRuleResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	set, put := h.set(req.Msg.Setting), proto.CloneOf(req.Msg.Rule)
	var diags []*plgv1.Diagnostic
	if strings.Contains(put.Condition, "evento") {
		diags = append(diags, wrong("rule.condition", "cel", "Línea 1, columna 1: no existe «evento». ¿Quería decir event?"))
	}
	if put.Template == "" {
		diags = append(diags, wrong("rule.template", "template_missing", "Elija la plantilla del mensaje."))
	}
	if len(diags) > 0 {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: diags})
	}
	h.s.called(fmt.Sprintf("rule %q %s enabled=%v %s wait=%v once=%v %s %s", put.Id, put.Name, put.Enabled, put.Event, put.Wait.AsDuration(), put.OncePer.AsDuration(), put.To, put.Template))
	if put.Id == "" {
		put.Id = fmt.Sprintf("regla-%d", len(set.Rules)+1)
	}
	if i := slices.IndexFunc(set.Rules, func(r *plgv1.MessageRule) bool { return r.Id == put.Id }); i >= 0 {
		set.Rules[i] = put
	} else {
		set.Rules = append(set.Rules, put)
	}
	h.s.tell(mostradorv1.WatchResponse_KIND_SETTING, set.Setting, nil)
	return connect.NewResponse(&mostradorv1.PutRuleResponse{Rule: proto.CloneOf(put)}), nil
}

func (h rules) Delete(_ context.Context, req *connect.Request[mostradorv1.DeleteRuleRequest]) (*connect.Response[mostradorv1.DeleteRuleResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called("rule delete " + req.Msg.Id)
	set := h.set(req.Msg.Setting)
	set.Rules = slices.DeleteFunc(set.Rules, func(r *plgv1.MessageRule) bool { return r.Id == req.Msg.Id })
	return connect.NewResponse(&mostradorv1.DeleteRuleResponse{}), nil
}

func (h rules) Rehearse(_ context.Context, req *connect.Request[mostradorv1.RehearseRuleRequest]) (*connect.Response[mostradorv1.RehearseRuleResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.called(fmt.Sprintf("rehearse %s %d", req.Msg.Rule.Name, req.Msg.Days))
	if strings.Contains(req.Msg.Rule.Condition, "evento") {
		return connect.NewResponse(&mostradorv1.RehearseRuleResponse{Diagnostics: []*plgv1.Diagnostic{wrong("rule.condition", "cel", "Línea 1, columna 1: no existe «evento». ¿Quería decir event?")}}), nil
	}
	return connect.NewResponse(&mostradorv1.RehearseRuleResponse{Events: 48, Messages: 12, List: []*mostradorv1.RehearsedMessage{
		{Time: at(-60 * 20), Sequence: 812, CustomerId: "c2", CustomerName: "Andrés Molina", To: "andres.molina@example.com"},
		{Time: at(-60 * 45), Sequence: 790, CustomerId: "c4", CustomerName: "José Luis Benítez de la Vega y Montoro", To: "joseluis.benitez.montoro@correo.example.com", Held: "Se dio de baja de promociones."},
		{Time: at(-60 * 70), Sequence: 755, CustomerId: "c5", CustomerName: "Nuria Pons", To: "nuria@example.com"},
	}}), nil
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
