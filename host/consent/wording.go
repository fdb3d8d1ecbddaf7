package consent

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
)

// bucketWording holds every wording that was ever in force: id → Wording as JSON.
const bucketWording store.Bucket = "consent_text"

// Wording is one version of the policy, kept for good once it was in force.
type Wording struct {
	// ID is derived from the texts.
	ID string `json:"id"`
	// Version counts from 1 in the order in which wordings came into force.
	Version int32 `json:"version"`
	// Texts by language.
	Texts map[string]string `json:"texts"`
	Since time.Time         `json:"since"`
}

// in is the proof of the wording as somebody who reads lang saw it: in that language, or in the one that the
// pages fall back to.
func (w *Wording) in(lang string) *mostradorv1.ConsentText {
	text, ok := w.Texts[lang]
	if !ok {
		lang = locale.Default
		if text, ok = w.Texts[lang]; !ok {
			for _, lang = range slices.Sorted(maps.Keys(w.Texts)) {
				text = w.Texts[lang]
				break
			}
		}
	}
	sum := sha256.Sum256([]byte(text))
	return &mostradorv1.ConsentText{Id: w.ID, Version: w.Version, Language: lang, Sha256: sum[:]}
}

// InForce returns the wording in force, numbering it when it is new (then tx must be an Update's).
func (s *Service) InForce(tx *store.Tx) (*Wording, error) {
	texts := map[string]string{}
	if s.Policy != nil {
		for lang, text := range s.Policy() {
			if text != "" {
				texts[lang] = text
			}
		}
	}
	id := wordingID(texts)
	known, err := s.wording(tx, id)
	if known != nil || err != nil {
		return known, err
	}
	w := &Wording{ID: id, Version: 1, Texts: texts, Since: s.Now().UTC()}
	for range tx.Scan(bucketWording, nil, nil) {
		w.Version++
	}
	data, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("consent wording: %w", err)
	}
	tx.Put(bucketWording, []byte(id), data)
	return w, nil
}

// wordingID is the same for the same texts.
func wordingID(texts map[string]string) string {
	sum := sha256.New()
	for _, lang := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintf(sum, "%s %d %s\n", lang, len(texts[lang]), texts[lang])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// wording is nil when there is none of the id.
func (s *Service) wording(tx *store.Tx, id string) (*Wording, error) {
	data := tx.Get(bucketWording, []byte(id))
	if data == nil {
		return nil, nil
	}
	w := new(Wording)
	if err := json.Unmarshal(data, w); err != nil {
		return nil, fmt.Errorf("consent wording %s: %w", id, err)
	}
	return w, nil
}

// Wordings returns every wording that ever was in force, oldest first, for the web pages to show.
func (s *Service) Wordings(tx *store.Tx) ([]*Wording, error) {
	var list []*Wording
	for id := range tx.Scan(bucketWording, nil, nil) {
		w, err := s.wording(tx, string(bytes.Clone(id)))
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b *Wording) int { return cmp.Compare(a.Version, b.Version) })
	return list, nil
}

// completed adds to what the web pages say about the text that they showed what the store knows about it.
func (s *Service) completed(tx *store.Tx, shown *mostradorv1.ConsentText) (*mostradorv1.ConsentText, error) {
	if shown.GetId() == "" {
		return shown, nil
	}
	w, err := s.wording(tx, shown.Id)
	if w == nil || err != nil {
		return shown, err
	}
	text := w.in(shown.Language)
	if len(shown.Sha256) > 0 { // what the customer saw goes before what was meant
		text.Language, text.Sha256 = shown.Language, shown.Sha256
	}
	return text, nil
}
