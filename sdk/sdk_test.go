package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
	"mostrador/sdk/plgv1"
)

const manifestYAML = `
id: PLG0900
name: {es: Prueba, en: Test}
version: 1.2.3
api: 1
permissions: [customer.contact:read]
settings:
  - {key: PLG0900Texto, path: [Plug-Ins], name: {es: Texto, en: Text}, type: text, default: hola}
  - {key: PLG0900Numero, path: [Plug-Ins], name: {es: Número, en: Number}, type: number, default: 7}
  - {key: PLG0900Importe, path: [Plug-Ins], name: {es: Importe, en: Amount}, type: money, default: "1.50"}
  - {key: PLG0900Si, path: [Plug-Ins], name: {es: Sí, en: Yes}, type: yes_no, default: true}
  - {key: PLG0900Plazo, path: [Plug-Ins], name: {es: Plazo, en: Period}, type: duration, default: 72h}
  - {key: PLG0900Lista, path: [Plug-Ins], name: {es: Lista, en: List}, type: list, default: [a, b]}
  - {key: PLG0900Vacio, path: [Plug-Ins], name: {es: Vacío, en: Empty}, type: text}
`

// files is a plugin's folder whose manifest goes on with more.
func files(more string) fstest.MapFS {
	return fstest.MapFS{
		"plugin.yaml":     {Data: []byte(manifestYAML + more)},
		"locales/es.yaml": {Data: []byte("hello: 'Hola, {name}.'\nleft: {one: 'Queda {n}.', other: 'Quedan {n}.'}\n")},
		"locales/en.yaml": {Data: []byte("hello: 'Hello, {name}.'\nleft: {one: '{n} left.', other: '{n} left.'}\n")},
	}
}

// registering is a plugin with one handler of registrations.
func registering(t *testing.T, handler sdk.Handler[sdk.CustomerRegistered]) *plgtest.Try {
	t.Helper()
	p := sdk.New(files("events: {handles: [customer.registered]}"))
	sdk.On(p, handler)
	return plgtest.New(t, p)
}

func registered(id string) sdk.CustomerRegistered {
	return sdk.CustomerRegistered{Event: sdk.Event{Customer: sdk.Customer{ID: id, Name: "Ana"}}}
}

func TestEveryEventArrivesAsItWasSent(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	event := sdk.Event{
		Sequence: 41, Time: at, Actor: sdk.Actor{Operator: "rosa", Till: "2", Channel: "gui"},
		Customer: sdk.Customer{
			ID: "c1", Name: "Ana", Phone: "+34600111222", Email: "ana@example.com", Language: "en",
			Cards: []string{"123"}, Tags: []string{"vip"}, Fields: map[string]string{"talla": "M"},
			AplicaPromociones: true, Consent: sdk.Consent{Programme: sdk.Given, Promotions: sdk.Withdrawn},
			Created: at, Updated: at, Revision: 3, Number: 17,
		},
	}
	gone := sdk.Customer{
		ID: "c0", Name: "Anna", Created: at, Updated: at, Number: 9,
		Consent: sdk.Consent{Programme: sdk.Pending, Promotions: sdk.Pending},
	}
	sale := sdk.Sale{Receipt: "T-1", CustomerID: "c1", Total: sdk.Money{Minor: 1250, Currency: "EUR"}, Time: at, Refunded: sdk.Money{Minor: 50, Currency: "EUR"}}
	events := []sdk.AnyEvent{
		sdk.CustomerRegistered{Event: event},
		sdk.CustomerChanged{Event: event, Changes: []sdk.FieldChange{{Field: "email", From: "", To: "a@b.c"}}},
		sdk.ConsentGiven{Event: event, Purposes: []sdk.Purpose{sdk.Programme, sdk.Promotions}, Means: sdk.ByShortCode},
		sdk.ConsentWithdrawn{Event: event, Purposes: []sdk.Purpose{sdk.Promotions}, Means: sdk.ByOneClick},
		sdk.SaleCompleted{Event: event, Sale: sale},
		sdk.SaleRefunded{Event: event, Sale: sale, Amount: sdk.Money{Minor: 50, Currency: "EUR"}, Refund: "D-1"},
		sdk.CustomerMerged{Event: event, Gone: gone, Merge: 4},
		sdk.CustomerUnmerged{Event: event, Gone: gone, Merge: 4},
		sdk.CustomerErased{Event: event},
		sdk.SegmentJoined{Event: event, Segment: 3, Name: "Fieles"},
		sdk.SegmentLeft{Event: event, Segment: 3, Name: "Fieles"},
		sdk.CampaignConverted{Event: event, Campaign: "Otoño"},
		sdk.Scheduled{Event: event, Name: "later", Data: map[string]any{"n": 1.0}},
		sdk.Custom{Event: event, Type: "plg0900.happened", Data: map[string]any{"who": "Ana"}},
	}
	p := sdk.New(files("events: {handles: [customer.registered, customer.changed, consent.given, consent.withdrawn, sale.completed, sale.refunded, " +
		"customer.merged, customer.unmerged, customer.erased, segment.joined, segment.left, campaign.converted, scheduled, plg0900.happened]}"))
	var got []sdk.AnyEvent
	sdk.On(p, collect[sdk.CustomerRegistered](&got))
	sdk.On(p, collect[sdk.CustomerChanged](&got))
	sdk.On(p, collect[sdk.ConsentGiven](&got))
	sdk.On(p, collect[sdk.ConsentWithdrawn](&got))
	sdk.On(p, collect[sdk.SaleCompleted](&got))
	sdk.On(p, collect[sdk.SaleRefunded](&got))
	sdk.On(p, collect[sdk.CustomerMerged](&got))
	sdk.On(p, collect[sdk.CustomerUnmerged](&got))
	sdk.On(p, collect[sdk.CustomerErased](&got))
	sdk.On(p, collect[sdk.SegmentJoined](&got))
	sdk.On(p, collect[sdk.SegmentLeft](&got))
	sdk.On(p, collect[sdk.CampaignConverted](&got))
	sdk.On(p, collect[sdk.Scheduled](&got))
	sdk.On(p, collect[sdk.Custom](&got))
	plgtest.New(t, p).Batch(events...)
	if len(got) != len(events) {
		t.Fatalf("%d of %d events", len(got), len(events))
	}
	for i := range events {
		if g, w := sprint(got[i]), sprint(events[i]); g != w {
			t.Errorf("got  %s\nwant %s", g, w)
		}
	}
}

func collect[E sdk.AnyEvent](got *[]sdk.AnyEvent) sdk.Handler[E] {
	return func(_ context.Context, tx *sdk.Tx, e E) error {
		*got = append(*got, e)
		return nil
	}
}

func sprint(v any) string { return fmt.Sprintf("%+v", v) }

func pad(n int) string { return fmt.Sprintf("%04d", n) }

type counter struct{ N int }

func TestLaterEventsOfABatchContinueFromEarlierOnes(t *testing.T) {
	y := registering(t, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		c, err := sdk.State[counter](tx)
		if err != nil {
			return err
		}
		c.N++
		total, _, err := sdk.Get[int](tx, "total")
		if err != nil {
			return err
		}
		if err := tx.Put("total", total+1); err != nil {
			return err
		}
		if c.N == 2 { // what is saved twice counts once
			if err := tx.Save(counter{99}); err != nil {
				return err
			}
		}
		return tx.Save(c)
	})
	y.Batch(registered("a"), registered("b"), registered("a"), registered("a"))
	y.Batch(registered("a"), registered("b"))
	for id, want := range map[string]int{"a": 4, "b": 2} {
		if got := plgtest.State[counter](y, id).N; got != want {
			t.Errorf("state of %s is %d, want %d", id, got, want)
		}
	}
	if total, _ := plgtest.Record[int](y, "total"); total != 6 {
		t.Errorf("total is %d, want 6", total)
	}
}

func TestAFailingHandlerLeavesNothingAndEndsTheBatch(t *testing.T) {
	ran := 0
	handler := func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		ran++
		if err := tx.Save(counter{1}); err != nil {
			return err
		}
		switch e.Customer.ID {
		case "error":
			return errors.New("it rains")
		case "panic":
			panic("it pours")
		case "impossible":
			tx.Delete("")
		}
		return nil
	}
	for id, want := range map[string]string{"error": "it rains", "panic": "it pours", "impossible": "an empty key"} {
		y := registering(t, handler)
		if got := y.Fault(registered(id)); !strings.Contains(got, want) {
			t.Errorf("%s: the fault says %q", id, got)
		}
		if got := plgtest.State[counter](y, id); got.N != 0 {
			t.Errorf("%s: saved %+v all the same", id, got)
		}
		ran = 0
		y.Handle(registered("fine")) // the plugin lives on
		if ran != 1 {
			t.Errorf("%s: the next event ran %d handlers", id, ran)
		}
	}
}

func TestScanMergesWhatTheBatchWrote(t *testing.T) {
	var seen []string
	y := registering(t, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		switch e.Customer.ID {
		case "write":
			tx.Delete("k/0002")
			return errors.Join(tx.Put("k/0001", "new"), tx.Put("k/0000a", "before"), tx.Put("k/9", "after"), tx.Put("other", "no"))
		case "some":
			for r, err := range sdk.Scan[string](tx, "k/") {
				if err != nil || len(seen) == 2 {
					return err
				}
				seen = append(seen, r.Key+"="+r.Value)
			}
			return nil
		}
		for r, err := range sdk.Scan[string](tx, "k/") {
			if err != nil {
				return err
			}
			seen = append(seen, r.Key+"="+r.Value)
		}
		return nil
	})
	for i := range 600 { // more than two pages
		y.Put("k/"+pad(i), "old")
	}
	y.Put("l", "no")
	y.Batch(registered("write"), registered("all"))
	if len(seen) != 601 { // 600 - 1 deleted + 2 new
		t.Fatalf("%d records", len(seen))
	}
	for i, want := range map[int]string{0: "k/0000=old", 1: "k/0000a=before", 2: "k/0001=new", 3: "k/0003=old", 599: "k/0599=old", 600: "k/9=after"} {
		if seen[i] != want {
			t.Errorf("record %d is %s, want %s", i, seen[i], want)
		}
	}
	seen = nil
	y.Handle(registered("some"))
	if len(seen) != 2 {
		t.Errorf("a scan that was left gave %d records", len(seen))
	}
}

func TestTimeAndRandomnessAreTheSameAgain(t *testing.T) {
	type draw struct {
		N    uint64
		When time.Time
	}
	handler := func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		return tx.Put("draw", draw{tx.Rand().Uint64(), tx.Now()})
	}
	get := func(sequence uint64) draw {
		y := registering(t, handler)
		e := registered("a")
		e.Sequence, e.Time = sequence, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
		y.Handle(e)
		d, _ := plgtest.Record[draw](y, "draw")
		return d
	}
	if a, b := get(7), get(7); a != b || a.When.Nanosecond() != 6 {
		t.Errorf("%v, then %v", a, b)
	}
	if get(7).N == get(8).N {
		t.Error("two events drew the same")
	}
}

func TestEffectsReachTheHost(t *testing.T) {
	p := sdk.New(files("events: {handles: [customer.registered], emits: [plg0900.seen]}"))
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		tx.SetField("talla", "M")
		tx.AddTag("nuevo")
		tx.RemoveTag("viejo")
		tx.Note("llegó")
		tx.ActivateByCode("c1", " 0042 ")
		return errors.Join(
			tx.Send(sdk.Mail{Kind: sdk.Promotional, To: "c1", Template: "x.html", Links: sdk.Links{"baja": tx.OptOutLink("c1"), "activar": tx.ActivationLink("c1")}, Data: map[string]any{"n": 2}}),
			tx.Schedule(sdk.Later{Time: tx.Now().Add(time.Hour), Name: "remind", CustomerID: "c1"}),
			tx.Emit("plg0900.seen", map[string]any{"x": true}),
		)
	})
	y := plgtest.New(t, p)
	e := y.Handle(registered("c1"))
	if e.Fields["talla"] != "M" || e.TagsAdded[0] != "nuevo" || e.TagsRemoved[0] != "viejo" || e.Notes[0] != "llegó" || e.Codes[0] != (plgtest.Code{CustomerID: "c1", Code: "0042"}) {
		t.Errorf("%+v", e)
	}
	if m := e.Mails[0]; m.Kind != sdk.Promotional || !m.Links["baja"].OptOut() || !m.Links["activar"].Activation() || m.Links["baja"].CustomerID() != "c1" || m.Data["n"] != 2.0 {
		t.Errorf("%+v", m)
	}
	if s := e.Scheduled[0]; s.Name != "remind" || !s.Time.Equal(y.Now.Add(time.Hour)) {
		t.Errorf("%+v", s)
	}
	if c := e.Emitted[0]; c.Type != "plg0900.seen" || c.Data["x"] != true || c.Customer.ID != "c1" {
		t.Errorf("%+v", c)
	}
}

func TestImpossibleEffectsAreFaults(t *testing.T) {
	nobody := sdk.CustomerRegistered{}
	for name, test := range map[string]struct {
		event  sdk.CustomerRegistered
		effect func(tx *sdk.Tx) error
	}{
		"save of nobody":        {nobody, func(tx *sdk.Tx) error { return tx.Save(counter{}) }},
		"tag on nobody":         {nobody, func(tx *sdk.Tx) error { tx.AddTag("x"); return nil }},
		"mail to nobody":        {nobody, func(tx *sdk.Tx) error { return tx.Send(sdk.Mail{Kind: sdk.Transactional, Template: "x"}) }},
		"mail without template": {nobody, func(tx *sdk.Tx) error { return tx.Send(sdk.Mail{Kind: sdk.Transactional, To: "c"}) }},
		"mail without kind":     {nobody, func(tx *sdk.Tx) error { return tx.Send(sdk.Mail{To: "c", Template: "x"}) }},
		"mail with a dead link": {nobody, func(tx *sdk.Tx) error {
			return tx.Send(sdk.Mail{Kind: sdk.Transactional, To: "c", Template: "x", Links: sdk.Links{"a": {}}})
		}},
		"mail with a channel": {nobody, func(tx *sdk.Tx) error {
			return tx.Send(sdk.Mail{Kind: sdk.Transactional, To: "c", Template: "x", Data: map[string]any{"c": make(chan int)}})
		}},
		"event of another":       {nobody, func(tx *sdk.Tx) error { return tx.Emit("plg0001.x", nil) }},
		"schedule without name":  {nobody, func(tx *sdk.Tx) error { return tx.Schedule(sdk.Later{Time: tx.Now()}) }},
		"record without key":     {nobody, func(tx *sdk.Tx) error { return tx.Put("", 1) }},
		"record that is a func":  {nobody, func(tx *sdk.Tx) error { return tx.Put("k", func() {}) }},
		"number read as text":    {nobody, func(tx *sdk.Tx) error { tx.Setting("PLG0900Numero").Text(); return nil }},
		"text read as money":     {nobody, func(tx *sdk.Tx) error { tx.Setting("PLG0900Texto").Money(); return nil }},
		"text read as duration":  {nobody, func(tx *sdk.Tx) error { tx.Setting("PLG0900Texto").Duration(); return nil }},
		"record of another kind": {registered("c"), func(tx *sdk.Tx) error { tx.Save("text"); _, err := sdk.State[counter](tx); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			y := registering(t, func(_ context.Context, tx *sdk.Tx, _ sdk.CustomerRegistered) error { return test.effect(tx) })
			y.Fault(test.event)
		})
	}
}

func TestSettingsAreTypedAndFollowChanges(t *testing.T) {
	type values struct {
		Text     string
		Int      int64
		Number   float64
		Money    sdk.Money
		Bool     bool
		Duration time.Duration
		List     string
		Empty    string
	}
	y := registering(t, func(_ context.Context, tx *sdk.Tx, _ sdk.CustomerRegistered) error {
		return tx.Put("values", values{
			tx.Setting("PLG0900Texto").Text(), tx.Setting("PLG0900Numero").Int(), tx.Setting("PLG0900Numero").Number(),
			tx.Setting("PLG0900Importe").Money(), tx.Setting("PLG0900Si").Bool(), tx.Setting("PLG0900Plazo").Duration(),
			strings.Join(tx.Setting("PLG0900Lista").List(), "+"), tx.Setting("PLG0900Vacio").Text(),
		})
	})
	y.Handle(registered("a"))
	want := values{"hola", 7, 7, sdk.Money{Minor: 150, Currency: "EUR"}, true, 72 * time.Hour, "a+b", ""}
	if got, _ := plgtest.Record[values](y, "values"); got != want {
		t.Errorf("defaults %+v", got)
	}
	y.Set("TiendaMoneda", "CLP")
	y.Set("PLG0900Texto", "adiós")
	y.Set("PLG0900Numero", 8)
	y.Set("PLG0900Importe", "2000")
	y.Set("PLG0900Si", false)
	y.Set("PLG0900Plazo", "")
	y.Set("PLG0900Lista", []any{"c"})
	y.Handle(registered("a"))
	want = values{"adiós", 8, 8, sdk.Money{Minor: 2000, Currency: "CLP"}, false, 0, "c", ""}
	if got, _ := plgtest.Record[values](y, "values"); got != want {
		t.Errorf("values %+v", got)
	}
}

func TestActionsSpeakToThePerson(t *testing.T) {
	p := sdk.New(files("actions:\n  - {id: tag, name: {es: Marcar, en: Tag}, form: [{id: n, name: {es: Número, en: Number}, type: number}]}"))
	p.Action("tag", func(_ context.Context, tx *sdk.Tx, press sdk.Press) (sdk.Result, error) {
		tx.AddTag("x")
		n, err := press.Form.Int("n")
		switch {
		case err != nil:
			return sdk.Result{}, sdk.Diagnostic{Summary: "¿cuánto?", Path: "n", Code: "bad"}
		case n == 1:
			return sdk.Result{Message: tx.Text("left", "n", n), Diagnostics: []sdk.Diagnostic{{Severity: sdk.Warning, Summary: "casi"}}}, nil
		case n == 2:
			return sdk.Result{Diagnostics: []sdk.Diagnostic{{Summary: "no"}}}, nil
		}
		return sdk.Done(tx.Text("hello", "name", press.Customer.Name)), nil
	})
	y := plgtest.New(t, p)
	act := func(n string) (sdk.Result, int) {
		r, e := y.Act("tag", sdk.Press{Customer: sdk.Customer{ID: "c", Name: "Ana"}, Form: sdk.Form{"n": n}})
		return r, len(e.TagsAdded)
	}
	if r, done := act(" 3 "); r.Message != "Hola, Ana." || done != 1 {
		t.Errorf("%+v, %d effects", r, done)
	}
	if r, done := act("1"); r.Message != "Queda 1." || done != 1 || r.Diagnostics[0].Severity != sdk.Warning {
		t.Errorf("a warning: %+v, %d effects", r, done)
	}
	for _, n := range []string{"2", "tres"} {
		if r, done := act(n); len(r.Diagnostics) != 1 || r.Diagnostics[0].Severity != sdk.Error || done != 0 {
			t.Errorf("a refusal: %+v, %d effects", r, done)
		}
	}
	y.Language = "en-GB"
	if r, _ := act("0"); r.Message != "Hello, Ana." {
		t.Errorf("in English: %+v", r)
	}
}

func TestPanelsReadAndChangeNothing(t *testing.T) {
	p := sdk.New(files("events: {handles: [customer.registered]}\npanels:\n  - {id: show, name: {es: Ver, en: Show}}\n  - {id: change, name: {es: Cambiar, en: Change}}"))
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, _ sdk.CustomerRegistered) error { return tx.Save(counter{12345}) })
	p.Panel("show", func(_ context.Context, tx *sdk.Tx, c sdk.Customer) (sdk.Panel, error) {
		n, err := sdk.State[counter](tx)
		return sdk.Panel{Rows: []sdk.Row{{Label: c.Name, Value: tx.Number(int64(n.N))}, {Label: "€", Value: tx.Money(sdk.Money{Minor: -123450, Currency: "EUR"})}}}, err
	})
	p.Panel("change", func(_ context.Context, tx *sdk.Tx, c sdk.Customer) (sdk.Panel, error) { return sdk.Panel{}, tx.Save(1) })
	y := plgtest.New(t, p)
	y.Handle(registered("c"))
	rows := y.Panel("show", sdk.Customer{ID: "c", Name: "Ana"}).Rows
	if rows[0] != (sdk.Row{Label: "Ana", Value: "12.345"}) || rows[1].Value != "−1234,50\u00a0€" {
		t.Errorf("%q", rows)
	}
	y.Language = "en"
	rows = y.Panel("show", sdk.Customer{ID: "c", Name: "Ana"}).Rows
	if rows[0].Value != "12,345" || rows[1].Value != "−€1234.50" {
		t.Errorf("%q", rows)
	}
	if got := y.PanelFault("change", sdk.Customer{ID: "c"}); !strings.Contains(got, "changes nothing") {
		t.Errorf("the fault says %q", got)
	}
}

func TestCheckComparesManifestAndProgram(t *testing.T) {
	none := func(context.Context, *sdk.Tx, sdk.CustomerRegistered) error { return nil }
	for name, test := range map[string]struct {
		more string
		make func(*sdk.Plugin)
		want string
	}{
		"an event without handler":  {"events: {handles: [customer.registered]}", func(*sdk.Plugin) {}, "no handler"},
		"a handler without event":   {"", func(p *sdk.Plugin) { sdk.On(p, none) }, "not stand in the manifest"},
		"two handlers":              {"events: {handles: [customer.registered]}", func(p *sdk.Plugin) { sdk.On(p, none); sdk.On(p, none) }, "two handlers"},
		"an action without handler": {"actions: [{id: x, name: {es: X, en: X}}]", func(*sdk.Plugin) {}, `action "x"`},
		"a panel without manifest":  {"", func(p *sdk.Plugin) { p.Panel("x", nil) }, `panel "x"`},
		"a broken manifest":         {"nonsense: 1", func(*sdk.Plugin) {}, "nonsense"},
	} {
		p := sdk.New(files(test.more))
		test.make(p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	half := files("")
	half["locales/en.yaml"].Data = []byte("hello: Hello")
	if err := sdk.New(half).Check(); err == nil || !strings.Contains(err.Error(), `locales/en.yaml lacks "left"`) {
		t.Errorf("a missing sentence: %v", err)
	}
	broken := files("")
	broken["locales/es.yaml"].Data = []byte("a: [1]")
	if err := sdk.New(broken).Check(); err == nil || !strings.Contains(err.Error(), "locales/es.yaml") {
		t.Errorf("a broken locale: %v", err)
	}
}

// stamp is a record that brings its own form.
type stamp struct{ At time.Time }

func (s stamp) MarshalBinary() ([]byte, error)  { return s.At.MarshalBinary() }
func (s *stamp) UnmarshalBinary(b []byte) error { return s.At.UnmarshalBinary(b) }

func TestRecordsKeepTheirOwnForm(t *testing.T) {
	y := registering(t, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		m, err := sdk.State[*plgv1.Money](tx) // any message of protobuf
		if err != nil {
			return err
		}
		m.Minor += 5
		s, found, err := sdk.Get[stamp](tx, "stamp")
		if err != nil || found != (m.Minor > 5) {
			return fmt.Errorf("found %v, %w", found, err)
		}
		s.At = s.At.Add(time.Hour)
		return errors.Join(tx.Put("stamp", s), tx.Save(m))
	})
	y.Batch(registered("a"), registered("a"))
	y.Handle(registered("a"))
	if m := plgtest.State[*plgv1.Money](y, "a"); m.GetMinor() != 15 {
		t.Errorf("the message is %v", m)
	}
	if s, _ := plgtest.Record[stamp](y, "stamp"); !s.At.Equal(time.Time{}.Add(3 * time.Hour)) {
		t.Errorf("the stamp is %v", s.At)
	}
}
