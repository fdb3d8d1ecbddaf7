package host

import (
	"context"

	"mostrador/host/intake"
	"mostrador/host/webhook"
)

// The settings of what other systems tell and are told.
const (
	settingEventRate    = "IntegracionEventosPorMinuto"
	settingWebhooksNear = "WebhooksRedPrivada"
)

// assembleIntegration makes what other systems speak to, and what speaks to them.
func (h *Host) assembleIntegration(key []byte) (err error) {
	h.intake, err = intake.New(intake.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Key: key, Text: h.text, Logger: h.logger.Named("intake"),
		Rate:     func() int { return h.guide.Int(settingEventRate) },
		Language: func() string { return h.guide.Text(settingLanguage) },
	})
	if err != nil {
		return err
	}
	h.webhooks, err = webhook.New(webhook.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Key: key, Text: h.text, Logger: h.logger.Named("webhook"),
		AllowPrivate: func() bool { return h.guide.Bool(settingWebhooksNear) },
		StoreName:    func() string { return h.guide.Text(settingStoreName) },
	})
	return err
}

// callWebhooks calls webhooks until life ends.
func (h *Host) callWebhooks(life context.Context) {
	if err := h.webhooks.Run(life); err != nil && life.Err() == nil {
		h.logger.Error("webhooks are not called", "error", err)
	}
}
