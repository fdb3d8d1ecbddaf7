package record

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Unmerge takes a merge back: who went is a customer again, as he was; who stayed loses what came from him, and keeps
// what he came to since. Phones, addresses and cards that somebody else has meanwhile stay with that one, which the
// notes of the answer tell.
func (s *Service) Unmerge(ctx context.Context, actor *plgv1.Actor, merge uint64) (*mostradorv1.UnmergeResponse, error) {
	var answer *mostradorv1.UnmergeResponse
	err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
		answer, err = s.unmerge(ctx, tx, actor, merge)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (s *Service) unmerge(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, merge uint64) (*mostradorv1.UnmergeResponse, error) {
	rec, err := load(tx, merge)
	switch {
	case err != nil:
		return nil, err
	case rec == nil:
		return nil, s.refuse(ctx, "merge", "unmerge_unknown", "n", merge)
	case rec.UnmergedEvent != 0:
		return nil, s.refuse(ctx, "merge", "unmerge_done")
	case rec.Keep == nil || rec.Gone == nil:
		return nil, s.refuse(ctx, "merge", "unmerge_erased")
	}
	number := uint32(rec.KeepNumber)
	if into := s.Customers.Into(tx, number); into != 0 {
		return nil, s.refuse(ctx, "merge", "unmerge_later", "n", into)
	}
	current, err := s.Customers.ByNumber(tx, number)
	if err != nil {
		return nil, err
	}
	counted, err := s.Customers.Facts(tx, number)
	if err != nil {
		return nil, err
	}
	u := &undoing{s: s, tx: tx, rec: rec, lang: locale.FromContext(ctx)}
	next := u.parted(current)
	stays, goes, err := u.consents(current)
	if err != nil {
		return nil, err
	}
	next.Consent, rec.Gone.Consent = stays, goes
	if _, err := s.Customers.UpdateTx(tx, actor, current.Id, func(c *plgv1.Customer) {
		proto.Reset(c)
		proto.Merge(c, next)
	}); err != nil {
		return nil, err
	}
	facts, err := u.facts(actor, number, counted.LastActivity)
	if err != nil {
		return nil, err
	}
	var campaigns []set.ID
	for _, id := range rec.GoneCampaigns {
		campaigns = append(campaigns, set.ID(id))
		if !slices.Contains(rec.KeepCampaigns, id) {
			if _, err := s.Customers.Join(tx, number, set.ID(id), false, actor); err != nil {
				return nil, err
			}
		}
	}
	gone, lost, err := s.Customers.Restore(tx, actor, number, rec.Gone, facts, campaigns)
	if err != nil {
		return nil, err
	}
	for _, l := range lost {
		u.lose(l.Path, l.Value, l.Holder, gone)
	}
	// The rules may be others than they were.
	if gone, err = s.Customers.UpdateTx(tx, actor, gone.Id, func(*plgv1.Customer) {}); err != nil {
		return nil, err
	}
	keep, err := s.Customers.ByNumber(tx, number)
	if err != nil {
		return nil, err
	}
	if err := s.Consent.Unmerged(tx, actor, keep.Id, gone.Id, keep.Consent); err != nil {
		return nil, err
	}
	if err := s.Consent.Unmerged(tx, actor, gone.Id, keep.Id, gone.Consent); err != nil {
		return nil, err
	}
	if s.Subscriptions != nil {
		if err := s.Subscriptions.Unmerged(tx, actor, keep, gone, rec.EventBefore, rec.MergedEvent); err != nil {
			return nil, err
		}
	}
	e := &plgv1.Event{
		Type: event.TypeUnmerged, Time: timestamppb.New(s.Now()), Actor: actor, Customer: keep,
		Detail: &plgv1.Event_CustomerUnmerged{CustomerUnmerged: &plgv1.CustomerUnmerged{Gone: gone, Merge: merge}},
	}
	if err := s.Log.Append(tx, e); err != nil {
		return nil, err
	}
	rec.UnmergedEvent = e.Sequence
	// Two persons: they are not suggested again.
	s.dismiss(tx, uint32(keep.Number), uint32(gone.Number))
	return &mostradorv1.UnmergeResponse{Keep: keep, Gone: gone, Notes: u.notes}, store.PutProto(tx, bucketMerge, mergeKey(merge), rec)
}

// undoing is a merge that is being taken back.
type undoing struct {
	s     *Service
	tx    *store.Tx
	rec   *mostradorv1.MergeRecord
	lang  string
	notes []string
}

// parted is what becomes of who stayed: what the merge made of him and nobody changed since is as it was before.
func (u *undoing) parted(current *plgv1.Customer) *plgv1.Customer {
	next := proto.CloneOf(current)
	before, gone, after := u.rec.Keep, u.rec.Gone, u.rec.After
	next.Cards = without(current.Cards, without(gone.Cards, before.Cards))
	next.Tags = without(current.Tags, without(after.Tags, before.Tags))
	for _, path := range customer.Paths(before, after) {
		was, is := customer.TextOf(before, path), customer.TextOf(current, path)
		switch {
		case path == pathCards || path == pathTags:
		case u.s.many(path):
			brought := without(lines(customer.TextOf(gone, path)), lines(was))
			left := strings.Join(without(lines(is), brought), "\n")
			id := strings.TrimPrefix(path, prefixField)
			customer.CopyField(next, &plgv1.Customer{Fields: map[string]string{id: left}}, path)
		case is != customer.TextOf(after, path) || is == was:
		case (path == pathPhone || path == pathEmail) && was != "" && u.taken(path, was):
		default:
			customer.CopyField(next, before, path)
		}
	}
	return next
}

// taken notes that somebody else has a phone or e-mail by now that would come back, and leaves it at that.
func (u *undoing) taken(path, value string) bool {
	holder := u.s.Customers.HolderOf(u.tx, path, value)
	if holder == 0 || uint64(holder) == u.rec.KeepNumber {
		return false
	}
	u.lose(path, value, holder, u.rec.Keep)
	return true
}

func (u *undoing) lose(path, value string, holder uint32, of *plgv1.Customer) {
	u.notes = append(u.notes, u.s.text(u.lang, "lost_"+path, "value", value, "n", holder, "name", of.GetName()))
}

// consents is how consent stands for both: as before the merge, unless who stayed acted since. Then his state stays,
// and a withdrawal holds for both, since nobody knows whose it was: in doubt there is no advertising.
func (u *undoing) consents(current *plgv1.Customer) (stays, goes *plgv1.Consent, err error) {
	acted, withdrew, err := u.s.Consent.Acted(u.tx, current.Id, u.rec.ConsentEntry)
	if err != nil {
		return nil, nil, err
	}
	stays, goes = u.rec.Keep.Consent, proto.CloneOf(u.rec.Gone.Consent)
	if acted {
		stays = current.Consent
		u.notes = append(u.notes, u.s.text(u.lang, "unmerge_acted"))
	}
	if withdrew {
		goes.Promotions = plgv1.ConsentState_CONSENT_STATE_WITHDRAWN
	}
	return stays, goes, nil
}

// facts takes what was counted of who went out of who stayed, and returns it: as at the merge, less what was refunded
// of his sales since. active is when who stayed did something last.
func (u *undoing) facts(actor *plgv1.Actor, number uint32, active int64) (customer.Facts, error) {
	back, before := readFacts(u.rec.GoneFacts), readFacts(u.rec.KeepFacts)
	events, err := u.s.Log.List(u.tx, event.Query{Customer: u.rec.Keep.Id, After: u.rec.MergedEvent, Type: "sale.refunded"})
	if err != nil {
		return back, err
	}
	for _, e := range events {
		if r := e.GetSaleRefunded(); r.GetSale().GetCustomerId() == u.rec.Gone.Id {
			back.Spent -= r.GetAmount().GetMinor()
		}
	}
	first, err := u.s.Log.List(u.tx, event.Query{Customer: u.rec.Keep.Id, After: u.rec.MergedEvent, Type: "sale.completed", Limit: 1})
	if err != nil {
		return back, err
	}
	joined := before
	joined.Measures = nil
	joined.Add(back)
	return back, u.s.Customers.Note(u.tx, number, actor, func(f *customer.Facts) {
		f.Purchases -= min(f.Purchases, back.Purchases)
		f.Spent -= back.Spent
		f.FirstPurchase = before.FirstPurchase
		if f.FirstPurchase == 0 && len(first) > 0 {
			f.FirstPurchase = first[0].GetTime().GetSeconds()
		}
		if f.LastPurchase <= joined.LastPurchase { // nothing was bought since
			f.LastPurchase = before.LastPurchase
		}
		if f.LastActivity = active; active <= joined.LastActivity {
			f.LastActivity = before.LastActivity
		}
		for id, value := range back.Measures {
			f.Measures[id] -= value
			if _, had := before.Measures[id]; !had && f.Measures[id] == 0 {
				delete(f.Measures, id)
			}
		}
	})
}
