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

// somePromotions, someCodes and someOffers are those of the fixed store.
func somePromotions() []*mostradorv1.Promotion {
	return []*mostradorv1.Promotion{
		{Id: "cumple", Name: "Cumpleaños", Benefit: "5 € de regalo", Days: 30, Issued: 412, Redeemed: 96},
		{Id: "verano-2026", Name: "Verano 2026", Benefit: "10 % en zapatos", Ends: at(60 * 24 * 22), Issued: 1280, Redeemed: 211},
		{Id: "reyes-2026", Name: "Reyes 2026", Benefit: "2 x 1 en guantes", Retired: true, Issued: 873, Redeemed: 402},
	}
}

func someCodes() []*mostradorv1.PromoCode {
	return []*mostradorv1.PromoCode{
		{Code: "K7QFM-2XW9P", Promotion: "verano-2026", CustomerId: "c1", CustomerName: "Lucía Fernández Soto", Benefit: "10 % en zapatos", Issued: at(-60 * 24)},
	}
}

func someOffers() []*mostradorv1.Offer {
	return []*mostradorv1.Offer{
		{Id: "betun", Name: "Betún", Title: "Cuide sus zapatos", Text: "Betún incoloro a mitad de precio.", Bought: []string{"Zapatos"}, Article: "BETUN-1", Priority: 10, Enabled: true},
		{Id: "puntos", Name: "Puntos dobles", Title: "Este mes, puntos dobles", Expression: "purchases.count > 2", Promotion: "cumple"},
	}
}

type promotions struct {
	mostradorv1connect.UnimplementedPromotionServiceHandler
	s *Store
}

func (p promotions) List(context.Context, *connect.Request[mostradorv1.ListPromotionsRequest]) (*connect.Response[mostradorv1.ListPromotionsResponse], error) {
	p.s.Lock()
	defer p.s.Unlock()
	return connect.NewResponse(&mostradorv1.ListPromotionsResponse{Promotions: slices.Clone(p.s.Promotions)}), nil
}

func (p promotions) Put(_ context.Context, req *connect.Request[mostradorv1.PutPromotionRequest]) (*connect.Response[mostradorv1.PutPromotionResponse], error) {
	p.s.Lock()
	defer p.s.Unlock()
	put := proto.CloneOf(req.Msg.Promotion)
	if put.Benefit == "" {
		return nil, refusedAt("benefit", "Escriba qué da el código, para quien está en la caja: hasta 80 caracteres.")
	}
	p.s.Calls = append(p.s.Calls, fmt.Sprintf("promotion %s %q %q %d %t", put.Id, put.Name, put.Benefit, put.Days, put.Retired))
	i := slices.IndexFunc(p.s.Promotions, func(o *mostradorv1.Promotion) bool { return o.Id == put.Id })
	if i < 0 {
		p.s.Promotions = append(p.s.Promotions, put)
	} else {
		put.Issued, put.Redeemed = p.s.Promotions[i].Issued, p.s.Promotions[i].Redeemed
		p.s.Promotions[i] = put
	}
	return connect.NewResponse(&mostradorv1.PutPromotionResponse{Promotion: put}), nil
}

func (p promotions) Check(_ context.Context, req *connect.Request[mostradorv1.CheckCodeRequest]) (*connect.Response[mostradorv1.CheckCodeResponse], error) {
	p.s.Lock()
	defer p.s.Unlock()
	c := p.code(req.Msg.Code)
	switch {
	case c == nil:
		return nil, refusedAt("code", "Ese código no existe. Revíselo con el cliente.")
	case c.CustomerId != req.Msg.CustomerId:
		return nil, refusedAt("code", "Ese código es de otro cliente: solo vale para quien lo recibió.")
	case c.Receipt != "":
		return nil, refusedAt("code", "Ese código ya se usó el 09/03/2026, con el recibo "+c.Receipt+".")
	}
	return connect.NewResponse(&mostradorv1.CheckCodeResponse{Code: proto.CloneOf(c)}), nil
}

func (p promotions) Redeem(_ context.Context, req *connect.Request[mostradorv1.RedeemCodeRequest]) (*connect.Response[mostradorv1.RedeemCodeResponse], error) {
	p.s.Lock()
	defer p.s.Unlock()
	c := p.code(req.Msg.Code)
	if c == nil {
		return nil, refusedAt("code", "Ese código no existe. Revíselo con el cliente.")
	}
	c.Receipt, c.Redeemed = req.Msg.Receipt, at(0)
	p.s.Calls = append(p.s.Calls, fmt.Sprintf("redeem %s %s %s", c.Code, req.Msg.CustomerId, req.Msg.Receipt))
	return connect.NewResponse(&mostradorv1.RedeemCodeResponse{Code: proto.CloneOf(c)}), nil
}

func (p promotions) code(typed string) *mostradorv1.PromoCode {
	i := slices.IndexFunc(p.s.Codes, func(c *mostradorv1.PromoCode) bool { return strings.EqualFold(c.Code, strings.TrimSpace(typed)) })
	if i < 0 {
		return nil
	}
	return p.s.Codes[i]
}

func (p promotions) Offers(context.Context, *connect.Request[mostradorv1.ListOffersRequest]) (*connect.Response[mostradorv1.ListOffersResponse], error) {
	p.s.Lock()
	defer p.s.Unlock()
	return connect.NewResponse(&mostradorv1.ListOffersResponse{Offers: slices.Clone(p.s.OffersKept)}), nil
}

func (p promotions) PutOffer(_ context.Context, req *connect.Request[mostradorv1.PutOfferRequest]) (*connect.Response[mostradorv1.PutOfferResponse], error) {
	p.s.Lock()
	defer p.s.Unlock()
	put := proto.CloneOf(req.Msg.Offer)
	if put.Title == "" {
		return nil, refusedAt("title", "Escriba un título de hasta 80 caracteres.")
	}
	p.s.Calls = append(p.s.Calls, fmt.Sprintf("offer %s %q %q %q %t", put.Id, put.Title, put.Bought, put.Expression, put.Enabled))
	i := slices.IndexFunc(p.s.OffersKept, func(o *mostradorv1.Offer) bool { return o.Id == put.Id })
	if i < 0 {
		p.s.OffersKept = append(p.s.OffersKept, put)
	} else {
		p.s.OffersKept[i] = put
	}
	return connect.NewResponse(&mostradorv1.PutOfferResponse{Offer: put}), nil
}

func (p promotions) DeleteOffer(_ context.Context, req *connect.Request[mostradorv1.DeleteOfferRequest]) (*connect.Response[mostradorv1.DeleteOfferResponse], error) {
	p.s.Lock()
	defer p.s.Unlock()
	p.s.Calls = append(p.s.Calls, "offer delete "+req.Msg.Id)
	p.s.OffersKept = slices.DeleteFunc(p.s.OffersKept, func(o *mostradorv1.Offer) bool { return o.Id == req.Msg.Id })
	return connect.NewResponse(&mostradorv1.DeleteOfferResponse{}), nil
}

// refusedAt is a refusal of what stands in a field.
func refusedAt(path, summary string) error {
	return refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR, Path: path, Code: path, Summary: summary,
	}}})
}
