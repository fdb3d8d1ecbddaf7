package sale

import (
	"context"
	"math"

	"mostrador/host/customer"
	"mostrador/sdk/plgv1"
)

// Bounds of what was sold in one sale.
const (
	maxLines    = 500
	maxLineText = 200
)

// plainLines are the lines of a sale without space around their words; one that says nothing is left out. They need not
// add up to the sale's amount: discounts and tips are the till's business.
func (s *Service) plainLines(ctx context.Context, lines []*plgv1.SaleLine) ([]*plgv1.SaleLine, error) {
	if len(lines) > maxLines {
		return nil, s.refuse(ctx, "lines", "lines_many", "n", maxLines)
	}
	var kept []*plgv1.SaleLine
	for _, l := range lines {
		plain := &plgv1.SaleLine{
			Article: customer.OneLine(l.GetArticle()), Name: customer.OneLine(l.GetName()), Category: customer.OneLine(l.GetCategory()),
			Quantity: l.GetQuantity(), Minor: l.GetMinor(),
		}
		switch {
		case plain.Article == "" && plain.Name == "" && plain.Category == "":
			continue
		case len(plain.Article) > maxLineText || len(plain.Name) > maxLineText || len(plain.Category) > maxLineText:
			return nil, s.refuse(ctx, "lines", "line_long", "n", maxLineText)
		case math.IsNaN(plain.Quantity) || math.IsInf(plain.Quantity, 0) || math.Abs(plain.Quantity) > 1e9 || abs(plain.Minor) > maxMinor:
			return nil, s.refuse(ctx, "lines", "line_number", "name", plain.Name)
		}
		kept = append(kept, plain)
	}
	return kept, nil
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
