package record

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/message"
	"mostrador/host/sale"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

var (
	luis  = &plgv1.Actor{Operator: "luis", Till: "2", Channel: "gui"}
	given = plgv1.ConsentState_CONSENT_STATE_GIVEN
)

// shop is a store with all that a record is made of.
type shop struct {
	*Service
	t    testing.TB
	st   *store.Store
	path string

	mu  sync.Mutex
	now time.Time
	web uint64
	// plugin is a plug-in that counts sales in its records.
	plugin *plugin
}

func (s *shop) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Second)
	return s.now
}

// fields is a data model of a birthday, a city and hobbies.
type fields struct{}

func (fields) Field(id string) (*customer.Field, bool) {
	switch id {
	case "nacimiento":
		return &customer.Field{ID: id, Type: manifest.TypeDate}, true
	case "ciudad":
		return &customer.Field{ID: id, Type: manifest.TypeText}, true
	case "aficiones":
		return &customer.Field{ID: id, Type: manifest.TypeText, Many: true}, true
	}
	return nil, false
}
func (fields) RequiredFields() []string { return nil }
func (fields) FieldName(id, _ string) string {
	return map[string]string{"nacimiento": "Nacimiento", "phone": "Teléfono"}[id]
}

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{t: t, path: filepath.Join(t.TempDir(), "store.db"), now: time.Date(2026, 5, 20, 10, 0, 0, 0, time.UTC)}
	var err error
	if s.st, err = store.Open(s.path, store.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	closed := sync.OnceFunc(func() { s.Engine.Close(); s.st.Close() })
	log, text := event.NewLog(s.st), locale.New()
	customers, err := customer.New(customer.Config{
		Store: s.st, Log: log, Text: text, Now: s.clock, Fields: func() customer.Fields { return fields{} },
		Currency: func() string { return "EUR" },
	})
	if err != nil {
		t.Fatal(err)
	}
	currency := func() string { return "EUR" }
	s.plugin = &plugin{}
	s.Service = New(Config{
		Store: s.st, Log: log, Customers: customers, Text: text, Now: s.clock, Location: time.UTC,
		Engine: event.NewEngine(event.Config{Store: s.st, Log: log, Applier: s.plugin}),
		Consent: consent.New(consent.Config{
			Store: s.st, Log: log, Customers: customers, Key: bytes.Repeat([]byte{3}, 32), Text: text, Now: s.clock,
			Policy: func() map[string]string { return map[string]string{"es": "Acepto."} },
		}),
		Sales: sale.New(sale.Config{Store: s.st, Log: log, Customers: customers, Currency: currency, Text: text, Now: s.clock}),
		Messages: message.New(message.Config{
			Store: s.st, Text: text.Text, Settings: func() message.Settings { return message.Settings{StoreName: "La Esquina"} },
			Customer: func(tx *store.Tx, id string) (*plgv1.Customer, error) { return customers.Get(tx, id) },
			IDs: func(tx *store.Tx, id string) []string {
				c, err := customers.Get(tx, id)
				if err != nil {
					return []string{id}
				}
				return customers.IDs(tx, c)
			},
			Template: func(string, string, string) (message.Source, error) {
				return message.NewSource("<title>Hola</title><p>{{.Cliente.Nombre}}</p>", ""), nil
			},
			SpoolDir: filepath.Join(filepath.Dir(s.path), "spool"),
		}),
		StoreName:   func() string { return "La Esquina" },
		MeasureName: func(id, _ string) string { return map[string]string{"puntos": "Puntos"}[id] },
	})
	t.Cleanup(closed)
	return s
}

// plugin keeps a record of a customer's sales, and a measure, and brings them together when customers are.
type plugin struct {
	shop *shop
}

func (p *plugin) Name() string { return "PLG0002" }
func (p *plugin) Handles(kind string) bool {
	return kind == "customer.registered" || kind == "sale.completed" || kind == event.TypeMerged || kind == event.TypeUnmerged || kind == event.TypeErased
}

func (p *plugin) Deliver(_ context.Context, b *plgv1.Batch) (*plgv1.BatchDone, error) {
	states := map[string]int{}
	read := func(id string, data []byte) int {
		if n, met := states[id]; met {
			return n
		}
		n, _ := strconv.Atoi(string(data))
		return n
	}
	done := &plgv1.BatchDone{}
	for _, d := range b.Deliveries {
		e := new(plgv1.Event)
		if err := proto.Unmarshal(d.Event, e); err != nil {
			return nil, err
		}
		id := e.GetCustomer().GetId()
		n := read(id, d.State)
		switch e.Type {
		case "sale.completed":
			n++
		case event.TypeMerged:
			n += read(e.GetCustomerMerged().GetGone().GetId(), d.OtherState)
		case event.TypeUnmerged:
			n -= read(e.GetCustomerUnmerged().GetGone().GetId(), d.OtherState)
		}
		states[id] = n
		outcome := &plgv1.Outcome{}
		if id != "" && e.Type != event.TypeErased {
			outcome.Effects = []*plgv1.Effect{
				{Effect: &plgv1.Effect_SaveState{SaveState: &plgv1.SaveState{State: []byte(strconv.Itoa(n))}}},
				{Effect: &plgv1.Effect_SetMeasure{SetMeasure: &plgv1.SetMeasure{Measure: "puntos", Value: float64(10 * n)}}},
			}
		}
		done.Outcomes = append(done.Outcomes, outcome)
	}
	return done, nil
}

// Apply implements event.Applier.
func (p *plugin) Apply(tx *store.Tx, name string, e *event.Record, effects []*plgv1.Effect) error {
	for _, effect := range effects {
		if s := effect.GetSaveState(); s != nil {
			event.PutState(tx, name, e.Customer, s.State)
		}
		if m := effect.GetSetMeasure(); m != nil {
			number, err := p.shop.Customers.Number(tx, e.Customer)
			if err != nil {
				return nil
			}
			if err := p.shop.Customers.Note(tx, number, luis, func(f *customer.Facts) {
				if f.Measures == nil {
					f.Measures = map[string]float64{}
				}
				f.Measures[m.Measure] = m.Value
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// work has the plug-in handle what there is.
func (s *shop) work() {
	s.t.Helper()
	if s.plugin.shop == nil {
		s.plugin.shop = s
		if err := s.Engine.Attach(s.plugin); err != nil {
			s.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Engine.Idle(ctx); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) update(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.st.Update(context.Background(), fn); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) view(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.st.View(fn); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) register(c *plgv1.Customer) *plgv1.Customer {
	s.t.Helper()
	kept, err := s.Customers.Register(context.Background(), luis, c, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return kept
}

func (s *shop) get(id string) *plgv1.Customer {
	s.t.Helper()
	var c *plgv1.Customer
	s.view(func(tx *store.Tx) (err error) { c, err = s.Customers.Get(tx, id); return err })
	return c
}

func (s *shop) set(c *plgv1.Customer, mask ...string) *plgv1.Customer {
	s.t.Helper()
	kept, err := s.Customers.Update(context.Background(), luis, c, mask)
	if err != nil {
		s.t.Fatal(err)
	}
	return kept
}

func (s *shop) sell(receipt, id string, minor int64) {
	s.t.Helper()
	if _, _, err := s.Sales.Record(context.Background(), luis, receipt, id, minor); err != nil {
		s.t.Fatal(err)
	}
}

// accept has a customer accept on the web pages.
func (s *shop) accept(id string) {
	s.t.Helper()
	s.web++
	if err := s.Consent.Record(context.Background(), &mostradorv1.WebAct{
		Sequence: s.web, Kind: mostradorv1.WebAct_KIND_ACCEPT, CustomerId: id, ActivationId: "a" + fmt.Sprint(s.web), Round: 1,
		Means: plgv1.Means_MEANS_LINK, Ip: "203.0.113.77", UserAgent: "Lynx-Rareza",
	}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) mail(id string) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		return s.Messages.Queue(tx, &mostradorv1.Message{
			Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, CustomerId: id, Plugin: "PLG0074", Template: "x.html", Subject: "Hola",
		})
	})
}

func (s *shop) merge(keep, gone *plgv1.Customer, take ...string) *mostradorv1.MergeResponse {
	s.t.Helper()
	answer, err := s.Merge(context.Background(), luis, &mostradorv1.MergeRequest{Keep: keep.Id, Gone: gone.Id, Take: take})
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

func (s *shop) unmerge(merge uint64) *mostradorv1.UnmergeResponse {
	s.t.Helper()
	answer, err := s.Unmerge(context.Background(), luis, merge)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// everything is all records of the store's file, by bucket and key. The store goes on.
func (s *shop) everything() map[string][]byte {
	s.t.Helper()
	all := map[string][]byte{}
	data, err := os.ReadFile(s.path) // nobody writes now
	copied := filepath.Join(s.t.TempDir(), "copy.db")
	if err == nil {
		err = os.WriteFile(copied, data, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := bbolt.Open(copied, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				all[string(name)+"/"+string(k)] = bytes.Clone(v)
				return nil
			})
		})
	}); err != nil {
		s.t.Fatal(err)
	}
	return all
}
