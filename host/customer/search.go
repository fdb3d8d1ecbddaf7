package customer

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Page sizes of a search.
const (
	defaultPage = 20
	maxPage     = 200
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
		return s.Get(tx, string(tx.Get(bucketIndex, emailKey(email))))
	}
	var phone, card string
	if e164, problem := parsePhone(key, s.country()); problem == "" {
		phone = string(tx.Get(bucketIndex, phoneKey(e164)))
	}
	if number := plainCard(key); number != "" {
		card = string(tx.Get(bucketIndex, cardKey(number)))
	}
	switch {
	case phone != "" && card != "" && phone != card:
		return nil, Refuse("", "key_ambiguous", s.text(ctx, "key_ambiguous", "key", key))
	case phone != "":
		return s.Get(tx, phone)
	}
	return s.Get(tx, card)
}

// Search returns up to limit customers whose name has words that begin with the words of the query, in any
// order, or whose phone (in any spelling), e-mail or card it begins, or whose id it is; and the token of the
// next page, empty when there is none. An empty query lists all, the newest first.
func (s *Service) Search(ctx context.Context, query string, limit int, page string) (found []*plgv1.Customer, next string, err error) {
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	query = strings.TrimSpace(query)
	err = s.Store.View(func(tx *store.Tx) (err error) {
		if query == "" {
			found, next, err = s.newest(tx, limit, page)
			return err
		}
		if id, err := uuid.Parse(query); err == nil {
			c, err := s.Get(tx, id.String())
			if err == nil {
				found = []*plgv1.Customer{c}
			} else if !errors.Is(err, ErrNotFound) {
				return err
			}
			return nil
		}
		found, next, err = s.scan(ctx, tx, ranges(query, s.country()), limit, page)
		return err
	})
	return found, next, err
}

// newest lists customers in the reverse order of registration.
func (s *Service) newest(tx *store.Tx, limit int, page string) (found []*plgv1.Customer, next string, err error) {
	var before []byte
	if page != "" {
		if before, err = base64.RawURLEncoding.DecodeString(page); err != nil || len(before) == 0 {
			return nil, "", nil
		}
	}
	for _, data := range tx.ScanReverse(bucketCustomer, nil, before) {
		if len(found) == limit {
			return found, base64.RawURLEncoding.EncodeToString([]byte(found[limit-1].Id)), nil
		}
		c := new(plgv1.Customer)
		if err := proto.Unmarshal(data, c); err != nil {
			return nil, "", fmt.Errorf("customer record: %w", err)
		}
		found = append(found, c)
	}
	return found, "", nil
}

// span is a part of the index in which a query's customers stand.
type span struct {
	prefix []byte
	// words must all begin a word of the name as well; only for spans of names.
	words []string
}

// ranges are the parts of the index in which a query is looked for, best first.
func ranges(query, country string) []span {
	email := span{prefix: emailKey(query)}
	if strings.Contains(query, "@") {
		if parsed, problem := parseEmail(query); problem == "" { // an international domain is kept in ASCII
			return []span{email, {prefix: emailKey(parsed)}}
		}
		return []span{email}
	}
	var spans []span
	if card := plainCard(query); card != "" && len(card) >= 3 {
		spans = append(spans, span{prefix: cardKey(card)})
	}
	for _, prefix := range phonePrefixes(query, country) {
		spans = append(spans, span{prefix: phoneKey(prefix)})
	}
	if parts := words(query); len(parts) > 0 {
		longest := parts[0]
		for _, part := range parts {
			if len(part) > len(longest) {
				longest = part
			}
		}
		spans = append(spans, span{prefix: append([]byte{kindName}, longest...), words: parts})
	}
	if !strings.ContainsAny(query, " \t") {
		spans = append(spans, email)
	}
	return spans
}

// holds reports whether a record of the index is one that the span looks for.
func (r span) holds(key []byte) bool {
	if !bytes.HasPrefix(key, r.prefix) {
		return false
	}
	if len(r.words) < 2 {
		return true
	}
	name := string(key[1:bytes.IndexByte(key, 0)])
	for _, word := range r.words {
		if !strings.HasPrefix(name, word) && !strings.Contains(name, " "+word) {
			return false
		}
	}
	return true
}

// scan reads the spans one after the other. A customer stands in them more than once ("Ana Anaya" for "ana"),
// and is taken where he stands first: that is known from his record alone, so no page needs to remember
// another. A page's token is the span's number and the last key read.
func (s *Service) scan(ctx context.Context, tx *store.Tx, spans []span, limit int, page string) (found []*plgv1.Customer, next string, err error) {
	at, after := 0, []byte(nil)
	if page != "" {
		token, err := base64.RawURLEncoding.DecodeString(page)
		if err != nil || len(token) < 2 {
			return nil, "", nil
		}
		at, after = int(token[0]), token[1:]
	}
	for ; at < len(spans); at, after = at+1, nil {
		for key, value := range tx.Scan(bucketIndex, spans[at].prefix, after) {
			if err := ctx.Err(); err != nil {
				return nil, "", err
			}
			if !spans[at].holds(key) {
				continue
			}
			c, err := s.Get(tx, idOf(entry{key, value}))
			if err != nil {
				return nil, "", fmt.Errorf("customer index %q: %w", key, err)
			}
			if !firstOf(c, spans[:at+1], key) {
				continue
			}
			if len(found) == limit {
				return found, next, nil
			}
			found = append(found, c)
			next = base64.RawURLEncoding.EncodeToString(append([]byte{byte(at)}, key...))
		}
	}
	return found, "", nil
}

// firstOf reports whether key, which the last of the spans holds, is where c stands first in them.
func firstOf(c *plgv1.Customer, spans []span, key []byte) bool {
	last := len(spans) - 1
	for _, e := range entries(c) {
		for i, r := range spans {
			if r.holds(e.key) && (i < last || bytes.Compare(e.key, key) < 0) {
				return false
			}
		}
	}
	return true
}
