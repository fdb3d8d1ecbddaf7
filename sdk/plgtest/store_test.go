package plgtest_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
	"mostrador/sdk/plgtest/testdata/plg9008todo/todo"
)

// The same story at each level of Open: within the test, and as the process that the plugin will be.
func TestAPluginDoesTheSameWithinTheTestAndAsAProcess(t *testing.T) {
	t.Chdir("testdata/plg9008todo")
	for name, process := range map[string]string{"within the test": "", "as a process": "1"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(plgtest.ProcessVariable, process)
			store := plgtest.Open(t, todo.New(os.DirFS(".")))
			ana := store.Register(sdk.Customer{Name: "Ana", Phone: "+34600111222"})
			store.Sell("T-1", ana.ID, "12.50")
			chart := func(n float64) sdk.Panel {
				return sdk.Panel{Chart: &sdk.Chart{
					Kind: sdk.Line, Labels: []string{"hoy"}, Unit: "ventas", Series: []sdk.Series{{Name: "n", Values: []float64{n}}},
				}}
			}
			store.Within("the sale is counted", func() bool {
				return reflect.DeepEqual(store.Panel("PLG9008", "curva", ana.ID), chart(1))
			})
			want := sdk.Panel{Table: &sdk.Table{
				Columns: []sdk.Column{{Label: "Recibo"}, {Label: "Importe", Number: true}}, Rows: [][]string{{"sale/T-1", "12.50"}},
			}}
			if got := store.Report("PLG9008", "ventas"); !reflect.DeepEqual(got, want) {
				t.Errorf("the report is %+v", got)
			}
			if got := store.Press("PLG9008", "abrir", ana.ID, nil); got.Message != "Ana" || got.Open != sdk.Sheet(ana.ID) {
				t.Errorf("the button said %+v", got)
			}

			if err := store.TrySet("PLG9008Limite", 3); err == nil || !strings.Contains(err.Error(), "par") {
				t.Errorf("3 was met with %v", err)
			}
			if got := store.Health("PLG9008"); got != nil {
				t.Errorf("health: %+v", got)
			}
			store.Set("PLG9008Limite", 0)
			if got := store.Health("PLG9008"); len(got) != 1 || got[0].Severity != sdk.Warning || got[0].Detail != "1" {
				t.Errorf("health: %+v", got)
			}
			if parked := store.Parked(); parked != nil {
				t.Errorf("parked: %v", parked)
			}
		})
	}
}
