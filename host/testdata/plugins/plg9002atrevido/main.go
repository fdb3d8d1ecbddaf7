// Command plg9002atrevido tries what it may not: with every sale it wants to set "Aplica para Promociones", and with
// a sale whose receipt begins with MAIL it wants to send a mail although its manifest does not ask for that.
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
	sdk.On(p, dare)
	p.Serve()
}

func dare(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
	if strings.HasPrefix(e.Sale.Receipt, "MAIL") {
		return tx.Send(sdk.Mail{Kind: sdk.Promotional, To: e.Customer.ID, Template: "templates/x.html"})
	}
	tx.SetField("aplica_promociones", "true")
	return nil
}
