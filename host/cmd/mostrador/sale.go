package main

import (
	"context"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func (c *saleRecordCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.RecordSaleRequest{Receipt: c.Receipt, Customer: c.Customer, Amount: c.Amount}
	for _, typed := range c.Line {
		line, ok := saleLine(typed)
		if !ok {
			return misused(s.say("misuse_line", "line", typed))
		}
		req.Lines = append(req.Lines, line)
	}
	resp, err := api.sale.Record(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.sale(resp.Msg.GetSale(), resp.Msg.GetRepeated()) })
}

func (c *saleRefundCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.sale.Refund(ctx, connect.NewRequest(&mostradorv1.RefundSaleRequest{
		Receipt: c.Receipt, Amount: c.Amount, RefundReceipt: c.RefundReceipt,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.sale(resp.Msg.GetSale(), resp.Msg.GetRepeated()) })
}

func (c *saleListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.ListSalesRequest{Limit: c.Limit}
	if c.Customer != "" {
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	}
	resp, err := api.sale.List(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("receipt", "time", "total", "refunded", "customer", "operator", "till")
		for _, sale := range resp.Msg.GetSales() {
			rows.add(sale.GetReceipt(), s.time(sale.GetTime()), s.money(sale.GetTotal()), s.money(sale.GetRefunded()),
				sale.GetCustomerId(), sale.GetActor().GetOperator(), sale.GetActor().GetTill())
		}
		rows.print()
	})
}

func (s *session) sale(sale *plgv1.Sale, repeated bool) {
	if repeated {
		s.print("sale_repeated", "receipt", sale.GetReceipt())
	}
	rows := s.pairs()
	rows.add(s.say("col_receipt"), sale.GetReceipt())
	rows.add(s.say("col_total"), s.money(sale.GetTotal()))
	if sale.GetRefunded().GetMinor() != 0 {
		rows.add(s.say("col_refunded"), s.money(sale.GetRefunded()))
	}
	rows.addIf(s.say("col_customer"), sale.GetCustomerId())
	rows.add(s.say("col_time"), s.time(sale.GetTime()))
	rows.print()
}

// saleLine reads "ARTICLE;NAME;CATEGORY;QUANTITY", of which all but the first may be left out.
func saleLine(typed string) (*plgv1.SaleLine, bool) {
	parts := append(strings.Split(typed, ";"), "", "", "")
	if len(parts) > 7 {
		return nil, false
	}
	line := &plgv1.SaleLine{Article: parts[0], Name: parts[1], Category: parts[2], Quantity: 1}
	if n := strings.TrimSpace(strings.Replace(parts[3], ",", ".", 1)); n != "" {
		var err error
		if line.Quantity, err = strconv.ParseFloat(n, 64); err != nil {
			return nil, false
		}
	}
	return line, true
}
