// Package embedded opens a store inside the desktop program, so that one program is all that a single till needs.
// The screens reach it through the same API as a store elsewhere: over the home folder's socket.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host"
	"mostrador/host/api"
	"mostrador/host/locale"
)

// closeTime bounds the closing of a store.
const closeTime = 20 * time.Second

// DefaultHome is the folder of this user's store.
func DefaultHome() (string, error) { return host.DefaultHome() }

// Start opens the store in home and returns a client of it, the address to use with it, and what closes the store.
// Where another program has the store open, that one is used and left as it is.
func Start(ctx context.Context, home, version string) (client *http.Client, address string, stop func(), err error) {
	h, err := open(ctx, home, version)
	stop = func() { closeHost(h) }
	if errors.Is(err, api.ErrRunning) {
		stop, err = func() {}, nil
	}
	if err != nil {
		return nil, "", nil, err
	}
	client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return api.DialLocal(ctx, home) },
	}}
	return client, "http://mostrador", stop, nil
}

// ServeHeadless serves the store in home until ctx ends, for a machine without a display.
func ServeHeadless(ctx context.Context, home, version, language string) error {
	h, err := open(ctx, home, version)
	if err != nil {
		return err
	}
	defer closeHost(h)
	fmt.Println(locale.New().Text(language, "cli.ready", "listen", h.Address(), "web", h.WebAddress(), "home", home))
	<-ctx.Done()
	return nil
}

// open opens the store; where the usual ports are taken, on free ones.
func open(ctx context.Context, home, version string) (*host.Host, error) {
	plugins, err := host.ProgramPlugins()
	if err != nil {
		return nil, err
	}
	options := host.Options{
		Home: home, Version: version, Plugins: []string{plugins}, Listen: host.DefaultListen, WebListen: host.DefaultWebListen,
		Logger: hclog.New(&hclog.LoggerOptions{Name: "mostrador", Level: hclog.Info, Output: os.Stderr}),
	}
	h, err := host.Open(ctx, options)
	if taken := new(net.OpError); errors.As(err, &taken) && taken.Op == "listen" {
		options.Listen, options.WebListen = "127.0.0.1:0", "127.0.0.1:0"
		h, err = host.Open(ctx, options)
	}
	return h, err
}

func closeHost(h *host.Host) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mostrador:", err)
	}
}
