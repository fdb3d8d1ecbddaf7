package record

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/promotion"
	"mostrador/host/store"
	"mostrador/host/subscription"
	"mostrador/sdk/plgv1"
)

// The kinds of entries.
const (
	kindChange   = "change"
	kindConsent  = "consent"
	kindSale     = "sale"
	kindMessage  = "message"
	kindSegment  = "segment"
	kindTag      = "tag"
	kindCampaign = "campaign"
	kindImport   = "import"
	kindMerge    = "merge"
	kindPrivacy  = "privacy"
	kindNote     = "note"
)

const (
	usualPage = 50
	largest   = 500
)

// place says how far each source has been told.
type place struct {
	// Event and Consent are the last sequences told, Message the last id; 0 and empty before the first.
	Event   uint64 `json:"e,omitempty"`
	Consent uint64 `json:"c,omitempty"`
	Message string `json:"m,omitempty"`
	// Rest is how many of those that are few were told: tags by tasks, and the import.
	Rest int `json:"r,omitempty"`
}

// found is an entry with what to remember when it was told.
type found struct {
	entry *mostradorv1.HistoryEntry
	told  func(*place)
	// at is by what it is sorted.
	at time.Time
}

// History tells what became of a customer and of who became part of him, newest first.
func (s *Service) History(ctx context.Context, req *mostradorv1.HistoryRequest) (*mostradorv1.HistoryResponse, error) {
	limit := int(req.GetLimit())
	if limit <= 0 {
		limit = usualPage
	}
	limit = min(limit, largest)
	var at place
	if req.GetPage() != "" {
		data, err := base64.RawURLEncoding.DecodeString(req.GetPage())
		if err != nil || json.Unmarshal(data, &at) != nil {
			return nil, s.refuse(ctx, "page", "bad_page")
		}
	}
	answer := &mostradorv1.HistoryResponse{}
	err := s.Store.View(func(tx *store.Tx) error {
		c, err := s.Customers.Get(tx, req.GetCustomerId())
		if err != nil {
			return err
		}
		t := &teller{s: s, tx: tx, customer: c, ids: s.Customers.IDs(tx, c), lang: locale.FromContext(ctx), field: req.GetField()}
		if len(req.GetKinds()) > 0 {
			t.kinds = req.GetKinds()
		}
		all, err := t.all(at, limit+1)
		if err != nil {
			return err
		}
		for i, f := range all {
			if i == limit {
				data, err := json.Marshal(at)
				answer.NextPage = base64.RawURLEncoding.EncodeToString(data)
				return err
			}
			f.told(&at)
			answer.Entries = append(answer.Entries, f.entry)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// teller tells of one customer.
type teller struct {
	s        *Service
	tx       *store.Tx
	customer *plgv1.Customer
	ids      []string
	lang     string
	// kinds and field narrow what is told.
	kinds []string
	field string
}

func (t *teller) wants(kind string) bool {
	if t.field != "" && kind != kindChange {
		return false
	}
	return t.kinds == nil || slices.Contains(t.kinds, kind)
}

func (t *teller) text(key string, args ...any) string { return t.s.text(t.lang, key, args...) }

// all returns up to limit entries behind a place, of all sources.
func (t *teller) all(at place, limit int) ([]found, error) {
	var all []found
	for _, source := range []func(place, int) ([]found, error){t.events, t.consents, t.messages, t.rest} {
		entries, err := source(at, limit)
		if err != nil {
			return nil, err
		}
		// The order of a source must hold whatever the clocks said, since a place in it is told by its last entry.
		for i := range entries {
			entries[i].at = entries[i].entry.Time.AsTime()
			if i > 0 && entries[i].at.After(entries[i-1].at) {
				entries[i].at = entries[i-1].at
			}
		}
		all = append(all, entries...)
	}
	slices.SortStableFunc(all, func(a, b found) int { return b.at.Compare(a.at) })
	return all[:min(len(all), limit)], nil
}

// eventStep is how many events of one id are read at a time.
const eventStep = 200

// events tells of what is in the log, the latest first.
func (t *teller) events(at place, limit int) ([]found, error) {
	if !t.wantsAny(kindChange, kindConsent, kindSale, kindSegment, kindCampaign, kindMerge, kindPrivacy, kindNote) {
		return nil, nil
	}
	var all []found
	before := at.Event
	for len(all) < limit {
		batch := map[uint64]*plgv1.Event{}
		floor, more := uint64(0), false
		for _, id := range t.ids {
			events, err := t.s.Log.List(t.tx, event.Query{Customer: id, Before: before, Newest: true, Limit: eventStep})
			if err != nil {
				return nil, err
			}
			for _, e := range events {
				batch[e.Sequence] = e
			}
			if len(events) == eventStep { // behind its last there may be more, of which none may be passed over
				floor, more = max(floor, events[len(events)-1].Sequence), true
			}
		}
		sequences := sortedKeys(batch)
		slices.Reverse(sequences)
		for _, sequence := range sequences {
			if sequence < floor || len(all) == limit {
				break
			}
			before = sequence
			entry := t.event(batch[sequence])
			if entry == nil {
				continue
			}
			all = append(all, found{entry: entry, told: func(p *place) { p.Event = sequence }})
		}
		if !more {
			break
		}
	}
	return all, nil
}

func (t *teller) wantsAny(kinds ...string) bool { return slices.ContainsFunc(kinds, t.wants) }

// event is the entry of an event; nil when it is not to be told, or told by another source.
func (t *teller) event(e *plgv1.Event) *mostradorv1.HistoryEntry {
	entry := &mostradorv1.HistoryEntry{Time: e.GetTime(), Event: e.GetSequence()}
	switch d := e.GetDetail().(type) {
	case *plgv1.Event_CustomerRegistered:
		entry.Kind, entry.Summary = kindChange, t.text("registered")
		none := &plgv1.Customer{}
		for _, path := range customer.Paths(e.GetCustomer(), none) {
			if to := customer.TextOf(e.GetCustomer(), path); to != "" && t.ofField(path) {
				entry.Changes = append(entry.Changes, t.change(path, "", to))
			}
		}
		if t.field != "" && len(entry.Changes) == 0 {
			return nil
		}
	case *plgv1.Event_CustomerChanged:
		entry.Kind = kindChange
		var labels []string
		for _, c := range d.CustomerChanged.GetChanges() {
			if t.ofField(c.GetField()) {
				change := t.change(c.GetField(), c.GetFrom(), c.GetTo())
				entry.Changes = append(entry.Changes, change)
				labels = append(labels, change.Label)
			}
		}
		if len(entry.Changes) == 0 {
			return nil
		}
		entry.Summary = t.text("changed", "fields", strings.Join(labels, ", "))
	case *plgv1.Event_SaleCompleted:
		sale := d.SaleCompleted.GetSale()
		entry.Kind, entry.Receipt = kindSale, sale.GetReceipt()
		entry.Summary = t.text("sold", "receipt", sale.GetReceipt(), "amount", t.s.Sales.Format(t.lang, sale.GetTotal()))
	case *plgv1.Event_SaleRefunded:
		entry.Kind, entry.Receipt = kindSale, d.SaleRefunded.GetSale().GetReceipt()
		entry.Summary = t.text("refunded", "receipt", entry.Receipt, "amount", t.s.Sales.Format(t.lang, d.SaleRefunded.GetAmount()))
	case *plgv1.Event_SegmentJoined:
		entry.Kind, entry.Summary = kindSegment, t.text("joined", "segment", d.SegmentJoined.GetName())
	case *plgv1.Event_SegmentLeft:
		entry.Kind, entry.Summary = kindSegment, t.text("left", "segment", d.SegmentLeft.GetName())
	case *plgv1.Event_CampaignConverted:
		entry.Kind, entry.Summary = kindCampaign, t.text("converted", "campaign", d.CampaignConverted.GetCampaign())
	case *plgv1.Event_CustomerMerged:
		gone := d.CustomerMerged.GetGone()
		entry.Kind = kindMerge
		entry.Summary = t.text("merged", "n", d.CustomerMerged.GetMerge(), "name", gone.GetName(), "number", gone.GetNumber(),
			"keep", e.GetCustomer().GetName(), "into", e.GetCustomer().GetNumber())
	case *plgv1.Event_CustomerUnmerged:
		gone := d.CustomerUnmerged.GetGone()
		entry.Kind = kindMerge
		entry.Summary = t.text("unmerged", "n", d.CustomerUnmerged.GetMerge(), "name", gone.GetName(), "number", gone.GetNumber(),
			"keep", e.GetCustomer().GetName(), "into", e.GetCustomer().GetNumber())
	case *plgv1.Event_Custom:
		t.custom(e, d, entry)
	}
	if entry.Kind == "" || !t.wants(entry.Kind) {
		return nil
	}
	return t.by(entry, e.GetActor())
}

// custom is the entry of an event that the host or a plug-in put into words of its own.
func (t *teller) custom(e *plgv1.Event, d *plgv1.Event_Custom, entry *mostradorv1.HistoryEntry) {
	fields := d.Custom.GetFields()
	switch e.GetType() {
	case "interaction.noted":
		entry.Kind, entry.Summary = kindNote, fields["text"].GetStringValue()
	case subscription.EventChanged:
		entry.Kind, entry.Summary = kindConsent, t.subscribed(fields)
	case subscription.EventReason:
		entry.Kind, entry.Summary = kindConsent, t.explained(fields)
	case typeDisclosed:
		entry.Kind, entry.Summary = kindPrivacy, t.text("disclosed")
	case promotion.EventRedeemed:
		entry.Kind = kindNote
		entry.Summary = t.text("redeemed", "benefit", fields["benefit"].GetStringValue(), "receipt", fields["receipt"].GetStringValue())
	default:
		if name, outside := strings.CutPrefix(e.GetType(), "external."); outside {
			entry.Kind, entry.Summary = kindNote, t.text("told", "event", name)
			break
		}
		if plugin, name, isPlugin := strings.Cut(e.GetType(), "."); isPlugin && strings.HasPrefix(plugin, "plg") {
			entry.Kind = kindNote
			entry.Summary = t.text("plugin_event", "plugin", t.s.pluginName(strings.ToUpper(plugin), t.lang), "event", strings.ReplaceAll(name, "_", " "))
		}
	}
}

// subscribed says what a customer left, or took up again.
func (t *teller) subscribed(fields map[string]*structpb.Value) string {
	key := "unsubscribed"
	if fields["on"].GetBoolValue() {
		key = "subscribed"
	}
	if fields["channel"].GetStringValue() != "" {
		return t.text(key + "_email")
	}
	topic := fields["topic"].GetStringValue()
	if t.s.Subscriptions != nil {
		topic = t.s.Subscriptions.NameOf(t.tx, topic, t.lang)
	}
	return t.text(key, "topic", topic)
}

// explained says why a customer left.
func (t *teller) explained(fields map[string]*structpb.Value) string {
	key, words := "explained", fields["words"].GetStringValue()
	if words != "" {
		key = "explained_words"
	}
	reason := t.s.Text.Text(t.lang, "subscription.reason_"+fields["reason"].GetStringValue())
	return t.text(key, "reason", reason, "words", words)
}

// by says who did it, and by which way in. Where he did it from is nobody's business at the counter.
func (t *teller) by(entry *mostradorv1.HistoryEntry, a *plgv1.Actor) *mostradorv1.HistoryEntry {
	entry.Actor = &plgv1.Actor{Operator: a.GetOperator(), Till: a.GetTill(), Channel: a.GetChannel()}
	entry.Way = t.s.way(t.tx, a, t.lang)
	return entry
}

func (t *teller) ofField(path string) bool { return t.field == "" || t.field == path }

func (t *teller) change(path, from, to string) *mostradorv1.LabelledChange {
	c := &mostradorv1.LabelledChange{
		Field: path, Label: t.s.label(path, t.lang), From: from, To: to,
	}
	if path == pathAplica {
		c.From, c.To = t.s.value(path, from, t.lang), t.s.value(path, to, t.lang)
	}
	return c
}

// consents tells of the ledger.
func (t *teller) consents(at place, limit int) ([]found, error) {
	if !t.wants(kindConsent) {
		return nil, nil
	}
	var entries []*mostradorv1.ConsentEntry
	for _, id := range t.ids {
		own, err := t.s.Consent.Entries(t.tx, id, at.Consent, limit)
		if err != nil {
			return nil, err
		}
		entries = append(entries, own...)
	}
	slices.SortFunc(entries, func(a, b *mostradorv1.ConsentEntry) int { return cmp.Compare(b.Sequence, a.Sequence) })
	var all []found
	for _, e := range entries[:min(len(entries), limit)] {
		entry := &mostradorv1.HistoryEntry{Time: e.GetRecorded(), Kind: kindConsent, Summary: t.consent(e)}
		all = append(all, found{entry: t.by(entry, e.GetActor()), told: func(p *place) { p.Consent = e.GetSequence() }})
	}
	return all, nil
}

// consent is an act of consent in words.
func (t *teller) consent(e *mostradorv1.ConsentEntry) string {
	var purposes []string
	for _, p := range e.GetPurposes() {
		switch p {
		case plgv1.Purpose_PURPOSE_PROGRAMME:
			purposes = append(purposes, t.text("consent_programme"))
		case plgv1.Purpose_PURPOSE_PROMOTIONS:
			purposes = append(purposes, t.text("consent_promotions"))
		}
	}
	name := strings.ToLower(strings.TrimPrefix(e.GetAct().String(), "CONSENT_ACT_"))
	means := strings.ToLower(strings.TrimPrefix(e.GetMeans().String(), "MEANS_"))
	args := []any{"purposes", strings.Join(purposes, ", "), "means", t.text("means_" + means)}
	if e.GetState() != nil {
		args = append(args, "programme", t.s.state(e.State.Programme, t.lang), "promotions", t.s.state(e.State.Promotions, t.lang))
	}
	if e.GetAct() == mostradorv1.ConsentAct_CONSENT_ACT_CODE_REFUSED {
		args = append(args, "reason", t.text("code_"+e.GetReason()))
	}
	return t.text("act_"+name, args...)
}

// messages tells of the outbox.
func (t *teller) messages(at place, limit int) ([]found, error) {
	if !t.wants(kindMessage) || t.s.Messages == nil {
		return nil, nil
	}
	rows, err := t.s.Messages.Rows(t.tx, t.customer.GetId(), at.Message, limit)
	if err != nil {
		return nil, err
	}
	var all []found
	for _, m := range rows {
		state := strings.ToLower(strings.TrimPrefix(m.GetState().String(), "MESSAGE_STATE_"))
		entry := &mostradorv1.HistoryEntry{
			Time: cmp.Or(m.GetQueued(), m.GetSent()), Kind: kindMessage, MessageId: m.GetId(),
			Summary: t.text("message", "subject", cmp.Or(m.GetSubject(), m.GetTemplate()), "to", m.GetTo(), "state", t.text("message_"+state)),
		}
		all = append(all, found{
			entry: t.by(entry, &plgv1.Actor{Channel: "plugin:" + m.GetPlugin()}), told: func(p *place) { p.Message = m.GetId() },
		})
	}
	return all, nil
}

// rest tells of what concerned many at once: tags by tasks, and the import that a customer came with.
func (t *teller) rest(at place, limit int) ([]found, error) {
	var entries []*mostradorv1.HistoryEntry
	numbers := []uint32{uint32(t.customer.GetNumber())}
	for _, p := range t.s.Customers.Parts(t.tx, numbers[0]) {
		numbers = append(numbers, p.Number)
	}
	for _, n := range numbers {
		if t.wants(kindTag) && t.s.Tagged != nil {
			tagged, err := t.s.Tagged(t.tx, n)
			if err != nil {
				return nil, err
			}
			for _, tag := range tagged {
				key := "tagged"
				if !tag.On {
					key = "untagged"
				}
				entries = append(entries, t.by(&mostradorv1.HistoryEntry{
					Time: timestamppb.New(tag.Time), Kind: kindTag, Task: tag.Task, Summary: t.text(key, "tag", tag.Tag),
				}, tag.Actor))
			}
		}
		if !t.wants(kindImport) || t.s.Imported == nil || t.s.Import == nil {
			continue
		}
		id := t.s.Imported(t.tx, n)
		if i, known := t.s.Import(t.tx, id); id != 0 && known {
			entry := t.by(&mostradorv1.HistoryEntry{
				Time: timestamppb.New(i.Time), Kind: kindImport, Summary: t.text("imported", "file", i.File),
			}, i.Actor)
			entry.Way = t.s.way(t.tx, &plgv1.Actor{Channel: "import:" + strconv.FormatUint(id, 10)}, t.lang)
			entries = append(entries, entry)
		}
	}
	slices.SortStableFunc(entries, func(a, b *mostradorv1.HistoryEntry) int { return b.Time.AsTime().Compare(a.Time.AsTime()) })
	var all []found
	for i, entry := range entries {
		if i >= at.Rest && len(all) < limit {
			all = append(all, found{entry: entry, told: func(p *place) { p.Rest = i + 1 }})
		}
	}
	return all, nil
}
