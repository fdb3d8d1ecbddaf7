package transfer

import (
	_ "embed"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Targets of columns, besides "fields." and an identifier.
const (
	targetName     = "name"
	targetPhone    = "phone"
	targetEmail    = "email"
	targetLanguage = "language"
	targetCards    = "cards"
	targetTags     = "tags"
	targetNumber   = "number"
	targetID       = "id"
	consentState   = "consent.state"
	consentWhen    = "consent.when"
	consentMeans   = "consent.means"
	consentText    = "consent.text"
	fieldPrefix    = "fields."
)

// How a target was found.
const (
	guessedByName     = "name"
	guessedByValues   = "values"
	guessedRemembered = "remembered"
)

//go:embed columns.yaml
var columnsFile []byte

// headings are what people call columns and write for yes and no.
type headings struct {
	targets                          map[string]string // by folded heading
	noise, given, withdrawn, pending map[string]bool
}

func readHeadings() (*headings, error) {
	var file struct {
		Targets                          map[string][]string
		Noise, Given, Withdrawn, Pending []string
	}
	if err := yaml.Unmarshal(columnsFile, &file); err != nil {
		return nil, err
	}
	h := &headings{targets: map[string]string{}}
	for target, names := range file.Targets {
		for _, name := range names {
			h.targets[foldHeading(name)] = target
		}
	}
	for to, list := range map[*map[string]bool][]string{
		&h.noise: file.Noise, &h.given: file.Given, &h.withdrawn: file.Withdrawn, &h.pending: file.Pending,
	} {
		*to = make(map[string]bool, len(list))
		for _, word := range list {
			(*to)[foldHeading(word)] = true
		}
	}
	return h, nil
}

// foldHeading brings a heading to lower case without accents and signs, its words apart by one space:
// "Teléfono_móvil:" and "telefono movil" are the same.
func foldHeading(s string) string {
	var b strings.Builder
	lower := false
	for _, r := range norm.NFKD.String(s) {
		if unicode.IsUpper(r) && lower { // PhoneNumber
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(cases.Fold().String(b.String())), " ")
}

// byName finds the target of a heading.
func (h *headings) byName(name string, fields map[string]string) string {
	folded := foldHeading(name)
	if folded == "" {
		return ""
	}
	for _, tried := range []string{folded, h.plain(folded), strings.TrimSuffix(folded, "s")} {
		if target := fields[tried]; target != "" {
			return target
		}
		if target := h.targets[tried]; target != "" {
			return target
		}
	}
	return ""
}

// plain leaves out the words that say nothing.
func (h *headings) plain(folded string) string {
	words := slices.DeleteFunc(strings.Fields(folded), func(w string) bool { return h.noise[w] })
	return strings.Join(words, " ")
}

// propose sets the targets of columns: as the same columns were mapped before, else by their names, else by their values.
// A target that takes one column only is given once.
func (s *Service) propose(tx *store.Tx, columns []*mostradorv1.Column, lang string) error {
	if found, err := s.remembered(tx, columns); found || err != nil {
		return err
	}
	fields := map[string]string{}
	for _, f := range s.modelFields(lang) {
		fields[foldHeading(f.GetId())] = fieldPrefix + f.GetId()
		fields[foldHeading(f.GetName())] = fieldPrefix + f.GetId()
		fields[foldHeading(fieldPrefix+f.GetId())] = fieldPrefix + f.GetId()
	}
	for _, path := range []string{targetName, targetPhone, targetEmail, targetLanguage, targetCards, targetTags, targetNumber, targetID} {
		fields[foldHeading(s.label(path, lang))] = path
	}
	taken := map[string]bool{}
	for _, c := range columns {
		c.Target, c.Guessed = "", ""
		if target := s.headings.byName(c.Name, fields); target != "" && (!taken[target] || target == targetName || target == targetCards) {
			c.Target, c.Guessed = target, guessedByName
			taken[target] = true
		}
	}
	for _, c := range columns {
		if c.Target != "" {
			continue
		}
		if target := byValues(c.Samples); target != "" && !taken[target] {
			c.Target, c.Guessed = target, guessedByValues
			taken[target] = true
		}
	}
	// A column that was named for a customer's number but holds identifiers is no number, and the other way round.
	for _, c := range columns {
		if c.Guessed == guessedByName && (c.Target == targetID && !all(c.Samples, isUUID) || c.Target == targetNumber && !all(c.Samples, isNumber)) {
			c.Target, c.Guessed = "", ""
			if all(c.Samples, isNumber) && !taken[targetNumber] && len(c.Samples) > 0 {
				c.Target, c.Guessed = targetNumber, guessedByValues
				taken[targetNumber] = true
			}
		}
	}
	for _, c := range columns {
		if c.Target == consentWhen || strings.HasPrefix(c.Target, fieldPrefix) {
			c.Format = dateFormat(c.Samples)
		}
	}
	return nil
}

// byValues finds the target of a column by what is in it.
func byValues(samples []string) string {
	switch {
	case len(samples) == 0:
		return ""
	case all(samples, isUUID):
		return targetID
	case all(samples, func(v string) bool {
		return strings.Count(v, "@") == 1 && strings.Contains(v[strings.IndexByte(v, '@'):], ".")
	}):
		return targetEmail
	case all(samples, looksLikePhone):
		return targetPhone
	}
	return ""
}

func all(samples []string, is func(string) bool) bool {
	return !slices.ContainsFunc(samples, func(v string) bool { return !is(strings.TrimSpace(v)) })
}

func isUUID(v string) bool { _, err := uuid.Parse(v); return err == nil }

func isNumber(v string) bool {
	return v != "" && len(v) <= 10 && strings.Trim(strings.TrimPrefix(v, "#"), "0123456789") == ""
}

// looksLikePhone is for columns whose heading says nothing: a plus, or signs between nine digits or more, or the nine
// digits of a Spanish phone.
func looksLikePhone(v string) bool {
	digits := 0
	for _, r := range v {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+ ().-/", r):
			return false
		}
	}
	return digits >= 9 && digits <= 15 && (strings.HasPrefix(v, "+") || strings.HasPrefix(v, "00") || strings.ContainsAny(v, " ()-") ||
		digits == 9 && strings.ContainsRune("6789", rune(v[0])))
}

// dateFormat tells day from month where one of the values decides it ("mdy" for 12/31/2025); empty means the usual one.
func dateFormat(samples []string) string {
	format := ""
	for _, v := range samples {
		a, b, _, ok := threeNumbers(v)
		switch {
		case !ok || a > 31:
		case a > 12:
			return ""
		case b > 12:
			format = "mdy"
		}
	}
	return format
}

// threeNumbers takes a date of three numbers apart.
func threeNumbers(v string) (a, b, c int, ok bool) {
	parts := strings.FieldsFunc(strings.TrimSpace(v), func(r rune) bool { return r == '/' || r == '-' || r == '.' })
	if len(parts) != 3 {
		return 0, 0, 0, false
	}
	for i, to := range []*int{&a, &b, &c} {
		if len(parts[i]) == 0 || len(parts[i]) > 4 {
			return 0, 0, 0, false
		}
		for _, r := range parts[i] {
			if r < '0' || r > '9' {
				return 0, 0, 0, false
			}
			*to = *to*10 + int(r-'0')
		}
	}
	return a, b, c, true
}

// isoDate writes a date as 2026-11-22 when a format says how to read it; what is no date stays as it is.
func isoDate(v, format string) string {
	a, b, c, ok := threeNumbers(v)
	if !ok || format == "" || a > 31 && format != "ymd" {
		return v
	}
	year, month, day := c, b, a
	switch format {
	case "mdy":
		month, day = a, b
	case "ymd":
		year, day = a, c
	}
	if year < 100 {
		year += 2000
		if year > time.Now().Year() { // "84" is nobody's future
			year -= 100
		}
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day || int(t.Month()) != month || year > 9999 {
		return v
	}
	return t.Format(time.DateOnly)
}

// bucketMapping remembers how columns were mapped: a hash of their names → mostradorv1.Import with the columns only.
const bucketMapping store.Bucket = "import_mapping"

// mappingKey tells sets of columns apart, whatever their order.
// The column that says why rows were refused is not counted: a file that was mended is mapped as it was.
func (s *Service) mappingKey(columns []*mostradorv1.Column) []byte {
	names := make([]string, 0, len(columns))
	for _, c := range columns {
		if name := foldHeading(c.Name); !slices.Contains(s.reasonNames(), name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	sum := fingerprint(strings.Join(names, "\x00"))
	return binary.BigEndian.AppendUint64(nil, sum)
}

// remembered maps columns as they were mapped the last time, and reports whether they were.
func (s *Service) remembered(tx *store.Tx, columns []*mostradorv1.Column) (bool, error) {
	kept := new(mostradorv1.Import)
	if found, err := store.GetProto(tx, bucketMapping, s.mappingKey(columns), kept); !found || err != nil {
		return false, err
	}
	for _, c := range columns {
		c.Target, c.Guessed, c.Format = "", "", ""
		for i, k := range kept.Columns {
			if foldHeading(k.Name) == foldHeading(c.Name) {
				c.Target, c.Guessed, c.Format = k.Target, guessedRemembered, k.Format
				kept.Columns = slices.Delete(kept.Columns, i, i+1)
				break
			}
		}
	}
	return true, nil
}

// remember keeps how columns are mapped, for the next file of the same ones.
func (s *Service) remember(tx *store.Tx, columns []*mostradorv1.Column) error {
	kept := new(mostradorv1.Import)
	for _, c := range columns {
		kept.Columns = append(kept.Columns, &mostradorv1.Column{Name: c.Name, Target: c.Target, Format: c.Format})
	}
	return store.PutProto(tx, bucketMapping, s.mappingKey(columns), kept)
}

// draft is what a row says: a customer as typed, the keys by which he may be known, and the proof of his consent.
type draft struct {
	customer *plgv1.Customer
	number   string
	id       string
	consent  *evidence
}

// evidence is what a file says of a consent.
type evidence struct{ state, when, means, text string }

// mapper makes drafts of cells. It is for many goroutines.
type mapper struct{ columns []*mostradorv1.Column }

func (m *mapper) draft(cells []string) *draft {
	d := &draft{customer: new(plgv1.Customer)}
	c := d.customer
	var proof evidence
	for i, column := range m.columns {
		if column.Target == "" || i >= len(cells) {
			continue
		}
		v := strings.TrimSpace(cells[i])
		if v == "" {
			continue
		}
		switch column.Target {
		case targetName:
			if c.Name != "" {
				v = c.Name + " " + v
			}
			c.Name = v
		case targetPhone:
			c.Phone = v
		case targetEmail:
			c.Email = v
		case targetLanguage:
			c.Language = v
		case targetCards:
			c.Cards = append(c.Cards, entries(v)...)
		case targetTags:
			c.Tags = append(c.Tags, entries(v)...)
		case targetNumber:
			d.number = v
		case targetID:
			d.id = v
		case consentState:
			proof.state = v
		case consentWhen:
			proof.when = isoDate(v, column.Format)
		case consentMeans:
			proof.means = v
		case consentText:
			proof.text = v
		default:
			if id, ok := strings.CutPrefix(column.Target, fieldPrefix); ok {
				if c.Fields == nil {
					c.Fields = map[string]string{}
				}
				c.Fields[id] = isoDate(v, column.Format)
			}
		}
	}
	if proof.state != "" {
		d.consent = &proof
	}
	return d
}

// entries divides a cell with several cards or tags.
func entries(v string) []string {
	list := strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ';' || r == '\n' || r == '|' })
	for i, entry := range list {
		list[i] = strings.TrimSpace(entry)
	}
	return slices.DeleteFunc(list, func(entry string) bool { return entry == "" })
}

// clones copies columns, which their owner goes on changing.
func clones(columns []*mostradorv1.Column) []*mostradorv1.Column {
	list := make([]*mostradorv1.Column, 0, len(columns))
	for _, c := range columns {
		list = append(list, proto.CloneOf(c))
	}
	return list
}
