package model

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

var (
	ctx   = context.Background()
	actor = &plgv1.Actor{Operator: "tina", Till: "1", Channel: "gui"}
)

// shop is a store with a data model.
type shop struct {
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	tasks     *task.Service
	model     *Service
	reindexed atomic.Int32
	changed   atomic.Int32
}

// day is the day on the clock of every shop.
var day = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func newShop(t testing.TB) *shop {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w := &shop{store: st, log: event.NewLog(st)}
	w.open(t)
	return w
}

// open makes the services anew, as a program that starts does.
func (w *shop) open(t testing.TB) {
	t.Helper()
	text := locale.New()
	now := func() time.Time { return day }
	var err error
	w.customers, err = customer.New(customer.Config{
		Store: w.store, Log: w.log, Text: text, Now: now,
		Fields: func() customer.Fields {
			if w.model == nil {
				return nil
			}
			return w.model.Declared()
		},
		Indexed: func() []string { return w.model.Indexed() },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.tasks = task.New(task.Config{Store: w.store, Log: w.log, Text: text})
	w.model, err = New(Config{
		Store: w.store, Log: w.log, Customers: w.customers, Tasks: w.tasks, Text: text, Now: now,
		Reindex:   func(ctx context.Context) error { w.reindexed.Add(1); return w.customers.Reindex(ctx) },
		Changed:   func() { w.changed.Add(1) },
		Manifests: func() []*manifest.Manifest { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run works on tasks until the test ends.
func (w *shop) run(t testing.TB) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	go func() { w.tasks.Run(ctx); ended <- struct{}{} }()
	go func() { w.model.Run(ctx); ended <- struct{}{} }()
	t.Cleanup(func() { stop(); <-ended; <-ended })
}

// await returns a task as it ended.
func (w *shop) await(t testing.TB, id uint64) *pb.Task {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var got *pb.Task
		if err := w.store.View(func(tx *store.Tx) (err error) { got, err = w.tasks.Get(tx, id); return err }); err != nil {
			t.Fatal(err)
		}
		if task.Ended(got.GetState()) {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("task %d does not end: %v", id, got)
		}
	}
}

var phones atomic.Int32

// register keeps somebody with values; they are judged as the model wants.
func (w *shop) register(t testing.TB, fields map[string]string) *plgv1.Customer {
	t.Helper()
	c, err := w.customers.Register(ctx, actor, &plgv1.Customer{
		Name: "Ana Ruiz", Phone: fmt.Sprintf("6%08d", phones.Add(1)), Fields: fields,
	}, "")
	if err != nil {
		t.Fatalf("register %v: %v", fields, err)
	}
	return c
}

func (w *shop) get(t testing.TB, id string) *plgv1.Customer {
	t.Helper()
	var c *plgv1.Customer
	if err := w.store.View(func(tx *store.Tx) (err error) { c, err = w.customers.Get(tx, id); return err }); err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *shop) set(c *plgv1.Customer, id, value string) error {
	_, err := w.customers.Update(ctx, actor, &plgv1.Customer{Id: c.Id, Fields: map[string]string{id: value}}, []string{"fields." + id})
	return err
}

func (w *shop) put(t testing.TB, f *pb.Field) *pb.Field {
	t.Helper()
	kept, _, err := w.model.Put(ctx, actor, f, false)
	if err != nil {
		t.Fatalf("put %s: %v", f.GetId(), err)
	}
	return kept
}

// field is a declaration of some type.
func field(id, kind string, change ...func(*pb.Field)) *pb.Field {
	f := &pb.Field{Id: id, Name: "Campo " + id, Type: kind}
	for _, c := range change {
		c(f)
	}
	return f
}

func many(f *pb.Field) { f.Many = true }

func scripted(source string) func(*pb.Field) {
	return func(f *pb.Field) { f.Script, f.ScriptMessage = source, "El script dice no." }
}

func choices(values ...string) func(*pb.Field) {
	return func(f *pb.Field) {
		for _, v := range values {
			f.Choices = append(f.Choices, &pb.Choice{Value: v, Label: strings.ToUpper(v)})
		}
	}
}

func rules(message string, conditions ...string) func(*pb.Field) {
	r := &pb.FieldRule{Message: message}
	for i := 0; i < len(conditions); i += 2 {
		r.Conditions = append(r.Conditions, &pb.FieldCondition{Operator: conditions[i], Operand: conditions[i+1]})
	}
	return func(f *pb.Field) { f.Rules = append(f.Rules, r) }
}

// codes are the diagnostics of a refusal as path:code.
func codes(t testing.TB, err error) []string {
	t.Helper()
	var refused *customer.Refused
	if !errors.As(err, &refused) {
		t.Fatalf("not refused: %v", err)
	}
	return said(t, refused.Refusal.Diagnostics)
}

func said(t testing.TB, list []*plgv1.Diagnostic) []string {
	t.Helper()
	var all []string
	for _, d := range list {
		if d.Summary == "" || strings.HasPrefix(d.Summary, "model.") || strings.HasPrefix(d.Summary, "customer.") || strings.Contains(d.Summary, "{") {
			t.Errorf("%s:%s has no sentence: %q", d.Path, d.Code, d.Summary)
		}
		all = append(all, d.Path+":"+d.Code)
	}
	return all
}

func TestACustomerIsReferredToByNumberOrIdAndKeptById(t *testing.T) {
	w := newShop(t)
	w.put(t, field("madrina", "customer"))
	w.put(t, field("hijos", "customer", many))
	ana, eva := w.register(t, nil), w.register(t, nil)
	c := w.register(t, map[string]string{"madrina": fmt.Sprint("n.º ", ana.Number), "hijos": fmt.Sprintf("%d\n%s\n#%d", ana.Number, eva.Id, ana.Number)})
	if c.Fields["madrina"] != ana.Id || c.Fields["hijos"] != ana.Id+"\n"+eva.Id {
		t.Errorf("kept %v", c.Fields)
	}
	if err := w.set(c, "madrina", "0195e1c0-0000-7000-8000-000000000000"); !slices.Equal(codes(t, err), []string{"fields.madrina:value_customer"}) {
		t.Errorf("got %v", err)
	}
	// Who is gone keeps nobody from changing something else.
	if err := w.store.Update(ctx, func(tx *store.Tx) error { return w.customers.Unregister(tx, actor, ana) }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.customers.Update(ctx, actor, &plgv1.Customer{Id: c.Id, Name: "Luz"}, []string{"name"}); err != nil {
		t.Errorf("update: %v", err)
	}
	err := w.store.View(func(tx *store.Tx) error {
		if mark := w.model.Mark(tx, w.get2(tx, c.Id), "madrina", "es"); mark == "" {
			t.Error("a reference to nobody is not marked")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *shop) get2(tx *store.Tx, id string) *plgv1.Customer {
	c, err := w.customers.Get(tx, id)
	if err != nil {
		panic(err)
	}
	return c
}

func TestWhatIsRequiredIsAskedOfWhoRegistersAndWhoEmptiesIt(t *testing.T) {
	w := newShop(t)
	before := w.register(t, nil)
	w.put(t, field("ciudad", "text", func(f *pb.Field) { f.Required = true }))
	w.put(t, field("socio", "yes_no", func(f *pb.Field) { f.Required = true }))
	_, err := w.customers.Register(ctx, actor, &plgv1.Customer{Name: "Ana", Phone: "600111222"}, "")
	if got := codes(t, err); !slices.Equal(got, []string{"fields.ciudad:field_required"}) {
		t.Errorf("register: %v", got)
	}
	if _, err := w.customers.Update(ctx, actor, &plgv1.Customer{Id: before.Id, Name: "Eva"}, []string{"name"}); err != nil {
		t.Errorf("another field: %v", err)
	}
	if err := w.set(before, "ciudad", ""); !slices.Equal(codes(t, err), []string{"fields.ciudad:field_required"}) {
		t.Errorf("emptied: %v", err)
	}
}

func TestARetiredFieldKeepsItsValuesAndComesBack(t *testing.T) {
	w := newShop(t)
	w.put(t, field("ciudad", "text", func(f *pb.Field) { f.Required, f.Indexed = true, true }))
	c := w.register(t, map[string]string{"ciudad": "Soria"})
	kept, err := w.model.Retire(ctx, actor, "ciudad")
	if err != nil || !kept.GetRetired() || kept.GetRevision() != 2 {
		t.Fatalf("retire: %v %v", kept, err)
	}
	if len(w.model.Own()) != 0 || len(w.model.Indexed()) != 0 || len(w.model.Declared().RequiredFields()) != 0 {
		t.Error("a retired field is still asked for")
	}
	listed := func(retired bool) bool {
		return slices.ContainsFunc(w.model.List("es", retired), func(f *pb.Field) bool { return f.GetId() == "ciudad" })
	}
	if listed(false) || !listed(true) {
		t.Error("it is listed otherwise than asked")
	}
	w.register(t, nil)
	if got := w.get(t, c.Id).Fields["ciudad"]; got != "Soria" {
		t.Errorf("its value is %q", got)
	}
	if err := w.set(c, "ciudad", "Ávila"); !slices.Equal(codes(t, err), []string{"fields.ciudad:field_retired"}) {
		t.Errorf("set: %v", err)
	}
	if _, _, err := w.model.Put(ctx, actor, field("ciudad", "date"), false); !slices.Equal(codes(t, err), []string{"id:id_retired"}) {
		t.Errorf("declared again: %v", err)
	}
	if kept, err = w.model.Restore(ctx, actor, "ciudad"); err != nil || kept.GetRetired() || !kept.GetRequired() {
		t.Fatalf("restore: %v %v", kept, err)
	}
	if err := w.set(c, "ciudad", "Ávila"); err != nil {
		t.Errorf("set: %v", err)
	}
	if _, err := w.model.Retire(ctx, actor, "nada"); !errors.Is(err, ErrNotFound) {
		t.Errorf("retire nothing: %v", err)
	}
}

func TestFieldsStandWhereTheyWerePut(t *testing.T) {
	w := newShop(t)
	for _, id := range []string{"a", "b", "c"} {
		w.put(t, field(id, "text"))
	}
	w.put(t, field("d", "text", func(f *pb.Field) { f.Order = 2 }))
	own := func() string {
		var ids []string
		for i, f := range w.model.Own() {
			ids = append(ids, f.GetId())
			if f.GetOrder() != int32(i+1) {
				t.Errorf("%s has order %d at %d", f.GetId(), f.GetOrder(), i+1)
			}
		}
		return strings.Join(ids, "")
	}
	if got := own(); got != "adbc" {
		t.Errorf("they stand as %s", got)
	}
	c := w.model.Own()[3]
	moved := proto.CloneOf(c)
	moved.Order = 1
	w.put(t, moved)
	if got := own(); got != "cadb" {
		t.Errorf("they stand as %s", got)
	}
	stays := proto.CloneOf(w.model.Own()[1])
	stays.Order, stays.Help = 0, "Ayuda."
	w.put(t, stays)
	if got := own(); got != "cadb" {
		t.Errorf("they stand as %s", got)
	}
	w.open(t)
	if got := own(); got != "cadb" {
		t.Errorf("after the next start they stand as %s", got)
	}
}

func TestTwoWhoChangeADeclarationDoNotOverwriteEachOther(t *testing.T) {
	w := newShop(t)
	kept := w.put(t, field("ciudad", "text"))
	one, other := proto.CloneOf(kept), proto.CloneOf(kept)
	one.Name, other.Name = "Una", "Otra"
	w.put(t, one)
	if _, _, err := w.model.Put(ctx, actor, other, false); !errors.Is(err, ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestAChangeIsInTheLogWithWhoFromAndTo(t *testing.T) {
	w := newShop(t)
	kept := w.put(t, field("ciudad", "text"))
	kept.Name = "Población"
	w.put(t, kept)
	var events []*plgv1.Event
	if err := w.store.View(func(tx *store.Tx) (err error) {
		events, err = w.log.List(tx, event.Query{Type: "field.saved", Limit: 10})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	first, second := events[0].GetCustom().GetFields(), events[1].GetCustom().GetFields()
	if first["from"] != nil || first["to"].GetStructValue().GetFields()["name"].GetStringValue() != "Campo ciudad" ||
		second["from"].GetStructValue().GetFields()["name"].GetStringValue() != "Campo ciudad" ||
		second["to"].GetStructValue().GetFields()["name"].GetStringValue() != "Población" ||
		second["field"].GetStringValue() != "ciudad" || events[1].GetActor().GetOperator() != "tina" {
		t.Errorf("got %v", events)
	}
	if w.changed.Load() != 2 {
		t.Errorf("told %d times", w.changed.Load())
	}
}

func TestWhoIsFoundByAFieldFollowsItsDeclaration(t *testing.T) {
	w := newShop(t)
	kept := w.put(t, field("ciudad", "text"))
	w.register(t, map[string]string{"ciudad": "Soria"})
	w.run(t)
	finds := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			found, err := w.customers.Search(ctx, &pb.SearchRequest{Query: "sor"})
			if err != nil {
				t.Fatal(err)
			}
			if len(found.GetCustomers()) == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("found %d, want %d", len(found.GetCustomers()), want)
			}
		}
	}
	finds(0)
	kept.Indexed = true
	w.put(t, kept)
	finds(1)
	if _, err := w.model.Retire(ctx, actor, "ciudad"); err != nil {
		t.Fatal(err)
	}
	finds(0)
}

func TestTheWholeModelIsListedInItsOrder(t *testing.T) {
	w := newShop(t)
	w.model.Manifests = func() []*manifest.Manifest {
		return []*manifest.Manifest{{ID: "PLG0002", Fields: []manifest.Field{{
			ID: "plg0002_nivel", Name: manifest.Text{"es": "Nivel", "en": "Level"}, Type: manifest.TypeNumber,
		}}}}
	}
	w.put(t, field("ciudad", "text"))
	var got []string
	for _, f := range w.model.List("en", false) {
		got = append(got, f.GetId()+" "+strings.ToLower(strings.TrimPrefix(f.GetOrigin().String(), "FIELD_ORIGIN_"))+" "+f.GetType())
	}
	want := []string{"name core text", "phone core phone", "email core email", "language core text", "cards core text", "tags core text",
		"aplica_promociones core yes_no", "ciudad store text", "plg0002_nivel plugin decimal"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if name := w.model.List("en", false)[8].GetName(); name != "Level" {
		t.Errorf("in English it is %q", name)
	}
}
