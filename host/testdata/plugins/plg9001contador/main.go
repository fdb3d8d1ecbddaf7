// Command plg9001contador counts each customer's sales: one write of a record for each event, for benchmarks of
// what lies between an event and that write.
package main

import (
	"context"
	"embed"

	"mostrador/sdk"
)

//go:embed plugin.yaml
var files embed.FS

func main() {
	p := sdk.New(files)
	sdk.On(p, count)
	p.Serve()
}

type counter struct {
	Sales int64 `json:"sales"`
	Minor int64 `json:"minor"`
}

func count(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
	c, err := sdk.State[counter](tx)
	if err != nil {
		return err
	}
	c.Sales++
	c.Minor += e.Sale.Total.Minor
	return tx.Save(c)
}
