package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/promotion"
)

// promotionServer serves promotions, their codes, and offers.
type promotionServer struct{ *server }

// List returns the promotions.
func (s promotionServer) List(context.Context, *connect.Request[mostradorv1.ListPromotionsRequest]) (*connect.Response[mostradorv1.ListPromotionsResponse], error) {
	list, err := s.Promotions.List()
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListPromotionsResponse{Promotions: list}), nil
}

// Put keeps a promotion.
func (s promotionServer) Put(ctx context.Context, req *connect.Request[mostradorv1.PutPromotionRequest]) (*connect.Response[mostradorv1.PutPromotionResponse], error) {
	kept, err := s.Promotions.Put(ctx, actorOf(ctx), req.Msg.GetPromotion(), req.Msg.GetCreate())
	if err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.PutPromotionResponse{Promotion: kept}), nil
}

// Issue gives a customer his code.
func (s promotionServer) Issue(ctx context.Context, req *connect.Request[mostradorv1.IssueCodeRequest]) (*connect.Response[mostradorv1.IssueCodeResponse], error) {
	code, err := s.Promotions.Issue(ctx, req.Msg.GetPromotion(), req.Msg.GetCustomerId())
	if err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.IssueCodeResponse{Code: code}), nil
}

// Check says what a code is worth.
func (s promotionServer) Check(ctx context.Context, req *connect.Request[mostradorv1.CheckCodeRequest]) (*connect.Response[mostradorv1.CheckCodeResponse], error) {
	code, err := s.Promotions.Check(ctx, req.Msg.GetCode(), req.Msg.GetCustomerId())
	if err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.CheckCodeResponse{Code: code}), nil
}

// Redeem uses a code up.
func (s promotionServer) Redeem(ctx context.Context, req *connect.Request[mostradorv1.RedeemCodeRequest]) (*connect.Response[mostradorv1.RedeemCodeResponse], error) {
	code, repeated, err := s.Promotions.Redeem(ctx, actorOf(ctx), req.Msg.GetCode(), req.Msg.GetCustomerId(), req.Msg.GetReceipt())
	if err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.RedeemCodeResponse{Code: code, Repeated: repeated}), nil
}

// Codes returns codes of a promotion or a customer.
func (s promotionServer) Codes(ctx context.Context, req *connect.Request[mostradorv1.ListCodesRequest]) (*connect.Response[mostradorv1.ListCodesResponse], error) {
	resp, err := s.Promotions.Codes(req.Msg)
	if err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(resp), nil
}

// Offers returns the offers.
func (s promotionServer) Offers(context.Context, *connect.Request[mostradorv1.ListOffersRequest]) (*connect.Response[mostradorv1.ListOffersResponse], error) {
	list, err := s.Promotions.Offers()
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListOffersResponse{Offers: list}), nil
}

// PutOffer keeps an offer.
func (s promotionServer) PutOffer(ctx context.Context, req *connect.Request[mostradorv1.PutOfferRequest]) (*connect.Response[mostradorv1.PutOfferResponse], error) {
	kept, err := s.Promotions.PutOffer(ctx, actorOf(ctx), req.Msg.GetOffer(), req.Msg.GetCreate())
	if err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.PutOfferResponse{Offer: kept}), nil
}

// DeleteOffer takes an offer away.
func (s promotionServer) DeleteOffer(ctx context.Context, req *connect.Request[mostradorv1.DeleteOfferRequest]) (*connect.Response[mostradorv1.DeleteOfferResponse], error) {
	if err := s.Promotions.DeleteOffer(ctx, actorOf(ctx), req.Msg.GetId()); err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.DeleteOfferResponse{}), nil
}

// Choose says which offers fit a customer.
func (s promotionServer) Choose(ctx context.Context, req *connect.Request[mostradorv1.ChooseOffersRequest]) (*connect.Response[mostradorv1.ChooseOffersResponse], error) {
	chosen, err := s.Promotions.Choose(locale.FromContext(ctx), req.Msg.GetCustomerId(), int(req.Msg.GetLimit()))
	if err != nil {
		return nil, s.promotionError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.ChooseOffersResponse{Offers: chosen}), nil
}

func (s *server) promotionError(ctx context.Context, err error) error {
	if errors.Is(err, promotion.ErrNotFound) {
		return sentence(connect.CodeNotFound, "no_promotion", s.Text.Text(locale.FromContext(ctx), "promotion.not_found"))
	}
	return err
}
