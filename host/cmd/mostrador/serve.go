package main

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"
	bbolt "go.etcd.io/bbolt/errors"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host"
	"mostrador/host/api"
)

const (
	// settleTime bounds how long a command that opened the store waits for what it set off: events that
	// plug-ins handle, mails that leave. What is left is done the next time that the store opens.
	settleTime = 5 * time.Second
	// closeTime bounds the closing of a store.
	closeTime = 20 * time.Second
)

// Run serves the home folder until ctx ends.
func (c *serveCmd) Run(ctx context.Context, s *session) error {
	home, err := s.homeFolder()
	if err != nil {
		return err
	}
	h, err := s.open(ctx, home, host.Options{Listen: c.Listen, WebListen: c.WebListen, Logger: s.logger("info")})
	if err != nil {
		return s.unopened(home, err)
	}
	s.print("ready", "listen", h.Address(), "web", h.WebAddress(), "home", home)
	<-ctx.Done()
	return closeHost(ctx, h)
}

// Run says the program's version.
func (c *versionCmd) Run(s *session) error {
	said, err := structpb.NewStruct(map[string]any{"version": version})
	if err != nil {
		return err
	}
	return s.answer(said, func() { s.print("version", "version", version) })
}

// ownHost is a host that a command opened because none ran.
type ownHost struct{ *host.Host }

// openHost opens the store in this process, for the time of one command.
func (s *session) openHost(ctx context.Context, home string) (*ownHost, error) {
	h, err := s.open(ctx, home, host.Options{Logger: s.logger("error")})
	if err != nil {
		return nil, err
	}
	return &ownHost{h}, nil
}

func (s *session) open(ctx context.Context, home string, opt host.Options) (*host.Host, error) {
	opt.Home, opt.Version = home, version
	dir := s.Plugins
	if dir == "" {
		var err error
		if dir, err = host.ProgramPlugins(); err != nil {
			return nil, err
		}
	}
	opt.Plugins = []string{dir}
	return host.Open(ctx, opt)
}

// settle waits until what the command set off is done, and closes the store.
func (o *ownHost) settle(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, settleTime)
	err := o.Idle(wait)
	cancel()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil // it is on disk and goes on with the next start
	}
	return errors.Join(err, closeHost(ctx, o.Host))
}

// closeHost closes a store although the command itself was told to end.
func closeHost(ctx context.Context, h *host.Host) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	return h.Close(ctx)
}

// inUse reports whether a home folder could not be opened because another process has it.
func inUse(err error) bool {
	return errors.Is(err, api.ErrRunning) || errors.Is(err, bbolt.ErrTimeout)
}

// unopened says why a home folder cannot be opened.
func (s *session) unopened(home string, err error) error {
	if inUse(err) {
		return s.fault("home_in_use", "home", home)
	}
	return s.fault("home_unopened", "home", home, "problem", err)
}

// logger writes to standard error; usual is the level where none was asked for.
func (s *session) logger(usual string) hclog.Logger {
	level := s.Log
	if level == "" {
		level = usual
	}
	return hclog.New(&hclog.LoggerOptions{Name: "mostrador", Level: hclog.LevelFromString(level), Output: s.err})
}
