// Command idle is a plug-in that takes whatever id the manifest beside it says and does nothing: what its process
// costs is what every plug-in costs.
package main

import (
	"context"
	"os"
	"path/filepath"

	"mostrador/sdk"
)

func main() {
	p := sdk.New(os.DirFS(filepath.Dir(os.Args[0])))
	sdk.On(p, func(context.Context, *sdk.Tx, sdk.SaleCompleted) error { return nil })
	p.Serve()
}
