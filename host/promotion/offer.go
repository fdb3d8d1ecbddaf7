package promotion

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// recentSales is how many of a customer's sales cross-sale looks at, and recentFor how far back.
	recentSales = 20
	recentFor   = 90 * 24 * time.Hour
	// again is how often conditions are compiled anew.
	again = 20 * time.Second
)

// compiled is an offer that may be shown.
type compiled struct {
	offer *mostradorv1.Offer
	// match is nil for an offer without a condition.
	match Match
	// bought are the articles and kinds of its cross-sale, folded.
	bought map[string]bool
}

// Offers returns all offers, those with the greatest priority first.
func (s *Service) Offers() (list []*mostradorv1.Offer, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		for _, value := range tx.Scan(bucketOffer, nil, nil) {
			o := new(mostradorv1.Offer)
			if err := proto.Unmarshal(value, o); err != nil {
				return err
			}
			list = append(list, o)
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b *mostradorv1.Offer) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), strings.Compare(a.Id, b.Id))
	})
	return list, err
}

// PutOffer keeps an offer; with create one that must not be there yet. What a person can mend is a *customer.Refused.
func (s *Service) PutOffer(ctx context.Context, actor *plgv1.Actor, wanted *mostradorv1.Offer, create bool) (*mostradorv1.Offer, error) {
	s.edit.Lock()
	defer s.edit.Unlock()
	o := proto.CloneOf(wanted)
	if o == nil {
		o = new(mostradorv1.Offer)
	}
	o.Id, o.Name, o.Title, o.TitleEn = strings.TrimSpace(o.Id), customer.OneLine(o.Name), customer.OneLine(o.Title), customer.OneLine(o.TitleEn)
	o.Action, o.ActionEn, o.Article = customer.OneLine(o.Action), customer.OneLine(o.ActionEn), customer.OneLine(o.Article)
	o.Url, o.Image, o.Expression = strings.TrimSpace(o.Url), strings.TrimSpace(o.Image), strings.TrimSpace(o.Expression)
	o.Bought = trimmed(o.Bought)
	if err := s.judge(ctx, o); err != nil {
		return nil, err
	}
	if o.Expression != "" {
		if _, err := s.Compile(ctx, o.Expression); err != nil {
			return nil, err
		}
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		there := tx.Get(bucketOffer, []byte(o.Id)) != nil
		switch {
		case create && there:
			return s.refuse(ctx, "id", "id_taken", "id", o.Id)
		case !create && !there:
			return ErrNotFound
		case create && full(tx, bucketOffer, maxOffers):
			return s.refuse(ctx, "", "too_many", "n", maxOffers)
		case o.Promotion != "" && tx.Get(bucketPromotion, []byte(o.Promotion)) == nil:
			return s.refuse(ctx, "promotion", "promotion_unknown", "id", o.Promotion)
		}
		if err := store.PutProto(tx, bucketOffer, []byte(o.Id), o); err != nil {
			return err
		}
		return s.note(tx, actor, nil, "offer.saved", map[string]any{"offer": o.Id, "name": o.Name, "enabled": o.Enabled})
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return o, s.refresh(ctx)
}

func (s *Service) judge(ctx context.Context, o *mostradorv1.Offer) error {
	long := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(t string) bool { return utf8.RuneCountInString(t) > maxText })
	}
	switch {
	case !idPattern.MatchString(o.Id) || len(o.Id) > maxID:
		return s.refuse(ctx, "id", "id_invalid", "n", maxID)
	case o.Name == "" || utf8.RuneCountInString(o.Name) > maxName:
		return s.refuse(ctx, "name", "name_invalid", "n", maxName)
	case o.Title == "" || utf8.RuneCountInString(o.Title) > maxName || utf8.RuneCountInString(o.TitleEn) > maxName:
		return s.refuse(ctx, "title", "title_invalid", "n", maxName)
	case long(o.Text, o.TextEn):
		return s.refuse(ctx, "text", "text_long", "n", maxText)
	case o.Url != "" && !webAddress(o.Url):
		return s.refuse(ctx, "url", "url_invalid")
	case o.Image != "" && !webAddress(o.Image):
		return s.refuse(ctx, "image", "url_invalid")
	case o.Ends != nil && o.Starts != nil && !o.Ends.AsTime().After(o.Starts.AsTime()):
		return s.refuse(ctx, "ends", "ends_before")
	}
	return nil
}

// webAddress tells whether an address leads to a page of the web and to nothing else.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= 2000 && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// DeleteOffer takes an offer away.
func (s *Service) DeleteOffer(ctx context.Context, actor *plgv1.Actor, id string) error {
	s.edit.Lock()
	defer s.edit.Unlock()
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		if tx.Get(bucketOffer, []byte(id)) == nil {
			return ErrNotFound
		}
		tx.Delete(bucketOffer, []byte(id))
		return s.note(tx, actor, nil, "offer.deleted", map[string]any{"offer": id})
	})
	if err != nil {
		return err
	}
	s.Changed()
	return s.refresh(ctx)
}

// Run keeps the conditions of offers up to date until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		s.edit.Lock()
		err := s.refresh(ctx)
		s.edit.Unlock()
		if err != nil && ctx.Err() == nil {
			s.Logger.Error("offers cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// refresh compiles the offers that are switched on. One whose condition has no meaning any more is shown to nobody.
func (s *Service) refresh(ctx context.Context) error {
	all, err := s.Offers()
	if err != nil {
		return err
	}
	var ready []compiled
	for _, o := range all {
		if !o.Enabled {
			continue
		}
		c := compiled{offer: o, bought: map[string]bool{}}
		if o.Expression != "" {
			if c.match, err = s.Compile(ctx, o.Expression); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				s.Logger.Warn("an offer is shown to nobody, since its condition is wrong", "offer", o.Id, "error", err)
				continue
			}
		}
		for _, b := range o.Bought {
			c.bought[customer.Fold(b)] = true
		}
		ready = append(ready, c)
	}
	s.offers.Store(&ready)
	return nil
}

// ChooseTx returns the offers that fit a customer now, best first, at most limit of them. Words says why, in lang.
func (s *Service) ChooseTx(tx *store.Tx, c *plgv1.Customer, lang string, limit int) ([]*mostradorv1.ChosenOffer, error) {
	ready := s.offers.Load()
	if ready == nil || len(*ready) == 0 || c == nil {
		return nil, nil
	}
	now := s.Now()
	var known *customer.Known
	var basket *basket
	var chosen []*mostradorv1.ChosenOffer
	for _, o := range *ready {
		if len(chosen) == limit {
			break
		}
		if o.offer.Starts != nil && now.Before(o.offer.Starts.AsTime()) || o.offer.Ends != nil && !now.Before(o.offer.Ends.AsTime()) {
			continue
		}
		why := s.Text.Text(lang, "promotion.why_everybody")
		if len(o.bought) > 0 || o.offer.Article != "" {
			if basket == nil {
				var err error
				if basket, err = s.basket(tx, c.Id, now); err != nil {
					return nil, err
				}
			}
			if basket.has[customer.Fold(o.offer.Article)] != "" && o.offer.Article != "" {
				continue // who has it is not offered it
			}
			if len(o.bought) > 0 {
				found := basket.first(o.bought)
				if found == "" {
					continue
				}
				why = s.Text.Text(lang, "promotion.why_bought", "article", found)
			}
		}
		if o.match != nil {
			if known == nil {
				var err error
				if known, err = s.Customers.Known(tx, c); err != nil {
					return nil, err
				}
			}
			if !o.match(known) {
				continue
			}
			if len(o.bought) == 0 {
				why = s.Text.Text(lang, "promotion.why_condition", "expression", o.offer.Expression)
			}
		}
		chosen = append(chosen, &mostradorv1.ChosenOffer{Offer: o.offer, Words: why})
	}
	return chosen, nil
}

// Choose is ChooseTx for a customer's id.
func (s *Service) Choose(lang, customerID string, limit int) (chosen []*mostradorv1.ChosenOffer, err error) {
	if limit <= 0 || limit > maxOffers {
		limit = maxOffers
	}
	err = s.Store.View(func(tx *store.Tx) error {
		c, err := s.Customers.Get(tx, customerID)
		if err != nil {
			return err
		}
		chosen, err = s.ChooseTx(tx, c, lang, limit)
		return err
	})
	return chosen, err
}

// basket is what a customer bought lately: folded articles, names and kinds, and how the till spelled them.
type basket struct {
	has   map[string]string
	order []string
}

func (s *Service) basket(tx *store.Tx, customerID string, now time.Time) (*basket, error) {
	sales, err := s.Sales(tx, customerID, recentSales)
	if err != nil {
		return nil, err
	}
	b := &basket{has: map[string]string{}}
	for _, sale := range sales {
		if now.Sub(sale.GetTime().AsTime()) > recentFor || sale.GetRefunded().GetMinor() >= sale.GetTotal().GetMinor() {
			continue
		}
		for _, l := range sale.GetLines() {
			for _, name := range []string{l.Article, l.Name, l.Category} {
				if key := customer.Fold(name); name != "" && b.has[key] == "" {
					b.has[key] = cmp.Or(l.Name, l.Article, name)
					b.order = append(b.order, key)
				}
			}
		}
	}
	return b, nil
}

// first is the latest of what was bought that is wanted, as the till spelled it; empty when none is.
func (b *basket) first(wanted map[string]bool) string {
	for _, key := range b.order {
		if wanted[key] {
			return b.has[key]
		}
	}
	return ""
}
