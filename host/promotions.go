package host

import (
	"context"

	"mostrador/host/promotion"
)

// assemblePromotions makes the promotions, whose offers speak the language of segments.
func (h *Host) assemblePromotions() {
	h.promotions = promotion.New(promotion.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Sales: h.sales.Of, Text: h.text,
		Compile: func(ctx context.Context, expression string) (promotion.Match, error) {
			return h.segments.Expression(ctx, expression)
		},
		Logger: h.logger.Named("promotion"), Changed: h.catalogueChanged,
	})
}
