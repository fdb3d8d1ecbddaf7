package uitest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

var (
	firstNames = []string{"Ana", "Íñigo", "Marta", "José Luis", "Zoé", "Dmitri", "Wei", "Fátima", "Ragnar", "Ἑλένη", "Begoña", "Ольга", "Nuria", "Xavier", "Aitana", "Óscar"}
	lastNames  = []string{"García", "Ibáñez", "Núñez", "Müller", "Иванова", "Ōta", "Fernández", "de la Vega", "Ørsted", "Lasa", "Pons", "Ochoa", "Rey", "Soler", "Zárate"}
)

// crowd is customer i of those that a formula makes: the store has Crowd of them beside those with a name of their
// own, without keeping any.
func (s *Store) crowd(i int) (*plgv1.Customer, *mostradorv1.Facts) {
	states := []plgv1.ConsentState{plgv1.ConsentState_CONSENT_STATE_GIVEN, plgv1.ConsentState_CONSENT_STATE_PENDING, plgv1.ConsentState_CONSENT_STATE_WITHDRAWN, plgv1.ConsentState_CONSENT_STATE_GIVEN}
	number := uint64(i) + 101
	c := &plgv1.Customer{Id: "n" + strconv.FormatUint(number, 10), Number: number,
		Name:     firstNames[i%len(firstNames)] + " " + lastNames[i/7%len(lastNames)] + " " + lastNames[i/3%len(lastNames)],
		Phone:    fmt.Sprintf("+346%08d", i*7919%100_000_000),
		Email:    fmt.Sprintf("cliente%d@example.com", number),
		Consent:  &plgv1.Consent{Programme: states[i%4], Promotions: states[i%4]},
		Created:  timestamppb.New(day.Add(-time.Duration(i) * time.Minute)),
		Revision: 1,
	}
	for k, t := range s.Tags {
		if i%(3+4*k) == 0 {
			c.Tags = append(c.Tags, t.Name)
		}
	}
	return c, &mostradorv1.Facts{Purchases: uint64(i % 40), Measures: map[string]float64{"puntos": float64(i * 13 % 5000)}}
}

// Search finds among the customers that have a name of their own, and lists the crowd behind them: whole when nothing
// is asked, a tenth of it for a filter, and one in a thousand for a query.
func (h customers) Search(_ context.Context, req *connect.Request[mostradorv1.SearchRequest]) (*connect.Response[mostradorv1.SearchResponse], error) {
	h.s.Lock()
	defer h.s.Unlock()
	h.s.Searches = append(h.s.Searches, proto.CloneOf(req.Msg))
	query := strings.ToLower(req.Msg.Query)
	filter := req.Msg.Filter
	var own []*plgv1.Customer
	for _, c := range h.s.Customers {
		asked := strings.Contains(strings.ToLower(c.Name), query) || strings.Contains(c.Phone, strings.ReplaceAll(query, " ", "")) ||
			strings.Contains(c.Email, query) || strconv.FormatUint(c.Number, 10) == query
		for _, name := range filter.GetTags() {
			asked = asked && slices.Contains(c.Tags, name)
		}
		for _, name := range filter.GetWithoutTags() {
			asked = asked && !slices.Contains(c.Tags, name)
		}
		if states := filter.GetConsent(); len(states) > 0 {
			asked = asked && slices.Contains(states, c.Consent.GetPromotions())
		}
		for _, channel := range filter.GetChannels() {
			asked = asked && (channel != mostradorv1.Filter_CHANNEL_EMAIL || c.Email != "") && (channel != mostradorv1.Filter_CHANNEL_SMS || c.Phone != "")
		}
		if asked {
			own = append(own, c)
		}
	}
	switch req.Msg.Order {
	case mostradorv1.Order_ORDER_NAME:
		slices.SortStableFunc(own, func(a, b *plgv1.Customer) int { return cmp.Compare(a.Name, b.Name) })
	case mostradorv1.Order_ORDER_POINTS:
		slices.SortStableFunc(own, func(a, b *plgv1.Customer) int { return cmp.Compare(h.s.Points[b.Id], h.s.Points[a.Id]) })
	}
	step := 1
	if proto.Size(filter) > 0 {
		step = 10
	}
	if query != "" {
		step *= 1000
	}
	total := len(own) + h.s.Crowd/step
	res := &mostradorv1.SearchResponse{Total: uint64(total)}
	for i := int(req.Msg.Offset); i < min(total, int(req.Msg.Offset)+int(req.Msg.Limit)); i++ {
		if i < len(own) {
			res.Customers = append(res.Customers, proto.CloneOf(own[i]))
			facts := &mostradorv1.Facts{}
			if n, ok := h.s.Points[own[i].Id]; ok {
				facts.Measures = map[string]float64{"puntos": float64(n)}
			}
			res.Facts = append(res.Facts, facts)
			continue
		}
		c, facts := h.s.crowd((i - len(own)) * step)
		res.Customers, res.Facts = append(res.Customers, c), append(res.Facts, facts)
	}
	return connect.NewResponse(res), nil
}
