// Command gui is the store application of Mostrador. With --home it runs the store itself, embedded; with
// --connect it is a till of a store that runs elsewhere. Where there is no display it says so and serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"

	"mostrador/gui/embedded"
	"mostrador/gui/locales"
	"mostrador/gui/model"
	"mostrador/gui/shell"
	"mostrador/gui/ui"
)

// version is set when the program is built.
var version = "dev"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mostrador:", err)
		os.Exit(1)
	}
}

func run() error {
	usual, err := embedded.DefaultHome()
	if err != nil {
		return err
	}
	home := flag.String("home", usual, "folder of the store that runs embedded")
	address := flag.String("connect", "", "address of a running store (http://host:port) instead of an embedded one")
	till := flag.String("till", defaultTill(), "name of this till in what is recorded")
	language := flag.String("language", systemLanguage(), "language of the screens: es or en")
	flag.Parse()

	text, err := locales.New(*language, time.Local)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !hasDisplay() {
		fmt.Fprintln(os.Stderr, text.Text("main.nodisplay"))
		if *address != "" {
			return errors.New(text.Text("main.nothing"))
		}
		return embedded.ServeHeadless(ctx, *home, version, text.Language())
	}

	client, base := http.DefaultClient, *address
	if base == "" {
		var end func()
		client, base, end, err = embedded.Start(ctx, *home, version)
		if err != nil {
			return err
		}
		defer end()
	}
	window(ctx, model.Config{HTTP: client, BaseURL: base, Till: *till, Language: text.Language()}, text)
	return nil
}

// window shows the application until it is closed or ctx ends.
func window(ctx context.Context, cfg model.Config, text *locales.Catalog) {
	a := app.NewWithID("io.mostrador.gui")
	a.Settings().SetTheme(ui.NewTheme())
	w := a.NewWindow(text.Text("app.title", "till", cfg.Till))
	m := model.New(cfg)
	desk := ui.NewDesk(ui.Config{Model: m, Text: text, Window: w, Do: fyne.Do, Clock: time.Now, OpenURL: a.OpenURL})

	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { _ = m.Run(ctx) }) // ends with ctx only
	group.Go(func() {
		<-ctx.Done()
		fyne.Do(a.Quit)
	})
	s := shell.New(desk)
	w.SetMaster()
	w.Resize(fyne.NewSize(1280, 800))
	w.CenterOnScreen()
	w.ShowAndRun()
	s.Close()
	cancel()
	desk.Close()
	// The goroutine that quits may wait for a loop that has ended; the program ends now anyway.
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
}

func hasDisplay() bool {
	switch runtime.GOOS {
	case "windows", "darwin":
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

func defaultTill() string {
	if till := os.Getenv("MOSTRADOR_TILL"); till != "" {
		return till
	}
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "1"
}

func systemLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); len(v) >= 2 && v != "C.UTF-8" && v != "POSIX" {
			return v[:2]
		}
	}
	return "es"
}
