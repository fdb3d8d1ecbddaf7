package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// envWork has this program be a store that works on its tasks until it is killed.
const envWork = "MOSTRADOR_TEST_TRANSFER_HOME"

// TestMain runs the tests, or is the process that one of them kills.
func TestMain(m *testing.M) {
	if home := os.Getenv(envWork); home != "" {
		if err := workUntilDone(home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// workUntilDone opens a store and lets its tasks run until none is left.
func workUntilDone(home string) error {
	w, err := open(home)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = w.tasks.Run(ctx) }() // it ends with the process
	fmt.Println("open")
	for {
		time.Sleep(time.Millisecond)
		var active []*mostradorv1.Task
		if err := w.store.View(func(tx *store.Tx) (err error) {
			active, err = w.tasks.List(tx, task.Query{Active: true})
			return err
		}); err != nil || len(active) == 0 {
			return err
		}
	}
}

// killed lets a process work on a store and kills it at random moments until it comes to its end by itself.
func killed(t *testing.T, home string, random *rand.Rand, atMost time.Duration) (kills int) {
	t.Helper()
	for round := 1; ; round++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envWork+"="+home)
		var said strings.Builder
		cmd.Stderr = &said
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(stdout).ReadString('\n') // it is open, or has ended
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		// Later rounds live ever longer: a task that gets nowhere five times is given up, and machines may be slow.
		life := time.Duration(random.Int64N(int64(atMost))) * time.Duration(1+round*round)
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("the store ended with %v: %s", err, said.String())
			}
			return kills
		case <-time.After(life):
			_ = cmd.Process.Kill() // it may have ended by itself
			<-done
			kills++
		}
	}
}

func TestImportAndUndoAreWholeThoughTheStoreIsKilled(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 4000
	}
	w := newWorld(t)
	w.register(&plgv1.Customer{Name: "Marta", Phone: "600100200", Tags: []string{"Antigua"}})
	i := w.upload("a.csv", people(n)+"Marta Soler;;600100200;marta@example.com;\n")
	i.Tags = []string{"Feria"}
	planned := w.plan(i)
	before := w.content()
	begun, err := w.transfer.Apply(t.Context(), clerk, i.Id)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	w.stop()
	kills := killed(t, w.home, random, 100*time.Millisecond)
	w = openWorld(t, w.home)
	ended := w.end(begun.Id)
	if ended.State != mostradorv1.TaskState_TASK_STATE_DONE || ended.Changed != planned.New+1 {
		t.Fatalf("the import ended with %v", ended)
	}
	for _, row := range w.rows(i.Id) {
		c := w.find(row.Customer.Phone)
		if c.GetEmail() != row.Customer.Email || strings.Join(c.GetTags(), " ") != strings.TrimSpace(map[bool]string{true: "Antigua "}[c.GetNumber() == 1]+"Feria") {
			t.Fatalf("line %d became %v", row.Line, c)
		}
	}
	if told := events(t, w, "customers.imported"); len(told) != 1 {
		t.Errorf("the import was told %d times", len(told))
	}
	undo, err := w.tasks.Undo(t.Context(), clerk, begun.Id)
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	kills += killed(t, w.home, random, 100*time.Millisecond)
	w = openWorld(t, w.home)
	if ended := w.end(undo.Id); ended.State != mostradorv1.TaskState_TASK_STATE_DONE {
		t.Fatalf("the undo ended with %v", ended)
	}
	if after := w.content(); after != before {
		t.Errorf("after the undo the store has %s, before %s", after, before)
	}
	t.Logf("killed %d times", kills)
}

func TestCancelledImportGivesBackWhatItHeld(t *testing.T) {
	w := newWorld(t)
	i := w.upload("a.csv", people(60_000))
	w.plan(i)
	before := w.content()
	begun, err := w.transfer.Apply(t.Context(), clerk, i.Id)
	if err != nil {
		t.Fatal(err)
	}
	for w.get(i.Id).FirstNumber == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := w.tasks.Cancel(t.Context(), clerk, begun.Id); err != nil && !errors.Is(err, task.ErrState) {
		t.Fatal(err)
	}
	for { // the task that gives keys back comes after it
		var active []*mostradorv1.Task
		if err := w.store.View(func(tx *store.Tx) (err error) {
			active, err = w.tasks.List(tx, task.Query{Active: true})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(active) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if ended := w.task(begun.Id); ended.Undoable {
		w.undo(begun.Id)
	}
	if after := w.content(); after != before {
		t.Errorf("after cancel and undo the store has %s, before %s", after, before)
	}
	// Everything in the file can be registered at a till.
	row := w.rows(i.Id)[123]
	w.register(&plgv1.Customer{Name: "Otra", Phone: row.Customer.Phone, Email: row.Customer.Email})
}

func TestTillsGoOnWhileAnImportRuns(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	w := newWorld(t)
	text := people(n)
	i := w.upload("a.csv", text)
	w.plan(i)
	begun, err := w.transfer.Apply(t.Context(), clerk, i.Id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type sale struct{ phone, id string }
	var mu sync.Mutex
	var mine []sale
	taken := 0
	var tills sync.WaitGroup
	for till := range 4 {
		tills.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				// Every other one is a person of the file.
				phone := fmt.Sprintf("7%d%07d", 1+till, k)
				if k%2 == 0 {
					phone = "6" + fmt.Sprintf("%08d", (k*4+till)*48_271%100_000_000)
				}
				c, err := w.customers.Register(context.Background(), clerk, &plgv1.Customer{Name: "Caja " + strconv.Itoa(till), Phone: phone}, "")
				var refusal *customer.Refused
				mu.Lock()
				switch {
				case err == nil:
					mine = append(mine, sale{phone, c.Id})
				case errors.As(err, &refusal):
					taken++
				default:
					t.Errorf("registering %s: %v", phone, err)
				}
				mu.Unlock()
			}
		})
	}
	ended := w.end(begun.Id)
	stop()
	tills.Wait()
	if ended.State != mostradorv1.TaskState_TASK_STATE_DONE {
		t.Fatalf("the import ended with %v", ended)
	}
	if len(mine) == 0 {
		t.Fatal("no till registered anybody")
	}
	fromFile := 0
	for _, s := range mine {
		if c := w.find(s.phone); c.GetId() != s.id {
			t.Fatalf("%s is not the till's customer but %v", s.phone, c)
		}
		if strings.HasPrefix(s.phone, "6") {
			fromFile++
		}
	}
	t.Logf("tills registered %d, %d of them before the import; %d were refused", len(mine), fromFile, taken)
	if ended.Changed+ended.Failed != uint64(n) || uint64(fromFile) != ended.Failed {
		t.Errorf("of %d rows %d were written and %d refused, though the tills took %d", n, ended.Changed, ended.Failed, fromFile)
	}
	if count, err := w.customers.Count(t.Context()); err != nil || uint64(count) != uint64(len(mine))+ended.Changed {
		t.Errorf("the store counts %d customers, not %d and %d: %v", count, len(mine), ended.Changed, err)
	}
}

func TestPausedImportGoesOn(t *testing.T) {
	w := newWorld(t)
	i := w.upload("a.csv", people(30_000))
	w.plan(i)
	begun, err := w.transfer.Apply(t.Context(), clerk, i.Id)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.tasks.Pause(t.Context(), begun.Id); errors.Is(err, task.ErrState) {
			break // it was faster
		} else if err != nil {
			t.Fatal(err)
		}
		if err := w.tasks.Resume(t.Context(), begun.Id); err != nil {
			t.Fatal(err)
		}
	}
	if ended := w.end(begun.Id); ended.State != mostradorv1.TaskState_TASK_STATE_DONE || ended.Changed != 30_000 {
		t.Errorf("the import ended with %v", ended)
	}
}
