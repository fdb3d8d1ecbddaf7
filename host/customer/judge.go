package customer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Paths of the fields, as masks and diagnostics name them.
const (
	fieldName     = "name"
	fieldPhone    = "phone"
	fieldEmail    = "email"
	fieldLanguage = "language"
	fieldCards    = "cards"
	fieldTags     = "tags"
	fieldAplica   = "aplica_promociones"
	// fieldPrefix begins the path of a value of the data model or of a plugin's field.
	fieldPrefix = "fields."
)

// Limits, in entries and bytes. They keep one record well within a page or two of the file.
const (
	maxCards  = 20
	maxTags   = 100
	maxFields = 200
	maxWord   = 64
	maxValue  = 2000
)

var fieldID = regexp.MustCompile(`^[\pL_][\pL\pN_.-]{0,63}$`)

// judgement collects what is to be said about a customer in the language of whoever asks.
type judgement struct {
	s    *Service
	lang string
	*mostradorv1.Refusal
}

func (s *Service) judge(ctx context.Context) *judgement {
	return &judgement{s: s, lang: locale.FromContext(ctx), Refusal: new(mostradorv1.Refusal)}
}

// refuse adds an error whose sentence has the name of its code.
func (j *judgement) refuse(path, code string, args ...any) {
	j.add(plgv1.Severity_SEVERITY_ERROR, path, code, j.sentence(code, args))
}

func (j *judgement) warn(path, code string, args ...any) {
	j.add(plgv1.Severity_SEVERITY_WARNING, path, code, j.sentence(code, args))
}

// sentence shows what was typed only as far as a person would read it.
func (j *judgement) sentence(code string, args []any) string {
	const shown = 80
	for i, arg := range args {
		if typed, ok := arg.(string); ok && (len(typed) > shown || !utf8.ValidString(typed)) {
			runes := []rune(typed) // bytes that are no character become U+FFFD
			if len(runes) > shown {
				runes = append(runes[:shown], '…')
			}
			args[i] = string(runes)
		}
	}
	return j.s.Text.Text(j.lang, "customer."+code, args...)
}

func (j *judgement) add(severity plgv1.Severity, path, code, sentence string) {
	j.Diagnostics = append(j.Diagnostics, &plgv1.Diagnostic{Severity: severity, Summary: sentence, Path: path, Code: code})
}

// err is nil while there are only warnings.
func (j *judgement) err() error {
	for _, d := range j.Diagnostics {
		if d.Severity == plgv1.Severity_SEVERITY_ERROR {
			return &Refused{j.Refusal}
		}
	}
	return nil
}

// allPaths names every field that c can set, those of the data model by its keys.
func allPaths(c *plgv1.Customer) []string {
	paths := []string{fieldName, fieldPhone, fieldEmail, fieldLanguage, fieldCards, fieldTags, fieldAplica}
	for _, id := range slices.Sorted(maps.Keys(c.GetFields())) {
		paths = append(paths, fieldPrefix+id)
	}
	return paths
}

// normalise brings the fields of the paths to the form in which they are kept and says what is wrong with
// them. It needs no transaction.
func (j *judgement) normalise(c *plgv1.Customer, paths []string) {
	for _, path := range paths {
		switch path {
		case fieldName:
			name, problem := parseName(c.Name)
			if problem != "" {
				j.refuse(path, problem)
				continue
			}
			c.Name = name
		case fieldPhone:
			j.normalisePhone(c)
		case fieldEmail:
			j.normaliseEmail(c)
		case fieldLanguage:
			j.normaliseLanguage(c)
		case fieldCards:
			j.normaliseCards(c)
		case fieldTags:
			j.normaliseTags(c)
		case fieldAplica:
		default:
			j.normaliseField(c, path)
		}
	}
}

func (j *judgement) normalisePhone(c *plgv1.Customer) {
	if strings.TrimSpace(c.Phone) == "" {
		c.Phone = ""
		return
	}
	country := j.s.country()
	phone, problem := parsePhone(c.Phone, country)
	if problem != "" {
		j.refuse(fieldPhone, problem, "phone", c.Phone, "prefix", callingCode(country))
		return
	}
	c.Phone = phone
}

func (j *judgement) normaliseEmail(c *plgv1.Customer) {
	if strings.TrimSpace(c.Email) == "" {
		c.Email = ""
		return
	}
	email, problem := parseEmail(c.Email)
	if problem != "" {
		j.refuse(fieldEmail, problem, "email", c.Email)
		return
	}
	c.Email = email
	if meant := typoHint(email); meant != "" {
		j.warn(fieldEmail, "email_typo", "email", meant)
	}
}

func (j *judgement) normaliseLanguage(c *plgv1.Customer) {
	if c.Language == "" {
		return
	}
	tag, err := language.Parse(c.Language)
	if err != nil || tag == language.Und {
		j.refuse(fieldLanguage, "language_invalid", "language", c.Language)
		return
	}
	c.Language = tag.String()
}

func (j *judgement) normaliseCards(c *plgv1.Customer) {
	cards := make([]string, 0, len(c.Cards))
	for _, typed := range c.Cards {
		card := typed
		if !asKept(typed) {
			card = plainCard(typed)
		}
		if card == "" || len(card) > maxWord {
			j.refuse(fieldCards, "card_invalid", "card", typed)
			return
		}
		cards = append(cards, card)
	}
	if c.Cards = unique(cards); len(c.Cards) > maxCards {
		j.refuse(fieldCards, "cards_many", "n", maxCards)
	}
}

// cardDividers are what people divide the number of a card with.
var cardDividers = strings.NewReplacer(" ", "", "-", "")

// plainCard is the number of a card without what only divides it; empty when it is none.
func plainCard(typed string) string {
	card := cardDividers.Replace(strings.TrimSpace(norm.NFKC.String(typed)))
	for _, r := range card {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return ""
		}
	}
	return strings.ToUpper(card)
}

func (j *judgement) normaliseTags(c *plgv1.Customer) {
	tags := make([]string, 0, len(c.Tags))
	for _, typed := range c.Tags {
		tag, ok := plainText(typed, maxWord, false)
		if !ok || tag == "" {
			j.refuse(fieldTags, "tag_invalid", "tag", typed)
			return
		}
		tags = append(tags, tag)
	}
	if c.Tags = unique(tags); len(c.Tags) > maxTags {
		j.refuse(fieldTags, "tags_many", "n", maxTags)
	}
}

// plgv1Field reports whether a customer has a field of that name: one that is known, but nobody's to set.
func plgv1Field(name string) bool {
	for i, fields := 0, new(plgv1.Customer).ProtoReflect().Descriptor().Fields(); i < fields.Len(); i++ {
		if string(fields.Get(i).Name()) == name {
			return true
		}
	}
	return false
}

// plainText brings a free text to NFC without space around it, and refuses what cannot be seen.
func plainText(typed string, limit int, lines bool) (string, bool) {
	s := strings.TrimSpace(norm.NFC.String(typed))
	if len(s) > limit || !utf8.ValidString(s) {
		return "", false
	}
	for _, r := range s {
		if lines && (r == '\n' || r == '\t') {
			continue
		}
		if unicode.IsControl(r) || hidden(r) {
			return "", false
		}
	}
	return s, true
}

// require says what a customer cannot do without.
func (j *judgement) require(c *plgv1.Customer) {
	if c.Phone == "" && c.Email == "" && !j.about(fieldPhone) && !j.about(fieldEmail) {
		j.refuse(fieldPhone, "contact_empty")
	}
	if len(c.Fields) > maxFields {
		j.refuse("fields", "fields_many", "n", maxFields)
	}
}

func (j *judgement) about(path string) bool {
	for _, d := range j.Diagnostics {
		if d.Path == path && d.Severity == plgv1.Severity_SEVERITY_ERROR {
			return true
		}
	}
	return false
}

// locked refuses those of the paths that a rule governs, with the rule's reason.
func (j *judgement) locked(c *plgv1.Customer, paths []string) {
	for _, path := range paths {
		if reason, locked := j.s.Rules.Locked(path, c, j.lang); locked {
			if reason == "" {
				reason = j.sentence("locked", []any{"field", path})
			}
			j.add(plgv1.Severity_SEVERITY_ERROR, path, "locked", reason)
		}
	}
}

// taken refuses a phone, e-mail or card that another customer has, and references to customers whom nobody knows.
func (j *judgement) taken(tx *store.Tx, c *plgv1.Customer) error {
	if err := j.refer(tx, c); err != nil {
		return err
	}
	check := func(path, code string, key []byte) error {
		number := numberOf(tx.Get(bucketIndex, key))
		if number == 0 || uint64(number) == c.Number {
			return nil
		}
		other, err := j.s.ByNumber(tx, number)
		if errors.Is(err, ErrNotFound) { // the record is on its way
			j.refuse(path, "duplicate_importing")
			return nil
		}
		if err != nil {
			return fmt.Errorf("customer index %q: %w", key, err)
		}
		j.refuse(path, code, "name", other.Name)
		if !slices.ContainsFunc(j.Duplicates, func(d *plgv1.Customer) bool { return d.Id == other.Id }) {
			j.Duplicates = append(j.Duplicates, other)
		}
		return nil
	}
	if c.Phone != "" && !j.about(fieldPhone) {
		if err := check(fieldPhone, "duplicate_phone", phoneKey(c.Phone)); err != nil {
			return err
		}
	}
	if c.Email != "" && !j.about(fieldEmail) {
		if err := check(fieldEmail, "duplicate_email", emailKey(c.Email)); err != nil {
			return err
		}
	}
	if j.about(fieldCards) {
		return nil
	}
	for _, card := range c.Cards {
		if err := check(fieldCards, "duplicate_card", cardKey(card)); err != nil {
			return err
		}
	}
	return nil
}

// setPaths are the paths of what c has a value for: what somebody who registers c asks to be set.
func setPaths(c *plgv1.Customer) []string {
	paths := make([]string, 0, 7+len(c.GetFields()))
	for _, own := range [...]struct {
		path string
		set  bool
	}{
		{fieldName, c.Name != ""}, {fieldPhone, c.Phone != ""}, {fieldEmail, c.Email != ""}, {fieldLanguage, c.Language != ""},
		{fieldCards, textOf(c, fieldCards) != ""}, {fieldTags, textOf(c, fieldTags) != ""}, {fieldAplica, c.AplicaPromociones},
	} {
		if own.set {
			paths = append(paths, own.path)
		}
	}
	if len(c.Fields) == 0 {
		return paths
	}
	for _, id := range slices.Sorted(maps.Keys(c.Fields)) {
		if c.Fields[id] != "" {
			paths = append(paths, fieldPrefix+id)
		}
	}
	return paths
}

// textOf is the value of a field as customer.changed tells it; what is empty, and a no, is "".
func textOf(c *plgv1.Customer, path string) string {
	switch path {
	case fieldName:
		return c.Name
	case fieldPhone:
		return c.Phone
	case fieldEmail:
		return c.Email
	case fieldLanguage:
		return c.Language
	case fieldCards:
		return strings.Join(c.Cards, ", ")
	case fieldTags:
		return strings.Join(c.Tags, ", ")
	case fieldAplica:
		if c.AplicaPromociones {
			return "true"
		}
		return ""
	}
	return c.Fields[strings.TrimPrefix(path, fieldPrefix)]
}

// copyField sets a field of to as it is in from.
func copyField(to, from *plgv1.Customer, path string) {
	switch path {
	case fieldName:
		to.Name = from.Name
	case fieldPhone:
		to.Phone = from.Phone
	case fieldEmail:
		to.Email = from.Email
	case fieldLanguage:
		to.Language = from.Language
	case fieldCards:
		to.Cards = slices.Clone(from.Cards)
	case fieldTags:
		to.Tags = slices.Clone(from.Tags)
	case fieldAplica:
		to.AplicaPromociones = from.AplicaPromociones
	default:
		id := strings.TrimPrefix(path, fieldPrefix)
		value := from.Fields[id]
		if value == "" {
			delete(to.Fields, id)
			return
		}
		if to.Fields == nil {
			to.Fields = map[string]string{}
		}
		to.Fields[id] = value
	}
}

// clone is a deep copy.
func clone(c *plgv1.Customer) *plgv1.Customer { return proto.CloneOf(c) }
