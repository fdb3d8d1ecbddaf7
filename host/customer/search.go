package customer

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/finder"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Page sizes of a search.
const (
	defaultPage = 20
	maxPage     = 200
)

// A phone, card or e-mail is looked for from its third character on, and of one spelling not more than
// maxSpan customers: who has typed so little will type on.
const (
	minSpan = 3
	maxSpan = 10000
)

// Find returns the customer that a key means: an id, an e-mail, a card number, or a phone in any spelling.
// A key that is the phone of one and the card of another customer is refused.
func (s *Service) Find(ctx context.Context, key string) (*plgv1.Customer, error) {
	var found *plgv1.Customer
	err := s.Store.View(func(tx *store.Tx) (err error) {
		found, err = s.FindTx(ctx, tx, key)
		return err
	})
	return found, err
}

// FindTx is Find within a transaction.
func (s *Service) FindTx(ctx context.Context, tx *store.Tx, key string) (*plgv1.Customer, error) {
	key = strings.TrimSpace(key)
	if id, err := uuid.Parse(key); err == nil {
		return s.Get(tx, id.String())
	}
	if strings.Contains(key, "@") {
		email, problem := parseEmail(key)
		if problem != "" {
			return nil, ErrNotFound
		}
		return s.holder(tx, emailKey(email))
	}
	var phone, card uint32
	if e164, problem := parsePhone(key, s.country()); problem == "" {
		phone = numberOf(tx.Get(bucketIndex, phoneKey(e164)))
	}
	if plain := plainCard(key); plain != "" {
		card = numberOf(tx.Get(bucketIndex, cardKey(plain)))
	}
	switch {
	case phone != 0 && card != 0 && phone != card:
		return nil, Refuse("", "key_ambiguous", s.text(ctx, "key_ambiguous", "key", key))
	case phone != 0:
		return s.ByNumber(tx, phone)
	case card != 0:
		return s.ByNumber(tx, card)
	}
	return s.ByNumber(tx, s.leads(tx, typedNumber(key)))
}

// holder returns the customer to whom a key of the index belongs, or ErrNotFound.
func (s *Service) holder(tx *store.Tx, key []byte) (*plgv1.Customer, error) {
	number := numberOf(tx.Get(bucketIndex, key))
	if number == 0 {
		return nil, ErrNotFound
	}
	return s.ByNumber(tx, number)
}

// typedNumber is the customer number that somebody typed ("1042", "#1042"), 0 when it is none.
func typedNumber(typed string) uint32 {
	n, err := strconv.ParseUint(strings.TrimPrefix(typed, "#"), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// Search returns a page of the customers whom a request means, with what the store counts of them. A page that
// the caller has (Page, Offset) stays right while customers come and go.
func (s *Service) Search(ctx context.Context, req *mostradorv1.SearchRequest) (*mostradorv1.SearchResponse, error) {
	if err := s.Build(ctx); err != nil {
		return nil, err
	}
	res := new(mostradorv1.SearchResponse)
	var q finder.Query
	var possible bool
	err := s.Store.View(func(tx *store.Tx) (err error) {
		q, possible, res.AtLeast, err = s.query(ctx, tx, req.GetQuery(), req.GetFilter())
		return err
	})
	if err != nil || !possible {
		return res, err
	}
	met, err := s.meets(ctx, req.GetFilter(), false)
	if err != nil {
		return nil, err
	}
	if met != nil {
		q.Within = append(q.Within, met)
	}
	q.Order = orderOf(req)
	q.Limit = int(req.GetLimit())
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	q.Limit = min(q.Limit, maxPage)
	q.After, q.Offset = finder.Position(req.GetPage()), req.GetOffset()
	numbers, total, next, err := s.finder.Find(ctx, q)
	if errors.Is(err, finder.ErrPosition) {
		return nil, Refuse("page", "page_unknown", s.text(ctx, "page_unknown"))
	}
	if err != nil {
		return nil, err
	}
	res.Total, res.NextPage = total, string(next)
	return res, s.Store.View(func(tx *store.Tx) error {
		for _, number := range numbers {
			c, err := s.ByNumber(tx, number)
			if errors.Is(err, ErrNotFound) {
				continue // gone since
			}
			if err != nil {
				return err
			}
			facts, err := s.Facts(tx, number)
			if err != nil {
				return err
			}
			res.Customers = append(res.Customers, c)
			res.Facts = append(res.Facts, s.facts(c, &facts))
		}
		return nil
	})
}

// Selected returns the numbers of the customers whom a selection means, as they are now.
func (s *Service) Selected(ctx context.Context, sel *mostradorv1.Selection) (*roaring.Bitmap, error) {
	numbers := roaring.New()
	if len(sel.GetIds()) == 0 && !sel.GetAll() {
		return numbers, nil
	}
	if len(sel.GetIds()) > 0 {
		err := s.numbers(sel.Ids, func(number uint32) { numbers.Add(number) })
		return numbers, err
	}
	if err := s.Build(ctx); err != nil {
		return nil, err
	}
	err := s.Store.View(func(tx *store.Tx) error {
		q, possible, _, err := s.query(ctx, tx, sel.GetQuery(), sel.GetFilter())
		if err == nil && possible {
			numbers = s.finder.Matches(q)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	met, err := s.meets(ctx, sel.GetFilter(), true)
	if err != nil {
		return nil, err
	}
	if met != nil {
		numbers.And(met)
	}
	return numbers, s.numbers(sel.GetExcept(), func(number uint32) { numbers.Remove(number) })
}

// numbers yields the numbers of ids; an id of nobody is left out.
func (s *Service) numbers(ids []string, yield func(uint32)) error {
	return s.Store.View(func(tx *store.Tx) error {
		for _, id := range ids {
			number, err := s.Number(tx, id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			yield(number)
		}
		return nil
	})
}

// query is what is typed and filtered as the finder understands it. possible is false when nobody can meet it;
// atLeast tells that there may be more than are found.
func (s *Service) query(ctx context.Context, tx *store.Tx, typed string, filter *mostradorv1.Filter) (q finder.Query, possible, atLeast bool, err error) {
	if q, possible, err = s.filtered(tx, filter); err != nil || !possible {
		return q, false, false, err
	}
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return q, true, false, nil
	}
	if id, err := uuid.Parse(typed); err == nil {
		q.Also = roaring.New()
		if number, err := s.Number(tx, id.String()); err == nil {
			q.Also.Add(number)
		}
		return q, true, false, nil
	}
	if !strings.Contains(typed, "@") {
		q.Words = finder.Split(fold(typed))
	}
	q.Also = roaring.New()
	if number := typedNumber(typed); number != 0 {
		q.Also.Add(s.leads(tx, number))
	}
	named, err := s.named(ctx, typed, q.Words)
	if err != nil {
		return q, false, false, err
	}
	for _, prefix := range spans(typed, s.country(), !named) {
		n := 0
		for _, number := range tx.Scan(bucketIndex, prefix, nil) {
			if n++; n > maxSpan {
				atLeast = true
				break
			}
			if n%1000 == 0 && ctx.Err() != nil {
				return q, false, false, ctx.Err()
			}
			q.Also.Add(numberOf(number))
		}
	}
	return q, true, atLeast, nil
}

// named tells whether what is typed is the beginning of somebody's name: letters only, and somebody has such a word.
// Then it is not looked for among the addresses, thousands of which begin like a common name.
func (s *Service) named(ctx context.Context, typed string, words []string) (bool, error) {
	for _, r := range typed {
		if !unicode.IsLetter(r) && r != ' ' {
			return false, nil
		}
	}
	if len(words) == 0 {
		return false, nil
	}
	_, total, _, err := s.finder.Find(ctx, finder.Query{Words: words})
	return total > 0, err
}

// spans are the parts of the index in which what is typed is looked for; with addresses also as the beginning of an
// e-mail address.
func spans(typed, country string, addresses bool) [][]byte {
	if strings.Contains(typed, "@") {
		prefixes := [][]byte{emailKey(typed)}
		if parsed, problem := parseEmail(typed); problem == "" { // an international domain is kept in ASCII
			prefixes = append(prefixes, emailKey(parsed))
		}
		return prefixes
	}
	var prefixes [][]byte
	if card := plainCard(typed); len(card) >= minSpan {
		prefixes = append(prefixes, cardKey(card))
	}
	for _, phone := range phonePrefixes(typed, country) {
		if len(phone) >= len("+34")+minSpan {
			prefixes = append(prefixes, phoneKey(phone))
		}
	}
	if addresses && len(typed) >= minSpan && !strings.ContainsAny(typed, " \t") {
		prefixes = append(prefixes, emailKey(typed))
	}
	return prefixes
}

// filtered is a filter as the finder understands it, but for its condition.
func (s *Service) filtered(tx *store.Tx, f *mostradorv1.Filter) (q finder.Query, possible bool, err error) {
	q.Consent = f.GetConsent()
	for _, channel := range f.GetChannels() {
		q.Email = q.Email || channel == mostradorv1.Filter_CHANNEL_EMAIL
		q.Phone = q.Phone || channel == mostradorv1.Filter_CHANNEL_SMS
	}
	for _, name := range f.GetTags() {
		id, found := s.TagID(tx, name)
		if !found {
			return q, false, nil
		}
		q.Within = append(q.Within, s.sets.Members(id))
	}
	for _, name := range f.GetWithoutTags() {
		if id, found := s.TagID(tx, name); found {
			q.Without = append(q.Without, s.sets.Members(id))
		}
	}
	for _, n := range f.GetSegments() {
		q.Within = append(q.Within, s.sets.Members(set.Segment(n)))
	}
	if len(f.GetCampaigns()) > 0 {
		converted := roaring.New()
		for _, name := range f.GetCampaigns() {
			if id, found := s.CampaignID(tx, name); found {
				converted.Or(s.sets.Members(id))
			}
		}
		q.Within = append(q.Within, converted)
	}
	if f.GetImport() != 0 && s.Imported != nil {
		imported, err := s.Imported(f.GetImport())
		if err != nil {
			return q, false, err
		}
		q.Within = append(q.Within, imported)
	}
	return q, true, nil
}

// orderOf is the order of a search: of everybody the newest come first, else the names.
func orderOf(req *mostradorv1.SearchRequest) finder.Order {
	switch req.GetOrder() {
	case mostradorv1.Order_ORDER_ACTIVITY:
		return finder.ByActivity
	case mostradorv1.Order_ORDER_POINTS:
		return finder.ByPoints
	case mostradorv1.Order_ORDER_NEWEST:
		return finder.ByNewest
	case mostradorv1.Order_ORDER_UNSPECIFIED:
		if strings.TrimSpace(req.GetQuery()) == "" && proto.Size(req.GetFilter()) == 0 {
			return finder.ByNewest
		}
	}
	return finder.ByName
}
