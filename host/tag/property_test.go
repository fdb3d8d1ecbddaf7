package tag_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// model is what should be the case, said in the simplest way: for each tag and customer, whether he has it, and the tasks
// that changed that and can still be taken back, oldest first.
type model struct {
	on    map[string][]bool
	tasks map[string][][]step
}

// step says that a task put a tag on or took it off.
type step struct {
	task uint64
	on   bool
}

// single is a change by hand: from then on no task may take anything back here.
func (m *model) single(tag string, n uint32, on bool) {
	if m.on[tag][n] != on {
		m.on[tag][n], m.tasks[tag][n] = on, nil
	}
}

func (m *model) bulk(tag string, n uint32, on bool, task uint64) {
	if m.on[tag][n] != on {
		m.on[tag][n] = on
		m.tasks[tag][n] = append(m.tasks[tag][n], step{task, on})
	}
}

// undo changes back what the task was the last to change, and forgets the task.
func (m *model) undo(task uint64) {
	for tag, of := range m.tasks {
		for n, tasks := range of {
			if last := len(tasks) - 1; last >= 0 && tasks[last].task == task {
				m.on[tag][n] = !tasks[last].on
			}
			of[n] = slices.DeleteFunc(tasks, func(s step) bool { return s.task == task })
		}
	}
}

func (m *model) members(tag string) (numbers []uint32) {
	for n, on := range m.on[tag] {
		if on {
			numbers = append(numbers, uint32(n))
		}
	}
	return numbers
}

// TestMembersAreWhatAModelSays applies tags to few and many, by hand and by tasks, takes tasks back in any order,
// and begins the program anew, at random.
func TestMembersAreWhatAModelSays(t *testing.T) {
	const customers, rounds = 700, 60
	names := []string{"VIP", "Oro", "Bebé"}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 4))
			w := newWorld(t)
			w.admit(customers)
			w.put(names...)
			ids := w.ids(upTo(customers)...)
			m := &model{map[string][]bool{}, map[string][][]step{}}
			for _, name := range names {
				m.on[name], m.tasks[name] = make([]bool, customers+1), make([][]step, customers+1)
			}
			var undoable []uint64
			for round := range rounds {
				some := random.Perm(customers)
				add, remove := choose(random, names)
				var log string
				switch what := random.IntN(10); {
				case what < 4: // by hand
					some = some[:1+random.IntN(30)]
					id, _ := w.apply(selection(ids, some), add, remove)
					if id != 0 {
						t.Fatal("a few became a task")
					}
					for _, n := range some {
						m.each(uint32(n)+1, add, remove, m.single)
					}
					log = "by hand"
				case what < 7:
					some = some[:201+random.IntN(customers-201)]
					id, _ := w.apply(selection(ids, some), add, remove)
					r := w.ended(id)
					if r.State != mostradorv1.TaskState_TASK_STATE_DONE {
						t.Fatalf("the task is %v", r)
					}
					for _, n := range some {
						m.each(uint32(n)+1, add, remove, func(tag string, n uint32, on bool) { m.bulk(tag, n, on, id) })
					}
					if r.Undoable {
						undoable = append(undoable, id)
					}
					log = fmt.Sprint("task ", id)
				case what < 9 && len(undoable) > 0:
					at := random.IntN(len(undoable))
					w.undo(undoable[at])
					m.undo(undoable[at])
					log = fmt.Sprint("undo of ", undoable[at])
					undoable = slices.Delete(undoable, at, at+1)
				default:
					w.reopen()
					log = "again"
				}
				for _, name := range names {
					if got, want := w.members(name), m.members(name); !slices.Equal(got, want) {
						t.Fatalf("round %d (%s): %d have %s, want %d", round, log, len(got), name, len(want))
					}
				}
			}
			w.historyIsWhatHappened(names)
		})
	}
}

// each tells fn of what an application does to one customer.
func (m *model) each(n uint32, add, remove []string, fn func(tag string, n uint32, on bool)) {
	for _, name := range add {
		fn(name, n, true)
	}
	for _, name := range remove {
		fn(name, n, false)
	}
}

// choose divides some names between those put on and those taken off.
func choose(random *rand.Rand, names []string) (add, remove []string) {
	for len(add)+len(remove) == 0 {
		for _, name := range names {
			switch random.IntN(4) {
			case 0:
				remove = append(remove, name)
			case 1, 2:
				add = append(add, name)
			}
		}
	}
	return add, remove
}

func selection(ids []string, some []int) *mostradorv1.Selection {
	sel := new(mostradorv1.Selection)
	for _, n := range some {
		sel.Ids = append(sel.Ids, ids[n])
	}
	return sel
}

// historyIsWhatHappened compares what is told of each customer with the changes by hand in the log: together they
// lead to the tags that he has.
func (w *world) historyIsWhatHappened(names []string) {
	w.Helper()
	by := map[string]map[uint32]int{} // how often a tag was put on less taken off
	for _, name := range names {
		by[name] = map[uint32]int{}
	}
	for _, e := range w.events("customer.changed") {
		for _, c := range e.GetCustomerChanged().GetChanges() {
			for _, name := range names {
				by[name][uint32(e.Customer.Number)] += holds(c.To, name) - holds(c.From, name)
			}
		}
	}
	w.view(func(tx *store.Tx) error {
		for number := range w.customers.Records(tx, 0) {
			entries, err := w.tags.Tagged(tx, number)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.On {
					by[e.Tag][number]++
				} else {
					by[e.Tag][number]--
				}
				if e.Actor.GetOperator() != "Ana" || e.Time.IsZero() {
					w.Errorf("the entry is %v", e)
				}
			}
			c, err := w.customers.ByNumber(tx, number)
			if err != nil {
				return err
			}
			for _, name := range names {
				has := 0
				if slices.Contains(c.Tags, name) {
					has = 1
				}
				if by[name][number] != has {
					w.Errorf("customer %d: the history leads to %d times %s, he has it %d times", number, by[name][number], name, has)
				}
			}
		}
		return nil
	})
}

// holds is 1 when a list of names as customer.changed tells it has a name.
func holds(list, name string) int {
	for _, n := range strings.Split(list, ",") {
		if strings.TrimSpace(n) == name {
			return 1
		}
	}
	return 0
}
