package host

import (
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// factsFor returns how to count for a plug-in that may see what the store has counted of customers, nil for any other.
func (h *Host) factsFor(pluginID string) func(*store.Tx, string) (*plgv1.Facts, error) {
	p, ok := h.plugins.Plugin(pluginID)
	if !ok || !p.Package().Manifest.Allows(manifest.PermissionReadPurchases) {
		return nil
	}
	return h.facts
}

// facts is what the store has counted of a customer; nothing of one who is gone.
func (h *Host) facts(tx *store.Tx, customerID string) (*plgv1.Facts, error) {
	number, err := h.customers.Number(tx, customerID)
	if errors.Is(err, customer.ErrNotFound) {
		return &plgv1.Facts{}, nil
	}
	if err != nil {
		return nil, err
	}
	return h.factsOf(tx, number)
}

// factsOf is what the store has counted of the customer of a number.
func (h *Host) factsOf(tx *store.Tx, number uint32) (*plgv1.Facts, error) {
	f, err := h.customers.Facts(tx, number)
	if err != nil {
		return nil, err
	}
	return &plgv1.Facts{
		Purchases: f.Purchases, SpentMinor: f.Spent, FirstPurchase: moment(f.FirstPurchase), LastPurchase: moment(f.LastPurchase),
		Measures: f.Measures,
	}, nil
}

// moment is a time in seconds since 1970, nil for never.
func moment(seconds int64) *timestamppb.Timestamp {
	if seconds == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(seconds, 0))
}
