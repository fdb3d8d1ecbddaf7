// Command mostrador is the store's server and its command line, in one static binary.
//
// "serve" opens a home folder and serves it: the API on one address, the customers' web pages on another, and
// both until it is told to end. Every other verb is a call of that API. It reaches the host through the socket
// in the home folder, where whoever may open the folder is the local administrator; where no host runs, the
// command opens the store itself, does its work, waits until plug-ins and mail have settled, and closes.
//
// The exit code is 0 when it was done, 1 when it was refused, 2 when the command line itself is wrong. Words
// come from the translation files of host/locale under "cli", help texts included: a command, flag or argument
// is named in grammar.go and explained there.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}
