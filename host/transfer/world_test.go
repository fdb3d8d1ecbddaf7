package transfer

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

var clerk = &plgv1.Actor{Operator: "Lucía", Till: "Caja 1", Channel: "gui"}

// world is a store with imports, as far as the host ties it together.
type world struct {
	t         testing.TB
	home      string
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	consent   *consent.Service
	tasks     *task.Service
	transfer  *Service
	stop      func()
}

func newWorld(t testing.TB) *world { return openWorld(t, t.TempDir()) }

// open opens the store of a home folder.
func open(home string) (*world, error) {
	w := &world{home: home}
	var err error
	if w.store, err = store.Open(filepath.Join(home, "store.db"), store.Options{NoSync: true}); err != nil {
		return nil, err
	}
	text := locale.New()
	w.log = event.NewLog(w.store)
	if w.customers, err = customer.New(customer.Config{Store: w.store, Log: w.log, Text: text}); err != nil {
		return nil, err
	}
	w.consent = consent.New(consent.Config{Store: w.store, Log: w.log, Customers: w.customers, Key: make([]byte, 32), Text: text})
	w.tasks = task.New(task.Config{Store: w.store, Log: w.log, Text: text})
	w.transfer, err = New(Config{
		Store: w.store, Log: w.log, Customers: w.customers, Consent: w.consent, Tasks: w.tasks, Text: text, Dir: filepath.Join(home, "imports"),
	})
	return w, err
}

// openWorld opens the store of a home folder and has its tasks run.
func openWorld(t testing.TB, home string) *world {
	t.Helper()
	w, err := open(home)
	if err != nil {
		t.Fatal(err)
	}
	w.t = t
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.tasks.Run(ctx)
	}()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		<-done
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(w.stop)
	return w
}

// register has a till register somebody.
func (w *world) register(c *plgv1.Customer) *plgv1.Customer {
	w.t.Helper()
	kept, err := w.customers.Register(w.t.Context(), clerk, c, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return kept
}

// upload uploads a text as a file.
func (w *world) upload(name, text string) *mostradorv1.Import {
	w.t.Helper()
	i, _, err := w.transfer.Upload(w.t.Context(), clerk, name, strings.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

// end waits for a task's end.
func (w *world) end(id uint64) *mostradorv1.Task {
	w.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		t := w.task(id)
		if task.Ended(t.State) {
			return t
		}
	}
	w.t.Fatalf("task %d does not end: %v", id, w.task(id))
	return nil
}

func (w *world) task(id uint64) (t *mostradorv1.Task) {
	w.t.Helper()
	if err := w.store.View(func(tx *store.Tx) (err error) {
		t, err = w.tasks.Get(tx, id)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return t
}

// plan has a plan made, and returns the import with its counts.
func (w *world) plan(i *mostradorv1.Import) *mostradorv1.Import {
	w.t.Helper()
	_, t, err := w.transfer.Plan(w.t.Context(), clerk, i)
	if err != nil {
		w.t.Fatal(err)
	}
	if ended := w.end(t.Id); ended.State != mostradorv1.TaskState_TASK_STATE_DONE {
		w.t.Fatalf("the plan ended with %v: %s %v", ended.State, ended.ErrorKey, ended.ErrorArgs)
	}
	return w.get(i.Id)
}

func (w *world) get(id uint64) *mostradorv1.Import {
	w.t.Helper()
	i, err := w.transfer.Get(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

// apply carries a plan out and returns its task.
func (w *world) apply(id uint64) *mostradorv1.Task {
	w.t.Helper()
	t, err := w.transfer.Apply(w.t.Context(), clerk, id)
	if err != nil {
		w.t.Fatal(err)
	}
	ended := w.end(t.Id)
	if ended.State != mostradorv1.TaskState_TASK_STATE_DONE {
		w.t.Fatalf("the import ended with %v: %s %v", ended.State, ended.ErrorKey, ended.ErrorArgs)
	}
	return ended
}

// undo takes an import's task back.
func (w *world) undo(id uint64) *mostradorv1.Task {
	w.t.Helper()
	t, err := w.tasks.Undo(w.t.Context(), clerk, id)
	if err != nil {
		w.t.Fatal(err)
	}
	ended := w.end(t.Id)
	if ended.State != mostradorv1.TaskState_TASK_STATE_DONE {
		w.t.Fatalf("the undo ended with %v: %s %v", ended.State, ended.ErrorKey, ended.ErrorArgs)
	}
	return ended
}

// rows are all rows of a plan with these outcomes.
func (w *world) rows(id uint64, outcomes ...mostradorv1.RowOutcome) (rows []*mostradorv1.ImportRow) {
	w.t.Helper()
	for after := uint64(0); ; {
		page, err := w.transfer.Rows(w.t.Context(), &mostradorv1.RowsRequest{Id: id, Outcomes: outcomes, AfterLine: after, Limit: 7})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(page) == 0 {
			return rows
		}
		rows = append(rows, page...)
		after = page[len(page)-1].Line
	}
}

// find returns the customer of a key, nil when there is none.
func (w *world) find(key string) *plgv1.Customer {
	w.t.Helper()
	c, err := w.customers.Find(w.t.Context(), key)
	if err != nil {
		return nil
	}
	return c
}

// content is what the store knows of its customers: every record of the buckets that an import may touch, but not the
// numbers that were given away, the tags' names and what changed when.
func (w *world) content() string {
	w.t.Helper()
	h := fnv.New64a()
	n := 0
	if err := w.store.View(func(tx *store.Tx) error {
		for _, bucket := range []store.Bucket{"customer_record", "customer_id", "customer_index", "customer_set", "customer_fact"} {
			for k, v := range tx.Scan(bucket, nil, nil) {
				if bucket == "customer_record" {
					c := new(plgv1.Customer)
					if err := proto.Unmarshal(v, c); err != nil {
						return err
					}
					c.Revision, c.Updated = 0, nil
					v = fmt.Appendf(nil, "%v", []any{c.Id, c.Name, c.Phone, c.Email, c.Language, c.Cards, c.Fields, c.AplicaPromociones, c.Consent.GetPromotions(), c.Number})
				}
				fmt.Fprintf(h, "%s %x %x\n", bucket, k, v)
				n++
			}
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%d %x", n, h.Sum64())
}

// refusedFile is the file of the refused rows.
func (w *world) refusedFile(id uint64) (name, text string) {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.transfer.Refused(w.t.Context(), id, mostradorv1.FileFormat_FILE_FORMAT_CSV, func(n string) error { name = n; return nil }, &b); err != nil {
		w.t.Fatal(err)
	}
	return name, b.String()
}

// people is a file of n customers that are all right; every seventh has a card.
func people(n int) string {
	var b strings.Builder
	b.WriteString("Nombre;Apellidos;Teléfono;Correo electrónico;Tarjeta\n")
	for i := range n {
		card := ""
		if i%7 == 0 {
			card = fmt.Sprintf("C%06d", (i*7919)%1_000_000)
		}
		fmt.Fprintf(&b, "Ana %d;García;6%08d;cliente%d@example.com;%s\n", i, (i*48_271)%100_000_000, i, card)
	}
	return b.String()
}

func counts(i *mostradorv1.Import) string {
	return fmt.Sprintf("%d rows: %d new, %d changed, %d same, %d skipped, %d refused", i.Rows, i.New, i.Changed, i.Same, i.Skipped, i.Refused)
}

func codes(row *mostradorv1.ImportRow) string {
	var list []string
	for _, d := range row.Diagnostics {
		list = append(list, d.Code)
	}
	return strings.Join(list, " ")
}

func events(t testing.TB, w *world, kind string) (list []*plgv1.Event) {
	t.Helper()
	if err := w.store.View(func(tx *store.Tx) (err error) {
		list, err = w.log.List(tx, event.Query{Type: kind})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}
