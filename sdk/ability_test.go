package sdk_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// able is the folder of a plugin of protocol 2 whose manifest goes on with more.
func able(more string) fstest.MapFS {
	f := files(more)
	f["plugin.yaml"].Data = []byte(strings.Replace(string(f["plugin.yaml"].Data), "api: 1", "api: [1, 2]", 1))
	return f
}

type purse struct{ Points, Cents int }

// migrating is a plugin whose version 2 counts cents where version 1 counted points.
func migrating() *sdk.Plugin {
	p := sdk.New(able(""))
	p.Migrate(func(_ context.Context, tx *sdk.Tx, from, to string) error {
		if from != "1.0.0" {
			return errors.New("unknown version " + from)
		}
		for r, err := range sdk.States[purse](tx) {
			if err != nil {
				return err
			}
			if err := tx.SaveOf(r.Key, purse{Cents: r.Value.Points * 100}); err != nil {
				return err
			}
		}
		customers := 0
		for r, err := range sdk.States[purse](tx) { // it reads what it has just written
			if err != nil {
				return err
			}
			if r.Value.Points != 0 {
				return errors.New("an old record is left")
			}
			customers++
		}
		tx.Delete("old")
		return tx.Put("customers", customers)
	})
	return p
}

func TestAMigrationBringsAllRecordsToTheNewVersion(t *testing.T) {
	y := plgtest.New(t, migrating())
	y.Put("old", 1)
	for i := range 700 { // more than two pages
		y.PutState("c"+pad(i), purse{Points: i})
	}
	y.Migrate("1.0.0", "2.0.0")
	if got := plgtest.State[purse](y, "c0007"); got != (purse{Cents: 700}) {
		t.Errorf("the record became %+v", got)
	}
	if n, _ := plgtest.Record[int](y, "customers"); n != 700 || len(y.Customers()) != 700 {
		t.Errorf("%d records seen, %d kept", n, len(y.Customers()))
	}
	if !slices.Equal(y.Keys(), []string{"customers"}) {
		t.Errorf("the keyspace holds %v", y.Keys())
	}
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	y := plgtest.New(t, migrating())
	y.PutState("a", purse{Points: 1})
	if said := y.MigrateFault("0.9.0", "2.0.0"); !strings.Contains(said, "unknown version") {
		t.Errorf("it said %q", said)
	}
	if got := plgtest.State[purse](y, "a"); got != (purse{Points: 1}) {
		t.Errorf("the record became %+v", got)
	}
}

func TestAMigrationBeyondOneMessageIsAFaultThatSaysSo(t *testing.T) {
	p := sdk.New(able(""))
	p.Migrate(func(_ context.Context, tx *sdk.Tx, _, _ string) error {
		return tx.Put("all", strings.Repeat("x", wire.MaxMessage))
	})
	if said := plgtest.New(t, p).MigrateFault("1.0.0", "2.0.0"); !strings.Contains(said, "one message") {
		t.Errorf("it said %q", said)
	}
}

func TestRecordsOfOthersAreForMigrationsOnly(t *testing.T) {
	for name, do := range map[string]func(tx *sdk.Tx) error{
		"save": func(tx *sdk.Tx) error { return tx.SaveOf("b", 1) },
		"read": func(tx *sdk.Tx) error {
			for _, err := range sdk.States[int](tx) {
				return err
			}
			return nil
		},
	} {
		y := registering(t, func(_ context.Context, tx *sdk.Tx, _ sdk.CustomerRegistered) error { return do(tx) })
		if said := y.Fault(registered("a")); !strings.Contains(said, "migrations only") {
			t.Errorf("%s: it said %q", name, said)
		}
	}
}

func TestAHealthCheckSaysWhatAPersonCanMend(t *testing.T) {
	broken := sdk.Diagnostic{Summary: "Falta el servidor.", Path: "PLG0900Texto"}
	slow := sdk.Diagnostic{Severity: sdk.Warning, Summary: "Responde despacio.", Blame: sdk.FaultOutside}
	for name, test := range map[string]struct {
		err  error
		want []sdk.Diagnostic
	}{
		"healthy": {nil, nil},
		"one":     {broken, []sdk.Diagnostic{{Severity: sdk.Error, Summary: broken.Summary, Path: broken.Path}}},
		"joined":  {errors.Join(slow, broken), []sdk.Diagnostic{slow, {Severity: sdk.Error, Summary: broken.Summary, Path: broken.Path}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := sdk.New(able(""))
			p.HealthCheck(func(context.Context, *sdk.Tx) error { return test.err })
			if got := plgtest.New(t, p).Health(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestValidationSeesTheNewValueAndTheOthers(t *testing.T) {
	validated := strings.Replace(string(able("")["plugin.yaml"].Data), "type: number, default: 7}", "type: number, default: 7, validate: true}", 1)
	p := sdk.New(fstest.MapFS{"plugin.yaml": {Data: []byte(validated)}})
	p.Validate("PLG0900Numero", func(_ context.Context, tx *sdk.Tx, value sdk.Setting) error {
		if value.Int() <= tx.Setting("PLG0900Numero").Int() {
			return sdk.Diagnostic{Summary: "Debe crecer.", Path: value.Key()}
		}
		return nil
	})
	y := plgtest.New(t, p)
	if got := y.Validate("PLG0900Numero", 8); got != nil {
		t.Errorf("8 was met with %+v", got)
	}
	got := y.Validate("PLG0900Numero", 7)
	if len(got) != 1 || got[0].Path != "PLG0900Numero" || got[0].Summary != "Debe crecer." {
		t.Errorf("7 was met with %+v", got)
	}
}

// conversation hands a plugin one piece of work and returns its answer.
type conversation struct {
	plgv1.Plugin_WorkServer
	t       *testing.T
	request *plgv1.WorkRequest
	answer  *plgv1.WorkResponse
}

func (c *conversation) Context() context.Context { return c.t.Context() }

func (c *conversation) Recv() (*plgv1.WorkRequest, error) {
	if c.request == nil {
		return nil, errors.New("no more")
	}
	r := c.request
	c.request = nil
	return r, nil
}

func (c *conversation) Send(w *plgv1.WorkResponse) error {
	c.answer = w
	return nil
}

func ask(t *testing.T, p *sdk.Plugin, r *plgv1.WorkRequest) *plgv1.WorkResponse {
	t.Helper()
	c := &conversation{t: t, request: r}
	_ = sdk.Server(p).Work(c) // ends with Recv's error
	if c.answer == nil {
		t.Fatal("no answer")
	}
	return c.answer
}

func TestAFaultSaysWhoseItIs(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want plgv1.Blame
	}{
		"a mistake":       {errors.New("oh"), plgv1.Blame_BLAME_PLUGIN},
		"a gateway":       {sdk.Blamed(sdk.FaultOutside, errors.New("no route")), plgv1.Blame_BLAME_OUTSIDE},
		"some diagnostic": {errors.Join(sdk.Diagnostic{Summary: "x"}, sdk.Blamed(sdk.FaultOfStore, errors.New("y"))), plgv1.Blame_BLAME_STORE},
	} {
		t.Run(name, func(t *testing.T) {
			p := sdk.New(able(""))
			p.HealthCheck(func(context.Context, *sdk.Tx) error { return test.err })
			fault := ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Check{Check: &plgv1.CheckCall{}}}).GetCheck().GetFault()
			if fault.GetBlame() != test.want {
				t.Errorf("%v", fault)
			}
		})
	}
	if sdk.WhoseFault(sdk.Diagnostic{}) != sdk.FaultOfPerson || sdk.Blamed(sdk.FaultOutside, nil) != nil {
		t.Error("a diagnostic is of the person, and no error of nobody")
	}
}

func TestHealthAndValidationChangeNothing(t *testing.T) {
	p := sdk.New(able(""))
	p.HealthCheck(func(_ context.Context, tx *sdk.Tx) error { tx.Delete("x"); return nil })
	done := ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Check{Check: &plgv1.CheckCall{}}}).GetCheck()
	if !strings.Contains(done.GetFault().GetMessage(), "changes nothing") {
		t.Errorf("%v", done)
	}
}

func TestWorkThatAPluginCannotDoIsAFault(t *testing.T) {
	p := sdk.New(able(""))
	for name, fault := range map[string]*plgv1.Fault{
		"migrate":  ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Migrate{Migrate: &plgv1.MigrateCall{}}}).GetMigrate().GetFault(),
		"check":    ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Check{Check: &plgv1.CheckCall{}}}).GetCheck().GetFault(),
		"validate": ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Validate{Validate: &plgv1.ValidateCall{Key: "X"}}}).GetValidate().GetFault(),
	} {
		if !strings.Contains(fault.GetMessage(), name) {
			t.Errorf("%s: %v", name, fault)
		}
	}
}

func TestTheBestCommonProtocolIsSpoken(t *testing.T) {
	healthy := func(f fstest.MapFS) *sdk.Plugin {
		p := sdk.New(f)
		p.HealthCheck(func(context.Context, *sdk.Tx) error { return nil })
		return p
	}
	two := files("")
	two["plugin.yaml"].Data = []byte(strings.Replace(string(two["plugin.yaml"].Data), "api: 1", "api: 2", 1))
	for name, test := range map[string]struct {
		plugin    *sdk.Plugin
		host      []int32
		api       int32 // 0: they cannot speak
		abilities []string
	}{
		"both new":                       {healthy(able("")), []int32{2, 1}, 2, []string{"check", "rehearse"}},
		"a host of the first":            {healthy(able("")), []int32{1}, 1, nil},
		"a host of the future":           {healthy(able("")), []int32{3, 2}, 2, []string{"check", "rehearse"}},
		"a manifest of the first":        {sdk.New(files("")), []int32{2, 1}, 1, nil},
		"a manifest without the first":   {healthy(two), []int32{1}, 0, nil},
		"nothing in common whatever now": {healthy(two), []int32{3}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := sdk.Server(test.plugin).Describe(t.Context(), &plgv1.DescribeRequest{Api: test.host})
			if (err != nil) != (test.api == 0) || d.GetApi() != test.api || !slices.Equal(d.GetAbilities(), test.abilities) {
				t.Errorf("%v, %v", d, err)
			}
		})
	}
}

func TestAbilitiesMustFitTheManifest(t *testing.T) {
	for name, test := range map[string]struct {
		make func() *sdk.Plugin
		want string
	}{
		"an ability of protocol 2 under protocol 1": {func() *sdk.Plugin {
			p := sdk.New(files(""))
			p.HealthCheck(func(context.Context, *sdk.Tx) error { return nil })
			return p
		}, "list it in the manifest under api"},
		"a validated setting that does not ask for it": {func() *sdk.Plugin {
			p := sdk.New(able(""))
			p.Validate("PLG0900Texto", func(context.Context, *sdk.Tx, sdk.Setting) error { return nil })
			return p
		}, `"PLG0900Texto" has a handler and does not stand in the manifest`},
		"two migrations": {func() *sdk.Plugin {
			p := migrating()
			p.Migrate(func(context.Context, *sdk.Tx, string, string) error { return nil })
			return p
		}, "two handlers for Migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.make().Check(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

const panels = `panels:
  - {id: lines, name: L, where: [report]}
  - {id: grid, name: G, kind: table, where: [report]}
  - {id: bars, name: B, kind: chart, where: [report]}
`

// showing is a plugin whose panels of every kind show the same content.
func showing(content sdk.Panel) *sdk.Plugin {
	p := sdk.New(able(panels))
	for _, id := range []string{"lines", "grid", "bars"} {
		p.Panel(id, func(_ context.Context, _ *sdk.Tx, c sdk.Customer) (sdk.Panel, error) {
			if c.Known() {
				return sdk.Panel{}, errors.New("a report is of nobody")
			}
			return content, nil
		})
	}
	return p
}

func TestPanelsArriveInTheKindOfTheirManifest(t *testing.T) {
	rows := sdk.Panel{Rows: []sdk.Row{{Label: "Puntos", Value: "7"}}}
	table := sdk.Panel{Table: &sdk.Table{
		Columns: []sdk.Column{{Label: "Mes"}, {Label: "Ventas", Number: true}}, Rows: [][]string{{"enero", "12"}, {"febrero", "9"}},
	}}
	chart := sdk.Panel{Chart: &sdk.Chart{
		Kind: sdk.Line, Labels: []string{"enero", "febrero"}, Unit: "EUR",
		Series: []sdk.Series{{Name: "2025", Values: []float64{1, 2.5}}, {Name: "2026", Values: []float64{3, 0}}},
	}}
	for id, content := range map[string]sdk.Panel{"lines": rows, "grid": table, "bars": chart} {
		y := plgtest.New(t, showing(content))
		if got := y.Panel(id, sdk.Customer{}); !reflect.DeepEqual(got, content) {
			t.Errorf("%s: got %+v", id, got)
		}
		for _, other := range []string{"lines", "grid", "bars"} {
			if other != id {
				if said := y.PanelFault(other, sdk.Customer{}); !strings.Contains(said, "its manifest says") {
					t.Errorf("%s in place of %s: it said %q", id, other, said)
				}
			}
		}
	}
	for _, id := range []string{"lines", "grid", "bars"} { // nothing to show is no mistake
		plgtest.New(t, showing(sdk.Panel{})).Panel(id, sdk.Customer{})
	}
}

func TestWhatNoScreenCouldDrawIsAFault(t *testing.T) {
	for id, content := range map[string]sdk.Panel{
		"grid": {Table: &sdk.Table{Columns: []sdk.Column{{Label: "Mes"}}, Rows: [][]string{{"enero", "12"}}}},
		"bars": {Chart: &sdk.Chart{Labels: []string{"enero"}, Series: []sdk.Series{{Values: []float64{math.NaN()}}}}},
	} {
		plgtest.New(t, showing(content)).PanelFault(id, sdk.Customer{})
	}
	short := sdk.Panel{Chart: &sdk.Chart{Labels: []string{"enero"}, Series: []sdk.Series{{Name: "2026"}}}}
	plgtest.New(t, showing(short)).PanelFault("bars", sdk.Customer{})
}

func TestAResultOpensASheetOrAPage(t *testing.T) {
	for open, right := range map[string]bool{
		"": true, sdk.Sheet("c1"): true, "https://example.com/x": true,
		sdk.Sheet(""): false, "http://example.com": false, "file:///etc/passwd": false, "javascript:1": false,
	} {
		p := sdk.New(able("actions: [{id: open, name: Abrir, where: [menu]}]"))
		p.Action("open", func(context.Context, *sdk.Tx, sdk.Press) (sdk.Result, error) { return sdk.Result{Open: open}, nil })
		done := ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Action{Action: &plgv1.ActionCall{Action: "open"}}}).GetAction()
		if (done.GetFault() == nil) != right || right && done.GetResult().GetOpen() != open {
			t.Errorf("%q: %v", open, done)
		}
	}
}
