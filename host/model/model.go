// Package model keeps the data model: what a store knows of its customers beyond the core's own fields.
//
// A technician declares a field (mostradorv1.Field): its type, how many values it takes, predefined rules with their
// messages, and a script in CEL. A declaration is compiled once (compile.go, rule.go, script.go) into what the
// customers' judge asks (customer.Field), and all compiled declarations stand in a snapshot that never changes: a new
// one takes its place when the change of a declaration is durable. The judge is the one way by which values enter
// (form, API, command line, import, plugin effect, web), so rules act everywhere, and judging looks nothing up. The
// fields of active plugins are declared by their manifests and stand beside the store's own; their ids begin with the
// plugin's ("plg0002_"), which no field of the store may, so the two never meet.
//
// Whoever changes a declaration is shown first what the change does to the values that are there (preview.go): which
// take another form ("12,50" becomes "12.50", "21/11/2026" a date), and which break the new rules. The change itself
// only writes the declaration and starts a task (migrate.go), which converts the values in the background by the same
// function as the preview. What has no form under the new declaration stays as it is: it is shown with the reason
// until somebody mends it, and keeps nobody from changing anything else of that customer. A declaration is not changed
// again before its task has ended.
//
// A retired field keeps its values and its declaration but vanishes from forms, imports and conditions; restoring
// brings all of it back.
package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

var (
	// ErrNotFound is returned when the store declares no field of an id.
	ErrNotFound = errors.New("model: no such field")
	// ErrConflict is returned when somebody else changed the declaration since the revision that a change names.
	ErrConflict = errors.New("model: changed by somebody else meanwhile")
)

// KindField is the kind of the tasks that bring stored values to a new declaration.
const KindField = "field"

const (
	// bucketField holds the store's own fields: id → mostradorv1.Field.
	bucketField store.Bucket = "field"
	// bucketTask holds the task that last migrated a field: id → number of the task (8 bytes, big endian).
	bucketTask store.Bucket = "field_task"
)

// Config is what a Service works with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Tasks migrates stored values; New registers KindField with it.
	Tasks *task.Service
	// Plugins are the fields of the active plugins as interplay leaves them; may be nil.
	Plugins func() customer.PluginFields
	// Manifests are those of the active plugins in the order of their ids; may be nil.
	Manifests func() []*manifest.Manifest
	// Reindex reads all customers anew into what finds them, after a field began or ceased to be searched by. Run calls
	// it. May be nil.
	Reindex func(context.Context) error
	// Changed is called when a declaration has changed; it must be quick. May be nil.
	Changed func()
	Text    *locale.Catalog
	Logger  hclog.Logger
	// Now may be nil: then it is the clock. Its zone is the store's.
	Now func() time.Time
}

// Service keeps the data model. It is safe for concurrent use.
type Service struct {
	Config
	current atomic.Pointer[snapshot]
	// swap orders those who put a new snapshot in the place of another.
	swap sync.Mutex
	// functions is the environment that all scripts share.
	functions func() (*cel.Env, error)
	reindex   chan struct{}
}

// New returns the data model that the store file keeps.
func New(c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	s := &Service{Config: c, reindex: make(chan struct{}, 1)}
	s.functions = sync.OnceValues(s.declareFunctions)
	var all []*definition
	err := c.Store.View(func(tx *store.Tx) error {
		for id, data := range tx.Scan(bucketField, nil, nil) {
			f := new(mostradorv1.Field)
			if err := proto.Unmarshal(data, f); err != nil {
				return fmt.Errorf("model: field %s: %w", id, err)
			}
			d, wrong := s.compile(locale.Default, f)
			for _, problem := range wrong {
				c.Logger.Error("a field's declaration cannot be read any more", "field", f.Id, "path", problem.Path, "problem", problem.Summary)
			}
			all = append(all, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.current.Store(newSnapshot(all))
	if c.Tasks != nil {
		c.Tasks.Register(KindField, migration{s})
	}
	return s, nil
}

// Run does what declarations ask for in the background until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.reindex:
		}
		if s.Reindex == nil {
			continue
		}
		if err := s.Reindex(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Error("customers could not be read anew for the search", "error", err)
		}
	}
}

// definition is a declaration with what was compiled from it. It never changes.
type definition struct {
	*mostradorv1.Field
	judged *customer.Field
	script *script
}

// snapshot is the store's own fields as they are in force. It never changes.
type snapshot struct {
	// list is in the order of the screen.
	list []*definition
	byID map[string]*definition
	// required and indexed leave out retired fields.
	required, indexed []string
}

func newSnapshot(list []*definition) *snapshot {
	slices.SortFunc(list, func(a, b *definition) int {
		return cmp.Or(cmp.Compare(a.GetOrder(), b.GetOrder()), cmp.Compare(a.GetId(), b.GetId()))
	})
	n := &snapshot{list: list, byID: make(map[string]*definition, len(list))}
	for _, d := range list {
		n.byID[d.GetId()] = d
		if d.GetRetired() {
			continue
		}
		if d.GetRequired() {
			n.required = append(n.required, d.GetId())
		}
		if d.GetIndexed() {
			n.indexed = append(n.indexed, d.GetId())
		}
	}
	return n
}

// with is the snapshot after some definitions took the place of others of their ids.
func (n *snapshot) with(changed []*definition) *snapshot {
	list := slices.DeleteFunc(slices.Clone(n.list), func(d *definition) bool {
		return slices.ContainsFunc(changed, func(c *definition) bool { return c.GetId() == d.GetId() })
	})
	return newSnapshot(append(list, changed...))
}

// Declared are all fields as the customers' judge asks for them, for customer.Config.Fields.
func (s *Service) Declared() customer.Fields {
	in := inForce{snapshot: s.current.Load()}
	if s.Plugins != nil {
		if p := s.Plugins(); p != nil {
			in.plugins = customer.OfPlugins(p)
		}
	}
	return in
}

type inForce struct {
	*snapshot
	// plugins may be nil.
	plugins customer.Fields
}

func (in inForce) Field(id string) (*customer.Field, bool) {
	if d, ok := in.byID[id]; ok {
		return d.judged, true
	}
	if in.plugins == nil {
		return nil, false
	}
	return in.plugins.Field(id)
}

func (in inForce) RequiredFields() []string {
	if in.plugins == nil {
		return in.required
	}
	return append(in.plugins.RequiredFields(), in.required...)
}

func (in inForce) FieldName(id, lang string) string {
	if d, ok := in.byID[id]; ok {
		return d.GetName()
	}
	if in.plugins == nil {
		return id
	}
	return in.plugins.FieldName(id, lang)
}

// Indexed lists the ids of the store's own fields by whose words customers are found, for customer.Config.Indexed.
func (s *Service) Indexed() []string { return s.current.Load().indexed }

// Fields lists the whole model, retired fields too, with the names of the default language.
func (s *Service) Fields() []*mostradorv1.Field { return s.List(locale.Default, true) }

// Own lists the store's own fields that are not retired, in their order. They are not to be changed.
func (s *Service) Own() []*mostradorv1.Field {
	var list []*mostradorv1.Field
	for _, d := range s.current.Load().list {
		if !d.GetRetired() {
			list = append(list, d.Field)
		}
	}
	return list
}

// coreFields are the core's own, by the keys of their names.
var coreFields = []struct{ id, kind string }{
	{"name", "text"}, {"phone", "phone"}, {"email", "email"}, {"language", "text"}, {"cards", "text"}, {"tags", "text"},
	{"aplica_promociones", "yes_no"},
}

// List returns the whole model in its order: the core's fields, the store's own (with retired those too), and those
// of active plugins, with the names that people who read lang know them by.
func (s *Service) List(lang string, retired bool) []*mostradorv1.Field {
	var list []*mostradorv1.Field
	for _, f := range coreFields {
		list = append(list, &mostradorv1.Field{
			Id: f.id, Name: s.text(lang, "core_"+f.id), Type: f.kind, Many: f.id == "cards" || f.id == "tags",
			Category: mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC, Origin: mostradorv1.FieldOrigin_FIELD_ORIGIN_CORE,
			Indexed: f.id != "language" && f.id != "tags" && f.id != "aplica_promociones", Required: f.id == "name",
		})
	}
	for _, d := range s.current.Load().list {
		if retired || !d.GetRetired() {
			list = append(list, proto.CloneOf(d.Field))
		}
	}
	if s.Manifests == nil {
		return list
	}
	for _, m := range s.Manifests() {
		for i := range m.Fields {
			list = append(list, ofPlugin(m, &m.Fields[i], lang))
		}
	}
	return list
}

// ofPlugin is a plugin's field as the model shows it.
func ofPlugin(m *manifest.Manifest, f *manifest.Field, lang string) *mostradorv1.Field {
	kind := string(f.Type)
	if f.Type == manifest.TypeNumber {
		kind = string(customer.TypeDecimal)
	}
	field := &mostradorv1.Field{
		Id: f.ID, Name: f.Name.In(lang), Help: f.Help.In(lang), Type: kind, Required: f.Required,
		Category: mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE, Origin: mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN, Plugin: m.ID,
	}
	for _, c := range f.Choices {
		field.Choices = append(field.Choices, &mostradorv1.Choice{Value: c.Value, Label: c.Name.In(lang)})
	}
	return field
}

// CategoryName is what people call a category.
func (s *Service) CategoryName(c mostradorv1.FieldCategory, lang string) string {
	if c == mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC {
		return s.text(lang, "category_demographic")
	}
	return s.text(lang, "category_profile")
}

// Mark says why a customer's value of one of the store's own fields does not meet its declaration; empty when it
// does, or when there is none.
func (s *Service) Mark(tx *store.Tx, c *plgv1.Customer, id, lang string) string {
	d, ok := s.current.Load().byID[id]
	value := c.GetFields()[id]
	if !ok || value == "" {
		return ""
	}
	_, wrong := s.Customers.Hold(tx, d.judged, c, value, lang)
	return wrong.GetSummary()
}

// text is a sentence of this package.
func (s *Service) text(lang, key string, args ...any) string {
	return s.Text.Text(lang, "model."+key, args...)
}

// today is the day on the store's clock, as expressions see it.
func (s *Service) today() time.Time {
	year, month, day := s.Now().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
