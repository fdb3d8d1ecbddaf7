// Package embedded opens a store inside the desktop program, so that one program is all that a single till needs.
// The screens reach it through the same API as a store elsewhere: over the home folder's socket.
package embedded

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/hashicorp/go-hclog"

	"mostrador/host"
	"mostrador/host/api"
)

// Store is an open store in this process.
type Store struct {
	host *host.Host
	home string
}

// Options say which store to open, and where its customers' pages answer.
type Options struct {
	// Home is the store's folder; empty means this user's.
	Home    string
	Version string
	Logger  hclog.Logger
}

// Open opens the store. Where the usual ports are taken it takes free ones. Its error is api.ErrRunning (wrapped)
// when another program has the store open: then Dial reaches that one.
func Open(ctx context.Context, opt Options) (*Store, error) {
	home := opt.Home
	if home == "" {
		var err error
		if home, err = host.DefaultHome(); err != nil {
			return nil, err
		}
	}
	plugins, err := host.ProgramPlugins()
	if err != nil {
		return nil, err
	}
	options := host.Options{
		Home: home, Plugins: []string{plugins}, Version: opt.Version, Logger: opt.Logger,
		Listen: host.DefaultListen, WebListen: host.DefaultWebListen,
	}
	h, err := host.Open(ctx, options)
	if taken := new(net.OpError); errors.As(err, &taken) && taken.Op == "listen" {
		options.Listen, options.WebListen = "127.0.0.1:0", "127.0.0.1:0"
		h, err = host.Open(ctx, options)
	}
	if err != nil {
		return nil, err
	}
	return &Store{host: h, home: home}, nil
}

// Client returns a client of the store, and the address to use with it.
func (s *Store) Client() (*http.Client, string) { return Dial(s.home) }

// Host is the open store itself, for a program that serves it without a screen.
func (s *Store) Host() *host.Host { return s.host }

// Close closes the store in order.
func (s *Store) Close(ctx context.Context) error { return s.host.Close(ctx) }

// Dial returns a client of whoever has the store in home open, and the address to use with it.
func Dial(home string) (*http.Client, string) {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return api.DialLocal(ctx, home) },
	}}, "http://mostrador"
}
