package host

import (
	"context"
	"errors"
	"net"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/marketplace"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketHost holds the few facts that are the whole store's own.
const bucketHost store.Bucket = "host"

var keyWebAddress = []byte("web_address")

// note appends to the log what an operator did to the store itself.
func (h *Host) note(tx *store.Tx, actor *plgv1.Actor, eventType string, data map[string]any) error {
	detail, err := structpb.NewStruct(data)
	if err != nil {
		return err
	}
	return h.log.Append(tx, &plgv1.Event{Type: eventType, Actor: actor, Detail: &plgv1.Event_Custom{Custom: detail}})
}

// watchEvents tells the screens what enters the log, until ctx ends.
func (h *Host) watchEvents(ctx context.Context) {
	after, err := h.lastEvent()
	if err != nil {
		h.logger.Error("the screens will not learn of changes", "error", err)
		return
	}
	for h.log.Wait(ctx, after) == nil {
		// The end of the log comes before the question: who begins to watch after it reads what is there by then.
		if last, err := h.lastEvent(); err == nil && !h.hub.Watched() {
			after = last
			continue
		}
		var events []*plgv1.Event
		if err := h.store.View(func(tx *store.Tx) (err error) {
			events, err = h.log.Read(tx, after, 256)
			return err
		}); err != nil {
			h.logger.Error("reading the log for the screens", "error", err)
			after++ // what cannot be read must not be read for ever
			continue
		}
		for _, e := range events {
			h.hub.PublishEvent(e)
			after = e.GetSequence()
		}
	}
}

func (h *Host) lastEvent() (last uint64, err error) {
	err = h.store.View(func(tx *store.Tx) error {
		last = h.log.Last(tx)
		return nil
	})
	return last, err
}

// watchFiles looks every few seconds whether a template file, or a plug-in in the development folder, changed on disk.
func (h *Host) watchFiles(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.ensemble.look:
			h.ensemble.develop(ctx)
		case <-tick.C:
			if err := h.guide.Refresh(ctx); err != nil && ctx.Err() == nil {
				h.logger.Error("looking at template files", "error", err)
			}
			h.ensemble.develop(ctx)
		}
	}
}

// publishProfile shows customers the store's name and the wording in force.
func (h *Host) publishProfile(ctx context.Context) error {
	profile := &marketplace.Profile{StoreName: h.guide.Text(settingStoreName), Language: h.guide.Text(settingLanguage)}
	err := h.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := h.consent.InForce(tx); err != nil {
			return err
		}
		topics, err := h.subscriptions.Topics(tx)
		if err != nil {
			return err
		}
		for _, t := range topics {
			profile.Topics = append(profile.Topics, marketplace.Topic{
				ID: t.Id, Name: map[string]string{"es": t.Name, "en": t.NameEn},
				Description: map[string]string{"es": t.Description, "en": t.DescriptionEn},
			})
		}
		wordings, err := h.consent.Wordings(tx)
		if err != nil {
			return err
		}
		for i := len(wordings) - 1; i >= 0; i-- { // the newest first
			for lang, text := range wordings[i].Texts {
				profile.Texts = append(profile.Texts, marketplace.PolicyText{
					ID: wordings[i].ID, Version: wordings[i].Version, Language: lang, Text: text,
				})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.feed.Publish(ctx, profile)
}

// topicsChanged shows customers the topics that there now are.
func (h *Host) topicsChanged() {
	h.begin(func() {
		if err := h.publishProfile(context.Background()); err != nil && !errors.Is(err, store.ErrClosed) {
			h.logger.Error("the web pages show the former topics", "error", err)
		}
	})
}

// feedCursor is the web act up to which the store has taken over everything.
func (h *Host) feedCursor() (cursor uint64, err error) {
	err = h.store.View(func(tx *store.Tx) error {
		cursor = h.consent.Cursor(tx)
		return nil
	})
	return cursor, err
}

// rememberWebAddress keeps where the pages answer, for links in mails that a later command line sends.
func (h *Host) rememberWebAddress(ctx context.Context, pages net.Listener) error {
	defer h.mailChanged()
	if pages != nil {
		h.webAddress = "http://" + pages.Addr().String()
	}
	var known string
	err := h.store.View(func(tx *store.Tx) error {
		known = string(tx.Get(bucketHost, keyWebAddress))
		return nil
	})
	switch {
	case err != nil:
		return err
	case pages == nil:
		h.linkAddress = known
		if known == "" {
			h.linkAddress = "http://" + DefaultWebListen
		}
		return nil
	case known == h.webAddress:
		h.linkAddress = known
		return nil
	}
	h.linkAddress = h.webAddress
	return h.store.Update(ctx, func(tx *store.Tx) error {
		tx.Put(bucketHost, keyWebAddress, []byte(h.webAddress))
		return nil
	})
}

// publicAddress is where customers reach the pages: what the technician set, or this machine.
func (h *Host) publicAddress() string {
	if set := h.guide.Text(settingWebAddress); set != "" {
		return set
	}
	return h.linkAddress
}

func (h *Host) messageChanged(m *mostradorv1.Message) {
	h.hub.Publish(mostradorv1.WatchResponse_KIND_MESSAGE, m.GetId())
}

func (h *Host) parkedChanged(plugin string) {
	h.ensemble.stumbled(plugin)
	h.hub.Publish(mostradorv1.WatchResponse_KIND_PARKED, plugin)
}

// pluginState wakes the deliveries to a plug-in that came up, and tells the screens.
func (h *Host) pluginState(id string) {
	if !h.opened.Load() {
		return
	}
	if info, ok := h.plugins.State(id, ""); ok {
		switch info.GetState() {
		case mostradorv1.PluginState_PLUGIN_STATE_RUNNING:
			h.engine.Wake(id)
		case mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE:
			h.ensemble.stumbled(id)
		}
	}
	h.hub.Publish(mostradorv1.WatchResponse_KIND_PLUGIN, id)
}
