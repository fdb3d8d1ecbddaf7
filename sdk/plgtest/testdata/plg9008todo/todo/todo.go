// Package todo is what plg9008todo does.
package todo

import (
	"context"
	"fmt"
	"io/fs"

	"mostrador/sdk"
)

// New makes the plugin from its folder.
func New(files fs.FS) *sdk.Plugin {
	p := sdk.New(files)
	sdk.On(p, greet)
	sdk.On(p, count)
	p.Action("abrir", open)
	p.Panel("ventas", sales)
	p.Panel("curva", curve)
	p.HealthCheck(health)
	p.Validate("PLG9008Limite", limit)
	return p
}

func greet(_ context.Context, tx *sdk.Tx, _ sdk.CustomerRegistered) error {
	tx.Note("hola")
	return nil
}

func count(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
	n, err := sdk.State[int](tx)
	if err != nil || !e.Customer.Known() {
		return err
	}
	if err := tx.Put("sale/"+e.Sale.Receipt, e.Sale.Total.Decimal()); err != nil {
		return err
	}
	return tx.Save(n + 1)
}

func open(_ context.Context, _ *sdk.Tx, press sdk.Press) (sdk.Result, error) {
	return sdk.Result{Message: press.Customer.Name, Open: sdk.Sheet(press.Customer.ID)}, nil
}

func sales(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
	t := &sdk.Table{Columns: []sdk.Column{{Label: "Recibo"}, {Label: "Importe", Number: true}}}
	for r, err := range sdk.Scan[string](tx, "sale/") {
		if err != nil {
			return sdk.Panel{}, err
		}
		t.Rows = append(t.Rows, []string{r.Key, r.Value})
	}
	return sdk.Panel{Table: t}, nil
}

func curve(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
	n, err := sdk.State[int](tx)
	return sdk.Panel{Chart: &sdk.Chart{
		Kind: sdk.Line, Labels: []string{"hoy"}, Unit: "ventas", Series: []sdk.Series{{Name: "n", Values: []float64{float64(n)}}},
	}}, err
}

func health(_ context.Context, tx *sdk.Tx) error {
	n := int64(0)
	for _, err := range sdk.Scan[string](tx, "sale/") {
		if err != nil {
			return err
		}
		n++
	}
	if limit := tx.Setting("PLG9008Limite").Int(); n > limit {
		return sdk.Diagnostic{Severity: sdk.Warning, Summary: tx.Text("many"), Detail: fmt.Sprint(n)}
	}
	return nil
}

func limit(_ context.Context, tx *sdk.Tx, value sdk.Setting) error {
	if value.Int()%2 != 0 {
		return sdk.Diagnostic{Summary: tx.Text("odd"), Path: value.Key()}
	}
	return nil
}
