package main

import (
	"context"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
)

type promotionListCmd struct{}

type promotionPutCmd struct {
	Promotion string  `arg:""`
	Name      string  `placeholder:"NAME"`
	Benefit   string  `placeholder:"TEXT"`
	Days      *int32  `placeholder:"N"`
	Starts    *string `placeholder:"2026-12-01"`
	Ends      *string `placeholder:"2026-12-31"`
	Retire    bool
}

type promotionIssueCmd struct {
	Promotion string `arg:""`
	Customer  string `arg:""`
}

type promotionCheckCmd struct {
	Code     string `arg:"" name:"coupon"`
	Customer string `placeholder:"CUSTOMER"`
}

type promotionRedeemCmd struct {
	Code     string `arg:"" name:"coupon"`
	Customer string `arg:""`
	Receipt  string `arg:""`
}

type promotionCodesCmd struct {
	Promotion string `arg:"" optional:""`
	Customer  string `placeholder:"CUSTOMER"`
	Limit     int32  `default:"50" placeholder:"N"`
	Page      string `placeholder:"PAGE"`
}

type offerListCmd struct{}

type offerPutCmd struct {
	Offer      string   `arg:""`
	Name       string   `placeholder:"NAME"`
	Title      string   `placeholder:"TEXT"`
	Body       *string  `placeholder:"TEXT"`
	URL        *string  `name:"url" placeholder:"URL"`
	Action     *string  `placeholder:"TEXT"`
	Expression *string  `placeholder:"CEL"`
	Bought     []string `placeholder:"ARTICLE" sep:"none"`
	Article    *string  `placeholder:"ARTICLE"`
	Promotion  *string  `placeholder:"PROMOTION"`
	Priority   *int32   `placeholder:"N"`
	On         bool     `xor:"switch"`
	Off        bool     `xor:"switch"`
}

type offerDeleteCmd struct {
	Offer string `arg:""`
}

type offerChooseCmd struct {
	Customer string `arg:""`
	Limit    int32  `default:"10" placeholder:"N"`
}

func (c *promotionListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.promotion.List(ctx, connect.NewRequest(&mostradorv1.ListPromotionsRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "name", "benefit", "issued", "redeemed", "ends")
		for _, p := range resp.Msg.GetPromotions() {
			rows.add(p.GetId(), p.GetName(), p.GetBenefit(), strconv.FormatUint(p.GetIssued(), 10),
				strconv.FormatUint(p.GetRedeemed(), 10), s.time(p.GetEnds()))
		}
		rows.print()
	})
}

// Run makes a promotion, or changes the one of that id; what is not given stays as it is.
func (c *promotionPutCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	list, err := api.promotion.List(ctx, connect.NewRequest(&mostradorv1.ListPromotionsRequest{}))
	if err != nil {
		return err
	}
	req := &mostradorv1.PutPromotionRequest{Promotion: &mostradorv1.Promotion{Id: c.Promotion}, Create: true}
	for _, p := range list.Msg.GetPromotions() {
		if p.GetId() == c.Promotion {
			req.Promotion, req.Create = p, false
		}
	}
	p := req.Promotion
	p.Retired = c.Retire
	set(&p.Name, &c.Name, c.Name != "")
	set(&p.Benefit, &c.Benefit, c.Benefit != "")
	set(&p.Days, c.Days, c.Days != nil)
	for _, day := range []struct {
		typed *string
		to    **timestamppb.Timestamp
	}{{c.Starts, &p.Starts}, {c.Ends, &p.Ends}} {
		if day.typed == nil {
			continue
		}
		at, err := time.ParseInLocation(time.DateOnly, *day.typed, time.Local)
		if err != nil {
			return misused(s.say("misuse_day", "day", *day.typed))
		}
		*day.to = timestamppb.New(at)
	}
	resp, err := api.promotion.Put(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		p := resp.Msg.GetPromotion()
		rows := s.pairs()
		rows.add(s.say("col_id"), p.GetId())
		rows.add(s.say("col_name"), p.GetName())
		rows.add(s.say("col_benefit"), p.GetBenefit())
		rows.addIf(s.say("col_ends"), s.time(p.GetEnds()))
		rows.print()
	})
}

func (c *promotionIssueCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.promotion.Issue(ctx, connect.NewRequest(&mostradorv1.IssueCodeRequest{Promotion: c.Promotion, CustomerId: id}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.promoCode(resp.Msg.GetCode()) })
}

func (c *promotionCheckCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.CheckCodeRequest{Code: c.Code}
	if c.Customer != "" {
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	}
	resp, err := api.promotion.Check(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.promoCode(resp.Msg.GetCode()) })
}

func (c *promotionRedeemCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.promotion.Redeem(ctx, connect.NewRequest(&mostradorv1.RedeemCodeRequest{Code: c.Code, CustomerId: id, Receipt: c.Receipt}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.promoCode(resp.Msg.GetCode()) })
}

// promoCode prints a code and what it is worth.
func (s *session) promoCode(c *mostradorv1.PromoCode) {
	rows := s.pairs()
	rows.add(s.say("col_code"), c.GetCode())
	rows.add(s.say("col_benefit"), c.GetBenefit())
	rows.add(s.say("col_customer"), c.GetCustomerName())
	rows.addIf(s.say("col_ends"), s.time(c.GetExpires()))
	rows.addIf(s.say("col_redeemed"), s.time(c.GetRedeemed()))
	rows.addIf(s.say("col_receipt"), c.GetReceipt())
	rows.print()
}

func (c *promotionCodesCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.ListCodesRequest{Promotion: c.Promotion, Limit: c.Limit, Page: c.Page}
	switch {
	case c.Customer != "":
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	case c.Promotion == "":
		return misused(s.say("misuse_codes"))
	}
	resp, err := api.promotion.Codes(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("code", "customer", "benefit", "ends", "redeemed", "receipt")
		for _, k := range resp.Msg.GetCodes() {
			rows.add(k.GetCode(), k.GetCustomerName(), k.GetBenefit(), s.time(k.GetExpires()), s.time(k.GetRedeemed()), k.GetReceipt())
		}
		rows.print()
	})
}

func (c *offerListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.promotion.Offers(ctx, connect.NewRequest(&mostradorv1.ListOffersRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "name", "title", "enabled", "priority", "condition")
		for _, o := range resp.Msg.GetOffers() {
			rows.add(o.GetId(), o.GetName(), o.GetTitle(), s.yesNo(o.GetEnabled()), strconv.Itoa(int(o.GetPriority())), o.GetExpression())
		}
		rows.print()
	})
}

// Run makes an offer, or changes the one of that id; what is not given stays as it is.
func (c *offerPutCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	list, err := api.promotion.Offers(ctx, connect.NewRequest(&mostradorv1.ListOffersRequest{}))
	if err != nil {
		return err
	}
	req := &mostradorv1.PutOfferRequest{Offer: &mostradorv1.Offer{Id: c.Offer}, Create: true}
	for _, o := range list.Msg.GetOffers() {
		if o.GetId() == c.Offer {
			req.Offer, req.Create = o, false
		}
	}
	o := req.Offer
	set(&o.Name, &c.Name, c.Name != "")
	set(&o.Title, &c.Title, c.Title != "")
	set(&o.Text, c.Body, c.Body != nil)
	set(&o.Url, c.URL, c.URL != nil)
	set(&o.Action, c.Action, c.Action != nil)
	set(&o.Expression, c.Expression, c.Expression != nil)
	set(&o.Article, c.Article, c.Article != nil)
	set(&o.Promotion, c.Promotion, c.Promotion != nil)
	set(&o.Priority, c.Priority, c.Priority != nil)
	set(&o.Bought, &c.Bought, len(c.Bought) > 0)
	o.Enabled = c.On || o.Enabled && !c.Off
	resp, err := api.promotion.PutOffer(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		o := resp.Msg.GetOffer()
		rows := s.pairs()
		rows.add(s.say("col_id"), o.GetId())
		rows.add(s.say("col_title"), o.GetTitle())
		rows.add(s.say("col_enabled"), s.yesNo(o.GetEnabled()))
		rows.print()
	})
}

func (c *offerDeleteCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.promotion.DeleteOffer(ctx, connect.NewRequest(&mostradorv1.DeleteOfferRequest{Id: c.Offer}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("offer_deleted", "id", c.Offer) })
}

func (c *offerChooseCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.promotion.Choose(ctx, connect.NewRequest(&mostradorv1.ChooseOffersRequest{CustomerId: id, Limit: c.Limit}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "title", "reason")
		for _, o := range resp.Msg.GetOffers() {
			rows.add(o.GetOffer().GetId(), o.GetOffer().GetTitle(), o.GetWords())
		}
		rows.print()
	})
}

// set gives a field a new value when one was given.
func set[T any](field, value *T, given bool) {
	if given {
		*field = *value
	}
}
