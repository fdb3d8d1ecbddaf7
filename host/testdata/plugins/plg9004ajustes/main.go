// Command plg9004ajustes judges one of its settings, and breaks over one value.
package main

import (
	"context"
	"embed"
	"os"

	"mostrador/sdk"
)

//go:embed plugin.yaml
var files embed.FS

func main() {
	p := sdk.New(files)
	p.Validate("PLG9004Cola", judge)
	p.Serve()
}

func judge(_ context.Context, tx *sdk.Tx, value sdk.Setting) error {
	switch value.Text() {
	case "mala":
		return sdk.Diagnostic{Severity: sdk.Error, Summary: "Esa cola no existe."}
	case "rara":
		return sdk.Diagnostic{Severity: sdk.Warning, Summary: "Esa cola está parada; en vigor, " + tx.Setting("PLG9004Cola").Text() + "."}
	case "fatal":
		os.Exit(3)
	}
	return nil
}
