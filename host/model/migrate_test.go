package model

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	done      = pb.TaskState_TASK_STATE_DONE
	cancelled = pb.TaskState_TASK_STATE_CANCELLED
	undone    = pb.TaskState_TASK_STATE_UNDONE
)

// values are those of a field by customer.
func (w *shop) values(t testing.TB, id string) map[string]string {
	t.Helper()
	all := map[string]string{}
	list, err := w.customers.Walk(0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if v := c.Fields[id]; v != "" {
			all[c.Id] = v
		}
	}
	return all
}

// change puts another declaration in the place of a field's and works through its task.
func (w *shop) change(t testing.TB, id string, anyway bool, change ...func(*pb.Field)) *pb.Task {
	t.Helper()
	next := w.declaration(t, id)
	for _, c := range change {
		c(next)
	}
	_, started, err := w.model.Put(ctx, actor, next, anyway)
	if err != nil {
		t.Fatalf("change %s: %v", id, err)
	}
	if started == nil {
		return nil
	}
	return w.await(t, started.GetId())
}

func (w *shop) declaration(t testing.TB, id string) *pb.Field {
	t.Helper()
	d, ok := w.model.current.Load().byID[id]
	if !ok {
		t.Fatalf("no field %s", id)
	}
	return proto.CloneOf(d.Field)
}

func of(kind string) func(*pb.Field) { return func(f *pb.Field) { f.Type = kind } }

func TestAChangeIsShownBeforeAnythingChanges(t *testing.T) {
	w := newShop(t)
	w.put(t, field("saldo", "text"))
	good := w.register(t, map[string]string{"saldo": "12,50"})
	same := w.register(t, map[string]string{"saldo": "7.25"})
	bad := w.register(t, map[string]string{"saldo": "mucho"})
	w.register(t, nil)
	next := w.declaration(t, "saldo")
	next.Type = "money"
	shown, err := w.model.Preview(ctx, next)
	if err != nil {
		t.Fatal(err)
	}
	if shown.WithValue != 3 || shown.Converted != 1 || shown.Broken != 1 || len(shown.Breaks) != 1 || len(shown.Conversions) != 1 {
		t.Fatalf("preview %v", shown)
	}
	if b := shown.Breaks[0]; b.Customer.GetId() != bad.Id || b.Value != "mucho" || b.Reason == "" || b.Becomes != "" {
		t.Errorf("broken: %v", b)
	}
	if c := shown.Conversions[0]; c.Customer.GetId() != good.Id || c.Value != "12,50" || c.Becomes != "12.50" {
		t.Errorf("converted: %v", c)
	}
	_, _, err = w.model.Put(ctx, actor, next, false)
	var breaks *Breaks
	if !errors.As(err, &breaks) || !proto.Equal(breaks.Preview, shown) || !slices.Equal(codes(t, err), []string{":" + CodeBreaks}) {
		t.Fatalf("put: %v", err)
	}
	if w.declaration(t, "saldo").GetType() != "text" || w.get(t, good.Id).Fields["saldo"] != "12,50" {
		t.Fatal("something changed")
	}
	w.run(t)
	ended := w.change(t, "saldo", true, of("money"))
	if ended.State != done || ended.Changed != 1 || ended.Failed != 1 || ended.Done != 3 || ended.Total != 3 || !ended.Undoable {
		t.Errorf("task %v", ended)
	}
	if got := w.values(t, "saldo"); got[good.Id] != "12.50" || got[same.Id] != "7.25" || got[bad.Id] != "mucho" {
		t.Errorf("values %v", got)
	}
	// What stays broken is marked, keeps nobody from changing anything else, and is mended by the next good value.
	mark := func() (words string) {
		if err := w.store.View(func(tx *store.Tx) error { words = w.model.Mark(tx, w.get2(tx, bad.Id), "saldo", "es"); return nil }); err != nil {
			t.Fatal(err)
		}
		return words
	}
	if mark() == "" {
		t.Error("the broken value is not marked")
	}
	if _, err := w.customers.Update(ctx, actor, &plgv1.Customer{Id: bad.Id, Name: "Eva"}, []string{"name"}); err != nil {
		t.Errorf("another field: %v", err)
	}
	whole := w.get(t, bad.Id)
	whole.Name = "Eva María"
	if _, refusal, err := w.customers.Check(ctx, whole); err != nil || len(refusal.Diagnostics) > 0 {
		t.Errorf("check: %v %v", refusal, err)
	}
	if err := w.set(bad, "saldo", "mucho más"); err == nil {
		t.Error("another bad value is taken")
	}
	if err := w.set(bad, "saldo", "3"); err != nil || mark() != "" {
		t.Errorf("mending: %v %q", err, mark())
	}
}

func TestValuesTakeTheFormOfTheNewDeclaration(t *testing.T) {
	type pair struct{ value, becomes string }
	for _, tt := range []struct {
		name   string
		from   *pb.Field
		to     *pb.Field
		values []pair // becomes is empty for what is broken
	}{
		{"text to day", field("x", "text"), field("x", "date"), []pair{{"21/11/2026", "2026-11-21"}, {"2026-11-21", "2026-11-21"}, {"hoy", ""}}},
		{"text to number", field("x", "text"), field("x", "integer"), []pair{{"007", "7"}, {"1.234,00", "1234"}, {"1,5", ""}}},
		{"text to yes or no", field("x", "text"), field("x", "yes_no"), []pair{{"Sí", "true"}, {"n", "false"}, {"quizá", ""}}},
		{"yes or no to text", field("x", "yes_no"), field("x", "text"), []pair{{"true", "sí"}, {"false", "no"}}},
		{"yes or no to choice", field("x", "yes_no"), field("x", "choice", choices("sí", "no")), []pair{{"true", "sí"}}},
		{"text to choice", field("x", "text"), field("x", "choice", choices("rojo")), []pair{{"ROJO", "rojo"}, {"verde", ""}}},
		{"text to country", field("x", "text"), field("x", "country"), []pair{{"españa", "ES"}, {"Marte", ""}}},
		{"text to phone", field("x", "text"), field("x", "phone"), []pair{{"600 111 222", "+34600111222"}, {"600", ""}}},
		{"moment to day", field("x", "date_time"), field("x", "date"), []pair{{"2026-11-21T08:30", "2026-11-21"}}},
		{"day to moment", field("x", "date"), field("x", "date_time"), []pair{{"2026-11-21", "2026-11-21T00:00"}}},
		{"amount to whole number", field("x", "money"), field("x", "integer"), []pair{{"12.00", "12"}, {"12.50", ""}}},
		{"address to text", field("x", "postal_address"), field("x", "text"), []pair{{"Sol 1\n28013 Madrid", "Sol 1, 28013 Madrid"}}},
		{"text to address", field("x", "text"), field("x", "postal_address"), []pair{{"Sol 1, 28013 Madrid", "Sol 1\n28013 Madrid"}, {"Sol", ""}}},
		{"one to many", field("x", "text"), field("x", "text", many), []pair{{"a, b", "a, b"}}},
		{"lines to many", field("x", "long_text"), field("x", "integer", many), []pair{{"1,0\n\n2", "1\n2"}, {"1\ndos", ""}}},
		{"many to one", field("x", "integer", many), field("x", "integer"), []pair{{"1", "1"}, {"1\n2", ""}}},
		{"many to lines", field("x", "text", many), field("x", "long_text"), []pair{{"a\nb", "a\nb"}}},
		{"a rule more", field("x", "text"), field("x", "text", rules("Con @.", "begins_with", "@")), []pair{{"@a", "@a"}, {"a", ""}}},
		{"a choice less", field("x", "choice", choices("a", "b")), field("x", "choice", choices("a")), []pair{{"a", "a"}, {"b", ""}}},
		{"a script that looks at the customer", field("x", "text"), field("x", "text", scripted("customer.tags.exists(t, t == 'vip')")), []pair{{"a", ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newShop(t)
			w.run(t)
			w.put(t, tt.from)
			want, before := map[string]string{}, map[string]string{}
			var converted, broken uint64
			for _, v := range tt.values {
				c := w.register(t, map[string]string{"x": v.value})
				before[c.Id], want[c.Id] = v.value, v.becomes
				if v.becomes == "" {
					broken++
					want[c.Id] = v.value
				} else if v.becomes != v.value {
					converted++
				}
			}
			next := proto.CloneOf(tt.to)
			next.Revision = 1
			shown, err := w.model.Preview(ctx, next)
			if err != nil || shown.Converted != converted || shown.Broken != broken {
				t.Fatalf("preview %v %v, want %d converted and %d broken", shown, err, converted, broken)
			}
			_, started, err := w.model.Put(ctx, actor, next, true)
			if err != nil {
				t.Fatal(err)
			}
			if (started != nil) != (converted > 0) {
				t.Fatalf("task %v", started)
			}
			if started == nil {
				return
			}
			ended := w.await(t, started.GetId())
			if ended.State != done || ended.Changed != converted || ended.Failed != broken {
				t.Errorf("task %v", ended)
			}
			if got := w.values(t, "x"); !maps.Equal(got, want) {
				t.Errorf("values %v, want %v", got, want)
			}
			// A change of mind brings values and declaration back.
			back, err := w.tasks.Undo(ctx, actor, ended.GetId())
			if err != nil {
				t.Fatal(err)
			}
			if undo := w.await(t, back.GetId()); undo.State != done || undo.Changed != converted {
				t.Errorf("undo %v", undo)
			}
			if got := w.values(t, "x"); !maps.Equal(got, before) {
				t.Errorf("after undo %v, want %v", got, before)
			}
			if d := w.declaration(t, "x"); d.GetType() != tt.from.GetType() || d.GetMany() != tt.from.GetMany() || d.GetRevision() != 3 {
				t.Errorf("after undo the declaration is %v", d)
			}
		})
	}
}

// TestAMigrationDoesWhatThePreviewSaid changes the declarations of random values at random.
func TestAMigrationDoesWhatThePreviewSaid(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	w := newShop(t)
	w.run(t)
	typed := []string{"a", "sí", "0", "1", "12,50", "1.234,5", "21/11/2026", "2026-11-21", "2026-11-21 8:30", "ES", "España", "#ABC", "600 111 222",
		"ana@Ejemplo.es", "https://Ejemplo.es", "Sol 1, 28013 Madrid", "a\nb", "1\n2\n1", "@a", strings.Repeat("ñ", 900)}
	for range 150 {
		w.register(t, map[string]string{"x": typed[random.IntN(len(typed))]})
	}
	scripts := []string{"", "", "customer.number % 2 == 0", "true"}
	for round := range 25 {
		next := field("x", string(kinds[random.IntN(len(kinds))].Type))
		k, _ := kindOf(next.Type)
		if next.Many = !k.single && random.IntN(3) == 0; next.Type == "choice" {
			choices("a", "sí", "12,50", "b")(next)
		}
		if k.group == groupText && random.IntN(4) == 0 {
			rules("Corto.", "min_length", "2")(next)
		}
		next.Script = scripts[random.IntN(len(scripts))]
		if d, ok := w.model.current.Load().byID["x"]; ok {
			next.Revision = d.GetRevision()
		}
		before := w.values(t, "x")
		shown, err := w.model.Preview(ctx, next)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		_, started, err := w.model.Put(ctx, actor, next, true)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		if started != nil {
			ended := w.await(t, started.GetId())
			if ended.State != done || ended.Changed != shown.Converted || ended.Failed != shown.Broken || ended.Done != shown.WithValue {
				t.Fatalf("seed %d, round %d: preview %d/%d/%d, task %v", seed, round, shown.WithValue, shown.Converted, shown.Broken, ended)
			}
		} else if shown.Converted > 0 {
			t.Fatalf("seed %d, round %d: no task for %v", seed, round, shown)
		}
		after := w.values(t, "x")
		changed := 0
		for id, v := range before {
			if after[id] != v {
				changed++
			}
		}
		if uint64(changed) != shown.Converted || uint64(len(before)) != shown.WithValue {
			t.Fatalf("seed %d, round %d: %d of %d changed, preview %v", seed, round, changed, len(before), shown)
		}
		for _, b := range shown.Conversions {
			if after[b.Customer.Id] != b.Becomes {
				t.Fatalf("seed %d, round %d: %q became %q, not %q", seed, round, b.Value, after[b.Customer.Id], b.Becomes)
			}
		}
		// Nothing is left to do, and who is marked is who was broken.
		var marked uint64
		err = w.store.View(func(tx *store.Tx) error {
			for id := range after {
				if w.model.Mark(tx, w.get2(tx, id), "x", "es") != "" {
					marked++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if marked != shown.Broken {
			t.Fatalf("seed %d, round %d: %d marked, %d broken", seed, round, marked, shown.Broken)
		}
	}
}

func TestEditsDuringAMigrationAreNeitherLostNorHeldUp(t *testing.T) {
	w := newShop(t)
	w.put(t, field("saldo", "text"))
	var all []*plgv1.Customer
	for i := range 400 {
		all = append(all, w.register(t, map[string]string{"saldo": fmt.Sprintf("%d,5", i)}))
	}
	w.run(t)
	next := w.declaration(t, "saldo")
	next.Type = "decimal"
	_, started, err := w.model.Put(ctx, actor, next, false)
	if err != nil {
		t.Fatal(err)
	}
	var working sync.WaitGroup
	for worker := range 4 {
		working.Go(func() {
			for i := worker; i < len(all); i += 4 {
				if i%3 == 0 {
					if err := w.set(all[i], "saldo", fmt.Sprintf("%d,25", 1000+i)); err != nil {
						t.Errorf("set: %v", err)
					}
				} else if i%3 == 1 {
					if _, err := w.customers.Update(ctx, actor, &plgv1.Customer{Id: all[i].Id, Name: "Eva"}, []string{"name"}); err != nil {
						t.Errorf("rename: %v", err)
					}
				}
			}
		})
	}
	var busy *pb.Task
	again := w.declaration(t, "saldo")
	again.Type = "text"
	_, busy, err = w.model.Put(ctx, actor, again, true) // either it waits, or the task had ended
	if err != nil && !slices.Equal(codes(t, err), []string{":busy"}) {
		t.Errorf("a second change: %v", err)
	}
	working.Wait()
	if ended := w.await(t, started.GetId()); ended.State != done {
		t.Fatalf("task %v", ended)
	}
	if busy != nil {
		w.await(t, busy.GetId())
	}
	got := w.values(t, "saldo")
	for i, c := range all {
		want := fmt.Sprintf("%d.5", i)
		if i%3 == 0 {
			want = fmt.Sprintf("%d.25", 1000+i)
		}
		if v := strings.Replace(got[c.Id], ",", ".", 1); v != want {
			t.Errorf("%d: %q, want %q", i, got[c.Id], want)
		}
	}
}

func TestAMigrationGoesOnAfterTheProgramStarted(t *testing.T) {
	w := newShop(t)
	w.put(t, field("saldo", "text"))
	var ids []string
	for i := range 300 {
		ids = append(ids, w.register(t, map[string]string{"saldo": fmt.Sprintf("%d,5", i)}).Id)
	}
	next := w.declaration(t, "saldo")
	next.Type = "decimal"
	_, started, err := w.model.Put(ctx, actor, next, false) // nobody works on tasks yet
	if err != nil || started == nil {
		t.Fatalf("put: %v %v", started, err)
	}
	if w.declaration(t, "saldo").GetType() != "decimal" {
		t.Error("the declaration is not in force")
	}
	if err := w.set(w.get(t, ids[0]), "saldo", "x"); err == nil {
		t.Error("a value is not held to the new declaration")
	}
	w.open(t)
	w.run(t)
	if ended := w.await(t, started.GetId()); ended.State != done || ended.Changed != 300 {
		t.Errorf("task %v", ended)
	}
	for i, id := range ids {
		if v := w.get(t, id).Fields["saldo"]; v != fmt.Sprintf("%d.5", i) {
			t.Errorf("%d: %q", i, v)
		}
	}
}

func TestAnUndoLeavesWhatWasChangedSince(t *testing.T) {
	w := newShop(t)
	w.run(t)
	w.put(t, field("saldo", "text"))
	old, newer := w.register(t, map[string]string{"saldo": "1,5"}), w.register(t, map[string]string{"saldo": "2,5"})
	ended := w.change(t, "saldo", false, of("decimal"))
	if err := w.set(newer, "saldo", "9"); err != nil {
		t.Fatal(err)
	}
	w.put(t, func() *pb.Field { f := w.declaration(t, "saldo"); f.Name = "Cuenta"; return f }())
	undo, err := w.tasks.Undo(ctx, actor, ended.GetId())
	if err != nil {
		t.Fatal(err)
	}
	if got := w.await(t, undo.GetId()); got.State != done || got.Changed != 1 {
		t.Errorf("undo %v", got)
	}
	if got := w.values(t, "saldo"); got[old.Id] != "1,5" || got[newer.Id] != "9" {
		t.Errorf("values %v", got)
	}
	if d := w.declaration(t, "saldo"); d.GetName() != "Cuenta" || d.GetType() != "decimal" {
		t.Errorf("the declaration that was changed since is %v", d)
	}
}

func TestAFieldFindsTheValuesThatNobodyHadDeclared(t *testing.T) {
	w := newShop(t)
	w.run(t)
	c := w.register(t, map[string]string{"nacimiento": "17/5/1990"})
	kept, started, err := w.model.Put(ctx, actor, field("nacimiento", "date"), false)
	if err != nil || started == nil {
		t.Fatalf("put: %v %v %v", kept, started, err)
	}
	w.await(t, started.GetId())
	if v := w.get(t, c.Id).Fields["nacimiento"]; v != "1990-05-17" {
		t.Errorf("got %q", v)
	}
	// Every conversion is in the customer's history, by the task.
	var events []*plgv1.Event
	if err := w.store.View(func(tx *store.Tx) (err error) {
		events, err = w.log.List(tx, event.Query{Customer: c.Id, Type: "customer.changed", Limit: 10})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].GetActor().GetChannel() != fmt.Sprintf("task:%d", started.GetId()) || events[0].GetActor().GetOperator() != "tina" {
		t.Errorf("events %v", events)
	}
}

func TestACancelledMigrationCanBeTakenBack(t *testing.T) {
	w := newShop(t)
	w.put(t, field("saldo", "text"))
	before := map[string]string{}
	for i := range 500 {
		v := fmt.Sprintf("%d,5", i)
		before[w.register(t, map[string]string{"saldo": v}).Id] = v
	}
	w.run(t)
	next := w.declaration(t, "saldo")
	next.Type = "decimal"
	_, started, err := w.model.Put(ctx, actor, next, false)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.tasks.Cancel(ctx, actor, started.GetId()) // it may have ended
	ended := w.await(t, started.GetId())
	if ended.State != cancelled && ended.State != done {
		t.Fatalf("task %v", ended)
	}
	if !ended.Undoable {
		return
	}
	undo, err := w.tasks.Undo(ctx, actor, ended.GetId())
	if err != nil {
		t.Fatal(err)
	}
	w.await(t, undo.GetId())
	if got := w.values(t, "saldo"); !maps.Equal(got, before) {
		t.Error("not all values are back")
	}
	if got := w.await(t, ended.GetId()); got.State != undone {
		t.Errorf("task %v", got)
	}
}

// FuzzConversion: what a value becomes stays as it is, and is good.
func FuzzConversion(f *testing.F) {
	f.Add(uint8(0), uint8(5), false, false, "21/11/2026")
	f.Add(uint8(7), uint8(0), false, true, "true")
	f.Add(uint8(13), uint8(0), false, false, "Sol 1\n28013 Madrid")
	f.Add(uint8(0), uint8(3), true, true, "1,5\n\n1.234,50")
	w := newShop(f)
	f.Fuzz(func(t *testing.T, from, to uint8, fromMany, toMany bool, value string) {
		declare := func(i uint8, many bool) *definition {
			k := kinds[int(i)%len(kinds)]
			f := field("x", string(k.Type))
			if f.Many = many && !k.single; k.Type == "choice" {
				choices("a", "sí", "1")(f)
			}
			d, wrong := w.model.compile("es", f)
			if len(wrong) > 0 {
				t.Fatal(wrong)
			}
			return d
		}
		was, next := declare(from, fromMany), declare(to, toMany)
		c := &plgv1.Customer{Fields: map[string]string{"x": value}}
		becomes, wrong := w.model.convert(nil, was, next, c, value, "es")
		if wrong != nil || becomes == "" {
			return
		}
		if again, wrong := w.customers.Hold(nil, next.judged, c, becomes, "es"); wrong != nil || again != becomes {
			t.Fatalf("%s to %s: %q becomes %q, which becomes %q (%v)", was.Type, next.Type, value, becomes, again, wrong)
		}
		if again, wrong := w.model.convert(nil, was, next, c, becomes, "es"); wrong != nil || again != becomes {
			t.Fatalf("%s to %s: %q becomes %q, which is converted to %q (%v)", was.Type, next.Type, value, becomes, again, wrong)
		}
	})
}

// FuzzScript: no script, however it is written, takes the store down or keeps it for long.
func FuzzScript(f *testing.F) {
	for _, source := range []string{"value == 'a'", "years_since(value) > 18", "customer.tags.all(t, t.matches(value))", "value.split('').all(x, value.contains(x))",
		"date(value) < today", "[1,2,3].exists(i, i == int(value))", "value.format([1])", "'%s'.format([value]) == value", "1/0 == value", "((((", "value.postcode"} {
		f.Add(source, uint8(0), "28013")
	}
	w := newShop(f)
	f.Fuzz(func(t *testing.T, source string, i uint8, value string) {
		k := kinds[int(i)%len(kinds)]
		declaration := field("x", string(k.Type), scripted(source))
		if k.Type == "choice" {
			choices("a", "b")(declaration)
		}
		resp, err := w.model.Try(ctx, declaration, value, nil)
		if err != nil {
			t.Fatal(err)
		}
		said(t, resp.Declaration)
		said(t, resp.Diagnostics)
	})
}
