package task_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

func TestProgressIsToldSeldom(t *testing.T) {
	w := newWorld(t)
	w.told = make(chan uint64, 10_000)
	w.end()
	w.open()
	w.run()
	began := time.Now()
	w.await(w.start("set", 2000), done)
	// The states are told at once: waiting, running, done.
	most := 3 + int(time.Since(began)/(200*time.Millisecond)) + 1
	if n := len(w.told); n < 3 || n > most {
		t.Errorf("told %d times, want 3 to %d", n, most)
	}
}

func TestTheListHasTheNewestFirst(t *testing.T) {
	w := newWorld(t)
	w.tasks.Register("other", &setter{})
	w.start("set", 1)
	w.start("other", 12400)
	w.start("set", 1)
	if err := w.tasks.Cancel(t.Context(), &plgv1.Actor{Operator: "Eva"}, 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    task.Query
		want []uint64
	}{
		{task.Query{}, []uint64{3, 2, 1}},
		{task.Query{Limit: 2}, []uint64{3, 2}},
		{task.Query{Active: true}, []uint64{3, 2}},
		{task.Query{Kind: "set"}, []uint64{3, 1}},
		{task.Query{Kind: "set", Active: true}, []uint64{3}},
	} {
		var got []uint64
		err := w.store.View(func(tx *store.Tx) error {
			list, err := w.tasks.List(tx, c.q)
			for _, r := range list {
				got = append(got, r.Id)
			}
			return err
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v (%v), want %v", c.q, got, err, c.want)
		}
	}
	for lang, want := range map[string]string{"es": "12.400", "en": "12,400"} {
		r := w.tasks.Show(lang, w.get(2))
		if !strings.Contains(r.Title, want) || r.Data != nil || r.TitleKey != "" {
			t.Errorf("%s: shown as %v", lang, r)
		}
	}
}

func TestOldTasksGoWhenNobodyCanWantThemAnyMore(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	w := newWorld(t)
	w.end()
	w.now = func() time.Time { return now }
	w.open()
	w.run()
	first := w.start("set", 3000) // with undo rows
	w.await(first, done)
	idle := w.start("set", 1) // changes nothing
	w.await(idle, done)
	for range 210 {
		id := w.start("set", 1)
		if err := w.tasks.Cancel(t.Context(), &plgv1.Actor{Operator: "Eva"}, id); err != nil && !errors.Is(err, task.ErrState) {
			t.Fatal(err)
		}
	}
	count := func() (tasks, rows int) {
		err := w.store.View(func(tx *store.Tx) error {
			list, err := w.tasks.List(tx, task.Query{})
			for range task.Undos(tx, first, nil, nil) {
				rows++
			}
			tasks = len(list)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return tasks, rows
	}
	clean := func() {
		t.Helper()
		if err := w.tasks.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
		var active []*mostradorv1.Task
		_ = w.store.View(func(tx *store.Tx) (err error) { active, err = w.tasks.List(tx, task.Query{Active: true}); return err })
		if len(active) == 0 {
			break
		}
	}
	clean()
	if tasks, rows := count(); tasks != 201 || rows != 3000 {
		t.Errorf("%d tasks with %d rows, want 200 and the one that can be undone with its 3000 rows", tasks, rows)
	}
	now = now.Add(31 * 24 * time.Hour)
	clean()
	if tasks, rows := count(); tasks != 200 || rows != 0 {
		t.Errorf("a month later %d tasks with %d rows, want 200 without", tasks, rows)
	}
	err := w.store.View(func(tx *store.Tx) error { _, err := w.tasks.Get(tx, first); return err })
	if !errors.Is(err, task.ErrNotFound) {
		t.Errorf("the first task: %v", err)
	}
	if id := w.start("set", 1); id != first+212 {
		t.Errorf("the next id is %d", id)
	}
}

func TestUndoRowsAreOfOneTask(t *testing.T) {
	w := newWorld(t)
	w.update(func(tx *store.Tx) error {
		for _, id := range []uint64{1, 2, 256} {
			for _, k := range []string{"a1", "a2", "b1"} {
				task.PutUndo(tx, id, []byte(k), []byte(fmt.Sprint(id, k)))
			}
		}
		task.PutUndo(tx, 2, []byte("a2"), nil)
		return nil
	})
	read := func(id uint64, prefix, after []byte) string {
		var b bytes.Buffer
		_ = w.store.View(func(tx *store.Tx) error {
			for k, v := range task.Undos(tx, id, prefix, after) {
				fmt.Fprintf(&b, "%s=%s ", k, v)
			}
			return nil
		})
		return strings.TrimSpace(b.String())
	}
	for got, want := range map[string]string{
		read(1, nil, nil):                    "a1=1a1 a2=1a2 b1=1b1",
		read(2, []byte("a"), nil):            "a1=2a1",
		read(256, []byte("a"), []byte("a1")): "a2=256a2",
		read(1, nil, []byte("a2")):           "b1=1b1",
		read(3, nil, nil):                    "",
	} {
		if got != want {
			t.Errorf("rows %q, want %q", got, want)
		}
	}
}
