// Command plg9008todo is a plugin that does everything a plugin can, for the tests of plgtest.
package main

import (
	"embed"

	"mostrador/sdk/plgtest/testdata/plg9008todo/todo"
)

//go:embed plugin.yaml locales
var files embed.FS

func main() { todo.New(files).Serve() }
