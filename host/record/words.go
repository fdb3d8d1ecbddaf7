package record

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	xnumber "golang.org/x/text/number"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// value is a value of the record as people read it.
func (s *Service) value(path, text, lang string) string {
	if path == pathAplica {
		if text == "true" {
			return s.text(lang, "yes")
		}
		return s.text(lang, "no")
	}
	return text
}

// label is what people call a value of the record.
func (s *Service) label(path, lang string) string {
	switch path {
	case pathCards, pathTags, "language":
		return s.text(lang, "label_"+path)
	}
	return s.Customers.Label(path, lang)
}

// state is a state of consent in a word.
func (s *Service) state(state plgv1.ConsentState, lang string) string {
	switch state {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		return s.text(lang, "state_given")
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		return s.text(lang, "state_withdrawn")
	}
	return s.text(lang, "state_pending")
}

// way is the way in by which somebody acted.
func (s *Service) way(tx *store.Tx, a *plgv1.Actor, lang string) string {
	kind, of, _ := strings.Cut(a.GetChannel(), ":")
	switch kind {
	case "gui":
		if a.GetTill() != "" {
			return s.text(lang, "way_till", "till", a.GetTill())
		}
		return s.text(lang, "way_gui")
	case "plugin":
		return s.text(lang, "way_plugin", "name", s.pluginName(of, lang))
	case "import":
		if id, err := strconv.ParseUint(of, 10, 64); err == nil && s.Import != nil {
			if i, found := s.Import(tx, id); found {
				return s.text(lang, "way_import", "file", i.File)
			}
		}
		return s.text(lang, "way_import", "file", of)
	case "task":
		return s.text(lang, "way_task")
	case "cli", "api", "web", "host":
		return s.text(lang, "way_"+kind)
	}
	return a.GetChannel()
}

// number writes a number as a language does.
func number(n float64, lang string) string {
	tag, err := language.Parse(lang)
	if err != nil {
		tag = language.Spanish
	}
	return message.NewPrinter(tag).Sprint(xnumber.Decimal(n, xnumber.MaxFractionDigits(2)))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func bigEndian(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
