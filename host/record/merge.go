package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Paths of values that a merge treats in ways of their own.
const (
	pathCards     = "cards"
	pathTags      = "tags"
	pathPhone     = "phone"
	pathEmail     = "email"
	pathAplica    = "aplica_promociones"
	prefixField   = "fields."
	prefixConsent = "consent."
)

// errPreview takes back what a preview did.
var errPreview = errors.New("record: only looked at")

// Merge makes gone part of keep, or with preview says what that would come to. What people can mend is a
// *customer.Refused; a record that somebody changed meanwhile is customer.ErrConflict.
func (s *Service) Merge(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.MergeRequest) (*mostradorv1.MergeResponse, error) {
	var answer *mostradorv1.MergeResponse
	err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
		if answer, err = s.merge(ctx, tx, actor, req); err == nil && req.GetPreview() {
			answer.Merge = 0
			err = errPreview // the outcome is known best when it was tried
		}
		return err
	})
	if err != nil && !errors.Is(err, errPreview) {
		return nil, err
	}
	return answer, nil
}

func (s *Service) merge(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, req *mostradorv1.MergeRequest) (*mostradorv1.MergeResponse, error) {
	lang := locale.FromContext(ctx)
	keep, err := s.Customers.Get(tx, req.GetKeep())
	if err != nil {
		return nil, err
	}
	gone, err := s.Customers.Get(tx, req.GetGone())
	if err != nil {
		return nil, err
	}
	switch {
	case keep.Number == gone.Number:
		return nil, s.refuse(ctx, "gone", "merge_same")
	case req.GetKeepRevision() != 0 && req.GetKeepRevision() != keep.Revision,
		req.GetGoneRevision() != 0 && req.GetGoneRevision() != gone.Revision:
		return nil, customer.ErrConflict
	}
	next, fields, err := s.joined(ctx, keep, gone, req.GetTake())
	if err != nil {
		return nil, err
	}
	rec := &mostradorv1.MergeRecord{
		Merge: lastMerge(tx) + 1, Time: timestamppb.New(s.Now()), Actor: actor, Keep: keep, Gone: gone,
		KeepNumber: keep.Number, GoneNumber: gone.Number, EventBefore: s.Log.Last(tx),
	}
	if rec.KeepFacts, rec.KeepCampaigns, err = s.counted(tx, keep); err != nil {
		return nil, err
	}
	if rec.GoneFacts, rec.GoneCampaigns, err = s.counted(tx, gone); err != nil {
		return nil, err
	}
	notes, err := s.mergeNotes(tx, rec, next, lang)
	if err != nil {
		return nil, err
	}
	after, err := s.Customers.Absorb(ctx, tx, actor, keep, gone, next)
	if err != nil {
		return nil, err
	}
	rec.After = after
	// A merge is nothing that the customer did.
	joined := readFacts(rec.KeepFacts)
	joined.Add(readFacts(rec.GoneFacts))
	if err := s.Customers.Note(tx, uint32(keep.Number), actor, func(f *customer.Facts) { f.LastActivity = joined.LastActivity }); err != nil {
		return nil, err
	}
	for _, f := range fields { // the rules have the last word
		if !strings.HasPrefix(f.Path, prefixConsent) {
			f.Result = s.value(f.Path, customer.TextOf(after, f.Path), lang)
		}
	}
	if err := s.Consent.Merged(tx, actor, keep.Id, gone.Id, after.Consent); err != nil {
		return nil, err
	}
	rec.ConsentEntry = s.Consent.Last(tx, keep.Id)
	if s.Subscriptions != nil {
		if err := s.Subscriptions.Merged(tx, actor, after, gone.Id); err != nil {
			return nil, err
		}
	}
	e := &plgv1.Event{
		Type: event.TypeMerged, Time: rec.Time, Actor: actor, Customer: after,
		Detail: &plgv1.Event_CustomerMerged{CustomerMerged: &plgv1.CustomerMerged{Gone: gone, Merge: rec.Merge}},
	}
	if err := s.Log.Append(tx, e); err != nil {
		return nil, err
	}
	rec.MergedEvent = e.Sequence
	tx.Put(bucketMerged, mergedKey(uint32(keep.Number), rec.Merge), nil)
	tx.Put(bucketMerged, mergedKey(uint32(gone.Number), rec.Merge), nil)
	return &mostradorv1.MergeResponse{Customer: after, Fields: fields, Notes: notes, Merge: rec.Merge}, store.PutProto(tx, bucketMerge, mergeKey(rec.Merge), rec)
}

// joined is what keep becomes, and how each value came about.
func (s *Service) joined(ctx context.Context, keep, gone *plgv1.Customer, take []string) (*plgv1.Customer, []*mostradorv1.MergeField, error) {
	lang := locale.FromContext(ctx)
	next := proto.CloneOf(keep)
	var fields []*mostradorv1.MergeField
	chosen := 0
	for _, path := range customer.Paths(keep, gone) {
		a, b := customer.TextOf(keep, path), customer.TextOf(gone, path)
		f := &mostradorv1.MergeField{
			Path: path, Label: s.label(path, lang), Keep: s.value(path, a, lang), Gone: s.value(path, b, lang),
		}
		fields = append(fields, f)
		switch reason, locked := s.Customers.Rules.Locked(path, keep, lang); {
		case path == pathCards:
			next.Cards = union(keep.Cards, gone.Cards)
			f.Reason = s.text(lang, "merge_union")
		case path == pathTags:
			next.Tags = union(keep.Tags, gone.Tags)
			f.Reason = s.text(lang, "merge_union")
		case path == pathAplica:
			next.AplicaPromociones = keep.AplicaPromociones && gone.AplicaPromociones
			f.Reason = s.text(lang, "merge_stricter")
		case s.many(path):
			id := strings.TrimPrefix(path, prefixField)
			if lines := union(lines(a), lines(b)); len(lines) > 0 {
				customer.CopyField(next, &plgv1.Customer{Fields: map[string]string{id: strings.Join(lines, "\n")}}, path)
			}
			f.Reason = s.text(lang, "merge_union")
		case locked:
			f.Reason = reason
		case a == b:
		default:
			f.Choice = a != "" && b != ""
			taken := slices.Contains(take, path)
			if taken {
				chosen++
			}
			if taken || a == "" {
				customer.CopyField(next, gone, path)
			}
		}
		if slices.Contains(take, path) && !f.Choice && (a == b || f.Reason != "") {
			return nil, nil, s.refuse(ctx, path, "merge_no_choice", "field", f.Label)
		}
	}
	if chosen != len(slices.Compact(slices.Sorted(slices.Values(take)))) {
		return nil, nil, s.refuse(ctx, "take", "merge_unknown")
	}
	next.Consent = consent.Stricter(keep.Consent, gone.Consent)
	for _, purpose := range []struct {
		name            string
		keep, gone, now plgv1.ConsentState
	}{
		{"programme", keep.GetConsent().GetProgramme(), gone.GetConsent().GetProgramme(), next.Consent.Programme},
		{"promotions", keep.GetConsent().GetPromotions(), gone.GetConsent().GetPromotions(), next.Consent.Promotions},
	} {
		fields = append(fields, &mostradorv1.MergeField{
			Path: prefixConsent + purpose.name, Label: s.text(lang, "consent_"+purpose.name), Reason: s.text(lang, "merge_stricter"),
			Keep: s.state(purpose.keep, lang), Gone: s.state(purpose.gone, lang), Result: s.state(purpose.now, lang),
		})
	}
	return next, fields, nil
}

// mergeNotes says what else comes together.
func (s *Service) mergeNotes(tx *store.Tx, rec *mostradorv1.MergeRecord, next *plgv1.Customer, lang string) ([]string, error) {
	var notes []string
	a, b := rec.KeepFacts, rec.GoneFacts
	if b.Purchases > 0 {
		sum := proto.CloneOf(a.GetSpent())
		sum.Minor += b.GetSpent().GetMinor()
		notes = append(notes, s.text(lang, "note_purchases", "n", a.Purchases+b.Purchases, "keep", a.Purchases, "gone", b.Purchases,
			"total", s.Sales.Format(lang, sum)))
	}
	for _, id := range sortedKeys(b.Measures) {
		if b.Measures[id] != 0 {
			notes = append(notes, s.text(lang, "note_measure", "name", s.measureName(id, lang), "keep", number(a.Measures[id], lang),
				"gone", number(b.Measures[id], lang), "sum", number(a.Measures[id]+b.Measures[id], lang)))
		}
	}
	if n := len(next.Cards); n > len(rec.Keep.Cards) {
		notes = append(notes, s.text(lang, "note_cards", "n", n))
	}
	if rec.Gone.Phone != "" && next.Phone != rec.Gone.Phone {
		notes = append(notes, s.text(lang, "note_phone", "phone", rec.Gone.Phone))
	}
	if rec.Gone.Email != "" && next.Email != rec.Gone.Email {
		notes = append(notes, s.text(lang, "note_email", "email", rec.Gone.Email))
	}
	if !proto.Equal(rec.Keep.Consent, next.Consent) {
		notes = append(notes, s.text(lang, "note_consent"))
	}
	notes = append(notes, s.text(lang, "note_number", "gone", rec.Gone.Number, "keep", rec.Keep.Number), s.text(lang, "note_history"))
	return notes, nil
}

// counted is what the store counts of a customer, and the campaigns in which he converted.
func (s *Service) counted(tx *store.Tx, c *plgv1.Customer) (*mostradorv1.Facts, []uint32, error) {
	f, err := s.Customers.Facts(tx, uint32(c.Number))
	if err != nil {
		return nil, nil, err
	}
	sets, err := s.Customers.Sets().Of(tx, uint32(c.Number))
	if err != nil {
		return nil, nil, err
	}
	var campaigns []uint32
	for _, id := range sets {
		if id.Kind() == set.KindCampaign {
			campaigns = append(campaigns, uint32(id))
		}
	}
	return s.writeFacts(f), campaigns, nil
}

func (s *Service) writeFacts(f customer.Facts) *mostradorv1.Facts {
	currency := ""
	if s.Customers.Currency != nil {
		currency = s.Customers.Currency()
	}
	at := func(seconds int64) *timestamppb.Timestamp {
		if seconds == 0 {
			return nil
		}
		return &timestamppb.Timestamp{Seconds: seconds}
	}
	return &mostradorv1.Facts{
		Purchases: f.Purchases, Spent: &plgv1.Money{Minor: f.Spent, Currency: currency}, FirstPurchase: at(f.FirstPurchase),
		LastPurchase: at(f.LastPurchase), LastActivity: at(f.LastActivity), Measures: f.Measures,
	}
}

func readFacts(w *mostradorv1.Facts) customer.Facts {
	return customer.Facts{
		Purchases: w.GetPurchases(), Spent: w.GetSpent().GetMinor(), FirstPurchase: w.GetFirstPurchase().GetSeconds(),
		LastPurchase: w.GetLastPurchase().GetSeconds(), LastActivity: w.GetLastActivity().GetSeconds(), Measures: w.GetMeasures(),
	}
}

// many tells whether a field takes several values, one a line.
func (s *Service) many(path string) bool {
	id, isField := strings.CutPrefix(path, prefixField)
	fields := s.Customers.InForce()
	if !isField || fields == nil {
		return false
	}
	f, known := fields.Field(id)
	return known && f.Many
}

func lines(value string) []string {
	if value == "" {
		return nil
	}
	return strings.Split(value, "\n")
}

// union is a and what of b is not in it.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}

// without is a without what is in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(x string) bool { return slices.Contains(b, x) })
}

func lastMerge(tx *store.Tx) uint64 {
	for key := range tx.ScanReverse(bucketMerge, nil, nil) {
		return bigEndian(key)
	}
	return 0
}

// load returns a merge, nil when there is none of that number.
func load(tx *store.Tx, merge uint64) (*mostradorv1.MergeRecord, error) {
	rec := new(mostradorv1.MergeRecord)
	found, err := store.GetProto(tx, bucketMerge, mergeKey(merge), rec)
	if err != nil {
		return nil, fmt.Errorf("merge %d: %w", merge, err)
	}
	if !found {
		return nil, nil
	}
	return rec, nil
}

// mergesOf returns the merges in which a customer had a part, oldest first.
func mergesOf(tx *store.Tx, number uint32) (merges []*mostradorv1.MergeRecord, err error) {
	for key := range tx.Scan(bucketMerged, numberKey(number), nil) {
		rec, err := load(tx, bigEndian(key[4:]))
		if err != nil {
			return nil, err
		}
		if rec != nil {
			merges = append(merges, rec)
		}
	}
	return merges, nil
}
