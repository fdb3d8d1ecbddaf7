package segment

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// expressions are segments of all kinds; they speak of those before them.
var expressions = []string{
	`fields.city == "Bilbao"`,
	`fold(customer.name).startsWith("a") || fields.children > 2`,
	`"VIP" in customer.tags`,
	`"VIP" in customer.tags && !("Prensa" in customer.tags) && purchases.count < 3`,
	`empty(customer.tags)`,
	`days_since(purchases.last) > 3`,
	`anniversary_in(fields.birthday, 5) && consent.promotions != "withdrawn"`,
	`measures.puntos >= 10 && purchases.total > 5`,
	`"S0" in customer.segments && "S5" in customer.segments`,
	`!("S2" in customer.segments) || "S8" in customer.segments`,
	`fields.hobbies.exists(h, h == "leer") && registered < today - 2`,
	`"S10" in customer.segments`,
	`"VIP" in customer.tags && "S9" in customer.segments && days_since(last_activity) < 4`,
}

// somebody is a customer with random values.
func somebody(r *rand.Rand) *plgv1.Customer {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	c := &plgv1.Customer{Name: pick("Ana", "Álex", "Luis", "Bea"), Fields: map[string]string{}}
	set := func(id, value string) {
		if value != "" {
			c.Fields[id] = value
		}
	}
	set("city", pick("Bilbao", "Vigo", ""))
	set("children", pick("1", "3", ""))
	set("birthday", pick("1990-11-25", "1990-12-01", "1996-02-29", ""))
	set("hobbies", pick("leer", "leer\ncorrer", "correr", ""))
	for _, tag := range []string{"VIP", "Prensa"} {
		if r.IntN(3) == 0 {
			c.Tags = append(c.Tags, tag)
		}
	}
	return c
}

// change does something at random to a customer.
func (w *world) change(r *rand.Rand, number uint32) error {
	ctx := context.Background()
	note := func(change func(*customer.Facts)) error {
		return w.store.Update(ctx, func(tx *store.Tx) error { return w.customers.Note(tx, number, clerk, change) })
	}
	var id string
	if err := w.store.View(func(tx *store.Tx) error {
		c, err := w.customers.ByNumber(tx, number)
		id = c.GetId()
		return err
	}); err != nil {
		return err
	}
	switch r.IntN(6) {
	case 0:
		next := somebody(r)
		next.Id = id
		_, err := w.customers.Update(ctx, clerk, next, []string{"name", "tags", "fields.city", "fields.children", "fields.birthday", "fields.hobbies"})
		return err
	case 1:
		return note(func(f *customer.Facts) {
			f.Purchases, f.Spent, f.LastPurchase, f.LastActivity = f.Purchases+1, f.Spent+250, w.clock().Unix(), w.clock().Unix()
		})
	case 2:
		return note(func(f *customer.Facts) { f.Measures = map[string]float64{"puntos": float64(r.IntN(20))} })
	case 3:
		next := somebody(r)
		next.Id = id
		_, err := w.customers.Update(ctx, clerk, next, []string{"tags"})
		return err
	case 4:
		return w.store.Update(ctx, func(tx *store.Tx) error {
			_, err := w.customers.UpdateTx(tx, clerk, id, func(c *plgv1.Customer) {
				c.Consent.Promotions = plgv1.ConsentState(1 + r.IntN(3))
			})
			return err
		})
	}
	return w.bulk(r, r.IntN(2) == 0)
}

// bulk tags many customers at once, as host/tag does.
func (w *world) bulk(r *rand.Rand, in bool) error {
	return w.store.Update(context.Background(), func(tx *store.Tx) error {
		tag, err := w.customers.EnsureTag(tx, "VIP")
		if err != nil {
			return err
		}
		var numbers []uint32
		for block := range w.customers.LastNumber(tx)/set.BlockSize + 1 {
			who := set.Block{r.Uint64() & r.Uint64(), r.Uint64() & r.Uint64()}
			var known set.Block
			for number := range w.customers.Records(tx, max(block*set.BlockSize, 1)-1) {
				if number/set.BlockSize != block {
					break
				}
				known.Add(number)
			}
			changed, err := w.customers.Sets().PutBlock(tx, tag, block, and(who, known), in)
			if err != nil {
				return err
			}
			numbers = append(numbers, changed.Numbers(block)...)
		}
		return w.segments.Recheck(tx, slices.Values(numbers), clerk)
	})
}

// check compares the members of every segment, in memory and on disk, with those that it should have.
func (w *world) check(when string) {
	w.t.Helper()
	for _, e := range w.segments.graph().entries {
		id := e.definition.Id
		want := w.whole(id)
		if got := w.members(id); !slices.Equal(got, want) {
			w.t.Errorf("%s: %s has %v, want %v", when, e.definition.Expression, got, want)
		}
		if got := w.onDisk(id); !slices.Equal(got, want) {
			w.t.Errorf("%s: on disk %s has %v, want %v", when, e.definition.Expression, got, want)
		}
	}
}

// replay has the events since one lead from some members to others, and checks that each joins or leaves once.
func (w *world) replay(after uint64, members map[string]bool) (last uint64) {
	w.t.Helper()
	told, last := w.told(after)
	for _, event := range told {
		name := event[1:]
		if joined := event[0] == '+'; members[name] == joined {
			w.t.Errorf("told twice: %s", event)
		}
		members[name] = event[0] == '+'
	}
	for _, e := range w.segments.graph().entries {
		want := map[string]bool{}
		for _, number := range w.members(e.definition.Id) {
			want[fmt.Sprintf("%s %d", e.definition.Name, number)] = true
		}
		for name, in := range members {
			if strings.HasPrefix(name, e.definition.Name+" ") && in != want[name] {
				w.t.Errorf("the events say that %s belongs: %t", name, in)
			}
		}
		for name := range want {
			if !members[name] {
				w.t.Errorf("no event says that %s belongs", name)
			}
		}
	}
	return last
}

// numbered are the present members, each as told has him.
func (w *world) numbered() map[string]bool {
	members := map[string]bool{}
	for _, e := range w.segments.graph().entries {
		for _, number := range w.members(e.definition.Id) {
			members[fmt.Sprintf("%s %d", e.definition.Name, number)] = true
		}
	}
	return members
}

func TestMembersAreThoseOfAFullEvaluationWhateverHappens(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(t)
		w.byNumber = true
		for range 200 {
			w.register(somebody(r))
		}
		w.update(func(tx *store.Tx) error {
			_, vip := w.customers.EnsureTag(tx, "VIP")
			_, press := w.customers.EnsureTag(tx, "Prensa")
			return errors.Join(vip, press)
		})
		if err := w.segments.Turn(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i, expression := range expressions {
			w.cel(fmt.Sprintf("S%d", i), expression)
		}
		w.check("new")
		members, last := w.numbered(), w.last()
		for step := range 200 {
			number := uint32(1 + r.IntN(200))
			switch r.IntN(30) {
			case 0:
				w.register(somebody(r))
			case 1:
				w.pass(time.Duration(r.IntN(60)) * time.Hour)
				if err := w.segments.Turn(context.Background()); err != nil {
					t.Fatal(err)
				}
			case 2:
				w.reopen()
			default:
				if err := w.change(r, number); err != nil {
					t.Fatal(err)
				}
			}
			if step%50 == 0 {
				w.check(fmt.Sprintf("seed %d, step %d", seed, step))
			}
		}
		w.check("end")
		w.replay(last, members)
	}
}

func TestADefinitionIsWorkedOutWhileCustomersChange(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	w := newWorld(t)
	w.byNumber = true
	const people = 1500
	for range people {
		w.register(somebody(r))
	}
	w.update(func(tx *store.Tx) error {
		_, vip := w.customers.EnsureTag(tx, "VIP")
		_, press := w.customers.EnsureTag(tx, "Prensa")
		return errors.Join(vip, press)
	})
	if err := w.segments.Turn(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tills sync.WaitGroup
	for i := range 3 {
		tills.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 8))
			for ctx.Err() == nil {
				if err := w.change(r, uint32(1+r.IntN(people))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	ids := make([]uint32, len(expressions))
	for i, expression := range expressions {
		ids[i] = w.cel(fmt.Sprintf("S%d", i), expression).Id
	}
	for round := range 6 { // other definitions, while those that depend on them live on
		i := []int{0, 2, 5, 8}[round%4]
		w.put(&mostradorv1.Segment{Id: ids[i], Name: fmt.Sprintf("S%d", i), Expression: expressions[(i+round)%3] + ` || customer.number % 7 == 1`})
		w.pass(20 * time.Hour)
		if err := w.segments.Turn(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	tills.Wait()
	w.check("while tills work")
}

func TestADayIsToldOnceHoweverOftenTheProgramEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	w := newWorld(t)
	w.byNumber = true
	const people = 1500
	for i := range people {
		c := somebody(r)
		c.Fields["birthday"] = fmt.Sprintf("1990-11-%02d", 22+i%4)
		w.register(c)
	}
	if err := w.segments.Turn(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.cel("S0", `anniversary_in(fields.birthday, 0)`)
	w.cel("S1", `"S0" in customer.segments && fields.city == "Bilbao"`)
	members, last := w.numbered(), w.last()
	ends := 0
	for day := range 3 {
		w.pass(24 * time.Hour)
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(8000))*time.Microsecond)
			err := w.segments.Turn(ctx)
			cancel()
			if err == nil {
				break
			}
			if ends++; ends > 200 {
				if err := w.segments.Turn(context.Background()); err != nil {
					t.Fatal(err)
				}
				break
			}
			w.reopen()
		}
		w.check(fmt.Sprintf("day %d", day))
		last = w.replay(last, members)
	}
	if ends == 0 {
		t.Log("the program never ended within a pass")
	}
}
