package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"mostrador/host/intake"
	"mostrador/host/locale"
	"mostrador/host/model"
	"mostrador/host/record"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/manifest"
)

// assembleHistories makes what keeps customers' records over time, of all that is known of them.
func (h *Host) assembleHistories() {
	h.histories = record.New(record.Config{
		Store: h.store, Log: h.log, Engine: h.engine, Customers: h.customers, Consent: h.consent, Sales: h.sales, Messages: h.messages,
		Subscriptions: h.subscriptions,
		Codes:         h.promotions.HeldTx,
		Tagged: func(tx *store.Tx, number uint32) (taggings []record.Tagging, err error) {
			entries, err := h.tags.Tagged(tx, number)
			for _, e := range entries {
				taggings = append(taggings, record.Tagging(e))
			}
			return taggings, err
		},
		Import: func(tx *store.Tx, id uint64) (record.Import, bool) {
			i, err := h.transfers.Told(tx, id)
			return record.Import{File: i.GetFileName(), Actor: i.GetActor(), Time: i.GetCreated().AsTime()}, err == nil
		},
		Imported: func(tx *store.Tx, number uint32) uint64 {
			i, err := h.transfers.Of(tx, number)
			if err != nil {
				h.logger.Error("whether a customer came with an import", "number", number, "error", err)
			}
			return i.GetId()
		},
		PluginName: func(id, lang string) string {
			if p, ok := h.plugins.Plugin(id); ok {
				return p.Package().Manifest.Name.In(lang)
			}
			return ""
		},
		MeasureName: func(id, lang string) string {
			all := h.measures()
			if i := slices.IndexFunc(all, func(m manifest.Measure) bool { return m.ID == id }); i >= 0 {
				return all[i].Name.In(lang)
			}
			return ""
		},
		Reports:   h.delivery.Forget,
		Elsewhere: h.forgetElsewhere,
		StoreName: func() string { return h.guide.Text(settingStoreName) },
		Text:      h.text, Logger: h.logger.Named("record"),
	})
}

// idsOf are the ids under which a customer's messages are kept.
func (h *Host) idsOf(tx *store.Tx, id string) []string {
	c, err := h.customers.Get(tx, id)
	if err != nil {
		return []string{id}
	}
	return h.customers.IDs(tx, c)
}

// forgetElsewhere forgets a customer in what would bring him back: plug-ins' records of before their last migration,
// and what the migration of a field or an import could be undone with. What it cannot reach it names.
func (h *Host) forgetElsewhere(ctx context.Context, tx *store.Tx, id string, number uint32) (kept []string, err error) {
	for key := range tx.Scan(bucketUndo, nil, nil) {
		if bytes.HasSuffix(key, []byte("/state/"+id)) {
			tx.Delete(bucketUndo, bytes.Clone(key))
		}
	}
	if err := h.promotions.Forget(tx, id); err != nil {
		return nil, err
	}
	intake.Forget(tx, id)
	migrations, err := h.tasks.List(tx, task.Query{Kind: model.KindField})
	if err != nil {
		return nil, err
	}
	for _, t := range migrations {
		task.PutUndo(tx, t.GetId(), binary.BigEndian.AppendUint32(nil, number), nil)
	}
	imports, err := h.transfers.Forget(tx, number)
	if err != nil {
		return nil, err
	}
	lang := locale.FromContext(ctx)
	for _, i := range imports {
		kept = append(kept, h.text.Text(lang, "record.kept_import", "file", i.GetFileName()))
	}
	return append(kept, h.text.Text(lang, "record.kept_web")), nil
}
