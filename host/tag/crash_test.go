package tag_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/set"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/tag"
	"mostrador/host/task"
)

// crashFile names the store file in the environment of the process that the crash test kills.
const crashFile = "TAG_CRASH_FILE"

// TestTagsUntilKilled is the process that the crash test kills: it puts a tag on everybody and takes it off again, by
// tasks and undos, without end.
func TestTagsUntilKilled(t *testing.T) {
	path := os.Getenv(crashFile)
	if path == "" {
		return // not asked for
	}
	w := &world{TB: t, path: path, opt: store.Options{Timeout: 10 * time.Second}, config: slowly}
	w.open()
	for round := 0; ; round++ {
		var list []*mostradorv1.Task
		w.view(func(tx *store.Tx) (err error) { list, err = w.tasks.List(tx, task.Query{}); return err })
		for _, r := range list {
			if !task.Ended(r.State) {
				w.ended(r.Id)
			}
		}
		if len(list) > 0 && w.get(list[0].Id).Undoable && round%2 == 1 {
			undo, err := w.tasks.Undo(t.Context(), ana, list[0].Id)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("begun", undo.Id)
			w.ended(undo.Id)
			continue
		}
		add, remove := []string{"VIP"}, []string{"Oro"}
		if round%4 >= 2 {
			add, remove = remove, add
		}
		id, _ := w.apply(everybody, add, remove)
		fmt.Println("begun", id)
		w.ended(id)
	}
}

func TestABulkThatIsKilledGoesOnAndDoesNothingTwice(t *testing.T) {
	const customers, kills = 12_000, 8
	w := newWorld(t)
	w.admit(customers)
	w.put("VIP", "Oro")
	w.apply(&mostradorv1.Selection{Ids: w.ids(upTo(100)...)}, []string{"VIP", "Oro"}, nil)
	given := map[set.ID][]uint32{set.Tag(1): upTo(100), set.Tag(2): upTo(100)}
	w.end()
	active := 0
	for range kills {
		killAfter(t, w.path, 1+rand.IntN(3), time.Duration(rand.IntN(100))*time.Millisecond)
		// The tasks do not go on yet: what there is is what the killed process left.
		w.stopped(func() {
			if w.consistent(given) {
				active++
			}
		})
	}
	if active == 0 {
		t.Errorf("not once a task was under way when the process was killed")
	}
	w.open()
	var list []*mostradorv1.Task
	w.view(func(tx *store.Tx) (err error) {
		list, err = w.tasks.List(tx, task.Query{Active: true})
		return err
	})
	for _, r := range list {
		if r := w.ended(r.Id); r.State != mostradorv1.TaskState_TASK_STATE_DONE || r.Kind == tag.Kind && r.Done != customers {
			t.Errorf("after all the task ended as %v", r)
		}
	}
	w.consistent(given)
}

// killAfter kills the process that works on a store some time after it began so many tasks.
func killAfter(t *testing.T, path string, tasks int, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestTagsUntilKilled$")
	cmd.Env = append(os.Environ(), crashFile+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range tasks {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "begun") {
			t.Errorf("the process said %q", lines.Text())
		}
	}
	time.Sleep(after) // at whatever moment
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

// stopped runs fn on the store while no task runs.
func (w *world) stopped(fn func()) {
	w.Helper()
	st, err := store.Open(w.path, w.opt)
	if err != nil {
		w.Fatal(err)
	}
	defer st.Close()
	w.store, w.tasks = st, task.New(task.Config{Store: st, Log: event.NewLog(st), Text: locale.New()})
	fn()
}

// consistent compares who has the tags with what the tasks say that they did, and each task's counts with its rows;
// and tells whether one is under way.
func (w *world) consistent(given map[set.ID][]uint32) (active bool) {
	w.Helper()
	sets, err := set.Open(w.store)
	if err != nil {
		w.Fatal(err)
	}
	has := map[set.ID]map[uint32]bool{}
	for of, numbers := range given {
		has[of] = map[uint32]bool{}
		for _, n := range numbers {
			has[of][n] = true
		}
	}
	w.view(func(tx *store.Tx) error {
		list, err := w.tasks.List(tx, task.Query{})
		if err != nil {
			return err
		}
		for _, r := range slices.Backward(list) {
			active = active || !task.Ended(r.State)
			changed := map[uint32]bool{}
			for key, row := range task.Undos(tx, r.Id, nil, nil) {
				block, of := binary.BigEndian.Uint32(key), set.ID(binary.BigEndian.Uint32(key[4:]))
				off := row[0]&1 != 0
				for i := range uint32(set.BlockSize) {
					if row[1+i/8]>>(i%8)&1 == 0 {
						continue
					}
					n := block*set.BlockSize + i
					changed[n] = true
					if has[of][n] == !off {
						w.Errorf("task %d says that it changed customer %d, who was so already", r.Id, n)
					}
					has[of][n] = !off
				}
			}
			if uint64(len(changed)) != r.Changed || r.Done < r.Changed {
				w.Errorf("by its rows task %d changed %d: %v", r.Id, len(changed), r)
			}
		}
		for of, members := range has {
			var want []uint32
			for n, in := range members {
				if in {
					want = append(want, n)
				}
			}
			slices.Sort(want)
			if got := sets.Members(of).ToArray(); !slices.Equal(got, want) {
				w.Errorf("%d have tag %d, by what the tasks did %d", len(got), of.Number(), len(want))
			}
		}
		return nil
	})
	return active
}
