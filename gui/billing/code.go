package billing

import (
	"strings"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// check asks what the code in the box gives, and goes on when it is good. What it gives stands below the boxes until the
// sale is recorded, which uses the code up.
func (s *Screen) check(then func()) {
	typed := strings.TrimSpace(s.code.Entry.Text)
	switch {
	case typed == "":
		s.submit()
		return
	case s.promo != nil:
		s.focus(s.amount.Entry)
		return
	case s.pick.customer == nil:
		s.code.Say(s.d.T("billing.code.whose"))
		s.focus(s.pick.entry)
		return
	}
	current := s.checking.Next()
	req := &mostradorv1.CheckCodeRequest{Code: typed, CustomerId: s.pick.customer.GetId()}
	ui.Ask(s.d, s.d.Model.Promotions.Check, req, func(res *mostradorv1.CheckCodeResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			s.wrongCode(err)
			return
		}
		s.promo = res.GetCode()
		s.worth.SetText(s.d.T("billing.code.worth", "benefit", s.promo.GetBenefit()))
		s.worth.Show()
		s.content.Refresh()
		if then == nil || strings.TrimSpace(s.amount.Entry.Text) == "" {
			s.focus(s.amount.Entry)
			return
		}
		// The price may change with what the code gives: the person looks once more before it is recorded.
		s.focus(s.record)
	})
}

// uncheck forgets what was checked, since the code in the box, or whose it is, is another.
func (s *Screen) uncheck() {
	s.checking.Next()
	s.code.Say("")
	if s.promo == nil {
		return
	}
	s.promo = nil
	s.worth.SetText("")
	s.worth.Hide()
	s.content.Refresh()
}

func (s *Screen) wrongCode(err error) {
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		s.d.Fail(s.d.Explain(err))
		return
	}
	s.code.Say(ui.Sentence(diags[0]))
	s.focus(s.code.Entry)
}

// redeem uses a code up for a sale that was recorded. The store answers the same to the same receipt, so that a lost
// answer does no harm.
func (s *Screen) redeem(code *mostradorv1.PromoCode, receipt string) {
	req := &mostradorv1.RedeemCodeRequest{Code: code.GetCode(), CustomerId: code.GetCustomerId(), Receipt: receipt}
	ui.Ask(s.d, s.d.Model.Promotions.Redeem, req, func(_ *mostradorv1.RedeemCodeResponse, err error) {
		if err != nil {
			s.d.Fail(s.d.T("billing.code.failed", "code", code.GetCode(), "reason", s.d.Explain(err)))
			return
		}
		s.d.Say(s.d.T("billing.code.redeemed", "code", code.GetCode(), "benefit", code.GetBenefit()))
	})
}
