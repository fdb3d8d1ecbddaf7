package host

import (
	"context"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/rule"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// assembleRules makes the service of the rules that send messages.
func (h *Host) assembleRules() {
	h.rules = rule.New(rule.Config{
		Guide: h.guide, Active: h.ensemble.Active, ReadFile: h.packageFile, Text: h.text,
		Rehearse: func(ctx context.Context, plugin string, settings map[string]any, since time.Time, each func(*plgv1.Rehearsed)) (map[string]uint64, bool, error) {
			played, err := h.ensemble.rehearse(ctx, plugin, settings, since, each)
			return played.events, played.partial, err
		},
		Customer: func(id string) (c *plgv1.Customer, err error) {
			err = h.store.View(func(tx *store.Tx) error {
				c, err = h.customerOrNone(tx, id)
				return err
			})
			return c, err
		},
		External: h.intake.Types, Held: h.held,
	})
}

// held says why a mail to a customer would not leave now; empty when it would.
func (h *Host) held(ctx context.Context, m *mostradorv1.Message) (string, error) {
	if m.GetCustomerId() == "" {
		return "", nil
	}
	answer, err := h.messages.Why(ctx, &mostradorv1.WhyMessageRequest{CustomerId: m.GetCustomerId(), Kind: m.GetKind(), Topic: m.GetTopic()})
	if err != nil {
		return "", err
	}
	for _, check := range answer.GetChecks() {
		if !check.GetPassed() && check.GetUntil() == nil {
			return check.GetWords(), nil
		}
	}
	return "", nil
}
