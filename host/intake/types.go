package intake

import (
	"context"
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

//go:embed types/*.json
var typeFiles embed.FS

// maxTypes is how many types staff may add, maxWords how long a name or a description may be, in bytes.
const (
	maxTypes = 200
	maxWords = 500
)

// typeName is what a type may be called.
var typeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,29}(\.[a-z][a-z0-9_]{0,29}){1,3}$`)

// builtin is a type that comes with the program, as its file has it.
type builtin struct {
	Name          string          `json:"name"`
	NameEn        string          `json:"name_en"`
	Description   string          `json:"description"`
	DescriptionEn string          `json:"description_en"`
	Schema        json.RawMessage `json:"schema"`
	Example       json.RawMessage `json:"example"`
}

func loadBuiltins() (map[string]*builtin, error) {
	names, err := fs.Glob(typeFiles, "types/*.json")
	if err != nil {
		return nil, err
	}
	types := make(map[string]*builtin, len(names))
	for _, name := range names {
		data, err := typeFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		b := new(builtin)
		if err := json.Unmarshal(data, b); err != nil {
			return nil, fmt.Errorf("intake: %s: %w", name, err)
		}
		types[strings.TrimSuffix(strings.TrimPrefix(name, "types/"), ".json")] = b
	}
	return types, nil
}

// eventType is a built-in type as the API shows it.
func (b *builtin) eventType(name, lang string) *mostradorv1.EventType {
	t := &mostradorv1.EventType{
		Type: name, Name: b.Name, NameEn: b.NameEn, Description: b.Description, Builtin: true,
		Schema: string(b.Schema), Example: string(b.Example),
	}
	if lang == "en" {
		t.Description = b.DescriptionEn
	}
	return t
}

// find returns the type of a name, nil when there is none.
func (s *Service) find(tx *store.Tx, name, lang string) (*mostradorv1.EventType, error) {
	builtins, err := s.builtins()
	if err != nil {
		return nil, err
	}
	if b := builtins[name]; b != nil {
		return b.eventType(name, lang), nil
	}
	if !typeName.MatchString(name) {
		return nil, nil
	}
	t := new(mostradorv1.EventType)
	found, err := store.GetProto(tx, bucketType, []byte(name), t)
	if !found || err != nil {
		return nil, err
	}
	return t, nil
}

// Types returns what may be told, by type, described in the language of the context.
func (s *Service) Types(ctx context.Context) ([]*mostradorv1.EventType, error) {
	builtins, err := s.builtins()
	if err != nil {
		return nil, err
	}
	var types []*mostradorv1.EventType
	for name, b := range builtins {
		types = append(types, b.eventType(name, locale.FromContext(ctx)))
	}
	err = s.Store.View(func(tx *store.Tx) error {
		for key, data := range tx.Scan(bucketType, nil, nil) {
			t := new(mostradorv1.EventType)
			if err := proto.Unmarshal(data, t); err != nil {
				return fmt.Errorf("intake: type %s: %w", key, err)
			}
			types = append(types, t)
		}
		for _, t := range types {
			t.Received, t.Last = count(tx, t.Type)
		}
		return nil
	})
	slices.SortFunc(types, func(a, b *mostradorv1.EventType) int { return strings.Compare(a.Type, b.Type) })
	return types, err
}

// PutType keeps a type of the store's own. Its schema must compile, and its example, if it has one, must fit it. The
// types that come with the program cannot be changed.
func (s *Service) PutType(ctx context.Context, actor *plgv1.Actor, t *mostradorv1.EventType) (*mostradorv1.EventType, error) {
	kept := &mostradorv1.EventType{
		Type: strings.TrimSpace(t.GetType()), Name: strings.TrimSpace(t.GetName()), NameEn: strings.TrimSpace(t.GetNameEn()),
		Description: strings.TrimSpace(t.GetDescription()), Schema: t.GetSchema(), Example: strings.TrimSpace(t.GetExample()),
	}
	if err := s.judgeType(ctx, kept); err != nil {
		return nil, err
	}
	if kept.Name == "" {
		kept.Name = kept.Type
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		if tx.Get(bucketType, []byte(kept.Type)) == nil {
			n := 0
			for range tx.Scan(bucketType, nil, nil) {
				n++
			}
			if n >= maxTypes {
				return s.refuse(ctx, http.StatusUnprocessableEntity, "/type", "types_many", "n", maxTypes)
			}
		}
		if err := store.PutProto(tx, bucketType, []byte(kept.Type), kept); err != nil {
			return err
		}
		return s.note(tx, actor, "integration.type_saved", map[string]any{"type": kept.Type})
	})
	return kept, err
}

func (s *Service) judgeType(ctx context.Context, t *mostradorv1.EventType) error {
	builtins, err := s.builtins()
	if err != nil {
		return err
	}
	const unfit = http.StatusUnprocessableEntity
	switch {
	case !typeName.MatchString(t.Type):
		return s.refuse(ctx, unfit, "/type", "type_name", "type", t.Type)
	case builtins[t.Type] != nil:
		return s.refuse(ctx, unfit, "/type", "type_builtin", "type", t.Type)
	case len(t.Name) > maxWords || len(t.NameEn) > maxWords || len(t.Description) > maxWords:
		return s.refuse(ctx, unfit, "/name", "words_long", "n", maxWords)
	}
	compiled, err := s.compile(ctx, t.Schema)
	if err != nil || t.Example == "" {
		return err
	}
	example := new(structpb.Struct)
	if len(t.Example) > maxData || example.UnmarshalJSON([]byte(t.Example)) != nil {
		return s.refuse(ctx, unfit, "/example", "example_json")
	}
	return s.judge(ctx, compiled, example, "/example")
}

// DeleteType takes a type of the store's own away; what was told of it stays in the log.
func (s *Service) DeleteType(ctx context.Context, actor *plgv1.Actor, name string) error {
	builtins, err := s.builtins()
	if err != nil {
		return err
	}
	if builtins[name] != nil {
		return s.refuse(ctx, http.StatusUnprocessableEntity, "/type", "type_builtin", "type", name)
	}
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		if !typeName.MatchString(name) || tx.Get(bucketType, []byte(name)) == nil {
			return s.refuse(ctx, http.StatusNotFound, "/type", "no_type", "type", name)
		}
		tx.Delete(bucketType, []byte(name))
		return s.note(tx, actor, "integration.type_deleted", map[string]any{"type": name})
	})
}

// note appends to the log what an operator did to the intake itself.
func (s *Service) note(tx *store.Tx, actor *plgv1.Actor, eventType string, data map[string]any) error {
	detail, err := structpb.NewStruct(data)
	if err != nil {
		return err
	}
	return s.Log.Append(tx, &plgv1.Event{Type: eventType, Actor: actor, Detail: &plgv1.Event_Custom{Custom: detail}})
}

func count(tx *store.Tx, name string) (uint64, *timestamppb.Timestamp) {
	data := tx.Get(bucketCount, []byte(name))
	if len(data) != 16 {
		return 0, nil
	}
	return binary.BigEndian.Uint64(data), timestamppb.New(time.Unix(0, int64(binary.BigEndian.Uint64(data[8:]))))
}

// counted counts one more event of a type.
func counted(tx *store.Tx, name string, now time.Time) {
	n, _ := count(tx, name)
	data := binary.BigEndian.AppendUint64(nil, n+1)
	tx.Put(bucketCount, []byte(name), binary.BigEndian.AppendUint64(data, uint64(now.UnixNano())))
}
