// Command plg9011correo answers each sale with a mail, for benchmarks of what lies between an event and the mail
// server: an answer to the customer when the receipt begins with R, advertising otherwise.
package main

import (
	"context"
	"embed"
	"strings"

	"mostrador/sdk"
)

//go:embed plugin.yaml
var files embed.FS

func main() {
	p := sdk.New(files)
	sdk.On(p, write)
	p.Serve()
}

func write(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
	kind := sdk.Promotional
	if strings.HasPrefix(e.Sale.Receipt, "R") {
		kind = sdk.Transactional
	}
	return tx.Send(sdk.Mail{
		Kind: kind, To: e.Customer.ID, Template: "templates/campana.html",
		Links: sdk.Links{"baja": tx.OptOutLink(e.Customer.ID)},
	})
}
