package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
)

// Limits of schemas. A schema costs what it would be without references, so that a few lines that refer to each other
// cannot take the machine for an hour; one that refers to itself has no such size and is refused.
const (
	maxSchema      = 64 << 10 // bytes
	maxSchemaDepth = 32
	maxSchemaCost  = 2000
	maxPattern     = 300 // bytes
)

// Limits of the data of an event.
const (
	maxData   = 64 << 10 // bytes of JSON
	maxDepth  = 12
	maxValues = 2000
)

// maxFaults is how many faults of one event a refusal lists.
const maxFaults = 20

// filesMember is where the log has the names of an event's files; no data may have it.
const filesMember = "files"

// resource is the address that a schema has while it is compiled; nothing is ever fetched from it.
const resource = "mostrador:schema"

// noLoader refuses whatever a schema would fetch.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("only references within the schema (#/…) are allowed")
}

// schemaFault is why a schema cannot be used: the key of a sentence and its arguments.
type schemaFault struct {
	key  string
	args []any
}

func (f *schemaFault) Error() string { return f.key }

// compile compiles a schema (JSON Schema 2020-12) within the limits.
func (s *Service) compile(ctx context.Context, text string) (*jsonschema.Schema, error) {
	if done, ok := s.schemas.Load(text); ok {
		return done.(*jsonschema.Schema), nil
	}
	compiled, err := compile(text)
	if err != nil {
		key, args := "schema_invalid", []any{"problem", err.Error()}
		var fault *schemaFault
		if errors.As(err, &fault) {
			key, args = fault.key, fault.args
		}
		return nil, s.refuse(ctx, http.StatusUnprocessableEntity, "/schema", key, args...)
	}
	s.schemas.Store(text, compiled)
	return compiled, nil
}

func compile(text string) (*jsonschema.Schema, error) {
	if len(text) > maxSchema {
		return nil, &schemaFault{"schema_long", []any{"n", maxSchema >> 10}}
	}
	if !utf8.ValidString(text) || depth([]byte(text)) > maxSchemaDepth {
		return nil, &schemaFault{"schema_deep", []any{"n", maxSchemaDepth}}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		return nil, &schemaFault{"schema_json", nil}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &schemaFault{"schema_json", nil}
	}
	root, ok := doc.(map[string]any)
	if !ok || root["type"] != "object" {
		return nil, &schemaFault{"schema_object", nil}
	}
	if properties, _ := root["properties"].(map[string]any); properties[filesMember] != nil {
		return nil, &schemaFault{"schema_files", nil}
	}
	if err := (&survey{root: root}).schema(root); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	if err := c.AddResource(resource, doc); err != nil {
		return nil, err
	}
	return c.Compile(resource)
}

// Where a schema holds others (JSON Schema core 2020-12, section 10).
var (
	holdsOne  = []string{"additionalProperties", "items", "contains", "propertyNames", "not", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties"}
	holdsList = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	holdsMap  = []string{"properties", "patternProperties", "dependentSchemas"}
	// forbidden would lead out of the schema, or round in it.
	forbidden = []string{"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"}
)

// survey walks a schema as a validator would, and counts.
type survey struct {
	root map[string]any
	cost int
	// within are the references that lead to where it is.
	within []string
}

func (v *survey) schema(node any) error {
	if v.cost++; v.cost > maxSchemaCost {
		return &schemaFault{"schema_costly", nil}
	}
	m, ok := node.(map[string]any)
	if !ok {
		return nil
	}
	for _, word := range forbidden {
		if _, has := m[word]; has {
			return &schemaFault{"schema_word", []any{"word", word}}
		}
	}
	if pattern, ok := m["pattern"].(string); ok && len(pattern) > maxPattern {
		return &schemaFault{"schema_pattern", []any{"n", maxPattern}}
	}
	if err := v.reference(m["$ref"]); err != nil {
		return err
	}
	for _, word := range holdsOne {
		if err := v.schema(m[word]); m[word] != nil && err != nil {
			return err
		}
	}
	for _, word := range holdsList {
		list, _ := m[word].([]any)
		for _, each := range list {
			if err := v.schema(each); err != nil {
				return err
			}
		}
	}
	for _, word := range holdsMap {
		each, _ := m[word].(map[string]any)
		for name, child := range each {
			if word == "patternProperties" && len(name) > maxPattern {
				return &schemaFault{"schema_pattern", []any{"n", maxPattern}}
			}
			if err := v.schema(child); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *survey) reference(ref any) error {
	if ref == nil {
		return nil
	}
	pointer, ok := ref.(string)
	if !ok || pointer != "#" && !strings.HasPrefix(pointer, "#/") {
		return &schemaFault{"schema_remote", nil}
	}
	if pointer == "#" || slices.Contains(v.within, pointer) {
		return &schemaFault{"schema_round", []any{"ref", pointer}}
	}
	var at any = v.root
	for _, step := range strings.Split(pointer[2:], "/") {
		m, ok := at.(map[string]any)
		if !ok {
			return &schemaFault{"schema_nowhere", []any{"ref", pointer}}
		}
		at = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	if at == nil {
		return &schemaFault{"schema_nowhere", []any{"ref", pointer}}
	}
	v.within = append(v.within, pointer)
	defer func() { v.within = v.within[:len(v.within)-1] }()
	return v.schema(at)
}

// depth is how deep a JSON text nests.
func depth(text []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}', c == ']':
			now--
		}
	}
	return deepest
}

// judge holds data against a schema. Path is the pointer of the data in the request.
func (s *Service) judge(ctx context.Context, schema *jsonschema.Schema, data *structpb.Struct, path string) error {
	const unfit = http.StatusUnprocessableEntity
	if _, has := data.GetFields()[filesMember]; has {
		return s.refuse(ctx, unfit, path+"/"+filesMember, "data_files")
	}
	values := 0
	if !measured(structpb.NewStructValue(data), 1, &values) {
		return s.refuse(ctx, unfit, path, "data_shape", "depth", maxDepth, "n", maxValues)
	}
	err := schema.Validate(data.AsMap())
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	refusal := &mostradorv1.Refusal{}
	s.faults(ctx, refusal, invalid, path)
	return &Refused{Status: unfit, Refusal: refusal}
}

// measured reports whether a value is within the limits, and of numbers that JSON has.
func measured(v *structpb.Value, depth int, values *int) bool {
	if *values++; depth > maxDepth || *values > maxValues {
		return false
	}
	switch k := v.GetKind().(type) {
	case nil:
		return false
	case *structpb.Value_NumberValue:
		return !math.IsNaN(k.NumberValue) && !math.IsInf(k.NumberValue, 0)
	case *structpb.Value_StringValue:
		return utf8.ValidString(k.StringValue)
	case *structpb.Value_StructValue:
		for name, each := range k.StructValue.GetFields() {
			if !utf8.ValidString(name) || len(name) > maxWords || !measured(each, depth+1, values) {
				return false
			}
		}
	case *structpb.Value_ListValue:
		for _, each := range k.ListValue.GetValues() {
			if !measured(each, depth+1, values) {
				return false
			}
		}
	}
	return true
}

// canonical is data as JSON, the same for the same data.
func canonical(data *structpb.Struct) ([]byte, error) {
	var buf bytes.Buffer
	err := json.NewEncoder(&buf).Encode(data.AsMap()) // members in the order of their names
	return buf.Bytes(), err
}

// shown is a word of a request as far as a person would read it.
func shown(word string) string {
	const most = 80
	word = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(word, "\uFFFD"))
	if runes := []rune(word); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return word
}
