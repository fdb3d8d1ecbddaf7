// Command plg9003mudanza is one program for many versions of a plug-in that counts each customer's purchases, for
// tests of what happens when a version changes. It takes its version from the manifest of the package that it lies in,
// and behaves by it: from 1.1.0 on its records have another form, 1.2.0 says that it is ill, 1.3.0 crashes with the
// first event, 1.4.0 cannot migrate, and 1.5.0 does not start.
package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"mostrador/sdk"
	"mostrador/sdk/manifest"
)

func main() {
	files, version := packageFiles()
	if version == "1.5.0" {
		os.Stderr.WriteString("no me da la gana\n")
		os.Exit(1)
	}
	p := sdk.New(files)
	modern := version != "1.0.0"
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
		if version == "1.3.0" {
			os.Exit(7)
		}
		if modern {
			c, err := sdk.State[counted](tx)
			if err != nil {
				return err
			}
			if c.N != 0 {
				return errors.New("a record that was not migrated")
			}
			c.Purchases++
			return tx.Save(c)
		}
		c, err := sdk.State[counted](tx)
		if err != nil {
			return err
		}
		if c.Purchases != 0 {
			return errors.New("a record of a newer version")
		}
		c.N++
		return tx.Save(c)
	})
	if modern {
		p.Migrate(func(_ context.Context, tx *sdk.Tx, from, to string) error {
			if version == "1.4.0" {
				return errors.New("no sé leer los registros de " + from)
			}
			for r, err := range sdk.States[counted](tx) {
				if err != nil {
					return err
				}
				if err := tx.SaveOf(r.Key, counted{Purchases: r.Value.N + r.Value.Purchases}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	p.HealthCheck(func(context.Context, *sdk.Tx) error {
		if version == "1.2.0" {
			return sdk.Diagnostic{Severity: sdk.Error, Summary: "Me falta una pieza."}
		}
		return nil
	})
	p.Serve()
}

// counted is N in version 1.0.0, Purchases in later ones.
type counted struct {
	N         int `json:"n,omitempty"`
	Purchases int `json:"purchases,omitempty"`
}

// packageFiles are the files of the package that the program lies in, however deep.
func packageFiles() (fs.FS, string) {
	dir, err := os.Executable()
	for err == nil && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
		data, unread := os.ReadFile(filepath.Join(dir, "plugin.yaml"))
		if unread != nil {
			continue
		}
		m, err := manifest.Parse(data, "plugin.yaml")
		if err != nil {
			break
		}
		return os.DirFS(dir), m.Version
	}
	os.Stderr.WriteString("the package is not found\n")
	os.Exit(1)
	return nil, ""
}
