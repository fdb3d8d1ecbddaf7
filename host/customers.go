package host

import (
	"context"
	"errors"
	"strconv"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/model"
	"mostrador/host/segment"
	"mostrador/host/store"
	"mostrador/host/tag"
	"mostrador/host/task"
	"mostrador/host/transfer"
	"mostrador/sdk/manifest"
)

// assembleCustomers makes the services of the customer side. They know each other by functions, since whoever keeps
// customers is there before those who say what a field, a condition or an import is.
func (h *Host) assembleCustomers() (err error) {
	h.customers, err = customer.New(customer.Config{
		Store: h.store, Log: h.log, Rules: h.ensemble, Text: h.text, Logger: h.logger.Named("customer"),
		Country:  func() string { return h.guide.Text(settingCountry) },
		Currency: func() string { return h.guide.Text(settingCurrency) },
		Fields:   func() customer.Fields { return h.model.Declared() },
		Indexed:  func() []string { return h.model.Indexed() },
		Select: func(ctx context.Context, c *mostradorv1.Condition) (*roaring.Bitmap, error) {
			return h.segments.Select(ctx, c)
		},
		Imported: func(id uint64) (*roaring.Bitmap, error) { return h.transfers.Imported(id) },
	})
	if err != nil {
		return err
	}
	h.tasks = task.New(task.Config{
		Store: h.store, Log: h.log, Text: h.text, Logger: h.logger.Named("task"), Changed: h.taskChanged,
	})
	if h.model, err = model.New(model.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Tasks: h.tasks, Text: h.text, Logger: h.logger.Named("model"),
		Plugins:   func() customer.PluginFields { return h.ensemble.Resolution() },
		Manifests: h.ensemble.Active, Reindex: h.customers.Reindex, Changed: h.catalogueChanged,
	}); err != nil {
		return err
	}
	if h.segments, err = segment.New(segment.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Tasks: h.tasks, Model: h.model, Measures: h.measures,
		Currency: func() string { return h.guide.Text(settingCurrency) },
		Text:     h.text, Logger: h.logger.Named("segment"), Changed: h.catalogueChanged,
	}); err != nil {
		return err
	}
	h.tags, err = tag.New(tag.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Tasks: h.tasks, Text: h.text, Segments: h.segments,
		Resync: h.resync, Changed: h.catalogueChanged,
	})
	return err
}

// assembleRecords makes what stands on customers and on consent, sales and messages.
func (h *Host) assembleRecords() (err error) {
	h.transfers, err = transfer.New(transfer.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Consent: h.consent, Tasks: h.tasks, Dir: h.path("imports"),
		Country: func() string { return h.guide.Text(settingCountry) },
		Fields:  func(lang string) []*mostradorv1.Field { return h.model.List(lang, false) },
		Text:    h.text, Logger: h.logger.Named("transfer"),
	})
	return err
}

// workOnCustomers begins what the customer side does by itself.
func (h *Host) workOnCustomers(life context.Context) {
	for _, work := range []struct {
		what string
		run  func(context.Context) error
	}{
		{"customers could not be read into memory", h.customers.Build},
		{"background tasks ended", h.tasks.Run},
		{"the data model's work ended", h.model.Run},
		{"segments do not follow the days", h.segments.Run},
		{"duplicates are not searched for", h.histories.Run},
		{"offers do not follow their conditions", h.promotions.Run},
	} {
		h.begin(func() {
			if err := work.run(life); err != nil && life.Err() == nil {
				h.logger.Error(work.what, "error", err)
			}
		})
	}
}

// measures are the numbers that the active plug-ins keep about customers.
func (h *Host) measures() []manifest.Measure {
	var all []manifest.Measure
	for _, m := range h.ensemble.Active() {
		all = append(all, m.Measures...)
	}
	return all
}

// resync has the rules of the plug-ins look at all customers again.
func (h *Host) resync() {
	h.begin(func() {
		if err := h.store.Update(context.Background(), h.ensemble.again); err != nil && !errors.Is(err, store.ErrClosed) {
			h.logger.Error("bringing customers to the rules", "error", err)
		}
	})
}

func (h *Host) taskChanged(id uint64) {
	h.hub.Publish(mostradorv1.WatchResponse_KIND_TASK, strconv.FormatUint(id, 10))
}

func (h *Host) catalogueChanged() { h.hub.Publish(mostradorv1.WatchResponse_KIND_CATALOGUE, "") }
